"""irkit ledger."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from irkit.cli import export
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from tests.cli.rig import Capsys, irkit

URL = "https://acme.zendesk.com/api/v2/users/3971"


def incident(root: Path, mode: str = "live") -> Path:
    """An incident as a run leaves it: one step that suspends an account, and a note."""
    folder = root / "INC-1"
    request = {"request.connector": "zendesk", "request.connection": "acme", "request.url": URL}
    with Ledger.create(folder, mode=mode, version="1", code_hash="0" * 64) as made:
        made.start_session("maria", signer=Throwaway())
        made.append("run.opened", {"runbook": "mine", "version": 3, "mode": "live"}, run="r1", by="human")
        made.append("step.started", {"step_kind": "action"}, run="r1", step="suspend")
        made.append("request.answer", {"status": 200, "ms": 300}, request | {"request.method": "GET"}, run="r1", step="suspend")
        made.append("step.asked", {"answer": "yes"}, run="r1", step="suspend", by="human")
        sending = made.append("request.sending", {}, request | {"request.method": "PUT"}, run="r1", step="suspend")
        made.append("request.answer", {"status": 200, "ms": 412}, {}, run="r1", step="suspend", ref=sending.seq)
        made.append("step.done", {}, {"result": {"suspended": True}}, run="r1", step="suspend")
        made.append("note", {}, {"text": "saw a Tor exit\x1b[2J"}, run="r1", by="human")
        made.keep("log.jsonl", b"{}\n" * 400, run="r1")
        made.end_session()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return incident(tmp_path / "evidence")


def row(out: str, kind: str) -> str:
    """The first line about that kind."""
    return next(line for line in out.splitlines() if f" {kind} " in f"{line} ")


def test_show_says_who_and_what(capsys: Capsys, folder: Path) -> None:
    """An answer is the connector's, what was sent and asked is the person's."""
    out = irkit(capsys, "ledger", "show", folder.name).out
    assert out.splitlines()[0].split() == ["#", "UTC", "who", "what"]
    assert row(out, "request.answer").split()[2:] == ["zendesk", "request.answer", "GET", "users/3971", "->", "200"]
    assert row(out, "request.sending").split()[2:] == ["maria", "request.sending", "PUT", "users/3971"]
    assert row(out, "step.asked").split()[2:] == ["maria", "step.asked", "yes"]
    assert row(out, "step.done").split()[2:] == ["maria", "step.done", "suspend,", "suspended:", "yes"]
    assert row(out, "run.opened").endswith("mine v3, live")
    assert row(out, "artefact.added").endswith("log.jsonl, 1.2 kB")
    assert "zendesk  request.answer    200, 0.4 s" in out


def test_show_strips_what_could_move_a_cursor(capsys: Capsys, folder: Path) -> None:
    """A note with an escape sequence prints without it."""
    out = irkit(capsys, "ledger", "show", folder.name).out
    assert '"saw a Tor exit"' in out
    assert "\x1b" not in out


def test_show_takes_one_step_or_one_kind(capsys: Capsys, folder: Path) -> None:
    """--step and --kind choose entries; a kind's first word stands for all of them."""
    assert len(irkit(capsys, "ledger", "show", folder.name, "--step", "suspend").out.splitlines()) == 7
    assert len(irkit(capsys, "ledger", "show", folder.name, "--kind", "request").out.splitlines()) == 4
    assert len(irkit(capsys, "ledger", "show", folder.name, "--kind", "note", "--kind", "step.done").out.splitlines()) == 3


def test_show_of_nothing_names_the_steps_there_are(capsys: Capsys, folder: Path) -> None:
    """A mistyped step prints no table, and says what it could have been."""
    ran = irkit(capsys, "ledger", "show", folder.name, "--step", "suspnd")
    assert (ran.code, ran.out) == (0, "")
    assert "suspend" in ran.err


