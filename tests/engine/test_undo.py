"""Undo: through the same gates, from what the first request's look saw, and never over what changed since."""

from __future__ import annotations

import json
from pathlib import Path

from irkit.engine.gate import Ended, News, Question, Sends, StepBegins, Trouble
from irkit.engine.undoable import lost, undoable
from irkit.engine.view import sent_counts
from irkit.ledger.verify import verify
from irkit.worlds import Call, Fault
from tests.engine.play import AGENT, END, SUSPEND, Play, book
from tests.engine.test_approval import APPROVED, Lead
from tests.engine.test_fanout import OFF, TRIGGERS

DOWNGRADE = """
  - id: downgrade
    phase: contain
    title: Take the role away
    why: It leaves the account harmless.
    action: zendesk.downgrade_user
    with: {user_id: "{{ steps.agent.id }}"}
"""
LAST = """
  - id: last
    phase: review
    title: Look back
    do: Is all well?
"""
CALLED = {"by_hand": "looked"}


def look(play: Play) -> dict[str, object]:
    """Dana's account as the tenant has it."""
    token, path = f"Bearer {play.world.ready_token}", f"/api/v2/users/{play.step('agent').result['id']}"
    answer = play.world.handle(Call.of("GET", path, body=b"", headers={"accept": "application/json"}, authorization=token))
    return dict(json.loads(answer.body)["user"])


def edit(play: Play, body: bytes) -> None:
    """Somebody else changes Dana's account."""
    play.world.handle(Call.of("PUT", f"/api/v2/users/{play.step('agent').result['id']}", body=body,
                              headers={"accept": "application/json"}, authorization=f"Bearer {play.world.ready_token}"))


def test_u_takes_the_last_step_back_and_the_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """`u` at a later gate: the undo's own gate, one request, a look; then the same prompt again."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST), {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]})
    play.walk()
    gate = next(q for q in play.asked if q.step == "last")
    assert gate.more_words["u"] == "undo step 2"
    assert [s.title for s in play.heard(StepBegins)][2:] == ["Look back", "Undo: Suspend the account", "Look back"]
    assert look(play)["suspended"] is False
    assert play.step("suspend").state == "undone"
    done, = play.entries("step.undone")
    first, second = play.entries("request.sending")
    assert (done.data["undoes"], done.data["sent_at"], done.ref) == ([first.seq], second.seq, first.seq)
    assert (second.step, second.data["undo"], second.data["action"]) == ("suspend", True, "zendesk.unsuspend_user")
    assert play.heard(Sends)[1].body == '{"user": {"suspended": false}}'
    assert play.step("last").state == "by_hand"


def test_what_was_seen_wins_over_what_the_step_was_given(tmp_path: Path) -> None:
    """downgrade_user was given the role end-user; its undo restores the role that the look before it saw."""
    given = DOWNGRADE.replace("agent.id }}\"}", 'agent.id }}", role: end-user}')
    play = Play(tmp_path / "i", book(AGENT, given, LAST), {"downgrade": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]})
    play.walk()
    assert play.step("agent").result["role"] == look(play)["role"] == "agent"
    assert play.step("downgrade").state == "undone"


def test_undo_restores_what_the_first_request_saw_and_not_a_later_look(tmp_path: Path) -> None:
    """A request is lost, the account changes, the request is sent again: undo goes back before the first one."""
    def meddle(run: Play, question: Question) -> None:
        if question.name == "menu" and "x" in question.letters and look(run)["role"] == "agent":
            edit(run, b'{"user": {"role": "admin"}}')
    play = Play(tmp_path / "i", book(AGENT, DOWNGRADE, LAST),
                {"downgrade": ["yes", {"look_again": "yes"}, {"look_again": "yes"}, {"choice": "x"}, "yes", "yes"],
                 "last": [{"undo": "yes"}, CALLED]},
                faults=[Fault("zendesk", "PUT /api/v2/users/*", "before", None, 1)], before_ask=meddle).walk()
    seen = [e.disclosed["request.seen"]["role"] for e in play.entries("request.sending")]
    assert seen == ["agent", "admin", "end-user"]
    assert look(play)["role"] == "agent"


def test_an_undone_step_is_walked_again_when_asked_for(tmp_path: Path) -> None:
    """It does not come back by itself; `g 2` walks it, with a gate, and it can be undone once more."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST),
                {"suspend": ["yes", "yes", "yes"], "last": [{"undo": "yes"}, {"choice": "g 2"}, CALLED]}).walk()
    assert play.step("suspend").state == "done"
    assert look(play)["suspended"] is True
    assert len(play.entries("request.sending")) == 3
    assert list(undoable(play.state.runs["r1"])) == ["suspend"]


