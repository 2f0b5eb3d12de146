"""irkit's own app in the tenant: whom it acts as, what it was granted, and whom it may disable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from irkit.action import BadAnswer, Effect, Identity, Record, Steps, UserId, at, ident, row, setting, walk, words
from irkit.connectors.entra.base import PORTAL, ROLE, entra, guid, listed, next_page, quoted
from irkit.connectors.entra.people import get_user
from irkit.connectors.entra.roles import groups

GRAPH = "00000003-0000-0000-c000-000000000000"       # the app id of Microsoft Graph, the same in every tenant
HELPDESK = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
MAY = {"62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
       "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
       "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator"}
HIGHER = {"Global Administrator", "Privileged Authentication Administrator"}
# A permission is also had through a wider one that holds it.
WIDER = {"User.EnableDisableAccount.All": ("User.ReadWrite.All",)}


def _principals(app_id: str, select: str) -> Steps[list[Mapping[str, Any]]]:
    found: list[Mapping[str, Any]] = []
    yield from walk(listed("/servicePrincipals", gate="Application.Read.All", params={
        "$filter": f"appId eq {quoted(guid(app_id, 'client'))}", "$select": select}), "value",
        lambda one: found.append(row(one, "service principal")), after=next_page)
    if len(found) != 1 or not ident(found[0].get("id")):
        raise BadAnswer(f"Entra shows {len(found)} service principals of the app {app_id}, where one was due")
    return found


def _own() -> Steps[Mapping[str, Any]]:
    """The service principal of irkit's own app."""
    client = yield from setting("client_id")
    return (yield from _principals(client, "id,appId,displayName"))[0]


def _roles_of(principal: str) -> Steps[dict[str, str]]:
    """The directory roles that this principal holds itself: template id to name."""
    found: dict[str, str] = {}

    def add(one: Any) -> None:
        role = row(one, "role assignment")
        if ident(role.get("principalId")) == principal:          # a filter that was ignored gives nobody a role
            key = ident(role.get("roleDefinitionId"))
            found[key] = words(at(role, "roleDefinition.displayName")) or key

    yield from walk(listed("/roleManagement/directory/roleAssignments", gate="RoleManagement.Read.Directory",
                           params={"$filter": f"principalId eq {quoted(principal)}", "$expand": "roleDefinition"}), "value",
                    add, after=next_page)
    return found


def own_roles() -> Steps[tuple[str, ...]]:
    """The app's directory roles, of those that may disable somebody privileged."""
    held = yield from _roles_of(ident((yield from _own())["id"]))
    return tuple(MAY[role] for role in held if role in MAY)


def granted() -> Steps[frozenset[str]]:
    """The application permissions of Graph's that an administrator consented to for irkit's app: "User.Read.All".

    Source: learn.microsoft.com, Graph, List appRoleAssignments granted to a service principal. Needs Application.Read.All.
    """
    own = ident((yield from _own())["id"])
    graph = (yield from _principals(GRAPH, "id,appId,appRoles"))[0]
    roles = graph.get("appRoles")
    if not isinstance(roles, list):
        raise BadAnswer("Graph's own service principal came without its permissions")
    names = {ident(at(role, "id")): words(at(role, "value")) for role in roles}
    found: set[str] = set()

    def add(one: Any) -> None:
        given = row(one, "permission")
        if ident(given.get("resourceId")) == ident(graph["id"]):
            found.add(names.get(ident(given.get("appRoleId")), ""))

    yield from walk(listed("/servicePrincipals/{}/appRoleAssignments", own, gate="Application.Read.All"), "value", add,
                    after=next_page)
    return frozenset(found)


def has(permission: str, given: frozenset[str]) -> bool:
    """Whether `given` holds a permission, itself or by a wider one. What writes may read, too."""
    wider = (re.sub(r"\.Read\b", ".ReadWrite", permission), *WIDER.get(permission, ()))
    return not given.isdisjoint((permission, *wider))


@entra.action(Effect.READ)
@entra.identity
def whoami() -> Steps[Identity]:
    """Check who irkit acts as.

    Source: learn.microsoft.com, Graph, List servicePrincipals; List unifiedRoleAssignments. Needs Application.Read.All and
    RoleManagement.Read.Directory. irkit is an app, not a person: nobody can sign in as it, and most of what it does takes
    permissions, not a role. `role` names the directory roles that let it disable somebody privileged.
    """
    own = yield from _own()
    held = [MAY[role] for role in (yield from _roles_of(ident(own["id"]))) if role in MAY]
    return Identity(ident(own["id"]), "", words(own.get("displayName")) or "app", ", ".join(held) or "no administrator role",
                    admin=True)


class Preflight(Record, frozen=True):
    """Whether irkit may disable this person, as far as can be known before trying."""

    may_disable: bool
    privileged: tuple[str, ...]      # the person's directory roles, their own and by group
    app_roles: tuple[str, ...]       # the app's, of those that may do for somebody privileged
    told: str


def _reach(theirs: Mapping[str, str], ours: tuple[str, ...]) -> tuple[bool, str]:
    """Whether these roles of the app's are enough for the person's, and the sentence."""
    if not theirs:
        return True, "no directory role is held, so that permissions suffice. Roles that PIM could activate are listed apart"
    names = ", ".join(theirs.values())
    if not ours:
        return False, f"privileged ({names}), and the app holds no role for that: it needs {ROLE}; or by hand, {PORTAL}"
    if HIGHER.isdisjoint(ours) and set(theirs) - {HELPDESK}:
        return False, (f"privileged ({names}); whether the app's {', '.join(ours)} reaches that is not known, of a Helpdesk "
                       f"Administrator alone it is. Have {PORTAL} open")
    return True, f"privileged ({names}); the app holds {', '.join(ours)}"


@entra.action(Effect.READ, unverified="which of the three roles a holder of a particular role needs, and the 403's exact shape")
def check_may_disable(user_id: UserId) -> Steps[Preflight]:
    """Check in advance whether irkit may disable this person.

    Source: learn.microsoft.com, Graph, resources/users, Who can update sensitive attributes. Needs
    RoleManagement.Read.Directory, Application.Read.All and User.Read.All. Graph refuses an app without a directory role of its
    own to disable anybody privileged, by a role of their own or of a group. Says yes only where that is documented.
    """
    user = yield from get_user(user_id)
    theirs = dict((yield from _roles_of(user.id)))
    for group in (yield from groups(user.id))[0]:
        if group.detail:
            theirs |= yield from _roles_of(group.id)
    ours = yield from own_roles()
    may, told = _reach(theirs, ours)
    return Preflight(may, tuple(theirs.values()), ours, told)
