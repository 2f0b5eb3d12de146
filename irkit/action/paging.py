"""Reading a list to its end, whichever way it is paged, without holding it in memory.

A way to page says which request follows an answer: `by_link_header` (RFC 8288), `by_field("@odata.nextLink")`,
`by_token("nextPageToken", "pageToken")`, or a function of the connector's own. A next link is used verbatim. A page that was
already followed is an error: the list would never end. With `keep=` on the first request every page is kept byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from irkit.action.declare import Steps
from irkit.action.request import Request
from irkit.action.response import Response
from irkit.action.values import Collection, Item, at, counted, http_when, row, stamp, when
from irkit.errors import BadAnswer, Cut

Next = Callable[[Request, Response], Request | None]       # what to ask after an answer; None: it was the last page


@dataclass
class Walk:
    """What walking a list came to. `at` is the vendor's clock as of the last answer."""

    rows: int = 0
    pages: int = 0
    complete: bool = False
    notes: list[str] = field(default_factory=list)
    at: datetime | None = None


def _whole(_answer: Response, _done: Walk) -> bool:
    return False


def walk(first: Request, key: str, each: Callable[[Any], object], enough: Callable[[], bool] = lambda: False,
         inside: Callable[[Any], bool] = lambda _last: False, *, after: Next, optional: bool = False,
         short: Callable[[Response, Walk], bool] = _whole,
         read: Callable[[Response], Any] = lambda answer: answer.json) -> Steps[Walk]:
    """Read all pages and hand every row under `key` to `each`; stop early when `enough()` says so after a page.

    `key` may be a path ("paging.data"); "" means that the answer is the list itself. `optional`: a page without its list is
    an empty one, as Google's are. `short(answer, done)`: after the last page, whether the list ended before its own count;
    it may add to `done.notes`. `read` takes a page apart where it is not JSON.

    Where `inside(row)` says of a page's last row that `enough()` will not hold after it, the next page is asked for at once
    and the rows are handed over meanwhile; then `each` must not raise.
    A Cut thrown at a kept page ends the walk as incomplete; at any other look it goes through.
    Raises BadAnswer for a page without its list, and for a next link that was followed before.
    """
    done, request, followed, left = Walk(), first, {_mark(first)}, _Left(each)
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
        left.rows = rows = _rows(answer, read(answer), key, optional)
        done.rows += len(rows)
        done.pages += 1
        done.at = http_when(answer.headers.get("date", "")) or done.at
        if not rows or not inside(rows[-1]):
            left.hand_over()
        following = None if not left.rows and enough() else after(request, answer)
        if following is None:
            left.hand_over()
            done.complete = not short(answer, done)
            return done
        if _mark(following) in followed:
            raise BadAnswer(f"page {done.pages} of {key} gives a next page that was read before: the list would never end")
        followed.add(_mark(following))
        request = replace(following, meanwhile=left.hand_over)


def _mark(request: Request) -> tuple[str, str]:
    return request.target, repr((request.form, request.json)) if request.form or request.json else ""


def _rows(answer: Response, page: Any, key: str, optional: bool) -> list[Any]:
    found = at(page, key) if key else page
    if found is None and optional and isinstance(page, dict):
        return []
    if not isinstance(found, list):
        raise BadAnswer(f"the answer has no list {key!r} (status {answer.status})")
    return found


# -- ways to page ------------------------------------------------------------------------------------------------

def links(header: str) -> Iterator[tuple[str, str]]:
    """(relation, address) of each link in a Link header (RFC 8288 3), several headers joined; commas may stand in addresses."""
    for address, params in re.findall(r'<([^<>]*)>((?:\s*;\s*[^\s=;,<>]+(?:\s*=\s*(?:"[^"]*"|[^\s";,<>]*))?)*)', header):
        told = re.findall(r';\s*([^\s=;,]+)\s*(?:=\s*(?:"([^"]*)"|([^\s";,]*)))?', params)
        for name in next((quoted or plain for key, quoted, plain in told if key.lower() == "rel"), "").split():
            yield name.lower(), address


def by_link_header(request: Request, answer: Response) -> Request | None:
    """`Link: <…>; rel="next"`. Raises BadAnswer for a link to another path than that of the list."""
    link = next((address for name, address in links(answer.headers.get("link", "")) if name == "next"), None)
    if link is None:
        return None
    asked = urlsplit(request.target).path
    if not urlsplit(link).path.endswith(asked):
        raise BadAnswer(f"the next page of {asked} would be at {urlsplit(link).path[:200]}")
    return request.follow(link)


