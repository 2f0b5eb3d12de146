"""A scenario for the tests, whole, and with parts of it replaced."""

from __future__ import annotations

from pathlib import Path

from irkit.drill.scenario import Scenario, load_bytes
from irkit.ledger import Ledger

PARTS = {
    "schema": "irkit/scenario-v1",
    "scenario": "weekend",
    "title": "A weekend",
    "runbook": "takeover",
    "starts": '"2026-03-07T23:40:00Z"',
    "people": "[{name: Dana Reyes, email: dana@example.org, role: agent}, {name: Wei, email: wei@example.org, role: admin}]",
    "inputs": "{agent_email: dana@example.org}",
    "worlds": "{zendesk: {plan: enterprise, adpp: true, seed: 7, agents: 6, rows: 60, audit_rows: 20, attack: bulk_export}}",
    "injects": '[{id: press, at: 8m, to: communications, say: "A reporter asks.", ask: "What now?", expect: "Nothing."},'
               " {id: hook, after: end_sessions, say: A webhook fires again.}]",
    "faults": '[{connector: zendesk, request: "DELETE /api/v2/users/*/sessions", lost: after}]',
    "score": "[{id: order, before: [keep_log, end_sessions]}, {id: quick, from: start, to: end_sessions, within: 15m},"
             " {id: told, done: tell_legal}]",
    "answers": "{end_sessions: {type: phrase}, exported: yes}",
}


def text(**changes: str) -> bytes:
    """The scenario's file, a line a key; `changes` replace values, and an empty one takes the key out."""
    return "".join(f"{key}: {value}\n" for key, value in (PARTS | changes).items() if value).encode()


def scene(**changes: str) -> Scenario:
    return load_bytes(text(**changes), "weekend.yaml")


BOOK = b"""schema: irkit/v1
runbook: takeover
title: A runbook of a test
version: 1
inputs: {agent_email: {type: email, ask: "Which account?"}}
steps:
  - {id: keep_log, phase: preserve, title: Keep the log, why: It ages out., do: "Keep it."}
  - {id: end_sessions, phase: contain, title: End the sessions, why: They live on., do: "End them."}
  - {id: tell_legal, phase: notify, owner: legal, title: Tell legal, why: They decide., do: "Tell them."}
"""


def begun(folder: Path, *, mode: str = "drill") -> None:
    """An incident of that mode with an open run of the scenario above, which nobody has open."""
    with Ledger.create(folder.absolute(), mode=mode, version="1", code_hash="0" * 64) as ledger:
        ledger.start_session("maria")
        book, scenario = ledger.keep("takeover.yaml", BOOK, run="r1"), ledger.keep("weekend.yaml", text(), run="r1")
        ledger.append("run.opened", {"runbook": "takeover", "version": 1, "runbook_sha256": book.sha256, "mode": "drill",
                                     "scenario": "weekend", "scenario_sha256": scenario.sha256,
                                     "drill_at": "2026-03-07T23:40:00Z"}, {"inputs.agent_email": "dana@example.org"}, run="r1")
        ledger.end_session()
