"""The tenant as it stands when the attack has just been noticed, and what the attack left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from irkit.worlds.google_workspace.tenant import Obj, Tenant, stamp
from irkit.worlds.log import mix
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Person

USER = "admin.directory.user.readonly"
ADMIN = "irkit-admin@northwind.example"
CUSTOMER = "C03drill7"
FAR, NEAR = "203.0.113.66", "198.51.100.7"
SUPER, HELPDESK, GROUPS = "30000000000000001", "30000000000000002", "30000000000000003"
MAIL_BACKUP = "77185425430-mailbackup.apps.googleusercontent.com"
CALENDAR = "41508425430-calendar.apps.googleusercontent.com"

FAR_PHONE = "+15555550199"


def furnish(tenant: Tenant, people: Sequence[Person], subjects: Mapping[str, str]) -> None:
    email = tenant.options.subject or next((value for value in subjects.values() if "@" in value), "")
    everybody = {person.email.lower(): person for person in people}
    if email:
        everybody.setdefault(email.lower(), Person(email.partition("@")[0].replace(".", " ").title(), email, "agent"))
    everybody.setdefault("robin@example.org", Person("Robin Vale", "robin@example.org", "agent"))
    email = email or next(p.email for p in everybody.values() if p.role == "agent")
    for person in everybody.values():
        attacked = person.email.lower() == email.lower()
        _add_user(tenant, person.name, person.email, tenant.options.privileged if attacked else
                  {"admin": "super"}.get(person.role, "no"))
    _add_user(tenant, "Incident Response", ADMIN, tenant.options.admin)
    _add_user(tenant, "Former Colleague", "former@example.org", "no", suspended=True, suspensionReason="ADMIN",
              suspensionTime=tenant.ago(days=90))
    gone = _add_user(tenant, "Deleted Colleague", "gone@example.org", "no", deletionTime=tenant.ago(days=3))
    tenant.put("deleted", gone["id"], tenant.shelves["users"].pop(gone["id"]))
    user = tenant.user(email)
    tenant.subject = user["id"]
    other = next(one for one in tenant.shelves["users"].values() if one["id"] != user["id"])
    _organisation(tenant, user)
    _belongings(tenant, user)
    _logs(tenant, user, other)
    if tenant.options.attack:
        tenant.planted = planted(lambda: tenant.shelves, lambda: _attack(tenant, user, other))


def _add_user(tenant: Tenant, name: str, email: str, administrator: str, **more: object) -> Obj:
    ident = tenant.id(f"user {email}")
    tenant.codes[ident] = [str(mix(number, len(email)) % 10**8).zfill(8) for number in range(10)]
    return tenant.put("users", ident, {
        "kind": "admin#directory#user", "id": ident, "primaryEmail": email, "name": {"fullName": tenant.words(name)},
        "aliases": [f"{email.partition('@')[0]}.alias@{email.partition('@')[2]}"], "suspended": False, "archived": False,
        "isAdmin": administrator == "super", "isDelegatedAdmin": administrator == "delegated", "isEnrolledIn2Sv": True,
        "isEnforcedIn2Sv": False, "lastLoginTime": tenant.ago(hours=5), "creationTime": tenant.ago(days=700),
        "recoveryEmail": "", "recoveryPhone": "", "customerId": CUSTOMER, "orgUnitPath": "/", **more})


def _organisation(tenant: Tenant, user: Obj) -> None:
    for role, name in ((SUPER, "_SEED_ADMIN_ROLE"), (HELPDESK, "_HELP_DESK_ADMIN_ROLE"), (GROUPS, "_GROUPS_ADMIN_ROLE")):
        tenant.put("roles", role, {"kind": "admin#directory#role", "roleId": role, "roleName": tenant.words(name),
                                   "isSystemRole": True, "isSuperAdminRole": role == SUPER})
    for number in range(4):
        name = ("Helpdesk", "Support", "Everybody", "On call")[number]
        ident = f"02dr{number}ill{tenant.options.seed}"
        _group(tenant, ident, name, user["id"])
    _group(tenant, "02other", "Finance", "")
    first = next(iter(tenant.shelves["groups"]))
    assign(tenant, first, GROUPS, kind="group")
    if tenant.options.privileged != "no":
        assign(tenant, user["id"], SUPER if tenant.options.privileged == "super" else HELPDESK)
    assign(tenant, tenant.user(ADMIN)["id"], SUPER)


def _group(tenant: Tenant, ident: str, name: str, member: str) -> None:
    tenant.put("groups", ident, {"kind": "admin#directory#group", "id": ident, "name": tenant.words(name), "_of": member,
                                 "email": f"{name.lower().replace(' ', '-')}@northwind.example", "directMembersCount": "9"})


def assign(tenant: Tenant, whom: str, role: str, unit: str = "", kind: str = "user") -> Obj:
    ident = tenant.id(f"assignment {whom} {role} {unit}", 17)
    scope = {"scopeType": "ORG_UNIT", "orgUnitId": unit} if unit else {"scopeType": "CUSTOMER"}
    return tenant.put("assignments", ident, {
        "kind": "admin#directory#roleAssignment", "roleAssignmentId": ident, "roleId": role, "assignedTo": whom,
        "assigneeType": kind, **scope, "_name": tenant.shelves["roles"][role]["roleName"]})


def _token(tenant: Tenant, user: Obj, client: str, name: str, *scopes: str, native: bool = False) -> None:
    tenant.put("tokens", f"{user['id']} {client}", {
        "kind": "admin#directory#token", "clientId": client, "displayText": tenant.words(name), "anonymous": False,
        "nativeApp": native, "userKey": user["id"], "scopes": list(scopes), "_of": user["id"]})


def _app_password(tenant: Tenant, user: Obj, number: int, name: str, *, hours: float, used: float | None) -> None:
    def past(since: float) -> str:
        return str(int((tenant.start - timedelta(hours=since)).timestamp() * 1000))
    tenant.put("asps", f"{user['id']} {number}", {
        "kind": "admin#directory#asp", "codeId": number, "name": tenant.words(name), "creationTime": past(hours),
        "lastTimeUsed": "0" if used is None else past(used), "userKey": user["id"], "_of": user["id"]})


def _device(tenant: Tenant, user: Obj, model: str, *, days: float, used: float) -> None:
    ident = f"AF{tenant.id(model, 12)}"
    tenant.put("devices", ident, {
        "kind": "admin#directory#mobiledevice", "resourceId": ident, "deviceId": ident.lower(), "email": [user["primaryEmail"]],
        "name": [tenant.words("somebody")], "model": tenant.words(model), "os": "Android 16", "type": "ANDROID",
        "status": "APPROVED", "firstSync": tenant.ago(days=days), "lastSync": tenant.ago(days=used)})


def _belongings(tenant: Tenant, user: Obj) -> None:
    _token(tenant, user, CALENDAR, "Calendar sync", "https://www.googleapis.com/auth/calendar.readonly")
    _app_password(tenant, user, 3, "Old scanner", hours=24 * 400, used=24 * 30)
    _device(tenant, user, "Pixel 10", days=200, used=0.1)
    other = next(one for one in tenant.shelves["users"].values() if one["id"] != user["id"])
    _token(tenant, other, CALENDAR, "Calendar sync", "https://www.googleapis.com/auth/calendar.readonly")
    _device(tenant, other, "Pixel 9", days=300, used=1)


# -- logs ----------------------------------------------------------------------------------------------------------

def activity(tenant: Tenant, application: str, actor: Obj, at: str, name: str, kind: str, *, address: str = NEAR,
             **given: object) -> Obj:
    """Add a row. Parameters are text, numbers or yes and no."""
    rows = tenant.logs.setdefault(application, [])
    told = [{"name": key, **({"boolValue": value} if isinstance(value, bool) else {"value": value})}
            for key, value in given.items()]
    row: Obj = {
        "kind": "admin#reports#activity", "etag": '"drill"', "ipAddress": address,
        "id": {"time": at, "uniqueQualifier": tenant.id(f"{application} {len(rows)}", 18), "applicationName": application,
               "customerId": CUSTOMER},
        "actor": {"callerType": "USER", "email": actor["primaryEmail"], "profileId": actor["id"]},
        "events": [{"type": kind, "name": name, "parameters": told}]}
    rows.append(row)
    return row


def administered(tenant: Tenant, actor: Obj, name: str, whom: Obj, at: str, *, address: str = NEAR, **given: object) -> None:
    activity(tenant, "admin", actor, at, name, "USER_SETTINGS", address=address, USER_EMAIL=whom["primaryEmail"], **given)


def _logs(tenant: Tenant, user: Obj, other: Obj) -> None:
    """Routine rows over the last 170 days, and one that is too old to be given."""
    way = "saml" if tenant.options.federated else "google_password"
    for number in range(tenant.options.rows):
        at = stamp(tenant.start - timedelta(days=170) * (tenant.options.rows - number) / max(1, tenant.options.rows))
        failed = mix(number, tenant.options.seed) % 17 == 0
        activity(tenant, "login", user, at, "login_failure" if failed else "login_success", "login", login_type=way)
        activity(tenant, "drive", user, at, "view", "access", doc_title=tenant.words(f"Rota {number}"), visibility="private")
    activity(tenant, "login", user, tenant.ago(days=200), "login_success", "login", login_type=way)
    activity(tenant, "login", other, tenant.ago(days=2), "login_success", "login", login_type=way)
    activity(tenant, "drive", other, tenant.ago(days=2), "view", "access", doc_title="Payroll")
    activity(tenant, "token", other, tenant.ago(days=2), "authorize", "auth", client_id=CALENDAR, app_name="Calendar sync")
    for number in range(5):
        administered(tenant, other, "CHANGE_LAST_NAME", other, tenant.ago(days=30 + number))
        administered(tenant, other, "RESET_SIGNIN_COOKIES", user, tenant.ago(days=100 + number))
        activity(tenant, "gmail", user, tenant.ago(days=12 * number + 1), "delivery", "delivery_type",
                 subject=tenant.words("A question"))
        activity(tenant, "saml", user, tenant.ago(days=9 + number), "login_success", "login", application_name="Zendesk")
    activity(tenant, "user_accounts", user, tenant.ago(days=60), "password_edit", "password_change")


def _attack(tenant: Tenant, user: Obj, other: Obj) -> None:
    """A consent given to a mail app by a phished person, an app password, a forward, a recovery phone, downloads, an export."""
    user["recoveryPhone"] = FAR_PHONE
    way = "saml" if tenant.options.federated else "google_password"
    first = activity(tenant, "login", user, tenant.ago(hours=9), "login_success", "login", address=FAR, login_type=way,
                     is_suspicious=True)
    tenant.logs["login"].append(dict(first))                       # the same activity, given twice
    activity(tenant, "login", user, tenant.ago(hours=7.6), "email_forwarding_out_of_domain", "email_forwarding_change",
             address=FAR, email_forwarding_destination_address="archive@attacker.example")
    _token(tenant, user, MAIL_BACKUP, "Mail backup", "https://mail.google.com/", "https://www.googleapis.com/auth/drive.readonly")
    activity(tenant, "token", user, tenant.ago(hours=8.8), "authorize", "auth", address=FAR, client_id=MAIL_BACKUP,
             app_name=tenant.words("Mail backup"))
    for number in range(6):
        activity(tenant, "token", user, tenant.ago(hours=8 - number), "activity", "auth", address=FAR, client_id=MAIL_BACKUP,
                 app_name=tenant.words("Mail backup"), api_name="gmail")
    _app_password(tenant, user, 7, "iphone", hours=8, used=1)
    _device(tenant, user, "Generic device", days=0.33, used=0.02)
    for number in range(9):
        activity(tenant, "drive", user, tenant.ago(hours=6 - number / 10), "download", "access", address=FAR,
                 doc_title=tenant.words(f"Customer export {number}"))
    activity(tenant, "drive", user, tenant.ago(hours=5), "change_user_access", "acl_change", address=FAR,
             doc_title=tenant.words("Runbooks"), target_user="archive@attacker.example")
    activity(tenant, "saml", user, tenant.ago(hours=6.5), "login_success", "login", address=FAR, application_name="Zendesk")
    activity(tenant, "gmail", user, tenant.ago(hours=3), "delivery", "delivery_type", address=FAR,
             subject=tenant.words("Your invoice"))
    activity(tenant, "takeout", user, tenant.ago(hours=4), "user_takeout_started", "user_takeout", address=FAR)
    activity(tenant, "user_accounts", user, tenant.ago(hours=8.4), "recovery_phone_edit", "recovery_info_change", address=FAR)
    if tenant.options.privileged != "no":
        administered(tenant, user, "CHANGE_PASSWORD", other, tenant.ago(hours=7), address=FAR)
        activity(tenant, "admin", user, tenant.ago(hours=7.2), "DOWNLOAD_USERLIST_CSV", "USER_SETTINGS", address=FAR)


def _still(tenant: Tenant, shelf: str) -> list[Obj]:
    """What the attack put on that shelf and that still stands there."""
    return [tenant.shelves[shelf][key] for key in tenant.planted.get(shelf, ()) if key in tenant.shelves[shelf]]


def alive(tenant: Tenant) -> Iterator[Left]:
    """What of the attack still lets somebody in."""
    if not tenant.planted:
        return
    user = tenant.shelves["users"][tenant.subject]
    if not user["suspended"] and not tenant.signed_out.get(tenant.subject):
        yield Left("session", f"of {user['primaryEmail']}")
    yield from (Left("token", one["displayText"]) for one in _still(tenant, "tokens") if not one.get("_reset"))
    yield from (Left("app_password", one["name"]) for one in _still(tenant, "asps"))
    if user.get("recoveryPhone") == FAR_PHONE:
        yield Left("recovery_phone", FAR_PHONE)


def samples(tenant: Tenant) -> Mapping[str, object]:
    attack = bool(tenant.options.attack)
    return {"user_id": tenant.subject, "email": tenant.shelves["users"][tenant.subject]["primaryEmail"],
            "since": tenant.ago(days=2), "until": stamp(tenant.start), "application": "saml",
            "client_id": MAIL_BACKUP if attack else CALENDAR, "code_id": "7" if attack else "3", "role_id": HELPDESK,
            "org_unit": "", "restore_role.role_id": GROUPS, "unsuspend_user.user_id": tenant.user("former@example.org")["id"]}
