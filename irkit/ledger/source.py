"""Where a verification reads from: the store of an incident's folder. A bag is the other source (`irkit.ledger.bag`)."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from irkit.ledger import database
from irkit.ledger.artefacts import PART, Artefacts
from irkit.ledger.database import Noted, Orphan, Row
from irkit.ledger.finding import CONTRADICTED, NOT_CHECKED, Finding
from irkit.ledger.trouble import no_incident

_REFUSED = ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_PERM", "SQLITE_READONLY")


class Withheld(NamedTuple):
    """An entry of which an export shows the leaf alone."""

    seq: int
    leaf: bytes


class Trouble(Exception):
    """The source cannot be read any further. `level` is that of the finding it becomes."""

    def __init__(self, mechanism: str, what: str, meaning: str, detail: str = "", level: str = CONTRADICTED) -> None:
        super().__init__(what)
        self.mechanism, self.what, self.meaning, self.detail, self.level = mechanism, what, meaning, detail, level


Found = Callable[[Finding], None]
Event = Row | Orphan | Noted | Withheld


class Source(Protocol):
    """A ledger to be verified, read without changing it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def events(self, found: Found) -> Iterator[Event]:
        """Everything in order, each note after what it covers. Raises Trouble where reading ends too early."""

    def notes(self) -> Iterator[bytes]:
        """All notes, in any order."""

    def tokens(self) -> Iterator[tuple[str, bytes]]:
        """All answers of time-stamp authorities, by the SHA-256 they are filed under."""

    def artefact(self, sha256: str, size: int) -> tuple[str, str]:
        """What is wrong with an artefact: level and verb phrase, or two empty texts."""


class FolderSource:
    """The store of an incident, as another process may be writing it."""

    def __init__(self, folder: Path) -> None:
        """Raises LedgerError when the folder holds no store."""
        self.folder, self._path = folder, folder / database.NAME
        try:
            if not stat.S_ISREG(self._path.lstat().st_mode):
                raise no_incident(folder)
        except OSError:
            raise no_incident(folder) from None
        self._artefacts = Artefacts(folder)
        self._stack = contextlib.ExitStack()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _read(self) -> sqlite3.Connection:
        """The store in one transaction, however often it is asked."""
        if self._connection is None:
            db = self._stack.enter_context(contextlib.closing(database.open_reader(self._path)))
            db.conn.execute("BEGIN")
            self._connection = db.conn
        return self._connection

    def events(self, found: Found) -> Iterator[Event]:
        with _explained():
            connection = self._read()
            there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for name in sorted(database.TABLES - there):
                found(Finding(None, "store", f"the table {name} is missing", "The store was changed."))
            yield from database.scan(connection)

    def _has(self, table: str) -> bool:
        """Whether the table is there; `events` reports those that are not."""
        return bool(self._read().execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone())

    def notes(self) -> Iterator[bytes]:
        with _explained():
            for (note,) in self._read().execute("SELECT note FROM checkpoints") if self._has("checkpoints") else ():
                if isinstance(note, bytes):
                    yield note

    def tokens(self) -> Iterator[tuple[str, bytes]]:
        with _explained():
            tokens = "SELECT sha256, raw FROM tokens ORDER BY size, sha256"
            for sha256, raw in self._read().execute(tokens) if self._has("tokens") else ():
                yield str(sha256), raw if isinstance(raw, bytes) else b""

    def artefact(self, sha256: str, size: int) -> tuple[str, str]:
        return self._artefacts.problem(sha256, size, whole=True)

    def left_over(self, listed: set[str]) -> list[str]:
        """What lies beside the artefacts and belongs to no entry: a killed process leaves such files behind."""
        folder = self._artefacts.folder
        there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
        parts = {name for name in there if name.startswith(PART)}
        unlisted = sorted(there - parts - listed)
        return [f"{len(parts)} unfinished in artifacts/, left by a process that was stopped"] * bool(parts) + \
               [f"{len(unlisted)} in artifacts/ that no entry lists: {', '.join(unlisted[:3])}"] * bool(unlisted)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        refused = isinstance(error, OSError) or str(getattr(error, "sqlite_errorname", "")).startswith(_REFUSED)
        meaning = "The disk or its permissions refuse." if refused else "The file was damaged."
        raise Trouble("store", "the store cannot be read", meaning, str(error),
                      NOT_CHECKED if refused else CONTRADICTED) from None
