"""A run from its first step to its end: what is sent, what is asked, what the ledger then says."""

from __future__ import annotations

from pathlib import Path

from irkit.engine.gate import Closed, Ended, Sends, StepBegins, Trouble
from irkit.worlds import Fault
from irkit.worlds.zendesk.state import BREAK_GLASS
from tests.engine.play import AGENT, END, OPTIONS, SESSIONS, SUSPEND, Play, book

ANSWERS = {"suspend": "yes", "end_sessions": {"type": "phrase"}}


def test_a_run_walks_its_steps_in_order_and_closes(tmp_path: Path) -> None:
    """Every step of the list is done in its order, and the closing figures count what was sent."""
    play = Play(tmp_path / "i", book(AGENT, SESSIONS, SUSPEND, END), ANSWERS).walk()
    assert [s.title for s in play.heard(StepBegins)] == [s.title for s in play.runbook.steps]
    closed: Closed = play.heard(Closed)[0]
    assert closed.counts == {"done": 4}
    assert closed.sent == {"worked": 2, "refused": 0, "unknown": 0}
    assert play.step("suspend").result["suspended"] is True


def test_a_write_is_recorded_before_it_is_answered(tmp_path: Path) -> None:
    """request.sending stands before request.answer, which points back to it, and holds what undo restores."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), ANSWERS).walk()
    sending, = play.entries("request.sending")
    answer = next(e for e in play.entries("request.answer") if e.ref == sending.seq)
    assert sending.seq < answer.seq
    assert answer.data["status"] == 200
    assert sending.disclosed["request.seen"]["suspended"] is False
    assert sending.disclosed["request.url"].endswith(play.step("agent").result["id"])


def test_what_is_already_so_sends_nothing(tmp_path: Path) -> None:
    """A second suspension looks, finds it done, and asks nobody."""
    twice = SUSPEND.replace("id: suspend", "id: suspend_again")
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, twice), ANSWERS).walk()
    assert play.step("suspend_again").state == "done"
    assert len(play.entries("request.sending")) == 1
    assert not [q for q in play.asked if q.step == "suspend_again"]


def test_an_irreversible_action_wants_its_phrase_with_the_count(tmp_path: Path) -> None:
    """The gate of end_sessions offers no y, and names the number of sessions it ends."""
    play = Play(tmp_path / "i", book(AGENT, SESSIONS, SUSPEND, END), ANSWERS).walk()
    gate = next(q for q in play.asked if q.step == "end_sessions")
    sessions = play.step("sessions").result["count"]
    assert gate.phrase == f"END {sessions} SESSION{'S' if sessions != 1 else ''}"
    assert "y" not in gate.letters


def test_skipping_takes_a_reason_and_sends_nothing(tmp_path: Path) -> None:
    """s at a gate records the reason, and nothing leaves."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": {"skip": "owner asleep"}}).walk()
    assert (play.step("suspend").state, play.step("suspend").reason) == ("skipped", "owner asleep")
    assert not play.entries("request.sending")


def test_destroying_without_preserving_wants_a_reason(tmp_path: Path) -> None:
    """With the preserving step skipped the gate says so, and sends only after a reason."""
    play = Play(tmp_path / "i", book(AGENT, SESSIONS, SUSPEND, END),
                {**ANSWERS, "end_sessions": {"type": "phrase", "reason": "the intruder is active"}},
                faults=[Fault("zendesk", "GET /api/v2/users/*/sessions", None, {"status": 403}, 1)]).walk()
    assert play.step("sessions").state == "unavailable"
    gate = next(s for s in play.heard(Sends) if s.phrase)
    assert gate.unpreserved == ["Not preserved: sessions (step 2 gap)"]
    asked = next(e for e in play.entries("step.asked") if e.step == "end_sessions")
    assert asked.disclosed["reason"] == "the intruder is active"


def test_a_plan_gated_log_is_a_gap(tmp_path: Path) -> None:
    """Without the add-on the access log is unavailable, said as a gap, and the walk goes on."""
    log = """
  - id: log
    phase: preserve
    title: Keep the access log
    why: The only record of reads.
    action: zendesk.collect_access_log
    with: {since: "2026-02-01T00:00:00Z"}
"""
    play = Play(tmp_path / "i", book(AGENT, log, SUSPEND), ANSWERS, options={**OPTIONS, "adpp": False}).walk()
    assert play.step("log").state == "unavailable"
    trouble: Trouble = play.heard(Trouble)[0]
    assert trouble.label == "GAP"
    assert "does not mean that nothing happened" in " ".join(trouble.lines)
    assert play.step("suspend").state == "done"


