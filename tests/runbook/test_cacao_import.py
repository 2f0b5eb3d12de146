"""CACAO 2.0 playbooks as runbooks: what each construct becomes, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.errors import RunbookError
from irkit.runbook import Runbook, check_bytes, load_bytes
from irkit.runbook.cacao import Imported, read, shape
from irkit.runbook.cacao.extension import EXTENSION, definition
from irkit.runbook.cacao.flow import MAX_BRANCHES
from irkit.runbook.cacao.shape import MAX_STEPS, pointer
from tests.runbook.cacao_schema import COMMAND, FAMILIES, PARTS, SCHEMA, everything, facts, met, whole
from tests.runbook.cacao_schema import COMMANDS as TYPES
from tests.runbook.playbooks import (
    COMMANDS,
    END,
    END_2,
    FIRST,
    IF,
    PARALLEL,
    PERSON,
    SECOND,
    START,
    SWITCH,
    THIRD,
    WHILE,
    Json,
    agents,
    by_hand,
    encoded,
    every_construct,
    named,
    playbook,
    raw,
    running,
    two,
)


def imported(made: Json) -> tuple[Imported, Runbook]:
    """What is read, and the runbook in it, which has to lint."""
    found = read(raw(made), "x.json")
    assert check_bytes(found.text.encode(), "x.yaml", found.name).errors == 0
    return found, load_bytes(found.text.encode(), "x.yaml")


def order(made: Json) -> list[str]:
    return [step.id for step in imported(made)[1].steps]


def whens(made: Json) -> dict[str, str]:
    """Step -> its condition; those without one are not there."""
    return {step.id: step.when.source for step in imported(made)[1].steps if step.when}


def words(made: Json, step_id: str) -> str:
    """What the responder reads, with every input as <name>."""
    step = imported(made)[1].step(step_id)
    assert step is not None
    return step.text({}, lambda path: f"<{path}>")


def told(made: Json) -> list[str]:
    return [f"{one.kind} {one.step or one.where}: {one.what}" for one in read(raw(made), "x.json").losses]


def refusal(made: Json | bytes) -> list[str]:
    """The first line of each mistake, without its path."""
    with pytest.raises(RunbookError) as caught:
        read(made if isinstance(made, bytes) else raw(made), "x.json")
    assert caught.value.exit_code == 6
    return [block[0].removeprefix("x.json:") for block in caught.value.mistakes]


def only(made: Json) -> str:
    """The one mistake, without its place, which it has."""
    (line,) = refusal(made)
    place, said = line.split(": ", 1)
    assert re.fullmatch(r"\d+:\d+", place)
    return said


# -- every construct ---------------------------------------------------------------------------------------------

def test_a_playbook_with_every_construct_lints() -> None:
    """Branches stand behind their question, in the playbook's order, and what follows them after."""
    assert order(every_construct()) == [
        "ask", "block", "tell", "opened", "reset", "thank", "more_mails", "delete", "how_bad", "call", "write", "hand_over",
        "hand_over_worked", "phone", "close", "alarm"]


def test_decisions_become_questions_that_the_branches_hang_on() -> None:
    """If, while, switch and a failure with a way of its own."""
    assert whens(every_construct()) == {
        "reset": 'steps.opened.choice == "yes"', "thank": 'steps.opened.choice == "no"',
        "delete": 'steps.more_mails.choice == "yes"', "call": 'steps.how_bad.choice == "high_1"',
        "write": 'steps.how_bad.choice == "default"', "phone": 'steps.hand_over_worked.choice == "no"',
        "close": 'steps.hand_over_worked.choice == "yes"'}


@pytest.mark.parametrize("command", [one for one in COMMANDS if one["type"] != "manual"], ids=lambda command: command["type"])
def test_a_command_of_another_tool_is_quoted_and_told(command: Json) -> None:
    """Nothing is run; the report names its type."""
    made = playbook({FIRST: running(command, name="Block", on_completion=END)})
    _, runbook = imported(made)
    assert [step.kind for step in runbook.steps] == ["do"]
    version = f", version {command['version']}" if "version" in command else ""
    assert f"Command ({command['type']}{version}), quoted; irkit does not run it:" in words(made, "block")
    assert any(line.startswith(f"changed Block: a command of type '{command['type']}' is not run") for line in told(made))


