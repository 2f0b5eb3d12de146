"""Values that no step gave: asked for by the type of their place, and never a prompt that nobody can leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from irkit.action import Email, Item, UserId
from irkit.connectors import find, names
from irkit.engine.ask import type_word
from irkit.engine.gate import Question, Trouble
from irkit.runbook import result_fields
from irkit.worlds import Fault
from tests.engine.play import AGENT, OPTIONS, SUSPEND, Play, book
from tests.engine.test_fanout import OFF, TRIGGERS
from tests.gates.plays import Typed

READS = """
  - id: reads
    phase: preserve
    title: Keep what the account read
    why: It ages out.
    action: zendesk.collect_reads
    with: {since: "2026-02-01T00:00:00Z", user_ids: ["{{ steps.agent.id }}"]}
"""
NOT_A_TIME = READS.replace("2026-02-01T00:00:00Z", "{{ inputs.agent_email }}").replace("{{ steps.agent.id }}", "8")
NOBODY = [Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 404}, 1)]
SKIPPED = {"skip": "no such account"}


def of(play: Play, step: str) -> list[Question]:
    return [question for question in play.asked if question.step == step]


def test_a_value_inside_a_list_is_asked_for_as_one_element(tmp_path: Path) -> None:
    """One user id is wanted where `user_ids` holds one template, and what is typed is used."""
    play = Play(tmp_path / "i", book(AGENT, READS), {"agent": SKIPPED, "reads": {"fields": {"steps.agent.id": "8"}}},
                faults=NOBODY).walk()
    assert play.step("reads").args["user_ids"] == ["8"]
    assert play.step("reads").state == "done"
    question, = of(play, "reads")
    assert question.prompt == "steps.agent.id is not known. Its value (user id)"


@pytest.mark.parametrize(("answer", "state"), [
    ({"skip": "nobody knows"}, "skipped"), ({"by_hand": "kept by the vendor"}, "by_hand")])
@pytest.mark.parametrize("step", [READS, SUSPEND.replace("id: suspend", "id: reads")])
def test_whoever_does_not_know_it_leaves_the_step(step: str, answer: dict[str, str], state: str, tmp_path: Path) -> None:
    """Skipped with a reason or done by hand, as at any gate; nothing is asked of the vendor."""
    play = Play(tmp_path / "i", book(AGENT, step), {"agent": SKIPPED, "reads": answer}, faults=NOBODY).walk()
    assert (play.paused, play.step("reads").state) == (None, state)
    assert [e for e in play.entries("request.answer") if e.step == "reads"] == []
    assert len([e for e in play.entries("step.started") if e.step == "reads"]) == 1


@pytest.mark.parametrize("typed", ["none", "-", "None"])
def test_none_is_no_user_id(typed: str, tmp_path: Path) -> None:
    """It is refused with the ways out, and never sent as if it were somebody's number."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"agent": SKIPPED, "suspend": {"fields": {"steps.agent.id": typed}}},
                faults=NOBODY).walk()
    assert play.paused is not None
    assert "steps.agent.id is needed here" in str(play.paused)
    assert "s, d, m" in str(play.paused)


@pytest.mark.parametrize("types", [
    ["p"], ["n", "a note", "g 9", "g 1", "s", "still nobody", "s", "enough"], ["d", "s", "enough"]])
def test_every_way_out_of_a_gate_leads_out_of_it_too(types: list[object], tmp_path: Path) -> None:
    """A pause, a note on the way, another step, later."""
    play = Typed(tmp_path / "i", book(AGENT, SUSPEND), {}, types=["s", "no such account", *types],
                 faults=[Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 404}, None)]).walk()
    assert (play.paused is not None) is (types == ["p"])
    assert not play.entries("request.sending")


def test_a_value_that_does_not_fit_leaves_a_way_out(tmp_path: Path) -> None:
    """An address where a time is wanted: said as a failure, with the command that corrects it, and the step can be left."""
    play = Play(tmp_path / "i", book(NOT_A_TIME), {"reads": {"skip": "the runbook is wrong"}}).walk()
    assert (play.paused, play.step("reads").state) == (None, "skipped")
    trouble: Trouble = play.heard(Trouble)[0]
    assert (trouble.label, trouble.command) == ("FAILED", "irkit correct i NAME=VALUE")
    assert "is not a time" in trouble.lines[0]


