"""`irkit drill`: the same runbook and engine against simulated tenants. No configuration, no key, no network."""

from __future__ import annotations

import os
from pathlib import Path

import click

from irkit.cli.complete import completing
from irkit.cli.incidents import check_id, new_id, who_am_i
from irkit.cli.options import Settings, shared


def _playable(_: Settings) -> list[str]:
    from irkit.runbook import available, search_path
    folders = search_path(os.environ)
    return [*available(folders), *available([folder / "scenarios" for folder in folders])]


@click.command()
@click.argument("what", required=False, metavar="[SCENARIO|RUNBOOK]", shell_complete=completing(_playable))
@click.option("--autoplay", is_flag=True, help="Let the scenario give its own answers, and jump its clock to what comes next.")
@click.option("--incident", help="Id of the incident to write (default: DRILL-<date>-<n>).")
@shared
@click.pass_obj
def drill(settings: Settings, what: str | None, autoplay: bool, incident: str | None) -> None:
    """Play a drill against simulated tenants; nothing leaves this machine.

    Without a name the first scenario is played. Sockets and child processes are refused while a drill runs. It writes a
    ledger like a live run, marked as a drill for good; Ctrl-C pauses it, and `irkit resume` goes on.

    \b
    Examples:
      irkit drill                                the first scenario
      irkit drill zendesk_agent_compromise       the first scenario of a runbook
      irkit drill weekend_export --autoplay      unattended, with the scenario's own answers
    """
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    from irkit.engine.state import State
    scenario, runbook = walks.scenario_of(what or "", settings)
    gate = walks.gate_for(settings, Mode.DRILL, answers=scenario.answers if autoplay else None, scenario=True,
                          hint=f"irkit drill {scenario.name} --autoplay")
    setup = walks.in_worlds(scenario, Mode.DRILL, gate, who_am_i()[0], autoplay=autoplay)
    folder = _folder(settings, incident)
    with walks.genesis(folder, "drill", settings) as ledger, walks.session_of(ledger, setup, runbook, "r1", State()) as session:
        walks.open_drill(session, scenario, walks.inputs_for(runbook, scenario.inputs, setup))
        walks.walk(session, scenario)


def _folder(settings: Settings, incident: str | None) -> Path:
    return settings.root / (check_id(incident) if incident else new_id(settings, "DRILL"))