def test_a_quoted_command_says_what_it_said() -> None:
    """Braces that look like a template stay braces, base64 is read, an unknown variable keeps its name."""
    shown = words(every_construct(), "block")
    assert "    grep -c '${#a}' /var/log/mail; echo {{ x }} {% y %}\n" in shown
    assert "    systemctl stop postfix\n    systemctl status postfix\n" in shown
    assert '    {"address": "<inputs.sender>"}\n' in shown
    assert "    AP8=\n" in shown
    assert "Run by: Mail gateway (http-api: https://mail.example.org)\nOn: Relay (linux: https://relay.example.org, " in shown


def test_what_looks_like_a_template_stays_text() -> None:
    """Wherever a playbook may say it."""
    odd = "{{ inputs.x }} {% y %} {# z"
    made = playbook({FIRST: running({"type": odd, "version": odd, "command": odd}, name=odd, on_completion=END, in_args=[odd],
                                    description=odd, step_variables={"__v__": {"type": "string", "value": odd}})})
    assert imported(made)[1].steps[0].text({}, str).count(odd) == 6


def test_credentials_stay_behind() -> None:
    """A header's, and those of the definitions; the report says so."""
    found, _ = imported(every_construct())
    assert not re.search("abcdef|hunter|Bearer|key-[123]", found.text + str(found.losses))
    assert "Authorization: (withheld" in found.text
    assert any("credentials are never taken over" in line for line in told(every_construct()))


def test_a_variable_that_looks_like_a_credential_has_no_default() -> None:
    """Its value is not copied."""
    made = playbook({FIRST: by_hand("Use __api_token__:value.", name="Use", on_completion=END)},
                    playbook_variables={"__api_token__": {"type": "string", "value": "opensesame"}})
    found, runbook = imported(made)
    assert runbook.inputs["api_token"].default is None
    assert "opensesame" not in found.text
    assert any("the value of api_token (withheld" in line for line in told(made))


def test_variables_become_inputs() -> None:
    """Those that a text names; one that a step sets keeps its name, one that nobody names is told."""
    found, runbook = imported(every_construct())
    assert {name: (one.type, one.ask, one.default) for name, one in runbook.inputs.items()} == {
        "sender": ("text", "Which sender?", "a {{ b }}"), "severity": ("int", "Severity?", None)}
    assert "Brings back; write it down: __ticket__" in found.text
    assert "lost /playbook_variables/__unused__: no text names it" in told(every_construct())


def test_people_become_roles_and_machines_words() -> None:
    """An agent that is a person owns the step."""
    _, runbook = imported(every_construct())
    assert runbook.roles == {"mail_administrator": "Mail Administrator"}
    assert {step.id: step.owner for step in runbook.steps}["tell"] == "mail_administrator"
    assert {step.id: step.owner for step in runbook.steps}["block"] == ""


@pytest.mark.parametrize("name", agents(), ids=lambda name: name.partition("--")[0])
def test_an_agent_of_any_kind_is_named(name: str) -> None:
    """People own the step, whatever else is said by its words; what more is known of it stands in a comment, as of a target."""
    one = agents()[name]
    kind = name.partition("--")[0]
    made = playbook({FIRST: {**by_hand("x", name="Do", on_completion=END), "agent": name, "targets": [name]}},
                    agent_definitions={name: one}, target_definitions={name: one})
    found, runbook = imported(made)
    person = kind in ("group", "individual", "organization", "sector")
    assert (list(runbook.roles.values()) == [one["name"]]) == person
    assert (f"Run by: {one['name']} ({kind}" in words(made, "do")) != person
    assert f"On: {one['name']} ({kind}" in words(made, "do")
    notes = [line for line in found.text.splitlines() if line.startswith(f"# {one['name']}: ")]
    more = [key for key in one if key in ("contact", "logical", "sector", "category", "port", "location", "description")]
    assert len(notes) == (2 if more else 0)
    assert all(f"{key}: " in line for line in notes for key in more)


def test_what_a_step_says_of_time_stands_in_its_words() -> None:
    """Delay and time limit; irkit starts nothing by itself."""
    shown = words(every_construct(), "ask")
    assert shown.startswith("Wait 90 s before this step.\nWho saw it?\n")
    assert shown.endswith("Ask who sent <inputs.sender>.\nIt counts as failed after 60 s.\n")


def test_parallel_branches_say_what_goes_beside_them() -> None:
    """They stand in order."""
    assert words(every_construct(), "tell").startswith("Beside this, at the same time: “Block”.\n")
    said = "changed Two teams: parallel branches stand one after another; each says what may go beside it"
    assert said in told(every_construct())


