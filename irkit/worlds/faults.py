"""Faults of a scenario: what goes wrong, for which requests, how often.

`lost` and `answer` work in a drill and over HTTP alike; `transport` faults need a real socket and are used by `serve` alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct

from irkit.errors import UsageError
from irkit.worlds.world import Answer, encode


class Fault(Struct, frozen=True):
    """`request` is a glob over "METHOD /path" (no query; `*` crosses slashes). `times` None: every time.

    lost       "before": the request never arrives; "after": it takes effect and the answer is lost
    answer     {status, retry_after, body, headers}: said instead of the world's answer; the request takes no effect
    transport  "cut" the body in the middle; "html": a sign-in page with status 200; "reset" the connection unanswered;
               "slow": headers, then a silence of `seconds`
    """

    connector: str
    request: str
    lost: Literal["before", "after"] | None = None
    answer: Mapping[str, Any] | None = None
    times: int | None = 1
    transport: Literal["cut", "html", "reset", "slow"] | None = None
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if sum(how is not None for how in (self.lost, self.answer, self.transport)) != 1:
            raise UsageError(f"the fault on {self.request!r} says one of lost, answer and transport")

    def gave(self, status: int | None) -> bool:
        """Whether a request that was answered so, None for not at all, may have met this fault."""
        return status is None or (self.answer is not None and self.said().status == status)

    def said(self) -> Answer:
        """The answer to give instead, for a fault that has one."""
        given = self.answer or {}
        headers = {str(k).lower(): str(v) for k, v in dict(given.get("headers") or {}).items()}
        if given.get("retry_after") is not None:
            headers["retry-after"] = str(given["retry_after"])
        body = given.get("body", "")
        if not isinstance(body, str):
            body, headers = encode(body).decode(), {"content-type": "application/json", **headers}
        return Answer(int(given.get("status", 500)), headers, body.encode())


class Faults:
    """The faults that are still to come, in order; the first that matches counts."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)
        self._left = [fault.times for fault in self._faults]
        self._lock = threading.Lock()

    @property
    def left(self) -> tuple[Fault, ...]:
        """Those that have not come as often as they say they will; one for every time is never among them."""
        return tuple(fault for fault, left in zip(self._faults, self._left, strict=True) if left)

    def add(self, fault: Fault) -> None:
        """One more, after those there are."""
        with self._lock:
            self._faults = (*self._faults, fault)
            self._left.append(fault.times)

    def judge(self, connector: str, method: str, path: str, *, answered: int | None = None) -> Fault | None:
        """The fault that this request meets, used up by one; None when all is well.

        `answered` is the status that the record of a request holds, when it is asked again: of two that left together it
        says which of them met the fault.
        """
        with self._lock:
            for number, fault in enumerate(self._faults):
                left = self._left[number]
                if (left != 0 and fault.connector == connector and fnmatchcase(f"{method} {path}", fault.request)
                        and fault.gave(answered)):
                    self._left[number] = None if left is None else left - 1
                    return fault
        return None
