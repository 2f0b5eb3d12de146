"""What a person may do: groups, and administrator roles held directly or through a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from irkit.action import (
    DELETE,
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
    ident,
    words,
)
from irkit.connectors.google_workspace.base import directory, everything, google_workspace, key, required

GROUPS = "scope admin.directory.group.readonly"
READS = "scope admin.directory.rolemanagement.readonly"
CHANGES = "scope admin.directory.rolemanagement (roles = \"change\" in irkit.toml), and a super administrator"
ASSIGNMENTS = "/admin/directory/v1/customer/my_customer/roleassignments"


@google_workspace.action(Effect.READ, preserves=[Trace("groups", of="user_id")])
def collect_groups(user_id: UserId) -> Steps[Listing]:
    """Keep the groups the person is in.

    Source: developers.google.com, Admin SDK Directory API, groups.list. Needs admin.directory.group.readonly. Direct
    memberships only. A group gets mail, opens files, and may carry an administrator role.
    """
    def make(data: Mapping[str, Any]) -> Item:
        return Item(required(ident(data.get("id")), "a group"), "group", words(data.get("name")), words(data.get("email")))

    found, done = yield from everything(directory("/groups", keep="groups", gate=GROUPS, params={
        "userKey": key(user_id), "maxResults": 200}), "groups", make)
    return Listing.of(found, done.complete, done.notes, suspect=lambda _item: False)


class Role(Record, frozen=True):
    """An administrator role that somebody holds. `org_unit` is the id of the only unit it counts for, "" for all."""

    user_id: str
    role_id: str
    org_unit: str
    name: str


class Roles(Listing, frozen=True):
    """The roles. `own` are those of the person alone, which can be taken away without touching others."""

    own: tuple[Role, ...] = ()


def _names(keep: str = "") -> Steps[dict[str, tuple[str, bool]]]:
    """Name of each role by id, and whether it is the super administrator's."""
    names: dict[str, tuple[str, bool]] = {}

    def make(data: Mapping[str, Any]) -> Item:
        role = required(ident(data.get("roleId")), "a role")
        names[role] = words(data.get("roleName")) or words(data.get("roleDescription")), data.get("isSuperAdminRole") is True
        return Item(role, "role", names[role][0])

    yield from everything(directory("/customer/my_customer/roles", params={"maxResults": 100}, keep=keep, gate=READS), "items",
                          make)
    return names


class _Held(Struct, frozen=True):
    id: str
    role: Role
    direct: bool


def _held(user_id: str, keep: str = "") -> Steps[tuple[list[_Held], list[Item], bool, tuple[str, ...]]]:
    names = yield from _names(keep and "role_names")
    held: list[_Held] = []

    def make(data: Mapping[str, Any]) -> Item:
        whose = required(ident(data.get("assignedTo")), "a role assignment")
        direct = whose == user_id
        if not direct and data.get("assigneeType") != "group":
            raise BadAnswer(f"the roles of {user_id} were asked for, one of {whose} came")
        role_id = required(ident(data.get("roleId")), "a role assignment")
        name, super_ = names.get(role_id, ("", False))
        one = _Held(required(ident(data.get("roleAssignmentId")), "a role assignment"), Role(
            user_id, role_id, ident(data.get("orgUnitId")) if data.get("scopeType") == "ORG_UNIT" else "", name), direct)
        held.append(one)
        told = ["super administrator"] if super_ else []
        told += [f"unit {one.role.org_unit}"] if one.role.org_unit else []
        told += [] if direct else [f"by group {whose}"]
        return Item(one.id, "administrator role", name or role_id, ", ".join(told))

    found, done = yield from everything(directory("/customer/my_customer/roleassignments", keep=keep, gate=READS, params={
        "userKey": key(user_id), "includeIndirectRoleAssignments": "true", "maxResults": 200}), "items", make)
    return held, found, done.complete, tuple(done.notes)


@google_workspace.action(Effect.READ, preserves=[Trace("roles", of="user_id")])
def collect_roles(user_id: UserId) -> Steps[Roles]:
    """Keep the administrator roles the person holds, directly or by group.

    Source: developers.google.com, Admin SDK Directory API, roleAssignments.list; roles.list. Needs
    admin.directory.rolemanagement.readonly. Assignments carry no date: the administrators' log says when they were made. Every
    role is a suspect.
    """
    held, found, complete, notes = yield from _held(user_id, keep="roles")
    return Roles(**asdict(Listing.of(found, complete, notes, suspect=lambda _item: True)),
                 own=tuple(one.role for one in held if one.direct))


def _same(held: list[_Held], role_id: str, org_unit: str) -> _Held | None:
    return next((one for one in held if one.role.role_id == role_id and one.role.org_unit == org_unit and one.direct), None)


@google_workspace.action(Effect.REVERSIBLE, undo="google_workspace.restore_role", destroys=[Trace("roles", of="user_id")])
def delete_role(user_id: UserId, role_id: str, org_unit: str = "") -> Steps[Role]:
    """Take an administrator role away from the person.

    Source: developers.google.com, Admin SDK Directory API, roleAssignments.delete. Needs admin.directory.rolemanagement: say
    roles=change when connecting. A role by group is taken away by leaving the group, by hand.
    """
    held, *_ = yield from _held(user_id)
    before = _same(held, role_id, org_unit)
    if before is None:
        if any(one.role.role_id == role_id for one in held if not one.direct):
            raise ActionError(f"the person holds role {role_id} through a group alone",
                              next="Admin console > Directory > Groups: take the person out of that group")
        return Role(user_id, role_id, org_unit, "none")
    yield DELETE(ASSIGNMENTS + "/{}", before.id, seen=before.role, noun="administrator role", gate=CHANGES,
                 affects=[f"{before.role.name or role_id} of user {user_id}"], ok=(404,))
    if _same((yield from _held(user_id))[0], role_id, org_unit):
        raise NotConfirmed(f"the role {before.role.name or role_id} is still there")
    return before.role


@google_workspace.action(Effect.REVERSIBLE, undo="google_workspace.delete_role")
def restore_role(user_id: UserId, role_id: str, org_unit: str = "") -> Steps[Role]:
    """Give the person an administrator role back.

    Source: developers.google.com, Admin SDK Directory API, roleAssignments.insert. Needs admin.directory.rolemanagement: say
    roles=change when connecting.
    """
    before = _same((yield from _held(user_id))[0], role_id, org_unit)
    if before:
        return before.role
    scope = {"scopeType": "ORG_UNIT", "orgUnitId": org_unit} if org_unit else {"scopeType": "CUSTOMER"}
    yield POST(ASSIGNMENTS, json={"roleId": role_id, "assignedTo": user_id, **scope}, noun="administrator role", gate=CHANGES,
               seen=Role(user_id, role_id, org_unit, ""), affects=[f"{role_id} of user {user_id}"])
    after = _same((yield from _held(user_id))[0], role_id, org_unit)
    if after is None:
        raise NotConfirmed(f"the role {role_id} is not there")
    return after.role
