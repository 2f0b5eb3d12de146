"""In a drill the gate shows the vendor's own addresses, and a world gets the path behind them."""

from __future__ import annotations

import json

import pytest

from irkit import connectors
from irkit.action import GET, ActionError
from irkit.drill.addresses import addresses_of, call_of, outgoing_of
from tests.wire.tenant import EVENT, LINES, THINGS, example, tenant


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors, "find", lambda name, allowed=(): example)


@pytest.mark.parametrize(("request_", "url", "host", "path"), [
    (THINGS, "https://api.example.com/v1/things", "", "/things"),
    (THINGS.follow("https://api.example.com/v1/things?page=2"), "https://api.example.com/v1/things?page=2", "", "/things"),
    (EVENT, "https://events.example.com/v2/enqueue", "events", "/v2/enqueue"),
    (LINES, "https://sink.example.com/receiver/%5Bcredential%5D/", "sink", "/receiver/READY/")])
def test_a_world_gets_the_host_and_the_path_behind_its_address(request_: object, url: str, host: str, path: str) -> None:
    """As over HTTP, where the path begins with the host's name."""
    world = tenant()
    world.ready_token = "READY"
    addresses = addresses_of(world)
    made = outgoing_of("example", world, addresses, request_, "")      # type: ignore[arg-type]
    assert made.url == url
    sent, body = made.bearing(world.ready_token)
    call = call_of(world, addresses, made.method, sent, made.headers, body or b"")
    assert (call.host, call.path) == (host, path)
    if host == "events":
        assert json.loads(call.body)["routing_key"] == "READY"


def test_a_link_to_another_host_is_not_followed() -> None:
    """Nor in a drill."""
    world = tenant()
    with pytest.raises(ActionError, match="not followed"):
        outgoing_of("example", world, addresses_of(world), GET("/x").follow("https://evil.example.org/x"), "")
