"""A compromised person: who they are, where they are signed in, and how that ends. Most of it is Enterprise only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import (
    GET,
    PATCH,
    ActionError,
    BadAnswer,
    Effect,
    Email,
    Item,
    Listing,
    Record,
    Steps,
    Trace,
    UserId,
    at,
    flag,
    ident,
    items,
    one,
    row,
    words,
)
from irkit.connectors.slack.base import PLAN, User, call, get, needless, next_page, slack, user_of

SESSIONS = [Trace("sessions", of="user_id")]


def by_email(email: str) -> Steps[User]:
    """The person with exactly that address. Raises ActionError for none, and where Slack names somebody else."""
    answer = yield get("users.lookupByEmail", params={"email": email}, accepts=["users_not_found"])
    if answer.json.get("ok") is not True:
        raise ActionError(f"nobody has the address {email} in Slack", next="correct the address, or find the person by hand")
    user = User.of(one(answer, "user"))
    if user.email.casefold() != email.casefold():
        raise ActionError(f"{email} was asked for, and Slack names {user.person}", next="find the person by hand")
    return user


@slack.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the person with exactly this e-mail address.

    Source: docs.slack.dev, users.lookupByEmail (users_not_found). Needs users:read and users:read.email.
    """
    return (yield from by_email(email))


# -- sessions ------------------------------------------------------------------------------------------------------

def _session(data: Mapping[str, Any]) -> Item:
    """A session in words. Slack tells device and address of its beginning and of its latest use, and no times."""
    told = {when: ", ".join(filter(None, (words(at(data, f"{when}.{name}")) for name in ("device_hardware", "os", "ip"))))
            for when in ("created", "recent")}
    late = f"; lately {told['recent']}" if told["recent"] and told["recent"] != told["created"] else ""
    return Item(ident(data.get("session_id")), "session", "", told["created"] + late, ident(data.get("user_id")), True)


def sessions_of(user_id: str, keep: str = "") -> Steps[tuple[User, Listing]]:
    """The person's sessions in their workspace. None at all is an error code of Slack's."""
    user = yield from user_of(user_id)
    first = call("admin.users.session.list", reads=True, keep=keep, gate=PLAN, accepts=["no_active_sessions"],
                 form={"user_id": user_id, "team_id": user.team_id, "limit": 1000})
    found, done = yield from items(first, "active_sessions", _session, after=next_page, optional=True)
    strange = [item for item in found if item.owner != user_id]
    if strange:
        raise BadAnswer(f"sessions of {user_id} were asked for, and one of {strange[0].owner or 'nobody'} came")
    return user, Listing.of(found, done.complete, done.notes, suspect=lambda _: True)


@slack.action(Effect.READ, preserves=SESSIONS)
def collect_sessions(user_id: UserId) -> Steps[Listing]:
    """Keep the person's sessions, which are gone once reset.

    Device and address of each; Slack tells no times.

    Source: docs.slack.dev, admin.users.session.list (needs user and workspace together). Enterprise only, admin.users:read.
    Below it: a person looks at the account's own access log, and that is a gap.
    """
    return (yield from sessions_of(user_id, keep="sessions"))[1]


@slack.action(Effect.IRREVERSIBLE, destroys=SESSIONS)
def reset_sessions(user_id: UserId) -> Steps[Listing]:
    """Sign the person out everywhere.

    With single sign-on contain at the identity provider first, or they sign straight in again. The primary owner's and a bot's
    sessions cannot be reset.

    Source: docs.slack.dev, admin.users.session.reset; proven by the list. Enterprise only, admin.users:write and :read.
    """
    user, before = yield from sessions_of(user_id)
    if not before.count:
        return before
    yield call("admin.users.session.reset", form={"user_id": user_id}, seen=before, noun="session",
               affects=[f"{user.person}: {told}" for told in before.named])
    return (yield from sessions_of(user_id))[1].require(count=0)


class Session(Record, frozen=True):
    """One session of a person's, and whether it is still there."""

    user_id: UserId
    session_id: str
    live: bool
    told: str
    others: int


