"""CSV tables."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from irkit.ledger import Ledger
from irkit.ledger.export import stored
from irkit.ledger.sshsig import Throwaway
from irkit.report.tables import Custody, Deadlines, Table, Timeline, safe
from irkit.report.view import Hidden, Shown, shown
from tests.report.incident import HOSTILE, build


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0"])
def test_a_formula_is_shown_as_text(cell: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe."""
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["plain", "a=b", "2026-11-20", "dana@acme.example", "", "'quoted"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    """Nothing else is changed."""
    assert safe(cell) == cell


def test_control_characters_and_surrogates_do_not_reach_the_file() -> None:
    """They break spreadsheets, and UTF-8."""
    assert safe("a\x00b\x1b[2J\ud800") == "a\ufffdb\ufffd[2J\ufffd"


def test_rows_are_rfc_4180() -> None:
    """CRLF ends a row; commas, quotes and line breaks inside a cell are quoted and doubled."""
    out = io.StringIO()
    Table(out, ("a", "b")).row('say "x", y', "two\nlines")
    assert out.getvalue() == 'a,b\r\n"say ""x"", y","two\nlines"\r\n'


def read(folder: Path, kind: type[Timeline | Custody | Deadlines], hidden: int = -1) -> list[dict[str, str]]:
    out = io.StringIO()
    with Ledger.open(folder, write=False) as ledger:
        made = kind(out, ledger.mode)
        for row in shown(stored(ledger), lambda entry: Hidden(entry.seq == hidden)):
            if isinstance(row, Shown):
                made.add(row)
        if isinstance(made, Deadlines):
            made.close()
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "INC-1")


def test_the_timeline_has_a_row_for_each_entry(folder: Path) -> None:
    """Withheld ones too; what an attacker wrote stays one cell."""
    rows = read(folder, Timeline, hidden=5)
    assert [int(row["entry"]) for row in rows] == list(range(len(rows)))
    assert rows[5]["what"] == "withheld"
    assert rows[5]["recorded_at_utc"] == ""
    note = next(row for row in rows if row["kind"] == "note")
    assert HOSTILE.split("(")[0] in note["what"]
    assert note["observed_at"] == "2020-01-01T00:00:00Z"
    assert note["person"] == "Maria Lead"


def test_custody_names_file_hash_and_handler(folder: Path) -> None:
    """One row for each thing that came in or went out."""
    rows = read(folder, Custody)
    assert [row["event"] for row in rows] == ["collected", "collected"]
    assert rows[0]["artefact_name"] == "mine.yaml"
    assert all(len(row["artefact_sha256"]) == 64 and row["recorded_by"] == "Maria Lead" for row in rows)


def test_deadlines_say_when_due_and_how_much_was_left(folder: Path) -> None:
    """Started, due, met, and the margin in hours."""
    (row,) = read(folder, Deadlines)
    assert (row["clock"], row["due_utc"], row["state"]) == ("gdpr_33", "2030-01-01T00:00:00Z", "met")
    assert float(row["margin_hours"]) > 0
    assert int(row["started_entry"]) < int(row["met_entry"])


def test_a_clock_that_was_not_met_is_running(tmp_path: Path) -> None:
    """It has no margin. A drill's clocks run in the drill's own time."""
    with Ledger.create(tmp_path / "INC-2", mode="drill", version="1", code_hash="0") as ledger:
        ledger.start_session("Maria")
        ledger.append("deadline.started", {"clock": "x", "due": "2026-01-02T00:00:00+00:00",
                                           "drill_at": "2026-01-01T00:00:00Z"}, run="r")
        ledger.end_session()
    (row,) = read(tmp_path / "INC-2", Deadlines)
    assert (row["clock"], row["state"], row["margin_hours"]) == ("DRILL x", "running", "")
    assert row["started_at_utc"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(("kind", "fields", "state"), [
    ("step.undone", {"step": "tell"}, "running"), ("step.started", {"step": "tell"}, "running"), ("amended", {}, "running"),
    ("step.undone", {"step": "tell", "item": 3}, "met"), ("step.started", {"step": "tell", "data": {"undo": True}}, "met"),
    ("step.undone", {"step": "other"}, "met")])
def test_a_clock_whose_step_no_longer_meets_it_is_running(tmp_path: Path, kind: str, fields: dict[str, Any],
                                                          state: str) -> None:
    """Undone, taken up again, withdrawn; an item, an undo that only began and another step change nothing. Due as last said."""
    with Ledger.create(tmp_path / "INC-2", mode="test", version="1", code_hash="0") as ledger:
        ledger.start_session("Maria", signer=Throwaway())
        for due in ("2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00"):
            ledger.append("deadline.started", {"clock": "x", "due": due}, run="r")
        met = ledger.append("deadline.met", {"clock": "x"}, run="r", step="tell")
        ledger.append(kind, fields.pop("data", {}), run="r", ref=met.seq if kind == "amended" else None, **fields)
        ledger.end_session()
    (row,) = read(tmp_path / "INC-2", Deadlines)
    assert (row["state"], row["due_utc"], bool(row["met_entry"])) == (state, "2026-01-03T00:00:00Z", state == "met")


def test_custody_has_a_row_for_each_side_of_a_transfer_and_each_file(tmp_path: Path) -> None:
    """Names, titles, phones, place, zone and the hash that the receiver computed: what NIST SP 800-61 3.3.2 asks for."""
    item = {"name": "access.log", "sha256": "ab" * 32, "size": 5, "description": "kept", "recomputed": "ab" * 32}
    values = {"custody.from": "Maria", "custody.from_title": "lead", "custody.from_phone": "+1 555", "custody.to": "Sam",
              "custody.location": "=safe", "custody.zone": "Europe/Paris", "custody.artefacts": [item, item]}
    with Ledger.create(tmp_path / "INC-2", mode="test", version="1", code_hash="0") as ledger:
        ledger.start_session("Maria")
        offer = ledger.append_signed("custody.offered", Throwaway(), {}, values)
        ledger.append_signed("custody.accepted", Throwaway(), {}, values, ref=offer.seq)
        ledger.end_session()
    rows = read(tmp_path / "INC-2", Custody)
    assert [row["event"] for row in rows] == ["TEST offered"] * 2 + ["TEST accepted"] * 2
    assert rows[2]["answers_entry"] == str(offer.seq)
    assert (rows[0]["from_phone"], rows[0]["location"], rows[0]["zone"]) == ("'+1 555", "'=safe", "Europe/Paris")
    assert rows[3]["sha256_recomputed"] == rows[3]["artefact_sha256"] == "ab" * 32
