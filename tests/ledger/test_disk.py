"""A disk that is full, or refuses: a clear error, and nothing half appended."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from irkit.errors import IrkitError, LedgerError
from irkit.ledger import Ledger
from irkit.ledger.verify import verify


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The system refuses to let any file grow past `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def collect(ledger: Ledger) -> None:
    collector = ledger.collector("log")
    try:
        for _ in range(20):
            collector.begin()
            collector.write(b"x" * 10_000)
            collector.end()
        collector.keep()
    finally:
        collector.discard()


@pytest.mark.parametrize("act", [
    lambda ledger: [ledger.append("note", disclose={"text": "x" * 9000}) for _ in range(20)],
    lambda ledger: ledger.append("request.answer", disclose={"response.body": "x" * 200_000}),
    lambda ledger: ledger.keep("big", b"x" * 200_000),
    collect,
], ids=["entry", "large value", "artefact", "collection"])
def test_a_write_that_the_disk_refuses_leaves_nothing(ledger: Ledger, act: Callable[[Ledger], object]) -> None:
    """The error is a sentence, what was acknowledged stays, and once there is room the ledger goes on."""
    with no_file_beyond((ledger.folder / "ledger.db-wal").stat().st_size + 40_000), pytest.raises(IrkitError) as caught:
        act(ledger)
    assert caught.value.exit_code == 1
    assert "nothing was appended" in caught.value.what
    assert caught.value.next.startswith("df -h")
    last = ledger.last()
    assert ledger.append("note").seq == last + 1
    report = verify(ledger.folder)
    assert (report.findings, report.entries) == ([], last + 2)
    assert list((ledger.folder / "artifacts").iterdir()) == []


def test_a_full_database_says_so(ledger: Ledger) -> None:
    """SQLite's own word for it becomes ours."""
    pages = ledger._db.conn.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.conn.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(IrkitError, match="the disk is full; nothing was appended"):
        ledger.append("note", disclose={"text": "x" * 9000})
    ledger._db.conn.execute("PRAGMA max_page_count = 1000000")
    assert ledger.append("note").seq == 3


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user who, unlike root, is bound by permissions; the test runs as that user."""
    folder = Path(tempfile.mkdtemp(prefix="irkit-test-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_read_only_folder_is_read_and_not_written(unprivileged: Path) -> None:
    """Opening for writing is refused with a sentence; reading and verifying work."""
    folder = unprivileged / "INC-4"
    Ledger.create(folder, mode="live", version="1", code_hash="").close()
    (folder / "ledger.db").chmod(0o400)
    folder.chmod(0o500)
    with pytest.raises(IrkitError, match="read-only") as caught:
        Ledger.open(folder)
    assert not isinstance(caught.value, LedgerError)
    with Ledger.open(folder, write=False) as reader:
        assert len(list(reader.entries())) == 1
    assert verify(folder).findings == []
    folder.chmod(0o700)


def test_an_unreadable_store_is_not_checked(unprivileged: Path) -> None:
    """No permission is no contradiction: exit 1."""
    folder = unprivileged / "INC-5"
    Ledger.create(folder, mode="live", version="1", code_hash="").close()
    (folder / "ledger.db").chmod(0o000)
    report = verify(folder)
    assert (report.exit_code, report.findings[0].level) == (1, "NOT CHECKED")


def test_an_incident_is_not_made_where_nothing_can_be(unprivileged: Path) -> None:
    """The error names the place."""
    unprivileged.chmod(0o500)
    with pytest.raises(IrkitError, match="Permission denied") as caught:
        Ledger.create(unprivileged / "INC-6", mode="live", version="1", code_hash="")
    assert str(unprivileged) in caught.value.where
    unprivileged.chmod(0o700)
