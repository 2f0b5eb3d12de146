"""Ways in that are open: sessions and API tokens. What perishes here is listed before it is ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    POST,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    Wait,
    Walk,
    flag,
    ident,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import items, listed, number
from irkit.connectors.zendesk.people import administrator, get_user

APART = 60.0        # seconds between the two looks that must both find no session
MOST_USERS = 100    # of one logout_many

CLIENT_CREDENTIALS = "whether a client_credentials token may use the session endpoints, and which scope they want"


def _session(data: Mapping[str, Any]) -> Item:
    session, owner = ident(data.get("id")), ident(data.get("user_id"))
    if not session or not owner:
        raise BadAnswer("a session came without its id or its user")
    return Item(session, "session", "", owner=owner, created_at=words(data.get("authenticated_at")),
                used_at=words(data.get("last_seen_at")))


def _sessions_of(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    found, done = yield from items(listed("/api/v2/users/{}/sessions", user_id, keep=keep), "sessions", _session)
    foreign = {item.owner for item in found} - {user_id}
    if foreign:
        raise BadAnswer(f"the sessions of user {user_id} were asked for, those of {', '.join(sorted(foreign))} came")
    return found, done


@zendesk.action(Effect.READ, preserves=[Trace("sessions", of="user_id")], unverified=CLIENT_CREDENTIALS)
def collect_sessions(user_id: UserId | None = None) -> Steps[Listing]:
    """Keep the list of open sessions.

    Source: developer.zendesk.com, Sessions, List Sessions. Needs an administrator: anybody else gets 200 with their own
    sessions alone, so the role is checked first.

    Holds no IP address and no user agent, and `last_seen_at` is approximate. The list is gone once the sessions are ended.
    Without `user_id`: everybody's.
    """
    yield from administrator()
    if user_id is not None:
        number(user_id, "user")
        found, done = yield from _sessions_of(user_id, keep="sessions")
    else:
        found, done = yield from items(listed("/api/v2/sessions", keep="sessions"), "sessions", _session)
    return Listing.of(found, done.complete, done.notes)


class SignedOut(Record, frozen=True):
    """Who was signed out. `ended` counts the sessions that were open before; `left` those that the last two looks found."""

    people: tuple[str, ...]
    ended: int
    left: int
    proof: str


def _none_left(user_ids: list[UserId], lag: int) -> Steps[str]:
    """Look until two looks a minute apart find no session of these users. `lag` looks may still show some before the first
    that shows none. Raises NotConfirmed: one that comes back means that somebody can still sign in.
    """
    empty = 0
    while True:
        left: list[str] = []
        for user_id in user_ids:
            found, _ = yield from _sessions_of(user_id)
            left += [f"{item.id} of user {item.owner}, signed in {item.created_at or 'at an unknown time'}" for item in found]
        empty += not left
        if empty == 2:
            return f"no session in two lists {APART:.0f} seconds apart"
        if left and (empty or not lag):
            raise NotConfirmed(f"{len(left)} {'session is' if len(left) == 1 else 'sessions are'} "
                               f"{'back' if empty else 'still open'} ({'; '.join(left[:3])}): with single sign-on, "
                               "disable the account at the identity provider first")
        lag -= bool(left)
        yield Wait(APART, "sessions come back where single sign-on still lets the user in")


@zendesk.action(Effect.IRREVERSIBLE, destroys=[Trace("sessions", of="user_id")], unverified=CLIENT_CREDENTIALS)
def end_sessions(user_id: UserId) -> Steps[SignedOut]:
    """End every session of a user.

    Source: developer.zendesk.com, Sessions, Bulk Delete Sessions. Needs an administrator.

    Suspend the user first, at the identity provider too: single sign-on silently opens a new session. Done only when two
    lists a minute apart are empty. OAuth and API tokens are no sessions and go on working.
    """
    yield from administrator()
    user = yield from get_user(user_id)
    open_, _ = yield from _sessions_of(user_id)
    if not open_:
        return SignedOut((user.person,), 0, 0, "no session in the list of an administrator")
    # 404: they ended between the look and the write
    yield DELETE("/api/v2/users/{}/sessions", user_id, ok=(404,), seen=user.account, noun="session",
                 affects=[f"{user.person}: {s.id}, signed in {s.created_at or 'at an unknown time'}" for s in open_])
    proof = yield from _none_left([user_id], lag=1)
    return SignedOut((user.person,), len(open_), 0, proof)


class People(Record, frozen=True):
    """Whom a change of several accounts is shown and approved for."""

    people: tuple[str, ...]


@zendesk.action(Effect.IRREVERSIBLE, destroys=[Trace("sessions", of="user_ids")], unverified=CLIENT_CREDENTIALS)
def logout_many(user_ids: list[UserId]) -> Steps[SignedOut]:
    """Sign up to 100 users out at once.

    Source: developer.zendesk.com, Users, Logout Many Users. Needs an administrator. Zendesk answers 202 and works through the
    list afterwards, so the session lists are read until they are empty, twice, for some minutes at most.
    """
    chosen = list(dict.fromkeys(user_ids))
    if not 0 < len(chosen) <= MOST_USERS:
        raise ActionError(f"{len(chosen)} users were given; Zendesk takes 1 to {MOST_USERS} at once")
    yield from administrator()
    people, open_ = [], 0
    for user_id in chosen:
        user = yield from get_user(user_id)
        found, _ = yield from _sessions_of(user_id)
        people.append(f"{user.person}, {len(found)} open")
        open_ += len(found)
    if not open_:
        return SignedOut(tuple(people), 0, 0, "no session in the lists of an administrator")
    yield POST("/api/v2/users/logout_many", params={"ids": ",".join(chosen)}, affects=people, noun="person",
               seen=People(tuple(people)))
    proof = yield from _none_left(chosen, lag=5)
    return SignedOut(tuple(people), open_, 0, proof)


def _api_token(data: Mapping[str, Any]) -> Item:
    return Item(ident(data.get("id")), "API token", words(data.get("description")), owner=ident(data.get("user_id")),
                active=flag(data.get("active")), created_at=words(data.get("created_at")),
                updated_at=words(data.get("updated_at")), used_at=words(data.get("last_used")))


@zendesk.action(Effect.READ, unverified="the list of API tokens is missing in Zendesk's own specification")
def collect_api_tokens(since: datetime) -> Steps[Listing]:
    """Keep the list of API tokens.

    Source: support.zendesk.com, Managing API token access; the endpoint is known from third-party clients. Needs an
    administrator. The value of a token is never shown, so irkit's own is among them where it signs in with one.

    An API token works with the address of any verified user, so suspending a user stops none. They can only be deactivated in
    Admin Center, and one that is deleted cannot be replaced: Zendesk gives out no new ones since 2026-10-27.
    """
    found, done = yield from items(GET("/api/v2/api_tokens", params={"include_users": "true"}, keep="api_tokens",
                                       gate="API token list"), "api_tokens", _api_token)
    return Listing.of(found, done.complete, done.notes, since=since)
