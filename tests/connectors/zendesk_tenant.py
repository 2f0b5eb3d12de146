"""Answers for `drive()`: a few objects of a Zendesk account, and a desk that hands answers out by method and path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from irkit.action import Request, Response

HOST = "https://acme.zendesk.com"
ADMIN: dict[str, Any] = {"id": 1, "name": "Break Glass", "email": "ir@acme.example", "role": "admin", "suspended": False}
DANA: dict[str, Any] = {
    "id": 3971, "name": "Dana Reyes", "email": "dana@acme.example", "role": "agent", "suspended": False, "active": True,
    "custom_role_id": 55, "role_type": 0, "last_login_at": "2026-03-07T02:11:00Z", "created_at": "2024-01-01T00:00:00Z"}
SESSION: dict[str, Any] = {"id": 12, "user_id": 3971, "authenticated_at": "2026-03-07T02:11:00Z",
                           "last_seen_at": "2026-03-07T23:00:00Z"}
TOKEN: dict[str, Any] = {"id": 77, "user_id": 3971, "client_id": 45, "scopes": ["read", "write"], "token": "a1b2c3d4e5",
                         "created_at": "2026-03-06T00:00:00Z", "used_at": "2026-03-07T20:00:00Z"}
WEBHOOK: dict[str, Any] = {"id": "01HX", "name": "sync", "endpoint": "https://collector.example/in", "http_method": "POST",
                           "status": "active", "created_by": "3971", "updated_by": "1", "created_at": "2026-03-07T22:00:00Z",
                           "updated_at": "2026-03-07T22:00:00Z"}

ME = {"GET /api/v2/users/me": [{"user": ADMIN}]}
NO_OWN_TOKEN = {"GET /api/v2/oauth/tokens/current": [Response.of({"error": "RecordNotFound"}, 404)]}
OWN_TOKEN = {"GET /api/v2/oauth/tokens/current": [{"token": {"id": 900, "user_id": 1}}]}

Answers = Mapping[str, Sequence[object]]


class Desk:
    """Answers by "METHOD /path": each answer once, the last one again and again. What is neither Response nor error is JSON."""

    def __init__(self, *answers: Answers) -> None:
        self.answers = {key: list(queue) for part in answers for key, queue in part.items()}
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Response:
        key = f"{request.method} {urlsplit(request.target).path}"
        self.asked.append(key)
        queue = self.answers[key]
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(found, BaseException):
            return found      # type: ignore[return-value]   # drive() throws what is an error
        return found if isinstance(found, Response) else Response.of(found)


def cursor(key: str, rows: list[Any], after: str = "", path: str = "") -> dict[str, Any]:
    """A page of a list paged by cursor; with `after` there is another one."""
    return {key: rows, "meta": {"has_more": bool(after), "after_cursor": after or None},
            "links": {"next": f"{HOST}{path}?page[after]={after}" if after else None}}


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query)
