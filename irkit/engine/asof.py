"""The entries that were there at a moment: what was known when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from irkit.engine.fold import moment
from irkit.ledger import Entry


def until(entries: Iterable[Entry], at: datetime) -> Iterator[Entry]:
    """The first entries, up to the last one written by `at`; in a drill by its own time.

    Always a beginning of the ledger: what stands behind a later entry was not known earlier, whatever a machine's clock that
    was set back said. Times are counted on as `State.reckoned` counts them.
    """
    drill, back, latest = False, timedelta(), None
    for entry in entries:
        if entry.kind == "genesis":
            drill = entry.data["mode"] == "drill"
        if entry.kind == "clock.stepped":
            back = max(timedelta(), back - timedelta(milliseconds=entry.data["step_ms"]))
        if not drill or "drill_at" in entry.data:
            written = moment(entry) if drill else moment(entry) + back
            latest = max(written, latest or written)
        if latest is not None and latest > at:
            return
        yield entry
