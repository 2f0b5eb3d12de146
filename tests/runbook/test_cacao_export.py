"""A runbook as a CACAO 2.0 playbook, and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irkit.runbook import Runbook, check_bytes, load, load_bytes, skeleton
from irkit.runbook.cacao import lost, playbook, read, text
from irkit.runbook.cacao.extension import EXTENSION
from tests.runbook.cacao_schema import SCHEMA, demands

NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
SHIPPED = sorted((Path(__file__).parents[2] / "runbooks").glob("*.yaml"))
Json = dict[str, Any]
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

ALL_KEYS = """\
schema: irkit/v1
runbook: all_keys
title: "Every key: of the language"
version: 7
owner: Security
use_when: "Somebody says: {not me}"
inputs:
  account: {type: email, ask: "Which?"}
  aware_at: {type: timestamp, ask: When?, default: now}
  kind: {type: choice, ask: What kind?, choices: {yes: "Yes", 010: Octal}, default: "010"}
roles: {lead: Incident lead, legal: Counsel}
compromised: [zendesk]
clocks:
  - {id: gdpr, title: "Art. 33", start: "{{ steps.decide.at }}", within: 72h, stops: tell}
steps:
  - id: agent
    phase: prepare
    title: Find
    why: |
      Two
      lines: of "why"
    action: zendesk.find_user
    connection: zendesk
    with: {email: "{{ inputs.account }}"}
    refs: [Alone, "ATT&CK T1550.001", "NIST CSF RS.MI-01", "  odd  "]
  - id: sessions
    phase: preserve
    title: Keep
    why: Gone soon.
    action: zendesk.collect_sessions
    with: {user_id: "{{ steps.agent.id }}"}
  - id: decide
    owner: lead
    title: Decide
    ask: |
      A question   with blanks,

      and a gap. "Quotes" \\ {{ inputs.kind }}
    choices: {yes: "Yes", no: "No", null: "null"}
  - id: end
    phase: contain
    owner: lead
    title: End them
    why: now
    when: steps.decide.choice in ["yes", "null"] and inputs.kind != "010"
    action: zendesk.end_sessions
    with: {user_id: "{{ steps.agent.id }}"}
    after: {step: decide, wait: 30m}
    approve: {role: lead, expires: 15m, evidence: required}
    evidence: required
    target: 15m
    unpreserved: It is kept above.
  - id: tell
    phase: notify
    owner: legal
    title: Tell
    do: Say so.
    evidence: required
"""


def exported(runbook: Runbook, scenarios: Mapping[str, str] | None = None) -> Json:
    """As another tool would read it from the file."""
    made: Json = json.loads(text(playbook(runbook, scenarios or {}, NOW)))
    return made


def again(made: Json, name: str = "") -> Runbook:
    return load_bytes(read(json.dumps(made).encode(), "x.json", name).text.encode(), "x.yaml")


def plan(value: Any) -> Any:
    """A runbook's records without where they stand in a file: what it means."""
    if isinstance(value, msgspec.Struct):
        return {name: plan(getattr(value, name)) for name in value.__struct_fields__ if name not in ("node", "path", "raw")}
    if isinstance(value, Mapping):
        return {key: plan(inner) for key, inner in value.items()}
    return [plan(inner) for inner in value] if isinstance(value, list | tuple) else value


def against(made: Json) -> list[str]:
    """What is wrong with an export."""
    return [error.message for error in VALIDATOR.iter_errors(made)] or demands(made)


