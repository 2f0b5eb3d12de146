"""The CACAO extension in which travels what CACAO 2.0 has no place for.

What CACAO can say stands in its own properties, once: a title is `name`, a why `description`, the text of `do` and `ask` a
manual command, refs are external references, the order is `on_completion`. Everything else keeps the keys of the runbook
language, under a key of the extension:

    playbook_extensions   {runbook: {keys of a runbook but title, use_when and steps}, scenarios: {name: text of its file}}
    step_extensions       {kind: action | do | ask, step: {keys of a step but title, why, do, ask and refs}}
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

EXTENSION = "extension-definition--6f0d3c1e-58b4-4f0a-9c57-2b1d7c8e4a90"
VERSION = "1.0.0"
NATIVE_STEP = ("title", "why", "do", "ask", "refs")
NATIVE_RUNBOOK = ("schema", "title", "use_when", "steps")
NAMESPACE = uuid.UUID("aa7caf3a-d55a-4e9a-b34e-056215fba56a")      # of playbooks, CACAO 2.0 section 10.10
MEANING = (
    "playbook: {runbook: object, scenarios: object of texts}; step: {kind: action, do or ask, step: object}. The objects hold "
    "keys of the irkit runbook language as `irkit runbook schema` prints them, but for those that CACAO has a property for: "
    "title is name, use_when and why are description, do and ask are the manual command, refs are external_references. "
    "A consumer without the extension sees conditions, approvals, evidence, clocks and targets as text in each command's "
    "description."
)


def definition() -> dict[str, Any]:
    """The extension-definition object."""
    return {"type": "extension-definition", "name": "irkit runbook", "created_by": identifier("identity", "irkit"),
            "description": "Approvals, evidence, clocks, targets, inputs, choices, conditions and drills of an irkit runbook.",
            "schema": MEANING, "version": VERSION}


def identifier(kind: str, *names: str) -> str:
    """`kind--UUID` in the form of version 4, the same each time for the same names, so that two exports can be compared."""
    drawn = hashlib.sha256(json.dumps([kind, *names]).encode()).digest()[:16]
    return f"{kind}--{uuid.UUID(bytes=drawn, version=4)}"


def playbook_identifier(name: str, types: list[str]) -> str:
    """By CACAO's own rule (10.10): version 5 over the canonical JSON of name and playbook_types, where it has any."""
    named = {"name": name, **({"playbook_types": types} if types else {})}
    canonical = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
    return f"playbook--{uuid.uuid5(NAMESPACE, canonical)}"
