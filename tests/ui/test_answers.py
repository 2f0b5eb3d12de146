"""Answers from a file: what is listed is typed, what is not listed pauses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from irkit.engine.gate import News, Question, Said
from irkit.errors import Paused
from irkit.ui.answers import Scripted

GATE = Question(
    "gate",
    "Send it?",
    "suspend",
    letters={"y": "yes", "s": "skip", "d": "defer", "m": "did it by hand", "n": "note", "p": "pause"},
)
PHRASE = Question("gate", "Type END 3 SESSIONS to send", "suspend", phrase="END 3 SESSIONS", letters={"s": "skip", "n": "note"})
DONE = Question("gate", "Done?", "suspend", letters={"m": "done", "s": "skip", "n": "note"})
UNKNOWN = Question("menu", "", "suspend", letters={"l": "look again (safe)", "m": "I checked by hand"})
CHOICE = Question("choice", "Your decision", "suspend", letters={"yes": "Yes", "no": "No", "s": "skip", "n": "note"})
VERDICT = Question("choice", "An attack?", "suspend", letters={"true": "Yes", "false": "No", "yes": "Both", "s": "skip"})
VALUE = Question("field", "Its value", "suspend", key="steps.agent.id", letters={"s": "skip", "p": "pause"}, parse=int)
NEEDED = Question("when_unknown", "Is this step needed?", "suspend", letters={"y": "needed", "x": "not needed", "n": "note"})


def scripted(answer: object, *, literal: bool = True, **more: object) -> Scripted:
    return Scripted({"suspend": answer, **more}, phrases_literal=literal, talk=lambda said: None)


def text(name: str, prompt: str = "", **more: object) -> Question:
    return Question(name, prompt, "suspend", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "answer", "typed"),
    [
        (GATE, "yes", "y"),
        (GATE, "y", "y"),
        (GATE, True, "y"),
        (GATE, {"send": True}, "y"),
        (GATE, {"skip": "the owner is asleep"}, "s"),
        (GATE, {"defer": "yes"}, "d"),
        (GATE, {"by_hand": "suspended it"}, "m"),
        (GATE, "pause", "p"),
        (DONE, {"by_hand": "called them"}, "m"),
        (DONE, "done", "m"),
        (PHRASE, {"type": "END 3 SESSIONS"}, "END 3 SESSIONS"),
        (PHRASE, "END 3 SESSIONS", "END 3 SESSIONS"),
        (UNKNOWN, {"look_again": "yes"}, "l"),
        (UNKNOWN, {"send": "yes", "look_again": "yes"}, "l"),
        (UNKNOWN, {"by_hand": "checked"}, "m"),
        (CHOICE, "no", "no"),
        (CHOICE, False, "no"),
        (CHOICE, {"choice": True, "reason": "rows in the log"}, "yes"),
        (VERDICT, False, "false"),
        (VERDICT, {"choice": True, "reason": "Seen"}, "true"),
        (VERDICT, "false", "false"),
        (VERDICT, {"skip": True}, "s"),
        (NEEDED, {"needed": False}, "x"),
        (CHOICE, {"choice": "no", "reason": "none in the log"}, "no"),
        (CHOICE, {"skip": "later"}, "s"),
        (NEEDED, {"needed": "no"}, "x"),
        (NEEDED, {"needed": True}, "y"),
    ],
)
def test_a_listed_act_becomes_the_letter_or_phrase(question: Question, answer: object, typed: str) -> None:
    """Acts are written in words; each question has its own letters for them."""
    assert scripted(answer).ask(question, list) == typed


@pytest.mark.parametrize(
    ("question", "answer", "typed"),
    [
        (text("reason"), {"skip": "asleep"}, "asleep"),
        (text("reason"), {"choice": "no", "reason": "none"}, "none"),
        (text("how"), {"by_hand": "called them"}, "called them"),
        (text("how"), {"by_hand": "yes", "how": "by phone"}, "by phone"),
        (text("who", default="maria"), {"by_hand": "x"}, "maria"),
        (text("who", default="maria"), {"who": "wei"}, "wei"),
        (text("when", default="now"), {"by_hand": "x"}, "now"),
        (text("evidence", path=True), {"attach": "text:a screenshot"}, "text:a screenshot"),
        (text("evidence", required=False), {"by_hand": "x"}, ""),
        (text("field", "count (int), for later steps", key="count", parse=int), {"fields": {"count": 2}}, "2"),
        (VALUE, {"fields": {"steps.agent.id": 8}, "skip": "later"}, "8"),
        (VALUE, {"skip": "nobody knows"}, "s"),
        (text("field", "verdict (text), for later steps", key="verdict"), {"fields": {"verdict": True}}, "true"),
        (text("note", "Note"), {"note": "a Tor exit"}, "a Tor exit"),
        (Question("inject", "What do you answer?", "suspend"), "no comment", "no comment"),
        (Question("inject", "What do you answer?", key="suspend"), "no comment", "no comment"),
    ],
)
def test_texts_follow_their_act(question: Question, answer: object, typed: str) -> None:
    """Reason, how, who, when, evidence, fields and notes come from the same step."""
    assert scripted(answer).ask(question, list) == typed


@pytest.mark.parametrize(
    ("question", "answer", "why"),
    [
        (GATE, {"type": "END 3 SESSIONS"}, "does not list"),
        (GATE, {"send": "no"}, "does not list"),
        (PHRASE, "yes", "does not list|asks for the phrase"),
        (PHRASE, {"type": "END 4 SESSIONS"}, "asks for the phrase END 3 SESSIONS; drill.yaml holds END 4 SESSIONS"),
        (PHRASE, {"type": "phrase"}, "asks for the phrase"),
        (UNKNOWN, {"send": "yes"}, "does not list"),
        (CHOICE, "perhaps", "does not list"),
        (NEEDED, "yes", "does not list"),
        (text("reason"), {"choice": "no"}, "does not list"),
        (text("evidence"), {"by_hand": "x"}, "does not list"),
        (text("field", "count (int), for later steps", key="count", parse=int), {"fields": {"count": "many"}},
         "invalid literal"),
        (VALUE, {"fields": {"steps.agent.id": "many"}}, "invalid literal"),
        (VALUE, "yes", "does not list"),
        (Question("gate", "Send it?", "another", letters={"y": "yes"}), "yes", "of another"),
    ],
)
def test_what_is_not_listed_pauses(question: Question, answer: object, why: str) -> None:
    """Never a default, never a guess: the run pauses and says which question is missing."""
    gate = Scripted({"suspend": answer}, phrases_literal=True, talk=lambda said: None, source="drill.yaml")
    with pytest.raises(Paused, match=why):
        gate.ask(question, list)


def test_a_scenario_may_leave_out_phrases_and_reasons() -> None:
    """What `{type: phrase}` stands for is known in a drill, and a reason is not what is tested."""
    gate = scripted({"type": "phrase"}, literal=False)
    assert gate.ask(PHRASE, list) == "END 3 SESSIONS"
    assert gate.ask(text("reason"), list) == "as scripted"
    assert gate.ask(NEEDED, list) == "y"


def test_an_act_is_used_once() -> None:
    """The same menu again pauses instead of looping for ever."""
    gate = scripted("yes")
    assert gate.ask(GATE, list) == "y"
    with pytest.raises(Paused):
        gate.ask(GATE, list)


@pytest.mark.parametrize(("choices", "typed"), [(("false", "no"), "false"), (("yes", "no"), "no")])
def test_an_input_that_is_chosen_by_an_unquoted_word(choices: tuple[str, ...], typed: str) -> None:
    """`false` is the choice of that name where there is one, and "no" where there is none."""
    def parse(text: str) -> object:
        if text not in choices:
            raise ValueError(f"{text} is none of {choices}")
        return text

    gate = Scripted({"inputs": {"attack": False}}, phrases_literal=True, talk=lambda said: None)
    assert gate.ask(Question("input", "An attack?", key="attack", parse=parse), list) == typed


def test_a_choice_in_one_word_is_one_act() -> None:
    """ "yes" is a choice or a gate's letter, not one after the other."""
    gate = scripted("yes")
    assert gate.ask(CHOICE, list) == "yes"
    with pytest.raises(Paused):
        gate.ask(GATE, list)


