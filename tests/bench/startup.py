"""How long somebody waits for `irkit --help`, and for the first screen of a drill."""

from __future__ import annotations

import contextlib
import os
import pty
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from tests.bench.figures import Cost, Figure, ratio, whole_process

FIRST_SCREEN = b"step 1 of"


def figures(quick: bool) -> list[Figure]:
    rounds = 5 if quick else 21
    python = sys.executable
    ansible = shutil.which("ansible")
    others = [[ansible, "--version"]] if ansible else []
    helped, bare, *version, first = _turns(rounds, [python, "-m", "irkit", "--help"], [python, "-c", "import click"], *others)
    found = [
        Figure("irkit --help : import click, CPU", ratio(helped.cpu, bare.cpu), "<= 1.7 x",
               f"{helped.cpu * 1000:.0f} ms : {bare.cpu * 1000:.0f} ms"),
        Figure("irkit --help : import click, wall", ratio(helped.wall, bare.wall), "<= 1.7 x",
               f"{helped.wall * 1000:.0f} ms : {bare.wall * 1000:.0f} ms"),
        Figure("irkit drill, to the first screen", f"{first.wall * 1000:.0f} ms", "", f"{first.cpu * 1000:.0f} ms of CPU")]
    what, goal = "first screen : ansible --version", "<= 1.0 x"
    if not version:
        return [*found, Figure(what, "not shown", goal, "ansible is not installed here")]
    return [*found, Figure(what, ratio(first.wall, version[0].wall), goal,
                           f"{first.wall * 1000:.0f} ms : {version[0].wall * 1000:.0f} ms")]


def _turns(rounds: int, *commands: Sequence[str]) -> list[Cost]:
    """The median cost of each command, and of a drill until its first screen, taken in turns."""
    taken = [[*map(whole_process, commands), first_screen()] for _ in range(rounds)]
    return [Cost(statistics.median(c.wall for c in column), statistics.median(c.cpu for c in column))
            for column in zip(*taken, strict=True)]


def first_screen() -> Cost:
    """A drill at a terminal, killed as soon as its first step is on the screen."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        terminal, its_side = pty.openpty()
        command = [sys.executable, "-m", "irkit", "--evidence", folder, "drill"]
        with subprocess.Popen(command, stdin=its_side, stdout=its_side, stderr=its_side, start_new_session=True) as process:
            os.close(its_side)
            _read_until(terminal, FIRST_SCREEN)
            spent = time.perf_counter() - began
            process.kill()
        os.close(terminal)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _read_until(terminal: int, wanted: bytes) -> None:
    seen = b""
    with contextlib.suppress(OSError):       # the process is gone
        while chunk := os.read(terminal, 65536):
            seen += chunk
            if wanted in seen:
                return
    raise RuntimeError(f"the drill ended before its first screen: {seen.decode(errors='replace')[-2000:]}")
