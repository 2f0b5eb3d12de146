"""JSON with places, strict and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.errors import RunbookError
from irkit.runbook.cacao.parse import compose
from irkit.runbook.source import MAX_BYTES, MAX_DEPTH, MAX_NODES, Mistakes, Node


def parsed(text: str | bytes) -> Node:
    raw = text.encode() if isinstance(text, str) else text
    return compose(raw, Mistakes("x.json", raw))


def refusal(text: str | bytes) -> str:
    """The first line of what is said."""
    with pytest.raises(RunbookError) as caught:
        parsed(text)
    return caught.value.mistakes[0][0]


def value(node: Node) -> object:
    """What `json` would have made of it."""
    if node.kind == "mapping":
        return {key.value: value(inner) for key, inner in node.pairs}
    if node.kind == "sequence":
        return [value(item) for item in node.items]
    return json.loads(node.value) if node.plain else node.value


HARMLESS = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff"),
                   max_size=12)
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-10**15, 10**15) | HARMLESS,
                      lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HARMLESS, inner, max_size=4), max_leaves=20)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_it_reads_what_json_reads(made: object, indent: int | str | None, ascii_only: bool) -> None:
    """Whatever the layout, and however a character is escaped."""
    assert value(parsed(json.dumps(made, indent=indent, ensure_ascii=ascii_only))) == made


def test_places_count_from_one() -> None:
    """Of keys and of values, after every kind of line break."""
    root = parsed('{\r\n  "a": [1,\r 22,\n\n  {"b": "x\\ny"}]\n}')
    (_, listed), = root.pairs
    assert [(item.line, item.col, item.end_line, item.end_col) for item in listed.items] == [
        (2, 9, 2, 10), (3, 2, 3, 4), (5, 3, 5, 16)]
    assert [(key.line, key.col) for key, _ in listed.items[2].pairs] == [(5, 4)]


@pytest.mark.parametrize(("text", "said"), [
    ("", "x.json:1:1: not JSON: the file ends too soon"),
    ('{"a": 1', "x.json:1:8: not JSON: the file ends too soon"),
    ('{"a": 1, "a": 2}', "x.json:1:10: a repeated key"),
    ('{"a": {"b": 1, "\\u0062": 2}}', "x.json:1:16: a repeated key"),
    ("[1,]", "x.json:1:4: not JSON: a value is wanted here"),
    ('{"a": 1,}', "x.json:1:9: not JSON: a key in double quotes is wanted here"),
    ("{a: 1}", "x.json:1:2: not JSON: a key in double quotes is wanted here"),
    ('{"a" 1}', "x.json:1:6: not JSON: a colon is wanted here"),
    ("[1 2]", "x.json:1:4: not JSON: a comma or ']' is wanted here"),
    ("[1}", "x.json:1:3: not JSON: a comma or ']' is wanted here"),
    ("NaN", "x.json:1:1: not JSON: a value is wanted here"),
    ("[-Infinity]", "x.json:1:2: not JSON: a value is wanted here"),
    ("01", "x.json:1:1: not JSON: a value is wanted here"),
    ("1" * 65, "x.json:1:1: not JSON: a value is wanted here"),
    ("truely", "x.json:1:1: not JSON: a value is wanted here"),
    ("[] []", "x.json:1:4: something follows the end of the playbook"),
    ("'a'", "x.json:1:1: not JSON: a value is wanted here"),
    ("# a comment", "x.json:1:1: not JSON: a value is wanted here"),
    ('"a\nb"', "x.json:1:1: this text does not end, or holds a control character"),
    ('"\x1b[2J"', "x.json:1:1: this text does not end, or holds a control character"),
    ('"\\q"', "x.json:1:1: an escape in this text that JSON does not know"),
    ('["\\u001b[2J"]', "x.json:1:2: the control character U+001B in a text"),
    ('{"\\u0000": 1}', "x.json:1:2: the control character U+0000 in a text"),
    ('"\\u202e"', "x.json:1:1: the control character U+202E in a text"),
    ('"\u2066"', "x.json:1:1: the control character U+2066 in a text"),
    ('"\\ud800"', "x.json:1:1: the control character U+D800 in a text"),
    ('"\u2028"', "x.json:1:1: the control character U+2028 in a text"),
    (b'"\xff"', "x.json: byte 0xff is not UTF-8"),
])
def test_what_is_no_plain_json_is_refused_with_its_place(text: str | bytes, said: str) -> None:
    """Also what Python's own reader lets through."""
    assert refusal(text) == said


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)])
def test_deep_nesting_is_refused(text: str) -> None:
    """Without a recursion to exhaust."""
    assert "nested more than 50 deep" in refusal(text)


def test_many_values_are_refused() -> None:
    """Before they fill memory."""
    assert refusal("[" + "0," * MAX_NODES + "0]").endswith(f"more than {MAX_NODES:,} values")


def test_a_huge_file_is_refused() -> None:
    """By its size alone."""
    assert refusal(b" " * (MAX_BYTES + 1)) == f"x.json: the file is over {MAX_BYTES:,} bytes"


@pytest.mark.parametrize("text", ['"' + "a" * 900_000, '"' + "\\\\" * 400_000, '["' + "a\\n" * 300_000],
                         ids=["long", "slashes", "list"])
def test_a_text_without_an_end_costs_one_pass(text: str) -> None:
    """No pattern here goes back over what it has read."""
    assert "this text does not end" in refusal(text)