def test_the_answer_200_is_no_proof(tmp_path: Path) -> None:
    """A write answered 200 that the second look does not show is accepted, never done."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": ["yes", {"by_hand": "Seen in the console"}]},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", None, {"status": 200}, 1)]).walk()
    assert play.entries("step.accepted")
    assert play.step("suspend").state == "by_hand"


def test_a_refused_write_is_failed_and_may_be_retried(tmp_path: Path) -> None:
    """422 is a refusal: nothing changed, r looks and asks again."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": ["yes", {"retry": "yes"}, "yes"]},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", None, {"status": 422}, 1)]).walk()
    assert play.entries("step.failed")
    assert play.step("suspend").state == "done"
    assert len(play.entries("request.sending")) == 2


def test_a_lost_answer_is_unknown_and_settled_by_a_look(tmp_path: Path) -> None:
    """With the answer lost nothing is sent again: the look shows that the first request took."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": ["yes", {"look_again": "yes"}]},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", "after", None, 1)]).walk()
    assert play.entries("step.unknown")
    assert play.step("suspend").state == "done"
    assert len(play.entries("request.sending")) == 1
    unknown = next(q for q in play.asked if q.step == "suspend" and q.name == "menu")
    assert "r" not in unknown.letters


def test_a_lost_request_is_sent_again_only_after_a_look_and_a_gate(tmp_path: Path) -> None:
    """What never arrived is not visible: it may be sent again, by a decision and through the gate."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND),
                {"suspend": ["yes", {"look_again": "yes"}, {"send": "yes"}, "yes"]},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", "before", None, 1)]).walk()
    assert play.step("suspend").state == "done"
    assert len(play.entries("request.sending")) == 2
    assert len([e for e in play.entries("step.asked") if e.step == "suspend"]) == 2


def test_a_failing_look_does_not_make_an_unknown_a_failure(tmp_path: Path) -> None:
    """An answer was lost; that the next look is refused says nothing about it: still unknown, and no plain retry."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": "yes"},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", "after", None, 1)]).walk()
    assert play.paused is not None
    play.faults = [Fault("zendesk", "GET /api/v2/users/1*", None, {"status": 403}, None)]
    play.answers = {"suspend": {"by_hand": "Seen in the console"}}
    play.walk()
    ends = ("step.unknown", "step.unavailable", "step.failed")
    kinds = [e.kind for e in play.entries() if e.step == "suspend" and e.kind in ends]
    assert kinds == ["step.unknown", "step.unknown"]
    assert all("r" not in q.letters for q in play.asked if q.name == "menu")
    assert play.step("suspend").state == "by_hand"


def test_reads_are_retried_and_each_attempt_is_an_entry(tmp_path: Path) -> None:
    """Two 429s and a 503 pass; all four attempts stand in the ledger."""
    faults = [Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 429, "retry_after": 3}, 2),
              Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 503}, 1)]
    play = Play(tmp_path / "i", book(AGENT), {}, faults=faults).walk()
    found = [e.data["status"] for e in play.entries("request.answer") if e.step == "agent"]
    assert found == [429, 429, 503, 200]
    assert play.step("agent").state == "done"


def test_every_ended_step_says_which_comes_next(tmp_path: Path) -> None:
    """A screen ends with the next step."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), ANSWERS).walk()
    assert play.heard(Ended)[0].next == "2. Suspend the account"


def test_acting_on_irkits_own_account_has_a_gate_of_its_own(tmp_path: Path) -> None:
    """Suspending the account irkit acts as wants a phrase, although it could be undone."""
    own = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": {"skip": "that is me"}}, email=BREAK_GLASS).walk()
    gate = next(q for q in own.asked if q.step == "suspend")
    assert gate.phrase == "LOCK MYSELF OUT"
    assert "y" not in gate.letters
    assert any("you would lock yourself out" in w for w in own.heard(Sends)[0].warnings)


def test_the_identity_is_asked_once_a_session(tmp_path: Path) -> None:
    """Whom the connection acts as is looked up before the first write, and not again."""
    play = Play(tmp_path / "i", book(AGENT, SESSIONS, SUSPEND, END), ANSWERS).walk()
    asked = [e for e in play.entries("request.answer") if e.step is None and "users/me" in e.disclosed["request.url"]]
    assert len(asked) == 1
