"""From bytes to a Runbook: every mistake of structure in one pass, and what a step offers the engine."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.errors import RunbookError
from irkit.runbook import Missing, Runbook, check_bytes, load, load_bytes, skeleton
from tests.runbook.support import AGENT, HEAD, book, read

DO = "- {id: a, title: A, do: Call.}"


def refused(raw: bytes) -> str:
    with pytest.raises(RunbookError) as caught:
        load_bytes(raw, "test.yaml")
    return "\n".join(caught.value.diagnostics())


def wrong(*steps: str, head: str = HEAD) -> list[str]:
    """The first line of each mistake, without the path."""
    with pytest.raises(RunbookError) as caught:
        read(*steps, head=head)
    return [block[0].removeprefix("test.yaml:") for block in caught.value.mistakes]


# -- what is read ------------------------------------------------------------------------------------------------

def test_a_runbook_is_read_with_the_types_its_keys_have() -> None:
    """Durations, templates, references, and texts that YAML would have turned into something else."""
    found = read("""
        - id: a
          title: 010
          do: "{{ inputs.who }}"
          after: {step: b, wait: 30m}
          target: 72h
          refs: ["NIST CSF RS.MI-01", 12:30:45]
          evidence: required
        - {id: b, title: NO, ask: Sure?, choices: {yes: "Yes", no: "No"}}
        """)
    first, second = found.steps
    assert (first.title, first.refs, second.title) == ("010", ("NIST CSF RS.MI-01", "12:30:45"), "NO")
    assert first.after is not None
    assert (first.after.step, first.after.wait, first.target) == ("b", timedelta(minutes=30), timedelta(hours=72))
    assert (first.kind, second.kind, dict(second.choices)) == ("do", "ask", {"yes": "Yes", "no": "No"})
    assert (found.name, found.version, found.inputs["since"].default, found.inputs["who"].name) == ("test", 1, "now", "who")
    assert found.step("b") is second
    assert found.step("c") is None
    assert first.line == 11


def test_a_runbook_keeps_its_bytes_and_their_hash() -> None:
    """A run keeps its own copy, and can tell when the file has changed."""
    raw = book(DO)
    found = load_bytes(raw, "x")
    assert found.raw == raw
    assert found.sha256 != load_bytes(raw + b"# note\n", "x").sha256


@pytest.mark.parametrize("name", ["größe", "адрес", "_x", "1st", "a" * 65, "two words", "Who"])
def test_an_input_is_named_as_templates_can_name_it(name: str) -> None:
    """The letters of every other name, and no more of them; the place is the key's, and the hint says what a name is."""
    with pytest.raises(RunbookError) as caught:
        read(DO, head=HEAD.replace("  who:", f"  {name}:", 1))
    block, = caught.value.mistakes
    line = next(number for number, text in enumerate(HEAD.splitlines(), 1) if text.startswith("  who:"))
    assert block[0] == f"test.yaml:{line}:3: the input '{name}' is not snake_case"
    assert block[-1].endswith("= a letter from a to z, then at most 63 of a to z, 0 to 9 and _: templates name it")


