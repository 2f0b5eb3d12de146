"""Exporting a search: one stream of JSON lines, kept byte for byte, read twice and never held.

A search is a program: it can delete, mail, and write files. What is known to do so is refused here, but commands of an
organisation's own are not known: the account's role is the only sure fence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    POST,
    ActionError,
    BadAnswer,
    Collection,
    Cut,
    Effect,
    Request,
    Response,
    Steps,
    Tally,
    Unavailable,
    Walk,
    counted,
    setting,
    stamp,
    words,
)
from irkit.action.decode import decode
from irkit.connectors.splunk.base import REST, Index, account, indexes, said, splunk

MAX_LINE = 16 * 2**20
MAX_NOTES = 20
# Commands of Splunk's search language that write, send, run or hide what they run.
WRITING = frozenset({"collect", "mcollect", "meventcollect", "tscollect", "stash", "summaryindex", "outputlookup", "outputcsv",
                     "outputtext", "dump", "delete", "sendemail", "sendalert", "script", "run", "runshellscript", "map",
                     "savedsearch", "loadjob", "ingestpreview"})


class Export(Collection, frozen=True):
    """What a search gave. `previews` were dropped and not counted; `indexes`: what the account may search at all."""

    search: str
    account: str
    indexes: tuple[str, ...]
    previews: int


@splunk.action(Effect.READ)
def collect_search(search: str, since: datetime, until: datetime, name: str = "splunk_search") -> Steps[Export]:
    """Keep everything that a search finds.

    Begin it with "search " or with a pipe. Commands that write, send or run something are refused, and macros too, since they
    hide what they do. The account sees only the indexes of its role: it and they are recorded, and where it sees none, that is
    a gap. An export whose last row does not come is incomplete. Events come late: repeat it after a while, and compare.

    Source: docs.splunk.com, REST API Reference, search/v2/jobs/export. Needs the capability search; Splunk Cloud opens the port
    on request. `name` is the artefact's.
    """
    me = words((yield from account()).get("username"))
    seen, notes = yield from _visible()
    request = yield from export(checked(search), f"{since.timestamp():.3f}", f"{until.timestamp():.3f}", name)
    got = Got(Tally(name, "_time", since, until, vendor="Splunk"))
    try:
        got.read((yield request))
    except Cut:
        got.notes.append("stopped by hand")
    done = Walk(got.rows, 1, got.whole and not got.failed, [*notes, *got.notes, *_told(got, seen, since)])
    kept = asdict(got.tally.collection(done)) | {"floor": stamp(_floor(seen))}
    return Export(**kept, search=search, account=me, indexes=tuple(index.name for index in seen), previews=got.previews)


def export(search: str, earliest: str, latest: str | None = None, keep: str = "") -> Steps[Request]:
    """The request for what a search finds, as one stream."""
    version = yield from setting("export")
    return POST(f"/services/search/{'v2/' if version == 'v2' else ''}jobs/export", reads=True, keep=keep, gate=REST, form={
        "search": search, "output_mode": "json", "preview": "false", "earliest_time": earliest, "latest_time": latest})


def checked(search: str) -> str:
    """`search`, when nothing known in it writes. Raises ActionError."""
    text = search.strip()
    if not re.match(r"search\s|\|", text):
        raise ActionError(f"{text[:60]!r} is no search that can be exported", next='begin it with "search " or with "|"')
    bare = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    if "`" in bare:
        raise ActionError("the search uses a macro, which hides what it does", next="write out what stands in the macro")
    for command in re.findall(r"[|\[]\s*([A-Za-z_]\w*)", bare):
        if command.lower() in WRITING:
            raise ActionError(f"the search would {command}: a collection only reads", next="leave that command out")
    return text


def _visible() -> Steps[tuple[list[Index], list[str]]]:
    """The indexes of the account. Raises Unavailable for an account that sees none: all it finds is nothing."""
    try:
        found = yield from indexes()
    except Unavailable as error:
        return [], [f"which indexes the account sees could not be read: {error.what}"]
    if not found:
        raise Unavailable("the account may search no index: an empty result would prove nothing", status=200,
                          needs="a role with indexes to search")
    return found, []


@dataclass
class Got:
    """What an export's lines come to."""

    tally: Tally
    rows: int = 0
    previews: int = 0
    whole: bool = False                # the row came that says it is the last
    failed: bool = False
    notes: list[str] = field(default_factory=list)

    def read(self, answer: Response) -> None:
        """Count the final rows of a stream. Raises BadAnswer for what is no export."""
        for number, value in enumerate(_lines(answer)):
            if value is None:
                self.notes.append("the stream breaks off in the middle of a line")
                return
            if not isinstance(value, dict) or not value.keys() & {"preview", "result", "messages", "lastrow"}:
                raise BadAnswer(f"line {number + 1} is none of an export's")
            self._one(value)

    def _one(self, value: dict[str, Any]) -> None:
        told = said(value)
        self.failed |= any(text.startswith(("ERROR", "FATAL")) for text in told)
        self.notes += [text for text in told if len(self.notes) < MAX_NOTES and text not in self.notes]
        if value.get("preview") is True:
            self.previews += 1
            return
        self.whole |= value.get("lastrow") is True
        if "result" in value:
            self.rows += 1
            self.tally.add(value["result"])


def _lines(answer: Response) -> Iterator[Any]:
    """The values of a stream, a line each; None where it breaks off. Raises BadAnswer for lines that are no JSON."""
    with answer.open() as file:
        number = 0
        while line := file.readline(MAX_LINE):
            if not line.strip():
                continue
            number += 1
            try:
                value = decode(line)
            except (ValueError, RecursionError):
                if number == 1 or line.endswith(b"\n"):
                    raise BadAnswer(f"line {number} of the export is no JSON, or longer than {MAX_LINE:,} bytes") from None
                value = None
            yield value


def _floor(seen: list[Index]) -> datetime | None:
    """The oldest that any index holds; None where one does not say."""
    times = [index.oldest for index in seen]
    return min((time for time in times if time), default=None) if all(times) else None


def _told(got: Got, seen: list[Index], since: datetime) -> list[str]:
    told = []
    if got.previews:
        told.append(f"{counted(got.previews, 'preview')} came too, kept and not counted")
    if not got.whole:
        told.append("the last row did not come: this is a part, and how much is missing is unknown")
    if not got.rows:
        sees = ", ".join(index.name for index in seen) or "unknown"
        told.append(f"no rows: nothing matched, or it lies where the account may not search (it sees: {sees})")
    told += [f"index {index.name} holds nothing before {stamp(index.oldest)}" for index in seen
             if index.oldest and index.oldest > since][:MAX_NOTES]
    return told
