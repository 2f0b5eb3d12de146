"""irkit runbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.rig import Capsys, irkit

SCENARIO = """\
schema: irkit/scenario-v1
scenario: {name}
title: A bulk export
runbook: mine
starts: "2026-03-07T23:40:00Z"
worlds:
  zendesk: {{seed: 7}}
"""


@pytest.fixture
def mine(capsys: Capsys, tmp_path: Path) -> Path:
    """./runbooks/mine.yaml, from the skeleton."""
    assert irkit(capsys, "runbook", "new", "mine").code == 0
    return tmp_path / "runbooks" / "mine.yaml"


def broken(path: Path) -> None:
    """Mistype a key of the skeleton."""
    path.write_text(path.read_text().replace("action: zendesk.end_sessions", "acton: zendesk.end_sessions"))


def test_new_writes_a_runbook_that_lints(capsys: Capsys, mine: Path) -> None:
    """The skeleton has no mistake and no warning."""
    ran = irkit(capsys, "runbook", "lint", str(mine))
    assert ran.code == 0
    assert ran.out.startswith("1 file checked, no mistakes.")


def test_new_does_not_overwrite(capsys: Capsys, mine: Path) -> None:
    """A second `new` of the same name leaves the file alone."""
    mine.write_text("mine\n")
    ran = irkit(capsys, "runbook", "new", "mine")
    assert ran.code == 2
    assert "exists already" in ran.err
    assert mine.read_text() == "mine\n"


def test_new_writes_where_it_is_told(capsys: Capsys, tmp_path: Path) -> None:
    """--output makes the folders it needs."""
    assert irkit(capsys, "runbook", "new", "other", "--output", "ir/books/other.yaml").code == 0
    assert (tmp_path / "ir/books/other.yaml").is_file()


def test_new_refuses_a_name_that_is_no_name(capsys: Capsys, tmp_path: Path) -> None:
    """A name that could leave the folder is refused before anything is written."""
    assert irkit(capsys, "runbook", "new", "../x").code == 2
    assert not (tmp_path / "runbooks").exists()


def test_lint_prints_the_place_a_caret_and_a_hint(capsys: Capsys, mine: Path) -> None:
    """A mistake is shown under its line; the last line counts, and the exit code is 6."""
    broken(mine)
    ran = irkit(capsys, "runbook", "lint", "runbooks/")
    lines = ran.out.splitlines()
    assert ran.code == 6
    assert lines[0].startswith("runbooks/mine.yaml:")
    assert lines[0].endswith(": unknown key 'acton'")
    assert "^^^^^" in lines[3]
    assert lines[4].strip() == "= did you mean 'action'?"
    assert lines[-1].startswith("1 mistake in 1 file.")
    assert lines[-1].endswith("exit 6")


def test_lint_as_json_gives_each_mistake_its_place(capsys: Capsys, mine: Path) -> None:
    """--json has path, line, column, level, message and hint."""
    broken(mine)
    ran = irkit(capsys, "runbook", "lint", str(mine), "--json")
    (row,) = ran.json
    assert ran.code == 6
    assert (row["path"], row["col"], row["level"], row["hint"]) == (str(mine), 5, "error", "did you mean 'action'?")
    assert mine.read_text().splitlines()[row["line"] - 1].strip().startswith("acton")


def test_lint_does_not_fail_on_a_warning(capsys: Capsys, mine: Path) -> None:
    """Nobody telling legal is a warning: printed, exit 0."""
    text = mine.read_text().replace("owner: legal", "owner: lead")
    mine.write_text(text)
    ran = irkit(capsys, "runbook", "lint", str(mine))
    assert ran.code == 0, ran.out
    assert "warning: " in ran.out
    assert "1 warning" in ran.out
    (row,) = irkit(capsys, "runbook", "lint", str(mine), "--json").json
    assert row["level"] == "warning"


def test_lint_of_a_folder_takes_its_scenarios(capsys: Capsys, mine: Path) -> None:
    """A scenario whose name is not its file's is a mistake in that file."""
    folder = mine.parent / "scenarios"
    folder.mkdir()
    (folder / "night.yaml").write_text(SCENARIO.format(name="night"))
    assert irkit(capsys, "runbook", "lint", "runbooks").out.startswith("2 files checked, no mistakes.")
    (folder / "night.yaml").write_text(SCENARIO.format(name="day"))
    ran = irkit(capsys, "runbook", "lint", "runbooks")
    assert ran.code == 6
    assert ran.out.startswith("runbooks/scenarios/night.yaml:2:")


def test_lint_of_a_scenario_by_its_path_finds_the_runbook_beside_it(capsys: Capsys, mine: Path) -> None:
    """Its steps are checked against the runbook, wherever the command is typed."""
    path = mine.parent / "scenarios" / "night.yaml"
    path.parent.mkdir()
    path.write_text(SCENARIO.format(name="night") + "answers: {no_such_step: yes}\n")
    ran = irkit(capsys, "runbook", "lint", str(path))
    assert ran.code == 6
    assert "no_such_step" in ran.out


