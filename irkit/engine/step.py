"""One step: needed or not, performed or done by hand or decided, and what is asked when it does not go well.

States of a step (ARCHITECTURE of this engine, in one place):

    pending -> looking -> asked -> sending -> done         the second look agrees, or nothing needed doing
       |          |         |         |-> accepted         taken, not confirmed: look again
       |          |         |         |-> failed           answered and refused, or nothing was sent
       |          |         |         '-> unknown          it may have worked: look again, or settle by hand
       |          |         '-> skipped | by_hand | deferred | not_sent (probe)
       |          '-> failed (nothing was written) | unavailable (a gap)
       '-> not_needed

An unknown never offers a plain retry; a write is never sent again without a look, and never without a gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import Action, Effect
from irkit.engine import ask, plan
from irkit.engine.fold import Sending, put
from irkit.engine.gate import ByHand, Ended, StepBegins, Trouble
from irkit.engine.modes import Mode
from irkit.engine.outcome import Accepted, Done, Failed, Gap, Outcome, Unknown
from irkit.engine.perform import Performance, stale, to_the_end, to_the_gate
from irkit.engine.session import Session
from irkit.engine.transfer import request_parts
from irkit.engine.values import rfc3339, summary
from irkit.errors import IrkitError
from irkit.runbook import Missing, Step, convert_args, result_fields

COMMON = {"s": "skip", "d": "defer", "m": "did it by hand"}
AGAIN = frozenset({"looking", "asked", "sending", "accepted", "failed", "unknown", "deferred"})


class GoTo(BaseException):
    """The responder wants another step now; control flow, not an error."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


def walk(session: Session, step: Step) -> None:
    """Take one step as far as it goes now. Raises Paused and GoTo; the ledger holds whatever happened before."""
    badge = {"do": "BY HAND", "ask": "DECISION"}.get(step.kind) or plan.BADGES[session.action_of(step).effect]
    session.ctx.say(StepBegins(session.where(step), session.number(step.id), step.title, step.why, badge,
                               session.runbook.roles.get(step.owner, step.owner)))
    if not _needed(session, step):
        return
    if step.kind == "do":
        _do(session, step)
    elif step.kind == "ask":
        _decide(session, step)
    elif step.for_each is not None:
        from irkit.engine.fanout import fan_out
        fan_out(session, step)
    else:
        Single(session, step).walk()


def _needed(session: Session, step: Step) -> bool:
    if step.when is None:
        return True
    try:
        needed, why = step.when_value(session.scope()), "`when` is false"
    except Missing as missing:
        answer = ask.choose(session, step.id, "when_unknown", f"{missing.path} is not known. Is this step needed?",
                            {"y": "needed", "x": "not needed"})
        needed, why = answer == "y", ""
        if not needed:
            why = ask.reason(session, step.id)
    if not needed:
        end(session, step, "step.not_needed", reason=why)
    return needed


def end(session: Session, step: Step, kind: str, data: Mapping[str, Any] | None = None,
        disclose: Mapping[str, Any] | None = None, *, reason: str = "", by: str = "machine", say: str = "") -> None:
    """Record how a step ended and say so, with the step that comes next."""
    more = {**(disclose or {}), **({"reason": reason} if reason else {})}
    entry = session.record(kind, data, more, by=by, step=step.id)
    session.ctx.say(Ended(session.step_state(step).word, say or reason, entry.seq, session.view.following()))


# -- by hand, and decisions --------------------------------------------------------------------------------------

def _text(session: Session, step: Step) -> str:
    def unknown(path: str) -> str:
        name = path.split(".")[1]
        state = session.step_state(name)
        return f"[not known: step {session.number(name)} was {'not done' if state.state == 'pending' else state.word}]"
    return step.text(session.scope(), unknown)


def _do(session: Session, step: Step) -> None:
    session.record("step.started", {"step_kind": "do"}, step=step.id)
    session.ctx.say(ByHand(_text(session, step), evidence=step.evidence == "required"))
    letter = letter_or_go(session, step, "gate", "Done?", {"m": "done", "s": "skip", "d": "defer"})
    common(session, step, letter)


def _decide(session: Session, step: Step) -> None:
    session.record("step.started", {"step_kind": "ask"}, step=step.id)
    session.ctx.say(ByHand(_text(session, step), dict(step.choices)))
    letter = letter_or_go(session, step, "choice", "Your decision", {**step.choices, "s": "skip", "d": "defer"})
    if letter in ("s", "d") and letter not in step.choices:
        common(session, step, letter)
        return
    result = {"choice": letter, "reason": ask.reason(session, step.id, "Why")}
    end(session, step, "decision", disclose={"result": result}, by="human", say=step.choices[letter])


