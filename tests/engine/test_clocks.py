"""Legal clocks: from what they run, when they warn, what meets them, and what makes them run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irkit.engine import clocks, deadlines
from irkit.engine.context import Context
from irkit.engine.fold import fold
from irkit.engine.gate import Deadline, News, Question, Resumed, Said, StepBegins
from irkit.engine.modes import Mode
from irkit.engine.session import Session, load_from
from irkit.engine.state import State
from irkit.engine.view import View
from irkit.errors import NotTheHolder
from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from irkit.runbook import load_bytes
from tests.engine.play import AGENT, SUSPEND, Play
from tests.engine.test_undo import CALLED, LAST
from tests.ledger.conftest import SetClock

AWARE = datetime(2026, 11, 20, 2, 6, tzinfo=UTC)
HEAD = """
schema: irkit/v1
runbook: play
title: A runbook of a test
version: 1
inputs:
  aware_at: {type: timestamp, ask: "When?", default: now}
  agent_email: {type: email, ask: "Which account?", default: dana@example.org}
"""
BOOK = HEAD + """
clocks:
  - {id: gdpr, title: GDPR notice, start: "{{ inputs.aware_at }}", within: 72h, stops: tell}
  - {id: canada, title: Canada report, start: "{{ steps.harm.at }}", within: 7d, stops: report}
steps:
  - {id: exported, phase: investigate, title: Was data exported, ask: Was it, choices: {"yes": "Yes", "no": "No"}}
  - {id: harm, phase: investigate, title: Is there a risk of harm, ask: Is there, choices: {"yes": "Yes", "no": "No"}}
  - {id: tell, phase: notify, title: Tell the authority, when: steps.exported.choice != "no", do: "Aware {{ inputs.aware_at }}"}
  - {id: report, phase: notify, title: Report to Canada, do: Report it}
"""
BY_ACTION = HEAD + """
clocks: [{id: law, title: Suspend in time, start: "{{ inputs.aware_at }}", within: 1h, stops: suspend}]
steps:
""" + AGENT + SUSPEND + LAST


class Wall:
    """A machine's clock as the engine asks for it, over the two that the ledger reads."""

    jumps = False

    def __init__(self, both: SetClock) -> None:
        self.both = both

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.both.wall / 1e9, UTC)

    def wait(self, seconds: float, stop: object = None) -> None:
        raise AssertionError("nothing is waited for")

    def stamp(self) -> Mapping[str, str]:
        return {}


class Nobody:
    def say(self, said: Said) -> None:
        raise AssertionError(said)

    def ask(self, question: Question, poll: object) -> str:
        raise AssertionError(question)


@dataclass
class Desk:
    """A session that holds run r1 of an incident, on clocks that are set by hand."""

    session: Session
    both: SetClock

    def passes(self, *, wall: float | None = None, **span: float) -> None:
        self.both.passes(timedelta(**span).total_seconds(), wall=wall)

    def does(self, kind: str, step: str, result: Mapping[str, Any] | None = None, **more: Any) -> Entry:
        """A step comes to that; then the run looks at its clocks, as it does between two steps."""
        entry = self.session.record(kind, more, {"result": result or {}, "reason": "asleep"}, by="human", step=step)
        clocks.keep(self.session)
        return entry

    def by_hand(self, step: str) -> Entry:
        """Done by hand half an hour ago by Kim, with a receipt as evidence."""
        kept = self.session.ctx.ledger.keep("receipt.pdf", step.encode(), run="r1", step=step, by="human")
        when = (self.session.ctx.clock.now() - timedelta(minutes=30)).isoformat()
        return self.does("step.by_hand", step, {"who": "Kim", "when": when, "how": "Filed with the CNIL",
                                                "evidence": [kept.sha256]})

    def clock(self, name: str = "gdpr") -> Deadline:
        return next(one for one in deadlines.all_of(self.session.runbook, self.session.run) if one.id == name)

    def entries(self, kind: str) -> list[Entry]:
        return [entry for entry in self.session.ctx.ledger.entries() if entry.kind == kind]

    def news(self) -> list[str]:
        found, self.session.news = self.session.news, []
        return [line for said in found if isinstance(said, News) for line in said.lines]

    def poll(self) -> list[str]:
        return [line for said in self.session.poll() if isinstance(said, News) for line in said.lines]

    def joined(self, who: str = "sam") -> Desk:
        """Another process, of another person."""
        return sitting(self.session.ctx.ledger.folder, self.both, who)


