"""Where we stand, as plain data: the incident, its runs, their steps, what each of them sent. `fold` alone fills it in."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from irkit.engine.gate import Offered, Stamps
from irkit.engine.known import Control, Known, Met, Warned
from irkit.engine.people import Person
from irkit.engine.values import rfc3339
from irkit.ledger import Entry
from irkit.ledger.approvals import parts_in

SETTLED = frozenset({"done", "by_hand", "skipped", "unavailable", "not_needed", "not_sent", "undone"})
WITH_RESULT = frozenset({"done", "by_hand"})
WORDS = {"pending": "not done", "by_hand": "by hand", "unavailable": "gap", "not_needed": "not needed",
         "not_sent": "shown, not sent"}
REPORT = "blast-radius.json"   # the name of the artefact in which a probe's report is kept


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
    action: str = ""               # its full name
    args: Mapping[str, Any] | None = None      # the action's arguments; None where none were recorded
    status: int | None = None      # None: no answer is recorded
    not_sent: bool = False         # proven not to have left
    said_no: bool = False          # the body of a good status says that nothing was done
    settled: bool = False          # a look or a person has said how things stand now
    did_it: bool = False           # a look says that this request is what did it
    approval: int | None = None    # the entry of the second person's agreement that it left on
    undone: bool = False           # what it did was taken back

    @property
    def refused(self) -> bool:
        """Answered, and certainly without effect."""
        status = self.status or 0
        return self.said_no or (300 <= status < 500 and status != 408) or status == 501

    @property
    def worked(self) -> bool:
        """Known to have taken effect: a look says so, or it was answered well and the step was settled."""
        return self.did_it or (self.settled and self.status is not None and 200 <= self.status < 300)

    @property
    def open(self) -> bool:
        """It may have worked, and nothing has settled it."""
        return not (self.settled or self.not_sent or self.refused)


@dataclass
class Approval:
    """A request for a second person's agreement. `state`: open, given, refused, expired, replaced (by a later request)."""

    seq: int
    session: int                   # that asked, and its key
    key: str
    role: str
    expires: datetime
    shown: Mapping[str, Any]       # the request's values
    state: str = "open"
    answer: int = -1               # the entry of the answer, who gave it, with which key, and why
    by: str = ""
    approver: str = ""
    reason: str = ""
    undo: bool = False             # asked for what takes the step back

    @property
    def salt(self) -> str:
        return str(self.shown.get("approval.salt", ""))

    @functools.cached_property
    def parts(self) -> frozenset[str]:
        """Of the fingerprint; see `irkit.ledger.approvals`."""
        return parts_in(self.shown)


class Probed(Struct, frozen=True):
    """What a probe ended with: its sum in a sentence, and the SHA-256 of its report and of the report's text."""

    headline: str
    report: str
    text: str


@dataclass
class StepState:
    """Where one step of one run stands. `items` are the words of a fan-out's finished items."""

    id: str
    state: str = "pending"
    entry: int = -1                # the latest entry about the step
    at: datetime | None = None     # when it was settled
    result: Any = None
    reason: str = ""
    changed: str = ""              # why an undo was refused: something is not as the step left it
    who: str = ""
    until: datetime | None = None  # deferred to
    evidence: bool = False
    sendings: list[Sending] = field(default_factory=list)
    items: dict[int, str] = field(default_factory=dict)
    item_results: dict[int, Any] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)
    args: Any = None               # the arguments it was started with; of a fan-out a list, one for each item
    listed: Any = ()               # the items of a fan-out
    undos: list[StepState] = field(default_factory=list)      # each attempt to take it back, as a step of its own

    @property
    def approval(self) -> Approval | None:
        """The latest request for a second person's agreement."""
        return self.approvals[-1] if self.approvals else None

    def asked(self, undo: bool) -> Approval | None:
        """The latest request, where it is for what the step does, or for the undo of that: neither counts for the other."""
        return self.approval if self.approval is not None and self.approval.undo is undo else None

    @property
    def word(self) -> str:
        return WORDS.get(self.state, self.state)

    def unsettled(self, item: int | None = None) -> Sending | None:
        """The last sending that may have worked and that nothing has settled."""
        found = [s for s in self.sendings if s.item == item and s.open]
        return found[-1] if found else None

    @property
    def open_sending(self) -> Sending | None:
        """The first sending, of whatever item, that may have worked and that nothing has settled."""
        return next((s for s in self.sendings if s.open), None)

    def all_sendings(self) -> list[Sending]:
        """Those of the step, and those of its undos."""
        return [*self.sendings, *(s for undo in self.undos for s in undo.sendings)]

    @property
    def half_undone(self) -> bool:
        """An undo was sent, and nothing has settled whether it took."""
        return bool(self.undos) and self.undos[-1].open_sending is not None


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
    controls: list[Control] = field(default_factory=list)    # of a drill: what its facilitator did, in order
    taken: set[int] = field(default_factory=set)             # those that the team's process has followed, by their entries
    known: dict[str, Known] = field(default_factory=dict)    # input -> which entry says so
    started: dict[str, datetime] = field(default_factory=dict)        # of clocks, by their ids: when due, as last recorded
    met: dict[str, Met] = field(default_factory=dict)
    reopened: dict[str, Known] = field(default_factory=dict)
    warned: dict[str, list[Warned]] = field(default_factory=dict)
    last_who: str = ""
    closed: bool = False
    offer: Offered | None = None   # of a hand-over, while nobody has accepted it and nobody else took the run
    packed: int = -1               # the entry that says so, until somebody goes on: nobody holds the run
    probed: Probed | None = None   # once a probe has ended

    def step(self, step_id: str) -> StepState:
        if (found := self.steps.get(step_id)) is None:
            found = self.steps[step_id] = StepState(step_id)
        return found


@dataclass
class State:
    """The incident."""

    mode: str = ""
    seq: int = -1
    head: str = ""
    runs: dict[str, RunState] = field(default_factory=dict)
    people: dict[int, str] = field(default_factory=dict)     # session -> name
    keys: dict[int, str] = field(default_factory=dict)       # session -> who signs for it: a fingerprint, or a pseudonym
    team: dict[str, Person] = field(default_factory=dict)    # who may act as what: see `irkit.engine.people`
    sessions: dict[int, Mapping[str, Any]] = field(default_factory=dict)   # open sessions: their session.start data
    notes: int = 0
    artefacts: int = 0
    artefact_bytes: int = 0
    reports: dict[str, int] = field(default_factory=dict)    # SHA-256 of each kept report of a probe -> its latest entry
    stamps: Stamps = field(default_factory=Stamps)
    latest: datetime | None = None     # the latest time of an entry; in a drill, of those that have a drill's time
    set_back: timedelta = timedelta()  # by so much the machine's clock was set back, and not forward again since
    set_back_at: int = -1              # the entry that says so

    def who(self, entry: Entry) -> str:
        return self.people.get(entry.session, "unknown")

    def signed(self, session: int) -> bool:
        """Whether what somebody decides in that session counts: where anything is real, with their key behind it."""
        return self.mode != "live" or self.keys.get(session, "").startswith("SHA256:")

    def reckoned(self, now: datetime) -> datetime:
        """The moment that legal clocks are counted to: a machine's clock that was set back gives none of them time.

        Never before the latest entry, whichever machine wrote it. A drill's own clock does not go back.
        """
        if self.mode == "drill":
            return now
        return max(now + self.set_back, self.latest or now)

    @property
    def open_run(self) -> RunState | None:
        """The latest run that is not closed."""
        return next((run for run in reversed(self.runs.values()) if not run.closed), None)


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
