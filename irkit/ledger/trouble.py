"""What SQLite and the file system say, turned into a sentence, a place and a next command."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from irkit.errors import IrkitError, LedgerError


def verify_command(folder: Path) -> str:
    return f"irkit ledger verify {folder.name}"


def no_incident(folder: Path) -> LedgerError:
    what = f"{folder.name} is no incident: it has no ledger.db" if folder.is_dir() else f"there is no incident {folder.name}"
    return LedgerError(what, where=str(folder), next="irkit incident list")


class explained:                # in small letters: it reads as a clause
    """Turn what SQLite and the file system say into a sentence. LedgerError when the store itself is at fault."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise _explain(error, self._folder) from error
        if isinstance(error, OSError):
            what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
            raise IrkitError(f"{what}; nothing was appended", where=str(error.filename or self._folder),
                             next=_look(self._folder)) from error


def _look(folder: Path) -> str:
    there = folder if folder.exists() else folder.parent
    return f"df -h {there}; ls -la {there}"


def _explain(error: sqlite3.Error, folder: Path) -> IrkitError:
    name, where = getattr(error, "sqlite_errorname", "") or "", str(folder)
    if name.startswith("SQLITE_FULL"):
        return IrkitError("the disk is full; nothing was appended", where=where, next=_look(folder))
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return IrkitError("the ledger cannot be written: the folder or the file is read-only; nothing was appended",
                          where=where, next=_look(folder))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return IrkitError("another process kept the ledger locked too long; nothing was appended",
                          where=where, next="try again")
    if name.startswith("SQLITE_IOERR"):
        return IrkitError("the disk refused to read or write the ledger; nothing was appended", where=where, next=_look(folder))
    if name.startswith("SQLITE_NOTADB"):
        return LedgerError("ledger.db is no database, or its first bytes were changed", where=where,
                           next=verify_command(folder))
    return LedgerError(f"the ledger's file is damaged: {error}", where=where, next=verify_command(folder))
