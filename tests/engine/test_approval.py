"""A second person at the gate: asked, answered, refused, asked again; and nothing leaves that they did not agree to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irkit.drill.injects import Cards
from irkit.engine.fold import fold
from irkit.engine.gate import News, Progress, Question, Sends, Trouble
from irkit.engine.modes import Mode
from irkit.engine.people import Person
from irkit.engine.permit import may_answer
from irkit.engine.session import Second, load_from
from irkit.engine.state import Approval, State
from irkit.engine.values import rfc3339
from irkit.ledger import Ledger
from irkit.ledger.approvals import GIVEN, REFUSED, answered
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from irkit.worlds import Fault
from tests.engine.play import AGENT, SUSPEND, Play, book
from tests.engine.test_fanout import OFF, TRIGGERS
from tests.forgery.judges import by_verify_py

APPROVED = SUSPEND + "    approve: {role: lead, expires: 30m}\n"
WITH_EVIDENCE = SUSPEND + "    approve: {role: lead, evidence: required}\n"
ALL_OFF = OFF + "    approve: {role: lead}\n"
YES = {"suspend": "yes", "off": "yes"}


@dataclass
class Lead:
    """Answers, in a ledger of their own, each request that is open when the prompt for it stands on the screen."""

    kind: str = GIVEN
    before: Callable[[Play], None] = lambda _play: None
    after: Callable[[Play], None] = lambda _play: None
    times: int = 99
    seen: list[int] = field(default_factory=list)

    def __call__(self, play: Play, question: Question) -> None:
        if question.name != "approval" or "r" in question.letters or len(self.seen) >= self.times:
            return
        self.before(play)
        assert play.session is not None
        now = rfc3339(play.session.ctx.clock.now())
        with Ledger.open(play.folder) as ledger:
            state = fold(State(), ledger.entries(), load_from(ledger))
            asked = [one for step in state.runs["r1"].steps.values() for one in step.approvals if one.state == "open"]
            ledger.start_session("sam")
            for one in asked:
                self.seen.append(one.seq)
                why = {"approval.reason": "not at night"} if self.kind == REFUSED else {}
                ledger.append_answer(answered(self.kind, ledger.requests[one.seq], Throwaway(), {"drill_at": now},
                                              {"approval.by": "sam", **why}))
            ledger.end_session()
        self.after(play)


def play(folder: Path, *steps: str, answers: object = None, lead: object = None, **more: object) -> Play:
    return Play(folder, book(*steps), answers or YES, before_ask=lead or Lead(), **more)  # type: ignore[arg-type]


def kinds(run: Play, prefix: str = "approval.") -> list[str]:
    return [e.kind.partition(".")[2] for e in run.entries() if e.kind.startswith(prefix)]


def good(run: Play) -> None:
    """Both verifiers accept what came of it."""
    assert verify(run.folder).findings == []
    assert by_verify_py(run.folder, {}).code == 0


def nothing_left(run: Play) -> None:
    assert run.entries("request.sending") == []
    good(run)


def test_a_write_leaves_once_a_second_person_agreed(tmp_path: Path) -> None:
    """The gate says who is waited for; the answer from elsewhere ends the waiting, and the requester's own yes sends."""
    run = play(tmp_path / "I", AGENT, APPROVED).walk()
    sent, = run.entries("request.sending")
    assert (kinds(run), run.step("suspend").state) == (["asked", "given"], "done")
    assert sent.data["approval"] == run.entries("approval.given")[0].seq
    assert run.heard(Sends)[0].approve == "lead: waiting for a second person   irkit approve I suspend"
    assert any("sam agreed" in line for said in run.heard(News) for line in said.lines)
    assert [q.name for q in run.asked if q.step == "suspend"] == ["approval", "gate"]
    good(run)


def test_without_an_answer_nothing_leaves(tmp_path: Path) -> None:
    """A script that does not list the waiting pauses; the request is on record, and a resume goes on waiting for that one."""
    run = play(tmp_path / "I", AGENT, APPROVED, lead=Lead(times=0)).walk()
    assert run.paused is not None
    nothing_left(run)
    run.before_ask = Lead()
    run.walk()
    assert (kinds(run), run.step("suspend").state) == (["asked", "given"], "done")
    good(run)


