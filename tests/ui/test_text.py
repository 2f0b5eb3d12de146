"""Hostile and foreign text on its way to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.ui.text import cells, clip, pad, reflow, safe, wrap

HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\x1b\x9b\x9d\x07\x90[]0;31m\\\u202e\u2066\u200b\u2028\ufeff e")), max_size=60
)
quick = settings(database=None, deadline=None, max_examples=150)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b2Jgone", "gone"),
        ("\x9d0;owned\x9cshown", "shown"),
        ("\x1bP+q\x1b\\device", "device"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b(0charset", "charset"),
        ("\x1b\x1b[m[31mnested", "[31mnested"),
        ("over\rwritten\b\b", "over written"),
        ("one\r\ntwo\x0bthree\u2028four\x85five", "one two three four five"),
        ("tab\tbed", "tab bed"),
        ("nul\0bell\a", "nulbell"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2066isolate\u2069", "isolate"),
        ("da\u200bna@acme.com\ufeff", "dana@acme.com"),
        ("soft\u00adhyphen", "softhyphen"),
        ("no\u00a0break\u3000wide", "no break wide"),
        ("filler\u3164ed", "fillered"),
        ("tag\U000e0041ged", "tagged"),
        ("half\ud800", "half\ufffd"),
        ("z" + "\u0301" * 40, "z" + "\u0301" * 4),
        ("René, 日本, 🚨", "René, 日本, 🚨"),
        (3971, "3971"),
    ],
)
def test_safe_takes_away_what_moves_hides_or_reorders(hostile: object, shown: str) -> None:
    """Sequences go whole, blanks and line ends become a space, everything readable stays."""
    assert safe(hostile) == shown


@quick
@given(HOSTILE)
def test_safe_text_holds_nothing_but_characters(text: str) -> None:
    """Whatever comes in, no control, format, surrogate or line-separating character comes out; twice is once."""
    shown = safe(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert safe(shown) == shown


@quick
@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(8, 80))
def test_wrapped_lines_fit_unless_they_are_one_word(text: str, width: int) -> None:
    """A line is longer than the width only when it cannot be broken; no visible character is lost."""
    lines = wrap(text, width)
    assert not [line for line in lines if cells(line) > width and " " in line.strip()]
    assert "".join(lines).replace(" ", "") == safe(text).replace(" ", "")


@pytest.mark.parametrize(("text", "columns"), [("plain", 5), ("日本", 4), ("🚨", 2), ("é", 1), ("e\u0301", 1), ("ＡＢ", 4)])
def test_columns_are_counted_as_terminals_count_them(text: str, columns: int) -> None:
    """Wide characters take two columns, marks none."""
    assert cells(text) == columns


def test_pad_and_clip_count_columns() -> None:
    """Filling and cutting work on columns, not characters."""
    assert pad("日本", 6) == "日本  "
    assert clip("日本日本", 5) == "日本…"
    assert clip("short", 5) == "short"


def test_a_wrapped_line_keeps_its_indentation() -> None:
    """Lists in a runbook's text stay lists."""
    assert wrap("  - deactivate, do not delete", 16) == ["  - deactivate,", "    do not", "    delete"]
    assert wrap("a  b", 10) == ["a  b"]


def test_wrapped_text_of_a_file_is_flowed_anew() -> None:
    """Line breaks of the file go; blank lines and entries of lists stay where they are."""
    text = "irkit acts as ir-break-glass, role\nadmin. It\nis Dana.\n\n1. Say who leads,\n   and a name.\n2. Go on."
    flowed = ["irkit acts as ir-break-glass, role admin. It is Dana.", "", "1. Say who leads, and a name.", "2. Go on."]
    assert reflow(text) == flowed


def test_a_line_that_is_indented_further_is_a_line_of_its_own() -> None:
    """Values that a runbook puts below each other stay so, below a paragraph and below an entry; what follows begins anew."""
    text = ("Read by these\naddresses:\n  192.0.2.7\n  192.0.2.9\nWhose are\nthey?\n"
            "2. Type\n   this:\n      irkit status\n   and look\n   at it.\n\n   Or ask\n   somebody.")
    assert reflow(text) == ["Read by these addresses:", "  192.0.2.7", "  192.0.2.9", "Whose are they?",
                            "2. Type this:", "      irkit status", "   and look at it.", "", "   Or ask somebody."]
