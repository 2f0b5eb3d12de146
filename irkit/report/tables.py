"""CSV tables for people who work in spreadsheets: custody, privilege, deadlines, and the whole timeline.

RFC 4180 in UTF-8. A cell that a spreadsheet would run as a formula begins with an apostrophe, so that it is shown as text:
names and answers in a ledger were written by vendors and intruders. Each row says which mode it belongs to.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from irkit.ledger import Entry
from irkit.report.view import Shown
from irkit.report.words import mark, what

_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")     # the last four are the full-width forms, which run too
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST = 32_000                    # characters; a cell of a spreadsheet holds at most 32,767

TIMELINE = ("mode", "entry", "recorded_at_utc", "observed_at", "by", "person", "signed_by", "kind", "run", "step", "item",
            "what")
CUSTODY = ("mode", "entry", "event", "recorded_at_utc", "stated_at", "zone", "recorded_by", "signed_by", "from", "from_title",
           "from_phone", "to", "to_title", "to_phone", "location", "reason", "artefact_sha256", "artefact_name",
           "artefact_bytes", "description", "sha256_recomputed", "answers_entry")
_STATED = ("at", "zone")
_PARTIES = ("from", "from_title", "from_phone", "to", "to_title", "to_phone", "location", "reason")
PRIVILEGE = ("mode", "entry", "withheld", "kind_of_entry", "recorded_at_utc", "basis", "asserted_by", "asserted_at_utc",
             "digest_or_leaf")
DEADLINES = ("mode", "run", "clock", "due_utc", "state", "started_entry", "started_at_utc", "met_entry", "met_at_utc",
             "margin_hours")


class Out(Protocol):
    def write(self, text: str, /) -> object: ...


def safe(value: object) -> str:
    """A cell that no spreadsheet runs."""
    text = "" if value is None else _CONTROL.sub("\ufffd", str(value))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
    return f"'{text}" if _FORMULA.match(text) else text


class Table:
    """Rows under a heading."""

    def __init__(self, out: Out, columns: Sequence[str]) -> None:
        self._rows = csv.writer(out, lineterminator="\r\n")
        self._rows.writerow(columns)
        self.width = len(columns)

    def row(self, *cells: object) -> None:
        assert len(cells) == self.width, cells
        self._rows.writerow([safe(cell) for cell in cells])


class People:
    """Who a session belongs to, as far as it is shown."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def add(self, entry: Entry) -> None:
        if entry.kind == "session.start":
            self._names[entry.seq] = str(entry.disclosed.get("person.name", ""))

    def of(self, entry: Entry) -> str:
        return self._names.get(entry.session, "")


class Timeline:
    """Every line, what happened in words."""

    def __init__(self, out: Out, mode: str) -> None:
        self._table, self._mode, self._people = Table(out, TIMELINE), mode, People()

    def add(self, row: Shown) -> None:
        entry = row.entry
        if entry is None:
            self._table.row(self._mode, row.seq, "", "", "", "", "", "withheld", "", "", "", f"{mark(self._mode)}withheld")
            return
        self._people.add(entry)
        self._table.row(self._mode, entry.seq, entry.at, entry.disclosed.get("observed_at"), entry.by, self._people.of(entry),
                        entry.who, entry.kind, entry.run, entry.step, entry.item, mark(self._mode) + what(entry))


class Custody:
    """What was collected, who handed it on, who took it, what was exported and erased: one row for each handling and file."""

    def __init__(self, out: Out, mode: str) -> None:
        self._table, self._mode, self._people = Table(out, CUSTODY), mode, People()

    def add(self, row: Shown) -> None:
        if (entry := row.entry) is None:
            return
        self._people.add(entry)
        shown = entry.disclosed
        if entry.kind == "artefact.added":
            self._row(entry, "collected", {name: shown.get(f"artefact.{name}") for name in ("sha256", "name", "size")})
        elif entry.kind in ("custody.offered", "custody.accepted"):
            for item in items_of(entry) or [{}]:
                self._row(entry, entry.kind.partition(".")[2], item)
        elif entry.kind == "exported":
            self._row(entry, f"exported as {entry.data.get('as', '')}", {})
        elif entry.kind == "erased":
            self._row(entry, f"erased values of entry {entry.data.get('of', '')}", {})

    def _row(self, entry: Entry, event: str, item: Mapping[str, Any]) -> None:
        shown = entry.disclosed
        said = {"to": shown.get("export.recipient"), "reason": shown.get("export.basis") or shown.get("erase.basis")}
        self._table.row(
            self._mode, entry.seq, mark(self._mode) + event, entry.at, *(shown.get(f"custody.{name}") for name in _STATED),
            self._people.of(entry), entry.who, *(shown.get(f"custody.{name}") or said.get(name) for name in _PARTIES),
            *(item.get(name) for name in ("sha256", "name", "size", "description", "recomputed")), entry.ref)


def items_of(entry: Entry) -> list[Mapping[str, Any]]:
    """What a custody entry hands over. A list too long for the entry is named as the file that holds it."""
    found = entry.disclosed.get("custody.artefacts", ())
    if isinstance(found, dict):
        return [{"sha256": found.get("artefact"), "description": "the file with the list of what is handed over"}]
    return [one if isinstance(one, dict) else {} for one in found] if isinstance(found, list) else []


_AGAIN = frozenset({"amended", "step.started", "step.undone"})


class Deadlines:
    """Each legal clock that started, when it is due as last said, and what met it. Rows are written by `close`.

    What met it no longer counts once it was withdrawn, or its step undone or taken up again.
    """

    def __init__(self, out: Out, mode: str) -> None:
        self._table, self._mode = Table(out, DEADLINES), mode
        self._clocks: dict[tuple[str, str], dict[str, Entry]] = {}

    def add(self, row: Shown) -> None:
        entry = row.entry
        if entry is None:
            return
        if entry.kind in ("deadline.started", "deadline.met"):
            clock = self._clocks.setdefault((entry.run or "", str(entry.data.get("clock", ""))), {})
            clock.setdefault(entry.kind.partition(".")[2], entry)
            if entry.kind == "deadline.started":
                clock["due"] = entry
        elif entry.kind in _AGAIN and not (entry.kind == "step.started" and entry.data.get("undo")):
            self._run_again(entry)

    def _run_again(self, entry: Entry) -> None:
        for clock in self._clocks.values():
            met = clock.get("met")
            if met is not None and (entry.ref == met.seq if entry.kind == "amended" else
                                    (entry.run, entry.step, entry.item) == (met.run, met.step, None) and met.step):
                del clock["met"]

    def close(self) -> None:
        for (run, name), found in self._clocks.items():
            started, met = found.get("started"), found.get("met")
            due = str(found["due"].data.get("due", "")) if "due" in found else ""
            self._table.row(self._mode, run, mark(self._mode) + name, due.replace("+00:00", "Z"), "met" if met else "running",
                            started.seq if started else "", _moment(started), met.seq if met else "", _moment(met),
                            _margin(due, _moment(met)))


def _margin(due: str, met: str) -> str:
    """Hours left when it was met; below zero it was late."""
    if not due or not met:
        return ""
    return f"{(datetime.fromisoformat(due) - datetime.fromisoformat(met)).total_seconds() / 3600:.2f}"


def _moment(entry: Entry | None) -> str:
    """A drill's clocks run in its own time."""
    return "" if entry is None else str(entry.data.get("drill_at") or entry.at)
