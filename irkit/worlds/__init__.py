"""Worlds: simulated tenants with state, one module or package per connector, found by name.

The world `zendesk` is the subclass of `World` in `irkit.worlds.zendesk` whose `connector` is "zendesk". A drill asks it in
process, tests drive actions against it, and `irkit world serve` puts the same object behind HTTP on loopback.
"""

from __future__ import annotations

import importlib
import pkgutil

from irkit.errors import UsageError
from irkit.worlds.faults import Fault, Faults
from irkit.worlds.tokens import Grant, Tokens, claims
from irkit.worlds.world import Answer, Call, Person, World

__all__ = ["Answer", "Call", "Fault", "Faults", "Grant", "Person", "Tokens", "World", "claims", "find", "names"]

_SHARED = {"faults", "hostile", "log", "options", "routes", "serve", "tokens", "world"}      # what all worlds stand on


def names() -> list[str]:
    """Names of the connectors that have a world; nothing is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)


def find(connector: str) -> type[World]:
    """The world of that connector. Raises UsageError when there is none."""
    if connector not in names():
        raise UsageError(f"there is no world for {connector!r}; worlds: {', '.join(names())}",
                         next=f"irkit world serve {names()[0]}")
    module = importlib.import_module(f"{__name__}.{connector}")
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, World) and getattr(found, "connector", "") == connector:
            return found
    raise UsageError(f"irkit/worlds/{connector} holds no World whose connector is {connector!r}")
