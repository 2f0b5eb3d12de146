"""How far this machine's clock is off, as others see it: the kernel's own judgement, and the `Date` of HTTP answers.

These show an honest clock's error. Whoever writes the ledger could have made them up; against the writer only time stamps
count.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

_STA_UNSYNC, _STA_NANO, _TIME_ERROR = 0x0040, 0x2000, 5        # linux/timex.h
_SECOND = timedelta(seconds=1)

Interval = tuple[timedelta, timedelta]     # what lies between is (local clock - true clock); positive: the local one is fast


class KernelClock(NamedTuple):
    """What adjtimex(2) says; the names are those of the entry's `data`."""

    synchronised: bool
    offset_us: int
    max_error_us: int
    estimated_error_us: int


class Timex(ctypes.Structure):
    """struct timex of Linux where a long has 64 bits. `modes` 0 changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("constant", ctypes.c_long), ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long), ("time", ctypes.c_long * 2), ("tick", ctypes.c_long), ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long), ("shift", ctypes.c_int), ("stabil", ctypes.c_long), ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long), ("errcnt", ctypes.c_long), ("stbcnt", ctypes.c_long), ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


def _adjtimex(timex: Timex) -> int:
    """The state of the clock, or -1 where there is no such call, or it is refused."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_long) != 8:
        return -1
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return -1
    return state


def kernel_clock(adjtimex: Callable[[Timex], int] = _adjtimex) -> KernelClock | None:
    """What the kernel knows of its clock's error; None where it does not say."""
    timex = Timex()
    state = adjtimex(timex)
    if state < 0:
        return None
    offset = round(timex.offset / 1000) if timex.status & _STA_NANO else timex.offset
    return KernelClock(not timex.status & _STA_UNSYNC and state != _TIME_ERROR, offset, timex.maxerror, timex.esterror)


def offset_of_date(date: datetime, before: datetime, after: datetime) -> Interval:
    """Where (local clock - server's clock) lies, from a Date that came between two readings of the local clock.

    The server read its clock within the second that the Date names, at a local time not earlier than `before` and not later
    than `after`: so the interval is as wide as the exchange took, and one second.
    """
    return before - date - _SECOND, after - date


def combined(intervals: Iterable[Interval]) -> Interval | None:
    """Where all intervals overlap; None when there is none, or they contradict each other."""
    found = list(intervals)
    if not found:
        return None
    low, high = max(low for low, _ in found), min(high for _, high in found)
    return (low, high) if low <= high else None
