"""Rules of what a recipient does not get to see: read from a YAML file, applied to entries one at a time.

    basis: GDPR art. 15(4)                   # holds for every rule that names none
    by: Ada Counsel, privacy counsel         # who asserts it; else the person who exports
    withhold:
      - names: [person.name, "response.*"]   # values, by name; a star stands for the rest
      - labels: [privilege]                  # what label.set marked: the values it names, else the whole entry
        basis: attorney-client
      - entries: [12, 14-20]
        whole: true                          # the line itself

`kinds` (a kind, or the first word of several), `steps`, `entries` and `labels` say which entries a rule looks at, all of them
together; without any it looks at all. Without `names` and `whole` it withholds every value of those entries. The first rule
that withholds something gives its basis. Lines that the rest is checked with are never withheld; their values can be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NewType

import msgspec
from msgspec import Struct

from irkit.ledger import KINDS, Entry
from irkit.ledger.erase import NEVER
from irkit.ledger.labels import Label
from irkit.report.view import Hidden
from irkit.runbook.reader import Reader, scalar
from irkit.runbook.source import Mistakes, Node, compose, did_you_mean

_WORDS = {kind.partition(".")[0] for kind in KINDS}
_TOP = ("basis", "by", "withhold")

Words = NewType("Words", str)
Pattern = NewType("Pattern", str)
Kind = NewType("Kind", str)
Span = NewType("Span", object)
KEPT = NEVER | {"approval.asked", "approval.given"}      # lines that other lines are checked with; their values can go
_LISTS: Mapping[str, Any] = {"names": tuple[Pattern, ...], "kinds": tuple[Kind, ...], "labels": tuple[Words, ...],
                             "steps": tuple[Words, ...], "entries": tuple[Span, ...]}


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. `node` is where it stands in the file; empty tuples restrict nothing."""

    node: Node
    basis: str
    by: str
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    entries: tuple[range, ...] = ()
    whole: bool = False

    def looks_at(self, entry: Entry) -> bool:
        """Whether the entry is one of those the rule is about, labels aside."""
        return ((not self.kinds or entry.kind in self.kinds or entry.kind.partition(".")[0] in self.kinds)
                and (not self.steps or entry.step in self.steps)
                and (not self.entries or any(entry.seq in span for span in self.entries)))

    def told(self) -> str:
        """The rule in a few words."""
        parts = {"names": self.names, "kinds": self.kinds, "labels": self.labels, "steps": self.steps,
                 "entries": tuple(_span(span) for span in self.entries)}
        words = [f"{name}: {', '.join(values)}" for name, values in parts.items() if values]
        return "; ".join([*words, *(["whole"] if self.whole else [])])


class Chosen(NamedTuple):
    """What rules withhold of an entry: `whole` by one rule, or values by theirs. `refused`: rules that may not."""

    whole: Rule | None
    names: Mapping[str, Rule]
    refused: tuple[Rule, ...] = ()

    @property
    def hidden(self) -> Hidden:
        return Hidden(self.whole is not None, frozenset() if self.whole else frozenset(self.names))


class Rules(Struct, frozen=True):
    """All rules of a file, with the mistakes of that file to add to."""

    rules: tuple[Rule, ...]
    mistakes: Mistakes
    labels: dict[int, list[Label]] = msgspec.field(default_factory=dict)      # by the entry that they mark

    def mark(self, standing: Iterable[Label]) -> None:
        """The labels that stand in the ledger at hand, in place of those before."""
        self.labels.clear()
        for one in standing:
            self.labels.setdefault(one.of, []).append(one)

    def choose(self, entry: Entry) -> Chosen:
        """What is withheld of an entry."""
        names: dict[str, Rule] = {}
        refused: list[Rule] = []
        for rule in self.rules:
            whole, wanted = self._of(rule, entry)
            if whole and entry.kind not in KEPT:
                return Chosen(rule, {}, tuple(refused))
            if whole:
                refused.append(rule)
            for name in wanted:
                names.setdefault(name, rule)
        return Chosen(None, names, tuple(refused))

    def hide(self, entry: Entry) -> Hidden:
        return self.choose(entry).hidden

    def _of(self, rule: Rule, entry: Entry) -> tuple[bool, Iterator[str]]:
        """Whether the rule withholds the whole line; else the names of values."""
        marks = [one for one in self.labels.get(entry.seq, ()) if one.label in rule.labels]
        if not rule.looks_at(entry) or (rule.labels and not marks):
            return False, iter(())
        if rule.whole or (marks and not rule.names and not all(one.fields for one in marks)):
            return True, iter(())
        patterns = rule.names or tuple(name for one in marks for name in one.fields) or ("*",)
        return False, (name for name in entry.disclosed if any(fits(name, pattern) for pattern in patterns))


