"""The simulated Freshdesk account over real HTTP: key, limits, lost answers, a wrong address; and what doctor says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irkit import connectors
from irkit.action import (
    GET,
    PUT,
    ActionError,
    Driven,
    NoAnswer,
    NotSent,
    Refused,
    Request,
    Response,
    Throttled,
    Unavailable,
    drive,
    refusal,
)
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds import Fault, Faults
from irkit.worlds.serve import Server, serve
from tests.cli.rig import Capsys, irkit
from tests.wire.rig import ignored
from tests.worlds.helpers import START, Clock, arguments, ask, basic, make, read

ME = GET("/api/v2/agents/me")
CONNECTOR = connectors.find("freshdesk")


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, *, key: str = "", **options: object) -> Iterator[tuple[Wire, Server]]:
    """A served account, and a wire to it that bears irkit's own key, or another."""
    world = make("freshdesk", **options)      # type: ignore[arg-type]
    monkeypatch.setenv("FRESHDESK", key or world.credentials()["api_key"])
    with serve(world) as server:
        one = Connection("freshdesk", "freshdesk", dict(world.settings), "api_key", "env:FRESHDESK", server.url)
        wire = Wire({"freshdesk": one}, connectors.find, loopback=True, wait=lambda seconds: True)
        try:
            yield wire, server
        finally:
            wire.close()


def send(wire: Wire, request: Request = ME) -> Response:
    return wire.send(wire.prepare("freshdesk", request), answered=ignored)


def play(wire: Wire, server: Server, name: str, **given: object) -> Driven:
    """An action, each of its requests over HTTP and each answer judged as in a run."""
    def answers(request: Request) -> Response:
        try:
            return send(wire, request)
        except ActionError as error:
            return error      # type: ignore[return-value]   # drive() throws what is an error
    action = connectors.find_action(f"freshdesk.{name}")
    return drive(action(**{**arguments(action, server.world), **given}), answers, CONNECTOR)


# -- signing in ----------------------------------------------------------------------------------------------------

def test_a_key_signs_in_with_any_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is the user name of Basic; it acts as the agent whose key it is."""
    with served(monkeypatch) as (wire, server):
        assert send(wire).json["contact"]["email"] == "ir-break-glass@northwind.example"
        key = server.world.credentials()["agent_key"]
    world = make("freshdesk")
    for password in ("X", "", "anything"):
        assert read(ask(world, "GET", ME.target, authorization=basic(key, password)))["contact"]["email"] == "robin@example.org"


@pytest.mark.parametrize("key", ["wrong", "ir-break-glass@northwind.example"])
def test_a_wrong_or_revoked_key_is_refused_in_freshdesks_words(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 with a code: what it stands for is unavailable, never empty."""
    with served(monkeypatch, key=key) as (wire, _):
        error = refusal(ME, send(wire), CONNECTOR)
        assert isinstance(error, Unavailable)
        assert "invalid_credentials" in str(error)


def test_an_agents_key_may_not_see_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """403 of an agent who is no administrator: the step says whose key it takes."""
    with served(monkeypatch, key=make("freshdesk").credentials()["agent_key"]) as (wire, server):
        error = play(wire, server, "find_agent").error
        assert isinstance(error, Unavailable)
        assert "account administrator" in error.needs


def test_an_address_without_a_helpdesk(monkeypatch: pytest.MonkeyPatch) -> None:
    """404 and an HTML page for every call: the subdomain is wrong, and the sentence says so."""
    with served(monkeypatch, domain=False) as (wire, server):
        error = play(wire, server, "whoami").error
        assert isinstance(error, Refused)
        assert "wrong subdomain" in str(error)


# -- limits --------------------------------------------------------------------------------------------------------

