"""Whom irkit acts as, and what can be done to a user's account: find, suspend, change role, list, the deleted too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Collection,
    Effect,
    Email,
    Identity,
    Item,
    Listing,
    Record,
    Steps,
    Unavailable,
    UserId,
    flag,
    ident,
    one,
    row,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import MOST_LINES, PAGE, Tally, items, listed, number, walk

RANK = {"end-user": 0, "agent": 1, "admin": 2}


class Account(Record, frozen=True):
    """What a change of an account is shown, approved and undone by; nothing in it moves by itself."""

    person: str
    role: str
    custom_role_id: str | None
    suspended: bool


class User(Record, frozen=True):
    """A user as Zendesk shows one. Times are RFC 3339, or "".

    `last_login_at` also moves when an API token or basic sign-in is used: it proves no interactive login.
    `active` false means deleted.
    """

    id: str
    name: str
    email: str
    role: str                        # end-user, agent, admin
    suspended: bool
    active: bool
    custom_role_id: str | None
    role_type: str                   # "0" custom, "1" light, "2" chat, "3" contributor, "4" admin, "5" billing admin
    two_factor_auth_enabled: bool | None
    restricted_agent: bool | None
    ticket_restriction: str
    last_login_at: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        """Raises BadAnswer where the id, the role or the suspension is missing: nothing can be decided without them."""
        user, role, suspended = ident(data.get("id")), words(data.get("role")), flag(data.get("suspended"))
        if not user or role not in RANK or suspended is None:
            raise BadAnswer("a user came without an id, a known role, or whether it is suspended")
        return cls(user, words(data.get("name")), words(data.get("email")), role, suspended,
                   data.get("active") is not False, ident(data.get("custom_role_id")) or None, ident(data.get("role_type")),
                   flag(data.get("two_factor_auth_enabled")), flag(data.get("restricted_agent")),
                   words(data.get("ticket_restriction")), words(data.get("last_login_at")), words(data.get("created_at")),
                   words(data.get("updated_at")))

    @property
    def person(self) -> str:
        return f"{self.name or 'user ' + self.id} <{self.email}>" if self.email else self.name or f"user {self.id}"

    @property
    def account(self) -> Account:
        return Account(self.person, self.role, self.custom_role_id, self.suspended)


def get_user(user_id: str) -> Steps[User]:
    """The user of that id. Raises BadAnswer when another one comes, ActionError for one that was deleted."""
    number(user_id, "user")
    user = User.of(one((yield GET("/api/v2/users/{}", user_id)), "user", user_id))
    if not user.active:
        raise ActionError(f"{user.person} has been deleted; Zendesk cannot bring a deleted user back")
    return user


def administrator() -> Steps[Mapping[str, Any]]:
    """The signed-in user, who must be an administrator: anybody else gets lists of their own things with a 200."""
    me = yield from _me()
    if me.get("role") != "admin":
        raise Unavailable(f"irkit acts as {words(me.get('email')) or ident(me['id'])} ({words(me.get('role')) or 'no role'}): "
                          "Zendesk would answer with that user's own entries alone, as if there were no others",
                          status=200, needs="administrator role", next="irkit doctor zendesk")
    return me


def _me() -> Steps[Mapping[str, Any]]:
    me = one((yield GET("/api/v2/users/me")), "user")
    if not ident(me.get("id")):
        raise Unavailable("Zendesk answers 200 to anybody here, and it does not know this credential", status=200,
                          needs="valid credential", next="irkit connect zendesk")
    return me


def own_token() -> Steps[Mapping[str, Any]]:
    """The OAuth token irkit itself uses, as listed; {} when it signs in with an API token, or Zendesk does not say which."""
    answer = yield GET("/api/v2/oauth/tokens/current", ok=(401, 403, 404))
    return one(answer, "token") if answer.status == 200 else {}


@zendesk.action(Effect.READ)
@zendesk.identity
def whoami() -> Steps[Identity]:
    """Check who irkit acts as.

    Source: developer.zendesk.com, Users, Show Self; OAuth Tokens, Show Current Token. Open to anybody, so a 200 proves
    nothing: an anonymous caller gets a user without an id, which is refused here.

    `admins` are the administrators who can still sign in; it is empty when irkit itself is none. The plan cannot be read.
    """
    me = yield from _me()
    token = yield from own_token()
    role = words(me.get("role"))
    admins: list[str] = []
    if role == "admin":
        def add(value: Any) -> None:
            user = User.of(row(value, "user"))
            if user.role == "admin" and user.active and not user.suspended:
                admins.append(user.id)
        yield from walk(listed("/api/v2/users", params={"role": "admin"}), "users", add)
    return Identity(ident(me["id"]), words(me.get("email")), words(me.get("name")), role, role == "admin",
                    token_id=ident(token.get("id")), admins=tuple(admins))


@zendesk.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the account with exactly this e-mail address.

    Source: developer.zendesk.com, Users, Search Users. Needs an agent. The search is fuzzy, so the address is compared here;
    none or several matches end the step, and nothing is guessed.
    """
    found: list[User] = []

    def add(value: Any) -> None:
        user = row(value, "user")
        if words(user.get("email")).casefold() == email.strip().casefold():
            found.append(User.of(user))

    yield from walk(GET("/api/v2/users/search", params={"query": email.strip(), "per_page": PAGE}), "users", add)
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} users have exactly the address {email.strip()}"
                          + (": ids " + ", ".join(user.id for user in found) if found else
                             "; it may be a secondary address, or the account may have been deleted"))
    return found[0]


