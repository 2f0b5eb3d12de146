"""The score: order, time and achievement, told from the fold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from irkit.drill.score import Achieved, Before, Rule, Score, Stands, Verdict, Within, judge, lines

START = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)


def at(minutes: float, state: str = "done", *, entry: int = 0) -> Stands:
    """Settled so many minutes after the start, by that entry; by one of that minute unless given."""
    return Stands(state, START + timedelta(minutes=minutes), entry or int(minutes * 60))


def one(rule: Rule, **reached: Stands) -> Score:
    [score] = judge([rule], started=START, reached=reached)
    return score


FIRST = Before("preserved_first", "keep_log", "end_sessions")
QUICK = Within("contained", "start", "end_sessions", timedelta(minutes=15))
TOLD = Within("told", "decided", "tell_legal", timedelta(minutes=10))


def test_order_kept() -> None:
    """The first step came first."""
    score = one(FIRST, keep_log=at(3), end_sessions=at(9))
    assert score == Score("preserved_first", Verdict.OK, "00:03:00, before 00:09:00")


def test_order_broken() -> None:
    """Preserved too late is the wrong order, and so is destroyed without preserving at all."""
    assert one(FIRST, keep_log=at(9), end_sessions=at(3)).line() == "wrong order preserved_first    00:09:00, after 00:03:00"
    assert one(FIRST, end_sessions=at(3)).verdict is Verdict.WRONG_ORDER


def test_order_while_the_clock_stands_still() -> None:
    """At one moment of the drill the entries tell what came first."""
    assert one(FIRST, keep_log=at(3, entry=31), end_sessions=at(3, entry=30)).verdict is Verdict.WRONG_ORDER
    assert one(FIRST, keep_log=at(3, entry=30), end_sessions=at(3, entry=31)).verdict is Verdict.OK


def test_order_without_the_second() -> None:
    """Preserved, and nothing destroyed since: as asked."""
    assert one(FIRST, keep_log=at(3)).line() == "ok          preserved_first    00:03:00, end_sessions not at all"


def test_order_without_either() -> None:
    """Nothing happened: not reached."""
    assert one(FIRST).verdict is Verdict.NOT_REACHED


def test_in_time() -> None:
    """On the limit is in time; a second later is late, and the line says by how much it was allowed."""
    assert one(QUICK, end_sessions=at(15)).verdict is Verdict.OK
    late = one(QUICK, end_sessions=at(15 + 1 / 60))
    assert (late.verdict, late.text) == (Verdict.LATE, "00:15:01, allowed 00:15:00")


def test_in_time_from_a_step() -> None:
    """`from:` may be a step; the time counts from when it was reached."""
    assert one(TOLD, decided=at(60), tell_legal=at(69)).text == "00:09:00, allowed 00:10:00"
    assert one(TOLD, tell_legal=at(69)).text == "decided was not begun"


def test_before_its_start_is_in_time() -> None:
    """Legal told before the decision was not told late."""
    assert one(TOLD, decided=at(60), tell_legal=at(5)).verdict is Verdict.OK


@pytest.mark.parametrize("state", ["skipped", "unavailable", "accepted", "not_needed", "failed", "unknown", "deferred"])
def test_only_what_was_achieved_counts(state: str) -> None:
    """A step that ended without the thing being so is not reached, and the line says how it ended."""
    score = one(QUICK, end_sessions=Stands(state))
    assert (score.verdict, score.text) == (Verdict.NOT_REACHED, f"end_sessions was {state.replace('_', ' ')}")


def test_by_hand_counts() -> None:
    """A step done by hand was done."""
    assert one(Achieved("told", "tell_legal"), tell_legal=at(30, "by_hand")).text == "00:30:00"
    assert one(Achieved("told", "tell_legal")).verdict is Verdict.NOT_REACHED


def test_rules_name_their_steps() -> None:
    """A scenario is checked against its runbook by these names; `start` is none."""
    assert [rule.steps for rule in (FIRST, QUICK, TOLD, Achieved("x", "y"))] == [
        ("keep_log", "end_sessions"), ("end_sessions",), ("decided", "tell_legal"), ("y",)]


def test_result_lines() -> None:
    """One line a rule in the scenario's order, verdict first, then the count; nothing without rules."""
    scores = judge([FIRST, QUICK], started=START, reached={"keep_log": at(3), "end_sessions": at(20)})
    assert lines(scores) == [
        "ok          preserved_first    00:03:00, before 00:20:00",
        "late        contained          00:20:00, allowed 00:15:00",
        "1 of 2 reached as the scenario asks",
    ]
    assert lines([]) == []


def test_result_as_json() -> None:
    """The same for --json."""
    assert one(QUICK, end_sessions=at(1)).json() == {
        "id": "contained", "verdict": "ok", "text": "00:01:00, allowed 00:15:00"}
