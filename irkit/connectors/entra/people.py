"""A person's account: find, disable, move the session watermark, say it is compromised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    PATCH,
    POST,
    ActionError,
    BadAnswer,
    Effect,
    Email,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    Wait,
    flag,
    ident,
    row,
    walk,
    when,
    words,
)
from irkit.connectors.entra.base import entra, guid, listed, next_page, quoted

SELECT = ("id,userPrincipalName,mail,displayName,accountEnabled,userType,onPremisesSyncEnabled,signInSessionsValidFromDateTime,"
          "lastPasswordChangeDateTime")
LOOKS, APART = 6, 60.0        # for a watermark that takes "a few minutes"


class Account(Record, frozen=True):
    """What a change of an account is shown and approved for."""

    person: str
    kind: str
    enabled: bool


class User(Record, frozen=True):
    """A person as Entra shows one. Times are RFC 3339, or "".

    `kind`: "cloud"; "hybrid", synced from Active Directory, where it must be disabled too; or "guest", whose sessions belong to
    another tenant. `sessions_valid_from` is a watermark, all that Entra shows of sessions: tokens from before it are refused.
    """

    id: str
    name: str
    email: str
    principal: str                 # userPrincipalName
    kind: str
    enabled: bool
    sessions_valid_from: str
    password_changed_at: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        """Raises BadAnswer without an id or whether it is enabled, which Graph leaves out unless it is selected."""
        user, enabled = ident(data.get("id")), flag(data.get("accountEnabled"))
        if not user or enabled is None:
            raise BadAnswer("a user came without an id, or without whether the account is enabled")
        home = "hybrid" if data.get("onPremisesSyncEnabled") is True else "cloud"
        kind = "guest" if data.get("userType") == "Guest" else home
        return cls(user, words(data.get("displayName")), words(data.get("mail")), words(data.get("userPrincipalName")), kind,
                   enabled, words(data.get("signInSessionsValidFromDateTime")), words(data.get("lastPasswordChangeDateTime")))

    @property
    def person(self) -> str:
        return f"{self.name or 'user ' + self.id} <{self.email or self.principal}>"

    @property
    def account(self) -> Account:
        return Account(self.person, self.kind, self.enabled)


def get_user(user_id: str) -> Steps[User]:
    """The user of that id. Raises BadAnswer for another's."""
    answer = yield listed("/users/{}", guid(user_id, "user"), params={"$select": SELECT})
    user = User.of(row(answer.json, "user"))
    if user.id.casefold() != user_id.casefold():
        raise BadAnswer(f"user {user_id} was asked for, {user.id} came")
    return user


