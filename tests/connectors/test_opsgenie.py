"""Opsgenie's traps, each by name: 202 that comes to nothing, two keys, what no call switches, and its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, Driven, NoAnswer, NotConfirmed, Refused, Request, Unavailable, drive
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds import Fault
from irkit.worlds.opsgenie import Opsgenie
from irkit.worlds.serve import serve
from tests.cli.rig import irkit
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import Asked, Clock, known, make, play


def account(**options: Any) -> Opsgenie:
    world = make("opsgenie", **options)
    assert isinstance(world, Opsgenie)
    return world


def done(world: Opsgenie, action: str, /, **args: Any) -> Driven:
    return play(connectors.find_action(f"opsgenie.{action}")(**args), Asked(world))


def test_202_is_accepted_until_the_request_status_says_more() -> None:
    """The request is worked on later; until then its status is 404, which is no answer."""
    world = account(lag=12)
    driven = done(world, "create_alert", message="Taken over")
    assert driven.result.status == "open"
    assert len(driven.waits) == 3


def test_a_request_that_is_taken_and_then_fails_is_no_success() -> None:
    """isSuccess: false, in the vendor's words."""
    driven = done(account(fails=True), "create_alert", message="Taken over")
    assert isinstance(driven.error, NotConfirmed)
    assert "202" in str(driven.error)


def test_a_request_that_is_never_worked_on_is_not_called_done() -> None:
    """After half a minute of 404 it stays accepted."""
    driven = done(account(lag=3600), "close_alert", alias="open-1")
    assert isinstance(driven.error, NotConfirmed)
    assert "not said to have happened" in str(driven.error)


def test_a_second_attempt_of_the_same_step_pages_nobody() -> None:
    """The alias is that of incident and step."""
    world = account()
    first = done(world, "create_alert", message="Taken over").result
    again = done(world, "create_alert", message="Taken over")
    assert first.alias == "INC-1.a_step"
    assert again.result == first
    assert not again.writes


def test_an_alert_that_is_not_there_is_told_before_anything_is_sent() -> None:
    """Acknowledging it would be 202 and nothing more."""
    driven = done(account(), "acknowledge_alert", alias="nobody-knows")
    assert isinstance(driven.error, ActionError)
    assert not driven.writes


@pytest.mark.parametrize(("message", "priority"), [("x" * 131, "P1"), ("", "P1"), ("Taken over", "P0")])
def test_what_would_be_cut_or_refused_is_not_sent(message: str, priority: str) -> None:
    """130 characters, P1 to P5."""
    driven = done(account(), "create_alert", message=message, priority=priority)
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_an_integration_that_no_call_switches_is_a_manual_step() -> None:
    """Zendesk, Slack and Incoming Call: said with the menu, and nothing is sent."""
    driven = done(account(), "disable_integration", integration_id="i-2")
    assert isinstance(driven.error, ActionError)
    assert "Settings > Integrations" in driven.error.next
    assert not driven.writes


def test_on_jsm_a_key_reads_nothing_so_a_person_settles_it() -> None:
    """Created with 202; nothing is looked at, and nothing is called done."""
    world = account(flavour="jsm")
    driven = done(world, "create_alert", message="Taken over")
    assert isinstance(driven.error, NotConfirmed)
    assert [request.method for request in driven.requests] == ["POST"]
    assert driven.writes[0].settle == "human"
    assert "INC-1.a_step" in world.alerts


def test_users_are_read_to_the_last_page() -> None:
    """paging.next, verbatim; the very address counts."""
    world = account(page=1)
    assert done(world, "find_user", email="wei@example.org").result.role == "Admin"
    assert isinstance(done(world, "find_user", email="ei@example.org").error, ActionError)


def test_doctor_says_when_it_ends() -> None:
    """Opsgenie is switched off in April 2027; its successor has a word of its own."""
    notice = connectors.find("opsgenie").notice
    assert "2027-04-05" in notice({"flavour": "opsgenie-eu"})
    assert "2027" not in notice({"flavour": "jsm"})


# -- over HTTP ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def wired(world: Opsgenie, monkeypatch: pytest.MonkeyPatch, *faults: Fault, alert: str = "",
          config: str = "") -> Iterator[Wire]:
    monkeypatch.setenv("OG", alert or world.ready_token)
    monkeypatch.setenv("OG_CONFIG", config or world.config_key)
    with serve(world, faults=faults) as server:
        one = Connection("opsgenie", "opsgenie", {"flavour": world.options.flavour}, "alert_key", "env:OG", server.url,
                         {"config": "env:OG_CONFIG"})
        wire = Wire({"opsgenie": one}, connectors.find, loopback=True, timeouts=PATIENT)
        try:
            yield wire
        finally:
            wire.close()


def over(wire: Wire, world: Opsgenie, action: str, /, **args: Any) -> Driven:
    def ask(request: Request) -> Any:
        try:
            return wire.send(wire.prepare("opsgenie", request), answered=ignored)
        except ActionError as error:
            return error
    return drive(connectors.find_action(f"opsgenie.{action}")(**args), ask, connectors.find("opsgenie"), known(world))


def test_each_key_does_its_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts with the integration's key, configuration with the other, at one address."""
    world = account()
    with wired(world, monkeypatch) as wire:
        assert over(wire, world, "create_alert", message="Taken over").result.status == "open"
        assert over(wire, world, "disable_policy", policy_id="p-1").result.on is False


def test_the_wrong_kind_of_key_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of API key management may not page; an integration's may not list users: a gap, never an empty list."""
    world = account()
    with wired(world, monkeypatch, alert=world.config_key, config=world.ready_token) as wire:
        paged = over(wire, world, "create_alert", message="Taken over")
        listed = over(wire, world, "collect_integrations")
    assert isinstance(paged.error, Refused)
    assert isinstance(listed.error, Unavailable)
    assert "open-1" in world.alerts
    assert "INC-1.a_step" not in world.alerts


@pytest.mark.parametrize(("lost", "made"), [("before", False), ("after", True)])
def test_a_page_whose_answer_was_lost_is_unknown(lost: Any, made: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """NoAnswer; the alias makes it safe to look again, and a look tells."""
    world = account()
    with wired(world, monkeypatch, Fault("opsgenie", "POST /v2/alerts", lost=lost)) as wire:
        driven = over(wire, world, "create_alert", message="Taken over")
    assert isinstance(driven.error, NoAnswer)
    assert isinstance(world.now, Clock)
    world.digest()
    assert ("INC-1.a_step" in world.alerts) is made


def test_doctor_prints_the_end_and_is_ready_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """A note is no failure: exit 0, and the date is on the screen."""
    world = Opsgenie({}, people=(), now=lambda: datetime.now(UTC))
    monkeypatch.setenv("OG", world.ready_token)
    monkeypatch.setenv("OG_CONFIG", world.config_key)
    with serve(world) as server:
        (tmp_path / "irkit.toml").write_text(
            f'[connections.opsgenie]\nconnector = "opsgenie"\ncredential = "env:OG"\nbase_url = "{server.url}"\n'
            'credentials = { config = "env:OG_CONFIG" }\n')
        (tmp_path / "irkit.toml").chmod(0o600)
        ran = irkit(capsys, "--config", str(tmp_path / "irkit.toml"), "--evidence", str(tmp_path), "doctor", "opsgenie")
    assert ran.code == 0
    assert "Opsgenie ends on 2027-04-05" in " ".join(ran.out.split())
    assert "can list users, integrations and policies" in " ".join(ran.out.split())
