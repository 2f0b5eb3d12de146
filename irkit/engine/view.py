"""A run as people look at it: the runbook beside the folded state. Pure, so that any terminal can look at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from irkit.engine import deadlines, needed
from irkit.engine.gate import Closed, Deadline, Resumed, Where
from irkit.engine.modes import Mode
from irkit.engine.state import SETTLED, WITH_RESULT, RunState, State, StepState
from irkit.engine.undoable import undoable
from irkit.engine.values import word
from irkit.runbook import Runbook, Step

_T = TypeVar("_T")
LABELS = {Mode.LIVE: "LIVE", Mode.PROBE: "PROBE", Mode.DRILL: "DRILL", Mode.DRY_RUN: "DRY RUN"}
SKEW = timedelta(minutes=1)            # by which the clocks of two machines may differ without a word


@dataclass
class View:
    """`incident` is the folder's name, `who` the person looking."""

    incident: str
    runbook: Runbook
    state: State
    run_id: str
    who: str
    role: str = ""
    _told: dict[Callable[[Runbook, RunState], Any], tuple[int, Any]] = field(default_factory=dict, init=False, repr=False)

    @property
    def run(self) -> RunState:
        return self.state.runs[self.run_id]

    def step_state(self, step: Step | str) -> StepState:
        return self.run.step(step if isinstance(step, str) else step.id)

    def number(self, step_id: str) -> int:
        return next(i for i, s in enumerate(self.runbook.steps, 1) if s.id == step_id)

    @property
    def label(self) -> str:
        mode = Mode(self.run.mode)
        return "TEST" if self.state.mode == "test" and mode is Mode.LIVE else LABELS[mode]

    @property
    def deadlines(self) -> Sequence[Deadline]:
        """Every clock, the nearest running one first."""
        return self._by_entries(deadlines.all_of)

    @property
    def again(self) -> Mapping[str, str]:
        """The steps that were not needed and have to be looked at again, by id, each with why."""
        return self._by_entries(needed.again)

    def _by_entries(self, tell: Callable[[Runbook, RunState], _T]) -> _T:
        """What is told from the fold alone: told anew when an entry came, and not at each look at a prompt that waits."""
        seq, told = self._told.get(tell, (-2, None))
        if seq != self.state.seq:
            told = tell(self.runbook, self.run)
            self._told[tell] = self.state.seq, told
        return cast("_T", told)

    def due(self, step: Step, now: datetime) -> datetime | None:
        """When a step with `after` may begin; None while the other step is open. Steps without it are due `now`."""
        if step.after is None:
            return now
        other = self.step_state(step.after.step)
        if other.state not in SETTLED:
            return None
        if Mode(self.run.mode) is Mode.PROBE:      # it waits for nothing: what the step waits for was not done
            return now
        return other.at + (step.after.wait or timedelta()) if other.state in WITH_RESULT and other.at else now

    def at_hand(self, now: datetime) -> Iterator[Step]:
        """The open steps, in order, without those that were deferred and those whose turn has not come (`after`)."""
        again, run = self.again, self.run
        for step in self.runbook.steps:
            state = "pending" if step.id in again else run.step(step.id).state
            if state in SETTLED or state == "deferred":
                continue
            if state != "pending" or ((due := self.due(step, now)) is not None and due <= now):
                yield step

    def following(self, now: datetime) -> str:
        """"8. End every session of the account": the first step at hand; empty when there is none."""
        step = next(self.at_hand(now), None)
        return f"{self.number(step.id)}. {step.title}" if step else ""

    def at_work(self, now: datetime) -> Step | None:
        """The step that was begun last and is not settled; else the first that is at hand."""
        open_ = list(self.at_hand(now))
        begun = [step for step in open_ if self.step_state(step).state != "pending"]
        return max(begun, key=lambda step: self.step_state(step).entry) if begun else next(iter(open_), None)

    def open_lines(self) -> list[str]:
        """What waits: requests whose outcome is unknown, second people who were asked, and the report of a probe."""
        lines = [line for step in self.runbook.steps for line in (self._open_line(step), self._waiting_line(step)) if line]
        if Mode(self.run.mode) is Mode.PROBE and not self.run.closed:
            lines.append("Probe    reads only; its report of what would be affected is made when it has walked to the end")
        return lines

    def where(self, now: datetime, step: Step | None = None) -> Where:
        now, back = self.state.reckoned(now), self._set_back(now)
        return Where(
            label=self.label, incident=self.incident, runbook=self.runbook.name, version=self.runbook.version,
            number=self.number(step.id) if step else 0, total=len(self.runbook.steps), phase=step.phase if step else "",
            elapsed=max(0.0, (now - self.run.opened_at).total_seconds()), who=f"{self.who} (unsigned)", role=self.role, now=now,
            deadlines=self.deadlines, set_back=back)

    def _set_back(self, now: datetime) -> str:
        """What to say where this machine's clock is behind the moment that clocks are counted to."""
        behind = self.state.reckoned(now) - now
        if behind < SKEW:
            return ""
        minutes = behind // timedelta(minutes=1)
        span = f"{minutes // 60:02}:{minutes % 60:02}"
        return (f"clock set back {span}, entry {self.state.set_back_at}" if self.state.set_back >= SKEW
                else f"this machine's clock is {span} behind the ledger")

    def closed(self, now: datetime) -> Closed:
        """The figures of the closing screen."""
        counts: dict[str, int] = {}
        for step in self.runbook.steps:
            word = self.step_state(step).word
            counts[word] = counts.get(word, 0) + 1
        probed, skipped = self.run.probed, self.lines("skipped") if Mode(self.run.mode) is not Mode.PROBE else ()
        return Closed(self.where(now), counts, skipped, sent_counts(self.run), len(undoable(self.run)),
                      self.state.artefacts, self.state.artefact_bytes, self.state.notes, self.state.seq + 1, self.state.head,
                      self.lines("unavailable"), stamps=self.state.stamps, probed=probed.headline if probed else "")

    def resumed(self, now: datetime, changed: Sequence[str] = ()) -> Resumed:
        """What somebody who takes the run up has to know."""
        done = [n for n, step in enumerate(self.runbook.steps, 1) if self.step_state(step).state == "done"]
        return Resumed(self.where(now), self.run.opened_at, self.run.opened_by, self.state.seq + 1, spans(done),
                       self.lines("by_hand"), self.lines("skipped"), self.open_lines(), changed, self.run.last_who,
                       self.state.stamps, self.run.offer,
                       f"to be moved, entry {self.run.packed}; another copy may go on" if self.run.packed >= 0 else "",
                       self.lines("undone"))

    def lines(self, state: str) -> list[str]:
        """"10 Rotate API keys: "owner asleep"" for each step in that state."""
        lines = []
        for number, step in enumerate(self.runbook.steps, 1):
            found = self.step_state(step)
            if found.state == state:
                lines.append(f"{number} {step.title}" + (f': "{found.reason}"' if found.reason else ""))
        return lines

    def known(self) -> list[str]:
        """The inputs and the decisions, each with who said so, when and by which entry."""
        lines = [f"{name} {word(one.value)}, {one.how} by {one.who} at {_at(one.at)}, entry {one.entry}"
                 for name, one in self.run.known.items()]
        for number, step in enumerate(self.runbook.steps, 1):
            found = self.step_state(step)
            if step.kind == "ask" and found.state == "done" and isinstance(found.result, dict) and found.at:
                lines.append(f"{number} {step.title}: {found.result.get('choice')}, \"{found.result.get('reason', '')}\", "
                             f"{found.who} at {_at(found.at)}, entry {found.entry}")
        return lines

    def _open_line(self, step: Step) -> str:
        pending = [s for s in self.step_state(step).all_sendings() if s.open]
        if not pending:
            return ""
        last = pending[-1]
        answer = f"answered {last.status}, not confirmed" if last.status else "no answer"
        more = f" ({len(pending)} requests)" if len(pending) > 1 else ""
        at = f"{last.at.astimezone(UTC):%H:%M:%S}Z"
        return f"UNKNOWN  {self.number(step.id)} {step.title}: sent {at}, {answer}{more}. Look again before going on."

    def _waiting_line(self, step: Step) -> str:
        """A second person was asked, and has not answered yet."""
        state = self.step_state(step)
        asked = state.approval
        about = state.undos[-1] if asked is not None and asked.undo and state.undos else state
        if asked is None or asked.state != "open" or about.state in SETTLED:
            return ""
        until, number = f"{asked.expires.astimezone(UTC):%H:%M}Z", self.number(step.id)
        return f"WAITING  {number} {step.title}: {asked.role}, until {until}. irkit approve {self.incident} {step.id}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def sent_counts(run: RunState) -> dict[str, int]:
    """Writes that left, by what came of them."""
    counts = {"worked": 0, "refused": 0, "unknown": 0}
    for step in run.steps.values():
        for sending in step.all_sendings():
            if not sending.not_sent:
                counts["refused" if sending.refused else "worked" if sending.worked else "unknown"] += 1
    return counts


def spans(numbers: Sequence[int]) -> list[str]:
    """[1, 2, 3, 5] as ["1-3", "5"]."""
    found: list[list[int]] = []
    for n in numbers:
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return [str(a) if a == b else f"{a}-{b}" for a, b in found]


def changed_lines(runbook: Runbook, current: Runbook, path: str) -> list[str]:
    """What to say when the runbook's file no longer equals the run's own copy."""
    if current.sha256 == runbook.sha256:
        return []
    return [f"{path} differs from this run's copy.",
            f"This run keeps its own copy (v{runbook.version}, sha256 {runbook.sha256[:4]}..)."]
