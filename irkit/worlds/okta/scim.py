"""Okta's filter expressions (SCIM): read, and asked of a row. Values are compared by their case."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from irkit.worlds.okta.tenant import Refusal

Test = Callable[[Any], bool]
_PARTS = re.compile(r'\s*(\(|\)|"(?:[^"\\]|\\.)*"|[^\s()"]+)')
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda held, asked: held == asked, "ne": lambda held, asked: held != asked, "sw": str.startswith,
    "ew": str.endswith, "co": lambda held, asked: asked in held}


def _values(row: Any, path: str) -> list[str]:
    """What stands at a path, through lists."""
    found = [row]
    for part in path.split("."):
        found = [one for thing in found for one in (thing if isinstance(thing, list) else [thing])]
        found = [one.get(part) for one in found if isinstance(one, dict)]
    return [one for one in found if isinstance(one, str)]


def read(text: str, forbidden: tuple[str, ...] = ()) -> Test:
    """The test that a filter asks for. Raises Refusal: E0000053 for what is no filter, E0000031 for an unknown operator."""
    parts = _PARTS.findall(text)
    if "".join(parts).replace(" ", "") != text.replace(" ", "") or not parts:
        raise _wrong(text)
    test, rest = _either(parts, forbidden)
    if rest:
        raise _wrong(text)
    return test


def _wrong(what: str) -> Refusal:
    return Refusal(400, "E0000053", f"Invalid filter '{what[:80]}'.")


def _either(parts: list[str], forbidden: tuple[str, ...]) -> tuple[Test, list[str]]:
    left, rest = _both(parts, forbidden)
    while rest and rest[0] == "or":
        right, rest = _both(rest[1:], forbidden)
        left = _or(left, right)
    return left, rest


def _both(parts: list[str], forbidden: tuple[str, ...]) -> tuple[Test, list[str]]:
    left, rest = _one(parts, forbidden)
    while rest and rest[0] == "and":
        right, rest = _one(rest[1:], forbidden)
        left = _and(left, right)
    return left, rest


def _one(parts: list[str], forbidden: tuple[str, ...]) -> tuple[Test, list[str]]:
    if parts[:1] == ["("]:
        test, rest = _either(parts[1:], forbidden)
        if rest[:1] != [")"]:
            raise _wrong("(")
        return test, rest[1:]
    if len(parts) < 2 or parts[0] in forbidden:
        raise _wrong(" ".join(parts))
    path, name = parts[0], parts[1]
    if name == "pr":
        return lambda row: bool(_values(row, path)), parts[2:]
    if name not in OPERATORS:
        raise Refusal(400, "E0000031", f"Invalid search criteria: {name} is no operator.")
    if len(parts) < 3 or not parts[2].startswith('"'):
        raise _wrong(" ".join(parts[:3]))
    asked, compare = re.sub(r"\\(.)", r"\1", parts[2][1:-1]), OPERATORS[name]
    return lambda row: any(compare(held, asked) for held in _values(row, path)), parts[3:]


def _or(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _and(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)
