"""`irkit status | note | attach | correct` and `irkit incident list`: an incident seen and fed from a second terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.complete import completing, step_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from irkit.engine.state import RunState, State
    from irkit.engine.view import View
    from irkit.ledger import Ledger
    from irkit.runbook import Runbook


complete_incident = completing(lambda settings: [folder.name for folder in incidents.folders(settings)])
INCIDENT = click.argument("incident", required=False, shell_complete=complete_incident)
SIGN = click.option("--sign", is_flag=True, help="Have your SSH key endorse it (see irkit key).")


@contextlib.contextmanager
def appending(settings: Settings, incident: str | None, command: str, *, sign: bool = False,
              sealed: bool = False) -> Iterator[tuple[Ledger, State, str]]:
    """A session of its own in a ledger that may be in use elsewhere; with the state and the open run's id ("" for none).

    `sign` has the responder's key endorse it. Unless `sealed`, an incident that was sealed is refused before it begins.
    """
    from irkit.cli.signing import own_session, signer
    from irkit.ledger import Ledger
    folder = incidents.folder_of(settings, incident or incidents.the_open_one(settings, command))
    with Ledger.open(folder) as ledger:
        state = incidents.state_of(ledger)
        if ledger.sealed and not sealed:
            raise LedgerError(f"{folder.name} is sealed: nothing more is recorded in it", where=str(folder),
                              next="more work is a new incident: irkit run RUNBOOK")
        with own_session(settings, ledger, signer(settings, ledger.mode) if sign else None):
            yield ledger, state, state.open_run.id if state.open_run else ""


def stamped(state: State) -> dict[str, Any]:
    """In a drill an entry from elsewhere stands at the drill's latest time."""
    from irkit.engine.values import rfc3339
    return {"drill_at": rfc3339(state.latest)} if state.mode == "drill" and state.latest else {}


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@click.argument("text", nargs=-1, required=True)
@click.option("--step", shell_complete=step_name, help="Step the note belongs to.")
@SIGN
@shared
@click.pass_obj
def note(settings: Settings, incident: str, text: tuple[str, ...], step: str | None, sign: bool) -> None:
    """Add a note to an incident, also while a run is open.

    \b
    Example:
      irkit note INC-2041 "saw a Tor exit in the sign-in log"
    """
    import unicodedata
    words = unicodedata.normalize("NFC", " ".join(text)).strip()
    if not words:
        raise UsageError("a note needs some text", next=f'irkit note {incident} "what you saw"')
    with appending(settings, incident, "note", sign=sign) as (ledger, state, run):
        entry = ledger.append("note", stamped(state), {"text": words}, by="human", run=run or None, step=step)
    click.echo(f"Noted.  entry {entry.seq} of {ledger.folder.name}", err=True)


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--step", shell_complete=step_name, help="Step the file is evidence for.")
@click.option("--name", help="Name to keep it under (default: the file's; needed with -).")
@SIGN
@shared
@click.pass_obj
def attach(settings: Settings, incident: str, file: Path, step: str | None, name: str | None, sign: bool) -> None:
    """Attach a file as evidence, also while a run is open.

    The bytes are copied into the incident and named by their SHA-256. With - they come from standard input, however many.

    \b
    Examples:
      irkit attach INC-2041 ~/token-list.png --step api_tokens
      journalctl -u sshd --since today | irkit attach INC-2041 - --name sshd.log
    """
    stream = sys.stdin.buffer if str(file) == "-" else None
    if stream is not None and not name:
        raise UsageError("what comes from standard input has no name of its own; say one",
                         next=f"irkit attach {incident} - --name NAME")
    if stream is not None and stream.isatty():
        click.echo("Reading from the terminal; Ctrl-D at the beginning of a line ends it.", err=True)
    with appending(settings, incident, "attach", sign=sign) as (ledger, _, run):
        kept = ledger.keep(name or file.name, stream or file, run=run or None, step=step, by="human")
    click.echo(f"Kept {kept.name}, {kept.size:,} bytes, sha256 {kept.sha256}  entry {kept.seq}", err=True)


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@click.argument("assignment", metavar="NAME=VALUE")
@click.option("--reason", default="", help="Why, for the record.")
@shared
@click.pass_obj
def correct(settings: Settings, incident: str, assignment: str, reason: str) -> None:
    """Correct a mistyped input and list the steps that used it.

    Nothing is edited: the correction is an entry, and steps that come later use the new value. Go back to the listed steps
    with g N in the run.

    \b
    Example:
      irkit correct INC-2041 agent_email=dana@example.org --reason "typo"
    """
    from irkit.cli.walks import own_copy
    from irkit.engine.state import SETTLED
    from irkit.runbook import parse_input
    name, _, text = assignment.partition("=")
    with appending(settings, incident, "correct") as (ledger, state, run_id):
        run = state.runs.get(run_id)
        if run is None:
            raise UsageError(f"no run is open in {incident}", next=f"irkit status {incident}")
        runbook = own_copy(ledger, run)
        if name not in runbook.inputs:
            raise UsageError(f"{runbook.name} has no input {name!r}; it has {', '.join(runbook.inputs) or 'none'}")
        try:
            value = parse_input(runbook.inputs[name], text, now=incidents.now_of(state), so_far=run.inputs)
        except ValueError as bad:
            raise UsageError(f"{name}: {bad}") from None
        ledger.append("input.corrected", {"input": name, **stamped(state)}, {f"inputs.{name}": value, "reason": reason},
                      by="human", run=run_id)
        used = [(i, s) for i, s in enumerate(runbook.steps, 1)
                if f"inputs.{name}" in s.uses() and run.step(s.id).state in SETTLED - {"not_needed", "skipped"}]
    click.echo(f"Corrected {name} to {value}.", err=True)
    for number, step in used:
        click.echo(f"{number}. {step.title} used the old value")
    if not used:
        click.echo("No step has used the old value.", err=True)


