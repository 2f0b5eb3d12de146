"""YAML with positions: what is refused, where a mistake is said to be, and how it is printed."""

from __future__ import annotations

import pytest
import yaml

from irkit.errors import RunbookError
from irkit.runbook.source import MAX_MISTAKES, Mistake, Mistakes, Node, compose, did_you_mean, lines_of, plain


def refused(raw: bytes) -> str:
    with pytest.raises(RunbookError) as caught:
        compose(raw, "x.yaml")
    assert caught.value.exit_code == 6
    return "\n".join(caught.value.diagnostics())


def test_a_scalar_is_the_text_that_was_written() -> None:
    """NO is not False, 12:30:45 is not 45045, 010 is not 8, and a date is no date."""
    root = compose(b"[NO, 12:30:45, 010, 1_000, 2026-03-07, 1e3, on]", "x.yaml")
    assert [item.value for item in root.items] == ["NO", "12:30:45", "010", "1_000", "2026-03-07", "1e3", "on"]


def test_nodes_know_where_they_stand() -> None:
    """Lines and columns count from 1, in characters."""
    root = compose("a: 1\n“ü”: {b: 'x y'}\n".encode(), "x.yaml")
    inner = root.get("“ü”")
    assert inner is not None
    quoted = inner.get("b")
    assert quoted is not None
    assert (quoted.line, quoted.col, quoted.end_line, quoted.end_col, quoted.plain) == (2, 10, 2, 15, False)


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_nothing_is_null_unless_quoted(text: str) -> None:
    """An empty value, ~ and null are nothing; in quotes they are texts."""
    assert compose(f"a: {text}".encode(), "x").pairs[0][1].is_null
    assert not compose(f"a: '{text}'".encode(), "x").pairs[0][1].is_null


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    """A file saved by Notepad is a file."""
    root = compose(b"\xef\xbb\xbfa: |\r\n  one\r\n  two\r\nb: 2\r\n", "x.yaml")
    assert [(key.value, value.value, key.line) for key, value in root.pairs] == [("a", "one\ntwo\n", 1), ("b", "2", 4)]


@pytest.mark.parametrize(("raw", "words"), [
    (b"a: &x 1\nb: *x\n", "x.yaml:1:4: the anchor &x is refused"),
    (b"b: *x\n", "x.yaml:1:4: the alias *x is refused"),
    (b"a: !!python/object/apply:os.system [id]\n", "x.yaml:1:4: a tag (!) is refused"),
    (b"a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document starts here"),
    (b"a: \xff\xfe\n", "x.yaml:1:4: byte 0xff is not UTF-8"),
    ("a: 1".encode("utf-16"), "this is UTF-16, not UTF-8"),
    (b"a: x\0y\n", "x.yaml:1:5: control character U+0000"),
    (b"a: \x1b[2J\n", "x.yaml:1:4: control character U+001B"),
    (b'a: 1\nb: "\\x1b[2J"\n', "x.yaml:2:4: control character U+001B"),
    (b'a: ["\\u202Egnp.exe"]\n', "x.yaml:1:5: control character U+202E"),
    (b'a: "one\\u2028two"\n', "x.yaml:1:4: control character U+2028"),
    (b'a: "one\\Ptwo"\n', "x.yaml:1:4: control character U+2029"),
    (b'a: "one\\Ntwo"\n', "x.yaml:1:4: control character U+0085"),
    (b'"a\\u2066": 1\n', "x.yaml:1:1: control character U+2066"),
    ("a: one\u202etwo\n".encode(), "x.yaml:1:4: control character U+202E"),
    ("a: |\n  one\u2028  two\n".encode(), "x.yaml:1:4: control character U+2028"),
    (b"a:\n\t- b\n", "indent with spaces, not with tabs"),
    (b"a: b: c\n", "a text that holds ': ' wants quotes round it"),
    (b"a: @b\n", "a text that begins with @, ` or % wants quotes round it"),
    (b"a: [1\n", "look at the indentation and the quotes"),
    (b"a: 'b\n", "not YAML"),
    (b"", "the file is empty"),
    (b"# only a comment\n", "the file is empty"),
    (b"x" * (2 * 2**20), "the file is over 1,048,576 bytes"),
    (b"[" * 50_000, "nested more than 50 deep"),
    (b"{a: " * 50_000, "nested more than 50 deep"),
    (b"- " * 50_000, "nested more than 50 deep"),
    (b"? " * 50_000, "nested more than 50 deep"),
    (b"[" + b"a," * 500_000 + b"]", "more than 20,000 values"),
])
def test_what_could_harm_or_mislead_is_refused_with_the_reason(raw: bytes, words: str) -> None:
    """Bombs, aliases, tags, control characters and broken YAML end in a sentence."""
    assert words in refused(raw)


def test_what_a_language_needs_is_kept() -> None:
    """Line ends and tabs of a text, joiners of a script or an emoji, and the marks that follow a letter."""
    text = "a: \"one\\n\\ttwo\"\nb: \u0645\u06cc\u200c\u062e\u0648\nc: \U0001f469\u200d\U0001f4bb e\u0301\n"
    assert [value.value for _, value in compose(text.encode(), "x.yaml").pairs] == [
        "one\n\ttwo", "\u0645\u06cc\u200c\u062e\u0648", "\U0001f469\u200d\U0001f4bb e\u0301"]


def test_a_billion_laughs_is_stopped_at_its_first_anchor() -> None:
    """Nothing is expanded."""
    laughs = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "x.yaml:1:5: the anchor &a0 is refused" in refused("\n".join(laughs).encode())


