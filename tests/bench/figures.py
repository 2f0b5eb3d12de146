"""How things are measured and told: jobs take turns, the median counts, each figure stands beside its goal."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` and `goal` are as they are printed; `detail` is what the value was made of."""

    what: str
    value: str
    goal: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Cost:
    """Seconds of a whole process."""

    wall: float
    cpu: float


def alternate(rounds: int, *jobs: Callable[[], float]) -> list[float]:
    """Let the jobs take turns, `rounds` times. Returns the median of what each of them returned."""
    taken = [[job() for job in jobs] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def wall(job: Callable[[], object]) -> float:
    """Seconds that `job` took."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def whole_process(command: Sequence[str]) -> Cost:
    """Run a process to its end, its output thrown away. Raises CalledProcessError when it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f} x"


def table(title: str, figures: Sequence[Figure]) -> str:
    """The figures of one group as text."""
    wide = max(len(figure.what) for figure in figures)
    lines = [title]
    for figure in figures:
        lines.append(f"  {figure.what:<{wide}}  {figure.value:>12}  {figure.goal:<12}  {figure.detail}".rstrip())
    return "\n".join(lines)


def machine() -> str:
    """What the figures were taken on."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {sys.version.split()[0]} on {sys.platform}, {processors} processors"
