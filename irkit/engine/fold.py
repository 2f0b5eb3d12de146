"""Where we stand: a fold over the ledger's entries, and the only state there is.

The rules:

- The same entries give the same state, in this process or the next one; nothing is remembered beside them.
- A step's result is decoded from the bytes of its entry (or artefact), so a resumed run sees what the first one saw.
- A `request.sending` without a final word is open: `unknown` until a look or a person settles it.
- The `seen` of each sending is kept as it was; undo will restore the first one's, and no later look replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from irkit.engine.gate import Stamps
from irkit.engine.values import rfc3339
from irkit.ledger import Entry

SETTLED = frozenset({"done", "by_hand", "skipped", "unavailable", "not_needed", "not_sent"})
WITH_RESULT = frozenset({"done", "by_hand"})
WORDS = {"pending": "not done", "by_hand": "by hand", "unavailable": "gap", "not_needed": "not needed",
         "not_sent": "shown, not sent"}


@dataclass
class Sending:
    """One write that may have left."""

    seq: int
    at: datetime
    item: int | None
    method: str
    url: str
    effect: str
    settle: str
    seen: Any
    status: int | None = None      # None: no answer is recorded
    not_sent: bool = False         # proven not to have left
    settled: bool = False          # a look or a person has said how things stand now
    did_it: bool = False           # a look says that this request is what did it

    @property
    def refused(self) -> bool:
        """Answered, and certainly without effect."""
        return self.status is not None and ((300 <= self.status < 500 and self.status != 408) or self.status == 501)

    @property
    def worked(self) -> bool:
        """Known to have taken effect: a look says so, or it was answered well and the step was settled."""
        return self.did_it or (self.settled and self.status is not None and 200 <= self.status < 300)

    @property
    def open(self) -> bool:
        """It may have worked, and nothing has settled it."""
        return not (self.settled or self.not_sent or self.refused)


@dataclass
class StepState:
    """Where one step of one run stands. `items` are the words of a fan-out's finished items."""

    id: str
    state: str = "pending"
    entry: int = -1                # the latest entry about the step
    at: datetime | None = None     # when it was settled
    result: Any = None
    reason: str = ""
    who: str = ""
    until: datetime | None = None  # deferred to
    evidence: bool = False
    sendings: list[Sending] = field(default_factory=list)
    items: dict[int, str] = field(default_factory=dict)
    item_results: dict[int, Any] = field(default_factory=dict)

    @property
    def word(self) -> str:
        return WORDS.get(self.state, self.state)

    def unsettled(self, item: int | None = None) -> Sending | None:
        """The last sending that may have worked and that nothing has settled."""
        found = [s for s in self.sendings if s.item == item and s.open]
        return found[-1] if found else None


@dataclass
class RunState:
    """One execution of one runbook."""

    id: str
    runbook: str
    version: int
    sha256: str
    mode: str
    opened_at: datetime
    opened_by: str
    holder: int                    # the session that may send
    scenario: str = ""             # the artefact of a drill's scenario
    inputs: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, StepState] = field(default_factory=dict)
    typed: dict[str, Any] = field(default_factory=dict)      # "steps.agent.id" -> a value given by hand where a step gave none
    injects: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    clocks: dict[str, str] = field(default_factory=dict)     # clock id -> started | met
    last_who: str = ""
    closed: bool = False

    def step(self, step_id: str) -> StepState:
        return self.steps.setdefault(step_id, StepState(step_id))


@dataclass
class State:
    """The incident."""

    mode: str = ""
    seq: int = -1
    head: str = ""
    runs: dict[str, RunState] = field(default_factory=dict)
    people: dict[int, str] = field(default_factory=dict)     # session -> name
    sessions: dict[int, Mapping[str, Any]] = field(default_factory=dict)   # open sessions: their session.start data
    notes: int = 0
    artefacts: int = 0
    artefact_bytes: int = 0
    stamps: Stamps = field(default_factory=Stamps)
    latest: datetime | None = None     # the time of the latest entry; in a drill, of the latest that has a drill's time

    def who(self, entry: Entry) -> str:
        return self.people.get(entry.session, "unknown")

    @property
    def open_run(self) -> RunState | None:
        """The latest run that is not closed."""
        return next((run for run in reversed(self.runs.values()) if not run.closed), None)


