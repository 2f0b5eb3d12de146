"""The simulated Entra tenant over real HTTP: both sign-ins, throttling, a lost write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from irkit import connectors
from irkit.action import GET, PATCH, NoAnswer, Request
from irkit.config import Connection
from irkit.errors import CredentialError
from irkit.wire.http import Wire
from irkit.worlds import Fault, Faults
from irkit.worlds.serve import Server, serve
from tests.wire.rig import ignored
from tests.wire.test_signins import key
from tests.worlds.helpers import Clock, ask, make

USERS = GET("/v1.0/users", params={"$select": "id,accountEnabled"})


@contextmanager
def signed_in(way: str, credential: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[tuple[Wire, Server]]:
    monkeypatch.setenv("ENTRA", credential)
    world = make("entra")
    with serve(world) as server:
        one = Connection("entra", "entra", {**world.settings, **settings}, way, "env:ENTRA", server.url)
        wire = Wire({"entra": one}, connectors.find, loopback=True)
        try:
            yield wire, server
        finally:
            wire.close()


def send(wire: Wire, request: Request = USERS) -> int:
    return wire.send(wire.prepare("entra", request), answered=ignored).status


def test_a_client_secret_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret gets a token from the tenant's endpoint, and the token is taken."""
    with signed_in("client_secret", make("entra").credentials()["client_secret"], monkeypatch) as (wire, _):
        assert send(wire) == 200


def test_a_certificate_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertion bears the thumbprint, the client and the vendor's own endpoint as its audience."""
    monkeypatch.setattr(Clock, "__call__", lambda _: datetime.now(UTC))
    with signed_in("certificate", key(), monkeypatch) as (wire, _):
        assert send(wire) == 200


@pytest.mark.parametrize(("credential", "settings", "said"), [
    ("wrong", {}, "AADSTS7000215"), ("wrong", {"tenant": "0f8e5a40-2c11-4b6e-9f6b-000000000000"}, "AADSTS90002"),
    ("wrong", {"client_id": "0f8e5a40-2c11-4b6e-9f6b-000000000000"}, "AADSTS700016")])
def test_a_refused_sign_in_says_why(credential: str, settings: dict[str, str], said: str,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret, tenant or client: the vendor's own number is told."""
    with signed_in("client_secret", credential, monkeypatch, **settings) as (wire, _), \
            pytest.raises(CredentialError) as caught:
        send(wire)
    assert said in str(caught.value)


def test_a_write_whose_answer_is_lost_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is disabled, nobody was told: the outcome is unknown, and it is not sent twice."""
    with signed_in("client_secret", make("entra").credentials()["client_secret"], monkeypatch) as (wire, server):
        user = str(server.world.samples()["user_id"])
        send(wire)
        server.faults = Faults([Fault("entra", "PATCH /v1.0/users/*", lost="after")])
        with pytest.raises(NoAnswer):
            send(wire, PATCH("/v1.0/users/{}", user, json={"accountEnabled": False}, affects=["x"], noun="person"))
        assert server.world.tenant.shelves["users"][user]["accountEnabled"] is False      # type: ignore[attr-defined]


def test_reports_are_throttled_after_five_in_ten_seconds() -> None:
    """The sixth request gets 429 with Retry-After; Identity Protection sends none."""
    world = make("entra", limits=True)
    answers = [ask(world, "GET", "/v1.0/auditLogs/directoryAudits") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "10"
    ask(world, "GET", "/v1.0/identityProtection/riskyUsers")
    refused = ask(world, "GET", "/v1.0/identityProtection/riskyUsers")
    assert refused.status == 429
    assert "retry-after" not in refused.headers
