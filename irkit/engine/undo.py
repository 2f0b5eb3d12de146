"""Taking a step back: the same look, gate, send and second look, by the action that its own action names as its undo.

- Its arguments are those the step was given; where the look before the first request saw a value of that name, that wins.
- What is not as our request left it is not overwritten unasked: the undo is refused, the refusal is an entry that says what
  differs, and nothing is sent. For a single thing the responder may insist, by a phrase, after a fresh look and at a gate that
  shows what would be overwritten: to leave somebody locked out because a title was edited would drive people to the vendor's
  console, where nothing is recorded. Many things at once are never forced: what changed leaves the batch.
- An undo whose answer was lost is looked at before anything else happens in its run, and is never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from irkit.action import Action, Outgoing
from irkit.engine import ask, plan
from irkit.engine.ending import AGAIN, letter_or_go
from irkit.engine.fanout import Batch
from irkit.engine.gate import Ended, Sends, StepBegins, Trouble
from irkit.engine.modes import Mode
from irkit.engine.outcome import Done, Failed
from irkit.engine.perform import Performance
from irkit.engine.session import Session
from irkit.engine.single import Single
from irkit.engine.state import Sending, StepState
from irkit.engine.undoable import Difference, back, changed_since, lost, restorable, undoable
from irkit.engine.values import name_of, numbered, plain, summary, word
from irkit.errors import UsageError
from irkit.runbook import Step

LETTERS = {"s": "skip and leave it", "m": "undid it by hand"}


def take_back(session: Session, step: Step) -> None:
    """Undo what a step did. Raises UsageError when nothing of it can be undone, Paused, GoTo."""
    firsts = restorable(session.step_state(step))
    if session.ctx.mode is Mode.PROBE or not firsts:
        why = lost(session.step_state(step)) or "it sent nothing that is still in effect"
        raise UsageError(f"step {session.number(step.id)}, {step.title}, cannot be undone: {why}",
                         next=f"irkit undo {session.ctx.ledger.folder.name}")
    try:
        undo = UndoOne(session, step, firsts[None]) if None in firsts else UndoMany(
            session, step, {item: first for item, first in firsts.items() if item is not None})
    except ValueError as bad:
        raise UsageError(f"what undoing step {session.number(step.id)} needs was not recorded: {bad}") from None
    session.ctx.say(StepBegins(session.where(step), session.number(step.id), undo.title, undo.why,
                               plan.BADGES[undo.action.effect]))
    with session.ctx.undoing():
        undo.walk()


def half_undone(session: Session) -> list[Step]:
    """The steps of which an undo was sent that nothing has settled, and that nobody chose to leave so."""
    return [step for step in session.runbook.steps if session.step_state(step).half_undone
            and _undoing(session, step).state in AGAIN]


def action_for(session: Session, step: Step, first: Sending) -> Action:
    """The action that undoes what `first` did. Raises UsageError when this irkit has none."""
    actions = session.ctx.perform.connector(session.connection_of(step)).actions
    did = actions.get(first.action.partition(".")[2])
    undo = actions.get(did.undo.partition(".")[2]) if did else None
    if undo is None:
        raise UsageError(f"{first.action or 'the action of this step'} has no undo in this irkit", where=f"step {step.id}")
    return undo


def differences(session: Session, step: Step, first: Sending, write: Outgoing) -> list[Difference]:
    """How things differ from what the step left. Nothing once the undo itself may have changed them."""
    state = session.step_state(step)
    if state.undos and state.undos[-1].unsettled(first.item) is not None:
        return []
    result = state.result if first.item is None else state.item_results.get(first.item)
    return changed_since(first, result, plain(write.request.seen))


def told(found: Sequence[Difference]) -> str:
    return "; ".join(f"{d.name.replace('_', ' ')} was left {word(d.left)} and is now {word(d.now)}" for d in found)


def _undoing(session: Session, step: Step) -> StepState:
    """The undo at work, as a step of its own."""
    undos = session.step_state(step).undos
    return undos[-1] if undos else StepState(step.id)


def _start(session: Session, step: Step, action: Action, undoes: Sequence[Sending], more: dict[str, Any],
           data: dict[str, Any] | None = None) -> None:
    again = {"again": True} if session.step_state(step).half_undone else {}
    session.record("step.started", {"step_kind": "action", "action": action.full_name, "undoes": [s.seq for s in undoes],
                                    **(data or {}), **again}, more, step=step.id)


def _later_steps(session: Session, step: Step, url: str) -> str:
    """A sentence that names a later step of this run which wrote to the same place."""
    mine = max(s.seq for s in session.step_state(step).sendings)
    later = [other for other, firsts in undoable(session.run).items() if other != step.id
             and any(s.url == url and s.seq > mine for s in firsts.values())]
    return f"Step {session.number(later[0])} of this run changed the same after it: undo that one first." if later else ""


class UndoOne(Single):
    """The undo of a step that performed one action."""

    letters = LETTERS

    def __init__(self, session: Session, step: Step, first: Sending) -> None:
        self.session, self.step, self.first = session, step, first
        self.action = action_for(session, step, first)
        self.args = back(self.action, first)
        self._insists = False
        self._found: list[Difference] = []

    @property
    def title(self) -> str:
        return f"Undo: {self.step.title}"

    @property
    def why(self) -> str:
        return f"Restores what was there before entry {self.first.seq} was sent: {summary(self.first.seen)}."

    @property
    def state(self) -> StepState:
        return _undoing(self.session, self.step)

    def walk(self) -> None:
        _start(self.session, self.step, self.action, [self.first], {f"args.{k}": plain(v) for k, v in self.args.items()})
        self._until_settled()

    def _at_gate(self, performance: Performance) -> str:
        assert performance.write is not None
        self._found = differences(self.session, self.step, self.first, performance.write)
        if self._found and not self._insists:
            return self._refuse(performance.write)
        self._insists = False
        return super()._at_gate(performance)

    def _refuse(self, write: Outgoing) -> str:
        """It changed since: say what differs, record it, and send nothing."""
        reason = f"It changed since: {told(self._found)}"
        entry = self.session.record("step.failed", {"changed": True}, {"reason": reason}, step=self.step.id)
        first = _later_steps(self.session, self.step, write.url)
        self.session.ctx.say(Trouble("CHANGED", self.session.number(self.step.id), self.title,
                                     [f"{reason}.", "Nothing was sent.", *([first] if first else [])], entry.seq))
        answer = letter_or_go(self.session, self.step, "menu", "",
                              {"l": "look again (safe)", "o": "overwrite it nevertheless, by a phrase", **LETTERS})
        self._insists = answer == "o"
        return "l" if answer == "o" else answer

    def _plan(self, write: Outgoing) -> Sends:
        shown = super()._plan(write)
        if not self._found:
            return shown
        phrase = f"OVERWRITE {numbered(len(self._found), 'change')}".upper()
        return replace(shown, warnings=[f"It changed since: {told(self._found)}", *shown.warnings],
                       phrase=" AND ".join(filter(None, (phrase, shown.phrase))))

    def _leave(self, letter: str) -> None:
        if letter == "m":
            result = ask.by_hand(self.session, self.step.id, {}, evidence_required=False)
            self._undone({"by_hand": True}, {"result": result, "observed_at": result["when"]}, "human",
                         f"{result['who']}: {result['how']}")
        elif letter == "s":
            why = ask.reason(self.session, self.step.id)
            leave(self.session, self.step, why)

    def _done(self, outcome: Done) -> None:
        earlier = self._earlier()
        at = outcome.sent_at if outcome.sent_at is not None else earlier.seq if earlier else None
        data = {} if at is None else {"sent_at": at}
        say = "it is as it was before; nothing was sent" if at is None else \
            f"sent at entry {at}; the look agrees" if outcome.already else ""
        self._undone(data, {"result": outcome.result}, "machine", say)

    def _undone(self, data: dict[str, Any], disclose: dict[str, Any], by: str, say: str) -> None:
        entry = self.session.record("step.undone", {"undoes": [self.first.seq], **data}, disclose, by=by, step=self.step.id,
                                    ref=self.first.seq)
        _say_undone(self.session, self.step, say, entry.seq)


class UndoMany(Batch):
    """The undo of a fan-out: each item that was sent, with an outcome of its own."""

    letters = LETTERS
    done_kind = by_hand_kind = "step.undone"

    def __init__(self, session: Session, step: Step, firsts: dict[int, Sending]) -> None:
        listed = session.step_state(step).listed
        super().__init__(session, step, listed)
        self.firsts = firsts
        self.indexes = sorted(firsts)
        self.action = action_for(session, step, next(iter(firsts.values())))
        self.args = {i: back(self.action, first) for i, first in firsts.items()}

    @property
    def title(self) -> str:
        return f"Undo: {self.step.title}"

    @property
    def why(self) -> str:
        return f"Restores what was there before {numbered(len(self.firsts), 'request')} of this step."

    @property
    def state(self) -> StepState:
        return _undoing(self.session, self.step)

    def walk(self) -> None:
        _start(self.session, self.step, self.action, list(self.firsts.values()),
               {"items": list(self.items), "args": [plain(self.args.get(i)) for i in range(len(self.items))]},
               {"items": len(self.indexes)})
        while self._round():
            pass

    def _name(self, index: int) -> str:
        return name_of(self.items[index]) if index < len(self.items) else f"item {index + 1}"

    def _finished(self, performance: Performance) -> None:
        """What changed since its request leaves the batch, on the worker that looked."""
        if performance.write is not None and performance.item is not None:
            found = differences(self.session, self.step, self.firsts[performance.item], performance.write)
            if found:
                performance.stop()
                performance.write, performance.outcome = None, Failed(
                    f"It changed since: {told(found)}. Nothing was sent", changed=True)
        super()._finished(performance)

    def _leave(self, letter: str) -> None:
        if letter in ("s", "m"):
            self._close_rest(self._open(), letter)

    def _done(self, gaps: int = 0) -> None:
        """The step is undone when nothing that it sent is still in effect."""
        count = sum(self._word(i) == "done" for i in self.indexes)
        say = f"{count} of {len(self.indexes)}"
        state = self.session.step_state(self.step)
        if restorable(state) or lost(state):
            leave(self.session, self.step, f"{say} undone; the rest is as it was")
            return
        undoes = [first.seq for first in self.firsts.values()]
        entry = self.session.record("step.undone", {"items": len(self.indexes), "undoes": undoes},
                                    {"result": {"count": count}}, step=self.step.id)
        _say_undone(self.session, self.step, say, entry.seq)


def leave(session: Session, step: Step, why: str) -> None:
    """The undo ends, and the step stays what it was."""
    entry = session.record("step.skipped", {}, {"reason": why}, by="human", step=step.id)
    session.ctx.say(Ended("not undone", why, entry.seq, session.view.following(session.ctx.clock.now())))


def _say_undone(session: Session, step: Step, say: str, entry: int) -> None:
    following = session.view.following(session.ctx.clock.now())
    again = f"g {session.number(step.id)} walks it again" if following else ""
    session.ctx.say(Ended("undone", ". ".join(filter(None, (say, again))), entry, following))
