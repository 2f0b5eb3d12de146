"""Whom irkit acts as, and the account of a person: find, keep, suspend, give back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    GET,
    POST,
    ActionError,
    BadAnswer,
    Effect,
    Email,
    Identity,
    Record,
    Refused,
    Response,
    Steps,
    Trace,
    Unavailable,
    UserId,
    at,
    by_field,
    by_link_header,
    ident,
    row,
    setting,
    walk,
    when,
    words,
)
from irkit.connectors.okta.base import PEOPLE, key, moment, okta

ENOUGH = ("SUPER_ADMIN", "ORG_ADMIN", "CUSTOM")      # a custom role may be enough: its permissions are not listed here
PROVIDERS = {
    "OKTA": "signs in at Okta",
    "ACTIVE_DIRECTORY": "comes from Active Directory: disable the account there too, and change its password there",
    "LDAP": "comes from an LDAP directory: disable the account there too, and change its password there",
    "FEDERATION": "signs in at another identity provider: contain the account there first",
    "SOCIAL": "signs in at another identity provider: contain the account there first",
    "IMPORT": "was imported from another directory: change its password there",
}


class Account(Record, frozen=True):
    """What a change of an account is shown and approved by."""

    person: str
    status: str


class User(Record, frozen=True):
    """A person as Okta shows one. Times are RFC 3339, or "". `told`: where they sign in, in words.

    `status`: ACTIVE, SUSPENDED, STAGED, PROVISIONED, RECOVERY, PASSWORD_EXPIRED, LOCKED_OUT, or DEPROVISIONED (deactivated).
    """

    id: str
    name: str
    email: str
    login: str
    second_email: str              # a recovery mail may go there
    status: str
    provider: str
    told: str
    last_login: str
    password_changed: str
    status_changed: str
    created_at: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        """Raises BadAnswer where the id or the status is missing: nothing can be decided without them."""
        user, status = ident(data.get("id")), words(data.get("status"))
        if not user or not status:
            raise BadAnswer("a user came without an id or a status")
        provider = words(at(data, "credentials.provider.type"))
        name = " ".join(part for part in (words(at(data, "profile.firstName")), words(at(data, "profile.lastName"))) if part)
        return cls(user, name, words(at(data, "profile.email")), words(at(data, "profile.login")),
                   words(at(data, "profile.secondEmail")), status, provider,
                   PROVIDERS.get(provider, f"signs in by {provider or 'an unknown provider'}"), words(data.get("lastLogin")),
                   words(data.get("passwordChanged")), words(data.get("statusChanged")), words(data.get("created")))

    @property
    def person(self) -> str:
        return f"{self.name or 'user ' + self.id} <{self.email or self.login}>"

    def counts_from(self, since: datetime) -> datetime:
        """From when something done to a suspended person counts: not before the suspension, by Okta's own clock."""
        return max(since, when(self.status_changed) or since) if self.status == "SUSPENDED" else since

    @property
    def account(self) -> Account:
        return Account(self.person, self.status)


def _user(answer: Response, user_id: str) -> User:
    user = User.of(row(answer.json, "user"))
    if user.id != user_id:
        raise BadAnswer(f"user {user_id} was asked for, {user.id} came")
    return user


def look(user_id: str, keep: str = "") -> Steps[tuple[User, datetime]]:
    """The user of that id, and Okta's clock. Raises BadAnswer for another's."""
    answer = yield GET("/api/v1/users/{}", key(user_id, "user"), keep=keep)
    return _user(answer, user_id), moment(answer)


def get_user(user_id: str) -> Steps[User]:
    return (yield from look(user_id))[0]


def own_user() -> Steps[Mapping[str, Any] | None]:
    """The person whose API token irkit uses; None when it signs in as an app."""
    answer = yield GET("/api/v1/users/me", ok=(400, 403, 404))      # what an app gets is not documented
    return row(answer.json, "user") if answer.status == 200 else None


def roles_at(path: str, holder: str) -> Steps[list[str]]:
    """Types of the admin roles that a person or an app holds."""
    found: list[str] = []
    yield from walk(GET(path, holder, gate="okta.roles.read"), "", lambda one: found.append(
        words(row(one, "role").get("type")) or "CUSTOM"), after=by_link_header)
    return sorted(set(found))


def admin_ids() -> Steps[tuple[str, ...]]:
    found: list[str] = []
    yield from walk(GET("/api/v1/iam/assignees/users", params={"limit": 100}, gate="okta.roles.read"), "value",
                    lambda one: found.append(ident(row(one, "administrator").get("id"))), after=by_field("_links.next.href"))
    return tuple(one for one in found if one)


