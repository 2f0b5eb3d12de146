"""A step over many items: one gate, many sends, an outcome each."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.engine.except_some import numbers
from irkit.engine.gate import Progress, Question, Sends, Trouble
from irkit.worlds import Call, Fault
from tests.engine.play import OPTIONS, Play, book

SESSIONS = """
  - id: sessions
    phase: preserve
    title: Keep all sessions
    why: They name the people who are signed in.
    action: zendesk.collect_sessions
"""
SUSPEND_ALL = """
  - id: suspend_all
    phase: contain
    title: Suspend everybody who is signed in
    why: Several sessions may belong to one person.
    for_each: "{{ steps.sessions.items }}"
    action: zendesk.suspend_user
    with: {user_id: "{{ item.owner }}"}
"""
TRIGGERS = """
  - id: triggers
    phase: preserve
    title: List the triggers
    why: One may forward mail.
    action: zendesk.collect_triggers
"""
OFF = """
  - id: off
    phase: contain
    title: Turn every trigger off
    why: A test of many items.
    for_each: "{{ steps.triggers.items }}"
    action: zendesk.disable_trigger
    with: {trigger_id: "{{ item.id }}"}
"""


def play(folder: Path, answers: dict[str, object], *faults: Fault) -> Play:
    return Play(folder, book(TRIGGERS, OFF), answers, faults=faults).walk()


def test_one_gate_covers_all_items_and_each_has_its_own_outcome(tmp_path: Path) -> None:
    """The gate counts the requests; every item ends with an entry of its own that carries its number."""
    run = play(tmp_path / "i", {"off": "yes"})
    gate = run.heard(Sends)[0]
    items = run.step("off").items
    assert gate.count == len(run.entries("request.sending"))
    assert gate.count > 3
    assert set(items.values()) == {"done"}
    assert sorted(items) == list(range(len(run.step("triggers").result["items"])))
    assert len([q for q in run.asked if q.step == "off"]) == 1
    assert run.heard(Progress)[-1].final


def test_the_same_request_for_two_items_is_sent_once(tmp_path: Path) -> None:
    """Two sessions of one person: their suspension is sent once, and a look settles the other item."""
    run = Play(tmp_path / "i", book(SESSIONS, SUSPEND_ALL), {"suspend_all": ["yes", {"skip": "the account's owner"}]}).walk()
    people = [item["owner"] for item in run.step("sessions").result["items"]]
    sent = [e.disclosed["request.url"] for e in run.entries("request.sending")]
    assert len(people) > len(set(people)) == len(set(sent)) == len(sent)


def test_a_refused_item_is_shown_and_the_rest_is_done(tmp_path: Path) -> None:
    """A 403 on one of many: that item fails, the menu offers to look again, nothing else is repeated."""
    run = play(tmp_path / "i", {"off": ["yes", {"skip": "the owner of the account"}]},
               Fault("zendesk", "PUT /api/v2/triggers/*", None, {"status": 403}, 1))
    words = list(run.step("off").items.values())
    assert words.count("skipped") == 1
    assert words.count("done") == len(words) - 1
    assert run.heard(Trouble)[0].label == "FAILED"
    assert run.step("off").result["skipped"] == 1


def test_a_lost_answer_of_one_item_is_settled_by_a_look(tmp_path: Path) -> None:
    """Looking again finds the item done; its request is not repeated."""
    run = play(tmp_path / "i", {"off": ["yes", {"look_again": "yes"}]},
               Fault("zendesk", "PUT /api/v2/triggers/*", "after", None, 1))
    urls = [e.disclosed["request.url"] for e in run.entries("request.sending")]
    assert len(urls) == len(set(urls))
    assert set(run.step("off").items.values()) == {"done"}


def test_an_empty_list_is_done_without_asking(tmp_path: Path) -> None:
    """for_each over nothing asks nobody and sends nothing."""
    webhooks = TRIGGERS.replace("collect_triggers", "collect_webhooks")
    nobody = OFF.replace("steps.triggers.items", "steps.triggers.suspects")
    run = Play(tmp_path / "i", book(webhooks, nobody), {}, options={**OPTIONS, "attack": ""}).walk()
    assert run.step("off").state == "done"
    assert not run.entries("request.sending")


def test_an_item_that_changed_since_it_was_agreed_leaves_the_batch(tmp_path: Path) -> None:
    """Six minutes at the gate, and one trigger was turned off elsewhere: it is looked at again and not sent."""
    def elsewhere(run: Play, question: Question) -> None:
        if question.name == "gate" and not run.ticks.now:
            run.pass_time(minutes=6)
            first = run.step("triggers").result["items"][0]["id"]
            run.world.handle(Call.of("PUT", f"/api/v2/triggers/{first}", body=b'{"trigger": {"active": false}}',
                                     headers={"accept": "application/json"}, authorization=f"Bearer {run.world.ready_token}"))
    run = Play(tmp_path / "i", book(TRIGGERS, OFF), {"off": ["yes", {"look_again": "yes"}]}, before_ask=elsewhere).walk()
    assert len(run.entries("request.sending")) == run.heard(Sends)[0].count - 1
    assert any("left the batch" in e.disclosed.get("reason", "") for e in run.entries("step.failed"))
    assert set(run.step("off").items.values()) == {"done"}


def test_a_waiting_item_frees_its_worker(tmp_path: Path) -> None:
    """Each sign-out waits a minute for its second list; many of them wait at the same time."""
    end_all = SUSPEND_ALL.replace("Suspend everybody", "Sign out everybody").replace("suspend_user", "end_sessions").replace(
        "id: suspend_all", "id: end_all")
    run = Play(tmp_path / "i", book(SESSIONS, end_all), {"end_all": {"type": "phrase"}}).walk()
    began = run.step("sessions").at
    ended = run.step("end_all").at
    assert began is not None
    assert ended is not None
    assert len(run.entries("request.sending")) > 3
    assert (ended - began).total_seconds() < 2 * 60


def test_ctrl_c_stops_after_the_calls_in_flight_and_resume_repeats_nothing(tmp_path: Path) -> None:
    """What was sent is settled, what was not is sent after a new gate, and no request leaves twice."""
    run = Play(tmp_path / "i", book(TRIGGERS, OFF), {"off": ["yes", "yes"]})

    def stop(said: object) -> None:
        if isinstance(said, Progress) and not said.looks and run.session is not None and said.done == 1 and not run.paused:
            run.session.ctx.interrupts.asked.set()
    run.on_say = stop
    run.walk()
    assert run.paused is not None
    run.on_say = lambda _said: None
    run.walk()
    urls = [e.disclosed["request.url"] for e in run.entries("request.sending")]
    assert len(urls) == len(set(urls))
    assert set(run.step("off").items.values()) == {"done"}


# -- except some, and what is still open ---------------------------------------------------------------------------

END_ALL = SUSPEND_ALL.replace("Suspend everybody", "Sign out everybody").replace("suspend_user", "end_sessions").replace(
    "id: suspend_all", "id: end_all")


def test_except_some_makes_the_plan_and_the_phrase_smaller(tmp_path: Path) -> None:
    """`e`, a number and a reason: the gate asks again, with the new count in its phrase; what is left out is skipped."""
    run = Play(tmp_path / "i", book(SESSIONS, END_ALL),
               {"end_all": [{"except": "1", "reason": "our own"}, {"type": "phrase"}, {"skip": "the rest"}]}).walk()
    whole, smaller = run.heard(Sends)[:2]
    assert (smaller.count, smaller.left_out) == (whole.count - 1, 1)
    gates = [q.phrase for q in run.asked if q.name == "gate"]
    assert gates[0] != gates[1]
    assert gates[1] == smaller.phrase
    assert len(run.entries("request.sending")) == smaller.count
    skipped = run.entries("step.skipped")[0]
    assert (skipped.item, skipped.disclosed["reason"]) == (0, "our own")
    assert run.entries("step.asked")[0].data["count"] == smaller.count


def test_items_are_left_out_by_name_and_by_range() -> None:
    """Numbers, ranges and names; nothing changes the numbers of the others."""
    shown = {"1": "Tag refunds", "2": "a, b", "3": "Notify", "5": "Dana"}
    assert numbers("2-4, dana", shown) == [2, 3, 5]
    assert numbers("A, B", shown) == [2]
    for wrong in ("4", "0", "5-2", "somebody", "1-5", "1,2,3,5"):
        with pytest.raises(ValueError, match=r"no item|nothing to send"):
            numbers(wrong, shown)


def test_leaving_some_out_and_pausing_leaves_nothing_decided(tmp_path: Path) -> None:
    """What was left out is skipped only once the rest was agreed to."""
    run = play(tmp_path / "i", {"off": [{"except": "1", "reason": "ours"}, {"pause": "yes"}]})
    assert run.paused is not None
    assert not run.entries("step.skipped")
    assert not run.entries("request.sending")


def test_retry_takes_the_failed_after_a_fresh_look_and_never_the_unknown(tmp_path: Path) -> None:
    """One refused, one without an answer: r sends the refused one alone; the unknown one is looked at and not repeated."""
    run = play(tmp_path / "i", {"off": ["yes", {"retry": "yes"}, "yes", {"look_again": "yes"}]},
               Fault("zendesk", "PUT /api/v2/triggers/*", None, {"status": 403}, 1),
               Fault("zendesk", "PUT /api/v2/triggers/*", "after", None, 1))
    first = next(q for q in run.asked if q.name == "menu")
    assert first.letters["r"] == "retry the 1 not sent, after a fresh look"
    assert run.heard(Sends)[1].count == 1
    sent = [(e.item, e.disclosed["request.url"]) for e in run.entries("request.sending")]
    refused = next(e.item for e in run.entries("step.failed"))
    unknown = next(e.item for e in run.entries("step.unknown"))
    assert [item for item, _ in sent].count(refused) == 2
    assert [item for item, _ in sent].count(unknown) == 1
    assert set(run.step("off").items.values()) == {"done"}


def test_each_item_is_skipped_with_its_own_reason(tmp_path: Path) -> None:
    """`e` in the menu asks for a reason for each; an answers file gives them by number."""
    whys = {str(number): f"the reason of {number}" for number in range(1, 10)}
    run = play(tmp_path / "i", {"off": ["yes", {"skip_each": "yes", "fields": whys}]},
               Fault("zendesk", "PUT /api/v2/triggers/*", None, {"status": 403}, 2))
    refused = sorted(e.item for e in run.entries("step.failed") if e.item is not None)
    assert len(refused) == 2
    assert [q.key for q in run.asked if q.name == "reason"] == [str(item + 1) for item in refused]
    assert [(e.item, e.disclosed["reason"]) for e in run.entries("step.skipped")] == [
        (item, whys[str(item + 1)]) for item in refused]
