"""kill -9 while a ledger is appended to, by one caller and by a fan-out: nothing that was acknowledged is lost.

    python -m tests.ledger.killing            100 kills during append, 100 during group commits
    python -m tests.ledger.killing --small    a few of each; prints one JSON line (the suite reads it)

A single-threaded process forks a child that appends and acknowledges each entry over a pipe. Every second child is killed from
outside after its n-th acknowledgement, wherever it is by then; the others kill themselves before their n-th SQL statement, so
that every place inside a transaction has its turn. Afterwards the ledger must open, hold what was acknowledged, and verify.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify

KINDS = ("note", "note", "decision", "request.answer", "step.done", "artefact.added")
FRESH = 20                      # rounds on one ledger: longer ones only take longer to verify
THREADS = 8


def append(ledger: Ledger, chance: random.Random) -> tuple[int, str]:
    """One entry of some kind; its number and hash once it is durable."""
    kind, size = chance.choice(KINDS), chance.randrange(3000)
    if kind == "artefact.added":
        seq = ledger.keep("log", chance.randbytes(size)).seq
        return seq, next(ledger.entries(after=seq - 1)).leaf
    entry: Entry = ledger.append(kind, {"n": size}, {"text": "x" * size})
    return entry.seq, entry.leaf


def work(folder: Path, out: int, threads: int, seed: int, statement: int) -> None:
    """In the child: append for ever, or until the n-th statement."""
    ledger = Ledger.open(folder)
    left = [statement]

    def traced(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def caller(n: int) -> None:
        chance = random.Random(seed * 100 + n)
        while True:
            seq, leaf = append(ledger, chance)
            os.write(out, f"{seq} {leaf}\n".encode())

    ledger._db.conn.set_trace_callback(traced)
    ledger.start_session("Maria", signer=Throwaway())
    for n in range(threads):
        threading.Thread(target=caller, args=(n,)).start()


def killed(folder: Path, threads: int, seed: int) -> dict[int, str]:
    """Run a child until it is dead. Returns what it acknowledged."""
    chance = random.Random(seed)
    inside = seed % 2 == 0
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(folder, write, threads, seed, chance.randrange(1, 120) if inside else 0)
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    acknowledged: dict[int, str] = {}
    stop = chance.randrange(1, 40)
    with os.fdopen(read) as lines:
        for line in lines:
            seq, _, leaf = line.partition(" ")
            acknowledged[int(seq)] = leaf.strip()
            if len(acknowledged) == stop and not inside:
                os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return acknowledged if code == -signal.SIGKILL else {-1: f"it ended with {code} before it was killed"}


def rounds(place: Path, threads: int, count: int) -> Iterator[str]:
    """What is wrong after each kill; nothing when all is well."""
    folder, before = place, list[str]()
    for n in range(count):
        name = f"{threads} threads, kill {n}"
        if n % FRESH == 0:
            folder, before = place / f"INC-{threads}-{n}", []
            Ledger.create(folder, mode="test", version="1", code_hash="").close()
        acknowledged = killed(folder, threads, n)
        with Ledger.open(folder) as ledger:                 # as whoever goes on does: with all checks
            leaves = [entry.leaf for entry in ledger.entries()]
        if leaves[:len(before)] != before:
            yield f"{name}: an entry of an earlier round was lost or changed"
        if not acknowledged.items() <= dict(enumerate(leaves)).items():
            yield f"{name}: an acknowledged entry was lost or changed: {acknowledged}"
        if findings := verify(folder).findings:
            yield f"{name}: it does not verify: {findings}"
        before = leaves


def main() -> int:
    each = 10 if "--small" in sys.argv else 100
    with tempfile.TemporaryDirectory() as place:
        wrong = [line for threads in (1, THREADS) for line in rounds(Path(place), threads, each)]
    print(json.dumps({"kills": 2 * each, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