def sitting(folder: Path, both: SetClock, who: str) -> Desk:
    ledger = Ledger.open(folder, clock=both)
    own = ledger.start_session(who, signer=Throwaway())
    state = fold(State(), ledger.entries(), load_from(ledger))
    ctx = Context(ledger, None, Wall(both), Nobody(), Mode.LIVE, "r1", who)  # type: ignore[arg-type]
    return Desk(Session(ctx, View(folder.name, load_bytes(BOOK.encode(), "play.yaml"), state, "r1", who), own=own), both)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Maria became aware at 02:06Z and opened the run at once."""
    both = SetClock()
    both.wall = int(AWARE.timestamp() * 1e9)
    Ledger.create(tmp_path / "I", mode="test", version="1", code_hash="", clock=both).close()
    made = sitting(tmp_path / "I", both, "maria")
    made.session.record("run.opened", {"runbook": "play", "version": 1, "runbook_sha256": "0" * 64, "mode": "live"},
                        {"inputs.aware_at": AWARE.isoformat()}, by="human")
    clocks.keep(made.session)
    yield made
    assert verify(tmp_path / "I").findings == []


# -- starting ----------------------------------------------------------------------------------------------------

def test_a_clock_says_what_it_runs_from_and_by_which_entry(desk: Desk) -> None:
    """The entry that gave the input; the record names it, too. What has not happened starts nothing."""
    started, = desk.entries("deadline.started")
    opened, = desk.entries("run.opened")
    assert (started.data, started.ref) == (
        {"clock": "gdpr", "due": "2026-11-23T02:06:00+00:00", "from": "inputs.aware_at"}, opened.seq)
    known = desk.clock().known
    assert known is not None
    assert (known.entry, known.who, known.how) == (opened.seq, "maria", "given")
    assert (desk.clock("canada").state, desk.clock("canada").due) == ("not started", None)
    decided = desk.does("decision", "harm", {"choice": "yes"})
    known = desk.clock("canada").known
    assert known is not None
    assert (desk.clock("canada").state, known.entry, known.how) == ("running", decided.seq, "done")


def test_a_corrected_start_moves_the_deadline_on_record(desk: Desk) -> None:
    """Another due time is another entry, and is said: nothing gains time in silence."""
    desk.session.record("input.corrected", {"input": "aware_at"}, {"inputs.aware_at": "2026-11-20T05:06:00Z", "reason": "typo"},
                        by="human")
    clocks.keep(desk.session)
    assert [e.data["due"][:16] for e in desk.entries("deadline.started")] == ["2026-11-23T02:06", "2026-11-23T05:06"]
    assert any("is due 2026-11-23 05:06Z, no longer 2026-11-23 02:06Z" in line for line in desk.news())
    known = desk.clock().known
    assert known is not None
    assert (known.how, known.reason) == ("corrected", "typo")
    clocks.keep(desk.session)
    assert len(desk.entries("deadline.started")) == 2


# -- nearing -----------------------------------------------------------------------------------------------------

def test_each_threshold_warns_once(desk: Desk) -> None:
    """A quarter of 72 hours left, an hour left, over: an entry and a line each; polling again says nothing."""
    assert desk.poll() == []
    said = []
    for hours in (54, 17, 1):
        desk.passes(hours=hours)
        said += desk.poll() + desk.poll()
    found = [(e.data["clock"], e.data["due"], e.data["threshold"]) for e in desk.entries("deadline.warned")]
    assert found == [("gdpr", "2026-11-23T02:06:00+00:00", name) for name in ("quarter", "hour", "due")]
    assert [line.partition(": ")[2].partition(" (")[0] for line in said] == [
        "a quarter of its time is left", "an hour is left", "its time is over"]
    assert "GDPR notice is due in 17:59, 2026-11-23 02:06Z" in said[0]


def test_only_the_most_urgent_threshold_is_said(desk: Desk) -> None:
    """Where nobody had the run open while the first ones passed, they are history."""
    desk.passes(hours=80)
    assert len(desk.poll()) == 1
    assert [e.data["threshold"] for e in desk.entries("deadline.warned")] == ["due"]


def test_a_resumed_run_does_not_warn_again(desk: Desk) -> None:
    """What was warned of stands in the ledger."""
    desk.passes(hours=60)
    assert len(desk.poll()) == 1
    other = desk.joined()
    other.session.record("run.resumed", by="human")
    assert other.poll() == []
    assert len(other.entries("deadline.warned")) == 1


def test_of_two_processes_the_one_that_holds_the_run_warns(desk: Desk) -> None:
    """The other one's warning is refused in the append itself, although it has not seen yet that the run was taken over."""
    other = desk.joined()
    other.session.record("run.resumed", by="human")
    desk.passes(hours=60)
    with pytest.raises(NotTheHolder):
        clocks.warn(desk.session)
    assert len(other.poll()) == 1
    with pytest.raises(NotTheHolder):
        desk.session.poll()
    assert len(other.entries("deadline.warned")) == 1


