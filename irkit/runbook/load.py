"""From a file's bytes to a Runbook, with every mistake of its structure in one pass.

What needs the connectors or the runbook as a whole is left to `irkit.runbook.lint`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from irkit.errors import RunbookError
from irkit.runbook.model import Clock, Fan, Input, Name, Runbook, Step
from irkit.runbook.reader import Reader, scalar
from irkit.runbook.source import MAX_BYTES, Mistakes, Node, Wrong, did_you_mean, root
from irkit.runbook.template import Arg, Expr, Template
from irkit.runbook.values import duration

_NAME = get_args(Name)[1].pattern              # of every name that templates use
KINDS = ("action", "do", "ask")
ACTION_ONLY = ("with", "for_each", "unpreserved", "connection", "approve")


class Draft(Struct, frozen=True):
    """A runbook as far as it could be read. `broken` are the ids of steps with mistakes, of which nothing more is checked."""

    runbook: Runbook
    mistakes: Mistakes
    broken: frozenset[str]


def load(path: Path) -> Runbook:
    """The runbook in that file. Raises RunbookError with every mistake of its structure."""
    return _whole(read_bytes(path), str(path), path.stem)


def load_bytes(raw: bytes, name: str) -> Runbook:
    """The same from bytes, such as the copy a run keeps; `name` stands where messages have a path."""
    return _whole(raw, name, "")


def _whole(raw: bytes, path: str, stem: str) -> Runbook:
    mistakes = Mistakes(path, raw)
    found = draft(raw, mistakes, stem)
    if found is None or mistakes.errors:
        mistakes.fail(next=f"irkit runbook lint {path}")
    return found.runbook


def read_bytes(path: Path) -> bytes:
    """The file's bytes, at most one more than are accepted. Raises RunbookError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunbookError(f"{path} cannot be read: {why}", next="irkit runbook list") from error


def draft(raw: bytes, mistakes: Mistakes, stem: str = "") -> Draft | None:
    """Read as much as can be read, or None when it is not YAML. `stem` is the file's name, to compare with the runbook's."""
    node = root(raw, mistakes)
    if node is None:
        return None
    reader = _Reader(mistakes)
    runbook: Runbook = reader.record(node, Runbook, "a runbook")
    inputs = {name: replace(found, name=name) for name, found in runbook.inputs.items() if found}
    runbook = replace(runbook, inputs=inputs, path=mistakes.path, raw=raw)
    _names(runbook, mistakes, stem)
    return Draft(runbook, mistakes, frozenset(reader.broken))


class _Reader(Reader):
    """Reads runbooks, and notes which steps have mistakes."""

    def __init__(self, mistakes: Mistakes) -> None:
        super().__init__(mistakes, {timedelta: scalar(duration), Template: scalar(Template.parse), Expr: scalar(Expr.parse),
                                    Fan: scalar(_fan), Arg: self._arg})
        self.broken: list[str] = []

    def record(self, node: Node, want: type[Any], what: str = "") -> Any:
        before = len(self.mistakes.found)
        found = super().record(node, want, f"the input {what}" if want is Input else what)
        if isinstance(found, Step):
            _one_kind(node, found, self.mistakes)
            if len(self.mistakes.found) > before:
                self.broken.append(found.id)
        return found

    def _arg(self, node: Node) -> Arg:
        """A value of `with`; each text in it is a template of its own."""
        if node.kind == "sequence":
            return Arg(tuple(self._arg(item) for item in node.items))
        if node.kind == "mapping":
            return Arg({key: self._arg(value) for key, value in self.mapping(node, "this").items()})
        try:
            return Arg(None if node.is_null else Template.parse(node.value))
        except Wrong as bad:
            self.mistakes.wrong(node, bad)
            return Arg(None)


def _fan(text: str) -> Expr:
    single = Template.parse(text).single
    if single is None:
        raise Wrong("exactly one {{ expression }} is wanted", 'as in for_each: "{{ steps.webhooks.suspects }}"')
    return single


def _one_kind(node: Node, step: Step, mistakes: Mistakes) -> None:
    """Exactly one kind, and no key that belongs to another kind."""
    kinds = [key for key in KINDS if node.get(key)]
    if len(kinds) == 1:
        _keys_of_kind(node, step, kinds[0], mistakes)
    elif kinds:
        mistakes.error(node.key(kinds[1]), f"two kinds in one step: {' and '.join(kinds)}", "make two steps of it")
    elif node.pairs and not any(did_you_mean(key.value, KINDS) for key, _ in node.pairs):      # `acton` was said already
        mistakes.error(node.pairs[0][0], "a step has one of the keys 'action', 'do' and 'ask'")


def _keys_of_kind(node: Node, step: Step, kind: str, mistakes: Mistakes) -> None:
    for key in ACTION_ONLY if kind != "action" else ():
        if node.get(key):
            mistakes.error(node.key(key), f"'{key}' belongs to an action, and this is '{kind}'")
    if kind == "action" and not step.why:
        mistakes.error(node.key("why") or node.key("action"), "an action says why in the key 'why'",
                       "what happens when it is left out?")
    if kind != "ask" and node.get("choices"):
        mistakes.error(node.key("choices"), f"'choices' belongs to 'ask', and this is '{kind}'")
    if kind == "ask" and not step.choices:
        mistakes.error(node.key("ask"), "'ask' without choices", 'as in choices: {yes: "Yes", no: "No"}')


def _names(runbook: Runbook, mistakes: Mistakes, stem: str) -> None:
    """Names that must be one of a kind, and the runbook's own."""
    if stem and runbook.name and runbook.name != stem:
        mistakes.error(runbook.node.get("runbook"), f"the runbook is called '{runbook.name}', its file '{stem}'",
                       "give both the same name")
    _repeated("step", runbook.steps, mistakes)
    _repeated("clock", runbook.clocks, mistakes)
    for name, found in runbook.inputs.items():
        inputs = runbook.node.get("inputs")
        if not re.fullmatch(_NAME, name):
            mistakes.error(inputs and inputs.key(name), f"the input '{name[:80]}' is not snake_case",
                           "a letter from a to z, then at most 63 of a to z, 0 to 9 and _: templates name it")
        if (found.type == "choice") != bool(found.choices) and found.type:
            mistakes.error(found.node, f"the input '{name}' of type {found.type} has {'' if found.choices else 'no '}choices",
                           "choices and type: choice go together")
    if (steps := runbook.node.get("steps")) and steps.kind == "sequence" and not steps.items:
        mistakes.error(runbook.node.key("steps"), "an empty runbook", "irkit runbook new NAME starts one")


def _repeated(what: str, found: Iterable[Step | Clock], mistakes: Mistakes) -> None:
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.id] += 1
        if one.id and counts[one.id] > 1:
            mistakes.error(one.node.get("id"), f"repeated {what} id '{one.id}'", "give each its own")
