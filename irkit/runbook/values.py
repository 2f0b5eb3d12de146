"""Durations, times and addresses as people write them, and back.

Durations are a number and one unit (`90s 15m 72h 60d`), times RFC 3339 or `now`; a time without its zone is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime.fromtimestamp(0, UTC)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = r"[0-9]{1,6}[smhd]"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
                     r"([Zz]|[+-][0-9]{2}:[0-9]{2})")
_RELATIVE = re.compile(rf"([a-z][a-z0-9_]*)\s*([+-])\s*({DURATION})")


def duration(text: str) -> timedelta:
    """`15m` as a timedelta. Raises ValueError with a sentence."""
    if not re.fullmatch(DURATION, text.strip()):
        raise ValueError(f"{_short(text)} is not a duration; write 90s, 15m, 72h or 60d")
    return timedelta(seconds=int(text.strip()[:-1]) * UNITS[text.strip()[-1]])


def duration_text(span: timedelta) -> str:
    """In the biggest unit that leaves no rest; days only from four on, since deadlines are said in hours."""
    seconds = int(span.total_seconds())
    for unit in ("d", "h", "m"):
        count, rest = divmod(seconds, UNITS[unit])
        if not rest and count >= (4 if unit == "d" else 1):
            return f"{count}{unit}"
    return f"{seconds}s"


def timestamp(text: str, now: datetime) -> datetime:
    """An aware time in UTC. Raises ValueError with a sentence."""
    if text.strip() == "now":
        return now.astimezone(UTC)
    if _MOMENT.fullmatch(text.strip()):
        try:
            return datetime.fromisoformat(text.strip().upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass                                # 30 February, 24:61, a year 0
    raise ValueError(f"{_short(text)} is not a time; write it like 2026-03-07T23:40:00Z, with its zone, or now")


def rfc3339(moment: datetime) -> str:
    """In UTC with Z; microseconds only when there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def email(text: str) -> str:
    """One address, trimmed. Raises ValueError with a sentence."""
    if not re.fullmatch(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"/]{1,255}", text.strip()):
        raise ValueError(f"{_short(text)} is not an e-mail address")
    return text.strip()


def relative(text: str) -> tuple[str, timedelta] | None:
    """`aware_at - 30d` as the name and what to add to it, or None when the text is something else."""
    found = _RELATIVE.fullmatch(text.strip())
    return (found[1], duration(found[3]) * (-1 if found[2] == "-" else 1)) if found else None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