def test_a_clock_that_is_met_warns_of_nothing(desk: Desk) -> None:
    """Nor does one that has not started."""
    desk.by_hand("tell")
    desk.passes(hours=100)
    assert desk.poll() == []


@pytest.mark.parametrize(("hours", "names"), [
    (72, ["due", "hour", "quarter"]), (4, ["due", "quarter"]), (1, ["due", "quarter"])])
def test_an_hour_is_a_threshold_of_long_spans_alone(hours: int, names: list[str]) -> None:
    """Of four hours the last is a quarter already."""
    assert [name for name, _ in deadlines.thresholds(timedelta(hours=hours))] == names


# -- meeting -----------------------------------------------------------------------------------------------------

def test_the_step_that_meets_a_clock_puts_the_decision_on_record(desk: Desk) -> None:
    """Who, when, on what basis, with what; by a person, and in the session that this person opened."""
    desk.passes(hours=2)
    done = desk.by_hand("tell")
    met, = desk.entries("deadline.met")
    assert (met.by, met.step, met.ref, met.session) == ("human", "tell", done.seq, desk.session.own)
    assert met.data == {"clock": "gdpr", "due": "2026-11-23T02:06:00+00:00"}
    shown = met.disclosed
    assert (shown["deadline.by"], shown["deadline.basis"]) == ("Kim", "Filed with the CNIL")
    assert shown["deadline.sent"] == [f"artefact {desk.entries('artefact.added')[0].disclosed['artefact.sha256']}"]
    assert datetime.fromisoformat(shown["observed_at"]) < datetime.fromisoformat(met.at) - timedelta(minutes=29)
    assert b"CNIL" not in met.line
    clocks.keep(desk.session)
    assert (desk.clock().state, len(desk.entries("deadline.met"))) == ("met", 1)


@pytest.mark.parametrize(("kind", "why"), [
    ("step.by_hand", "step 3 was done by hand without evidence"), ("step.skipped", "step 3 was skipped: asleep"),
    ("step.deferred", "")])
def test_what_does_not_meet_a_clock_leaves_it_running(desk: Desk, kind: str, why: str) -> None:
    """By hand without evidence, skipped, deferred; and the clock says why it still runs."""
    desk.does(kind, "tell", {"who": "maria"})
    assert (desk.clock().state, desk.clock().why, desk.entries("deadline.met")) == ("running", why, [])


