"""Playbooks to import, written by hand: one with every property of every object of CACAO 2.0, and a small one to break."""

from __future__ import annotations

import base64
import copy
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
                              MACHINE: {"type": "http-api", "name": "Mail gateway", "address": {"url": ["https://mail.example.org"]}}},
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


REFERENCE: Json = {"name": "ATT&CK", "external_id": "T1566", "url": "https://attack.example.org/T1566", "source": "MITRE, 2024",
                   "description": "Phishing in general", "reference_id": named("attack-pattern", 7)}
COMMANDS: list[Json] = [
    {"type": "bash", "command": "grep -c '${#a}' /var/log/mail; echo {{ x }} {% y %}", "version": "5.1",
     "description": "Count them.", "playbook_activity": "scan-system",
     "external_references": [{"name": "The manual of grep", "source": "man 1 grep"}]},
    {"type": "ssh", "command_b64": encoded("systemctl stop postfix\nsystemctl status postfix")},
    {"type": "http-api", "command": "POST /block HTTP/1.1", "content_b64": encoded('{"address": "__sender__:value"}'),
     "headers": {"Authorization": ["Bearer abcdef"], "Accept": ["application/json"]}},
    {"type": "http-api", "command": "PUT /unblock HTTP/1.1", "content": "address=all"},
    {"type": "openc2-http", "command": "POST /oc2 HTTP/1.1", "content_b64": "AP8=", "headers": {"Accept": ["application/oc2"]}},
    {"type": "powershell", "command": "Get-Mailbox"}, {"type": "caldera-cmd", "command": "ability-1"},
    *({"type": kind, "command_b64": encoded(words)} for kind, words in (
        ("elastic", "any where true"), ("jupyter", "print(1)"), ("kestrel", "x = GET process"), ("sigma", "detection: x"),
        ("yara", "rule x { condition: true }"), ("manual", "Look out\nof the window."), ("bash", "uptime"),
        ("powershell", "Get-Process"), ("caldera-cmd", "ability-2"))),
    {"type": "ssh", "command": "hostname"}, {"type": "x-own-thing", "command": "whatever"},
]


THEIRS = named("extension-definition", 83)
PLACES: Json = {"url": ["https://relay.example.org"], "l2mac": ["00:00:5e:00:53:01"], "ipv4": ["192.0.2.7"],
                "ipv6": ["2001:db8::7"], "vlan": [12], "dname": ["relay.example.org"]}
CONTACT: Json = {"email": {"work": "duty@example.org"}, "phone": {"night": "+1 202 555 0107"},
                 "contact_details": "Ring twice."}
LOCATION: Json = {
    "name": "Main office", "description": "The red house", "building_details": "Third floor", "network_details": "Rack 7",
    "region": "northern-europe", "country": "SE", "administrative_area": "SE-AB", "city": "Stockholm",
    "street_address": "Storgatan 1", "postal_code": "111 22", "latitude": "59.33", "longitude": "18.06", "precision": "10"}


def marking(kind: str, number: int, **own: Any) -> Json:
    """A definition of how a playbook may be shared, under its id."""
    made = {"type": kind, "id": named(kind, number), "created_by": named("identity", 97), "created": "2023-01-01T00:00:00.000Z"}
    return {named(kind, number): {**made, **own}}


def signature(number: int, **own: Any) -> Json:
    """Of the playbook; `own` holds the key or where it is."""
    return {"type": "jss", "id": named("jss", number), "created_by": named("identity", 98), "signee": "A team",
            **dict.fromkeys(("created", "modified", "valid_from", "related_version"), "2024-02-01T00:00:00.000Z"),
            "valid_until": "2034-02-01T00:00:00.000Z", "revoked": False, "related_to": named("playbook", 99),
            "hash_algorithm": "sha-256", "algorithm": "Ed25519", "value": "x", **own}


def agents() -> Json:
    """One of every kind; the steps name three."""
    theirs = {"agent_target_extensions": {THEIRS: {"shift": "night"}}}
    host = {"authentication_info": named("http-basic", 82), "category": ["server"]}
    return {
        PERSON: {"type": "individual", "name": "Mail Administrator", "contact": CONTACT, "location": LOCATION,
                 "description": "On duty at night", **theirs},
        MACHINE: {"type": "http-api", "name": "Mail gateway", "address": {"url": ["https://mail.example.org"]}, "port": "8443",
                  **host},
        named("group", 33): {"type": "group", "name": "Helpdesk", "contact": CONTACT},
        named("organization", 34): {"type": "organization", "name": "The provider", "contact": CONTACT},
        named("location", 35): {"type": "location", "name": "Server room", "logical": ["Segment 9"]},
        named("sector", 36): {"type": "sector", "name": "Hospitals", "sector": "healthcare"},
        named("security-category", 37): {"type": "security-category", "name": "Any firewall", "category": ["firewall"]},
        named("net-address", 38): {"type": "net-address", "name": "Switch", "address": PLACES, **host},
        named("ssh", 39): {"type": "ssh", "name": "Jump host", "address": PLACES, "port": "2222", **host}}


