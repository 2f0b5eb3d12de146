"""A scenario played in this process by a script, as `irkit drill --autoplay` plays it: by a good team, or by a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irkit.drill.autoplay import Paced
from irkit.drill.clock import DrillClock
from irkit.drill.injects import Cards
from irkit.drill.perform import WorldPerform, stage
from irkit.drill.result import Result, result
from irkit.drill.scenario import Scenario
from irkit.engine.context import Context
from irkit.engine.gate import Closed, Gate
from irkit.engine.modes import Mode
from irkit.engine.run import Walk, open_run
from irkit.engine.session import Session
from irkit.engine.state import State
from irkit.engine.view import View
from irkit.errors import Paused
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.runbook import Runbook, parse_input


@dataclass(frozen=True)
class Trial:
    """A scenario played to its end, or to a question that its answers do not list: `paused`. `close` it."""

    scenario: Scenario
    ledger: Ledger
    session: Session
    perform: WorldPerform
    clock: DrillClock
    closed: Closed | None
    paused: Paused | None
    result: Result

    def close(self) -> None:
        self.ledger.close()


def play(scenario: Scenario, runbook: Runbook, folder: Path, script: Callable[[Mapping[str, Any]], Gate], *, wrong: str = "",
         who: str = "maria") -> Trial:
    """Play it; its ledger is made in `folder`. `script` makes a gate of answers. Time is the drill's alone."""
    clock = DrillClock(scenario.starts, monotonic=lambda: 0.0)
    perform = stage(scenario, clock)
    ledger = Ledger.create(folder, mode="drill", version="0", code_hash="0" * 64)
    own = ledger.start_session(who, signer=Throwaway())
    context = Context(ledger, perform, clock, Paced(script(scenario.answers_of(wrong)), clock), Mode.DRILL, "r1", who)
    view, cards = View(folder.name, runbook, State(), "r1", who), Cards(scenario.injects, scenario.approvals)
    session = Session(context, view, cards, own=own)
    session.refresh()
    values: dict[str, object] = {}
    for name, wanted in runbook.inputs.items():
        values[name] = parse_input(wanted, scenario.inputs[name], now=clock.now(), so_far=values)
    open_run(session, values, {"scenario": scenario.name})
    closed, paused = None, None
    try:
        closed = Walk(session).walk()
    except Paused as pause:
        paused = pause
    session.refresh()
    found = result(scenario, runbook, session.run, ledger.entries(), perform.worlds)
    return Trial(scenario, ledger, session, perform, clock, closed, paused, found)
