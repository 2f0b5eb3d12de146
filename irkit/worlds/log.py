"""A long log without its memory: routine rows are a pure function of (seed, number), special rows are planted between.

A million rows cost nothing until they are read, and reading a page costs only that page. Positions count both kinds in
order of time. Rows are JSON text, since that is what leaves; `row()` parses one where a filter must look inside.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from irkit.worlds.world import encode

_MASK = 2**64 - 1
Row = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


def mix(number: int, seed: int = 0) -> int:
    """64 well-mixed bits of (number, seed), after Steele, Lea and Flood's SplitMix64."""
    z = (number + seed * 0x5851F42D4C957F2D + 1) * 0x9E3779B97F4A7C15 & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


class Log:
    """`count` routine rows spread evenly from `start` over `span`; `render(number, time)` gives the JSON text of one.

    Times are whole seconds since 1970.
    """

    def __init__(self, count: int, start: datetime, span: timedelta, render: Callable[[int, int], str]) -> None:
        self._count, self._render = count, render
        self._start, self._span = int(start.timestamp()), int(span.total_seconds())
        self._planted: list[tuple[int, int, Row]] = []           # time, serial, row
        self._marks: list[int] | None = []                       # their positions; None when out of date

    def __len__(self) -> int:
        return self._count + len(self._planted)

    def _time(self, number: int) -> int:
        return self._start + number * self._span // self._count

    def _routine_before(self, time: int) -> int:
        """How many routine rows are earlier than `time`."""
        if not self._count or time <= self._start:
            return 0
        return min(self._count, -(-(time - self._start) * self._count // self._span))

    def plant(self, at: datetime, row: Row) -> None:
        """Put a special row in its place; rows of one second stay in the order in which they came.

        A function makes the row each time it is read: most of an intruder's are never looked at.
        """
        bisect.insort(self._planted, (int(at.timestamp()), len(self._planted), row))
        self._marks = None

    def _positions(self) -> list[int]:
        if self._marks is None:
            self._marks = [self._routine_before(time) + n for n, (time, _, _) in enumerate(self._planted)]
        return self._marks

    def _place(self, position: int) -> tuple[int, bool]:
        """(number, planted?) of a position."""
        marks = self._positions()
        n = bisect.bisect_left(marks, position)
        if n < len(marks) and marks[n] == position:
            return n, True
        return position - n, False

    def text(self, position: int) -> str:
        number, planted = self._place(position)
        if not planted:
            return self._render(number, self._time(number))
        row = self._planted[number][2]
        return encode(row() if callable(row) else row).decode()

    def row(self, position: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text(position))
        return found

    def time(self, position: int) -> int:
        number, planted = self._place(position)
        return self._planted[number][0] if planted else self._time(number)

    def position(self, time: int) -> int:
        """The first position at or after `time`."""
        return self._routine_before(time) + bisect.bisect_left(self._planted, (time, -1, ""))
