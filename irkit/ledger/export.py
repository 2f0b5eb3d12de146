"""What exports read of a ledger: its entries with their stored disclosures and its notes, and the view of it as JSON lines.

A view is for reading and for other tools; what is hashed and signed are the lines themselves.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from irkit.ledger import database
from irkit.ledger.append import Draft, fields_of
from irkit.ledger.database import Noted
from irkit.ledger.disclose import Disclosure, nested, read
from irkit.ledger.entry import Entry, parse
from irkit.ledger.store import Ledger
from irkit.ledger.trouble import explained


class Stored(NamedTuple):
    """An entry and the disclosures that the store has of it, sorted by digest."""

    entry: Entry
    disclosures: tuple[Disclosure, ...]


def stored(ledger: Ledger, end: int | None = None) -> Generator[Stored | Noted, None, None]:
    """Entries with seq < `end`, and the notes over no more of them than that, each after what it covers.

    A stream, in one reading of the store: nothing else can be read or appended through `ledger` before it ends. Everything that
    the ledger has taken up was checked when it was.
    """
    end = ledger.size if end is None else end
    with contextlib.closing(ledger.rows()) as rows:        # type: ignore[type-var]  # a generator, declared as an iterator
        for found in rows:
            if isinstance(found, database.Row):
                if found.seq >= end:
                    return
                kept = tuple(Disclosure(digest, body, *read(body, strict=False)) for _, digest, body in found.disclosures)
                values = {one.name: one.value for one in kept}
                yield Stored(Entry.of(parse(found.line, strict=False), found.line, found.leaf, values), kept)
            elif isinstance(found, Noted):
                yield found


def entries_of(rows: Iterable[Stored | Noted]) -> Iterator[Stored]:
    """The entries alone."""
    return (row for row in rows if isinstance(row, Stored))


def record_bag(ledger: Ledger, data: Mapping[str, Any], disclose: Mapping[str, Any]) -> Entry:
    """Append the `exported` entry that a bag ends with; it says how many lines the bag has, itself counted."""
    def draft(size: int, _: bytes) -> Draft:
        made = ledger._draft(fields_of("exported", {**data, "as": "bag", "lines": size + 1}, "human"), disclose)
        made.size = size
        return made
    return ledger._over_the_tree(draft)


def mode_of(folder: Path) -> str:
    """live, drill or test, as genesis says; nothing else is read or checked. Raises LedgerError for what is no ledger."""
    with explained(folder), contextlib.closing(database.open_reader(folder / database.NAME)) as db:
        found = db.execute("SELECT line FROM entries WHERE seq = 0").fetchone()
    with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
        return str(parse(found[0])["data"]["mode"])
    return ""


def view(entry: Entry) -> dict[str, Any]:
    """The fields of an entry, and "disclosed" with dotted names nested: {"request": {"url": "https://…"}}."""
    fields: dict[str, Any] = json.loads(entry.line)
    return {**fields, "disclosed": nested(entry.disclosed)} if entry.disclosed else fields


def write_jsonl(views: Iterable[Mapping[str, Any]], out: TextIO) -> int:
    """One JSON object a line. Returns how many."""
    count = 0
    for one in views:
        out.write(json.dumps(one, ensure_ascii=False, sort_keys=True) + "\n")
        count += 1
    return count


def export_jsonl(source: Path | Ledger, out: TextIO) -> int:
    """The view of every entry. Returns how many.

    Raises LedgerError at the first entry that does not verify; of a folder, before anything is written.
    """
    if isinstance(source, Path):
        with Ledger.open(source, write=False) as ledger:
            return export_jsonl(ledger, out)
    return write_jsonl(map(view, source.entries()), out)
