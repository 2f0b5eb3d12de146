"""What is proven about which entries: who signed them, and between which two moments they were written.

- An entry is *attributed* only under a note of its own session. A later session's note shows that it existed, not who wrote it.
- Lower bound of entry n: the latest genTime − accuracy of the tokens whose `anchor.timestamp` has seq <= n. Upper bound: the
  earliest genTime + accuracy of the tokens over a note with size > n. Either may be missing.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

MOST_RANGES = 10_000


@dataclass
class Range:
    """Entries `first` to `last` of one session. `attributed`: a note of that session covers them."""

    first: int
    last: int
    session: int
    attributed: bool = False


class Attribution:
    """Takes entries and notes in order; `ranges` are those of the ledger, in order. Stops telling them apart after many."""

    def __init__(self) -> None:
        self.ranges: list[Range] = []
        self._open: dict[int, list[Range]] = {}        # session -> its ranges without a note of its own

    def entries(self, first: int, last: int, session: int) -> None:
        before = self.ranges[-1] if self.ranges else None
        if before is not None and before.session == session and before.last == first - 1 and not before.attributed:
            before.last = last
        elif len(self.ranges) < MOST_RANGES:
            self.ranges.append(Range(first, last, session))
            self._open.setdefault(session, []).append(self.ranges[-1])

    def note(self, session: int) -> None:
        """A note by the session's key, over all that came so far."""
        for one in self._open.pop(session, ()):
            one.attributed = True
        while len(self.ranges) > 1 and self._joins(*self.ranges[-2:]):
            last = self.ranges.pop()
            self.ranges[-1].last = last.last

    @staticmethod
    def _joins(one: Range, other: Range) -> bool:
        return one.session == other.session and one.attributed and other.attributed and one.last + 1 == other.first

    def adopted(self) -> list[Range]:
        """Those whose author is not proven."""
        return [one for one in self.ranges if not one.attributed]


class Anchor(NamedTuple):
    """A token that counts: `seq` of its anchor.timestamp, `size` of its note, the interval it proves, whose it is."""

    seq: int
    size: int
    earliest: datetime
    latest: datetime
    authority: str


class Assured(NamedTuple):
    """Entries `first` to `last`: whose they are (`attributed`: proven), and between which moments they were written."""

    first: int
    last: int
    session: int
    attributed: bool
    lower: datetime | None
    upper: datetime | None


class Windows:
    """Between which moments an entry was written, as the tokens prove it."""

    def __init__(self, anchors: Iterable[Anchor] = ()) -> None:
        anchors = list(anchors)
        self._seqs, self._lower = _running(sorted((a.seq, a.earliest) for a in anchors), max)
        self._sizes, self._upper = _running(sorted((-a.size, a.latest) for a in anchors), min)

    def of(self, seq: int) -> tuple[datetime | None, datetime | None]:
        below = bisect.bisect_right(self._seqs, seq)
        above = bisect.bisect_left(self._sizes, -seq)
        return self._lower[below - 1] if below else None, self._upper[above - 1] if above else None

    def unchanged(self, seq: int) -> int:
        """The last entry of those from `seq` on that have the same window."""
        here, last = self.of(seq), 1 << 60
        for at in sorted({*self._seqs, *(-size for size in self._sizes)}):
            if at > seq and self.of(at) != here:
                last = at - 1
                break
        return last


def assured(ranges: Iterable[Range], windows: Windows, most: int) -> list[Assured]:
    """The first `most` ranges of entries about which the same is proven."""
    found: list[Assured] = []
    for one in ranges:
        first = one.first
        while first <= one.last and len(found) < most:
            last = min(one.last, windows.unchanged(first))
            found.append(Assured(first, last, one.session, one.attributed, *windows.of(first)))
            first = last + 1
    return found


def _running(rows: list[tuple[int, datetime]],
             better: Callable[[datetime, datetime], datetime]) -> tuple[list[int], list[datetime]]:
    """Positions in order, and the best time up to each."""
    best: list[datetime] = []
    for _, time in rows:
        best.append(better(best[-1], time) if best else time)
    return [position for position, _ in rows], best


def authorities_over(anchors: Iterable[Anchor], past: int) -> Mapping[int, set[str]]:
    """The authorities that time-stamped each note over more than `past` entries, by the note's size."""
    found: dict[int, set[str]] = {}
    for anchor in anchors:
        if anchor.size > past:
            found.setdefault(anchor.size, set()).add(anchor.authority)
    return found
