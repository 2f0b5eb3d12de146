"""Playing a runbook in a world, in this process: what the engine's tests stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from irkit.drill.clock import DrillClock
from irkit.drill.perform import WorldPerform, WorldTime, recorded
from irkit.engine.context import Context
from irkit.engine.fold import fold
from irkit.engine.gate import Question, Said
from irkit.engine.modes import Mode, Perform
from irkit.engine.run import Walk, open_run
from irkit.engine.session import Happenings, Nothing, Session, load_from
from irkit.engine.state import State, StepState
from irkit.engine.view import View
from irkit.errors import Paused
from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.runbook import Runbook, load_bytes
from irkit.ui.answers import Scripted
from irkit.worlds import Fault, Faults, Person, find

STARTS = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
DANA, WEI = Person("Dana Reyes", "dana@example.org", "agent"), Person("Wei Chen", "wei@example.org", "admin")
OPTIONS: Mapping[str, object] = {"plan": "enterprise", "adpp": True, "seed": 7, "agents": 12, "tickets": 40,
                                "attack": "bulk_export"}

HEAD = """
schema: irkit/v1
runbook: play
title: A runbook of a test
version: 1
inputs:
  agent_email: {type: email, ask: "Which account?"}
steps:
"""
AGENT = """
  - id: agent
    phase: prepare
    title: Find the account
    why: Everything below is about it.
    action: zendesk.find_user
    with: {email: "{{ inputs.agent_email }}"}
"""
SESSIONS = """
  - id: sessions
    phase: preserve
    title: Keep the sessions
    why: The list vanishes when they are ended.
    action: zendesk.collect_sessions
    with: {user_id: "{{ steps.agent.id }}"}
"""
SUSPEND = """
  - id: suspend
    phase: contain
    title: Suspend the account
    why: It blocks new sign-ins.
    action: zendesk.suspend_user
    with: {user_id: "{{ steps.agent.id }}"}
"""
END = """
  - id: end_sessions
    phase: contain
    title: End every session of the account
    why: Suspension does not end them.
    action: zendesk.end_sessions
    with: {user_id: "{{ steps.agent.id }}"}
"""


def book(*steps: str) -> Runbook:
    """A runbook of these steps."""
    return load_bytes((HEAD + "".join(steps)).encode(), "play.yaml")


class Ticks:
    """A monotonic clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Play:
    """A run in a world, and everything it said and asked. `walk` may be called again after a pause, as a resume is."""

    folder: Path
    runbook: Runbook
    answers: Mapping[str, object]
    options: Mapping[str, object] = field(default_factory=lambda: dict(OPTIONS))
    faults: Sequence[Fault] = ()
    mode: Mode = Mode.DRILL
    who: str = "maria"
    email: str = DANA.email
    inputs: Mapping[str, object] = field(default_factory=dict)
    phrases_literal: bool = False
    before_ask: Callable[[Play, Question], None] = lambda _play, _question: None
    on_say: Callable[[Said], None] = lambda _said: None
    said: list[Said] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    state: State = field(default_factory=State)
    ticks: Ticks = field(default_factory=Ticks)
    paused: Paused | None = None
    world: Any = None
    session: Session | None = None
    happenings: Happenings = field(default_factory=Nothing)

    def walk(self) -> Play:
        """Open the run, or resume it when there is one, and walk until the end or a pause."""
        self.paused = None
        ledger = Ledger.open(self.folder) if self.folder.exists() else Ledger.create(
            self.folder, mode="drill", version="test", code_hash="0" * 64)
        with ledger:
            self.state = fold(State(), ledger.entries(), load_from(ledger))
            clock = DrillClock(self.state.latest or STARTS, monotonic=self.ticks)
            perform = self._perform(ledger, clock)
            started = ledger.start_session(self.who, signer=Throwaway())
            ctx = Context(ledger, perform, clock, self, self.mode, "r1", self.who)
            session = self.session = Session(ctx, View(self.folder.name, self.runbook, self.state, "r1", self.who),
                                             self.happenings, own=started)
            session.refresh()
            self._script = Scripted(self.answers, phrases_literal=self.phrases_literal, talk=self.said.append)
            try:
                if "r1" in self.state.runs:
                    session.record("run.resumed")
                else:
                    open_run(session, {"agent_email": self.email, **self.inputs}, {})
                self.said.append(Walk(session).walk())
            except Paused as pause:
                self.paused = pause
            session.refresh()
        return self

    def _perform(self, ledger: Ledger, clock: DrillClock) -> Perform:
        time = WorldTime(clock)
        with time.at(STARTS):
            self.world = find("zendesk")(self.options, people=[DANA, WEI], now=time)
        perform = WorldPerform({"zendesk": self.world}, Faults(list(self.faults)), time)
        perform.replay(list(recorded(ledger.entries(), "r1", load_from(ledger))))
        return perform

    # -- the gate: scripted, and listened to -------------------------------------------------------------------------

    def say(self, said: Said) -> None:
        self.said.append(said)
        self.on_say(said)

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        self.asked.append(question)
        self.before_ask(self, question)
        return self._script.ask(question, poll)

    # -- looking at what happened ------------------------------------------------------------------------------------

    def step(self, step_id: str) -> StepState:
        return self.state.runs["r1"].step(step_id)

    def entries(self, kind: str = "") -> list[Entry]:
        """The ledger's entries, of one kind or of all."""
        with Ledger.open(self.folder, write=False) as ledger:
            return [e for e in ledger.entries() if kind in ("", e.kind)]

    def heard(self, kind: type) -> list[Any]:
        return [said for said in self.said if isinstance(said, kind)]

    def pass_time(self, **span: float) -> None:
        """Let a person's time pass."""
        self.ticks.now += timedelta(**span).total_seconds()
