"""Worlds: simulated tenants with state, one module or package per connector, found by name.

The world `zendesk` is the subclass of `World` in `irkit.worlds.zendesk` whose `connector` is "zendesk". A drill asks it in
process, tests drive actions against it, and `irkit world serve` puts the same object behind HTTP on loopback.

How to write one (imports `irkit.worlds` and what all worlds share, nothing else of irkit):

1.  A frozen Struct of options, read by `options.read`; `small` holds those that make it quick for tests. `settings` are what
    a connection to it says: with them `base_url` is what the connector's own address comes to.
2.  `build` makes the tenant: the scenario's people, the subject, the attack. Randomness from `random.Random(seed)` alone, time
    from `self.now` alone.
3.  `answer(call)` routes on `call.method` and `call.path`, which begins behind the address in a drill as over HTTP; on
    `call.host` where the connector has several (not where two share one address). `call.data` is a JSON or form body;
    `call.size` and `call.sha256` are there for an upload of any size. `Routes` matches paths with parameters.
4.  `ready_token` is accepted as `Authorization: Bearer` on every host: a drill signs in so. A token endpoint checks what it is
    sent (`call.data`, `call.basic`, `claims(assertion)`) and answers with `Tokens.issue(who, scopes, seconds)`; `Tokens.find`
    takes what was minted, behind whatever scheme or header. A missing scope, a wrong tenant, a clock that is off are answered
    as the vendor answers them.
5.  `signs_in()` and `more_credentials()` are what `irkit world serve` tells people to put into irkit.toml; `credentials()` is
    all there is. `secrets()` are the live ones that answers may bear.
6.  Links in answers begin with `self.address(host)`. `state()` is what reads must not change. `later(seconds, effect)` lags.
7.  `samples()` gives arguments by parameter name, or "action.parameter": every action finds something, every write has
    something to do. An artefact of tests is called "evidence.txt".
8.  `alive()` names what of the attack still lives, of what `planted` says that it put there: a drill asks it at its end.
9.  Be as awkward as the vendor: its error bodies, its 429s, its silent truncation, its empty pages, its 200 that is no success.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from irkit.errors import UsageError
from irkit.worlds.faults import Fault, Faults
from irkit.worlds.tokens import Grant, Tokens, claims
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Answer, Call, Person, World

__all__ = ["Answer", "Call", "Fault", "Faults", "Grant", "Left", "Person", "Tokens", "World", "claims", "find", "names",
           "planted"]

_SHARED = {"faults", "hostile", "log", "options", "routes", "serve", "smtp", "tokens", "traces",
           "world"}      # what all worlds stand on


@functools.cache
def _built_in() -> frozenset[str]:
    """Names in this folder, which is looked at once."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def names() -> list[str]:
    """Names of the connectors that have a world; nothing is imported."""
    return sorted(_built_in() - _SHARED)


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
