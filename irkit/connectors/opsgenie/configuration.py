"""What the config key sees: people, integrations, and rules that silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import (
    GET,
    PATCH,
    POST,
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
    by_field,
    flag,
    ident,
    items,
    one,
    one_page,
    row,
    the_one,
    walk,
    words,
)
from irkit.connectors.opsgenie.base import FIXED, PLACE, opsgenie


class User(Record, frozen=True):
    """A person of Opsgenie's. `blocked` can be read and not set."""

    id: UserId
    email: str
    name: str
    role: str
    blocked: bool
    person: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        found, email, name = ident(data.get("id")), words(data.get("username")), words(data.get("fullName"))
        if not found:
            raise BadAnswer("a user came without an id")
        role = words(at(data, "role.name")) or words(at(data, "role.id"))
        return cls(UserId(found), email, name, role, flag(data.get("blocked")) is True, f"{name} <{email}>")


def _get_user(user_id: str) -> Steps[User]:
    return User.of(one((yield GET("/v2/users/{}", user_id, host="config")), "data", user_id))


@opsgenie.action(Effect.READ, preserves=[Trace("users")])
def find_user(email: Email) -> Steps[User]:
    """Find the person with exactly this e-mail address.

    Source: opsgenie-oas, listUsers. Needs the config key. All are read and compared here.
    """
    found: list[User] = []
    yield from walk(GET("/v2/users", host="config", params={"limit": 100}, keep="users"), "data",
                    lambda data: found.append(User.of(row(data, "user"))), after=by_field("paging.next"))
    return the_one(found, email, "Opsgenie")


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.set_role")
def set_role(user_id: UserId, role: str) -> Steps[User]:
    """Give the person another role.

    Blocking is not to be had here: that is done at the identity provider, and the Atlassian account.

    Source: opsgenie-oas, updateUser (`blocked` is read only). Needs the config key.
    """
    before = yield from _get_user(user_id)
    if before.role == role:
        return before
    yield PATCH("/v2/users/{}", user_id, host="config", json={"role": {"name": role}}, seen=before, affects=[before.person],
                noun="person")
    return (yield from _get_user(user_id)).require(role=role)


def _integration(data: Mapping[str, Any]) -> Item:
    return Item(ident(data.get("id")), words(data.get("type")) or "integration", words(data.get("name")),
                f"team {ident(data.get('teamId'))}" if data.get("teamId") else "", "", flag(data.get("enabled")))


def _integrations(keep: str = "") -> Steps[Listing]:
    found, done = yield from items(GET("/v2/integrations", host="config", keep=keep), "data", _integration, after=one_page)
    notes = ["a team's key lists its team alone; those of kind " + ", ".join(FIXED[:3]) + f" are switched by hand: {PLACE}"]
    return Listing.of(found, done.complete, [*done.notes, *notes], suspect=lambda item: item.active is True)


@opsgenie.action(Effect.READ, preserves=[Trace("integrations")])
def collect_integrations() -> Steps[Listing]:
    """Keep the integrations, which make alerts and send them on.

    Source: opsgenie-oas, listIntegrations (not paged). Needs the config key.
    """
    return (yield from _integrations(keep="integrations"))


class Switch(Record, frozen=True):
    """Something that is on or off."""

    id: str
    kind: str
    name: str
    on: bool


def _switched(kind: str, thing_id: str) -> Steps[Switch]:
    if kind == "integration":
        listing = yield from _integrations()
        found = next((item for item in listing.items if item.id == thing_id), None)
        if found is None:
            raise ActionError(f"no integration has the id {thing_id}", next="opsgenie.collect_integrations lists them")
        return Switch(thing_id, found.kind, found.title, found.active is True)
    data = one((yield GET("/v2/policies/{}", thing_id, host="config")), "data")
    return Switch(thing_id, words(data.get("type")), words(data.get("name")), flag(data.get("enabled")) is True)


def _set(kind: str, thing_id: str, on: bool) -> Steps[Switch]:
    before = yield from _switched(kind, thing_id)
    if before.on == on:
        return before
    if before.kind in FIXED:
        raise ActionError(f"an integration of kind {before.kind} is not switched by a call", next=f"by hand: {PLACE}")
    path = f"/v2/{'integrations' if kind == 'integration' else 'policies'}/{{}}/{'enable' if on else 'disable'}"
    yield POST(path, thing_id, host="config", seen=before, affects=[f"{before.kind} {before.name}"], noun=kind)
    return (yield from _switched(kind, thing_id)).require(on=on)


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.enable_integration")
def disable_integration(integration_id: str) -> Steps[Switch]:
    """Switch an integration off.

    Source: opsgenie-oas, disableIntegration; docs.opsgenie.com: not for Zendesk, Slack and Incoming Call. Needs the config key.
    """
    return (yield from _set("integration", integration_id, False))


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.disable_integration")
def enable_integration(integration_id: str) -> Steps[Switch]:
    """Switch an integration on again.

    Source: opsgenie-oas, enableIntegration. Needs the config key.
    """
    return (yield from _set("integration", integration_id, True))


@opsgenie.action(Effect.READ, preserves=[Trace("policies")])
def collect_policies() -> Steps[Listing]:
    """Keep the alert policies: a rule of an intruder's silences the pages.

    Source: opsgenie-oas, listAlertPolicies. Needs the config key.
    """
    found, done = yield from items(GET("/v2/policies/alert", host="config", keep="alert policies"), "data", lambda data: Item(
        ident(data.get("id")), "policy", words(data.get("name")), words(data.get("type")), "", flag(data.get("enabled"))),
        after=one_page)
    return Listing.of(found, done.complete, done.notes, suspect=lambda item: item.active is True)


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.enable_policy")
def disable_policy(policy_id: str) -> Steps[Switch]:
    """Switch a policy off that silences alerts.

    Source: opsgenie-oas, disablePolicy. Needs the config key.
    """
    return (yield from _set("policy", policy_id, False))


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.disable_policy")
def enable_policy(policy_id: str) -> Steps[Switch]:
    """Switch a policy on again.

    Source: opsgenie-oas, enablePolicy. Needs the config key.
    """
    return (yield from _set("policy", policy_id, True))
