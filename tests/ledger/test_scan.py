"""Reading a store in order: each value beside its entry, and what belongs to none by itself, whatever somebody put there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from irkit.ledger import database
from irkit.ledger.database import Orphan, Row


def scanned(path: Path, entries: list[int], values: Sequence[tuple[object, str]],
            after: int | None = None) -> list[Row | Orphan]:
    """What is read of a store with these entries and these (seq, digest) of values, in a table that checks nothing."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE entries(seq INTEGER PRIMARY KEY, line, leaf);"
                         "CREATE TABLE disclosures(seq, digest, body); CREATE TABLE checkpoints(size, key_id, note);")
        db.executemany("INSERT INTO entries VALUES (?, 'line', 'leaf')", [(seq,) for seq in entries])
        db.executemany("INSERT INTO disclosures VALUES (?, ?, 'body')", values)
        found = list(database.scan(db, after))
    return [one for one in found if isinstance(one, Row | Orphan)]


def brief(found: list[Row | Orphan]) -> list[object]:
    return [(one.seq, [row[1] for row in one.disclosures]) if isinstance(one, Row) else one.digest for one in found]


def test_values_stand_beside_their_entry_sorted(tmp_path: Path) -> None:
    """However they were inserted; an entry may have none."""
    found = scanned(tmp_path / "db", [0, 1, 2], [(2, "c"), (0, "b"), (2, "a")])
    assert brief(found) == [(0, ["b"]), (1, []), (2, ["a", "c"])]


def test_what_belongs_to_no_entry_comes_in_its_place(tmp_path: Path) -> None:
    """Before the entry that is next, after the last one, and where the number is no number."""
    values = [(None, "null"), (-1, "below"), (1, "own"), (2, "gap"), (9, "above"), ("x", "text"), (b"", "bytes")]
    found = scanned(tmp_path / "db", [0, 1, 3], values)
    assert brief(found) == ["null", "below", (0, []), (1, ["own"]), "gap", (3, []), "above", "text", "bytes"]


def test_an_entry_takes_no_more_values_than_a_line_has_room_for(tmp_path: Path) -> None:
    """So that memory stays bounded; those that are too many belong to no entry."""
    values = [(0, f"{n:04}") for n in range(2002)] + [(1, "mine")]
    found = brief(scanned(tmp_path / "db", [0, 1], values))
    assert found == [(0, [f"{n:04}" for n in range(2000)]), "2000", "2001", (1, ["mine"])]


def test_a_reading_can_begin_in_the_middle(tmp_path: Path) -> None:
    """Nothing of what comes before is read."""
    assert brief(scanned(tmp_path / "db", [0, 1, 2], [(0, "a"), (1, "b"), (2, "c")], after=0)) == [(1, ["b"]), (2, ["c"])]
