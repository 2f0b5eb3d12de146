"""The walk: which step is next, what waits, and how a run is opened, resumed and closed.

One list, in order. A deferred step comes back when its phase is over and at the end of the run; a step with `after`
defers itself until it is due. `g N` goes anywhere. The position is never stored: it is what the fold says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from irkit.engine import ask, clocks, radius
from irkit.engine.ending import GoTo, TakeBack
from irkit.engine.gate import Closed, News, Question, Said, Waiting
from irkit.engine.modes import Mode
from irkit.engine.session import Session
from irkit.engine.state import SETTLED
from irkit.engine.step import walk
from irkit.engine.undo import half_undone, take_back
from irkit.errors import Paused, UsageError
from irkit.runbook import Step


class Due(Exception):
    """A waiting step became due while the prompt was open."""


def open_run(session: Session, inputs: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Record `run.opened` with the run's own copy of the runbook, so that nothing outside changes it later."""
    runbook = session.runbook
    kept = session.ctx.ledger.keep(f"{runbook.name}.yaml", runbook.raw, media_type="application/yaml", run=session.ctx.run)
    session.refresh()
    session.record("run.opened", {"runbook": runbook.name, "version": runbook.version, "runbook_sha256": kept.sha256,
                                  "mode": session.ctx.mode.value, **data},
                   {f"inputs.{k}": v for k, v in inputs.items()}, by="human")


class Walk:
    """Walks the open steps of one run until none is left, or somebody pauses."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._put_off: dict[str, str] = {}     # step id -> the phase at whose end it comes back
        self._phase = ""

    def walk(self) -> Closed:
        """Raises Paused. Returns the closing figures."""
        with self.session.way_back():
            return self._walk()

    def _walk(self) -> Closed:
        go_to = self._undo(half_undone(self.session))
        while True:
            self._between_steps()
            found = self._named(go_to) if go_to else self.next_step()
            go_to = None
            if found is None:
                if self.session.view.again:       # something was corrected at an inject's question
                    continue
                break
            if isinstance(found, datetime):
                self._await(found)
                continue
            try:
                walk(self.session, found)
            except GoTo as other:
                go_to = other.step
            except TakeBack as other:
                try:
                    go_to = self._undo([self._named(other.step)]) or found.id
                except UsageError as impossible:
                    self.session.ctx.say(News([impossible.what]))
                    go_to = found.id
            if self.session.step_state(found).state == "deferred":
                self._put_off[found.id] = self._current_phase()
        return self.close()

    def _undo(self, steps: Sequence[Step]) -> str | None:
        """Take these back, or look how an undo ended that was cut off. Returns the step that the responder wants next."""
        for step in steps:
            try:
                take_back(self.session, step)
            except GoTo as other:
                return other.step
        return None

    def _named(self, step_id: str) -> Step:
        return next(s for s in self.session.runbook.steps if s.id == step_id)

    # -- what is next ----------------------------------------------------------------------------------------------

    def next_step(self) -> Step | datetime | None:
        """The next open step, or the moment when one becomes due, or None at the end."""
        now, waiting, deferred = self.session.ctx.clock.now(), [], []
        self._phase, run = self._current_phase(), self.session.run
        for step in self.session.runbook.steps:
            state = run.step(step.id)
            if state.state in SETTLED:
                continue
            due = self.session.view.due(step, now)
            if due is not None and due > now:
                self._defer(step, due)
                waiting.append(due)
            elif due is None and step.after is not None:
                continue
            elif state.state == "deferred" and state.until is None and self._put_off.get(step.id, step.phase) == self._phase:
                deferred.append(step)
            else:
                return step
        return deferred[0] if deferred else min(waiting, default=None)

    def _current_phase(self) -> str:
        """The phase of the first step at hand: one that waits for another keeps no phase going."""
        step = next(self.session.view.at_hand(self.session.ctx.clock.now()), None)
        return step.phase if step else ""

    def _defer(self, step: Step, until: datetime) -> None:
        state = self.session.step_state(step)
        if state.until != until:
            self.session.record("step.deferred", {"until": until.isoformat()}, {"reason": "waits, as the runbook says"},
                                step=step.id)

    def _await(self, until: datetime) -> None:
        """Nothing is left to do before `until`."""
        ctx = self.session.ctx
        left = (until - ctx.clock.now()).total_seconds()
        why = "nothing else is open before the next step is due"
        if ctx.clock.jumps:
            ctx.say(Waiting(left, why))
            ctx.clock.wait(left)
            return

        def poll() -> list[Said]:
            if ctx.clock.now() >= until:
                raise Due
            return self.session.poll()

        question = Question("menu", f"The next step is due at {until:%H:%M}Z.", letters={"n": "note", "p": "pause"})
        try:
            if ctx.gate.ask(question, poll) == "p":
                raise Paused("paused")
            ask.note(self.session, None)
        except Due:
            return

    # -- between steps ---------------------------------------------------------------------------------------------

    def _between_steps(self) -> None:
        self._take_up_again()
        clocks.keep(self.session)
        self.session.shown.clear()                     # what came during a step has scrolled away
        self.session.show_news()
        self._ask_injects()

    def _take_up_again(self) -> None:
        """Put on record which steps were not needed and have to be looked at again, and say so."""
        session = self.session
        for step_id, why in session.view.again.items():
            what, before = f"Step {session.number(step_id)}, {self._named(step_id).title},", session.step_state(step_id).entry
            entry = session.record("amended", {"was": "not_needed"}, {"reason": why}, step=step_id, ref=before)
            session.news.append(News([f"AGAIN    {what} was not needed (entry {before}), and {why}. It is open again "
                                      f"(entry {entry.seq})."]))

    def _ask_injects(self) -> None:
        session = self.session
        for event in session.happenings.asked(session.run):
            if event.id not in session.shown:
                session.ctx.say(News(event.lines))
            session.shown.clear()
            asked_at = session.ctx.clock.now()
            answer = ask.text(session, "", "inject", event.ask, key=event.id)
            took = int((session.ctx.clock.now() - asked_at).total_seconds())
            session.record("inject", {"inject": event.id, "answered": True, "seconds": took},
                           {"answer": answer, "expected": event.expect}, by="human")
            if event.expect:
                session.ctx.say(News([f"Expected {event.expect}"]))

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> Closed:
        """Record `run.closed`, of a probe with its report; return the closing figures."""
        clocks.keep(self.session)
        named = radius.keep(self.session) if self.session.ctx.mode is Mode.PROBE else {}
        self.session.closing()
        self.session.record("run.closed", {}, named)
        return self.session.view.closed(self.session.ctx.clock.now())
