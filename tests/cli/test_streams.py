"""irkit where its caller closed a stream, or where what it prints cannot be written: real processes, through a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.rig import Ran

ROOT = Path(__file__).resolve().parents[2]


def shell(words: str, redirected: str) -> Ran:
    """irkit with its streams redirected as a shell does."""
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m irkit {words} {redirected}"], check=False, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_a_gate_behind_closed_streams_names_the_flag(closed: str) -> None:
    """Exit 2, in words; no incident begins."""
    ran = shell("drill", closed)
    assert ran.code == 2, ran
    assert "needs a terminal, and standard input and standard error are" in ran.words
    assert "--autoplay" in ran.err
    assert not Path("evidence").exists()


@pytest.mark.parametrize(("redirected", "why"), [(">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device")])
def test_what_cannot_be_printed_is_no_success(redirected: str, why: str) -> None:
    """A listing that nobody gets ends with 1 and a line that says so, without a traceback."""
    ran = shell("action list", redirected)
    assert (ran.code, ran.err) == (1, f"the output cannot be written: {why}\n")


def test_a_file_never_takes_the_place_of_a_closed_stream() -> None:
    """All three closed: data goes nowhere and not into a file of irkit's own, and the exit code says it."""
    assert shell("action list", "<&- >&- 2>&-").code == 1
    assert shell("drill", "<&- >&- 2>&-").code == 2
