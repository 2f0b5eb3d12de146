"""Templates: what they can say, what they refuse, and what happens to a value that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.runbook.expression import Missing
from irkit.runbook.source import Wrong
from irkit.runbook.template import Arg, Expr, Template

SCOPE: dict[str, Any] = {
    "inputs": {"who": "Dana@Example.org", "most": 3},
    "steps": {"agent": {"id": "3971", "suspended": False, "manager": None, "at": "2026-03-07T23:40:00Z"},
              "t": {"items": [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}], "ids": ["1", "2"], "count": 2},
              "exported": {"choice": "no"}},
    "item": {"id": "9"},
}


def value(text: str) -> Any:
    return Template.parse(text).value(SCOPE)


def holds(text: str) -> Any:
    return Expr.parse(text).value(SCOPE)


@pytest.mark.parametrize(("text", "expected"), [
    ("{{ steps.t.ids }}", ["1", "2"]), ("{{ steps.t.count }}", 2), ("{{ steps.agent.suspended }}", False),
    ("{{ steps.agent.manager }}", None), ("{{ inputs.who }}", "Dana@Example.org"), ("{{ item }}", {"id": "9"}),
    ("{{ steps['t']['ids'][1] }}", "2"), ("{{ steps.t.items[0].name }}", "A"), ('{{ "1_000" }}', "1_000"),
])
def test_a_text_that_is_one_expression_keeps_the_type(text: str, expected: object) -> None:
    """A list stays a list for for_each; "1_000" never becomes a number."""
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(("text", "expected"), [
    ("no braces: { } }}", "no braces: { } }}"), ("{{ steps.t.count }} left", "2 left"),
    ("{{ steps.agent.suspended }}!", "no!"), (" {{ steps.agent.manager }}", " unknown"),
    ("ids {{ steps.t.ids }}", "ids 1, 2"), ("{{ steps.t.ids | join(' + ') }}.", "1 + 2."),
    ('{{ steps.t.items | join(", ", "name") }}', "A, B"), ("{{ inputs.who | lower }}", "dana@example.org"),
    ("{{ 'a' | upper }}{{ steps.t.ids | length }}", "A2"), ("{{ steps.t.items[0] }} ", '{"id": "1", "name": "A"} '),
    ("a\n{{ item.id }}\n", "a\n9\n"),
])
def test_anything_else_becomes_text(text: str, expected: str) -> None:
    """Yes, no and unknown in words, lists by commas, line ends as written."""
    assert value(text) == expected


def test_a_look_up_finds_keys_and_never_methods() -> None:
    """`steps.t.items` is the field, though every Python mapping has a method of that name."""
    assert len(value("{{ steps.t.items }}")) == 2
    with pytest.raises(Missing):
        value("{{ steps.agent.keys }}")


@pytest.mark.parametrize(("text", "expected"), [
    ('steps.exported.choice != "no"', False), ("steps.t.count > 1 and inputs.most >= 3", True),
    ("1 < steps.t.count < 2", False),
    ("not steps.agent.suspended", True), ('"2" in steps.t.ids', True),
    ('steps.exported.choice not in ["yes", "unknown"]', True),
    ("steps.agent.suspended or steps.t.count == 2", True), ("steps.agent.manager == none", True), ("true and 1 == 1", True),
])
def test_when_compares_and_combines(text: str, expected: bool) -> None:
    """Comparison, and, or, not, in."""
    assert bool(holds(text)) is expected


def test_and_or_stop_as_soon_as_they_know() -> None:
    """What is not needed is not asked for."""
    assert holds('steps.exported.choice == "no" or steps.gone.x') is True
    assert holds("steps.agent.suspended and steps.gone.x") is False


@pytest.mark.parametrize(("text", "path", "step"), [
    ("{{ steps.gone.id }}", "steps.gone.id", "gone"), ("{{ steps.agent.phone }}", "steps.agent.phone", "agent"),
    ("{{ inputs.nothing }}", "inputs.nothing", ""), ("{{ steps.t.ids[7] }}", "steps.t.ids.7", "t"),
    ("x {{ item.no }}", "item.no", ""),
])
def test_what_is_not_there_is_missing_by_name(text: str, path: str, step: str) -> None:
    """Never an empty text: the engine asks for it, naming the step."""
    with pytest.raises(Missing) as caught:
        value(text)
    assert (caught.value.path, caught.value.step) == (path, step)


def test_a_text_says_what_is_not_known() -> None:
    """The rest of the sentence stands."""
    text = Template.parse("Agent {{ steps.agent.id }}, tokens {{ steps.tokens.ids | join }}; {{ steps.agent.id.x }}.")
    assert text.text(SCOPE, lambda path: f"[not known: {path}]") == (
        "Agent 3971, tokens [not known: steps.tokens.ids]; [not known: steps.agent.id.x].")


@pytest.mark.parametrize("text", ["{{ steps.agent.id.x }}", "{{ steps.agent.manager.name }}", "{{ steps.t.count | join }}",
                                  "{{ steps.t.count | length }}", "{{ steps.t.ids.first }}"])
def test_what_has_no_meaning_is_an_error_and_not_missing(text: str) -> None:
    """Asking the responder for it would not help."""
    with pytest.raises(Wrong):
        value(text)


def test_a_comparison_without_meaning_is_an_error() -> None:
    """A number is neither more nor less than a text."""
    with pytest.raises(Wrong, match="a number > a text has no meaning"):
        holds('steps.t.count > "1"')


@pytest.mark.parametrize(("text", "words"), [
    ("{{ inputs.who() }}", "a call is refused"), ("{{ range(10) }}", "a call is refused"),
    ("{{ 'a' * 10 ** 10 }}", "arithmetic is refused"),
    ("{{ 1 + 1 }}", "arithmetic"), ("{{ -1 }}", "arithmetic"), ("{{ 'a' ~ 'b' }}", "arithmetic"),
    ("{% for x in y %}{% endfor %}", "no loop"),
    ("{% set x = 1 %}", "no loop and no other statement"), ("{# hidden #}", "no other statement"),
    ("{{ inputs.__class__ }}", "begins with _"), ("{{ inputs['__class__'] }}", "begins with _"),
    ("{{ steps._x }}", "begins with _"),
    ("{{ steps[inputs.who] }}", "look-up is by a plain key"), ("{{ steps.t.ids[0:1] }}", "look-up is by a plain key"),
    ("{{ steps.t.ids[true] }}", "look-up is by a plain key"), ("{{ ''.x }}", "refused"), ("{{ 1.5 }}", "a fraction"),
    ("{{ inputs.who is defined }}", "a test"), ("{{ 1 if inputs.who else 2 }}", "an if"), ("{{ {} }}", "a dict is refused"),
    ("{{ (1, 2) }}", "a tuple is refused"), ("{{ self }}", "unknown name 'self'"),
    ("{{ inptus.who }}", "unknown name 'inptus'"),
    ("{{ inputs.who | safe }}", "unknown filter 'safe'"), ("{{ inputs.who | attr('x') }}", "unknown filter 'attr'"),
    ("{{ inputs.who | map('x') }}", "unknown filter"), ("{{ steps.t.ids | join(d=',') }}", "does not take that"),
    ("{{ steps.t.ids | join(inputs.who) }}", "takes texts in quotes"), ("{{ steps.t.ids | length(1) }}", "does not take that"),
    ("{{ steps.t.ids | join(*inputs.x) }}", "does not take that"), ("{{", "does not parse"), ("{{ }}", "does not parse"),
    ("{{ 'a }}", "does not parse"), ("{{ 9" + "9" * 5000 + " }}", "cannot be read"),
    ("{{ " + "(" * 5000 + " }}", "nested too deep"),
    ("{{ " + "not " * 5000 + "1 }}", "nested too deep"), ("{{ " + " or ".join(["1"] * 500) + " }}", "nested more than 40 deep"),
])
def test_everything_else_is_refused_before_it_could_run(text: str, words: str) -> None:
    """A whitelist: look-up, comparison, and/or/not, in, four filters."""
    with pytest.raises(Wrong, match=words):
        Template.parse(text)


@pytest.mark.parametrize("text",
                         ["{{ inputs.who }}", "inputs.who }} x {{ inputs.who", "inputs.who) or (inputs.who", "a b", "",
                          "{% x %}"])
def test_a_bare_expression_is_one_expression(text: str) -> None:
    """`when` cannot be left through its closing braces."""
    with pytest.raises(Wrong):
        Expr.parse(text)


def test_every_mistake_of_a_text_is_found() -> None:
    """Two wrong expressions are two mistakes."""
    with pytest.raises(Wrong) as caught:
        Template.parse("{{ a }} {{ inputs.who }} {{ b() }} {{ 1 + 1 }}")
    assert [caught.value.message, *(one.message for one in caught.value.more)] == [
        "unknown name 'a'", "a call is refused in a template", "arithmetic is refused in a template"]


def test_expressions_are_equal_by_meaning() -> None:
    """Spaces and the way of looking up do not matter when a destroyed target is compared with a preserved one."""
    assert Template.parse("{{steps.agent.id}}") == Template.parse("{{ steps['agent'].id }}")
    assert Template.parse("{{ steps.agent.id }}") != Template.parse("{{ steps.agent.email }}")


def test_lists_and_mappings_of_templates_keep_their_shape() -> None:
    """`with` may hold both."""
    arg = Arg((Arg(Template.parse("{{ item.id }}")), Arg({"n": Arg(Template.parse("{{ steps.t.count }}")), "x": Arg(None)})))
    assert arg.value(SCOPE) == ["9", {"n": 2, "x": None}]
    assert [look.path for expr in arg.exprs for look in expr.looks] == ["item.id", "steps.t.count"]


class Trap(dict[str, Any]):
    """Fails when an attribute is read from it, but for the two that isinstance and JSON read."""

    def __getattribute__(self, name: str) -> Any:
        assert name in ("__class__", "items"), name
        return super().__getattribute__(name)


PIECES = st.sampled_from([
    "{{", "}}", "{%", "%}", "{#", " ", "inputs", "steps", "item", ".", "who", "agent", "id", "[", "]", "(", ")", "'", '"', "|",
    "join",
    "length", "attr", "__class__", "mro", "+", "*", "**", "~", "==", "<", "and", "or", "not", "in", "is", "if", "else", "for",
    "1", "9" * 30,
    ",", ":", "\\", "\n", "lambda", "{", "}", "-", "loop", "cycler", "namespace", "{{ inputs.who }}", "{{ steps.agent.id }}",
])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
def test_no_text_does_more_than_look_up(text: str) -> None:
    """Any text is refused, or gives a plain value, or is missing; no attribute is read and nothing is called."""
    scope = Trap(inputs=Trap(who="x"), steps=Trap(agent=Trap(id="1")), item=Trap())
    for parse in (Template.parse, Expr.parse):
        try:
            value = parse(text).value(scope)
        except (Wrong, Missing):
            continue
        assert value is None or isinstance(value, str | int | float | list | dict), value
