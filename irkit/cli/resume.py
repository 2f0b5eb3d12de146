"""`irkit resume`: go on from what the ledger says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli import incidents
from irkit.cli.incident import complete_incident
from irkit.cli.options import Settings, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.cli.walks import Setup
    from irkit.drill.scenario import Scenario
    from irkit.engine.gate import Gate
    from irkit.engine.modes import Mode
    from irkit.engine.session import Session
    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger


@click.command()
@click.argument("incident", required=False, shell_complete=complete_incident)
@click.option("--answers", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Answer prompts from this YAML file; a prompt it does not list pauses the run (exit 3).")
@click.option("--autoplay", is_flag=True, help="A drill: let its scenario give its own answers.")
@shared
@click.pass_obj
def resume(settings: Settings, incident: str | None, answers: Path | None, autoplay: bool) -> None:
    """Go on with an open run from what its ledger says.

    Nothing is repeated: a step whose request may have worked is looked at again before anything else. The run keeps its own
    copy of the runbook and its mode. Whoever takes it from somebody else types I HAVE IT; where it was offered to you, that
    accepts the hand-over, signed by you.

    \b
    Examples:
      irkit resume                 the open run, or a list when there are several
      irkit resume INC-2041
    """
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    from irkit.ledger import Ledger
    folder = incidents.folder_of(settings, incident or incidents.the_open_one(settings, "resume"))
    with Ledger.open(folder) as ledger:
        state = incidents.state_of(ledger)
        run = state.open_run
        if run is None:
            raise UsageError(f"no run is open in {folder.name}", next=f"irkit status {folder.name}")
        with taken_up(settings, ledger, state, run, f"irkit resume {folder.name}", answers, autoplay=autoplay) as session:
            walks.walk(session, walks.own_scenario(ledger, run) if Mode(run.mode) is Mode.DRILL else None)


@contextlib.contextmanager
def taken_up(settings: Settings, ledger: Ledger, state: State, run: RunState, command: str, answers: Path | None = None, *,
             autoplay: bool = False) -> Iterator[Session]:
    """A session that holds the run, in the run's own mode and runbook. `command` is what to type with --answers.

    Raises UsageError when the run is not taken over from whoever has it.
    """
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    mode = Mode(run.mode)
    book = walks.own_copy(ledger, run)
    scenario = walks.own_scenario(ledger, run) if mode.simulated else None
    gate = _gate(settings, mode, scenario, answers, autoplay, command)
    setup = _setup(settings, ledger, state, run, scenario, mode, gate, autoplay)
    with walks.session_of(ledger, setup, book, run.id, state) as session:
        _take_over(session, walks.differs(book))
        yield session


def _gate(settings: Settings, mode: Mode, scenario: Scenario | None, answers: Path | None, autoplay: bool,
          command: str) -> Gate:
    from irkit.cli import walks
    if autoplay and scenario is None:
        raise UsageError("--autoplay plays a scenario's answers, and this is no drill",
                         next=f"{command} --answers FILE")
    listed = scenario.answers if autoplay and scenario else walks.answers_file(answers) if answers else None
    return walks.gate_for(settings, mode, answers=listed, scenario=autoplay, hint=f"{command} --answers FILE")


def _setup(settings: Settings, ledger: Ledger, state: State, run: RunState, scenario: Scenario | None, mode: Mode,
           gate: Gate, autoplay: bool) -> Setup:
    from irkit.cli import walks
    if scenario is not None:
        return walks.in_worlds(scenario, mode, gate, incidents.who_am_i()[0], autoplay=autoplay, inputs=run.inputs,
                               resuming=(ledger, state, run))
    connections = walks.connections_of(walks.own_copy(ledger, run), settings)
    if walks.is_test(connections) != (ledger.mode == "test"):
        raise UsageError(f"{ledger.folder.name} is a {ledger.mode} incident, and the connections in irkit.toml lead elsewhere",
                         next="irkit doctor")
    return walks.over_the_wire(settings, mode, gate, connections)


def _take_over(session: Session, changed: list[str]) -> None:
    """Show where the run stands; whoever takes it from somebody else, or from a process still alive, says so."""
    from irkit.engine.handover import take_over
    session.ctx.say(session.view.resumed(session.ctx.clock.now(), changed))
    take_over(session, still_open(session.state, session.run, session.own))


def still_open(state: State, run: RunState, own: int) -> str:
    """A sentence when the session that holds the run is a process alive on this machine. `own`: a session of this process."""
    data = state.sessions.get(run.holder)
    if data is None or data.get("boot") != state.sessions.get(own, {}).get("boot") or not alive(data.get("pid", 0)):
        return ""
    return f"{run.last_who} has this run open in another terminal (process {data['pid']})."


def alive(pid: int) -> bool:
    """Whether another process of that number is there."""
    if pid <= 0 or pid == os.getpid() or _ended(pid):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _ended(pid: int) -> bool:
    """A process that was killed and that nobody has waited for yet; told by /proc where there is one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
