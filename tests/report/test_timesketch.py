"""The timeline for Timesketch."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irkit.ledger import Ledger
from irkit.ledger.export import stored
from irkit.report.timesketch import LONGEST, Timesketch
from irkit.report.view import Hidden, Shown, shown
from tests.report.incident import build


def sketch(folder: Path, *, hidden: int = -1) -> list[Any]:
    """The timeline's objects; the entry with the number `hidden` withheld whole."""
    import json
    out = io.StringIO()
    with Ledger.open(folder, write=False) as ledger:
        made = Timesketch(out, incident="INC-1", mode=ledger.mode)
        for row in shown(stored(ledger), lambda entry: Hidden(entry.seq == hidden)):
            if isinstance(row, Shown):
                made.add(row)
        assert made.count == ledger.size
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "INC-1")


def test_one_object_a_line_with_the_fields_timesketch_needs(folder: Path) -> None:
    """message, datetime with +00:00, timestamp in whole microseconds of the same moment, timestamp_desc, data_type."""
    rows = sketch(folder)
    for number, row in enumerate(rows):
        assert row["seq"] == number
        assert row["message"]
        assert row["timestamp_desc"]
        assert row["data_type"] == "irkit:ledger:entry"
        assert row["datetime"].endswith("+00:00")
        assert type(row["timestamp"]) is int
        since = datetime.fromisoformat(row["datetime"]) - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        assert since // timedelta(microseconds=1) == row["timestamp"]


def test_fields_are_flat(folder: Path) -> None:
    """No value is an object or a list, so that each can be searched."""
    rows = sketch(folder)
    assert all(isinstance(value, str | int) for row in rows for value in row.values())
    sending = next(row for row in rows if row["kind"] == "request.sending")
    assert sending["value_request_method"] == "PUT"
    assert sending["data_effect"] == "reversible"
    assert sending["person"] == "Maria Lead"


def test_hostile_text_is_one_harmless_line(folder: Path) -> None:
    """No message carries an escape sequence, a line break or a bidi control."""
    assert all(row["message"].isprintable() for row in sketch(folder))


def test_long_values_are_cut(tmp_path: Path) -> None:
    """A value longer than a search engine's keyword is cut, and says how long it was."""
    with Ledger.create(tmp_path / "INC-2", mode="test", version="1", code_hash="0") as ledger:
        ledger.start_session("Maria")
        ledger.append("note", {}, {"text": "long " * 5000}, by="human")
        ledger.end_session()
    note = next(row for row in sketch(tmp_path / "INC-2") if row["kind"] == "note")
    assert note["value_text"].endswith("(25,000 characters)")
    assert len(note["value_text"]) < LONGEST + 40


def test_a_withheld_line_is_shown_as_one(folder: Path) -> None:
    """It keeps its place in the count, at the time of the line before it, and says that this is not its own."""
    rows, whole = sketch(folder, hidden=6), sketch(folder)
    assert len(rows) == len(whole)
    assert rows[6]["timestamp"] == rows[5]["timestamp"]
    assert "withheld" in rows[6]["message"]
    assert rows[6]["timestamp_desc"] == "Entry withheld"
    assert not {name for name in rows[6] if name.startswith(("value_", "data_")) and name != "data_type"}


@pytest.mark.parametrize("mode", ["drill", "test"])
def test_what_is_not_live_says_so_in_every_message(tmp_path: Path, mode: str) -> None:
    """So that a row pasted elsewhere cannot pass as live."""
    assert all(row["message"].startswith(f"{mode.upper()} ") for row in sketch(build(tmp_path / "INC-3", mode), hidden=5))
