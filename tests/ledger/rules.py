"""The rules of notes, judged on a whole ledger; and a group of callers that are committed together."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence

from irkit.ledger import Ledger
from irkit.ledger.attest import NOTED
from irkit.ledger.database import Noted
from irkit.ledger.note import Note, parse
from irkit.ledger.verify import verify

OWN = {"genesis", "session.start", "session.end", "checkpoint", "clock.stepped", "anchor.timestamp"}    # the ledger's own


def notes(ledger: Ledger) -> list[Note]:
    return [parse(row.note) for row in ledger.rows() if isinstance(row, Noted)]


def together(ledger: Ledger, calls: Sequence[Callable[[], object]]) -> list[object]:
    """What each call returned or raised, when all of them are committed in one group, in this order."""
    results: list[object] = [None] * len(calls)

    def run(n: int) -> None:
        try:
            results[n] = calls[n]()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    with ledger._turn:                    # a commit is in progress
        for n, thread in enumerate(threads, 1):
            thread.start()
            while len(ledger._queue) < n:
                pass
    for thread in threads:
        thread.join()
    return results


def judge(ledger: Ledger) -> None:
    """The rules of notes: often enough, each but the newest named, by the entry right before the one that caused the next."""
    entries, made = list(ledger.entries()), notes(ledger)
    sizes = [0, *(one.size for one in made), len(entries)]
    assert max(later - earlier for earlier, later in itertools.pairwise(sizes)) <= ledger.policy.max_entries
    named = [(e.data["size"], e.data["key_id"], e.data["note_sha256"]) for e in entries if e.kind == "checkpoint"]
    known = [(one.size, one.key_id, one.sha256) for one in made]
    assert named in (known, known[:-1])
    for entry in entries:
        if entry.kind in NOTED:
            assert entry.seq + 1 in sizes, f"no note over {entry.kind}"
        if entry.kind == "checkpoint":
            assert entry.data["size"] == max(size for size in sizes if size <= entry.seq)
    report = verify(ledger.folder)
    assert (report.findings, report.entries, report.checkpoints) == ([], len(entries), len(made))
