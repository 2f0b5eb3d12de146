"""Sessions and API tokens: listed by an administrator or not believed, ended once, and proven gone by a second look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from irkit.action import ActionError, BadAnswer, NotConfirmed, Refused, Response, Unavailable, UserId, drive
from irkit.connectors.zendesk import access
from tests.connectors.zendesk_tenant import ADMIN, DANA, ME, SESSION, Desk, cursor

USER = UserId("3971")
SINCE = datetime(2026, 3, 7, tzinfo=UTC)
AGENT = {"GET /api/v2/users/me": [{"user": ADMIN | {"role": "agent"}}]}
PERSON = {"GET /api/v2/users/3971": [{"user": DANA}]}
LIST, END = "GET /api/v2/users/3971/sessions", "DELETE /api/v2/users/3971/sessions"
SOME, NONE = cursor("sessions", [SESSION, SESSION | {"id": 13}]), cursor("sessions", [])
BACK = cursor("sessions", [SESSION | {"id": 14, "authenticated_at": "2026-03-08T00:00:30Z"}])


# -- sessions ------------------------------------------------------------------------------------------------------

def test_a_session_list_is_not_believed_from_an_agent() -> None:
    """A non-administrator gets 200 with only its own sessions, so the list is not even asked for."""
    desk = Desk(AGENT)
    driven = drive(access.collect_sessions(user_id=USER), desk)
    assert isinstance(driven.error, Unavailable)
    assert driven.error.needs == "administrator role"
    assert desk.asked == ["GET /api/v2/users/me"]


@pytest.mark.parametrize("action", [access.end_sessions(user_id=USER), access.logout_many(user_ids=[USER])])
def test_nothing_is_ended_without_the_role(action: object) -> None:
    """An empty list would otherwise count as "already so"."""
    driven = drive(action, Desk(AGENT))      # type: ignore[arg-type]
    assert isinstance(driven.error, Unavailable)
    assert driven.writes == []


def test_the_session_list_is_kept_before_it_is_gone() -> None:
    """The list of one user, kept byte for byte."""
    driven = drive(access.collect_sessions(user_id=USER), Desk(ME, {LIST: [SOME]}))
    assert [item.id for item in driven.result.items] == ["12", "13"]
    assert driven.result.items[0].owner == "3971"
    assert driven.requests[1].keep == "sessions"


def test_without_a_user_everybodys_sessions_are_kept() -> None:
    """The whole tenant, for a vendor-wide sign-out."""
    rows = [SESSION, SESSION | {"id": 15, "user_id": 4}]
    driven = drive(access.collect_sessions(), Desk(ME, {"GET /api/v2/sessions": [cursor("sessions", rows)]}))
    assert [item.owner for item in driven.result.items] == ["3971", "4"]


@pytest.mark.parametrize("rows", [[SESSION | {"user_id": 4}], [SESSION | {"id": None}], [SESSION | {"user_id": None}], [None]])
def test_sessions_of_somebody_else_are_no_answer(rows: list[object]) -> None:
    """A list that is not of the user asked for is refused."""
    driven = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [cursor("sessions", rows)]}))
    assert isinstance(driven.error, BadAnswer)
    assert driven.writes == []


def test_sessions_are_ended_and_looked_for_twice_a_minute_apart() -> None:
    """One DELETE, then two empty lists with a minute between them."""
    driven = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [SOME, NONE], END: [Response(204)]}))
    assert [wait.seconds for wait in driven.waits] == [60]
    assert (driven.result.ended, driven.result.left) == (2, 0)
    assert driven.result.proof == "no session in two lists 60 seconds apart"
    (write,) = driven.writes
    assert write.affects[0] == "Dana Reyes <dana@acme.example>: 12, signed in 2026-03-07T02:11:00Z"
    assert len(write.affects) == 2


def test_no_sessions_send_nothing() -> None:
    """Already so, by an administrator's list."""
    driven = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [NONE]}))
    assert driven.writes == []
    assert driven.result.proof == "no session in the list of an administrator"


def test_sessions_gone_between_look_and_write_are_ended() -> None:
    """A 404 on the DELETE is settled by the second look, as a 204 is."""
    desk = Desk(ME, PERSON, {LIST: [SOME, NONE], END: [Response.of({"error": "RecordNotFound"}, 404)]})
    assert drive(access.end_sessions(user_id=USER), desk).result.left == 0


