"""The drill's clock: people's time flows, the machine's waiting is skipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from irkit.drill.clock import DrillClock
from irkit.engine.modes import Clock

STARTS = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)


class Ticks:
    """A monotonic clock that a test turns by hand."""

    def __init__(self) -> None:
        self.read = 100.0

    def __call__(self) -> float:
        return self.read


def minutes(clock: DrillClock) -> float:
    return (clock.now() - STARTS).total_seconds() / 60


def test_people_take_real_time() -> None:
    """What a responder takes to decide passes on the drill's clock, second for second."""
    ticks = Ticks()
    clock = DrillClock(STARTS, monotonic=ticks)
    ticks.read += 90
    assert clock.now() == STARTS + timedelta(seconds=90)


def test_is_the_clock_that_the_engine_asks_for() -> None:
    """A DrillClock serves as engine.modes.Clock."""
    clock: Clock = DrillClock(STARTS, monotonic=Ticks())
    assert clock.now() == STARTS


def test_a_wait_jumps() -> None:
    """A vendor's lag passes at once, and in full on the clock."""
    clock = DrillClock(STARTS, monotonic=Ticks())
    clock.wait(3600)
    assert minutes(clock) == 60


def test_a_wait_that_is_stopped_does_not_jump() -> None:
    """Ctrl-C before a wait leaves the time where it is."""
    clock = DrillClock(STARTS, monotonic=Ticks())
    clock.wait(3600, lambda: True)
    assert minutes(clock) == 0


def test_stands_still_while_paused() -> None:
    """The facilitator's pause is not counted against the team, and a second pause changes nothing."""
    ticks = Ticks()
    clock = DrillClock(STARTS, monotonic=ticks)
    ticks.read += 60
    clock.pause()
    ticks.read += 1000
    clock.pause()
    assert minutes(clock) == 1
    clock.resume()
    clock.resume()
    ticks.read += 60
    assert minutes(clock) == 2


def test_a_jump_during_a_pause_counts() -> None:
    """The machine's time passes although people's stands still."""
    ticks = Ticks()
    clock = DrillClock(STARTS, monotonic=ticks)
    clock.pause()
    ticks.read += 500
    clock.jump(timedelta(minutes=5))
    clock.resume()
    assert minutes(clock) == 5


def test_jumps_to_an_instant_and_never_back() -> None:
    """Autoplay jumps to what comes next; what has passed is no place to go to."""
    clock = DrillClock(STARTS, monotonic=Ticks())
    clock.jump_to(STARTS + timedelta(minutes=8))
    clock.jump_to(STARTS)
    clock.jump(timedelta(minutes=-3))
    assert minutes(clock) == 8


def test_never_goes_back_with_its_source() -> None:
    """A monotonic clock that misbehaves cannot put the drill before its start."""
    ticks = Ticks()
    clock = DrillClock(STARTS, monotonic=ticks)
    ticks.read -= 50
    assert clock.now() == STARTS


def test_goes_on_from_the_last_entry() -> None:
    """A resumed drill starts at its last drill_at, read back from the entry's own text."""
    ticks = Ticks()
    first = DrillClock(STARTS, monotonic=ticks)
    ticks.read += 12.345678
    resumed = DrillClock(datetime.fromisoformat(first.stamp()["drill_at"]), monotonic=Ticks())
    assert resumed.now() == first.now()


def test_stamps_in_utc() -> None:
    """drill_at is RFC 3339 in UTC, whatever zone the scenario wrote its start in."""
    clock = DrillClock(datetime(2026, 3, 8, 0, 40, tzinfo=timezone(timedelta(hours=1))), monotonic=Ticks())
    assert clock.stamp() == {"drill_at": "2026-03-07T23:40:00Z"}


def test_wants_an_instant() -> None:
    """A start without a time zone is refused."""
    with pytest.raises(ValueError, match="time zone"):
        DrillClock(datetime(2026, 3, 7, 23, 40))  # noqa: DTZ001  (that is the point)


def test_no_jump_is_lost_between_threads() -> None:
    """A thousand waits from eight threads add up."""
    clock = DrillClock(STARTS, monotonic=Ticks())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clock.wait, [6.0] * 1000))
    assert minutes(clock) == 100
