"""One step: needed or not, performed or done by hand or decided, and what is asked when it does not go well.

States of a step (ARCHITECTURE of this engine, in one place):

    pending -> looking -> asked -> sending -> done         the second look agrees, or nothing needed doing
       |          |         |         |-> accepted         taken, not confirmed: look again
       |          |         |         |-> failed           answered and refused, or nothing was sent
       |          |         |         '-> unknown          it may have worked: look again, or settle by hand
       |          |         '-> skipped | by_hand | deferred | not_sent (probe)
       |          '-> failed (nothing was written) | unavailable (a gap)
       '-> not_needed -> pending                         what its `when` names changed (`irkit.engine.needed`)

An unknown never offers a plain retry; a write is never sent again without a look, and never without a gate.
"""

from __future__ import annotations

from irkit.engine import ask, needed, plan, probing
from irkit.engine.ending import AGAIN, Leaves, common, end, letter_or_go
from irkit.engine.fanout import fan_out
from irkit.engine.gate import ByHand, News, StepBegins
from irkit.engine.modes import Mode
from irkit.engine.roles import fill
from irkit.engine.session import Session
from irkit.engine.single import Single
from irkit.engine.state import WITH_RESULT
from irkit.runbook import Missing, Step


def walk(session: Session, step: Step) -> None:
    """Take one step as far as it goes now. Raises Paused and GoTo; the ledger holds whatever happened before.

    One that is not needed takes a line: a choice of provider leaves out the steps of all the others. What was done before that
    was known stays done.
    """
    unknown = None
    try:
        why = _left_out(session, step)
    except Missing as missing:
        why, unknown = "", missing
    if why and (before := session.step_state(step)).state in WITH_RESULT:
        session.ctx.say(News([f"{session.number(step.id)}. {step.title}: {why} by now. It stays {before.word}, "
                              f"entry {before.entry}; irkit undo {session.ctx.ledger.folder.name} lists what can be undone."]))
        return
    if why:
        end(session, step, "step.not_needed", reason=why, say=f"{session.number(step.id)}. {step.title}: {why}", follow=False)
        return
    badge = {"do": "BY HAND", "ask": "DECISION"}.get(step.kind) or plan.BADGES[session.action_of(step).effect]
    where = session.where(step)
    left = step.target.total_seconds() - where.elapsed if step.target else None
    session.ctx.say(StepBegins(where, session.number(step.id), step.title, step.why, badge,
                               session.runbook.roles.get(step.owner, step.owner), left,
                               [d for d in where.deadlines if d.stops == where.number and d.state == "running"]))
    if unknown is not None and not _needed(session, step, unknown):
        return
    fill(session, step)
    try:
        _take(session, step)
    except Missing as missing:           # only a probe lets one pass: what a write's answer would have said, nobody knows yet
        probing.not_reached(session, step, missing.path)


def _take(session: Session, step: Step) -> None:
    if step.kind == "do":
        _do(session, step)
    elif step.kind == "ask":
        _decide(session, step)
    elif without := session.unreachable(session.connection_of(step)):
        _by_hand_instead(session, step, without)
    else:
        _perform(session, step)


def _perform(session: Session, step: Step) -> None:
    again = session.step_state(step).state in AGAIN
    try:
        if step.for_each is not None:
            fan_out(session, step)
        else:
            Single(session, step).walk()
    except Leaves as left:
        session.record("step.started", {"step_kind": "action", **({"again": True} if again else {})}, step=step.id)
        common(session, step, left.letter)


def _left_out(session: Session, step: Step) -> str:
    """Why the step is not needed; "" where it is. Raises Missing where that cannot be told. One with a request that nothing has
    settled is needed, whatever was decided since.
    """
    if step.when is None or session.step_state(step).open_sending is not None:
        return ""
    known = session.scope()
    return "" if step.when_value(known) else f"`when` is false{needed.seen(step.when, known)}"


def _needed(session: Session, step: Step, unknown: Missing) -> bool:
    """Whether a step is to be taken whose `when` names what is not known: somebody says so. A probe goes on as if it were."""
    if session.ctx.mode is Mode.PROBE:
        session.ctx.say(News([f"{unknown.path} is not known: shown as if this step were needed."]))
        return True
    answer = ask.choose(session, step.id, "when_unknown", f"{unknown.path} is not known. Is this step needed?",
                        {"y": "needed", "x": "not needed"})
    if answer != "y":
        end(session, step, "step.not_needed", reason=ask.reason(session, step.id), by="human")
    return answer == "y"


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
    if session.ctx.mode is Mode.PROBE:
        probing.left_to_people(session, step)
        return
    letter = letter_or_go(session, step, "gate", "Done?", {"m": "done", "s": "skip", "d": "defer"})
    common(session, step, letter)


def _by_hand_instead(session: Session, step: Step, why: str) -> None:
    """An action that nothing leads to is a person's to do, or is left out with a reason: never in silence."""
    action = session.action_of(step)
    session.record("step.started", {"step_kind": "do"}, step=step.id)
    session.ctx.say(ByHand(f"irkit cannot do this step: {why}.\n\nBy hand, in the vendor's own console: {action.title}. Then "
                           "m, with what was seen. Or s, with the reason, so that it stands as not done.", evidence=True))
    if session.ctx.mode is Mode.PROBE:
        probing.left_to_people(session, step)
        return
    common(session, step, letter_or_go(session, step, "gate", "Done?", {"m": "done", "s": "skip", "d": "defer"}))


def _decide(session: Session, step: Step) -> None:
    session.record("step.started", {"step_kind": "ask"}, step=step.id)
    session.ctx.say(ByHand(_text(session, step), dict(step.choices)))
    if session.ctx.mode is Mode.PROBE:
        probing.left_to_people(session, step)
        return
    letter = letter_or_go(session, step, "choice", "Your decision", {**step.choices, "s": "skip", "d": "defer"})
    if letter in ("s", "d") and letter not in step.choices:
        common(session, step, letter)
        return
    result = {"choice": letter, "reason": ask.reason(session, step.id, "Why")}
    end(session, step, "decision", disclose={"result": result}, by="human", say=step.choices[letter])
