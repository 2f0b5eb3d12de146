"""The three logs: who read what (access), what administrators changed (audit), what happened to tickets (events)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from irkit.worlds.log import Log
from irkit.worlds.world import Answer
from irkit.worlds.zendesk.state import TICKET_ACCESS, Obj
from irkit.worlds.zendesk.visit import Operations, Refusal, Visit, read_cursor, write_cursor

operations = Operations()
Test = Callable[[Obj], bool]


def _page(v: Visit, key: str, log: Log, low: int, high: int, *, size: int, down: bool, tests: list[Test]) -> Answer:
    """A page by cursor from the rows at positions low to high. A cursor names a position, so rows added later shift nothing."""
    mark = v.call.get("page[after]") or v.call.get("filter[after]")
    places = iter(_places(low, high, read_cursor(mark) if mark else None, down))
    if tests:
        places = (place for place in places if all(test(row) for row in [log.row(place)] for test in tests))
    page = list(itertools.islice(places, size))
    more = next(places, None) is not None
    after = write_cursor(page[-1]) if page else None
    return _answer(key, [log.text(place) for place in page], after, v.link(after=after) if more else None)


def _places(low: int, high: int, mark: object, down: bool) -> range:
    if mark is not None and not isinstance(mark, int):
        raise Refusal(400, "InvalidCursor", "The cursor is not valid")
    if down:
        return range((high if mark is None else min(high, mark)) - 1, low - 1, -1)
    return range(low if mark is None else max(low, mark + 1), high)


def _answer(key: str, rows: list[str], after: str | None, link: str | None) -> Answer:
    mark, more = (f'"{after}"' if after else "null"), "true" if link else "false"
    tail = f'],"meta":{{"has_more":{more},"after_cursor":{mark},"before_cursor":null}},"links":{{"prev":null,"next":' + (
        f'"{link}"' if link else "null") + "}}"
    return Answer(200, {"content-type": "application/json; charset=utf-8"}, f'{{"{key}":[{",".join(rows)}{tail}'.encode())


def _time(text: str, name: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "InvalidParameter", f"{name} is not an ISO 8601 time") from None
    return int(at.timestamp())


# -- access log --------------------------------------------------------------------------------------------------

@operations.on("GET", "/access_logs", needs="admin", newer=True, limit=("access-logs", 50))
def access_logs(v: Visit) -> Answer:
    """Needs the add-on; without it Enterprise says 403 and the smaller plans do not know the address."""
    options = v.tenant.options
    if not options.adpp:
        status = 403 if options.plan == "enterprise" else 404
        raise Refusal(status, "Forbidden" if status == 403 else "NotFound", "This account does not have access to access logs")
    log = v.tenant.access_log
    low = log.position(int((v.now - TICKET_ACCESS).timestamp()))
    start, end = v.call.get("filter[start]"), v.call.get("filter[end]")
    if start:
        low = max(low, log.position(_time(start, "filter[start]")))
    high = log.position(_time(end, "filter[end]") + 1) if end else len(log)
    down = v.call.get("sort").startswith("-")
    return _page(v, "access_logs", log, low, high, size=_access_size(v), down=down, tests=_access_tests(v))


def _access_size(v: Visit) -> int:
    size = v.page_size("page[size]", 1000, 10**9)
    if size > 2500:
        raise Refusal(400, "InvalidParameter", "page[size] must be at most 2500")
    return size


def _access_tests(v: Visit) -> list[Test]:
    user, path = v.call.get("filter[user_id]"), v.call.get("filter[path]")
    tests: list[Test] = []
    if user:
        tests.append(lambda row: str(row["user_id"]) == user)
    if path:
        tests.append(lambda row: urlsplit(row["url"]).path == path)
    if v.call.get("filter[graphql]") == "true":                # the vendor's name: true leaves GraphQL out
        tests.append(lambda row: row["graphql"] is None)
    return tests


# -- audit log ---------------------------------------------------------------------------------------------------

@operations.on("GET", "/audit_logs", needs="admin", plan="enterprise")
def audit_logs(v: Visit) -> Answer:
    log = v.tenant.audit_log
    low, high = 0, len(log)
    window = v.call.all("filter[created_at]")
    if window:
        low = log.position(_time(window[0], "filter[created_at]"))
        high = log.position(_time(window[1], "filter[created_at]") + 1) if len(window) > 1 else high
    tests = [_audit_test(v, name) for name in ("action", "actor_id", "ip_address", "source_type", "source_id")
             if v.call.all(f"filter[{name}]")]
    if v.wants_cursor:
        down = v.call.get("sort", "-created_at").startswith("-")
        return _page(v, "audit_logs", log, low, high, size=v.page_size("page[size]", 100, 100), down=down, tests=tests)
    places = range(low, high) if v.call.get("sort_order") == "asc" else range(high - 1, low - 1, -1)
    rows = (row for row in map(log.row, places) if all(test(row) for test in tests))
    return v.numbered("audit_logs", list(itertools.islice(rows, 10_000)), path="audit_logs")


def _audit_test(v: Visit, name: str) -> Test:
    wanted = set(v.call.all(f"filter[{name}]"))
    return lambda row: str(row[name]) in wanted


# -- ticket events -----------------------------------------------------------------------------------------------

@operations.on("GET", "/incremental/ticket_events", needs="admin", limit=("incremental", 10))
def ticket_events(v: Visit) -> Answer:
    """Pages of a thousand by time, and the last minute is held back. A page is never cut inside one second, and the next begins
    with that second again: what happened in it comes twice, as from the vendor."""
    if not v.call.get("start_time").isdecimal():
        raise Refusal(400, "StartTimeMissing", "start_time must be a Unix time")
    start = int(v.call.get("start_time"))
    latest = int((v.now - timedelta(minutes=1)).timestamp())
    if start > latest:
        raise Refusal(422, "InvalidValue", "start_time must be more than 60 seconds ago")
    log = v.tenant.ticket_events
    low, end = log.position(start), log.position(latest)
    high = min(end, low + 1000)
    if high < end:
        high = log.position(log.time(high - 1) + 1)
    rows = [log.row(place) for place in range(low, high)]
    if "comment_events" not in v.call.get("include").split(","):
        for row in rows:
            row["child_events"] = [{k: e for k, e in child.items() if k not in ("body", "public", "author_id")}
                                   for child in row["child_events"]]
    last = log.time(high - 1) if rows else start
    return Answer.json({"ticket_events": rows, "count": len(rows), "end_of_stream": high >= end, "end_time": last,
                        "next_page": v.link(start_time=last)})
