"""Okta: the traps of its API, each by name, against the simulated org."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from irkit import connectors
from irkit.action import ActionError, Driven, NotConfirmed, Refused, Request, Response, Unavailable
from irkit.runbook import check_bytes
from tests.connectors.okta_tenant import JUNK, error
from tests.runbook.support import TELL_LEGAL, book
from tests.worlds.helpers import START, Asked, Clock, arguments, ask, make, play, read

LONG_AGO = START - timedelta(days=130)


def asked(**options: object) -> Asked:
    return Asked(make("okta", clock=Clock(), **options))      # type: ignore[arg-type]


def run(name: str, on: Asked | None = None, given: dict[str, Any] | None = None, **options: object) -> Driven:
    on = on or asked(**options)
    action = connectors.find_action(f"okta.{name}")
    full = {name: (given or {}).get(name, value) for name, value in arguments(action, on.world).items()}
    return play(action(**{**full, **(given or {})}), on)


def person(on: Asked, email: str) -> dict[str, Any]:
    users = on.world.tenant.shelves["users"].values()      # type: ignore[attr-defined]
    found: dict[str, Any] = next(user for user in users if user["profile"]["email"] == email)
    return found


def step(name: str, action: str, **more: str) -> str:
    """A step of a runbook on the person that an earlier step found."""
    given = {"user_id": "{{ steps.who.id }}", **more}
    return f"- {{id: {name}, title: T, why: w, action: okta.{action}, with: {json.dumps(given)}}}"


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query)


# -- suspending ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status", ["STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "DEPROVISIONED"])
def test_only_an_active_account_can_be_suspended(status: str) -> None:
    """Anything else is named before anything is sent, with what to do."""
    driven = run("suspend_user", status=status)
    assert not driven.writes
    assert f"{status}" in str(driven.error) or "deactivated" in str(driven.error)
    assert getattr(driven.error, "next", "")


def test_a_suspended_account_is_satisfied_after_a_look() -> None:
    """Nothing is sent, and the result shows the status."""
    driven = run("suspend_user", status="SUSPENDED")
    assert (driven.writes, driven.result.status) == ([], "SUSPENDED")


def test_a_400_counts_as_already_only_after_a_look_shows_it() -> None:
    """Somebody else suspends between look and request: done. The same 400 on an account that stays ACTIVE is a refusal."""
    refused = error("E0000001", "Cannot suspend a user that is not active", 400)
    on = asked()

    def meanwhile(number: int, request: Request) -> Response | None:
        if request.is_write:
            person(on, "dana@example.org")["status"] = "SUSPENDED"
            return refused
        return None

    on.instead = meanwhile
    assert run("suspend_user", on).result.status == "SUSPENDED"
    still = asked()
    still.instead = lambda number, request: refused if request.is_write else None
    driven = run("suspend_user", still)
    assert isinstance(driven.error, Refused)
    assert "not active" in str(driven.error)


def test_an_import_that_sets_the_account_active_again_is_seen() -> None:
    """The watch reads the status and the log: containment that was undone is told, in words."""
    on = asked(reactivate=600)
    run("suspend_user", on)
    on.world.now.move(1200)      # type: ignore[attr-defined]
    found = run("watch_account", on, {"since": START}).result
    assert (found.status, len(found.back)) == ("ACTIVE", 1)
    assert "user.lifecycle.unsuspend" in found.back[0]
    assert "made active 1 times" in found.told


# -- sessions and tokens ---------------------------------------------------------------------------------------------

def test_both_flags_are_always_sent() -> None:
    """The vendor's defaults differ by engine: OAuth tokens would outlive the session, devices would stay remembered."""
    driven = run("end_sessions", engine="classic")
    assert query(driven.writes[0]) == {"oauthTokens": ["true"], "forgetDevices": ["true"]}


def test_the_end_of_sessions_is_proved_by_the_log_that_comes_late() -> None:
    """Okta has no list of sessions: the event is waited for, by Okta's clock."""
    driven = run("end_sessions", lag=70)
    assert "user.session.clear" in driven.result.proof
    assert len(driven.waits) == 7
    assert isinstance(run("end_sessions", lag=3600).error, NotConfirmed)


