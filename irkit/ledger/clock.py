"""The two clocks of an entry, and the boot within which the second one can be compared."""

from __future__ import annotations

import ctypes
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

# Counts on while the machine sleeps. On macOS CLOCK_MONOTONIC does, and there is no CLOCK_BOOTTIME.
_ELAPSED = time.CLOCK_MONOTONIC if sys.platform == "darwin" else time.CLOCK_BOOTTIME


def now() -> str:
    """UTC, RFC 3339 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def mono_ns() -> str:
    """Nanoseconds since boot, as text: they pass 2^53 after 104 days."""
    return str(time.clock_gettime_ns(_ELAPSED))


def boot_id() -> str:
    """What the system calls this boot; empty where it does not say."""
    if sys.platform == "darwin":
        return _sysctl(b"kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _sysctl(name: bytes) -> str:
    buffer, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    found = ctypes.CDLL(None).sysctlbyname(name, buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
    return buffer.value.decode("ascii") if found == 0 else ""
