"""A world behind real HTTP (a relay: SMTP) on 127.0.0.1: what `irkit world serve` and tests of the wire run against.

HTTP/1.1 with keep-alive. Nagle is off and an answer leaves in one write, headers and body together: small writes against
delayed acknowledgements cost 40 ms a request. A request is parsed by hand, since the standard library's parser would be
most of the work. Answers larger than memory are sent in chunks.

Transport faults happen here: an answer lost on its way, cut short, replaced by a sign-in page, delayed, or a reset.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import socketserver
import struct
import threading
from collections.abc import Iterable
from email.utils import format_datetime
from http import HTTPStatus
from typing import Self

from irkit.worlds.faults import Fault, Faults
from irkit.worlds.world import Answer, Call, World

MAX_HEAD, MAX_BODY, MAX_UPLOAD = 64 * 1024, 8 * 2**20, 5 * 2**30
SIGN_IN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action=/access/login></form></body></html>"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Server:
    """A served world. `latency` seconds pass before each answer. Use as a context manager, or start() and stop()."""

    def __init__(self, world: World, port: int = 0, *, faults: Iterable[Fault] = (), latency: float = 0.0,
                 handler: type[Connection] | None = None) -> None:
        self.world, self.faults, self.latency = world, Faults(faults), latency
        self.stopping = threading.Event()
        self._tcp = _Tcp(("127.0.0.1", port), handler or Connection)
        self._tcp.served = self
        self._thread = threading.Thread(target=self._tcp.take_until_stopping, daemon=True)
        self.port = int(self._tcp.server_address[1])
        self.url = world.base_url = f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop taking connections and close those that are open."""
        self.stopping.set()
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()         # accept() returns for a connection alone
            self._thread.join()
        self._tcp.close_all()
        self._tcp.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(world: World, port: int = 0, *, faults: Iterable[Fault] = (), latency: float = 0.0) -> Server:
    """A world on a port of 127.0.0.1 (0: any free one): `with` it, or start() it. Raises OSError when the port is taken."""
    if world.protocol == "smtp":
        from irkit.worlds.smtp import relay
        return relay(world, port, faults=faults, latency=latency)
    return Server(world, port, faults=faults, latency=latency)


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    served: Server

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, handler)
        self.open: set[socket.socket] = set()

    def take_until_stopping(self) -> None:
        """Wait for connections without waking up in between: many worlds may stand by, and to stop one must not take a poll."""
        while not self.served.stopping.is_set():
            self.handle_request()

    def verify_request(self, request: object, client_address: object) -> bool:
        return not self.served.stopping.is_set()

    def close_all(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Malformed(Exception):
    pass


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Tcp

    def handle(self) -> None:
        self.server.open.add(self.connection)
        try:
            with contextlib.suppress(OSError):         # the client went away
                while self.one():
                    pass
        finally:
            self.server.open.discard(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()

    def one(self) -> bool:
        """Answer one request. False: the connection is done."""
        try:
            read = self._read()
        except _Malformed as why:
            self._send(Answer(400, {"connection": "close"}, str(why).encode()), "GET")
            return False
        if read is None:
            return False
        call, close = read
        served = self.server.served
        if served.latency:
            served.stopping.wait(served.latency)
        fault = served.faults.judge(served.world.connector, call.method, call.path)
        if fault is not None:
            return self._misbehave(fault, call) and not close
        self._send(served.world.handle(call), call.method)
        return not close

    def _read(self) -> tuple[Call, bool] | None:
        line = self.rfile.readline(MAX_HEAD)
        if not line:
            return None
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Malformed("this is no HTTP/1.1 request")
        headers = self._headers()
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_UPLOAD:
            raise _Malformed("send a body with its Content-Length, 5 GiB at most")
        size, sha256 = int(length), ""
        body = self.rfile.read(size) if size <= MAX_BODY else b""
        if size > MAX_BODY:
            sha256 = self._hashed(size)
        if not sha256 and len(body) < size:
            return None
        call = Call.of(words[0], words[1], headers=headers, body=body, authorization=headers.get("authorization", ""),
                       size=size, sha256=sha256)
        return call, headers.get("connection", "").lower() == "close" or words[2] == "HTTP/1.0"

    def _hashed(self, size: int) -> str:
        """The SHA-256 of a body that is too large to hold. Raises OSError for one that ends early."""
        digest = hashlib.sha256()
        while size and (piece := self.rfile.read(min(size, 1 << 18))):
            digest.update(piece)
            size -= len(piece)
        if size:
            raise ConnectionError("the body ended early")
        return digest.hexdigest()

    def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        size = 0
        while (line := self.rfile.readline(MAX_HEAD)) not in (b"\r\n", b"\n", b""):
            size += len(line)
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or size > MAX_HEAD:
                raise _Malformed("the header is malformed or too long")
            found[name.strip().lower()] = value.strip()
        return found

    def _misbehave(self, fault: Fault, call: Call) -> bool:
        served = self.server.served
        if fault.answer is not None:
            self._send(fault.said(), call.method)
            return True
        if fault.lost == "before":
            return False
        if fault.transport == "html":
            self._send(Answer(200, {"content-type": "text/html; charset=utf-8"}, SIGN_IN), call.method)
            return True
        if fault.transport == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        answer = served.world.handle(call)
        if fault.lost is None:
            self._send_in_two(answer, whole=fault.transport == "slow", pause=fault.seconds)
        return fault.transport == "slow"

    def _send_in_two(self, answer: Answer, *, whole: bool, pause: float) -> None:
        """The head and half of the body; then, after a pause, the rest, or nothing more."""
        body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        self.wfile.write(self._head(answer, f"content-length: {len(body)}") + body[:len(body) // 2])
        if whole:
            self.server.served.stopping.wait(pause)
            self.wfile.write(body[len(body) // 2:])

    def _head(self, answer: Answer, *framing: str) -> bytes:
        said = {"date": format_datetime(self.server.served.world.now(), usegmt=True), **answer.headers}
        status = f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"
        return "\r\n".join([status, *(f"{k}: {v}" for k, v in said.items()), *framing, "", ""]).encode("latin-1", "replace")

    def _send(self, answer: Answer, method: str) -> None:
        if not isinstance(answer.body, bytes):
            self._send_chunks(answer, answer.body, method)
            return
        length = [] if answer.status == 204 else [f"content-length: {len(answer.body)}"]         # RFC 9110 8.6
        self.wfile.write(self._head(answer, *length) + (b"" if method == "HEAD" else answer.body))

    def _send_chunks(self, answer: Answer, body: Iterable[bytes], method: str) -> None:
        self.wfile.write(self._head(answer, "transfer-encoding: chunked"))
        if method == "HEAD":
            return
        for chunk in filter(None, body):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
