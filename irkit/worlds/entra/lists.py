"""What Graph lists: people, what belongs to them, roles, apps, logs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from irkit.worlds.entra.tenant import NO_PREMIUM, Obj, Operations, Refusal, page, shown
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.entra import Entra

operations = Operations()
BASIC = ("id", "userPrincipalName", "mail", "displayName")      # what a user has unless more is selected
USER = "/v1.0/users/{}"
DIRECTORY = "/v1.0/roleManagement/directory"


def selected(call: Call, thing: Obj) -> Obj:
    wanted = call.get("$select").split(",") if call.get("$select") else BASIC
    return {key: thing[key] for key in wanted if key in thing}


def _literal(call: Call, field: str) -> str:
    found = re.search(rf"{re.escape(field)} eq '((?:[^']|'')*)'", call.get("$filter"))
    return found[1].replace("''", "'") if found else ""


@operations.on("GET", "/v1.0/users", "User.Read.All")
def users(world: Entra, call: Call) -> Answer:
    wanted = {_literal(call, "mail").casefold(), _literal(call, "userPrincipalName").casefold()} - {""}
    return page(world, call, [selected(call, user) for user in world.tenant.shelves["users"].values() if not call.get("$filter")
                              or wanted & {user["mail"].casefold(), user["userPrincipalName"].casefold()}])


@operations.on("GET", USER, "User.Read.All")
def user(world: Entra, call: Call, key: str) -> Answer:
    return Answer.json(selected(call, world.tenant.user(key)))


def _belonging(path: str, shelf: str, permission: str) -> None:
    @operations.on("GET", USER + path, permission)
    def listed(world: Entra, call: Call, key: str) -> Answer:
        return page(world, call, world.tenant.of(shelf, world.tenant.user(key)["id"]))


for _path, _shelf, _permission in (
        ("/oauth2PermissionGrants", "grants", "Directory.Read.All"), ("/appRoleAssignments", "app_roles", "Directory.Read.All"),
        ("/authentication/methods", "methods", "UserAuthenticationMethod.Read.All"),
        ("/registeredDevices", "devices", "User.Read.All"), ("/ownedDevices", "devices", "User.Read.All"),
        ("/ownedObjects", "owned", "User.Read.All"), ("/transitiveMemberOf", "groups", "User.Read.All"),
        ("/mailFolders/inbox/messageRules", "rules", "MailboxSettings.Read")):
    _belonging(_path, _shelf, _permission)


@operations.on("GET", "/v1.0/oauth2PermissionGrants", "Directory.Read.All")
def grants(world: Entra, call: Call) -> Answer:
    consent = "" if world.options.ignore_filters else _literal(call, "consentType")
    return page(world, call, [one for one in world.tenant.shelves["grants"].values() if consent in ("", one["consentType"])])


def _whole(path: str, shelf: str, permission: str) -> None:
    @operations.on("GET", f"/v1.0/{path}", permission)
    def listed(world: Entra, call: Call) -> Answer:
        return page(world, call, list(world.tenant.shelves[shelf].values()))


for _path, _shelf, _permission in (
        ("domains", "domains", "Domain.Read.All"), ("devices", "devices", "Device.Read.All"),
        ("applications", "applications", "Application.Read.All"), ("subscribedSkus", "skus", "Organization.Read.All")):
    _whole(_path, _shelf, _permission)


@operations.on("GET", "/v1.0/domains/{}", "Domain.Read.All")
def domain(world: Entra, _call: Call, name: str) -> Answer:
    return _one(world, "domains", name)


@operations.on("GET", "/v1.0/devices/{}", "Device.Read.All")
def device(world: Entra, _call: Call, ident: str) -> Answer:
    return _one(world, "devices", ident)


@operations.on("GET", "/v1.0/applications/{}", "Application.Read.All")
def application(world: Entra, _call: Call, ident: str) -> Answer:
    return _one(world, "applications", ident)


def _one(world: Entra, shelf: str, ident: str) -> Answer:
    found = world.tenant.shelves[shelf].get(ident)
    if found is None:
        raise Refusal(404, "Request_ResourceNotFound", f"Resource '{ident}' does not exist.")
    return Answer.json(shown(found))


@operations.on("GET", "/v1.0/servicePrincipals", "Application.Read.All")
def principals(world: Entra, call: Call) -> Answer:
    wanted = _literal(call, "appId")
    return page(world, call, [selected(call, one) for one in world.tenant.shelves["principals"].values()
                              if wanted in ("", one["appId"])])


@operations.on("GET", "/v1.0/servicePrincipals/{}", "Application.Read.All")
def principal(world: Entra, _call: Call, ident: str) -> Answer:
    return _one(world, "principals", ident)


@operations.on("GET", "/v1.0/servicePrincipals/{}/appRoleAssignments", "Application.Read.All")
def permissions(world: Entra, call: Call, ident: str) -> Answer:
    return page(world, call, world.tenant.of("app_roles", ident))


def _roles(name: str, shelf: str, permission: str, plan: str = "") -> None:
    @operations.on("GET", f"{DIRECTORY}/{name}", permission, plan)
    def listed(world: Entra, call: Call) -> Answer:
        principal = "" if world.options.ignore_filters else _literal(call, "principalId")
        return page(world, call, [row for row in world.tenant.shelves[shelf].values() if principal in ("", row["_of"])])


_roles("roleAssignments", "roles", "RoleManagement.Read.Directory")
_roles("roleEligibilityScheduleInstances", "eligible", "RoleEligibilitySchedule.Read.Directory", "p2")
_roles("roleAssignmentScheduleInstances", "active", "RoleAssignmentSchedule.Read.Directory", "p2")


@operations.on("GET", "/v1.0/identityProtection/riskyUsers", "IdentityRiskyUser.Read.All", "p2")
def risky(world: Entra, call: Call) -> Answer:
    wanted = _literal(call, "id")
    return page(world, call, [one for one in world.tenant.shelves["risk"].values() if wanted in ("", one["id"])])


def _between(call: Call, field: str, rows: list[Obj]) -> list[Obj]:
    """Rows in the window of the filter, newest first."""
    bounds = dict(re.findall(rf"{field} (ge|le) ([0-9TZ:.-]+)", call.get("$filter")))
    return sorted((row for row in rows if bounds.get("ge", "") <= row[field] <= bounds.get("le", "9")),
                  key=lambda row: str(row[field]), reverse=True)


def _sign_ins(world: Entra, call: Call, event: str) -> Answer:
    person = "" if world.options.ignore_filters else _literal(call, "userId")
    return page(world, call, [row for row in _between(call, "createdDateTime", world.tenant.sign_ins)
                              if event in row["_events"] and person in ("", row["userId"])], 1000)


@operations.on("GET", "/v1.0/auditLogs/signIns", "AuditLog.Read.All", "p1", NO_PREMIUM)
def sign_ins(world: Entra, call: Call) -> Answer:
    return _sign_ins(world, call, "interactiveUser")


@operations.on("GET", "/beta/auditLogs/signIns", "AuditLog.Read.All", "p1", NO_PREMIUM)
def beta_sign_ins(world: Entra, call: Call) -> Answer:
    wanted = re.search(r"t eq '(\w+)'", call.get("$filter"))
    return _sign_ins(world, call, wanted[1] if wanted else "interactiveUser")


@operations.on("GET", "/v1.0/auditLogs/directoryAudits", "AuditLog.Read.All")
def audits(world: Entra, call: Call) -> Answer:
    by, on = _literal(call, "initiatedBy/user/id"), _literal(call, "t/id")
    if world.options.ignore_filters:
        by = on = ""
    return page(world, call, [row for row in _between(call, "activityDateTime", world.tenant.audits)
                              if by in ("", row["initiatedBy"]["user"]["id"])
                              and on in ("", *(one["id"] for one in row["targetResources"]))])


@operations.on("GET", "/v1.0/security/auditLog/queries", "AuditLogsQuery.Read.All")
def searches(world: Entra, call: Call) -> Answer:
    return page(world, call, [{"id": ident} for ident in world.tenant.queries])


@operations.on("POST", "/v1.0/security/auditLog/queries", "AuditLogsQuery.Read.All")
def search(world: Entra, call: Call) -> Answer:
    ident = world.tenant.id(f"query {len(world.tenant.queries)}")
    world.tenant.queries[ident] = (call.data, world.now() + timedelta(seconds=60))
    return Answer.json({"id": ident, "status": "notStarted"}, 201)


def _query(world: Entra, ident: str) -> tuple[Obj, datetime]:
    if ident not in world.tenant.queries:
        raise Refusal(404, "NotFound", "The query does not exist.")
    return world.tenant.queries[ident]


@operations.on("GET", "/v1.0/security/auditLog/queries/{}", "AuditLogsQuery.Read.All")
def query(world: Entra, _call: Call, ident: str) -> Answer:
    return Answer.json({"id": ident, "status": "succeeded" if _query(world, ident)[1] <= world.now() else "running"})


@operations.on("GET", "/v1.0/security/auditLog/queries/{}/records", "AuditLogsQuery.Read.All")
def records(world: Entra, call: Call, ident: str) -> Answer:
    wanted = _query(world, ident)[0].get("userPrincipalNameFilters", [])
    return page(world, call, [row for row in world.tenant.records if row["userPrincipalName"] in wanted])
