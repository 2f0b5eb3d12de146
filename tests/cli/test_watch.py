"""irkit watch: an incident followed live, read-only, by whoever leads or counsels."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit.cli.options import Settings
from irkit.cli.watch import follow
from irkit.engine.follow import Follower
from irkit.ledger import Ledger
from tests.cli.people import NAME, entries, incident
from tests.cli.rig import Capsys, irkit
from tests.cli.test_status import timed

Look = Callable[[Ledger], object]


def looks(ledger: Ledger, *acts: Look) -> Iterator[str]:
    """Between two looks this happens, in another hand; then nobody reads any more."""
    for act in acts:
        yield str(act(ledger) or "")


def note(ledger: Ledger) -> None:
    ledger.append("note", {}, {"text": "saw a Tor exit\x1b[2J"}, by="human", run="r1")


def asks(ledger: Ledger) -> None:
    ledger.append("step.started", {"step_kind": "do"}, run="r1", step="tell")


def again(_: Ledger) -> str:
    return "all"


@pytest.fixture
def running() -> Iterator[Ledger]:
    """A run that another hand has open."""
    incident("drill", open_run=True, told=False)
    with Ledger.open(Path("evidence", NAME).absolute()) as ledger:
        ledger.start_session("Maria Lopez")
        yield ledger
        ledger.end_session()


def kinds(lines: list[str]) -> list[str]:
    """Those of the rows, in order."""
    rows = [re.match(r"DRILL +\d+  [\d:.]{12}  .{13}(\S+)", line) for line in lines]
    return [row[1] for row in rows if row]


def watched(capsys: Capsys, ledger: Ledger, *acts: Look, as_json: bool = False) -> list[str]:
    """The lines that were printed, by a follower who ends with the last act."""
    capsys.readouterr()
    assert follow(Settings(), ledger.folder, looks(ledger, *acts), as_json=as_json) == 1
    return capsys.readouterr().out.splitlines()


def test_it_shows_where_the_run_stands_and_then_what_comes(capsys: Capsys, running: Ledger) -> None:
    """Line 1 and 2, each step with its state, the clock, the latest entries; then a row for each new one, made harmless."""
    before = running.size
    lines = watched(capsys, running, note, asks)
    assert all(line.startswith("DRILL") for line in lines)
    assert lines[0].startswith("DRILL INC-1 mine v1 | step 2 of 2 contain")
    assert lines[1].startswith("DRILL GDPR notice ")
    assert [line.split()[1:4] for line in lines if line.startswith("DRILL  ")][:2] == [
        ["1", "by", "hand"], ["2", "not", "done"]]
    assert kinds(lines)[-2:] == ["note", "step.started"]
    assert any("Maria Lopez  note" in line and '"saw a Tor exit' in line for line in lines)
    assert "\x1b" not in "".join(lines)
    assert running.size == before + 2


def test_enter_shows_the_whole_again(capsys: Capsys, running: Ledger) -> None:
    """With what came meanwhile."""
    lines = watched(capsys, running, asks, again)
    heads = [line for line in lines if line.startswith("DRILL INC-1")]
    assert len(heads) == 2
    assert [" ".join(line.split()) for line in lines if line.startswith("DRILL  2 ")] == [
        "DRILL 2 not done Tell the authority", "DRILL 2 looking Tell the authority"]


def test_for_a_program_each_entry_is_an_object_on_a_line(capsys: Capsys, running: Ledger) -> None:
    """All there are, from genesis on, then what comes; with its values, and nothing left out."""
    found = [json.loads(line) for line in watched(capsys, running, note, asks, as_json=True)]
    assert [one["seq"] for one in found] == list(range(running.size))
    assert found[-2]["disclosed"] == {"text": "saw a Tor exit\x1b[2J"}
    assert {"genesis", "checkpoint"} <= {one["kind"] for one in found}


def test_a_run_that_nobody_has_open_is_followed_once_somebody_has(capsys: Capsys) -> None:
    """A store at rest is read from a copy, which learns nothing; its files change, and it is opened anew."""
    folder = incident("drill", open_run=True, told=False)

    def resumes(_: Ledger) -> None:
        with Ledger.open(folder) as ledger:
            ledger.start_session("Sam")
            ledger.append("run.resumed", {}, {}, run="r1")
            note(ledger)
            ledger.end_session()
    with Ledger.open(folder, write=False) as unused:
        lines = watched(capsys, unused, lambda _: None, resumes)
    assert any("PAUSED   nobody has this run open; Maria Lopez had it last." in line for line in lines)
    assert kinds(lines)[-4:] == ["session.start", "run.resumed", "note", "session.end"]


def test_who_follows_holds_nothing_between_two_looks(running: Ledger) -> None:
    """Neither while a run writes, nor when the incident is to be sealed into one file."""
    followed = Follower(running.folder)
    followed.look()
    note(running)
    running.append("run.closed", {}, {}, run="r1")
    assert [entry.kind for entry in followed.look()][-1] == "run.closed"
    running.end_session()
    assert running.leave_wal()
    followed.close()


def test_a_sealed_incident_is_shown_and_that_is_all(capsys: Capsys) -> None:
    """Exit 0, with how it ended; nothing of the folder changes."""
    folder = incident("drill")
    assert irkit(capsys, "close", NAME, "--reason", "done", "--confirm", NAME).code == 0
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    ran = irkit(capsys, "watch", NAME)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"DRILL Sealed: nothing more is added to {NAME}."
    assert any("GDPR notice met" in line for line in ran.out.splitlines())
    objects = irkit(capsys, "watch", NAME, "--json")
    assert (objects.code, len(objects.out.splitlines())) == (0, len(entries(folder)))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_damaged_ledger_is_not_followed(capsys: Capsys) -> None:
    """Exit 5, as everywhere."""
    folder = incident("drill", open_run=True)
    (folder / "ledger.db").write_bytes(b"nothing")
    assert irkit(capsys, "watch", NAME).code == 5


def test_a_clock_that_nears_its_end_is_said_where_no_run_does(capsys: Capsys) -> None:
    """Once, after a second in which nobody put it on record; and it writes nothing itself."""
    ledger, _ = timed()
    size = ledger.size
    lines = watched(capsys, ledger, *[lambda _: None] * 3)
    assert len([line for line in lines if line.startswith("TEST CLOCK    GDPR notice is")]) == 1
    assert "(not on record yet)" in " ".join(lines[-2:])
    assert ledger.size == size
    ledger.close()


def test_it_ends_quietly_when_its_reader_does() -> None:
    """`irkit watch … | head -1`: the pipe breaks, and it does not wait for the next entry to notice."""
    incident("drill", open_run=True)
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-m", "irkit", "watch", NAME, "--json"], stdout=write, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as out:
        assert json.loads(out.readline())["kind"] == "genesis"
    assert process.communicate()[1] == b""
    assert process.returncode == 1
