"""Destroying values on a lawful ground: the line keeps their digests, an `erased` entry says which went, and why.

- The entry and the deletion are one transaction. Afterwards the store is written anew: the bytes are in none of its files.
- What the record stands on is never erased (`NEVER`), and nothing is while a hold stands; the store refuses both.
- An artefact whose values are erased stays, unless it is to go as well; what another value or line still names does not go.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator

from msgspec import Struct, field

from irkit.errors import UsageError
from irkit.ledger import database
from irkit.ledger.artefacts import Artefacts, sync_folder
from irkit.ledger.disclose import Disclosure
from irkit.ledger.entry import Entry
from irkit.ledger.export import Stored, entries_of, stored
from irkit.ledger.store import Ledger

NEVER = frozenset({"genesis", "session.start", "session.end", "checkpoint", "anchor.timestamp", "exported", "sealed",
                   "hold.placed", "hold.released", "label.set"})


class Plan(Struct, frozen=True):
    """What erasing will destroy. `artefacts`: SHA-256 of the files that go; `kept`: of those that stay, with who names them."""

    of: Entry
    values: tuple[Disclosure, ...]
    artefacts: tuple[str, ...]
    kept: dict[str, list[int]] = field(default_factory=dict)


def plan(ledger: Ledger, seq: int, names: Collection[str], *, with_artefacts: bool = False) -> Plan:
    """Find the values: by name, or by the first words of several names. None at all where they are erased already.

    Raises UsageError for what cannot be erased.
    """
    row = next((row for row in entries_of(stored(ledger)) if row.entry.seq == seq), None)
    if row is None:
        raise UsageError(f"there is no entry {seq}", next=f"irkit ledger show {ledger.folder.name}")
    if row.entry.kind in NEVER:
        raise UsageError(f"entry {seq} is {row.entry.kind}, of which nothing is ever erased: the record stands on it")
    values = tuple({one.digest: one for name in names for one in _named(row, name)}.values())
    mine = {sha256 for one in values for sha256 in _artefact_of(row.entry, one)}
    others = _named_elsewhere(ledger, mine, {one.digest for one in values}) if mine else {}
    gone = tuple(sorted(mine - others.keys())) if with_artefacts else ()
    return Plan(row.entry, values, gone, {sha256: others.get(sha256, []) for sha256 in sorted(mine.difference(gone))})


def carry_out(ledger: Ledger, what: Plan, *, basis: str, by: str) -> tuple[Entry, bool]:
    """Erase. Returns the `erased` entry, and whether the bytes have left the store's files: not while others read it."""
    digests = sorted(one.digest for one in what.values)
    entry = ledger.append("erased", {"of": what.of.seq, "digests": digests}, {"erase.basis": basis, "erase.by": by}, by="human",
                          also=functools.partial(database.forget, seq=what.of.seq, digests=digests))
    files = Artefacts(ledger.folder)
    for sha256 in what.artefacts:
        files.path(sha256).unlink(missing_ok=True)
    if what.artefacts:
        sync_folder(files.folder)
    return entry, ledger.rewrite()


def _named(row: Stored, name: str) -> list[Disclosure]:
    found = [one for one in row.disclosures if one.name == name or one.name.startswith(f"{name}.")]
    if not found and len(row.disclosures) == len(row.entry.sd):
        there = ", ".join(sorted(one.name for one in row.disclosures)) or "none"
        raise UsageError(f"entry {row.entry.seq} has no value {name!r}; it has: {there}")
    return found


def _artefact_of(entry: Entry, one: Disclosure) -> Iterator[str]:
    """The artefact that a value names, so that verifying asks for it."""
    if entry.kind == "artefact.added" and one.name == "artefact.sha256" and isinstance(one.value, str):
        yield one.value
    if isinstance(one.value, dict) and one.value.keys() == {"artefact", "bytes"}:
        yield str(one.value["artefact"])


def _named_elsewhere(ledger: Ledger, wanted: set[str], erased: set[str]) -> dict[str, list[int]]:
    """Which of the wanted artefacts anything else needs: another value, or a run as its runbook or scenario."""
    found: dict[str, list[int]] = {}
    for row in entries_of(stored(ledger)):
        needs = {sha256 for one in row.disclosures if one.digest not in erased for sha256 in _artefact_of(row.entry, one)}
        needs.update(str(value) for value in row.entry.data.values() if isinstance(value, str))
        for sha256 in needs & wanted:
            found.setdefault(sha256, []).append(row.entry.seq)
    return found