def test_the_file_has_the_runbooks_name(tmp_path: Path) -> None:
    """One name, so that a run's name leads to the file."""
    path = tmp_path / "other.yaml"
    path.write_bytes(book(DO))
    with pytest.raises(RunbookError) as caught:
        load(path)
    assert "the runbook is called 'test', its file 'other'" in caught.value.mistakes[0][0]
    path = path.rename(tmp_path / "test.yaml")
    assert load(path).name == "test"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """The path, the reason, and what to type next."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(RunbookError, match="cannot be read") as caught:
            load(path)
        assert caught.value.next == "irkit runbook list"


def test_the_connection_is_the_connectors_own_unless_named() -> None:
    """A second tenant of one vendor is named in the step."""
    step, other = read(AGENT, "- {id: b, title: B, why: w, action: demo.list_users, connection: demo_eu}").steps
    assert (step.on, other.on) == ("demo", "demo_eu")


# -- what a step offers ------------------------------------------------------------------------------------------

SCOPE: dict[str, Any] = {"inputs": {"who": "d@example.org", "since": "2026-03-07T00:00:00Z"},
                         "steps": {"agent": {"id": "7"}, "t": {"ids": ["1", "2"], "count": 2}}}


def one(text: str) -> Any:
    return read(text).steps[0]


def test_arguments_come_out_raw() -> None:
    """Single expressions keep their type, literals stay text, null is nothing; what is missing is named."""
    step = one('- {id: a, title: A, why: w, action: demo.x, with: {a: "{{ steps.t.ids }}", b: 010, c: ~, '
               'd: ["{{ steps.agent.id }}", x], e: "{{ steps.agent.id }}!"}}')
    assert step.args(SCOPE) == {"a": ["1", "2"], "b": "010", "c": None, "d": ["7", "x"], "e": "7!"}
    with pytest.raises(Missing, match=r"steps.t.ids is not known"):
        step.args({**SCOPE, "steps": {}})


def test_when_is_true_false_or_missing() -> None:
    """A step without `when` is needed; a `when` that cannot be judged is never taken as false."""
    assert one(DO).when_value({}) is True
    step = one('- {id: a, title: A, do: x, when: steps.t.count > 1}')
    assert step.when_value(SCOPE) is True
    for steps in ({}, {"t": {"count": "two"}}, {"t": {"count": None}}):
        with pytest.raises(Missing) as caught:
            step.when_value({"steps": steps})
        assert (caught.value.path, caught.value.step) == ("steps.t.count", "t")


def test_a_fan_out_has_items_or_is_missing() -> None:
    """What is no list is as good as none."""
    step = one('- {id: a, title: A, why: w, action: demo.x, for_each: "{{ steps.t.ids }}", with: {user_id: "{{ item }}"}}')
    assert step.items(SCOPE) == ["1", "2"]
    assert step.args({**SCOPE, "item": "2"}) == {"user_id": "2"}
    for steps in ({}, {"t": {"ids": "1"}}):
        with pytest.raises(Missing, match=r"steps.t.ids"):
            step.items({"steps": steps})


def test_the_text_of_do_and_ask_says_what_is_not_known() -> None:
    """The caller has the words for it."""
    step = one('- {id: a, title: A, do: "Call {{ inputs.who }} about {{ steps.gone.id }}."}')
    assert step.text(SCOPE, lambda path: f"[{path}]") == "Call d@example.org about [steps.gone.id]."
    assert one('- {id: a, title: A, ask: "{{ inputs.who }}?", choices: {y: Y}}').text(SCOPE, str) == "d@example.org?"


def test_a_step_names_what_it_uses() -> None:
    """Correcting an input finds the steps that used it."""
    step = one('- {id: a, title: A, why: w, action: demo.x, when: inputs.most > 1, for_each: "{{ steps.t.ids }}", '
               'with: {x: ["{{ item.id }} {{ inputs.who }}"]}}')
    assert step.uses() == {"inputs.most", "steps.t.ids", "item.id", "inputs.who"}


def test_a_clock_starts_with_a_value_or_not_yet() -> None:
    """Missing until what starts it has happened."""
    head = HEAD + "clocks: [{id: c, title: C, start: '{{ steps.a.at }}', within: 72h, stops: a}]\n"
    clock = read(DO, head=head).clocks[0]
    assert clock.start_value({"steps": {"a": {"at": "2026-03-07T00:00:00Z"}}}) == "2026-03-07T00:00:00Z"
    with pytest.raises(Missing):
        clock.start_value(SCOPE)


# -- rule 1: keys, types, kinds ----------------------------------------------------------------------------------

def test_an_unknown_key_reads_as_in_the_golden_screen() -> None:
    """Path, line, column, the line underlined, a hint, and nothing about the missing kind that it was meant to be."""
    raw = b"schema: irkit/v1\nrunbook: helpdesk\ntitle: Helpdesk\nversion: 1\n\nsteps:\n  - id: suspend\n    title: Suspend\n" \
          b"    acton: zendesk.suspend_user\n"
    assert refused(raw).splitlines() == [
        "test.yaml:9:5: unknown key 'acton'",
        "  |",
        "9 |     acton: zendesk.suspend_user",
        "  |     ^^^^^",
        "  = did you mean 'action'?",
        "1 mistake in test.yaml.",
        "  next  irkit runbook lint test.yaml",
    ]


def test_every_mistake_is_found_in_one_pass() -> None:
    """Twelve mistakes, twelve places, in the order of the file."""
    raw = b"""\
