"""Tokens that a world mints and then accepts, and the claims of the assertions it is shown."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from irkit.worlds.world import Call


class Grant(Struct, frozen=True):
    """What a token is good for. `scopes` empty: for all, as irkit's own ready token is."""

    who: str
    scopes: frozenset[str]
    ends: datetime | None = None

    def allows(self, scope: str) -> bool:
        return not self.scopes or scope in self.scopes


class Tokens:
    """The tokens of one world. Reproducible: the same calls get the same tokens."""

    def __init__(self, now: Callable[[], datetime], seed: str) -> None:
        self._now, self._seed = now, seed
        self._grants: dict[str, Grant] = {}

    def issue(self, who: str, scopes: Iterable[str] = (), seconds: int | None = None) -> str:
        """A new token; without `seconds` it does not end."""
        value = hashlib.sha256(f"{self._seed} token {len(self._grants)}".encode()).hexdigest()[:40]
        ends = None if seconds is None else self._now() + timedelta(seconds=seconds)
        self._grants[value] = Grant(who, frozenset(scopes), ends)
        return value

    def find(self, call: Call, *schemes: str, header: str = "authorization") -> Grant | None:
        """The grant of the token a call bears behind one of `schemes` (or "Bearer", always taken), while it lasts."""
        text = call.authorization or call.headers.get("authorization", "")
        shown = [text.partition(" ")[2].removeprefix("token=")] if text.lower().startswith(
            tuple(f"{scheme.lower()} " for scheme in (*schemes, "Bearer"))) else []
        if header != "authorization":
            shown.append(call.headers.get(header.lower(), ""))
        found = next((self._grants[value] for value in shown if value in self._grants), None)
        return found if found and (found.ends is None or found.ends > self._now()) else None

    def revoke(self, value: str) -> None:
        self._grants.pop(value, None)


def claims(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims of a JWT, two empty mappings where it is none. The signature is not checked: a world knows no key."""
    try:
        head, body = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in assertion.split(".")[:2])
    except ValueError:
        return {}, {}
    return (head, body) if isinstance(head, dict) and isinstance(body, dict) else ({}, {})
