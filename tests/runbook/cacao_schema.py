"""What CACAO 2.0 demands of a playbook, in two layers that need no file of anybody else's.

FACTS: what the JSON schemas that OASIS publishes hold a file to, for every object of theirs, as a table; `SCHEMA` is the table
as JSON Schema. Properties that an object does not have are refused: the published files say so too, in a word that draft-07
does not know. `test_cacao_published` compares table and files where the files are at hand.

`demands`: what the specification's prose adds, for what irkit writes: three decimals, vocabularies, ids that lead somewhere.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

Json = dict[str, Any]
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
TEXT: Json = {"type": "string"}
REGIONS = (
    "africa americas antarctica asia europe oceania caribbean melanesia micronesia polynesia australia-new-zealand "
    "latin-america-caribbean central-america northern-america south-america central-asia south-eastern-asia "
    + " ".join(f"{side}-{part}" for part, sides in (("africa", "eastern middle northern southern western"),
                                                    ("asia", "eastern southern western"),
                                                    ("europe", "eastern northern southern western")) for side in sides.split()))

# -- the table ---------------------------------------------------------------------------------------------------
# Pairs of a property and its kind; "!" behind the ones that must be there. Kinds: a basic one, `=word` that very word, `0..100`
# whole numbers, `kind*` a list, `kind+` one that holds something, `kind++` two things, or the name of another line here.

BASIC: Mapping[str, Json] = {
    "text": TEXT, "text?": {"type": ["string", "null"]}, "flag": {"type": "boolean"}, "whole": {"type": "integer"},
    "id": {"type": "string", "pattern": f"^[a-z][a-z0-9-]+[a-z0-9]--{UUID}"},
    "time": {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)"
                                          r"(\.\d+)?Z$"},
    "time?": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/time"}]}, "region": {"enum": REGIONS.split()},
    "case": {"type": "string", "pattern": "(action|end|if-condition|parallel|playbook|start|switch-condition|while-condition)"
                                          f"--{UUID}"},
    "level": {"enum": ["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"]},
    "url": {"type": "string", "pattern": r"[^\s/]{2,}\.[a-z]{2,6}\b"},
    "mac": {"type": "string", "pattern": "^[a-fA-F0-9]{2}(:[a-fA-F0-9]{2}){5}$"},
    "ipv4": {"type": "string", "pattern": r"\b(\d{1,3}\.){3}\d{1,3}$"}, "ipv6": {"type": "string", "pattern": ":.*[0-9a-f:]$"},
    "vlan": {"type": "number", "minimum": 0, "maximum": 4095},
    "variables": {"type": "object", "additionalProperties": False,
                  "patternProperties": {"^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$": {"$ref": "#/definitions/variable"}}},
    "extensions": {"type": "object", "minProperties": 1, "additionalProperties": False,
                   "patternProperties": {f"^extension-definition--{UUID}": {"type": "object"}}},
    "kinds": {"type": "object", "patternProperties": {"^[a-zA-Z0-9_-]{0,250}$": TEXT}, "additionalProperties": False},
    "headers": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
    "cases": {"type": "object", "additionalProperties": {"$ref": "#/definitions/case"}},
}
OPEN = ("variable",)                        # may have properties of its own
ONE_OF: Mapping[str, tuple[str, ...]] = {"signature": ("public_key", "public_cert_chain", "cert_url", "thumbprint")}
PARTS: Mapping[str, str] = {
    "playbook": """type! =playbook  spec_version! =cacao-2.0  id! id  name! text  description text  playbook_types text*
        playbook_activities text+  playbook_processing_summary summary  created_by! id  created! time  modified! time
        revoked flag  valid_from time  valid_until time  derived_from id+  related_to id+  priority 0..100  severity 0..100
        impact 0..100  industry_sectors text+  labels text+  external_references reference+  markings id+
        playbook_variables variables  workflow_start! id  workflow_exception id  workflow! steps
        playbook_extensions extensions  authentication_info_definitions credentials  agent_definitions agents
        target_definitions agents  extension_definitions definitions  data_marking_definitions markings
        signatures signature+""",
    "summary": """manual_playbook flag  external_playbooks flag  parallel_processing flag  if_logic flag  while_logic flag
        switch_logic flag  temporal_logic flag  data_markings flag  digital_signatures flag  countersigned_signatures flag
        extensions flag""",
    "reference": "name! text  description text  source text  url text  external_id text  reference_id text",
    "variable": "type! text  description text  value text?  constant flag  external flag",
    "location": """name text  description text  building_details text  network_details text  region region  country text
        administrative_area text  city text  street_address text  postal_code text  latitude text  longitude text
        precision text""",
    "contact": "email kinds  phone kinds  contact_details text",
    "address": "url url*  l2mac mac*  ipv4 ipv4*  ipv6 ipv6*  vlan 0..4095*  dname text*",
    "any_address": "url url*  l2mac mac*  ipv4 ipv4*  ipv6 ipv6*  vlan vlan*  dname text*",
    "signature": """type! =jss  id! id  created_by id  created! time  modified! time  revoked flag  signee! text
        valid_from time  valid_until time  related_to! id  related_version! time  hash_algorithm! text  algorithm! text
        public_key text  public_cert_chain text+  cert_url text  thumbprint text  value! text  signature signature""",
}
# Dictionaries by identifier: what every entry has, then what each kind adds; the kind is the id's and the entry's type.
_ARGS = "in_args text+  out_args text+"
_THEN = "on_completion id  on_success id  on_failure id"
_HOST = "authentication_info id  category text+"
_KMS = "kms flag  kms_key_identifier text"
FAMILIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "steps": ("""name text  description text  external_references reference+  delay 1..  timeout whole  step_variables variables
        owner id  step_extensions extensions""", {
        "start": "on_completion id", "end": "",
        "action": f"{_THEN}  commands! command+  agent! id  targets id+  {_ARGS}",
        "playbook-action": f"{_THEN}  playbook_id! id  playbook_version time  {_ARGS}",
        "parallel": f"{_THEN}  next_steps! id++",
        "if-condition": f"{_THEN}  condition! text  on_true! id  on_false id",
        "while-condition": f"{_THEN}  condition! text  on_true! id",
        "switch-condition": f"{_THEN}  switch! text  cases! cases"}),
    "agents": ("name! text  description text  location location  agent_target_extensions extensions", {
        "group": "contact contact", "individual": "contact contact", "organization": "contact contact",
        "location": "logical text+", "sector": "sector! text", "security-category": "category! text+",
        "http-api": f"address! address  port text  {_HOST}", "ssh": f"address! address  port text  {_HOST}",
        "linux": f"address! any_address  port text  {_HOST}", "net-address": f"address! any_address  {_HOST}"}),
    "credentials": ("name text  description text  authentication_info_extensions extensions", {
        "http-basic": f"user_id text  password text  {_KMS}", "user-auth": f"username text  password text  {_KMS}",
        "oauth2": f"oauth_header! text  token! text  {_KMS}"}),
    "markings": ("""id! id  created_by! id  created! time  revoked flag  valid_from time  valid_until time  labels text+
        marking_extensions extensions""", {
        "marking-tlp": "name text  description text  external_references reference+  tlpv2_level! level",
        "marking-statement": "name text  description text  external_references reference+  statement! text",
        "marking-iep": """name! text  description! text  tlp! text  iep_version! whole  start_date! time  end_date! time?
            encrypt_in_transit! text  permitted_actions! text  affected_party_notifications! text  attribution! text
            unmodified_resale! text  external_references! text*"""}),
    "definitions": ("""name! text  description text  created_by! id  schema! text  version! text
        external_references reference*""", {"extension-definition": ""}),
}
NOT_EMPTY = ("agents", "credentials")       # families that hold something where they are
# Commands stand in a list and say their type; one of another type may have any property.
COMMAND = "description text  version text  playbook_activity text  external_references reference*"
COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("manual", "bash", "caldera-cmd", "powershell", "ssh"), "command text  command_b64 text"),
    **dict.fromkeys(("elastic", "jupyter", "kestrel", "sigma", "yara"), "command_b64! text"),
    "http-api": "command! text  headers headers  content text  content_b64 text",
    "openc2-http": "command! text  headers headers  content_b64! text",
}


# -- as JSON Schema ----------------------------------------------------------------------------------------------

def facts(line: str) -> dict[str, str]:
    """Property -> kind, "!" still behind what must be there."""
    words = line.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def _kind(kind: str) -> Json:
    for suffix, fewest in (("++", 2), ("+", 1), ("*", 0)):
        if kind.endswith(suffix):
            return {"type": "array", "items": _kind(kind.removesuffix(suffix)), "minItems": fewest}
    if kind.startswith("="):
        return {"const": kind[1:]}
    if ".." in kind:
        least, _, most = kind.partition("..")
        return {"type": "integer", "minimum": int(least), **({"maximum": int(most)} if most else {})}
    return {"$ref": f"#/definitions/{kind}"}


def _object(line: str, *, closed: bool = True) -> Json:
    named = facts(line)
    return {"type": "object", "required": [name[:-1] for name in named if name.endswith("!")],
            "properties": {name.rstrip("!"): _kind(kind) for name, kind in named.items()},
            **({"additionalProperties": False} if closed else {})}


def whole(family: str, kind: str) -> str:
    """The line of one kind of a family."""
    common, kinds = FAMILIES[family]
    return f"type! ={kind}  {common}  {kinds[kind]}"


def _family(name: str) -> Json:
    return {"type": "object", "additionalProperties": False, "minProperties": int(name in NOT_EMPTY),
            "patternProperties": {f"^{kind}--{UUID}": _object(whole(name, kind)) for kind in FAMILIES[name][1]}}


SCHEMA: Json = {
    "$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/playbook",
    "definitions": {
        **BASIC, **{name: _object(line, closed=name not in OPEN) for name, line in PARTS.items()},
        **{name: _family(name) for name in FAMILIES},
        "signature": {**_object(PARTS["signature"]), "oneOf": [{"required": [one]} for one in ONE_OF["signature"]]},
        "command": {**_object(f"type! text  {COMMAND}", closed=False), "allOf": [
            {"if": {"properties": {"type": {"const": kind}}}, "then": _object(f"type! text  {COMMAND}  {line}")}
            for kind, line in COMMANDS.items()]}}}


def met(kind: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every (object, property) of the table that a valid value holds; what a family shares counts once."""
    item = kind.rstrip("*+")
    if item != kind:
        for one in value:
            yield from met(item, one)
    elif kind in FAMILIES:
        for name, one in value.items():
            yield from _met(kind, name.partition("--")[0], whole(kind, name.partition("--")[0]), one)
    elif kind == "variables":
        for one in value.values():
            yield from met("variable", one)
    elif kind == "command":
        yield from _met("command", value["type"], f"type! text  {COMMAND}  {COMMANDS.get(value['type'], '')}", value)
    elif kind in PARTS:
        yield from _met(kind, "", PARTS[kind], value)


