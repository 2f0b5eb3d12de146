"""A drill's mode: the engine's requests, answered by worlds instead of by sockets.

A request is prepared as the wire prepares it: the same URL, the same bytes, the same refusal of a link that leaves the
host, so what a drill shows on its gate is what a live run would send. Faults stand between engine and world: they lose a
request on its way, lose an answer on its way back, or answer in the world's place.

A world's state is a fold over the scenario and the requests it was asked. After a kill, `replay` asks fresh worlds the
recorded requests again, each at its recorded time and with the same faults, and the drill goes on in the same tenant.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote

from msgspec import Struct

from irkit import connectors
from irkit.action import (
    CREDENTIAL,
    HEADERS,
    Artefact,
    Bucket,
    Connector,
    Identity,
    Limit,
    Outgoing,
    Request,
    Response,
    drive,
)
from irkit.drill.addresses import addresses_of, answer, call_of, defaults_of, outgoing_of
from irkit.drill.control import fault_of
from irkit.drill.scenario import Scenario
from irkit.engine.fold import Load, moment
from irkit.engine.modes import Clock, Sink
from irkit.errors import NoAnswer, UsageError
from irkit.ledger import Entry
from irkit.worlds import Answer, Fault, Faults, World, find

_PLACED = re.compile(rb'\A([{]"\w+": ?)' + re.escape(json.dumps(CREDENTIAL)).encode())
MAX_BODY = 8 * 2**20       # bytes of an upload that a world is given; of a larger one it gets size and SHA-256


class Recorded(Struct, frozen=True):
    """A request as the ledger holds it, when it was made on the drill's clock, and the status that came back, if one did."""

    connection: str
    method: str
    url: str
    body: bytes
    at: datetime
    upload: Artefact | None = None
    answered: int | None = None


class WorldTime:
    """What worlds take for now: the drill's clock; while they are built and while they are replayed, a given instant."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fixed: datetime | None = None

    def __call__(self) -> datetime:
        return self._fixed or self._clock.now()

    @contextlib.contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        self._fixed = instant
        try:
            yield
        finally:
            self._fixed = None


class WorldPerform:
    """Implements `irkit.engine.modes.Perform`; `worlds`: connection name -> world. Used from many threads, as worlds are."""

    def __init__(self, worlds: Mapping[str, World], faults: Faults, time: WorldTime) -> None:
        self.worlds, self.faults, self._time = worlds, faults, time
        self._addresses = {name: addresses_of(world) for name, world in worlds.items()}
        self._acting_as = {name: _acting_as(world) for name, world in self.worlds.items()}

    def connector(self, connection: str) -> Connector:
        """The connector of that connection. Raises UsageError when the scenario has no world for it."""
        return connectors.find(self._world(connection).connector)

    def prepare(self, connection: str, request: Request) -> Outgoing:
        """The final request. Raises ActionError for a link that leaves the world's host."""
        return outgoing_of(connection, self._world(connection), self._addresses[connection], request,
                         self._acting_as[connection])

    def settings(self, connection: str) -> Mapping[str, str]:
        """The world's own settings, and the defaults of the connector's others."""
        world = self._world(connection)
        return {**defaults_of(self.connector(connection)), **world.settings}

    def send(self, outgoing: Outgoing, *, answered: Callable[[int, Mapping[str, str]], None],
             sink: Sink | None = None, meanwhile: Callable[[], object] | None = None,
             source: Callable[[Artefact], BinaryIO] | None = None) -> Response:
        """Ask the world once. Raises NoAnswer when a fault lost the request or its answer."""
        url, body = outgoing.bearing(self._world(outgoing.connection).ready_token)
        upload = outgoing.request.upload
        if upload and source and upload.size <= MAX_BODY:
            with source(upload) as file:
                body = file.read()
        answer = self._ask(outgoing.connection, outgoing.method, url, outgoing.headers, body or b"", upload)
        if answer is None:
            raise NoAnswer("no answer in 30 s", where=f"{outgoing.method} {outgoing.url}")
        answered(answer.status, answer.headers)
        chunks = [answer.body] if isinstance(answer.body, bytes) else answer.body
        if sink is None:
            return Response(answer.status, answer.headers, b"".join(chunks), url=outgoing.url)
        size = 0
        for chunk in chunks:
            sink.write(chunk)
            size += len(chunk)
        return Response(answer.status, answer.headers, size=size, url=outgoing.url)

    def turn(self, connection: str, bucket: Bucket | None = None) -> None:
        """Always at once: a world says 429 itself, and the drill's clock jumps over the wait."""

    def seconds_for(self, connection: str, requests: int, bucket: Bucket | None = None) -> float:
        """As live, where a minute's worth may leave at once and the rest evenly."""
        per_minute = bucket.per_minute if bucket else self.connector(connection).per_minute
        return max(0.0, (requests - per_minute) * 60 / per_minute)

    def learn(self, connection: str, limit: Limit, bucket: Bucket | None = None) -> None:
        """Nothing to learn: worlds count for themselves."""

    def close(self) -> None:
        """Nothing is open."""

    def goes_wrong(self, fault: Fault) -> None:
        """From the next request on."""
        self.faults.add(fault)

    def replay(self, recorded: Iterable[Recorded | Fault]) -> None:
        """Ask fresh worlds what they were asked before, each fault from where it was made on. Only before the first `send`.

        A write whose answer nobody lived to see is asked, too: it had left. Secrets in bodies are not in the record.
        """
        for request in recorded:
            if isinstance(request, Fault):
                self.goes_wrong(request)
                continue
            token = self._world(request.connection).ready_token
            url = request.url.replace(quote(CREDENTIAL), quote(token, safe="~"), 1)
            with self._time.at(request.at):
                self._ask(request.connection, request.method, url, HEADERS, _bearing(request.body, token), request.upload,
                          request.answered)

    def _world(self, connection: str) -> World:
        if connection not in self.worlds:
            raise UsageError(f"this scenario has no world for the connection {connection!r}",
                             next="add it under worlds: in the scenario, or skip the steps that use it")
        return self.worlds[connection]

    def _ask(self, connection: str, method: str, url: str, headers: Mapping[str, str], body: bytes,
             upload: Artefact | None = None, answered: int | None = None) -> Answer | None:
        """The answer, or None when a fault lost it."""
        world = self._world(connection)
        call = call_of(world, self._addresses[connection], method, url, headers, body, upload)
        fault = self.faults.judge(world.connector, method, call.path, answered=answered)
        if fault is not None and fault.answer is not None:
            return fault.said()
        if fault is not None and fault.lost == "before":
            return None
        answer = world.handle(call)
        return answer if fault is None else None


