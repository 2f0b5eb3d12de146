"""Driving an action over real sockets against a served world, request by request, as the world's own credentials sign in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, Driven, Request, drive
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds import Fault, World
from irkit.worlds.serve import serve
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import known


@contextlib.contextmanager
def over_http(world: World, monkeypatch: pytest.MonkeyPatch, *faults: Fault, way: str = "",
              credential: str = "") -> Iterator[Callable[..., Driven]]:
    """`play("collect_search", since=…)` drives that action of the world's connector, whose answers come over HTTP."""
    name = world.connector
    default, ready = world.signs_in()
    secrets = {"": credential or ready, **world.more_credentials()}
    for host, value in secrets.items():
        monkeypatch.setenv(f"IRKIT_TEST_{host.upper()}", value)
    with serve(world, faults=faults) as server:
        connection = Connection(name, name, dict(world.settings), way or default, "env:IRKIT_TEST_", server.url,
                                {host: f"env:IRKIT_TEST_{host.upper()}" for host in secrets if host})
        with contextlib.closing(Wire({name: connection}, connectors.find, loopback=True, timeouts=PATIENT)) as wire:
            def ask(request: Request) -> Any:
                try:
                    return wire.send(wire.prepare(name, request), answered=ignored)
                except ActionError as error:           # thrown into the action, as a run does
                    return error

            def play(action: str, **args: Any) -> Driven:
                steps = connectors.find_action(f"{name}.{action}")(**args)
                return drive(steps, ask, connectors.find(name), known(world))
            yield play
