"""A step that was not needed is looked at again when what its `when` names changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from irkit.engine.ending import GoTo
from irkit.engine.fold import fold
from irkit.engine.gate import Ended, News, Question, StepBegins
from irkit.engine.session import Nothing, load_from
from irkit.engine.state import RunState, State
from irkit.ledger import Ledger
from irkit.runbook import Runbook
from irkit.worlds import Fault
from tests.engine.play import AGENT, DANA, SUSPEND, Play, book

PROVIDER = """
  - id: provider
    phase: prepare
    title: Where do agents sign in?
    ask: Which helpdesk is it?
    choices: {freshdesk: "Freshdesk", zendesk: "Zendesk"}
"""
CONTAIN = """
  - id: contain
    phase: contain
    title: Shut the account
    when: steps.provider.choice == "zendesk"
    do: Shut it in Zendesk.
"""
CHECK = """
  - id: check
    phase: verify
    title: Look who is signed in
    do: Look.
"""
ON_INPUT = CONTAIN.replace('steps.provider.choice == "zendesk"', f'inputs.agent_email == "{DANA.email}"')
BOOK = book(PROVIDER, CONTAIN, CHECK)
SHUT = {"by_hand": "Shut in the console"}
ANSWERS: Mapping[str, object] = {
    "provider": [{"choice": "freshdesk", "reason": "So they say"}, {"choice": "zendesk", "reason": "The address says so"}],
    "contain": SHUT, "check": {"by_hand": "Nobody"}}


def going_back(to: str, at: str) -> Callable[[Play, Question], None]:
    """What a responder does who types `g N` for the step `to`, once, at the gate of the step `at`."""
    went: list[str] = []

    def ask(_: Play, question: Question) -> None:
        if question.step == at and not went:
            went.append(at)
            raise GoTo(to)
    return ask


def back(folder: Path, *, answers: Mapping[str, object] = ANSWERS, runbook: Runbook = BOOK) -> Play:
    return Play(folder, runbook, answers, before_ask=going_back("provider", "check"))


def test_a_corrected_decision_opens_the_step_that_it_had_left_out(tmp_path: Path) -> None:
    """Answered anew with g N, the choice of provider brings its containment back; nothing of it is left out in silence."""
    play = back(tmp_path / "i").walk()
    assert play.step("contain").state == "by_hand"
    left_out, = play.entries("step.not_needed")
    again, = (e for e in play.entries("amended") if e.step == "contain")
    assert (again.ref, again.data["was"], again.by) == (left_out.seq, "not_needed", "machine")
    assert again.disclosed["reason"] == "by what is known now it is: provider.choice is zendesk"
    told = [line for said in play.heard(News) for line in said.lines if line.startswith("AGAIN")]
    assert told == [f"AGAIN    Step 2, Shut the account, was not needed (entry {left_out.seq}), and by what is known now it "
                    f"is: provider.choice is zendesk. It is open again (entry {again.seq})."]


def test_the_step_that_comes_back_is_named_as_next(tmp_path: Path) -> None:
    """The decision's last line names it already, before anything else is done."""
    play = back(tmp_path / "i").walk()
    assert [said.next for said in play.heard(Ended)][:3] == ["2. Shut the account", "", "2. Shut the account"]


def test_a_step_that_is_not_needed_takes_a_line(tmp_path: Path) -> None:
    """Its title and why, and no header, clocks and target of a step that nobody takes."""
    play = Play(tmp_path / "i", BOOK, ANSWERS).walk()
    said, = (said for said in play.heard(Ended) if said.state == "not needed")
    assert said.text == "2. Shut the account: `when` is false: provider.choice is freshdesk"
    assert [begun.title for begun in play.heard(StepBegins)] == [step.title for step in BOOK.steps if step.id != "contain"]