def test_a_clearing_that_left_oauth_tokens_does_not_count() -> None:
    """The console or another tool cleared the sessions, and tokens live on: it is sent again, with both flags."""
    on = asked(lag=0)
    ask(on.world, "DELETE", f"/api/v1/users/{on.world.samples()['user_id']}/sessions")
    driven = run("end_sessions", on)
    assert driven.writes
    assert driven.result.clients == ("Meetings (1)", "Mail archiver (1)")


def test_a_log_that_may_not_be_read_does_not_stop_containment() -> None:
    """The sessions are ended all the same, and that it is not proved is said."""
    driven = run("end_sessions", missing="okta.logs.read")
    assert driven.writes
    assert isinstance(driven.error, NotConfirmed)
    assert "okta.logs.read" in str(driven.error)


def test_api_tokens_outlive_suspension_sessions_and_password() -> None:
    """They end by their own deletion alone; the list is the org's, and the person's are picked here."""
    on = asked()
    for name in ("suspend_user", "end_sessions", "logout_everywhere", "reset_password"):
        assert run(name, on).error is None
    found = run("collect_api_tokens", on).result
    assert (found.count, [item.title for item in found.suspects]) == (4, ["ticket sync", "reporting"])
    for item in found.suspects:
        assert run("revoke_api_token", on, {"token_id": item.id}).error is None
    assert run("collect_api_tokens", on).result.suspects == ()


def test_a_token_that_went_meanwhile_is_gone_and_no_error() -> None:
    """404 to the deletion, and the list shows it gone."""
    on = asked()
    token = str(on.world.samples()["token_id"])

    def meanwhile(number: int, request: Request) -> Response | None:
        if request.is_write:
            del on.world.tenant.shelves["api_tokens"][token]      # type: ignore[attr-defined]
        return None

    on.instead = meanwhile
    assert "does not show it" in run("revoke_api_token", on).result.proof


def test_the_token_of_irkits_own_account_is_never_revoked() -> None:
    """Signed in with an API token: what its owner made stays, and so the way in."""
    on = asked()
    on.world.ready_token = on.world.credentials()["api_token"]
    own = next(one["id"] for one in on.world.tenant.shelves["api_tokens"].values() if one["name"] == "irkit")  # type: ignore[attr-defined]
    driven = run("revoke_api_token", on, {"token_id": own})
    assert not driven.writes
    assert "irkit itself" in str(driven.error)


def test_universal_logout_without_its_licence_is_a_gap() -> None:
    """Never "clean": what it needs is named, and the console's own way."""
    driven = run("logout_everywhere", universal_logout=False)
    assert isinstance(driven.error, Unavailable)
    assert "Identity Threat Protection" in driven.error.needs
    assert "Admin Console" in driven.error.next
    assert isinstance(run("logout_everywhere", missing="okta.universalLogout.manage").error, Unavailable)


def test_grants_and_tokens_go_one_by_one_or_all() -> None:
    """One grant leaves the others; one client's tokens leave those of the others."""
    on = asked()
    every = run("collect_grants", on).result.suspect_ids
    assert len(run("revoke_grant", on, {"grant_id": every[0]}).result.what) == 1
    assert run("collect_grants", on).result.suspect_ids == every[1:]
    assert len(run("revoke_grants", on).result.what) == len(every) - 1
    clients = run("collect_tokens", on).result.clients
    assert [client.name for client in clients] == ["Meetings", "Mail archiver"]
    run("revoke_client_tokens", on, {"client_id": clients[0].id})
    assert [client.name for client in run("collect_tokens", on).result.clients] == ["Mail archiver"]


def test_a_session_that_is_not_there_is_not_called_ended() -> None:
    """Whether the log's ids are taken is not known: the step ends, and says how to end all of them."""
    driven = run("end_session", given={"session_id": "102unknown"})
    assert not driven.writes
    assert "okta.end_sessions" in getattr(driven.error, "next", "")


