"""A verification by several processes finds what one finds, in the same order, whatever becomes of the others."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit.ledger import Ledger, spread
from irkit.ledger.database import Noted, Orphan, Row
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from tests.forgery.ledgers import exported
from tests.ledger.conftest import Tamper, change

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2,
                                reason="there are helpers on Linux alone, with two processors or more")


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "tests.ledger.spreading", *map(str, args)]


def spreading(*args: object) -> list[dict[str, Any]]:
    ran = subprocess.run(command(*args), cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told: list[dict[str, Any]] = json.loads(ran.stdout)
    return told


def fill(folder: Path, count: int) -> None:
    """A drill with that many entries and some: notes and answers, of which a few have an artefact or a large value."""
    with Ledger.create(folder, mode="drill", version="0.1", code_hash="c0de") as ledger:
        ledger.start_session("Maria", signer=Throwaway())
        for n in range(count):
            values = {"text": f"saw {n}", "place": {"name": "Zürich", "floor": n}}
            if n % 10 < 3:
                ledger.append_soon("note", {"n": n}, values, by="human")
            else:
                ledger.append_soon("request.answer", {"n": n, "status": 429 if n % 25 == 8 else 200}, values, run="r1")
            if n % 30 == 7 and n < 100:
                ledger.append("note", {"n": n}, {"text": "x" * 70_000}, by="human")
                ledger.keep("log", b"%d" % n)
        ledger.end_session()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An incident and its bag, of about a hundred entries: chunks of eight."""
    base = tmp_path_factory.mktemp("long")
    fill(base / "incident", 90)
    exported(base / "incident", base / "bag", signer=Throwaway())
    return base


DAMAGES = [
    "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), 'note', 'nute') AS BLOB) WHERE seq % {n} = 3",
    "UPDATE entries SET leaf = randomblob(32) WHERE seq % {n} = 3",
    "UPDATE entries SET line = 'text' WHERE seq = {n}",
    "UPDATE entries SET leaf = 7 WHERE seq = {n}",
    "DELETE FROM entries WHERE seq % {n} = 4",
    "INSERT INTO entries SELECT seq + 1000, line, leaf FROM entries WHERE seq % {n} = 5",
    "UPDATE disclosures SET body = replace(body, 'a', 'b') WHERE seq % {n} = 6",
    "UPDATE disclosures SET body = x'00' WHERE seq % {n} = 7",
    "UPDATE OR REPLACE disclosures SET body = 3, digest = 2.5 WHERE seq % {n} = 7",
    "UPDATE disclosures SET seq = 'x' WHERE seq % {n} = 8",
    "UPDATE OR REPLACE disclosures SET seq = seq + 1 WHERE seq % {n} = 9",
    "DELETE FROM disclosures WHERE seq % {n} = 10",
    "DELETE FROM checkpoints WHERE size % 2 = {n} % 2",
    "UPDATE checkpoints SET note = x'0102' WHERE rowid % 3 = {n} % 3",
    "DROP TABLE tokens",
]


def damaged(long: Path, target: Path, count: int) -> list[Path]:
    """Copies of the incident, each with two or three damages."""
    chance, made = random.Random(count), []
    for number in range(count):
        made.append(target / f"incident-{number}")
        shutil.copytree(long / "incident", made[-1])
        for statement in chance.sample(DAMAGES, chance.choice([2, 3])):
            change(made[-1], statement.format(n=chance.randrange(11, 60)))
    return made


def damaged_bags(long: Path, target: Path, count: int) -> list[Path]:
    """Copies of the bag, each with some lines of its files changed, removed or repeated."""
    chance, made = random.Random(count), []
    for number in range(count):
        made.append(target / f"bag-{number}")
        shutil.copytree(long / "bag", made[-1])
        for name in ("ledger.jsonl", "disclosures.jsonl"):
            file = made[-1] / "data" / name
            lines = file.read_bytes().splitlines(keepends=True)
            for _ in range(chance.choice([1, 2])):
                at = chance.randrange(len(lines))
                lines[at] = chance.choice([b"", b"{}\n", lines[at] * 2, lines[at].replace(b"a", b"b"), lines[at][:-9]])
            os.chmod(file, 0o600)
            file.write_bytes(b"".join(lines))
    return made


