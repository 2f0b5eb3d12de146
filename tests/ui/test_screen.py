"""Rules that hold for every screen, whatever is on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from irkit.engine.gate import Deadline, Question, Said, Sends, Waiting
from irkit.ui import colour
from irkit.ui.layout import Page, size
from irkit.ui.screen import prompt_lines, render
from irkit.ui.text import cells
from tests.ui import samples

NASTY = "\x1b[2J\u202eFAILED\u200b\r\n 日本 x\x07"
OF_WIDTH = [40, 80, 200]


def poisoned(value: Any) -> Any:
    """The same data with hostile text in every string."""
    if isinstance(value, str):
        return value + NASTY
    if isinstance(value, Struct):
        return replace(value, **{name: poisoned(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, list | tuple):
        return [poisoned(part) for part in value]
    return {poisoned(k): poisoned(v) for k, v in value.items()} if isinstance(value, dict) else value


def too_long(lines: list[str], width: int) -> list[str]:
    """Lines that are longer than the width and could have been broken."""
    return [line for line in lines if cells(line) > width and len(line.split()) > 2]


@pytest.mark.parametrize("said", samples.EVERYTHING, ids=lambda said: type(said).__name__)
@pytest.mark.parametrize("width", OF_WIDTH)
def test_every_screen_fits_its_width_and_80(said: Said, width: int) -> None:
    """At 40 columns everything wraps; at 200 nothing is wider than 80."""
    assert too_long(render(said, width=width), min(width, 80)) == []


@pytest.mark.parametrize("said", samples.EVERYTHING, ids=lambda said: type(said).__name__)
def test_hostile_text_in_every_field_stays_in_its_place(said: Said) -> None:
    """No escape, no control character, no line of its own: what others wrote never stands where irkit's labels do."""
    lines = render(poisoned(said), prefix="DRILL ")
    assert [line for line in lines if not line.replace("\ufffd", "").isprintable()] == []
    assert [line for line in lines if not line.startswith("DRILL")] == []
    assert [line for line in lines if line.startswith("DRILL 日本")] == []


@settings(database=None, deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.text(max_size=200), st.integers(24, 120))
def test_any_gate_can_be_shown(affects: list[str], body: str, width: int) -> None:
    """Whatever a vendor returns, a gate has its labels once, in order, and nothing that is not printable."""
    sends = Sends(
        "PUT", "https://acme.zendesk.com/x", body, "me", 1, affects, "person", "none", looked=affects, warnings=affects
    )
    lines = render(sends, width=width)
    labels = [line.split()[0] for line in lines if line[:1] not in ("", " ")]
    assert labels == ["Looked", "Sends", "Affects", "Undo", "Warning"]
    assert [line for line in lines if "\x1b" in line] == []


@pytest.mark.parametrize("width", [40, 80, 200])
def test_each_row_of_a_drill_bears_its_mark(width: int) -> None:
    """An address that no line holds is broken by irkit and not by the terminal; nothing of it is lost."""
    url = f"https://acme.zendesk.com/api/v2/users/{'3971' * 30}/sessions?日本"
    for said in (replace(samples.SENDS, url=url, looked=[url]), replace(samples.LOOKED, url=url)):
        lines = render(said, width=width, prefix="DRILL ")
        assert [line for line in lines if cells(line) > width or not line.startswith("DRILL")] == []
        assert url.partition("://")[2] in "".join(line.removeprefix("DRILL ").strip() for line in lines)
        assert any(url.partition("://")[2] in line for line in render(said, width=width))


def test_a_long_body_is_cut_on_the_gate() -> None:
    """`r` shows all of it; the gate says how much is not shown."""
    sends = replace(samples.SENDS, body=" ".join(["word"] * 400))
    lines = render(sends)
    assert "         … 23 more lines (r for the full request)" in lines
    assert len(lines) < 15


def test_a_deadline_has_the_local_date_where_it_is_another() -> None:
    """Local time stands beside UTC for deadlines, with its date when that differs."""
    page = Page(zone=ZoneInfo("America/Los_Angeles"))
    assert page.moment(samples.DUE) == "2026-11-23 02:06Z, 2026-11-22 18:06 Los Angeles"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(hours=71, minutes=41), "due in 71:41"),
        (timedelta(0), "due in 00:00"),
        (-timedelta(minutes=90), "OVERDUE by 01:30"),
    ],
)
def test_a_running_clock_counts_down_and_then_up(left: timedelta, said: str) -> None:
    """A missed deadline is not hidden by a zero."""
    assert f"GDPR art. 33 notice {said} (" in Page().due_in(samples.GDPR, samples.DUE - left)


