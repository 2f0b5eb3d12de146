"""Who is who, and who may act as what: the one place where a role is looked up.

What counts is what genesis says, which was `[people]` of irkit.toml when the incident was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irkit.engine.state import State
from irkit.ledger.sshsig import fingerprint, read_public


@dataclass(frozen=True)
class Person:
    """`key` is the fingerprint of the key that signs for them; empty where none is known."""

    name: str
    title: str = ""
    phone: str = ""
    roles: tuple[str, ...] = ()
    key: str = ""


def everybody(state: State) -> list[Person]:
    """Everybody the incident knows by name."""
    return [_person(value) for name, value in state.listed.items() if isinstance(value, dict)]


def holders(state: State, role: str) -> list[Person]:
    """Those who may act in that role."""
    return [person for person in everybody(state) if role in person.roles]


def holder_of(state: State, key: str) -> Person | None:
    """The person whom that key signs for."""
    return next((person for person in everybody(state) if key and person.key == key), None)


def _person(value: Mapping[str, Any]) -> Person:
    roles = value.get("roles")
    return Person(str(value.get("name", "")), str(value.get("title", "")), str(value.get("phone", "")),
                  tuple(map(str, roles)) if isinstance(roles, list) else (), _fingerprint(str(value.get("key", ""))))


def _fingerprint(key: str) -> str:
    """Of a fingerprint, or of a line of a .pub file."""
    try:
        return key if key.startswith("SHA256:") or not key else fingerprint(read_public(key)[0])
    except ValueError:
        return ""
