"""Connections to one place, each in a pool of its own.

A pool of httpcore's looks at all its connections several times for each request and for each answer, and at all of them again
for each one that is idle: with sixteen in one pool that was a fifth of what a fan-out computes. Here each exchange takes a lane
that is free, the one used last if it can, and gives it back when its answer was read and closed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

import httpx


class Lanes(httpx.BaseTransport):
    """At most `most` exchanges at a time; whoever comes then waits as long as the request's timeout for the pool allows."""

    def __init__(self, make: Callable[[], httpx.BaseTransport], most: int) -> None:
        """`make` makes a lane: a transport of one connection. The first is made now, so that what it raises is raised now."""
        self._make, self._all = make, [make()]
        self._free = deque(self._all)
        self._room = threading.BoundedSemaphore(most)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.PoolTimeout where nothing was free in time; then nothing was sent."""
        if not self._room.acquire(timeout=request.extensions.get("timeout", {}).get("pool")):
            raise httpx.PoolTimeout("all connections are in use")
        lane = None
        try:
            lane = self._lane()
            answer = lane.handle_request(request)
        except BaseException:
            self._give_back(lane)
            raise
        assert isinstance(answer.stream, httpx.SyncByteStream)
        answer.stream = _Stream(answer.stream, lambda: self._give_back(lane))
        return answer

    def close(self) -> None:
        for lane in self._all:
            lane.close()

    def _lane(self) -> httpx.BaseTransport:
        try:
            return self._free.pop()
        except IndexError:
            self._all.append(lane := self._make())
            return lane

    def _give_back(self, lane: httpx.BaseTransport | None) -> None:
        if lane is not None:
            self._free.append(lane)
        self._room.release()


class _Stream(httpx.SyncByteStream):
    """An answer's bytes, which tells when it is closed."""

    def __init__(self, inner: httpx.SyncByteStream, closed: Callable[[], None]) -> None:
        self._inner, self._closed = inner, closed
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        if self._open:
            self._open = False
            try:
                self._inner.close()
            finally:
                self._closed()
