"""What the Directory changes. Each change shows in the administrators' log, late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irkit.worlds.google_workspace import seed
from irkit.worlds.google_workspace.lists import HOME, SECURITY
from irkit.worlds.google_workspace.tenant import Obj, Operations, Refusal, shown, stamp
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.google_workspace import GoogleWorkspace

operations = Operations()
ROLES = "admin.directory.rolemanagement"


def _logged(world: GoogleWorkspace, event: str, user: Obj, **given: str) -> None:
    me, moment = world.tenant.user(seed.ADMIN), stamp(world.now())
    world.later(world.options.lag, lambda: seed.administered(world.tenant, me, event, user, moment, **given))


def _body(call: Call) -> Obj:
    if not isinstance(call.data, dict):
        raise Refusal(400, "parseError", "Parse Error")
    return call.data


@operations.on("PUT", f"{HOME}/users/{{}}", "admin.directory.user")
def update_user(world: GoogleWorkspace, call: Call, key: str) -> Answer:
    """What is not said stays as it is. Suspending resets tokens; app passwords stay, as Google does not say that they go."""
    user, wanted = world.tenant.user(key), _body(call).get("suspended")
    if wanted is True and not user["suspended"]:
        user.update(suspended=True, suspensionReason="ADMIN", suspensionTime=stamp(world.now()))
        for token in world.tenant.of("tokens", user["id"]):
            token["_reset"] = True
        _logged(world, "SUSPEND_USER", user)
    elif wanted is False and user["suspended"]:
        user["suspended"] = False
        for field in ("suspensionReason", "suspensionTime"):
            user.pop(field, None)
        _logged(world, "UNSUSPEND_USER", user)
    return Answer.json(shown(user))


def _removed(path: str, shelf: str, ident: str, event: str) -> None:
    @operations.on("DELETE", f"{HOME}/users/{{}}/{path}/{{}}", SECURITY)
    def remove(world: GoogleWorkspace, _call: Call, key: str, wanted: str) -> Answer:
        user = world.tenant.user(key)
        found = next((name for name, one in world.tenant.shelves[shelf].items() if one["_of"] == user["id"]
                      and str(one[ident]) == wanted and not one.get("_reset")), None)
        if found is None:
            raise Refusal(404, "notFound", f"Resource Not Found: {ident}")
        del world.tenant.shelves[shelf][found]
        _logged(world, event, user)
        return Answer(204)


_removed("tokens", "tokens", "clientId", "REVOKE_3LO_TOKEN")
_removed("asps", "asps", "codeId", "REVOKE_ASP")


@operations.on("POST", f"{HOME}/users/{{}}/verificationCodes/invalidate", SECURITY)
def invalidate(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
    user = world.tenant.user(key)
    if user["suspended"]:
        raise Refusal(400, "invalid", "User is suspended.")
    world.tenant.codes[user["id"]] = []
    _logged(world, "DELETE_2SV_SCRATCH_CODES", user)
    return Answer(204)


@operations.on("POST", f"{HOME}/users/{{}}/signOut", SECURITY)
def sign_out(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
    user = world.tenant.user(key)
    world.tenant.signed_out[user["id"]] = world.tenant.signed_out.get(user["id"], 0) + 1
    _logged(world, "RESET_SIGNIN_COOKIES", user)
    return Answer(204)


@operations.on("POST", f"{HOME}/users/{{}}/twoStepVerification/turnOff", SECURITY)
def turn_off(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
    user = world.tenant.user(key)
    user["isEnrolledIn2Sv"] = False
    _logged(world, "UNENROLL_USER_FROM_STRONG_AUTH", user)
    return Answer(204)


@operations.on("DELETE", f"{HOME}/customer/{{}}/roleassignments/{{}}", ROLES)
def delete_assignment(world: GoogleWorkspace, _call: Call, _customer: str, ident: str) -> Answer:
    found = world.tenant.shelves["assignments"].pop(ident, None)
    if found is None:
        raise Refusal(404, "notFound", "Resource Not Found: roleAssignmentId")
    if found["assigneeType"] == "user":
        _logged(world, "UNASSIGN_ROLE", world.tenant.user(found["assignedTo"]), ROLE_NAME=found["_name"])
    return Answer(204)


@operations.on("POST", f"{HOME}/customer/{{}}/roleassignments", ROLES)
def make_assignment(world: GoogleWorkspace, call: Call, _customer: str) -> Answer:
    said = _body(call)
    if said.get("roleId") not in world.tenant.shelves["roles"]:
        raise Refusal(404, "notFound", "Resource Not Found: roleId")
    made = seed.assign(world.tenant, str(said.get("assignedTo")), str(said["roleId"]), said.get("orgUnitId", ""))
    _logged(world, "ASSIGN_ROLE", world.tenant.user(made["assignedTo"]), ROLE_NAME=made["_name"])
    return Answer.json(shown(made))
