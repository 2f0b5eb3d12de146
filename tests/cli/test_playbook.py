"""irkit runbook export and import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.rig import Capsys, irkit
from tests.runbook.playbooks import END, FIRST, SECOND, Json, by_hand, every_construct, playbook, raw, running, two


def saved(tmp_path: Path, made: Json) -> Path:
    path = tmp_path / "foreign.json"
    path.write_bytes(raw(made))
    return path


@pytest.fixture
def exported(capsys: Capsys, tmp_path: Path) -> Path:
    """A shipped runbook as a file, with its drills."""
    assert irkit(capsys, "runbook", "export", "okta_session_hijack", "--as", "cacao", "--output", "okta.json").code == 0
    return tmp_path / "okta.json"


def test_export_prints_a_playbook_alone(capsys: Capsys) -> None:
    """On stdout; what other tools do not see is talk."""
    ran = irkit(capsys, "runbook", "export", "okta_session_hijack")
    assert ran.code == 0
    assert ran.json["spec_version"] == "cacao-2.0"
    assert "note" in ran.err
    assert "in the extension, which other tools show as text or not at all: 30 actions" in ran.words


def test_export_does_not_overwrite(capsys: Capsys, exported: Path) -> None:
    """Neither its own file nor anybody's."""
    before = exported.read_bytes()
    ran = irkit(capsys, "runbook", "export", "okta_session_hijack", "--output", "okta.json")
    assert ran.code == 2
    assert "exists already" in ran.err
    assert exported.read_bytes() == before


def test_export_can_leave_the_drills_out(capsys: Capsys) -> None:
    """They say what is expected."""
    with_drills = irkit(capsys, "runbook", "export", "okta_session_hijack").out
    without = irkit(capsys, "runbook", "export", "okta_session_hijack", "--without-scenarios").out
    assert "irkit/scenario-v1" in with_drills
    assert "irkit/scenario-v1" not in without


@pytest.mark.parametrize("more", ["AKIAABCDEFGHIJKLMNOP", "\\x1b[2J", "\\u202e"])
def test_export_wants_a_runbook_that_lints(capsys: Capsys, tmp_path: Path, more: str) -> None:
    """A mistake, a secret in clear, or what steers a terminal behind an escape does not leave, and is not printed."""
    assert irkit(capsys, "runbook", "new", "mine").code == 0
    path = tmp_path / "runbooks" / "mine.yaml"
    path.write_text(path.read_text().replace("title: Tell legal", f'title: "Tell legal {more}"'))
    ran = irkit(capsys, "runbook", "export", "mine")
    assert ran.code == 6
    assert ran.out == ""
    assert not {"\x1b", "\u202e"} & set(ran.err)


@pytest.mark.parametrize(("change", "said"), [
    (("steps:\n", "steps:\n" + "".join(f"  - {{id: more_{n}, title: More, do: More.}}\n" for n in range(1_000))),
     "/workflow: more than 1,000 steps"),
], ids=["steps"])
def test_export_writes_nothing_that_could_not_come_back(capsys: Capsys, tmp_path: Path, change: tuple[str, str],
                                                        said: str) -> None:
    """The place in the playbook is said, exit code 6, and no character that steers a terminal is printed."""
    assert irkit(capsys, "runbook", "new", "mine").code == 0
    path = tmp_path / "runbooks" / "mine.yaml"
    path.write_text(path.read_text().replace("title: Tell legal", 'title: "Tell legal"').replace(*change))
    assert irkit(capsys, "runbook", "lint", "runbooks").code == 0
    ran = irkit(capsys, "runbook", "export", "mine", "--output", "mine.json")
    assert ran.code == 6
    assert said in ran.words
    assert "mine is not exported: irkit could not read its playbook back" in ran.words
    assert not (tmp_path / "mine.json").exists()


def test_what_was_exported_comes_back_with_its_drills(capsys: Capsys, exported: Path, tmp_path: Path) -> None:
    """The same plan, and the very files of its scenarios; all of it lints."""
    shown = irkit(capsys, "runbook", "show", "okta_session_hijack").out
    ran = irkit(capsys, "runbook", "import", str(exported))
    assert ran.code == 0
    assert "30 steps will send requests" in ran.out
    assert ran.out.splitlines()[-1].startswith("okta_session_hijack: 0 changed, 0 lost, 0 mistakes to mend.")
    assert irkit(capsys, "runbook", "show", "./runbooks/okta_session_hijack.yaml").out == shown
    (scenario,) = (tmp_path / "runbooks" / "scenarios").iterdir()
    assert scenario.read_bytes() == (Path(__file__).parents[2] / "runbooks" / "scenarios" / scenario.name).read_bytes()
    assert irkit(capsys, "runbook", "lint", "runbooks").code == 0


