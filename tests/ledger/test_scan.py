"""Reading a store in order: each value beside its entry, and what belongs to none by itself, whatever somebody put there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from irkit.ledger import database
from irkit.ledger.database import Orphan, Row

OWN, BARE = "as irkit makes it", "that checks nothing"
stores = pytest.mark.parametrize("made", [OWN, BARE])


def scanned(path: Path, entries: list[int], values: Sequence[tuple[object, ...]], after: int | None = None, *,
            made: str = OWN) -> list[Row | Orphan]:
    """What is read of a store with these entries and these (seq, digest) or (seq, digest, body) of values."""
    if made == OWN:
        database.create(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        if made == BARE:
            db.executescript("CREATE TABLE entries(seq INTEGER PRIMARY KEY, line, leaf);"
                             "CREATE TABLE disclosures(seq, digest, body); CREATE TABLE checkpoints(size, key_id, note);")
        db.executemany("INSERT INTO entries VALUES (?, 'line', 'leaf')", [(seq,) for seq in entries])
        db.executemany("INSERT INTO disclosures VALUES (?, ?, ?)", [(*one, "body")[:3] for one in values])
        found = list(database.scan(db, after))
        assert db.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) > 1 << 28
    return [one for one in found if isinstance(one, Row | Orphan)]


def brief(found: list[Row | Orphan]) -> list[object]:
    return [(one.seq, [row[1] for row in one.disclosures]) if isinstance(one, Row) else one.digest for one in found]


@stores
def test_values_stand_beside_their_entry_sorted(made: str, tmp_path: Path) -> None:
    """However they were inserted; an entry may have none."""
    found = scanned(tmp_path / "db", [0, 1, 2], [(2, "c"), (0, "b"), (2, "a")], made=made)
    assert brief(found) == [(0, ["b"]), (1, []), (2, ["a", "c"])]


@stores
def test_what_belongs_to_no_entry_comes_in_its_place(made: str, tmp_path: Path) -> None:
    """Before the entry that is next, after the last one, and where the number is no number."""
    values = [(None, "null"), (-1, "below"), (1, "own"), (2, "gap"), (9, "above"), ("x", "text"), (b"", "bytes")]
    found = scanned(tmp_path / "db", [0, 1, 3], values[made == OWN:], made=made)
    assert brief(found) == ["null", "below", (0, []), (1, ["own"]), "gap", (3, []), "above", "text", "bytes"][made == OWN:]


@pytest.mark.parametrize("at", [1, 2, 9, "x"])
def test_one_thing_that_belongs_to_no_entry_is_not_missed(at: object, tmp_path: Path) -> None:
    """Wherever it stands, what is around it stands where it belongs."""
    found = scanned(tmp_path / "db", [0, 2, 3], [(0, "a"), (2, "b"), (3, "c"), (at, "stray")])
    own: list[object] = [(0, ["a"]), (2, ["b", "stray"] if at == 2 else ["b"]), (3, ["c"])]
    assert brief(found) == (own if at == 2 else [own[0], "stray", *own[1:]] if at == 1 else [*own, "stray"])


@stores
def test_an_entry_takes_no_more_values_than_a_line_has_room_for(made: str, tmp_path: Path) -> None:
    """So that memory stays bounded; those that are too many belong to no entry."""
    values = [(0, f"{n:04}") for n in range(2002)] + [(1, "mine")]
    found = brief(scanned(tmp_path / "db", [0, 1], values, made=made))
    assert found == [(0, [f"{n:04}" for n in range(2000)]), "2000", "2001", (1, ["mine"])]


def test_values_that_are_too_long_together_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is made of them: memory stays bounded, and nothing is missed."""
    monkeypatch.setattr(database, "_MOST_BYTES", 1000)
    found = scanned(tmp_path / "db", [0, 1, 2], [(0, "a"), (1, "b", "x" * 700), (1, "c", "y" * 700), (2, "d")])
    assert [one.values if isinstance(one, Row) else one for one in found] == [
        ("a", "body"), ("b c", "x" * 700 + " " + "y" * 700), ("d", "body")]


@stores
@pytest.mark.parametrize("one", [("", ""), ("a", ""), ("", "body")])
def test_an_empty_value_is_a_value(made: str, one: tuple[str, str], tmp_path: Path) -> None:
    """Also where it is the only one of its entry."""
    found = scanned(tmp_path / "db", [0, 1, 2], [(0, "a"), (1, *one)], made=made)
    assert [row.disclosures for row in found if isinstance(row, Row)] == [[(0, "a", "body")], [(1, *one)], []]


@pytest.mark.parametrize("odd", [("c", b"body"), (b"c", "body"), ("c", "bo dy"), ("c d", "body"), ("z", " "), ("c", "")])
@stores
def test_a_value_is_what_is_stored(made: str, odd: tuple[object, object], tmp_path: Path) -> None:
    """Bytes are no text, and what has a space in it is not two."""
    found = scanned(tmp_path / "db", [0, 1, 2], [(0, "a"), (1, "b"), (1, *odd), (2, "d")], made=made)
    shown = [row.disclosures for row in found if isinstance(row, Row)]
    assert shown == [[(0, "a", "body")], [(1, "b", "body"), (1, *odd)], [(2, "d", "body")]]


@stores
def test_a_reading_can_begin_in_the_middle(made: str, tmp_path: Path) -> None:
    """Nothing of what comes before is read."""
    values = [(0, "a"), (1, "b"), (2, "c")]
    assert brief(scanned(tmp_path / "db", [0, 1, 2], values, after=0, made=made)) == [(1, ["b"]), (2, ["c"])]
