"""The two clocks of an entry, and when one of them jumped."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger import Ledger, clock
from irkit.ledger.clock import SystemClock
from irkit.ledger.verify import verify
from tests.ledger.conftest import SetClock

S = 10**9


@pytest.mark.parametrize(("elapsed", "moved", "step"), [
    (1 * S, 1 * S, 0),
    (1 * S, 1 * S + S // 2, 0),                       # half a second is no step yet
    (1 * S, 2 * S, 1000),
    (1 * S, 0, -1000),
    (0, -3600 * S, -3_600_000),
    (86_400 * S, 86_400 * S + 40 * S, 0),             # a day's slewing, 500 parts in a million
    (86_400 * S, 86_400 * S + 60 * S, 60_000),
])
def test_a_step_is_more_than_slewing(elapsed: int, moved: int, step: int) -> None:
    """By how many milliseconds the wall clock moved against the monotonic one, where no slewing explains it."""
    assert clock.step_ms((5 * S, 7 * S), (5 * S + moved, 7 * S + elapsed)) == step


@given(st.integers(0, 10**6), st.integers(-500, 500))
def test_slewing_is_never_a_step(seconds: int, parts: int) -> None:
    """A clock that is slewed as fast as a system may, for as long as it likes."""
    elapsed = seconds * S
    assert clock.step_ms((0, 0), (elapsed + elapsed * parts // 1_000_000, elapsed)) == 0


def test_times_are_written_to_the_microsecond() -> None:
    """RFC 3339, UTC, truncated; and read back as the same moment."""
    assert clock.text(0) == "1970-01-01T00:00:00.000000Z"
    assert clock.text(1_795_000_000_123_456_999) == "2026-11-18T11:06:40.123456Z"
    assert datetime.fromisoformat(clock.text(1_795_000_000_123_456_999)).timestamp() == 1_795_000_000.123456


def test_the_machines_clocks() -> None:
    """The wall clock is the system's, the other one does not go back, the boot has a name."""
    system = SystemClock()
    assert abs(system.wall_ns() - time.time_ns()) < 60 * S
    assert 0 < system.mono_ns() <= system.mono_ns()
    assert system.boot() == SystemClock().boot() != ""


@pytest.fixture
def stepped(tmp_path: Path) -> tuple[Ledger, SetClock]:
    set_clock = SetClock()
    ledger = Ledger.create(tmp_path / "INC-1", mode="test", version="1", code_hash="", clock=set_clock)
    ledger.start_session("Maria")
    return ledger, set_clock


def kinds(ledger: Ledger) -> list[str]:
    return [entry.kind for entry in ledger.entries(after=1)]


@pytest.mark.parametrize(("wall", "step"), [(301, 300_000), (-299, -300_000), (2, 1000)])
def test_a_wall_clock_that_jumps_is_an_entry(stepped: tuple[Ledger, SetClock], wall: float, step: int) -> None:
    """Directly before the entry that noticed it, forwards and backwards; and once."""
    ledger, set_clock = stepped
    ledger.append("note")
    set_clock.passes(1, wall=wall)
    ledger.append("note")
    ledger.append("note")
    entries = list(ledger.entries(after=1))
    assert [e.kind for e in entries] == ["note", "clock.stepped", "note", "note"]
    assert (entries[1].data, entries[1].at, entries[1].by) == ({"step_ms": step}, entries[2].at, "machine")
    ledger.close()
    assert verify(ledger.folder).findings == []


def test_a_slewed_clock_and_a_long_sleep_are_no_entry(stepped: tuple[Ledger, SetClock]) -> None:
    """Both clocks go on while the machine sleeps; a slow correction is within what systems do."""
    ledger, set_clock = stepped
    set_clock.passes(86_400)
    ledger.append("note")
    set_clock.passes(10_000, wall=10_004.9)
    ledger.append("note")
    set_clock.passes(1, wall=0.6)
    ledger.append("note")
    ledger.close()
    assert kinds(Ledger.open(ledger.folder, write=False)) == ["note"] * 3


def test_a_step_stands_before_the_checkpoint_and_the_entry(stepped: tuple[Ledger, SetClock]) -> None:
    """Where a note is due as well, the three stand in one order, at one time, and the note covers all of them."""
    ledger, set_clock = stepped
    ledger.append("decision")
    set_clock.passes(1, wall=100)
    ledger.append("decision")
    entries = list(ledger.entries(after=2))
    assert [e.kind for e in entries] == ["clock.stepped", "checkpoint", "decision"]
    assert len({e.at for e in entries}) == 1
    ledger.close()
    assert verify(ledger.folder).noted == entries[-1].seq + 1


def test_a_new_process_knows_of_no_step(stepped: tuple[Ledger, SetClock]) -> None:
    """Monotonic times are compared within one process alone; another boot starts anew."""
    ledger, set_clock = stepped
    ledger.append("note")
    ledger.close()
    set_clock.mono, set_clock.wall, set_clock.name = 5, set_clock.wall + 3600 * S, "boot-2"
    with Ledger.open(ledger.folder, clock=set_clock) as again:
        start = again.start_session("Maria")
        again.append("note")
        assert [e.kind for e in again.entries(after=start - 1)] == ["session.start", "note"]
        assert next(again.entries(after=start - 1)).data["boot"] == "boot-2"


# -- between processes ---------------------------------------------------------------------------------------------

def another(ledger: Ledger, set_clock: SetClock) -> list[str]:
    """The kinds that a later process of the same machine appends."""
    with Ledger.open(ledger.folder, clock=set_clock) as again:
        start = again.start_session("Maria")
        again.append("note")
        return [entry.kind for entry in again.entries(after=start - 1)]


def test_a_clock_set_back_between_two_processes_is_an_entry(stepped: tuple[Ledger, SetClock]) -> None:
    """The boot is the same, so their times are comparable: the first entry of the later session says by how much."""
    ledger, set_clock = stepped
    ledger.append("note")
    ledger.end_session()
    ledger.close()
    set_clock.passes(60, wall=-7140)
    assert another(ledger, set_clock) == ["session.start", "clock.stepped", "note"]
    with Ledger.open(ledger.folder, write=False) as found:
        assert [e.data for e in found.entries() if e.kind == "clock.stepped"] == [{"step_ms": -7_200_000}]
    assert verify(ledger.folder).findings == []


def test_two_processes_say_once_that_the_clock_was_set_back(stepped: tuple[Ledger, SetClock]) -> None:
    """Whoever appends first: its entry is what the other one compares its clocks with."""
    ledger, set_clock = stepped
    ledger.append("note")
    set_clock.passes(1, wall=-7199)
    assert another(ledger, set_clock) == ["session.start", "clock.stepped", "note"]
    ledger.append("note")
    assert kinds(ledger).count("clock.stepped") == 1


def test_a_third_process_does_not_hide_the_step(stepped: tuple[Ledger, SetClock]) -> None:
    """Between the start of the session that noticed and its first entry somebody else appends; it is said all the same."""
    ledger, set_clock = stepped
    ledger.append("note")
    set_clock.passes(1, wall=-7199)
    with Ledger.open(ledger.folder, clock=set_clock) as second:
        second.start_session("Sam")
        ledger.append("note")
        second.append("note")
    assert kinds(ledger).count("clock.stepped") == 1
