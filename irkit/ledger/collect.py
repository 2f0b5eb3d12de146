"""A collection: many pages streamed into one artefact, byte for byte, and an index of them as a second one.

The index is JSON lines: {"length", "offset", "page", "sha256"} of each page, in order.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from irkit.ledger.artefacts import Artefact, Artefacts, Page, Part
from irkit.ledger.entry import canonical

HELD = 1 << 20       # bytes of a page that wait in memory


class Collector:
    """Takes the pages of one collection. Belongs to one thread."""

    def __init__(self, name: str, artefacts: Artefacts, add: Callable[..., list[Artefact]]) -> None:
        self.name = name
        self._add = add
        self._data, self._index = Part(artefacts), Part(artefacts)
        self._pages = 0
        self._begun = (0, self._data.mark(), self._index.mark())
        self._page_hash = hashlib.sha256()

    def begin(self) -> None:
        """A page starts."""
        self._begun = (self._pages, self._data.mark(), self._index.mark())
        self._page_hash = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self._page_hash.update(chunk)
        return self._data.write(chunk)

    def tell(self) -> int:
        """Bytes so far."""
        return self._data.size

    def rollback(self) -> None:
        """Drop everything since `begin`, the page too if it has ended."""
        self._pages, data, index = self._begun
        self._data.back(data)
        self._index.back(index)
        self._page_hash = hashlib.sha256()

    def end(self) -> Page:
        """The page is whole."""
        offset = self._begun[1][0]
        page = Page(self._pages + 1, offset, self._data.size - offset, self._page_hash.hexdigest())
        self._pages = page.number
        self._index.write(canonical({"length": page.length, "offset": page.offset, "page": page.number, "sha256": page.sha256})
                          .encode() + b"\n")
        self._data.flush()
        return page

    def open(self, page: Page) -> BinaryIO:
        """The page's bytes, read from the disk, also once the collection is kept."""
        return cast(BinaryIO, io.BufferedReader(_Slice(self._data.path, page.offset, page.length)))

    def keep(self, *, run: str | None = None, step: str | None = None, item: int | None = None) -> tuple[Artefact, Artefact]:
        """Make both artefacts durable, then list them in the ledger in one commit: the collection, and its index."""
        try:
            (sha256, size), (index_sha256, index_size) = self._data.finish(), self._index.finish()
        finally:
            self.discard()
        data, index = self._add(
            [{"artefact.name": self.name, "artefact.sha256": sha256, "artefact.size": size},
             {"artefact.name": f"{self.name}, index of pages", "artefact.sha256": index_sha256, "artefact.size": index_size,
              "artefact.index_of": sha256}], {}, "copied", run=run, step=step, item=item)
        return data, index

    def discard(self) -> None:
        """Forget what was collected and not kept."""
        self._data.discard()
        self._index.discard()


class Arriving:
    """A page while it arrives. Up to `HELD` bytes wait in memory until `store`; a longer page goes to the disk as it comes.

    `ready` is called before the first byte goes to the collection: there the page before must have been stored.
    """

    def __init__(self, collector: Collector, ready: Callable[[], object]) -> None:
        self._collector, self._ready = collector, ready
        self._chunks: list[bytes] = []
        self._page: Page | None = None
        self.held = True
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._chunks.append(chunk)
        if not self.held or self.size > HELD:
            self._spill()

    def open(self) -> BinaryIO:
        """The bytes, whether stored or not."""
        if self.held:
            return io.BytesIO(b"".join(self._chunks))
        return self._collector.open(self.store())

    def store(self) -> Page:
        """The page is whole: give it its place in the collection."""
        if self._page is None:
            self._spill()
            self._page = self._collector.end()
        return self._page

    def drop(self) -> None:
        """The page is no part of the collection."""
        if not self.held:
            self._collector.rollback()

    def _spill(self) -> None:
        if self.held:
            self._ready()
            self._collector.begin()
            self.held = False
        for chunk in self._chunks:
            self._collector.write(chunk)
        self._chunks.clear()


class _Slice(io.RawIOBase):
    """`length` bytes of a file from `offset`, and nothing beyond."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(offset)
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[:self._left]
        count = self._file.readinto(view) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
