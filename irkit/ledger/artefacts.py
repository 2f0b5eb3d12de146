"""The artefacts of an incident: files named by their SHA-256, mode 0400, never changed.

A file is written under a temporary name, fsynced, linked to its name, and its folder fsynced, all before the entry that
lists it commits. What a killed process left under a temporary name (".part-…") belongs to no entry.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from irkit.errors import IrkitError, LedgerError
from irkit.ledger.finding import CONTRADICTED, MISSING, NOT_CHECKED
from irkit.ledger.trouble import explained

FOLDER = "artifacts"
PART = ".part-"
SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


def sync_file(descriptor: int) -> None:
    """Have the bytes on the medium: on macOS a plain fsync leaves them in the drive's cache."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the medium."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def must_be_free(folder: Path) -> None:
    """Raises IrkitError where there is something under the name that an incident shall have."""
    if folder.exists():
        raise IrkitError(f"there is already something called {folder.name}", where=str(folder), next="irkit incident list")


def appear(making: Path, folder: Path) -> None:
    """Give a finished incident its name, durably. Raises IrkitError where somebody took it since it was looked for."""
    try:
        making.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise IrkitError(f"somebody else made {folder.name} just now", where=str(folder),
                         next="irkit incident list; then the same again, under another name") from None
    sync_folder(folder.parent)


class Artefacts:
    """The folder `artifacts/` of one incident."""

    def __init__(self, incident: Path) -> None:
        self.folder = incident / FOLDER

    def path(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise LedgerError(f"{sha256[:80]!r} is no SHA-256 of an artefact", where=str(self.folder))
        return self.folder / sha256

    def open(self, sha256: str) -> BinaryIO:
        """The artefact, hashed before it is handed out. Raises LedgerError when it is missing or was changed."""
        path = self.path(sha256)
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise LedgerError(f"the artefact {sha256} is missing", where=str(path)) from error
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            file.close()
            raise LedgerError(f"the artefact {sha256} was changed after it was kept", where=str(path))
        file.seek(0)
        return file

    def add(self, content: bytes | Path | BinaryIO) -> tuple[str, int]:
        """Store bytes, a copy of a file, or a stream to its end. Returns SHA-256 in hex and size. The same is stored once."""
        with Part(self) as part:
            if isinstance(content, bytes):
                part.write(content)
            else:
                with content.open("rb") if isinstance(content, Path) else contextlib.nullcontext(content) as file:
                    shutil.copyfileobj(file, part, _CHUNK)
            return part.finish()

    def problem(self, sha256: str, size: int, *, whole: bool) -> tuple[str, str]:
        """What is wrong with an artefact: the level of the finding and a verb phrase. `whole` also hashes it."""
        if not SHA256.fullmatch(sha256):
            return CONTRADICTED, "has a name that is no SHA-256"
        try:
            found = os.lstat(self.folder / sha256)
            if not stat.S_ISREG(found.st_mode):
                return CONTRADICTED, "is no plain file"
            if found.st_size != size:
                return CONTRADICTED, f"has {found.st_size:,} bytes, not {size:,}"
            if whole and (now := hash_file(self.folder / sha256)) != sha256:
                return CONTRADICTED, f"has bytes that hash to {now}"
        except FileNotFoundError:
            return MISSING, "is missing"
        except OSError as error:
            return NOT_CHECKED, f"cannot be read: {error.strerror}"
        return "", ""


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Part:
    """A file on its way to becoming an artefact: hashed as it is written, and able to go back to an earlier length."""

    def __init__(self, artefacts: Artefacts) -> None:
        self._artefacts = artefacts
        self.path = artefacts.folder / f"{PART}{secrets.token_hex(8)}"
        self._file = open(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "r+b")  # noqa: SIM115
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, chunk: bytes) -> int:
        with explained(self.path.parent):
            written = self._file.write(chunk)
        self._hash.update(chunk)
        self.size += written
        return written

    def flush(self) -> None:
        self._file.flush()

    def mark(self) -> tuple[int, Any]:
        """Where the file stands now, for `back`."""
        return self.size, self._hash.copy()

    def back(self, mark: tuple[int, Any]) -> None:
        """Drop everything written since the mark was taken."""
        self.size, self._hash = mark[0], mark[1].copy()
        self._file.flush()
        self._file.seek(self.size)
        self._file.truncate()

    def finish(self) -> tuple[str, int]:
        """Put the file in its place, durably. Returns its SHA-256 in hex and its size."""
        sha256 = self._hash.hexdigest()
        place = self._artefacts.path(sha256)
        self._file.flush()
        os.fchmod(self._file.fileno(), 0o400)
        sync_file(self._file.fileno())
        self._file.close()
        if place.exists():
            if hash_file(place) != sha256:
                raise LedgerError(f"the artefact {sha256} was changed after it was kept", where=str(place))
            self.path.unlink()
        else:
            self.path.rename(place)
        self.path = place
        sync_folder(place.parent)
        return sha256, self.size

    def discard(self) -> None:
        """Forget the file, unless it was put in its place."""
        with contextlib.suppress(OSError):      # a full disk refuses the last buffer again
            self._file.close()
        if self.path.name.startswith(PART):
            self.path.unlink(missing_ok=True)


# -- collections -------------------------------------------------------------------------------------------------

class Artefact(Struct, frozen=True):
    """An artefact as listed: `seq` is its entry."""

    sha256: str
    size: int
    name: str
    seq: int


class Page(Struct, frozen=True):
    """One page of a collection: where its bytes lie in the artefact."""

    number: int
    offset: int
    length: int
    sha256: str
