"""Injects: played when their moment comes, once, and never lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.drill.injects import Cards, Inject, due
from irkit.engine.session import Happenings
from irkit.engine.state import SETTLED, RunState

START = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
PRESS = Inject("press", "A reporter asks.", at=timedelta(minutes=8), to="communications", ask="What do you answer?",
               expect="Refer to the press office.")
LATE = Inject("late", "The chief executive calls.", at=timedelta(minutes=30))
HOOK = Inject("hook", "A webhook fires again.", after="end_sessions")
ALL = (LATE, PRESS, HOOK)


def ids(minutes: float, ended: Collection[str] = (), played: Collection[str] = ()) -> list[str]:
    return [inject.id for inject in due(ALL, elapsed=timedelta(minutes=minutes), ended=ended, played=played)]


def test_nothing_is_due_at_the_start() -> None:
    """Neither time nor step was reached."""
    assert ids(7.9) == []


def test_a_timed_inject_comes_at_its_time() -> None:
    """`at` counts from the run's start, and the minute itself is in time."""
    assert ids(8) == ["press"]


def test_a_slow_team_loses_none() -> None:
    """What became due while nobody looked is due now, in the order of time rather than of the file."""
    assert ids(45) == ["press", "late"]


def test_an_inject_fires_with_its_step() -> None:
    """`after` a step that ended, whatever the time."""
    assert ids(0, ended={"end_sessions"}) == ["hook"]


def test_a_played_inject_is_not_played_again() -> None:
    """The ids from the ledger's inject entries are left out."""
    assert ids(45, ended={"end_sessions"}, played={"press", "hook"}) == ["late"]


def test_a_card_reads_out_to_whom_it_goes() -> None:
    """The addressee stands on the first line, the text below it."""
    assert PRESS.lines == ["INJECT   for communications", "         A reporter asks."]
    assert HOOK.lines[0] == "INJECT"


def state_of(injects: Collection[str] = (), answered: Collection[str] = (), **steps: str) -> RunState:
    run = RunState("r1", "rb", 1, "", "drill", START, "maria", 0, injects=set(injects), answered=set(answered))
    for name, state in steps.items():
        run.step(name).state = state
    return run


def test_serves_as_the_happenings_of_a_run() -> None:
    """The engine sees what is due by its own state: time since the run opened, settled steps, entries of earlier injects."""
    cards: Happenings = Cards(ALL)
    now = START + timedelta(minutes=8)
    assert [e.id for e in cards.due(state_of(end_sessions="done"), now)] == ["press", "hook"]
    assert [e.id for e in cards.due(state_of(["press"], end_sessions="unknown"), now)] == []


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_a_skipped_step_loses_no_inject(state: str) -> None:
    """However its step ended, the inject comes."""
    assert Cards([HOOK]).due(state_of(end_sessions=state), START) == [HOOK]


def test_asks_what_was_played_and_not_answered() -> None:
    """A card with a question is asked once it was played, until somebody answered; a card without one never."""
    cards = Cards(ALL)
    assert cards.asked(state_of()) == []
    assert cards.asked(state_of(["press", "hook"])) == [PRESS]
    assert cards.asked(state_of(["press"], ["press"])) == []


@given(st.lists(st.tuples(st.integers(0, 90), st.sets(st.sampled_from(["end_sessions", "other"]))), max_size=12))
def test_each_comes_exactly_once_however_the_run_goes(looks: list[tuple[int, set[str]]]) -> None:
    """Looked at now and then, as time only grows and ended steps stay ended, no inject comes twice or is lost."""
    played: list[str] = []
    ended: set[str] = set()
    for minute, more in sorted(looks, key=lambda look: look[0]):
        ended |= more
        played += [i.id for i in due(ALL, elapsed=timedelta(minutes=minute), ended=ended, played=played)]
    played += [i.id for i in due(ALL, elapsed=timedelta(minutes=90), ended={"end_sessions"}, played=played)]
    assert sorted(played) == sorted(i.id for i in ALL)
