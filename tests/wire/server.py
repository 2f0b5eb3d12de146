"""A raw HTTP/1.1 server on loopback that can misbehave in every way a test asks for.

A script is a list of replies, one per request over all connections (the last one repeats). A reply gets the connection's
socket and the server, and returns True when the connection stays open.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

Reply = Callable[[socket.socket, "Server"], bool]


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Server:
    """Start with `with`. `received` are whole requests, `taken` all bytes, `accepted` the number of connections."""

    script: Sequence[Reply]
    tls: ssl.SSLContext | None = None
    deaf: bool = False                     # takes connections and never reads
    received: list[Received] = field(default_factory=list)
    taken: bytearray = field(default_factory=bytearray)
    accepted: int = 0

    def __enter__(self) -> Self:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._socket.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._socket.close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.deaf:
                self.stopped.wait()
            while self._one(connection):
                pass

    def _one(self, connection: socket.socket) -> bool:
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += self._take(connection)
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += self._take(connection)
        with self._lock:
            number = len(self.received)
            self.received.append(Received(method, target, headers, body))
        return self.script[min(number, len(self.script) - 1)](connection, self)

    def _take(self, connection: socket.socket) -> bytes:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError
        with self._lock:
            self.taken += chunk
        return chunk


def raw(text: bytes, *, stays: bool = False) -> Reply:
    """Write these bytes."""
    def reply(connection: socket.socket, server: Server) -> bool:
        connection.sendall(text)
        return stays
    return reply


def answer(data: object = None, status: int = 200, headers: Mapping[str, str] | None = None, *,
           body: bytes | None = None) -> Reply:
    """A well-formed answer; the connection stays open."""
    content = json.dumps(data).encode() if body is None else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return raw(head.encode("latin-1") + content, stays=True)


def closes(connection: socket.socket, server: Server) -> bool:
    """Close without a word."""
    return False


def resets(connection: socket.socket, server: Server) -> bool:
    """Close so that the other end sees "connection reset by peer"."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def stalls(text: bytes = b"") -> Reply:
    """Write these bytes, then nothing until the test ends."""
    def reply(connection: socket.socket, server: Server) -> bool:
        connection.sendall(text)
        server.stopped.wait()
        return False
    return reply


def answer_then_close(data: object = None) -> Reply:
    """A well-formed answer on a connection that the server then closes, unannounced."""
    def reply(connection: socket.socket, server: Server) -> bool:
        answer(data)(connection, server)
        return False
    return reply
