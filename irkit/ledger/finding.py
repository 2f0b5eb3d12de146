"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass

CONTRADICTED = "CONTRADICTED"      # things do not agree: exit 5
MISSING = "MISSING"                # absent, and nothing in the ledger gives a ground: exit 5
NOT_CHECKED = "NOT CHECKED"        # could not be read: exit 1


@dataclass(frozen=True)
class Finding:
    """What does not agree: `what` in one line, `detail` the values side by side, `meaning` in plain words.

    `entry` is None for what belongs to the store as a whole; `mechanism` is one of the table in `irkit.ledger.check`, or
    "store" for a file that SQLite cannot read.
    """

    entry: int | None
    mechanism: str
    what: str
    meaning: str
    detail: tuple[str, ...] = ()
    level: str = CONTRADICTED