def _set_suspended(user_id: UserId, suspended: bool) -> Steps[User]:
    before = yield from get_user(user_id)
    if before.suspended is suspended:
        return before
    # `suspended` alone: a client that also sends a role demotes or promotes the user as a side effect
    yield PUT("/api/v2/users/{}", user_id, json={"user": {"suspended": suspended}},
              seen=before.account, affects=[before.person], noun="person")
    after = yield from get_user(user_id)
    return after.require(suspended=suspended)


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.unsuspend_user")
def suspend_user(user_id: UserId) -> Steps[User]:
    """Suspend a user so that new sign-ins fail.

    Source: developer.zendesk.com, Users, Update User. Needs an administrator (agents may suspend end users only).

    Open sessions live on until they are ended, and an API token goes on working with any other user's address. Whether
    Zendesk lets the account owner or another administrator be suspended is not documented. The seat stays paid.
    """
    return (yield from _set_suspended(user_id, True))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.suspend_user")
def unsuspend_user(user_id: UserId) -> Steps[User]:
    """Let a suspended user sign in again.

    Source: developer.zendesk.com, Users, Update User. Needs an administrator. Restores credentials and access as they were,
    the intruder's password, second factor and identities included: change those first.
    """
    return (yield from _set_suspended(user_id, False))


def _set_role(before: User, role: str, custom_role_id: str | None) -> Steps[User]:
    body: dict[str, object] = {"role": role}
    if custom_role_id:
        body["custom_role_id"] = number(custom_role_id, "custom role")
    yield PUT("/api/v2/users/{}", before.id, json={"user": body}, seen=before.account,
              affects=[f"{before.person}: from {before.role} to {role}"], noun="person")
    after = yield from get_user(before.id)
    return after.require(role=role, **({"custom_role_id": custom_role_id} if custom_role_id else {}))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.restore_role")
def downgrade_user(user_id: UserId, role: str = "end-user") -> Steps[User]:
    """Take a user's agent or administrator role away.

    Source: developer.zendesk.com, Users, Update User. Needs an administrator.

    Restoring the role does not bring back ticket assignments and group memberships, and the change alters evidence: suspend
    first, preserve, and downgrade afterwards.
    """
    if role not in ("end-user", "agent"):
        raise ActionError(f'{role!r} is no role to downgrade to: "end-user" or "agent"')
    before = yield from get_user(user_id)
    if before.role == role:
        return before
    if RANK[before.role] < RANK[role]:
        raise ActionError(f"{before.person} is {before.role}: {role} would raise them")
    return (yield from _set_role(before, role, None))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.downgrade_user")
def restore_role(user_id: UserId, role: str, custom_role_id: str | None = None) -> Steps[User]:
    """Give a user back the role they had.

    Source: developer.zendesk.com, Users, Update User. Needs an administrator; custom roles need the Enterprise plan.
    """
    if role not in RANK:
        raise ActionError(f"{role!r} is no role: {', '.join(RANK)}")
    before = yield from get_user(user_id)
    if before.role == role and custom_role_id in (None, before.custom_role_id):
        return before
    return (yield from _set_role(before, role, custom_role_id))


