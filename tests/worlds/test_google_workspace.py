"""The simulated Google Workspace tenant, over real HTTP: the service account, refusals, quotas, lost answers; and its traps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import DELETE, GET, PUT, NoAnswer, Request, Response, Throttled, Unavailable, refusal
from irkit.cli import checks
from irkit.config import Connection
from irkit.errors import CredentialError
from irkit.wire.http import Wire
from irkit.worlds import Fault, Faults
from irkit.worlds.google_workspace import signin
from irkit.worlds.serve import Server, serve
from tests.wire.rig import ignored
from tests.worlds.helpers import START, Clock, ask, make, read

HOME = "/admin/directory/v1"
REPORTS = "/admin/reports/v1/activity/users"
USERS = GET(f"{HOME}/users", params={"customer": "my_customer"})
SLOW = {"error": {"code": 403, "message": "Quota exceeded", "errors": [{"reason": "userRateLimitExceeded"}]}}


@contextmanager
def signed_in(monkeypatch: pytest.MonkeyPatch, shown: dict[str, str] | None = None, off: timedelta = timedelta(),
              settings: dict[str, str] | None = None, **options: Any) -> Iterator[tuple[Wire, Server]]:
    """A wire that signs in to a served tenant by its key file, parts of it replaced; the tenant's clock may be off."""
    monkeypatch.setattr(Clock, "__call__", lambda _: datetime.now(UTC) + off)
    world = make("google_workspace", **options)
    way, key = world.signs_in()
    monkeypatch.setenv("GOOGLE", json.dumps({**json.loads(key), **(shown or {})}))
    with serve(world) as server:
        one = Connection("google", "google_workspace", {**world.settings, **(settings or {})}, way, "env:GOOGLE", server.url)
        wire = Wire({"google": one}, connectors.find, loopback=True)
        try:
            yield wire, server
        finally:
            wire.close()


def send(wire: Wire, request: Request = USERS) -> Response:
    return wire.send(wire.prepare("google", request), answered=ignored)


def write(method: Any, path: str, *parts: str, **options: Any) -> Request:
    made: Request = method(path, *parts, affects=["Dana"], noun="person", **options)
    return made


# -- signing in ----------------------------------------------------------------------------------------------------

def test_a_service_account_acts_as_the_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertion names scopes, audience and whom to act as; the token is taken, also by the logs."""
    with signed_in(monkeypatch) as (wire, _):
        assert send(wire).status == 200
        assert send(wire, GET(f"{REPORTS}/all/applications/login", params={"maxResults": 1})).status == 200


@pytest.mark.parametrize(("shown", "settings", "options", "said"), [
    ({}, {}, {"revoked": True}, "invalid_grant"), ({"private_key_id": "another"}, {}, {}, "invalid_grant"),
    ({"client_email": "someone@else.iam.gserviceaccount.com"}, {}, {}, "invalid_grant"),
    ({}, {"subject": "nobody@northwind.example"}, {}, "invalid_grant"),
    ({}, {}, {"missing": "admin.directory.user.security"}, "unauthorized_client"),
    ({"private_key": "none"}, {}, {}, "is no private key")])
def test_a_refused_sign_in_says_why(shown: dict[str, str], settings: dict[str, str], options: dict[str, Any], said: str,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was deleted, another account, a wrong administrator, a scope that was not authorised, no key at all."""
    with signed_in(monkeypatch, shown, settings=settings, **options) as (wire, _), pytest.raises(CredentialError) as caught:
        send(wire)
    assert said in str(caught.value)
    assert "set the clock" not in str(caught.value)


def test_doctor_names_the_scope_for_which_google_refuses_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token endpoint says unauthorized_client and not which: each is asked for alone, and what it is needed for is told."""
    with signed_in(monkeypatch, missing="admin.reports.audit.readonly") as (wire, _):
        found = checks.connection(wire, wire._connections["google"], [])
    assert [check.state for check in found] == ["FAIL", "FAIL"]
    assert "unauthorized_client" in found[0].text
    assert "auth/admin.reports.audit.readonly is missing: cannot collect the logs" in found[1].text


@pytest.mark.parametrize("options", [{"revoked": True}, {"missing": ",".join(signin.AUTHORISED)}])
def test_doctor_names_no_scope_where_it_is_not_for_the_scopes(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was deleted is refused whatever is asked for; so is an account that nobody authorised."""
    with signed_in(monkeypatch, **options) as (wire, _):
        found = checks.connection(wire, wire._connections["google"], [])
    assert len(found) == 1


