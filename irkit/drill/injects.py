"""Injects: what a facilitator would hand the team on a card, played when its moment comes.

An inject waits for a time (`at`, counted from the run's start) or for the end of a step (`after`, however it ended: an
inject bound to a step that the team skipped still comes). Nothing is lost: one whose moment passed while nobody looked is
due at the next look. Which ones were played stands in the ledger, in `inject` entries, so a resumed drill repeats none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from irkit.engine.session import Second
from irkit.engine.state import SETTLED, RunState


@dataclass(frozen=True)
class Inject:
    """One card; what the engine calls a Happening. Exactly one of `at` and `after` is set, `ask` and `expect` may be empty."""

    id: str
    say: str
    at: timedelta | None = None
    after: str = ""                # a step's id
    to: str = ""                   # who gets the card: a role, or in words
    ask: str = ""                  # what the team answers
    expect: str = ""               # what a good answer holds; shown after theirs

    @property
    def lines(self) -> Sequence[str]:
        """The card, as it is read out."""
        return [f"INJECT   for {self.to}" if self.to else "INJECT", f"         {self.say}"]


def due(injects: Sequence[Inject], *, elapsed: timedelta, ended: Collection[str], played: Collection[str]) -> list[Inject]:
    """Those whose moment has come and that were not played: the timed ones by their time, then those bound to steps.

    `elapsed` is drill time since the run opened, `ended` the ids of steps that came to an end, `played` inject ids.
    """
    waiting = [inject for inject in injects if inject.id not in played]
    timed = [(inject.at, inject) for inject in waiting if inject.at is not None and inject.at <= elapsed]
    return [inject for _, inject in sorted(timed, key=lambda pair: pair[0])] + [i for i in waiting if i.after in ended]


@dataclass(frozen=True)
class Cards:
    """A scenario's injects as the engine's Happenings: which are due, and which still want an answer."""

    injects: Sequence[Inject]
    seconds: Mapping[str, Second] = field(default_factory=dict)     # step id -> who plays the second person

    def second(self, step: str) -> Second | None:
        return self.seconds.get(step)

    def due(self, run: RunState, now: datetime) -> Sequence[Inject]:
        ended = {step.id for step in run.steps.values() if step.state in SETTLED}
        return due(self.injects, elapsed=now - run.opened_at, ended=ended, played=run.injects)

    def asked(self, run: RunState) -> Sequence[Inject]:
        return [i for i in self.injects if i.ask and i.id in run.injects and i.id not in run.answered]
