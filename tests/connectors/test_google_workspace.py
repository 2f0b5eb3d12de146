"""Google Workspace: the traps of the Admin SDK, each by name, against the simulated tenant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import (
    ActionError,
    BadAnswer,
    Driven,
    NoAnswer,
    NotConfirmed,
    Refused,
    Request,
    Response,
    Throttled,
    Unavailable,
)
from irkit.runbook import check_bytes
from tests.worlds.helpers import START, Asked, Clock, arguments, make, play

LONG_AGO = {"since": START - timedelta(days=400)}


def asked(**options: Any) -> Asked:
    return Asked(make("google_workspace", clock=Clock(), **options))


def run(name: str, on: Asked | None = None, given: dict[str, Any] | None = None, **options: Any) -> Driven:
    on = on or asked(**options)
    action = connectors.find_action(f"google_workspace.{name}")
    full = {name: (given or {}).get(name, value) for name, value in arguments(action, on.world).items()}
    return play(action(**{**full, **{k: v for k, v in (given or {}).items() if k in action.params}}), on)


def tenant(on: Asked) -> Any:
    return on.world.tenant                                                       # type: ignore[attr-defined]


def refusal(status: int, reason: str, message: str = "no") -> Response:
    return Response.of({"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}},
                       status)


# -- what suspension takes with it ---------------------------------------------------------------------------------

def test_suspension_destroys_tokens_and_undo_brings_none_back() -> None:
    """The list is empty afterwards, and stays so when the account is let back in; app passwords have to be deleted."""
    on = asked()
    assert (run("collect_tokens", on).result.count, run("collect_app_passwords", on).result.count) == (2, 2)
    subject = {"user_id": on.world.samples()["user_id"]}
    run("suspend_user", on)
    assert (run("collect_tokens", on).result.count, run("collect_app_passwords", on).result.count) == (0, 2)
    assert run("unsuspend_user", on, subject).result.suspended is False
    assert (run("collect_tokens", on).result.count, run("collect_app_passwords", on).result.count) == (0, 2)


def test_whether_app_passwords_outlive_suspension_is_said_to_be_unknown() -> None:
    """Their list is asked for before, as if they went, and the gate says that nobody knows."""
    action = connectors.find_action("google_workspace.suspend_user")
    assert "app_passwords" in {trace.what for trace in action.destroys}
    assert "app passwords" in action.unverified


def test_backup_codes_cannot_be_invalidated_while_suspended() -> None:
    """Nothing is sent, and the step says when it can be; afterwards it works."""
    on = asked()
    run("suspend_user", on)
    refused = run("invalidate_backup_codes", on)
    assert not refused.writes
    assert "is suspended" in str(refused.error)
    assert "unsuspend_user" in refused.error.next                                # type: ignore[union-attr]
    run("unsuspend_user", on, {"user_id": on.world.samples()["user_id"]})
    assert run("invalidate_backup_codes", on).error is None


RUNBOOK = """\
schema: irkit/v1
runbook: order
title: The order of Google Workspace
version: 1
owner: Security
use_when: Somebody signs in from far away.
inputs:
  email: {type: email, ask: "Which account?"}
  since: {type: timestamp, ask: "Since when?", default: now}
roles: {lead: Incident lead}
steps:
  - {id: user, phase: prepare, title: Find, why: w, action: google_workspace.find_user, with: {email: "{{ inputs.email }}"}}
