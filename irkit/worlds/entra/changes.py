"""What Graph changes: accounts, watermarks, grants, app roles, methods, devices, secrets, risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irkit.worlds.entra import seed
from irkit.worlds.entra.tenant import Obj, Operations, Refusal, stamp
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.entra import Entra

operations = Operations()
DENIED = ("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
KINDS = {"phoneMethods": "phone", "softwareOathMethods": "softwareOath", "fido2Methods": "fido2", "emailMethods": "email",
         "microsoftAuthenticatorMethods": "microsoftAuthenticator", "temporaryAccessPassMethods": "temporaryAccessPass",
         "windowsHelloForBusinessMethods": "windowsHelloForBusiness", "platformCredentialMethods": "platformCredential"}


def _found(world: Entra, shelf: str, ident: str) -> Obj:
    found = world.tenant.shelves[shelf].get(ident)
    if found is None:
        raise Refusal(404, "Request_ResourceNotFound", f"Resource '{ident}' does not exist.")
    return found


def _body(call: Call) -> Obj:
    if not isinstance(call.data, dict):
        raise Refusal(400, "BadRequest", "Unable to read JSON request payload.")
    return call.data


def _reaches(world: Entra, user: str) -> bool:
    """Whether the app may change somebody with these directory roles, their own and by group."""
    tenant = world.tenant
    held = {role["roleDefinitionId"] for one in (user, *(group["id"] for group in tenant.of("groups", user)))
            for role in tenant.of("roles", one)}
    own = {role["roleDefinitionId"] for role in tenant.of("roles", seed.APP)}
    return not held or (bool(own) and held <= {seed.HELPDESK}) or seed.GLOBAL in own


@operations.on("PATCH", "/v1.0/users/{}", "User.EnableDisableAccount.All")
def update_user(world: Entra, call: Call, key: str) -> Answer:
    user = world.tenant.user(key)
    if not _reaches(world, user["id"]):
        raise Refusal(403, *DENIED)          # accountEnabled is sensitive: permissions alone do not reach the privileged
    user.update({name: value for name, value in _body(call).items() if name == "accountEnabled"})
    return Answer(204)


@operations.on("POST", "/v1.0/users/{}/revokeSignInSessions", "User.RevokeSessions.All")
def revoke(world: Entra, _call: Call, key: str) -> Answer:
    user, moment = world.tenant.user(key), stamp(world.now())
    if user["userType"] != "Guest":          # for guests it says true as well, and does nothing
        world.later(world.options.lag, lambda: user.update(signInSessionsValidFromDateTime=moment))
        world.tenant.sessions_moved[user["id"]] = world.tenant.sessions_moved.get(user["id"], 0) + 1
    return Answer.json({"@odata.context": f"{world.base_url}/v1.0/$metadata#Edm.Boolean", "value": True})


@operations.on("DELETE", "/v1.0/oauth2PermissionGrants/{}", "DelegatedPermissionGrant.ReadWrite.All")
def delete_grant(world: Entra, _call: Call, ident: str) -> Answer:
    _found(world, "grants", ident)
    del world.tenant.shelves["grants"][ident]
    return Answer(204)


@operations.on("POST", "/v1.0/oauth2PermissionGrants", "DelegatedPermissionGrant.ReadWrite.All")
def make_grant(world: Entra, call: Call) -> Answer:
    said = _body(call)
    made = seed.add_grant(world.tenant, said["principalId"], said["clientId"], said["resourceId"], said["scope"])
    return Answer.json({key: value for key, value in made.items() if key != "_of"}, 201)


@operations.on("DELETE", "/v1.0/users/{}/appRoleAssignments/{}", "AppRoleAssignment.ReadWrite.All")
def delete_app_role(world: Entra, _call: Call, _key: str, ident: str) -> Answer:
    _found(world, "app_roles", ident)
    del world.tenant.shelves["app_roles"][ident]
    return Answer(204)


@operations.on("POST", "/v1.0/users/{}/appRoleAssignments", "AppRoleAssignment.ReadWrite.All")
def make_app_role(world: Entra, call: Call, key: str) -> Answer:
    said, user = _body(call), world.tenant.user(key)
    made = seed.add_app_role(world.tenant, user["id"], said["resourceId"], said["appRoleId"], stamp(world.now()))
    return Answer.json({key: value for key, value in made.items() if key != "_of"}, 201)


@operations.on("DELETE", "/v1.0/users/{}/authentication/{}/{}", "UserAuthenticationMethod.ReadWrite.All")
def delete_method(world: Entra, _call: Call, key: str, kind: str, ident: str) -> Answer:
    user, method = world.tenant.user(key), _found(world, "methods", ident)
    if kind not in KINDS or method["@odata.type"] != f"{seed.ODATA}{KINDS[kind]}AuthenticationMethod":
        raise Refusal(404, "resourceNotFound", "The authentication method does not exist under this type.")
    others = [one for one in world.tenant.of("methods", user["id"])
              if one is not method and "password" not in one["@odata.type"]]
    if method["_default"] and others:
        raise Refusal(400, "badRequest", "Cannot delete default method with other methods configured.")
    del world.tenant.shelves["methods"][ident]
    return Answer(204)


@operations.on("PATCH", "/v1.0/devices/{}", "Device.ReadWrite.All")
def update_device(world: Entra, call: Call, ident: str) -> Answer:
    _found(world, "devices", ident).update({k: v for k, v in _body(call).items() if k == "accountEnabled"})
    return Answer(204)


@operations.on("POST", "/v1.0/applications/{}/removePassword", "Application.ReadWrite.All")
def remove_secret(world: Entra, call: Call, ident: str) -> Answer:
    app, key = _found(world, "applications", ident), _body(call).get("keyId")
    left = [one for one in app["passwordCredentials"] if one["keyId"] != key]
    if len(left) == len(app["passwordCredentials"]):
        raise Refusal(400, "Request_BadRequest", "No password credential found with keyId.")
    app["passwordCredentials"] = left
    return Answer(204)


def _judged(verb: str, state: str, level: str) -> None:
    @operations.on("POST", f"/v1.0/identityProtection/riskyUsers/{verb}", "IdentityRiskyUser.ReadWrite.All", "p2")
    def judge(world: Entra, call: Call) -> Answer:
        for ident in _body(call).get("userIds", []):
            risk = world.tenant.shelves["risk"].setdefault(ident, {"id": ident})
            risk.update(riskState=state, riskLevel=level, riskLastUpdatedDateTime=stamp(world.now()))
        return Answer(204)


_judged("confirmCompromised", "confirmedCompromised", "high")
_judged("dismiss", "dismissed", "none")
