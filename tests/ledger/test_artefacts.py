"""Files kept with the incident, and collections streamed into them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from irkit.errors import LedgerError
from irkit.ledger import Arriving, Ledger
from irkit.ledger.collect import HELD
from irkit.ledger.verify import verify


def test_bytes_and_files_are_kept(ledger: Ledger, tmp_path: Path) -> None:
    """Named by their hash, listed by an entry whose name, size and hash can be withheld."""
    source = tmp_path / "export.csv"
    source.write_bytes(b"a,b\n" * 1000)
    kept = ledger.keep("export.csv", source, media_type="text/csv", step="attach", run="r1", item=4, by="human")
    assert (kept.size, kept.sha256) == (4000, hashlib.sha256(source.read_bytes()).hexdigest())
    entry = next(ledger.entries(after=kept.seq - 1))
    assert (entry.kind, entry.by, entry.data) == ("artefact.added", "human", {})
    assert (entry.run, entry.step, entry.item) == ("r1", "attach", 4)
    assert entry.disclosed == {"artefact.name": "export.csv", "artefact.size": 4000, "artefact.sha256": kept.sha256,
                               "artefact.media_type": "text/csv"}
    assert ledger.keep("list", b"[]", redacted=True).seq == kept.seq + 1
    assert list(ledger.entries())[-1].data == {"redacted": True}
    with ledger.open_artefact(kept.sha256) as file:
        assert file.read() == source.read_bytes()


def test_the_same_content_twice_is_one_file_and_two_entries(ledger: Ledger) -> None:
    """Nothing is overwritten, nothing is left over."""
    first, second = ledger.keep("a", b"same"), ledger.keep("b", b"same")
    assert (first.sha256, first.seq + 1) == (second.sha256, second.seq)
    (path,) = (ledger.folder / "artifacts").iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == (first.sha256, 0o400)
    assert verify(ledger.folder).findings == []


@pytest.mark.parametrize("name", ["0" * 64, "../ledger.db", ""])
def test_what_is_not_there_is_not_opened(ledger: Ledger, name: str) -> None:
    """Neither an unknown hash nor a path."""
    with pytest.raises(LedgerError):
        ledger.open_artefact(name)


def test_pages_are_kept_byte_for_byte_with_an_index(ledger: Ledger) -> None:
    """A collection is its pages one after the other; the index says where each lies. One commit lists both."""
    collector = ledger.collector("audit log")
    pages, bodies = [], [b'{"page":1}', b"", b"\xff" * 100_000]
    for body in bodies:
        collector.begin()
        for at in range(0, len(body), 40_000):
            collector.write(body[at:at + 40_000])
        pages.append(collector.end())
    assert collector.tell() == sum(map(len, bodies))
    data, index = collector.keep(run="r1", step="audit")
    assert (data.name, data.seq + 1) == ("audit log", index.seq)
    with ledger.open_artefact(data.sha256) as file:
        assert file.read() == b"".join(bodies)
    with ledger.open_artefact(index.sha256) as file:
        rows = [json.loads(line) for line in file]
    assert rows == [{"page": p.number, "offset": p.offset, "length": p.length, "sha256": p.sha256} for p in pages]
    assert [p.sha256 for p in pages] == [hashlib.sha256(body).hexdigest() for body in bodies]
    assert next(ledger.entries(after=index.seq - 1)).disclosed["artefact.index_of"] == data.sha256
    for page, body in zip(pages, bodies, strict=True):
        with collector.open(page) as file:
            assert file.read() == body
    assert verify(ledger.folder).findings == []


def test_a_page_can_be_read_while_collecting(ledger: Ledger) -> None:
    """The slice of one page, from the disk, and nothing beyond it."""
    collector = ledger.collector("log")
    for body in (b"one\ntwo\n", b"three\n"):
        collector.begin()
        collector.write(body)
        page = collector.end()
        with collector.open(page) as file:
            assert list(file) == body.splitlines(keepends=True)
    collector.discard()


@pytest.mark.parametrize("ended", [False, True])
def test_a_page_that_is_read_again_leaves_no_trace(ledger: Ledger, ended: bool) -> None:
    """A rollback drops everything since begin, from the artefact, its hash, its index and its count of pages."""
    collector = ledger.collector("log")
    collector.begin()
    collector.write(b"good")
    collector.end()
    collector.begin()
    collector.write(b"half a pa")
    if ended:
        collector.end()
    collector.rollback()
    assert collector.tell() == 4
    collector.begin()
    collector.write(b"page two")
    assert collector.end().number == 2
    data, _ = collector.keep()
    assert data.sha256 == hashlib.sha256(b"goodpage two").hexdigest()
    assert verify(ledger.folder).findings == []


@pytest.mark.parametrize("size", [0, 7, HELD, HELD + 1])
def test_a_page_waits_in_memory_up_to_a_bound(ledger: Ledger, size: int) -> None:
    """It reads the same before and after it is stored; a longer one is on the disk while it arrives."""
    collector = ledger.collector("log")
    ready: list[int] = []
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    page = Arriving(collector, lambda: ready.append(collector.tell()))
    for at in range(0, size, 40_000):
        page.write(body[at:at + 40_000])
    assert (page.size, page.held, ready) == (size, size <= HELD, [] if size <= HELD else [0])
    with page.open() as file:
        assert file.read() == body
    assert page.store() == page.store()
    with page.open() as file:
        assert file.read() == body
    data, _ = collector.keep()
    assert data.sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("size", [7, HELD + 1])
def test_a_page_that_is_dropped_leaves_no_trace(ledger: Ledger, size: int) -> None:
    """Whether it was in memory or already on the disk."""
    collector = ledger.collector("log")
    for body, good in ((b"one", True), (b"x" * size, False), (b"two", True)):
        page = Arriving(collector, lambda: None)
        page.write(body)
        page.store() if good else page.drop()
    data, _ = collector.keep()
    assert data.sha256 == hashlib.sha256(b"onetwo").hexdigest()


def test_a_discarded_collection_leaves_nothing(ledger: Ledger) -> None:
    """No file and no entry."""
    collector = ledger.collector("log")
    collector.begin()
    collector.write(b"x")
    collector.discard()
    assert list((ledger.folder / "artifacts").iterdir()) == []
    assert ledger.last() == 2


def test_an_artefact_is_durable_before_its_entry(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, then name, then folder, then the commit: in that order."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append("name")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    ledger._db.conn.set_trace_callback(lambda statement: steps.append(statement) if statement == "COMMIT" else None)
    ledger.keep("a", b"x")
    assert [step.replace("folder", "file") for step in steps] == ["file", "name", "file", "COMMIT"]
