"""Ending sessions, and what the System Log shows of it: Okta lists no sessions of a person, so the log is the second look."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    POST,
    ActionError,
    Effect,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    Unavailable,
    UserId,
    Wait,
    at,
    by_link_header,
    ident,
    row,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.okta.base import LOGOUT, PEOPLE, deleting, key, okta
from irkit.connectors.okta.people import look
from irkit.connectors.okta.tokens import held

LOOKS, APART = 31, 10.0      # five minutes: log events are quick as a rule
OLDEST, LEAST = timedelta(days=89), timedelta(minutes=1)
CLEARED, LOGGED_OUT = "user.session.clear", "user.authentication.universal_logout"


def on(row: Any, user_id: str) -> bool:
    """Whether an event of the log names this person among its targets."""
    targets = at(row, "target")
    return isinstance(targets, list) and any(at(one, "id") == user_id for one in targets)


def event(kind: str, user_id: str, since: datetime, until: datetime) -> Steps[str | None]:
    """The first event of that kind (or a kind under it) on the person since then, in words; "" for none.

    None where the log may not be read. Every row is checked here: a filter that is ignored proves nothing. A window without
    any length is never asked for.
    """
    found, begin = list[str](), max(min(since, until - LEAST), until - OLDEST)

    def add(value: Any) -> None:
        what, time = words(at(value, "eventType")), when(at(value, "published"))
        if on(value, user_id) and (what == kind or what.startswith(kind + ".")) and time and time >= since:
            found.append(f"{what} at {stamp(time)}, event {ident(at(value, 'uuid'))}")

    try:
        yield from walk(GET("/api/v1/logs", gate="okta.logs.read", params={
            "since": stamp(begin), "until": stamp(until),
            "filter": f'eventType sw "{kind}" and target.id eq "{user_id}"', "limit": 1000}), "", add, after=by_link_header)
    except Unavailable:
        return None
    return found[0] if found else ""


def until_shown(kind: str, user_id: str, start: datetime, what: str) -> Steps[str]:
    """Look until the log shows the event. Raises NotConfirmed."""
    for number in range(LOOKS):
        if number:
            yield Wait(APART, f"the System Log shows {what} with a delay")
        _, now = yield from look(user_id)
        shown = yield from event(kind, user_id, start, now)
        if shown is None:
            raise NotConfirmed(f"Okta took it, but the log that would show {what} may not be read (okta.logs.read)")
        if shown:
            return shown
    raise NotConfirmed(f"the log does not show {what} after {(LOOKS - 1) * APART / 60:.0f} minutes")


class Ended(Record, frozen=True):
    """What was ended, and the proof: the log's event, and that no client holds a token. Sessions cannot be counted."""

    person: str
    status: str
    clients: tuple[str, ...]
    proof: str


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("tokens", of="user_id")])
def end_sessions(user_id: UserId, since: datetime) -> Steps[Ended]:
    """End the person's Okta sessions and OAuth tokens, forget devices.

    Source: Okta management API, Revoke all user sessions. Needs okta.users.manage, and okta.logs.read for the proof.

    Both flags are sent, whatever the engine's default: with oauthTokens left out, tokens outlive a session that looks
    cleared. Suspend first: a sign-in right after would be valid. Done when the log shows the clearing and no client holds a
    token; a clearing at or after `since`, and after the suspension, counts already. Sessions inside other web and native apps
    are not ended, API tokens (SSWS) live on. Okta lists no sessions, so none are counted.
    """
    user, now = yield from look(user_id)
    clients = yield from held(user_id)
    shown = yield from event(CLEARED, user_id, user.counts_from(since), now)
    if shown and not clients:
        return Ended(user.person, user.status, (), f"the log has it already: {shown}")
    yield DELETE("/api/v1/users/{}/sessions", user_id, params={"oauthTokens": "true", "forgetDevices": "true"}, noun="person",
                 seen=Ended(user.person, user.status, clients, ""), affects=[f"{user.person}, and every OAuth token of theirs"])
    if left := (yield from held(user_id)):
        raise NotConfirmed(f"{', '.join(left)} still hold tokens")
    proof = yield from until_shown(CLEARED, user_id, now, "the clearing")
    return Ended(user.person, user.status, clients, proof)


@okta.action(Effect.IRREVERSIBLE, unverified="whether API tokens (SSWS) end with it: Okta's own pages disagree")
def logout_everywhere(user_id: UserId, since: datetime) -> Steps[Ended]:
    """Universal Logout: end sessions and tokens in the apps that take it.

    Source: Okta OAuth API, Revoke all tokens of a user (global token revocation); Universal Logout supported apps. Needs
    okta.universalLogout.manage and the Universal Logout licence: without them it is a gap, and sessions in other apps are not
    ended by Okta. Some apps take part only partly: Microsoft 365 loses refresh tokens alone. Revoke API tokens one by one all
    the same. Done when the log shows it.
    """
    user, now = yield from look(user_id)
    shown = yield from event(LOGGED_OUT, user_id, user.counts_from(since), now)
    if shown:
        return Ended(user.person, user.status, (), f"the log has it already: {shown}")
    yield POST(LOGOUT, json={"sub_id": {"format": "opaque", "id": user_id}}, seen=Ended(user.person, user.status, (), ""),
               affects=[f"{user.person}, in every app that takes part"], noun="person")
    proof = yield from until_shown(LOGGED_OUT, user_id, now, "the Universal Logout")
    return Ended(user.person, user.status, (), proof)


class Session(Record, frozen=True):
    """One session. Its id comes from the log: Okta lists none."""

    id: str
    user_id: str
    status: str
    proof: str


def _session(session_id: str) -> Generator[Any, Any, Session | None]:
    answer = yield GET("/api/v1/sessions/{}", key(session_id, "session"), ok=(404,))
    if answer.status == 404:
        return None
    data = row(answer.json, "session")
    if ident(data.get("id")) != session_id or not ident(data.get("userId")):
        raise ActionError(f"session {session_id} was asked for, and came as another or without its person")
    return Session(session_id, ident(data.get("userId")), words(data.get("status")), "")


@okta.action(Effect.IRREVERSIBLE, unverified="whether Okta takes here the session ids that its log shows")
def end_session(session_id: str) -> Steps[Session]:
    """End one Okta session, by its id in the log.

    Source: Okta management API, Revoke a session. Needs okta.sessions.manage. `session_id` is a row's externalSessionId. A
    session that is not there ends the step: it may be over, or the id may be none that Okta takes here.
    """
    before = yield from _session(session_id)
    if before is None:
        raise ActionError(f"Okta knows no session {session_id}: it is over, or the log's id is not taken here",
                          next=f"end all of the person's: okta.end_sessions, or {PEOPLE} > More Actions > Clear User Sessions")
    yield from deleting(DELETE("/api/v1/sessions/{}", session_id, seen=before, noun="session",
                               affects=[f"session {session_id} of user {before.user_id}"]))
    if (yield from _session(session_id)) is not None:
        raise NotConfirmed(f"session {session_id} is still there")
    return Session(session_id, before.user_id, "ended", "Okta answers 404 to its id")
