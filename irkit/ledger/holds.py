"""Legal holds: while one stands nothing is erased. Each stands for itself, until an entry releases that one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from irkit.ledger.entry import Entry


class Hold(Struct, frozen=True):
    """A hold.placed and, once there is one, its hold.released. `by` ordered it; times are RFC 3339."""

    entry: int
    at: str
    by: str
    reason: str
    released: int | None = None
    released_at: str = ""
    released_by: str = ""
    released_reason: str = ""

    @property
    def stands(self) -> bool:
        return self.released is None


def holds(entries: Iterable[Entry]) -> dict[int, Hold]:
    """Every hold of a ledger, by its entry."""
    found: dict[int, Hold] = {}
    for entry in entries:
        if not entry.kind.startswith("hold."):
            continue
        by, reason = (str(entry.disclosed.get(name, "")) for name in ("hold.by", "hold.reason"))
        if entry.kind == "hold.placed":
            found[entry.seq] = Hold(entry.seq, entry.at, by, reason)
        elif entry.kind == "hold.released" and (held := found.get(-1 if entry.ref is None else entry.ref)) and held.stands:
            found[held.entry] = Hold(held.entry, held.at, held.by, held.reason, entry.seq, entry.at, by, reason)
    return found