def _admin(data: Mapping[str, Any]) -> Item:
    user = User.of(data)
    return Item(user.id, "administrator", user.person, "no second factor" if user.two_factor_auth_enabled is False else "",
                active=user.active and not user.suspended, created_at=user.created_at)


@zendesk.action(Effect.READ)
def collect_admins(since: datetime | None = None) -> Steps[Listing]:
    """List the administrators.

    Source: developer.zendesk.com, Users, List Users. Needs an agent. The audit log does not record the creation of users, so
    compare the list with the one you expect; suspects are those created since `since`, never irkit's own user.
    """
    own = ident((yield from _me())["id"])
    found, done = yield from items(listed("/api/v2/users", params={"role": "admin"}, keep="admins"), "users", _admin)
    return Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: item.since(since) and item.id != own)


class DeletedUsers(Collection, frozen=True):
    """The kept list of deleted users, and those of it that changed last in the window."""

    deleted: int                     # how many in the window
    people: tuple[str, ...]          # they in words, the latest first, at most 25
    people_ids: tuple[str, ...]      # ids of all of them


@zendesk.action(Effect.READ, unverified="whether `updated_at` of a deleted user is when it was deleted")
def collect_deleted_users(since: datetime) -> Steps[DeletedUsers]:
    """Keep the list of deleted users.

    Source: developer.zendesk.com, Users, List Deleted Users. Needs an agent. An intruder deletes the account that they made, or
    the agent who would have noticed. Zendesk brings no deleted user back.

    All are kept, customers among them. Says neither who deleted one nor when: those count that changed since `since`. One that
    was deleted for good has lost its name and address. An agent may have been made an end user first, so the role is no way to
    tell.
    """
    tally, found = Tally("deleted_users", "updated_at", since), list[Item]()

    def add(value: Any) -> None:
        if tally.add(value):
            user = row(value, "deleted user")
            name, email = words(user.get("name")), words(user.get("email"))
            found.append(Item(ident(user.get("id")), "deleted user", f"{name} <{email}>" if email else name,
                              words(user.get("role")), created_at=words(user.get("created_at")),
                              updated_at=words(user.get("updated_at"))))

    done = yield from walk(listed("/api/v2/deleted_users", keep="deleted_users"), "deleted_users", add)
    found.sort(key=lambda item: item.updated_at, reverse=True)
    return DeletedUsers(**asdict(tally.collection(done)), deleted=len(found),
                        people=tuple(item.told for item in found[:MOST_LINES]),
                        people_ids=tuple(filter(None, (item.id for item in found))))


@zendesk.action(Effect.READ)
def collect_identities(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """List the sign-in addresses of a user.

    Source: developer.zendesk.com, User Identities, List Identities. Needs an agent. An address that an intruder adds becomes a
    secondary identity and outlives a password reset; every secondary one is a suspect.
    """
    number(user_id, "user")

    def make(data: Mapping[str, Any]) -> Item:
        rank = "primary" if data.get("primary") is True else "secondary"
        checked = "verified" if data.get("verified") is True else "not verified"
        return Item(ident(data.get("id")), f"{words(data.get('type')) or 'unknown'} identity", ident(data.get("value")),
                    f"{rank}, {checked}", ident(data.get("user_id")), created_at=words(data.get("created_at")),
                    updated_at=words(data.get("updated_at")))

    found, done = yield from items(listed("/api/v2/users/{}/identities", user_id, keep="identities"), "identities", make)
    return Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: item.detail.startswith("secondary"))


@zendesk.action(Effect.READ)
def collect_custom_roles(since: datetime | None = None) -> Steps[Listing]:
    """Keep the custom roles, and what each may do.

    Source: developer.zendesk.com, Custom Agent Roles, List Custom Roles. Needs an agent and the Enterprise plan. An edit of a
    role changes what every holder may do, and shows at no user. Suspects are the roles made or changed since `since`.
    """
    def make(data: Mapping[str, Any]) -> Item:
        given = data.get("configuration")
        may = [name for name, value in given.items() if value is True] if isinstance(given, dict) else []
        return Item(ident(data.get("id")), "custom role", words(data.get("name")), f"may {', '.join(may) or 'do nothing'}",
                    created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))

    first = GET("/api/v2/custom_roles", keep="custom_roles", gate="Enterprise plan")
    found, done = yield from items(first, "custom_roles", make)
    return Listing.of(found, done.complete, done.notes, since=since)
