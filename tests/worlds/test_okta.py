"""The simulated Okta org over real HTTP: both sign-ins, their refusals, rate limits, lost answers; and its own traps."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from irkit import connectors
from irkit.action import GET, POST, BadAnswer, NoAnswer, Request
from irkit.config import Connection
from irkit.errors import CredentialError
from irkit.wire.http import Wire
from irkit.worlds import Fault, Faults, World
from irkit.worlds.okta.seed import SCOPES
from irkit.worlds.serve import Server, serve
from tests.wire.rig import ignored
from tests.wire.test_signins import key as new_key
from tests.worlds.helpers import START, Clock, ask, make, read

USERS = GET("/api/v1/users", params={"limit": 1})
LOGS = GET("/api/v1/logs", params={"since": "2026-03-07T00:00:00Z", "until": "2026-03-07T23:00:00Z", "limit": 1})
key = functools.cache(new_key)


@contextmanager
def signed_in(monkeypatch: pytest.MonkeyPatch, way: str = "private_key_jwt", world: World | None = None, *, ahead: float = 0.0,
              settings: Mapping[str, str] | None = None) -> Iterator[tuple[Wire, Server]]:
    """A wire to a served org. `ahead`: seconds that this machine's clock is fast."""
    world = world or make("okta", clock=Clock())
    monkeypatch.setenv("OKTA", key() if way == "private_key_jwt" else world.credentials()["api_token"])
    with serve(world) as server:
        one = Connection("okta", "okta", {**world.settings, **(settings or {})}, way, "env:OKTA", server.url)
        wire = Wire({"okta": one}, connectors.find, loopback=True, wall=lambda: START.timestamp() + ahead)
        try:
            yield wire, server
        finally:
            wire.close()


def send(wire: Wire, request: Request = USERS) -> int:
    return wire.send(wire.prepare("okta", request), answered=ignored).status