@pytest.fixture(scope="module")
def all_keys() -> Runbook:
    return load_bytes(ALL_KEYS.encode(), "all_keys.yaml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_comes_back_as_the_same_plan(path: Path) -> None:
    """Steps, order, kinds, conditions, owners, approvals, clocks, texts: all of it, and it lints like the original."""
    runbook = load(path)
    back = read(text(playbook(runbook, {}, NOW)).encode(), "x.json")
    assert plan(load_bytes(back.text.encode(), "x.yaml")) == plan(runbook)
    assert back.losses == []
    assert check_bytes(back.text.encode(), str(path), path.stem).errors == 0


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_keeps_to_cacao(path: Path) -> None:
    """What its schemas demand and what its prose adds (see `cacao_schema`), under draft-07."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert against(exported(load(path), {"a_drill": "text"})) == []


def test_every_key_of_the_language_comes_back(all_keys: Runbook) -> None:
    """Also words that YAML would take for something else: yes, null, 010."""
    made = exported(all_keys)
    assert against(made) == []
    assert plan(again(made)) == plan(all_keys)


def test_the_skeleton_comes_back() -> None:
    """It has no reference and no activity of every kind: nothing empty is written."""
    runbook = load_bytes(skeleton("mine").encode(), "mine.yaml")
    made = exported(runbook)
    assert against(made) == []
    assert plan(again(made)) == plan(runbook)


def small(inputs: str = "{}", phase: str = "notify") -> Runbook:
    """One step, with these inputs."""
    return load_bytes(f"{{schema: irkit/v1, runbook: mine, title: Mine, version: 1, inputs: {inputs}, "
                      f"steps: [{{id: a, title: A, do: x, phase: {phase}}}]}}".encode(), "mine.yaml")


def test_any_name_that_an_input_may_have_is_one_of_a_variable() -> None:
    """The longest too (10.18); two that differ in their last letter stay two, and the inputs come back as they were."""
    names = ("a" * 64, f"{'a' * 63}b", "a1_2", "account")
    asked = {name: {"type": "text", "ask": "Which?"} for name in names}
    runbook = small(json.dumps(asked))
    made = exported(runbook)
    assert against(made) == []
    assert list(made["playbook_variables"]) == [f"__{name}__" for name in names]
    assert plan(again(made)) == plan(runbook)


@pytest.mark.parametrize(("phase", "canonical"), [
    ("notify", '{"name":"Mine","playbook_types":["notification"]}'), ("prepare", '{"name":"Mine"}')])
def test_the_id_can_be_made_by_others(phase: str, canonical: str) -> None:
    """Version 5 over the canonical JSON of those of the two properties that the file has (10.10)."""
    namespace = uuid.UUID("aa7caf3a-d55a-4e9a-b34e-056215fba56a")
    assert exported(small(phase=phase))["id"] == f"playbook--{uuid.uuid5(namespace, canonical)}"


WORDS = st.text(st.sampled_from("ab:#-'\"|>[]&*!%@` \n\r\t\\~0é\u00a0"), max_size=14)


@given(WORDS, WORDS, WORDS, WORDS)
@example("a\n\n", "\n", "b\n\n", "c\n\n")
def test_texts_come_back_letter_by_letter(use_when: str, why: str, words: str, label: str) -> None:
    """Whatever YAML makes of them, blank lines at their end too."""
    head = {"schema": "irkit/v1", "runbook": "mine", "title": "Mine", "version": 1, "use_when": use_when}
    written = json.dumps({**head, "steps": [
        {"id": "tell", "title": "Tell", "why": why, "do": f"-{words}", "refs": [label]},
        {"id": "ask", "title": "Ask", "ask": f"{words}?", "choices": {"yes": f"Yes{label}", "no": "No"}}]})
    runbook = load_bytes(written.encode(), "mine.yaml")
    assert plan(again(exported(runbook))) == plan(runbook)


def first(made: Json, kind: str) -> Json:
    """The first step of a kind."""
    return next(step for step in made["workflow"].values() if step["type"] == kind)


def moved(made: Json, key: str, old: str, new: str) -> None:
    """One entry of a dictionary under another id."""
    made[key][new] = made[key].pop(old)


@pytest.mark.parametrize("harm", [
    *(lambda made, key=key: made.pop(key) for key in (
        "type", "spec_version", "id", "name", "created_by", "created", "modified", "workflow_start", "workflow")),
    lambda made: made.update(spec_version="cacao-1.1"),
    lambda made: made.update(spec_version="1.0"),
    lambda made: made.update(type="bundle"),
    lambda made: made.update(created="2024-01-01T00:00:00+01:00"),
    lambda made: made.update(modified="2024-13-01T00:00:00.000Z"),
    lambda made: made.update(id=made["id"].replace("-5", "-6", 1)),
    lambda made: made.update(created_by=made["created_by"].upper()),
    lambda made: made.update(extra=1),
    lambda made: made.update(playbook_activities=[]),
    lambda made: made.update(external_references=[{"source": "without a name"}]),
    lambda made: made["playbook_processing_summary"].update(manual_playbook="yes"),
    lambda made: made.update(playbook_variables={"account": {"type": "string"}}),
    lambda made: made.update(playbook_variables={"__account__": {"value": "x"}}),
    lambda made: made["agent_definitions"].clear(),
    lambda made: next(iter(made["agent_definitions"].values())).pop("name"),
    lambda made: next(iter(made["agent_definitions"].values())).update(type="individual"),
    lambda made: made["extension_definitions"][EXTENSION].pop("schema"),
    lambda made: moved(made, "extension_definitions", EXTENSION, "irkit"),
    lambda made: moved(made, "workflow", made["workflow_start"], made["workflow_start"][:-1]),
    lambda made: moved(made, "workflow", made["workflow_start"], made["workflow_start"].replace("start", "begin")),
    lambda made: first(made, "action").pop("agent"),
    lambda made: first(made, "action").update(commands=[]),
    lambda made: first(made, "action").update(type="parallel"),
    lambda made: first(made, "action").update(on_completion="the next one"),
    lambda made: first(made, "action")["commands"][0].pop("type"),
    lambda made: first(made, "action")["commands"][0].update(command=["x"]),
    lambda made: first(made, "action")["step_extensions"].clear(),
    lambda made: first(made, "start").update(on_failure=made["workflow_start"]),
    lambda made: first(made, "end").update(on_completion=made["workflow_start"]),
])
def test_what_the_schemas_refuse_is_refused(harm: Any, all_keys: Runbook) -> None:
    """Each constraint that the exports pass is one that a wrong file does not."""
    made = exported(all_keys)
    harm(made)
    assert list(VALIDATOR.iter_errors(made))


@pytest.mark.parametrize(("said", "harm"), [
    ("3.1 created: a moment, to three decimals", lambda made: made.update(created="2026-03-07T23:40:00Z")),
    ("3.1 created: a moment, to three decimals", lambda made: made.update(created="2026-02-30T23:40:00.000Z")),
    ("3.1 modified: not before created", lambda made: made.update(modified="2020-01-01T00:00:00.000Z")),
    ("3.1 created_by, and 8: an identity", lambda made: made.update(created_by=made["id"].replace("playbook", "group"))),
    ("10.10 id: version 5 over name and types", lambda made: made.update(name="Another")),
    ("3.1.1 playbook_types", lambda made: made["playbook_types"].append("cleaning")),
    ("3.1.2 playbook_activities: those of the commands", lambda made: made["playbook_activities"].append("scan-system")),
    ("3.1.2 playbook_activities: of the vocabulary", lambda made: made["playbook_activities"].append("clean")),
    ("3.1 playbook_types: with an activity", lambda made: made.pop("playbook_activities")),
    ("3.1 workflow_start: a start of the workflow", lambda made: made.update(workflow_start=list(made["workflow"])[1])),
    ("4.1 one way from the start through every step to the end", lambda made: first(made, "action").pop("on_completion")),
    ("4.1 an action, and one end", lambda made: made["workflow"].popitem()),
    ("10.10 ids of steps: version 4", lambda made: moved(made, "workflow", made["workflow_start"],
                                                         "start--aa7caf3a-d55a-5e9a-b34e-056215fba56a")),
    ("10.10 one UUID, one thing", lambda made: moved(made, "agent_definitions", next(iter(made["agent_definitions"])),
                                                     made["workflow_start"].replace("start", "group"))),
    ("4.5 an agent that is defined", lambda made: made["agent_definitions"].popitem()),
    ("7.1 an agent has a name", lambda made: next(iter(made["agent_definitions"].values())).update(name="")),
    ("5.3 a manual command with words, and no other", lambda made: first(made, "action")["commands"][0].update(type="bash")),
    ("5.3 a manual command with words, and no other", lambda made: first(made, "action")["commands"][0].update(command=" ")),
    ("10.6 a reference says more than a name", lambda made: made["external_references"].append({"name": "x"})),
    ("3.1 references of steps are the playbook's", lambda made: made["external_references"].pop()),
    ("8 extensions are declared, and used", lambda made: made["extension_definitions"].clear()),
    ("8 names of their properties", lambda made: made["playbook_extensions"][EXTENSION].update(id=1)),
    ("8.1 the version counts in three", lambda made: made["extension_definitions"][EXTENSION].update(version="1")),
    ("10.18 variables begin with a letter", lambda made: made["playbook_variables"].update({"___x__": {"type": "string"}})),
    ("10.14 the summary says what is used", lambda made: made["playbook_processing_summary"].update(if_logic=True)),
    ("nothing empty", lambda made: first(made, "action").update(description="")),
])
def test_what_the_prose_refuses_is_refused(said: str, harm: Any, all_keys: Runbook) -> None:
    """Though the schemas let it pass."""
    made = exported(all_keys)
    harm(made)
    assert list(VALIDATOR.iter_errors(made)) == []
    assert said in demands(made)


def test_two_exports_differ_in_their_dates_alone(all_keys: Runbook) -> None:
    """Ids are made from names, so that a diff shows what changed."""
    one, other = exported(all_keys), playbook(all_keys, {}, datetime(2027, 1, 1, tzinfo=UTC))
    assert {key for key in one if one[key] != other[key]} == {"created", "modified"}


def test_what_other_tools_see_of_a_step(all_keys: Runbook) -> None:
    """Every command is manual, and its description says the condition, the approval, the evidence, the wait and the target."""
    steps = {step["name"]: step for step in exported(all_keys)["workflow"].values() if step["type"] == "action"}
    (command,) = steps["End them"]["commands"]
    assert command["type"] == "manual"
    assert command["command"] == "irkit action zendesk.end_sessions, with user_id={{ steps.agent.id }}"
    assert command["description"].splitlines() == [
        "Phase: contain", 'Only when: steps.decide.choice in ["yes", "null"] and inputs.kind != "010"',
        "After: 30m after decide", "Approval: by a second person, Incident lead", "Evidence: required",
        "Target: 15m after the start",
        "Keeps nothing first: It is kept above."]
    assert steps["Tell"]["commands"][0]["description"].endswith("Meets: Art. 33, 72h after {{ steps.decide.at }}")


def test_the_report_counts_what_only_the_extension_says(all_keys: Runbook) -> None:
    """And says what stays behind."""
    first, *others = lost(all_keys, {"a_drill": ""})
    assert first.endswith("3 actions, 1 decision, 1 condition, 1 deferral, 1 approval, 2 demands for evidence, 1 target, "
                          "1 clock, 3 inputs, 1 scenario")
    assert "created and modified are the time of this export: a runbook keeps no dates" in others


def test_scenarios_travel(all_keys: Runbook) -> None:
    """As the text of their files."""
    made = exported(all_keys, {"night": "schema: irkit/scenario-v1\n# kept as it is\n"})
    found = read(json.dumps(made).encode(), "x.json")
    assert found.scenarios == {"night": "schema: irkit/scenario-v1\n# kept as it is\n"}


def test_what_another_tool_changed_is_kept(all_keys: Runbook) -> None:
    """A new title, a new text, another order: what CACAO says itself is read from there."""
    made = exported(all_keys)
    by_name = {step.get("name"): key for key, step in made["workflow"].items()}
    steps = made["workflow"]
    tell, end = steps[by_name["Tell"]], steps[by_name["End them"]]
    tell["name"], tell["commands"][0]["command"] = "Tell counsel", "Call them."
    last = tell["on_completion"]
    steps[by_name["Decide"]]["on_completion"], tell["on_completion"] = by_name["Tell"], by_name["End them"]
    end["on_completion"] = last
    back = again(made)
    assert [step.id for step in back.steps] == ["agent", "sessions", "decide", "tell", "end"]
    assert (back.steps[3].title, back.steps[3].do and back.steps[3].do.source) == ("Tell counsel", "Call them.")


def test_an_edited_action_is_said(all_keys: Runbook) -> None:
    """The extension says what is sent; somebody who changed the words meant something else."""
    made = exported(all_keys)
    step = next(step for step in made["workflow"].values() if step.get("name") == "End them")
    step["commands"][0]["command"] = "Do not end them."
    (loss,) = read(json.dumps(made).encode(), "x.json").losses
    assert (loss.kind, loss.step) == ("changed", "End them")
    assert "the command was edited and is not read" in loss.what


def test_another_agent_is_said(all_keys: Runbook) -> None:
    """Whose step it is decides who is asked: the extension says it, and the report that it was changed elsewhere."""
    made = exported(all_keys)
    steps = {step.get("name"): step for step in made["workflow"].values()}
    steps["Tell"]["agent"] = steps["Decide"]["agent"]
    (loss,) = (one for one in read(json.dumps(made).encode(), "x.json").losses if one.kind == "changed")
    assert (loss.step, loss.what) == ("Tell", "the agent was changed and is not read: the extension says whose step it is")


@pytest.mark.parametrize(("key", "value"), [
    ("severity", 90), ("labels", ["theirs"]), ("valid_until", "2030-01-01T00:00:00.000Z")])
def test_what_another_tool_added_to_the_whole_is_said(all_keys: Runbook, key: str, value: object) -> None:
    """Also to a playbook of irkit's own."""
    (loss,) = read(json.dumps({**exported(all_keys), key: value}).encode(), "x.json").losses
    assert (loss.kind, loss.where) == ("lost", f"/{key}")


def test_what_another_tool_added_is_said(all_keys: Runbook) -> None:
    """A delay, say, of which the extension knows nothing."""
    made = exported(all_keys)
    step = next(step for step in made["workflow"].values() if step.get("name") == "Tell")
    step["delay"] = 1000
    step["commands"].append({"type": "bash", "command": "rm -rf /"})
    assert [(one.kind, one.where.rsplit("/", 1)[1], one.step) for one in read(json.dumps(made).encode(), "x.json").losses] == [
        ("lost", "commands", "Tell"), ("lost", "delay", "Tell")]


def test_steps_that_act_are_named(all_keys: Runbook) -> None:
    """A playbook from elsewhere can bring irkit's own actions along: who imports it is told."""
    assert read(json.dumps(exported(all_keys)).encode(), "x.json").acting == ["agent", "sessions", "end"]
