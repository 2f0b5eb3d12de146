"""What every drill is judged by, asked for or not: times, order, haste, evidence, and what of the attack is left at its end.

    time:PHASE         when its first and its last step counted, and how many did; neither good nor bad
    order:STEP         a step that keeps evidence counted after one that changes something and stands below it, or something
                       was sent although what it destroys had not been kept
    rushed:STEP        a phrase was typed so soon that nobody can have read it; not told while the clock stands still
    evidence:STEP      a step that was begun wants evidence and has none
    left:WORLD.KIND    asked of the world: a session, a token, a rule of the attack that is still alive
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from irkit.drill.control import Stop, stops
from irkit.drill.score import Score, Verdict, clock
from irkit.engine.state import WITH_RESULT, RunState
from irkit.ledger import Entry
from irkit.runbook import Runbook, Step
from irkit.worlds import Left, World

LINES = ("order", "rushed", "evidence", "left")     # of which a wrong team may show one
PHASES = ("preserve", "contain", "notify")
CHANGING = frozenset({"contain", "eradicate"})
RUSHED = 10                    # seconds between a gate and its phrase, below which nobody has read it


def standard(runbook: Runbook, run: RunState, entries: Iterable[Entry], left: Iterable[tuple[str, Left]]) -> list[Score]:
    """The lines, in the order above. `left`: what still lives, with the name of its world."""
    own = [entry for entry in entries if entry.run == run.id]
    gates = [entry for entry in own if entry.kind == "step.asked"]
    return [*_times(runbook, run), *_order(runbook, run, gates), *_rushed(gates, stops(run, own)), *_evidence(runbook, run),
            *(Score(f"left:{world}.{one.kind}", Verdict.MISSED, f"still alive: {one.what}") for world, one in left)]


def left_by(worlds: Mapping[str, World], run: RunState, by_hand: Mapping[str, Sequence[str]]) -> list[tuple[str, Left]]:
    """What of the attacks is still alive, but for what people took away where no world can see it."""
    gone = {kind for step, kinds in by_hand.items() if run.step(step).state in WITH_RESULT for kind in kinds}
    return [(name, one) for name, world in worlds.items() for one in world.left() if f"{name}.{one.kind}" not in gone]


def _when(run: RunState, step: Step) -> datetime | None:
    """When the step counted, or None."""
    state = run.step(step.id)
    return state.at if state.state in WITH_RESULT else None


def _times(runbook: Runbook, run: RunState) -> Iterator[Score]:
    for phase in PHASES:
        steps = [step for step in runbook.steps if step.phase == phase and run.step(step.id).state != "not_needed"]
        times = sorted(max(at - run.opened_at, timedelta()) for step in steps if (at := _when(run, step)) is not None)
        if times:
            yield Score(f"time:{phase}", Verdict.TIME, f"{clock(times[0])} to {clock(times[-1])}, "
                        f"{len(times)} of {len(steps)}", *(int(time.total_seconds()) for time in (times[-1], times[0])))
        elif steps:
            yield Score(f"time:{phase}", Verdict.TIME, f"none of {len(steps)}")


def _order(runbook: Runbook, run: RunState, gates: Sequence[Entry]) -> Iterator[Score]:
    changed: list[tuple[int, str, datetime]] = []      # steps further down, that changed something, by their entries
    for step in reversed(runbook.steps):
        at, seq = _when(run, step), run.step(step.id).entry
        if at is None:
            continue
        if step.phase in CHANGING:
            changed.append((seq, step.id, at))
        early = min((one for one in changed if one[0] < seq), default=None)
        if step.phase == "preserve" and step.after is None and early is not None:
            yield Score(f"order:{step.id}", Verdict.WRONG_ORDER, f"{clock(at - run.opened_at)}, after {early[1]} at "
                        f"{clock(early[2] - run.opened_at)}")
    for entry in gates:
        for line in entry.disclosed.get("asked.warnings", ()):
            if str(line).startswith("Not preserved"):
                yield Score(f"order:{entry.step}", Verdict.WRONG_ORDER, str(line))


def _rushed(gates: Sequence[Entry], stood: Sequence[Stop]) -> Iterator[Score]:
    for entry in gates:
        seconds = entry.data.get("seconds")
        read = datetime.fromisoformat(entry.at) - timedelta(seconds=RUSHED)      # at the latest, by the machine's clock
        still = any(one.began.seq < entry.seq and (one.ended is None or datetime.fromisoformat(one.ended.at) > read)
                    for one in stood)
        if entry.data.get("answer") == "phrase" and isinstance(seconds, int) and seconds < RUSHED and not still:
            yield Score(f"rushed:{entry.step}", Verdict.MISSED, f"the phrase {seconds} s after the gate", seconds)


def _evidence(runbook: Runbook, run: RunState) -> Iterator[Score]:
    for step in runbook.steps:
        state = run.step(step.id)
        if step.evidence == "required" and state.state not in ("not_needed", "pending") and not state.evidence:
            yield Score(f"evidence:{step.id}", Verdict.MISSED, f"none; the step was {state.word}")
