"""What an import keeps as comments of the runbook, and what it says of the playbook as a whole.

Nothing is dropped in silence: each property stands in the runbook, in a comment of it, or in the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from irkit.runbook.cacao.extension import EXTENSION
from irkit.runbook.cacao.shape import Playbook, items, pointer, table, text, texts
from irkit.runbook.cacao.translate import Loss, reference, step_at
from irkit.runbook.cacao.words import NOTED, WITHHELD, cut, listed, one_line, said, secret_header, title
from irkit.runbook.source import Node

Inputs = Mapping[str, tuple[str, Mapping[str, Any]]]        # variable -> the input's name and its keys
DERIVED = ("playbook_types", "playbook_activities")         # what irkit writes into an export and does not need to read
UNUSED = (*DERIVED, "derived_from", "related_to", "priority", "severity", "impact", "industry_sectors", "labels", "valid_from",
          "valid_until")
HOLDERS = {"agent_definitions": "agent_target_extensions", "target_definitions": "agent_target_extensions",
           "data_marking_definitions": "marking_extensions"}


def markings(playbook: Playbook) -> Iterator[str]:
    """What each marking is called, in order."""
    known = playbook.table("data_marking_definitions")
    for marking in texts(playbook.root, "markings"):
        node = known.get(marking)
        words = node and (text(node, "tlpv2_level") or text(node, "statement") or text(node, "name") or text(node, "tlp_level"))
        yield one_line(words) if words else marking


def comments(playbook: Playbook, raw: bytes) -> Iterator[str]:
    """Where the runbook is from, and how it may be shared."""
    yield f"From the CACAO playbook {playbook.text('id')}, modified {playbook.text('modified')}, " \
          f"created {playbook.text('created')} by {playbook.text('created_by')}."
    digest = hashlib.sha256(raw).hexdigest()                # in groups: lint takes a long word of digits for a secret
    yield f"SHA-256 of that file: {' '.join(digest[at:at + 16] for at in range(0, 64, 16))}"
    yield from (f"Marked: {marking}" for marking in markings(playbook))


def notes(playbook: Playbook, known: Collection[str]) -> list[tuple[str, str]]:
    """Pointer and words of what has no key in a runbook and is worth keeping: references of the whole, how to reach people,
    what a marking asks for."""
    found = []
    for position, one in enumerate(items(playbook.root, "external_references")):
        if (ref := reference(one)) not in known:
            found.append((f"/external_references/{position}", f"See {ref}" + (
                f" ({listed(one, ['description'], NOTED)})" if text(one, "description") else "")))
    for key, used in _used(playbook).items():
        for name, one in playbook.table(key).items():
            more = listed(one, [part.value for part, value in one.pairs if _keeps(part.value, value)], NOTED)
            if more and name in used:
                found.append((pointer(key, name), f"{one_line(text(one, 'name')) or name}: {more}"))
    return found


def _keeps(key: str, value: Node) -> bool:
    """Whether a property of an agent or a marking says more than the runbook does without it."""
    known = ("type", "id", "name", "address", "authentication_info", "created_by", "created", "statement", "tlpv2_level")
    return key not in known and not key.endswith("_extensions") and (key, value.value) != ("revoked", "false")


def _used(playbook: Playbook) -> dict[str, set[str]]:
    """The agents and targets that a step names, and the markings of the playbook."""
    steps = playbook.workflow.values()
    return {"agent_definitions": {text(step, "agent") for step in steps},
            "target_definitions": {target for step in steps for target in texts(step, "targets")},
            "data_marking_definitions": set(texts(playbook.root, "markings"))}


def lost(playbook: Playbook, inputs: Inputs | None) -> Iterator[Loss]:
    """What is said of the playbook as a whole. `inputs`: None for an export of irkit's, which brings its own."""
    if text(playbook.root, "revoked") == "true":
        yield Loss("lost", "/revoked", "its author revoked this playbook: it is no longer valid")
    for marking in markings(playbook):
        yield Loss("changed", "/markings", f"marked {marking}: a comment of the runbook says so, and nothing enforces it")
    if playbook.root.get("signatures"):
        yield Loss("lost", "/signatures", "its signatures: irkit does not check them, and they do not cover the runbook")
    if playbook.root.get("authentication_info_definitions"):
        yield Loss("lost", "/authentication_info_definitions", "credentials are never taken over: irkit connect")
    if inputs is not None and title(called := one_line(playbook.text("name"))) != called:
        yield Loss("lost", "/name", f"its end: the title is {title(called)}")
    yield from _lost_variables(playbook, inputs) if inputs is not None else ()
    yield from (Loss("lost", f"/{key}", words) for key in UNUSED
                if (words := listed(playbook.root, [key])) and not (inputs is None and key in DERIVED))
    yield from _lost_definitions(playbook)
    for where, node in playbook.unknown.items():
        words = cut(said(node, where.rpartition("/")[2]))
        yield Loss("lost", where, f"a property that CACAO 2.0 does not have: {words}", step_at(playbook, where))
    for name, step in playbook.workflow.items():
        for position, command in enumerate(items(step, "commands")):
            if any(map(secret_header, table(command, "headers"))):
                where = pointer("workflow", name, "commands", str(position), "headers")
                yield Loss("lost", where, WITHHELD, step_at(playbook, where))


def _lost_definitions(playbook: Playbook) -> Iterator[Loss]:
    """Those that nothing names, and extensions of others."""
    for key, used in _used(playbook).items():
        yield from (Loss("lost", pointer(key, name), f"{one_line(text(one, 'name')) or text(one, 'type')}: nothing names it")
                    for name, one in playbook.table(key).items() if name not in used)
    for name, one in playbook.table("extension_definitions").items():
        if name != EXTENSION:
            yield Loss("lost", pointer("extension_definitions", name),
                       f"an extension that irkit does not know: {listed(one, ('name', 'description', 'schema', 'version'))}")
    holders = [((), playbook.root, "playbook_extensions"),
               *(((key, name), one, extensions) for key, extensions in HOLDERS.items()
                 for name, one in playbook.table(key).items())]
    yield from (Loss("lost", pointer(*at, key, name), "an extension that irkit does not know")
                for at, holder, key in holders for name in table(holder, key) if name != EXTENSION)


def _lost_variables(playbook: Playbook, inputs: Inputs) -> Iterator[Loss]:
    set_here = {variable for step in playbook.workflow.values() for variable in texts(step, "out_args")}
    for variable, node in playbook.table("playbook_variables").items():
        where = pointer("playbook_variables", variable)
        if variable not in inputs:
            yield Loss("changed" if variable in set_here else "lost", where, "set by a step: it stands in the texts by its name"
                       if variable in set_here else "no text names it")
            continue
        name, asked = inputs[variable]
        if (value := node.get("value")) and not value.is_null and "default" not in asked:
            why = WITHHELD if value.kind == "scalar" else "(withheld: it is no text)"
            yield Loss("lost", where, f"the value of {name} {why}")
        if text(node, "constant") == "true":
            yield Loss("changed", where, f"a constant, which the input {name} is not: it is asked for")
        if text(node, "type") not in ("string", "integer", "long"):
            yield Loss("changed", where, f"asked for as text, not as {one_line(text(node, 'type'))[:40]}: the input {name}")
