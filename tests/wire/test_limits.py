"""Pacing, on a clock that only moves when somebody waits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.action import Limit, NotSent
from irkit.wire.limits import Pace
from tests.wire.rig import call, ignored, prepared, wired
from tests.wire.server import Server, answer


class Time:
    """A clock; waiting moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds
        return False

    def pace(self, per_minute: int) -> Pace:
        return Pace("Demo", per_minute, monotonic=self.monotonic, wait=self.wait)


def test_a_minutes_worth_leaves_at_once() -> None:
    """Without pressure nobody waits."""
    time = Time()
    pace = time.pace(60)
    for _ in range(60):
        pace.turn()
    assert time.waits == []


def test_beyond_that_requests_leave_evenly() -> None:
    """60 a minute is one a second."""
    time = Time()
    pace = time.pace(60)
    for _ in range(70):
        pace.turn()
    assert time.now == pytest.approx(10)


@given(st.integers(1, 3000), st.integers(1, 400))
def test_no_more_than_the_budget_leaves(per_minute: int, requests: int) -> None:
    """In any time t, at most one minute's worth plus t times the rate."""
    time = Time()
    pace = time.pace(per_minute)
    for sent in range(1, requests + 1):
        try:
            pace.turn()
        except NotSent:
            break
        assert sent <= per_minute + time.now * per_minute / 60 + 1e-6


def test_a_pause_restores_the_budget() -> None:
    """Up to a minute's worth and no more."""
    time = Time()
    pace = time.pace(60)
    for _ in range(60):
        pace.turn()
    time.now += 3600
    assert pace.seconds_for(60) == 0
    assert pace.seconds_for(61) == pytest.approx(1)


def test_an_answer_teaches_the_limit() -> None:
    """A better plan widens the budget, and what is left is believed."""
    time = Time()
    pace = time.pace(200)
    pace.turn()
    pace.learn(Limit(per_minute=700, remaining=699))
    assert pace.seconds_for(699) == 0
    pace.learn(Limit(per_minute=700, remaining=0))
    assert pace.seconds_for(7) == pytest.approx(0.6)


def test_an_older_answer_does_not_raise_the_budget() -> None:
    """Answers overtake each other; only time gives back."""
    pace = Time().pace(60)
    pace.learn(Limit(remaining=5))
    pace.learn(Limit(remaining=9))
    assert pace.seconds_for(6) == pytest.approx(1)


@pytest.mark.parametrize("limit", [Limit(), Limit(per_minute=0), Limit(per_minute=-1), Limit(wait=0), Limit(wait=-5),
                                   Limit(wait=float("nan"))])
def test_nonsense_teaches_nothing(limit: Limit) -> None:
    """An answer cannot stop a connection by saying less than nothing."""
    time = Time()
    pace = time.pace(60)
    pace.learn(limit)
    pace.turn()
    assert time.waits == []


def test_a_429_holds_every_thread() -> None:
    """The wait of one is the wait of all; afterwards they go."""
    time = Time()
    pace = time.pace(6000)
    pace.learn(Limit(wait=30))
    assert pace.seconds_for(1) == pytest.approx(30)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: pace.turn(), range(16)))
    assert time.now >= 30


def test_a_hold_that_is_too_long_is_given_back() -> None:
    """Nobody hangs for an hour unseen; no turn is lost by it, and an hour is the most an answer can ask."""
    time = Time()
    pace = time.pace(60)
    pace.learn(Limit(wait=float("inf")))
    with pytest.raises(NotSent, match="Demo may be asked again in 3600 s"):
        pace.turn()
    assert time.waits == []
    time.now += 3600
    pace.turn()


def test_closing_the_wire_wakes_who_waits() -> None:
    """They learn that nothing was sent."""
    with Server([answer({})]) as server, wired(server.url) as wire:
        wire.learn("demo", Limit(wait=60))
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(wire.turn, "demo") for _ in range(4)]
            wire.close()
            errors = [one.exception() for one in waiting]
    assert [type(error) for error in errors] == [NotSent] * 4
    assert server.accepted == 0


def test_a_closed_wire_sends_nothing() -> None:
    """Whatever still comes is not sent."""
    with Server([answer({})]) as server, wired(server.url) as wire:
        outgoing = prepared(wire)
        wire.close()
        with pytest.raises(NotSent):
            wire.send(outgoing, answered=ignored)
    assert server.accepted == 0


def test_the_wire_paces_each_connection() -> None:
    """`learn` reaches the next turn, through the waiting it was given; a request never waits once it is recorded."""
    time = Time()
    with Server([answer({})]) as server, wired(server.url, monotonic=time.monotonic, wait=time.wait) as wire:
        call(wire)
        wire.learn("demo", Limit(wait=7))
        assert wire.seconds_for("demo", 1) == pytest.approx(7)
        call(wire)
        assert time.waits == []
        wire.turn("demo")
    assert time.waits == [pytest.approx(7)]
