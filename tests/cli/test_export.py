"""irkit ledger export, redact, reveal."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from irkit.cli import export as command
from irkit.ledger import Ledger
from irkit.ledger.verify import verify
from tests.cli.rig import Capsys, irkit
from tests.report.incident import DANA, build, holding

RULES = "basis: GDPR art. 15(4)\nby: Ada\nwithhold:\n  - names: [\"inputs.*\", request.body, result, nothing.here]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "evidence" / "INC-1", "drill")


def kinds(folder: Path) -> list[str]:
    with Ledger.open(folder, write=False) as ledger:
        return [entry.kind for entry in ledger.entries()]


def test_a_bag_is_recorded_signed_and_verifies(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """The exported entry stands in a session of its own; what is told names the next command."""
    ran = irkit(capsys, "ledger", "export", "INC-1", "--as", "bag", "--output", "bag", "--for", "Ada", "--basis", "subpoena")
    assert (ran.code, ran.out) == (0, "")
    assert "irkit ledger verify bag" in ran.err
    assert [kind for kind in kinds(folder)[-5:] if kind != "checkpoint"] == ["session.start", "exported", "session.end"]
    assert (tmp_path / "bag/export.sig").exists()
    assert verify(tmp_path / "bag").exit_code == 0
    assert verify(folder).exit_code == 0


def test_timesketch_says_how_many_lines_to_expect(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """The count is that of the file, so that an import can be compared with it."""
    ran = irkit(capsys, "ledger", "export", "INC-1", "--as", "timesketch", "--output", "t.jsonl")
    rows = (tmp_path / "t.jsonl").read_text().splitlines()
    assert f"should count {len(rows)} events" in ran.err
    assert json.loads(rows[-1])["kind"] == "exported"
    assert kinds(folder).count("exported") == 1


def test_case_and_csv_are_recorded(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """Each form appends one entry, and is private."""
    assert irkit(capsys, "ledger", "export", "INC-1", "--as", "case", "--output", "case.jsonld").code == 0
    assert irkit(capsys, "ledger", "export", "INC-1", "--as", "csv", "--output", "tables").code == 0
    assert json.loads((tmp_path / "case.jsonld").read_text())["@graph"]
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "timeline.csv", "custody.csv", "deadlines.csv", "privilege_log.csv"}
    with (tmp_path / "tables/timeline.csv").open(newline="") as file:
        assert list(csv.DictReader(file))[-1]["kind"] == "exported"
    assert stat.S_IMODE((tmp_path / "tables").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "case.jsonld").stat().st_mode) == 0o600
    assert kinds(folder).count("exported") == 2


@pytest.mark.parametrize("form", ["bag", "timesketch", "case", "csv"])
def test_nothing_is_overwritten_or_recorded_for_a_taken_place(capsys: Capsys, folder: Path, tmp_path: Path, form: str) -> None:
    """The place is claimed before anything is appended."""
    (tmp_path / "there").mkdir()
    before = kinds(folder)
    ran = irkit(capsys, "ledger", "export", "INC-1", "--as", form, "--output", "there")
    assert ran.code == 2
    assert "give another --output" in ran.err
    assert kinds(folder) == before


def test_a_form_that_is_recorded_wants_a_place(capsys: Capsys, folder: Path) -> None:
    """Only the view goes to stdout."""
    ran = irkit(capsys, "ledger", "export", "INC-1", "--as", "bag")
    assert ran.code == 2
    assert "--output PATH" in ran.err


def test_the_view_changes_nothing_and_can_be_redacted(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """jsonl is not recorded."""
    before = kinds(folder)
    (tmp_path / "rules.yaml").write_text(RULES)
    assert DANA in irkit(capsys, "ledger", "export", "INC-1").out
    out = irkit(capsys, "ledger", "export", "INC-1", "--redact", "rules.yaml").out
    assert DANA not in out
    assert len(out.splitlines()) == len(before)
    assert kinds(folder) == before


def test_a_long_export_says_how_far_it_is(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress goes to stderr, so that the data can be piped."""
    monkeypatch.setattr(command, "PROGRESS_EACH", 7)
    assert irkit(capsys, "ledger", "export", "INC-1").err.splitlines()[:2] == ["7 entries", "14 entries"]


# -- redact ------------------------------------------------------------------------------------------------------

