"""What is withheld, as a list that is hashed before the export is recorded, and as a privilege log.

`withheld.jsonl`: canonical {"at","basis","by","digest" or "leaf","seq"}, sorted by seq and digest. The log says the same
for people, with the kind of thing and never its content. Both are written in one pass over the ledger, as a stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from irkit.ledger import Entry
from irkit.ledger.entry import canonical
from irkit.ledger.export import Stored
from irkit.report.redact import Rule, Rules, fits
from irkit.report.tables import PRIVILEGE, Out, Table
from irkit.report.words import mark

SAMPLE = 5                 # places shown for each rule


@dataclass
class Count:
    """What one rule came to: values, whole entries, the first few places, and those of its names that matched nothing."""

    unmatched: set[str]
    values: int = 0
    entries: int = 0
    sample: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        if len(self.sample) < SAMPLE:
            self.sample.append(place)


@dataclass
class Withheld:
    """The list, written. `sha256` is of the whole file, `rows` how many lines it has."""

    sha256: str = hashlib.sha256().hexdigest()
    rows: int = 0
    counts: Mapping[Rule, Count] = field(default_factory=dict)

    @property
    def values(self) -> int:
        """How many values are withheld by themselves."""
        return sum(count.values for count in self.counts.values())


def nothing(log: Out) -> Withheld:
    """A privilege log with its heading alone."""
    Table(log, PRIVILEGE)
    return Withheld()


def write(rows: Iterable[Stored], rules: Rules, listed: Out, log: Out, *, at: str, by: str, mode: str) -> Withheld:
    """Write the list and the log of what `rules` withhold. `by` asserts what no rule says who asserts.

    Raises RunbookError for a rule that would withhold what is never withheld, or that matches nothing.
    """
    listing = _Listing(listed, Table(log, PRIVILEGE), at, by, mode, {rule: Count(set(rule.names)) for rule in rules.rules})
    refused: dict[Rule, Entry] = {}
    for row in rows:
        chosen = rules.choose(row.entry)
        for rule in chosen.refused:
            refused.setdefault(rule, row.entry)
        if chosen.whole:
            listing.entry(row.entry, chosen.whole)
        elif chosen.names:
            for one in row.disclosures:
                if one.name in chosen.names:
                    listing.value(row.entry, one.name, one.digest, chosen.names[one.name])
    _judge(rules, listing.counts, refused)
    return Withheld(listing.hash.hexdigest(), listing.rows, listing.counts)


def _judge(rules: Rules, counts: Mapping[Rule, Count], refused: Mapping[Rule, Entry]) -> None:
    for rule in rules.rules:
        if rule in refused:
            entry = refused[rule]
            rules.mistakes.error(rule.node, f"this would withhold the line of entry {entry.seq}, {entry.kind}, which never is",
                                 "withhold its values by names, without 'whole'")
        elif not counts[rule].values and not counts[rule].entries:
            rules.mistakes.error(rule.node, "this rule matches nothing in this ledger, or nothing that an earlier one does not",
                                 "look at names and kinds with: irkit ledger show INCIDENT --json")
    if rules.mistakes.errors:
        rules.mistakes.fail()


@dataclass
class _Listing:
    out: Out
    log: Table
    at: str
    by: str
    mode: str
    counts: dict[Rule, Count]
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    rows: int = 0

    def value(self, entry: Entry, name: str, digest: str, rule: Rule) -> None:
        self._line({"digest": digest}, entry.seq, rule)
        self.log.row(self.mode, entry.seq, f"{mark(self.mode)}value {name}", entry.kind, entry.at, rule.basis,
                     rule.by or self.by, self.at, digest)
        self.counts[rule].values += 1
        self.counts[rule].unmatched -= {pattern for pattern in rule.names if fits(name, pattern)}
        self.counts[rule].add(f"{name} of entry {entry.seq}")

    def entry(self, entry: Entry, rule: Rule) -> None:
        self._line({"leaf": entry.leaf}, entry.seq, rule)
        self.log.row(self.mode, entry.seq, f"{mark(self.mode)}the whole entry", entry.kind, "", rule.basis, rule.by or self.by,
                     self.at, entry.leaf)
        self.counts[rule].entries += 1
        self.counts[rule].add(f"entry {entry.seq}, {entry.kind}")

    def _line(self, which: Mapping[str, str], seq: int, rule: Rule) -> None:
        text = canonical({"at": self.at, "basis": rule.basis, "by": rule.by or self.by, "seq": seq, **which}) + "\n"
        self.out.write(text)
        self.hash.update(text.encode())
        self.rows += 1