def _one_session(user_id: str, session_id: str) -> Steps[tuple[User, Session]]:
    user, found = yield from sessions_of(user_id)
    same = [item for item in found.items if item.id == session_id]
    return user, Session(UserId(user_id), session_id, bool(same), same[0].told if same else "", found.count - len(same))


@slack.action(Effect.IRREVERSIBLE, destroys=SESSIONS)
def invalidate_session(user_id: UserId, session_id: str) -> Steps[Session]:
    """End one session of the person's.

    Source: docs.slack.dev, admin.users.session.invalidate (team_id is deprecated there, and not sent); proven by the list.
    Enterprise only, admin.users:write and :read.
    """
    if not session_id.isdecimal():
        raise ActionError(f"{session_id!r} is no session of Slack's", next="take it from slack.collect_sessions")
    user, before = yield from _one_session(user_id, session_id)
    if not before.live:
        return before
    yield call("admin.users.session.invalidate", form={"user_id": user_id, "session_id": session_id}, seen=before,
               accepts=["session_not_found"], affects=[f"{user.person}: session {before.told}"], noun="session")
    return (yield from _one_session(user_id, session_id))[1].require(live=False)


# -- the account ---------------------------------------------------------------------------------------------------

class Account(Record, frozen=True):
    """A person's account as SCIM shows it."""

    user_id: UserId
    name: str
    email: str
    active: bool


def _account(user_id: str) -> Steps[Account]:
    data = row((yield GET("/scim/v1/Users/{}", user_id, host="org")).json, "user")
    active, found = flag(data.get("active")), ident(data.get("id"))
    if found != user_id or active is None:
        raise BadAnswer(f"user {user_id} was asked for, {found or 'one without an id'} came, or without saying active")
    mails = data.get("emails")
    mail = next((words(at(one, "value")) for one in mails if isinstance(one, dict)), "") if isinstance(mails, list) else ""
    return Account(UserId(user_id), words(data.get("userName")), mail, active)


def _set_active(user_id: str, active: bool) -> Steps[Account]:
    before = yield from _account(user_id)
    if before.active == active:
        return before
    yield PATCH("/scim/v1/Users/{}", user_id, host="org", json={"schemas": ["urn:scim:schemas:core:1.0"], "active": active},
                seen=before, affects=[f"{before.name} <{before.email}>"], noun="person")
    return (yield from _account(user_id)).require(active=active)


@slack.action(Effect.REVERSIBLE, undo="slack.activate_user", destroys=SESSIONS)
def deactivate_user(user_id: UserId) -> Steps[Account]:
    """Deactivate the person's account: they are signed out, and cannot sign in.

    An identity provider that provisions Slack may activate it again: contain there first. Apps that the person installed stay.

    Source: docs.slack.dev, SCIM API, PATCH Users (active). Enterprise or Business+ with SCIM, scope admin. Below it a person
    does it: workspace administration > Manage members.
    """
    return (yield from _set_active(user_id, False))


@slack.action(Effect.REVERSIBLE, undo="slack.deactivate_user")
def activate_user(user_id: UserId) -> Steps[Account]:
    """Activate a deactivated account again.

    Source: docs.slack.dev, SCIM API, PATCH Users (active). Scope admin.
    """
    return (yield from _set_active(user_id, True))


@slack.proof("users:read.email", "find people by address")
def _finds_people() -> Steps[object]:
    return (yield get("users.lookupByEmail", params={"email": "nobody@irkit.invalid"}, accepts=["users_not_found"]))


@slack.proof("admin.users:read", "list sessions")
def _lists_sessions() -> Steps[object]:
    first = call("admin.users.session.list", reads=True, gate=PLAN, accepts=["no_active_sessions"], form={"limit": 1})
    return (yield from needless("containment")) or (yield first)


@slack.proof("admin", "deactivate people by SCIM")
def _reads_scim() -> Steps[object]:
    return (yield from needless("containment")) or (yield GET("/scim/v1/Users", host="org", params={"count": 1}))
