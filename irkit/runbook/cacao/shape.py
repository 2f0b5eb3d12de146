"""Whether a JSON document is a CACAO 2.0 playbook whose parts are there: kinds of values, and ids that lead somewhere.

The properties and their kinds are those of CACAO 2.0 sections 3, 4 and 7; each mistake says its JSON pointer (RFC 6901).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from irkit.runbook.source import Mistakes, Node, did_you_mean

MAX_STEPS = 1_000
SPEC = "cacao-2.0"
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_ID = re.compile(rf"[a-z][a-z0-9-]+[a-z0-9]--{UUID}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")

Form = Literal["text", "id", "time", "whole", "bool", "object", "texts", "ids", "objects"]
LISTS: Mapping[str, Form] = {"texts": "text", "ids": "id", "objects": "object"}
WORDS: Mapping[Form, str] = {
    "text": "a text", "id": "an identifier (type--UUID)", "time": "a time in UTC", "whole": "a whole number",
    "bool": "true or false", "object": "an object", "texts": "a list of texts", "ids": "a list of identifiers",
    "objects": "a list of objects"}

PLAYBOOK: Mapping[str, Form] = {
    "type": "text", "spec_version": "text", "id": "id", "name": "text", "description": "text", "playbook_types": "texts",
    "playbook_activities": "texts", "playbook_processing_summary": "object", "created_by": "id", "created": "time",
    "modified": "time", "revoked": "bool", "valid_from": "time", "valid_until": "time", "derived_from": "ids",
    "related_to": "ids", "priority": "whole", "severity": "whole", "impact": "whole", "industry_sectors": "texts",
    "labels": "texts", "external_references": "objects", "markings": "ids", "playbook_variables": "object",
    "workflow_start": "id", "workflow_exception": "id", "workflow": "object", "playbook_extensions": "object",
    "authentication_info_definitions": "object", "agent_definitions": "object", "target_definitions": "object",
    "extension_definitions": "object", "data_marking_definitions": "object", "signatures": "objects"}
REQUIRED = ("id", "name", "created_by", "created", "modified", "workflow_start", "workflow")
COMMON: Mapping[str, Form] = {
    "type": "text", "name": "text", "description": "text", "external_references": "objects", "delay": "whole",
    "timeout": "whole", "step_variables": "object", "owner": "id", "on_completion": "id", "on_success": "id",
    "on_failure": "id", "step_extensions": "object"}
ARGS: Mapping[str, Form] = {"in_args": "texts", "out_args": "texts"}
STEPS: Mapping[str, tuple[Mapping[str, Form], tuple[str, ...]]] = {           # type -> its own properties, those it must have
    "start": ({}, ("on_completion",)),
    "end": ({}, ()),
    "action": ({"commands": "objects", "agent": "id", "targets": "ids", **ARGS}, ("commands", "agent")),
    "playbook-action": ({"playbook_id": "id", "playbook_version": "time", **ARGS}, ("playbook_id",)),
    "parallel": ({"next_steps": "ids"}, ("next_steps",)),
    "if-condition": ({"condition": "text", "on_true": "id", "on_false": "id"}, ("condition", "on_true")),
    "while-condition": ({"condition": "text", "on_true": "id"}, ("condition", "on_true")),
    "switch-condition": ({"switch": "text", "cases": "object"}, ("switch", "cases"))}
COMMAND: Mapping[str, Form] = {"type": "text", "description": "text", "version": "text", "playbook_activity": "text",
                               "external_references": "objects", "command": "text", "command_b64": "text",
                               "content": "text", "content_b64": "text", "headers": "object"}
_WORDS, _BODY = ("command", "command_b64"), ("content", "content_b64")
SAYS: Mapping[str, tuple[tuple[str, ...], ...]] = {     # type of a command -> it has one of each group
    **dict.fromkeys(("manual", "bash", "caldera-cmd", "elastic", "jupyter", "kestrel", "powershell", "sigma", "ssh", "yara"),
                    (_WORDS,)),
    "http-api": (("command",),), "openc2-http": (("command",), _BODY)}


def pointer(*parts: str) -> str:
    """RFC 6901, each part cut to what can be read."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1")[:90] for part in parts)


@dataclass
class Playbook:
    """A playbook of which every part has its kind. `unknown`: pointer -> value of properties that CACAO does not have."""

    root: Node
    mistakes: Mistakes
    unknown: dict[str, Node] = field(default_factory=dict)
    _tables: dict[str, dict[str, Node]] = field(default_factory=dict)

    @property
    def workflow(self) -> Mapping[str, Node]:
        return self.table("workflow")

    def text(self, key: str) -> str:
        return text(self.root, key)

    def table(self, key: str) -> Mapping[str, Node]:
        """A dictionary of the playbook by key; empty when it is not there."""
        if key not in self._tables:
            self._tables[key] = table(self.root, key)
        return self._tables[key]


