"""runbooks/README.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from irkit.drill import scenario
from irkit.runbook import Clock, Input, Runbook, Step, check_bytes, load_bytes
from irkit.runbook.expression import FILTERS

GUIDE = (Path(__file__).parents[2] / "runbooks" / "README.md").read_text("utf-8")
RUNBOOK, SCENARIO = re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)


@pytest.mark.parametrize("record", [Runbook, Input, Clock, Step])
def test_every_key_stands_in_the_guide(record: type[Runbook | Input | Clock | Step]) -> None:
    """In backticks."""
    keys = {field.encode_name for field in msgspec.structs.fields(record) if field.name not in record.NOT_KEYS}
    assert {key for key in keys if f"`{key}`" not in GUIDE} == set()


def test_every_filter_stands_in_the_guide() -> None:
    """And no other is promised."""
    line = re.search(r"Filters are (.*?)\.\n", GUIDE)
    assert line is not None
    assert set(re.findall(r"`(\w+)", line[1])) == set(FILTERS)


def test_the_example_lints_without_a_word() -> None:
    """It is there to be copied."""
    assert check_bytes(RUNBOOK.encode(), "stolen_session.yaml", "stolen_session").found == []


def test_the_example_scenario_fits_the_example() -> None:
    """Its steps, inputs, worlds and answers exist."""
    found = scenario.load_bytes(SCENARIO.encode(), "x.yaml", lambda _: load_bytes(RUNBOOK.encode(), "stolen_session.yaml"))
    assert found.name == "stolen_session_at_night"