schema: irkit/v2
runbook: Foo
title:
version: NO
owners: x
inputs: {a: {type: emial, ask: x}, B: {type: text, ask: x}}
roles: [lead]
steps:
  - {id: a, do: x}
  - {id: b, title: t, do: "{{ x }} {{ y() }}", phase: contian, target: 15}
  - 5
"""
    with pytest.raises(RunbookError) as caught:
        load_bytes(raw, "x")
    assert [block[0] for block in caught.value.mistakes] == [
        "x:1:9: 'schema' is 'irkit/v2', and wants 'irkit/v1'",
        "x:2:10: 'runbook' is 'Foo', and wants a text that is snake_case, so that templates can name it",
        "x:3:7: 'title' is empty, and wants a text",
        "x:4:10: 'version' is 'NO', and wants a whole number from 1 up",
        "x:5:1: unknown key 'owners'",
        "x:6:20: 'type' is 'emial', and wants one of email, timestamp, text, int, duration, choice",
        "x:6:36: the input 'B' is not snake_case",
        "x:7:8: 'roles' is a mapping of keys, not a list",
        "x:9:6: a step lacks the key 'title'",
        "x:10:31: 'do': unknown name 'x'",
        "x:10:39: 'do': a call is refused in a template",
        "x:10:55: 'phase' is 'contian', and wants one of prepare, preserve, contain, verify, investigate, notify, eradicate, "
        "recover, review",
        "x:10:72: 'target': '15' is not a duration; write 90s, 15m, 72h or 60d",
        "x:11:5: a step is a mapping of keys, not a single value",
    ]


@pytest.mark.parametrize(("step", "message"), [
    ("- {id: a, title: A}", "11:6: a step has one of the keys 'action', 'do' and 'ask'"),
    ("- {id: a, title: A, do: x, ask: y, choices: {a: A}}", "11:30: two kinds in one step: do and ask"),
    ("- {id: a, title: A, action: demo.x}", "11:23: an action says why in the key 'why'"),
    ("- {id: a, title: A, do: x, with: {a: b}}", "11:30: 'with' belongs to an action, and this is 'do'"),
    ("- {id: a, title: A, do: x, for_each: '{{ inputs.a }}'}", "11:30: 'for_each' belongs to an action, and this is 'do'"),
    ("- {id: a, title: A, do: x, choices: {a: A}}", "11:30: 'choices' belongs to 'ask', and this is 'do'"),
    ("- {id: a, title: A, ask: x}", "11:23: 'ask' without choices"),
    ("- {id: a, title: A, do: x, do: y}", "11:30: repeated key 'do'"),
    ("- {id: a, title: A, do: x, approve: {role: lead}}", "11:30: 'approve' belongs to an action, and this is 'do'"),
    ("- {id: a-b, title: A, do: x}",
     "11:10: 'id' is 'a-b', and wants a text that is snake_case, so that templates can name it"),
    ("- {id: a, title: A, do: [x]}", "11:27: 'do': a single value is wanted, not a list"),
    ("- {id: a, title: A, do: x, after: b}", "11:37: 'after' is a mapping of keys, not a single value"),
    ("- {id: a, title: A, do: x, evidence: always}", "11:40: 'evidence' is 'always', and wants one of none, required"),
    ("- {id: a, title: A, do: x, when: '{{ inputs.who }}'}", "11:36: 'when': a bare expression is wanted here"),
    ("- {id: a, title: A, why: w, action: suspend}", "11:39: 'action' is 'suspend', and wants a text that is connector.action"),
    ("- {id: a, title: A, why: w, action: d.x, with: {u: {{ x }}}}", "11:55: a key is a text"),
    ("- {id: a, title: A, why: w, action: d.x, with: {u: '{{ x }}'}}", "11:58: unknown name 'x'"),
    ("- {id: a, title: A, why: w, action: d.x, for_each: steps.a}",
     "11:54: 'for_each': exactly one {{ expression }} is wanted"),
    ("- {id: a, title: {{ x }}, do: x}", "11:20: 'title' is a text, not a mapping of keys"),
    ("- {id: a, title: [A], do: x}", "11:20: 'title' is a text, not a list"),
])
def test_a_step_with_a_mistake_says_where(step: str, message: str) -> None:
    """One mistake, one message, at its place."""
    assert wrong(step)[0] == message


def test_names_are_given_once() -> None:
    """Two steps or clocks of one name could not be told apart."""
    clock = "{id: c, title: C, start: now, within: 1h, stops: a}"
    head = HEAD + f"clocks: [{clock}, {clock}]\n"
    assert wrong(DO, DO, head=head) == ["10:68: repeated clock id 'c'", "13:10: repeated step id 'a'"]


def test_choices_belong_to_an_input_of_type_choice() -> None:
    """Both or neither."""
    head = HEAD.replace("  most:", "  a: {type: choice, ask: x}\n  b: {type: text, ask: x, choices: {y: Y}}\n  most:")
    assert wrong(DO, head=head) == ["8:6: the input 'a' of type choice has no choices",
                                    "9:6: the input 'b' of type text has choices"]


@pytest.mark.parametrize("steps", ["[]", "", "{}", "x"])
def test_an_empty_runbook_is_refused(steps: str) -> None:
    """There is nothing to walk."""
    assert "steps" in refused(HEAD.encode() + f"steps: {steps}\n".encode())


@pytest.mark.parametrize("raw", [b"[]", b"x", b"5", b"{}", b"schema: irkit/v1"])
def test_what_is_no_runbook_at_all_is_refused(raw: bytes) -> None:
    """A list, a word, nothing."""
    assert "test.yaml:1:" in refused(raw)


# -- any bytes ---------------------------------------------------------------------------------------------------

def outcome(raw: bytes) -> None:
    """Loads, or is refused with a sentence; lint never fails either."""
    mistakes = check_bytes(raw, "x")
    assert all(mistakes.blocks())
    try:
        found: Runbook | RunbookError = load_bytes(raw, "x")
    except RunbookError as error:
        found = error
    assert found.diagnostics() if isinstance(found, RunbookError) else found.raw == raw


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_runbook_or_a_sentence(raw: bytes) -> None:
    """Never a traceback."""
    outcome(raw)


WHOLE = skeleton("any").encode()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.sampled_from(
    [b"", b"{", b"[", b'"', b": ", b"\t", b"\n", b"- ", b"{{", b"}}", b"&a ", b"*a", b"~", b"5", b"\xff", b"\0", b"|",
     b"steps.", b"()"]))
def test_a_damaged_runbook_is_a_runbook_or_a_sentence(start: int, length: int, put: bytes) -> None:
    """Any stretch of a good one taken out, and something else put in."""
    outcome(WHOLE[:start] + put + WHOLE[start + length:])


_YAML = st.recursive(st.none() | st.integers(-3,
                                             10**6) | st.text(max_size=8) | st.sampled_from(["{{ steps.a.id }}", "15m", "now",
                                                                                             "no"]),
                     lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                         ["id", "title", "do", "ask", "action", "with", "when", "for_each", "after", "steps", "choices",
                          "type"]),
                         inner, max_size=5), max_leaves=15)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(["schema", "runbook", "title", "version", "inputs", "roles", "clocks", "steps",
                                        "use_when"]),
                       _YAML, max_size=9))
def test_any_shape_under_the_right_keys_is_a_runbook_or_a_sentence(shape: dict[str, object]) -> None:
    """Lists for texts, texts for mappings, nothing for everything."""
    outcome(json.dumps(shape).encode())
