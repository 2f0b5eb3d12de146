"""Legal clocks: when they start, when they are due, and what closes them.

Only a done step or one done by hand with evidence meets a clock; a skipped one leaves it running; "not needed" closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.engine.gate import Deadline
from irkit.engine.state import RunState, scope
from irkit.runbook import Clock, Missing, Runbook


def starts_at(clock: Clock, known: Mapping[str, Any]) -> datetime | None:
    """The moment the clock started by what the run's templates see, or None while what starts it has not happened."""
    try:
        return datetime.fromisoformat(str(clock.start_value(known)))
    except (Missing, ValueError):
        return None


def _state_of(clock: Clock, start: datetime | None, run: RunState, evidence_needed: bool) -> str:
    """running, met, not needed or not started."""
    step = run.step(clock.stops)
    if step.state == "not_needed":
        return "not needed"
    if step.state == "done" or (step.state == "by_hand" and (step.evidence or not evidence_needed)):
        return "met"
    return "running" if start is not None else "not started"


def all_of(runbook: Runbook, run: RunState) -> list[Deadline]:
    """Every clock of the runbook, the nearest running one first."""
    steps = {step.id: step for step in runbook.steps}
    found, known = [], scope(run)
    for clock in runbook.clocks:
        start = starts_at(clock, known)
        state = _state_of(clock, start, run, steps[clock.stops].evidence == "required" if clock.stops in steps else False)
        found.append(Deadline(clock.id, clock.title, start + clock.within if start else None, state))
    return sorted(found, key=lambda d: (d.state != "running", d.due.timestamp() if d.due else float("inf")))