def test_import_overwrites_nothing(capsys: Capsys, exported: Path, tmp_path: Path) -> None:
    """When one of its files is there, none is written."""
    drills = tmp_path / "runbooks" / "scenarios"
    assert irkit(capsys, "runbook", "import", str(exported)).code == 0
    (tmp_path / "runbooks" / "okta_session_hijack.yaml").unlink()
    ran = irkit(capsys, "runbook", "import", str(exported))
    assert ran.code == 2
    assert "exists already" in ran.err
    assert [path.name for path in (tmp_path / "runbooks").iterdir()] == [drills.name]


def test_import_under_another_name_leaves_the_drills(capsys: Capsys, exported: Path, tmp_path: Path) -> None:
    """They are of the runbook they name."""
    ran = irkit(capsys, "runbook", "import", str(exported), "--output", "ir/mine.yaml")
    assert ran.code == 0
    assert "of the runbook okta_session_hijack" in ran.out
    assert [path.name for path in (tmp_path / "ir").iterdir()] == ["mine.yaml"]
    assert irkit(capsys, "runbook", "lint", "ir/mine.yaml").code == 0


@pytest.mark.parametrize("name", ["Mine.yaml", "mine.yml", "my-runbook.yaml", "mine.json"])
def test_import_wants_a_name_for_a_runbook(capsys: Capsys, tmp_path: Path, name: str) -> None:
    """The file is named like the runbook."""
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, two())), "--output", name)
    assert ran.code == 2
    assert "is no name for a runbook" in ran.err


def test_import_reports_what_changed(capsys: Capsys, tmp_path: Path) -> None:
    """Line by line with the step, then a verdict; the runbook lints."""
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, every_construct())))
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert "changed “Block”: a command of type 'bash' is not run: a manual step quotes it" in said
    assert "changed /markings: marked TLP:AMBER" in said
    assert "Wrote runbooks/phishing_mail.yaml" in ran.err
    assert irkit(capsys, "runbook", "lint", "runbooks").code == 0


def test_import_reports_as_json(capsys: Capsys, tmp_path: Path) -> None:
    """With the JSON pointer of each loss."""
    report = irkit(capsys, "runbook", "import", str(saved(tmp_path, every_construct())), "--json").json
    assert report["markings"] == ["TLP:AMBER", "For the team alone", "IEP of the sector"]
    assert report["files"] == ["runbooks/phishing_mail.yaml"]
    assert {"kind": "lost", "where": "/signatures", "step": "",
            "what": "its signatures: irkit does not check them, and they do not cover the runbook"} in report["losses"]
    assert report["lint"] == []


def test_what_does_not_lint_is_written_and_said(capsys: Capsys, tmp_path: Path) -> None:
    """The file is there to be mended; exit code 6."""
    command = {"type": "bash", "command": "export KEY=AKIAABCDEFGHIJKLMNOP"}
    made = playbook({FIRST: running(command, name="Run", on_completion=END)})
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, made)))
    assert ran.code == 6
    assert "a credential in clear" in ran.out
    assert "next irkit runbook lint runbooks/phishing_mail.yaml" in ran.words
    assert (tmp_path / "runbooks" / "phishing_mail.yaml").is_file()


def test_a_broken_playbook_writes_nothing(capsys: Capsys, tmp_path: Path) -> None:
    """The place and a caret; exit code 6."""
    made = two()
    made["workflow"][SECOND]["on_completion"] = FIRST
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, made)))
    assert ran.code == 6
    assert f"/workflow/{SECOND}/on_completion: an endless loop back to {FIRST}" in ran.err
    assert "^^^^" in ran.err
    assert not (tmp_path / "runbooks").exists()


def test_a_drill_of_another_runbook_is_refused(capsys: Capsys, exported: Path, tmp_path: Path) -> None:
    """Before anything is written."""
    made = json.loads(exported.read_text())
    (extension,) = made["playbook_extensions"].values()
    extension["scenarios"] = {name: text.replace("runbook: okta_session_hijack", "runbook: other")
                              for name, text in extension["scenarios"].items()}
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, made)))
    assert ran.code == 6
    assert "is of another runbook, other" in ran.err
    assert not (tmp_path / "runbooks").exists()


def test_names_cannot_steer_the_terminal(capsys: Capsys, tmp_path: Path) -> None:
    """An escape in a name is refused; its bytes are not printed."""
    made = two()
    made["workflow"][FIRST] = by_hand("x", name="\x1b[2Jgone", on_completion=SECOND)
    ran = irkit(capsys, "runbook", "import", str(saved(tmp_path, made)))
    assert ran.code == 6
    assert "the control character U+001B in a text" in ran.err
    assert "\x1b" not in ran.err + ran.out


def test_a_file_that_is_not_there_is_said(capsys: Capsys) -> None:
    """By its name."""
    ran = irkit(capsys, "runbook", "import", "nothing.json")
    assert ran.code == 6
    assert "nothing.json cannot be read" in ran.err