def test_markings_stand_in_the_report_and_in_the_file() -> None:
    """How it may be shared is the first thing a reader sees."""
    found, _ = imported(every_construct())
    assert found.markings == ["TLP:AMBER", "For the team alone", "IEP of the sector"]
    assert found.text.splitlines()[2:5] == [f"# Marked: {marking}" for marking in found.markings]
    assert "permitted_actions: NONE" in found.text


def leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Pointer and text of every text in a playbook."""
    if isinstance(value, str):
        yield pointer(*at), value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from leaves(one, (*at, str(key)))


def test_the_playbook_with_every_construct_has_every_construct() -> None:
    """Every property of every object of the published schemas, and it fits them but for what nothing can fit (see there)."""
    made = every_construct()
    assert everything() - set(met("playbook", made)) == set()
    assert [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(made)] == []


def test_the_reader_knows_every_property_of_every_step_and_command() -> None:
    """And no other: what it does not know is reported as no part of CACAO."""
    def names(line: str) -> set[str]:
        return {key.rstrip("!") for key in facts(line)}
    ways = {"on_completion", "on_success", "on_failure"}        # a start and an end that have one too many are refused
    assert set(shape.PLAYBOOK) == names(PARTS["playbook"])
    assert {kind: {*shape.COMMON, *own} for kind, (own, _) in shape.STEPS.items()} == {
        kind: ways | names(whole("steps", kind)) for kind in FAMILIES["steps"][1]}
    assert set(shape.COMMAND) == {"type", *names(COMMAND), *(key for line in TYPES.values() for key in names(line))}
    assert set(shape.SAYS) == set(TYPES)


def test_nothing_is_lost_in_silence() -> None:
    """Each text of the playbook stands in the runbook, or the report names the place; ids and kinds but hold it together."""
    made = every_construct()
    found, runbook = imported(made)
    shown = "\n".join([found.text, *(step.text({}, lambda path: f"__{path.removeprefix('inputs.')}__:value")
                                     for step in runbook.steps), *(one.step + one.what for one in found.losses)])
    lost = [one.where for one in found.losses if one.kind == "lost"]
    structure = re.compile(r"/(type|spec_version|id|workflow_start|workflow_exception|agent|targets/0|on_\w+|cases/.*|"
                           r"next_steps/\d|markings/\d|authentication_info|created|created_by|command_b64|content_b64)$")
    silent = [(at, words) for at, words in leaves(made) if words not in shown and not structure.search(at)
              and not any(f"{at}/".startswith(f"{where}/") for where in lost)]
    assert silent == []


@pytest.mark.parametrize(("change", "said"), [
    (lambda made: made.update(x_own={"a": ["gone"]}), "lost /x_own: a property that CACAO 2.0 does not have: a gone"),
    (lambda made: made["workflow"][FIRST]["commands"][0].update(script="rm -rf /", api_key="s3cr3t"),
     "lost Look: a property that CACAO 2.0 does not have: rm -rf /"),
    (lambda made: made["workflow"][START].update(description="Begin here"), "lost start: description: Begin here"),
    (lambda made: made["workflow"][END].update(name="False alarm"), "lost False alarm: name: False alarm"),
    (lambda made: made["workflow"][FIRST]["commands"][0].update(command_b64=encoded("No.")),
     "lost Look: command: Look at it.: another property says it otherwise"),
    (lambda made: made["workflow"][FIRST]["commands"][0].update(version="2"), "lost Look: version: 2"),
    (lambda made: made["workflow"][FIRST]["commands"][0].update(playbook_activity="map-network"),
     "lost Look: playbook_activity: map-network: a step has one phase"),
    (lambda made: made.update(playbook_variables={"__x__": {"type": "string", "value": "y", "constant": True}})
     or made["workflow"][FIRST].update(description="Of __x__:value"),
     "changed /playbook_variables/__x__: a constant, which the input x is not: it is asked for"),
    (lambda made: made.update(playbook_variables={"__x__": {"type": "dictionary", "value": {"a": "b"}}})
     or made["workflow"][FIRST].update(description="Of __x__:value"),
     "lost /playbook_variables/__x__: the value of x (withheld: it is no text)"),
])
def test_what_has_no_place_is_told(change: Callable[[Json], Any], said: str) -> None:
    """With its words, and without what looks like a credential."""
    lines = told(edited(change))
    assert said in lines
    assert "s3cr3t" not in "".join(lines)


def test_a_start_and_an_end_called_so_are_not_worth_a_line() -> None:
    """Most playbooks call them so."""
    made = two()
    made["workflow"][START]["name"], made["workflow"][END]["name"] = "Start", "end"
    assert told(made) == told(two())


def test_a_decision_keeps_its_references_and_its_time_limit() -> None:
    """As any other step."""
    made = playbook({IF: {"type": "if-condition", "name": "Bad?", "condition": "c", "on_true": FIRST, "on_completion": END,
                          "timeout": 1_500, "external_references": [{"name": "NIST", "external_id": "AC-2"}]},
                     FIRST: by_hand("a", name="A", on_completion=END_2), END_2: {"type": "end"}})
    assert imported(made)[1].steps[0].refs == ("NIST AC-2",)
    assert words(made, "bad") == "Is this so?\nc\nIt counts as failed after 1500 ms.\n"


def test_a_revoked_playbook_says_so() -> None:
    """Its author no longer stands by it."""
    assert "lost /revoked: its author revoked this playbook: it is no longer valid" in told({**two(), "revoked": True})


# -- the order ---------------------------------------------------------------------------------------------------

def test_branches_that_meet_again_leave_the_condition_behind() -> None:
    """A step that both ways of a question lead to is always due."""
    made = playbook({IF: {"type": "if-condition", "name": "Bad?", "condition": "c", "on_true": FIRST, "on_false": SECOND},
                     FIRST: by_hand("a", name="A", on_completion=THIRD), SECOND: by_hand("b", name="B", on_completion=THIRD),
                     THIRD: by_hand("c", name="C", on_completion=END)})
    assert order(made) == ["bad", "a", "b", "c"]
    assert set(whens(made)) == {"a", "b"}


def test_nested_questions_are_joined() -> None:
    """The outer one first, so that the inner one need not have been asked."""
    inner = named("if-condition", 90)
    asked = {"type": "if-condition", "condition": "c"}
    made = playbook({IF: {**asked, "name": "Outer", "on_true": inner, "on_completion": END},
                     inner: {**asked, "name": "Inner", "on_true": FIRST, "on_completion": END_2},
                     FIRST: by_hand("a", name="A", on_completion=END_2), END_2: {"type": "end"}})
    assert whens(made) == {"inner": 'steps.outer.choice == "yes"',
                           "a": 'steps.outer.choice == "yes" and steps.inner.choice == "yes"'}


def test_cases_with_one_target_are_one_condition() -> None:
    """Either of them."""
    made = playbook({SWITCH: {"type": "switch-condition", "name": "Which", "switch": "v", "on_completion": END,
                              "cases": {"a": FIRST, "b": FIRST, "c": SECOND}},
                     FIRST: by_hand("a", name="One", on_completion=END_2),
                     SECOND: by_hand("b", name="Two", on_completion=END_2), END_2: {"type": "end"}})
    assert whens(made) == {"one": 'steps.which.choice in ["case_a", "case_b"]', "two": 'steps.which.choice == "case_c"'}


def test_ways_through_several_questions_are_offered_in_doubt() -> None:
    """Never left out by a condition that does not say it all; the report names the step."""
    other = named("if-condition", 91)
    made = playbook({IF: {"type": "if-condition", "name": "P", "condition": "p", "on_true": THIRD, "on_false": other},
                     other: {"type": "if-condition", "name": "Q", "condition": "q", "on_true": THIRD, "on_false": FIRST},
                     FIRST: by_hand("a", name="A", on_completion=END), THIRD: by_hand("c", name="C", on_completion=END)})
    assert "c" not in whens(made)
    assert "changed C: several decisions lead here; it is offered whenever one of them may" in told(made)


def test_a_loop_that_a_question_leaves_is_a_note() -> None:
    """Its way back is cut and said in words, where it is taken and in the report."""
    made = playbook({FIRST: by_hand("scan", name="Scan", on_completion=IF),
                     IF: {"type": "if-condition", "name": "Clean?", "condition": "c", "on_true": END, "on_false": FIRST}})
    assert order(made) == ["scan", "clean"]
    assert words(made, "clean").endswith("If no, go back to “Scan”: redo that step.\n")
    assert "changed Clean?: a way back to “Scan” is said in words: redo that step" in told(made)


def test_a_while_whose_body_leads_back_is_a_loop() -> None:
    """As some tools write it, without an end of its own."""
    made = playbook({WHILE: {"type": "while-condition", "name": "More?", "condition": "c", "on_true": FIRST,
                             "on_completion": END},
                     FIRST: by_hand("a", name="A", on_completion=WHILE)})
    assert order(made) == ["more", "a"]
    assert "go back to “More?”" in words(made, "a")


def test_a_way_after_failure_alone_is_a_question_too() -> None:
    """What follows success is the end."""
    made = playbook({FIRST: by_hand("a", name="A", on_failure=SECOND), SECOND: by_hand("b", name="B", on_completion=END)})
    assert order(made) == ["a", "a_worked", "b"]
    assert whens(made) == {"b": 'steps.a_worked.choice == "no"'}


def test_a_step_that_is_tried_again_for_ever_is_a_loop_that_success_leaves() -> None:
    """Its words say where to go back to; no step waits for an answer, so nothing is asked."""
    made = playbook({FIRST: by_hand("a", name="A", on_failure=FIRST, on_success=END)})
    assert order(made) == ["a"]
    assert words(made, "a") == "a\nIf it fails, go back to “A”: redo that step.\n"


def test_what_follows_the_failure_of_a_decision_is_offered() -> None:
    """irkit has no question for it; the report says so."""
    made = playbook({IF: {"type": "if-condition", "name": "Q", "condition": "c", "on_true": FIRST, "on_success": END,
                          "on_failure": SECOND},
                     FIRST: by_hand("a", name="A", on_completion=END_2), END_2: {"type": "end"},
                     SECOND: by_hand("b", name="B", on_completion=END)})
    assert whens(made) == {"a": 'steps.q.choice == "yes"'}
    assert "changed Q: what follows its failure is offered in any case" in told(made)


def test_the_way_of_exceptions_stands_last() -> None:
    """And says when it is taken."""
    made = two()
    made["workflow"][THIRD] = by_hand("c", name="C", on_completion=END)
    made["workflow_exception"] = THIRD
    assert order(made) == ["look", "delete", "c"]
    assert words(made, "c").startswith("Only when a step failed and says nothing of its own.\n")


def test_a_step_that_leads_nowhere_ends_its_branch() -> None:
    """The published schema lets it pass."""
    made = two()
    del made["workflow"][SECOND]["on_completion"]
    made["workflow"].pop(END)
    assert order(made) == ["look", "delete"]
    assert "changed Delete: it leads nowhere, which is taken for an end" in told(made)


def test_a_description_may_end_in_blank_lines() -> None:
    """They would stand before the steps, where YAML wants a key."""
    assert imported({**two(), "description": "Somebody reports\na mail.\n\n"})[1].use_when == "Somebody reports\na mail."


def test_names_are_made_for_everything() -> None:
    """Twice the same, none, one without a letter, one far too long."""
    made = two()
    steps = made["workflow"]
    steps[FIRST].update(name="Delete", on_completion=THIRD)
    steps[THIRD] = by_hand("x", name="1 — 2", on_completion=named("action", 13))
    steps[named("action", 13)] = by_hand("y", on_completion=named("action", 14))
    steps[named("action", 14)] = by_hand("z", name="word " * 200, on_completion=SECOND)
    ids = order(made)
    assert ids[:3] == ["delete", "action_1_2", "action"]
    assert len(ids[3]) <= 64
    assert words(made, ids[3]) == ("word " * 200).strip() + "\nz\n"         # the title holds its beginning alone
    assert ids[4] == "delete_2"


# -- what is broken ----------------------------------------------------------------------------------------------

def edited(change: Callable[[Json], Any]) -> Json:
    made = copy.deepcopy(two())
    change(made)
    return made


def set_step(step: str, **keys: Any) -> Callable[[Json], Any]:
    return lambda made: made["workflow"][step].update(keys)


MISSING = named("action", 77)
BROKEN: list[tuple[str, Callable[[Json], Any], str]] = [
    ("missing step", set_step(SECOND, on_completion=MISSING),
     f"/workflow/{SECOND}/on_completion: there is no step {MISSING} in the workflow"),
    ("start that is none", lambda made: made.update(workflow_start=FIRST),
     f"/workflow_start: {FIRST} is not a step of type start"),
    ("missing start", lambda made: made.update(workflow_start=named("start", 5)),
     f"/workflow_start: there is no step {named('start', 5)} in the workflow"),
    ("missing exception", lambda made: made.update(workflow_exception=MISSING),
     f"/workflow_exception: there is no step {MISSING} in the workflow"),
    ("back to the start", set_step(SECOND, on_completion=START), f"/workflow/{SECOND}/on_completion: leads back to the start"),
    ("endless loop", set_step(SECOND, on_completion=FIRST),
     f"/workflow/{SECOND}/on_completion: an endless loop back to {FIRST}"),
    ("self-loop", set_step(FIRST, on_completion=FIRST), f"/workflow/{FIRST}/on_completion: an endless loop back to {FIRST}"),
    ("unreachable", lambda made: made["workflow"].update({THIRD: by_hand("x", on_completion=END)}),
     f"/workflow/{THIRD}: no step leads here"),
    ("second start", lambda made: made["workflow"].update({named("start", 6): {"type": "start", "on_completion": FIRST}}),
     f"/workflow/{named('start', 6)}: no step leads here"),
    ("missing agent", set_step(FIRST, agent=named("group", 8)),
     f"/workflow/{FIRST}/agent: {named('group', 8)} is not in agent_definitions"),
    ("missing target", set_step(FIRST, targets=[named("ssh", 8)]),
     f"/workflow/{FIRST}/targets: {named('ssh', 8)} is not in target_definitions"),
    ("undeclared extension", set_step(FIRST, step_extensions={EXTENSION: {}}),
     f"/workflow/{FIRST}/step_extensions/{EXTENSION}: this extension is not declared in extension_definitions"),
    ("two ways at once", set_step(FIRST, on_success=END),
     f"/workflow/{FIRST}/on_success: beside on_completion; only one of the two can hold"),
    ("an end that goes on", set_step(END, on_completion=FIRST),
     f"/workflow/{END}/on_completion: a step of type end has no 'on_completion'"),
    ("type and id", set_step(FIRST, type="playbook-action", playbook_id=named("playbook", 3)),
     f"/workflow/{FIRST}: the id of this step is not playbook-action--UUID"),
    ("unknown type", set_step(FIRST, type="acton"), f"/workflow/{FIRST}: no kind of step is called 'acton'"),
    ("no command", set_step(FIRST, commands=[]), f"/workflow/{FIRST}/commands: no command"),
    ("commands of the wrong kind", set_step(FIRST, commands={}),
     f"/workflow/{FIRST}/commands: a list of objects is wanted here"),
    ("no id", lambda made: made.pop("id"), "/: the property 'id' is missing"),
    ("a time of the wrong kind", lambda made: made.update(created="yesterday"), "/created: a time in UTC is wanted here"),
    ("a number as a name", lambda made: made.update(name=5), "/name: a text is wanted here"),
    ("a pointer that is a list", set_step(FIRST, on_completion=[SECOND]),
     f"/workflow/{FIRST}/on_completion: an identifier (type--UUID) is wanted here"),
    ("no workflow", lambda made: made.update(workflow=[]), "/workflow: an object is wanted here"),
    ("a step that is text", lambda made: made["workflow"].update({FIRST: "x"}),
     f"/workflow/{FIRST}: no kind of step is called ''"),
    ("an older CACAO", lambda made: made.update(spec_version="1.1"), "/spec_version: '1.1'"),
    ("another object", lambda made: made.update(type="bundle"), "this is not a CACAO playbook: its type is 'bundle'"),
]


@pytest.mark.parametrize(("change", "said"), [pytest.param(change, said, id=name) for name, change, said in BROKEN])
def test_a_broken_playbook_is_refused_with_the_place(change: Callable[[Json], Any], said: str) -> None:
    """A JSON pointer, a line and a column."""
    first, *others = refusal(edited(change))
    assert re.sub(r"^\d+:\d+: ", "", first) == said
    assert all(re.match(r"\d+:\d+: ", line) for line in (first, *others))


def test_every_mistake_is_said_at_once() -> None:
    """Two that have nothing to do with each other."""
    made = edited(set_step(FIRST, agent=named("group", 8), on_completion=MISSING))
    assert len(refusal(made)) == 2


@pytest.mark.parametrize("kind", ["elastic", "jupyter", "kestrel", "sigma", "yara"])
def test_a_command_in_plain_words_where_base64_is_wanted_is_read(kind: str) -> None:
    """The published schema wants `command_b64` alone; nothing is lost by reading the other."""
    made = playbook({FIRST: running({"type": kind, "command": "rule x"}, name="Run", on_completion=END)})
    assert "    rule x\n" in words(made, "run")


@pytest.mark.parametrize("kind", sorted(TYPES))
@pytest.mark.parametrize("harm", [{}, {"command": " ", "command_b64": ""}, {"headers": {}}])
def test_a_command_that_says_nothing_is_refused(kind: str, harm: Json) -> None:
    """Nobody could follow it; an OpenC2 request says nothing without its body."""
    first, *_ = refusal(playbook({FIRST: running({"type": kind, **harm}, on_completion=END)}))
    assert f": /workflow/{FIRST}/commands/0: a command of type {kind} without 'command" in first


def test_an_openc2_command_without_its_body_is_refused() -> None:
    """The published schema wants it too."""
    made = playbook({FIRST: running({"type": "openc2-http", "command": "POST /oc2 HTTP/1.1"}, on_completion=END)})
    assert only(made) == f"/workflow/{FIRST}/commands/0: a command of type openc2-http without 'content' or 'content_b64'"


@pytest.mark.parametrize(("command", "said"), [
    ({"type": "bash", "command": 5}, "/command: a text is wanted here"),
    ({"type": "bash", "command": ["a"]}, "/command: a text is wanted here"),
    ({"type": "http-api", "command": "GET / HTTP/1.1", "headers": ["a"]}, "/headers: an object is wanted here"),
    ({"type": "x-own", "content_b64": None}, "/content_b64: a text is wanted here"),
    ({"type": 1, "command": "x"}, "/type: a text is wanted here"), ({"command": "x"}, ": the property 'type' is missing"),
])
def test_a_broken_command_is_refused(command: Json, said: str) -> None:
    """Of whatever type."""
    assert only(playbook({FIRST: running(command, on_completion=END)})) == f"/workflow/{FIRST}/commands/0{said}"


def test_a_single_branch_is_not_parallel() -> None:
    """CACAO wants two."""
    made = playbook({PARALLEL: {"type": "parallel", "next_steps": [FIRST], "on_completion": END},
                     FIRST: by_hand("a", on_completion=END)})
    assert only(made) == f"/workflow/{PARALLEL}/next_steps: fewer than two branches to go beside each other"


def test_a_loop_through_parallel_branches_is_endless() -> None:
    """Nothing in it decides."""
    made = playbook({PARALLEL: {"type": "parallel", "next_steps": [FIRST, SECOND], "on_completion": END},
                     FIRST: by_hand("a", on_completion=END), SECOND: by_hand("b", on_completion=PARALLEL)})
    assert only(made) == f"/workflow/{SECOND}/on_completion: an endless loop back to {PARALLEL}"


def test_a_loop_that_every_decision_goes_on_with_has_no_end() -> None:
    """Both answers lead back."""
    made = playbook({FIRST: by_hand("a", on_completion=IF),
                     IF: {"type": "if-condition", "condition": "c", "on_true": FIRST, "on_false": SECOND},
                     SECOND: by_hand("b", on_completion=IF)})
    del made["workflow"][END]
    assert "no end can be reached from here" in only(made)


def test_a_playbook_that_does_nothing_is_refused() -> None:
    """A start and an end."""
    made = playbook({END: {"type": "end"}})
    assert only(made) == "/workflow: it has no step that does anything"


@pytest.mark.parametrize("raw_bytes", [b"[]", b"1", b"{}", b'{"type": ["playbook"]}', b"schema: irkit/v1", b'"playbook"'])
def test_what_is_no_playbook_is_refused(raw_bytes: bytes) -> None:
    """Whatever it is."""
    (line,) = refusal(raw_bytes)
    assert "not a CACAO playbook" in line or "not JSON" in line


def test_too_many_steps_are_refused() -> None:
    """Nobody walks them."""
    made = two()
    made["workflow"].update({named("action", 1000 + number): {"type": "end"} for number in range(MAX_STEPS)})
    assert only(made) == f"/workflow: more than {MAX_STEPS:,} steps"


def test_too_many_decisions_above_a_step_are_refused() -> None:
    """The condition would be longer than anybody reads, and grows with each."""
    ifs = [named("if-condition", 100 + number) for number in range(MAX_BRANCHES + 2)]
    made = playbook({**{one: {"type": "if-condition", "condition": "c", "on_true": following}
                        for one, following in zip(ifs, [*ifs[1:], FIRST], strict=True)},
                     FIRST: by_hand("a", on_completion=END)})
    assert f"it hangs on more than {MAX_BRANCHES} decisions" in only(made)


def test_the_longest_chain_is_read() -> None:
    """As many steps as there may be, one after another: no recursion goes along them."""
    ids = [named("action", 1000 + number) for number in range(MAX_STEPS - 2)]
    made = playbook({one: by_hand("x", name=f"Step {number}", on_completion=following)
                     for number, (one, following) in enumerate(zip(ids, [*ids[1:], END], strict=True))})
    assert len(load_bytes(read(raw(made), "x.json").text.encode(), "x.yaml").steps) == MAX_STEPS - 2


def test_many_steps_beside_each_other_are_read() -> None:
    """The notes of parallel branches do not grow with their square."""
    ids = [named("action", 1000 + number) for number in range(MAX_STEPS - 4)]
    made = playbook({PARALLEL: {"type": "parallel", "next_steps": ids, "on_completion": END},
                     **{one: by_hand("x", name="A step with a name of some length", on_completion=END) for one in ids}})
    assert len(load_bytes(read(raw(made), "x.json").text.encode(), "x.yaml").steps) == MAX_STEPS - 4


# -- what an extension may say -----------------------------------------------------------------------------------

def with_extension(step: Any, kind: str = "do", **whole: Any) -> Json:
    """Two steps, the first with irkit's extension."""
    made = two()
    made["extension_definitions"] = {EXTENSION: {**definition(), **whole}}
    made["workflow"][FIRST]["step_extensions"] = {EXTENSION: {"kind": kind, "step": step}}
    made["playbook_extensions"] = {EXTENSION: {"runbook": {"runbook": "mine", "version": 1}}}
    return made


