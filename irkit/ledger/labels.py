"""Labels that people put on entries, such as privilege: appended, never a change of the entry, and taken off the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from irkit.ledger.entry import Entry

WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")      # a label stands in the line and cannot be withheld: no free text
USUAL = ("personal", "privilege", "work-product")


class Label(Struct, frozen=True):
    """A label that stands. `entry` is the label.set, `fields` the values of entry `of` that it marks: none means all of it."""

    entry: int
    of: int
    label: str
    fields: tuple[str, ...]
    basis: str
    by: str
    at: str


def labels(entries: Iterable[Entry]) -> list[Label]:
    """The labels that stand, in order. One that was taken off an entry takes all of that name off it."""
    standing: list[Label] = []
    for entry in entries:
        if entry.kind != "label.set" or entry.ref is None:
            continue
        word, shown = str(entry.data.get("label", "")), entry.disclosed
        if entry.data.get("removed"):
            standing = [one for one in standing if (one.of, one.label) != (entry.ref, word)]
        else:
            fields = shown.get("label.fields")
            standing.append(Label(entry.seq, entry.ref, word, tuple(map(str, fields)) if isinstance(fields, list) else (),
                                  str(shown.get("label.basis", "")), str(shown.get("label.by", "")), entry.at))
    return standing