def letter_or_go(session: Session, step: Step, name: str, prompt: str, letters: Mapping[str, str], **more: Any) -> str:
    """A letter (or the phrase); "g 12" leaves for another step."""
    while True:
        answer = ask.choose(session, step.id, name, prompt, letters,
                            more_words={"g N": "go to step N", **more.pop("more_words", {})}, **more)
        if not answer.startswith("g ") or answer in letters:
            return answer
        try:
            raise GoTo(ask.go_to(session, answer))
        except IrkitError as error:
            prompt = f"{error.what}. {prompt}"


def common(session: Session, step: Step, letter: str) -> None:
    """Skip, defer or by hand, as asked for."""
    if letter == "s":
        end(session, step, "step.skipped", reason=ask.reason(session, step.id), by="human")
    elif letter == "d":
        end(session, step, "step.deferred", by="human", say="it comes back at the end of the phase")
    elif letter == "m":
        result = ask.by_hand(session, step.id, later_fields(session, step), evidence_required=step.evidence == "required")
        end(session, step, "step.by_hand", disclose={"result": result, "observed_at": result["when"]}, by="human",
            say=f"{result['who']}: {result['how']}")


def later_fields(session: Session, step: Step) -> dict[str, Any]:
    """The fields of this step's result that other steps use, with their types."""
    if step.kind != "action" or step.for_each is not None:
        return {}
    known = result_fields(session.action_of(step))
    used = {path.split(".")[2] for other in session.runbook.steps for path in other.uses()
            if path.startswith(f"steps.{step.id}.") and path.count(".") >= 2}
    return {name: known[name] for name in sorted(used) if name in known}


# -- actions -----------------------------------------------------------------------------------------------------

def arguments(session: Session, step: Step, action: Action, typed: dict[str, Any], item: Any = None) -> dict[str, Any]:
    """The action's typed arguments; a value that no step gave is asked for, and noted in `typed`."""
    while True:
        scope = session.scope(item)
        for path, value in typed.items():
            put(scope, path, value)
        try:
            return convert_args(action, step.args(scope))
        except Missing as missing:
            if not missing.step and not missing.path.startswith("inputs."):
                raise IrkitError(f"{missing.path} is not in this element of the list", where=f"step {step.id}",
                                 next="irkit runbook lint") from missing
            typed[missing.path] = ask.value(session, step.id, missing.path, _kind_of(session, missing))
        except ValueError as bad:
            raise IrkitError(str(bad), where=f"step {step.id} of {session.runbook.name}",
                             next=f"irkit correct {session.ctx.ledger.folder.name} NAME=VALUE") from bad


def _kind_of(session: Session, missing: Missing) -> Any:
    source = next((s for s in session.runbook.steps if s.id == missing.step and s.kind == "action"), None)
    field = missing.path.split(".")[-1]
    return result_fields(session.action_of(source)).get(field, str) if source else str


class Single:
    """A step that performs one action."""

    def __init__(self, session: Session, step: Step) -> None:
        self.session, self.step = session, step
        self.action = session.action_of(step)
        self.args: dict[str, Any] = {}

    def walk(self) -> None:
        state = self.session.step_state(self.step)
        earlier = state.unsettled()
        again = state.state in AGAIN
        typed: dict[str, Any] = {}
        self.args = arguments(self.session, self.step, self.action, typed)
        self.session.record(
            "step.started", {"step_kind": "action", "action": self.action.full_name, **({"again": True} if again else {})},
            {**{f"args.{k}": _json(v) for k, v in self.args.items()}, **{f"typed.{k}": v for k, v in typed.items()}},
            step=self.step.id)
        if earlier is not None and earlier.settle == "human":
            self._settle(Unknown("no look can tell whether it took", status=earlier.status or 0))
            return
        while self._once():
            pass

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
            common(self.session, self.step, letter)
            return False
        if stale(performance, self.session.ctx.clock.now()):
            performance.stop()
            fresh = self._look()
            if fresh.write is None or not plan.same(performance, fresh):
                fresh.stop()
                self.session.ctx.say(Trouble("CHANGED", self.session.number(self.step.id), self.step.title,
                                             ["What the look saw changed while the prompt was open; nothing was sent."], -1))
                return True
            performance = fresh
        with self.session.sending():
            outcome = to_the_end(performance)
        return self._settle(outcome)

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
        earlier = self.session.step_state(self.step).unsettled()
        shown = plan.sends(self.session, self.step, self.action, [performance.write], [self.args],
                           earlier=[earlier] if earlier else [])
        self.session.ctx.say(shown)
        if earlier is not None:
            answer = letter_or_go(self.session, self.step, "menu", "It was sent before and is not visible yet.",
                                  {"l": "look again (safe)", "x": "send again", "m": "I checked by hand"})
            if answer != "x":
                return answer
        return agree(self.session, self.step, shown)

    def _show_only(self, performance: Performance) -> bool:
        assert performance.write is not None
        outgoing = performance.write
        self.session.ctx.say(plan.sends(self.session, self.step, self.action, [outgoing], [self.args]))
        performance.stop()
        end(self.session, self.step, "request.not_sent", {"probe": True, "action": self.action.full_name},
            request_parts(outgoing), say="Probe: shown, not sent")
        return False

    # -- the outcome -----------------------------------------------------------------------------------------------

    def _settle(self, outcome: Outcome) -> bool:
        match outcome:
            case Done():
                self._done(outcome)
                return False
            case Gap() if self.action.effect is Effect.READ and outcome.status != 401:
                trouble(self.session, self.step, outcome)
                return False
        trouble(self.session, self.step, outcome)
        letter = letter_or_go(self.session, self.step, "menu", "", menu_for(outcome, self._settles_by_look()))
        if letter in ("r", "l"):
            return True
        common(self.session, self.step, letter)
        return False

    def _settles_by_look(self) -> bool:
        sending = self.session.step_state(self.step).unsettled()
        return sending is None or sending.settle != "human"

    def _done(self, outcome: Done) -> None:
        earlier = self.session.step_state(self.step).unsettled()
        data, say = done_words(outcome, earlier)
        end(self.session, self.step, "step.done", data, {"result": outcome.result}, say=say)


