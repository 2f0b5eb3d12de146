"""Users, their sessions and identities, custom roles, background jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from irkit.worlds.world import Answer
from irkit.worlds.zendesk.state import Obj, Tenant, stamp
from irkit.worlds.zendesk.visit import Operations, Refusal, Visit, forbidden, invalid, not_found

operations = Operations()
ANONYMOUS: Obj = {"id": None, "name": "Anonymous user", "email": None, "role": "end-user", "verified": False, "active": False,
                  "suspended": False, "locale": "en-US", "time_zone": "UTC", "created_at": None, "updated_at": None}


@operations.on("GET", "/users/me", needs="")
def me(v: Visit) -> Answer:
    return Answer.json({"user": v.show("users", v.caller) if v.caller["id"] else ANONYMOUS})


@operations.on("GET", "/users/{}")
def show_user(v: Visit, user_id: str) -> Answer:
    return Answer.json({"user": v.show("users", v.one(v.tenant.users, user_id))})


@operations.on("GET", "/users/search")
def search_users(v: Visit) -> Answer:
    """Fuzzy as the vendor's: parts of names and addresses match."""
    query = v.call.get("query").lower().removeprefix("email:").strip('"')
    if not query:
        raise Refusal(400, "BadRequest", "The parameter query is required")
    return v.page("users", [user for user in v.tenant.users.values()
                            if query in user["email"] or query in user["name"].lower()], path="users")


@operations.on("GET", "/users")
def list_users(v: Visit) -> Answer:
    roles = v.call.all("role")
    custom = v.call.get("permission_set")
    return v.page("users", [user for user in v.tenant.users.values() if (not roles or user["role"] in roles)
                            and (not custom or str(user["custom_role_id"]) == custom)], path="users")


@operations.on("GET", "/deleted_users")
def list_deleted_users(v: Visit) -> Answer:
    """Those deleted for good too, without what would name them."""
    return v.page("deleted_users", v.tenant.deleted_users.values(), path="deleted_users")


@operations.on("PUT", "/users/{}", needs="admin")
def update_user(v: Visit, user_id: str) -> Answer:
    user = v.one(v.tenant.users, user_id)
    changes = _changes(v, user, v.body("user"))
    changes["updated_at"] = stamp(v.now)
    _log_user(v, user, changes)
    v.world.later(v.tenant.options.lag, lambda: user.update(changes))
    return Answer.json({"user": v.show("users", {**user, **changes})})


def _changes(v: Visit, user: Obj, given: Obj) -> Obj:
    """What an update does. Fields that are not ours to change are dropped without a word, as the vendor does."""
    changes: Obj = {}
    if "suspended" in given:
        if not isinstance(given["suspended"], bool):
            raise invalid("suspended", "Suspended: is not true or false")
        if given["suspended"] and user is v.caller:
            raise invalid("base", "You cannot suspend yourself")
        if given["suspended"] and user["_owner"]:
            raise invalid("base", "The account owner cannot be suspended")
        changes["suspended"] = given["suspended"]
    if "name" in given:
        changes["name"] = str(given["name"])
    if "role" in given or "custom_role_id" in given:
        changes |= _role_changes(v.tenant, user, given)
    return changes


def _role_changes(tenant: Tenant, user: Obj, given: Obj) -> Obj:
    role = given.get("role", user["role"])
    if role not in ("end-user", "agent", "admin"):
        raise invalid("role", "Role: is not recognised")
    if user["_owner"] and role != "admin":
        raise invalid("role", "The account owner must be an administrator")
    custom = given.get("custom_role_id") if role == "agent" else None
    if custom is not None and str(custom) not in tenant.custom_roles:
        raise invalid("custom_role_id", "Custom role: was not found")
    custom = int(custom) if custom is not None else None
    return {"role": role, "custom_role_id": custom, "role_type": 4 if role == "admin" else None if custom is None else 0}


def _log_user(v: Visit, user: Obj, changes: Obj) -> None:
    words = "; ".join(f"{name} changed from {user[name]} to {value}" for name, value in changes.items()
                      if name in ("suspended", "role", "custom_role_id", "name") and user[name] != value)
    if words:
        v.tenant.audit(v.now, v.caller, "update", ("user", user["id"], f"User: {user['name']}"), words)


@operations.on("PUT", "/users/update_many", needs="admin")
def update_many(v: Visit) -> Answer:
    users = [v.one(v.tenant.users, key) for key in v.ids()]
    batch = [(user, _changes(v, user, v.body("user"))) for user in users]

    def take_effect() -> None:
        for user, changes in batch:
            user.update(changes)
    for user, changes in batch:
        _log_user(v, user, changes)
    return _job(v, "Bulk Update User", len(users), take_effect)


@operations.on("POST", "/users/logout_many", needs="admin")
def logout_many(v: Visit) -> Answer:
    """Taken with 202; the sessions go when the background job gets to them."""
    keys = set(v.ids())
    _job(v, "Bulk Logout User", len(keys), lambda: _end(v, lambda s: str(s["user_id"]) in keys))
    return Answer(202)


