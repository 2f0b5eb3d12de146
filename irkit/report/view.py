"""The lines of a ledger as a recipient sees them, in order, as a stream.

Everything an export derives (timeline, graph, tables, documents, artefacts, runbooks) is made from these rows and from
nothing else: what is withheld is gone before any of it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from irkit.ledger import Entry
from irkit.ledger.database import Noted
from irkit.ledger.disclose import Disclosure
from irkit.ledger.export import Stored


class Hidden(NamedTuple):
    """What is withheld of an entry: all of it, or the values of these names."""

    whole: bool = False
    names: frozenset[str] = frozenset()


Hide = Callable[[Entry], Hidden]


class Shown(NamedTuple):
    """One line. `entry` is None when it is withheld whole; else its `disclosed` has the kept values alone."""

    seq: int
    leaf: str
    entry: Entry | None
    disclosures: tuple[Disclosure, ...]


def hide_nothing(_: Entry) -> Hidden:
    return Hidden()


def shown(rows: Iterable[Stored | Noted], hide: Hide = hide_nothing) -> Iterator[Shown | Noted]:
    """The rows without what `hide` says."""
    return (row if isinstance(row, Noted) else _shown(row, hide(row.entry)) for row in rows)


def _shown(row: Stored, hidden: Hidden) -> Shown:
    entry = row.entry
    if hidden.whole:
        return Shown(entry.seq, entry.leaf, None, ())
    if not hidden.names:
        return Shown(entry.seq, entry.leaf, entry, row.disclosures)
    kept = tuple(one for one in row.disclosures if one.name not in hidden.names)
    values: Mapping[str, Any] = {one.name: one.value for one in kept}
    return Shown(entry.seq, entry.leaf, entry._replace(disclosed=values), kept)


def artefacts_of(entry: Entry) -> Iterator[str]:
    """SHA-256 of each artefact that the entry's values name: the one it lists, and values too large for a line."""
    if entry.kind == "artefact.added" and isinstance(listed := entry.disclosed.get("artefact.sha256"), str):
        yield listed
    for value in entry.disclosed.values():
        if isinstance(value, dict) and value.keys() == {"artefact", "bytes"} and isinstance(value["artefact"], str):
            yield value["artefact"]