def test_fifty_levels_are_read() -> None:
    """The limit is where it is said to be."""
    node = compose(b"[" * 50 + b"]" * 50, "x")
    for _ in range(49):
        node = node.items[0]
    assert node.items == ()


def test_without_the_c_library_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML can be built without libyaml; its own scanner gives the same nodes."""
    raw = "a: {b: [1, 'ü', |-]}\nc: |\n  text\n  more\nd: \"x\"\n".replace(", |-", "").encode()
    fast = compose(raw, "x")
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert compose(raw, "x") == fast


# -- blocks ------------------------------------------------------------------------------------------------------

def at(text: str, line: int, col: int, width: int = 1, hint: str = "") -> list[str]:
    return Mistake("error", line, col, width, "wrong", hint).block("x.yaml", text)


def test_a_block_underlines_the_place() -> None:
    """Path, line, column, the line, a caret, and the hint."""
    assert at("a: 1\nbad: 2\n", 2, 1, 3, "did you mean 'bed'?") == [
        "x.yaml:2:1: wrong",
        "  |",
        "2 | bad: 2",
        "  | ^^^",
        "  = did you mean 'bed'?",
    ]


def test_the_gutter_fits_the_number() -> None:
    """Line 100 pushes everything to the right together."""
    assert at("\n" * 99 + "x: y", 100, 4) == ["x.yaml:100:4: wrong", "    |", "100 | x: y", "    |    ^"]


def test_carets_stand_under_wide_characters_and_tabs() -> None:
    """A character that takes two cells is underlined by two; a tab is one."""
    assert at("名前: y", 1, 1, 2)[3] == "  | ^^^^"
    assert at("名前: y", 1, 5)[2:] == ["1 | 名前: y", "  |       ^"]
    assert at("a:\tb", 1, 4)[2:] == ["1 | a: b", "  |    ^"]


def test_a_long_line_is_cut_around_its_caret() -> None:
    """Nobody scrolls through a megabyte on one line."""
    shown = at("a" * 5000 + "HERE" + "b" * 5000, 1, 5001, 4)
    assert len(shown[2]) < 200
    assert shown[2][shown[3].index("^"):][:4] == "HERE"


def test_a_warning_says_so_and_a_whole_file_has_no_line() -> None:
    """Line 0 is the file."""
    assert Mistake("warning", 0, 0, 0, "odd", "look").block("x.yaml", "") == ["x.yaml: warning: odd", "  = look"]


def test_a_needle_is_found_inside_a_block_scalar() -> None:
    """A name in the third line of a text is underlined there, not at the text's beginning."""
    raw = b"do: |\n  one\n  two {{ steps.x }}\nnext: steps.x\n"
    mistakes = Mistakes("x.yaml", raw)
    node = compose(raw, "x.yaml").get("do")
    assert node is not None
    mistakes.error(node, "unknown", needle="steps.x")
    mistakes.error(node, "unknown", needle="not there")
    assert [(found.line, found.col, found.width) for found in mistakes.found] == [(3, 10, 7), (1, 5, 1)]


def test_lines_are_counted_as_yaml_counts_them() -> None:
    """All five line breaks of YAML 1.1, each once."""
    assert lines_of("a\r\nb\rc\nd\x85e\u2028f\u2029g") == list("abcdefg")


def test_mistakes_stop_when_nobody_reads_on() -> None:
    """A hostile file cannot make the list, or the search for hints, endless."""
    mistakes = Mistakes("x.yaml", b"a: 1")
    for _ in range(MAX_MISTAKES - 1):
        mistakes.error(None, "wrong")
    with pytest.raises(RunbookError) as caught:
        mistakes.error(None, "wrong")
    assert len(caught.value.mistakes) == MAX_MISTAKES + 1
    assert ["x.yaml: stopped after 200 mistakes", "  = mend these first"] in caught.value.mistakes


def test_the_nearest_word_is_suggested() -> None:
    """Else what the caller says instead."""
    assert did_you_mean("acton", ["action", "ask"]) == "did you mean 'action'?"
    assert did_you_mean("zzz", ["action"], "keys: action") == "keys: action"


# -- free-form values --------------------------------------------------------------------------------------------

def test_free_form_values_are_what_they_look_like_and_no_more() -> None:
    """true, null and whole numbers unquoted; YES, 010 and dates stay texts."""
    node = compose(b"{a: true, b: 7, c: null, d: [YES, 010, '7', 2026-01-01, 1.5], e: {}}", "x")
    assert plain(node) == {"a": True, "b": 7, "c": None, "d": ["YES", "010", "7", "2026-01-01", "1.5"], "e": {}}


@pytest.mark.parametrize(("raw", "words"), [(b"{a: 1, a: 2}", "repeated key 'a'"), (b"{[x]: 1}", "a key is a text")])
def test_a_free_form_mapping_with_an_odd_key_is_refused(raw: bytes, words: str) -> None:
    """No repeated key ever wins silently."""
    with pytest.raises(RunbookError, match=words):
        plain(compose(raw, "x"))
    mistakes = Mistakes("x", raw)
    plain(compose(raw, "x"), mistakes)
    assert [found.message for found in mistakes.found] == [words]


def test_a_node_prints_shortly() -> None:
    """A step's repr does not hold the file."""
    assert repr(Node("scalar", 3, 7, 3, 9)) == "<scalar 3:7>"