def stage(scenario: Scenario, clock: Clock, *, began: datetime | None = None, subjects: Mapping[str, str] | None = None,
          recorded: Iterable[Recorded | Fault] = ()) -> WorldPerform:
    """The scenario's worlds, ready to answer on `clock`, after what was `recorded` before a kill.

    `began` is the time at which the worlds' attack has just been noticed: the scenario's start unless given. `subjects` are
    the inputs of a dry run. Raises UsageError for options that a world does not know.
    """
    time = WorldTime(clock)
    with time.at(began or scenario.starts):
        worlds = {name: find(name)(options, people=scenario.people, now=time, subjects=subjects)
                  for name, options in scenario.worlds.items()}
    perform = WorldPerform(worlds, Faults(scenario.faults), time)
    perform.replay(recorded)
    return perform


def recorded(entries: Iterable[Entry], run: str, load: Load) -> Iterator[Recorded | Fault]:
    """The requests of a run, and between them the faults that a facilitator made once the team's process had taken them up.

    `load(sha256)` reads a body that was too large for a line.
    """
    entries = list(entries)                       # an answer comes after its request
    answers = {entry.seq if entry.ref is None else entry.ref: entry.data.get("status") for entry in entries
               if entry.kind == "request.answer" and entry.run == run}
    faults: dict[int | None, Fault] = {}
    for entry in entries:
        if entry.kind == "control" and entry.run == run:
            if entry.data.get("control") == "fault":
                faults[entry.seq] = fault_of(entry.data, entry.disclosed)
            elif entry.data.get("control") == "taken" and entry.ref in faults:
                yield faults.pop(entry.ref)
        asked = entry.kind == "request.sending" or (entry.kind == "request.answer" and entry.ref is None)      # a read is one
        if asked and entry.run == run and "request.url" in entry.disclosed:
            shown = entry.disclosed
            pair = (shown["request.first"], shown) if "request.first" in shown else (shown,)
            for parts in pair:                    # of a pair nothing says which of them was answered
                yield Recorded(parts["request.connection"], parts["request.method"], parts["request.url"],
                               _sent(parts, load), moment(entry),
                               Artefact(**parts["request.upload"]) if "request.upload" in parts else None,
                               answers.get(entry.seq) if len(pair) == 1 else None)


def _sent(shown: Mapping[str, Any], load: Load) -> bytes:
    upload = shown.get("request.upload")
    if upload:
        return load(upload["sha256"]) if upload["size"] <= MAX_BODY else b""
    return _bytes(shown.get("request.body"), load)


def _bytes(kept: Any, load: Load) -> bytes:
    """A disclosed body as the bytes it was: the ledger keeps text, marked base64, or the name of an artefact."""
    if isinstance(kept, dict):
        return base64.b64decode(kept["base64"]) if "base64" in kept else load(kept["artefact"])
    return str(kept or "").encode()


def _bearing(body: bytes, credential: str) -> bytes:
    """A recorded body with the credential as its first member again (`Placed.field`), where the record shows none."""
    return _PLACED.sub(lambda found: found[1] + json.dumps(credential).encode(), body, count=1)


def _acting_as(world: World) -> str:
    """Whom irkit acts as in that tenant, as the connector's own check finds out."""
    connector = connectors.find(world.connector)
    if connector.check is None:
        return ""

    addresses = addresses_of(world)
    who = drive(connector.check(), lambda request: answer(world, addresses, request), connector,
                {("setting", k): v for k, v in world.settings.items()}).result
    return f'"{who.name}" ({who.role})' if isinstance(who, Identity) else ""
