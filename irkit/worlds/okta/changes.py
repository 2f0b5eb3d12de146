"""What the org changes: accounts, sessions, grants, tokens, factors, roles; the log shows it a little later."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from irkit.worlds.okta import seed
from irkit.worlds.okta.tenant import DENIED, NO_FEATURE, Obj, Operations, Refusal, invalid, not_found, shown, stamp
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.okta import Okta

operations = Operations()
USER = "/api/v1/users/{}"
VERIFY = ("push", "signed_nonce", "token:software:totp")


def _happened(world: Okta, kind: str, *targets: Obj, actor: Obj | None = None, at: datetime | None = None) -> None:
    """The event says when it was (now), and is in the log `lag` seconds after that."""
    by = actor or {"id": seed.CLIENT, "profile": {"login": "irkit", "firstName": "irkit"}}
    moment = at or world.now()
    row = seed.entry(world.tenant, stamp(moment), kind, by, *targets, address="192.0.2.10")
    row["uuid"] = hashlib.sha256(f"{kind} {moment} {len(world.tenant.rows)}".encode()).hexdigest()[:30]
    world.later(world.options.lag - (world.now() - moment).total_seconds(), lambda: world.tenant.rows.append(row))


def _status(world: Okta, user: Obj, status: str, kind: str) -> None:
    user["status"], user["statusChanged"] = status, stamp(world.now())
    _happened(world, kind, user)


@operations.on("POST", USER + "/lifecycle/suspend", "okta.users.manage")
def suspend(world: Okta, _call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    if world.options.role != "SUPER_ADMIN" and world.tenant.of("roles", user["id"]):
        raise Refusal(403, *DENIED)                       # who is an administrator is for super administrators
    if user["status"] != "ACTIVE":
        raise invalid("Cannot suspend a user that is not active", "Cannot suspend a user that is not active")
    _status(world, user, "SUSPENDED", "user.lifecycle.suspend")
    if world.options.reactivate:
        due = world.now() + timedelta(seconds=world.options.reactivate)
        world.later(world.options.reactivate, lambda: _imported(world, user, due))
    return Answer.json({})


def _imported(world: Okta, user: Obj, at: datetime) -> None:
    if user["status"] == "SUSPENDED":
        user["status"] = "ACTIVE"
        _happened(world, "user.lifecycle.unsuspend", user, at=at, actor={"id": "system", "profile": {
            "login": "system@okta.com", "firstName": "Okta System"}})


@operations.on("POST", USER + "/lifecycle/unsuspend", "okta.users.manage")
def unsuspend(world: Okta, _call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    if user["status"] != "SUSPENDED":
        raise invalid("Cannot unsuspend a user that is not suspended", "Cannot unsuspend a user that is not suspended")
    _status(world, user, "ACTIVE", "user.lifecycle.unsuspend")
    return Answer.json({})


@operations.on("DELETE", USER + "/sessions", "okta.users.manage")
def end_sessions(world: Okta, call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    world.tenant.drop("sessions", world.tenant.of("sessions", user["id"]))
    if call.get("oauthTokens", "false") == "true":        # by default OAuth tokens outlive the session
        world.tenant.drop("tokens", world.tenant.of("tokens", user["id"]))
    _happened(world, "user.session.clear", user)
    return Answer(204)


@operations.on("DELETE", "/api/v1/sessions/{}", "okta.sessions.manage")
def end_session(world: Okta, _call: Call, key: str) -> Answer:
    if world.tenant.shelves["sessions"].pop(key, None) is None:
        raise not_found(key, "Session")
    return Answer(204)


@operations.on("POST", "/oauth2/v1/global-token-revocation", "okta.universalLogout.manage")
def universal_logout(world: Okta, call: Call) -> Answer:
    if not world.options.universal_logout:
        raise Refusal(403, *NO_FEATURE)
    said = call.data.get("sub_id") if isinstance(call.data, dict) else None
    if not isinstance(said, dict) or said.get("format") != "opaque":
        raise Refusal(400, "E0000003", "The request body was not well-formed.")
    user = world.tenant.user(str(said.get("id")))
    world.tenant.drop("sessions", world.tenant.of("sessions", user["id"]))
    world.tenant.drop("tokens", world.tenant.of("tokens", user["id"]))
    world.tenant.logged_out[user["id"]] = world.tenant.logged_out.get(user["id"], 0) + 1
    _happened(world, "user.authentication.universal_logout.scheduled", user)
    return Answer(204)


@operations.on("DELETE", USER + "/grants", "okta.users.manage")
def revoke_grants(world: Okta, _call: Call, name: str) -> Answer:
    world.tenant.drop("grants", world.tenant.of("grants", world.tenant.user(name)["id"]))
    return Answer(204)


@operations.on("DELETE", USER + "/grants/{}", "okta.users.manage")
def revoke_grant(world: Okta, _call: Call, name: str, key: str) -> Answer:
    return _dropped(world, "grants", name, key, "OAuth2ScopeConsentGrant")


def _dropped(world: Okta, shelf: str, name: str, key: str, kind: str) -> Answer:
    user, found = world.tenant.user(name), world.tenant.shelves[shelf].get(key)
    if found is None or found["_of"] != user["id"]:
        raise not_found(key, kind)
    del world.tenant.shelves[shelf][key]
    return Answer(204)


@operations.on("DELETE", USER + "/clients/{}/tokens", "okta.users.manage")
def revoke_tokens(world: Okta, _call: Call, name: str, client: str) -> Answer:
    held = world.tenant.of("tokens", world.tenant.user(name)["id"])
    world.tenant.drop("tokens", [one for one in held if one["clientId"] == client])
    return Answer(204)


@operations.on("DELETE", "/api/v1/api-tokens/{}", "okta.apiTokens.manage", super_admin=True)
def revoke_api_token(world: Okta, _call: Call, key: str) -> Answer:
    if world.tenant.shelves["api_tokens"].pop(key, None) is None:
        raise not_found(key, "ApiToken")
    return Answer(204)


@operations.on("DELETE", USER + "/factors/{}", "okta.users.manage")
def remove_factor(world: Okta, _call: Call, name: str, key: str) -> Answer:
    user = world.tenant.user(name)
    held = world.tenant.of("factors", user["id"])
    chosen = next((one for one in held if one["id"] == key), None)
    if chosen is None:
        raise not_found(key, "Factor")
    verify = [one for one in held if one["provider"] == "OKTA" and one["factorType"] in VERIFY]
    whole = chosen in verify and chosen["factorType"] != "token:software:totp"      # all of Okta Verify goes with it
    _unenrol(world, user, verify if whole else [chosen])
    return Answer(204)


def _unenrol(world: Okta, user: Obj, factors: list[Obj]) -> None:
    gone = {one["id"] for one in factors}
    world.tenant.drop("factors", factors)
    world.tenant.drop("enrolments", [one for one in world.tenant.of("enrolments", user["id"]) if one["_factor"] in gone])
    for _ in factors:
        _happened(world, "user.mfa.factor.deactivate", user)


@operations.on("DELETE", USER + "/authenticator-enrollments/{}", "okta.users.manage", engine=True)
def remove_enrolment(world: Okta, _call: Call, name: str, key: str) -> Answer:
    found = world.tenant.shelves["enrolments"].get(key)
    said = _dropped(world, "enrolments", name, key, "AuthenticatorEnrollment")
    world.tenant.shelves["factors"].pop(found["_factor"] if found else "", None)
    return said


@operations.on("POST", USER + "/lifecycle/reset_factors", "okta.users.manage")
def reset_factors(world: Okta, _call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    for shelf in ("factors", "enrolments"):
        world.tenant.drop(shelf, world.tenant.of(shelf, user["id"]))
    _happened(world, "user.mfa.factor.reset_all", user)
    return Answer.json({})


@operations.on("POST", USER + "/roles", "okta.roles.manage", super_admin=True)
def assign_role(world: Okta, call: Call, name: str) -> Answer:
    user, said = world.tenant.user(name), call.data
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise Refusal(400, "E0000003", "The request body was not well-formed.")
    made = seed.add_role(world.tenant, user["id"], said)
    _happened(world, "user.account.privilege.grant", user)
    return Answer.json(shown(made), 201)


@operations.on("DELETE", USER + "/roles/{}", "okta.roles.manage", super_admin=True)
def unassign_role(world: Okta, _call: Call, name: str, key: str) -> Answer:
    if world.tenant.shelves["roles"].get(key, {}).get("assignmentType") == "GROUP":
        raise invalid("role", "The role is assigned through a group")
    return _dropped(world, "roles", name, key, "RoleAssignment")


# -- passwords -----------------------------------------------------------------------------------------------------

def _new_password(world: Okta, call: Call, user: Obj, status: str, kind: str) -> str:
    """The password is another one now. Answers bear a live secret, which the world remembers."""
    if user["status"] == "SUSPENDED" and world.options.reset == "refuses":
        raise Refusal(403, "E0000016", "Activation failed because the user is already suspended")
    if user["status"] != "SUSPENDED" or world.options.reset == "lifts":
        user["status"] = status
    user["_password"] += 1
    if call.get("revokeSessions") == "true":
        world.tenant.drop("sessions", world.tenant.of("sessions", user["id"]))
    secret = hashlib.sha256(f"{user['id']} {user['_password']} {world.options.seed}".encode()).hexdigest()[:20]
    world.tenant.secrets.append(secret)
    _happened(world, kind, user)
    return secret


@operations.on("POST", USER + "/lifecycle/reset_password", "okta.users.manage")
def reset_password(world: Okta, call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    if call.get("sendEmail") not in ("true", "false"):
        raise invalid("sendEmail", "sendEmail: is required")
    secret = _new_password(world, call, user, "RECOVERY", "user.account.reset_password")
    link = {"resetPasswordUrl": f"https://{seed.ORG}/reset_password/{secret}"}
    return Answer.json(link if call.get("sendEmail") == "false" else {})


@operations.on("POST", USER + "/lifecycle/expire_password_with_temp_password", "okta.users.manage")
def temporary_password(world: Okta, call: Call, name: str) -> Answer:
    user = world.tenant.user(name)
    return Answer.json({"tempPassword": _new_password(world, call, user, "PASSWORD_EXPIRED", "user.account.expire_password")})