def fits(name: str, pattern: str) -> bool:
    """Whether a value's name is the pattern, or begins as it does before its star."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _span(span: range) -> str:
    return str(span.start) if len(span) == 1 else f"{span.start}-{span.stop - 1}"


# -- reading -----------------------------------------------------------------------------------------------------

def read(raw: bytes, path: str) -> Rules:
    """The rules of a file. Raises RunbookError with every mistake in it, each with its place."""
    mistakes = Mistakes(path, raw)
    rules = _RulesReader(mistakes).rules(compose(raw, path))
    if mistakes.errors:
        mistakes.fail()
    return Rules(tuple(rules), mistakes)


class _RulesReader(Reader):
    def __init__(self, mistakes: Mistakes) -> None:
        super().__init__(mistakes, {Words: scalar(_words), Pattern: scalar(_pattern), Kind: scalar(_kind),
                                    Span: scalar(_spanned)})

    def rules(self, root: Node) -> list[Rule]:
        top = self.fields(root, _TOP, ("withhold",), "a rules file")
        basis, by = (self._value(top, key, Words) or "" for key in ("basis", "by"))
        nodes = self.sequence(top["withhold"], "'withhold'") if "withhold" in top else ()
        if "withhold" in top and top["withhold"].kind == "sequence" and not nodes:
            self.mistakes.error(top["withhold"], "'withhold' is empty", "export without rules withholds nothing")
        return [self._rule(node, basis, by) for node in nodes]

    def _rule(self, node: Node, basis: str, by: str) -> Rule:
        values = self.fields(node, (*_LISTS, "whole", "basis", "by"), (), "a rule")
        names, kinds, labels, steps, entries = (self._value(values, key, want) or () for key, want in _LISTS.items())
        whole = bool(self._value(values, "whole", bool))
        rule = Rule(node, self._value(values, "basis", Words) or basis, self._value(values, "by", Words) or by, names, kinds,
                    labels, steps, entries, whole)
        if node.kind == "mapping" and not values.keys() & _LISTS.keys():
            self.mistakes.error(node, "a rule says what it withholds", "names, kinds, labels, steps or entries")
        if not rule.basis and node.kind == "mapping":
            self.mistakes.error(node, "this rule has no basis", "give it one, or the file: basis: GDPR art. 15(4)")
        if whole and names:
            self.mistakes.error(values["names"], "'whole' withholds the line and all its values", "take 'names' or 'whole' out")
        for kind, given in zip(values["kinds"].items if whole and "kinds" in values else (), kinds, strict=False):
            if given in KEPT or given in {name.partition(".")[0] for name in NEVER}:
                self.mistakes.error(kind, f"a line of kind '{kind.value}' is never withheld: the rest is checked with it",
                                    "withhold its values: names: [\"*\"] without 'whole'")
        return rule

    def _value(self, values: Mapping[str, Node], key: str, want: Any) -> Any:
        return self.read(values[key], want, f"'{key}'") if key in values else None


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("this is empty")
    return " ".join(text.split())


def _pattern(text: str) -> str:
    if not re.fullmatch(r"([a-z0-9_]+\.)*([a-z0-9_]+|\*)", text):
        raise ValueError(f"'{text[:60]}' is no name of a value, as in request.body, response.* or *")
    return text


def _kind(text: str) -> str:
    if text not in KINDS and text not in _WORDS:
        hint = did_you_mean(text, sorted(KINDS | _WORDS))
        raise ValueError(f"there is no kind '{text[:60]}'" + (f"; {hint}" if hint else ""))
    return text


def _spanned(text: str) -> range:
    found = re.fullmatch(r"(0|[1-9][0-9]{0,14})(?:\s*-\s*(0|[1-9][0-9]{0,14}))?", text.strip())
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise ValueError(f"'{text[:40]}' is no number of an entry, and no span like 14-20")
    return range(int(found[1]), int(found[2] or found[1]) + 1)
