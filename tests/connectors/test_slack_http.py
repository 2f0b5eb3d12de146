"""Slack over real HTTP: tokens of each kind, a limit per method, lost answers, uploads, and what doctor says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from irkit import connectors
from irkit.action import POST, ActionError, Driven, NoAnswer, Refused, Request, Response, Throttled, Unavailable, drive
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds import Fault, find
from irkit.worlds.serve import serve
from irkit.worlds.slack import Slack
from tests.cli.rig import Capsys, irkit
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import EVIDENCE, KEPT, known, make


@contextlib.contextmanager
def wired(monkeypatch: pytest.MonkeyPatch, *faults: Fault, token: str = "", way: str = "user_token",
          **options: Any) -> Iterator[tuple[Wire, Slack]]:
    world = make("slack", **options)
    assert isinstance(world, Slack)
    monkeypatch.setenv("SLACK", token or world.ready_token)
    with serve(world, faults=faults) as server:
        wire = Wire({"slack": Connection("slack", "slack", {}, way, "env:SLACK", server.url)}, connectors.find, loopback=True,
                    timeouts=PATIENT)
        try:
            yield wire, world
        finally:
            wire.close()


def over(wire: Wire, world: Slack, name: str, /, **args: Any) -> Driven:
    def ask(request: Request) -> Any:
        try:
            return wire.send(wire.prepare("slack", request), answered=ignored, source=lambda _: BytesIO(EVIDENCE))
        except ActionError as error:
            return error
    return drive(connectors.find_action(f"slack.{name}")(**args), ask, connectors.find("slack"), known(world))


def said(world: Slack) -> Sequence[str]:
    return [one["text"] for one in world.workspace.messages["C0HELPDESK"] if one["user"] == "UIRKIT001"]


POSTED = {"channel": "helpdesk", "text": "Contained."}


@pytest.mark.parametrize("way", ["user_token", "bot_token"])
def test_a_message_is_posted_with_either_token(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bearer, in a header alone."""
    with wired(monkeypatch, way=way, token=Slack.bot_token if way == "bot_token" else "") as (wire, world):
        driven = over(wire, world, "post_message", **POSTED)
        shown = wire.prepare("slack", driven.writes[0])
    assert driven.error is None
    assert b"xox" not in (shown.body or b"")
    assert said(world) == ["Contained.\n[INC-1.a_step]"]


def test_a_bots_token_contains_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """not_allowed_token_type is a gap that says what is needed."""
    with wired(monkeypatch, token=Slack.bot_token) as (wire, world):
        driven = over(wire, world, "collect_sessions", user_id=world.workspace.subject)
    assert isinstance(driven.error, Unavailable)
    assert "owner or administrator" in driven.error.needs


def test_an_administrators_token_reads_no_audit_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions yes; the audit log takes the token of an organization's owner: a gap that says so."""
    with wired(monkeypatch, token=Slack.admin_token) as (wire, world):
        sessions = over(wire, world, "collect_sessions", user_id=world.workspace.subject)
        driven = over(wire, world, "collect_audit_logs", since=world.workspace.began - timedelta(days=1))
    assert sessions.result.count == 2
    assert isinstance(driven.error, Unavailable)
    assert "organization's owner" in driven.error.needs