# -- reading -----------------------------------------------------------------------------------------------------

@click.command()
@INCIDENT
@as_json
@shared
@click.pass_obj
def status(settings: Settings, incident: str | None, as_json: bool) -> None:
    """Show where an incident stands: steps, clocks, what is unknown.

    \b
    Examples:
      irkit status
      irkit status INC-2041 --json
    """
    from irkit.cli.walks import own_copy
    from irkit.engine.view import View
    from irkit.ledger import Ledger
    folder = incidents.folder_of(settings, incident or incidents.the_open_one(settings, "status"))
    with Ledger.open(folder, write=False) as ledger:
        state = incidents.state_of(ledger)
        if as_json:
            print_json({"incident": folder.name, "mode": state.mode, "entries": state.seq + 1, "head": state.head,
                        "runs": [_as_data(run, own_copy(ledger, run)) for run in state.runs.values()]})
            return
        for run in state.runs.values():
            runbook = own_copy(ledger, run)
            if run is (state.open_run or run):
                who, role = incidents.who_am_i(settings.config)
                _show(View(folder.name, runbook, state, run.id, who, role), incidents.now_of(state), settings.zone)
        if not state.runs:
            click.echo(f"{folder.name} holds no run.")


def _show(view: View, now: datetime, zone: tzinfo | None) -> None:
    from irkit.ui.reading import status_lines
    from irkit.ui.screen import render
    prefix = "DRILL " if view.state.mode == "drill" else ""
    lines = (render(view.closed(now), prefix=prefix, tz=zone) if view.run.closed
             else status_lines(view.resumed(now), prefix=prefix, tz=zone))
    for line in lines:
        click.echo(line)


def _as_data(run: RunState, runbook: Runbook) -> dict[str, Any]:
    from irkit.engine import deadlines
    from irkit.engine.values import rfc3339
    steps = [{"number": i, "id": s.id, "title": s.title, "phase": s.phase, "state": run.step(s.id).state,
              "reason": run.step(s.id).reason, "entry": run.step(s.id).entry} for i, s in enumerate(runbook.steps, 1)]
    clocks = [{"id": d.id, "title": d.title, "state": d.state, "due": rfc3339(d.due) if d.due else None}
              for d in deadlines.all_of(runbook, run)]
    return {"run": run.id, "mode": run.mode, "runbook": run.runbook, "version": run.version, "closed": run.closed,
            "opened_at": rfc3339(run.opened_at), "opened_by": run.opened_by, "inputs": run.inputs, "steps": steps,
            "clocks": clocks}


class _Group(click.Group):
    """Loads the commands that move an incident when one of them is used."""

    MOVING = ("pack", "unpack", "compare")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.MOVING]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.MOVING:
            return super().get_command(ctx, cmd_name)
        from irkit.cli import moving
        found: click.Command = getattr(moving, cmd_name)
        return found


@click.group(cls=_Group)
def incident() -> None:
    """List incidents, and move one between machines."""


@incident.command("list")
@as_json
@shared
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List the incidents below the evidence root, LIVE apart from DRILL.

    \b
    Example:
      irkit incident list --json
    """
    from irkit.errors import LedgerError
    from irkit.ledger import Ledger
    from irkit.ui.reading import incident_lines
    rows = []
    for folder in incidents.folders(settings):
        try:
            with Ledger.open(folder, write=False) as ledger:
                rows.append(incidents.row_of(folder, incidents.state_of(ledger)))
        except LedgerError as error:
            click.echo(f"{folder.name}: {error.what} (irkit ledger verify {folder.name})", err=True)
    if as_json:
        print_json([{"incident": r.name, "label": r.label, "runbook": r.runbook, "state": r.state,
                     "opened_at": r.opened_at} for r in rows])
        return
    for line in incident_lines(rows):
        click.echo(line)
    if not rows:
        click.echo(f"No incident in {settings.root}. Begin with: irkit drill", err=True)