def test_a_session_that_comes_back_is_not_confirmed() -> None:
    """With single sign-on the user is let in again: the first empty list proves nothing."""
    driven = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [SOME, NONE, BACK], END: [Response(204)]}))
    assert isinstance(driven.error, NotConfirmed)
    assert "1 session is back (14 of user 3971" in driven.error.what
    assert "identity provider" in driven.error.what


def test_a_list_that_lags_is_given_one_more_look() -> None:
    """One late list is a lag; two are sessions that were not ended."""
    once = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [SOME, SOME, NONE], END: [Response(204)]}))
    assert (once.result.left, len(once.waits)) == (0, 2)
    never = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [SOME], END: [Response(204)]}))
    assert isinstance(never.error, NotConfirmed)
    assert "2 sessions are still open" in never.error.what


def test_a_refused_delete_is_refused() -> None:
    """Zendesk's no ends the action."""
    driven = drive(access.end_sessions(user_id=USER), Desk(ME, PERSON, {LIST: [SOME], END: [Response.of({}, 403)]}))
    assert isinstance(driven.error, Refused)


# -- logout_many ---------------------------------------------------------------------------------------------------

OTHER = {"GET /api/v2/users/4": [{"user": DANA | {"id": 4, "name": "Wei"}}], "GET /api/v2/users/4/sessions": [NONE]}
LOGOUT = "POST /api/v2/users/logout_many"


def test_logout_many_is_polled_until_the_lists_are_empty() -> None:
    """A 202 says that it was taken, not that it was done."""
    desk = Desk(ME, PERSON, OTHER, {LIST: [SOME, SOME, SOME, NONE], LOGOUT: [Response(202)]})
    driven = drive(access.logout_many(user_ids=[USER, UserId("4"), USER]), desk)
    (write,) = driven.writes
    assert write.target == "/api/v2/users/logout_many?ids=3971,4"
    assert write.affects == ("Dana Reyes <dana@acme.example>, 2 open", "Wei <dana@acme.example>, 0 open")
    assert (driven.result.ended, len(driven.waits)) == (2, 3)


def test_logout_many_that_does_not_happen_is_not_confirmed() -> None:
    """Some minutes later somebody still signed in is no success."""
    driven = drive(access.logout_many(user_ids=[USER]), Desk(ME, PERSON, {LIST: [SOME], LOGOUT: [Response(202)]}))
    assert isinstance(driven.error, NotConfirmed)
    assert len(driven.waits) == 5


def test_logout_many_of_nobody_signed_in_sends_nothing() -> None:
    """Already so."""
    assert drive(access.logout_many(user_ids=[USER]), Desk(ME, PERSON, {LIST: [NONE]})).writes == []


@pytest.mark.parametrize("ids", [[], [UserId(str(n)) for n in range(1, 102)], [UserId("me")]])
def test_logout_many_takes_one_to_a_hundred_users(ids: list[UserId]) -> None:
    """Fewer, more, or a word instead of an id, sends nothing."""
    driven = drive(access.logout_many(user_ids=ids), Desk(ME))
    assert isinstance(driven.error, ActionError)
    assert driven.writes == []


# -- API tokens ----------------------------------------------------------------------------------------------------

API = "GET /api/v2/api_tokens"


def test_api_tokens_used_in_the_window_are_named() -> None:
    """By the description that Admin Center shows, with when it was last used, and whether it is off."""
    made = "2023-01-01T00:00:00Z"
    rows = [{"id": 1, "description": "CI export", "active": True, "last_used": "2026-03-07T20:00:00Z", "created_at": made},
            {"id": 2, "description": "old", "active": False, "last_used": None, "created_at": made}]
    driven = drive(access.collect_api_tokens(since=SINCE), Desk({API: [{"api_tokens": rows}]}))
    assert driven.result.in_window == (
        'API token 1 "CI export", created 2023-01-01T00:00:00Z, last used 2026-03-07T20:00:00Z',)
    assert "off" in driven.result.items[1].named


def test_an_account_without_the_list_of_api_tokens_is_a_gap() -> None:
    """The endpoint goes away with the tokens; its absence is no absence of tokens."""
    driven = drive(access.collect_api_tokens(since=SINCE), Desk({API: [Response.of({"error": "InvalidEndpoint"}, 404)]}))
    assert isinstance(driven.error, Unavailable)
