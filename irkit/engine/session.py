"""One process at work on one run: the context, the runbook, and the state folded so far."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from irkit.action import Action, Identity
from irkit.connectors import find_action
from irkit.engine import clocks
from irkit.engine.context import Context
from irkit.engine.fold import fold, value_of
from irkit.engine.gate import News, Said, Where
from irkit.engine.known import Control
from irkit.engine.permit import permit
from irkit.engine.state import RunState, State, StepState, scope
from irkit.engine.view import View
from irkit.errors import CredentialError, IrkitError, NotTheHolder, UsageError
from irkit.ledger import Entry, Ledger
from irkit.ledger.adjtime import kernel_clock
from irkit.runbook import Runbook, Step

GONE_ON = frozenset({"step", "decision", "request", "inject"})      # first words of what the team's process alone records
HEARTBEAT = timedelta(minutes=5)
STEERING = frozenset({"joined", "left", "hold", "release", "add", "fault", "pause", "continue"})    # what a drill follows


def observed() -> dict[str, Any]:
    """What the kernel says of its own clock, where it does, as structure of an entry."""
    kernel = kernel_clock()
    return {"adjtimex": kernel._asdict()} if kernel is not None else {}


class Happening(Protocol):
    """Something a drill makes happen: shown as news, and perhaps asked about."""

    @property
    def id(self) -> str: ...
    @property
    def lines(self) -> Sequence[str]: ...
    @property
    def ask(self) -> str: ...
    @property
    def expect(self) -> str: ...


class Second(Struct, frozen=True):
    """A second person that a drill plays: agrees, or refuses with that reason, after some time."""

    by: str
    after: timedelta = timedelta(minutes=2)
    refuse: str = ""


class Happenings(Protocol):
    """What a drill makes happen in a run; a live run has none."""

    def due(self, run: RunState, now: datetime) -> Sequence[Happening]:
        """Those whose moment has come and that no entry says were played."""

    def asked(self, run: RunState) -> Sequence[Happening]:
        """Those that were played, ask something, and have no answer yet."""

    def second(self, step: str) -> Second | None:
        """Who plays the second person that has to agree to a step; None where a person does."""

    def comings(self, state: State, run: RunState) -> Sequence[tuple[str, int]]:
        """Facilitators who came or went and of whom no entry says so: "joined" or "left", and their sessions."""

    def obey(self, control: Control, run: RunState) -> Sequence[str]:
        """Do what the facilitator says; returns what the team is told of it."""


class Nothing:
    """No happenings."""

    def due(self, run: RunState, now: datetime) -> Sequence[Happening]:
        return ()

    def asked(self, run: RunState) -> Sequence[Happening]:
        return ()

    def second(self, step: str) -> Second | None:
        return None

    def comings(self, state: State, run: RunState) -> Sequence[tuple[str, int]]:
        return ()

    def obey(self, control: Control, run: RunState) -> Sequence[str]:
        return ()


def load_from(ledger: Ledger) -> Callable[[str], bytes]:
    def load(sha256: str) -> bytes:
        with ledger.open_artefact(sha256) as file:
            return file.read()
    return load


@dataclass
class Session:
    """Everything a step needs. `state` is only ever changed by folding what the ledger holds."""

    ctx: Context
    view: View
    happenings: Happenings = field(default_factory=Nothing)
    identities: dict[str, Identity | None] = field(default_factory=dict)
    news: list[Said] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)     # happenings said just now: nothing was asked or done since
    caught_up: bool = False        # whether it said those that an earlier process did not get to
    own: int = -1                  # the seq of this process's session.start
    ending: Callable[[], None] = lambda: None        # ends this process's session of the ledger
    closing: Callable[[], None] = lambda: None       # what is done before the run is closed
    beaten: datetime | None = None                   # when something of this session was last recorded

    def __post_init__(self) -> None:
        self.ctx.permit = functools.partial(permit, self)

    @property
    def runbook(self) -> Runbook:
        return self.view.runbook

    @property
    def state(self) -> State:
        return self.view.state

    @property
    def run(self) -> RunState:
        return self.view.run

    def step_state(self, step: Step | str) -> StepState:
        return self.view.step_state(step)

    def number(self, step_id: str) -> int:
        return self.view.number(step_id)

    def where(self, step: Step | None = None) -> Where:
        return self.view.where(self.ctx.clock.now(), step)

    def refresh(self) -> list[Entry]:
        """Fold what the ledger gained, from here or from elsewhere; return it."""
        new = list(self.ctx.ledger.entries(after=self.state.seq))
        fold(self.state, new, load_from(self.ctx.ledger))
        return new

    def record(self, kind: str, data: Mapping[str, Any] | None = None, disclose: Mapping[str, Any] | None = None, *,
               by: str = "machine", step: str | None = None, item: int | None = None, ref: int | None = None) -> Entry:
        """Append an entry and fold it."""
        entry = self.ctx.record(kind, data, disclose, by=by, step=step, item=item, ref=ref)
        self.beaten = self.ctx.clock.now()
        self.gain()
        return entry

    def gain(self) -> None:
        """Fold what the ledger gained; what came from elsewhere is news."""
        self.news += self._from_elsewhere(self.refresh())

    def scope(self, item: Any = None) -> dict[str, Any]:
        return scope(self.run, item)

    def action_of(self, step: Step) -> Action:
        assert step.action is not None
        return self.action(step.action, self.connection_of(step))

    def action(self, name: str, connection: str) -> Action:
        """The action of that full name; one that irkit comes with where there is no such connection."""
        if self.unreachable(connection):
            return find_action(name)
        return self.ctx.perform.connector(connection).actions[name.partition(".")[2]]

    def unreachable(self, connection: str) -> str:
        """Why there is no such connection; "" where there is one."""
        try:
            self.ctx.perform.connector(connection)
        except (CredentialError, UsageError) as error:
            return error.what
        return ""

    def connection_of(self, step: Step) -> str:
        return step.on

    # -- while a prompt is open ------------------------------------------------------------------------------------

    def poll(self) -> list[Said]:
        """What arrived since the last call: entries of other processes, and what the drill makes happen.

        Raises NotTheHolder when another session took the run over.
        """
        if self.ctx.ledger.last() > self.state.seq:
            self.gain()
        if self.run.holder == self.own:
            self._follow()
        self._happen()
        self._beat()
        if self.run.holder == self.own:
            clocks.warn(self)
        found, self.news = self.news, []
        if self.run.holder != self.own:
            how = ("This run was packed to be moved" if self.run.packed >= 0
                   else f"{self.run.last_who} took this run over in another terminal")
            raise NotTheHolder(f"{how}; nothing more is sent from here",
                               where=self.ctx.ledger.folder.name, next=f"irkit status {self.ctx.ledger.folder.name}")
        return found

    @contextlib.contextmanager
    def way_back(self) -> Iterator[None]:
        """An error within ends the process wherever it stands: it says how to go on once that is mended."""
        try:
            yield
        except NotTheHolder:
            raise
        except IrkitError as error:
            error.next = "; then: ".join(filter(None, (error.next, f"irkit resume {self.ctx.ledger.folder.name}")))
            raise

    def _follow(self) -> None:
        """Do what the facilitator says, each thing once: that it was done is an entry, after which a replay does it, too."""
        for verb, session in self.happenings.comings(self.state, self.run):
            self.record("control", {"control": verb}, ref=session)
        for control in [one for one in self.run.controls if one.entry not in self.run.taken and one.verb in STEERING]:
            self.record("control", {"control": "taken"}, ref=control.entry)
            if lines := self.happenings.obey(control, self.run):
                self.news.append(News(lines))

    def _happen(self) -> None:
        """Put on record what comes, then show it; where a process was killed in between, whoever resumes shows it."""
        if self.run.holder != self.own:
            return                                 # nothing is said here any more
        if not self.caught_up:
            self.caught_up = True
            load = load_from(self.ctx.ledger)
            for entry in _unshown(self.ctx.ledger.entries(), self.run) if self.run.injects else ():
                self._show(str(entry.data["inject"]), value_of(entry, "text", load) or ())
        for event in self.happenings.due(self.run, self.ctx.clock.now()):
            self.ctx.record("inject", {"inject": event.id}, {"text": list(event.lines)})
            self.refresh()
            self._show(event.id, event.lines)

    def _show(self, event: str, lines: Sequence[str]) -> None:
        self.news.append(News(lines))
        self.shown.add(event)

    def _beat(self) -> None:
        """Show that the record went on while nobody did anything: a gap in it is then a gap. Drill time has no such gaps.

        At once where the clock was set back: the entry has the ledger say so, and no deadline gains time at an open prompt.
        """
        now = self.ctx.clock.now()
        if self.beaten is None:
            self.beaten = now
        elif not self.ctx.clock.jumps and not timedelta() <= now - self.beaten < HEARTBEAT:
            self.record("clock.observed", observed())

    def _from_elsewhere(self, entries: Sequence[Entry]) -> list[Said]:
        return [News(lines) for e in entries if (e.session != self.own or e.kind == "clock.stepped")
                and (lines := _words(e, self.state.who(e)))]

    def show_news(self) -> None:
        """Say what is waiting to be said, outside a prompt."""
        for said in self.poll():
            self.ctx.say(said)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Within, Ctrl-C lets calls in flight end; outside, it belongs to the prompt."""
        with self.ctx.interrupts.held(self.ctx.gate):
            yield
        self.refresh()