def test_the_list_of_tickets_has_a_limit_of_its_own() -> None:
    """On Growth the 21st list in a minute gets 429, with the seconds to wait; other calls go on; invalid ones count."""
    world = make("freshdesk", limits=True, plan="growth", clock=Clock(START + timedelta(seconds=26)))
    lists = [ask(world, "GET", "/api/v2/tickets?per_page=1") for _ in range(21)]
    assert [one.status for one in lists] == [200] * 20 + [429]
    assert lists[-1].headers["retry-after"] == "34"
    assert lists[-1].headers["x-ratelimit-total"] == "200"
    ask(world, "GET", "/api/v2/nothing")
    assert ask(world, "GET", ME.target).headers["x-ratelimit-remaining"] == "177"


def test_the_wire_waits_as_long_as_freshdesk_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a 429's headers say comes through, and holds the connection for that time; a wait that is stopped sends nothing."""
    with served(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("freshdesk", "GET /api/v2/agents/me", answer={
            "status": 429, "retry_after": 34, "headers": {"X-RateLimit-Total": "200", "X-RateLimit-Remaining": "0"}})])
        answer = send(wire)
        assert isinstance(refusal(ME, answer, CONNECTOR), Throttled)
        wire.learn("freshdesk", CONNECTOR.limit(answer, START))
        assert 30 < wire.seconds_for("freshdesk", 1) < 35
        with pytest.raises(NotSent, match="rate limit"):
            wire.turn("freshdesk")


def test_a_plan_without_an_api_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Free plan answers 429 to everything, with a total of 0: a gap, and nothing to wait for."""
    with served(monkeypatch, plan="free") as (wire, server):
        error = play(wire, server, "collect_account").error
        assert isinstance(error, Unavailable)
        assert "Free plan" in str(error)


# -- what a network does -------------------------------------------------------------------------------------------

def test_a_write_that_never_arrived_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection drops before: the outcome is unknown all the same, since nobody can tell, and it is not sent twice."""
    with served(monkeypatch) as (wire, server):
        before = server.world.digest()
        server.faults = Faults([Fault("freshdesk", "PUT /api/v2/agents/*", lost="before")])
        driven = play(wire, server, "restrict_agent")
        assert isinstance(driven.error, NoAnswer)
        assert len(driven.writes) == 1
        assert server.world.digest() == before


def test_a_write_whose_answer_is_lost_is_found_done_by_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent is restricted and nobody was told: the same action again looks, and sends nothing."""
    with served(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("freshdesk", "PUT /api/v2/agents/*", lost="after")])
        assert isinstance(play(wire, server, "restrict_agent").error, NoAnswer)
        again = play(wire, server, "restrict_agent")
        assert again.error is None
        assert not again.writes
        assert again.result.scope == "restricted"


def test_a_removal_whose_answer_is_lost_is_found_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent became a contact: the next look finds no agent and the contact, and sends nothing."""
    with served(monkeypatch) as (wire, server):
        subject = str(server.world.samples()["agent_id"])
        server.faults = Faults([Fault("freshdesk", "DELETE /api/v2/agents/*", lost="after")])
        assert isinstance(play(wire, server, "convert_to_contact").error, NoAnswer)
        again = play(wire, server, "convert_to_contact", agent_id=subject)
        assert not again.writes
        assert again.result.proof == "no agent has this id, and the contact is there"


