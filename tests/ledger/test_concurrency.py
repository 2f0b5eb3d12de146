"""Many threads, many processes, and a kill in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from irkit.errors import IrkitError
from irkit.ledger import Entry, Ledger
from irkit.ledger.verify import verify
from tests.ledger.conftest import SetClock, without_checkpoints

APPENDER = """
import sys
from pathlib import Path
from irkit.ledger import Ledger

ledger = Ledger.open(Path(sys.argv[1]))
ledger.start_session(sys.argv[2])
for n in range(int(sys.argv[3])):
    entry = ledger.append("note", {"n": n}, {"text": f"{sys.argv[2]} {n}", "request.body": "x" * (n % 50) * 100})
    print(entry.seq, entry.leaf, flush=True)
ledger.end_session()
ledger.close()
"""


def appender(folder: Path, who: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", APPENDER, str(folder), who, str(count)], stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def test_three_processes_append_to_one_ledger(ledger: Ledger) -> None:
    """Each sees its own entries in order, none is lost, and the whole is one unbroken chain."""
    processes = [appender(ledger.folder, who, 100) for who in ("ann", "ben", "cid")]
    mine = [ledger.append("note") for _ in range(50)]
    printed = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    entries = {e.seq: e for e in ledger.entries()}
    assert sorted(entries) == list(range(len(entries)))
    assert len(without_checkpoints(entries.values())) == 3 + 50 + 3 * 102
    for words in printed:
        seqs = [int(word) for word in words[::2]]
        assert seqs == sorted(seqs)
        assert [entries[seq].leaf for seq in seqs] == words[1::2]
        assert [entries[seq].data["n"] for seq in seqs] == list(range(100))
    assert all(entries[e.seq] == e for e in mine)
    assert verify(ledger.folder).findings == []


def test_concurrent_callers_are_committed_as_one_group(ledger: Ledger) -> None:
    """Sixteen callers that wait for a commit in progress share the next transaction."""
    statements: list[str] = []
    ledger._db.conn.set_trace_callback(statements.append)
    got: list[Entry] = []
    callers = [threading.Thread(target=lambda n=n: got.append(ledger.append("note", {"n": n}))) for n in range(16)]
    with ledger._turn:                    # a commit is in progress
        for caller in callers:
            caller.start()
        while len(ledger._queue) < 16:
            pass
    for caller in callers:
        caller.join()
    ledger._db.conn.set_trace_callback(None)
    assert statements.count("COMMIT") == 1
    assert sorted(e.seq for e in got) == list(range(3, 19))
    assert sorted(got, key=lambda e: e.seq) == list(ledger.entries(after=2))


def test_one_refused_entry_leaves_the_others_of_its_group(ledger: Ledger) -> None:
    """A request.sending without the run fails alone."""
    results: list[object] = []

    def call(kind: str) -> None:
        try:
            results.append(ledger.append(kind, run="r9").kind)
        except Exception as error:
            results.append(type(error).__name__)

    callers = [threading.Thread(target=call, args=(kind,)) for kind in ("note", "request.sending", "control")]
    with ledger._turn:
        for caller in callers:
            caller.start()
        while len(ledger._queue) < 3:
            pass
    for caller in callers:
        caller.join()
    assert sorted(map(str, results)) == ["NotTheHolder", "control", "note"]
    assert ledger.last() == 4


def test_threads_append_and_read_at_once(ledger: Ledger) -> None:
    """Sixteen threads append and walk the ledger; every entry is there once."""
    def work(n: int) -> None:
        for k in range(20):
            entry = ledger.append("note", {"n": n, "k": k}, {"text": str(k)})
            assert next(ledger.entries(after=entry.seq - 1)) == entry

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [(e.data["n"], e.data["k"]) for e in without_checkpoints(ledger.entries(after=2))]
    assert sorted(made) == [(n, k) for n in range(16) for k in range(20)]
    assert verify(ledger.folder).findings == []


def test_a_kill_loses_no_entry_that_was_acknowledged(ledger: Ledger) -> None:
    """kill -9 in the middle of appends: what append returned is there, the ledger verifies and goes on."""
    for stop in (1, 7, 40):
        process = appender(ledger.folder, "ann", 100_000)
        seen = [lines(process).readline().split() for _ in range(stop)]
        process.send_signal(signal.SIGKILL)
        seen += [line.split() for line in lines(process) if line.endswith("\n")]
        process.wait()
        lines(process).close()
        entries = {e.seq: e.leaf for e in ledger.entries()}
        assert {int(seq): leaf for seq, leaf in seen}.items() <= entries.items()
        ledger.append("note")
    assert verify(ledger.folder).findings == []


def test_a_kill_at_any_moment_loses_nothing() -> None:
    """Inside transactions and between them, of one caller and of a fan-out; what `tests.ledger.killing` does 200 times."""
    run = subprocess.run([sys.executable, "-m", "tests.ledger.killing", "--small"], capture_output=True, text=True, check=False,
                         cwd=Path(__file__).resolve().parents[2])
    assert run.stdout, run.stderr[-3000:]
    assert json.loads(run.stdout) == {"kills": 20, "wrong": []}


def test_a_killed_store_is_read_in_place(tmp_path: Path) -> None:
    """After a kill of its only process, reading and verifying change no file; opening for writing recovers it."""
    folder = tmp_path / "INC-3"
    Ledger.create(folder, mode="test", version="1", code_hash="").close()
    process = appender(folder, "ann", 100_000)
    seen = [json.loads(f"[{lines(process).readline().split()[0]}]")[0] for _ in range(20)]
    process.kill()
    process.wait()
    lines(process).close()
    before = {path.name: path.read_bytes() for path in folder.glob("ledger.db*")}
    assert set(before) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    with Ledger.open(folder, write=False) as reader:
        assert reader.last() >= seen[-1]
    assert verify(folder).findings == []
    assert {path.name: path.read_bytes() for path in folder.glob("ledger.db*")} == before
    with Ledger.open(folder) as again:
        again.start_session("ben")
    assert verify(folder).findings == []


class Rival(SetClock):
    """A clock at whose first reading somebody else does something."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act: Callable[[], object] | None = act

    def wall_ns(self) -> int:
        act, self._act = self._act, None
        if act is not None:
            act()
        return super().wall_ns()


@pytest.mark.parametrize("takes", ["an incident", "a file"])
def test_of_two_that_take_the_same_name_one_has_it(tmp_path: Path, takes: str) -> None:
    """The other is told that somebody was faster, and nothing about the disk; what is there stays whole, and nothing else."""
    folder = tmp_path / "D"

    def faster() -> None:
        if takes == "a file":
            folder.write_text("mine")
        else:
            Ledger.create(folder, mode="drill", version="1", code_hash="0" * 64).close()
    with pytest.raises(IrkitError, match="somebody else made D just now") as error:
        Ledger.create(folder, mode="drill", version="2", code_hash="0" * 64, clock=Rival(faster))
    assert (error.value.where, "df" in error.value.next) == (str(folder), False)
    assert error.value.next.startswith("irkit incident list")
    assert list(tmp_path.iterdir()) == [folder]
    if takes == "an incident":
        assert (verify(folder).findings, verify(folder).entries) == ([], 1)
