"""irkit runbook diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.rig import Capsys, irkit
from tests.cli.test_drills import drilled
from tests.cli.test_rehearse import BOOK


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """./runbooks/small.yaml."""
    path = tmp_path / "runbooks" / "small.yaml"
    path.parent.mkdir()
    path.write_bytes(BOOK)
    return path


def newer(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)


def test_diff_compares_what_an_incident_keeps_with_the_runbook_of_today(capsys: Capsys, tmp_path: Path, small: Path) -> None:
    """Under each step what changed; what takes a safeguard away is marked and counted."""
    drilled(tmp_path / "evidence")
    newer(small, ("version: 1", "version: 2"), (", evidence: required", ""), ("title: Keep,", "title: Keep them,"))
    ran = irkit(capsys, "runbook", "diff", "D")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("small v1 (")
    assert "Step tell" in lines
    assert "       ! evidence is no longer required" in lines
    assert [line for line in lines if line.startswith("           ")] == ["           - Keep", "           + Keep them"]
    assert lines[-1] == "3 changes, 1 of them take a safeguard away."


def test_diff_as_json(capsys: Capsys, tmp_path: Path, small: Path) -> None:
    """Both heads, and each change with what was written and what is."""
    other = tmp_path / "small.yaml"
    other.write_bytes(BOOK.replace(b"version: 1", b"version: 2"))
    found = irkit(capsys, "runbook", "diff", "small", str(other), "--json").json
    assert (found["old"]["version"], found["new"]["version"]) == (1, 2)
    assert [(one["kind"], one["old"], one["new"]) for one in found["changes"]] == [("version", "1", "2")]


def test_diff_of_the_same_says_so(capsys: Capsys, small: Path) -> None:
    """Nothing is listed."""
    assert irkit(capsys, "runbook", "diff", "small").out.splitlines()[-1] == "0 changes; the files are the same."


def test_diff_of_what_is_not_there_names_the_next_command(capsys: Capsys, small: Path) -> None:
    """Neither a runbook nor an incident."""
    ran = irkit(capsys, "runbook", "diff", "smaal", "small")
    assert (ran.code, "irkit runbook list" in ran.err) == (2, True)
