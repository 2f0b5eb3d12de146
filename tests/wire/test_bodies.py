"""Bodies: in memory within a limit, through a sink without one, and decoded within bounds when a vendor compresses."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import zlib

import pytest

from irkit.action import BadAnswer, NoAnswer
from irkit.errors import LedgerError
from tests.wire.rig import call, ignored, prepared, wired
from tests.wire.server import Server, answer, raw

PLAIN = b'{"rows": [' + b", ".join(b'{"id": %d}' % n for n in range(5000)) + b"]}"


def chunked(*chunks: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def test_a_body_streams_into_the_sink_byte_for_byte() -> None:
    """In pieces, as it comes; the Response holds its size and not its bytes."""
    sink = io.BytesIO()
    with Server([raw(chunked(b" \n", PLAIN, b"\xff\x00"))]) as server, wired(server.url) as wire:
        response = call(wire, sink=sink)
    assert sink.getvalue() == b" \n" + PLAIN + b"\xff\x00"
    assert response.size == len(PLAIN) + 4


def test_answered_comes_before_the_body() -> None:
    """The status can be made durable before the body is read; header names are lower case."""
    order: list[object] = []

    class Sink:
        def write(self, chunk: bytes) -> None:
            order.append(chunk)

    with Server([answer({}, 201, {"X-Rate-Limit": "700"})]) as server, wired(server.url) as wire:
        wire.send(prepared(wire), answered=lambda status, headers: order.append((status, headers["x-rate-limit"])), sink=Sink())
    assert order == [(201, "700"), b"{}"]


def test_an_error_body_goes_the_same_way() -> None:
    """Whoever gives a sink gets every body in it; what to do with a 403's is the engine's affair."""
    sink = io.BytesIO()
    with Server([answer({"error": "Forbidden"}, 403)]) as server, wired(server.url) as wire:
        assert call(wire, sink=sink).status == 403
    assert sink.getvalue() == b'{"error": "Forbidden"}'


def test_a_body_over_16_mib_in_memory_is_a_bad_answer() -> None:
    """Its status was heard; a sink takes it all the same."""
    heard: list[int] = []
    big = b" " * (16 * 2**20 + 1)
    with Server([answer(body=big)]) as server, wired(server.url) as wire:
        with pytest.raises(BadAnswer, match="more than 16,777,216 bytes"):
            wire.send(prepared(wire), answered=lambda status, headers: heard.append(status))
        assert call(wire, sink=io.BytesIO()).size == len(big)
    assert heard == [200]


@pytest.mark.parametrize(("coding", "body"), [("gzip", gzip.compress(PLAIN)), ("deflate", zlib.compress(PLAIN)),
                                              ("GZIP", gzip.compress(PLAIN)), ("identity", PLAIN)])
def test_a_coding_nobody_asked_for_is_undone(coding: str, body: bytes) -> None:
    """Whole and through a sink."""
    with Server([answer(body=body, headers={"Content-Encoding": coding})]) as server, wired(server.url) as wire:
        assert call(wire).open().read() == PLAIN
        sink = io.BytesIO()
        assert call(wire, sink=sink).size == len(PLAIN)
        assert sink.getvalue() == PLAIN


def test_a_coding_that_is_not_known_is_a_bad_answer() -> None:
    """It is named."""
    with (Server([answer(body=b"x", headers={"Content-Encoding": "br"})]) as server, wired(server.url) as wire,
          pytest.raises(BadAnswer, match="'br'")):
        call(wire)


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(PLAIN)[:-20]], ids=["garbage", "cut"])
def test_a_body_that_does_not_unpack_is_no_answer(body: bytes) -> None:
    """The status is known and the body is not."""
    with (Server([answer(body=body, headers={"Content-Encoding": "gzip"})]) as server, wired(server.url) as wire,
          pytest.raises(NoAnswer) as caught):
        call(wire)
    assert caught.value.status == 200


def test_a_bomb_fills_neither_memory_nor_disk() -> None:
    """200 MB in 200 kB: the sink gets no more than the bound."""
    class Counter:
        total = largest = 0

        def write(self, chunk: bytes) -> None:
            self.total, self.largest = self.total + len(chunk), max(self.largest, len(chunk))

    bomb, counter = gzip.compress(bytes(200_000_000), 1), Counter()
    with (Server([answer(body=bomb, headers={"Content-Encoding": "gzip"})]) as server, wired(server.url) as wire,
          pytest.raises(BadAnswer, match="unpacks to more")):
        wire.send(prepared(wire), answered=ignored, sink=counter)
    assert counter.largest <= 2**16
    assert counter.total < 190_000_000


def test_no_body_is_an_empty_body() -> None:
    """204, as deletions answer."""
    with Server([raw(b"HTTP/1.1 204 No Content\r\n\r\n", stays=True)]) as server, wired(server.url) as wire:
        assert call(wire).size == 0


def test_meanwhile_runs_between_request_and_answer() -> None:
    """The server has the whole request, and its answer waits for the work: it cannot have been read before."""
    received, worked = threading.Event(), threading.Event()

    def reply(connection: socket.socket, server: Server) -> bool:
        received.set()
        return worked.wait(5) and answer({})(connection, server)

    def work() -> None:
        assert received.wait(5)
        worked.set()

    with Server([reply]) as server, wired(server.url) as wire:
        assert wire.send(prepared(wire), answered=ignored, meanwhile=work).status == 200


@pytest.mark.parametrize("error", [LedgerError("the disk is full"), ValueError("a mistake"), KeyboardInterrupt()])
def test_what_meanwhile_raises_is_no_failure_of_the_exchange(error: BaseException) -> None:
    """It comes out as it is, not as an answer that did not come; the wire goes on with a new connection."""
    def work() -> None:
        raise error

    with Server([answer({})]) as server, wired(server.url) as wire:
        with pytest.raises(type(error)) as raised:
            wire.send(prepared(wire), answered=ignored, meanwhile=work)
        assert raised.value is error
        assert call(wire).status == 200
