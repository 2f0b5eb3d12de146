"""Reading Zendesk's lists, whichever way they are paged.

Zendesk pages by cursor (`meta.has_more`, `links.next`), by offset (`next_page`, null on the last one) and, for incremental
exports, by time (`end_of_stream`).

Source: developer.zendesk.com, API basics, Pagination; and Incremental exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from irkit.action import GET, ActionError, BadAnswer, Item, Request, Response, Steps, Walk, paging

PAGE = 100          # the largest page most lists allow
MOST_LINES = 25     # of a list that a person reads


class Tally(paging.Tally):
    vendor = "Zendesk"


def walk(first: Request, key: str, each: Callable[[Any], object], enough: Callable[[], bool] = lambda: False,
         inside: Callable[[Any], bool] = lambda _last: False) -> Steps[Walk]:
    """`irkit.action.walk` by whichever of the three ways the answer shows."""
    return (yield from paging.walk(first, key, each, enough, inside, after=_after, short=_short))


def items(first: Request, key: str, make: Callable[[Any], Item]) -> Steps[tuple[list[Item], Walk]]:
    """Read a whole list of things small enough to hold."""
    return (yield from paging.items(first, key, make, after=_after, short=_short))


def _after(request: Request, answer: Response) -> Request | None:
    link = _next(answer)
    return None if link is None else request.follow(link)


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


def listed(path: str, *parts: object, size: int = PAGE, **options: Any) -> Request:
    """The first page of a list paged by cursor. `params` is a mapping, or pairs where a name stands twice."""
    asked = options.pop("params", {})
    params = [*(asked.items() if isinstance(asked, Mapping) else asked), ("page[size]", size)]
    return GET(path, *parts, params=params, **options)


def number(value: str, what: str) -> int:
    """An id that Zendesk gives out as a number. Raises ActionError before anything is asked with a word such as "me"."""
    if not (value.isascii() and value.isdecimal() and len(value) <= 20):
        raise ActionError(f"{value!r} is no {what} id: Zendesk's are numbers")
    return int(value)


def given(text: str | None) -> str:
    """What was given: "none", for which an input of a runbook has no other word, is nothing."""
    said = (text or "").strip()
    return "" if said.casefold() == "none" else said


def epoch(moment: datetime) -> int:
    """Seconds since 1970, as incremental exports want their start."""
    return int(moment.astimezone(UTC).timestamp())