def test_no_list_of_sessions_is_promised() -> None:
    """There is no action that lists them; the log's sessions are those its events name."""
    names = set(connectors.find("okta").actions)
    assert not {name for name in names if name.startswith(("collect_sessions", "list_"))}
    found = run("collect_log").result
    assert len(found.sessions) == 1


# -- passwords, factors, roles ---------------------------------------------------------------------------------------

def test_a_reset_password_takes_the_account_out_of_reach_of_suspend() -> None:
    """RECOVERY, no mail, and the link is removed; suspending comes too late then."""
    on = asked()
    driven = run("reset_password", on)
    assert query(driven.writes[0]) == {"sendEmail": ["false"], "revokeSessions": ["true"]}
    assert driven.result.status == "RECOVERY"
    assert "RECOVERY" in str(run("suspend_user", on).error)


@pytest.mark.parametrize(("reset", "status", "said"), [("keeps", "SUSPENDED", "suspended still"),
                                                       ("lifts", "RECOVERY", "suspended no longer")])
def test_what_a_reset_does_to_a_suspended_account_is_looked_at(reset: str, status: str, said: str) -> None:
    """Okta does not say: the result tells the status, and warns where it is suspended no longer."""
    result = run("reset_password", status="SUSPENDED", reset=reset).result
    assert result.status == status
    assert said in result.told


def test_a_password_that_okta_does_not_hold_is_changed_elsewhere() -> None:
    """People from a directory or another identity provider: nothing is sent, and where they sign in is said."""
    for provider, where in (("ACTIVE_DIRECTORY", "Active Directory"), ("FEDERATION", "another identity provider")):
        driven = run("reset_password", provider=provider)
        assert not driven.writes
        assert where in str(driven.error)
        assert where in run("find_user", provider=provider).result.told


def test_removing_push_removes_all_of_okta_verify() -> None:
    """What goes with it is shown before, and gone after; SMS takes the phone for recovery along."""
    on = asked()
    found = run("collect_factors", on, {"since": LONG_AGO - timedelta(days=900)}).result
    push = next(item for item in found.suspects if item.kind == "push")
    driven = run("delete_factor", on, {"factor_id": push.id})
    assert len(driven.writes[0].affects) == 2
    left = run("collect_factors", on, {"since": LONG_AGO - timedelta(days=900)}).result
    assert [item.kind for item in left.suspects] == ["sms"]
    sent = run("delete_factor", on, {"factor_id": left.suspects[0].id}).writes[0]
    assert query(sent) == {"removeRecoveryEnrollment": ["true"]}


def test_the_list_of_factors_says_that_it_is_not_whole() -> None:
    """Only the highest enrolment policy shows, as seen from irkit's network zone."""
    assert any("highest enrolment policy" in note for note in run("collect_factors").result.notes)


def test_classic_engine_leaves_gaps() -> None:
    """Enrolments and devices are Identity Engine's: unavailable, never empty."""
    for name in ("collect_enrolments", "collect_devices"):
        driven = run(name, engine="classic")
        assert isinstance(driven.error, Unavailable)
        assert "Identity Engine" in driven.error.needs


def test_a_role_through_a_group_is_taken_away_at_the_group() -> None:
    """It is refused before anything is sent."""
    driven = run("unassign_role", given={"role": "REPORT_ADMIN"})
    assert not driven.writes
    assert "through a group" in str(driven.error)


def test_a_limited_role_is_not_given_back_without_its_limits() -> None:
    """The undo would make it wider than it was: it ends, and says what to do by hand."""
    on = asked()
    seen = run("unassign_role", on, {"role": "HELP_DESK_ADMIN"}).writes[0].seen
    assert getattr(seen, "limits", ()) == ("Zendesk agents",)
    back = run("assign_role", on, {"role": "HELP_DESK_ADMIN", "limits": ["Zendesk agents"]})
    assert not back.writes
    assert "without limits" in str(back.error)


# -- finding people ----------------------------------------------------------------------------------------------------

def test_nobody_and_several_are_never_guessed() -> None:
    """An unknown address ends the step, and so do two people of one address, told with their status."""
    assert "no users" in str(run("find_user", given={"email": "nobody@example.org"}).error)
    on = asked()
    person(on, "gone@example.org")["profile"]["email"] = "dana@example.org"
    assert "2 users" in str(run("find_user", on).error)
    assert "DEPROVISIONED" in str(run("find_user", on).error)


