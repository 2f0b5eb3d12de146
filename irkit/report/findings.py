"""What a run says about its runbook and its team: where they parted, and what people noted. Told from the fold and the entries.

A finding states what happened and which entry says so; what to make of it is for people to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from msgspec import Struct

from irkit.engine.state import SETTLED, WITH_RESULT, RunState, State, StepState
from irkit.ledger import Entry
from irkit.runbook import Runbook, Step
from irkit.runbook.compare import longest_rise


class Finding(Struct, frozen=True):
    """`kind`: skipped, by hand, late, left open, gap, order, refused, note. `step` is an id, or "" where it is about none."""

    kind: str
    step: str
    text: str
    entry: int
    advice: str = ""
    who: str = ""
    took: timedelta | None = None          # late: from the run's start
    move: tuple[str, str] = ("", "")       # order: "before" or "after", and which step


def span(time: timedelta) -> str:
    """Hours, minutes and seconds, as a drill's score writes them."""
    seconds = int(time.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def findings(runbook: Runbook, run: RunState, state: State, entries: Iterable[Entry]) -> list[Finding]:
    """In the order of the runbook; notes that belong to no step come last."""
    moved = _moved(runbook.steps, run)
    noted = [entry for entry in entries if entry.kind == "note" and entry.run in (run.id, None) and entry.by == "human"]
    known = {step.id for step in runbook.steps}
    found = [one for number, step in enumerate(runbook.steps, 1)
             for one in (*_of_step(number, step, run.step(step.id), run), *moved.get(step.id, ()),
                         *(_note(entry, state) for entry in noted if entry.step == step.id))]
    return [*found, *(_note(entry, state) for entry in noted if entry.step not in known)]


def _of_step(number: int, step: Step, state: StepState, run: RunState) -> Iterator[Finding]:
    name = f"step {number} ({step.title})"
    if state.state == "skipped":
        yield Finding("skipped", step.id, f'{name} was skipped: "{state.reason}"', state.entry,
                      "say in `when` for whom it is, or mend what kept it from being done", state.who)
    if step.kind == "action" and state.state == "by_hand":
        yield Finding("by hand", step.id, f'{name} was done by hand, not by {step.action}: "{_how(state)}"', state.entry,
                      "mend the connection or the action, or make the step a `do` with the menu to open", state.who)
    if state.state == "unavailable":
        yield Finding("gap", step.id, f'{name} could not be had: "{state.reason}"', state.entry,
                      "name the gap in `why`, or say in `when` on which plan there is such a thing", state.who)
    if state.state not in SETTLED and run.closed:
        yield Finding("left open", step.id, f"{name} was left {state.word}", state.entry, "find out what kept it open",
                      state.who)
    if step.target and state.at and state.state in WITH_RESULT and state.at - run.opened_at > step.target:
        yield Finding("late", step.id, f"{name} was done after {span(state.at - run.opened_at)}; its target is "
                      f"{span(step.target)}", state.entry, "bring it forward, shorten what comes before it, or mend its target",
                      state.who, state.at - run.opened_at)
    for asked in state.approvals:
        if asked.state in ("refused", "expired"):
            how = f'refused by {asked.by}: "{asked.reason}"' if asked.state == "refused" else "not answered in time"
            yield Finding("refused", step.id, f"the approval of {name} was {how}", max(asked.answer, asked.seq),
                          "say in `why` what the second person has to see, or ask another role", asked.by)


def _how(state: StepState) -> str:
    return str(state.result.get("how", "")) if isinstance(state.result, dict) else ""


def _note(entry: Entry, state: State) -> Finding:
    return Finding("note", entry.step or "", f'noted: "{entry.disclosed.get("text", "")}"', entry.seq, "", state.who(entry))


def _moved(steps: Sequence[Step], run: RunState) -> dict[str, list[Finding]]:
    """The fewest steps that one would have to take out for the rest to stand in the order in which they were done.

    One that waits by itself (`after`) comes late as it should.
    """
    number = {step.id: n for n, step in enumerate(steps, 1)}
    settled = [run.step(step.id) for step in steps if step.after is None and run.step(step.id).state in WITH_RESULT]
    done = sorted((one for one in settled if one.at is not None), key=lambda one: one.entry)
    kept = longest_rise([number[one.id] for one in done])
    found: dict[str, list[Finding]] = {}
    for place, one in enumerate(done):
        if number[one.id] in kept:
            continue
        title = steps[number[one.id] - 1].title
        before = [number[other.id] for other in done[place + 1:] if number[other.id] in kept]
        early = bool(before) and min(before) < number[one.id]
        other = min(before) if early else max((number[o.id] for o in done[:place] if number[o.id] in kept), default=0)
        side = "before" if early else "after"
        where = f"{side} step {other} ({steps[other - 1].id})"
        found[one.id] = [Finding("order", one.id, f"step {number[one.id]} ({title}) was done {where}", one.entry,
                                 f"move it {where}, if the team was right", one.who,
                                 move=(side, steps[other - 1].id))]
    return found