@pytest.mark.parametrize(("off", "side"), [(timedelta(hours=2), "behind"), (timedelta(hours=-2), "ahead of")])
def test_a_clock_that_is_off_is_named(off: timedelta, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertion is refused for its time: the sentence says by how much, and which way."""
    with signed_in(monkeypatch, off=off) as (wire, _), pytest.raises(CredentialError) as caught:
        send(wire)
    assert f"s {side} the server's" in str(caught.value)
    assert "set the clock" in str(caught.value)


def test_a_clock_that_is_a_little_off_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute either way is taken."""
    for off in (timedelta(minutes=1), timedelta(minutes=-1)):
        with signed_in(monkeypatch, off=off) as (wire, _):
            assert send(wire).status == 200


def test_taking_roles_away_needs_a_scope_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With roles = "read" the token may list roles, and is refused to take one away: the scope is named."""
    connector = connectors.find("google_workspace")
    with signed_in(monkeypatch, settings={"roles": "read"}) as (wire, server):
        rows = send(wire, GET(f"{HOME}/customer/my_customer/roleassignments")).get("items", list)
        before = server.world.digest()
        request = write(DELETE, f"{HOME}/customer/my_customer/roleassignments/{{}}", rows[0]["roleAssignmentId"],
                        gate="scope admin.directory.rolemanagement")
        refused = refusal(request, send(wire, request), connector)
        assert server.world.digest() == before
    assert "scope admin.directory.rolemanagement" in str(refused)
    assert "Domain-wide delegation" in refused.next                              # type: ignore[union-attr]


# -- what a network and a quota do ---------------------------------------------------------------------------------

@pytest.mark.parametrize(("answer", "kind"), [
    ({"status": 429, "retry_after": 3}, Throttled), ({"status": 403, "body": SLOW}, Throttled),
    ({"status": 403, "body": {"error": {"code": 403, "errors": [{"reason": "forbidden"}]}}}, Unavailable)])
def test_slow_down_is_told_from_no(answer: dict[str, Any], kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """429 and a 403 whose reason is the quota may be asked again; any other 403 may not. The next answer is there."""
    connector = connectors.find("google_workspace")
    with signed_in(monkeypatch) as (wire, server):
        server.faults = Faults([Fault("google_workspace", f"GET {HOME}/users", answer=answer)])
        assert type(refusal(USERS, send(wire), connector)) is kind
        assert refusal(USERS, send(wire), connector) is None


@pytest.mark.parametrize(("lost", "suspended"), [("before", False), ("after", True)])
def test_a_write_whose_answer_is_lost_is_unknown_and_not_sent_twice(lost: Any, suspended: bool,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it arrived cannot be known from here; it arrived once, or never."""
    with signed_in(monkeypatch) as (wire, server):
        user = str(server.world.samples()["user_id"])
        send(wire)
        server.faults = Faults([Fault("google_workspace", f"PUT {HOME}/users/*", lost=lost)])
        with pytest.raises(NoAnswer):
            send(wire, write(PUT, f"{HOME}/users/{{}}", user, json={"suspended": True}))
        assert server.world.tenant.user(user)["suspended"] is suspended          # type: ignore[attr-defined]


def test_the_logs_answer_their_quota_with_503() -> None:
    """250 filtered questions a minute; unfiltered ones go on, and a minute later all is well."""
    clock = Clock()
    world = make("google_workspace", clock=clock, limits=True)
    subject = world.samples()["user_id"]
    statuses = [ask(world, "GET", f"{REPORTS}/{subject}/applications/takeout?maxResults=1").status for _ in range(251)]
    assert statuses == [200] * 250 + [503]
    assert ask(world, "GET", f"{REPORTS}/all/applications/takeout?maxResults=1").status == 200
    clock.move(60)
    assert ask(world, "GET", f"{REPORTS}/{subject}/applications/takeout?maxResults=1").status == 200


def test_the_directory_answers_its_quota_with_403_and_a_reason() -> None:
    """2400 questions a minute: the next one is a 403, which is no missing permission."""
    world = make("google_workspace", limits=True)
    path = f"{HOME}/users/{world.samples()['user_id']}"
    assert {ask(world, "GET", path).status for _ in range(2400)} == {200}
    refused = ask(world, "GET", path)
    assert (refused.status, read(refused)["error"]["errors"][0]["reason"]) == (403, "userRateLimitExceeded")


# -- the tenant's own traps ----------------------------------------------------------------------------------------

def rows(target: str, **options: object) -> list[dict[str, Any]]:
    world = make("google_workspace", page=1000, **options)                       # type: ignore[arg-type]
    found: list[dict[str, Any]] = read(ask(world, "GET", target.format(**world.samples()))).get("items", [])
    return found


def test_unknown_parameters_are_ignored_and_the_last_of_two_values_counts() -> None:
    """Nothing is refused: the rows are those of another question."""
    target = REPORTS + "/{user_id}/applications/admin"
    every = rows(target)
    assert rows(target + "?event=CHANGE_PASSWORD&start=now") == every
    assert rows(target + "?startTime=yesterday") == every
    both = rows(target + "?eventName=CHANGE_PASSWORD&eventName=DOWNLOAD_USERLIST_CSV")
    assert [row["events"][0]["name"] for row in both] == ["DOWNLOAD_USERLIST_CSV"]


def test_what_is_older_than_180_days_is_left_out_without_a_word() -> None:
    """A start a year ago answers as 180 days ago does."""
    target = REPORTS + "/{user_id}/applications/login?startTime="
    year, floor = rows(target + "2025-03-07T00:00:00Z"), rows(target + "2025-09-08T23:40:00Z")
    assert year == floor
    assert len(year) == 15


def test_roles_by_group_come_with_both_the_person_and_the_flag_alone() -> None:
    """Either alone leaves them out, and says nothing of it."""
    path = f"{HOME}/customer/my_customer/roleassignments"
    kinds = {query: {row["assigneeType"] for row in rows(path + query)} for query in (
        "?userKey={user_id}", "?userKey={user_id}&includeIndirectRoleAssignments=true")}
    assert list(kinds.values()) == [{"user"}, {"user", "group"}]


def test_backup_codes_come_in_clear_and_cannot_be_invalidated_while_suspended() -> None:
    """Which is why nobody lists them, and why it comes before suspension."""
    world = make("google_workspace")
    path = f"{HOME}/users/{world.samples()['user_id']}"
    shown = read(ask(world, "GET", f"{path}/verificationCodes"))
    assert {one["verificationCode"] for one in shown["items"]} <= set(world.secrets())
    assert ask(world, "PUT", path, {"suspended": True}).status == 200
    assert ask(world, "POST", f"{path}/verificationCodes/invalidate").status == 400


def test_suspending_resets_tokens_and_leaves_app_passwords() -> None:
    """Google says of cookies and tokens alone that they go; so a team that only suspends leaves the intruder's app password."""
    world = make("google_workspace")
    path = f"{HOME}/users/{world.samples()['user_id']}"
    before = {left.kind for left in world.left()}
    assert ask(world, "PUT", path, {"suspended": True}).status == 200
    assert {"session", "token", "app_password"} <= before
    assert {left.kind for left in world.left()} & {"session", "token", "app_password"} == {"app_password"}
    assert read(ask(world, "GET", f"{path}/asps"))["items"]


def test_the_administrators_log_is_late() -> None:
    """What was just done is not in it yet."""
    clock = Clock()
    world = make("google_workspace", clock=clock, lag=60)
    ask(world, "POST", f"{HOME}/users/{world.samples()['user_id']}/signOut")
    target = f"{REPORTS}/all/applications/admin?eventName=RESET_SIGNIN_COOKIES&startTime={START:%Y-%m-%dT%H:%M:%SZ}"
    assert "items" not in read(ask(world, "GET", target))
    clock.move(60)
    assert [row["id"]["time"] for row in read(ask(world, "GET", target))["items"]] == ["2026-03-07T23:40:00.000Z"]


def test_a_token_that_ended_is_refused() -> None:
    """After its hour a token answers 401."""
    clock = Clock()
    world = make("google_workspace", clock=clock)
    token = world.tokens.issue("irkit-admin@northwind.example", seconds=3599)    # type: ignore[attr-defined]
    target, shown = f"{HOME}/users?customer=my_customer", f"Bearer {token}"
    assert ask(world, "GET", target, authorization=shown).status == 200
    clock.move(3600)
    assert ask(world, "GET", target, authorization=shown).status == 401


def test_a_person_who_was_deleted_is_in_the_logs_by_id_alone() -> None:
    """By address the log of somebody deleted is empty."""
    world = make("google_workspace", page=1000)
    tenant: Any = world.tenant                                                   # type: ignore[attr-defined]
    user = tenant.shelves["users"].pop(tenant.subject)
    by_id, by_name = (read(ask(world, "GET", f"{REPORTS}/{who}/applications/takeout")).get("items", [])
                      for who in (user["id"], user["primaryEmail"]))
    assert (len(by_id), len(by_name)) == (1, 0)
