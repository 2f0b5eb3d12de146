"""Answers in Freshdesk's shapes that must never be taken for a success."""

from __future__ import annotations

from irkit.action import Response

JUNK = {
    "validation": Response.of({"description": "Validation failed", "errors": [
        {"field": "role_ids", "message": "It should be a valid array", "code": "invalid_value"}]}, 400),
    "denied": Response.of({"code": "access_denied", "message": "You are not authorized to perform this action."}, 403),
    "credentials": Response.of({"code": "invalid_credentials", "message": "You have to be logged in."}, 401),
    "rows of nothing": Response.of([{}]), "rows of numbers": Response.of([7]),
}
