"""A playbook's bytes as the text of a runbook, with a report of what was lost. Raises RunbookError for what is broken."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from irkit.errors import RunbookError
from irkit.runbook.cacao import parse, shape
from irkit.runbook.cacao.emit import emit
from irkit.runbook.cacao.extension import EXTENSION, NATIVE_RUNBOOK, VERSION
from irkit.runbook.cacao.flow import straighten
from irkit.runbook.cacao.report import comments, lost, markings, notes
from irkit.runbook.cacao.shape import Playbook, items, pointer, stop, table, text, texts
from irkit.runbook.cacao.translate import Loss, Translation, extension
from irkit.runbook.cacao.words import inside, one_line, quoted, slug, title, uses
from irkit.runbook.lint.secrets import secret_name
from irkit.runbook.load import load_bytes
from irkit.runbook.source import MAX_BYTES, Mistakes, Node, plain

Json = dict[str, Any]
NAMES = re.compile(r"[a-z][a-z0-9_]{0,63}")
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,14})")


class Imported(Struct, frozen=True):
    """`markings`: how the playbook may be shared; `acting`: steps that send something; `scenarios`: texts of files by name."""

    name: str
    text: str
    losses: Sequence[Loss]
    markings: Sequence[str]
    acting: Sequence[str]
    scenarios: Mapping[str, str]


def read(raw: bytes, path: str, name: str = "") -> Imported:
    """The runbook that a playbook makes, under a name of its own or the one given. `path` stands in messages."""
    mistakes = Mistakes(path, raw)
    playbook = shape.read(parse.compose(raw, mistakes), mistakes)
    flow = straighten(playbook)
    own = _own(playbook)
    inputs = {} if own else _inputs(playbook)
    work = Translation(playbook, flow, {variable: asked for variable, (asked, _) in inputs.items()})
    steps = list(work.steps())
    head = _head(playbook, own, dict(inputs.values()), work.roles)
    given = head["runbook"]
    name = head["runbook"] = name or given
    marked, noted = list(markings(playbook)), notes(playbook, {ref for step in steps for ref in step.get("refs", ())})
    made = emit(head, steps, [*comments(playbook, raw), *(words for _, words in noted)])
    _loads(made, path)
    acting = [str(step["id"]) for step in steps if "action" in step]
    losses = [*lost(playbook, None if own else inputs),
              *(Loss("changed", where, f"it stands in a comment of the runbook: {words}") for where, words in noted),
              *work.losses]
    scenarios = _scenarios(playbook)
    if name != given and scenarios:
        losses.append(Loss("lost", "/playbook_extensions", f"its drills, {len(scenarios)}: of the runbook {given}"))
        scenarios = {}
    return Imported(name, made, losses, marked, acting, scenarios)


def _head(playbook: Playbook, own: Json, inputs: Json, roles: Mapping[str, str]) -> Json:
    """The keys of the runbook but its steps, in the order of a file."""
    called = playbook.text("name")
    head: Json = {"schema": "irkit/v1", "title": called if own else title(called), "version": 1, **own,
                  "runbook": own.get("runbook") or slug(called, "playbook"), "use_when": playbook.text("description"),
                  "inputs": own.get("inputs") or inputs,
                  "roles": {**roles, **mapping} if isinstance(mapping := own.get("roles") or {}, dict) else mapping}
    order = dict.fromkeys(("schema", "runbook", "title", "version", "owner", "use_when", *head))
    return {key: head[key] for key in order if head.get(key) not in (None, "", [], {})}


def _loads(made: str, path: str) -> None:
    """What was made is a runbook. It is not when an extension holds something else. Raises RunbookError."""
    if len(made.encode()) > MAX_BYTES:
        raise RunbookError(f"{path} would make a runbook of over {MAX_BYTES:,} bytes", next="split the playbook")
    try:
        load_bytes(made.encode(), f"{path} (as a runbook)")
    except RunbookError as bad:
        raise RunbookError(f"{path} does not make a runbook.", bad.mistakes) from None


def _own(playbook: Playbook) -> Json:
    """The keys of a runbook in irkit's extension. Raises RunbookError for a version that is not known."""
    found = extension(playbook.root, "playbook_extensions").get("runbook")
    if found is None:
        return {}
    declared = playbook.table("extension_definitions").get(EXTENSION)
    version = text(declared, "version") if declared else ""
    if version.partition(".")[0] != VERSION.partition(".")[0]:
        playbook.mistakes.error(declared, f"{pointer('extension_definitions', EXTENSION)}: version {version[:20]!r} of irkit's "
                                "extension", f"this irkit reads {VERSION}")
        stop(playbook.mistakes)
    if found.kind != "mapping":
        playbook.mistakes.error(found, f"{pointer('playbook_extensions', EXTENSION, 'runbook')}: an object is wanted here")
        stop(playbook.mistakes)
    return {key: value for key, value in plain(found).items() if key not in NATIVE_RUNBOOK}


def _scenarios(playbook: Playbook) -> Mapping[str, str]:
    """Raises RunbookError for a name that could leave the folder."""
    holder = extension(playbook.root, "playbook_extensions")
    found = table(holder, "scenarios")
    for name, node in found.items():
        if not NAMES.fullmatch(name) or node.kind != "scalar":
            playbook.mistakes.error(node, f"{pointer('playbook_extensions', EXTENSION, 'scenarios', name)}: not a scenario",
                                    "its name is snake_case, and it is a text")
    stop(playbook.mistakes)
    return {name: node.value for name, node in found.items()}


# -- variables ---------------------------------------------------------------------------------------------------

def _inputs(playbook: Playbook) -> dict[str, tuple[str, Json]]:
    """Variable -> the input's name and keys, for those that a text names and no step sets."""
    named = _named(playbook)
    made: dict[str, tuple[str, Json]] = {}
    taken: set[str] = set()
    for variable, node in playbook.table("playbook_variables").items():
        name = slug(variable.strip("_"), "variable")
        if variable in named and name not in taken:
            taken.add(name)
            made[variable] = (name, _input(name, node))
    return made


def _input(name: str, node: Node) -> Json:
    value = node.get("value")
    given = value.value if value and value.kind == "scalar" and not value.is_null else ""
    kind = "int" if text(node, "type") in ("integer", "long") and (not given or WHOLE.fullmatch(given)) else "text"
    asked = one_line(text(node, "description")) or f"{name.replace('_', ' ').capitalize()}?"
    return {"type": kind, "ask": asked, **({"default": given} if given and not secret_name(name) else {})}


def _named(playbook: Playbook) -> set[str]:
    """The variables that some text of a step names, less those that a step sets."""
    named: set[str] = set()
    for step in playbook.workflow.values():
        lines = (line for command in items(step, "commands") for line in quoted(command))
        named.update(uses("\n".join([*inside(step), *lines])))
    set_here = {variable for step in playbook.workflow.values() for variable in texts(step, "out_args")}
    return named - set_here
