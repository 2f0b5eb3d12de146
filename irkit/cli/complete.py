"""Shell completion: names that could stand here. Cheap, and never an error: a half-typed line is not the place for one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

import click

from irkit.cli.options import Settings

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def completing(names: Callable[[Settings], Iterable[str]]) -> Complete:
    """A click completion over `names(settings)`; whatever goes wrong gives no names."""
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        with contextlib.suppress(Exception):
            found = sorted(set(names(ctx.find_root().ensure_object(Settings))))
            return [name for name in found if name.startswith(incomplete)]
        return []
    return complete


def _runbooks(_: Settings) -> Iterable[str]:
    from irkit.runbook import available, search_path
    return available(search_path(os.environ))


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
action_name = completing(_actions)
connector_name = completing(_connectors)
connection_name = completing(lambda settings: settings.config.connections)
world_name = completing(_worlds)