def markings() -> Json:
    """One of every kind. The published schemas let no marking-iep pass: their base wants other references than it has."""
    return {
        **marking("marking-tlp", 80, tlpv2_level="TLP:AMBER", name="Amber", description="Limited disclosure",
                  external_references=[{"name": "FIRST", "url": "https://first.example.org/tlp"}]),
        **marking("marking-statement", 81, statement="For the team alone", name="Ours", description="Ask before you share it",
                  revoked=False, valid_from="2023-01-01T00:00:00.000Z", valid_until="2033-01-01T00:00:00.000Z",
                  labels=["internal"], external_references=[{"name": "The policy", "source": "Intranet"}],
                  marking_extensions={THEIRS: {"level": "low"}}),
        **marking("marking-iep", 84, name="IEP of the sector", description="Agreed in 2023", tlp="AMBER", iep_version=2,
                  start_date="2023-01-01T00:00:00.000Z", end_date=None, encrypt_in_transit="MUST", permitted_actions="NONE",
                  affected_party_notifications="MAY", attribution="MUST NOT", unmodified_resale="MAY NOT",
                  external_references=["https://iep.example.org"])}


def every_construct() -> Json:
    """Every property of every object that the published schemas have; a fresh one, to break."""
    steps = [named("action", number) for number in range(40, 49)]
    return copy.deepcopy(playbook({
        FIRST: by_hand("Ask who sent __sender__:value.", name="Ask", description="Who saw it?", on_completion=PARALLEL,
                       in_args=["__sender__"], out_args=["__ticket__"], delay=90_000, timeout=60_000,
                       owner=named("identity", 50), external_references=[REFERENCE],
                       step_variables={"__note__": {"type": "string", "value": "kept", "description": "What it is"}},
                       step_extensions={THEIRS: {"colour": "red"}}),
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
               "on_failure": steps[7], "playbook_version": "2024-01-01T00:00:00.000Z", "in_args": ["__sender__"],
               "out_args": ["__ticket__"]},
        SECOND: by_hand("Close.", name="Close", on_completion=END),
        steps[7]: by_hand("Hand over by phone.", name="Phone", on_completion=END),
        steps[8]: by_hand("Ring the bell.", name="Alarm", on_completion=END),
        **{named("end", number): {"type": "end"} for number in (3, 4, 60, 61, 62, 63, 64)},
    }, playbook_variables={"__sender__": {"type": "ipv4-addr", "description": "Which sender?", "value": "a {{ b }}"},
                           "__severity__": {"type": "integer", "external": True, "value": None},
                           "__ticket__": {"type": "string"},
                           "__unused__": {"type": "string", "value": "x", "constant": True}},
        workflow_exception=steps[8], playbook_types=["remediation"], playbook_activities=["scan-system"],
        playbook_processing_summary=dict.fromkeys((
            "manual_playbook", "external_playbooks", "parallel_processing", "if_logic", "while_logic", "switch_logic",
            "temporal_logic", "data_markings", "digital_signatures", "countersigned_signatures", "extensions"), True),
        revoked=False, valid_from="2024-01-01T00:00:00.000Z", valid_until="2034-01-01T00:00:00.000Z",
        derived_from=[named("playbook", 96)], related_to=[named("campaign", 95)], priority=3, severity=70, impact=40,
        industry_sectors=["healthcare"], labels=["mail"],
        external_references=[REFERENCE, {"name": "A book", "source": "On the shelf"}],
        markings=[named("marking-tlp", 80), named("marking-statement", 81), named("marking-iep", 84)],
        data_marking_definitions=markings(), agent_definitions=agents(),
        target_definitions={TARGET: {"type": "linux", "name": "Relay", "address": PLACES, "port": "22", "category": ["server"],
                                     "authentication_info": named("user-auth", 85)}},
        signatures=[signature(86, public_key="MCowBQ", signature=signature(87, thumbprint="3q2-7w")),
                    signature(88, public_cert_chain=["MIIB"]), signature(89, cert_url="https://keys.example.org/a.pem")],
        authentication_info_definitions={
            named("http-basic", 82): {"type": "http-basic", "user_id": "u", "password": "hunter2hunter2", "kms": False,
                                      "kms_key_identifier": "key-1", "name": "Gateway", "description": "Of the gateway",
                                      "authentication_info_extensions": {THEIRS: {"vault": "v1"}}},
            named("user-auth", 85): {"type": "user-auth", "username": "root", "password": "hunter3hunter3", "kms": False,
                                     "kms_key_identifier": "key-2"},
            named("oauth2", 90): {"type": "oauth2", "oauth_header": "Bearer", "token": "hunter4hunter4", "kms": False,
                                  "kms_key_identifier": "key-3"}},
        extension_definitions={THEIRS: {"type": "extension-definition", "name": "theirs", "created_by": named("identity", 98),
                                        "description": "Colours of steps", "schema": "https://theirs.example.org/1.json",
                                        "version": "1.2.0", "external_references": [{"name": "Colours", "source": "A wiki"}]}},
        playbook_extensions={THEIRS: {"anything": "one"}}))
