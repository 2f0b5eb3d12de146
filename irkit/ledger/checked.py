"""A store that is open, and checked as it is read: chain, notes, signatures and digests, before anything leaves it."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from irkit.errors import LedgerError
from irkit.ledger import database
from irkit.ledger.artefacts import Artefact, Artefacts
from irkit.ledger.check import Checker
from irkit.ledger.entry import Entry, leaf_hash
from irkit.ledger.finding import Finding
from irkit.ledger.policy import Policy
from irkit.ledger.trouble import explained, verify_command

if TYPE_CHECKING:
    from sqlite_utils import Database

_TAIL = "SELECT seq, leaf, (SELECT count(*) FROM checkpoints WHERE size = ?) FROM entries ORDER BY seq DESC LIMIT 1"
_CHUNK = 256                  # entries read at once
_CHECKED_BYTES = 8 << 20      # of lines, the most that the check on open hands on to the first reading
_RECENT_BYTES = 1 << 16       # the same of what is taken up or written after that: a walk reads after each entry


class CheckedStore:
    """An incident's entries, artefacts, notes and tokens. Usable from many threads."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder = folder
        self._db = db
        self._artefacts = Artefacts(folder)
        self._turn = threading.Lock()                  # held by whoever commits or reads
        self._recent: deque[Entry] = deque()           # checked or written just now: for the reading that comes next
        self._recent_bytes, self._recent_most = 0, _CHECKED_BYTES
        self._refused: Finding | None = None           # what was found; from then on nothing is read or appended
        self._checker = Checker(self._refuse, self._artefact_problem, strict=False)

    @property
    def mode(self) -> str:
        """live, drill or test."""
        return self._checker.attest.mode

    @property
    def origin(self) -> str:
        """`irkit/<mode>/<32 hex>`: the `log` of every entry."""
        return self._checker.attest.origin

    @property
    def policy(self) -> Policy:
        """What genesis demands."""
        return self._checker.attest.policy

    @property
    def sealed(self) -> bool:
        """Whether the incident was closed for good."""
        return self._checker.attest.sealed is not None

    @property
    def holds(self) -> frozenset[int]:
        """The hold.placed entries that still stand."""
        return frozenset(self._checker.attest.holds)

    @property
    def size(self) -> int:
        """How many entries this ledger has taken up."""
        return self._checker.next

    def _check(self) -> None:
        with _snapshot(self._db), _no_collection():
            self._take_up()
        self._recent_most = _RECENT_BYTES              # from the next entry on: what the check read waits for its reader
        if self._checker.next == 0:
            raise LedgerError("the ledger has no entries", where=str(self.folder), next=verify_command(self.folder))

    # -- reading -------------------------------------------------------------------------------------------------

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """Committed entries with seq > `after`, in order, those of other processes too; a stream that holds few at a time.

        Raises LedgerError at the first one that does not verify.
        """
        while chunk := self._read(after):
            yield from chunk
            if (after := chunk[-1].seq) >= self._checker.next - 1:         # that reading went to the end
                return

    def last(self) -> int:
        """The highest committed seq."""
        with self._turn, explained(self.folder):
            found: int = self._db.conn.execute("SELECT max(seq) FROM entries").fetchone()[0]
        return found

    def rows(self) -> Iterator[database.Row | database.Orphan | database.Noted]:
        """The store as it stands, in one reading: lines, disclosures and notes, for exports."""
        with self._turn, explained(self.folder), _snapshot(self._db):
            yield from database.scan(self._db.conn)

    def newest_note(self) -> bytes | None:
        """The newest checkpoint note, whichever session signed it; None before the first."""
        with self._turn, explained(self.folder):
            found = self._db.conn.execute("SELECT note FROM checkpoints ORDER BY size DESC, rowid DESC LIMIT 1").fetchone()
        return found[0] if found else None

    def tokens(self) -> Iterator[tuple[str, int, str, bytes]]:
        """SHA-256, size and key of the note, and the authority's whole answer, of each token."""
        with self._turn, explained(self.folder):
            yield from self._db.conn.execute("SELECT sha256, size, key_id, raw FROM tokens ORDER BY size, sha256").fetchall()

    def kept(self, which: str) -> Artefact | None:
        """The artefact of that SHA-256, or the newest of that name; None where neither is listed."""
        found = None
        for entry in self.entries():
            if entry.kind == "artefact.added" and which in (entry.disclosed.get("artefact.sha256"),
                                                            entry.disclosed.get("artefact.name")):
                shown = entry.disclosed
                found = Artefact(shown["artefact.sha256"], int(shown["artefact.size"]), shown["artefact.name"], entry.seq)
        return found

    def open_artefact(self, sha256: str) -> BinaryIO:
        """The bytes of an artefact. Raises LedgerError when it is missing."""
        return self._artefacts.open(sha256)

    def artefact_names(self) -> set[str]:
        """The SHA-256 of every artefact that the entries taken up so far name."""
        return set(self._checker.artefacts)

    def copy_store(self, path: Path) -> None:
        """Write the store as it stands to a new file, without its log and without what was deleted from it."""
        with self._turn, explained(self.folder):
            self._db.conn.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        with self._turn:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, after: int) -> list[Entry]:
        with self._turn, explained(self.folder), _snapshot(self._db):
            self._take_up()
            if after >= self._checker.next - 1:
                return []
            if recent := self._handed_on(after):
                return recent
            rows = islice(database.scan(self._db.conn, after), _CHUNK)
            entries = [self._entry(row) for row in rows if isinstance(row, database.Row)]
            self._checker.end()
            return entries

    def _entry(self, row: database.Row) -> Entry:
        """One row again: it was checked in its place before."""
        leaf = leaf_hash(row.line)
        read = self._checker.read(row, leaf)
        assert read is not None                        # `_refuse` has raised
        return Entry.of(read[0], row.line, leaf, read[1])

    def _take_up(self) -> None:
        """Check the rows that this ledger has not seen yet, inside the caller's transaction."""
        if self._refused is not None:
            self._refuse(self._refused)
        due = self._checker.next
        tail = self._db.conn.execute(_TAIL, (due,)).fetchone()
        if tail == (due - 1, self._checker.leaf, self._checker.attest.notes_at_the_end):
            return
        if due and (tail is None or (tail[0] < due and tail[:2] != (due - 1, self._checker.leaf))):
            self._refuse(Finding(due - 1, "chain", f"entry {due - 1} was changed or removed while the ledger was open", ""))
        for found in database.scan(self._db.conn, due - 1 if due else None):
            if isinstance(found, database.Noted):
                self._checker.attest.note(*found)
            elif isinstance(found, database.Orphan):
                self._checker.orphan(found.seq, found.digest)
            elif (read := self._checker.feed(found)) is not None:
                self._remember(Entry.of(read[0], found.line, found.leaf, read[1]))
        self._checker.end()

    def _remember(self, entry: Entry) -> None:
        """Spare the first reading a second pass over what was just checked or written, unless that takes too much memory."""
        if entry.kind == "erased":                     # a value that is gone is gone from here, too
            self._recent.clear()
            self._recent_bytes = 0
        self._recent.append(entry)
        self._recent_bytes += len(entry.line)
        while self._recent_bytes > self._recent_most:
            self._next_recent()

    def _handed_on(self, after: int) -> list[Entry]:
        """The entries after that one, as far as they wait to be read for the first time; each later reading is of the store."""
        while self._recent and self._recent[0].seq <= after:
            self._next_recent()
        if not self._recent or self._recent[0].seq > after + 1:
            return []
        return [self._next_recent() for _ in range(min(len(self._recent), _CHUNK))]

    def _next_recent(self) -> Entry:
        entry = self._recent.popleft()
        self._recent_bytes -= len(entry.line)
        return entry

    def _refuse(self, finding: Finding) -> None:
        self._refused = finding
        place = "the store" if finding.entry is None else f"entry {finding.entry}"
        raise LedgerError(f"{finding.what} ({finding.mechanism}); nothing is sent or appended while this is so",
                          where=f"{place} of {self.folder / database.NAME}", next=verify_command(self.folder))

    def _artefact_problem(self, sha256: str, size: int) -> tuple[str, str]:
        return self._artefacts.problem(sha256, size, whole=False)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without looking for cycles: checking makes none, and what is kept of it would be looked through time and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def _snapshot(db: Database) -> Iterator[None]:
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.execute("ROLLBACK")
