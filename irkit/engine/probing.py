"""How steps end in a probe: shown and not sent, not seen, not reached, left to people. Nobody is asked, and the walk goes on.

What each entry holds is all that the report (`irkit.engine.radius`) is made from.
"""

from __future__ import annotations

from typing import Any

from irkit.action import Action, Outgoing
from irkit.engine import plan
from irkit.engine.ending import end
from irkit.engine.gate import Sends
from irkit.engine.outcome import Gap, Outcome
from irkit.engine.permit import Leaving
from irkit.engine.session import Session
from irkit.engine.transfer import request_parts
from irkit.engine.values import plain
from irkit.runbook import Step

NOT_REACHED, NOT_SEEN, UNAVAILABLE, BY_HAND, DECISION = "not_reached", "not_seen", "unavailable", "by_hand", "decision"


def show_only(session: Session, step: Step, action: Action, shown: Sends, leaving: Leaving) -> None:
    """Record what would have been sent, and what stood on its gate."""
    facts = {"probe": True, "action": action.full_name, "effect": action.effect.value}
    for item, outgoing in leaving.items():
        if item is not None:
            session.record("request.not_sent", facts, _request(outgoing), step=step.id, item=item)
    alone = leaving.get(None)
    end(session, step, "request.not_sent", {**facts, "items": len(leaving)},
        {**(_request(alone) if alone else {}), **_plan(session, step, action, shown)}, say="Probe: shown, not sent")


def _request(outgoing: Outgoing) -> dict[str, Any]:
    request = outgoing.request
    seen = {} if request.seen is None else {"request.seen": plain(request.seen)}
    return {**request_parts(outgoing), "request.affects": list(request.affects), "request.noun": request.noun, **seen}


def _plan(session: Session, step: Step, action: Action, shown: Sends) -> dict[str, Any]:
    return {"probe.undo": shown.undo, "probe.acting_as": shown.acting_as, "probe.warnings": list(shown.warnings),
            "probe.destroys": plan.destroys(session, step, action), "probe.already": shown.already}


def could_not_see(session: Session, step: Step, *outcomes: Outcome) -> None:
    """A look that failed, or that the plan withholds: what the step would affect is not known. It is never nothing."""
    why = next((o.reason for o in outcomes if o.reason), "") or "no answer"
    word = UNAVAILABLE if outcomes and all(isinstance(o, Gap) for o in outcomes) else NOT_SEEN
    end(session, step, "step.skipped", {"probe": word}, reason=why,
        say="Probe: it could not be looked at, so what it would affect is not known")


def not_reached(session: Session, step: Step, path: str) -> None:
    """What the step needs is the result of another one that has none here: a write that was not sent, or what hangs on it."""
    other = path.split(".")[1] if path.startswith("steps.") and "." in path else ""
    known = other and session.runbook.step(other) is not None
    why = (f"it needs {path}; step {session.number(other)} was {_word(session, other)}" if known
           else f"it needs {path}, which is not known")
    end(session, step, "step.skipped", {"probe": NOT_REACHED}, reason=why, say=f"Probe: not reached, as {why}")


def _word(session: Session, step_id: str) -> str:
    state = session.step_state(step_id)
    kind = {"do": "left to people", "ask": "left to people"}.get(getattr(session.runbook.step(step_id), "kind", ""))
    return kind if kind and state.state == "skipped" else "not seen or not reached" if state.state == "skipped" else state.word


def left_to_people(session: Session, step: Step) -> None:
    """A probe decides nothing, and does nothing by hand."""
    word = DECISION if step.kind == "ask" else BY_HAND
    end(session, step, "step.skipped", {"probe": word}, reason="a probe decides nothing and does nothing by hand",
        say="Probe: shown, not decided" if step.kind == "ask" else "Probe: shown, not done")
