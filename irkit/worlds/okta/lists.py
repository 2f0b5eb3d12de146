"""What the org lists: people, what belongs to them, roles, API tokens, the System Log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from irkit.worlds.okta import scim
from irkit.worlds.okta.seed import CLIENT, SCOPES
from irkit.worlds.okta.tenant import Obj, Operations, Refusal, cut, not_found, page, read_mark, shown, stamp, whole
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.okta import Okta

operations = Operations()
USER = "/api/v1/users/{}"
FLOOR, FURTHEST = timedelta(days=90), timedelta(days=180)


@operations.on("GET", "/api/v1/users", "okta.users.read")
def users(world: Okta, call: Call) -> Answer:
    people = list(world.tenant.shelves["users"].values())
    if not call.get("filter"):                       # the plain list leaves out who was deactivated
        return page(world, call, [one for one in people if one["status"] != "DEPROVISIONED"], default=200)
    wanted = scim.read(call.get("filter"))
    return page(world, call, [one for one in people if wanted(one) or world.options.ignore_filters], default=200)


@operations.on("GET", "/api/v1/users/me", "okta.users.read")
def me(world: Okta, call: Call) -> Answer:
    owner = world.person(call)
    if owner is None:                                # an app is nobody
        raise not_found("me", "User")
    return Answer.json(shown(owner))


@operations.on("GET", USER, "okta.users.read")
def user(world: Okta, _call: Call, name: str) -> Answer:
    return Answer.json(shown(world.tenant.user(name)))


@operations.on("GET", USER + "/grants", "okta.users.read")
def grants(world: Okta, call: Call, name: str) -> Answer:
    return page(world, call, world.tenant.of("grants", world.tenant.user(name)["id"]))


def _belonging(path: str, shelf: str, *, engine: bool = False, scope: str = "okta.users.read") -> None:
    @operations.on("GET", USER + path, scope, engine=engine)
    def listed(world: Okta, _call: Call, name: str) -> Answer:
        return whole(world.tenant.of(shelf, world.tenant.user(name)["id"]))


for _path, _shelf, _engine in (("/factors", "factors", False), ("/groups", "groups", False), ("/appLinks", "apps", False),
                               ("/authenticator-enrollments", "enrolments", True), ("/devices", "devices", True)):
    _belonging(_path, _shelf, engine=_engine)
_belonging("/roles", "roles", scope="okta.roles.read")


@operations.on("GET", USER + "/clients", "okta.users.read")
def clients(world: Okta, _call: Call, name: str) -> Answer:
    held = {one["clientId"]: one["_client"] for one in world.tenant.of("tokens", world.tenant.user(name)["id"])}
    return whole([{"client_id": key, "client_name": title, "client_uri": None} for key, title in held.items()])


@operations.on("GET", USER + "/clients/{}/tokens", "okta.users.read")
def tokens(world: Okta, call: Call, name: str, client: str) -> Answer:
    found = [one for one in world.tenant.of("tokens", world.tenant.user(name)["id"]) if one["clientId"] == client]
    if not found:
        raise not_found(client, "Client")
    return page(world, call, found)


def _targets(kind: str) -> None:
    @operations.on("GET", USER + "/roles/{}/targets/" + kind, "okta.roles.read")
    def listed(world: Okta, call: Call, name: str, role: str) -> Answer:
        world.tenant.user(name)
        found = world.tenant.shelves["roles"].get(role)
        if found is None:
            raise not_found(role, "RoleAssignment")
        return page(world, call, found["_limits"])


_targets("groups")
_targets("catalog/apps")


@operations.on("GET", "/api/v1/iam/assignees/users", "okta.roles.read")
def admins(world: Okta, call: Call) -> Answer:
    ids = dict.fromkeys(role["_of"] for role in world.tenant.shelves["roles"].values())
    rows: list[Obj] = [{"id": one, "orn": f"orn:okta:directory:drill:users:{one}"} for one in ids]
    part, after = cut(world, call, rows, most=100, default=100, empty=True)
    return Answer.json({"value": part, "_links": {"next": {"href": after}} if after else {}})


@operations.on("GET", "/oauth2/v1/clients/{}/roles", "okta.roles.read")
def client_roles(world: Okta, _call: Call, client: str) -> Answer:
    if client != CLIENT:
        raise not_found(client, "Client")
    held = [{"id": "irbdrill1", "type": world.options.role, "status": "ACTIVE", "assignmentType": "CLIENT"}]
    return whole(held if world.options.role else [])


@operations.on("GET", "/api/v1/apps/{}/grants", "okta.appGrants.read", super_admin=True)
def app_grants(world: Okta, _call: Call, app: str) -> Answer:
    if app != CLIENT:
        raise not_found(app, "AppInstance")
    granted = [{"id": f"oag{number}", "scopeId": scope, "status": "ACTIVE"} for number, scope in enumerate(SCOPES)
               if scope not in world.options.missing.split(",")]
    return whole(granted)


@operations.on("GET", "/api/v1/api-tokens", "okta.apiTokens.read", super_admin=True)
def api_tokens(world: Okta, _call: Call) -> Answer:
    return whole(list(world.tenant.shelves["api_tokens"].values()))


@operations.on("GET", "/api/v1/sessions/{}", "okta.sessions.read")
def session(world: Okta, _call: Call, key: str) -> Answer:
    found = world.tenant.shelves["sessions"].get(key)
    if found is None:
        raise not_found(key, "Session")
    return Answer.json(shown(found))


# -- the System Log ------------------------------------------------------------------------------------------------

def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refusal(400, "E0000053", "The since or until parameter is not a valid ISO 8601 time.")
    return found


@operations.on("GET", "/api/v1/logs", "okta.logs.read")
def logs(world: Okta, call: Call) -> Answer:
    """Bounded by `until` it ends; without, it is polled and never does. What is older than 90 days is left out in silence."""
    now, mark = world.now(), call.get("after")
    if mark and call.get("since"):
        raise Refusal(400, "E0000053", "The parameters since and after cannot be combined.")
    remembered = read_mark(mark)["since"] if mark else ""
    since = _time(remembered or call.get("since") or stamp(now - timedelta(days=7)))
    if since < now - FURTHEST:
        raise Refusal(400, "E0000053", "The since parameter is more than 180 days ago.")
    until = _time(call.get("until")) if call.get("until") else now
    wanted = scim.read(call.get("filter"), ("published",)) if call.get("filter") else lambda _row: True
    low, high = stamp(max(since, now - FLOOR)), stamp(until)
    rows = sorted((row for row in world.tenant.rows if low <= row["published"] <= high
                   and (wanted(row) or world.options.ignore_filters)), key=lambda row: str(row["published"]))
    return page(world, call, rows, most=1000, default=100, empty=True, since=stamp(since), endless=not call.get("until"))