"""
STEPS = {
    "sign_ins": "collect_sign_ins, with: {user_id: \"{{ steps.user.id }}\", since: \"{{ inputs.since }}\"}",
    "tokens": "collect_tokens, with: {user_id: \"{{ steps.user.id }}\"}",
    "asps": "collect_app_passwords, with: {user_id: \"{{ steps.user.id }}\"}",
    "codes": "invalidate_backup_codes, with: {user_id: \"{{ steps.user.id }}\", since: \"{{ inputs.since }}\"}",
    "suspend": "suspend_user, with: {user_id: \"{{ steps.user.id }}\"}",
}
LOST = {"sign_ins": "sessions", "tokens": "tokens", "asps": "app passwords", "codes": "chance to invalidate backup codes"}


def mistakes(*order: str, **more: str) -> str:
    text = RUNBOOK + "".join(f"  - {{id: {one}, phase: contain, title: Do it, why: w, action: google_workspace.{STEPS[one]}"
                             f"{more.get(one, '')}}}\n" for one in order)
    return "\n".join(one.message for one in check_bytes(text.encode(), "order.yaml", "order").sorted())


def test_the_right_order_is_no_mistake() -> None:
    """Sign-ins, both lists and the backup codes come before suspension."""
    assert mistakes("sign_ins", "tokens", "asps", "codes", "suspend") == "no step of phase notify is owned by legal"


@pytest.mark.parametrize("late", LOST)
def test_lint_refuses_a_runbook_that_suspends_too_early(late: str) -> None:
    """Whatever comes after suspension that had to come before it is named, and nothing else."""
    said = mistakes(*(one for one in STEPS if one not in (late, "suspend")), "suspend", late)
    assert f"google_workspace.suspend_user destroys {LOST[late]}, and no earlier step preserves that" in said
    assert not [lost for one, lost in LOST.items() if one != late and f"suspend_user destroys {lost}," in said]


def test_an_active_intruder_may_be_suspended_first_with_a_reason() -> None:
    """The fast track says why in the runbook."""
    assert "suspend_user destroys" not in mistakes("suspend", "tokens", suspend=', unpreserved: "The intruder is active"')


# -- what no list shows --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["logout_user", "invalidate_backup_codes"])
def test_what_no_list_shows_is_proved_by_the_late_log(name: str) -> None:
    """Done when the administrators' log shows it, never at the 204; what it showed long before does not count."""
    done = run(name)
    assert len(done.writes) == 1
    assert done.waits
    assert "irkit-admin@northwind.example" in done.result.proof
    assert isinstance(run(name, lag=3600).error, NotConfirmed)


def test_a_colleague_who_signed_them_out_is_enough() -> None:
    """The log shows it since the asked-for time: nothing is sent, and the proof says who."""
    on = asked(lag=0)
    run("logout_user", on)
    again = run("logout_user", on)
    assert not again.writes
    assert "RESET_SIGNIN_COOKIES at 2026-03-07T23:40:00Z" in again.result.proof
    assert run("logout_user", on, {"since": START + timedelta(seconds=1)}).writes


def test_backup_codes_are_never_listed() -> None:
    """The list gives them in clear, so no action asks for it, and none of the codes is in any answer."""
    on = asked()
    for action in connectors.find("google_workspace").actions.values():
        play(action(**arguments(action, on.world)), on)
    assert on.world.secrets()
    assert not [one.target for one, _ in on.answered if one.method == "GET" and "verificationCodes" in one.target]


def test_no_action_promises_a_list_of_sessions() -> None:
    """Google has none; the sign-ins say so."""
    actions = connectors.find("google_workspace").actions
    assert not [name for name in actions if "session" in name]
    assert "lists no sessions" in actions["collect_sign_ins"].source
    assert "lists no sessions" in actions["logout_user"].source


# -- lists ---------------------------------------------------------------------------------------------------------

def test_an_empty_list_comes_without_its_key_and_is_told_from_no_answer() -> None:
    """A page that says its kind is empty; an object without one is no answer, never "clean"."""
    on = asked(attack="")
    for thing in list(tenant(on).shelves["tokens"].values()):
        thing["_reset"] = True
    assert run("collect_tokens", on).result.count == 0
    on.instead = lambda number, request: Response.of({"etag": "x"})
    assert isinstance(run("collect_tokens", on).error, BadAnswer)
    assert isinstance(run("collect_takeout", on).error, BadAnswer)


def test_an_empty_page_is_no_end() -> None:
    """Sign-ins go on behind a page without rows; the one given twice is counted once and told."""
    found = run("collect_sign_ins", given=LONG_AGO).result
    assert found.complete
    assert found.rows == 12 + 3
    assert found.pages == 6
    assert found.duplicates == 1
    assert "1 came twice, kept too" in found.notes


def test_a_start_before_180_days_is_clamped_without_a_word_and_recorded() -> None:
    """The window asked for, the floor, and what can no longer be had stand in the record."""
    found = run("collect_sign_ins", given=LONG_AGO).result
    assert found.since == "2025-01-31T23:40:00Z"
    assert found.floor == "2025-09-08T23:40:00Z"
    assert found.first >= found.floor
    assert any("keeps 180 days" in note for note in found.notes)