@pytest.mark.parametrize("state", ["met", "not needed", "not started"])
def test_a_clock_that_does_not_run_says_so(state: str) -> None:
    """The state stands in words; no date is made up."""
    clock = Deadline("x", "A clock", datetime(2026, 1, 1, tzinfo=UTC) if state == "met" else None, state)
    assert Page().due_in(clock, samples.NOW) == Page().due_at(clock, samples.NOW) == f"A clock {state}"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (4_100_000, "4.1 MB"), (999_999, "1.0 MB")]
)
def test_sizes_as_people_read_them(count: int, said: str) -> None:
    """Powers of ten, one decimal."""
    assert size(count) == said


@pytest.mark.parametrize(("seconds", "shown"), [(-0.2, "0 s"), (5, "5 s"), (1800, "00:30:00")])
def test_waits_are_shown_in_seconds_or_as_a_clock(seconds: float, shown: str) -> None:
    """Seconds while they can be counted along, hours and minutes above."""
    assert render(Waiting(seconds, "the vendor's lag")) == [f"Waiting  {shown}: the vendor's lag"]


@pytest.mark.parametrize(("left", "words"), [
    (258_416, "71:46 left"), (880, "00:14 left"), (400_000, "4 d 15:06 left"), (59, "less than a minute left"),
    (-3, "late by less than a minute"), (-7_260, "late by 02:01")])
def test_a_target_is_counted_as_clocks_are(left: float, words: str) -> None:
    """Hours and minutes, beside the clocks of the same screen; 4306 minutes read as hours."""
    lines = render(replace(samples.SUSPEND, target=left))
    assert f"Target   {words}" in lines


def test_a_prompt_is_broken_between_its_options() -> None:
    """A letter and its word stay together as long as a line holds them."""
    lines = prompt_lines(samples.GATE, width=24)
    assert lines == ["Send it? y yes,", "s skip, d defer,", "m did it by hand,", "n note, ? more: "]


def test_a_phrase_stands_whole_on_its_line() -> None:
    """What has to be typed exactly is not broken, however narrow the window, and its comma stays with it."""
    phrase = "OVERWRITE 2 CHANGES AND END 212 SESSIONS"
    for asked, whole in ((f"Type {phrase} to send", phrase), ("", f"{phrase},")):
        question = Question("gate", asked, phrase=phrase, letters={"s": "skip"})
        assert any(line.strip().startswith(whole) for line in prompt_lines(question, width=44))


def test_a_value_and_the_letters_that_leave_it_are_one_question() -> None:
    """What may be typed instead stands behind the value that is asked for."""
    question = Question("field", "steps.agent.id is not known. Its value (user id)", parse=int,
                        letters={"s": "skip", "p": "pause"})
    assert " ".join(prompt_lines(question)) == "steps.agent.id is not known. Its value (user id), or s skip, p pause: "


def test_a_phrase_that_the_prompt_does_not_name_is_added() -> None:
    """Nobody has to guess what to type."""
    assert prompt_lines(Question("gate", "", phrase="LOCK MYSELF OUT")) == ["Type LOCK MYSELF OUT: "]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("LIVE INC-2041 x v1 | step", "LIVE"),
        ("DRILL FAILED   8. A step", "DRILL"),
        ("UNKNOWN  8. A step", "UNKNOWN"),
        ("slack      FAIL  token expired", "FAIL"),
        ("8. End every session   [CANNOT BE UNDONE]", "[CANNOT BE UNDONE]"),
    ],
)
def test_irkits_own_words_are_coloured(line: str, part: str) -> None:
    """Painting adds colour to a word in its place, and changes nothing else."""
    painted = colour.paint(line)
    assert f"m{part}\x1b[0m" in painted
    assert painted != line


@pytest.mark.parametrize(
    "line", ["         FAILED", "Looked   LIVE x FAIL  ok", "Why      [CANNOT BE UNDONE]", "Affects  1 person: UNKNOWN"]
)
def test_words_of_others_are_not_coloured(line: str) -> None:
    """A vendor cannot make its text look like irkit's."""
    assert colour.paint(line) == line


@pytest.mark.parametrize(
    ("env", "terminal", "plain", "on"),
    [
        ({}, True, False, True),
        ({}, False, False, False),
        ({}, True, True, False),
        ({"TERM": "dumb"}, True, False, False),
        ({"FORCE_COLOR": "1"}, False, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False, False),
        ({"NO_COLOR": ""}, True, False, True),
    ],
)
def test_when_there_is_colour(env: dict[str, str], terminal: bool, plain: bool, on: bool) -> None:
    """NO_COLOR wins over FORCE_COLOR, which wins over everything else."""
    assert colour.wanted(env, terminal=terminal, plain=plain) is on
