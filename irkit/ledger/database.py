"""The SQLite file of an incident: its tables, how it is opened, and what its errors mean.

- One `BEGIN IMMEDIATE` a commit, issued by the caller; WAL, and one fdatasync a commit between WAL checkpoints.
- A reader never changes what it reads. A store in use, or left by a kill (it has a `-shm`), is read in place, `mode=ro`
  and without writing the shared memory; any other from a private copy of db and wal (or journal, where a sealed one was
  killed), gone from the disk once it is open.
- No file of a store is opened here by anything but SQLite while a connection of this process may have it open: closing
  such a file would drop SQLite's locks on it. That is why only a store without `-shm` is ever copied.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from irkit.errors import LedgerError

if TYPE_CHECKING:
    from sqlite_utils import Database

NAME = "ledger.db"
APPLICATION_ID = 0x69726B74        # "irkt"
BUSY_SECONDS = 60.0
TABLES = frozenset({"entries", "disclosures", "checkpoints", "tokens"})

_LINES = "CREATE TABLE entries(seq INTEGER PRIMARY KEY, line BLOB NOT NULL, leaf BLOB NOT NULL)"
_VALUES = """CREATE TABLE disclosures(seq INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(seq, digest))
    WITHOUT ROWID"""
_SCHEMA = f"""
{_LINES};
{_VALUES};
CREATE TABLE checkpoints(size INTEGER NOT NULL, key_id TEXT NOT NULL, note BLOB NOT NULL, PRIMARY KEY(size, key_id));
CREATE TABLE tokens(sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, key_id TEXT NOT NULL, raw BLOB NOT NULL);
"""
_TRIGGER = """
CREATE TRIGGER {table}_refuse_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
_ENTRIES = "SELECT seq, line, leaf FROM entries ORDER BY seq"
_ENTRIES_AFTER = "SELECT seq, line, leaf FROM entries WHERE seq > ? ORDER BY seq"
_DISCLOSURES = "SELECT seq, digest, body FROM disclosures ORDER BY seq, digest"
_DISCLOSURES_AFTER = "SELECT seq, digest, body FROM disclosures WHERE seq > ? ORDER BY seq, digest"
_JOINED = """SELECT seq, count(*), group_concat(CASE typeof(digest) WHEN 'text' THEN digest END, ' '),
group_concat(CASE typeof(body) WHEN 'text' THEN body END, ' ') FROM disclosures GROUP BY seq ORDER BY seq"""
_JOINED_AFTER = _JOINED.replace("GROUP", "WHERE seq > ? GROUP")
_MADE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name IN ('entries', 'disclosures') ORDER BY name DESC"
_NOTES = "SELECT size, key_id, note FROM checkpoints ORDER BY size, rowid"
_NOTES_AFTER = "SELECT size, key_id, note FROM checkpoints WHERE size > ? ORDER BY size, rowid"
_END: tuple[Any, Iterator[Any]] = (b"", iter(()))
_NONE: tuple[Any, int, str, str] = (None, 0, "", "")
_MOST = 2000                       # values of an entry; a line has room for fewer
_MOST_BYTES = 64 << 20             # of the values of one entry, to be read as one text


_first = operator.itemgetter(0)


Values = tuple[str, str] | list[tuple[Any, Any, Any]]
_NOTHING = ("", "")


class Row(NamedTuple):
    """One entry as stored; of a changed store, anything.

    `values` are its disclosures, see `together`. `withheld` are the digests that an export lists as withheld.
    """

    seq: int
    line: Any
    leaf: Any
    values: Values
    withheld: Collection[str] = ()

    @property
    def digests(self) -> list[Any]:
        """Of each value, in order."""
        return [one[1] for one in self.values] if isinstance(self.values, list) else _apart(self.values[0])

    @property
    def bodies(self) -> list[Any]:
        """The same of bodies."""
        return [one[2] for one in self.values] if isinstance(self.values, list) else _apart(self.values[1])

    @property
    def disclosures(self) -> list[tuple[Any, Any, Any]]:
        """(seq, digest, body) of each value, sorted by digest."""
        if isinstance(self.values, list):
            return self.values
        return [(self.seq, digest, body) for digest, body in zip(self.digests, self.bodies, strict=True)]


def together(disclosures: list[tuple[Any, Any, Any]]) -> Values:
    """Digests as one text and bodies as another, with a space between two. Where those could not be told apart, as they are.

    None of the texts is empty where there are values, so that two empty ones are no values.
    """
    try:
        digests, bodies = " ".join([one[1] for one in disclosures]), " ".join([one[2] for one in disclosures])
    except TypeError:
        return disclosures
    if not disclosures:
        return _NOTHING
    return (digests, bodies) if digests and bodies and digests.count(" ") == bodies.count(" ") == len(disclosures) - 1 \
        else disclosures


def _apart(text: str) -> list[str]:
    return text.split(" ") if text else []


