"""Playbooks to import, written by hand: one of every construct of CACAO 2.0, and a small one to break."""

from __future__ import annotations

import base64
import json
from typing import Any

Json = dict[str, Any]
ZEROS = "-0000-4000-8000-"


def named(kind: str, number: int) -> str:
    """An identifier."""
    return f"{kind}--{number:08x}{ZEROS}{number:012x}"


START, END, END_2, END_3 = named("start", 1), named("end", 2), named("end", 3), named("end", 4)
FIRST, SECOND, THIRD = named("action", 10), named("action", 11), named("action", 12)
IF, WHILE, SWITCH, PARALLEL, CALL = (named("if-condition", 20), named("while-condition", 21), named("switch-condition", 22),
                                     named("parallel", 23), named("playbook-action", 24))
PERSON, MACHINE, TARGET = named("individual", 30), named("http-api", 31), named("linux", 32)


def by_hand(words: str, **more: Any) -> Json:
    """An action with one manual command."""
    return {"type": "action", "agent": PERSON, "commands": [{"type": "manual", "command": words}], **more}


def running(*commands: Json, **more: Any) -> Json:
    """An action of a machine."""
    return {"type": "action", "agent": MACHINE, "commands": list(commands), **more}


def playbook(workflow: Json, **more: Any) -> Json:
    """A playbook with a start, these steps and an end; the first of them is where it begins."""
    first = next(iter(workflow))
    return {
        "type": "playbook", "spec_version": "cacao-2.0", "id": named("playbook", 99), "name": "Phishing mail",
        "description": "Somebody reports a mail.", "created_by": named("identity", 98), "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-02-01T00:00:00.000Z", "workflow_start": START,
        "workflow": {START: {"type": "start", "on_completion": first}, **workflow, END: {"type": "end"}},
        "agent_definitions": {PERSON: {"type": "individual", "name": "Mail Administrator"},
                              MACHINE: {"type": "http-api", "name": "Mail gateway", "address": {"url": ["https://mail.example"]}}},
        "target_definitions": {TARGET: {"type": "linux", "name": "Relay", "address": {"dname": ["relay.example"]}}},
        **more}


def raw(made: Json) -> bytes:
    return json.dumps(made, indent=1).encode()


def encoded(words: str) -> str:
    return base64.b64encode(words.encode()).decode()


def two() -> Json:
    """Two manual steps, one after the other."""
    return playbook({FIRST: by_hand("Look at it.", name="Look", on_completion=SECOND),
                     SECOND: by_hand("Delete it.", name="Delete", on_completion=END)})


COMMANDS: list[Json] = [
    {"type": "bash", "command": "grep -c '${#a}' /var/log/mail; echo {{ x }} {% y %}"},
    {"type": "ssh", "command_b64": encoded("systemctl stop postfix\nsystemctl status postfix")},
    {"type": "http-api", "command": "POST /block HTTP/1.1", "content_b64": encoded('{"address": "__sender__:value"}'),
     "headers": {"Authorization": ["Bearer abcdef"], "Accept": ["application/json"]}},
    {"type": "openc2-http", "command": "POST /oc2 HTTP/1.1", "content_b64": "AP8="},
    {"type": "powershell", "command": "Get-Mailbox"}, {"type": "caldera-cmd", "command": "ability-1"},
    {"type": "elastic", "command": "any where true"}, {"type": "jupyter", "command": "print(1)"},
    {"type": "kestrel", "command": "x = GET process"}, {"type": "sigma", "command": "detection: x"},
    {"type": "yara", "command": "rule x { condition: true }"}, {"type": "x-own-thing", "command": "whatever"},
]


def every_construct() -> Json:
    """Each kind of step, of command, of agent and of definition."""
    steps = [named("action", number) for number in range(40, 48)]
    return playbook({
        FIRST: by_hand("Ask who sent __sender__:value.", name="Ask", description="Who saw it?", on_completion=PARALLEL,
                       in_args=["__sender__"], out_args=["__ticket__"], delay=90_000, timeout=60_000,
                       owner=named("identity", 50), external_references=[{"name": "ATT&CK", "external_id": "T1566"}],
                       step_variables={"__note__": {"type": "string", "value": "kept"}}),
        PARALLEL: {"type": "parallel", "name": "Two teams", "description": "Both at once.", "next_steps": [steps[0], steps[1]],
                   "on_completion": IF},
        steps[0]: running(*COMMANDS, name="Block", on_completion=END_2, targets=[TARGET]),
        steps[1]: by_hand("Tell the staff.", name="Tell", on_completion=END_3),
        IF: {"type": "if-condition", "name": "Opened?", "condition": "[x:y = '__sender__:value']", "on_true": steps[2],
             "on_false": steps[3], "on_completion": WHILE},
        steps[2]: by_hand("Reset the password.", name="Reset", on_completion=named("end", 60)),
        steps[3]: by_hand("Thank the person.", name="Thank", on_completion=named("end", 61)),
        WHILE: {"type": "while-condition", "name": "More mails?", "condition": "[a:b = 1]", "on_true": steps[4],
                "on_completion": SWITCH},
        steps[4]: by_hand("Delete one.", name="Delete", on_completion=named("end", 62)),
        SWITCH: {"type": "switch-condition", "name": "How bad?", "switch": "__severity__:value",
                 "cases": {"High-1": steps[5], "default": steps[6]}, "on_completion": CALL},
        steps[5]: by_hand("Call the lead.", name="Call", on_completion=named("end", 63)),
        steps[6]: by_hand("Write a ticket.", name="Write", on_completion=named("end", 64)),
        CALL: {"type": "playbook-action", "name": "Hand over", "playbook_id": named("playbook", 70), "on_success": SECOND,
               "on_failure": steps[7], "playbook_version": "2024-01-01T00:00:00.000Z"},
        SECOND: by_hand("Close.", name="Close", on_completion=END),
        steps[7]: by_hand("Hand over by phone.", name="Phone", on_completion=END),
        **{named("end", number): {"type": "end"} for number in (3, 4, 60, 61, 62, 63, 64)},
    }, playbook_variables={"__sender__": {"type": "ipv4-addr", "description": "Which sender?", "value": "a {{ b }}"},
                           "__severity__": {"type": "integer", "external": True}, "__ticket__": {"type": "string"},
                           "__unused__": {"type": "string", "value": "x"}},
        markings=[named("marking-tlp", 80), named("marking-statement", 81)], severity=70, labels=["mail"],
        data_marking_definitions={named("marking-tlp", 80): {"type": "marking-tlp", "tlpv2_level": "TLP:AMBER"},
                                  named("marking-statement", 81): {"type": "marking-statement",
                                                                   "statement": "For the team alone"}},
        signatures=[{"type": "jss", "value": "x"}],
        authentication_info_definitions={named("http-basic", 82): {"type": "http-basic", "username": "u",
                                                                   "password": "hunter2hunter2"}},
        extension_definitions={named("extension-definition", 83): {"type": "extension-definition", "name": "theirs"}},
        playbook_extensions={named("extension-definition", 83): {"anything": 1}}, x_own="kept nowhere")