@pytest.mark.parametrize("name", ["collect_sign_ins", "collect_drive", "collect_token_events", "collect_admin_by"])
def test_a_filter_that_is_ignored_is_told_by_the_rows(name: str) -> None:
    """Rows of others are kept and named, and counted for nobody."""
    plain, ignored = run(name, given=LONG_AGO).result, run(name, given=LONG_AGO, ignore_filters=True).result
    assert any("filter did not ask for" in note for note in ignored.notes)
    assert ignored.events == plain.events


def test_an_ignored_event_filter_proves_nothing() -> None:
    """Other events of the log are not taken for the sign-out."""
    on = asked(ignore_filters=True, lag=0)
    assert len(run("logout_user", on).writes) == 1


def test_a_log_is_asked_by_who_acted_so_what_was_done_to_the_person_is_found_among_all() -> None:
    """collect_admin_by has what they did, collect_admin_on what was done to them; neither has the other's."""
    by, on = run("collect_admin_by").result, run("collect_admin_on", given=LONG_AGO).result
    assert by.events == ("CHANGE_PASSWORD: 1", "DOWNLOAD_USERLIST_CSV: 1")
    assert by.people == ("wei@example.org",)
    assert on.events == ("RESET_SIGNIN_COOKIES: 5",)
    assert on.rows > 5
    assert "DOWNLOAD_USERLIST_CSV!" in " ".join(by.changes)


def test_the_mail_log_is_read_in_windows_of_30_days() -> None:
    """It refuses a longer one; all windows are one record."""
    driven = run("collect_mail_log", given={"since": START - timedelta(days=70), "until": START})
    spans = [request.target for request in driven.requests]
    assert len({target.partition("&endTime")[0] for target in spans}) == 3
    assert driven.result.complete
    assert driven.result.rows == 5 + 1
    backwards = run("collect_mail_log", given={"since": START, "until": START - timedelta(days=1)})
    assert "ends before it begins" in str(backwards.error)
    assert not backwards.requests


def test_a_log_that_the_edition_lacks_is_a_gap() -> None:
    """Unavailable with what is missing, never empty; the sign-ins are there on every edition."""
    for name in ("collect_drive", "collect_mail_log"):
        error = run(name, edition="starter").error
        assert isinstance(error, Unavailable)
        assert "edition" in error.needs
    assert run("collect_sign_ins", edition="starter").error is None
    assert isinstance(run("collect_log", given={"application": "vault"}, edition="starter").error, Unavailable)


def test_an_unknown_log_is_refused_before_it_is_asked_for() -> None:
    """The names that there are, are told."""
    driven = run("collect_log", given={"application": "payroll"})
    assert not driven.requests
    assert "saml" in str(driven.error)


def test_sign_ins_through_another_provider_are_told() -> None:
    """"saml" means that the person comes straight back: contain there first."""
    assert run("collect_sign_ins", given=LONG_AGO, federated=True).result.federated is True
    assert run("collect_sign_ins", given=LONG_AGO).result.ways == ("google_password: 13",)


def test_app_passwords_say_when_they_were_made_and_never_that_an_unused_one_was_used() -> None:
    """Times are milliseconds as text, or seconds; 0 means never."""
    on = asked()
    first, second = run("collect_app_passwords", on, {"since": START - timedelta(days=2)}).result.items
    assert (second.created_at, second.used_at) == ("2026-03-07T15:40:00Z", "2026-03-07T22:40:00Z")
    for one in tenant(on).shelves["asps"].values():
        one.update(lastTimeUsed="0", creationTime="1772898000")
    found = run("collect_app_passwords", on).result
    assert {(item.used_at, item.detail, item.created_at) for item in found.items} == {
        ("", "never used", "2026-03-07T15:40:00Z")}
    assert first.id == "3"


def test_roles_by_group_are_shown_and_not_taken_from_the_group() -> None:
    """They come only when the person and the flag are both sent; taking one away is done by hand, at the group."""
    on = asked()
    roles = run("collect_roles", on).result
    assert [item.title for item in roles.suspects] == ["_GROUPS_ADMIN_ROLE", "_HELP_DESK_ADMIN_ROLE"]
    assert [role.name for role in roles.own] == ["_HELP_DESK_ADMIN_ROLE"]
    through = run("delete_role", on, {"role_id": "30000000000000003"})
    assert not through.writes
    assert "through a group" in str(through.error)


