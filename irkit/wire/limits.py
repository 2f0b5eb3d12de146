"""Pacing: one rate limit per connection, shared by all threads, learning from what answers say.

A minute's worth of requests may leave at once; after that they leave evenly. What an answer says of the budget wins over
what was assumed, and a 429's wait holds every thread of the connection. Below the limit a turn costs a lock and a
subtraction. No thread is held longer than `LONGEST`: beyond it the request is given back as not sent.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from irkit.action import Limit
from irkit.errors import NotSent

LONGEST = 900.0        # seconds that a thread is held
MOST = 3600.0          # seconds that one answer can hold a connection, whatever it says


class Pace:
    """The budget of one connection. `wait(seconds)` lets time pass and returns True when the run is being stopped."""

    def __init__(self, name: str, per_minute: int, *, monotonic: Callable[[], float], wait: Callable[[float], bool]) -> None:
        self._name, self._monotonic, self._wait = name, monotonic, wait
        self._lock = threading.Lock()
        self._capacity = max(1, per_minute)
        self._left = float(self._capacity)         # below 0: turns already promised to threads that wait
        self._as_of = monotonic()
        self._held_until = -math.inf

    def turn(self) -> None:
        """Return when one more request may leave. Raises NotSent when that is too far off, or the run is stopped."""
        with self._lock:
            now = self._refill()
            self._left -= 1
            due = now - min(0.0, self._left) * 60 / self._capacity
        while (pause := max(due, self._held_until) - self._monotonic()) > 0:
            if pause > LONGEST:
                why = f"{self._name} may be asked again in {pause:.0f} s"
            elif self._wait(pause):
                why = f"stopped while waiting for {self._name}'s rate limit"
            else:
                continue
            with self._lock:
                self._left += 1
            raise NotSent(why)

    def learn(self, limit: Limit) -> None:
        """Take account of an answer: what is left only ever lowers the budget, since answers overtake each other."""
        with self._lock:
            now = self._refill()
            if limit.per_minute and limit.per_minute > 0:
                self._left += limit.per_minute - self._capacity
                self._capacity = limit.per_minute
            if limit.remaining is not None:
                self._left = min(self._left, float(max(0, limit.remaining)))
            if limit.wait is not None and limit.wait > 0:
                self._held_until = max(self._held_until, now + min(limit.wait, MOST))

    def seconds_for(self, requests: int) -> float:
        """An estimate: how long the limit makes this many requests take; 0.0 when they fit into what is left."""
        with self._lock:
            now = self._refill()
            return max(0.0, self._held_until - now) + max(0.0, requests - self._left) * 60 / self._capacity

    def _refill(self) -> float:
        now = self._monotonic()
        self._left = min(float(self._capacity), self._left + (now - self._as_of) * self._capacity / 60)
        self._as_of = now
        return now