def test_not_needed_closes_a_clock_while_its_condition_says_so(desk: Desk) -> None:
    """With reason and decider; when the decision behind it turns, the clock runs again, whatever the step says."""
    desk.does("decision", "exported", {"choice": "no"})
    ended = desk.session.record("step.not_needed", {}, {"reason": "`when` is false"}, step="tell")
    assert (desk.clock().state, desk.clock().why) == ("not needed", f"`when` is false, maria, entry {ended.seq}")
    desk.does("decision", "exported", {"choice": "yes"})
    assert desk.clock().state == "running"
    assert "g 3 walks it" in desk.clock().why


def test_a_step_done_before_its_clock_started_is_no_decision_yet(desk: Desk) -> None:
    """Nothing was due; once the clock starts, what was done counts, and goes on record."""
    desk.by_hand("report")
    assert (desk.clock("canada").state, desk.entries("deadline.met")) == ("met", [])
    desk.does("decision", "harm", {"choice": "yes"})
    assert [e.data["clock"] for e in desk.entries("deadline.met")] == ["canada"]


def test_a_session_that_nobody_signed_puts_no_decision_on_record(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live probe may have no key: it would not count, and would be said again between any two steps."""
    desk.session.state.mode = "live"
    monkeypatch.setitem(desk.session.state.keys, desk.session.own, "unsigned:1")
    desk.by_hand("tell")
    assert (desk.clock().state, desk.entries("deadline.met")) == ("met", [])


# -- running again -----------------------------------------------------------------------------------------------

def test_a_clock_runs_again_when_its_step_is_taken_up_again(desk: Desk) -> None:
    """The decision is withdrawn on record, and once the step is done again there is another one."""
    desk.by_hand("tell")
    first, = desk.entries("deadline.met")
    again = desk.does("step.started", "tell")
    assert (desk.clock().state, desk.clock().why) == ("running", f"step 3 was taken up again, entry {again.seq}")
    assert [(e.data["clock"], e.ref) for e in desk.entries("amended")] == [("gdpr", first.seq)]
    assert any("GDPR notice runs again" in line for line in desk.news())
    done = desk.by_hand("tell")
    assert [e.ref for e in desk.entries("deadline.met")] == [first.ref, done.seq]
    assert desk.clock().state == "met"


def test_a_clock_runs_again_when_what_its_step_used_is_corrected(desk: Desk) -> None:
    """The notice said when they became aware, and that was wrong: it has to be sent again."""
    desk.by_hand("tell")
    wrong = desk.session.record("input.corrected", {"input": "aware_at"}, {"inputs.aware_at": "2026-11-20T01:00:00Z"},
                                by="human")
    assert (desk.clock().state, desk.clock().why) == (
        "running", f"step 3 used aware_at, which was corrected after it, entry {wrong.seq}")
    assert desk.clock().due == datetime(2026, 11, 23, 1, tzinfo=UTC)
    desk.by_hand("tell")
    assert desk.clock().state == "met"


def test_a_clock_runs_again_when_its_step_is_undone(tmp_path: Path) -> None:
    """Until now the ledger went on saying `met`. The step's screen names the clock that it meets."""
    book = load_bytes(BY_ACTION.encode(), "play.yaml")
    play = Play(tmp_path / "i", book, {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]},
                inputs={"aware_at": "2026-03-07T23:40:00Z"}).walk()
    met, = play.entries("deadline.met")
    sent = play.entries("request.sending")[0]
    assert met.disclosed["deadline.sent"] == [f"PUT {sent.disclosed['request.url']}, entry {sent.seq}"]
    undone, = play.entries("step.undone")
    assert [(e.ref, e.seq > undone.seq) for e in play.entries("amended")] == [(met.seq, True)]
    clock, = deadlines.all_of(book, play.state.runs["r1"])
    assert (clock.state, clock.why) == ("running", f"step 2 was undone, entry {undone.seq}")
    assert [[d.id for d in said.meets] for said in play.heard(StepBegins)] == [[], ["law"], [], [], []]


