"""Rows of a ledger that are in order by themselves, told from those that may not be. Nothing is explained here.

What this vouches for is what `Checker.read`, strict, finds nothing wrong with; a test compares the two. Every other row is left
to it, which also says what is wrong. Rows are judged many at a time, since most of what judging one costs is asking for it;
where many are not all in order, fewer are judged at a time, down to one.

A long ledger consists of answers from vendors, one after another. Of a *stretch* of those the order matters in few ways, which
are gathered here, so that whoever takes the rows in order can take all of them as one.
"""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from irkit.ledger.adjtime import combined
from irkit.ledger.approvals import THROTTLED
from irkit.ledger.database import Row
from irkit.ledger.dates import seen_in
from irkit.ledger.disclose import clashing, fit_together, hashed, is_mark, read_all, read_together
from irkit.ledger.entry import ANSWER, leaf_hash, parse, parse_together
from irkit.ledger.reread import Unread

Bare = tuple[int, Any, Any, tuple[str, str]]
"""Number, line, leaf and values of a row, where those are two texts: see `irkit.ledger.database.Row`."""

_PARTS = 16                    # into which rows are divided that are not all in order
_LEAST = 8                     # rows that make a stretch worth while; so there are few of them
_LONGEST = 200                 # letters of what a stretch repeats; so what is told of a chunk is short


class Stretch(NamedTuple):
    """Rows that are in order, answers none of which was refused for its rate, chained, under one session and one `who`.

    `at` is the place of the first among the rows that were judged, `first` its seq, `prev` what it follows. `values` are
    counted; `earliest` and `latest` are the `at` of two of them; `seen` is what their Dates say of the clock, if any has one.
    """

    at: int
    rows: int
    first: int
    prev: str
    log: str
    session: int
    who: str
    values: int
    earliest: str
    latest: str
    seen: tuple[int, int, int, int] | None


def vouch(parts: Sequence[Sequence[Bare]]) -> tuple[bytes, list[Stretch]]:
    """One byte for each row: 1 when it is in order and marks no artefact, 0 when somebody has to look.

    Then the stretches among them. None reaches from one of the parts, which follow one another, into the next.
    """
    lines: list[Any] = []
    _judge([row for part in parts for row in part], lines)
    stretches: list[Stretch] = []
    at = 0
    for part in parts:
        stretches += _stretches(part, lines[at:at + len(part)], at)
        at += len(part)
    return bytes([line is not None for line in lines]), stretches


def _judge(rows: Sequence[Bare], lines: list[Any]) -> None:
    """Add what is known of each row: the fields of its line, () where only that it is in order, None where it may not be."""
    try:
        lines += _together(rows)
    except Exception:          # whatever it is: where it is looked at again, it is explained or raised
        if len(rows) > 1:
            step = -(-len(rows) // _PARTS)
            for at in range(0, len(rows), step):
                _judge(rows[at:at + step], lines)
        else:
            lines += [() if _in_order(Row(*row)) else None for row in rows]


def _together(rows: Sequence[Bare]) -> list[Any]:
    """The fields of the lines, None for those of rows that mark an artefact. Raises whatever it may unless all are in order."""
    _, lines, leaves, texts = zip(*rows, strict=True)
    if tuple(map(leaf_hash, lines)) != leaves:
        raise Unread
    found = parse_together(lines)
    asked = [one.sd or [] for one in found]
    told, said = zip(*texts, strict=True)
    bodies, ends = _apart(said), [*itertools.accumulate(map(len, asked))]
    if tuple(map(" ".join, asked)) != told or ends[-1] != len(bodies) or not fit_together(_joined(told), bodies) \
            or not _rising([*itertools.chain.from_iterable(asked)], ends):
        raise Unread
    values = read_together(bodies)
    names = [name for _, name, _ in values]
    sets = {tuple(names[at:to]) for at, to in itertools.pairwise([0, *ends])}          # most rows have the same
    if any(len(set(one)) != len(one) or clashing(one) for one in sets):
        raise Unread
    for n, (_, _, value) in enumerate(values):
        if type(value) is dict and is_mark(value):
            found[bisect.bisect_right(ends, n)] = None
    return found


def _joined(texts: Sequence[str]) -> bytes:
    """All that stands in texts, with a space between two. Raises ValueError for what is not ASCII."""
    return " ".join([text for text in texts if text]).encode("ascii")


def _apart(texts: Sequence[str]) -> list[bytes]:
    """The same, one by one."""
    return _joined(texts).split(b" ") if any(texts) else []


def _rising(texts: Sequence[str], ends: Sequence[int]) -> bool:
    """Whether each is greater than the one before it, unless that was the last one of a row."""
    rising = [*map(operator.lt, texts, texts[1:]), True]
    for end in ends:
        rising[end - 1] = True
    return all(rising)


def _in_order(row: Row) -> bool:
    """The same of one row, in ways that take more time and accept more spellings."""
    if type(row.line) is not bytes or leaf_hash(row.line) != row.leaf:
        return False
    try:
        asked, bodies = parse(row.line).get("sd", []), row.bodies
        if not hashed(bodies) == asked == sorted(set(asked)) == row.digests:
            return False
        found = read_all(bodies)
    except Exception:
        return False
    return not clashing(tuple(found)) and not any(is_mark(value) for value in found.values())


# -- stretches -----------------------------------------------------------------------------------------------------

def _stretches(rows: Sequence[Bare], lines: Sequence[Any], at: int) -> Iterator[Stretch]:
    """Those of rows that follow one another, of which the first is the one `at`."""
    whose = [_whose(row[0], line) if line else None for row, line in zip(rows, lines, strict=True)]
    begun = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or whose[end] is None or whose[end] != whose[begun] or rows[end][0] != rows[end - 1][0] + 1 \
                or lines[end].prev != rows[end - 1][2].hex():
            if whose[begun] is not None and end - begun >= _LEAST \
                    and (found := _stretch(lines[begun:end], at + begun)) is not None:
                yield found
            begun = end


def _whose(seq: int, line: Any) -> tuple[str, int, str] | None:
    """Ledger, session and person of an answer like most; None of every other entry."""
    if line.kind != ANSWER or line.seq != seq or (line.data and line.data.get("status") == THROTTLED):
        return None
    if type(line.session) is not int or type(line.who) is not str or len(line.log) + len(line.who) + len(line.prev) > _LONGEST:
        return None
    return line.log, line.session, line.who


def _stretch(lines: Sequence[Any], at: int) -> Stretch | None:
    """One, unless the times in it are something to look at by itself."""
    try:
        moments = [datetime.fromisoformat(one.at) for one in lines]
        low, high = min(moments), max(moments)
    except (ValueError, TypeError):
        return None                # one is no time, or of no zone, or of another kind of time than the others
    if low.tzinfo is None:
        return None
    dated = [(one.seq, found) for one, moment in zip(lines, moments, strict=True)
             if one.data and (found := seen_in(moment, one.data)) is not None]
    together = combined([found for _, found in dated])
    if dated and together is None:
        return None
    first = lines[0]
    return Stretch(at, len(lines), first.seq, first.prev, first.log, first.session, first.who,
                   sum([len(one.sd) for one in lines if one.sd]), lines[moments.index(low)].at, lines[moments.index(high)].at,
                   (dated[0][0], dated[-1][0], *map(_microseconds, together)) if together is not None else None)


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