def test_a_script_can_go_to_a_step() -> None:
    """ "g 3" is typed where the question offers g N, and is no answer where it does not."""
    gate = scripted("g 3")
    assert gate.ask(replace(GATE, more_words={"g N": "go to step N"}), list) == "g 3"
    with pytest.raises(Paused):
        scripted("g 3").ask(PHRASE, list)


def test_several_answers_of_one_step_are_used_in_turn() -> None:
    """A step that comes back, or does not go well, has an act for each time."""
    gate = scripted([{"defer": True}, {"note": "trying"}, "yes", {"look_again": True}, {"by_hand": "checked"}])
    assert [gate.ask(GATE, list) for _ in range(3)] == ["d", "n", "y"]
    assert [gate.ask(UNKNOWN, list) for _ in range(2)] == ["l", "m"]


def test_inputs_have_their_own_place() -> None:
    """The runbook's inputs are listed under `inputs`, by name."""
    gate = Scripted({"inputs": {"agent_email": "dana@acme.com"}}, phrases_literal=True, talk=lambda said: None)
    assert gate.ask(Question("input", "Which account?", key="agent_email"), list) == "dana@acme.com"
    with pytest.raises(Paused):
        gate.ask(Question("input", "Look back to when?", key="since"), list)


def test_news_is_shown_before_the_answer() -> None:
    """A script hears what arrives, too; and what it answers is shown."""
    heard: list[object] = []
    typed: list[tuple[str, str]] = []
    answers: Mapping[str, object] = {"suspend": "yes"}
    gate = Scripted(answers, phrases_literal=True, talk=heard.append, typed=lambda q, a: typed.append((q.prompt, a)))
    news: list[Said] = [News(["Note from sam: go"])]
    gate.ask(GATE, lambda: news)
    gate.say(news[0])
    assert heard == [*news, *news]
    assert typed == [("Send it?", "y")]


def test_items_that_were_to_be_left_out_are_never_sent_instead() -> None:
    """With one item left a gate offers no `except`: the run pauses, and the `yes` behind it is not taken."""
    gate = scripted([{"except": "2", "reason": "ours"}, "yes"])
    with pytest.raises(Paused, match="leaves items of suspend out"):
        gate.ask(GATE, list)