def test_capital_letters_in_an_address_are_tried_small() -> None:
    """Okta compares by case; an address typed with capitals still finds the person."""
    assert run("find_user", given={"email": "Dana@Example.org"}).result.email == "dana@example.org"


def test_who_was_deactivated_is_found_and_said_so() -> None:
    """The plain list leaves them out, the filter does not."""
    assert run("find_user", given={"email": "gone@example.org"}).result.status == "DEPROVISIONED"


@pytest.mark.parametrize("bad", ['x" or status eq "ACTIVE', "a/b", "", "00u?x=1"])
def test_an_id_that_is_none_reaches_no_filter(bad: str) -> None:
    """Refused before anything is sent."""
    for name in ("collect_log", "suspend_user", "collect_resets_by"):
        driven = run(name, given={"user_id": bad})
        assert isinstance(driven.error, ActionError)
        assert not driven.requests


def test_a_filter_that_is_ignored_finds_nobody_wrong() -> None:
    """The rows are looked at: with every user in the answer, the one is still found."""
    assert run("find_user", ignore_filters=True).result.email == "dana@example.org"


# -- the log -----------------------------------------------------------------------------------------------------------

def test_a_log_query_always_bears_both_ends() -> None:
    """Bounded it ends; without `until` it would be polled for ever."""
    on = asked()
    driven = run("collect_log", on, {"until": START})
    first = next(request for request in driven.requests if "/logs" in request.target)
    assert {"since", "until", "filter", "limit"} == set(query(first))
    endless = ask(on.world, "GET", "/api/v1/logs?since=2026-03-06T00:00:00Z")
    assert 'rel="next"' in endless.headers["link"]


def test_the_floor_of_ninety_days_is_recorded() -> None:
    """What is older is left out in silence: the floor and the window asked for are said, and no "clean"."""
    found = run("collect_log", given={"since": LONG_AGO}).result
    assert (found.since, found.floor) == ("2025-10-28T23:40:00Z", "2025-12-07T23:40:00Z")
    assert found.first > found.floor
    assert any("keeps 90 days" in note for note in found.notes)
    assert found.complete


def test_looking_back_further_than_okta_takes_is_no_error() -> None:
    """More than 180 days would be a 400: less is asked for, and the window that was wanted is recorded."""
    on = asked()
    since = START - timedelta(days=400)
    assert run("collect_log", on, {"since": since}).result.since == "2025-01-31T23:40:00Z"
    refused = ask(on.world, "GET", "/api/v1/logs?since=2025-02-01T00:00:00Z&until=2026-03-01T00:00:00Z")
    assert (refused.status, read(refused)["errorCode"]) == (400, "E0000053")


def test_a_window_without_time_in_it_is_told() -> None:
    """A start that lies ahead, by Okta's clock: not an empty log."""
    driven = run("collect_log", given={"since": START + timedelta(days=1)})
    assert "there is no time" in str(driven.error)


def test_an_empty_page_is_no_end_and_a_row_that_comes_twice_counts_once() -> None:
    """The second page is empty and has a next link; uuid is the key."""
    found = run("collect_log_of_token").result
    assert (found.rows, found.duplicates, found.pages) == (8, 1, 4)
    assert found.kinds == ("user.authentication.verify: 7",)
    assert found.complete


def test_rows_that_the_filter_did_not_ask_for_are_named() -> None:
    """An ignored filter shows by the rows; they are kept and counted for nobody."""
    found = run("collect_log_of_address", ignore_filters=True).result
    assert any("filter did not ask for" in note for note in found.notes)
    assert found.addresses == ("203.0.113.66: 11",)


def test_who_was_reset_by_the_account_is_listed() -> None:
    """The victim list: passwords and factors that the account reset for others."""
    found = run("collect_resets_by", given={"since": LONG_AGO}).result
    assert found.others == ("robin@example.org: 2", "kim@example.org: 1")
    assert "user.mfa.factor.reset_all: robin@example.org, by dana@example.org from 203.0.113.66" in "\n".join(found.changes)


