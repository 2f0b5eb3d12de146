"""How many connections there are, and that one is free again however its exchange ended."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from irkit.errors import NoAnswer
from irkit.wire import account
from tests.wire.rig import QUICK, call, ignored, prepared, wired
from tests.wire.server import Server, answer, closes, raw


def test_one_request_after_another_takes_one_connection() -> None:
    """The one that is open already."""
    with Server([answer({"a": 1})]) as server, wired(server.url) as wire:
        assert [call(wire).json for _ in range(5)] == [{"a": 1}] * 5
    assert server.accepted == 1


def test_there_are_as_many_connections_as_requests_at_a_time() -> None:
    """Eight at once take eight; afterwards they take the same ones, and one alone takes no more."""
    together = threading.Barrier(8)

    def answered(status: int, headers: object) -> None:
        together.wait()

    def at_once(_: int) -> int:
        together.wait()
        return wire.send(prepared(wire), answered=answered).status

    with Server([answer({})]) as server, wired(server.url) as wire, ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            assert list(threads.map(at_once, range(8))) == [200] * 8
        call(wire)
    assert server.accepted == 8


def test_an_exchange_that_failed_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed without an answer, closed within it, and stopped by whoever reads it: the only place there is is free again."""
    monkeypatch.setattr(account, "CONNECTIONS", 1)

    def stop(status: int, headers: object) -> None:
        raise KeyboardInterrupt

    broken = raw(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{")
    with Server([closes, broken, answer({}), answer({"a": 1})]) as server, wired(server.url, timeouts=QUICK) as wire:
        for _ in range(2):
            with pytest.raises(NoAnswer):
                wire.send(prepared(wire), answered=ignored)
        with pytest.raises(KeyboardInterrupt):
            wire.send(prepared(wire), answered=stop)
        assert call(wire).json == {"a": 1}
    assert len(server.received) == 4
