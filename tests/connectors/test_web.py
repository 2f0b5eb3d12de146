"""http.request and webhook.send: what leaves for systems that irkit knows nothing of, and what is claimed of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, Driven, NotConfirmed, NotSent, Refused, Request, Response
from irkit.config import Connection
from irkit.errors import CredentialError
from irkit.runbook import check_bytes
from irkit.wire.http import Wire
from irkit.worlds import Answer, Call, World
from irkit.worlds.serve import serve
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import Asked, Clock, make, play

REQUEST, SEND = connectors.find_action("http.request"), connectors.find_action("webhook.send")


def sent(world: World, **args: Any) -> Driven:
    return play(REQUEST(**args), Asked(world))


def test_a_request_with_a_look_is_done_when_the_look_shows_it() -> None:
    """The runbook says what proves it; the same again finds it so and sends nothing."""
    world = make("http")
    given = {"method": "PUT", "path": "/things/7", "body": '{"state": "off"}', "look": "/things/7", "shows": '"off"'}
    assert sent(world, **given).result.text == '{"state": "off"}'
    assert not sent(world, **given).writes


def test_a_request_without_a_look_is_never_done_by_itself() -> None:
    """Answered 204 is not known to have worked: a person looks it up."""
    driven = sent(make("http"), method="DELETE", path="/things/7")
    assert isinstance(driven.error, NotConfirmed)
    assert driven.writes[0].settle == "human"


def test_a_look_that_does_not_show_it_is_no_success() -> None:
    """200 and no trace of it: not confirmed."""
    driven = sent(make("http"), method="PUT", path="/things/7", body="{}", look="/things/7", shows='"off"')
    assert isinstance(driven.error, NotConfirmed)


@pytest.mark.parametrize("args", [
    {"method": "GET", "path": "/a"}, {"method": "post", "path": "/a"}, {"method": "POST", "path": "a"},
    {"method": "POST", "path": "//evil.example"}, {"method": "POST", "path": "https://evil.example"},
    {"method": "POST", "path": "/a", "shows": "x"}])
def test_what_is_no_request_to_this_host_is_refused(args: dict[str, Any]) -> None:
    """Another host, another method, a proof without a look: nothing is sent."""
    driven = sent(make("http"), **args)
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_lint_warns_of_a_request_that_irkit_does_not_know() -> None:
    """Rule 12."""
    raw = ("schema: irkit/v1\nrunbook: r\ntitle: T\nversion: 1\nsteps:\n"
           "  - {id: look, title: Look, why: W., action: http.get, with: {path: /things/7}}\n"
           "  - {id: off, title: Off, why: W., action: http.request, with: {method: DELETE, path: /things/7}}\n")
    assert [m.message for m in check_bytes(raw.encode(), "r.yaml", "r").found if "does not know" in m.message] == [
        "irkit does not know what http.request does: it counts as irreversible"]


# -- webhooks ----------------------------------------------------------------------------------------------------

def test_an_event_keeps_its_id_and_says_no_more_than_a_hash() -> None:
    """The id is that of incident and step, at every attempt; of an artefact the SHA-256 alone leaves."""
    world = make("webhook")
    first, second = (play(SEND(type="incident.opened", text="t", attach="evidence.txt"), Asked(world)) for _ in range(2))
    assert first.writes[0].headers == second.writes[0].headers
    assert set(first.writes[0].json["data"]) == {"incident", "step", "text", "sha256"}
    assert isinstance(first.error, NotConfirmed)


def test_a_receiver_that_has_had_enough_is_told_no_more() -> None:
    """410: refused, and the next command is to take it out."""
    driven = play(SEND(type="x", text="t"), Asked(make("webhook", gone=True)))
    assert isinstance(driven.error, Refused)
    assert "irkit.toml" in driven.error.next


@contextmanager
def wired(world: World, way: str = "signed", path: str = "/incidents", wall: float = 0.0) -> Iterator[Wire]:
    with serve(world) as server:
        one = Connection("webhook", "webhook", {"path": path}, way, "env:HOOK", server.url)
        wire = Wire({"webhook": one}, connectors.find, loopback=True, timeouts=PATIENT, wall=lambda: time.time() + wall)
        try:
            yield wire
        finally:
            wire.close()


def over(wire: Wire) -> Driven:
    def ask(request: Request) -> Response:
        return wire.send(wire.prepare("webhook", request), answered=ignored)
    from irkit.action import drive
    return drive(SEND(type="x", text="t"), ask, connectors.find("webhook"), {("setting", "path"): "/incidents"})


@pytest.fixture
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", make("webhook").credentials()["secret"])


@pytest.mark.usefixtures("_secret")
def test_the_signature_is_one_that_a_receiver_takes() -> None:
    """Over id, moment and the very bytes, with the shared secret."""
    world = make("webhook", clock=_Now())
    with wired(world) as wire:
        assert "202" in str(over(wire).error)
    assert len(world.events) == 1                       # type: ignore[attr-defined]


@pytest.mark.usefixtures("_secret")
def test_a_clock_that_is_far_off_is_a_refusal() -> None:
    """The receiver takes nothing older than five minutes: 401, and nothing is called sent."""
    with wired(make("webhook", clock=_Now()), wall=-900) as wire:
        assert isinstance(over(wire).error, Refused)


def test_an_address_that_is_the_secret_is_in_no_request_as_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """With secret_path the gate and the ledger have a placeholder; the receiver gets the path, slashes and all."""
    monkeypatch.setenv("HOOK", "services/T0/canary-in-a-path")
    world = make("webhook", clock=_Now())
    heard: list[str] = []
    answer = world.answer

    def listen(call: Call) -> Answer:
        heard.append(call.path)
        return answer(call)
    monkeypatch.setattr(world, "answer", listen)
    with wired(world, "secret_path", path="/") as wire:
        made = wire.prepare("webhook", Request(method="GET", target="/"))
        wire.send(made, answered=ignored)
    assert "canary" not in made.url
    assert heard == ["/services/T0/canary-in-a-path/"]


def test_a_secret_that_is_none_is_told_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not base64: CredentialError, and the text does not hold it."""
    monkeypatch.setenv("HOOK", "whsec_not base64 at all!")
    with wired(make("webhook", clock=_Now())) as wire, pytest.raises((CredentialError, NotSent)) as caught:
        over(wire)
    assert "not base64 at all" not in str(caught.value)


class _Now(Clock):
    """The world's clock is this machine's: a signature says when it was made."""

    def __call__(self) -> Any:
        from datetime import UTC, datetime
        return datetime.now(UTC)
