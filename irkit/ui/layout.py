"""A page of left-labelled lines: nine columns of label, text beside it, numbers at the right edge; and how times are written.

Rules: 80 columns at most, however wide the terminal is. A label stands in the first column and only irkit's own words are
labels: what others wrote is always beside or below one. Times are UTC; a deadline has the local time beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from irkit.engine.gate import Deadline
from irkit.ui.text import cells, join, pad, safe, wrap

WIDEST = 80
NARROWEST = 24
GUTTER = 9


class Page(Struct, frozen=True):
    """Where lines are laid out. `width` in columns; `zone` is the local time zone, or None for UTC alone."""

    width: int = WIDEST
    zone: tzinfo | None = None

    @classmethod
    def of(cls, width: int, zone: tzinfo | None = None, prefix: str = "") -> Page:
        """The page that a terminal of `width` columns gives, less the prefix of every line."""
        return cls(max(NARROWEST, min(width, WIDEST) - cells(prefix)), zone)

    @property
    def edge(self) -> int:
        """The column in which rules, badges and entry numbers end: two short of the page, as some terminals wrap early."""
        return self.width - 2

    def wrapped(self, text: str) -> list[str]:
        """Irkit's own words, without a label."""
        return wrap(text, self.width)

    def hanging(self, text: str) -> list[str]:
        """Words of others without a label; what does not fit goes on beside the labels, so that it cannot pass for one."""
        first, *rest = wrap(text, self.width)
        return [first, *(" " * GUTTER + line for line in wrap(" ".join(rest), self.width - GUTTER))] if rest else [first]

    def segments(self, *parts: str) -> list[str]:
        """`a | b | c`, broken between the parts where the line is full."""
        shown = [safe(part) for part in parts if part]
        return [line for joined in join(shown, self.width, " | ") for line in self.hanging(joined)]

    def labelled(self, label: str, texts: str | Iterable[str], right: str = "") -> list[str]:
        """The label, the texts beside it, and `right` at the right edge of the last line (or below it when that is full)."""
        paragraphs = [texts] if isinstance(texts, str) else list(texts)
        body = [line for text in paragraphs for line in wrap(text, self.width - GUTTER)]
        lines = [" " * GUTTER + line if line else "" for line in body] or [""]
        lines[0] = pad(label, GUTTER - 1) + " " + lines[0][GUTTER:]
        return self.aside(lines, right, " " * GUTTER) if right else [line.rstrip() for line in lines]

    def aside(self, lines: Sequence[str], right: str, indent: str = "") -> list[str]:
        """Put `right` at the right edge of the last line; on a line of its own when there is no room for it."""
        *before, last = lines
        shown = safe(right)
        room = self.edge - cells(last) - cells(shown)
        if room >= 2:
            return [*before, last + " " * room + shown]
        below = max(len(indent), self.edge - cells(shown))
        return [*lines, " " * below + shown]

    def verdict(self, text: str, code: int) -> list[str]:
        """The last line of a command: what came of it, and the exit code."""
        return self.aside(self.hanging(text), f"exit {code}")

    def ready(self, line: str) -> list[str]:
        """A line that its writer laid out: one that begins with a label keeps it in the gutter, any other is wrapped."""
        line = safe(line)
        head = line[:GUTTER]
        if len(head) == GUTTER and head.endswith(" ") and " " not in head.strip():
            return self.labelled(head.strip(), line[GUTTER:])
        return self.hanging(line)

    def listed(self, rows: Sequence[tuple[str, str]], gutter: int = 0) -> list[str]:
        """Two columns, the second wrapped below itself; where the first is wide, below the first."""
        first = max((cells(safe(key)) for key, _ in rows), default=0) + 2
        narrow = first > (self.width - gutter) // 2
        indent = " " * gutter + " " * (2 if narrow else first)
        lines = []
        for key, text in rows:
            body = [indent + line for line in wrap(text, self.width - len(indent))]
            head = " " * gutter + pad(safe(key), first)
            lines += [head, *body] if narrow else [head + body[0][len(indent):], *body[1:]]
        return [line.rstrip() for line in lines]

    # -- times -------------------------------------------------------------------------------------------------------

    def moment(self, at: datetime) -> str:
        """`2026-11-23 02:06Z, 03:06 Paris`."""
        utc = at.astimezone(UTC)
        text = f"{utc:%Y-%m-%d %H:%M}Z"
        if self.zone is None:
            return text
        local = utc.astimezone(self.zone)
        day = "" if local.date() == utc.date() else f"{local:%Y-%m-%d} "
        return f"{text}, {day}{local:%H:%M} {_place(local)}"

    def due_in(self, deadline: Deadline, now: datetime) -> str:
        """`GDPR art. 33 notice due in 71:41 (2026-11-23 02:06Z, 03:06 Paris)`, for a screen that is acted on."""
        if deadline.due is None or deadline.state != "running":
            return f"{deadline.title} {deadline.state}"
        left = (deadline.due - now).total_seconds()
        how = f"{'DUE' if deadline.near(now) else 'due'} in {hm(left)}" if left >= 0 else f"OVERDUE by {hm(-left)}"
        return f"{deadline.title} {how} ({self.moment(deadline.due)})"

    def due_at(self, deadline: Deadline, now: datetime) -> str:
        """`GDPR art. 33 notice due 2026-11-23 02:06Z (67:48 left)`, for a screen that is kept."""
        if deadline.due is None or deadline.state != "running":
            return f"{deadline.title} {deadline.state}"
        left = (deadline.due - now).total_seconds()
        how = f"{hm(left)} left" if left >= 0 else f"OVERDUE by {hm(-left)}"
        return f"{deadline.title} due {self.moment(deadline.due)} ({how})"


def _place(local: datetime) -> str:
    """`Paris` for Europe/Paris; the zone's abbreviation where it has no place."""
    key = getattr(local.tzinfo, "key", "")
    return safe(key.rpartition("/")[2].replace("_", " ") if "/" in key else local.tzname() or "local")


def hms(seconds: float) -> str:
    """`00:18:42`."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def hm(seconds: float) -> str:
    """Hours and minutes, `71:41`; with days where it is more than four of them, `59 d 23:59`."""
    minutes = int(max(0.0, seconds)) // 60
    if minutes > 4 * 24 * 60:
        return f"{minutes // 1440} d {minutes // 60 % 24:02}:{minutes % 60:02}"
    return f"{minutes // 60:02}:{minutes % 60:02}"


def ms(seconds: float) -> str:
    """Minutes and seconds, `00:38`."""
    whole = int(max(0.0, seconds))
    return f"{whole // 60:02}:{whole % 60:02}"


def utc(at: datetime) -> str:
    """`02:25:07Z`."""
    return f"{at.astimezone(UTC):%H:%M:%S}Z"


def size(count: int) -> str:
    """Bytes as people read them: `312 bytes`, `4.1 MB` (powers of ten)."""
    if count < 1000:
        return f"{count} byte" + ("" if count == 1 else "s")
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"


def short_hash(digest: str) -> str:
    """`77be..10`: enough to compare by eye on one screen, never to prove anything."""
    return f"{digest[:4]}..{digest[-2:]}" if len(digest) > 8 else digest
