"""Whom irkit acts as, and what is done to accounts: one write, the right one, and a second look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import ActionError, BadAnswer, Email, NotConfirmed, Refused, Response, Unavailable, UserId, drive
from irkit.connectors.zendesk import people
from tests.connectors.zendesk_tenant import ADMIN, DANA, ME, NO_OWN_TOKEN, OWN_TOKEN, Desk, cursor
from tests.worlds.helpers import seen_by

USER = UserId("3971")
SINCE = datetime(2026, 3, 7, tzinfo=UTC)
LOOK, WRITE = "GET /api/v2/users/3971", "PUT /api/v2/users/3971"


def dana(**changes: Any) -> dict[str, Any]:
    return {"user": DANA | changes}


# -- whoami --------------------------------------------------------------------------------------------------------

def test_whoami_names_the_account_its_token_and_the_other_administrators() -> None:
    """The identity bears all that guards against locking oneself out."""
    sleeping = ADMIN | {"id": 3, "suspended": True}
    desk = Desk(ME, OWN_TOKEN, {"GET /api/v2/users": [cursor("users", [ADMIN, ADMIN | {"id": 2}, sleeping])]})
    me = drive(people.whoami(), desk).result
    assert (me.id, me.email, me.role, me.admin) == ("1", "ir@acme.example", "admin", True)
    assert (me.token_id, me.admins) == ("900", ("1", "2"))


def test_an_anonymous_200_is_nobody() -> None:
    """Zendesk answers 200 to anybody; a user without an id is no sign-in."""
    driven = drive(people.whoami(), Desk({"GET /api/v2/users/me": [{"user": {"id": None, "name": "Anonymous user"}}]}))
    assert isinstance(driven.error, Unavailable)
    assert "does not know this credential" in driven.error.what


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_api_token_has_no_token_id(status: int) -> None:
    """With basic sign-in there is no OAuth token of one's own, whichever way Zendesk says so."""
    desk = Desk(ME, {"GET /api/v2/oauth/tokens/current": [Response.of({}, status)],
                     "GET /api/v2/users": [cursor("users", [])]})
    assert drive(people.whoami(), desk).result.token_id == ""


def test_an_agent_is_named_as_such_and_lists_no_administrators() -> None:
    """Somebody else than an administrator is no error here: doctor and the guards say what follows from it."""
    desk = Desk({"GET /api/v2/users/me": [{"user": ADMIN | {"role": "agent"}}]}, NO_OWN_TOKEN)
    me = drive(people.whoami(), desk).result
    assert (me.admin, me.admins) == (False, ())


# -- find_user -----------------------------------------------------------------------------------------------------

def search(*users: object) -> Desk:
    return Desk({"GET /api/v2/users/search": [{"users": list(users), "next_page": None, "count": len(users)}]})


def test_the_fuzzy_search_is_narrowed_to_the_exact_address() -> None:
    """Users whose name or address merely resembles it are passed over; capitals do not matter."""
    alike = DANA | {"id": 5, "email": "dana@acme.example.org"}
    driven = drive(people.find_user(email=Email(" Dana@acme.example ")), search(alike, DANA))
    assert driven.result.id == "3971"
    assert driven.result.person == "Dana Reyes <dana@acme.example>"
    assert driven.requests[0].target == "/api/v2/users/search?query=Dana@acme.example&per_page=100"


@pytest.mark.parametrize(("users", "said"), [
    ([], "no users have"), ([DANA | {"email": "x@y.example"}], "no users have"), ([DANA, DANA | {"id": 8}], "ids 3971, 8"),
    ([DANA | {"email": None}], "no users have")])
def test_none_or_several_matches_end_the_step(users: list[object], said: str) -> None:
    """Nothing is guessed about whom to suspend."""
    driven = drive(people.find_user(email=Email("dana@acme.example")), search(*users))
    assert isinstance(driven.error, ActionError)
    assert said in driven.error.what


@pytest.mark.parametrize("broken", [
    None, 7, "x", [], DANA | {"id": None}, DANA | {"role": "wizard"}, DANA | {"role": None}, DANA | {"suspended": "no"}])
def test_a_broken_user_is_a_bad_answer(broken: object) -> None:
    """A user without what decisions rest on is refused, never a crash."""
    assert isinstance(drive(people.find_user(email=Email("dana@acme.example")), search(broken)).error, BadAnswer)