@pytest.mark.parametrize("how", ["cut", "html", "reset"])
def test_a_read_that_breaks_is_no_empty_list(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body cut short, a sign-in page with 200, a reset connection: an error each."""
    with served(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("freshdesk", "GET /api/v2/tickets", transport=how)])      # type: ignore[arg-type]
        driven = play(wire, server, "collect_tickets")
        assert isinstance(driven.error, ActionError)
        assert driven.result is None


def test_pages_are_followed_on_the_served_host_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All agents come, in pages of five, by the links of the answers."""
    with served(monkeypatch) as (wire, server):
        driven = play(wire, server, "collect_agents")
        assert driven.result.complete
        assert driven.result.count == len(server.world.tenant.shelves["agents"]) > 5      # type: ignore[attr-defined]


@pytest.mark.parametrize("link", ["https://elsewhere.example/api/v2/agents?page=2", "{url}/api/v2/contacts?page=2"])
def test_a_link_to_another_place_is_not_followed(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to another host, which would get the key, nor to another list."""
    with served(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("freshdesk", "GET /api/v2/agents", answer={
            "status": 200, "body": [{"id": 1, "contact": {"email": "x@example.org"}}],
            "headers": {"link": f'<{link.format(url=server.url)}>; rel="next"'}})])
        driven = play(wire, server, "find_agent")
        assert isinstance(driven.error, ActionError)
        assert not any("page=2" in request.target for request in driven.requests[:-1])
        assert driven.result is None


def test_an_empty_page_with_a_link_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list goes on behind it."""
    with served(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("freshdesk", "GET /api/v2/roles", answer={"status": 200, "body": [], "headers": {
            "link": f'< {server.url}/api/v2/roles?per_page=100&page=1>;rel="next"'}})])
        found = play(wire, server, "collect_roles").result
        assert (found.count, found.complete) == (4, True)


def test_an_error_of_a_write_tells_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freshdesk's validation says which field, and irkit says it on."""
    with served(monkeypatch) as (wire, server):
        request = PUT("/api/v2/agents/{}", server.world.samples()["agent_id"], json={"deactivated": True}, affects=["x"],
                      noun="person")
        assert "deactivated: Unexpected/invalid field" in str(refusal(request, send(wire, request), CONNECTOR))


# -- doctor --------------------------------------------------------------------------------------------------------

def doctor(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, folder: Path, key: str = "", **options: Any) -> tuple[int, str]:
    """`irkit connect` to a served account, then `irkit doctor`: its exit code and what it said, in one line."""
    world = make("freshdesk", **options)
    monkeypatch.setenv("FRESHDESK", key or world.credentials()["api_key"])
    monkeypatch.chdir(folder)
    (folder / "evidence").mkdir()
    with serve(world) as server:
        made = irkit(capsys, "connect", "freshdesk", "--config", "irkit.toml", "--sign-in", "api_key", "--credential",
                     "env:FRESHDESK", "--base-url", server.url, "--set", "subdomain=northwind-drill")
        assert made.code == 0, made.err
        ran = irkit(capsys, "doctor", "--config", "irkit.toml")
    return ran.code, " ".join(ran.out.split())


def test_doctor_says_whom_irkit_acts_as(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Name and role of the key's agent, and every right that was proved."""
    _, out = doctor(capsys, monkeypatch, tmp_path)
    assert "IR break glass, Account Administrator" in out
    assert "FAIL" not in out.partition("clock")[0]


def test_doctor_names_a_scope_that_would_shorten_lists(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one right that no error would ever tell of."""
    _, out = doctor(capsys, monkeypatch, tmp_path, global_scope=False)
    assert "ticket scope Global is missing" in out


def test_doctor_names_each_right_that_an_agents_key_lacks(capsys: Capsys, monkeypatch: pytest.MonkeyPatch,
                                                         tmp_path: Path) -> None:
    """The key of an agent who is no administrator: exit 4, and one line for each right, with what it is for."""
    code, out = doctor(capsys, monkeypatch, tmp_path, key=make("freshdesk").credentials()["agent_key"])
    assert code == 4
    for right in ("role Account Administrator", "right to see contacts", "right to manage automations",
                  "right to manage email settings", "right to manage the account"):
        assert f"{right} is missing" in out


def test_doctor_refuses_a_wrong_key(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 4, Freshdesk's words, the mending command, and never the key."""
    code, out = doctor(capsys, monkeypatch, tmp_path, key="fd-4f1c9a77b2e04d51")
    assert code == 4
    assert "irkit connect freshdesk" in out
    assert "fd-4f1c9a77b2e04d51" not in out
