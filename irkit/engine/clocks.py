"""What a run puts on record of its legal clocks: that one started, nears its end, was met, runs again.

The arithmetic is `irkit.engine.deadlines`'. Warnings are written by the session that holds the run and by no other, checked in
the append itself: whoever takes the run over has read those before, so no threshold is ever warned of twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from irkit.engine import deadlines
from irkit.engine.gate import Deadline, News
from irkit.engine.state import Sending, StepState
from irkit.engine.values import rfc3339

if TYPE_CHECKING:
    from irkit.engine.session import Session

LEFT = {"quarter": "a quarter of its time is left", "hour": "an hour is left", "due": "its time is over"}


def keep(session: Session) -> None:
    """Record which clocks started or are due at another time, which were met, and which of those run again."""
    for one in session.view.deadlines:
        _start(session, one)
        on_record = session.run.met.get(one.id)
        if on_record is not None and one.met is None:
            session.record("amended", {"clock": one.id}, {"reason": one.why or "its step has not ended"}, ref=on_record.entry)
            session.news.append(News([f"CLOCK    {one.title} runs again: {one.why or 'its step has not ended'}"]))
        if one.state == "met" and one.met is None and one.due is not None and session.state.signed(session.own):
            _meet(session, one, one.due)


def _start(session: Session, one: Deadline) -> None:
    before = session.run.started.get(one.id)
    if one.due is None or one.due == before:
        return
    source = {"from": one.source} if one.source else {}
    entry = session.record("deadline.started", {"clock": one.id, "due": one.due.isoformat(), **source},
                           ref=one.known.entry if one.known else None)
    if before is not None:
        session.news.append(News([f"CLOCK    {one.title} is due {_at(one.due)}, no longer {_at(before)} (entry {entry.seq})"]))


def _meet(session: Session, one: Deadline, due: datetime) -> None:
    """The step's own gate was the decision: who did it, when, how, and what was sent or attached."""
    step_id = session.runbook.steps[one.stops - 1].id
    step = session.step_state(step_id)
    session.record("deadline.met", {"clock": one.id, "due": due.isoformat()}, meeting(step), by="human", step=step_id,
                   ref=step.entry)


def meeting(step: StepState) -> dict[str, Any]:
    """What a step that came to its end says about meeting a clock, as values to disclose."""
    said = step.result if isinstance(step.result, dict) else {}
    if step.state == "by_hand":
        sent = [f"artefact {sha256}" for sha256 in said.get("evidence") or ()]
        when, basis = str(said.get("when", "")), str(said.get("how", ""))
    else:
        sent = [_sent(one) for one in step.sendings if one.worked]
        when, basis = "", str(said.get("reason", ""))
    return {"deadline.by": str(said.get("who") or step.who), "deadline.basis": basis, "deadline.sent": sent,
            "observed_at": when or rfc3339(step.at or datetime.now(UTC))}


def _sent(one: Sending) -> str:
    return f"{one.method} {one.url}, entry {one.seq}"


def warn(session: Session) -> None:
    """Record that a clock nears its end, once for each threshold, and say so."""
    now = session.state.reckoned(session.ctx.clock.now())
    for one, threshold in deadlines.nearing(session.view.deadlines, now):
        assert one.due is not None
        data = {"clock": one.id, "due": one.due.isoformat(), "threshold": threshold, **session.ctx.clock.stamp()}
        entry = session.ctx.ledger.append("deadline.warned", data, run=session.ctx.run, held_by=session.own)
        session.beaten = session.ctx.clock.now()
        session.gain()
        session.news.append(News([f"CLOCK    {warning(one, threshold, now)} (entry {entry.seq})"]))


def warning(one: Deadline, threshold: str, now: datetime) -> str:
    """`GDPR art. 33 notice is due in 17:59, 2026-11-23 02:06Z: a quarter of its time is left`."""
    assert one.due is not None
    left = abs(one.due - now) // timedelta(minutes=1)
    span = f"{left // 60:02}:{left % 60:02}"
    how = f"is due in {span}" if one.due > now else f"is OVERDUE by {span}"
    return f"{one.title} {how}, {_at(one.due)}: {LEFT.get(threshold, threshold)}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"
