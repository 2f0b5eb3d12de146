"""The report after a drill, as plain data: objectives, timeline, observations, the plan to improve, and the drills before it.

The shape is that of an After-Action Report and Improvement Plan (HSEEP, the US doctrine for exercises). Everything is told
from the drill's ledger; what was not recorded is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from irkit.engine.people import same_name
from irkit.engine.session import STEERING
from irkit.engine.state import RunState, State
from irkit.ledger import Entry
from irkit.report.findings import Finding, findings, span
from irkit.report.words import one_line, what
from irkit.runbook import Runbook

KINDS = frozenset({"step.done", "step.by_hand", "step.skipped", "step.unavailable", "step.failed", "step.unknown",
                   "step.deferred", "step.undone", "decision", "inject", "note", "approval.asked", "approval.given",
                   "approval.refused", "approval.expired", "run.opened", "run.paused", "run.resumed", "run.closed",
                   "input.corrected", "handover.accepted", "deadline.warned", "deadline.met"})
STEERED = STEERING | {"observe"}       # by a facilitator
_PLAN = re.compile(r"^\s*improve:\s*(?P<what>.+?)(?:\s+@(?P<owner>\"[^\"]+\"|\S+))?"
                   r"(?:\s+by\s+(?P<due>\d{4}-\d\d-\d\d))?\s*\.?\s*$", re.I | re.S)


class Objective(Struct, frozen=True):
    """What was wanted: in words, whether it was reached ("ok", "late", ...), when or why not, and by which step, if by one."""

    id: str
    text: str
    verdict: str
    result: str
    step: str = ""

    @property
    def met(self) -> bool:
        return self.verdict == "ok"


class Card(Struct, frozen=True):
    """An inject: what was said to whom and when (from the start), what the team answered, what a good answer holds.

    `by`: the facilitator who added it, "" where the scenario has it; `held`: to the end.
    """

    id: str
    to: str
    say: str
    ask: str
    expect: str
    came: timedelta | None = None
    answer: str = ""
    answered: timedelta | None = None
    by: str = ""
    held: bool = False


class Fault(Struct, frozen=True):
    """Requests that were to go wrong: which, how, how often, who wanted it by which entry, and whether it came, if known."""

    connector: str
    request: str
    how: str
    times: int | None              # None: always
    by: str
    came: bool | None = None
    entry: int | None = None


class Stood(Struct, frozen=True):
    """That the drill's clock stood still: how often, for how long by the machine's, and the ids of steps that ended then."""

    times: int = 0
    real: timedelta = timedelta()
    steps: Sequence[str] = ()


class Moment(Struct, frozen=True):
    """A line of the timeline; `at` from the drill's start."""

    at: timedelta
    kind: str
    title: str
    text: str
    who: str
    entry: int

    @property
    def clock(self) -> str:
        return span(self.at)


class Plan(Struct, frozen=True):
    """A line of the improvement plan. `agreed`: a note says so; else it is proposed, and people fill in what is empty."""

    what: str
    owner: str
    due: str
    entry: int | None              # None: something that no entry says, because it did not happen
    agreed: bool = False


class People(Struct, frozen=True):
    """`team`: who recorded something in the drill, by their sessions; `facilitators`: who steered or observed it; `named`: who
    else is said to have done something by hand, or agreed to it, spelled as it was typed."""

    team: tuple[str, ...]
    facilitators: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = (("facilitated by", self.facilitators), ("named in it:", self.named))
        return "; ".join([", ".join(self.team), *(f"{words} {', '.join(names)}" for words, names in more if names)])


