"""A tiny connector, and runbooks of a few lines around the steps that a test is about."""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta
from typing import Literal

from irkit.action import GET, Action, Connector, Effect, Email, Record, Steps, Trace, UserId
from irkit.errors import UsageError
from irkit.runbook import Runbook, check_bytes, load_bytes

demo = Connector("demo", title="Demo", base_url="https://demo.example")


class Device(Record, frozen=True):
    id: str
    name: str


class User(Record, frozen=True):
    id: UserId
    email: str
    suspended: bool
    tickets: int
    devices: tuple[Device, ...]
    manager: Device | None = None


class Users(Record, frozen=True):
    items: tuple[User, ...]
    ids: tuple[str, ...]
    count: int


def _nothing() -> User:
    return User(UserId("1"), "dana@example.org", False, 0, ())


@demo.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find a user."""
    yield GET("/users")
    return _nothing()


@demo.action(Effect.READ)
def list_users() -> Steps[Users]:
    """List users."""
    yield GET("/users")
    return Users((), (), 0)


@demo.action(Effect.READ, preserves=[Trace("sessions", of="user_id")])
def collect_sessions(user_id: UserId | None = None) -> Steps[Users]:
    """Keep the sessions of a user, or of everybody."""
    yield GET("/sessions")
    return Users((), (), 0)


@demo.action(Effect.READ)
def collect_log(since: datetime, limit: int = 10, span: timedelta | None = None, deep: bool = False,
                order: Literal["asc", "desc"] = "asc") -> Steps[Users]:
    """Keep the log."""
    yield GET("/log")
    return Users((), (), 0)


@demo.action(Effect.IRREVERSIBLE, destroys=[Trace("sessions", of="user_id")])
def end_sessions(user_id: UserId) -> Steps[User]:
    """End the sessions of a user."""
    yield GET("/sessions")
    return _nothing()


@demo.action(Effect.IRREVERSIBLE, destroys=[Trace("sessions", of="user_ids")])
def logout_many(user_ids: list[UserId]) -> Steps[Users]:
    """End the sessions of many users."""
    yield GET("/sessions")
    return Users((), (), 0)


@demo.action(Effect.REVERSIBLE, undo="demo.suspend")
def suspend(user_id: UserId) -> Steps[User]:
    """Suspend a user."""
    yield GET("/users")
    return _nothing()


def find_action(full_name: str) -> Action:
    """As `irkit.connectors.find_action`, for the demo connector alone."""
    connector, _, name = full_name.partition(".")
    if connector != "demo":
        raise UsageError(f"no connector is called {connector!r}")
    if name not in demo.actions:
        raise UsageError(f"demo has no action {name!r}")
    return demo.actions[name]


HEAD = """\
schema: irkit/v1
runbook: test
title: A test
version: 1
inputs:
  who: {type: email, ask: Who}
  since: {type: timestamp, ask: Since, default: now}
  most: {type: int, ask: How many}
roles: {lead: Incident lead, legal: Counsel}
"""
TELL_LEGAL = """
- {id: tell_legal, phase: notify, owner: legal, title: Tell legal, do: Call them., evidence: required}
"""
AGENT = """
- {id: agent, title: Find, why: w, action: demo.find_user, with: {email: "{{ inputs.who }}"}}
"""


def book(*steps: str, head: str = HEAD) -> bytes:
    """A runbook of these steps, each text a YAML list."""
    body = "".join(textwrap.dedent(step).strip("\n") + "\n" for step in steps)
    return (head + "steps:\n" + textwrap.indent(body, "  ")).encode()


def read(*steps: str, head: str = HEAD) -> Runbook:
    return load_bytes(book(*steps, head=head), "test.yaml")


def said(*steps: str, head: str = HEAD) -> list[str]:
    """Every message of lint about a runbook of these steps, warnings marked; that legal is told goes without saying."""
    found = check_bytes(book(*steps, TELL_LEGAL, head=head), "test.yaml", find_action=find_action).sorted()
    return [("warning: " if mistake.level == "warning" else "") + mistake.message for mistake in found]


def block(*steps: str, head: str = HEAD) -> str:
    """All printed blocks as one text."""
    mistakes = check_bytes(book(*steps, TELL_LEGAL, head=head), "test.yaml", find_action=find_action)
    return "\n".join(line for lines in mistakes.blocks() for line in lines)