def test_an_approval_given_during_a_pause_is_found_by_the_resume(tmp_path: Path) -> None:
    """It is for the same requests, so nobody is asked twice."""
    run = play(tmp_path / "I", AGENT, APPROVED, lead=Lead(times=0)).walk()
    Lead()(run, Question("approval", ""))
    run.walk()
    assert (kinds(run), [q.name for q in run.asked if q.step == "suspend"][-1]) == (["asked", "given"], "gate")
    assert run.step("suspend").state == "done"


def test_a_refusal_stops_it_until_the_requester_asks_again(tmp_path: Path) -> None:
    """The reason is shown; asking again is a choice, and a new request."""
    answers = {"suspend": [{"skip": "sam is right"}]}
    run = play(tmp_path / "I", AGENT, APPROVED, answers=answers, lead=Lead(REFUSED)).walk()
    assert (kinds(run), run.step("suspend").state) == (["asked", "refused"], "skipped")
    assert "Sam refused: not at night." in [q.prompt.replace("sam", "Sam") for q in run.asked]
    nothing_left(run)


def test_after_a_refusal_a_second_request_can_be_given(tmp_path: Path) -> None:
    """Asked for with a letter of its own; never by itself."""
    leads = iter((Lead(REFUSED), Lead()))
    current = [next(leads)]

    def lead(run: Play, question: Question) -> None:
        if "r" in question.letters and question.name == "approval":
            current[0] = next(leads)
        current[0](run, question)

    run = play(tmp_path / "I", AGENT, APPROVED, answers={"suspend": ["ask_again", "yes"]}, lead=lead).walk()
    assert (kinds(run), run.step("suspend").state) == (["asked", "refused", "asked", "given"], "done")
    good(run)


def test_a_request_expires_while_it_waits(tmp_path: Path) -> None:
    """The end is an entry; the requester says whether to ask again."""
    def late(run: Play, question: Question) -> None:
        if question.name == "approval" and "r" not in question.letters:
            run.pass_time(minutes=31)

    run = play(tmp_path / "I", AGENT, APPROVED, answers={"suspend": {"skip": "nobody there"}}, lead=late).walk()
    assert (kinds(run), run.step("suspend").state) == (["asked", "expired"], "skipped")
    nothing_left(run)


def test_an_approval_that_expired_before_the_yes_sends_nothing(tmp_path: Path) -> None:
    """Checked where the send is recorded: the step fails with nothing changed, and asks anew."""
    lead = Lead()

    def slow(run: Play, question: Question) -> None:
        if question.name == "gate" and question.step == "suspend" and len(lead.seen) == 1:
            run.pass_time(minutes=31)
        lead(run, question)

    answers = {"suspend": ["yes", "retry", "ask_again", "yes"]}
    run = play(tmp_path / "I", AGENT, APPROVED, answers=answers, lead=slow).walk()
    assert kinds(run) == ["asked", "given", "expired", "asked", "given"]
    assert len(run.entries("request.sending")) == 1
    assert (run.heard(Trouble)[0].label, "expired" in run.heard(Trouble)[0].lines[0]) == ("FAILED", True)
    good(run)


def test_drift_between_approval_and_send_asks_again(tmp_path: Path) -> None:
    """Somebody changes the account after it was approved: the second look differs, and the old approval is worth nothing."""
    def somebody_else(run: Play) -> None:
        if len(lead.seen) == 1:
            run.pass_time(minutes=6)          # the look is stale once the answer is there
            run.world.tenant.users[run.step("agent").result["id"]]["role"] = "end-user"

    lead = Lead(after=somebody_else)
    run = play(tmp_path / "I", AGENT, APPROVED, answers={"suspend": ["yes", "yes"]}, lead=lead).walk()
    assert kinds(run) == ["asked", "given", "asked", "given"]
    first, second = run.entries("approval.asked")
    assert (second.ref, second.data["fingerprint"] != first.data["fingerprint"]) == (first.seq, True)
    assert [e.data["approval"] for e in run.entries("request.sending")] == [run.entries("approval.given")[1].seq]
    good(run)


def test_sending_again_after_an_unknown_needs_a_new_approval(tmp_path: Path) -> None:
    """The first one was used, whatever came of it."""
    run = play(tmp_path / "I", AGENT, APPROVED, answers={"suspend": ["yes", {"look_again": "yes"}, {"send": "again"}, "yes"]},
               faults=[Fault("zendesk", "PUT /api/v2/users/*", "before", None, 1)]).walk()
    assert kinds(run) == ["asked", "given", "asked", "given"]
    assert [e.data["approval"] for e in run.entries("request.sending")] == [e.seq for e in run.entries("approval.given")]
    good(run)


