"""What a thread may record a little later: while it would otherwise wait for a vendor."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Postponed(threading.local):
    """The one job that this thread has put off. It runs before anything else that the thread appends."""

    def __init__(self) -> None:
        self._job: Callable[[], object] | None = None

    def put_off(self, job: Callable[[], object]) -> None:
        """Take `job` on, after the one before it has run."""
        self.catch_up()
        self._job = job

    def catch_up(self) -> None:
        """Run the job, if there is one. Raises what it raises; it is not run again."""
        job, self._job = self._job, None
        if job is not None:
            job()