class Orphan(NamedTuple):
    """A stored disclosure that belongs to no entry."""

    seq: Any
    digest: Any


class Noted(NamedTuple):
    """A stored note. It comes after the entries it covers."""

    size: Any
    key_id: Any
    note: Any


def create(path: Path) -> None:
    """Lay out an empty store, readable by its owner alone."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    triggers = [_TRIGGER.format(table=table, verb=verb) for table in sorted(TABLES) for verb in ("UPDATE", "DELETE")]
    with contextlib.closing(_connect(path, "mode=rw")) as db:
        db.execute("PRAGMA journal_mode=WAL").fetchall()       # lasts; a sealed incident gives it up
        _settings(db)
        db.executescript(f"BEGIN; {_SCHEMA} {''.join(triggers)} PRAGMA application_id={APPLICATION_ID}; COMMIT;")


def open_writer(path: Path) -> Database:
    """A connection that appends. Usable from several threads, one at a time. Raises LedgerError for a foreign database."""
    db = _connect(path, "mode=rw")
    _must_be_ours(db, path)
    _settings(db)
    return db


def _settings(db: Database) -> None:
    for pragma in ("synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF",
                   *(("fullfsync=ON", "checkpoint_fullfsync=ON") if sys.platform == "darwin" else ())):
        db.execute(f"PRAGMA {pragma}").fetchall()


def leave_wal(db: Database) -> bool:
    """Have one file instead of three from now on. False while another process has the store open."""
    try:
        return bool(db.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete")
    except sqlite3.OperationalError:
        return False


def forget(connection: sqlite3.Connection, seq: int, digests: Collection[str]) -> None:
    """Delete values of an entry, inside the transaction of the caller, who answers for the ground."""
    connection.execute("DROP TRIGGER disclosures_refuse_DELETE")
    connection.executemany("DELETE FROM disclosures WHERE seq = ? AND digest = ?", [(seq, digest) for digest in digests])
    connection.execute(_TRIGGER.format(table="disclosures", verb="DELETE"))


def rewrite(db: Database) -> bool:
    """Write the store anew, so that no page and no wal keeps what was deleted. False when another process reads it too long.

    `secure_delete` alone leaves copies behind in pages that were split before the deletion.
    """
    try:
        db.execute("VACUUM")
        return bool(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    except sqlite3.OperationalError:
        return False


def layout(path: Path) -> list[tuple[Any, ...]]:
    """Application id, tables, triggers and indexes as SQL. Raises ValueError where the file's pages do not fit together."""
    with contextlib.closing(_connect(path, "mode=ro")) as db:
        db.execute("PRAGMA trusted_schema=OFF")
        found = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchmany(100)
        if (problem := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise ValueError(str(problem)[:200])
        return [tuple(db.execute("PRAGMA application_id").fetchone()), *map(tuple, found)]


def use_wal(path: Path) -> None:
    """Have a store that was copied whole written as an open incident's is."""
    with contextlib.closing(_connect(path, "mode=rw")) as db:
        db.execute("PRAGMA journal_mode=WAL").fetchall()


def continued(path: Path, longer: Path) -> int:
    """Take over the rows that a continuation of this store has more, and let go of values that it no longer has.

    Returns the number of new entries. Raises LedgerError when the entries here are not the first ones there.
    """
    with contextlib.closing(open_writer(path)) as db:
        db.execute("ATTACH DATABASE ? AS packed", (str(longer),))
        connection = db.conn
        connection.execute("BEGIN IMMEDIATE")
        try:
            other = "SELECT e.seq FROM entries e LEFT JOIN packed.entries p USING (seq) WHERE p.leaf IS NOT e.leaf LIMIT 1"
            if (fork := connection.execute(other).fetchone()) is not None:
                raise LedgerError(f"entry {fork[0]} is another one in the pack; nothing was changed", where=str(path))
            gone = connection.execute("SELECT seq, digest FROM disclosures EXCEPT SELECT seq, digest FROM packed.disclosures")
            for seq, digest in gone.fetchall():
                forget(connection, seq, [digest])
            added = connection.execute("INSERT OR IGNORE INTO entries SELECT * FROM packed.entries ORDER BY seq").rowcount
            for table in sorted(TABLES - {"entries"}):
                connection.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM packed.{table}")  # noqa: S608  (own names)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return int(added)


def open_reader(path: Path) -> Database:
    """A connection that reads, and leaves the folder exactly as it is."""
    if _shared_memory(path).exists():
        with contextlib.suppress(sqlite3.OperationalError):
            return _reader(path, "mode=ro&readonly_shm=1")
    with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
        copy = Path(folder, NAME)
        while not _copied(path, copy):
            if _shared_memory(path).exists():
                return open_reader(path)
        return _reader(copy, "mode=rw")


def _reader(path: Path, how: str) -> Database:
    db = _connect(path, how)
    db.execute("PRAGMA query_only=ON")
    db.execute("PRAGMA trusted_schema=OFF")
    _must_be_ours(db, path)             # opens db and wal now, while they are there
    return db


def _must_be_ours(db: Database, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        db.close()
        raise LedgerError(f"{path.name} is not a ledger that irkit wrote", where=str(path), next="irkit incident list")


def _connect(path: Path, how: str) -> Database:
    from sqlite_utils import Database
    uri = f"file:{quote(str(path.resolve()))}?{how}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    return Database(connection, recursive_triggers=True, execute_plugins=False)


def _shared_memory(path: Path) -> Path:
    return path.with_name(path.name + "-shm")


def _copied(path: Path, copy: Path) -> bool:
    """Copy db and what a kill left beside it; False when the store changed, or came into use, meanwhile."""
    files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-journal"))]

    def state() -> list[tuple[int, int, int] | None]:
        found = [file.stat() if file.exists() else None for file in files]
        return [(s.st_ino, s.st_size, s.st_mtime_ns) if s else None for s in found]

    before = state()
    for file in files:
        if file.exists():
            shutil.copyfile(file, copy.with_name(copy.name + file.name.removeprefix(path.name)))
    return before == state() and not _shared_memory(path).exists()


def scan(connection: sqlite3.Connection, after: int | None = None) -> Iterator[Row | Orphan | Noted]:
    """Everything in order, as a stream: entries with seq > `after`, stray disclosures, and each note after what it covers.

    Of the notes, those over more than `after` entries. One statement for each table: call it inside a transaction, or where
    nobody writes in between.
    """
    bound = () if after is None else (after,)
    notes = iter(connection.execute(_NOTES if after is None else _NOTES_AFTER, bound))
    due = next(notes, None)
    for found in _entries(connection, bound):
        while due is not None and isinstance(found, Row) and _sorts_before(due[0], found.seq + 1):
            yield Noted(*due)
            due = next(notes, None)
        yield found
    while due is not None:
        yield Noted(*due)
        due = next(notes, None)


def _entries(connection: sqlite3.Connection, bound: tuple[int, ...]) -> Iterator[Row | Orphan]:
    """Entries, and what is stored of values: those of an entry as one text, until something is not as irkit writes it."""
    rest = yield from _joined(connection, bound)
    if rest is not None:
        yield from _one_by_one(connection, rest)


def _joined(connection: sqlite3.Connection, bound: tuple[int, ...]) -> Generator[Row, None, tuple[int, ...] | None]:
    """Entries as long as all values are text and have one. Returns after which entry something else comes, if it does.

    SQLite joins the values of an entry: that costs this process a fraction of what as many rows do. That they come in order is
    sure of tables as irkit makes them.
    """
    if connection.execute(_MADE).fetchall() != [(_LINES,), (_VALUES,)]:
        return bound
    most = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    try:
        entries = connection.execute(_ENTRIES_AFTER if bound else _ENTRIES, bound)
        values = connection.execute(_JOINED_AFTER if bound else _JOINED, bound)
        of, count, digests, bodies = next(values, _NONE)
        for seq, line, leaf in entries:
            if count and of == seq and digests and bodies and digests.count(" ") == bodies.count(" ") == count - 1 < _MOST:
                yield Row(seq, line, leaf, (digests, bodies))
                of, count, digests, bodies = next(values, _NONE)
            elif not count or of > seq:
                yield Row(seq, line, leaf, _NOTHING)
            else:
                return bound
            bound = (seq,)
        return bound if count else None
    except (sqlite3.DataError, TypeError, AttributeError):     # too long a text, a number that is none, no text
        return bound
    finally:
        with contextlib.suppress(sqlite3.ProgrammingError):    # whoever read no further has closed it by now
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most)


def _one_by_one(connection: sqlite3.Connection, bound: tuple[int, ...]) -> Iterator[Row | Orphan]:
    """The same of any store. What belongs to no entry comes where it stands."""
    entries = connection.execute(_ENTRIES_AFTER if bound else _ENTRIES, bound)
    groups = itertools.groupby(connection.execute(_DISCLOSURES_AFTER if bound else _DISCLOSURES, bound), _first)
    of, group = next(groups, _END)
    for seq, line, leaf in entries:
        if type(seq) is not int:                            # only where the table was made anew
            raise sqlite3.DatabaseError(f"the number of an entry is {seq!r}")
        while of != seq and _sorts_before(of, seq):         # of the entry before nothing is left, unless it has too many
            yield from (Orphan(*one[:2]) for one in group)
            of, group = next(groups, _END)
        yield Row(seq, line, leaf, together(list(itertools.islice(group, _MOST))) if of == seq else _NOTHING)
    while group is not _END[1]:
        yield from (Orphan(*one[:2]) for one in group)
        of, group = next(groups, _END)


def _sorts_before(found: Any, seq: int) -> bool:
    """As SQLite sorts; a changed store may hold NULL, which comes first, and text or bytes, which come last."""
    return found is None or (not isinstance(found, str | bytes) and found < seq)