def done_words(outcome: Done, earlier: Sending | None) -> tuple[dict[str, Any], str]:
    """The data of a step.done entry, and the sentence that goes with it."""
    sent_at = outcome.sent_at if outcome.sent_at is not None else earlier.seq if earlier else None
    data: dict[str, Any] = {} if sent_at is None else {"sent_at": sent_at}
    if outcome.incomplete:
        return {**data, "incomplete": True}, f"{outcome.incomplete}: this is a gap"
    if outcome.already and earlier is not None:
        return data, f"sent at entry {earlier.seq}; the look agrees"
    if outcome.already:
        return data, summary(outcome.result)
    return data, ""


def agree(session: Session, step: Step, shown: Any) -> str:
    """Ask at the gate. "send" only after the letter or the exact phrase, and a reason where evidence is not preserved."""
    unpreserved = [w for w in shown.warnings if w.startswith("Not preserved")]
    letters = {**({} if shown.phrase else {"y": "yes"}), **COMMON}
    prompt = f"Type {shown.phrase} to send" if shown.phrase else "Send it?"
    more = {"r": list(shown.requests), "l": list(shown.affects), "c": list(shown.curls)}
    words = {"r": "the full request", "l": "the affected list", "c": "copy as curl (no credential)"}
    answer = letter_or_go(session, step, "gate", prompt, letters, phrase=shown.phrase, more=more, more_words=words)
    if answer not in ("y", shown.phrase):
        return answer
    why = step.unpreserved or (ask.reason(session, step.id, f"{unpreserved[0]}. Why send nevertheless?") if unpreserved else "")
    session.record("step.asked", {"answer": "phrase" if shown.phrase else "yes", "count": shown.count},
                   {"asked.affects": list(shown.affects), "asked.warnings": list(shown.warnings),
                    **({"reason": why} if why else {})}, by="human", step=step.id)
    return "send"


def trouble(session: Session, step: Step, outcome: Outcome) -> None:
    """Record an outcome that is not done, and show it."""
    data: dict[str, Any] = {"status": outcome.status} if getattr(outcome, "status", 0) else {}  # type: ignore[attr-defined]
    entry = session.record(outcome.kind, data, {"reason": outcome.reason}, step=step.id)
    label, lines = words_for(outcome)
    connector = session.connection_of(step)
    denied = isinstance(outcome, Failed | Gap) and outcome.status in (401, 403)
    session.ctx.say(Trouble(label, session.number(step.id), step.title, lines, entry.seq,
                            likely="the credential is refused, or its role is too low" if denied else "",
                            command=f"irkit doctor {connector}" if denied else ""))


def words_for(outcome: Outcome) -> tuple[str, list[str]]:
    match outcome:
        case Gap():
            return "GAP", [f"Not available: {outcome.reason}.",
                           "This is recorded as a gap. It does not mean that nothing happened."]
        case Unknown():
            return "UNKNOWN", [f"{outcome.reason}.", "It may have worked."]
        case Accepted():
            return "ACCEPTED", [f"Taken, not confirmed: {outcome.reason}."]
    return "FAILED", [f"{outcome.reason}.", "Nothing was changed."]


def menu_for(outcome: Outcome, by_look: bool) -> dict[str, str]:
    if isinstance(outcome, Unknown):
        return {**({"l": "look again (safe)"} if by_look else {}), "m": "I checked by hand"}
    if isinstance(outcome, Accepted):
        return {"l": "look again (safe)", "d": "defer", "m": "I checked by hand"}
    return {"r": "retry", **COMMON}


def _json(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return rfc3339(value)
    return [_json(v) for v in value] if isinstance(value, list | tuple) else value
