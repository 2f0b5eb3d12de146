"""Whom irkit acts as, and a person's account: find, keep, suspend and let back in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from irkit.action import (
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Effect,
    Email,
    Identity,
    Record,
    Steps,
    Trace,
    UserId,
    flag,
    ident,
    row,
    setting,
    walk,
    words,
)
from irkit.connectors.google_workspace.base import CONSOLE, directory, google_workspace, key, next_page

READS = "scope admin.directory.user, and the privilege Users > Read"
NEVER = "1970-01-01T00:00:00.000Z"       # Google's "has not signed in"


class Account(Record, frozen=True):
    """What a change of an account is shown and approved for."""

    person: str
    administrator: str
    suspended: bool
    suspended_why: str


class User(Record, frozen=True):
    """A person as Google shows one. Times are RFC 3339, or "".

    `administrator`: "super", "delegated" or "no". `suspended_why`: ADMIN, or Google's own reason (ABUSE, WEB_LOGIN_REQUIRED …).
    `second_factor`: whether any is enrolled, which is all that Google says of them. The recovery fields are a way back in.
    """

    id: str
    email: str
    name: str
    aliases: tuple[str, ...]
    suspended: bool
    suspended_why: str
    suspended_at: str
    archived: bool
    administrator: str
    second_factor: bool | None
    second_factor_enforced: bool | None
    recovery_email: str
    recovery_phone: str
    last_sign_in: str
    deleted_at: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        """Raises BadAnswer without an id, an address, or whether the account is suspended."""
        user, email, suspended = ident(data.get("id")), words(data.get("primaryEmail")), flag(data.get("suspended"))
        if not user or not email or suspended is None:
            raise BadAnswer("a user came without an id, an address, or whether the account is suspended")
        delegated = "delegated" if data.get("isDelegatedAdmin") is True else "no"
        aliases = data.get("aliases")
        last = words(data.get("lastLoginTime"))
        return cls(user, email, words(row(data.get("name") or {}, "name").get("fullName")),
                   tuple(map(words, aliases)) if isinstance(aliases, list) else (), suspended,
                   words(data.get("suspensionReason")), words(data.get("suspensionTime")), data.get("archived") is True,
                   "super" if data.get("isAdmin") is True else delegated, flag(data.get("isEnrolledIn2Sv")),
                   flag(data.get("isEnforcedIn2Sv")), words(data.get("recoveryEmail")), words(data.get("recoveryPhone")),
                   "" if last == NEVER else last, words(data.get("deletionTime")))

    @property
    def person(self) -> str:
        return f"{self.name or 'user ' + self.id} <{self.email}>"

    @property
    def account(self) -> Account:
        return Account(self.person, self.administrator, self.suspended, self.suspended_why)

    def has(self, address: str) -> bool:
        return address.casefold() in {one.casefold() for one in (self.email, *self.aliases)}


def _get(user: str, keep: str = "") -> Steps[User]:
    answer = yield directory("/users/{}", user, params={"projection": "full"}, keep=keep, gate=READS)
    return User.of(row(answer.json, "user"))


def get_user(user_id: str, keep: str = "") -> Steps[User]:
    """The user of that id. Raises BadAnswer for another's."""
    user = yield from _get(key(user_id), keep)
    if user.id != user_id:
        raise BadAnswer(f"user {user_id} was asked for, {user.id} came")
    return user


def _all(query: str, keep: str = "", **more: str) -> Steps[list[User]]:
    found: list[User] = []
    yield from walk(directory("/users", keep=keep, gate=READS, params={
        "customer": "my_customer", "query": query, "projection": "full", "maxResults": 500, **more}), "users",
        lambda one: found.append(User.of(row(one, "user"))), after=next_page, optional=True)
    return found


@google_workspace.action(Effect.READ)
@google_workspace.identity
def whoami() -> Steps[Identity]:
    """Check who irkit acts as.

    Source: developers.google.com, Admin SDK Directory API, users.get and users.list. Needs admin.directory.user. irkit acts as
    the administrator named in irkit.toml, through its service account. `admins` are the super administrators who can sign in.
    """
    me = yield from _get((yield from setting("subject")))
    if me.suspended:
        raise ActionError(f"the administrator irkit acts as, {me.email}, is suspended", next="irkit connect google_workspace")
    role = {"super": "super administrator", "delegated": "delegated administrator", "no": "no administrator"}[me.administrator]
    others = [] if me.administrator == "no" else (yield from _all("isAdmin=true"))
    admins = [one.id for one in others if one.administrator == "super" and not one.suspended]
    return Identity(me.id, me.email, me.name, role, me.administrator != "no", admins=tuple(admins))