Load = Callable[[str], bytes]


def moment(entry: Entry) -> datetime:
    """When it happened: the drill's time in a drill, the machine's otherwise."""
    return datetime.fromisoformat(entry.data.get("drill_at") or entry.at)


def fold(state: State, entries: Iterable[Entry], load: Load) -> State:
    """Apply `entries` in order. `load(sha256)` reads an artefact that holds a value too large for a line."""
    for entry in entries:
        state.seq, state.head = entry.seq, entry.leaf
        if handler := _INCIDENT.get(entry.kind):
            handler(state, entry)
        if state.mode != "drill" or "drill_at" in entry.data:
            state.latest = moment(entry)
        run = state.runs.get(entry.run or "")
        if run is None:
            continue
        if handler_run := _RUN.get(entry.kind):
            handler_run(state, run, entry)
        if entry.kind == "step.started":       # the others' values are not read here, and so not decoded
            run.typed.update({k.removeprefix("typed."): v for k, v in entry.disclosed.items() if k.startswith("typed.")})
        if entry.step:
            _of_step(state, run.step(entry.step), entry, load)
    return state


def _of_step(state: State, step: StepState, entry: Entry, load: Load) -> None:
    group, _, verb = entry.kind.partition(".")
    if group == "step":
        _step(state, step, verb, entry, load)
    elif entry.kind == "decision":
        _step(state, step, "done", entry, load)
    elif entry.kind in _STEP:
        _STEP[entry.kind](step, entry)


# -- the incident ------------------------------------------------------------------------------------------------

def _genesis(state: State, entry: Entry) -> None:
    state.mode = entry.data["mode"]


def _session(state: State, entry: Entry) -> None:
    state.people[entry.seq] = str(entry.disclosed.get("person.name", "unknown"))
    state.sessions[entry.seq] = entry.data


def _session_end(state: State, entry: Entry) -> None:
    state.sessions.pop(entry.session, None)


def _opened(state: State, entry: Entry) -> None:
    data, run_id = entry.data, entry.run or ""
    inputs = {k.removeprefix("inputs."): v for k, v in entry.disclosed.items() if k.startswith("inputs.")}
    state.runs[run_id] = RunState(
        run_id, data["runbook"], data["version"], data["runbook_sha256"], data["mode"], moment(entry), state.who(entry),
        entry.session, scenario=data.get("scenario_sha256", ""),
        inputs=inputs, last_who=state.who(entry))


def _note(state: State, _: Entry) -> None:
    state.notes += 1


def _artefact(state: State, entry: Entry) -> None:
    state.artefacts += 1
    size = entry.disclosed.get("artefact.size", 0)
    state.artefact_bytes += size if isinstance(size, int) else 0


def _anchor(state: State, entry: Entry) -> None:
    data = entry.data
    state.stamps = Stamps(max(state.stamps.entries, data["size"]), state.stamps.authorities | {str(data.get("authority"))},
                          datetime.fromisoformat(data["gen_time"]))


_INCIDENT: dict[str, Callable[[State, Entry], None]] = {
    "genesis": _genesis, "session.start": _session, "session.end": _session_end, "run.opened": _opened, "note": _note,
    "artefact.added": _artefact, "anchor.timestamp": _anchor,
}


# -- a run -------------------------------------------------------------------------------------------------------

def _resumed(state: State, run: RunState, entry: Entry) -> None:
    run.holder, run.last_who, run.closed = entry.session, state.who(entry), False


def _closed(_: State, run: RunState, __: Entry) -> None:
    run.closed = True


def _corrected(_: State, run: RunState, entry: Entry) -> None:
    run.inputs.update({k.removeprefix("inputs."): v for k, v in entry.disclosed.items() if k.startswith("inputs.")})


def _inject(_: State, run: RunState, entry: Entry) -> None:
    (run.answered if entry.data.get("answered") else run.injects).add(entry.data["inject"])


