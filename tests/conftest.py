"""What makes the whole suite quick: folders in memory, enough processes, no walks of the collector over what pytest keeps.

And what has it go well in the background of a script, too: a shell has Ctrl-C ignored there, and so would the commands be that
tests start.
"""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Generator

import hypothesis
import pytest

MEMORY = "/dev/shm"
ROOM = 1 << 30         # bytes that must be free there; a run needs a tenth of it


def pytest_configure() -> None:
    """Temporary folders lie in memory, where it has room and the user has not chosen a place (TMPDIR, --basetemp).

    Every entry of a ledger waits for the disk. That it does so is shown by counting the calls; no test cuts the power, and a
    process that is killed loses nothing that the kernel has.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("patient", deadline=None)         # a busy machine is no failure
    hypothesis.settings.load_profile("patient")
    if "TMPDIR" not in os.environ and _fits(MEMORY):
        os.environ["TMPDIR"], tempfile.tempdir = MEMORY, None


def pytest_xdist_auto_num_workers() -> int:
    """Two processes for each processor: a third of the suite's time goes by in waiting for terminals and children."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


def _fits(folder: str) -> bool:
    try:
        there = os.statvfs(folder)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize >= ROOM and not there.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests, and what they were made of, stay until the end: the collector need not look at them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
