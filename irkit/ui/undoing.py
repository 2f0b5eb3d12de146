"""`irkit undo INCIDENT`: what can be taken back, and what is lost, as lines. Pure, like `irkit.ui.screen`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from msgspec import Struct

from irkit.engine.state import Sending
from irkit.engine.values import numbered, summary
from irkit.ui.layout import WIDEST, Page


class Row(Struct, frozen=True):
    """One step. `sendings` are what can be undone of it; `lost` says what cannot, `changed` what an earlier undo found."""

    number: int
    id: str
    title: str
    sendings: Sequence[Sending]
    lost: str = ""
    changed: str = ""


def undo_lines(incident: str, rows: Sequence[Row], *, width: int = WIDEST) -> list[str]:
    """The steps that can be undone, then those that are lost with the reason, then the next command."""
    page = Page.of(width)
    possible = [row for row in rows if row.sendings]
    lines = [line for row in reversed(possible) for line in page.labelled("Undo", _possible(row))]
    for row in rows:
        if row.lost:
            lines += page.labelled("Lost", [f"{row.number} {row.title}", f"{row.lost[:1].upper()}{row.lost[1:]}."])
    if not lines:
        lines = page.wrapped("Nothing that this run sent is in effect, or was sent at all.")
    following = f"irkit undo {incident} {possible[-1].id}" if possible else f"irkit status {incident}"
    return [*lines, *page.labelled("Next", following)]


def _possible(row: Row) -> list[str]:
    sent = max(row.sendings, key=lambda s: s.seq)
    at = f"{sent.at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    many = len(row.sendings) > 1 or sent.item is not None
    what = f"what {numbered(len(row.sendings), 'request')} changed" if many else summary(sent.seen)
    lines = [f"{row.number} {row.title} ({row.id})", f"Restores {what}, as it was before {at}, entry {row.sendings[0].seq}."]
    return [*lines, *([f"Refused before: {row.changed.rstrip('.')}."] if row.changed else [])]