def test_undo_over_a_change_is_refused_with_what_differs(tmp_path: Path) -> None:
    """Somebody made the account an admin since: nothing is sent, the refusal is an entry, and the step stays done."""
    def meddle(run: Play, question: Question) -> None:
        if question.step == "last" and not run.entries("step.failed"):
            edit(run, b'{"user": {"role": "admin"}}')
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST),
                {"suspend": ["yes", {"skip": "ask the owner"}], "last": [{"undo": "yes"}, CALLED]}, before_ask=meddle).walk()
    refused, = play.entries("step.failed")
    assert refused.data["changed"] is True
    assert "role was left agent and is now admin" in refused.disclosed["reason"]
    assert play.heard(Trouble)[0].label == "CHANGED"
    assert len(play.entries("request.sending")) == 1
    assert play.step("suspend").state == "done"


def test_only_a_phrase_overwrites_what_changed(tmp_path: Path) -> None:
    """Insisting leads to a fresh look and a gate that shows what differs and takes no plain yes."""
    def meddle(run: Play, question: Question) -> None:
        if question.step == "last" and not run.entries("step.failed"):
            edit(run, b'{"user": {"role": "admin"}}')
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST),
                {"suspend": ["yes", {"choice": "o"}, {"type": "OVERWRITE 2 CHANGES"}], "last": [{"undo": "yes"}, CALLED]},
                before_ask=meddle, phrases_literal=True).walk()
    gate = next(q for q in play.asked if q.name == "gate" and q.phrase)
    assert "y" not in gate.letters
    assert any("role was left agent" in line for line in play.heard(Sends)[-1].warnings)
    assert play.paused is None
    assert (look(play)["suspended"], look(play)["role"]) == (False, "admin")
    assert play.step("suspend").state == "undone"


def test_a_lost_answer_of_an_undo_is_settled_by_a_look_and_never_sent_again(tmp_path: Path) -> None:
    """UNKNOWN offers no retry; looking again finds it undone, by the request that was sent."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST),
                {"suspend": ["yes", "yes", {"look_again": "yes"}], "last": [{"undo": "yes"}, CALLED]})

    def lose(run: Play, question: Question) -> None:
        if question.step == "last":
            assert run.session is not None
            run.session.ctx.perform.faults = _Lost()      # type: ignore[attr-defined]
    play.before_ask = lose
    play.walk()
    menu = next(q for q in play.asked if q.name == "menu")
    assert "r" not in menu.letters
    assert len(play.entries("request.sending")) == 2
    assert play.entries("step.undone")[0].data["sent_at"] == play.entries("request.sending")[1].seq
    assert sent_counts(play.state.runs["r1"]) == {"worked": 2, "refused": 0, "unknown": 0}


class _Lost:
    """The answer to the next write is lost."""

    left = 1

    def judge(self, _connector: str, method: str, _path: str, **_answered: int | None) -> Fault | None:
        if method == "PUT" and self.left:
            self.left = 0
            return Fault("zendesk", "PUT /api/v2/users/*", "after", None, 1)
        return None


def test_a_process_that_dies_in_an_undo_leaves_what_resume_looks_at_first(tmp_path: Path) -> None:
    """Cut off between request and answer: the next process looks before anything else, and repeats nothing."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST), {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]})

    def die(said: object) -> None:
        assert play.session is not None
        if isinstance(said, StepBegins) and said.title.startswith("Undo"):
            send = play.session.ctx.perform.send

            def dying(outgoing: object, **more: object) -> object:
                answer = send(outgoing, **more)                    # type: ignore[arg-type]
                if outgoing.method == "PUT":                       # type: ignore[attr-defined]
                    raise MemoryError
                return answer
            play.session.ctx.perform.send = dying                  # type: ignore[method-assign,assignment]
    play.on_say = die
    try:
        play.walk()
    except MemoryError:
        play.on_say = lambda _said: None
    assert len(play.entries("request.sending")) == 2
    assert not play.entries("step.undone")
    play.said.clear()
    play.answers = {"last": CALLED}
    play.walk()
    assert play.heard(StepBegins)[0].title == "Undo: Suspend the account"
    assert len(play.entries("request.sending")) == 2
    assert play.step("suspend").state == "undone"
    assert play.step("last").state == "by_hand"


