"""The tenant as it stands when the attack has just been noticed, and what the attack left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from irkit.worlds.entra.tenant import Obj, Tenant, stamp
from irkit.worlds.log import mix
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Person

TENANT = "0f8e5a40-2c11-4b6e-9f6b-6a5d4c3b2a10"
CLIENT = "7c1d9b52-4e0a-4a83-8d55-1b2c3d4e5f60"
SECRET = "drill~secret~of~the~app~0001"       # noqa: S105 - of a simulated tenant
APP = "11111111-aaaa-4bbb-8ccc-000000000001"
USER_ADMIN, HELPDESK = "fe930be7-5e62-47db-91af-98c3a49a38b1", "729827e3-9c14-49f7-bb1b-9608f156bbb8"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
GRAPH, GRAPH_APP = "11111111-aaaa-4bbb-8ccc-0000000000f0", "00000003-0000-0000-c000-000000000000"
ZENDESK = "11111111-aaaa-4bbb-8ccc-0000000000f1"
NONE = "00000000-0000-0000-0000-000000000000"
FAR, NEAR = "203.0.113.66", "198.51.100.7"
ODATA = "#microsoft.graph."


def furnish(tenant: Tenant, people: Sequence[Person], subjects: Mapping[str, str]) -> None:
    email = tenant.options.subject or next((value for value in subjects.values() if "@" in value), "")
    everybody = {person.email.lower(): person for person in people}
    if email:
        everybody.setdefault(email.lower(), Person(email.partition("@")[0].replace(".", " ").title(), email, "agent"))
    everybody.setdefault("robin@example.org", Person("Robin Vale", "robin@example.org", "agent"))
    if len(everybody) == 1:                    # somebody else signs in, and is acted upon
        everybody["kim@example.org"] = Person("Kim Lund", "kim@example.org", "agent")
    email = email or next(p.email for p in everybody.values() if p.role == "agent")
    for person in everybody.values():
        _add_user(tenant, person, attacked=person.email.lower() == email.lower())
    tenant.subject = next(u["id"] for u in tenant.shelves["users"].values() if u["mail"].lower() == email.lower())
    _organisation(tenant)
    _belongings(tenant, tenant.shelves["users"][tenant.subject])
    _logs(tenant, tenant.shelves["users"][tenant.subject])
    if tenant.options.attack:
        tenant.planted = planted(lambda: tenant.shelves, lambda: _attack(tenant, tenant.shelves["users"][tenant.subject]))


def _add_user(tenant: Tenant, person: Person, *, attacked: bool) -> Obj:
    kind = tenant.options.kind if attacked else "cloud"
    name = person.email.replace("@", "_") + "#EXT#@northwind.example" if kind == "guest" else person.email
    return tenant.put("users", {
        "id": tenant.id(f"user {person.email}"), "userPrincipalName": name, "mail": person.email,
        "displayName": tenant.words(person.name), "accountEnabled": True, "userType": "Guest" if kind == "guest" else "Member",
        "onPremisesSyncEnabled": True if kind == "hybrid" else None,
        "signInSessionsValidFromDateTime": tenant.ago(days=60), "lastPasswordChangeDateTime": tenant.ago(days=60)})


def _organisation(tenant: Tenant) -> None:
    o = tenant.options
    for client, ident, name in ((CLIENT, APP, "irkit incident response"), (GRAPH_APP, GRAPH, "Microsoft Graph"),
                                (tenant.id("client teams"), tenant.id("teams"), "Teams rooms"),
                                (tenant.id("client Mail archiver"), tenant.id("Mail archiver"), "Mail archiver"),
                                (tenant.id("client everybody"), tenant.id("everybody"), "Staff portal")):
        tenant.put("principals", {"id": ident, "appId": client, "displayName": tenant.words(name), "appRoles": []})
    for user in tenant.shelves["users"].values():
        domain = user["userPrincipalName"].rpartition("@")[2]
        tenant.put("domains", {"id": domain, "authenticationType": "Federated" if o.federated else "Managed"})
    names = {"free": [], "p1": ["AAD_PREMIUM"], "p2": ["AAD_PREMIUM", "AAD_PREMIUM_P2"]}[o.plan]
    tenant.put("skus", {"id": tenant.id("sku"), "skuPartNumber": "NORTHWIND_SUITE", "capabilityStatus": "Enabled",
                        "servicePlans": [{"servicePlanName": name} for name in ["EXCHANGE_S_STANDARD", *names]]})
    if o.app_role:
        add_role(tenant, "roles", APP, USER_ADMIN, "User Administrator")
    own = _application(tenant, "irkit incident response", CLIENT, days=200)
    own["passwordCredentials"] = [{"keyId": tenant.id("own key"), "displayName": "irkit",
                                   "startDateTime": tenant.ago(days=200)}]


def grant(tenant: Tenant, permissions: Sequence[str]) -> None:
    """Consent to these permissions of Graph's for irkit's app, but for those that the options leave out."""
    graph, missing = tenant.shelves["principals"][GRAPH], tenant.options.missing.split(",")
    graph["appRoles"] = [{"id": tenant.id(f"permission {name}"), "value": name, "isEnabled": True} for name in permissions]
    for name in permissions:
        if name not in missing:
            add_app_role(tenant, APP, GRAPH, tenant.id(f"permission {name}"), tenant.ago(days=200))


def _application(tenant: Tenant, name: str, client: str, *, days: float) -> Obj:
    return tenant.put("applications", {"id": tenant.id(f"app {name}"), "appId": client, "displayName": tenant.words(name),
                                       "createdDateTime": tenant.ago(days=days), "passwordCredentials": [],
                                       "keyCredentials": []})


def add_role(tenant: Tenant, shelf: str, principal: str, role: str, name: str, **more: object) -> None:
    tenant.put(shelf, {"id": tenant.id(f"{shelf} {principal} {role}"), "principalId": principal, "roleDefinitionId": role,
                       "directoryScopeId": "/", "_of": principal,
                       "roleDefinition": {"id": role, "displayName": tenant.words(name)}, **more})


def add_grant(tenant: Tenant, user: str, client: str, resource: str, scope: str, consent: str = "Principal") -> Obj:
    return tenant.put("grants", {"id": tenant.id(f"grant {user} {client} {resource} {consent}"), "clientId": client,
                                 "consentType": consent, "principalId": user if consent == "Principal" else None,
                                 "resourceId": resource, "scope": scope,
                                 "_of": user if consent == "Principal" else ""})


def add_app_role(tenant: Tenant, user: str, resource: str, role: str, at: str) -> Obj:
    known = tenant.shelves["principals"].get(resource, {}).get("displayName", "app")
    name = "Zendesk" if resource == ZENDESK else known
    return tenant.put("app_roles", {"id": tenant.id(f"app role {user} {resource} {role}"), "principalId": user, "_of": user,
                                    "principalType": "ServicePrincipal" if user == APP else "User",
                                    "resourceId": resource, "appRoleId": role,
                                    "resourceDisplayName": tenant.words(name), "createdDateTime": at})


def _method(tenant: Tenant, user: Obj, kind: str, *, days: float | None, **more: object) -> Obj:
    return tenant.put("methods", {"id": tenant.id(f"method {kind} {more}"), "@odata.type": f"{ODATA}{kind}AuthenticationMethod",
                                  "createdDateTime": None if days is None else tenant.ago(days=days), "_of": user["id"],
                                  "_default": False, **more})


def _device(tenant: Tenant, user: Obj, name: str, *, days: float, used: float) -> Obj:
    return tenant.put("devices", {"id": tenant.id(f"device {name}"), "displayName": tenant.words(name), "accountEnabled": True,
                                  "operatingSystem": "Windows", "trustType": "Workplace", "_of": user["id"],
                                  "registrationDateTime": tenant.ago(days=days),
                                  "approximateLastSignInDateTime": tenant.ago(days=used)})


def _belongings(tenant: Tenant, user: Obj) -> None:
    me = user["id"]
    group = tenant.put("groups", {"id": tenant.id("group helpdesk"), "@odata.type": f"{ODATA}group", "_of": me,
                                  "displayName": tenant.words("Helpdesk"), "isAssignableToRole": True})
    held = {"helpdesk": (me, HELPDESK, "Helpdesk Administrator"), "global": (me, GLOBAL, "Global Administrator"),
            "by_group": (group["id"], HELPDESK, "Helpdesk Administrator")}.get(tenant.options.privileged)
    if held:
        add_role(tenant, "roles", *held)
    add_role(tenant, "eligible", me, USER_ADMIN, "User Administrator", startDateTime=tenant.ago(days=90))
    add_grant(tenant, me, tenant.id("teams"), GRAPH, "User.Read Calendars.Read")
    add_grant(tenant, me, tenant.id("everybody"), GRAPH, "User.Read", "AllPrincipals")
    add_app_role(tenant, me, ZENDESK, NONE, tenant.ago(days=400))
    _method(tenant, user, "password", days=60)
    _method(tenant, user, "phone", days=None, phoneNumber="+1 5555550100", phoneType="mobile", _default=True)
    _device(tenant, user, "LAPTOP-0417", days=300, used=1)
    other = _other(tenant, me)
    _add_user(tenant, Person("Former Colleague", "former@example.org", "agent"), attacked=False)["accountEnabled"] = False
    _device(tenant, other, "OLD-LAPTOP", days=900, used=400)["accountEnabled"] = False
    tenant.put("risk", {"id": me, "riskState": "atRisk", "riskLevel": "medium", "riskDetail": "none",
                        "riskLastUpdatedDateTime": tenant.ago(hours=3)})


def _other(tenant: Tenant, me: str) -> Obj:
    """Somebody else, the last of them: Robin Vale, whom nobody of the drill plays."""
    return [user for user in tenant.shelves["users"].values() if user["id"] != me and user["accountEnabled"]][-1]


def sign_in(tenant: Tenant, user: Obj, number: int, at: str, **more: object) -> Obj:
    return {"id": tenant.id(f"sign-in {number}"), "createdDateTime": at, "userId": user["id"], "ipAddress": NEAR,
            "userPrincipalName": user["userPrincipalName"].lower(), "appDisplayName": tenant.words("Office 365"),
            "clientAppUsed": "Browser", "status": {"errorCode": 0}, "_events": ["interactiveUser"], **more}


def _audit(tenant: Tenant, by: Obj, what: str, target: Obj, *, hours: float, result: str = "success") -> None:
    tenant.audits.append({
        "id": tenant.id(f"audit {what} {hours}"), "activityDateTime": tenant.ago(hours=hours), "activityDisplayName": what,
        "category": "UserManagement", "result": result, "correlationId": tenant.id(f"correlation {hours}"),
        "initiatedBy": {"user": {"id": by["id"], "userPrincipalName": by["userPrincipalName"]}, "app": None},
        "targetResources": [{"id": target["id"], "displayName": target["displayName"], "modifiedProperties": []}]})


def _logs(tenant: Tenant, user: Obj) -> None:
    """Routine rows over the last 29 days, by the person; kept rows beyond the floor there are none."""
    days = 6 if tenant.options.plan == "free" else 29
    for number in range(tenant.options.rows):
        at = tenant.start - timedelta(days=days) + timedelta(days=days) * number / max(1, tenant.options.rows)
        failed = mix(number, tenant.options.seed) % 17 == 0
        tenant.sign_ins.append(sign_in(tenant, user, number, stamp(at), status={"errorCode": 50126 if failed else 0}))
    other = _other(tenant, user["id"])
    tenant.sign_ins.append(sign_in(tenant, other, 10**6, tenant.ago(days=2)))
    for number in range(4):
        _audit(tenant, other, "Update user", other, hours=40 + number)
        _audit(tenant, user, "Reset user password", other, hours=90 + number)
        _audit(tenant, other, "Update user", user, hours=120 + number)


def _attack(tenant: Tenant, user: Obj) -> None:
    """A stolen browser session: replayed tokens, a method and a device of the intruder's, a consent, a secret, a forward."""
    for number in range(9):
        tenant.sign_ins.append(sign_in(tenant, user, 2 * 10**6 + number, tenant.ago(hours=8 - number / 4), ipAddress=FAR,
                                       _events=["nonInteractiveUser"], sessionId=tenant.id("stolen session")))
    first = sign_in(tenant, user, 3 * 10**6, tenant.ago(hours=9), ipAddress=FAR)
    tenant.sign_ins += [first, dict(first)]                # Entra documents duplicates
    _method(tenant, user, "softwareOath", days=0.35)
    _method(tenant, user, "phone", days=None, phoneNumber="+1 5555550199", phoneType="alternateMobile")
    _device(tenant, user, "DESKTOP-7QX1", days=0.34, used=0.02)
    add_grant(tenant, user["id"], tenant.id("Mail archiver"), GRAPH, "Mail.Read offline_access")
    app = _application(tenant, "Reporting sync", tenant.id("client Reporting sync"), days=300)
    tenant.put("owned", {"id": app["id"], "@odata.type": f"{ODATA}application", "displayName": app["displayName"],
                         "appId": app["appId"], "createdDateTime": app["createdDateTime"], "_of": user["id"]})
    app["passwordCredentials"] = [
        {"keyId": tenant.id("old key"), "displayName": "2025", "startDateTime": tenant.ago(days=300)},
        {"keyId": tenant.id("new key"), "displayName": tenant.words("backup"), "startDateTime": tenant.ago(hours=7)}]
    add_app_role(tenant, user["id"], tenant.id("Mail archiver"), NONE, tenant.ago(hours=8))
    tenant.put("rules", {"id": "AQAAAJ5dZp8=", "displayName": tenant.words("."), "isEnabled": True, "_of": user["id"],
                         "actions": {"forwardTo": [{"emailAddress": {"address": "archive@attacker.example"}}], "delete": True}})
    other = _other(tenant, user["id"])
    _audit(tenant, user, "Reset user password", other, hours=7.5)
    _audit(tenant, user, "Update application – Certificates and secrets management", app, hours=7)
    _audit(tenant, user, "User registered security info", user, hours=8.4)
    for number in range(7):
        tenant.records.append({"id": tenant.id(f"record {number}"), "createdDateTime": tenant.ago(hours=6 - number / 10),
                               "userPrincipalName": user["userPrincipalName"], "operation": "FileDownloaded",
                               "service": "SharePoint", "clientIp": FAR})


