"""How far this machine's clock was from the vendors' clocks, as their answers' HTTP Date headers say.

It proves nothing against whoever writes the ledger; it shows honest error. A Date has whole seconds, so one answer leaves an
interval of a second and the time that the exchange took; many leave less.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from irkit.ledger.adjtime import Interval, combined, offset_of_date
from irkit.ledger.entry import ANSWER
from irkit.ledger.finding import FLAGGED, Finding
from irkit.ledger.source import Found

TOLERATED = timedelta(seconds=2)


def seen_in(at: datetime, data: Mapping[str, Any]) -> Interval | None:
    """What an answer's Date says, given its entry's time and data; None where nothing, and in a drill, whose Dates are made."""
    if "date" not in data or "drill_at" in data:
        return None
    try:
        return offset_of_date(datetime.fromisoformat(data["date"]), at - timedelta(milliseconds=data["ms"]), at)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


class Dates:
    """Hears of each entry in order. A new stretch begins where the clock moved against the vendors'."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._first = self._last = 0
        self._offset: Interval | None = None

    def entry(self, seq: int, fields: Mapping[str, Any]) -> None:
        if fields["kind"] != ANSWER or (at := _time(fields["at"])) is None \
                or (seen := seen_in(at, fields.get("data", {}))) is None:
            return
        if not self._goes_on(seq, seq, seen):
            self.end()
            self._first, self._last, self._offset = seq, seq, seen

    def stretch(self, first: int, last: int, low: int, high: int) -> bool:
        """The same of answers from `first` to `last` that all allow so many microseconds. False where that is news."""
        return self._goes_on(first, last, (timedelta(microseconds=low), timedelta(microseconds=high)))

    def _goes_on(self, first: int, last: int, seen: Interval) -> bool:
        together = seen if self._offset is None else combined([seen, self._offset])
        if together is None:
            return False
        if self._offset is None:
            self._first = first
        self._offset, self._last = together, last
        return True

    def end(self) -> None:
        """The stretch is over: say how far the clock was off, if it was."""
        if self._offset is None:
            return
        low, high = self._offset
        if low > TOLERATED or high < -TOLERATED:
            self._found(Finding(self._first, "clock", f"the machine's clock was {low.total_seconds():+.1f} to "
                                f"{high.total_seconds():+.1f} s from the vendors' in entries {self._first} to {self._last}",
                                "Times of entries there are off by as much.", level=FLAGGED))