def test_what_was_done_before_the_decision_was_corrected_stays_done(tmp_path: Path) -> None:
    """Gone to again, it says why it would not be needed by now; no entry puts "not needed" in the place of what was done."""
    ways = iter(("provider", "contain"))

    def ask(_: Play, question: Question) -> None:
        if question.step == "check" and (to := next(ways, "")):
            raise GoTo(to)
    chosen = [{"choice": "zendesk", "reason": "So they say"}, {"choice": "freshdesk", "reason": "The address says so"}]
    play = Play(tmp_path / "i", BOOK, {**ANSWERS, "provider": chosen}, before_ask=ask).walk()
    assert (play.step("contain").state, play.entries("step.not_needed")) == ("by_hand", [])
    told = [line for said in play.heard(News) for line in said.lines if line.startswith("2. ")]
    assert told == [f"2. Shut the account: `when` is false: provider.choice is freshdesk by now. It stays by hand, entry "
                    f"{play.step('contain').entry}; irkit undo i lists what can be undone."]


def test_a_decision_that_changes_nothing_for_the_step_leaves_it(tmp_path: Path) -> None:
    """Made anew with the same choice, it leaves out what it left out; no entry says otherwise."""
    same = [{"choice": "freshdesk", "reason": "So they say"}, {"choice": "freshdesk", "reason": "Still so"}]
    play = back(tmp_path / "i", answers={**ANSWERS, "provider": same}).walk()
    assert (play.step("contain").state, play.entries("amended")) == ("not_needed", [])
    assert len(play.entries("decision")) == 2


def test_a_decision_that_is_taken_back_without_another_is_asked_about(tmp_path: Path) -> None:
    """Skipped the second time, it decides nothing: whether the step is needed is asked, and what is said is a person's word."""
    answers = {**ANSWERS, "provider": [{"choice": "freshdesk", "reason": "So they say"}, {"skip": "Nobody knows"}],
               "contain": {"needed": "no", "reason": "It was shut yesterday"}}
    play = back(tmp_path / "i", answers=answers).walk()
    assert [q.name for q in play.asked if q.step == "contain"] == ["when_unknown", "reason"]
    first, second = play.entries("step.not_needed")
    assert (first.by, second.by, second.disclosed["reason"]) == ("machine", "human", "It was shut yesterday")
    assert len(play.entries("amended")) == 1


def test_nothing_is_told_while_the_decision_is_open(tmp_path: Path) -> None:
    """Taken up again and left by g N, the decision says nothing yet: the step stays out until there is an answer."""
    there = going_back("provider", "check")
    away = going_back("check", "provider")
    seen: list[str] = []

    def ask(play: Play, question: Question) -> None:
        if question.step == "check":
            seen.append(play.step("contain").state)
        if len(seen) == 1:
            (there if question.step == "check" else away)(play, question)

    play = Play(tmp_path / "i", BOOK, ANSWERS, before_ask=ask).walk()
    assert seen[:2] == ["not_needed", "not_needed"]
    assert play.step("contain").state == "by_hand"


def test_a_corrected_input_opens_the_step_too(tmp_path: Path) -> None:
    """`irkit correct` in another terminal: what the old value had left out comes back between two steps."""
    def correct(play: Play, question: Question) -> None:
        if question.step == "check" and question.name == "gate" and not play.entries("input.corrected"):
            assert play.session is not None
            play.session.record("input.corrected", {"input": "agent_email"}, {"inputs.agent_email": DANA.email}, by="human")

    play = Play(tmp_path / "i", book(ON_INPUT, CHECK), ANSWERS, email="somebody@example.org", before_ask=correct).walk()
    assert play.step("contain").state == "by_hand"
    assert [e.ref for e in play.entries("amended")] == [play.entries("step.not_needed")[0].seq]