def test_undoing_what_is_back_already_sends_nothing(tmp_path: Path) -> None:
    """The look shows what was there before: undone, with no request."""
    def meddle(run: Play, question: Question) -> None:
        if question.step == "last":
            edit(run, b'{"user": {"suspended": false}}')
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST), {"suspend": "yes", "last": [{"undo": "yes"}, CALLED]},
                before_ask=meddle).walk()
    assert len(play.entries("request.sending")) == 1
    assert "sent_at" not in play.entries("step.undone")[0].data
    assert "nothing was sent" in next(e.text for e in play.heard(Ended) if e.state == "undone")


def test_an_undo_by_hand_is_recorded_as_such(tmp_path: Path) -> None:
    """Who, when and how; nothing is sent."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, LAST),
                {"suspend": ["yes", {"by_hand": "In Admin Center"}], "last": [{"undo": "yes"}, CALLED]}).walk()
    entry, = play.entries("step.undone")
    assert (entry.by, entry.data["by_hand"], entry.disclosed["result"]["how"]) == ("human", True, "In Admin Center")
    assert len(play.entries("request.sending")) == 1


def test_each_item_of_a_fan_out_is_undone_with_an_outcome_of_its_own(tmp_path: Path) -> None:
    """One gate; an entry for each item that was sent; one refused item keeps the step from being called undone."""
    runbook = book(TRIGGERS, OFF, LAST)
    play = Play(tmp_path / "i", runbook, {"off": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]}).walk()
    sent = len(play.entries("request.sending")) // 2
    assert sent > 3
    assert len([e for e in play.entries("step.undone") if e.item is not None]) == sent
    assert play.step("off").state == "undone"
    assert not undoable(play.state.runs["r1"])


def test_an_item_that_changed_since_leaves_the_undo_and_the_rest_is_undone(tmp_path: Path) -> None:
    """One trigger was edited since: it is named, not overwritten, and can still be undone later."""
    def meddle(run: Play, question: Question) -> None:
        if question.step == "last" and not run.step("off").undos:
            first = run.step("triggers").result["items"][0]["id"]
            run.pass_time(minutes=1)
            run.world.handle(Call.of("PUT", f"/api/v2/triggers/{first}", body=b'{"trigger": {"title": "Mine now"}}',
                                     headers={"accept": "application/json"}, authorization=f"Bearer {run.world.ready_token}"))
    play = Play(tmp_path / "i", book(TRIGGERS, OFF, LAST),
                {"off": ["yes", "yes", {"skip": "ask its owner"}], "last": [{"undo": "yes"}, CALLED]}, before_ask=meddle).walk()
    failed, = play.entries("step.failed")
    assert (failed.item, failed.data["undo"]) == (0, True)
    assert "It changed since" in failed.disclosed["reason"]
    assert play.step("off").state == "done"
    assert list(undoable(play.state.runs["r1"])["off"]) == [0]


def test_what_is_lost_says_why(tmp_path: Path) -> None:
    """An irreversible step cannot be undone, one done by hand recorded nothing, one that sent nothing is neither."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, END, LAST),
                {"suspend": {"by_hand": "In the console"}, "end_sessions": {"type": "phrase"}, "last": CALLED}).walk()
    assert lost(play.step("end_sessions")) == "what it did has no undo"
    assert "by hand" in lost(play.step("suspend"))
    assert lost(play.step("agent")) == ""
    assert not undoable(play.state.runs["r1"])


