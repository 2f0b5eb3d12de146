"""Search jobs: a closed window by receipt time, asked for until it is done, split where Sumo Logic gives no more.

A job's messages come as pages, kept byte for byte. Every poll stands whole in the record: its errors and warnings are those
since the poll before. No prompt stands between two polls, since a job that is not asked for 30 seconds is cancelled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    DELETE,
    GET,
    POST,
    ActionError,
    BadAnswer,
    Collection,
    Effect,
    Request,
    Response,
    Steps,
    Tally,
    Unavailable,
    Wait,
    Walk,
    at,
    counted,
    http_when,
    ident,
    stamp,
    walk,
    words,
)
from irkit.action.values import when
from irkit.connectors.sumologic.base import SEARCH, sumologic

EVERY = 20.0                     # seconds between polls: from 30 on the job is cancelled
LONGEST = 8 * 3600        # of a job, by the vendor's word
PAGE = 1000                      # of 10,000 that may be asked: a page is read as one JSON value
LEAST = timedelta(seconds=1)     # a window that is not split any more
MAX_NOTES = 20
DONE, PAUSED, CANCELLED = "DONE GATHERING RESULTS", "FORCE PAUSED", "CANCELLED"
ENDED = (DONE, PAUSED, CANCELLED)


class Found(Collection, frozen=True):
    """What a search found. `windows`: in how many parts it was asked; `records`: rows of an aggregate, kept beside."""

    query: str
    windows: int
    records: int


@dataclass
class Job:
    """A search job as its polls told it."""

    id: str
    state: str = ""
    messages: int = 0
    records: int = 0
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@sumologic.action(Effect.READ)
def collect_search(query: str, since: datetime, until: datetime, name: str = "sumologic_search") -> Steps[Found]:
    """Keep all messages that a query finds, by when they were received.

    The window is by receipt time, so that late messages do not change the count: choose one that has ended, and a repeat can be
    compared. Sumo Logic stops near 100,000 messages: such a window is halved until each part is whole. What is missing is said.
    An aggregate's records are kept beside as "<name>, records"; of several windows each has its own. A query that saves into a
    lookup table is refused.

    Source: the vendor's documentation, search-job. Needs an Enterprise-level plan and the capability Download Search Results.
    `name` is the artefact's.
    """
    if re.search(r"\|\s*save\b", re.sub(r'"(?:\\.|[^"\\])*"', '""', query), re.IGNORECASE):
        raise ActionError("the query would save into a lookup table: a collection only reads", next="leave that operator out")
    got = _Got(Tally(name, "at", since, until, vendor="Sumo Logic"), name)
    todo = [(since, until)]
    while todo:
        start, end = todo.pop()
        job = yield from ended(query, start, end)
        if job.state == PAUSED and end - start > LEAST:
            middle = start + (end - start) / 2
            middle = middle.replace(microsecond=middle.microsecond // 1000 * 1000)      # it counts in milliseconds
            todo += [(middle, end), (start, middle)]                                    # the earlier part first
            continue
        got.take(job, start, end)
        if not (yield from got.keep(job)):
            break
    done = Walk(got.rows, got.pages, got.complete and not todo, got.told(), got.at)
    return Found(**asdict(got.tally.collection(done)), query=query, windows=got.windows, records=got.records)


def begin(query: str, since: datetime, until: datetime) -> Steps[str]:
    """Start a job, which is deleted when the action has ended. Its id."""
    answer = yield POST("/search/jobs", reads=True, gate=SEARCH, json={
        "query": query, "from": stamp_ms(since), "to": stamp_ms(until), "timeZone": "UTC", "byReceiptTime": True})
    job = ident(at(answer.json, "id"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", job):
        raise BadAnswer("a search job was made without an id")
    yield DELETE("/search/jobs/{}", job, cleanup=True)       # our own job. A probe deletes nothing: there it ends by itself
    return job


def ended(query: str, since: datetime, until: datetime, every: float = EVERY) -> Steps[Job]:
    """A job that has come to its end, whichever. Raises Unavailable for one that does not in 8 hours."""
    job = Job((yield from begin(query, since, until)))
    for _ in range(int(LONGEST / every)):
        poll(job, (yield GET("/search/jobs/{}", job.id)))
        if job.state in ENDED:
            return job
        yield Wait(every, f"Sumo Logic searches ({job.state.lower() or 'no state'}, {counted(job.messages, 'message')} so far)")
    raise Unavailable("the search has not ended in 8 hours", status=200, needs="a smaller window")


def poll(job: Job, answer: Response) -> None:
    """Take a poll into account. Raises BadAnswer for one without its state."""
    data = answer.json
    job.state = answer.get("state", str)
    job.messages, job.records = _number(data, "messageCount"), _number(data, "recordCount")
    job.errors += _texts(data, "pendingErrors")
    job.warnings += _texts(data, "pendingWarnings")


def _number(data: Mapping[str, Any], key: str) -> int:
    found = data.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    found = data.get(key)
    return [words(one) for one in found if words(one)] if isinstance(found, list) else []


def stamp_ms(moment: datetime) -> str:
    """A time as the API takes it: UTC without a zone, to the millisecond."""
    return f"{stamp(moment)[:-1]}.{moment.microsecond // 1000:03d}"


@dataclass
class _Got:
    tally: Tally
    name: str
    rows: int = 0
    pages: int = 0
    records: int = 0
    windows: int = 0
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    at: datetime | None = None
    twice: int = 0
    _edges: set[str] = field(default_factory=set)          # ids of messages at the windows' edges
    _times: set[str] = field(default_factory=set)

    def take(self, job: Job, start: datetime, end: datetime) -> None:
        """What a job said of itself."""
        self.windows += 1
        self._times |= {str(round(moment.timestamp() * 1000)) for moment in (start, end)}
        self.notes += [f"error: {text}" for text in job.errors] + [f"warning: {text}" for text in job.warnings]
        if job.state != DONE:
            why = "Sumo Logic gives no more of it" if job.state == PAUSED else "the job was cancelled"
            self.notes.append(f"{stamp(start)} to {stamp(end)} is a part: {why}")
        self.complete &= job.state == DONE and not job.errors

    def keep(self, job: Job) -> Steps[bool]:
        """Read the pages of a job. False: stopped by hand."""
        whole = yield from self._read(job, "messages", job.messages, self.name, self._message)
        if whole and job.records:
            whole = yield from self._read(job, "records", job.records, f"{self.name}, records", self._record)
        return whole

    def _read(self, job: Job, what: str, count: int, keep: str, each: Any) -> Steps[bool]:
        if not count or job.state == CANCELLED:
            return True
        first = GET("/search/jobs/{}/" + what, job.id, params={"offset": 0, "limit": PAGE}, keep=keep, gate=SEARCH)
        pages = _Pages(what, count)
        done = yield from walk(first, what, each, after=pages.after)
        self.pages += done.pages
        self.at = done.at or self.at
        stopped = not done.complete
        if done.rows != count:
            done.notes.append(f"{done.rows:,} of {count:,} {what} came")
        self.notes += done.notes
        self.complete &= done.rows == count and not stopped
        return not stopped

    def _record(self, _: Any) -> None:
        self.records += 1

    def _message(self, value: Any) -> None:
        self.rows += 1
        received = ident(at(value, "map._receipttime"))
        if received in self._times:
            known = ident(at(value, "map._messageid"))
            self.twice += known in self._edges
            self._edges.add(known)
        self.tally.add({"at": moment_of(received)})

    def told(self) -> list[str]:
        told = list(dict.fromkeys(self.notes))
        if self.twice:
            told.append(f"{counted(self.twice, 'message')} at the edge of two windows, kept in both")
        if self.windows > 1 and self.records:
            told.append("an aggregate over several windows: their records stand one after the other, and are not added up")
        if self.at and self.tally.until and self.tally.until > self.at:
            told.append("the window has not ended: the same search may find more later")
        if not self.rows and not self.records:
            told.append("nothing found: nothing matched, or it lies where the key's role may not search")
        return told if len(told) <= MAX_NOTES else [*told[:MAX_NOTES], f"and {len(told) - MAX_NOTES} more, in the record"]


def moment_of(text: str) -> str:
    """RFC 3339 of milliseconds since 1970; "" where it is none."""
    if not re.fullmatch(r"[0-9]{1,16}", text):
        return ""
    found = when(int(text) // 1000)
    return (found + timedelta(milliseconds=int(text) % 1000)).isoformat() if found else ""


class _Pages:
    """The next page begins behind the rows that came: a page may be shorter than asked."""

    def __init__(self, key: str, count: int) -> None:
        self.key, self.count, self.offset = key, count, 0

    def after(self, request: Request, answer: Response) -> Request | None:
        came = len(answer.get(self.key, list))
        self.offset += came
        if not came or self.offset >= self.count:
            return None
        return replace(request, target=re.sub(r"offset=\d+", f"offset={self.offset}", request.target))


def look(query: str, days: int) -> Steps[int]:
    """How many messages a query finds that came in the last days, by the vendor's own clock."""
    answer = yield GET("/collectors", params={"limit": 1}, gate=SEARCH)
    now = http_when(answer.headers.get("date", ""))
    if now is None:
        raise BadAnswer("the answer does not say what time it is there")
    job = yield from ended(query, now - timedelta(days=days), now + timedelta(minutes=1))
    if job.state != DONE and not job.messages:
        raise BadAnswer(f"the search ended as {job.state}: whether the event is stored is unknown")
    return job.messages