@pytest.mark.parametrize("step", [
    {"id": "x", "evil": "1"}, {"id": "../../x"}, {"id": "delete", "owner": ["a"]}, {"id": "x", "with": "no"},
    {"id": "x", "when": "steps.__class__"}, {"id": "x", "action": "zendesk.whoami"}, {"id": {"a": "b"}},
])
def test_an_extension_that_makes_no_runbook_is_refused(step: Json) -> None:
    """It is read by the rules of the language, like a file."""
    assert refusal(with_extension(step))


def test_an_extension_without_a_name_takes_the_playbooks() -> None:
    """As a foreign playbook does."""
    made = with_extension({"id": "x"})
    made["playbook_extensions"][EXTENSION]["runbook"] = {"runbook": "", "version": 1}
    assert imported(made)[0].name == "phishing_mail"


@pytest.mark.parametrize("name", ["../../x", "a/b", "X", {"a": "b"}, ["x"]])
def test_a_runbook_name_that_could_leave_its_folder_is_refused(name: Any) -> None:
    """It becomes the name of a file."""
    made = with_extension({"id": "x"})
    made["playbook_extensions"][EXTENSION]["runbook"]["runbook"] = name
    assert refusal(made)


def test_an_extension_of_another_major_version_is_refused() -> None:
    """It may mean something else."""
    assert only(with_extension({"id": "x"}, version="2.0.0")).endswith("version '2.0.0' of irkit's extension")


