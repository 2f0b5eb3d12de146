"""What a facilitator says, as a drill follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irkit.drill.clock import DrillClock
from irkit.drill.control import fault_entry, fault_of, standing, stops
from irkit.drill.injects import Cards, Inject
from irkit.drill.perform import recorded
from irkit.drill.watched import Watched
from irkit.engine.fold import fold
from irkit.engine.gate import Question
from irkit.engine.known import Control
from irkit.engine.session import load_from
from irkit.engine.state import RunState, State
from irkit.errors import UsageError
from irkit.ledger import Ledger
from irkit.worlds import Fault, Faults
from tests.engine.play import AGENT, END, SESSIONS, SUSPEND, Play, book

START = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
NOTHING: Mapping[str, object] = {}
PRESS = Inject("press", "A reporter asks.", at=timedelta(minutes=8))
HOOK = Inject("hook", "A webhook fires.", after="suspend")


def control(entry: int, verb: str, ref: int | None = None, shown: Mapping[str, object] = NOTHING, **data: object) -> Control:
    return Control(entry, verb, 5, "fay", START, data, shown, ref)


def run(*controls: Control, played: set[str] | None = None) -> RunState:
    return RunState("r1", "rb", 1, "", "drill", START, "maria", 0, controls=list(controls), injects=played or set())


def due(minutes: float, *controls: Control, played: set[str] | None = None) -> list[str]:
    return [card.id for card in Cards([PRESS, HOOK]).due(run(*controls, played=played), START + timedelta(minutes=minutes))]


def test_a_held_inject_waits_until_it_is_released() -> None:
    """Past its time it does not come; released it comes at once, and once."""
    hold, release = control(9, "hold", inject="press"), control(10, "release", inject="press")
    assert due(20, hold) == []
    assert due(20, hold, release) == ["press"]
    assert due(20, hold, release, played={"press"}) == []


def test_a_released_inject_comes_before_its_time_or_its_step() -> None:
    """Whatever it is bound to."""
    assert due(0, control(9, "release", inject="hook")) == ["hook"]
    assert due(9, control(9, "release", inject="press")) == ["press"]


def test_one_that_was_released_can_be_held_again() -> None:
    """The latest word counts."""
    assert due(20, control(9, "release", inject="press"), control(10, "hold", inject="press")) == []


def test_added_injects_come_like_the_others() -> None:
    """At once, at a time, or after a step; with a question they are asked."""
    now = control(11, "add", shown={"text": "A fire.", "inject.ask": "What now?"})
    later = control(12, "add", at_seconds=600, shown={"text": "b"})
    then = control(13, "add", after="suspend", shown={"text": "c"})
    assert due(0, now, later, then) == ["added_11"]
    assert due(10, now, later, then, played={"added_11"}) == ["press", "added_12"]
    [asked] = Cards([]).asked(run(now, played={"added_11"}))
    assert (asked.say, asked.ask) == ("A fire.", "What now?")


def test_nothing_hangs_on_a_facilitator_who_is_gone() -> None:
    """What was held comes and the clock runs, once the last terminal has left; while one is there, it stays."""
    said = [control(1, "joined", 5), control(2, "joined", 6), control(3, "hold", inject="press"), control(4, "pause")]
    one_left, both_left = [*said, control(5, "left", 5)], [*said, control(5, "left", 5), control(6, "left", 6)]
    assert (due(8, *one_left), standing(one_left).paused) == ([], True)
    assert (due(8, *both_left), standing(both_left).paused) == (["press"], False)


def test_who_comes_and_goes_is_told_from_the_sessions() -> None:
    """A session that facilitates this run and whose process is there has joined; one that ended or died has left."""
    state = State(sessions={5: {"facilitates": "r1"}, 6: {"facilitates": "r2"}, 7: {}, 8: {"facilitates": "r1"}})
    cards = Cards([], there=lambda _state, session: session != 8)
    assert cards.comings(state, run()) == [("joined", 5)]
    assert cards.comings(state, run(control(1, "joined", 5), control(2, "joined", 8), control(3, "joined", 4))) == [
        ("left", 4), ("left", 8)]


def test_the_clock_stands_still_and_runs() -> None:
    """The team is told; what is told twice is done once."""
    ticks = [0.0]
    clock = DrillClock(START, monotonic=lambda: ticks[0])
    cards = Cards([], clock=clock)
    pause, going = control(1, "pause"), control(2, "continue")
    assert cards.obey(pause, run(pause)) == ["PAUSED   The facilitator stopped the drill's clock."]
    ticks[0] = 60.0
    assert clock.now() == START
    assert cards.obey(going, run(pause, going)) == ["The drill's clock runs again."]
    assert cards.obey(going, run(pause, going)) == []
    ticks[0] = 61.0
    assert clock.now() == START + timedelta(seconds=1)


@pytest.mark.parametrize("verb", ["hold", "release", "add", "observe"])
def test_the_team_is_told_nothing_of_what_is_done_behind_it(verb: str) -> None:
    """It sees what it would see: the inject itself, when it comes."""
    assert Cards([]).obey(control(1, verb, inject="press"), run()) == []


@pytest.mark.parametrize("fault", [
    Fault("zendesk", "PUT /api/v2/users/*", lost="after", times=2), Fault("zendesk", "GET /*", lost="before", times=1),
    Fault("okta", "* /api/v1/logs", answer={"status": 429, "retry_after": 3}, times=1)])
def test_a_fault_survives_its_entry(fault: Fault) -> None:
    """From the entry it is the fault it was."""
    assert fault_of(*fault_entry(fault)) == fault


def test_a_request_that_is_none_is_no_fault() -> None:
    """A word alone matches nothing, and is refused rather than kept."""
    with pytest.raises(UsageError, match="is not a method and a path"):
        fault_of({"connector": "zendesk", "lost": "after"}, {"fault.request": "users"})


def test_stops_are_told_from_what_the_team_followed(tmp_path: Path) -> None:
    """From the entry that took the pause up to the one that let the clock run again, whoever did that;
    a pause that nobody took up stopped nothing."""
    with Ledger.create(tmp_path / "D", mode="drill", version="1", code_hash="0" * 64) as ledger:
        ledger.start_session("maria")
        ledger.append("run.opened", {"runbook": "rb", "version": 1, "runbook_sha256": "", "mode": "drill"}, run="r1")

        def says(verb: str, *, taken: bool = True, ref: int | None = None) -> int:
            said = ledger.append("control", {"control": verb}, run="r1", ref=ref).seq
            return ledger.append("control", {"control": "taken"}, run="r1", ref=said).seq if taken else said
        says("joined", ref=1)
        pause, _, going, again, left = (says("pause"), says("pause"), says("continue"), says("pause"), says("left", ref=1))
        says("pause", taken=False)
        entries = list(ledger.entries())
        state = fold(State(), entries, load_from(ledger))
    assert [(one.began.seq, one.ended and one.ended.seq) for one in stops(state.runs["r1"], entries)] == [
        (pause, going), (again, left)]
    assert stops(state.runs["r1"], [entry for entry in entries if entry.seq < left])[-1].ended is None


# -- in a run --------------------------------------------------------------------------------------------------------

def facilitated(folder: Path, faults: Faults) -> Play:
    """At the gate of the suspension somebody at another terminal loses the answer to it; the walk stops at the unknown."""
    def at(play: Play, question: Question) -> None:
        if question.step == "suspend" and question.name == "gate" and not play.entries("control"):
            with Ledger.open(folder) as other:
                other.start_session("fay")
                other.append("control", {"control": "fault", "connector": "zendesk", "lost": "after", "times": 1},
                             {"fault.request": "PUT /api/v2/users/*"}, run="r1")
    return Play(folder, book(AGENT, SESSIONS, SUSPEND, END), {"suspend": "yes"}, before_ask=at,
                happenings=Cards([], goes_wrong=faults.add))


def test_a_fault_of_the_facilitators_is_in_the_replay(tmp_path: Path) -> None:
    """It strikes once the team's process took it up, and stands in that place among the recorded requests: a resumed drill has
    the same tenant, in which the write had taken whose answer was lost."""
    folder, faults = tmp_path / "D", Faults()
    play = facilitated(folder, faults)
    made = play._perform

    def perform(ledger: Ledger, clock: DrillClock) -> object:
        found = made(ledger, clock)
        play.happenings = Cards([], goes_wrong=found.goes_wrong)        # type: ignore[attr-defined]
        return found
    play._perform = perform                                             # type: ignore[method-assign, assignment]
    play.walk()
    assert play.paused is not None
    assert [entry.step for entry in play.entries("step.unknown")] == ["suspend"]
    digest = play.world.digest()
    with Ledger.open(folder, write=False) as ledger:
        past = list(recorded(ledger.entries(), "r1", load_from(ledger)))
    place = next(number for number, one in enumerate(past) if isinstance(one, Fault))
    assert [getattr(one, "method", "") for one in past[place + 1:]][:1] == ["PUT"]
    again = Play(folder, play.runbook, {"suspend": {"look_again": "yes"}, "end_sessions": {"type": "phrase"}})
    seen: list[str] = []
    again.before_ask = lambda one, _question: seen.append(one.world.digest())
    again.walk()
    assert seen[0] == digest
    assert again.step("suspend").state == "done"


class Answers:
    """A gate that polls once and answers."""

    def say(self, said: object) -> None:
        raise AssertionError(said)

    def ask(self, question: Question, poll: object) -> str:
        poll()                                                          # type: ignore[operator]
        poll()                                                          # type: ignore[operator]
        return "y"


def test_a_question_goes_on_record_while_somebody_facilitates(tmp_path: Path) -> None:
    """Once, with its step and its words; with nobody there, not at all."""
    play = Play(tmp_path / "D", book(AGENT, SUSPEND), {"suspend": "yes"})
    play.walk()
    assert play.session is not None
    gate, asked = Watched(Answers()), Question("gate", "Send it?", step="suspend", letters={"y": "yes"})
    with Ledger.open(tmp_path / "D") as ledger:
        play.session.ctx.ledger = ledger
        session = ledger.start_session("maria")
        gate.session = play.session
        assert gate.ask(asked, list) == "y"
        assert play.entries("control") == []
        play.session.record("control", {"control": "joined"}, ref=session)
        assert gate.ask(asked, list) == "y"
    [_, told] = play.entries("control")
    assert (told.data["control"], told.data["question"], told.step, told.disclosed) == (
        "asks", "gate", "suspend", {"text": "Send it?"})
