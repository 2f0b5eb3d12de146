"""A step that performs one action: look, ask at the gate, send, look again, and settle what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import Outgoing
from irkit.engine import approval, plan, probing
from irkit.engine.arguments import arguments
from irkit.engine.ending import AGAIN, COMMON, agree, common, done_words, end, judged, letter_or_go, menu_for, trouble
from irkit.engine.gate import Sends, Trouble
from irkit.engine.modes import Mode
from irkit.engine.outcome import Done, Gap, Outcome, Unknown
from irkit.engine.perform import Performance, stale, to_the_end, to_the_gate
from irkit.engine.permit import Leaving
from irkit.engine.session import Session
from irkit.engine.state import Sending, StepState
from irkit.engine.values import plain
from irkit.runbook import Step


class Single:
    """A step that performs one action. An undo is one, too: what differs there stands in the methods it overrides."""

    letters: Mapping[str, str] = COMMON

    def __init__(self, session: Session, step: Step) -> None:
        self.session, self.step = session, step
        self.action = session.action_of(step)
        self.args: dict[str, Any] = {}

    @property
    def title(self) -> str:
        return self.step.title

    @property
    def why(self) -> str:
        return self.step.why

    @property
    def state(self) -> StepState:
        return self.session.step_state(self.step)

    def walk(self) -> None:
        again = self.state.state in AGAIN
        typed: dict[str, Any] = {}
        self.args = arguments(self.session, self.step, self.action, typed)
        self.session.record(
            "step.started", {"step_kind": "action", "action": self.action.full_name, **({"again": True} if again else {}),
                             "approve": self.step.approve.role if self.step.approve else None},
            {**{f"args.{k}": plain(v) for k, v in self.args.items()}, **{f"typed.{k}": v for k, v in typed.items()}},
            step=self.step.id)
        self._until_settled()

    def _until_settled(self) -> None:
        earlier = self._earlier()
        if earlier is not None and earlier.settle == "human":
            self._settle(Unknown("no look can tell whether it took", status=earlier.status or 0))
            return
        while self._once():
            pass

    def _earlier(self) -> Sending | None:
        """What was sent and is not settled."""
        return self.state.unsettled()

    def _once(self) -> bool:
        """Look, ask, send, look. True: from the beginning once more."""
        performance = self._look()
        if performance.write is None:
            assert performance.outcome is not None
            return self._settle(performance.outcome)
        if self.session.ctx.mode is Mode.PROBE:
            return self._show_only(performance)
        letter = self._at_gate(performance)
        if letter == "l":
            performance.stop()
            return True
        if letter != "send":
            performance.stop()
            self._leave(letter)
            return False
        if stale(performance, self.session.ctx.clock.now()):
            performance.stop()
            fresh = self._look()
            if fresh.write is None or not plan.same(performance, fresh):
                fresh.stop()
                self.session.ctx.say(Trouble("CHANGED", self.session.number(self.step.id), self.title,
                                             ["What the look saw changed while the prompt was open; nothing was sent."], -1))
                return True
            performance = fresh
        with self.session.sending():
            outcome = to_the_end(performance)
        again = self._settle(outcome)
        self.session.ctx.interrupts.check()          # Ctrl-C while the answer was awaited: it came, and now the run pauses
        return again

    def _look(self) -> Performance:
        performance = Performance(self.session.ctx, self.step.id, self.action, self.action(**self.args),
                                  self.session.connection_of(self.step))
        with self.session.sending():
            to_the_gate(performance)
        self.session.show_news()
        return performance

    # -- the gate --------------------------------------------------------------------------------------------------

    def _at_gate(self, performance: Performance) -> str:
        assert performance.write is not None
        earlier = self._earlier()
        shown = self._plan(performance.write)
        self.session.ctx.say(shown)
        if earlier is not None:
            answer = letter_or_go(self.session, self.step, "menu", "It was sent before and is not visible yet.",
                                  {"l": "look again (safe)", "x": "send again", "m": "I checked by hand"})
            if answer != "x":
                return answer
        leaving: Leaving = {None: performance.write}
        subject = approval.Subject(self.title, self.why, self.action)
        return (approval.approved(self.session, self.step, subject, leaving, shown)
                or agree(self.session, self.step, shown, self.letters))

    def _plan(self, write: Outgoing) -> Sends:
        earlier = self._earlier()
        return plan.sends(self.session, self.step, self.action, [write], [self.args], earlier=[earlier] if earlier else [],
                          approve=approval.waiting_for(self.session, self.step))

    def _leave(self, letter: str) -> None:
        """The letter said that nothing is sent."""
        common(self.session, self.step, letter)

    def _show_only(self, performance: Performance) -> bool:
        assert performance.write is not None
        shown = self._plan(performance.write)
        self.session.ctx.say(shown)
        probing.show_only(self.session, self.step, self.action, shown, {None: performance.write})
        performance.stop()
        return False

    # -- the outcome -----------------------------------------------------------------------------------------------

    def _settle(self, outcome: Outcome) -> bool:
        unjudged, outcome = outcome, judged(outcome, self.action, self._earlier())
        match outcome:
            case Done():
                self._done(outcome)
                return False
            case Gap():
                trouble(self.session, self.step, outcome, title=self.title)
                return False
        trouble(self.session, self.step, outcome, title=self.title)
        if self.session.ctx.mode is Mode.PROBE:
            probing.could_not_see(self.session, self.step, unjudged)
            return False
        letter = letter_or_go(self.session, self.step, "menu", "", menu_for(outcome, self._settles_by_look(), self.letters))
        if letter in ("r", "l"):
            return True
        self._leave(letter)
        return False

    def _settles_by_look(self) -> bool:
        sending = self._earlier()
        return sending is None or sending.settle != "human"

    def _done(self, outcome: Done) -> None:
        data, say = done_words(outcome, self._earlier())
        end(self.session, self.step, "step.done", data, {"result": outcome.result}, say=say)
