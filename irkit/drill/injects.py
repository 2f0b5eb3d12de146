"""Injects: what a facilitator would hand the team on a card, played when its moment comes.

An inject waits for a time (`at`, counted from the run's start) or for the end of a step (`after`, however it ended: an
inject bound to a step that the team skipped still comes). Nothing is lost: one whose moment passed while nobody looked is
due at the next look. Which ones were played stands in the ledger, in `inject` entries, so a resumed drill repeats none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from irkit.drill.clock import DrillClock
from irkit.drill.control import FACILITATES, fault_of, standing
from irkit.engine.known import Control
from irkit.engine.session import Second
from irkit.engine.state import SETTLED, RunState, State
from irkit.worlds import Fault

STANDS_STILL = "The facilitator stopped the drill's clock."


class Inject(Struct, frozen=True):
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


def card_of(control: Control) -> Inject:
    """An inject that a facilitator added; one that is bound to nothing comes at once."""
    data, shown = control.data, control.shown
    after = str(data.get("after", ""))
    at = None if after else timedelta(seconds=int(data.get("at_seconds", 0)))
    return Inject(f"added_{control.entry}", str(shown.get("text", "")), at, after,
                  *(str(shown.get(f"inject.{key}", "")) for key in ("to", "ask", "expect")))


class Cards(Struct, frozen=True):
    """A scenario's injects as the engine's Happenings: which are due, which still want an answer, and what a facilitator says.

    `there` tells whether the terminal of an open session of the ledger is still there; `clock` and
    `goes_wrong` are the drill's.
    """

    injects: Sequence[Inject]
    seconds: Mapping[str, Second] = field(default_factory=dict)     # step id -> who plays the second person
    clock: DrillClock | None = None
    goes_wrong: Callable[[Fault], None] = lambda _fault: None
    there: Callable[[State, int], bool] = lambda _state, _session: True

    def second(self, step: str) -> Second | None:
        return self.seconds.get(step)

    def all(self, run: RunState) -> Sequence[Inject]:
        """The scenario's, and those that a facilitator added."""
        return [*self.injects, *(card_of(one) for one in run.controls if one.verb == "add")]

    def due(self, run: RunState, now: datetime) -> Sequence[Inject]:
        ended = {step.id for step in run.steps.values() if step.state in SETTLED}
        stands, played = standing(run.controls), run.injects
        cards = [card for card in self.all(run) if card.id not in stands.held]
        soon = [card for card in cards if card.id in stands.released - played]
        return [*soon, *due(cards, elapsed=now - run.opened_at, ended=ended, played=played | stands.released)]

    def asked(self, run: RunState) -> Sequence[Inject]:
        return [i for i in self.all(run) if i.ask and i.id in run.injects and i.id not in run.answered]

    # -- the facilitator ---------------------------------------------------------------------------------------------

    def comings(self, state: State, run: RunState) -> Sequence[tuple[str, int]]:
        attached = standing(run.controls).attached
        here = {seq for seq, data in state.sessions.items() if data.get(FACILITATES) == run.id and self.there(state, seq)}
        return [*(("joined", seq) for seq in sorted(here - attached.keys())),
                *(("left", seq) for seq in sorted(attached.keys() - here))]

    def obey(self, control: Control, run: RunState) -> Sequence[str]:
        """What the team is told is what it would notice: that somebody watches, and that time stands still."""
        paused = standing(run.controls).paused
        match control.verb:
            case "fault":
                self.goes_wrong(fault_of(control.data, control.shown))
            case "joined":
                return ["A facilitator follows this drill from another terminal."]
            case "pause":
                return [f"PAUSED   {control.shown.get('text') or STANDS_STILL}", *self._run(not paused)]
            case "continue":
                return self._run(not paused)
            case "left":
                return ["The facilitator's terminal is gone; the drill goes on.", *self._run(not paused)]
        return []

    def _run(self, runs: bool) -> list[str]:
        """Let the clock run, or stand still. What to say where it begins to run."""
        if self.clock is None or self.clock.paused is not runs:
            return []
        if runs:
            self.clock.resume()
            return ["The drill's clock runs again."]
        self.clock.pause()
        return []
