"""A timeline for Timesketch: JSON lines with `message`, `datetime`, `timestamp` (µs), `timestamp_desc` and flat fields.

One object for each line of the ledger, so that the number of lines that Timesketch imports can be compared. A line that is
withheld stands at the time of the line before it, and says so. Values longer than 8,000 characters are cut: the timeline is an
index, the exhibit is ledger.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from irkit.ledger import Entry
from irkit.report.view import Shown
from irkit.report.words import mark, one_line, what

DATA_TYPE = "irkit:ledger:entry"
LONGEST = 8_000                      # characters; a keyword of OpenSearch holds at most 32,766 bytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Out(Protocol):
    def write(self, text: str, /) -> object: ...


class Timesketch:
    """Takes lines in order and writes one JSON object each. `count` is how many were written."""

    def __init__(self, out: Out, *, incident: str, mode: str) -> None:
        self._out, self._mode = out, mode
        self._head = {"data_type": DATA_TYPE, "incident": incident, "mode": mode}
        self._people: dict[int, str] = {}          # session -> name, where it is not withheld
        self._before = (0, _EPOCH)                 # the last line whose time is known
        self.count = 0

    def add(self, row: Shown) -> None:
        entry = row.entry
        if entry is None:
            fields = self._withheld(row)
        else:
            if entry.kind == "session.start":
                self._people[entry.seq] = one_line(entry.disclosed.get("person.name", entry.who))
            self._before = entry.seq, datetime.fromisoformat(entry.at)
            fields = self._entry(entry)
        self._out.write(json.dumps({**self._head, "seq": row.seq, "leaf": row.leaf, **fields}, sort_keys=True) + "\n")
        self.count += 1

    def _entry(self, entry: Entry) -> dict[str, Any]:
        person = self._people.get(entry.session, "irkit")
        told = what(entry)
        words = f"{mark(self._mode)}entry {entry.seq}, {entry.by}, {person}: {entry.kind}{': ' if told else ''}{told}"
        place = {"run": entry.run, "step": entry.step, "item": entry.item, "ref": entry.ref}
        return {
            "message": _cut(one_line(words)), **_time(self._before[1]), "timestamp_desc": "Entry recorded",
            "kind": entry.kind, "by": entry.by, "session": entry.session, "who": entry.who, "person": person,
            **{name: value for name, value in place.items() if value is not None},
            **dict(_flat("data", entry.data)), **dict(_flat("value", entry.disclosed)),
        }

    def _withheld(self, row: Shown) -> dict[str, Any]:
        before, moment = self._before
        return {"message": f"{mark(self._mode)}entry {row.seq} is withheld; shown at the time of entry {before}",
                **_time(moment), "timestamp_desc": "Entry withheld", "kind": "withheld"}


def _time(moment: datetime) -> dict[str, Any]:
    utc = moment.astimezone(UTC)
    return {"datetime": utc.isoformat(timespec="microseconds"), "timestamp": (utc - _EPOCH) // timedelta(microseconds=1)}


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`data_status`, `value_request_url`; what has parts of its own as JSON."""
    for name, value in values.items():
        flat = f"{prefix}_{name.replace('.', '_')}"
        if isinstance(value, bool | int):
            yield flat, value
        elif value is not None:
            yield flat, _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