def test_lint_holds_versions_against_an_older_copy(capsys: Capsys, tmp_path: Path, mine: Path) -> None:
    """Backwards is a mistake at the version; other bytes under the same one are warned of; a newer one is neither."""
    old = tmp_path / "released"
    old.mkdir()
    (old / "mine.yaml").write_text(mine.read_text().replace("version: 1\n", "version: 2\n"))
    ran = irkit(capsys, "runbook", "lint", "runbooks/", "--against", "released")
    assert ran.code == 6
    assert "the version goes backwards: 1, after 2" in ran.out
    assert "the next one is version: 3" in ran.out
    mine.write_text(mine.read_text().replace("version: 1\n", "version: 2\n") + "# reworded\n")
    ran = irkit(capsys, "runbook", "lint", "--against", "released/mine.yaml")
    assert (ran.code, "both are version 2" in ran.out) == (0, True)
    mine.write_text(mine.read_text().replace("version: 2\n", "version: 3\n"))
    assert irkit(capsys, "runbook", "lint", str(mine), "--against", "released").out.startswith("1 file checked, no mistakes.")


@pytest.mark.parametrize(("text", "code", "words"), [
    (None, 2, "holds no runbook"), ("x: 1\n", 6, "no runbook with a version"),
    ("runbook: other\nversion: 1\n", 2, "has none of the runbooks that are checked")])
def test_lint_against_nothing_cannot_pass(capsys: Capsys, tmp_path: Path, mine: Path, text: str | None, code: int,
                                          words: str) -> None:
    """An older copy that says nothing is refused: the check would always pass."""
    (tmp_path / "released").mkdir()
    if text:
        (tmp_path / "released" / "mine.yaml").write_text(text)
    ran = irkit(capsys, "runbook", "lint", str(mine), "--against", "released")
    assert ran.code == code
    assert words in ran.err


def test_lint_checks_a_file_once(capsys: Capsys, mine: Path) -> None:
    """A file that is named twice, by folder and by path, counts as one."""
    assert irkit(capsys, "runbook", "lint", "runbooks", str(mine)).out.startswith("1 file checked")


def test_lint_of_what_is_not_there_is_a_mistake_of_that_path(capsys: Capsys) -> None:
    """A path that does not exist is named."""
    ran = irkit(capsys, "runbook", "lint", "nope.yaml")
    assert ran.code == 6
    assert ran.out.startswith("nope.yaml: cannot be read")


def test_list_shows_name_title_steps_and_drills(capsys: Capsys, mine: Path) -> None:
    """The name comes first; scenarios are named where there are some."""
    (mine.parent / "scenarios").mkdir()
    (mine.parent / "scenarios" / "night.yaml").write_text(SCENARIO.format(name="night"))
    line = next(line for line in irkit(capsys, "runbook", "list").out.splitlines() if line.startswith("mine "))
    assert "6 steps in 5 phases" in line
    row = next(row for row in irkit(capsys, "runbook", "list", "--json").json if row["name"] == "mine")
    assert (row["steps"], row["scenarios"], row["version"]) == (6, ["night"], 1)


def test_list_goes_on_past_a_broken_runbook(capsys: Capsys, mine: Path) -> None:
    """One that does not load is named on stderr with the command that shows why."""
    irkit(capsys, "runbook", "new", "other")
    broken(mine)
    ran = irkit(capsys, "runbook", "list")
    assert ran.code == 0
    assert "other " in ran.out
    assert "irkit runbook lint runbooks/mine.yaml" in ran.err


def test_show_is_a_plan_of_who_what_and_how_bad(capsys: Capsys, mine: Path) -> None:
    """Each step has its number, its badge, its owner, what is sent and on which condition."""
    out = irkit(capsys, "runbook", "show", str(mine)).out
    end = out[out.index("\n5. "):out.index("\n6. ")]
    assert "[CANNOT BE UNDONE]" in end
    assert "zendesk.end_sessions user_id=steps.agent.id" in end
    assert "Undo     none" in end
    assert 'Only if  steps.compromised.choice != "no"' in end
    assert "Target   30m from the start" in end
    assert "[DECISION]" in out
    assert "Owner    Legal or privacy counsel" in out
    assert "GDPR art. 33 notice: 72h after inputs.aware_at, met by step 6" in out


def test_show_as_json_lists_the_steps(capsys: Capsys, mine: Path) -> None:
    """--json has a step for each step."""
    plan = irkit(capsys, "runbook", "show", str(mine), "--json").json
    assert [step["kind"] for step in plan["steps"]] == ["action", "action", "action", "ask", "action", "do"]


def test_show_of_an_unknown_runbook_names_the_next_command(capsys: Capsys) -> None:
    """A wrong name is a usage error."""
    ran = irkit(capsys, "runbook", "show", "zendesk_agent_compromized")
    assert ran.code == 2
    assert "irkit runbook list" in ran.err


def test_schema_is_json(capsys: Capsys) -> None:
    """An editor can read it."""
    assert irkit(capsys, "runbook", "schema").json["title"] == "irkit runbook"
