"""A drill's clock: people's time flows as it does, the machine's waiting is skipped.

Worlds, waits, legal clocks, injects and scores all run on it. Nobody learns from watching sixty seconds pass, so a wait
jumps ahead at once; what a responder takes to read, ask and decide counts in full, because that is what is scored. It
never goes back, it stands still while the facilitator pauses, and a resumed drill starts it at its last entry's `drill_at`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from irkit.engine.fold import moment
from irkit.engine.values import rfc3339
from irkit.ledger import Entry


class DrillClock:
    """Implements `irkit.engine.modes.Clock`. Safe to use from many threads."""

    jumps = True

    def __init__(self, at: datetime, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        if at.tzinfo is None:
            raise ValueError("a drill starts at an instant, which has a time zone")
        self._at, self._monotonic = at.astimezone(UTC), monotonic
        self._mark = monotonic()               # what the monotonic clock read at `_at`
        self._held: float | None = None        # what it read when the facilitator paused
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        tick = self._monotonic() if self._held is None else self._held
        return self._at + timedelta(seconds=max(0.0, tick - self._mark))

    def wait(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Skip `seconds`, unless `stop()` already says no."""
        if not stop():
            self.jump(timedelta(seconds=seconds))

    def jump(self, by: timedelta) -> None:
        """Go ahead by `by`; less than nothing is nothing."""
        with self._lock:
            self._at += max(by, timedelta())

    def jump_to(self, instant: datetime) -> None:
        """Go ahead to `instant`; one that has passed changes nothing."""
        with self._lock:
            self._at += max(instant - self._now(), timedelta())

    def pause(self) -> None:
        """Stand still until `resume`. Jumps still count: they are the machine's time, not people's."""
        with self._lock:
            if self._held is None:
                self._held = self._monotonic()

    @property
    def paused(self) -> bool:
        return self._held is not None

    def resume(self) -> None:
        with self._lock:
            if self._held is not None:
                self._mark += self._monotonic() - self._held
                self._held = None

    def stamp(self) -> Mapping[str, str]:
        """The drill's time, which entries carry beside the real one."""
        return {"drill_at": rfc3339(self.now())}


def reading(entry: Entry, mono_ns: int) -> datetime:
    """What a drill's clock that runs shows outside of its process, where the machine's monotonic clock reads `mono_ns`.

    `entry` is the latest of that process, of the same boot, with the drill's time; its bytes hold both clocks.
    """
    passed = mono_ns - int(json.loads(entry.line)["mono_ns"])
    return moment(entry) + timedelta(microseconds=max(0, passed) // 1000)
