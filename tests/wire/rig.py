"""What the tests of the wire share: a connector, a connection with a planted credential, a wire to a raw server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from irkit.action import GET, PUT, Basic, ClientCredentials, Connector, Outgoing, Request, Response, Token
from irkit.config import Connection
from irkit.wire.http import Sink, Wire

CANARY = "canary-4d1f0a77-planted"
QUICK = httpx.Timeout(connect=0.3, read=0.3, write=0.3, pool=0.1)      # where a test waits for one of them
PATIENT = httpx.Timeout(10.0)

READ = GET("/api/v2/users/{}", 3971)
WRITE = PUT("/api/v2/users/{}", 3971, json={"user": {"suspended": True}}, affects=["Dana"], noun="person")


def demo() -> Connector:
    return Connector("demo", title="Demo", base_url="https://{subdomain}.example.com", per_minute=6000,
                     sign_in=[Token(), Basic("{email}/token"), ClientCredentials("/oauth/tokens", "read write")])


def connection(url: str, sign_in: str = "token", credential: str = "env:CANARY", **settings: str) -> Connection:
    return Connection("demo", "demo", {"client_id": "irkit", "email": "ir@acme.com", **settings}, sign_in, credential, url)


@contextmanager
def wired(to: Connection | str, *, loopback: bool = True, timeouts: httpx.Timeout = PATIENT,
          find: Callable[[], Connector] = demo, **options: Any) -> Iterator[Wire]:
    one = connection(to) if isinstance(to, str) else to
    wire = Wire({one.name: one}, lambda name: find(), loopback=loopback, timeouts=timeouts, **options)
    try:
        yield wire
    finally:
        wire.close()


def ignored(status: int, headers: Mapping[str, str]) -> None:
    """An `answered` that nobody listens to."""


def call(wire: Wire, request: Request = READ, sink: Sink | None = None) -> Response:
    return wire.send(wire.prepare("demo", request), answered=ignored, sink=sink)


def prepared(wire: Wire, request: Request = READ) -> Outgoing:
    return wire.prepare("demo", request)
