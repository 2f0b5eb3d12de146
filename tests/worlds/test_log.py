"""Long logs: rows by position, planted rows in their place, no memory."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from irkit.worlds.log import Log
from tests.worlds.helpers import get, make

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _log(count: int, span: int, planted: list[int]) -> Log:
    log = Log(count, BEGIN, timedelta(seconds=span), lambda number, time: json.dumps({"n": number, "at": time}))
    for n, offset in enumerate(planted):
        at = BEGIN + timedelta(seconds=offset)
        log.plant(at, {"planted": n, "at": int(at.timestamp())})
    return log


@given(st.integers(0, 40), st.integers(1, 100), st.lists(st.integers(-10, 120), max_size=12), st.integers(-20, 130))
def test_positions_are_in_order_of_time(count: int, span: int, planted: list[int], offset: int) -> None:
    """Every row stands once, in order of time, and `position` finds the first row at or after a time."""
    log = _log(count, span, planted)
    rows = [log.row(place) for place in range(len(log))]
    times = [row["at"] for row in rows]
    assert times == sorted(times) == [log.time(place) for place in range(len(log))]
    assert sorted(row["n"] for row in rows if "n" in row) == list(range(count))
    assert sorted(row["planted"] for row in rows if "planted" in row) == list(range(len(planted)))
    wanted = int((BEGIN + timedelta(seconds=offset)).timestamp())
    assert log.position(wanted) == sum(time < wanted for time in times)


def test_a_million_rows_take_no_memory() -> None:
    """Rows are made when they are read: a world with two million of them is small, and a page from the middle quick to have."""
    tracemalloc.start()
    world = make(rows=1_000_000, audit_rows=1_000_000, limits=False)
    page = get(world, "/audit_logs?page[size]=100&sort=created_at")
    last = get(world, "/audit_logs?page[size]=2")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(page["audit_logs"]) == 100
    assert last["audit_logs"][0]["id"] == 5_000_000_999_999
    assert peak < 4 * 2**20