def test_a_corrected_input_is_taken_at_the_next_try(tmp_path: Path) -> None:
    """`irkit correct` in another terminal, then r: the step goes on with the new value."""
    def correct(play: Play, question: Question) -> None:
        if question.name == "menu":
            assert play.session is not None
            play.session.record("input.corrected", {"input": "agent_email"}, {"inputs.agent_email": "2026-02-01T00:00:00Z"},
                                by="human")

    play = Play(tmp_path / "i", book(NOT_A_TIME), {"reads": {"retry": "yes"}}, before_ask=correct).walk()
    assert play.step("reads").state == "done"


def test_an_element_without_the_field_leaves_a_way_out(tmp_path: Path) -> None:
    """A list that was typed by hand has ids alone: an item that lacks what the step wants is a failure to be skipped."""
    named = OFF.replace("{{ item.id }}", "{{ item.number }}")
    play = Play(tmp_path / "i", book(TRIGGERS, named), {"off": {"skip": "in the console"}},
                options={**OPTIONS, "attack": "admin_takeover"}).walk()
    assert play.step("off").state == "skipped"
    assert "item.number is not in this element of the list" in play.heard(Trouble)[0].lines[0]


def test_a_field_that_is_not_known_is_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    """Done by hand without the id: "none" leaves it out, and the step that needs it asks."""
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {
        "agent": {"by_hand": "Rang their manager", "fields": {"id": "none"}}, "suspend": {"skip": "no number"}},
        faults=NOBODY).walk()
    assert "id" not in play.step("agent").result
    assert [q.name for q in of(play, "suspend")] == ["field", "reason"]


def test_what_was_sent_and_is_not_settled_is_not_just_skipped(tmp_path: Path) -> None:
    """An answer was lost, and then the value is gone: by hand or a pause, and no way to leave it out."""
    ways: list[dict[str, str]] = []

    def forgotten(play: Play, question: Question) -> None:
        if question.name == "field" and question.step == "suspend":
            ways.append(dict(question.letters))

    lost = Fault("zendesk", "PUT /api/v2/users/*", "before", None, 1)
    play = Play(tmp_path / "i", book(AGENT, SUSPEND), {"suspend": "yes"}, faults=[lost]).walk()
    assert play.paused is not None
    play.faults = [lost, Fault("zendesk", "GET /api/v2/users/search*", None, {"status": 404}, None)]
    play.answers, play.before_ask = {"agent": SKIPPED, "suspend": {"by_hand": "Seen in the console"}}, _again(forgotten)
    play.walk()
    assert [set(letters) for letters in ways] == [{"m", "n", "p"}]
    assert play.step("suspend").state == "by_hand"


def _again(then: Callable[[Play, Question], None]) -> Callable[[Play, Question], None]:
    """Goes to step 1 at the first question, where the account is no longer found."""
    from irkit.engine.ending import GoTo
    went: list[str] = []

    def ask(play: Play, question: Question) -> None:
        if not went:
            went.append("agent")
            raise GoTo("agent")
        then(play, question)
    return ask


@pytest.mark.parametrize(("kind", "words"), [
    (list[UserId] | None, "user ids, separated by commas; none for nothing"),
    (tuple[str, ...], "texts, separated by commas; none for nothing"),
    (list[Literal["read", "write"]], "one of read, write, each, separated by commas; none for nothing"),
    (tuple[Item, ...], "ids, separated by commas; none for nothing"), (UserId, "user id"), (Email, "e-mail address"),
    (str | None, "text; none for nothing"), (datetime, "time"), (bool | None, "yes or no; none for nothing"), (Any, "text")])
def test_what_is_to_be_typed_is_said_in_words(kind: Any, words: str) -> None:
    """No name of a Python type reaches a screen."""
    assert type_word(kind) == words


def test_no_kind_of_any_action_is_said_as_code() -> None:
    """Parameters and results of every connector that irkit comes with."""
    actions = [action for name in names() for action in find(name).actions.values()]
    kinds = [kind for action in actions
             for kind in (*(param.type for param in action.params.values()), *result_fields(action).values())]
    said = {type_word(kind) for kind in kinds}
    assert len(kinds) > 300
    assert [words for words in said if any(mark in words for mark in "[].|<>_")] == []