def test_devices_of_others_are_told_and_left_out() -> None:
    """A search that was ignored finds other people's devices: none of them becomes a suspect."""
    found = run("collect_devices", ignore_filters=True).result
    assert [item.title for item in found.suspects] == ["Generic device"]
    assert any("devices of others" in note for note in found.notes)


# -- people --------------------------------------------------------------------------------------------------------

def test_nobody_several_deleted_and_almost_the_same_are_never_guessed() -> None:
    """Each has its own sentence; a search that finds what begins so takes the exact one alone."""
    assert "no users" in str(run("find_user", given={"email": "nobody@example.org"}).error)
    assert "was deleted at 2026-03-04" in str(run("find_user", given={"email": "gone@example.org"}).error)
    on = asked()
    first, second = list(tenant(on).shelves["users"].values())[:2]
    second["primaryEmail"] = first["primaryEmail"] + ".attacker.example"
    assert run("find_user", on).result.id == first["id"]
    second["aliases"] = [first["primaryEmail"]]
    assert "2 users" in str(run("find_user", on).error)


def test_an_alias_finds_its_account() -> None:
    """The record shows the account's own address."""
    assert run("find_user", given={"email": "Dana.Alias@example.org"}).result.email == "dana@example.org"


@pytest.mark.parametrize("text", ["a b@example.org", "x@example.org isAdmin=true", "no address"])
def test_text_that_is_no_address_reaches_no_search(text: str) -> None:
    """A blank would begin another condition of the search."""
    driven = run("find_user", given={"email": text})
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_an_address_where_an_id_is_due_is_refused() -> None:
    """An address may be an alias today and another person's tomorrow; nothing is sent."""
    driven = run("suspend_user", given={"user_id": "dana@example.org"})
    assert not driven.requests
    assert "find_user" in driven.error.next                                      # type: ignore[union-attr]


def test_a_user_without_its_state_is_not_taken_for_active() -> None:
    """Whether an account is suspended is read, or nothing is decided."""
    on = asked()
    on.instead = lambda number, request: Response.of({"id": on.world.samples()["user_id"], "primaryEmail": "dana@example.org"})
    assert isinstance(run("suspend_user", on).error, BadAnswer)


def test_whether_irkit_may_act_is_known_before() -> None:
    """A delegated administrator is refused to act on a super administrator; irkit's own account is named."""
    assert run("check_may_act").result.may_act is True
    over = run("check_may_act", admin="delegated", privileged="super").result
    assert over.may_act is False
    assert "super administrator" in over.told
    refused = run("suspend_user", admin="delegated", privileged="super")
    assert isinstance(refused.error, Refused)
    assert "Admin console" in refused.error.next
    on = asked()
    own = run("check_may_act", on, {"user_id": tenant(on).user("irkit-admin@northwind.example")["id"]}).result
    assert "very account" in own.told
    assert run("check_may_act", asked(admin="no"), None).error is not None


def test_irkits_own_administrator_is_known_with_all_the_others() -> None:
    """Super administrators who can sign in are listed: the last one is never locked out unasked."""
    on = asked(privileged="super")
    who = run("whoami", on).result
    assert (who.role, who.admin) == ("super administrator", True)
    assert len(who.admins) == 3
    tenant(on).user("wei@example.org")["suspended"] = True
    assert len(run("whoami", on).result.admins) == 2
    assert run("whoami", admin="no").result.admin is False
    tenant(on).user("irkit-admin@northwind.example")["suspended"] = True
    assert "is suspended" in str(run("whoami", on).error)


# -- what a refusal means ------------------------------------------------------------------------------------------

def answered(name: str, response: Response, *, writes: bool = False) -> Driven:
    """An action whose reads, or whose write, get this answer."""
    on = asked()
    on.instead = lambda number, request: response if request.is_write is writes else None
    return run(name, on)


