"""`irkit run`: walk a runbook live, as a probe, or as a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.complete import runbook_name
from irkit.cli.incidents import check_id, new_id, state_of, who_am_i
from irkit.cli.options import Settings, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.engine.modes import Mode
    from irkit.ledger import Ledger
    from irkit.runbook import Runbook


@click.command()
@click.argument("runbook", shell_complete=runbook_name)
@click.option("--incident", help="Incident to open, or to add this run to (default: INC-<date>-<n>).")
@click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", help="Give an input; what is missing is asked for.")
@click.option("--answers", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Answer prompts from this YAML file; a prompt it does not list pauses the run (exit 3).")
@click.option("--probe", is_flag=True, help="Reads only: no write leaves; ends with a report of what a run would affect.")
@click.option("--dry-run", is_flag=True, help="Against simulated tenants, with the given inputs; nothing leaves this machine.")
@shared
@click.pass_obj
def run(settings: Settings, runbook: str, incident: str | None, inputs: tuple[str, ...], answers: Path | None,
        probe: bool, dry_run: bool) -> None:
    """Walk a runbook in an incident: look, ask, send, check, record.

    Every write stops at a gate that shows what leaves; what cannot be undone wants a typed phrase. There is no --yes. With
    --probe no write can leave at all: every one is shown, recorded as not sent, and counted in a report that an approver can
    read later (irkit incident probe).

    \b
    Examples:
      irkit run zendesk_agent_compromise --incident INC-2041
      irkit run zendesk_agent_compromise --probe
      irkit run zendesk_agent_compromise --dry-run --input agent_email=dana@example.org
      irkit run zendesk_agent_compromise --answers night-shift.yaml
    """
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    if probe and dry_run:
        raise UsageError("--probe reads the real tenant and --dry-run reads none; choose one")
    mode = Mode.PROBE if probe else Mode.DRY_RUN if dry_run else Mode.LIVE
    book = walks.runbook_of(runbook, settings)
    listed = walks.answers_file(answers) if answers else None
    given = {**_texts((listed or {}).get("inputs", {})), **_assignments(inputs)}
    if dry_run:
        _dry_run(settings, book, given, incident, listed)
    else:
        _live(settings, book, given, incident, listed, mode)


def _live(settings: Settings, book: Runbook, given: Mapping[str, str], incident: str | None, listed: dict[str, Any] | None,
          mode: Mode) -> None:
    from irkit.cli import walks
    from irkit.engine.run import open_run
    connections = walks.connections_of(book, settings)
    gate = walks.gate_for(settings, mode, answers=listed, hint=f"irkit run {book.name} --answers FILE")
    setup = walks.over_the_wire(settings, mode, gate, connections)
    values = walks.inputs_for(book, given, setup)
    with _ledger(settings, incident, "test" if walks.is_test(connections) else "live") as ledger:
        state = state_of(ledger)
        if state.open_run is not None:
            raise UsageError(f"{ledger.folder.name} has a run of {state.open_run.runbook} open already",
                             next=f"irkit resume {ledger.folder.name}; or the same command with --incident NAME, another one: "
                                  "this run then has an incident of its own")
        with walks.session_of(ledger, setup, book, f"r{len(state.runs) + 1}", state) as session:
            open_run(session, values, {})
            walks.walk(session)


def _ledger(settings: Settings, incident: str | None, mode: str) -> Ledger:
    """The incident's ledger, new or existing; an existing one must be of the same mode."""
    from irkit.cli import walks
    from irkit.ledger import Ledger
    folder = settings.root / (check_id(incident) if incident else new_id(settings, "TEST" if mode == "test" else "INC"))
    if not folder.exists():
        return walks.genesis(folder, mode, settings)
    ledger = Ledger.open(folder)
    if ledger.mode != mode:
        ledger.close()
        raise UsageError(f"{folder.name} is a {ledger.mode} incident, and these connections make it a {mode} one",
                         next="use another --incident")
    return ledger


def _dry_run(settings: Settings, book: Runbook, given: Mapping[str, str], incident: str | None,
             listed: dict[str, Any] | None) -> None:
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    from irkit.engine.state import State
    scenario, book = walks.scenario_of(book.name, settings)
    gate = walks.gate_for(settings, Mode.DRY_RUN, answers=listed, hint=f"irkit run {book.name} --dry-run --answers FILE")
    values = {**scenario.inputs, **given}
    setup = walks.in_worlds(scenario, Mode.DRY_RUN, gate, who_am_i()[0], inputs=values)
    folder = settings.root / (check_id(incident) if incident else new_id(settings, "DRY"))
    with walks.genesis(folder, "drill", settings) as ledger, walks.session_of(ledger, setup, book, "r1", State()) as session:
        walks.open_drill(session, scenario, walks.inputs_for(book, values, setup))
        walks.walk(session)


def _assignments(pairs: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE options. Raises UsageError for one without a name or a value."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--input {pair!r} is not NAME=VALUE")
        found[name] = value
    return found


def _texts(values: object) -> dict[str, str]:
    if not isinstance(values, dict):
        raise UsageError("inputs: in the answers file is not a mapping of names to values")
    return {str(k): str(v) for k, v in values.items()}
