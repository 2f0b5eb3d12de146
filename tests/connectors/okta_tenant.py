"""Answers in Okta's shapes that no action may take for a success."""

from __future__ import annotations

from irkit.action import Response


def error(code: str, summary: str, status: int, headers: dict[str, str] | None = None) -> Response:
    said = {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oaeJUNK", "errorCauses": []}
    return Response.of(said, status, headers)


JUNK = {
    "token": error("E0000011", "Invalid token provided", 401),
    "role": error("E0000006", "You do not have permission to perform the requested action", 403),
    "scope": error("E0000006", "You do not have permission to perform the requested action", 403, {
        "www-authenticate": 'Bearer error="insufficient_scope", scope="okta.users.read"'}),
    "feature": error("E0000015", "You do not have permission to access the feature you are requesting", 403),
    "gone": error("E0000007", "Not found: Resource not found: 00u1 (User)", 404),
    "rows": Response.of([{"id": 7}, None, "x", {"id": "00u1", "status": None}]),
    "another": Response.of({"id": "00uSomebodyElse", "status": "SUSPENDED"}),
}
