"""Real time, for live runs and probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime


class RealClock:
    """Implements `irkit.engine.modes.Clock`."""

    jumps = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, looking at `stop` each second at least."""
        until = time.monotonic() + seconds
        pause = threading.Event()
        while not stop() and (left := until - time.monotonic()) > 0:
            pause.wait(min(left, 0.5))

    def stamp(self) -> Mapping[str, str]:
        return {}
