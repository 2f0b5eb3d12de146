"""What a check reports."""

from __future__ import annotations

from msgspec import Struct

CONTRADICTED = "CONTRADICTED"      # things do not agree: exit 5
MISSING = "MISSING"                # absent, and nothing in the ledger gives a ground: exit 5
NOT_CHECKED = "NOT CHECKED"        # could not be read: exit 1
PENDING = "PENDING"                # these and the following are printed, exit 0: not yet time-stamped
WITHHELD = "WITHHELD"              # lawfully absent
ADOPTED = "ADOPTED"                # signed by a later session alone
UNENDORSED = "UNENDORSED"          # no person's key stands behind the session, and the policy allows it
FLAGGED = "FLAGGED"                # says a time outside its proven window
FAILS = frozenset({CONTRADICTED, MISSING})


class Finding(Struct, frozen=True):
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