# -- signing in --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["private_key_jwt", "ssws"])
def test_each_way_to_sign_in_works(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertion's audience is the org's endpoint, not the served world's; SSWS is a scheme of its own."""
    with signed_in(monkeypatch, way) as (wire, _):
        assert send(wire) == 200


@pytest.mark.parametrize(("settings", "ahead", "said"), [
    ({"client_id": "0oaOther"}, 0, "invalid_client"), ({"key_id": "revoked-key"}, 0, "revoked"),
    ({"org": "other.okta.com"}, 0, "invalid_client"), ({}, 7200, "clock is 7200 s ahead of the server's"),
    ({}, -7200, "clock is 7200 s behind the server's"), ({"scopes": "okta.nothing.read"}, 0, "invalid_scope")])
def test_a_refused_sign_in_says_why(settings: dict[str, str], ahead: float, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong client, a revoked key, another org, a clock that is off, an unknown scope; then what to type."""
    with signed_in(monkeypatch, ahead=ahead, settings=settings) as (wire, _), pytest.raises(CredentialError) as caught:
        send(wire)
    assert said in str(caught.value)
    assert caught.value.next == "irkit doctor okta"


def test_an_app_without_any_scope_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Okta answers consent_required, which says little to whoever has to mend it."""
    with signed_in(monkeypatch, world=make("okta", clock=Clock(), missing=",".join(SCOPES))) as (wire, _), \
            pytest.raises(CredentialError) as caught:
        send(wire)
    assert "none of the scopes is granted" in str(caught.value)


def test_a_token_bears_the_scopes_that_were_granted_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is missing is no reason to refuse the sign-in: the request that needs it gets 403."""
    with signed_in(monkeypatch, world=make("okta", clock=Clock(), missing="okta.logs.read")) as (wire, _):
        assert (send(wire), send(wire, LOGS)) == (200, 403)


def test_an_api_token_dies_with_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deactivated: 401, E0000011, for every request."""
    with signed_in(monkeypatch, "ssws") as (wire, server):
        assert send(wire) == 200
        owner = next(user for user in server.world.tenant.shelves["users"].values()      # type: ignore[attr-defined]
                     if user["profile"]["firstName"] == "Break")
        owner["status"] = "DEPROVISIONED"
        assert send(wire) == 401


# -- rate limits and drops ---------------------------------------------------------------------------------------------

def test_the_log_takes_sixty_queries_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next gets 429 without Retry-After; reset minus the server's Date is the wait."""
    with signed_in(monkeypatch, world=make("okta", clock=Clock(), limits=True)) as (wire, _):
        statuses = [send(wire, LOGS) for _ in range(60)]
        refused = wire.send(wire.prepare("okta", LOGS), answered=ignored)
    assert set(statuses) == {200}
    assert refused.status == 429
    assert "retry-after" not in refused.headers
    assert connectors.find("okta").limit(refused, START).wait == 60


def test_too_many_at_once_is_a_budget_of_nothing() -> None:
    """Limit and remaining are 0, and the reset says nothing."""
    world = make("okta", limits=True, busy=2)
    answers = [ask(world, "GET", LOGS.target) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert (answers[1].headers["x-rate-limit-limit"], answers[1].headers["x-rate-limit-remaining"]) == ("0", "0")


@pytest.mark.parametrize(("lost", "status"), [("before", "ACTIVE"), ("after", "SUSPENDED")])
def test_a_write_whose_answer_is_lost_is_unknown(lost: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspended or not, nobody was told: the outcome is unknown, and it is not sent twice."""
    with signed_in(monkeypatch) as (wire, server):
        user = str(server.world.samples()["user_id"])
        send(wire)
        server.faults = Faults([Fault("okta", "POST */lifecycle/suspend", lost=lost)])      # type: ignore[arg-type]
        with pytest.raises(NoAnswer):
            send(wire, POST("/api/v1/users/{}/lifecycle/suspend", user, affects=["x"], noun="person"))
        assert server.world.tenant.shelves["users"][user]["status"] == status      # type: ignore[attr-defined]


def test_a_post_without_a_body_says_that_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Okta answers 411 where Content-Length is missing: it is sent, as 0."""
    with signed_in(monkeypatch) as (wire, server):
        seen: list[str] = []
        answer = server.world.answer

        def watch(call: object) -> object:
            seen.append(call.headers.get("content-length", "missing"))      # type: ignore[attr-defined]
            return answer(call)      # type: ignore[arg-type]

        send(wire)
        server.world.answer = watch      # type: ignore[method-assign, assignment]
        user = str(server.world.samples()["user_id"])
        assert send(wire, POST("/api/v1/users/{}/lifecycle/suspend", user, affects=["x"], noun="person")) == 200
    assert seen == ["0"]


def test_a_sign_in_page_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 and HTML, as a proxy or a wrong org gives it."""
    with signed_in(monkeypatch) as (wire, server):
        send(wire)
        server.faults = Faults([Fault("okta", "GET /api/v1/users", transport="html")])
        answer = wire.send(wire.prepare("okta", USERS), answered=ignored)
        with pytest.raises(BadAnswer, match="HTML"):
            assert answer.json


# -- the org's own traps -----------------------------------------------------------------------------------------------

def test_a_session_cleared_without_the_flag_leaves_oauth_tokens() -> None:
    """The vendor's default: tokens outlive the session. With it they go."""
    world = make("okta")
    user = world.samples()["user_id"]
    assert ask(world, "DELETE", f"/api/v1/users/{user}/sessions").status == 204
    assert len(read(ask(world, "GET", f"/api/v1/users/{user}/clients"))) == 2
    ask(world, "DELETE", f"/api/v1/users/{user}/sessions?oauthTokens=true")
    assert read(ask(world, "GET", f"/api/v1/users/{user}/clients")) == []


@pytest.mark.parametrize(("query", "code"), [
    ('filter=actor.id has "x"', "E0000031"), ('filter=published gt "2026"', "E0000053"), ("filter=(actor.id pr", "E0000053"),
    ("since=yesterday", "E0000053"), ("since=2025-01-01T00:00:00Z", "E0000053"),
    ("since=2026-03-01T00:00:00Z&after=eyJhdCI6M30=", "E0000053")])
def test_the_log_refuses_what_okta_refuses(query: str, code: str) -> None:
    """Operators, attributes, times, and since together with after: 400 with Okta's code."""
    answer = ask(make("okta"), "GET", f"/api/v1/logs?{query}")
    assert (answer.status, read(answer)["errorCode"]) == (400, code)


def test_the_filter_compares_by_case_and_the_plain_list_leaves_out_the_deactivated() -> None:
    """Capitals find nobody; DEPROVISIONED people come only where a filter asks."""
    world = make("okta", page=50)
    assert read(ask(world, "GET", '/api/v1/users?filter=profile.email eq "Dana@example.org"')) == []
    listed = {user["status"] for user in read(ask(world, "GET", "/api/v1/users"))}
    assert "DEPROVISIONED" not in listed
    assert len(read(ask(world, "GET", '/api/v1/users?filter=status eq "DEPROVISIONED"'))) == 1


def test_nothing_but_active_can_be_suspended() -> None:
    """400, E0000001, with the cause."""
    world = make("okta", status="RECOVERY")
    answer = ask(world, "POST", f"/api/v1/users/{world.samples()['user_id']}/lifecycle/suspend")
    assert (answer.status, read(answer)["errorCode"]) == (400, "E0000001")
    assert "not active" in read(answer)["errorCauses"][0]["errorSummary"]


def test_a_reset_needs_to_be_told_whether_to_mail() -> None:
    """sendEmail has no default."""
    world = make("okta")
    assert ask(world, "POST", f"/api/v1/users/{world.samples()['user_id']}/lifecycle/reset_password").status == 400