def test_a_decision_of_an_unsigned_session_meets_nothing_in_a_live_incident(tmp_path: Path) -> None:
    """Whoever can write to the folder could otherwise end a deadline in somebody else's name."""
    with Ledger.create(tmp_path / "I", mode="live", version="1", code_hash="") as ledger:
        for signer in (None, Throwaway()):
            ledger.start_session("maria", signer=signer)
            ledger.append("run.opened", {"runbook": "play", "version": 1, "runbook_sha256": "0" * 64, "mode": "live"},
                          {"inputs.aware_at": AWARE.isoformat()}, run="r1")
            ledger.append("deadline.met", {"clock": "gdpr"}, {"deadline.by": "maria"}, by="human", run="r1")
            state = fold(State(), ledger.entries(), load_from(ledger))
            assert ("gdpr" in state.runs["r1"].met) == (signer is not None)
            ledger.end_session()


# -- a clock set back --------------------------------------------------------------------------------------------

def resumed(desk: Desk) -> Resumed:
    return desk.session.view.resumed(desk.session.ctx.clock.now())


def test_a_clock_set_back_gives_no_deadline_time(desk: Desk) -> None:
    """It is an entry, it is said, every screen counts on as if it had not been, and thresholds come when they would have."""
    desk.passes(hours=50)
    assert desk.poll() == []
    desk.passes(hours=5, wall=-3600 * 2)           # five hours later the clock shows seven hours less
    desk.session.record("note", {}, {"text": "?"}, by="human")
    stepped, = desk.entries("clock.stepped")
    said = desk.poll()
    assert any("This machine's clock was set back by 25,200 s" in line for line in said)
    assert any("GDPR notice is due in 16:59" in line for line in said)
    where = resumed(desk).where
    assert where.deadlines[0].due is not None
    assert (where.deadlines[0].due - where.now) // timedelta(minutes=1) == 16 * 60 + 59
    assert where.set_back == f"clock set back 07:00, entry {stepped.seq}"
    desk.passes(hours=1, wall=3600 * 8)            # and is put right again
    desk.session.record("note", {}, {"text": "!"}, by="human")
    assert (resumed(desk).where.set_back, desk.session.state.set_back) == ("", timedelta())


def test_a_clock_set_back_at_an_open_prompt_is_noticed_at_once(desk: Desk) -> None:
    """Nobody types anything: the next look of the prompt has it on record, and what is left does not grow."""
    desk.passes(hours=53, minutes=58)
    assert desk.poll() == []
    desk.passes(minutes=3, wall=-7200)
    said = desk.poll()
    assert len(desk.entries("clock.stepped")) == 1
    assert any("was set back by 7,380 s" in line for line in said)
    assert any("a quarter of its time is left" in line for line in said)
    assert desk.poll() == []


def test_a_machine_whose_clock_is_behind_the_ledger_counts_from_the_ledger(desk: Desk) -> None:
    """Another boot or machine: nothing can be compared, so no time before the latest entry is believed."""
    desk.passes(hours=50)
    desk.session.record("note", {}, {"text": "late"}, by="human")
    elsewhere = SetClock()
    elsewhere.wall, elsewhere.name = int(AWARE.timestamp() * 1e9), "boot-2"
    other = sitting(desk.session.ctx.ledger.folder, elsewhere, "sam")
    where = resumed(other).where
    assert where.deadlines[0].due is not None
    assert (where.deadlines[0].due - where.now) // timedelta(minutes=1) == 21 * 60 + 59
    assert where.set_back == "this machine's clock is 50:00 behind the ledger"
    assert other.entries("clock.stepped") == []
