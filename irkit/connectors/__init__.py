"""The connectors, one module or package each, found by name: there is no registry to edit.

`zendesk` is `irkit.connectors.zendesk`, which holds one `Connector` of the same name. Third parties add theirs through the
entry-point group `irkit.connectors`; only those that `irkit.toml` allows by name are ever imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from irkit.action import Action, Connector
from irkit.errors import UsageError


def names(allowed: Sequence[str] = ()) -> list[str]:
    """Names of all connectors, the built-in ones and the `allowed` third-party ones; nothing is imported."""
    return sorted({module.name for module in pkgutil.iter_modules(__path__)} | set(allowed))


def find(name: str, allowed: Sequence[str] = ()) -> Connector:
    """The connector of that name. Raises UsageError when there is none."""
    if name in {module.name for module in pkgutil.iter_modules(__path__)}:
        found = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    elif name in allowed:
        found = _third_party(name)
    else:
        raise UsageError(f"no connector is called {name!r}", next="irkit action list")
    if not isinstance(found, Connector):
        raise UsageError(f"the connector module {name!r} holds no Connector called {name}")
    return found


def _third_party(name: str) -> object:
    from importlib.metadata import entry_points
    for point in entry_points(group="irkit.connectors", name=name):
        return point.load()
    raise UsageError(f"irkit.toml allows the connector {name!r}, but no installed package provides it",
                     next="install the package that provides it, or take it off the list in irkit.toml")


def find_action(full_name: str, allowed: Sequence[str] = ()) -> Action:
    """The action called "connector.action". Raises UsageError when either is unknown."""
    connector, _, action = full_name.partition(".")
    actions = find(connector, allowed).actions
    if action not in actions:
        raise UsageError(f"{connector} has no action {action!r}", next="irkit action list")
    return actions[action]
