"""What a thread may record a little later: while it would otherwise wait for a vendor, and several entries in one commit.

It is for reads alone, of which nothing depends on being durable first. Whatever else the thread appends comes after them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irkit.ledger.append import Draft

MOST = 64                      # entries that wait for a commit
EVERY = 0.05                   # seconds: an entry that comes later than this after the last commit waits for no other


class Postponed(threading.local):
    """The one job that this thread has put off, and the drafts that it holds back; `submit` commits those."""

    def __init__(self, submit: Callable[[Sequence[Draft]], object], now: Callable[[], float] = time.monotonic) -> None:
        self._submit, self._now = submit, now
        self._job: Callable[[], object] | None = None
        self._held: list[Draft] = []
        self._committed = float("-inf")

    def put_off(self, job: Callable[[], object]) -> None:
        """Take `job` on, after the one before it has run."""
        self.run()
        self._job = job

    def run(self) -> None:
        """Run the job, if there is one. Raises what it raises; it is not run again."""
        job, self._job = self._job, None
        if job is not None:
            job()

    def hold(self, draft: Draft) -> None:
        """Commit the draft together with others that come soon; at once, when none came lately."""
        self._held.append(draft)
        if len(self._held) >= MOST or self._now() - self._committed > EVERY:
            self._commit()

    def catch_up(self) -> None:
        """Run the job, and have everything durable."""
        self.run()
        if self._held:
            self._commit()

    def _commit(self) -> None:
        held, self._held = self._held, []
        self._submit(held)
        self._committed = self._now()