@pytest.mark.parametrize("after", ["decision", "amended"])
def test_a_run_that_was_cut_off_goes_on_with_the_step(tmp_path: Path, after: str) -> None:
    """Killed after the new decision, or after the entry that opens the step: the resumed run takes it, and opens it once."""
    class Killed(BaseException):
        pass

    def dying(said: Ended | News) -> None:
        if len(play.entries("decision")) == 2:
            raise Killed

    at = Ended if after == "decision" else News
    play = back(tmp_path / "i")
    play.on_say = lambda said: dying(said) if isinstance(said, at) else None
    with pytest.raises(Killed):
        play.walk()
    assert len(play.entries("amended")) == (0 if after == "decision" else 1)
    play.before_ask, play.on_say = lambda _play, _question: None, lambda _said: None
    play.walk()
    assert (play.step("contain").state, len(play.entries("amended"))) == ("by_hand", 1)


def test_what_was_known_when_stays_as_it_was(tmp_path: Path) -> None:
    """Each beginning of the ledger folds to what stood then: not needed, open again, by hand."""
    play = back(tmp_path / "i").walk()
    states = []
    with Ledger.open(tmp_path / "i", write=False) as ledger:
        entries = list(ledger.entries())
        for kind in ("step.not_needed", "amended", "step.by_hand"):
            last = next(e for e in entries if e.kind == kind and e.step == "contain")
            state = fold(State(), entries[:last.seq + 1], load_from(ledger))
            states.append(state.runs["r1"].step("contain").state)
    assert states == ["not_needed", "pending", "by_hand"]
    assert play.paused is None


def test_what_is_corrected_at_the_last_question_is_not_closed_over(tmp_path: Path) -> None:
    """The question of an inject stands open behind the last step: what is corrected there opens the step, and no run closes."""
    event = Scene()

    def correct(play: Play, question: Question) -> None:
        if question.name == "inject":
            assert play.session is not None
            play.session.record("input.corrected", {"input": "agent_email"}, {"inputs.agent_email": DANA.email}, by="human")

    play = Play(tmp_path / "i", book(ON_INPUT), {**ANSWERS, event.id: "Nothing"}, email="somebody@example.org",
                before_ask=correct, happenings=AtTheEnd(event)).walk()
    assert play.step("contain").state == "by_hand"


@dataclass(frozen=True)
class Scene:
    id: str = "press"
    lines: Sequence[str] = ("A reporter asks.",)
    ask: str = "What do you say?"
    expect: str = ""


@dataclass
class AtTheEnd(Nothing):
    """One inject, that is asked once the only step has ended."""

    event: Scene

    def due(self, run: RunState, now: datetime) -> Sequence[Scene]:
        ended = run.step("contain").state == "not_needed"
        return [self.event] if ended and self.event.id not in run.injects else []

    def asked(self, run: RunState) -> Sequence[Scene]:
        return [self.event] if self.event.id in run.injects - run.answered else []


SUSPENDED = SUSPEND.replace("    action:", '    when: steps.provider.choice == "zendesk"\n    action:')


def test_what_was_sent_and_is_not_settled_is_looked_at_whatever_was_decided_since(tmp_path: Path) -> None:
    """An answer was lost, and then the decision turned: the step is not closed as not needed over an unknown request."""
    lost = Fault("zendesk", "PUT /api/v2/users/*", "after", None, 1)
    play = Play(tmp_path / "i", book(AGENT, PROVIDER, SUSPENDED), {
        "provider": [{"choice": "zendesk", "reason": "So they say"}, {"choice": "freshdesk", "reason": "It was the other one"}],
        "suspend": "yes"}, faults=[lost]).walk()
    assert play.paused is not None
    assert play.step("suspend").unsettled() is not None
    went: list[str] = []

    def turn(_: Play, question: Question) -> None:
        if question.step == "suspend" and not went:
            went.append("provider")
            raise GoTo("provider")

    play.answers = {"provider": {"choice": "freshdesk", "reason": "It was the other one"}, "suspend": {"look_again": "yes"}}
    play.faults = [lost, Fault("zendesk", "GET /api/v2/users/1*", None, {"status": 503}, None)]
    play.before_ask = turn
    play.walk()
    assert play.step("provider").result["choice"] == "freshdesk"
    assert [entry for entry in play.entries("step.not_needed") if entry.step == "suspend"] == []
    assert play.step("suspend").unsettled() is not None