@okta.action(Effect.READ)
@okta.identity
def whoami() -> Steps[Identity]:
    """Check who irkit acts as.

    Source: Okta management API, Get a user (me); List client role assignments; List users with role assignments. Needs
    okta.roles.read. An app is no person and nobody can sign in as it. An API token belongs to a person, can be reached by
    whoever holds that account, and dies with it.

    `admin` says whether an admin role is assigned at all; whether a custom role suffices shows when it is used.
    """
    me = yield from own_user()
    if me is not None:
        user = User.of(me)
        roles = yield from roles_at("/api/v1/users/{}/roles", user.id)
        own = (user.id, user.email, user.name)
    else:
        try:
            client = yield from setting("client_id")
        except ActionError:
            raise Unavailable("Okta does not say whom this credential belongs to", status=403, needs="okta.users.read and an "
                              "admin role", next="irkit connect okta") from None
        roles = yield from roles_at("/oauth2/v1/clients/{}/roles", key(client, "client"))
        own = (client, "", "service app")
    return Identity(*own, ", ".join(roles) or "no admin role", any(role in ENOUGH for role in roles),
                    admins=(yield from admin_ids()))


@okta.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the account with exactly this e-mail address.

    Source: Okta management API, List all users, with a filter. Needs okta.users.read. Okta compares letters by their case, so
    the address is asked for as typed and in small letters. Deactivated people are found; none or several end the step.
    """
    wanted, found = email.strip(), dict[str, User]()
    if any(one in wanted for one in '"\\'):
        raise ActionError(f"{wanted!r} is no e-mail address")

    def add(value: Any) -> None:
        user = User.of(row(value, "user"))
        if user.email.casefold() == wanted.casefold():
            found[user.id] = user

    asked = " or ".join(f'profile.email eq "{text}"' for text in dict.fromkeys((wanted, wanted.lower())))
    yield from walk(GET("/api/v1/users", params={"filter": asked, "limit": 200}), "", add, after=by_link_header)
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} users have exactly the address {wanted}"
                          + (": " + ", ".join(f"{user.id} ({user.status})" for user in found.values()) if found else
                             "; Okta tells capital letters from small ones, it may be a login or a second address, or the "
                             "account may have been deleted"), next="look at Admin Console > Directory > People")
    return next(iter(found.values()))


@okta.action(Effect.READ, preserves=[Trace("account", of="user_id")])
def collect_account(user_id: UserId) -> Steps[User]:
    """Keep the account as it stands.

    Source: Okta management API, Get a user. Needs okta.users.read. Shows the status, where the person signs in, the second
    address that recovery mail may go to, and when the password was changed.
    """
    return (yield from look(user_id, keep="account"))[0]


@okta.action(Effect.REVERSIBLE, undo="okta.unsuspend_user",
             preserves=[Trace("active_status", of="user_id"), Trace("sign_in_barrier", of="user_id")])
def suspend_user(user_id: UserId) -> Steps[User]:
    """Suspend an account so that new sign-ins fail.

    Source: Okta management API, Suspend a user. Needs okta.users.manage. Groups, apps and factors stay.

    Okta suspends ACTIVE accounts alone: suspend before any reset of the password, which takes the account out of ACTIVE.
    Sessions, OAuth tokens and API tokens (SSWS) live on until they are ended and deleted. An import from another directory can
    set an account active again: look afterwards.
    """
    before = yield from get_user(user_id)
    if before.status == "SUSPENDED":
        return before
    if before.status == "DEPROVISIONED":
        raise ActionError(f"{before.person} is deactivated already: Okta suspends ACTIVE accounts alone",
                          next="go on with API tokens, grants and the log")
    if before.status != "ACTIVE":
        raise ActionError(f"{before.person} is {before.status}: Okta suspends ACTIVE accounts alone",
                          next=f"{PEOPLE}: make the account ACTIVE, then suspend it at once; end the sessions meanwhile")
    try:
        yield POST("/api/v1/users/{}/lifecycle/suspend", user_id, seen=before.account, affects=[before.person], noun="person")
    except Refused as error:           # 400 where it is not ACTIVE any more: somebody else may have suspended it just now
        if error.status != 400 or (yield from get_user(user_id)).status != "SUSPENDED":
            raise
    return (yield from get_user(user_id)).require(status="SUSPENDED")


@okta.action(Effect.REVERSIBLE, undo="okta.suspend_user")
def unsuspend_user(user_id: UserId) -> Steps[User]:
    """Let a suspended account sign in again.

    Source: Okta management API, Unsuspend a user. Needs okta.users.manage. Brings back access as it was: change the password,
    remove factors of the intruder, grants and API tokens before.
    """
    before = yield from get_user(user_id)
    if before.status == "ACTIVE":
        return before
    if before.status != "SUSPENDED":
        raise ActionError(f"{before.person} is {before.status}, not suspended: there is nothing to lift", next=PEOPLE)
    yield POST("/api/v1/users/{}/lifecycle/unsuspend", user_id, seen=before.account, affects=[before.person], noun="person")
    return (yield from get_user(user_id)).require(status="ACTIVE")
