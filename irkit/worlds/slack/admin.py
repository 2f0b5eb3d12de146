"""People, their sessions, and their accounts over SCIM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from irkit.worlds.slack.workspace import Asked, Method, Obj, Refusal, Workspace, paged
from irkit.worlds.world import Answer


def lookup(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    wanted = asked.arg("email").casefold()
    found = next((one for one in work.users.values() if one["profile"]["email"].casefold() == wanted), None)
    if found is None:
        raise Refusal("users_not_found")
    return {"user": found}


def user(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    return {"user": work.person(asked.arg("user"))}


def _allowed(work: Workspace, asked: Asked) -> None:
    if work.options.plan != "enterprise":
        raise Refusal("feature_not_enabled")
    if asked.who not in ("owner", "admin"):
        raise Refusal("not_an_admin")


def sessions(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """User and workspace together, or neither. None is an error, and so is a limit over 1,000."""
    _allowed(work, asked)
    user_id, team = asked.arg("user_id"), asked.arg("team_id")
    if bool(user_id) != bool(team):
        raise Refusal("missing_team" if user_id else "missing_user")
    if not 1 <= asked.number("limit", 1000) <= 1000:
        raise Refusal("invalid_limit")
    if user_id:
        work.person(user_id)
    rows = [one for one in work.sessions if user_id in ("", one["user_id"]) and one["session_id"] not in work.signed_out]
    if not rows:
        raise Refusal("no_active_sessions")
    return paged(work, asked, "active_sessions", rows)


def reset(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    _allowed(work, asked)
    found = work.person(asked.arg("user_id"))
    if found["is_primary_owner"]:
        raise Refusal("cannot_reset_primary_owner")
    if found["is_bot"]:
        raise Refusal("cannot_reset_bot")
    if not work.options.ignores_reset:
        work.sessions = [one for one in work.sessions if one["user_id"] != found["id"]]
        work.recorded("user_session_reset_by_admin", found["id"])
    return {}


def invalidate(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    _allowed(work, asked)
    left = [one for one in work.sessions
            if (one["user_id"], str(one["session_id"])) != (asked.arg("user_id"), asked.arg("session_id"))]
    if len(left) == len(work.sessions):
        raise Refusal("session_not_found")
    work.sessions = left
    work.recorded("user_session_invalidated", asked.arg("user_id"))
    return {}


# -- SCIM: real statuses ---------------------------------------------------------------------------------------------

def _error(status: int, description: str) -> Answer:
    return Answer.json({"Errors": {"description": description, "code": status}}, status)


def _resource(found: Obj) -> Obj:
    return {"schemas": ["urn:scim:schemas:core:1.0"], "id": found["id"], "userName": found["name"],
            "displayName": found["real_name"], "active": not found["deleted"],
            "emails": [{"value": found["profile"]["email"], "primary": True}]}


def scim(work: Workspace, asked: Asked) -> Answer:
    """GET one or all, PATCH active. A deactivated person's sessions end."""
    if not asked.who:
        return _error(401, "invalid_authentication")
    if work.options.plan != "enterprise" or asked.who not in ("owner", "admin") or work.options.lacks == "admin":
        return _error(403, "not_authorized")
    kind, _, key = unquote(asked.call.path.removeprefix("/scim/v1/")).partition("/")
    if kind != "Users":
        return _error(404, "not_found")
    if not key:
        rows = [_resource(one) for one in work.users.values()]
        return Answer.json({"totalResults": len(rows), "Resources": rows[:int(asked.arg("count", "10"))]})
    if key not in work.users:
        return _error(404, "user_not_found")
    found = work.users[key]
    if asked.call.method == "PATCH":
        active = (asked.call.data or {}).get("active")
        if not isinstance(active, bool):
            return _error(400, "invalid_attribute")
        found["deleted"] = not active
        if not active:
            work.signed_out |= {one["session_id"] for one in work.sessions if one["user_id"] == key}
            work.recorded("user_deactivated", key)
    elif asked.call.method != "GET":
        return _error(405, "method_not_allowed")
    return Answer.json(_resource(found))


METHODS: Mapping[str, Method] = {
    "users.lookupByEmail": Method(lookup, "users:read.email", form_only=True),
    "users.info": Method(user, "users:read", per_minute=100, form_only=True),
    "admin.users.session.list": Method(sessions, "admin.users:read", admin=True, per_minute=20),
    "admin.users.session.reset": Method(reset, "admin.users:write", admin=True, per_minute=20),
    "admin.users.session.invalidate": Method(invalidate, "admin.users:write", admin=True, per_minute=20),
}
