"""People of PagerDuty's: who they are, what is signed in for them, and how that ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    DELETE,
    GET,
    PUT,
    Effect,
    Email,
    Item,
    Listing,
    Steps,
    Trace,
    UserId,
    by_token,
    ident,
    items,
    one,
    row,
    the_one,
    walk,
    words,
)
from irkit.connectors.pagerduty.base import INTEGRATIONS, PLAN, User, next_page, pagerduty


@pagerduty.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the person with exactly this e-mail address.

    Source: developer.pagerduty.com, REST, List users (query). The query matches parts of names too; only the very address
    counts, and several of it stop the step.
    """
    found: list[User] = []
    yield from walk(GET("/users", params={"query": email, "limit": 100}), "users",
                    lambda data: found.append(User.of(row(data, "user"))), after=next_page)
    return the_one(found, email, "PagerDuty")


# -- sessions ------------------------------------------------------------------------------------------------------

class Delegations(Listing, frozen=True):
    """What was signed in for a person. `web` and `mobile` can be ended here; an `integration` only by hand."""

    web: int = 0
    mobile: int = 0
    integrations: tuple[str, ...] = ()


def _delegations(user_id: str, keep: str = "") -> Steps[Delegations]:
    def make(data: Mapping[str, Any]) -> Item:
        kind, client, scope = (words(data.get(name)) for name in ("type", "client_id", "scope"))
        return Item(ident(data.get("id")), kind, client, scope, user_id, words(data.get("status")) == "issued",
                    words(data.get("created_at")))

    found, done = yield from items(
        GET("/users/{}/oauth_delegations", user_id, params={"status": "issued", "limit": 100}, keep=keep, gate=PLAN),
        "oauth_delegations", make, after=by_token("next_cursor", "cursor"))
    live = [item for item in found if item.active]
    apps = tuple(item.told for item in live if item.kind == "integration")
    notes = [*done.notes, *([f"integrations are not ended by irkit: {INTEGRATIONS}"] if apps else [])]
    listing = Listing.of(live, done.complete, notes, suspect=lambda _: True)
    return Delegations(**asdict(listing), web=sum(item.kind == "web" for item in live),
                       mobile=sum(item.kind == "mobile" for item in live), integrations=apps)


@pagerduty.action(Effect.READ, preserves=[Trace("delegations", of="user_id")])
def collect_delegations(user_id: UserId) -> Steps[Delegations]:
    """Keep what is signed in for the person, and which apps act for them.

    Source: developer.pagerduty.com, REST, List all delegations of a user. Needs oauth_delegations.read. It is what PagerDuty
    calls a delegation; sign-ins from before it issued those are not among them.
    """
    return (yield from _delegations(user_id, keep="delegations"))


def _end(user_id: str, kind: str) -> Steps[Delegations]:
    before = yield from _delegations(user_id)
    count = getattr(before, kind)
    if not count:
        return before
    ended = [item.told for item in before.items if item.kind == kind]
    yield DELETE("/oauth_delegations", params={"user_id": user_id, "type": kind}, seen=before, affects=ended, noun="session")
    after = yield from _delegations(user_id)
    return after.require(**{kind: 0})


@pagerduty.action(Effect.IRREVERSIBLE, destroys=[Trace("delegations", of="user_id")])
def end_mobile_sessions(user_id: UserId) -> Steps[Delegations]:
    """Sign the person out of the mobile app.

    Source: developer.pagerduty.com, REST, Delete all OAuth delegations. Needs oauth_delegations.write. One kind a call: its
    text allows several and its schema one. Web sessions and integrations stay.
    """
    return (yield from _end(user_id, "mobile"))


@pagerduty.action(Effect.IRREVERSIBLE, destroys=[Trace("delegations", of="user_id")])
def end_web_sessions(user_id: UserId) -> Steps[Delegations]:
    """Sign the person out of the website.

    Source: developer.pagerduty.com, REST, Delete all OAuth delegations. Needs oauth_delegations.write. Mobile sessions stay,
    and so do integrations: those are revoked by hand in the person's profile.
    """
    return (yield from _end(user_id, "web"))


@pagerduty.action(Effect.REVERSIBLE, undo="pagerduty.set_role")
def set_role(user_id: UserId, role: str) -> Steps[User]:
    """Give the person another base role.

    Source: developer.pagerduty.com, REST, Update a user. Needs users.write. Roles: admin, limited_user, observer, owner,
    read_only_user, restricted_access, read_only_limited_user, user.
    """
    before = User.of(one((yield GET("/users/{}", user_id)), "user", user_id))
    if before.role == role:
        return before
    yield PUT("/users/{}", user_id, seen=before, affects=[before.person], noun="person", json={"user": {
        "type": "user", "name": before.name, "email": before.email, "role": role}})
    return User.of(one((yield GET("/users/{}", user_id)), "user", user_id)).require(role=role)