@google_workspace.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the account with exactly this address, or this alias.

    Source: developers.google.com, Admin SDK Directory API, users.list; Search for users. Needs admin.directory.user. None or
    several end the step, nothing is guessed. A deleted account is told as such: it can be restored for 20 days, by hand.
    """
    wanted = email.strip()
    if not re.fullmatch(r"[^\s\"':@]+@[^\s\"':@]+", wanted):
        raise ActionError(f"{wanted!r} is no address that can be searched for")
    found = [one for one in (yield from _all(f"email:{wanted}")) if one.has(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ActionError(f"{len(found)} users have exactly the address {wanted}: ids " + ", ".join(one.id for one in found),
                          next=f"look at {CONSOLE}")
    gone = [one for one in (yield from _all(f"email:{wanted}", showDeleted="true")) if one.has(wanted)]
    if gone:
        raise ActionError(f"{gone[0].person}, id {gone[0].id}, was deleted at {gone[0].deleted_at or 'an unknown time'}; its "
                          "logs are kept under that id", next="Admin console > Directory > Users > Recently deleted users")
    raise ActionError(f"no users have exactly the address {wanted}; it may be a group, or of another domain",
                      next="look at Admin console > Directory > Users")


@google_workspace.action(Effect.READ, preserves=[Trace("second_factor_state", of="user_id")])
def collect_user(user_id: UserId) -> Steps[User]:
    """Keep the account as it is: state, administrator, recovery address.

    Source: developers.google.com, Admin SDK Directory API, users.get. Needs admin.directory.user. A recovery address or phone
    that the person does not know lets an intruder back in. Google says only whether a second factor is enrolled, not which.
    """
    return (yield from get_user(user_id, keep="user"))


class Preflight(Record, frozen=True):
    """Whether irkit may act on this person, as far as can be known before trying."""

    may_act: bool
    acts_as: str
    person: str
    told: str


def _told(me: User, user: User) -> tuple[bool, str]:
    if me.id == user.id:
        return False, "irkit acts as this very account: use another administrator for this incident"
    if me.administrator == "no":
        return False, f"{me.email} is no administrator: contain by hand, {CONSOLE}"
    if me.administrator == "delegated":
        if user.administrator == "super":
            return False, (f"{user.email} is a super administrator and {me.email} a delegated one, who may be refused: have a "
                           "super administrator at hand")
        return True, "as far as the delegated administrator's role goes; irkit doctor shows each scope"
    return True, "a super administrator may act on everybody"


@google_workspace.action(Effect.READ, unverified="who may sign a super administrator out")
def check_may_act(user_id: UserId) -> Steps[Preflight]:
    """Check in advance whether irkit may act on this person.

    Source: developers.google.com, Admin SDK Directory API, users.get. Needs admin.directory.user. Google documents no more than
    that a delegated administrator may be refused to act on a super administrator.
    """
    me = yield from _get((yield from setting("subject")))
    user = yield from get_user(user_id)
    may, told = _told(me, user)
    return Preflight(may, me.email, user.person, told)


def _set_suspended(user_id: UserId, suspended: bool) -> Steps[User]:
    before = yield from get_user(user_id)
    if before.suspended is suspended:
        return before
    yield PUT("/admin/directory/v1/users/{}", user_id, json={"suspended": suspended}, seen=before.account,
              affects=[before.person], noun="person", gate="Users > Update > Suspend users")
    return (yield from get_user(user_id)).require(suspended=suspended)


# App passwords are listed before, in case they go as well: a list that is not there any more cannot be kept.
@google_workspace.action(Effect.REVERSIBLE, undo="google_workspace.unsuspend_user", destroys=[
    Trace("sessions", of="user_id"), Trace("tokens", of="user_id"), Trace("app_passwords", of="user_id"),
    Trace("chance_to_invalidate_backup_codes", of="user_id")], unverified="whether app passwords outlive it: delete them too")
def suspend_user(user_id: UserId) -> Steps[User]:
    """Suspend an account so that nobody can sign in to it.

    Source: developers.google.com, Admin SDK Directory API, users.update; support.google.com/a, Identify and secure compromised
    accounts. Needs admin.directory.user. It resets sign-in cookies and OAuth tokens, which unsuspending does not bring back;
    of app passwords Google says nothing, so they are deleted by themselves: keep the lists before. Backup codes cannot be
    invalidated while it lasts, so do that before too.
    """
    return (yield from _set_suspended(user_id, True))


@google_workspace.action(Effect.REVERSIBLE, undo="google_workspace.suspend_user")
def unsuspend_user(user_id: UserId) -> Steps[User]:
    """Let a suspended account sign in again.

    Source: developers.google.com, Admin SDK Directory API, users.update. Needs admin.directory.user. Have the password, the
    recovery address and the second factors put right before. One that Google itself suspended (ABUSE …) may stay so.
    """
    return (yield from _set_suspended(user_id, False))


# -- what `irkit doctor` proves ------------------------------------------------------------------------------------

@google_workspace.proof("admin.directory.user", "find people, suspend them and let them back in")
def _reads_users() -> Steps[Any]:
    yield directory("/users", params={"customer": "my_customer", "maxResults": 1}, gate=READS)


@google_workspace.proof("admin.directory.user.security", "see and delete tokens and app passwords, and sign people out")
def _reads_tokens() -> Steps[Any]:
    yield directory("/users/{}/tokens", (yield from setting("subject")), gate="scope admin.directory.user.security, and the "
                    "privilege User security management")


@google_workspace.proof("admin.directory.group.readonly", "see a person's groups")
def _reads_groups() -> Steps[Any]:
    yield directory("/groups", params={"customer": "my_customer", "maxResults": 1}, gate="scope admin.directory.group.readonly")


@google_workspace.proof("admin.directory.rolemanagement.readonly", "see a person's administrator roles, by group too")
def _reads_roles() -> Steps[Any]:
    yield directory("/customer/my_customer/roles", params={"maxResults": 1},
                    gate="scope admin.directory.rolemanagement.readonly")


@google_workspace.proof("admin.directory.device.mobile.readonly", "see a person's mobile devices")
def _reads_devices() -> Steps[Any]:
    yield directory("/customer/my_customer/devices/mobile", params={"maxResults": 1},
                    gate="scope admin.directory.device.mobile.readonly")


@google_workspace.proof("admin.reports.audit.readonly", "collect the logs: sign-ins, tokens, administrators, Drive, Takeout")
def _reads_logs() -> Steps[Any]:
    yield GET("/admin/reports/v1/activity/users/all/applications/login", params={"maxResults": 1},
              gate="scope admin.reports.audit.readonly, and the privilege Reports")