@pytest.mark.parametrize("scenarios", [{"../../x": "text"}, {"x": {"a": "b"}}, {"a/b": "text"}])
def test_a_scenario_that_could_leave_its_folder_is_refused(scenarios: Json) -> None:
    """By its name, before anything is written."""
    made = with_extension({"id": "x"})
    made["playbook_extensions"][EXTENSION]["scenarios"] = scenarios
    assert "not a scenario" in only(made)


# -- whatever comes ----------------------------------------------------------------------------------------------

PLACES = st.lists(st.integers(0, 30), min_size=1, max_size=6)
HARM = st.sampled_from([None, True, 0, -1, 1.5, "", "x", [], {}, ["x"], {"x": 1}, FIRST, END, IF, "{{ 1/0 }}", "{%", PERSON])


@settings(max_examples=60)
@given(PLACES, HARM)
def test_a_damaged_playbook_is_read_or_refused(way: list[int], harm: object) -> None:
    """Any value in place of any other: a runbook that loads, or an error with words; never a crash."""
    made = every_construct()
    holder: Any = made
    for turn in way:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
        if not keys:
            break
        last, key = holder, keys[turn % len(keys)]
        holder = holder[key]
    last[key] = copy.deepcopy(harm)
    with contextlib.suppress(RunbookError):
        found = read(json.dumps(made).encode(), "x.json")
        assert load_bytes(found.text.encode(), "x.yaml").steps


@given(st.text(st.sampled_from(list("{}%#_ab:\n\"'\\ |>-value")), max_size=40))
def test_a_manual_command_says_what_it_said(words_given: str) -> None:
    """Whatever looks like a template or like YAML."""
    made = playbook({FIRST: {"type": "action", "name": "A", "agent": PERSON, "on_completion": END,
                             "commands": [{"type": "manual", "command_b64": encoded(words_given + "x")}]}})
    found = load_bytes(read(raw(made), "x.json").text.encode(), "x.yaml")
    assert found.steps[0].text({}, str) == (words_given + "x").strip("\n") + "\n"