def test_changes_and_exports_of_the_account_are_listed() -> None:
    """Ways back in: an API token, a policy, a log stream that was switched off. And a report that was taken."""
    changes = "\n".join(run("collect_changes_by").result.changes)
    for kind in ("system.api_token.create", "policy.rule.update", "system.log_stream.lifecycle.deactivate", "app.oauth2.as."):
        assert kind in changes
    assert run("collect_exports_by").result.rows == 1


def test_a_stolen_session_acts_from_two_places() -> None:
    """The events of one session name both addresses."""
    names = [one.partition(":")[0] for one in run("collect_log_of_session", given={"since": LONG_AGO}).result.addresses]
    assert set(names) == {"198.51.100.7", "203.0.113.66"}


@pytest.mark.parametrize("bad", ["203.0.113", "x", '1.1.1.1" or "'])
def test_what_is_no_address_is_not_asked_for(bad: str) -> None:
    """Refused before anything is sent."""
    driven = run("collect_log_of_address", given={"address": bad})
    assert "no IP address" in str(driven.error)
    assert not driven.requests


def test_a_page_at_another_host_is_not_followed() -> None:
    """A next link that leaves the org ends the step; nothing is sent there."""
    on = asked()

    def linked(number: int, request: Request) -> Response | None:
        there = f'<https://evil.example{urlsplit(request.target).path}?after=x>; rel="next"'
        at_home = request.target.startswith("/") and "/grants" in request.target
        return Response.of([], headers={"link": there}) if at_home else None

    on.instead = linked
    driven = run("collect_grants", on)
    assert isinstance(driven.error, ActionError)
    assert "leaves northwind-drill.okta.com" in str(driven.error)


# -- what answers say ----------------------------------------------------------------------------------------------------

