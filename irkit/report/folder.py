"""A folder that appears under its name whole or not at all: written beside it, every file fsynced, then renamed.

Folders 0700, files 0600: an export holds personal data, and whoever makes it decides who else reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Self

from irkit.errors import IrkitError, UsageError
from irkit.ledger.artefacts import sync_file, sync_folder

_CHUNK = 1 << 20


class Written(NamedTuple):
    sha256: str
    size: int


class Hashed:
    """A file that is hashed as it is written. `write` takes text for UTF-8, `raw` bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    def write(self, text: str, /) -> int:
        return self.raw(text.encode("utf-8", "replace"))

    def raw(self, chunk: bytes) -> int:
        self._hash.update(chunk)
        self.size += len(chunk)
        return self._file.write(chunk)

    def written(self) -> Written:
        return Written(self._hash.hexdigest(), self.size)


class Folder:
    """A folder on its way to `target`, which must not be there. A context manager: gone when it ends without `publish`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.files: dict[str, Written] = {}            # by their path inside, with slashes
        self._making = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        self._published = False

    def __enter__(self) -> Self:
        if os.path.lexists(self.target):
            raise UsageError(f"{self.target} exists already and is not overwritten", next="give another --output")
        with self._explained():
            self._making.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._published:
            shutil.rmtree(self._making, ignore_errors=True)

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Hashed]:
        """A file inside; written again, it takes the place of the first."""
        path = self._making / PurePosixPath(name)
        with self._explained():
            for parent in reversed(path.relative_to(self._making).parents[:-1]):
                (self._making / parent).mkdir(mode=0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
                hashed = Hashed(raw)
                yield hashed
                raw.flush()
                sync_file(raw.fileno())
        self.files[name] = hashed.written()

    def put(self, name: str, content: bytes | str) -> Written:
        with self.file(name) as file:
            file.raw(content.encode() if isinstance(content, str) else content)
        return self.files[name]

    def copy(self, name: str, source: BinaryIO) -> Written:
        with source, self.file(name) as file:
            while chunk := source.read(_CHUNK):
                file.raw(chunk)
        return self.files[name]

    def publish(self) -> None:
        """Have the folder stand under its name. Raises UsageError when something else came to stand there meanwhile."""
        with self._explained():
            for inner, _, _ in os.walk(self._making):
                sync_folder(Path(inner))
            if os.path.lexists(self.target):
                raise UsageError(f"{self.target} exists already and is not overwritten", next="give another --output")
            self._making.rename(self.target)
            self._published = True
            sync_folder(self.target.parent)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise IrkitError(f"{self.target} could not be written whole, and nothing of it was left: {error.strerror}",
                             where=str(self.target.parent), next=f"df -h {self.target.parent}") from error
