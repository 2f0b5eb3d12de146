"""Autoplay: a script decides in no time, but its team does not.

Each decision takes a minute of the drill's clock, so that the injects of a scenario come where they would come in a drill
with people, and its score says something. Waits jump as always. Nothing depends on how fast the machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from irkit.drill.clock import DrillClock
from irkit.engine.gate import Gate, Question, Said

DECISION = timedelta(minutes=1)


class Paced:
    """An `irkit.engine.gate.Gate` around the one that reads from the script."""

    scripted = True

    def __init__(self, script: Gate, clock: DrillClock) -> None:
        self._script, self._clock = script, clock

    def say(self, said: Said) -> None:
        self._script.say(said)

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        """The script's answer, a minute later where a letter or a phrase decides; what is filled in takes no time."""
        if question.letters or question.phrase:
            self._clock.jump(DECISION)
        return self._script.ask(question, poll)