def test_helpers_change_nothing_in_what_is_found(long: Path, tmp_path: Path) -> None:
    """Undamaged and damaged, a folder and a bag, with helpers, and with helpers that are killed at one moment or another."""
    damages = [*damaged(long, tmp_path, 8), *damaged_bags(long, tmp_path, 6)]
    sound, bag, *others = spreading("compare", long / "incident", long / "bag", *damages)
    assert (sound["exit"], bag["exit"]) == (0, 0)
    assert {one["exit"] for one in others} == {5}
    assert len({line for one in others for line in one["found"]}) > 40
    assert [one["differ"] for one in (sound, bag, *others)] == [[]] * (2 + len(damages))


def test_where_reading_ends_nothing_more_is_judged(long: Path) -> None:
    """What was read ahead of an artefact that vanished is not blamed for it."""
    (told,) = spreading("vanish", long / "bag")
    assert (told["exit"], told["differ"], len(told["found"])) == (1, [], 1)
    assert "cannot be read" in told["found"][0]


def test_where_a_process_may_have_no_helper_it_does_all_itself(long: Path) -> None:
    """One processor, a thread, children that somebody else reaps, a limit, and a drill."""
    assert spreading("without", long / "incident") == [{"hired": 0, "left open": 0, "exit": 0, "differ": []}]


def test_whatever_is_read_ahead_weighs_what_its_texts_do() -> None:
    """A row's line and values, a note, and a value that belongs to no entry: none is read ahead without being counted."""
    long = "x" * spread._BYTES
    for event in (Row(1, long.encode(), b"", ("", "")), Row(1, b"", b"", (long, "a")), Row(1, b"", b"", ("a", long)),
                  Row(1, long, b"", ("", "")), Noted(1, "key", long.encode()), Orphan(1, long)):
        chunk = spread._Chunk()
        chunk.add(event)
        assert chunk.weight >= spread._BYTES, event[:1]


def test_a_short_ledger_has_no_helpers(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork costs more than it spares."""
    def refuse() -> bool:
        raise AssertionError("it thought of a fork")
    monkeypatch.setattr(spread, "_may_fork", refuse)
    assert verify(long / "incident").exit_code == 0


@contextlib.contextmanager
def held(path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A verification that waits in its middle, in a process group of its own, and a descriptor for each of its helpers."""
    with subprocess.Popen(command("hold", path), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True) as process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout is not None
        helpers = [os.pidfd_open(pid) for pid in json.loads(process.stdout.readline())]
        for helper in helpers:
            stack.callback(os.close, helper)
        yield process, helpers


def ended(descriptor: int) -> None:
    """Wait until its process has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll()


def interrupt(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("end", [interrupt, subprocess.Popen.terminate, subprocess.Popen.kill])
def test_no_helper_outlives_the_process_it_works_for(long: Path, end: Callable[[subprocess.Popen[str]], None]) -> None:
    """Ctrl-C in its terminal, SIGTERM, kill -9."""
    with held(long / "incident") as (process, helpers):
        assert len(helpers) == 2
        end(process)
        assert process.wait() != 0
        for helper in helpers:
            ended(helper)


def test_a_helper_that_was_stopped_is_not_waited_for(long: Path) -> None:
    """Ctrl-C ends a verification of which a helper does nothing any more."""
    with held(long / "incident") as (process, helpers):
        signal.pidfd_send_signal(helpers[0], signal.SIGSTOP)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait() != 0
        for helper in helpers:
            ended(helper)


def test_the_command_line_has_helpers_for_a_long_ledger(tmp_path: Path, tamper: Tamper) -> None:
    """A folder of some hundred entries, and its bag; one changed byte far behind is named."""
    incident, bag = tmp_path / "INC-1", tmp_path / "bag"
    fill(incident, count := (spread._ALONE + 2) * spread._ROWS)
    exported(incident, bag, signer=Throwaway())

    def run(path: Path) -> tuple[int, list[int], str]:
        ran = subprocess.run(command("irkit", "--evidence", tmp_path, "ledger", "verify", path), cwd=ROOT, capture_output=True,
                             text=True, check=False)
        *said, hired = ran.stderr.splitlines()
        return ran.returncode, json.loads(hired), ran.stdout + "\n".join(said)

    assert [run(path)[:2] for path in (incident, bag)] == [(0, [spread._room()])] * 2
    tamper(incident, f"UPDATE entries SET leaf = randomblob(32) WHERE seq = {count - 50}")
    code, hired, said = run(incident)
    assert (code, hired) == (5, [spread._room()])
    assert f"entry {count - 50} is not what it was" in " ".join(said.split())
