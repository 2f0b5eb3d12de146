"""`irkit watch`: an incident as it stands, then what comes, a line each. Pure, like `irkit.ui.screen`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from irkit.engine.gate import Where
from irkit.engine.values import numbered
from irkit.ui import clocks
from irkit.ui.layout import WIDEST, Page, utc
from irkit.ui.reading import Row, ledger_show_lines
from irkit.ui.screen import header, prefixed
from irkit.ui.text import clip, safe, wrap

COLUMNS = (13, 19)       # of who and of the kind, so that rows which come one by one stand below each other
WORDS = 100              # of an entry, in columns
NARROW = 60              # columns, below which a row has no room for all of its own


class Stand(Struct, frozen=True):
    """A run as somebody who follows it sees it. `where` names the step at work; `steps` are (number, word, title)."""

    where: Where
    steps: Sequence[tuple[int, str, str]]
    at_work: str                   # "asked", the state of that step; empty where none is begun
    waiting: Sequence[str]         # open approvals, and requests whose outcome is unknown
    closed: bool = False


def stand_lines(stand: Stand, *, width: int = WIDEST, tz: tzinfo | None = None, prefix: str = "") -> list[str]:
    """The two lines on top, the steps with their states, what waits, and the clocks."""
    page, where = Page.of(width, tz, prefix), stand.where
    head = header(where, page, prefix.strip())
    steps = page.listed([(f"{number:>2} {word}", title) for number, word, title in stand.steps])
    waiting = [line for text in stand.waiting for line in page.ready(text)]
    timed = page.labelled("Clocks", clocks.listed(where.deadlines, where.now, page)) if where.deadlines else []
    return prefixed([*head, *steps, "", *waiting, *timed, ""], prefix)


def row_lines(rows: Sequence[Row], *, width: int = WIDEST, prefix: str = "", head: bool = False) -> list[str]:
    """Entries as they come, in few words; `irkit ledger show` has all of them."""
    if (room := min(width, WIDEST) - len(prefix)) < NARROW:
        return prefixed([line for row in rows for line in _narrow(row, room)], prefix)
    who, kind = COLUMNS
    rows = [replace(row, who=clip(safe(row.who), who - 1), kind=clip(safe(row.kind), kind - 1),
                    what=clip(safe(row.what), WORDS)) for row in rows]
    lines = [clip(line, room) for line in ledger_show_lines(rows, width=room, columns=COLUMNS)]
    return prefixed(lines if head else lines[1:], prefix)


def _narrow(row: Row, room: int) -> list[str]:
    """The kind beside the time, the rest below it."""
    what = wrap(f"{row.who}: {clip(safe(row.what), WORDS)}", room - 5)
    return [clip(line, room) for line in (f"{row.seq:>3}  {utc(row.at)} {safe(row.kind)}", *(f"     {line}" for line in what))]


def status_line(stand: Stand, *, width: int = WIDEST, tz: tzinfo | None = None, prefix: str = "") -> str:
    """Where it stands, in one line that is written over."""
    page, where = Page.of(width, tz, prefix), stand.where
    step = f"step {where.number} of {where.total}" + (f" {stand.at_work}" if stand.at_work else "")
    first = "closed" if stand.closed else step if where.number else "no step is open"
    parts = [f"{where.now.astimezone(UTC):%H:%M:%S}Z", first, *([numbered(len(stand.waiting), "thing") + " waiting"]
                                                                  if stand.waiting else []), *clocks.segments(where, page)]
    return clip(prefix + " | ".join(map(safe, parts)), width - 3)      # with room for ^C