def _job(v: Visit, kind: str, total: int, effect: Callable[[], None]) -> Answer:
    job = v.tenant.add(v.tenant.jobs, {"id": v.tenant.secret(f"job {len(v.tenant.jobs)}", 32), "job_type": kind, "total": total,
                                       "status": "queued", "progress": None, "message": None, "results": None,
                                       "_created": stamp(v.now)})
    answer = Answer.json({"job_status": v.show("job_statuses", job)})

    def run() -> None:
        effect()
        job.update(status="completed", progress=total, message=f"Completed at {stamp(v.now)}", results=[])
    v.world.later(v.tenant.options.lag, run)
    return answer


@operations.on("GET", "/job_statuses")
def list_jobs(v: Visit) -> Answer:
    return v.page("job_statuses", v.tenant.jobs.values(), path="job_statuses")


@operations.on("GET", "/job_statuses/{}")
def show_job(v: Visit, job_id: str) -> Answer:
    return Answer.json({"job_status": v.show("job_statuses", v.one(v.tenant.jobs, job_id))})


# -- sessions ----------------------------------------------------------------------------------------------------

def _end(v: Visit, which: Callable[[Obj], bool]) -> None:
    """End sessions; with single sign-on, whoever is not suspended is back half a minute later."""
    gone = [v.tenant.sessions.pop(key) for key, session in list(v.tenant.sessions.items()) if which(session)]
    if v.tenant.options.sso:
        for user_id in sorted({session["user_id"] for session in gone}):
            v.world.later(30, lambda user_id=user_id: _sign_in_again(v, user_id))    # type: ignore[misc]


def _sign_in_again(v: Visit, user_id: int) -> None:
    user = v.tenant.users[str(user_id)]
    if not user["suspended"] and user["role"] != "end-user":
        v.tenant.add(v.tenant.sessions, {"user_id": user_id, "authenticated_at": stamp(v.now), "last_seen_at": stamp(v.now)})


def _sessions(v: Visit, rows: list[Obj]) -> Answer:
    """Who is no administrator sees only what is theirs, with a 200 all the same."""
    return v.page("sessions", [row for row in rows if v.admin or row["user_id"] == v.caller["id"]], path="sessions")


@operations.on("GET", "/sessions")
def list_sessions(v: Visit) -> Answer:
    return _sessions(v, list(v.tenant.sessions.values()))


@operations.on("GET", "/users/{}/sessions")
def list_user_sessions(v: Visit, user_id: str) -> Answer:
    user = v.one(v.tenant.users, user_id)
    return _sessions(v, [row for row in v.tenant.sessions.values() if row["user_id"] == user["id"]])


def _own_session(v: Visit, user_id: str, session_id: str) -> Obj:
    _may_end(v, user_id)
    session = v.one(v.tenant.sessions, session_id)
    if str(session["user_id"]) != user_id:
        raise not_found()
    return session


def _may_end(v: Visit, user_id: str) -> None:
    v.one(v.tenant.users, user_id)
    if not v.admin and str(v.caller["id"]) != user_id:
        raise forbidden()


@operations.on("GET", "/users/{}/sessions/{}")
def show_session(v: Visit, user_id: str, session_id: str) -> Answer:
    return Answer.json({"session": v.show("sessions", _own_session(v, user_id, session_id))})


@operations.on("DELETE", "/users/{}/sessions/{}")
def end_session(v: Visit, user_id: str, session_id: str) -> Answer:
    gone = _own_session(v, user_id, session_id)
    _end(v, lambda session: session is gone)
    return Answer(204)


@operations.on("DELETE", "/users/{}/sessions")
def end_sessions(v: Visit, user_id: str) -> Answer:
    _may_end(v, user_id)
    _end(v, lambda session: str(session["user_id"]) == user_id)
    return Answer(204)


@operations.on("DELETE", "/users/me/logout")
def logout(_: Visit) -> Answer:
    """Ends a browser's session; a token or basic credential has none, so nothing happens."""
    return Answer(204)


# -- identities and roles ----------------------------------------------------------------------------------------

@operations.on("GET", "/users/{}/identities")
def list_identities(v: Visit, user_id: str) -> Answer:
    user = v.one(v.tenant.users, user_id)
    return v.page("identities", [row for row in v.tenant.identities.values() if row["user_id"] == user["id"]],
                  path=f"users/{user_id}/identities")


@operations.on("GET", "/custom_roles", plan="enterprise")
def list_custom_roles(v: Visit) -> Answer:
    roles = [v.show("custom_roles", role) for role in v.tenant.custom_roles.values()]
    return Answer.json({"custom_roles": roles, "count": len(roles), "next_page": None, "previous_page": None})


@operations.on("GET", "/custom_roles/{}", plan="enterprise")
def show_custom_role(v: Visit, role_id: str) -> Answer:
    found: dict[str, Any] = v.show("custom_roles", v.one(v.tenant.custom_roles, role_id))
    return Answer.json({"custom_role": found})


# -- groups ------------------------------------------------------------------------------------------------------

@operations.on("GET", "/groups")
def list_groups(v: Visit) -> Answer:
    return v.page("groups", v.tenant.groups.values(), path="groups")


@operations.on("GET", "/groups/{}/memberships")
def list_memberships(v: Visit, group_id: str) -> Answer:
    group = v.one(v.tenant.groups, group_id)
    return v.page("group_memberships", [row for row in v.tenant.memberships.values() if row["group_id"] == group["id"]],
                  path="group_memberships")
