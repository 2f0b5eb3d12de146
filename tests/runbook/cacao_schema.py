"""What CACAO 2.0 demands of a playbook as irkit writes it, as JSON Schema (draft-07), written by hand from the specification.

It is an excerpt and not the schemas that OASIS publishes: playbook (3.1), workflow steps (4), manual commands (5), groups as
agents (7), extension-definition (8), external-reference, identifier, timestamp and variable (10), for the properties that
irkit can write. It is stricter in one way: a property that is not listed is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
DIALECT = "http://json-schema.org/draft-07/schema#"
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
IDENTIFIER: Json = {"type": "string", "pattern": f"^[a-z][a-z0-9-]+[a-z0-9]--{UUID}"}
TIMESTAMP: Json = {"type": "string",
                   "pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$"}


def some(items: Json) -> Json:
    return {"type": "array", "items": items, "minItems": 1}


def thing(properties: Json, required: Sequence[str]) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def by_id(values: dict[str, Json], prefix: str = "^") -> Json:
    """A dictionary that holds something, under keys of these kinds."""
    return {"type": "object", "minProperties": 1, "additionalProperties": False,
            "patternProperties": {f"{prefix}{kind}--{UUID}": value for kind, value in values.items()}}


REFERENCE = {**thing(dict.fromkeys(("name", "description", "source", "url", "external_id", "reference_id"), TEXT), ["name"]),
             "minProperties": 2}
EXTENSIONS = by_id({"extension-definition": {"type": "object", "propertyNames": {"pattern": "^[a-z0-9_]{3,250}$"}}})
COMMON: Json = {"name": TEXT, "description": TEXT, "external_references": some(REFERENCE), "on_completion": IDENTIFIER,
                "step_extensions": EXTENSIONS}
COMMAND = thing({"type": {"const": "manual"}, "command": {"type": "string", "minLength": 1}, "description": TEXT,
                 "playbook_activity": TEXT}, ["type", "command"])
WORKFLOW = by_id({
    "start": thing({"type": {"const": "start"}, **COMMON}, ["type", "on_completion"]),
    "end": thing({"type": {"const": "end"}, "name": TEXT, "description": TEXT}, ["type"]),
    "action": thing({"type": {"const": "action"}, **COMMON, "commands": some(COMMAND), "agent": IDENTIFIER},
                    ["type", "commands", "agent", "on_completion"])})
VARIABLE = thing({"type": TEXT, "description": TEXT, "value": {"type": ["string", "null"]}, "constant": FLAG, "external": FLAG},
                 ["type"])
DEFINITION = thing({"type": {"const": "extension-definition"}, "name": TEXT, "description": TEXT, "created_by": IDENTIFIER,
                    "schema": TEXT, "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}},
                   ["type", "name", "created_by", "schema", "version"])
SUMMARY = thing(dict.fromkeys(("manual_playbook", "external_playbooks", "parallel_processing", "if_logic", "while_logic",
                               "switch_logic", "temporal_logic", "data_markings", "digital_signatures",
                               "countersigned_signatures", "extensions"), FLAG), [])
SCHEMA: Json = {"$schema": DIALECT, **thing({
    "type": {"const": "playbook"}, "spec_version": {"const": "cacao-2.0"},
    "id": {"type": "string", "pattern": f"^playbook--{UUID}"}, "name": {"type": "string", "minLength": 1}, "description": TEXT,
    "playbook_types": some({"enum": ["attack", "detection", "engagement", "investigation", "mitigation", "notification",
                                     "prevention", "remediation"]}),
    "playbook_activities": some(TEXT), "playbook_processing_summary": SUMMARY,
    "created_by": {"type": "string", "pattern": f"^identity--{UUID}"}, "created": TIMESTAMP, "modified": TIMESTAMP,
    "external_references": some(REFERENCE),
    "playbook_variables": {"type": "object", "patternProperties": {"^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$": VARIABLE},
                           "additionalProperties": False},
    "workflow_start": {"type": "string", "pattern": f"^start--{UUID}"}, "workflow": WORKFLOW, "playbook_extensions": EXTENSIONS,
    "agent_definitions": by_id({"group": thing({"type": {"const": "group"}, "name": TEXT}, ["type", "name"])}),
    "extension_definitions": by_id({"extension-definition": DEFINITION}),
}, ["type", "spec_version", "id", "name", "created_by", "created", "modified", "workflow_start", "workflow"]),
    "dependencies": {"playbook_types": ["playbook_activities"], "playbook_extensions": ["extension_definitions"]}}
