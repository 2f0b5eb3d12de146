"""Two copies of an incident, leaf by leaf: the same, one a continuation of the other, or two histories from an entry on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

from msgspec import Struct

from irkit.ledger.database import Row
from irkit.ledger.entry import leaf_hash, parse
from irkit.ledger.source import Source, Withheld

Kind = Literal["same", "longer", "shorter", "fork", "another"]


class Compared(Struct, frozen=True):
    """`kind` is said of the first copy. `common` entries are the same in both, then `one` and `other` follow."""

    kind: Kind
    common: int
    one: int
    other: int
    first: str = ""                # the first differing entry of each in words: "run.resumed at 2026-…Z"
    second: str = ""


def compare(one: Source, other: Source) -> Compared:
    """Read both to their ends. Raises `source.Trouble` where a copy cannot be read."""
    common, left, right, first, second = 0, 0, 0, "", ""
    for mine, theirs in zip_longest(_entries(one), _entries(other)):
        if mine and theirs and mine[0] == theirs[0] and not (left or right):
            common += 1
            continue
        first, second = first or (_words(mine[1]) if mine else ""), second or (_words(theirs[1]) if theirs else "")
        left, right = left + (mine is not None), right + (theirs is not None)
    return Compared(_kind(common, left, right), common, left, right, first, second)


def _kind(common: int, left: int, right: int) -> Kind:
    if left and right:
        return "fork" if common else "another"
    return "longer" if left else "shorter" if right else "same"


def _entries(source: Source) -> Iterator[tuple[bytes, bytes]]:
    """Leaf and line of each entry; no line of one that is withheld."""
    for event in source.events(lambda _: None):
        if isinstance(event, Withheld):
            yield event.leaf, b""
        elif isinstance(event, Row) and isinstance(event.line, bytes):
            yield leaf_hash(event.line), event.line


def _words(line: bytes) -> str:
    try:
        fields = parse(line)
    except ValueError:
        return "a line that cannot be read"
    return f"{fields['kind']} at {fields['at']}, session {fields.get('session', 0)}"
