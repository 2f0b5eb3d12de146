"""irkit runbook from-drill: what a drill says about its runbook, each with its place, and a patch that lints."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from irkit.cli.corrections import _corrected
from irkit.cli.options import Settings
from irkit.cli.rehearse import play
from irkit.drill.scenario import load_bytes
from irkit.ledger import Ledger
from irkit.report.findings import Finding
from irkit.runbook import check
from irkit.runbook import load_bytes as load_runbook
from irkit.runbook.amend import with_step_moved
from tests.cli.rig import Capsys, irkit
from tests.cli.test_rehearse import BOOK, SCENARIO

TEXT = BOOK.decode().replace("  - {id: tell", "  # In parallel, as soon as somebody can.\n  - {id: tell").replace(
    "- {id: end_sessions, phase: contain,", "- {id: end_sessions, phase: contain, target: 1m,")
OWN: dict[str, Any] = {"end_sessions": {"type": "phrase"}, "press": "Later.",
                       "tell": {"by_hand": "Rang them", "attach": "text:23:50Z", "who": "Ana"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "runbooks" / "small.yaml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def drilled(root: Path, text: str = TEXT, **answers: Any) -> None:
    """The incident D below `root`: the runbook in `text`, walked by the usual answers but for these."""
    scenario = replace(load_bytes(SCENARIO.encode(), "night.yaml"), answers={**OWN, **answers})
    play(scenario, load_runbook(text.encode(), "small.yaml"), root / "evidence" / "D", Settings())


def found(capsys: Capsys) -> dict[str, Any]:
    listed = irkit(capsys, "runbook", "from-drill", "D", "--json").json
    return {"patch": listed["patch"], **{one["kind"]: one for one in listed["corrections"]}}


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def test_each_finding_has_its_place_and_its_entry(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """A skip with its reason, an action done by hand, a note to a step: under the step they are about."""
    drilled(tmp_path, sessions={"by_hand": "A screenshot"}, end_sessions={"skip": "Nobody may"})
    assert irkit(capsys, "note", "D", "--step", "tell", "Which number?").code == 0
    corrections = found(capsys)
    for kind, step, words in (("skipped", "end_sessions", "Nobody may"), ("note", "tell", "Which number?")):
        one = corrections[kind]
        assert words in one["text"]
        assert one["place"] == f"runbooks/small.yaml:{line_of(TEXT, f'id: {step},')}"
        with Ledger.open(tmp_path / "evidence" / "D", write=False) as ledger:
            assert next(entry.step for entry in ledger.entries() if entry.seq == one["entry"]) == step


def test_what_the_facilitator_observed_has_its_place(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """At the step that its objective ends with; one that belongs to none is about the runbook."""
    drilled(tmp_path)
    for words in (("Nobody read the sessions", "--tag", "weakness", "--objective", "contained"), ("They were calm",)):
        assert irkit(capsys, "drill", "control", "D", "observe", *words).code == 0
    corrections = found(capsys)
    general = corrections["observation"]
    assert corrections["weakness"]["place"] == f"runbooks/small.yaml:{line_of(TEXT, 'id: end_sessions,')}"
    assert corrections["weakness"]["text"] == "Nobody read the sessions (contained)"
    assert (general["place"], general["text"]) == ("runbooks/small.yaml", "They were calm")


def test_what_is_mechanical_is_proposed_as_a_patch(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """A target that was passed, and the order in which a team did it; the file itself stays as it is."""
    drilled(tmp_path, end_sessions=[{"choice": "g tell"}, {"type": "phrase"}])
    corrections = found(capsys)
    assert corrections["late"]["proposed"] == "target: 5m"
    assert corrections["order"]["proposed"] in ("moved to before end_sessions", "moved to after tell")
    assert file.read_text() == TEXT
    printed = irkit(capsys, "runbook", "from-drill", "D", "--patch").out
    assert printed == corrections["patch"]
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "apply", "-"], input=printed, text=True, check=True, cwd=tmp_path)
    mended = file.read_text()
    assert mended.index("id: tell") < mended.index("id: end_sessions")
    assert "version: 2" in mended
    assert "  # In parallel, as soon as somebody can.\n  - {id: tell" in mended
    assert check(file).errors == 0


def test_a_patch_that_would_not_lint_is_not_proposed() -> None:
    """Ending the sessions before the account is looked up and they are kept: a finding, and no advice for the next night."""
    moved = Finding("order", "end_sessions", "was done first", 5, "move it", move=("before", "agent"))
    (one,), text = _corrected(Settings(), load_runbook(TEXT.encode(), "small.yaml"), [moved])
    assert (one.proposed, text) == ("", TEXT)
    assert one.kept_out == "step 'agent' is used before it ran"


def test_it_reads_as_a_list_with_the_patch_below(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """Place, kind, what happened, what to make of it, and by which entry."""
    drilled(tmp_path, end_sessions={"type": "phrase"})
    lines = irkit(capsys, "runbook", "from-drill", "D").out.splitlines()
    assert lines[0] == "small v1: 1 finding."
    assert lines[2] == f"runbooks/small.yaml:{line_of(TEXT, 'id: end_sessions')}: late"
    assert any(line.startswith("         = bring it forward") for line in lines)
    assert "--- a/runbooks/small.yaml" in lines
    assert any(line.startswith("+") and "target: 5m" in line for line in lines)


def test_a_file_that_changed_since_is_said_to_have(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """Places are those of today, and a step that is no more has the file alone."""
    drilled(tmp_path, end_sessions={"skip": "Nobody may"})
    file.write_text(TEXT.replace("end_sessions", "end_all").replace("version: 1", "version: 2"))
    out = irkit(capsys, "runbook", "from-drill", "D").out
    assert "The file has changed since the drill (v2)" in out
    assert "runbooks/small.yaml: skipped" in out


def test_a_drill_that_went_by_the_book_says_nothing(capsys: Capsys, tmp_path: Path, file: Path) -> None:
    """No finding, no patch."""
    text = TEXT.replace(" target: 1m,", "")
    file.write_text(text)
    drilled(tmp_path, text)
    ran = irkit(capsys, "runbook", "from-drill", "D", "--patch")
    assert (ran.code, ran.out) == (0, "")
    assert "gives no reason to change small" in ran.err


def test_a_live_incident_is_refused(capsys: Capsys, tmp_path: Path) -> None:
    """What was written in it does not end up in a runbook."""
    Ledger.create(tmp_path / "evidence" / "L", mode="live", version="0", code_hash="0" * 64).close()
    ran = irkit(capsys, "runbook", "from-drill", "L")
    assert (ran.code, "L is a live incident" in ran.err) == (2, True)


@pytest.mark.parametrize(("side", "other", "order"), [
    ("before", "agent", ["tell", "agent", "sessions", "end_sessions"]),
    ("after", "agent", ["agent", "tell", "sessions", "end_sessions"]),
    ("before", "end_sessions", ["agent", "sessions", "tell", "end_sessions"])])
def test_a_step_moves_with_the_comment_above_it(side: str, other: str, order: list[str]) -> None:
    """The last step, upwards; what stands below the steps stays where it is."""
    text = TEXT + "owner: Security\n"
    moved = with_step_moved(text, load_runbook(text.encode(), "x"), "tell", side, other)
    assert moved is not None
    assert [step.id for step in load_runbook(moved.encode(), "x").steps] == order
    assert "  # In parallel, as soon as somebody can.\n  - {id: tell" in moved
    assert moved.endswith("owner: Security\n")
    assert sorted(moved.splitlines()) == sorted(text.splitlines())


def test_a_step_moves_down(tmp_path: Path) -> None:
    """Past several others, to below the last one."""
    moved = with_step_moved(TEXT, load_runbook(TEXT.encode(), "x"), "agent", "after", "tell")
    assert moved is not None
    assert [step.id for step in load_runbook(moved.encode(), "x").steps] == ["sessions", "end_sessions", "tell", "agent"]
