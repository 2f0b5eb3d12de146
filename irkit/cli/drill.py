"""`irkit drill`: the same runbook and engine against simulated tenants. No configuration, no key, no network."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.complete import completing
from irkit.cli.incidents import check_id, new_id, who_am_i
from irkit.cli.options import Settings, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.engine.session import Session


class _Drill(click.Group):
    """Plays what it is told, unless its first word is a command below it; that command's module is loaded when it is used."""

    ELSEWHERE: Mapping[str, str] = {"control": "control", "report": "drills", "history": "drills"}

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None,
                     **extra: Any) -> click.Context:
        at = self._first_word(args)
        found = self.get_command(click.Context(self), args[at]) if at < len(args) else None
        if found is not None:
            return found.make_context(f"{info_name} {args[at]}", [*args[:at], *args[at + 1:]], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)

    def _first_word(self, args: list[str]) -> int:
        """Where it stands: options, which may come before it, and their values are none."""
        valued = {name for param in self.params if isinstance(param, click.Option) and not param.is_flag for name in param.opts}
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] != "--":
            at += 2 if args[at] in valued else 1
        return at

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = True
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        return click.Command.invoke(self, ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """For whoever walks the tree of commands: all but those below is something to play."""
        if args and args[0] in self.ELSEWHERE:
            return super().resolve_command(ctx, args)
        return self.name, click.Command(self.name, params=self.params, callback=self.callback), args

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.ELSEWHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.ELSEWHERE:
            return None
        found: click.Command = getattr(importlib.import_module(f"irkit.cli.{self.ELSEWHERE[cmd_name]}"), cmd_name)
        return found


def _playable(_: Settings) -> list[str]:
    from irkit.runbook import available, search_path
    folders = search_path(os.environ)
    return [*_Drill.ELSEWHERE, *available(folders), *available([folder / "scenarios" for folder in folders])]


@click.group(cls=_Drill, invoke_without_command=True, subcommand_metavar="")
@click.argument("what", required=False, metavar="[SCENARIO|RUNBOOK]", shell_complete=completing(_playable))
@click.option("--autoplay", is_flag=True, help="Let the scenario give its own answers, and jump its clock to what comes next.")
@click.option("--facilitator", is_flag=True, help="Stop the clock until a facilitator starts it: irkit drill control.")
@click.option("--incident", help="Id of the incident to write (default: DRILL-<date>-<n>).")
@shared
@click.pass_obj
def drill(settings: Settings, what: str | None, autoplay: bool, facilitator: bool, incident: str | None) -> None:
    """Play a drill against simulated tenants; nothing leaves this machine.

    Without a name the first scenario is played. Sockets and child processes are refused while a drill runs. It writes a
    ledger like a live run, marked as a drill for good; Ctrl-C pauses it, and `irkit resume` goes on.

    \b
    Examples:
      irkit drill                                the first scenario
      irkit drill zendesk_agent_compromise       the first scenario of a runbook
      irkit drill weekend_export --autoplay      unattended, with the scenario's own answers
      irkit drill weekend_export --facilitator   with somebody at irkit drill control INCIDENT
    """
    if autoplay and facilitator:
        raise UsageError("--autoplay plays by itself; with --facilitator people play", next="leave one of them out")
    from irkit.cli import walks
    from irkit.engine.modes import Mode
    from irkit.engine.state import State
    folder = _folder(settings, incident)
    scenario, runbook = walks.scenario_of(what or "", settings)
    gate = walks.gate_for(settings, Mode.DRILL, answers=scenario.answers if autoplay else None, scenario=True,
                          hint=f"irkit drill {scenario.name} --autoplay")
    setup = walks.in_worlds(scenario, Mode.DRILL, gate, who_am_i()[0], autoplay=autoplay)
    with walks.genesis(folder, "drill", settings) as ledger, walks.session_of(ledger, setup, runbook, "r1", State()) as session:
        walks.open_drill(session, scenario, walks.inputs_for(runbook, scenario.inputs, setup))
        if facilitator:
            _stand_still(session)
        walks.walk(session, scenario)


def _stand_still(session: Session) -> None:
    """Until the facilitator lets it run; the team can look about meanwhile."""
    name = session.ctx.ledger.folder.name
    session.record("control", {"control": "pause"}, {
        "text": f"The drill's clock stands still until the facilitator lets it run: irkit drill control {name}"})


def _folder(settings: Settings, incident: str | None) -> Path:
    """Where the drill's ledger goes. Raises UsageError for a folder that holds an incident."""
    from irkit.ledger.database import NAME
    folder = _named(settings, incident)
    for place in (settings.root, folder):
        if (place / NAME).exists():
            raise UsageError(f"{place.name} holds {_kind(place)}, and a drill begins in a folder of its own", where=str(place),
                             next="irkit drill --incident ANOTHER" if place is folder else "--evidence FOLDER")
    return folder


def _kind(folder: Path) -> str:
    from irkit.errors import LedgerError
    from irkit.ledger import Ledger
    try:
        with Ledger.open(folder, write=False) as ledger:
            return f"a {ledger.mode} incident"
    except LedgerError:
        return "an incident that does not verify"


def _named(settings: Settings, incident: str | None) -> Path:
    return settings.root / (check_id(incident) if incident else new_id(settings, "DRILL"))