def test_hostile_fields_do_no_harm() -> None:
    """Fields that are not needed may hold anything."""
    odd = DANA | {"name": None, "custom_role_id": 10**30, "last_login_at": 4, "role_type": [], "ticket_restriction": {}}
    user = drive(people.find_user(email=Email("dana@acme.example")), search(odd)).result
    assert (user.person, user.custom_role_id, user.last_login_at) == ("user 3971 <dana@acme.example>", str(10**30), "")


# -- suspend -------------------------------------------------------------------------------------------------------

def test_suspending_sends_that_one_field_and_looks_again() -> None:
    """Nothing else stands in the body: a role there would demote or promote the user."""
    driven = drive(people.suspend_user(user_id=USER),
                   Desk({LOOK: [dana(), dana(suspended=True)], WRITE: [dana(suspended=True)]}))
    (write,) = driven.writes
    assert write.json == {"user": {"suspended": True}}
    assert write.affects == ("Dana Reyes <dana@acme.example>",)
    assert write.seen == people.Account("Dana Reyes <dana@acme.example>", "agent", "55", False)
    assert driven.result.suspended


@pytest.mark.parametrize(("action", "suspended"), [(people.suspend_user, True), (people.unsuspend_user, False)])
def test_already_so_sends_nothing(action: Any, suspended: bool) -> None:
    """The look is proof enough, and is the result."""
    driven = drive(action(user_id=USER), Desk({LOOK: [dana(suspended=suspended)]}))
    assert driven.writes == []
    assert driven.result.suspended is suspended


def test_a_200_is_no_proof() -> None:
    """When the second look still shows the user active, the suspension is not confirmed."""
    driven = drive(people.suspend_user(user_id=USER), Desk({LOOK: [dana()], WRITE: [dana(suspended=True)]}))
    assert isinstance(driven.error, NotConfirmed)
    assert driven.error.what == "suspended is still no, not yes"


def test_another_user_than_the_one_asked_for_is_never_written_to() -> None:
    """An answer about somebody else ends the action before its write."""
    driven = drive(people.suspend_user(user_id=USER), Desk({LOOK: [dana(id=3972)]}))
    assert isinstance(driven.error, BadAnswer)
    assert driven.writes == []


@pytest.mark.parametrize("user_id", ["me", "", "3971/password", "-1", "³", "1" * 30])
def test_what_is_no_user_id_asks_for_nothing(user_id: str) -> None:
    """A word such as `me` would suspend irkit itself."""
    driven = drive(people.suspend_user(user_id=UserId(user_id)), Desk())
    assert isinstance(driven.error, ActionError)
    assert driven.requests == []


def test_a_deleted_user_cannot_be_suspended() -> None:
    """`active` false means deleted, and Zendesk never brings a deleted user back."""
    driven = drive(people.suspend_user(user_id=USER), Desk({LOOK: [dana(active=False)]}))
    assert "has been deleted" in str(driven.error)


def test_a_refused_suspension_is_refused() -> None:
    """Zendesk's no comes through as such."""
    driven = drive(people.suspend_user(user_id=USER), Desk({LOOK: [dana()], WRITE: [Response.of({"error": "Forbidden"}, 403)]}))
    assert isinstance(driven.error, Refused)


# -- roles ---------------------------------------------------------------------------------------------------------

def test_a_downgrade_keeps_what_its_undo_needs() -> None:
    """The role and custom role seen before are what restore_role takes."""
    driven = drive(people.downgrade_user(user_id=USER),
                   Desk({LOOK: [dana(), dana(role="end-user", custom_role_id=None)], WRITE: [{}]}))
    (write,) = driven.writes
    assert write.json == {"user": {"role": "end-user"}}
    assert isinstance(write.seen, people.Account)
    assert set(people.restore_role.params) - {"user_id"} <= set(seen_by(write))
    assert (write.seen.role, write.seen.custom_role_id) == ("agent", "55")


def test_restoring_a_role_restores_its_custom_role() -> None:
    """Both fields go back, the id as the number that Zendesk wants."""
    desk = Desk({LOOK: [dana(role="end-user", custom_role_id=None), dana()], WRITE: [{}]})
    driven = drive(people.restore_role(user_id=USER, role="agent", custom_role_id="55"), desk)
    assert driven.writes[0].json == {"user": {"role": "agent", "custom_role_id": 55}}
    assert driven.result.role == "agent"