def _unshown(entries: Iterable[Entry], run: RunState) -> list[Entry]:
    """What came, and after which nobody went on: no entry says that it was shown, and its process may have died before."""
    waiting: list[Entry] = []
    for entry in entries:
        if entry.run != run.id:
            continue
        if entry.kind == "inject" and not entry.data.get("answered"):
            waiting.append(entry)
        elif entry.kind.partition(".")[0] in GONE_ON:
            waiting.clear()
    return waiting


def _words(entry: Entry, who: str) -> list[str]:
    shown = entry.disclosed
    match entry.kind:
        case "note":
            return [f"Note from {who}: {shown.get('text', '')}"]
        case "artefact.added" if entry.by == "human":
            return [f"{who} attached {shown.get('artefact.name', 'a file')} (entry {entry.seq})"]
        case "input.corrected":
            return [f"{who} corrected {entry.data.get('input', 'an input')} (entry {entry.seq})"]
        case "approval.refused" if "signature" not in entry.data:
            return [f"An attempt to approve was turned away (entry {entry.seq}): {shown.get('approval.reason', '')}"]
        case "clock.stepped":
            way = "back" if entry.data["step_ms"] < 0 else "forward"
            seconds = abs(entry.data["step_ms"]) // 1000
            return [f"CLOCK    This machine's clock was set {way} by {seconds:,} s (entry {entry.seq}); no legal clock gains "
                    "time by it"]
        case "deadline.met":
            return [f"{who} recorded that the clock {entry.data['clock']} is met (entry {entry.seq})"]
        case "amended" if "clock" in entry.data:
            return [f"{who} has the clock {entry.data['clock']} run again (entry {entry.seq}): {shown.get('reason', '')}"]
        case "handover.offered":
            return [f"{who} offered this run to {shown.get('handover.to', 'somebody')} (entry {entry.seq})"]
        case "role.assigned":
            holds = "is" if entry.data.get("held", True) else "is no longer"
            return [f"{shown.get('person.name', 'somebody')} {holds} {entry.data.get('role', '')} (entry {entry.seq}, {who})"]
    return []
