"""How a step ends: the letters that every prompt offers, the entry each leads to, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import Action, Effect
from irkit.engine import ask, plan
from irkit.engine.gate import Ended, Sends, Trouble
from irkit.engine.outcome import Accepted, Done, Failed, Gap, Outcome, Unknown
from irkit.engine.session import Session
from irkit.engine.state import Sending
from irkit.engine.undoable import undoable
from irkit.engine.values import summary
from irkit.errors import IrkitError
from irkit.runbook import Step, result_fields

COMMON = {"s": "skip", "d": "defer", "m": "did it by hand"}
AGAIN = frozenset({"looking", "asked", "sending", "accepted", "failed", "unknown", "deferred"})   # begun, and not settled


class TakeBack(BaseException):
    """The responder wants a step undone now, and then to go on here; control flow, not an error."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


class Leaves(BaseException):
    """The responder leaves the step by this letter in place of a value that it needs; control flow, not an error."""

    def __init__(self, letter: str) -> None:
        super().__init__(letter)
        self.letter = letter


class GoTo(BaseException):
    """The responder wants another step now; control flow, not an error."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


def end(session: Session, step: Step, kind: str, data: Mapping[str, Any] | None = None,
        disclose: Mapping[str, Any] | None = None, *, reason: str = "", by: str = "machine", say: str = "",
        follow: bool = True) -> None:
    """Record how a step ended and say so; with the step that comes next, unless not `follow`."""
    more = {**(disclose or {}), **({"reason": reason} if reason else {})}
    entry = session.record(kind, data, more, by=by, step=step.id)
    following = session.view.following(session.ctx.clock.now()) if follow else ""
    session.ctx.say(Ended(session.step_state(step).word, say or reason, entry.seq, following))


def letter_or_go(session: Session, step: Step, name: str, prompt: str, letters: Mapping[str, str], **more: Any) -> str:
    """A letter (or the phrase); "g 12" leaves for another step, "u" takes the latest one back."""
    words, complaint = {"g N": "go to step N", **more.pop("more_words", {})}, ""
    last = None if session.ctx.undo or "u" in letters else next(iter(undoable(session.run)), None)
    if last is not None:
        undo = {"u": f"undo step {session.number(last)}"}
        letters, words = ({**letters, **undo}, words) if name == "menu" else (letters, {**words, **undo})
    while True:
        answer = ask.choose(session, step.id, name, complaint + prompt, letters, more_words=words, **more)
        if answer == "u" and last is not None:
            raise TakeBack(last)
        if not answer.startswith("g ") or answer in letters:
            return answer
        try:
            raise GoTo(ask.go_to(session, answer))
        except IrkitError as error:
            complaint = f"{error.what}. "


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


def agree(session: Session, step: Step, shown: Sends, others: Mapping[str, str] = COMMON) -> str:
    """Ask at the gate. "send" only after the letter or the exact phrase, and a reason where evidence is not preserved."""
    letters = {**({} if shown.phrase else {"y": "yes"}), **others}
    prompt = f"Type {shown.phrase} to send" if shown.phrase else "Send it?"
    more = {"r": list(shown.requests), "l": list(shown.affects), "c": list(shown.curls)}
    words = {"r": "the full request", "l": "the affected list", "c": "copy as curl (no credential)"}
    shown_at = session.ctx.clock.now()
    answer = letter_or_go(session, step, "gate", prompt, letters, phrase=shown.phrase, more=more, more_words=words)
    took = max(0, int((session.ctx.clock.now() - shown_at).total_seconds()))
    if answer not in ("y", shown.phrase):
        return answer
    why = step.unpreserved
    if shown.unpreserved and not why:
        why = ask.reason(session, step.id, f"{shown.unpreserved[0]}. Why send nevertheless?")
    session.record("step.asked", {"answer": "phrase" if shown.phrase else "yes", "count": shown.count, "seconds": took},
                   {"asked.affects": list(shown.affects), "asked.warnings": [*shown.unpreserved, *shown.warnings],
                    **({"asked.phrase": shown.phrase} if shown.phrase else {}),
                    **({"reason": why} if why else {})}, by="human", step=step.id)
    return "send"


def judged(outcome: Outcome, action: Action, earlier: Sending | None) -> Outcome:
    """What an outcome means for its step, beyond what the performance alone could see.

    Where an earlier sending is still open, no failure of a look says that nothing was changed. A gap ends a step for good, so
    only evidence that a plan or a permission withholds is one: a credential that is refused (401) can be mended, and a
    containment that could not even look must never count as settled.
    """
    if earlier is not None and isinstance(outcome, Failed | Gap):
        return Unknown(f"{outcome.reason}. {plan.sent_before(earlier)}", outcome.status, outcome.command)
    if isinstance(outcome, Gap) and (outcome.status == 401 or action.effect is not Effect.READ):
        return Failed(outcome.reason, outcome.status, outcome.command)
    return outcome


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


def trouble(session: Session, step: Step, outcome: Outcome, *, title: str = "") -> None:
    """Record an outcome that is not done, and show it."""
    data: dict[str, Any] = {"status": outcome.status} if outcome.status else {}
    entry = session.record(outcome.kind, data, {"reason": outcome.reason}, step=step.id)
    label, lines = words_for(outcome)
    connector = session.connection_of(step)
    denied = isinstance(outcome, Failed | Gap) and outcome.status in (401, 403)
    session.ctx.say(Trouble(label, session.number(step.id), title or step.title, lines, entry.seq,
                            likely="the credential is refused, or its role is too low" if denied else "",
                            command=outcome.command or (f"irkit doctor {connector}" if denied else "")))


def words_for(outcome: Outcome) -> tuple[str, list[str]]:
    match outcome:
        case Gap():
            return "GAP", [f"Not available: {_sentence(outcome)}",
                           "This is recorded as a gap. It does not mean that nothing happened."]
        case Unknown():
            return "UNKNOWN", [_sentence(outcome), "It may have worked."]
        case Accepted():
            return "ACCEPTED", [f"Taken, not confirmed: {_sentence(outcome)}"]
    return "FAILED", [_sentence(outcome), "Nothing was changed."]


def _sentence(outcome: Outcome) -> str:
    return outcome.reason if outcome.reason.endswith((".", '."', ".)")) else f"{outcome.reason}."


def menu_for(outcome: Outcome, by_look: bool, letters: Mapping[str, str] = COMMON) -> dict[str, str]:
    if isinstance(outcome, Unknown):
        return {**({"l": "look again (safe)"} if by_look else {}), "m": "I checked by hand"}
    if isinstance(outcome, Accepted):
        defer = {"d": letters["d"]} if "d" in letters else {}
        return {**({"l": "look again (safe)"} if by_look else {}), **defer, "m": "I checked by hand"}
    return {"r": "retry", **letters}