def text(node: Node, key: str) -> str:
    """The text under a key, or nothing."""
    found = node.get(key)
    return found.value if found and found.kind == "scalar" else ""


def table(node: Node, key: str) -> dict[str, Node]:
    found = node.get(key)
    return {name.value: value for name, value in found.pairs} if found else {}


def texts(node: Node, key: str) -> list[str]:
    """The texts of a list."""
    found = node.get(key)
    return [item.value for item in found.items if item.kind == "scalar"] if found else []


def items(node: Node, key: str) -> Sequence[Node]:
    """The elements of a list."""
    found = node.get(key)
    return found.items if found else ()


def read(root: Node, mistakes: Mistakes) -> Playbook:
    """Check every part. Raises RunbookError with all that is wrong."""
    _is_playbook(root, mistakes)
    found = Playbook(root, mistakes)
    _properties(found, root, (), PLAYBOOK, REQUIRED)
    stop(mistakes)
    if len(found.workflow) > MAX_STEPS:
        mistakes.error(root.key("workflow"), f"/workflow: more than {MAX_STEPS:,} steps", "split the playbook")
        stop(mistakes)
    for name, step in found.workflow.items():
        _step(found, name, step)
    for key in ("agent_definitions", "target_definitions"):
        for name, one in found.table(key).items():
            _properties(found, one, (key, name), {"type": "text", "name": "text", "description": "text"}, ("type",), extra=True)
    for name, one in found.table("playbook_variables").items():
        _properties(found, one, ("playbook_variables", name), {"type": "text", "description": "text", "constant": "bool",
                                                               "external": "bool"}, ("type",), extra=True)
    stop(mistakes)
    _references(found)
    stop(mistakes)
    return found


def stop(mistakes: Mistakes) -> None:
    """Raise RunbookError with every mistake, if there is one."""
    if mistakes.errors:
        mistakes.fail(next=f"mend it, then: irkit runbook import {mistakes.path}")


def _is_playbook(root: Node, mistakes: Mistakes) -> None:
    kind = text(root, "type") if root.kind == "mapping" else ""
    if kind != "playbook":
        mistakes.error(root.get("type") or root, f"this is not a CACAO playbook: its type is {kind[:40]!r}" if kind else
                       "this is not a CACAO playbook: it has no type", 'a playbook is an object with "type": "playbook"')
    elif text(root, "spec_version") != SPEC:
        mistakes.error(root.get("spec_version") or root, f"/spec_version: {text(root, 'spec_version')[:40]!r}",
                       f"CACAO 2.0 alone is read: {SPEC!r}")
    stop(mistakes)


def _properties(found: Playbook, node: Node, at: tuple[str, ...], forms: Mapping[str, Form], required: tuple[str, ...], *,
                extra: bool = False) -> None:
    """Every property of one object. `extra`: others belong here too, which this reader does not use."""
    if node.kind != "mapping":
        found.mistakes.error(node, f"{pointer(*at)}: an object is wanted here")
        return
    for key, value in node.pairs:
        if key.value in forms:
            _form(found, value, (*at, key.value), forms[key.value])
        elif not extra:
            found.unknown[pointer(*at, key.value)] = value
    for name in required:
        if node.get(name) is None:
            found.mistakes.error(node, f"{pointer(*at) or '/'}: the property '{name}' is missing")


def _form(found: Playbook, node: Node, at: tuple[str, ...], form: Form) -> None:
    if form in LISTS:
        if node.kind == "sequence":
            for position, item in enumerate(node.items):
                _form(found, item, (*at, str(position)), LISTS[form])
            return
    elif _fits(node, form):
        return
    found.mistakes.error(node, f"{pointer(*at)}: {WORDS[form]} is wanted here")


def _fits(node: Node, form: Form) -> bool:
    if form == "object" or node.kind != "scalar":
        return form == "object" and node.kind == "mapping"
    if form == "bool":
        return node.plain and node.value in ("true", "false")
    if form == "whole":
        return node.plain and _WHOLE.fullmatch(node.value) is not None
    if node.plain:
        return False
    return form == "text" or (_ID if form == "id" else _TIME).fullmatch(node.value) is not None


