"""A small connector and the tenant that answers it, for claims no vendor's connector makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from irkit.action import (
    DELETE,
    GET,
    POST,
    PUT,
    Artefact,
    Bucket,
    Connector,
    Cut,
    Effect,
    Limit,
    Outgoing,
    Record,
    Request,
    Response,
    Steps,
)
from irkit.drill.clock import DrillClock
from irkit.engine.context import Context
from irkit.engine.modes import Mode, Sink
from irkit.engine.perform import Performance, to_the_end, to_the_gate
from irkit.errors import NoAnswer
from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Throwaway
from tests.engine.play import STARTS, Play, book

demo = Connector("demo", title="Demo", base_url="https://demo.example")


class Flag(Record, frozen=True):
    on: bool


class Rows(Record, frozen=True):
    rows: int
    complete: bool
    last: str = ""


def flag() -> Steps[Flag]:
    return Flag((yield GET("/flag")).json["on"])


@demo.action(Effect.REVERSIBLE, undo="demo.turn_off")
def turn_on() -> Steps[Flag]:
    """Turn the flag on.

    Source: none, this is a test.
    """
    before = yield from flag()
    if before.on:
        return before
    yield PUT("/flag", json={"on": True}, seen=before, affects=["the flag"], noun="flag")
    return (yield from flag()).require(on=True)


@demo.action(Effect.READ)
def writes_though_declared_to_read() -> Steps[Flag]:
    yield PUT("/flag", json={"on": True}, seen=Flag(False), affects=["the flag"], noun="flag")
    return Flag(True)


@demo.action(Effect.REVERSIBLE)
def writes_twice() -> Steps[Flag]:
    yield PUT("/flag", json={"on": True}, seen=Flag(False), affects=["the flag"], noun="flag")
    yield PUT("/flag", json={"on": False}, seen=Flag(True), affects=["the flag"], noun="flag")
    return Flag(False)


@demo.action(Effect.READ)
def search() -> Steps[Rows]:
    job = yield POST("/jobs", json={}, reads=True)
    yield DELETE("/jobs/{}", job.json["id"], cleanup=True)
    found = yield GET("/jobs/{}/rows", job.json["id"])
    return Rows(len(found.json["rows"]), True)


@demo.action(Effect.IRREVERSIBLE)
def post_message() -> Steps[Flag]:
    yield POST("/messages", json={"text": "hello"}, seen=Flag(False), affects=["the channel"], noun="message", settle="human")
    return Flag(True)


@demo.action(Effect.READ)
def keys() -> Steps[Rows]:
    found = yield GET("/keys", secret=("value",))
    return Rows(len(found.json["keys"]), True, last=found.json["keys"][0]["value"])


@demo.action(Effect.READ)
def collect() -> Steps[Rows]:
    rows, request = 0, GET("/log?page=1", keep="log")
    while True:
        try:
            page = yield request
        except Cut:
            return Rows(rows, False, last=f"row {rows}")
        rows += len(page.json["rows"])
        if not page.json["next"]:
            return Rows(rows, True, last=f"row {rows}")
        request = request.follow(page.json["next"])


@dataclass
class Tenant:
    """Answers the demo connector as a Perform. `before(outgoing)` may raise, or change the tenant, as each request arrives."""

    on: bool = False
    asked: list[str] = field(default_factory=list)
    before: Callable[[Outgoing], None] = lambda _outgoing: None

    def connector(self, connection: str) -> Connector:
        return demo

    def prepare(self, connection: str, request: Request) -> Outgoing:
        return Outgoing.of("demo", demo, request, f"https://demo.example{request.target}")

    def settings(self, connection: str) -> Mapping[str, str]:
        return {}

    def turn(self, connection: str, bucket: Bucket | None = None) -> None:
        return None

    def seconds_for(self, connection: str, requests: int, bucket: Bucket | None = None) -> float:
        return 0.0

    def learn(self, connection: str, limit: Limit, bucket: Bucket | None = None) -> None:
        return None

    def close(self) -> None:
        return None

    def send(self, outgoing: Outgoing, *, answered: Callable[[int, Mapping[str, str]], None],
             sink: Sink | None = None, meanwhile: Callable[[], object] | None = None,
             source: Callable[[Artefact], BinaryIO] | None = None) -> Response:
        self.asked.append(f"{outgoing.method} {outgoing.request.target}")
        self.before(outgoing)
        if meanwhile is not None:
            meanwhile()
        status, data = self.answer(outgoing)
        answered(status, {"content-type": "application/json"})
        body = json.dumps(data).encode() if data is not None else b""
        if sink is not None:
            sink.write(body)
        return Response(status, {}, b"" if sink is not None else body, size=len(body))

    def answer(self, outgoing: Outgoing) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        match outgoing.method, outgoing.request.target:
            case "GET", "/flag":
                return 200, {"on": self.on}
            case "PUT", "/flag":
                self.on = json.loads(outgoing.body or b"{}")["on"]
                return 200, {}
            case "POST", "/jobs":
                return 201, {"id": "j1"}
            case "GET", "/jobs/j1/rows":
                return 200, {"rows": [1, 2, 3]}
            case "GET", "/keys":
                return 200, {"keys": [{"id": 1, "value": "s3cr3t-canary"}]}
            case "GET", target if target.startswith("/log?page="):
                page = int(target.rpartition("=")[2])
                return 200, {"rows": [1, 2], "next": f"/log?page={page + 1}" if page < 3 else ""}
            case "DELETE", _:
                return 204, None
        return 404, {}


@dataclass
class Desk:
    """A ledger, a tenant and a context, to perform one action in."""

    folder: Path
    tenant: Tenant

    def __post_init__(self) -> None:
        ledger = Ledger.create(self.folder, mode="drill", version="test", code_hash="0" * 64)
        ledger.start_session("maria", signer=Throwaway())
        gate = Play(self.folder, book("""
  - {id: a, phase: prepare, title: A, why: B, do: C}
"""), {})
        self.ctx = Context(ledger, self.tenant, DrillClock(STARTS, monotonic=lambda: 0.0), gate, Mode.DRILL, "r1", "maria")
        ledger.append("run.opened", {"runbook": "a", "version": 1, "runbook_sha256": "0" * 64, "mode": "drill"}, run="r1")

    def perform(self, name: str) -> Performance:
        """The action, driven to its gate or its end."""
        action = demo.actions[name]
        performance = Performance(self.ctx, "a", action, action(), "demo")
        to_the_gate(performance)
        return performance

    def send(self, name: str) -> Performance:
        """The action, driven through its write to its end."""
        performance = self.perform(name)
        to_the_end(performance)
        return performance

    def entries(self, kind: str = "") -> list[Entry]:
        return [e for e in self.ctx.ledger.entries() if kind in ("", e.kind)]


def lost(_: Outgoing) -> None:
    raise NoAnswer("no answer in 30 s")