@pytest.mark.parametrize(("token", "code"), [("xoxb-not-the-token", "invalid_auth")])
def test_a_wrong_token_is_named_and_nothing_is_sent(token: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """200, and the vendor's code."""
    with wired(monkeypatch, token=token) as (wire, world):
        driven = over(wire, world, "post_message", **POSTED)
    assert code in str(driven.error)
    assert not driven.writes


def test_429_is_of_one_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After in seconds holds that method; another goes on."""
    with wired(monkeypatch, Fault("slack", "POST /api/chat.postMessage", answer={
            "status": 429, "retry_after": 30, "body": {"ok": False, "error": "ratelimited"}}, times=1)) as (wire, world):
        driven = over(wire, world, "post_message", **POSTED)
        slack, request = connectors.find("slack"), driven.writes[0]
        wire.learn("slack", slack.limit(Response(429, {"retry-after": "30"}), datetime.now(UTC)), slack.bucket(request))
        held, free = (wire.seconds_for("slack", 1, slack.bucket(one)) for one in (request, POST("/api/auth.test", reads=True)))
    assert isinstance(driven.error, Throttled)
    assert held > 20
    assert free == 0
    assert not said(world)


@pytest.mark.parametrize(("lost", "messages"), [("before", 0), ("after", 1)])
def test_a_message_whose_answer_was_lost_is_unknown_and_the_channel_tells(lost: Any, messages: int,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """NoAnswer either way; a second attempt looks first, so it is said once."""
    with wired(monkeypatch, Fault("slack", "POST /api/chat.postMessage", lost=lost, times=1)) as (wire, world):
        first = over(wire, world, "post_message", **POSTED)
        assert len(said(world)) == messages
        second = over(wire, world, "post_message", **POSTED)
    assert isinstance(first.error, NoAnswer)
    assert len(second.writes) == 1 - messages
    assert len(said(world)) == 1


def test_an_answer_that_is_cut_short_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 came and half a body: of Slack's writes the status says nothing."""
    with wired(monkeypatch, Fault("slack", "POST /api/chat.postMessage", transport="cut", times=1)) as (wire, world):
        driven = over(wire, world, "post_message", **POSTED)
    assert isinstance(driven.error, NoAnswer)


def test_a_file_is_uploaded_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes, streamed, to the address that was given, which bears no header of ours."""
    with wired(monkeypatch) as (wire, world):
        driven = over(wire, world, "upload_file", channel="helpdesk", file="evidence.txt")
        first = driven.writes[0].first
        assert first is not None
        shown = wire.prepare("slack", first)
    ticket, = world.workspace.tickets.values()
    assert driven.error is None
    assert ticket["sha256"] == KEPT["sha256"]
    assert "authorization" not in {name.lower() for name in shown.headers}
    assert "/@files/upload/v1/" in shown.url


@pytest.mark.parametrize("fault", [Fault("slack", "POST /upload/v1/*", lost="after", times=1),
                                   Fault("slack", "POST /upload/v1/*", answer={"status": 500}, times=1)])
def test_a_file_whose_bytes_are_lost_is_not_shared(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees it; the next attempt takes another address."""
    with wired(monkeypatch, fault) as (wire, world):
        first = over(wire, world, "upload_file", channel="helpdesk", file="evidence.txt")
        assert not world.workspace.files
        second = over(wire, world, "upload_file", channel="helpdesk", file="evidence.txt")
    assert isinstance(first.error, ActionError)
    assert second.error is None
    assert len(world.workspace.files) == 1


def test_an_address_elsewhere_gets_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload address that leads to another host is not followed."""
    with wired(monkeypatch) as (wire, world):
        world.workspace.files_address = lambda: "https://files.attacker.example"
        driven = over(wire, world, "upload_file", channel="helpdesk", file="evidence.txt")
    assert "files.attacker.example" in str(driven.error)
    assert not world.workspace.files


def test_scim_lives_at_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same token; a person is deactivated and activated again."""
    with wired(monkeypatch) as (wire, world):
        driven = over(wire, world, "deactivate_user", user_id=world.workspace.subject)
        assert wire.prepare("slack", driven.writes[0]).url.endswith("/@org/scim/v1/Users/U00000001")
        back = over(wire, world, "activate_user", user_id=world.workspace.subject)
    assert (driven.result.active, back.result.active) == (False, True)


def test_a_person_that_scim_refuses_is_not_deactivated(monkeypatch: pytest.MonkeyPatch) -> None:
    """SCIM's own sentence, and its status."""
    body = {"Errors": {"description": "cannot_deactivate_primary_owner", "code": 403}}
    with wired(monkeypatch, Fault("slack", "PATCH /scim/*", answer={"status": 403, "body": body})) as (wire, world):
        driven = over(wire, world, "deactivate_user", user_id=world.workspace.subject)
    assert isinstance(driven.error, Refused)
    assert "cannot_deactivate_primary_owner" in str(driven.error)


# -- doctor and connect ----------------------------------------------------------------------------------------------

def doctor(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, use: str, token: str, **options: Any) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLACK", token)
    world = find("slack")({**Slack.small, **options}, people=(), now=lambda: datetime.now(UTC))
    with serve(world) as server:
        ran = irkit(capsys, "connect", "slack", "--config", "irkit.toml", "--sign-in", "user_token", "--base-url",
                    server.url, "--credential", "env:SLACK", "--set", f"use={use}")
        assert ran.code == 0, ran.err
        return " ".join(irkit(capsys, "doctor", "slack", "--config", "irkit.toml").out.split())


def test_doctor_names_each_scope_that_is_missing(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One harmless read a scope: what is there, and what is not."""
    told = doctor(capsys, monkeypatch, tmp_path, "both", Slack.ready_token, lacks="admin.users:read")
    assert "administrator, Enterprise" in told
    assert "admin.users:read is missing: cannot list sessions" in told
    assert "auditlogs:read: can collect the audit log" in told


def test_doctor_asks_no_more_of_a_bot_than_it_is_for(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A connection for the channel is ready without the scopes of containment, and says that they are not needed."""
    told = doctor(capsys, monkeypatch, tmp_path, "channel", Slack.bot_token)
    assert "slack FAIL" not in told
    assert "admin.users:read: not needed, this connection is for channel alone" in told


def test_doctor_says_that_a_bot_cannot_contain(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same token for containment: not an administrator."""
    assert "bot, Enterprise: not an administrator" in doctor(capsys, monkeypatch, tmp_path, "containment", Slack.bot_token)
