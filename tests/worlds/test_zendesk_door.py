"""Who gets in: credentials, roles, scopes, plans, headers, rate limits."""

from __future__ import annotations

from datetime import datetime

import pytest

from irkit import connectors
from irkit.action import Response
from irkit.worlds import Answer
from tests.worlds.helpers import Clock, as_person, ask, basic, body, get, make, read, user


def said(answer: Answer) -> str:
    """The vendor's sentence, as the connector finds it in either error body."""
    return connectors.find("zendesk").describe(Response(answer.status, answer.headers, body(answer)))


def test_users_me_answers_anybody() -> None:
    """Without a credential it is 200 and a user without an id; everything else is 401."""
    world = make()
    anybody = ask(world, "GET", "/api/v2/users/me", authorization="")
    assert (anybody.status, read(anybody)["user"]["id"]) == (200, None)
    assert ask(world, "GET", "/api/v2/users", authorization="").status == 401
    assert read(ask(world, "GET", "/api/v2/users/me"))["user"]["email"] == "ir-break-glass@northwind.example"


@pytest.mark.parametrize("credential", [
    "Bearer wrong", "Basic !!!", "Basic cm9vdA==", "Digest x", basic("owner@northwind.example", "secret"),
    basic("owner@northwind.example/token", "wrong")])
def test_a_credential_that_does_not_work_is_401(credential: str) -> None:
    """Wrong, malformed, and password credentials are refused, at users/me too."""
    assert ask(make(), "GET", "/api/v2/users/me", authorization=credential).status == 401


def test_an_api_token_acts_as_anybody() -> None:
    """Any API token works with any address of the account: suspending the one who leaked it stops nothing."""
    world = make()
    me = ask(world, "GET", "/api/v2/users/me", authorization=as_person(world, "dana@example.org"))
    assert read(me)["user"]["email"] == "dana@example.org"


def test_a_revoked_token_is_dead_and_irkit_can_cut_itself_off() -> None:
    """Deleting one's own token works once; then nothing does."""
    world = make()
    own = get(world, "/oauth/tokens/current")["token"]["id"]
    assert ask(world, "DELETE", f"/api/v2/oauth/tokens/{own}").status == 204
    assert ask(world, "GET", "/api/v2/users/me").status == 401


def test_an_issued_token_expires() -> None:
    """A token from the token endpoint ends when it said it would."""
    clock = Clock()
    world = make(clock=clock)
    given = world.credentials()
    answer = ask(world, "POST", "/oauth/tokens", {
        "grant_type": "client_credentials", "client_id": given["client_id"], "client_secret": given["client_secret"],
        "scope": "read", "expires_in": 600}, authorization="")
    token = f"Bearer {read(answer)['access_token']}"
    assert ask(world, "GET", "/api/v2/users", authorization=token).status == 200
    clock.move(601)
    assert ask(world, "GET", "/api/v2/users", authorization=token).status == 401


def test_a_token_without_the_write_scope_cannot_write() -> None:
    """403, and the sentence names the scope."""
    world = make()
    given = world.credentials()
    token = read(ask(world, "POST", "/oauth/tokens", {
        "grant_type": "client_credentials", "client_id": given["client_id"], "client_secret": given["client_secret"],
        "scope": "read"}, authorization=""))["access_token"]
    other = world.samples()["user_id"]
    answer = ask(world, "DELETE", f"/api/v2/users/{other}/sessions", authorization=f"Bearer {token}")
    assert answer.status == 403
    assert "write" in said(answer)


@pytest.mark.parametrize(("grant", "error"), [
    ({"grant_type": "password"}, "unsupported_grant_type"), ({"client_id": "nobody"}, "invalid_client"),
    ({"scope": "everything"}, "invalid_scope"), ({"expires_in": 10}, "invalid_request")])
def test_a_wrong_grant_is_refused_in_the_words_of_oauth(grant: dict[str, object], error: str) -> None:
    """RFC 6749 error codes, with a description."""
    world = make()
    given = world.credentials()
    answer = ask(world, "POST", "/oauth/tokens", {
        "grant_type": "client_credentials", "client_id": given["client_id"], "client_secret": given["client_secret"],
        "scope": "read write", **grant}, authorization="")
    assert read(answer)["error"] == error
    assert said(answer)