def _still(tenant: Tenant, shelf: str) -> list[Obj]:
    """What the attack put on that shelf and that still stands there."""
    return [tenant.shelves[shelf][key] for key in tenant.planted.get(shelf, ()) if key in tenant.shelves[shelf]]


def alive(tenant: Tenant) -> Iterator[Left]:
    """What of the attack still lets somebody in, or still sends."""
    if not tenant.planted:
        return
    user = tenant.shelves["users"][tenant.subject]
    if user["accountEnabled"] and not tenant.sessions_moved.get(tenant.subject):
        yield Left("session", f"of {user['userPrincipalName']}")
    for shelf, kind in (("grants", "consent"), ("app_roles", "app_role"), ("methods", "factor")):
        yield from (Left(kind, str(one.get("scope") or one.get("phoneNumber") or one.get("resourceDisplayName") or one["id"]))
                    for one in _still(tenant, shelf))
    yield from (Left("device", one["displayName"]) for one in _still(tenant, "devices") if one["accountEnabled"])
    yield from (Left("secret", f"{app['displayName']}, key {key['displayName']}") for app in _still(tenant, "applications")
                for key in app["passwordCredentials"] if key["keyId"] == tenant.id("new key"))
    yield from (Left("rule", "an inbox rule that forwards") for one in _still(tenant, "rules") if one["isEnabled"])


def samples(tenant: Tenant) -> Mapping[str, object]:
    me = tenant.subject
    app = tenant.id("app Reporting sync")
    device = tenant.of("devices", me)[0]["id"]
    other = tenant.id("another client")
    method = next((m["id"] for m in tenant.of("methods", me) if m["@odata.type"].endswith("phoneAuthenticationMethod")
                   and not m["_default"]), NONE)
    off = next(u["id"] for u in tenant.shelves["users"].values() if u["mail"] == "former@example.org")
    stopped = tenant.id("device OLD-LAPTOP")
    return {"user_id": me, "email": tenant.shelves["users"][me]["mail"], "since": tenant.ago(days=2),
            "until": stamp(tenant.start),
            "revoke_sessions.since": tenant.ago(hours=1), "principal": tenant.shelves["users"][me]["userPrincipalName"],
            "method_id": method, "device_id": device, "app_id": app, "key_id": tenant.id("new key"),
            "client_id": tenant.id("teams"), "resource_id": GRAPH, "restore_grant.client_id": other, "scope": "User.Read",
            "delete_app_role.resource_id": ZENDESK, "app_role_id": NONE, "restore_app_role.resource_id": other,
            "enable_user.user_id": off, "enable_device.device_id": stopped}