def test_a_failure_offers_to_undo_the_step_before(tmp_path: Path) -> None:
    """The menu of a refused request has `u undo step 2` beside retry; taking it leads back to the failed step."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND, DOWNGRADE),
                {"suspend": ["yes", "yes"], "downgrade": ["yes", {"undo": "yes"}, {"skip": "the owner said no"}]})

    def refuse(run: Play, question: Question) -> None:
        if (question.step, question.name) == ("downgrade", "gate") and not run.entries("step.failed"):
            assert run.session is not None
            run.session.ctx.perform.faults = _Refused()      # type: ignore[attr-defined]
    play.before_ask = refuse
    play.walk()
    menu = next(q for q in play.asked if q.name == "menu")
    assert menu.letters["u"] == "undo step 2"
    assert play.step("suspend").state == "undone"
    assert play.step("downgrade").state == "skipped"


class _Refused:
    """The next write is answered 403."""

    left = 1

    def judge(self, _connector: str, method: str, _path: str, **_answered: int | None) -> Fault | None:
        if method == "PUT" and self.left:
            self.left = 0
            return Fault("zendesk", "PUT /api/v2/users/*", None, {"status": 403}, 1)
        return None


def test_the_undo_of_an_approved_step_is_approved_too(tmp_path: Path) -> None:
    """The first approval was for other requests: a second person is asked again, and the undo leaves on that answer."""
    lead = Lead()
    play = Play(tmp_path / "i", book(AGENT, APPROVED, LAST), {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]},
                before_ask=lead).walk()
    assert play.paused is None
    assert play.step("suspend").state == "undone"
    asked, again = play.entries("approval.asked")
    assert asked.data["fingerprint"] != again.data["fingerprint"]
    assert lead.seen == [asked.seq, again.seq]
    first, second = play.entries("request.sending")
    assert [first.data["approval"], second.data["approval"]] == [given.seq for given in play.entries("approval.given")]
    assert verify(play.folder).findings == []


def test_the_gate_of_an_undo_shows_its_own_request_alone(tmp_path: Path) -> None:
    """The agreement that the step was sent on is still good by the clock: no gate, and no word, of the undo rides on it."""
    play = Play(tmp_path / "i", book(AGENT, APPROVED, LAST), {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]},
                before_ask=Lead()).walk()
    _, gate = play.heard(Sends)
    assert gate.approve == "lead: waiting for a second person   irkit approve i suspend"
    said = [line for one in play.heard(News) for line in one.lines]
    assert not any("is not what entry" in line for line in said)
    assert len([line for line in said if "sam agreed" in line]) == 2


def test_whoever_approves_an_undo_is_told_that_it_is_one(tmp_path: Path) -> None:
    """Title, action and reason are those of the undo, and not of the step that it takes back."""
    play = Play(tmp_path / "i", book(AGENT, APPROVED, LAST), {"suspend": ["yes", "yes"], "last": [{"undo": "yes"}, CALLED]},
                before_ask=Lead()).walk()
    first, again = play.entries("approval.asked")
    assert (first.data["action"], first.disclosed["approval.title"]) == ("zendesk.suspend_user", "Suspend the account")
    assert (again.data["action"], again.disclosed["approval.title"]) == ("zendesk.unsuspend_user", "Undo: Suspend the account")
    assert again.disclosed["approval.why"].startswith("Restores what was there before entry")
    assert "undo" not in first.data
    assert (again.data["undo"], again.ref) == (True, None)


def test_an_undo_that_is_sent_again_is_agreed_to_again(tmp_path: Path) -> None:
    """Its request was lost: the agreement it left on is used up, as it is for any other send."""
    def lose(run: Play, question: Question) -> None:
        if question.name == "gate" and run.step("suspend").undos:
            assert run.session is not None
            run.session.ctx.perform.faults = losing      # type: ignore[attr-defined]
        Lead()(run, question)

    losing = _NeverArrives()
    play = Play(tmp_path / "i", book(AGENT, APPROVED, LAST),
                {"suspend": ["yes", "yes", {"look_again": "yes"}, {"send": "yes"}, "yes"], "last": [{"undo": "yes"}, CALLED]},
                before_ask=lose).walk()
    assert play.paused is None
    assert play.step("suspend").state == "undone"
    sent = [entry.data["approval"] for entry in play.entries("request.sending")]
    assert len(sent) == len(set(sent)) == 3
    assert verify(play.folder).findings == []


class _NeverArrives:
    """The next write never arrives."""

    left = 1

    def judge(self, _connector: str, method: str, _path: str, **_answered: int | None) -> Fault | None:
        if method == "PUT" and self.left:
            self.left = 0
            return Fault("zendesk", "PUT /api/v2/users/*", "before", None, 1)
        return None


def test_the_undo_of_an_approved_step_waits_for_a_second_person(tmp_path: Path) -> None:
    """Nobody agrees to it, or somebody refuses: nothing leaves, and the step stays as it was sent."""
    for kind in ("nobody", "approval.refused"):
        def answer(run: Play, question: Question, kind: str = kind) -> None:
            if not run.entries("request.sending"):
                Lead()(run, question)
            elif kind != "nobody":
                Lead(kind)(run, question)
        play = Play(tmp_path / kind, book(AGENT, APPROVED, LAST),
                    {"suspend": ["yes", {"skip": "she said no"}], "last": [{"undo": "yes"}, CALLED]}, before_ask=answer).walk()
        assert len(play.entries("request.sending")) == 1
        assert play.step("suspend").state == "done"
        assert not play.entries("step.undone")
        assert len(play.entries("approval.asked")) == 2