def test_agents_and_end_users_are_kept_out() -> None:
    """An agent reads people and not the logs; an end user and a suspended agent get 403 everywhere."""
    world = make()
    agent = as_person(world, "dana@example.org")
    assert ask(world, "GET", "/api/v2/users", authorization=agent).status == 200
    assert ask(world, "GET", "/api/v2/audit_logs", authorization=agent).status == 403
    assert ask(world, "GET", "/api/v2/users", authorization=as_person(world, "customer0@mail.example")).status == 403
    dana = user(world, "dana@example.org")["id"]
    ask(world, "PUT", f"/api/v2/users/{dana}", {"user": {"suspended": True}})
    refused = ask(world, "GET", "/api/v2/users/me", authorization=agent)
    assert refused.status == 403
    assert said(refused).startswith("You do not have access to this page.")


def test_without_accept_there_is_no_json() -> None:
    """406 for a client that does not ask for JSON."""
    assert ask(make(), "GET", "/api/v2/users/me", headers={"accept": "*/*"}).status == 406


@pytest.mark.parametrize(("plan", "adpp", "access", "audit"), [
    ("team", False, 404, 403), ("professional", False, 404, 403), ("enterprise", False, 403, 200),
    ("enterprise", True, 200, 200), ("team", True, 200, 403)])
def test_plans_gate_the_logs(plan: str, adpp: bool, access: int, audit: int) -> None:
    """The access log takes the add-on, the audit log Enterprise; each refuses in its own dialect."""
    world = make(plan=plan, adpp=adpp)
    answers = [ask(world, "GET", f"/api/v2/{log}") for log in ("access_logs", "audit_logs")]
    assert [answer.status for answer in answers] == [access, audit]
    assert "errors" in read(answers[0]) or access == 200
    assert "error" in read(answers[1]) or audit == 200
    assert all(said(answer) for answer in answers if answer.status != 200)


def test_what_is_not_there_is_told_apart() -> None:
    """An address that does not exist is InvalidEndpoint, an id that does not is RecordNotFound."""
    world = make()
    assert read(ask(world, "GET", "/api/v2/horses"))["error"] == "InvalidEndpoint"
    assert read(ask(world, "GET", "/api/v2/users/77"))["error"] == "RecordNotFound"
    assert read(ask(world, "GET", "/api/v2/webhooks/77"))["errors"][0]["status"] == "404"


def test_a_path_may_end_in_json() -> None:
    """Ticketing paths work with and without it."""
    assert "user" in get(make(), "/users/me.json")


def test_the_account_has_a_limit_a_minute() -> None:
    """The plan's number of requests, counted down in headers; then 429 with seconds to wait, until the minute is over."""
    clock = Clock()
    world = make(clock=clock, plan="team", adpp=True)
    first = ask(world, "GET", "/api/v2/users/me")
    assert (first.headers["x-rate-limit"], first.headers["x-rate-limit-remaining"]) == ("200", "199")
    clock.move(15)
    for _ in range(199):
        assert ask(world, "GET", "/api/v2/users/me").status == 200
    refused = ask(world, "GET", "/api/v2/users/me")
    assert (refused.status, refused.headers["retry-after"]) == (429, "45")
    clock.move(45)
    assert ask(world, "GET", "/api/v2/users/me").status == 200


def test_the_access_log_tells_its_limit_differently() -> None:
    """50 a minute, no Retry-After and no account headers: the reset is a date-time."""
    clock = Clock()
    world = make(clock=clock)
    answers = [ask(world, "GET", "/api/v2/access_logs?page[size]=1") for _ in range(51)]
    assert [answer.status for answer in answers] == [200] * 50 + [429]
    assert not {"retry-after", "x-rate-limit"} & set(answers[-1].headers)
    reset = datetime.fromisoformat(answers[-1].headers["ratelimit-reset"])
    assert (reset - clock.at).total_seconds() == 60
    assert read(answers[-1])["errors"]


@pytest.mark.parametrize(("method", "path", "most"), [
    ("GET", "/api/v2/incremental/ticket_events?start_time=1", 10), ("GET", "/api/v2/deleted_tickets", 10),
    ("PUT", "/api/v2/users/{user_id}", 5)])
def test_some_operations_have_limits_of_their_own(method: str, path: str, most: int) -> None:
    """They run out before the account's, and say which."""
    world = make()
    target = path.format(**world.samples())
    answers = [ask(world, method, target, {"user": {}} if method == "PUT" else None) for _ in range(most + 1)]
    assert [answer.status for answer in answers] == [200] * most + [429]
    assert any(name.startswith("zendesk-ratelimit-") for name in answers[0].headers)


def test_limits_can_be_off() -> None:
    """For measuring, and for tests that run on the real clock."""
    world = make(limits=False)
    assert {ask(world, "GET", "/api/v2/deleted_tickets").status for _ in range(60)} == {200}
    assert "x-rate-limit" not in ask(world, "GET", "/api/v2/users/me").headers
