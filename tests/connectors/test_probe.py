"""Every action of every connector in a probe, over real sockets: whatever asks for it, no write reaches the tenant.

Nothing here names a connector: a new one is covered by having a world. What may arrive is told by the world itself: a request
after which it is another tenant than before was a write, whatever its method says and whatever its action declares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from irkit import connectors
from irkit.action import Action, ClientCredentials, Effect, NotSent, Request, ServiceAccount
from irkit.config import Connection
from irkit.drill.clock import DrillClock
from irkit.engine.context import Context
from irkit.engine.modes import Mode
from irkit.engine.perform import Performance, to_the_gate
from irkit.errors import LedgerError
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.wire.account import Account
from irkit.wire.http import Wire
from irkit.wire.mail import Mailbox
from irkit.wire.reading import READ, ReadsOnly
from irkit.worlds import Call, Fault, Faults, World
from irkit.worlds.google_workspace.key import key_file
from irkit.worlds.serve import serve
from tests.engine.play import STARTS, Play, book
from tests.rows import each
from tests.worlds.helpers import EVIDENCE, arguments, make

ACTIONS = [action for name in connectors.names() for action in connectors.find(name).actions.values()]
every = each("action", ACTIONS, group=lambda a: a.connector, named=lambda a: a.full_name)
writing = each("action", [a for a in ACTIONS if a.effect is not Effect.READ], group=lambda a: a.connector,
               named=lambda a: a.full_name)


class Heard(Faults):
    """Notes each request that arrives, and the tenant that it found."""

    def __init__(self, world: World) -> None:
        super().__init__(())
        self.world = world
        self.requests: list[tuple[str, str]] = []
        self.found: list[str] = []

    def judge(self, connector: str, method: str, path: str, *, answered: int | None = None) -> Fault | None:
        self.requests.append((method, path))
        self.found.append(self.world.digest())
        return None


@dataclass
class Desk:
    """A probe of a served tenant: its ledger, its wire, and what the tenant heard."""

    ctx: Context
    wire: Wire
    heard: Heard
    world: World
    name: str

    def look(self, action: Action) -> Performance:
        """The action, driven as far as a probe drives it."""
        performance = Performance(self.ctx, "a", action, action(**arguments(action, self.world)), self.name, quiet=True)
        to_the_gate(performance)
        return performance

    def must_have_read_only(self) -> None:
        """GET and HEAD, what was declared a read, and token calls; and only those change the tenant."""
        reads = {(e.disclosed["request.method"], Call.of("GET", e.disclosed["request.url"]).path)       # as the world hears it
                 for e in self.ctx.ledger.entries() if e.kind == "request.answer"}
        tokens = {("POST", urlsplit(a.token_endpoint(a.way)[0]).path) for a in self.wire._accounts.values()
                  if isinstance(a, Account)}
        after = [*self.heard.found, self.world.digest()][1:]
        for (method, path), before, then in zip(self.heard.requests, self.heard.found, after, strict=True):
            assert method in ("GET", "HEAD") or (method, path) in reads | tokens, (method, path)
            assert before == then or (method, path) in tokens, (method, path)
        assert not [e for e in self.ctx.ledger.entries() if e.kind == "request.sending"]


@contextmanager
def probing(folder: Path, connector: str, monkeypatch: pytest.MonkeyPatch, sign_in: str = "") -> Iterator[Desk]:
    """A probe of a fresh tenant of that connector."""
    clock = DrillClock(STARTS, monotonic=lambda: 0.0)         # a wait lets the tenant's time pass, too
    world = make(connector, clock=clock.now)
    way, credential = world.signs_in()
    if sign_in not in ("", way):
        credential = world.credentials().get("client_secret") or json.loads(key_file())["private_key"]
    monkeypatch.setenv("PROBE_TOKEN", credential)
    for host, value in world.more_credentials().items():
        monkeypatch.setenv(f"PROBE_{host.upper()}", value)
    ledger = Ledger.create(folder, mode="test", version="test", code_hash="0" * 64)
    ledger.start_session("maria", signer=Throwaway())
    ledger.append("run.opened", {"runbook": "a", "version": 1, "runbook_sha256": "0" * 64, "mode": "probe"}, run="r1")
    with serve(world) as server, ledger:
        server.faults = heard = Heard(world)
        ledger.keep("evidence.txt", EVIDENCE)
        ways = connectors.find(connector)
        asked = {one.name for one in (*ways.settings, *(one for way in ways.sign_in for one in way.settings))}
        known = {k: v for k, v in {**world.credentials(), **world.settings}.items() if k in asked}
        to = Connection(connector, connector, known, sign_in or way, "env:PROBE_TOKEN", server.url,
                        {host: f"env:PROBE_{host.upper()}" for host in world.more_credentials()})
        wire = Wire({connector: to}, connectors.find, reads_only=True, loopback=True, wait=lambda seconds: False,
                    wall=lambda: world.now().timestamp())        # signatures bear a time, and both sides keep the same
        gate = Play(folder, book("\n  - {id: a, phase: prepare, title: A, why: B, do: C}\n"), {})
        ctx = Context(ledger, wire, clock, gate, Mode.PROBE, "r1", "maria")
        try:
            yield Desk(ctx, wire, heard, world, connector)
        finally:
            wire.close()


@every
def test_a_probe_of_an_action_reaches_the_tenant_with_reads_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 action: Action) -> None:
    """A write stops where its gate would stand, having looked; a read reads; what is declared a read changes nothing."""
    with probing(tmp_path / action.name, action.connector, monkeypatch) as desk:
        performance = desk.look(action)
        assert (performance.write is not None) == (action.effect is not Effect.READ)
        blind = performance.write is not None and performance.write.request.settle == "human"
        assert desk.heard.requests or blind
        desk.must_have_read_only()


@writing
def test_a_write_in_a_probe_is_refused_by_whatever_is_asked_to_send_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                      action: Action) -> None:
    """The engine, the ledger that must hold it first, the wire, and the transport: each by itself, and nothing arrives."""
    with probing(tmp_path / action.name, action.connector, monkeypatch) as desk:
        performance = desk.look(action)
        outgoing = performance.write
        assert outgoing is not None
        arrived = len(desk.heard.requests)
        with pytest.raises(LedgerError, match="is a probe"):
            desk.ctx.record("request.sending", {"action": action.full_name}, {"request.url": outgoing.url}, step="a")
        with pytest.raises(NotSent, match="probe"):
            desk.wire.send(outgoing, answered=lambda status, headers: None)
        account = desk.wire._account(action.connector)
        if isinstance(account, Mailbox):
            with pytest.raises(NotSent, match="probe"):
                account.send(outgoing, answered=lambda status, headers: None)
            return
        transport = account.transport(httpx.URL(outgoing.url))
        with pytest.raises(NotSent, match="probe"):
            transport.handle_request(httpx.Request(outgoing.method, outgoing.url, content=outgoing.body))
        for method in ("PUT", "PATCH", "DELETE"):          # though it says that it reads
            with pytest.raises(NotSent, match="probe"):
                transport.handle_request(httpx.Request(method, outgoing.url, extensions={READ: True}))
        assert account._transports
        assert all(isinstance(one, ReadsOnly) for one in account._transports.values())
        performance.send()
        assert performance.outcome is not None
        assert performance.outcome.kind == "step.failed"
        assert "Nothing was sent" in performance.outcome.reason
        assert len(desk.heard.requests) == arrived
        desk.must_have_read_only()


FETCHING = {name: way.name for name in connectors.names() for way in reversed(connectors.find(name).sign_in)
            if isinstance(way, ClientCredentials | ServiceAccount)}


@pytest.mark.parametrize("connector", FETCHING)
def test_a_probe_that_fetches_a_token_posts_for_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        connector: str) -> None:
    """The one POST that no action asks for goes to the token endpoint; all else that arrives leaves the tenant as it is."""
    with probing(tmp_path / "I", connector, monkeypatch, FETCHING[connector]) as desk:
        check = connectors.find(connector).check
        assert check is not None
        looking = Performance(desk.ctx, None, None, check(), connector, quiet=True)
        to_the_gate(looking)
        assert looking.value is not None, looking.outcome
        assert [method for method, _ in desk.heard.requests].count("POST") == 1
        desk.must_have_read_only()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_only_a_post_can_say_that_it_reads(method: str) -> None:
    """A connector that would declare another method a read cannot even be asked for its request."""
    with pytest.raises(ValueError, match="of a POST alone"):
        Request(method=method, target="/x", reads=True)