def _met(family: str, kind: str, line: str, value: Json) -> Iterator[tuple[str, str]]:
    for key, inner in facts(line).items():
        if (name := key.rstrip("!")) in value:
            yield _where(family, kind, name), name
            yield from met(inner, value[name])


SHARED: Mapping[str, str] = {**{name: common for name, (common, _) in FAMILIES.items()}, "command": COMMAND,
                             "steps": f"{FAMILIES['steps'][0]}  {_THEN}"}


def _where(family: str, kind: str, name: str) -> str:
    shared = family in SHARED and name in {key.rstrip("!") for key in facts(SHARED[family])}
    return family if shared or not kind else f"{family}:{kind}"


def everything() -> set[tuple[str, str]]:
    """Every (object, property) of the table, in the words of `met`."""
    lines = [(family, kind, whole(family, kind)) for family, (_, kinds) in FAMILIES.items() for kind in kinds]
    lines += [("command", kind, f"type! text  {COMMAND}  {line}") for kind, line in COMMANDS.items()]
    lines += [(name, "", line) for name, line in PARTS.items()]
    return {(_where(family, kind, key.rstrip("!")), key.rstrip("!")) for family, kind, line in lines for key in facts(line)}


# -- what the prose adds -----------------------------------------------------------------------------------------

TYPES = ["attack", "detection", "engagement", "investigation", "mitigation", "notification", "prevention", "remediation"]
ACTIVITIES = {
    "compose-content", "deliver-content", "identify-audience", "identify-channel", "scan-system", "match-indicator",
    "analyze-collected-data", "identify-indicators", "scan-vulnerabilities", "configure-systems", "restrict-access",
    "disconnect-system", "eliminate-risk", "revert-system", "restore-data", "restore-capabilities", "map-network",
    "identify-steps", "step-sequence", "prepare-engagement", "execute-operation", "analyze-engagement-results"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def demands(made: Json) -> list[str]:
    """What an export of irkit's that fits SCHEMA lacks; the section of CACAO 2.0 first."""
    return [said for said, holds in _demands(made) if not holds]


def _demands(made: Json) -> Iterator[tuple[str, bool]]:
    workflow, agents = made["workflow"], made.get("agent_definitions", {})
    declared, variables = made.get("extension_definitions", {}), made.get("playbook_variables", {})
    actions = [step for step in workflow.values() if step["type"] == "action"]
    commands = [command for step in actions for command in step["commands"]]
    for key in ("created", "modified"):
        yield f"3.1 {key}: a moment, to three decimals", _moment(made[key])
    yield "3.1 modified: not before created", made["created"] <= made["modified"]
    yield "3.1 created_by, and 8: an identity", all(one.startswith("identity--") for one in (
        made["created_by"], *(one["created_by"] for one in declared.values())))
    yield "10.10 id: version 5 over name and types", made["id"] == _own_id(made)
    yield "3.1.1 playbook_types", set(made.get("playbook_types", [])) <= set(TYPES)
    yield "3.1.2 playbook_activities: those of the commands", set(made.get("playbook_activities", ())) == {
        command["playbook_activity"] for command in commands if "playbook_activity" in command}
    yield "3.1.2 playbook_activities: of the vocabulary", set(made.get("playbook_activities", [])) <= ACTIVITIES
    yield "3.1 playbook_types: with an activity", "playbook_types" not in made or "playbook_activities" in made
    yield "3.1 workflow_start: a start of the workflow", made["workflow_start"].startswith("start--")
    yield "4.1 one way from the start through every step to the end", _way(made) == list(workflow)
    yield "4.1 an action, and one end", bool(actions) and [one["type"] for one in workflow.values()].count("end") == 1
    yield "10.10 ids of steps: version 4", all(uuid.UUID(one.partition("--")[2]).version == 4 for one in workflow)
    ids = [made["id"], made["created_by"], *workflow, *agents, *declared]
    yield "10.10 one UUID, one thing", len({one.partition("--")[2].lower() for one in ids}) == len(ids)
    yield "4.5 an agent that is defined", all(step["agent"] in agents for step in actions)
    yield "7.1 an agent has a name", all(one["name"] for one in agents.values())
    yield "5.3 a manual command with words, and no other", all(
        one["type"] == "manual" and one.get("command", "").strip() for one in commands)
    listed = made.get("external_references", [])
    yield "10.6 a reference says more than a name", all(len(one) > 1 and all(one.values()) for one in listed)
    yield "3.1 references of steps are the playbook's", [one for step in actions for one in step.get("external_references", [])
                                                         if one not in listed] == []
    used = [made.get("playbook_extensions", {}), *(step.get("step_extensions", {}) for step in workflow.values())]
    yield "8 extensions are declared, and used", {name for one in used for name in one} == set(declared)
    yield "8 names of their properties", all(re.fullmatch("[a-z0-9_]{3,250}", name)
                                             for one in used for inner in one.values() for name in inner)
    yield "8.1 the version counts in three", all(re.fullmatch(r"\d+\.\d+\.\d+", one["version"]) for one in declared.values())
    yield "10.18 variables begin with a letter", all(re.match("__[a-zA-Z]", name) for name in variables)
    yield "10.14 the summary says what is used", made.get("playbook_processing_summary") == {
        "manual_playbook": True, "extensions": True}
    yield "nothing empty", not any(value in ("", [], {}) for value in (*made.values(), *(
        value for one in (*workflow.values(), *commands, *agents.values(), *variables.values()) for value in one.values())))


def _moment(words: str) -> bool:
    try:
        return bool(MOMENT.fullmatch(words) and datetime.fromisoformat(words))
    except ValueError:
        return False


def _own_id(made: Json) -> str:
    named = {key: made[key] for key in ("name", "playbook_types") if key in made}
    canonical = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
    return f"playbook--{uuid.uuid5(uuid.UUID('aa7caf3a-d55a-4e9a-b34e-056215fba56a'), canonical)}"


def _way(made: Json) -> list[str]:
    """The steps from the start on, as far as they are there and each new."""
    way: list[str] = []
    following = made["workflow_start"]
    while following in made["workflow"] and following not in way:
        way.append(following)
        following = made["workflow"][following].get("on_completion", "")
    return way
