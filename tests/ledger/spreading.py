"""Verifications with helpers, in a process that may have some: one of pytest has threads, and so has none.

    python -m tests.ledger.spreading compare PATH...      each by one process, with helpers, and with helpers that are killed
    python -m tests.ledger.spreading vanish BAG           the first, of a bag of which a file vanishes meanwhile
    python -m tests.ledger.spreading without PATH         where there may be no helpers: what was found, and files left open
    python -m tests.ledger.spreading hold PATH            says who its helpers are, and waits in the middle of a verification
    python -m tests.ledger.spreading irkit ARGS...        the command line; says on stderr how many helpers there were

The first four judge chunks of few rows, from the beginning. All print JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from irkit.ledger import spread, vouch
from irkit.ledger.bag import BagSource
from irkit.ledger.verify import verify
from irkit.ledger.vouch import Bare
from tests.ledger.ways import everything, row_by_row

hired: list[list[int]] = []            # of each verification that hired, the processes


def hire(count: int) -> list[spread._Helper]:
    helpers = original(count)
    hired.append([helper._pid for helper in helpers])
    return helpers


original = spread._hired
spread._hired = hire
Found = dict[str, Any]


def found(path: Path) -> Found:
    """All that a report says."""
    report = verify(path)
    return {**everything(report), "exit": report.exit_code,
            "lines": [repr(one) for one in (*report.findings, *report.remarks)]}


def alone(path: Path) -> Found:
    with row_by_row():
        return found(path)


def killing(path: Path, after: int, which: tuple[int, ...]) -> Found:
    """The same while helpers are killed once so many chunks were sent."""
    left, send = [after], spread._Helper.send

    def sent(helper: spread._Helper, parts: list[list[Bare]]) -> bool:
        done = send(helper, parts)
        left[0] -= 1
        if left[0] == 0:
            for one in which:
                os.kill(hired[-1][one], signal.SIGKILL)
                os.waitid(os.P_PID, hired[-1][one], os.WEXITED | os.WNOWAIT)
        return done

    spread._Helper.send = sent  # type: ignore[method-assign, assignment]
    try:
        return found(path)
    finally:
        spread._Helper.send = send  # type: ignore[method-assign]


def compare(path: Path) -> Found:
    """What one process finds, and the ways of having helpers that found anything else."""
    told = alone(path)
    ways: dict[str, Callable[[], Found]] = {"helpers": lambda: found(path)}
    for after in (1, 4):
        ways[f"first killed after {after}"] = partial(killing, path, after, (0,))
        ways[f"both killed after {after}"] = partial(killing, path, after, (0, 1))
    before = len(hired)
    others = [name for name, way in ways.items() if way() != told]
    assert [len(one) for one in hired[before:]] == [2] * len(ways), hired
    return {"exit": told["exit"], "found": told["lines"], "differ": others}


def vanish(path: Path) -> Found:
    """An artefact is gone when its entry is read: the reading ends there."""
    def gone(source: BagSource, sha256: str, size: int) -> tuple[str, str]:
        asked.append(sha256)
        if len(asked) % 4 == 0:
            source.folder /= "gone"
        return artefact(source, sha256, size)

    asked: list[str] = []
    artefact = BagSource.artefact
    BagSource.artefact = gone  # type: ignore[method-assign, assignment]
    return compare(path)


def refuse(event: str, _: tuple[Any, ...]) -> None:
    if event == "os.fork" and refused:
        raise refused[0]


refused: list[BaseException] = []


def without(path: Path) -> dict[str, Any]:
    """Each reason for having no helpers. A helper's pipes are closed where its process could not be made."""
    from irkit.drill.seal import seal
    told = {"alone": alone(path)}
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    told["one processor"] = found(path)
    os.sched_setaffinity(0, processors)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    told["a thread"] = found(path)
    done.set()
    thread.join()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    told["children reaped by others"] = found(path)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = os.listdir("/proc/self/fd")
    sys.addaudithook(refuse)
    refused.append(BlockingIOError("no more processes"))
    told["no more processes"] = found(path)
    refused.clear()
    seal()
    told["a drill"] = found(path)
    left = len(os.listdir("/proc/self/fd")) - len(before)
    return {"hired": sum(map(len, hired)), "left open": left, "exit": told["alone"]["exit"],
            "differ": [name for name, one in told.items() if one != told["alone"]]}


def hold(path: Path) -> None:
    """Stop in the middle, with chunks under way, until a signal comes; helpers may be stopped meanwhile."""
    come, comes = os.pipe()
    os.set_blocking(comes, False)
    signal.set_wakeup_fd(comes)                # no signal is missed, however early it comes

    def settle(spreading: spread._Spread, most: int) -> None:
        if spreading._waiting:
            print(json.dumps(hired[-1]), flush=True)
            while os.read(come, 1):
                pass

    spread._Spread._settle = settle  # type: ignore[method-assign, assignment]
    verify(path)


def main(what: str, *args: str) -> int:
    if what == "irkit":
        from irkit.cli import main as irkit
        code = irkit(list(args))
        print(json.dumps(list(map(len, hired))), file=sys.stderr)
        return code
    spread._ALONE, spread._ROWS, vouch._LEAST = 0, 8, 2
    spread._room = lambda: 2
    if what == "hold":
        hold(Path(args[0]))
    doing = cast("Callable[[Path], Any]", {"compare": compare, "vanish": vanish, "without": without}[what])
    print(json.dumps([doing(Path(arg)) for arg in args]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