def test_show_as_json_equals_the_export(capsys: Capsys, folder: Path) -> None:
    """--json holds the very objects that the export has."""
    shown = irkit(capsys, "ledger", "show", folder.name, "--json").json
    exported = [json.loads(line) for line in irkit(capsys, "ledger", "export", folder.name, "--as", "jsonl").out.splitlines()]
    assert shown == exported
    assert exported[3]["kind"] == "step.started"
    assert exported[6]["disclosed"]["request"]["url"] == URL


@pytest.mark.parametrize("mode", ["drill", "test"])
def test_what_is_not_live_says_so_on_every_line(capsys: Capsys, tmp_path: Path, mode: str) -> None:
    """Neither listing nor verification of a drill can be pasted as a live one."""
    incident(tmp_path / "evidence", mode)
    for verb in ("show", "verify"):
        lines = irkit(capsys, "ledger", verb, "INC-1").out.splitlines()
        assert lines
        assert all(line.startswith(f"{mode.upper()} ") and len(line) <= 80 for line in lines)


def test_verify_by_id_and_by_path(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """A sound ledger is verified with exit 0, below the evidence root or anywhere else."""
    elsewhere = tmp_path / "usb"
    folder.parent.rename(elsewhere)
    for given in (["INC-1", "--evidence", str(elsewhere)], [str(elsewhere / "INC-1")]):
        ran = irkit(capsys, "ledger", "verify", *given)
        assert ran.code == 0, ran.err
        assert ran.out.splitlines()[-1].startswith("Verified.")


def test_verify_names_the_entry_that_was_changed(capsys: Capsys, folder: Path) -> None:
    """A changed line is exit 5, in words and as JSON; `show` refuses it with the same code."""
    with sqlite3.connect(folder / "ledger.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE entries SET line = replace(line, 'human', 'copied') WHERE seq = 2")
    db.close()
    ran = irkit(capsys, "ledger", "verify", folder.name)
    assert ran.code == 5
    assert "BAD" in ran.out
    assert ran.out.splitlines()[-1].endswith("exit 5")
    report = irkit(capsys, "ledger", "verify", folder.name, "--json").json
    assert report["exit_code"] == 5
    assert 2 in {finding["entry"] for finding in report["findings"]}
    assert irkit(capsys, "ledger", "show", folder.name).code == 5


def test_what_is_no_incident_is_named(capsys: Capsys, tmp_path: Path) -> None:
    """An unknown id is a usage error; a folder without a ledger is no incident."""
    assert irkit(capsys, "ledger", "verify", "INC-9").code == 2
    (tmp_path / "evidence" / "INC-9").mkdir(parents=True)
    ran = irkit(capsys, "ledger", "verify", "INC-9")
    assert ran.code == 5
    assert "irkit incident list" in ran.err


def test_export_to_a_file_is_private_and_never_overwrites(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """The file is readable by its maker alone; a second export is refused and leaves it."""
    target = tmp_path / "out.jsonl"
    ran = irkit(capsys, "ledger", "export", folder.name, "--output", str(target))
    assert (ran.code, ran.out) == (0, "")
    assert "Wrote 14 entries" in ran.err
    before = target.read_bytes()
    assert len(before.splitlines()) == 14
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
    again = irkit(capsys, "ledger", "export", folder.name, "--output", str(target))
    assert again.code == 2
    assert "not overwritten" in again.err
    assert target.read_bytes() == before


def test_a_failed_export_leaves_no_file(capsys: Capsys, tmp_path: Path) -> None:
    """What cannot be read whole is not written in part."""
    folder = tmp_path / "evidence" / "INC-2"
    folder.mkdir(parents=True)
    (folder / "ledger.db").write_bytes(b"no database")
    target = tmp_path / "out.jsonl"
    assert irkit(capsys, "ledger", "export", "INC-2", "--output", str(target)).code == 5
    assert not target.exists()


def test_a_long_export_says_how_far_it_is(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress goes to stderr, so that the data can be piped."""
    monkeypatch.setattr(export, "PROGRESS_EACH", 5)
    ran = irkit(capsys, "ledger", "export", folder.name)
    assert ran.err.splitlines() == ["5 entries", "10 entries"]
    assert len(ran.out.splitlines()) == 14
