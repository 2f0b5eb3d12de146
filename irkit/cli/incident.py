"""`irkit note | attach | correct` and `irkit incident list`: an incident seen and fed from a second terminal."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.complete import completing, step_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from irkit.engine.state import State
    from irkit.ledger import Ledger


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
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--step", shell_complete=step_name, help="Step the file is evidence for.")
@click.option("--name", help="Name to keep it under (default: the file's; needed with -).")
@click.option("--probe", metavar="INCIDENT", shell_complete=complete_incident,
              help="Instead of a file: the report of the probe in that incident, for whoever approves a step here.")
@SIGN
@shared
@click.pass_obj
def attach(settings: Settings, incident: str, file: Path | None, step: str | None, name: str | None, probe: str | None,
           sign: bool) -> None:
    """Attach a file as evidence, also while a run is open.

    The bytes are copied into the incident and named by their SHA-256. With - they come from standard input, however many.

    \b
    Examples:
      irkit attach INC-2041 ~/token-list.png --step api_tokens
      irkit attach INC-2041 --probe INC-20261120-2
      journalctl -u sshd --since today | irkit attach INC-2041 - --name sshd.log
    """
    if (file is None) == (probe is None) or (probe and name):
        raise UsageError("attach a FILE, or with --probe INCIDENT the report of a probe", next=f"irkit attach {incident} FILE")
    stream = sys.stdin.buffer if str(file) == "-" else None
    if stream is not None and not name:
        raise UsageError("what comes from standard input has no name of its own; say one",
                         next=f"irkit attach {incident} - --name NAME")
    if stream is not None and stream.isatty():
        click.echo("Reading from the terminal; Ctrl-D at the beginning of a line ends it.", err=True)
    with appending(settings, incident, "attach", sign=sign) as (ledger, _, run):
        if probe is not None:
            from irkit.cli.probe import bring
            kept = bring(settings, ledger, probe, run, step)
        elif file is not None:
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

class _Group(click.Group):
    """Loads the commands that move an incident, or read a probe, when one of them is used."""

    ELSEWHERE: Mapping[str, str] = {"pack": "moving", "unpack": "moving", "compare": "moving", "probe": "probe"}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(f"irkit.cli.{self.ELSEWHERE[cmd_name]}"), cmd_name)
        return found


@click.group(cls=_Group)
@shared
def incident() -> None:
    """List incidents, move one between machines, and show what a probe found."""


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
