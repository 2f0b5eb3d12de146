"""Legal clocks: when they start, when they are due, what closes them, and when they near their end. Pure, told from the fold.

- Only a done step, or one done by hand with evidence, meets a clock, or a decision of its own (`irkit clock met`). A skipped
  step leaves it running; "not needed" closes it, while the runbook's condition says so.
- A clock that was met runs again when its step is undone or taken up again, when an input that the step used was corrected
  after it, and when the decision is withdrawn (`irkit clock reopen`). Nothing is remembered for that: the fold says it.
- It warns when a quarter of its span is left, when an hour is (of spans over four hours), and when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from irkit.engine import needed
from irkit.engine.gate import Deadline
from irkit.engine.known import Known, Met
from irkit.engine.state import RunState, StepState, scope
from irkit.runbook import Clock, Missing, Runbook, Step

HOUR = timedelta(hours=1)


def starts_at(clock: Clock, known: Mapping[str, Any]) -> datetime | None:
    """The moment the clock started by what the run's templates see, or None while what starts it has not happened."""
    try:
        return datetime.fromisoformat(str(clock.start_value(known)))
    except (Missing, ValueError):
        return None


def all_of(runbook: Runbook, run: RunState) -> list[Deadline]:
    """Every clock of the runbook, the nearest running one first."""
    known, steps = scope(run), {step.id: (number, step) for number, step in enumerate(runbook.steps, 1)}
    found = [_one(clock, *steps[clock.stops], run, known) for clock in runbook.clocks]              # lint: there is one
    return sorted(found, key=lambda d: (d.state != "running", d.due.timestamp() if d.due else float("inf")))


def _one(clock: Clock, number: int, step: Step, run: RunState, known: Mapping[str, Any]) -> Deadline:
    start = starts_at(clock, known)
    met = standing(clock, step, run)
    source = next((look.path for expr in clock.start.exprs for look in expr.looks), "")
    state, why = ("met", "") if met else _state(clock, step, number, run)
    if state == "running" and start is None:
        state = "not started"
    return Deadline(clock.id, clock.title, start + clock.within if start else None, state, start=start, source=source,
                    known=_source(source, run), met=met, why=why, span=clock.within, warned=tuple(run.warned.get(clock.id, ())),
                    stops=number)


def _source(path: str, run: RunState) -> Known | None:
    """Which entry says what the clock runs from."""
    root, _, rest = path.partition(".")
    if root == "inputs":
        return run.known.get(rest)
    step = run.steps.get(rest.partition(".")[0])
    return Known(None, step.entry, step.at, step.who, "done") if step and step.at else None


# -- what closes a clock -----------------------------------------------------------------------------------------

def standing(clock: Clock, step: Step, run: RunState) -> Met | None:
    """The decision on record that the clock is met, while it stands."""
    met, state = run.met.get(clock.id), run.step(clock.stops)
    if met is None or not met.step:
        return met
    return met if met.ref == state.entry and _against(clock, step, state, run) is None else None


def _state(clock: Clock, step: Step, number: int, run: RunState) -> tuple[str, str]:
    """running, met (by its step, while no decision is on record yet) or not needed; and why."""
    state = run.step(clock.stops)
    if state.state == "not_needed":
        if after_all := needed.after_all(step, run):
            return "running", f"step {number} was not needed, and {after_all}; g {number} walks it"
        return "not needed", f"{state.reason}, {state.who}, entry {state.entry}"
    why = _against(clock, step, state, run)
    if why is None:
        return "met", ""
    return "running", f"step {number} {why}" if why else ""


def _against(clock: Clock, step: Step, state: StepState, run: RunState) -> str | None:
    """Why the step does not meet the clock, in words, empty where it was just not done yet; None where it does."""
    ended, again = state.entry, clock.id in run.met or clock.id in run.reopened
    if state.state == "skipped":
        return f"was skipped: {state.reason}"
    if state.state == "undone":
        return f"was undone, entry {ended}"
    if state.state not in ("done", "by_hand"):
        return f"was taken up again, entry {ended}" if again else ""
    if (back := run.reopened.get(clock.id)) is not None and back.how == "withdrawn" and back.entry > ended:
        return f"does not meet it: {back.reason}, {back.who}, entry {back.entry}"
    if state.state == "by_hand" and not state.evidence:
        return "was done by hand without evidence"
    for path in sorted(step.uses()):
        known = run.known.get(path.removeprefix("inputs.")) if path.startswith("inputs.") else None
        if known is not None and known.entry > ended:
            return f"used {path.removeprefix('inputs.')}, which was corrected after it, entry {known.entry}"
    return None


# -- nearing -----------------------------------------------------------------------------------------------------

def thresholds(span: timedelta) -> list[tuple[str, timedelta]]:
    """The names of the thresholds of a clock, and how much is left then, the most urgent first."""
    return [("due", timedelta()), *([("hour", HOUR)] if span / 4 > HOUR else []), ("quarter", span / 4)]


def nearing(deadlines: Sequence[Deadline], now: datetime) -> list[tuple[Deadline, str]]:
    """The running clocks that have passed a threshold which no entry says they passed, with the most urgent one."""
    found = []
    for one in deadlines:
        if one.state != "running" or one.due is None:
            continue
        said = {warned.threshold for warned in one.warned if warned.due == one.due}
        for name, left in thresholds(one.span):
            if name in said:
                break                              # and so all that are less urgent
            if one.due - now <= left:
                found.append((one, name))
                break
    return found