class Held(Struct, frozen=True):
    """One drill, as history lists it. `missed`: of what every drill is judged by, beside the scenario's `objectives`.

    `times`: phase -> seconds from the start to the first and to the last of its steps that counted, or None.
    """

    incident: str
    held: date
    runbook: str
    version: int
    sha256: str
    scenario: str
    people: People
    scripted: bool
    closed: bool
    met: int
    objectives: int
    missed: int
    times: dict[str, tuple[int, int] | None]
    entries: int
    head: str
    verifies: bool

    @property
    def percent(self) -> float | None:
        return 100 * self.met / self.objectives if self.objectives else None

    @property
    def practice(self) -> bool:
        """Whether people walked it to its end and its ledger verifies."""
        return self.closed and self.verifies and not self.scripted

    @property
    def score(self) -> str:
        """"8/9, 3 missed"."""
        return f"{self.met}/{self.objectives}" + (f", {self.missed} missed" if self.missed else "")

    def json(self) -> dict[str, object]:
        first, last = ({phase: pair and pair[end] for phase, pair in self.times.items()} for end in (0, 1))
        return {"incident": self.incident, "date": self.held.isoformat(), "runbook": self.runbook, "version": self.version,
                "runbook_sha256": self.sha256, "scenario": self.scenario,
                **{name: list(getattr(self.people, name)) for name in ("team", "facilitators", "named")},
                "scripted": self.scripted, "closed": self.closed, "score": {"met": self.met, "of": self.objectives},
                "missed": self.missed, "seconds_to": first, "seconds_through": last,
                "entries": self.entries, "head": self.head, "verifies": self.verifies}


@dataclass
class After:
    """The whole report."""

    drill: Held
    title: str                     # of the scenario
    runbook: Runbook
    began: datetime                # on the drill's clock
    took: timedelta                # by the drill's clock
    real: timedelta                # by the machine's
    objectives: Sequence[Objective]
    beside: Sequence[Objective]    # of what every drill is judged by: what was missed
    times: dict[str, str]          # phase -> when its steps counted, in words
    cards: Sequence[Card]
    faults: Sequence[Fault]
    stood: Stood
    timeline: Sequence[Moment] = ()
    observations: Sequence[Finding] = ()
    plan: Sequence[Plan] = ()
    history: Sequence[Held] = field(default_factory=list)
    trouble: str = ""              # the first thing that the ledger's verification found


def people_of(state: State, run: RunState, entries: Iterable[Entry]) -> People:
    """Who did what in the drill. Who only looked into its ledger, or exports it years later, is none of them."""
    own = [entry for entry in entries if entry.run == run.id]
    steered = {entry.session for entry in own if entry.kind == "control" and entry.by == "human"}
    steered |= {entry.ref for entry in own if entry.data.get("control") == "joined" and entry.ref is not None}
    team, facilitators = (tuple(sorted({one_line(state.people.get(one, "")) for one in sessions} - {""})) for sessions in (
        {entry.session for entry in own if entry.kind != "control"}, steered))
    results = (step.result for step in run.steps.values() if step.state == "by_hand")
    by_hand = (result.get("who") for result in results if isinstance(result, dict))
    approvers = (one.by for step in run.steps.values() for one in step.approvals)
    named = dict.fromkeys(one_line(name) for name in (*by_hand, *approvers) if name)
    return People(team, facilitators, tuple(
        name for name in named if not any(same_name(name, other) for other in (*team, *facilitators))))


def complete(after: After, state: State, run: RunState, entries: Sequence[Entry],
             observed: Sequence[Finding] = ()) -> After:
    """The parts that are told from the entries: timeline, observations (`observed` by the facilitator first), plan."""
    own = [entry for entry in entries if entry.run in (run.id, None)]
    found = [*observed, *_gathered(after.runbook, findings(after.runbook, run, state, own))]
    after.timeline = [_moment(after.runbook, run, state, entry) for entry in own              # of a fan-out as a whole
                      if (entry.kind in KINDS or entry.data.get("control") in STEERED)
                      and "drill_at" in entry.data and entry.item is None]
    after.observations = [one for one in found if not is_plan(_noted(one))]
    after.plan = [*_agreed(found), *_proposed(after, found)]
    return after