def _deadline(_: State, run: RunState, entry: Entry) -> None:
    run.clocks[entry.data["clock"]] = entry.kind.partition(".")[2]


def _artefact_of_step(_: State, run: RunState, entry: Entry) -> None:
    if entry.step and entry.by == "human":
        run.step(entry.step).evidence = True


_RUN: dict[str, Callable[[State, RunState, Entry], None]] = {
    "run.resumed": _resumed, "handover.accepted": _resumed, "run.closed": _closed, "input.corrected": _corrected,
    "inject": _inject, "deadline.started": _deadline, "deadline.met": _deadline, "artefact.added": _artefact_of_step,
}


# -- a step ------------------------------------------------------------------------------------------------------

def _sending(step: StepState, entry: Entry) -> None:
    if entry.data.get("cleanup"):
        return
    shown = entry.disclosed
    step.sendings.append(Sending(entry.seq, moment(entry), entry.item, str(shown.get("request.method", "")),
                                 str(shown.get("request.url", "")), entry.data.get("effect", ""),
                                 entry.data.get("settle", "look"), shown.get("request.seen")))
    if entry.item is None:
        step.state = "sending"
    step.entry = entry.seq


def _answer(step: StepState, entry: Entry) -> None:
    for sending in step.sendings:
        if sending.seq == entry.ref:
            sending.status = entry.data.get("status")


def _not_sent(step: StepState, entry: Entry) -> None:
    for sending in step.sendings:
        if sending.seq == entry.ref:
            sending.not_sent = True
    if entry.data.get("probe") and entry.item is None:
        step.state, step.at, step.entry = "not_sent", moment(entry), entry.seq


_STEP: dict[str, Callable[[StepState, Entry], None]] = {
    "request.sending": _sending, "request.answer": _answer, "request.not_sent": _not_sent,
}


def _step(state: State, step: StepState, verb: str, entry: Entry, load: Load) -> None:
    if entry.item is not None:
        step.items[entry.item] = verb
        _settle(step, verb, entry)
        if verb in WITH_RESULT:
            step.item_results[entry.item] = result(entry, load)
        return
    step.entry, step.who = entry.seq, state.who(entry)
    if verb == "asked":
        step.state = "asked"
        return
    step.state = {"started": "looking"}.get(verb, verb)
    step.reason = str(entry.disclosed.get("reason", ""))
    step.until = datetime.fromisoformat(entry.data["until"]) if "until" in entry.data else None
    if verb == "started" and not entry.data.get("again"):
        step.items, step.item_results = {}, {}
    _settle(step, verb, entry)
    if step.state in SETTLED:
        step.at = moment(entry)
    if step.state in WITH_RESULT:
        step.result = result(entry, load)


def _settle(step: StepState, verb: str, entry: Entry) -> None:
    for sending in step.sendings if verb in WITH_RESULT else ():       # a skipped step leaves its unknown an unknown
        if entry.item is None or sending.item == entry.item:
            sending.settled = True
            sending.did_it = sending.did_it or sending.seq == entry.data.get("sent_at")




def result(entry: Entry, load: Load) -> Any:
    """The entry's result, from the line's disclosure or from the artefact that it names."""
    value = entry.disclosed.get("result")
    if isinstance(value, dict) and set(value) == {"artefact", "bytes"}:
        return json.loads(load(value["artefact"]))
    return value


def scope(run: RunState, item: Any = None) -> dict[str, Any]:
    """What templates see. A step without a result is absent, so that its use is Missing and never empty."""
    steps: dict[str, Any] = {}
    for step in run.steps.values():
        if step.state in WITH_RESULT and step.at is not None:
            value = step.result if isinstance(step.result, dict) else {} if step.result is None else {"value": step.result}
            steps[step.id] = {**value, "at": rfc3339(step.at)}
    found: dict[str, Any] = {"inputs": dict(run.inputs), "steps": steps}
    for path, value in run.typed.items():
        put(found, path, value)
    if item is not None:
        found["item"] = item
    return found


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set `tree["a"]["b"]` for "a.b" where nothing stands there yet."""
    *way, last = path.split(".")
    for key in way:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree.setdefault(last, value)
