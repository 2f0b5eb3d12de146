"""A drill's score: what should have happened by when and in which order, against what did happen.

A step counts when it is done, or was done by hand; accepted, skipped, unavailable and failed do not, because each of them
leaves open whether the thing was achieved. Times are the drill's, from the run's start; what came first the entries tell,
because the drill's clock may stand still and a script takes no time.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct

from irkit.engine.state import WITH_RESULT, RunState

START = "start"                # in `from:` and `to:`, the opening of the run instead of a step


class Stands(NamedTuple):
    """A step: its state as the fold names it, when it was settled on the drill's clock, and the entry that says so."""

    state: str
    at: datetime | None = None
    entry: int = -1


Reached = Mapping[str, Stands]     # by step ids


class Verdict(enum.Enum):
    OK = "ok"
    LATE = "late"
    WRONG_ORDER = "wrong order"
    NOT_REACHED = "not reached"
    MISSED = "missed"
    TIME = "time"              # a figure, which is neither good nor bad by itself


class Score(Struct, frozen=True):
    """One line of the result; `text` says when, in hours, minutes and seconds of the drill, or why not.

    `seconds` is the same of a figure, for comparisons; of a time from `first` to `seconds`, when its first step counted.
    """

    id: str
    verdict: Verdict
    text: str
    seconds: int | None = None
    first: int | None = None

    def line(self) -> str:
        return f"{self.verdict.value:<11} {self.id.removeprefix(f'{self.verdict.value}:'):<18} {self.text}"

    def json(self) -> dict[str, object]:
        more = {name: value for name, value in (("first", self.first), ("seconds", self.seconds)) if value is not None}
        return {"id": self.id, "verdict": self.verdict.value, "text": self.text, **more}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Score:
        """The line that `json` made."""
        return cls(kept["id"], Verdict(kept["verdict"]), kept["text"], kept.get("seconds"), kept.get("first"))


class Before(Struct, frozen=True):
    """`before: [first, second]`: the first step counts before the second does, or the second never does."""

    id: str
    first: str
    second: str

    @property
    def steps(self) -> tuple[str, ...]:
        return (self.first, self.second)

    def judge(self, started: datetime, reached: Reached) -> Score:
        first, second = (_when(step, started, reached) for step in self.steps)
        if first is None:
            verdict = Verdict.NOT_REACHED if second is None else Verdict.WRONG_ORDER
            return Score(self.id, verdict, _missing(self.first, reached))
        if second is None:
            return Score(self.id, Verdict.OK, f"{clock(first)}, {self.second} not at all")
        if reached[self.first].entry < reached[self.second].entry:
            return Score(self.id, Verdict.OK, f"{clock(first)}, before {clock(second)}")
        return Score(self.id, Verdict.WRONG_ORDER, f"{clock(first)}, after {clock(second)}")


class Within(Struct, frozen=True):
    """`from: start, to: step, within: 15m`. `start` may be a step, too; the time counts from when that was reached."""

    id: str
    start: str
    to: str
    within: timedelta

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(step for step in (self.start, self.to) if step != START)

    def judge(self, started: datetime, reached: Reached) -> Score:
        begin, end = _when(self.start, started, reached), _when(self.to, started, reached)
        if begin is None or end is None:
            return Score(self.id, Verdict.NOT_REACHED, _missing(self.start if begin is None else self.to, reached))
        took = max(end - begin, timedelta())
        verdict = Verdict.OK if took <= self.within else Verdict.LATE
        return Score(self.id, verdict, f"{clock(took)}, allowed {clock(self.within)}")


class Achieved(Struct, frozen=True):
    """`done: step`: the step counts, whenever."""

    id: str
    step: str

    @property
    def steps(self) -> tuple[str, ...]:
        return (self.step,)

    def judge(self, started: datetime, reached: Reached) -> Score:
        when = _when(self.step, started, reached)
        if when is None:
            return Score(self.id, Verdict.NOT_REACHED, _missing(self.step, reached))
        return Score(self.id, Verdict.OK, clock(when))


Rule = Before | Within | Achieved


def in_words(rule: Rule, titles: Mapping[str, str]) -> str:
    """What a rule asks of the team, as an objective; `titles` are the steps' by their ids."""
    def name(step: str) -> str:
        return f'"{titles.get(step, step)}"'
    match rule:
        case Before():
            return f"{name(rule.first)} comes before {name(rule.second)}"
        case Within():
            since = "the start" if rule.start == START else name(rule.start)
            return f"{name(rule.to)} within {clock(rule.within)} of {since}"
        case Achieved():
            return f"{name(rule.step)} is achieved"


def reached(run: RunState) -> Reached:
    """The steps of a run, as the rules look at them."""
    return {step.id: Stands(step.state, step.at, step.entry) for step in run.steps.values()}


def judge(rules: Iterable[Rule], *, started: datetime, reached: Reached) -> list[Score]:
    """One Score a rule, in the scenario's order. `started` is when the run opened, on the drill's clock."""
    return [rule.judge(started, reached) for rule in rules]


def lines(scores: Sequence[Score]) -> list[str]:
    """The result for the closing screen: one line a rule, and the count."""
    good = sum(score.verdict is Verdict.OK for score in scores)
    return [*(score.line() for score in scores), f"{good} of {len(scores)} reached as the scenario asks"] if scores else []


def _when(step: str, started: datetime, reached: Reached) -> timedelta | None:
    """Drill time from the run's start to when `step` counted, or None."""
    if step == START:
        return timedelta()
    found = reached.get(step)
    return found.at - started if found is not None and found.at is not None and found.state in WITH_RESULT else None


def _missing(step: str, reached: Reached) -> str:
    state = reached[step].state.replace("_", " ") if step in reached else "not begun"
    return f"{step} was {state}"


def clock(span: timedelta) -> str:
    """Hours, minutes and seconds, as 01:02:03."""
    seconds = int(span.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