def _gathered(runbook: Runbook, found: Sequence[Finding]) -> Iterator[Finding]:
    """One delay makes every step after it late: steps in a row that were done within a minute are one finding, the first's."""
    number = {step.id: n for n, step in enumerate(runbook.steps, 1)}
    rows: list[list[Finding]] = []
    for one in found:
        last = rows[-1][-1].took if rows else None
        if one.took is not None and last is not None and timedelta() <= one.took - last < timedelta(minutes=1):
            rows[-1].append(one)
        else:
            rows.append([one])
    for first, *others in rows:
        more = ", ".join(str(number[one.step]) for one in others)
        yield replace(first, text=f"{first.text}; so were, with it, steps {more}") if others else first


def _moment(runbook: Runbook, run: RunState, state: State, entry: Entry) -> Moment:
    at = datetime.fromisoformat(entry.data["drill_at"]) - run.opened_at
    step = runbook.step(entry.step or "")
    title = f"{runbook.steps.index(step) + 1}. {step.title}" if step else ""
    kind = "answer" if entry.data.get("answered") else entry.kind.removeprefix("step.").replace("_", " ").replace(".", " ")
    who = state.who(entry)
    if entry.kind == "control":
        kind, title = "facilitator", ""
        who = state.people.get(entry.ref, who) if entry.ref is not None else who         # who came or went is told by another
    return Moment(max(at, timedelta()), kind, title, one_line(_text(entry)), who, entry.seq)


def _text(entry: Entry) -> str:
    """What there is to say of it beyond the step's title."""
    shown = entry.disclosed
    if entry.kind == "control":
        return what(entry) if entry.ref is None else str(entry.data["control"])
    if entry.kind in ("step.done", "step.deferred", "deadline.warned", "deadline.met"):
        return "" if entry.kind == "step.done" else what(entry).removeprefix(f"{entry.step}, ")
    if isinstance(result := shown.get("result"), dict):
        return str(result.get("how") or f"{result.get('choice', '')}: {result.get('reason', '')}")
    if entry.kind == "inject":
        lines = shown.get("text", ())
        return f"{entry.data['inject']}: " + (" ".join(map(str, lines)) if isinstance(lines, list | tuple) and lines else
                                             str(shown.get("answer", "")))
    if entry.kind.startswith("approval"):
        return " ".join(str(shown[key]) for key in ("approval.by", "approval.reason") if shown.get(key))
    return str(shown.get("reason") or shown.get("text") or what(entry))


def is_plan(text: str) -> bool:
    """Whether a note or an observation is a line of the plan, as in `improve: alert on exports @Wei by 2026-04-30`."""
    return _PLAN.match(text) is not None


def _noted(finding: Finding) -> str:
    return finding.text.removeprefix('noted: "').removesuffix('"') if finding.kind == "note" else finding.text


def _agreed(found: Iterable[Finding]) -> list[Plan]:
    """What people wrote that begins with "improve:"."""
    return [Plan(one_line(match["what"]), (match["owner"] or "").strip('"'), _day(match["due"]), one.entry, agreed=True)
            for one in found if (match := _PLAN.match(_noted(one)))]


def _day(text: str | None) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        return ""


def _proposed(after: After, found: Sequence[Finding]) -> list[Plan]:
    """One for each objective that was missed, and for each finding that has an advice; owned by whoever owns the step."""
    roles, book = after.runbook.roles, after.runbook
    owner = {step.id: roles.get(step.owner, step.owner) or book.owner for step in book.steps}
    missed = [one for one in (*after.objectives, *after.beside) if not one.met]
    return [*(Plan(f"{one.text}: {one.verdict} ({one.result})", owner.get(one.step, book.owner), "", None) for one in missed),
            *(Plan(f"{one.text}: {one.advice}", owner.get(one.step, book.owner), "", one.entry) for one in found if one.advice)]
