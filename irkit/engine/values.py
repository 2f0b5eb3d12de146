"""Results and looks as plain JSON values, and as words for a screen."""

from __future__ import annotations

import enum
import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

FINDINGS = frozenset({"told", "named", "matched"})       # the fields of a result that say what was found, where it has them
COLLECTED = frozenset({"name", "first", "last", "pages", "since", "until", "floor"})     # those of any collection of rows
MOST = 4       # texts of a list that are shown whole; of more the number is


@functools.lru_cache(4096)         # what templates see is made anew for every look at it
def rfc3339(moment: datetime) -> str:
    """UTC with "Z"; microseconds only where there are any."""
    return f"{(moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()[:-6]}Z"


def plain(value: Any) -> Any:
    """JSON-able: records become objects, tuples lists, times RFC 3339 text."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds())}s"
    return value.value if isinstance(value, enum.Enum) else value


def word(value: Any) -> str:
    """One value as a responder reads it: yes, no, unknown, a count, or the text itself."""
    if value is None or value == "":
        return "unknown" if value is None else "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        few = len(value) <= MOST and all(isinstance(v, str) for v in value)
        return "; ".join(value) if few else str(len(value))
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')}: {word(v)}" for k, v in value.items())
    return str(value)


def summary(result: Any, most: int = 6) -> str:
    """The first few fields of a result, as "suspended: yes, role: agent": what was found before how it was collected."""
    if not isinstance(result, dict):
        return word(result)
    behind = COLLECTED if result.keys() >= COLLECTED else frozenset()
    fields = sorted(result.items(), key=lambda field: (field[0] not in FINDINGS, field[0] in behind))
    shown = [f"{k.replace('_', ' ')}: {word(v)}" for k, v in fields if v not in ("", None, [], ())]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def changed(before: Any, after: Any) -> str:
    """The fields that the second look shows different from the first; all of the second where none are in both."""
    old = plain(before)
    if isinstance(old, dict) and isinstance(after, dict):
        moved = {k: v for k, v in after.items() if k in old and old[k] != v}
        if moved:
            return summary(moved)
    return summary(after)


def numbered(count: int, noun: str) -> str:
    """"1 session", "212 people"."""
    return f"{count} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a noun as connectors give it."""
    irregular = {"person": "people", "reply": "replies"}
    return irregular.get(noun) or (noun[:-1] + "ies" if re.search("[^aeiou]y$", noun) else noun + "s")


def name_of(item: Any) -> str:
    """An item as people know it."""
    if isinstance(item, dict):
        return str(next((item[k] for k in ("email", "name", "title", "id") if item.get(k)), item))
    return str(item)
