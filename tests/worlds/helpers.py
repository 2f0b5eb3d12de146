"""Asking a world, and driving an action against one, the way a mode does: redacted answers, waits that move the clock."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import asdict

from irkit import connectors, worlds
from irkit.action import Action, Driven, Request, Response, Steps, drive
from irkit.drill.addresses import addresses_of, call_of, defaults_of, outgoing_of
from irkit.engine import redact
from irkit.runbook import convert_args
from irkit.worlds import Answer, Call, Person, World

START = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
PEOPLE = (Person("Dana Reyes", "dana@example.org", "agent"), Person("Wei Chen", "wei@example.org", "admin"))
EVIDENCE = b"evidence, eight words of it, to be uploaded"
KEPT = {"sha256": hashlib.sha256(EVIDENCE).hexdigest(), "size": len(EVIDENCE), "name": "evidence.txt"}      # an artefact


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def make(connector: str = "zendesk", *, clock: Callable[[], datetime] | None = None, people: Sequence[Person] = PEOPLE,
         subjects: Mapping[str, str] | None = None, **options: object) -> World:
    """A small world of that connector."""
    kind = worlds.find(connector)
    return kind({**kind.small, **options}, people=people, now=clock or Clock(), subjects=subjects)


def ask(world: World, method: str, target: str, data: object = None, *, authorization: str | None = None,
        headers: Mapping[str, str] | None = None) -> Answer:
    """Ask a world as irkit's own account in it, unless another credential is given ("" for none)."""
    credential = f"Bearer {world.ready_token}" if authorization is None else authorization
    body = None if data is None else json.dumps(data).encode()
    return world.handle(Call.of(method, target, body=body, authorization=credential,
                                headers={"accept": "application/json"} if headers is None else headers))


def body(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def read(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(body(answer))


def get(world: World, target: str) -> Any:
    """The JSON of a GET that must succeed; the path may leave out what all of the vendor's begin with."""
    answer = ask(world, "GET", target if target.startswith(("http", "/api/")) else f"/api/v2{target}")
    assert answer.status == 200, (target, answer)
    return read(answer)


def user(world: World, email: str) -> dict[str, Any]:
    """The user of exactly that address."""
    found: dict[str, Any] = next(u for u in get(world, f"/users/search?query={email}")["users"] if u["email"] == email)
    return found


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def as_person(world: World, email: str) -> str:
    """A legacy credential that acts as that person: any API token does, with anybody's address."""
    return basic(f"{email}/token", world.credentials()["api_token"])


@dataclass
class Asked:
    """Answers an action's requests from a world. `instead` may answer a request, by its number, in the world's place."""

    world: World
    instead: Callable[[int, Request], Response | None] = lambda number, request: None
    answered: list[tuple[Request, Answer]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        other = self.instead(len(self.answered), request)
        if other is not None:
            self.answered.append((request, Answer(other.status)))
            return other
        answer = self.world.handle(call(self.world, request))
        self.answered.append((request, answer))
        raw = body(answer)
        shown = redact.body(raw, request.secret) if request.secret and raw else raw
        return Response(answer.status, redact.headers(answer.headers), shown)


def play(steps: Steps[Any], answers: Callable[[Request], Response]) -> Driven:
    """Drive an action; its waits move the clock of the world that answers, where that has a Clock."""
    if not isinstance(answers, Asked):
        return drive(steps, answers)
    clock, world = answers.world.now, answers.world
    connector = connectors.find(world.connector)
    return drive(steps, answers, connector, known(world), clock.move if isinstance(clock, Clock) else lambda _: None)


def known(world: World) -> Mapping[tuple[str, str], object]:
    """What an action may ask of this machine: the world's settings, the connector's defaults, and one artefact."""
    defaults = defaults_of(connectors.find(world.connector))
    return {**{("setting", name): value for name, value in {**defaults, **world.settings}.items()},
            **{("artefact", name): KEPT for name in (str(KEPT["sha256"]), str(KEPT["name"]))}}


def call(world: World, request: Request) -> Call:
    """A request as the drill hands it to a world."""
    addresses = addresses_of(world)
    made = outgoing_of("", world, addresses, request, "")
    url, sent = made.bearing(world.ready_token)
    return call_of(world, addresses, made.method, url, made.headers, EVIDENCE if request.upload else sent or b"",
                        request.upload)


def arguments(action: Action, world: World) -> dict[str, Any]:
    """The sample arguments of an action, as its signature has them."""
    given = world.samples()
    raw = {name: given[key] for name in action.params for key in (f"{action.name}.{name}", name) if key in given}
    raw |= {name: given[f"{action.name}.{name}"] for name in action.params if f"{action.name}.{name}" in given}
    return convert_args(action, raw)


def seen_by(write: Request) -> dict[str, Any]:
    """What a write's look saw, by name."""
    assert write.seen is not None
    return asdict(write.seen)
