"""Rows of a ledger that are in order by themselves, told from those that may not be. Nothing is explained here.

What this vouches for is what `Checker.read`, strict, finds nothing wrong with, by the same functions; a test compares the two.
Every other row is left to it, which also says what is wrong. One row needs no other: rows can be judged anywhere, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from irkit.ledger.disclose import clashing, hashed, is_mark, read_all
from irkit.ledger.entry import leaf_hash, parse

Bare = tuple[Any, Any, list[tuple[Any, Any, Any]]]
"""Line, leaf and disclosures of a row, see `irkit.ledger.database.Row`."""


def vouch(rows: Iterable[Bare]) -> bytes:
    """One byte for each row: 1 when it is in order and marks no artefact, 0 when somebody has to look."""
    return bytes([_in_order(*row) for row in rows])


def _in_order(line: Any, leaf: Any, disclosures: list[tuple[Any, Any, Any]]) -> bool:
    if type(line) is not bytes or leaf_hash(line) != leaf:
        return False
    try:
        asked = parse(line).get("sd", [])
        bodies = [body for _, _, body in disclosures]
        if not hashed(bodies) == asked == sorted(set(asked)) == [digest for _, digest, _ in disclosures]:
            return False
        values = read_all(bodies)
    except Exception:          # whatever it is: where it is looked at again, it is explained or raised
        return False
    return not clashing(tuple(values)) and not any(is_mark(value) for value in values.values() if type(value) is dict)
