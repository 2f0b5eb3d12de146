"""An incident to append to, a clock to set, and a hand that changes a store behind irkit's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Throwaway

Tamper = Callable[..., None]


class SetClock:
    """Two clocks that stand still until they are moved. Each reading takes a microsecond."""

    def __init__(self) -> None:
        self.wall, self.mono, self.name = 1_795_000_000 * 10**9, 10**9, "boot-1"

    def wall_ns(self) -> int:
        self.wall += 1000
        return self.wall

    def mono_ns(self) -> int:
        self.mono += 1000
        return self.mono

    def boot(self) -> str:
        return self.name

    def passes(self, seconds: float, *, wall: float | None = None) -> None:
        """So much time passes; the wall clock moves by `wall` seconds, where that is another number."""
        self.mono += int(seconds * 1e9)
        self.wall += int((seconds if wall is None else wall) * 1e9)


def without_checkpoints(entries: Iterable[Entry]) -> list[Entry]:
    """What was appended on somebody's behalf: all but the entries that name notes."""
    return [entry for entry in entries if entry.kind != "checkpoint"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A drill with an open session (entry 1) that holds run r1 (entry 2)."""
    with Ledger.create(tmp_path / "INC-1", mode="drill", version="0.1", code_hash="c0de") as made:
        made.start_session("Maria", signer=Throwaway())
        made.append("run.opened", {"runbook": "r"}, run="r1")
        yield made


@pytest.fixture
def closed(ledger: Ledger) -> Path:
    """The folder of an incident of eight entries under one note, with values and two artefacts, that nobody has open."""
    ledger.append("request.sending", {"effect": "reversible"}, {"request.url": "https://x/1", "request.body": b"{}"}, run="r1")
    ledger.append("request.answer", {"status": 200}, {"response.body": "A" * 200_000}, run="r1", ref=3)
    ledger.append("note", disclose={"text": "saw a Tor exit"}, by="human")
    ledger.keep("call.txt", b"rang back on the known number", by="human")
    ledger.end_session()
    ledger.close()
    return ledger.folder


def change(folder: Path, statement: str, *values: object) -> None:
    """Run one statement on a store as an intruder would: triggers dropped, nothing left beside the file."""
    connection = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement, values)
    connection.close()


@pytest.fixture
def tamper() -> Tamper:
    return change
