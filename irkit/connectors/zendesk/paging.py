"""Reading a list to its end, whichever way it is paged, without holding it in memory.

Zendesk pages by cursor (`meta.has_more`, `links.next`), by offset (`next_page`, null on the last one) and, for incremental
exports, by time (`end_of_stream`). A next link is used verbatim. A link that was already followed is an error: the list would
never end.

Source: developer.zendesk.com, API basics, Pagination; and Incremental exports.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from irkit.action import GET, BadAnswer, Cut, Request, Response, Steps
from irkit.connectors.zendesk.records import Collection, Item, counted, row, stamp, when

PAGE = 100          # the largest page most lists allow


@dataclass
class Walk:
    """What walking a list came to. `at` is the vendor's clock as of the last answer."""

    rows: int = 0
    pages: int = 0
    complete: bool = False
    notes: list[str] = field(default_factory=list)
    at: datetime | None = None


def walk(first: Request, key: str, each: Callable[[Any], object], enough: Callable[[], bool] = lambda: False,
         inside: Callable[[Any], bool] = lambda _last: False) -> Steps[Walk]:
    """Read all pages and hand every row under `key` to `each`; stop early when `enough()` says so after a page.

    Where `inside(row)` says of a page's last row that `enough()` will not hold after it, the next page is asked for at once
    and the rows are handed over meanwhile; then `each` must not raise.
    A Cut thrown at a kept page ends the walk as incomplete; at any other look it goes through.
    Raises BadAnswer for a page without its list, and for a next link that was followed before.
    """
    done, request, followed, left = Walk(), first, {first.target}, _Left(each)
    while True:
        try:
            answer = yield request
        except Cut:
            if not request.keep:
                raise
            left.hand_over()
            done.notes.append(f"stopped by hand after page {done.pages}")
            return done
        left.hand_over()
        left.rows = rows = answer.get(key, list)
        done.rows += len(rows)
        done.pages += 1
        done.at = _date(answer.headers.get("date", "")) or done.at
        if not rows or not inside(rows[-1]):
            left.hand_over()
        link = None if not left.rows and enough() else _next(answer)
        if link is None:
            left.hand_over()
            done.complete = not _short(answer, done)
            return done
        if link in followed:
            raise BadAnswer(f"page {done.pages} of {key} gives a next page that was read before: the list would never end")
        followed.add(link)
        request = request.follow(link, left.hand_over)


class _Left:
    """The rows of a page that `each` has not had yet."""

    def __init__(self, each: Callable[[Any], object]) -> None:
        self._each = each
        self.rows: list[Any] = []

    def hand_over(self) -> None:
        rows, self.rows = self.rows, []
        for value in rows:
            self._each(value)


def _next(answer: Response) -> str | None:
    data = answer.json
    meta, links = data.get("meta"), data.get("links")
    if "end_of_stream" in data:
        more, link = data["end_of_stream"] is not True, data.get("next_page")
    elif isinstance(meta, dict) and "has_more" in meta:
        more, link = meta["has_more"] is True, links.get("next") if isinstance(links, dict) else None
    else:
        link = data.get("next_page")
        more = link is not None
    if not more:
        return None
    if not isinstance(link, str) or not link:
        raise BadAnswer("the answer says that there is another page and does not say where")
    return link


def _short(answer: Response, done: Walk) -> bool:
    """Whether a list paged by offset ended before its own count: it is cut at 100 pages or 10 000 records."""
    data = answer.json
    total = data.get("count")
    if "next_page" not in data or "end_of_stream" in data or not isinstance(total, int) or done.rows >= total:
        return False
    done.notes.append(f"{total} were announced, {done.rows} came")
    return True


@functools.lru_cache(16)          # answers that come in one second say the same
def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)      # "-0000" means UTC, source unknown


def items(first: Request, key: str, make: Callable[[Any], Item]) -> Steps[tuple[list[Item], Walk]]:
    """Read a whole list of things small enough to hold."""
    found: list[Item] = []
    what = first.keep or key
    done = yield from walk(first, key, lambda value: found.append(make(row(value, what))))
    return found, done


def listed(path: str, *parts: object, size: int = PAGE, **options: Any) -> Request:
    """The first page of a list paged by cursor."""
    params = [*dict(options.pop("params", {})).items(), ("page[size]", size)]
    return GET(path, *parts, params=params, **options)


class Tally:
    """Counts the rows of a collection and notes which times they span, and which lie outside the window asked for."""

    def __init__(self, name: str, time: str, since: datetime | None, until: datetime | None = None) -> None:
        self.name, self.time, self.since, self.until = name, time, since, until
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.latest_row: datetime | None = None      # time of the row that came last
        self.falling = True                          # rows have come newest first so far
        self.outside = self.undated = 0

    def add(self, value: Any) -> bool:
        """Take a row into account; says whether it lies inside the window (one without a time does)."""
        at = when(value.get(self.time)) if isinstance(value, dict) else None
        if at is None:
            self.undated += 1
            return True
        if self.first is None or self.last is None or self.latest_row is None:
            self.first = self.last = at
        elif at < self.first:
            self.first = at
        elif at > self.latest_row:
            self.falling = False
            self.last = max(at, self.last)
        self.latest_row = at
        inside = (self.since is None or at >= self.since) and (self.until is None or at <= self.until)
        self.outside += not inside
        return inside

    def past(self) -> bool:
        """Whether a list that comes newest first has gone past the window's start."""
        return self.falling and self.since is not None and self.latest_row is not None and self.latest_row < self.since

    def inside(self, row: Any) -> bool:
        """Whether a page that ends with this row cannot have gone past the window's start."""
        at = when(row.get(self.time)) if isinstance(row, dict) else None
        return self.since is None or (at is not None and at >= self.since)

    def collection(self, done: Walk, *, days: int | None = None, notes: tuple[str, ...] = ()) -> Collection:
        """The result. `days` is for how long the vendor keeps such rows, counted back from its own clock."""
        floor = done.at - timedelta(days=days) if days and done.at else None
        told = [*done.notes, *notes]
        if self.outside:
            told.append(f"{counted(self.outside, 'row')} outside the window asked for, kept too")
        if self.undated:
            told.append(f"{counted(self.undated, 'row')} without a time that can be read, kept too")
        if floor and self.since and self.since < floor:
            told.append(f"Zendesk keeps {days} days: what was before {stamp(floor)} can no longer be had")
        return Collection(self.name, done.rows, stamp(self.first), stamp(self.last), done.complete, done.pages,
                          stamp(self.since), stamp(self.until), stamp(floor), tuple(told))


def epoch(moment: datetime) -> int:
    """Seconds since 1970, as incremental exports want their start."""
    return int(moment.astimezone(UTC).timestamp())
