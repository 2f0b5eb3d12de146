"""Answers from a file: `--answers FILE`, live or in a drill, and a scenario's autoplay.

Answers are given by step (an inject by its id; a question of no step by its name). One is a word, or a mapping:

    preserve: yes                                       # y on its gate
    end_sessions: {type: "END 212 SESSIONS"}            # the phrase; `phrase` stands for it in scenarios only
    api_tokens: {by_hand: "Deactivated 2", attach: "text:…", who: Wei, when: now, fields: {count: "2"}}
    revoke: {by_hand: "With curl", attach: "paste:", paste: '{"token": {"id": 7}}'}      # or attach: "paste:answer.json"
    exported: {choice: "no", reason: "The log shows none"}
    rotate: {skip: "The owner is asleep"}
    lead: Sam Ng                                        # who holds a role that nobody holds, by the role
    notify: [{defer: yes}, {by_hand: "Called"}]         # one after the other
    suspend_all: [{except: "2, 5-7", reason: "ours"}, {type: "…"}]      # items by number or by name; then the smaller gate
    revoke_all: [yes, {skip_each: yes, fields: {"3": "its owner is asleep"}}]     # a reason by the item's number

An unquoted true or false is the choice of that name, and yes or no where there is none.

Rules: each act is used once, so that no question is answered twice in the same way for ever; the first act that a question
offers is taken; what is not listed pauses the run, and so does a gate that does not offer an `except` whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from irkit.engine.gate import Question, Said
from irkit.errors import Paused
from irkit.ui.accept import options, refusal

# An act, and the words that a letter of a menu may have for it, the best match first.
ACTS: Mapping[str, Sequence[str]] = {
    "send": ("yes", "send"),
    "type": (),
    "choice": (),
    "by_hand": ("did it by hand", "checked by hand", "by hand", "done", "yes"),
    "skip": ("skip",),
    "defer": ("defer",),
    "look_again": ("look again", "look"),
    "retry": ("retry", "try again"),
    "ask_again": ("ask again",),
    "note": ("note",),
    "pause": ("pause",),
    "except": ("except some",),
    "skip_each": ("skip each",),
    "undo": ("undo step",),
}
ALIASES = {"y": "send", "yes": "send", "done": "by_hand", "again": "look_again"}
REASONS = ("reason", "skip", "defer", "unpreserved")        # where a reason may stand, the plainest first
AS_SCRIPTED = "as scripted"


Act = tuple[str, str]                    # its name in ACTS, and what was written with it


@dataclass
class _Step:
    """What is listed for one step: acts still to be used, each in the readings it allows, and texts for what is asked next."""

    acts: list[Sequence[Act]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class Scripted:
    """`irkit.engine.gate.Gate` that types what a file says.

    `answers["inputs"]` answers the questions for a runbook's inputs. With `phrases_literal` (any live run) a phrase must be
    written out in the file, count included, and a choice needs its reason. `talk` shows what is said, `typed` each question
    with its answer (`Talk.prompt`); `source` is where the answers come from, for messages.
    """

    scripted = True                      # the ledger's session says so

    def __init__(self, answers: Mapping[str, object], *, phrases_literal: bool, talk: Callable[[Said], None],
                 typed: Callable[[Question, str], None] | None = None, source: str = "the answers file") -> None:
        self._talk, self._typed = talk, typed
        self._literal, self._source = phrases_literal, source
        self._steps = {step: _parsed(answer) for step, answer in answers.items() if step != "inputs"}
        inputs = answers.get("inputs")
        self._inputs = {str(name): _text(value) for name, value in inputs.items()} if isinstance(inputs, Mapping) else {}

    def say(self, said: Said) -> None:
        self._talk(said)

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        """The listed answer. Raises Paused for a question that is not listed, or listed with what is no answer to it."""
        for said in poll():
            self._talk(said)
        answer = self._answer(question)
        why = self._unlisted(question) if answer is None else refusal(question, answer)
        if self._typed is not None:
            self._typed(question, "" if answer is None else answer)
        if answer is None or why:
            raise Paused(why)
        return answer

    def _answer(self, question: Question) -> str | None:
        if question.name == "input":
            given = self._inputs.get(question.key)
            return given if given is None or not refusal(question, given) else _meant(given)
        step = self._step(question)
        if question.name == "when_unknown":
            needed = {"yes": "needed", "no": "not needed"}.get(step.texts.get("needed", "" if self._literal else "yes"))
            return next((key for key, word in question.letters.items() if word == needed), None)
        if (question.letters or question.phrase) and question.key not in step.fields:
            return self._chosen(question, step)
        return self._written(question, step)

    def _step(self, question: Question) -> _Step:
        return self._steps.get(_place(question)) or _Step()

    # -- letters and phrases -----------------------------------------------------------------------------------------

    def _chosen(self, question: Question, step: _Step) -> str | None:
        """The letter or phrase for the first act that this question offers; that act is used up."""
        for i, readings in enumerate(step.acts):
            for act, value in readings:
                answer = self._offered(question, act, value)
                if answer is not None:
                    del step.acts[i]
                    return answer
            if question.name == "gate" and _leaves_out(readings):
                return None              # what comes after it would send the very items that were to stay
        return None

    def _offered(self, question: Question, act: str, value: str) -> str | None:
        if act == "type":
            spelled = question.phrase if value == "phrase" and not self._literal else value
            return spelled if question.phrase and spelled == question.phrase else None
        keys = options(question)
        if act == "choice":
            return value if value in keys or (" " in value and not refusal(question, value)) else None
        return next((key for wanted in ACTS[act] for key, word in keys.items() if wanted in word.lower()), None)

    # -- free text ---------------------------------------------------------------------------------------------------

    def _written(self, question: Question, step: _Step) -> str | None:
        match question.name:
            case "reason" if question.key in step.fields:
                return step.fields[question.key]
            case "reason":
                given = next((step.texts[key] for key in REASONS if step.texts.get(key)), None)
                return given or (None if self._literal else AS_SCRIPTED)
            case "field":
                return step.fields.get(question.key)
            case "how":
                return step.texts.get("how") or step.texts.get("by_hand")
            case "evidence":
                return step.texts.get("attach", None if question.required else "")
            case name if name in step.texts:
                return step.texts[name]
            case "who" | "when":
                return question.default or None
            case "role":
                return step.texts.get("answer") or question.default or None
        return step.texts.get("answer")

    def _unlisted(self, question: Question) -> str:
        place = _place(question)
        written = [value for readings in self._step(question).acts for act, value in readings if act == "type"]
        if question.phrase and written:
            return f"{place} asks for the phrase {question.phrase}; {self._source} holds {written[0]}"
        if question.name == "gate" and any(map(_leaves_out, self._step(question).acts)):
            return f"{self._source} leaves items of {place} out, and with what is left to send this gate offers no such choice"
        asked = question.phrase or question.prompt
        return f"{self._source} does not list this question of {place} ({question.name}): {asked}".rstrip(": ")


def _leaves_out(readings: Sequence[Act]) -> bool:
    return any(act == "except" for act, _ in readings)


def _place(question: Question) -> str:
    """Under which name an answer is listed: the step, the inject, or the question itself."""
    return question.step or question.key or question.name


def _parsed(answer: object) -> _Step:
    """One step's answers. Raises ValueError for a shape that is none of the above."""
    step = _Step()
    for part in answer if isinstance(answer, list | tuple) else [answer]:
        if isinstance(part, Mapping):
            _add(step, part)
        else:
            _add_word(step, _text(part))
    return step


def _add_word(step: _Step, word: str) -> None:
    """A bare word: one act, read as the question wants it: a choice, an act by its name, a phrase; or the text of an answer."""
    step.texts.setdefault("answer", word)
    act = ALIASES.get(_meant(word), word)
    named = [(act, word)] if act in ACTS else []
    step.acts.append([("choice", word), ("choice", _meant(word)), *named, ("type", word)])


def _add(step: _Step, answers: Mapping[Any, Any]) -> None:
    for key, value in answers.items():
        if key == "fields":
            step.fields |= {str(name): _text(given) for name, given in value.items()}
            continue
        text = _text(value) if key in ("choice", "type") else _meant(_text(value))
        if key == "choice":
            step.acts.append([(key, text), (key, _meant(text))])
        elif key == "type" or (key in ACTS and text not in ("no", "")):
            step.acts.append([(key, text)])
        if text and (text != "yes" or key not in ACTS):
            step.texts[str(key)] = text


def _text(value: object) -> str:
    """A leaf as text: YAML that was read elsewhere may have made a boolean or a number of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _meant(text: str) -> str:
    """What true and false mean where they are no names."""
    return {"true": "yes", "false": "no"}.get(text, text)
