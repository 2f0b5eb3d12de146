"""A second look at a redaction: does what it withholds in one place still stand in another that is shown?

Addresses, long numbers and short texts of withheld values are looked for in kept ones. It finds slips such as an address
withheld in a request and shown in a look. It helps whoever writes the rules, and proves nothing when it finds none: artefacts
and structure are not read, and names inside longer texts are not seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from irkit.ledger.export import Stored
from irkit.report.facts import Ranges
from irkit.report.view import Hide

MOST = 200_000                       # different marks remembered
_TOKEN = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<!\d)\d{8,}(?!\d)")
_SHORT = range(6, 121)               # characters of a text that is compared whole


def standing(rows: Callable[[], Iterable[Stored]], hide: Hide) -> dict[str, Ranges]:
    """Names of kept values that hold something withheld elsewhere, with their entries. Reads `rows` twice."""
    marks: set[int] = set()
    for row in rows():
        hidden = hide(row.entry)
        for one in row.disclosures:
            if (hidden.whole or one.name in hidden.names) and len(marks) < MOST:
                marks.update(map(hash, _marks(one.value)))
    found: dict[str, Ranges] = {}
    for row in rows() if marks else ():
        hidden = hide(row.entry)
        for one in row.disclosures:
            if not hidden.whole and one.name not in hidden.names and any(hash(mark) in marks for mark in _marks(one.value)):
                found.setdefault(one.name, Ranges()).add(row.entry.seq)
    return found


def _marks(value: Any) -> Iterator[str]:
    """What may give a person away: addresses and long numbers anywhere in it, and its texts of several words."""
    yield from _TOKEN.findall(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    yield from (text for text in _texts(value) if len(text) in _SHORT and " " in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