def test_a_dry_run_counts_and_changes_nothing(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """Each rule with its counts, a sample, and its names that match nothing."""
    (tmp_path / "rules.yaml").write_text(RULES.replace(" result,", ""))
    before = kinds(folder)
    ran = irkit(capsys, "ledger", "redact", "INC-1", "--for", "CNIL", "--rules", "rules.yaml", "--dry-run")
    assert ran.code == 0
    assert "rules.yaml:4  names: inputs.*" in ran.out
    assert "withheld 2 values, 0 whole entries" in ran.out
    assert "inputs.agent_email of entry" in ran.out
    assert "nothing  is called nothing.here" in ran.out
    assert "holds something withheld elsewhere: result, entries" in ran.err
    assert DANA not in ran.out + ran.err
    again = ("ledger", "redact", "INC-1", "--for", "CNIL", "--rules", "rules.yaml", "--dry-run", "--json")
    counts: Any = irkit(capsys, *again).json
    assert (counts[0]["values"], counts[0]["unmatched"]) == (2, ["nothing.here"])
    assert kinds(folder) == before


def test_a_redacted_bag_withholds_and_verifies(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """The recipient checks it against the same root; nothing withheld is in it."""
    (tmp_path / "rules.yaml").write_text(RULES.replace("result,", 'result, "artefact.*",'))
    ran = irkit(capsys, "ledger", "redact", "INC-1", "--for", "CNIL", "--rules", "rules.yaml", "--output", "bag", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["signed"] is True
    assert verify(tmp_path / "bag").exit_code == 0
    assert list(holding(tmp_path / "bag", DANA)) == []


def test_rules_that_do_not_fit_are_refused_before_anything_is_appended(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """Exit 6, with the place and a caret, as for a runbook."""
    (tmp_path / "rules.yaml").write_text("basis: x\nwithhold:\n  - names: [no.such]\n")
    before = kinds(folder)
    ran = irkit(capsys, "ledger", "redact", "INC-1", "--for", "CNIL", "--rules", "rules.yaml", "--output", "bag")
    assert ran.code == 6
    assert "rules.yaml:3:5" in ran.err
    assert "^" in ran.err
    assert not (tmp_path / "bag").exists()
    assert kinds(folder) == before


# -- reveal ------------------------------------------------------------------------------------------------------

def test_a_value_is_revealed_and_checked(capsys: Capsys, folder: Path, tmp_path: Path) -> None:
    """The printed line of shell gives the digest that the bag lists; --against says the same."""
    (tmp_path / "rules.yaml").write_text(RULES)
    irkit(capsys, "ledger", "redact", "INC-1", "--for", "CNIL", "--rules", "rules.yaml", "--output", "bag")
    seq = str(kinds(folder).index("request.sending"))
    shown = irkit(capsys, "ledger", "reveal", "INC-1", seq, "request.body")
    assert shown.code == 0
    ran = irkit(capsys, "ledger", "reveal", "INC-1", seq, "request.body", "--output", "value.txt", "--against", "bag")
    assert ran.code == 0
    assert "listed as withheld" in ran.err
    assert (tmp_path / "value.txt").read_text() == shown.out.strip()
    check = next(line for line in ran.err.splitlines() if line.startswith("  check")).removeprefix("  check").strip()
    if _has("openssl"):
        digest = subprocess.run(["sh", "-c", check], capture_output=True, text=True, check=True).stdout.strip()
        assert digest in (tmp_path / "bag/data/withheld.jsonl").read_text()


def _has(tool: str) -> bool:
    import shutil
    return shutil.which(tool) is not None


def test_a_whole_line_is_revealed(capsys: Capsys, folder: Path) -> None:
    """With its values; as JSON too."""
    seq = kinds(folder).index("decision")
    out = irkit(capsys, "ledger", "reveal", "INC-1", str(seq)).out.splitlines()
    assert json.loads(out[0])["kind"] == "decision"
    assert json.loads(out[1])["seq"] == seq
    assert irkit(capsys, "ledger", "reveal", "INC-1", str(seq), "--json").json["digest"]


def test_what_is_not_there_is_named(capsys: Capsys, folder: Path) -> None:
    """An entry beyond the end, and a name that the entry does not have."""
    assert irkit(capsys, "ledger", "reveal", "INC-1", "9999").code == 2
    ran = irkit(capsys, "ledger", "reveal", "INC-1", "0", "text")
    assert ran.code == 2
    assert "it has none" in ran.err
    assert os.listdir() == ["evidence"]
