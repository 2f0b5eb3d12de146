"""Shell completion: names that could stand here. Cheap, and never an error: a half-typed line is not the place for one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from irkit.cli.options import Settings

if TYPE_CHECKING:
    from irkit.engine.state import State
    from irkit.ledger import Ledger

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def completing(names: Callable[[Settings], Iterable[str]]) -> Complete:
    """A click completion over `names(settings)`; whatever goes wrong gives no names."""
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        with contextlib.suppress(Exception):
            found = sorted(set(names(ctx.find_root().ensure_object(Settings))))
            return [name for name in found if name.startswith(incomplete)]
        return []
    return complete


def in_incident(names: Callable[[Settings, Ledger, State], Iterable[str]]) -> Complete:
    """The same over what the incident named before it on the line holds."""
    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        def found(settings: Settings) -> Iterable[str]:
            from irkit.cli.incidents import folder_of, state_of
            from irkit.ledger import Ledger
            named = ctx.params.get("incident") or ctx.args[0]          # behind an option without its value click stops reading
            with Ledger.open(folder_of(settings, named), write=False) as ledger:
                return list(names(settings, ledger, state_of(ledger)))
        return completing(found)(ctx, parameter, incomplete)
    return complete


def _steps(_: Settings, ledger: Ledger, state: State) -> Iterable[str]:
    from irkit.cli.walks import own_copy
    return [step.id for run in state.runs.values() for step in own_copy(ledger, run).steps]


def _people(settings: Settings, _: Ledger, state: State) -> Iterable[str]:
    return [*settings.config.people, *(one.name for one in state.team.values())]


def _runbooks(_: Settings) -> Iterable[str]:
    from irkit.runbook import available, search_path
    return available(search_path(os.environ))


def _scenarios(_: Settings) -> Iterable[str]:
    from irkit.runbook import available, search_path
    return available([folder / "scenarios" for folder in search_path(os.environ)])


def _actions(_: Settings) -> list[str]:
    from irkit import connectors
    return [action.full_name for name in connectors.names() for action in connectors.find(name).actions.values()]


def _connectors(settings: Settings) -> list[str]:
    from irkit import connectors
    return connectors.names(settings.config.connectors)


def _worlds(_: Settings) -> list[str]:
    from irkit import worlds
    return worlds.names()


runbook_name = completing(_runbooks)
scenario_name = completing(_scenarios)
action_name = completing(_actions)
connector_name = completing(_connectors)
connection_name = completing(lambda settings: settings.config.connections)
world_name = completing(_worlds)
step_name = in_incident(_steps)
person_name = in_incident(_people)
