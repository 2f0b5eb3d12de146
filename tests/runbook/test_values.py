"""Durations, times and addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.runbook.values import duration, duration_text, email, relative, rfc3339, timestamp

NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("72h", 259_200), ("60d", 5_184_000), ("0s", 0)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """The four that a runbook may say."""
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-5m", "1h30m", "15 m", "15M", "٣m", "9999999999d", "P1D"])
def test_other_durations_are_refused_with_examples(text: str) -> None:
    """The sentence shows how to write one."""
    with pytest.raises(ValueError, match="write 90s, 15m, 72h or 60d"):
        duration(text)


@given(st.integers(0, 10**7))
def test_a_duration_written_out_is_the_same_duration(seconds: int) -> None:
    """Deadlines survive the ledger."""
    span = timedelta(seconds=seconds)
    if seconds < 10**6 or seconds % 60 == 0:
        assert duration(duration_text(span)) == span


def test_hours_stay_hours() -> None:
    """72h is what the law says, and what is written."""
    assert [duration_text(timedelta(hours=h)) for h in (24, 72, 96)] == ["24h", "72h", "4d"]


@pytest.mark.parametrize("text",
                         ["2026-03-07T23:40:00Z", "2026-03-08T00:40:00+01:00", "2026-03-07 23:40Z", "2026-03-07t23:40:00z"])
def test_a_time_has_a_zone_and_becomes_utc(text: str) -> None:
    """RFC 3339, as a person may type it."""
    assert timestamp(text, NOW) == NOW
    assert rfc3339(timestamp(text, NOW)) == "2026-03-07T23:40:00Z"


@pytest.mark.parametrize("text",
                         ["2026-03-07T23:40:00", "2026-02-30T00:00:00Z", "2026-03-07", "yesterday", "",
                          "0001-01-01T00:00:00+14:00",
                                  "2026-03-07T24:61:00Z", "20260307T234000Z"])
def test_other_times_are_refused_with_an_example(text: str) -> None:
    """A time without its zone could be any of twenty-four."""
    with pytest.raises(ValueError, match="write it like 2026-03-07T23:40:00Z, with its zone, or now"):
        timestamp(text, NOW)


def test_now_is_the_clock_that_was_given() -> None:
    """A drill's now is the drill's."""
    assert timestamp("now", NOW) == NOW


@pytest.mark.parametrize("text",
                         ["dana", "dana@", "@example.org", "a b@example.org", "a@b@c", "Dana <dana@example.org>", "a@b/c"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """One address, without its display name."""
    with pytest.raises(ValueError, match="is not an e-mail address"):
        email(text)


def test_an_address_is_trimmed_and_kept_as_typed() -> None:
    """Its case is the vendor's business."""
    assert email(" Dana.Reyes@Example.org ") == "Dana.Reyes@Example.org"


def test_a_relative_time_names_what_it_is_relative_to() -> None:
    """`aware_at - 30d`, and nothing cleverer."""
    assert relative("aware_at - 30d") == ("aware_at", timedelta(days=-30))
    assert relative("aware_at+2h") == ("aware_at", timedelta(hours=2))
    assert relative("a - b - 30d") is relative("30d - aware_at") is relative("now") is None
