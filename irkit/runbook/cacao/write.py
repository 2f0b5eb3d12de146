"""A runbook as a CACAO 2.0 playbook: a straight chain of manual actions, and the extension with the rest.

Every command is of type `manual`: another tool must not send by itself what irkit sends behind its gates.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from irkit.runbook.cacao.extension import (
    EXTENSION,
    NATIVE_RUNBOOK,
    NATIVE_STEP,
    definition,
    identifier,
    playbook_identifier,
)
from irkit.runbook.cacao.words import Names
from irkit.runbook.model import Clock, Runbook, Step
from irkit.runbook.source import plain
from irkit.runbook.values import duration_text

Json = dict[str, Any]
TYPES = {"contain": "mitigation", "investigate": "investigation", "notify": "notification", "eradicate": "remediation",
         "recover": "remediation"}                                              # playbook-type-ov, CACAO 2.0 section 3.1.1
ACTIVITIES = {"contain": "restrict-access", "verify": "analyze-collected-data", "investigate": "analyze-collected-data",
              "notify": "deliver-content", "eradicate": "eliminate-risk", "recover": "restore-capabilities"}     # 3.1.2
NOBODY = "Responder"
_VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,199}")


def playbook(runbook: Runbook, scenarios: Mapping[str, str], now: datetime) -> Json:
    """The playbook object. `scenarios` are texts of files by name; `now` stands for the dates that a runbook does not keep."""
    chain = [identifier("start", runbook.name), *(step_identifier(runbook, step) for step in runbook.steps),
             identifier("end", runbook.name)]
    workflow: Json = {chain[0]: {"type": "start", "on_completion": chain[1]}}
    for step, (own, following) in zip(runbook.steps, itertools.pairwise(chain[1:]), strict=True):
        workflow[own] = _step(runbook, step, following)
    workflow[chain[-1]] = {"type": "end"}
    head = {key: value for key, value in plain(runbook.node).items() if key not in NATIVE_RUNBOOK}
    extra: Json = {"runbook": head, **({"scenarios": dict(scenarios)} if scenarios else {})}
    types = sorted({TYPES[step.phase] for step in runbook.steps if step.phase in TYPES})
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _filled({
        "type": "playbook", "spec_version": "cacao-2.0", "id": playbook_identifier(runbook.title, types),
        "name": runbook.title, "description": runbook.use_when,
        "playbook_types": types,
        "playbook_activities": sorted({ACTIVITIES[step.phase] for step in runbook.steps if step.phase in ACTIVITIES}),
        "playbook_processing_summary": {"manual_playbook": True, "extensions": True},
        "created_by": identifier("identity", runbook.owner or "irkit"), "created": stamp, "modified": stamp,
        "external_references": references(dict.fromkeys(ref for step in runbook.steps for ref in step.refs)),
        "playbook_variables": {variable: _filled({"type": "string", "description": runbook.inputs[name].ask, "external": True})
                               for name, variable in _variables(runbook).items()},
        "workflow_start": chain[0], "workflow": workflow,
        "playbook_extensions": {EXTENSION: extra},
        "agent_definitions": {
            agent_identifier(runbook.name, owner): {"type": "group", "name": runbook.roles.get(owner, owner) or NOBODY}
            for owner in dict.fromkeys(step.owner for step in runbook.steps)},
        "extension_definitions": {EXTENSION: definition()},
    })


def text(made: Json) -> str:
    """The file."""
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def _filled(made: Json) -> Json:
    """Without what is empty: CACAO wants a list or dictionary to hold something, or not to be there."""
    return {key: value for key, value in made.items() if value not in ("", [], {})}


def step_identifier(runbook: Runbook, step: Step) -> str:
    return identifier("action", runbook.name, step.id)


def _variables(runbook: Runbook) -> dict[str, str]:
    """Input -> variable. An input may be called what no variable may be (section 10.18): änderung, or with 300 letters."""
    names = Names({name for name in runbook.inputs if _VARIABLE.fullmatch(name)})
    return {name: f"__{name if name in names.taken else names.give(name, 'input')}__" for name in runbook.inputs}


def agent_identifier(runbook: str, owner: str) -> str:
    return identifier("group", runbook, owner)


def _step(runbook: Runbook, step: Step, following: str) -> Json:
    own = {key: value for key, value in plain(step.node).items() if key not in NATIVE_STEP}
    command = _filled({"type": "manual", "command": command_text(step), "description": notes(runbook, step),
                       "playbook_activity": ACTIVITIES.get(step.phase, "")})
    return _filled({"type": "action", "name": step.title, "description": step.why,
                    "external_references": references(step.refs), "on_completion": following, "commands": [command],
                    "agent": agent_identifier(runbook.name, step.owner),
                    "step_extensions": {EXTENSION: {"kind": step.kind, "step": own}}})


def command_text(step: Step) -> str:
    """What a reader of the playbook does: the words of `do` or `ask`, else the action in words."""
    template = step.do or step.ask
    return template.source if template else action_text(plain(step.node))


def action_text(step: Mapping[str, Any]) -> str:
    """`irkit action zendesk.end_sessions, with user_id={{ steps.agent.id }}`, from the keys of a step."""
    given, action = step.get("with"), step.get("action")
    pairs = [f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
             for key, value in (given.items() if isinstance(given, dict) else ())]
    return f"irkit action {action}" + (f", with {', '.join(pairs)}" if pairs else "")


def references(refs: Iterable[str]) -> list[Json]:
    """`ATT&CK T1550.001` as a name and an external_id; one word alone as its own source. See `reference_text`."""
    made = []
    for ref in refs:
        name, _, number = ref.rpartition(" ")
        made.append({"name": name, "external_id": number} if name.strip() and number else {"name": ref, "source": ref})
    return made


def notes(runbook: Runbook, step: Step) -> str:
    """What the extension says of a step, in words, for readers that do not know it."""
    facts = [("Phase", step.phase), ("Only when", step.when.source.strip() if step.when else ""),
             ("For each of", step.for_each.source if step.for_each else ""),
             ("After", _after(step)), ("Approval", _approval(runbook, step)),
             ("Evidence", "required" if step.evidence == "required" else ""),
             ("Choices", "; ".join(f"{key}: {label}" for key, label in step.choices.items())),
             ("Target", f"{duration_text(step.target)} after the start" if step.target else ""),
             ("Meets", "; ".join(_clock(clock) for clock in runbook.clocks if clock.stops == step.id)),
             ("Keeps nothing first", step.unpreserved), ("Connection", step.connection or "")]
    return "\n".join(f"{label}: {fact}" for label, fact in facts if fact)


def _after(step: Step) -> str:
    return f"{duration_text(step.after.wait)} after {step.after.step}" if step.after else ""


def _approval(runbook: Runbook, step: Step) -> str:
    return f"by a second person, {runbook.roles.get(step.approve.role, step.approve.role)}" if step.approve else ""


def _clock(clock: Clock) -> str:
    return f"{clock.title}, {duration_text(clock.within)} after {clock.start.source}"


# -- what another tool does not see ------------------------------------------------------------------------------

def lost(runbook: Runbook, scenarios: Mapping[str, str]) -> list[str]:
    """Sentences: what stands in the extension alone, and what stands nowhere."""
    steps = runbook.steps
    counts = Counter({"action": sum(step.kind == "action" for step in steps),
                      "decision": sum(step.kind == "ask" for step in steps),
                      "condition": sum(step.when is not None for step in steps),
                      "fan-out": sum(step.for_each is not None for step in steps),
                      "deferral": sum(step.after is not None for step in steps),
                      "approval": sum(step.approve is not None for step in steps),
                      "demand for evidence": sum(step.evidence == "required" for step in steps),
                      "target": sum(step.target is not None for step in steps),
                      "clock": len(runbook.clocks), "input": len(runbook.inputs), "scenario": len(scenarios)})
    said = [f"{count} {_plural(word, count)}" for word, count in counts.items() if count]
    return [f"in the extension, which other tools show as text or not at all: {', '.join(said)}",
            *(["every command is manual for other tools: none sends what irkit sends"] if counts["action"] else []),
            "created and modified are the time of this export: a runbook keeps no dates",
            *(["comments stay behind in the YAML file"] if _commented(runbook.raw) else [])]


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return {"demand for evidence": "demands for evidence"}.get(word, word + "s")


def _commented(raw: bytes) -> bool:
    return any(line.lstrip().startswith(b"#") for line in raw.splitlines())


__all__: Sequence[str] = ("action_text", "agent_identifier", "command_text", "lost", "playbook", "references",
                          "step_identifier", "text")
