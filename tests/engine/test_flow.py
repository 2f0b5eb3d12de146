"""The responder as control flow: deferring, waiting, going to a step, missing results, notes, injects of time."""

from __future__ import annotations

from pathlib import Path

from irkit.engine.gate import ByHand, Closed, StepBegins
from irkit.engine.modes import Mode
from irkit.worlds import Fault
from tests.engine.play import AGENT, END, SESSIONS, SUSPEND, Play, book

CALL = """
  - id: call
    phase: contain
    title: Call the agent
    why: They may still be at work.
    do: |
      Call {{ steps.agent.name }} on a number from the staff list.
    evidence: required
"""
EXPORTED = """
  - id: exported
    phase: investigate
    title: Was data exported?
    why: It decides who must be told.
    ask: Does the log show an export by {{ steps.agent.email }}?
    choices: {yes: "Yes", no: "No", unknown: "Cannot tell"}
"""
NOTIFY = """
  - id: notify
    phase: notify
    title: Notify the authority
    why: The law asks for it.
    when: steps.exported.choice != "no"
    do: Send the form.
"""
WATCH = """
  - id: watch
    phase: verify
    title: Look at the sessions again
    why: Single sign-on may bring them back.
    action: zendesk.collect_sessions
    with: {user_id: "{{ steps.agent.id }}"}
    after: {step: suspend, wait: 30m}
"""


def order(play: Play) -> list[str]:
    """Ids of the steps in the order in which they began."""
    titles = {step.title: step.id for step in play.runbook.steps}
    return [titles[said.title] for said in play.heard(StepBegins)]


def test_a_step_by_hand_records_who_when_how_and_evidence(tmp_path: Path) -> None:
    """The result of a do step is what the responder said, and the evidence is an artefact of the step."""
    answers = {"call": {"by_hand": "Reached them", "who": "Wei", "attach": "text:notes"}}
    play = Play(tmp_path / "i", book(AGENT, CALL), answers).walk()
    result = play.step("call").result
    assert (result["who"], result["how"], len(result["evidence"])) == ("Wei", "Reached them", 1)
    assert play.step("call").evidence
    assert any(e.step == "call" and e.by == "human" for e in play.entries("artefact.added"))


def test_a_deferred_step_comes_back_when_its_phase_is_over(tmp_path: Path) -> None:
    """Deferred in contain, it is asked again before the investigation begins."""
    play = Play(tmp_path / "i", book(AGENT, CALL, SUSPEND, EXPORTED), {
        "call": [{"defer": "yes"}, {"by_hand": "Reached them", "attach": "text:notes"}], "suspend": "yes",
        "exported": {"choice": "no", "reason": "none in the log"}}).walk()
    assert order(play) == ["agent", "call", "suspend", "call", "exported"]


def test_a_step_with_after_waits_by_itself(tmp_path: Path) -> None:
    """Steps behind it go first; it begins when its time has come."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, WATCH, EXPORTED), {
        "suspend": "yes", "exported": {"choice": "no", "reason": "none in the log"}}).walk()
    assert order(play) == ["agent", "suspend", "exported", "watch"]
    suspended, watched = play.step("suspend").at, play.step("watch").at
    assert suspended is not None
    assert watched is not None
    assert (watched - suspended).total_seconds() >= 1800


def test_a_decision_closes_what_it_makes_unnecessary(tmp_path: Path) -> None:
    """A false `when` ends the step as not needed, by machine, with the reason in the ledger."""
    answers = {"exported": {"choice": "no", "reason": "none in the log"}}
    play = Play(tmp_path / "i", book(AGENT, EXPORTED, NOTIFY), answers).walk()
    assert play.step("notify").state == "not_needed"
    assert play.step("exported").result == {"choice": "no", "reason": "none in the log"}


def test_a_when_without_its_decision_is_asked_never_taken_as_false(tmp_path: Path) -> None:
    """With the decision skipped, the responder says whether the step is needed."""
    play = Play(tmp_path / "i", book(AGENT, EXPORTED, NOTIFY), {
        "exported": {"skip": "no log yet"}, "notify": {"needed": "yes", "by_hand": "Sent"}}).walk()
    assert next(q.name for q in play.asked if q.step == "notify") == "when_unknown"
    assert play.step("notify").state == "by_hand"


def test_a_missing_result_is_asked_for_and_not_guessed(tmp_path: Path) -> None:
    """With find_user done by hand, the fields that later steps use are typed, and used."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": "yes"}).walk()
    user_id = play.step("agent").result["id"]
    again = Play(tmp_path / "j", book(AGENT, SUSPEND),
                 {"agent": {"by_hand": "Looked it up", "fields": {"id": user_id}}, "suspend": "yes"},
                 faults=[Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 404}, 1)]).walk()
    assert again.step("agent").state == "by_hand"
    assert again.step("agent").result["id"] == user_id
    assert again.step("suspend").state == "done"


def test_text_says_what_is_not_known(tmp_path: Path) -> None:
    """A do text that names a skipped step says so in its place."""
    play = Play(tmp_path / "i", book(AGENT, CALL), {
        "agent": {"skip": "wrong address"}, "call": {"by_hand": "Found them", "attach": "text:notes"}},
        faults=[Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 404}, 1)]).walk()
    shown = next(s for s in play.heard(ByHand))
    assert "[not known: step 1 was skipped]" in shown.text


def test_going_to_a_step_and_back(tmp_path: Path) -> None:
    """g N begins that step at once; afterwards the first open step is next."""
    play = Play(tmp_path / "i", book(AGENT, CALL, EXPORTED), {
        "call": ["g 3", {"by_hand": "Reached them", "attach": "text:notes"}],
        "exported": {"choice": "yes", "reason": "12 rows"}}).walk()
    assert order(play) == ["agent", "call", "exported", "call"]


def test_a_note_at_a_prompt_is_an_entry_and_the_question_is_asked_again(tmp_path: Path) -> None:
    """n takes a note of the step without answering the gate."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": [{"note": "saw a Tor exit"}, "yes"]}).walk()
    note, = play.entries("note")
    assert (note.step, note.by, note.disclosed["text"]) == ("suspend", "human", "saw a Tor exit")
    assert play.step("suspend").state == "done"


def test_a_probe_shows_every_write_and_sends_none(tmp_path: Path) -> None:
    """In probe mode writes are recorded as not sent, and the walk goes on."""
    play = Play(tmp_path / "i", book(AGENT, SESSIONS, SUSPEND, END), {}, mode=Mode.PROBE).walk()
    assert not play.entries("request.sending")
    assert [e.step for e in play.entries("request.not_sent")] == ["suspend", "end_sessions"]
    closed: Closed = play.heard(Closed)[0]
    assert closed.counts == {"done": 2, "shown, not sent": 2}


def test_an_unlisted_prompt_pauses_the_run(tmp_path: Path) -> None:
    """A script that does not list a question stops there; nothing is sent, and a later walk goes on."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {}).walk()
    assert play.paused is not None
    assert not play.entries("request.sending")
    play.answers = {"suspend": "yes"}
    assert play.walk().step("suspend").state == "done"


def test_the_look_grows_stale_and_is_repeated_before_sending(tmp_path: Path) -> None:
    """Six minutes at the gate: irkit looks again before the write leaves."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": "yes"},
                before_ask=lambda p, q: p.pass_time(minutes=6) if q.name == "gate" else None).walk()
    looks = [e.seq for e in play.entries("request.answer") if e.step == "suspend" and e.ref is None]
    sending, = play.entries("request.sending")
    assert len([seq for seq in looks if seq < sending.seq]) == 2
    assert play.step("suspend").state == "done"