def by_field(path: str) -> Next:
    """The whole link stands in the answer: `by_field("@odata.nextLink")`, `by_field("paging.next")`."""
    def after(request: Request, answer: Response) -> Request | None:
        link = at(answer.json, path)
        if link is not None and not isinstance(link, str):
            raise BadAnswer(f"the next page, {path}, is no link")
        return request.follow(link) if link else None
    return after


def by_token(path: str, param: str) -> Next:
    """A token in the answer becomes a parameter, of the form where there is one, else of the query: Google's, Slack's."""
    def after(request: Request, answer: Response) -> Request | None:
        token = at(answer.json, path)
        if token in (None, ""):
            return None
        if not isinstance(token, str | int):
            raise BadAnswer(f"the token of the next page, {path}, is no text")
        if request.form is not None:
            pairs = request.form.items() if isinstance(request.form, Mapping) else request.form
            return replace(request, form=[*((k, v) for k, v in pairs if k != param), (param, token)])
        head, _, query = request.target.partition("?")
        kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k != param]
        return request.follow(f"{head}?{urlencode([*kept, (param, str(token))], safe='[]:,@')}")
    return after


def one_page(_request: Request, _answer: Response) -> Request | None:
    """The list is not paged."""
    return None


class _Left:
    """The rows of a page that `each` has not had yet."""

    def __init__(self, each: Callable[[Any], object]) -> None:
        self._each = each
        self.rows: list[Any] = []

    def hand_over(self) -> None:
        rows, self.rows = self.rows, []
        for value in rows:
            self._each(value)


def items(first: Request, key: str, make: Callable[[Any], Item], *, after: Next,
          **how: Any) -> Steps[tuple[list[Item], Walk]]:
    """Read a whole list of things small enough to hold."""
    found: list[Item] = []
    what = first.keep or key
    done = yield from walk(first, key, lambda value: found.append(make(row(value, what))), after=after, **how)
    return found, done


class Tally:
    """Counts the rows of a collection and notes which times they span, and which lie outside the window asked for.

    `time` is where a row says when, a path: "id.time". `asked(row)` says whether a row is what the request's filter asked for:
    a vendor that ignores a filter says nothing of it. `vendor` is who keeps rows for so long and no longer.
    """

    vendor = "the vendor"

    def __init__(self, name: str, time: str, since: datetime | None, until: datetime | None = None, *,
                 asked: Callable[[Any], bool] | None = None, vendor: str = "") -> None:
        self.name, self.time, self.since, self.until = name, time, since, until
        self.asked, self.vendor, self.unasked = asked, vendor or self.vendor, 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.latest_row: datetime | None = None      # time of the row that came last
        self.falling = True                          # rows have come newest first so far
        self.outside = self.undated = 0

    def add(self, value: Any) -> bool:
        """Take a row into account; says whether it is what was asked for, and in the window (one without a time is)."""
        if self.asked is not None and not self.asked(value):
            self.unasked += 1
            return False
        moment = when(at(value, self.time))
        if moment is None:
            self.undated += 1
            return True
        if self.first is None or self.last is None or self.latest_row is None:
            self.first = self.last = moment
        elif moment < self.first:
            self.first = moment
        elif moment > self.latest_row:
            self.falling = False
            self.last = max(moment, self.last)
        self.latest_row = moment
        inside = (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)
        self.outside += not inside
        return inside

    def past(self) -> bool:
        """Whether a list that comes newest first has gone past the window's start."""
        return self.falling and self.since is not None and self.latest_row is not None and self.latest_row < self.since

    def inside(self, row: Any) -> bool:
        """Whether a page that ends with this row cannot have gone past the window's start."""
        moment = when(at(row, self.time))
        return self.since is None or (moment is not None and moment >= self.since)

    def collection(self, done: Walk, *, days: int | None = None, notes: tuple[str, ...] = ()) -> Collection:
        """The result. `days` is for how long the vendor keeps such rows, counted back from its own clock."""
        floor = done.at - timedelta(days=days) if days and done.at else None
        told = [*done.notes, *notes]
        if self.outside:
            told.append(f"{counted(self.outside, 'row')} outside the window asked for, kept too")
        if self.unasked:
            told.append(f"{counted(self.unasked, 'row')} that the filter did not ask for, kept too")
        if self.undated:
            told.append(f"{counted(self.undated, 'row')} without a time that can be read, kept too")
        if floor and self.since and self.since < floor:
            told.append(f"{self.vendor} keeps {days} days: what was before {stamp(floor)} can no longer be had")
        return Collection(self.name, done.rows, stamp(self.first), stamp(self.last), done.complete, done.pages,
                          stamp(self.since), stamp(self.until), stamp(floor), tuple(told))