@pytest.mark.parametrize(("role", "now"), [("agent", "end-user"), ("admin", "agent"), ("owner", "agent")])
def test_a_downgrade_never_raises(role: str, now: str) -> None:
    """Asking for a higher or an unknown role sends nothing."""
    driven = drive(people.downgrade_user(user_id=USER, role=role), Desk({LOOK: [dana(role=now)]}))
    assert isinstance(driven.error, ActionError)
    assert driven.writes == []


def test_roles_that_are_already_so_send_nothing() -> None:
    """Neither direction writes what is already there."""
    assert drive(people.downgrade_user(user_id=USER, role="agent"), Desk({LOOK: [dana()]})).writes == []
    assert drive(people.restore_role(user_id=USER, role="agent", custom_role_id="55"), Desk({LOOK: [dana()]})).writes == []
    assert drive(people.restore_role(user_id=USER, role="agent"), Desk({LOOK: [dana()]})).writes == []


def test_a_custom_role_that_did_not_take_is_not_confirmed() -> None:
    """The custom role is part of what is looked for."""
    desk = Desk({LOOK: [dana(role="end-user", custom_role_id=None), dana(custom_role_id=9)], WRITE: [{}]})
    assert isinstance(drive(people.restore_role(user_id=USER, role="agent", custom_role_id="55"), desk).error, NotConfirmed)


# -- lists ---------------------------------------------------------------------------------------------------------

def test_new_administrators_are_suspects() -> None:
    """The audit log does not say that a user was created; the list does. irkit's own user is none, however new."""
    new = ADMIN | {"id": 9, "name": "Ops Sync", "created_at": "2026-03-07T22:00:00Z", "two_factor_auth_enabled": False}
    own = ADMIN | {"created_at": "2026-03-07T23:00:00Z"}
    driven = drive(people.collect_admins(since=SINCE),
                   Desk(ME, {"GET /api/v2/users": [cursor("users", [own, new])]}))
    assert driven.result.suspect_ids == ("9",)
    assert "no second factor" in driven.result.named[0]
    assert driven.requests[1].keep == "admins"


def test_secondary_addresses_are_suspects() -> None:
    """An address that was added is a way back in after a password reset."""
    rows = [{"id": 1, "type": "email", "value": "dana@acme.example", "primary": True, "verified": True, "user_id": 3971},
            {"id": 2, "type": "email", "value": "dana@evil.example", "primary": False, "verified": True, "user_id": 3971}]
    driven = drive(people.collect_identities(user_id=USER),
                   Desk({"GET /api/v2/users/3971/identities": [cursor("identities", rows)]}))
    assert driven.result.named == ('email identity 2 "dana@evil.example", secondary, verified, user 3971',)


def gone(number: int, at: str | None, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"User {number}", "email": f"u{number}@acme.example", "role": "end-user", "active": False,
            "created_at": "2024-01-01T00:00:00Z", "updated_at": at, **more}


def test_users_deleted_in_the_window_are_named_the_latest_first() -> None:
    """By their last change, the only time there is; whoever was deleted for good has a number alone. The rest are kept too."""
    rows = [gone(4, "2026-03-07T20:00:00Z"), gone(5, "2026-01-01T00:00:00Z"), gone(7, None),
            gone(6, "2026-03-07T22:00:00Z", name="Permanently Deleted User", email=None)]
    desk = Desk({"GET /api/v2/deleted_users": [cursor("deleted_users", rows[:2], "x", "/api/v2/deleted_users"),
                                               cursor("deleted_users", rows[2:])]})
    driven = drive(people.collect_deleted_users(since=SINCE), desk)
    found = driven.result
    assert (found.rows, found.complete, found.deleted, found.people_ids) == (4, True, 3, ("6", "4", "7"))
    assert found.people[0] == (
        '6 "Permanently Deleted User", end-user, created 2024-01-01T00:00:00Z, changed 2026-03-07T22:00:00Z')
    assert "User 4 <u4@acme.example>" in found.people[1]
    assert found.notes == ("1 row outside the window asked for, kept too", "1 row without a time that can be read, kept too")
    assert all(request.keep == "deleted_users" for request in driven.requests)


def test_a_mass_deletion_is_counted_and_cut() -> None:
    """All ids, and as many lines as somebody reads."""
    rows = [gone(number, "2026-03-07T20:00:00Z") for number in range(100, 160)]
    desk = Desk({"GET /api/v2/deleted_users": [cursor("deleted_users", rows)]})
    found = drive(people.collect_deleted_users(since=SINCE), desk).result
    assert (found.deleted, len(found.people_ids), len(found.people)) == (60, 60, 25)