def test_a_retry_of_what_was_refused_needs_a_new_approval(tmp_path: Path) -> None:
    """An answer of the vendor uses an approval up; being told to slow down does not."""
    faults = [Fault("zendesk", "PUT /api/v2/users/*", None, {"status": 429, "retry_after": 1}, 2),
              Fault("zendesk", "PUT /api/v2/users/*", None, {"status": 422}, 1)]
    run = play(tmp_path / "I", AGENT, APPROVED, answers={"suspend": ["yes", "retry", "yes"]}, faults=faults).walk()
    first, second = (e.seq for e in run.entries("approval.given"))
    assert [e.data["approval"] for e in run.entries("request.sending")] == [first, first, first, second]
    good(run)


def test_evidence_comes_before_the_asking(tmp_path: Path) -> None:
    """Where the step says so, and the request names it."""
    answers = {"suspend": [{"attach": "text:saw the sign-in"}, "yes"]}
    run = play(tmp_path / "I", AGENT, WITH_EVIDENCE, answers=answers).walk()
    order = [e.kind for e in run.entries() if e.step == "suspend" and e.kind in ("artefact.added", "approval.asked")]
    assert order == ["artefact.added", "approval.asked"]
    assert "text.txt" in run.entries("approval.asked")[0].disclosed["approval.evidence"][0]


def test_a_fan_out_is_approved_as_a_whole(tmp_path: Path) -> None:
    """One request for all items; each is sent on it, once."""
    run = play(tmp_path / "I", TRIGGERS, ALL_OFF).walk()
    asked, = run.entries("approval.asked")
    sent = run.entries("request.sending")
    assert asked.data["count"] == len(sent) > 3
    assert {e.data["approval"] for e in sent} == {run.entries("approval.given")[0].seq}
    assert run.step("off").state == "done"
    good(run)


def test_an_item_may_leave_an_approved_fan_out(tmp_path: Path) -> None:
    """One failed its look after the approval; the others are still what was agreed to, and nobody is asked again."""
    def gone(run: Play) -> None:
        run.pass_time(minutes=6)
        run.world.tenant.triggers[run.step("triggers").result["items"][0]["id"]]["active"] = False

    run = play(tmp_path / "I", TRIGGERS, ALL_OFF, answers={"off": ["yes", {"look_again": "yes"}]}, lead=Lead(after=gone)).walk()
    assert kinds(run) == ["asked", "given"]
    assert len(run.entries("request.sending")) == run.entries("approval.asked")[0].data["count"] - 1
    assert run.step("off").state == "done"
    good(run)


def test_no_item_may_join_an_approved_fan_out(tmp_path: Path) -> None:
    """One that could not be looked at when the rest was approved: it is asked about by itself before it is sent."""
    one = Play(tmp_path / "before", book(TRIGGERS), {}).walk().step("triggers").result["items"][1]["id"]
    faults = [Fault("zendesk", f"GET /api/v2/triggers/{one}", None, {"status": 500}, 5)]
    run = play(tmp_path / "I", TRIGGERS, ALL_OFF, answers={"off": ["yes", {"look_again": "yes"}, "yes"]}, faults=faults).walk()
    first, second = run.entries("approval.asked")
    assert run.step("off").state == "done"
    assert (kinds(run), second.data["count"]) == (["asked", "given", "asked", "given"], 1)
    assert len(run.entries("request.sending")) == first.data["count"] + 1
    good(run)


def test_whoever_approved_does_not_send_it_alone(tmp_path: Path) -> None:
    """The approver takes the run over: their own approval is not one for what they send, and another is asked."""
    run = play(tmp_path / "I", AGENT, APPROVED, answers={"call": "yes"}).walk()
    assert (kinds(run), run.paused is not None) == (["asked", "given"], True)
    run.who, run.answers, run.before_ask = "sam", YES, Lead(times=0)
    run.walk()
    assert kinds(run) == ["asked", "given", "asked"]
    assert "approves their own" in " ".join(line for said in run.heard(News) for line in said.lines)
    nothing_left(run)