def limits(status: int, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return connectors.find("okta").limit(Response(status, named), START)


def test_the_wait_is_reset_minus_the_servers_own_date() -> None:
    """This machine's clock does not count; of several headers the smallest does; 429 has no Retry-After."""
    date = "Sat, 07 Mar 2026 10:00:00 GMT"
    now = 1772877600
    for resets, wait in ((f"{now + 90}, {now + 17}", 17), (str(now - 5), 1)):
        assert limits(429, x_rate_limit_limit="60", x_rate_limit_reset=resets, date=date).wait == wait


def test_a_limit_of_nothing_is_too_much_at_once() -> None:
    """Limit and remaining 0: a short wait, and the budget is not taken for 0."""
    found = limits(429, x_rate_limit_limit="0", x_rate_limit_remaining="0", x_rate_limit_reset="9999999999",
                   date="Sat, 07 Mar 2026 10:00:00 GMT")
    assert found.wait < 10
    assert not found.per_minute
    assert limits(200, x_rate_limit_limit="60", x_rate_limit_remaining="12").remaining == 12


def test_each_refusal_says_what_is_missing() -> None:
    """A scope, a role, a feature, a dead token: each in its own words, with a next command."""
    for junk, said in (("scope", "the scope okta.users.read is not granted"), ("role", "an admin role"),
                       ("feature", "does not have"), ("token", "Okta does not take the credential")):
        on = asked()
        on.instead = lambda number, request, junk=junk: JUNK[junk]      # type: ignore[misc]
        driven = run("collect_account", on)
        assert isinstance(driven.error, Unavailable)
        assert said in str(driven.error)
        assert driven.error.next


def test_a_write_that_is_denied_is_no_gap_but_by_hand() -> None:
    """The manage scope that is missing is named; an administrator is beyond a lesser role."""
    driven = run("suspend_user", missing="okta.users.manage")
    assert isinstance(driven.error, Refused)
    assert "okta.users.manage" in str(driven.error)
    assert isinstance(run("suspend_user", role="HELP_DESK_ADMIN").error, Refused)


def test_a_log_query_that_runs_too_long_asks_for_a_narrower_window() -> None:
    """Okta's 30 seconds: trying the same again would end the same."""
    on = asked()
    on.instead = lambda number, request: error("E0000009", "Internal Server Error", 500) if "/logs" in request.target else None
    driven = run("collect_log", on)
    assert isinstance(driven.error, Refused)
    assert "narrower" in driven.error.next


# -- whom irkit acts as, and what doctor proves ------------------------------------------------------------------------

def test_an_app_is_nobody_and_an_api_token_is_somebody() -> None:
    """The app is known by its client id; the token by its owner, who could be the intruder's aim."""
    on = asked()
    app = run("whoami", on).result
    assert (app.id, app.email, app.role, app.admin) == ("0oadrillIrkitApp0001", "", "SUPER_ADMIN", True)
    on.world.ready_token = on.world.credentials()["api_token"]
    owner = run("whoami", on).result
    assert owner.id == person(on, "break.glass@northwind.example")["id"]
    assert owner.id in owner.admins


SCOPES = ("okta.users.read", "okta.users.manage", "okta.roles.read", "okta.roles.manage", "okta.apiTokens.read",
          "okta.apiTokens.manage", "okta.sessions.read", "okta.sessions.manage", "okta.logs.read",
          "okta.universalLogout.manage")


@pytest.mark.parametrize("scope", SCOPES)
def test_doctor_names_the_scope_that_is_missing_and_no_other(scope: str) -> None:
    """A harmless read proves each; those that only a write shows are looked up among the app's grants."""
    on = asked(missing=scope)
    proofs = connectors.find("okta").proofs
    assert {proof.scope for proof in proofs} == {*SCOPES, "okta.appGrants.read"}
    failed = [proof.scope for proof in proofs if play(proof.function(), on).error is not None]
    assert failed == [scope]


def test_what_cannot_be_looked_up_is_not_called_missing() -> None:
    """Without okta.appGrants.read that one is missing, and the scopes that change things are not known."""
    on = asked(missing="okta.appGrants.read")
    errors = {proof.scope: play(proof.function(), on).error for proof in connectors.find("okta").proofs}
    assert isinstance(errors.pop("okta.appGrants.read"), Unavailable)
    unknown = {scope for scope, error in errors.items() if error is not None}
    assert unknown == {scope for scope in SCOPES if scope.endswith("manage")} | {"okta.sessions.read"}
    assert not any(isinstance(errors[scope], Unavailable) for scope in unknown)


def test_doctor_proves_an_api_token_by_its_owners_role() -> None:
    """An API token has no scopes: it may what its owner may."""
    on = asked()
    on.world.ready_token, on.world.settings = on.world.credentials()["api_token"], {"org": "northwind-drill.okta.com"}
    proofs = connectors.find("okta").proofs
    assert [play(proof.function(), on).error for proof in proofs] == [None] * len(proofs)


# -- the order of a runbook --------------------------------------------------------------------------------------------

FIND = '- {id: who, title: Find, why: w, action: okta.find_user, with: {email: "{{ inputs.who }}"}}'
FACTORS = step("factors", "collect_factors")
SUSPEND = step("suspend", "suspend_user")
RESET = step("reset", "reset_password", since="{{ inputs.since }}")
REMOVE = step("remove", "delete_factor", factor_id="{{ steps.factors.suspect_ids[0] }}")


@pytest.mark.parametrize(("steps", "lost"), [
    ((RESET,), "active status"), ((SUSPEND, RESET), ""), ((RESET, SUSPEND), "active status"),
    ((FACTORS, REMOVE), "sign in barrier"), ((SUSPEND, FACTORS, REMOVE), ""), ((SUSPEND, REMOVE), "factors"),
    ((step("end", "end_sessions", since="{{ inputs.since }}"),), "tokens"), ((step("revoke", "revoke_grants"),), "grants")])
def test_lint_refuses_the_order_that_okta_would_punish(steps: tuple[str, ...], lost: str) -> None:
    """A password before the suspension, a factor while the password alone would open the account, a list that nobody kept."""
    found = check_bytes(book(FIND, *steps, TELL_LEGAL), "test.yaml").sorted()
    errors = [mistake.message for mistake in found if "no earlier step preserves" in mistake.message]
    assert [lost in message for message in errors] == ([True] if lost else [])
