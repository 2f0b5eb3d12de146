"""The seal of an incident: where it stands, and which time-stamp authorities have put a time on it.

A policy that asks for tokens of n authorities asks for them over one and the same note. So the note that the seal itself made,
the first over it, is stamped each time, however often sealing is taken up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from irkit.ledger.database import Noted
from irkit.ledger.entry import Entry
from irkit.ledger.store import Ledger

if TYPE_CHECKING:
    from irkit.ledger.timestamp import Token


class Seal(Struct, frozen=True):
    """A sealed ledger as its stamping needs it: `note` is the seal's own, `stamped` the authorities that have."""

    ledger: Ledger
    entry: Entry
    note: bytes
    stamped: frozenset[str]

    @property
    def mode(self) -> str:
        return self.ledger.mode

    def newest_note(self) -> bytes:
        return self.note

    def add_token(self, raw: bytes, token: Token, note: bytes, authority: str) -> Entry:
        return self.ledger.add_token(raw, token, note, authority)


def seal_of(ledger: Ledger) -> Seal | None:
    """The seal of a ledger that has one."""
    entry, stamped, size = None, set(), 0
    for one in ledger.entries():
        if one.kind == "sealed" and entry is None:
            entry, size = one, one.seq + 1
        elif entry is not None and one.kind == "anchor.timestamp" and one.data.get("size") == size:
            stamped.add(str(one.data.get("authority", "")))
    if entry is None:
        return None
    note = next(row.note for row in ledger.rows() if isinstance(row, Noted) and row.size == size)
    return Seal(ledger, entry, note, frozenset(stamped))
