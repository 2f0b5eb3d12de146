"""An incident to append to, and a hand that changes a store behind irkit's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit.ledger import Ledger

Tamper = Callable[..., None]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A drill with an open session (entry 1) that holds run r1 (entry 2)."""
    with Ledger.create(tmp_path / "INC-1", mode="drill", version="0.1", code_hash="c0de") as made:
        made.start_session("Maria")
        made.append("run.opened", {"runbook": "r"}, run="r1")
        yield made


@pytest.fixture
def closed(ledger: Ledger) -> Path:
    """The folder of an incident of eight entries, with values and two artefacts, that nobody has open."""
    ledger.append("request.sending", {"effect": "reversible"}, {"request.url": "https://x/1", "request.body": b"{}"}, run="r1")
    ledger.append("request.answer", {"status": 200}, {"response.body": "A" * 200_000}, run="r1", ref=3)
    ledger.append("note", disclose={"text": "saw a Tor exit"}, by="human")
    ledger.keep("call.txt", b"rang back on the known number", by="human")
    ledger.end_session()
    ledger.close()
    return ledger.folder


@pytest.fixture
def tamper() -> Tamper:
    """Run one statement on a store as an intruder would: triggers dropped, nothing left beside the file."""
    def change(folder: Path, statement: str, *values: object) -> None:
        connection = sqlite3.connect(folder / "ledger.db", isolation_level=None)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, values)
        connection.close()
    return change
