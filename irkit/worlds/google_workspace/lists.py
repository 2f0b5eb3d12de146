"""What the Directory lists: people, what belongs to them, roles, devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irkit.worlds.google_workspace.tenant import Obj, Operations, Refusal, page, shown
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.google_workspace import GoogleWorkspace

operations = Operations()
HOME = "/admin/directory/v1"
KIND = "admin#directory#"
SECURITY, ROLES = "admin.directory.user.security", "admin.directory.rolemanagement.readonly"


def _addresses(user: Obj) -> set[str]:
    return {one.casefold() for one in (user["primaryEmail"], *user.get("aliases", ()))}


def _sought(call: Call, user: Obj) -> bool:
    """Whether a search finds somebody. As Google's, a search for an address finds those that begin so, too."""
    field, _, wanted = call.get("query").replace("=", ":").partition(":")
    if field == "email":
        return any(one.startswith(wanted.casefold()) for one in _addresses(user))
    return field not in ("isAdmin", "isDelegatedAdmin") or str(user[field]).lower() == wanted


@operations.on("GET", f"{HOME}/users", "admin.directory.user.readonly")
def users(world: GoogleWorkspace, call: Call) -> Answer:
    if call.get("customer") != "my_customer":
        raise Refusal(400, "badRequest", "Bad Request")
    shelf = world.tenant.shelves["deleted" if call.get("showDeleted") == "true" else "users"]
    return page(world, call, KIND + "users", "users", [user for user in shelf.values() if _sought(call, user)], 500)


@operations.on("GET", f"{HOME}/users/{{}}", "admin.directory.user.readonly")
def user(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
    return Answer.json(shown(world.tenant.user(key)))


def _belonging(path: str, shelf: str, kind: str) -> None:
    """Lists that are not paged."""
    @operations.on("GET", f"{HOME}/users/{{}}/{path}", SECURITY)
    def listed(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
        found = [shown(one) for one in world.tenant.of(shelf, world.tenant.user(key)["id"])]
        return Answer.json({"kind": KIND + kind, "etag": '"drill"', **({"items": found} if found else {})})


_belonging("tokens", "tokens", "tokenList")
_belonging("asps", "asps", "aspList")


@operations.on("GET", f"{HOME}/users/{{}}/verificationCodes", SECURITY)
def codes(world: GoogleWorkspace, _call: Call, key: str) -> Answer:
    user_id = world.tenant.user(key)["id"]
    found = [{"kind": KIND + "verificationCode", "userId": user_id, "verificationCode": code}
             for code in world.tenant.codes.get(user_id, ())]
    return Answer.json({"kind": KIND + "verificationCodesList", **({"items": found} if found else {})})


@operations.on("GET", f"{HOME}/groups", "admin.directory.group.readonly")
def groups(world: GoogleWorkspace, call: Call) -> Answer:
    if not call.get("userKey") and not call.get("customer"):
        raise Refusal(400, "badRequest", "Domain or customer or userKey is required")
    rows = list(world.tenant.shelves["groups"].values())
    if call.get("userKey"):
        rows = world.tenant.of("groups", world.tenant.user(call.get("userKey"))["id"])
    return page(world, call, KIND + "groups", "groups", rows, 200)


@operations.on("GET", f"{HOME}/customer/{{}}/roles", ROLES)
def roles(world: GoogleWorkspace, call: Call, _customer: str) -> Answer:
    return page(world, call, KIND + "roles", "items", list(world.tenant.shelves["roles"].values()), 100)


@operations.on("GET", f"{HOME}/customer/{{}}/roleassignments", ROLES)
def assignments(world: GoogleWorkspace, call: Call, _customer: str) -> Answer:
    """Those by group are there only when both the person and the flag are given."""
    rows = list(world.tenant.shelves["assignments"].values())
    if call.get("userKey"):
        user_id = world.tenant.user(call.get("userKey"))["id"]
        mine = {user_id}
        if call.get("includeIndirectRoleAssignments") == "true":
            mine |= {group["id"] for group in world.tenant.of("groups", user_id)}
        rows = [row for row in rows if row["assignedTo"] in mine]
    return page(world, call, KIND + "roleAssignments", "items", rows, 200)


@operations.on("GET", f"{HOME}/customer/{{}}/devices/mobile", "admin.directory.device.mobile.readonly")
def devices(world: GoogleWorkspace, call: Call, _customer: str) -> Answer:
    wanted = "" if world.options.ignore_filters else call.get("query").removeprefix("email:").casefold()
    rows = [one for one in world.tenant.shelves["devices"].values() if not wanted or wanted in map(str.casefold, one["email"])]
    return page(world, call, KIND + "mobiledevices", "mobiledevices", rows, 100)
