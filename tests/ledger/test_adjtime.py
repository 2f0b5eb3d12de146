"""Clock error as others see it: the kernel's judgement, and the Date of answers."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger.adjtime import KernelClock, Timex, combined, kernel_clock, offset_of_date

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis adds it)
OFFSETS = st.timedeltas(timedelta(hours=-3), timedelta(hours=3))


def saying(state: int, **fields: int) -> Callable[[Timex], int]:
    """An adjtimex that answers so; it refuses to be asked to change anything."""
    def adjtimex(timex: Timex) -> int:
        assert timex.modes == 0
        for name, value in fields.items():
            setattr(timex, name, value)
        return state
    return adjtimex


def second(moment: datetime) -> datetime:
    """What a server whose clock shows `moment` writes into Date."""
    return moment.replace(microsecond=0)


@pytest.mark.parametrize(("state", "fields", "expected"), [
    (0, {"offset": -1500, "maxerror": 250, "esterror": 12}, KernelClock(True, -1500, 250, 12)),
    (0, {"offset": -1_500_400, "status": 0x2000, "maxerror": 250, "esterror": 12}, KernelClock(True, -1500, 250, 12)),
    (0, {"status": 0x0040, "maxerror": 16_000_000}, KernelClock(False, 0, 16_000_000, 0)),
    (5, {"offset": 3}, KernelClock(False, 3, 0, 0)),
    (1, {}, KernelClock(True, 0, 0, 0)),
])
def test_the_kernel_is_read_as_it_counts(state: int, fields: dict[str, int], expected: KernelClock) -> None:
    """Microseconds, or nanoseconds where it says so; synchronised unless it says not."""
    assert kernel_clock(saying(state, **fields)) == expected


def test_a_refusal_is_no_clock() -> None:
    """A container may forbid the call."""
    assert kernel_clock(saying(-1, offset=5)) is None


def test_this_machine_is_asked_in_the_right_shape() -> None:
    """struct timex has 208 bytes on 64-bit Linux; whatever the kernel says is in bounds."""
    assert ctypes.sizeof(ctypes.c_long) != 8 or ctypes.sizeof(Timex) == 208
    found = kernel_clock()
    if not sys.platform.startswith("linux"):
        assert found is None
    assert found is None or (0 <= found.estimated_error_us <= found.max_error_us and abs(found.offset_us) <= 500_000)


def test_five_minutes_fast_is_measured_within_two_seconds() -> None:
    """Three answers of 300 ms each, at different fractions of a second, narrow it down."""
    true, fast = datetime(2026, 11, 20, 17, 36, 9, 900_000, tzinfo=UTC), timedelta(minutes=5)
    found = []
    for wait in (0.0, 1.3, 2.7):
        before = true + fast + timedelta(seconds=wait)
        after = before + timedelta(milliseconds=300)
        found.append(offset_of_date(second(before - fast + timedelta(milliseconds=100)), before, after))
    assert found[0] == (timedelta(seconds=298.9), timedelta(seconds=300.2))
    one = combined(interval for interval in found if interval is not None)
    assert one is not None
    assert one[0] <= fast <= one[1]
    assert one[1] - one[0] < timedelta(seconds=2)


@given(true=MOMENTS, offset=OFFSETS, out=st.floats(0, 60), back=st.floats(0, 60))
def test_the_true_offset_is_always_inside(true: datetime, offset: timedelta, out: float, back: float) -> None:
    """However long the way there and back took; the interval is that and one second wide."""
    before = true + offset - timedelta(seconds=out)
    after = true + offset + timedelta(seconds=back)
    found = offset_of_date(second(true), before, after)
    assert found[0] <= offset <= found[1]
    assert found[1] - found[0] == after - before + timedelta(seconds=1)


def test_intervals_intersect_or_contradict() -> None:
    """None is known of nothing, and nothing of two that exclude each other."""
    def span(low: float, high: float) -> tuple[timedelta, timedelta]:
        return timedelta(seconds=low), timedelta(seconds=high)
    assert combined([span(0, 3), span(1, 5), span(-1, 2)]) == span(1, 2)
    assert combined([span(0, 1), span(1, 2)]) == span(1, 1)
    assert combined([span(0, 1), span(2, 3)]) is None
    assert combined([]) is None