@pytest.mark.parametrize("reason", ["userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded", "sharingRateLimitExceeded"])
def test_a_403_for_the_quota_asks_to_slow_down(reason: str) -> None:
    """It may be asked again, a write too: nothing was done."""
    assert isinstance(answered("collect_tokens", refusal(403, reason)).error, Throttled)
    assert isinstance(answered("suspend_user", refusal(403, reason), writes=True).error, Throttled)


@pytest.mark.parametrize(("reason", "needs", "place"), [
    ("forbidden", "privilege of the administrator", "Admin console"),
    ("insufficientPermissions", "scope", "Domain-wide delegation"),
    ("accessNotConfigured", "Admin SDK API", "Google Cloud console")])
def test_any_other_403_says_what_is_missing_and_where(reason: str, needs: str, place: str) -> None:
    """A read is a gap, a write is refused; neither is sent again."""
    gap = answered("collect_tokens", refusal(403, reason)).error
    assert isinstance(gap, Unavailable)
    assert needs in gap.needs
    assert place in gap.next
    no = answered("suspend_user", refusal(403, reason), writes=True).error
    assert type(no) is Refused
    assert needs in str(no)


def test_a_503_of_the_reports_quota_asks_to_slow_down_and_of_a_write_is_unknown() -> None:
    """The logs answer their quota with 503; a write that got one may have happened."""
    assert isinstance(answered("collect_takeout", refusal(503, "backendError")).error, Throttled)
    assert isinstance(answered("suspend_user", refusal(503, "backendError"), writes=True).error, NoAnswer)


@pytest.mark.parametrize("scope", [proof.scope for proof in connectors.find("google_workspace").proofs])
def test_doctor_proves_each_scope(scope: str) -> None:
    """Each read is refused without its scope and without its privilege, and taken with them."""
    proof = next(one for one in connectors.find("google_workspace").proofs if one.scope == scope)
    for options in ({"missing": scope}, {"unprivileged": scope}):
        assert isinstance(play(proof.function(), asked(**options)).error, Unavailable)
    assert play(proof.function(), asked()).error is None


def test_what_is_gone_when_the_delete_arrives_is_gone() -> None:
    """404 to a delete is no error after the look that follows it."""
    on = asked()

    def race(number: int, request: Request) -> Response | None:
        if request.is_write:
            del tenant(on).shelves["asps"][f"{on.world.samples()['user_id']} 7"]
        return None

    on.instead = race
    driven = run("delete_app_password", on)
    assert driven.error is None
    assert "does not show it" in driven.result.proof


@pytest.mark.parametrize("name", [name for name in connectors.find("google_workspace").actions if name.startswith("collect_")
                                  and name not in ("collect_tokens", "collect_app_passwords", "collect_user", "collect_groups",
                                                   "collect_roles", "collect_devices", "collect_admin_on")])
def test_the_logs_of_a_person_who_was_deleted_are_had_by_id(name: str) -> None:
    """What the account did can be kept after it is gone from the directory."""
    on = asked()
    before = run(name, on).result.rows
    del tenant(on).shelves["users"][tenant(on).subject]
    assert play(connectors.find_action(f"google_workspace.{name}")(
        **arguments(connectors.find_action(f"google_workspace.{name}"), asked().world)), on).result.rows == before


def test_a_person_who_was_deleted_meanwhile_is_named_as_such() -> None:
    """404 on the account says where deleted people are."""
    error = run("suspend_user", given={"user_id": "199999999999"}).error
    assert isinstance(error, Refused)
    assert "Recently deleted" in error.next


def test_reads_of_one_person_have_a_smaller_quota() -> None:
    """250 filtered questions a minute; those for everybody's log have none of their own."""
    connector = connectors.find("google_workspace")
    names = {name: {bucket.name if (bucket := connector.bucket(request)) else "" for request in run(name).requests}
             for name in ("collect_takeout", "logout_user", "collect_admin_on")}
    assert names == {"collect_takeout": {"filtered reports"}, "logout_user": {"", "filtered reports"}, "collect_admin_on": {""}}


def test_time_of_a_window_is_sent_as_asked() -> None:
    """Start and end are in the question: what is not asked is ignored, not refused."""
    until: datetime = START - timedelta(hours=1)
    target = run("collect_takeout", given={"until": until}).requests[0].target
    assert "startTime=2026-03-05T23:40:00Z" in target
    assert "endTime=2026-03-07T22:40:00Z" in target
