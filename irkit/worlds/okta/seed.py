"""The org as it stands when the attack has just been noticed, and what the attack left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from irkit.worlds.log import mix
from irkit.worlds.okta.tenant import Obj, Tenant, stamp
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Person

ORG = "northwind-drill.okta.com"
CLIENT, KEY = "0oadrillIrkitApp0001", "irkit-key-1"
SCOPES = ("okta.users.read", "okta.users.manage", "okta.roles.read", "okta.roles.manage", "okta.apiTokens.read",
          "okta.apiTokens.manage", "okta.sessions.read", "okta.sessions.manage", "okta.logs.read", "okta.appGrants.read",
          "okta.universalLogout.manage")
FAR, FARTHER, NEAR = "203.0.113.66", "192.0.2.149", "198.51.100.7"
BREAK_GLASS = "break.glass@northwind.example"


def furnish(tenant: Tenant, people: Sequence[Person], subjects: Mapping[str, str]) -> None:
    email = tenant.options.subject or next((value for value in subjects.values() if "@" in value), "")
    everybody = {person.email.lower(): person for person in people}
    if email:
        everybody.setdefault(email.lower(), Person(email.partition("@")[0].replace(".", " ").title(), email, "agent"))
    for extra in (Person("Robin Vale", "robin@example.org", "agent"), Person("Kim Lund", "kim@example.org", "end-user"),
                  Person("Break Glass", BREAK_GLASS, "admin")):
        everybody.setdefault(extra.email, extra)
    email = email or next(person.email for person in everybody.values() if person.role == "agent")
    for person in everybody.values():
        _user(tenant, person, attacked=person.email.lower() == email.lower())
    _user(tenant, Person("Former Colleague", "former@example.org", "agent"), status="SUSPENDED")
    _user(tenant, Person("Gone Colleague", "gone@example.org", "agent"), status="DEPROVISIONED")
    tenant.subject = next(u["id"] for u in tenant.shelves["users"].values() if u["profile"]["email"].lower() == email.lower())
    me = tenant.shelves["users"][tenant.subject]
    _belongings(tenant, me)
    _routine(tenant, me)
    if tenant.options.attack:
        tenant.planted = planted(lambda: tenant.shelves, lambda: _attack(tenant, me))


def _user(tenant: Tenant, person: Person, *, attacked: bool = False, status: str = "ACTIVE") -> Obj:
    first, _, last = person.name.partition(" ")
    user = tenant.put("users", {
        "id": tenant.id("00u", person.email), "status": tenant.options.status if attacked else status,
        "created": tenant.ago(days=700), "activated": tenant.ago(days=700), "statusChanged": tenant.ago(days=700),
        "lastLogin": tenant.ago(hours=9), "lastUpdated": tenant.ago(days=60), "passwordChanged": tenant.ago(days=60),
        "type": {"id": "otydrill"}, "profile": {
            "firstName": tenant.words(first), "lastName": last, "email": person.email, "login": person.email,
            "mobilePhone": None, "secondEmail": f"{first.lower()}.home@example.net"},
        "credentials": {"provider": {"type": tenant.options.provider if attacked else "OKTA", "name": "OKTA"}}, "_password": 0})
    if person.role == "admin":
        add_role(tenant, user["id"], {"type": "SUPER_ADMIN"})
    return user


def add_role(tenant: Tenant, user_id: str, said: Mapping[str, str], assigned: str = "USER") -> Obj:
    more = {key: said[key] for key in ("role", "resource-set") if key in said}
    label = said["type"].replace("_", " ").title()
    return tenant.put("roles", {"id": tenant.id("ra1", f"{user_id} {sorted(said.items())} {assigned}"), "type": said["type"],
                                "label": tenant.words(label), "status": "ACTIVE", "assignmentType": assigned, **more,
                                "created": tenant.ago(days=200), "lastUpdated": tenant.ago(days=200), "_of": user_id,
                                "_limits": []})


def add_token(tenant: Tenant, user_id: str, client: str, name: str, *, days: float) -> Obj:
    return tenant.put("tokens", {"id": tenant.id("oar", f"{user_id} {client} {days}"), "clientId": client, "userId": user_id,
                                 "status": "ACTIVE", "scopes": ["offline_access", "okta.users.read.self"],
                                 "issuer": f"https://{ORG}", "created": tenant.ago(days=days),
                                 "lastUpdated": tenant.ago(days=days), "expiresAt": stamp(tenant.start + timedelta(days=7)),
                                 "_of": user_id, "_client": tenant.words(name)})


def add_grant(tenant: Tenant, user_id: str, client: str, scope: str, *, days: float) -> Obj:
    return tenant.put("grants", {"id": tenant.id("oag", f"{user_id} {client} {scope}"), "clientId": client, "scopeId": scope,
                                 "issuer": f"https://{ORG}", "source": "END_USER", "status": "ACTIVE", "userId": user_id,
                                 "created": tenant.ago(days=days), "lastUpdated": tenant.ago(days=days), "_of": user_id})


def _factor(tenant: Tenant, user_id: str, kind: str, provider: str, profile: Obj, *, days: float) -> Obj:
    made = tenant.put("factors", {"id": tenant.id("opf", f"{user_id} {kind} {days}"), "factorType": kind, "provider": provider,
                                  "vendorName": provider, "status": "ACTIVE", "created": tenant.ago(days=days),
                                  "lastUpdated": tenant.ago(days=days), "profile": profile, "_of": user_id})
    tenant.put("enrolments", {"id": tenant.id("aut", f"{user_id} {kind} {days}"), "type": kind, "name": tenant.words(kind),
                              "key": provider.lower(), "status": "ACTIVE", "created": tenant.ago(days=days),
                              "lastUpdated": tenant.ago(days=days), "_of": user_id, "_factor": made["id"]})
    return made


def _api_token(tenant: Tenant, user_id: str, name: str, *, days: float) -> Obj:
    return tenant.put("api_tokens", {
        "id": tenant.id("00T", f"{user_id} {name}"), "name": tenant.words(name), "userId": user_id, "clientName": "Okta API",
        "tokenWindow": "P30D", "network": {"connection": "ANYWHERE"}, "created": tenant.ago(days=days),
        "lastUpdated": tenant.ago(days=days / 2), "expiresAt": stamp(tenant.start + timedelta(days=30)), "_of": user_id})


def _session(tenant: Tenant, user_id: str, name: str) -> Obj:
    return tenant.put("sessions", {"id": session_id(tenant, user_id, name), "userId": user_id, "status": "ACTIVE",
                                   "createdAt": tenant.ago(hours=9), "expiresAt": stamp(tenant.start + timedelta(hours=2)),
                                   "_of": user_id})


def session_id(tenant: Tenant, user_id: str, name: str) -> str:
    return tenant.id("102", f"{user_id} {name}")


def _device(tenant: Tenant, user_id: str, name: str, platform: str, *, days: float) -> Obj:
    ident = tenant.id("guo", name)
    return tenant.put("devices", {"id": ident, "deviceUserId": tenant.id("oud", name), "created": tenant.ago(days=days),
                                  "device": {"id": ident, "status": "ACTIVE", "lastUpdated": tenant.ago(days=days),
                                             "profile": {"displayName": tenant.words(name), "platform": platform}},
                                  "_of": user_id})


def _belongings(tenant: Tenant, user: Obj) -> None:
    me = user["id"]
    other = tenant.user("robin@example.org" if user["profile"]["login"] != "robin@example.org" else "kim@example.org")
    for name in ("Everyone", "Helpdesk", "Zendesk agents"):
        tenant.put("groups", {"id": tenant.id("00g", name), "type": "BUILT_IN" if name == "Everyone" else "OKTA_GROUP",
                              "created": tenant.ago(days=900), "lastMembershipUpdated": tenant.ago(days=90), "_of": me,
                              "profile": {"name": tenant.words(name), "description": ""}})
    for label, name in (("Zendesk", "zendesk"), ("Slack", "slack"), ("Google Workspace", "google"), ("GitLab", "gitlab")):
        tenant.put("apps", {"id": tenant.id("0oa", label), "label": tenant.words(label), "appName": name,
                            "appInstanceId": tenant.id("0oa", label), "linkUrl": f"https://{ORG}/home/{name}", "_of": me})
    add_role(tenant, me, {"type": "HELP_DESK_ADMIN"})["_limits"] = [
        {"id": tenant.id("00g", "Zendesk agents"), "profile": {"name": tenant.words("Zendesk agents")}}]
    add_role(tenant, me, {"type": "READ_ONLY_ADMIN"})
    add_role(tenant, me, {"type": "REPORT_ADMIN"}, assigned="GROUP")
    for holder in (user, other):
        add_grant(tenant, holder["id"], tenant.id("0oa", "Meetings"), "calendar.read", days=120)
        add_token(tenant, holder["id"], tenant.id("0oa", "Meetings"), "Meetings", days=3)
        _factor(tenant, holder["id"], "push", "OKTA", {"name": tenant.words("Pixel of the person")}, days=300)
        _factor(tenant, holder["id"], "token:software:totp", "OKTA", {"credentialId": holder["profile"]["email"]}, days=300)
        _device(tenant, holder["id"], f"LAPTOP-{holder['profile']['firstName'][:4]}", "WINDOWS", days=300)
        _session(tenant, holder["id"], "morning")
    for scope in ("openid", "profile", "email"):
        add_grant(tenant, me, tenant.id("0oa", "Slack"), scope, days=300)
    _api_token(tenant, me, "ticket sync", days=200)
    _api_token(tenant, tenant.user(BREAK_GLASS)["id"], "irkit", days=100)
    _api_token(tenant, other["id"], "onboarding", days=400)


# -- the log -----------------------------------------------------------------------------------------------------

def _named(one: Obj) -> Obj:
    if "profile" not in one:
        return {"alternateId": one["displayName"], **one}
    return {"id": one["id"], "type": "User", "alternateId": one["profile"]["login"], "displayName": one["profile"]["firstName"]}


def entry(tenant: Tenant, at: str, kind: str, actor: Obj, *targets: Obj, address: str = NEAR, session: str = "",
          token: str = "", result: str = "SUCCESS", name: str = "") -> Obj:
    """A row of the System Log. Targets are users, or {"id", "type", "displayName"}."""
    uuid = f"{mix(len(tenant.rows), tenant.options.seed):016x}-{name or kind}"[:40]
    return {"uuid": uuid, "published": at, "eventType": kind, "version": "0", "severity": "INFO",
            "displayMessage": tenant.words(kind), "actor": _named(actor),
            "client": {"ipAddress": address, "zone": "null", "userAgent": {"rawUserAgent": tenant.words("Mozilla/5.0")}},
            "authenticationContext": {"externalSessionId": session or None, "rootSessionId": session or None},
            "securityContext": {"asNumber": 64500 if address == NEAR else 64511, "isProxy": address != NEAR, "isp": "drill"},
            "outcome": {"result": result, "reason": None}, "target": [_named(one) for one in targets],
            "transaction": {"type": "WEB", "id": uuid[:16], "detail": {"requestApiTokenId": token} if token else {}},
            "debugContext": {"debugData": {}}}


def _log(tenant: Tenant, *how: object, **more: object) -> None:
    tenant.rows.append(entry(tenant, *how, **more))     # type: ignore[arg-type]


def _routine(tenant: Tenant, user: Obj) -> None:
    """Sign-ins and app starts over the last 120 days: the first thirty of them are behind the floor."""
    session = session_id(tenant, user["id"], "morning")
    app = {"id": tenant.id("0oa", "Zendesk"), "type": "AppInstance", "displayName": tenant.words("Zendesk")}
    for number in range(tenant.options.rows):
        at = tenant.start - timedelta(days=120) + timedelta(days=119) * number / max(1, tenant.options.rows)
        failed = mix(number, tenant.options.seed) % 19 == 0
        kind, target = ("user.authentication.sso", app) if number % 3 else ("user.session.start", user)
        _log(tenant, _day(at), kind, user, target, session=session, result="FAILURE" if failed else "SUCCESS")
    robin = tenant.user("robin@example.org")
    _log(tenant, tenant.ago(hours=30), "user.session.start", robin, robin)
    _log(tenant, tenant.ago(days=20), "user.account.reset_password", user, tenant.user("kim@example.org"), session=session)


def _day(moment: datetime) -> str:
    return stamp(moment.replace(microsecond=0))


def _attack(tenant: Tenant, user: Obj) -> None:
    """A stolen browser session: the admin console opened from far away, a factor, an API token, a consent, resets of others."""
    me, stolen = user["id"], session_id(tenant, user["id"], "morning")
    robin = tenant.user("robin@example.org" if user["profile"]["login"] != "robin@example.org" else "kim@example.org")
    token = _api_token(tenant, me, "reporting", days=0.3)
    archiver = tenant.id("0oa", "Mail archiver")
    add_grant(tenant, me, archiver, "offline_access", days=0.29)
    add_token(tenant, me, archiver, "Mail archiver", days=0.29)
    _factor(tenant, me, "sms", "OKTA", {"phoneNumber": "+1 5555550199"}, days=0.31)
    _device(tenant, me, "DESKTOP-7QX1", "WINDOWS", days=0.31)
    of_api = {"id": token["id"], "type": "Token", "displayName": token["name"]}
    policy = {"id": tenant.id("00p", "sign-on"), "type": "PolicyRule", "displayName": tenant.words("Legacy")}
    stream = {"id": tenant.id("0os", "siem"), "type": "LogStream", "displayName": tenant.words("SIEM")}
    report = {"id": "REPORT", "type": "Report", "displayName": "MFA usage"}
    for hours, kind, targets in (
            (8.0, "user.session.context.change", [user]), (7.9, "user.session.access_admin_app", [user]),
            (7.5, "user.mfa.factor.activate", [user]), (7.2, "system.api_token.create", [of_api]),
            (7.0, "app.oauth2.as.consent.grant", [{"id": archiver, "type": "AppInstance", "displayName": "Mail archiver"}]),
            (6.5, "user.mfa.factor.reset_all", [robin]), (6.4, "user.account.reset_password", [robin]),
            (6.0, "policy.rule.update", [policy]), (5.9, "system.log_stream.lifecycle.deactivate", [stream]),
            (5.0, "analytics.reports.export.download", [report]), (4.0, "user.authentication.sso", [user])):
        _log(tenant, tenant.ago(hours=hours), kind, user, *targets, address=FAR, session=stolen)
    for number in range(7):
        _log(tenant, tenant.ago(hours=4 - number / 4), "user.authentication.verify", user, user, address=FARTHER,
             token=token["id"], name=f"verify-{number}")
    tenant.rows.append(dict(tenant.rows[-1]))              # one row comes twice


def _still(tenant: Tenant, shelf: str) -> list[Obj]:
    """What the attack put on that shelf and that still stands there."""
    return [tenant.shelves[shelf][key] for key in tenant.planted.get(shelf, ()) if key in tenant.shelves[shelf]]


def alive(tenant: Tenant) -> Iterator[Left]:
    """What of the attack still lets somebody in."""
    if not tenant.planted:
        return
    stolen, login = session_id(tenant, tenant.subject, "morning"), tenant.shelves["users"][tenant.subject]["profile"]["login"]
    if stolen in tenant.shelves["sessions"]:
        yield Left("session", f"of {login}")
    for shelf, kind in (("api_tokens", "api_token"), ("tokens", "token"), ("grants", "consent"), ("factors", "factor")):
        yield from (Left(kind, f"{one.get('name') or one.get('factorType') or one.get('clientId') or one['id']} of {login}")
                    for one in _still(tenant, shelf))


def samples(tenant: Tenant) -> Mapping[str, object]:
    me = tenant.subject
    first = {shelf: tenant.of(shelf, me)[-1]["id"] for shelf in ("grants", "factors", "enrolments", "sessions")}
    suspended = next(u["id"] for u in tenant.shelves["users"].values() if u["profile"]["email"] == "former@example.org")
    api = tenant.of("api_tokens", me)[-1]["id"]
    return {"user_id": me, "email": tenant.shelves["users"][me]["profile"]["email"], "since": tenant.ago(days=2),
            "until": stamp(tenant.start), "grant_id": first["grants"], "client_id": tenant.of("tokens", me)[-1]["clientId"],
            "factor_id": first["factors"], "enrolment_id": first["enrolments"], "session_id": first["sessions"],
            "token_id": api, "address": FAR, "role": "READ_ONLY_ADMIN",
            "assign_role.role": "APP_ADMIN", "unsuspend_user.user_id": suspended}
