"""`irkit drill`: the same runbook and engine against simulated tenants. No configuration, no key, no network."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from irkit.cli.complete import completing
from irkit.cli.incidents import check_id, new_id, who_am_i
from irkit.cli.options import Settings, shared


def _playable(_: Settings) -> list[str]:
    from irkit.runbook import available, search_path
    folders = search_path(os.environ)
    return [*Drill.ELSEWHERE, *available(folders), *available([folder / "scenarios" for folder in folders])]


class Drill(click.Command):
    """`irkit drill` plays; a first word that is one of the commands below is that command instead. Loaded when used."""

    ELSEWHERE: Mapping[str, tuple[str, str]] = {
        "report": ("drills", "Write the report after a drill."), "history": ("drills", "List the drills held.")}
    VALUED = ("--evidence", "--config", "--incident")

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.ELSEWHERE)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in self.ELSEWHERE:
            return None
        found: click.Command = getattr(importlib.import_module(f"irkit.cli.{self.ELSEWHERE[name][0]}"), name)
        return found

    def meant(self, args: list[str]) -> tuple[str, list[str]]:
        """Which command `args` mean ("" to play), and what is left for it: shared options may stand before its name."""
        values = {number + 1 for number, word in enumerate(args) if word in self.VALUED}
        place = next((i for i, word in enumerate(args) if i not in values and not word.startswith("-")), None)
        if place is None or args[place] not in self.ELSEWHERE:
            return "", args
        return args[place], [*args[:place], *args[place + 1:]]

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None,
                     **extra: Any) -> click.Context:
        """The context of the command that is meant."""
        name, rest = self.meant(args)
        command = self.get_command(click.Context(self), name)
        if command is None:
            return super().make_context(info_name, args, parent, **extra)
        return command.make_context(f"{info_name} {name}", rest, parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(f"drill {name}", text) for name, (_, text) in self.ELSEWHERE.items()])


@click.command(cls=Drill)
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