@entra.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the account with exactly this e-mail address or principal name.

    Source: learn.microsoft.com, Graph, List users. Needs User.Read.All. None or several end the step, nothing is guessed. A
    deleted person is not found: look at Entra admin center > Users > Deleted users.
    """
    wanted, found = email.strip(), list[User]()

    def add(value: Any) -> None:
        user = User.of(row(value, "user"))
        if wanted.casefold() in (user.email.casefold(), user.principal.casefold()):
            found.append(user)

    yield from walk(listed("/users", params={
        "$filter": f"mail eq {quoted(wanted)} or userPrincipalName eq {quoted(wanted)}", "$select": SELECT}), "value", add,
        after=next_page)
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} users have exactly the address {wanted}"
                          + (": ids " + ", ".join(user.id for user in found) if found else
                             "; it may be an alias, or the account may have been deleted"),
                          next="look at Entra admin center > Users, and at Deleted users")
    return found[0]


class Domain(Record, frozen=True):
    """How people of a domain sign in. `federated`: at another identity provider, which has sessions of its own."""

    name: str
    federated: bool
    told: str


@entra.action(Effect.READ)
def check_domain(user_id: UserId) -> Steps[Domain]:
    """Check whether the person signs in at another identity provider.

    Source: learn.microsoft.com, Graph, Get domain. Needs Domain.Read.All. A federated person must be disabled, and the
    password changed, where they sign in: Entra holds neither.
    """
    user = yield from get_user(user_id)
    name = user.principal.rpartition("@")[2]
    answer = yield listed("/domains/{}", name, gate="Domain.Read.All")
    kind = words(row(answer.json, "domain").get("authenticationType"))
    if not kind:
        raise BadAnswer(f"the domain {name} came without how its people sign in")
    federated = kind.casefold() == "federated"
    return Domain(name, federated, f"{name} is {'federated: disable the account there too' if federated else kind.lower()}")


def _set_enabled(user_id: UserId, enabled: bool) -> Steps[User]:
    before = yield from get_user(user_id)
    if before.enabled is enabled:
        return before
    yield PATCH("/v1.0/users/{}", user_id, json={"accountEnabled": enabled}, seen=before.account, affects=[before.person],
                noun="person")
    return (yield from get_user(user_id)).require(enabled=enabled)


@entra.action(Effect.REVERSIBLE, undo="entra.enable_user")
def disable_user(user_id: UserId) -> Steps[User]:
    """Disable an account so that new sign-ins fail.

    Source: learn.microsoft.com, Graph, Update user. Needs User.EnableDisableAccount.All, and for a privileged person a
    directory role of the app. Of a hybrid person Active Directory is the master: disable there too. Access tokens that were
    issued live on, for an hour or, where continuous access evaluation applies, about 15 minutes; other apps' own sessions too.
    """
    return (yield from _set_enabled(user_id, False))


@entra.action(Effect.REVERSIBLE, undo="entra.disable_user")
def enable_user(user_id: UserId) -> Steps[User]:
    """Let a disabled account sign in again.

    Source: learn.microsoft.com, Graph, Update user. Needs the same as disabling. Delete the methods and devices an intruder
    added, and have the password changed, before. SharePoint and Teams follow after about 15 minutes, Exchange after 35 to 40.
    """
    return (yield from _set_enabled(user_id, True))


class Watermark(Record, frozen=True):
    """Since when sign-ins count: refresh tokens and browser sessions from before are refused."""

    person: str
    before: str
    after: str
    proof: str


@entra.action(Effect.IRREVERSIBLE)
def revoke_sessions(user_id: UserId, since: datetime) -> Steps[Watermark]:
    """Revoke sign-in sessions: refuse all refresh tokens from before now.

    Source: learn.microsoft.com, Graph, user: revokeSignInSessions; Revoke user access. Needs User.RevokeSessions.All.

    Disable the account first: a sign-in right after would be valid. Done when the watermark has moved; revoked at or after
    `since` already (when the account was disabled) counts. Entra lists no sessions, so none are counted. Access tokens live
    out their hour. Those of clients that take revocation events (continuous access evaluation) may be good for 28, and this
    cuts them, within about 15 minutes. Sessions of guests belong to another tenant.
    """
    user = yield from get_user(user_id)
    if user.kind == "guest":
        raise ActionError(f"{user.person} is a guest: revoking here does not end sessions of the home tenant",
                          next="disable the guest here, and ask the home tenant's administrators to revoke")
    before = when(user.sessions_valid_from)
    if before is not None and before >= since:
        return Watermark(user.person, user.sessions_valid_from, user.sessions_valid_from, "the watermark is past that already")
    yield POST("/v1.0/users/{}/revokeSignInSessions", user_id, seen=user.account, affects=[user.person], noun="person")
    for look in range(LOOKS):
        if look:
            yield Wait(APART, "the watermark takes a few minutes to move")
        moved = when((now := (yield from get_user(user_id))).sessions_valid_from)
        if moved is not None and (before is None or moved > before):
            return Watermark(user.person, user.sessions_valid_from, now.sessions_valid_from, "the watermark has moved")
    raise NotConfirmed(f"the watermark is still {user.sessions_valid_from or 'unknown'} after {LOOKS - 1} minutes")


class Risk(Record, frozen=True):
    """What Identity Protection says of a person. `state`: none, atRisk, confirmedCompromised, dismissed, remediated."""

    id: str
    state: str
    level: str
    detail: str
    updated_at: str


def _risk(user_id: str) -> Steps[Risk]:
    found: list[Mapping[str, Any]] = []
    yield from walk(listed("/identityProtection/riskyUsers", params={"$filter": f"id eq {quoted(guid(user_id, 'user'))}"},
                           gate="Entra ID P2, and IdentityRiskyUser.Read.All"), "value",
                    lambda one: found.append(row(one, "risky user")), after=next_page)
    data = next((one for one in found if one.get("id") == user_id), {})
    return Risk(user_id, words(data.get("riskState")) or "none", words(data.get("riskLevel")), words(data.get("riskDetail")),
                words(data.get("riskLastUpdatedDateTime")))


@entra.action(Effect.READ, preserves=[Trace("risk", of="user_id")])
def collect_risk(user_id: UserId) -> Steps[Risk]:
    """Keep what Identity Protection says of the person.

    Source: learn.microsoft.com, Graph, List riskyUsers. Needs IdentityRiskyUser.Read.All and Entra ID P2: without them this is
    a gap, not "no risk".
    """
    return (yield from _risk(user_id))


def _set_risk(user_id: UserId, verb: str, state: str) -> Steps[Risk]:
    user = yield from get_user(user_id)
    before = yield from _risk(user_id)
    if before.state == state:
        return before
    yield POST(f"/v1.0/identityProtection/riskyUsers/{verb}", json={"userIds": [user_id]}, seen=before, affects=[
        f"{user.person}: risk {before.state}"], noun="person")
    return (yield from _risk(user_id)).require(state=state)


@entra.action(Effect.IRREVERSIBLE, destroys=[Trace("risk", of="user_id")])
def confirm_compromised(user_id: UserId) -> Steps[Risk]:
    """Tell Identity Protection that the account is compromised.

    Source: learn.microsoft.com, Graph, riskyUser: confirmCompromised. Needs IdentityRiskyUser.ReadWrite.All and P2. Sets the
    risk to high, which triggers your risk policies and cuts tokens of apps that listen, SharePoint excepted. Dismissing it
    later does not bring back what the risk was before.
    """
    return (yield from _set_risk(user_id, "confirmCompromised", "confirmedCompromised"))


@entra.action(Effect.IRREVERSIBLE, destroys=[Trace("risk", of="user_id")])
def dismiss_risk(user_id: UserId) -> Steps[Risk]:
    """Tell Identity Protection that the person's risk is over.

    Source: learn.microsoft.com, Graph, riskyUser: dismiss. Needs IdentityRiskyUser.ReadWrite.All and P2. Only when the account
    is clean: policies then let it in again.
    """
    return (yield from _set_risk(user_id, "dismiss", "dismissed"))
