"""The two clocks of an entry, and the boot within which the second one can be compared."""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

# Counts on while the machine sleeps. On macOS CLOCK_MONOTONIC does, and there is no CLOCK_BOOTTIME.
_ELAPSED = time.CLOCK_MONOTONIC if sys.platform == "darwin" else time.CLOCK_BOOTTIME
# An honest clock is slewed by at most 500 parts in a million; more than that and this much is a step.
_SLEW, _STEP_NS = 2_000, 500_000_000
_EPOCH = datetime.fromtimestamp(0, UTC)


class Clock(Protocol):
    """What the ledger reads inside its transactions."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""

    def mono_ns(self) -> int:
        """Nanoseconds since boot, sleep included."""

    def boot(self) -> str:
        """What the system calls this boot; empty where it does not say."""


class SystemClock:
    """This machine's."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def mono_ns(self) -> int:
        return time.clock_gettime_ns(_ELAPSED)

    def boot(self) -> str:
        if sys.platform == "darwin":
            return _sysctl(b"kern.bootsessionuuid")
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""


def text(wall_ns: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@functools.lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def read(text: str, mono_ns: str) -> tuple[int, int] | None:
    """The readings of both clocks that an entry holds; None where they cannot be read."""
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1) * 1000, int(mono_ns)
    except (ValueError, TypeError):
        return None


def step_ms(before: tuple[int, int], after: tuple[int, int]) -> int:
    """By how many milliseconds the wall clock jumped between two readings of (wall, monotonic); 0 when it did not."""
    elapsed = after[1] - before[1]
    moved = after[0] - before[0] - elapsed
    return round(moved / 1_000_000) if abs(moved) > _STEP_NS + elapsed // _SLEW else 0


def _sysctl(name: bytes) -> str:
    buffer, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    found = ctypes.CDLL(None).sysctlbyname(name, buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
    return buffer.value.decode("ascii") if found == 0 else ""