def test_a_resume_in_the_middle_goes_on_with_what_was_approved(tmp_path: Path) -> None:
    """Interrupted after some items: the others leave on the same approval, and no item a second time."""
    def stop(said: object) -> None:
        if isinstance(said, Progress) and not said.looks and said.done == 1 and run.session is not None:
            run.session.ctx.interrupts.asked.set()

    run = Play(tmp_path / "I", book(TRIGGERS, ALL_OFF), {"off": ["yes", "yes"]}, before_ask=Lead(), on_say=stop)
    run.walk()
    assert run.paused is not None
    run.on_say = lambda _said: None
    run.walk()
    sent = [e.item for e in run.entries("request.sending")]
    assert (kinds(run), run.step("off").state) == (["asked", "given"], "done")
    assert len(sent) == len(set(sent)) == run.entries("approval.asked")[0].data["count"]
    good(run)


def test_a_drill_plays_the_second_person_and_the_ledger_says_who(tmp_path: Path) -> None:
    """With a key made for it, after the time they take to read; nobody is prompted."""
    run = played(tmp_path / "I", Second("Wei Chen", timedelta(minutes=3)), {"suspend": "yes"})
    given, = run.entries("approval.given")
    assert (given.disclosed["approval.by"], given.data["played"]) == ("Wei Chen", True)
    asked, = run.entries("approval.asked")
    assert seconds_between(asked.data["drill_at"], given.data["drill_at"]) == 180
    assert run.step("suspend").state == "done"
    good(run)


def test_a_drill_can_play_a_refusal(tmp_path: Path) -> None:
    """The team then has to decide."""
    run = played(tmp_path / "I", Second("Wei Chen", refuse="Call the owner first"), {"suspend": {"skip": "called"}})
    assert (kinds(run), run.step("suspend").state) == (["asked", "refused"], "skipped")
    nothing_left(run)


def test_a_played_answer_that_takes_too_long_does_not_count(tmp_path: Path) -> None:
    """The request has expired by then."""
    run = played(tmp_path / "I", Second("Wei Chen", timedelta(minutes=45)), {"suspend": {"skip": "too late"}})
    assert (kinds(run), run.step("suspend").state) == (["asked", "expired"], "skipped")
    nothing_left(run)


def played(folder: Path, second: Second, answers: object) -> Play:
    return Play(folder, book(AGENT, APPROVED), answers, happenings=Cards([], {"suspend": second})).walk()  # type: ignore[arg-type]


def seconds_between(one: str, other: str) -> float:
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds()


def test_a_probe_asks_nobody(tmp_path: Path) -> None:
    """It shows what would be asked, and sends nothing."""
    run = play(tmp_path / "I", AGENT, APPROVED, answers={}, mode=Mode.PROBE).walk()
    assert run.heard(Sends)[0].approve == "lead: a second person agrees before it is sent"
    assert kinds(run) == []


# -- who may answer ----------------------------------------------------------------------------------------------

LISTED = [Person("Maria", roles=("lead",), key="SHA256:maria"), Person("Sam", roles=("lead", "legal"), key="SHA256:sam"),
          Person("Maria", roles=("lead",), key="SHA256:marias_other"), Person("Ada", roles=("legal",), key="SHA256:ada")]


def asked_by(mode: str, key: str, name: str, listed: Sequence[Person] = ()) -> tuple[State, Approval]:
    state = State(mode=mode, people={1: name}, keys={1: key}, team={str(n): one for n, one in enumerate(listed)})
    return state, Approval(4, 1, key, "lead", datetime(2099, 1, 1, tzinfo=UTC), {})


@pytest.mark.parametrize(("mode", "key", "name", "why"), [
    ("live", "SHA256:sam", "Sam", ""),
    ("live", "SHA256:maria", "Somebody", "same_person"),
    ("live", "SHA256:sam", "maria", "same_person"),
    ("live", "SHA256:marias_other", "M.", "same_person"),
    ("live", "SHA256:ada", "Ada", "wrong_role"),
    ("live", "SHA256:stranger", "Sam", "wrong_role"),
    ("test", "SHA256:sam", "Sam", ""),
    ("test", "SHA256:stranger", "Sam", "wrong_role"),
    ("drill", "SHA256:stranger", "Sam", ""),
    ("drill", "SHA256:stranger", "Maria", "same_person"),
])
def test_who_may_answer_a_request(mode: str, key: str, name: str, why: str) -> None:
    """Somebody else than whoever asked, whose key is in genesis for that role; in a drill anybody else."""
    state, asked = asked_by(mode, "SHA256:maria", "Maria", LISTED)
    assert may_answer(state, asked, key, name).why == why
