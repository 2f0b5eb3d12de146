"""The access log, the integration log, and the audit log of the organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from irkit.worlds.slack.workspace import Asked, Method, Obj, Refusal, Workspace, paged
from irkit.worlds.world import Answer


def _by_page(work: Workspace, asked: Asked, name: str, rows: Sequence[Obj]) -> Mapping[str, Any]:
    """count and page, at most 1,000 rows and 100 pages."""
    count, page = asked.number("count", 100), asked.number("page", 1)
    if count > 1000 or page > 100:
        raise Refusal("over_pagination_limit")
    count = min(count, work.options.page)
    pages = work.options.access_pages or max(1, -(-len(rows) // count))
    return {name: rows[(page - 1) * count:page * count],
            "paging": {"count": count, "total": len(rows), "page": page, "pages": pages}}


def _administrators(asked: Asked) -> None:
    if asked.who not in ("owner", "admin"):
        raise Refusal("not_allowed_token_type" if asked.who == "bot" else "missing_scope", needed="admin")


def access(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    if work.options.plan == "free":
        raise Refusal("paid_only")
    _administrators(asked)
    before = asked.number("before", int(work.now().timestamp()))
    return _by_page(work, asked, "logins", [one for one in work.logins if one["date_last"] <= before])


def integrations(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    _administrators(asked)
    wanted = asked.arg("user")
    return _by_page(work, asked, "logs", [one for one in work.integrations if wanted in ("", one["user_id"])])


def audit(work: Workspace, asked: Asked) -> Answer:
    """Owners of an organization alone; newest first."""
    if work.options.plan != "enterprise":
        return Answer.json({"ok": False, "error": "feature_not_enabled"}, 403)
    if asked.who != "owner":
        return Answer.json({"ok": False, "error": "team_not_authorized" if asked.who else "invalid_auth"},
                           403 if asked.who else 401)
    oldest, latest = asked.number("oldest", 0), asked.number("latest", 10**11)
    actor, action = asked.arg("actor"), asked.arg("action")
    if asked.number("limit", 100) > 9999:
        raise Refusal("invalid_limit", status=400)
    rows = [one for one in work.audit if oldest <= one["date_create"] <= latest and action in ("", one["action"])
            and actor in ("", one["actor"]["user"]["id"])]
    return Answer.json(paged(work, asked, "entries", rows, 9999))


METHODS: Mapping[str, Method] = {
    "team.accessLogs": Method(access, "admin", per_minute=20, form_only=True),
    "team.integrationLogs": Method(integrations, "admin", per_minute=20, form_only=True),
}
