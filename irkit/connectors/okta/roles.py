"""Admin roles: how far the account reaches, and taking one away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    DELETE,
    GET,
    POST,
    ActionError,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    at,
    by_field,
    by_link_header,
    ident,
    row,
    walk,
    words,
)
from irkit.connectors.okta.base import PEOPLE, deleting, everything, key, okta, required
from irkit.connectors.okta.people import get_user

# What a standard role may be limited to. Such a role that is given back would be given for everybody and everything.
LIMITED = {"HELP_DESK_ADMIN": "groups", "USER_ADMIN": "groups", "GROUP_MEMBERSHIP_ADMIN": "groups", "APP_ADMIN": "catalog/apps"}


class Role(Record, frozen=True):
    """An admin role of a person. `assigned`: USER, or GROUP where it comes through one. `limits`: groups or apps it is for."""

    id: str
    role: str
    assigned: str
    custom_role: str | None = None
    resource_set: str | None = None
    limits: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Role:
        return cls(required(ident(data.get("id")), "a role"), words(data.get("type")) or "CUSTOM",
                   words(data.get("assignmentType")), ident(data.get("role")) or None, ident(data.get("resource-set")) or None)

    def same(self, role: str, custom_role: str | None, resource_set: str | None) -> bool:
        return (self.role, self.custom_role, self.resource_set) == (role, custom_role, resource_set)


class Roles(Listing, frozen=True):
    """The admin roles. `direct` are those that do not come through a group and can be taken away from the person."""

    direct: tuple[Role, ...] = ()


def _roles(user_id: str, keep: str = "") -> Steps[tuple[list[Role], list[Item], bool, list[str]]]:
    roles: list[Role] = []

    def make(data: Mapping[str, Any]) -> Item:
        role = Role.of(data)
        roles.append(role)
        through = "through a group" if role.assigned == "GROUP" else f"assigned to {role.assigned.lower() or 'nobody named'}"
        return Item(role.id, "admin role", words(data.get("label")) or role.role, f"{role.role}, {through}",
                    active=data.get("status") == "ACTIVE", created_at=words(data.get("created")),
                    updated_at=words(data.get("lastUpdated")))

    found, done = yield from everything(GET("/api/v1/users/{}/roles", key(user_id, "user"), keep=keep, gate="okta.roles.read"),
                                        make, "role")
    return roles, found, done.complete, done.notes


@okta.action(Effect.READ, preserves=[Trace("roles", of="user_id")])
def collect_roles(user_id: UserId) -> Steps[Roles]:
    """Keep the person's admin roles.

    Source: Okta management API, List all user role assignments. Needs okta.roles.read. Every role is a suspect: it says how far
    the account reached. One that comes through a group is taken away at the group.
    """
    yield from get_user(user_id)
    roles, found, complete, notes = yield from _roles(user_id, keep="roles")
    return Roles(**asdict(Listing.of(found, complete, notes, suspect=lambda _item: True)),
                 direct=tuple(role for role in roles if role.assigned != "GROUP"))


def _limits(user_id: str, role: Role) -> Steps[tuple[str, ...]]:
    found: list[str] = []

    def add(value: Any) -> None:
        one = row(value, "target")
        found.append(words(at(one, "profile.name")) or words(one.get("displayName")) or ident(one.get("id")) or "unnamed")

    if role.role in LIMITED:
        yield from walk(GET(f"/api/v1/users/{{}}/roles/{{}}/targets/{LIMITED[role.role]}", user_id, role.id,
                            params={"limit": 200}), "", add, after=by_link_header)
    return tuple(found)


@okta.action(Effect.REVERSIBLE, undo="okta.assign_role", destroys=[Trace("roles", of="user_id")])
def unassign_role(user_id: UserId, role: str, custom_role: str | None = None, resource_set: str | None = None) -> Steps[Role]:
    """Take one admin role away from the person.

    Source: Okta management API, Unassign a user role; List all role targets. Needs okta.roles.manage. A role that was limited
    to groups or apps is given back by hand: the undo would give it without its limits. What comes through a group stays.
    """
    user = yield from get_user(user_id)
    held = (yield from _roles(user_id))[0]
    mine = sorted((one for one in held if one.same(role, custom_role, resource_set)), key=lambda one: one.assigned == "GROUP")
    before = mine[0] if mine else None
    if before is None:
        return Role("", role, "none", custom_role, resource_set)
    if before.assigned == "GROUP":
        raise ActionError(f"{user.person} has {before.role} through a group", next="Admin Console > Directory > Groups: take "
                          "the person out of the group, or the role off the group")
    limits = yield from _limits(user_id, before)
    seen = Role(before.id, before.role, before.assigned, before.custom_role, before.resource_set, limits)
    told = f"{user.person}: {role}" + (f", limited to {', '.join(limits)}" if limits else "")
    yield from deleting(DELETE("/api/v1/users/{}/roles/{}", user_id, key(before.id, "role"), seen=seen, affects=[told],
                               noun="admin role"))
    if any(one.id == before.id for one in (yield from _roles(user_id))[0]):
        raise NotConfirmed(f"{user.person} still has {role}")
    return Role("", role, "none", custom_role, resource_set)


def _sent(role: str, custom_role: str | None, resource_set: str | None) -> dict[str, str]:
    if role != "CUSTOM":
        return {"type": role}
    if not (custom_role and resource_set):
        raise ActionError("a custom role is given with its custom_role and its resource_set")
    return {"type": role, "role": custom_role, "resource-set": resource_set}


@okta.action(Effect.REVERSIBLE, undo="okta.unassign_role")
def assign_role(user_id: UserId, role: str, custom_role: str | None = None, resource_set: str | None = None,
                limits: list[str] | None = None) -> Steps[Role]:
    """Give a person back an admin role.

    Source: Okta management API, Assign a user role. Needs okta.roles.manage. With `limits` it ends: Okta would give the role
    for everybody and everything first.
    """
    if limits:
        raise ActionError(f"{role} was limited to {', '.join(limits)}, and would come back without limits",
                          next=f"{PEOPLE} > Admin roles: give it back by hand, with its limits")
    user = yield from get_user(user_id)
    wanted = _sent(role, custom_role, resource_set)
    before = [one for one in (yield from _roles(user_id))[0] if one.assigned != "GROUP"]
    held = next((one for one in before if one.same(role, custom_role, resource_set)), None)
    if held:
        return held
    yield POST("/api/v1/users/{}/roles", user_id, json=wanted, seen=Role("", role, "none", custom_role, resource_set),
               affects=[f"{user.person}: {role}"], noun="admin role")
    after = next((one for one in (yield from _roles(user_id))[0] if one.assigned != "GROUP"
                  and one.same(role, custom_role, resource_set)), None)
    if after is None:
        raise NotConfirmed(f"{user.person} does not have {role}")
    return after


def _admin(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("id")), "an administrator"), "administrator", words(data.get("orn")))


@okta.action(Effect.READ)
def collect_admins() -> Steps[Listing]:
    """List everybody who holds an admin role.

    Source: Okta management API, List all users with role assignments. Needs okta.roles.read. Compare with the list you expect:
    the answer holds ids and no dates. The log says who was given a role, and when.
    """
    found: list[Item] = []
    done = yield from walk(GET("/api/v1/iam/assignees/users", params={"limit": 100}, keep="admins", gate="okta.roles.read"),
                           "value", lambda one: found.append(_admin(row(one, "administrator"))),
                           after=by_field("_links.next.href"))
    return Listing.of(found, done.complete, done.notes)