def _step(found: Playbook, name: str, step: Node) -> None:
    mistakes, at = found.mistakes, ("workflow", name)
    kind = text(step, "type")
    if step.kind != "mapping" or kind not in STEPS:
        mistakes.error(step.get("type") or step, f"{pointer(*at)}: no kind of step is called {kind[:40]!r}",
                       did_you_mean(kind, STEPS, f"kinds: {', '.join(STEPS)}"))
        return
    own, required = STEPS[kind]
    if not _ID.fullmatch(name) or name.partition("--")[0] != kind:
        mistakes.error(step, f"{pointer(*at)}: the id of this step is not {kind}--UUID")
    _properties(found, step, at, {**COMMON, **own}, required)
    for key in ("on_completion", "on_success", "on_failure") if kind == "end" else ("on_success", "on_failure"):
        if kind in ("start", "end") and step.get(key):
            mistakes.error(step.key(key), f"{pointer(*at, key)}: a step of type {kind} has no '{key}'")
    if step.get("on_completion") and (other := step.key("on_success") or step.key("on_failure")):
        mistakes.error(other, f"{pointer(*at, other.value)}: beside on_completion; only one of the two can hold")
    if (branches := step.get("next_steps")) and len(branches.items) < 2:
        mistakes.error(branches, f"{pointer(*at, 'next_steps')}: fewer than two branches to go beside each other")
    if (commands := step.get("commands")) and commands.kind == "sequence":
        for position, command in enumerate(commands.items):
            _command(found, command, (*at, "commands", str(position)))
        if not commands.items:
            mistakes.error(commands, f"{pointer(*at, 'commands')}: no command")


def _command(found: Playbook, command: Node, at: tuple[str, ...]) -> None:
    """One that says nothing would become a step in which nobody reads what to do."""
    _properties(found, command, at, COMMAND, ("type",))
    kind = text(command, "type")
    for either in SAYS.get(kind, ()):
        given = [node for key in either if (node := command.get(key))]
        if not any(node.kind != "scalar" or node.value.strip() for node in given):
            found.mistakes.error(command, f"{pointer(*at)}: a command of type {kind} without "
                                 f"{' or '.join(map(repr, either))}")


# -- ids that lead somewhere -------------------------------------------------------------------------------------

def _references(found: Playbook) -> None:
    """What is named exists: steps, agents, targets, extensions. The start is one, and is the one that is named."""
    workflow, mistakes = found.workflow, found.mistakes
    for key in ("workflow_start", "workflow_exception"):
        if (node := found.root.get(key)) and node.value not in workflow:
            mistakes.error(node, f"/{key}: there is no step {node.value} in the workflow")
    start = found.root.get("workflow_start")
    if start and start.value in workflow and text(workflow[start.value], "type") != "start":
        mistakes.error(start, f"/workflow_start: {start.value} is not a step of type start")
    for name, step in workflow.items():
        for keys, target in pointers(step):
            _target(found, (name, *keys), target)
        for key, definitions in (("agent", "agent_definitions"), ("targets", "target_definitions")):
            _defined(found, step, ("workflow", name, key), definitions)
        _declared(found, step.get("step_extensions"), ("workflow", name, "step_extensions"))
    _declared(found, found.root.get("playbook_extensions"), ("playbook_extensions",))


def pointers(step: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every pointer to another step with the keys it stands under: branches first, what comes after them last."""
    for key in ("on_true", "on_false"):
        if node := step.get(key):
            yield (key,), node
    for name, node in table(step, "cases").items():
        yield ("cases", name), node
    for position, node in enumerate(branches.items if (branches := step.get("next_steps")) else ()):
        yield ("next_steps", str(position)), node
    for key in ("on_failure", "on_completion", "on_success"):
        if node := step.get(key):
            yield (key,), node


def _target(found: Playbook, at: tuple[str, ...], target: Node) -> None:
    where = pointer("workflow", *at)
    step = found.workflow.get(target.value) if target.kind == "scalar" else None
    if step is None:
        what = target.value[:90] if target.kind == "scalar" else "that is no identifier"
        found.mistakes.error(target, f"{where}: there is no step {what} in the workflow")
    elif text(step, "type") == "start":
        found.mistakes.error(target, f"{where}: leads back to the start", "a step leads onwards, to another step or to an end")


def _defined(found: Playbook, step: Node, at: tuple[str, ...], definitions: str) -> None:
    node = step.get(at[-1])
    for one in (node.items if node.kind == "sequence" else (node,)) if node else ():
        if found.root.get(definitions) is None or one.value not in found.table(definitions):
            found.mistakes.error(one, f"{pointer(*at)}: {one.value[:90]} is not in {definitions}")


def _declared(found: Playbook, extensions: Node | None, at: tuple[str, ...]) -> None:
    for name, _ in extensions.pairs if extensions else ():
        if name.value not in found.table("extension_definitions"):
            found.mistakes.error(name, f"{pointer(*at, name.value)}: this extension is not declared in extension_definitions")
