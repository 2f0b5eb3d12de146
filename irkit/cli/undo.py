"""`irkit undo`: what of a run can still be taken back, and taking one step back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, opened, print_of, show
from irkit.cli.complete import completing
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import IrkitError, LedgerError, Paused, UsageError

if TYPE_CHECKING:
    from irkit.engine.session import Session
    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger
    from irkit.runbook import Runbook, Step
    from irkit.ui.undoing import Row


def _steps(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    def names(settings: Settings) -> list[str]:
        from irkit.engine.undoable import undoable
        from irkit.ledger import Ledger
        with Ledger.open(incidents.folder_of(settings, ctx.params["incident"]), write=False) as ledger:
            run = _run_of(incidents.state_of(ledger))
            return list(undoable(run)) if run else []
    return completing(names)(ctx, _, incomplete)


@click.command()
@INCIDENT
@click.argument("step", required=False, shell_complete=_steps)
@click.option("--answers", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Answer prompts from this YAML file; a prompt it does not list pauses (exit 3).")
@as_json
@shared
@click.pass_obj
def undo(settings: Settings, incident: str, step: str | None, answers: Path | None, as_json: bool) -> None:
    """List what of a run can still be undone, or undo one step through its gate.

    Without STEP nothing is sent: what can be undone is listed, and what is lost. With STEP, an id or a number, it is undone as
    it was done: a look, a gate, one request, a second look. What was there before the step's first request is restored.
    Something that changed since is not overwritten; the refusal says what differs, and is recorded.

    Only who holds the run may send, so the run is taken over as `irkit resume` does. A closed run is closed again afterwards.
    `u` at a prompt of a run undoes the latest step.

    \b
    Examples:
      irkit undo INC-2041
      irkit undo INC-2041 --json
      irkit undo INC-2041 suspend
      irkit undo INC-2041 7 --answers undo.yaml     with the line  suspend: yes
    """
    with opened(settings, incident, write=step is not None) as ledger:
        state = incidents.state_of(ledger)
        run = _run_of(state)
        if run is None:
            raise UsageError(f"{ledger.folder.name} holds no run", next="irkit incident list")
        if step is None:
            _list(settings, ledger, run, as_json)
        elif as_json:
            raise UsageError("--json is for the list; undoing a step asks questions", next=f"irkit undo {incident} {step}")
        else:
            _undo(settings, ledger, state, run, step, answers)


def _run_of(state: State) -> RunState | None:
    """The open run, else the latest."""
    return state.open_run or next(reversed(state.runs.values()), None)


# -- the list ----------------------------------------------------------------------------------------------------

def _list(settings: Settings, ledger: Ledger, run: RunState, as_json: bool) -> None:
    from irkit.cli.output import width
    from irkit.cli.walks import own_copy
    from irkit.ui.undoing import undo_lines
    rows = _rows(own_copy(ledger, run), run)
    if as_json:
        print_of(settings, ledger, run=run.id, undoable=[_as_data(row) for row in rows if not row.lost or row.sendings],
                 lost=[{"number": r.number, "step": r.id, "title": r.title, "why": r.lost} for r in rows if r.lost])
        return
    show(settings, undo_lines(ledger.folder.name, rows, width=width() - len(settings.prefix)))


def _rows(book: Runbook, run: RunState) -> list[Row]:
    from irkit.engine.undoable import drifted, lost, restorable
    from irkit.ui.undoing import Row
    rows = []
    for number, step in enumerate(book.steps, 1):
        state = run.step(step.id)
        firsts, why = restorable(state), lost(state)
        if firsts or (why and step.kind == "action"):
            rows.append(Row(number, step.id, step.title, list(firsts.values()), why, drifted(state)))
    return rows


def _as_data(row: Row) -> dict[str, Any]:
    from irkit.engine.values import rfc3339
    sent = [{"entry": s.seq, "at": rfc3339(s.at), "item": s.item, "action": s.action, "seen": s.seen} for s in row.sendings]
    return {"number": row.number, "step": row.id, "title": row.title, "changed": row.changed, "restores": sent}


# -- undoing -----------------------------------------------------------------------------------------------------

def _undo(settings: Settings, ledger: Ledger, state: State, run: RunState, wanted: str, answers: Path | None) -> None:
    from irkit.cli.resume import taken_up
    from irkit.cli.walks import own_copy
    from irkit.engine import clocks
    step = _named(own_copy(ledger, run), wanted, ledger.folder.name)
    _refuse(ledger, run, step)
    closed, command = run.closed, f"irkit undo {ledger.folder.name} {step.id}"
    with taken_up(settings, ledger, state, run, command, answers) as session:
        _take_back(session, step, command)
        if closed:
            _close(session)
        else:
            clocks.keep(session)               # one that the step met runs again
            session.record("run.paused", {}, {"reason": f"irkit undo {step.id} is done"})
            show_next(settings, f"irkit resume {ledger.folder.name}")


def _named(book: Runbook, wanted: str, incident: str) -> Step:
    for number, step in enumerate(book.steps, 1):
        if wanted in (step.id, str(number)):
            return step
    raise UsageError(f"there is no step {wanted!r} in {book.name}; steps are 1 to {len(book.steps)}",
                     next=f"irkit undo {incident}")


def _refuse(ledger: Ledger, run: RunState, step: Step) -> None:
    """Raise what speaks against it before anybody is asked, and before a session begins."""
    from irkit.engine.modes import Mode
    from irkit.engine.undoable import lost, restorable
    incident = ledger.folder.name
    if ledger.sealed:
        raise LedgerError(f"{incident} is sealed: nothing more is recorded in it", where=str(ledger.folder),
                          next="more work is a new incident: irkit run RUNBOOK")
    if Mode(run.mode) is Mode.PROBE:
        raise UsageError("this run is a probe: it sent nothing that could be undone", next=f"irkit status {incident}")
    if not restorable(run.step(step.id)):
        why = lost(run.step(step.id)) or "it sent nothing that is still in effect"
        raise UsageError(f"{step.id} cannot be undone: {why}", next=f"irkit undo {incident}")


def _take_back(session: Session, step: Step, command: str) -> None:
    """Undo it, or record the pause and raise it."""
    from irkit.engine.ending import GoTo
    from irkit.engine.undo import take_back
    try:
        with session.way_back():
            take_back(session, step)
    except GoTo as other:
        session.record("run.paused", {}, {"reason": f"left for step {other.step}"})
        raise Paused(f"left for step {other.step}", next=f"irkit resume {session.view.incident}") from None
    except Paused as pause:
        session.record("run.paused", {}, {"reason": pause.why})
        raise Paused(pause.why, next=pause.next or command) from None
    except (IrkitError, KeyboardInterrupt) as error:
        with contextlib.suppress(IrkitError):      # a disk that is full refuses this entry too; the error is what counts
            session.record("run.paused", {}, {"reason": getattr(error, "what", "interrupted twice")})
        raise


def _close(session: Session) -> None:
    from irkit.engine.run import Walk
    closed = Walk(session).close()
    session.ctx.say(closed)


def show_next(settings: Settings, command: str) -> None:
    from irkit.cli.acting import say
    say(settings, f"Next     {command}")
