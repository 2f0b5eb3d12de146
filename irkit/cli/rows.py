"""Entries as rows of a listing, one after the other: who did it, and what, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irkit.ledger import Entry
    from irkit.ui.reading import Row


class Rows:
    """Makes a row of each entry. It has to see all of them: earlier ones say whose session and which system's request it is."""

    def __init__(self) -> None:
        self._people: dict[int, str] = {}        # session -> person
        self._systems: dict[int, str] = {}       # request.sending -> connector

    def __call__(self, entry: Entry, below: str = "") -> Row:
        from irkit.ui.reading import Row
        shown = entry.disclosed
        if entry.kind == "session.start":
            self._people[entry.seq] = str(shown.get("person.name", entry.who))
        if entry.kind == "request.sending":
            self._systems[entry.seq] = str(shown.get("request.connector", ""))
        system = shown.get("request.connector") or self._systems.get(entry.ref if entry.ref is not None else -1)
        told = system if entry.kind in ("request.answer", "request.body") and system else self._people.get(entry.session)
        return Row(entry.seq, datetime.fromisoformat(entry.at), str(told or "irkit"), entry.kind, _what(entry), below)


def _what(entry: Entry) -> str:
    from irkit.report.words import what
    if entry.kind != "artefact.added":
        return what(entry)
    from irkit.ui.layout import size
    return f"{entry.disclosed.get('artefact.name', '')}, {size(int(entry.disclosed.get('artefact.size', 0)))}"
