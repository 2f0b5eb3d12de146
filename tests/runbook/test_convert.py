"""Between texts and types: arguments by signature, inputs, what is typed for a missing result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irkit.runbook import convert_args, default_input, parse_input, parse_typed, result_fields
from irkit.runbook.model import Input
from tests.runbook.support import Device, User, demo

NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)


def args(action: str, **raw: Any) -> dict[str, Any]:
    return convert_args(demo.actions[action], raw)


# -- arguments ---------------------------------------------------------------------------------------------------

def test_arguments_get_the_types_of_the_signature() -> None:
    """Times become aware, durations spans, numbers decimal, words truth."""
    assert args("collect_log", since="2026-03-07T23:40:00Z", limit="010", span="72h", deep="true", order="desc") == {
        "since": NOW, "limit": 10, "span": timedelta(hours=72), "deep": True, "order": "desc"}


def test_ids_are_texts_whatever_they_look_like() -> None:
    """010 keeps its zero, and a number out of a result becomes text."""
    assert args("end_sessions", user_id="010") == {"user_id": "010"}
    assert args("end_sessions", user_id=3971) == {"user_id": "3971"}
    assert args("logout_many", user_ids=[1, "02"]) == {"user_ids": ["1", "02"]}


def test_what_is_not_given_is_left_to_the_default() -> None:
    """And nothing is nothing, where nothing may be."""
    assert args("collect_sessions") == {}
    assert args("collect_sessions", user_id=None) == {"user_id": None}


@pytest.mark.parametrize(("action", "raw", "words"), [
    ("end_sessions", {}, "demo.end_sessions needs 'user_id'"),
    ("end_sessions", {"user_id": "1", "usr": "2"}, "demo.end_sessions has no parameter 'usr'"),
    ("end_sessions", {"user_id": None}, "user_id of demo.end_sessions: there is no value"),
    ("end_sessions", {"user_id": True}, "a text is wanted, not True"),
    ("end_sessions", {"user_id": ["1"]}, "a text is wanted, not a list of 1"),
    ("end_sessions", {"user_id": {"id": "1"}}, "a text is wanted, not a record of 1"),
    ("logout_many", {"user_ids": "1"}, "a list is wanted, not '1'"),
    ("logout_many", {"user_ids": ["1", None]}, "there is no value"),
    ("collect_log", {"since": "now"}, "'now' is not a time"),
    ("collect_log", {"since": "2026-03-07"}, "is not a time"),
    ("collect_log", {"since": "2026-03-07T23:40:00Z", "limit": "1_0"}, "a whole number is wanted, not '1_0'"),
    ("collect_log", {"since": "2026-03-07T23:40:00Z", "limit": True}, "a whole number is wanted, not True"),
    ("collect_log", {"since": "2026-03-07T23:40:00Z", "deep": "on"}, "true or false is wanted"),
    ("collect_log", {"since": "2026-03-07T23:40:00Z", "span": "1 day"}, "is not a duration"),
    ("collect_log", {"since": "2026-03-07T23:40:00Z", "order": "up"}, "'up' is none of asc, desc"),
])
def test_an_argument_that_does_not_fit_is_named(action: str, raw: dict[str, Any], words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=words):
        args(action, **raw)


def test_the_fields_of_a_result_are_known_with_their_types() -> None:
    """So that a missing one can be asked for."""
    fields = result_fields(demo.actions["find_user"])
    assert list(fields) == ["id", "email", "suspended", "tickets", "devices", "manager"]
    assert fields["tickets"] is int


# -- typed results -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "text", "expected"), [
    (str, " 3971 ", "3971"), (int, "12", 12), (bool, "yes", True), (bool, "No", False), (list[str], "a, b,c", ["a", "b", "c"]),
    (tuple[str, ...], "none", []), (list[int], "1,2", [1, 2]), (tuple[Device, ...], "7, 8", [{"id": "7"}, {"id": "8"}]),
    (User, "3971", {"id": "3971"}), (str | None, "-", None), (Device | None, "none", None), (str | None, "x", "x"),
    (datetime, "now", "2026-03-07T23:40:00Z"), (timedelta, "60m", "1h"), (Any, "x", "x"),
])
def test_a_typed_value_is_json_of_the_fields_type(kind: Any, text: str, expected: object) -> None:
    """What a person types stands where the vendor's answer would have stood."""
    assert parse_typed(kind, text, NOW) == expected


@pytest.mark.parametrize(("kind", "text"), [(int, "many"), (bool, "perhaps"), (datetime, "then"), (list[int], "1, x")])
def test_a_typed_value_that_does_not_fit_is_refused(kind: Any, text: str) -> None:
    """With a sentence, so that it can be typed again."""
    with pytest.raises(ValueError, match=r"wanted|not a time"):
        parse_typed(kind, text, NOW)


# -- inputs ------------------------------------------------------------------------------------------------------

def given(kind: Any, text: str, default: str | None = None, **so_far: Any) -> Any:
    return parse_input(Input(type=kind, ask="?", default=default, name="x", choices={"a": "A"} if kind == "choice" else {}),
                       text,
                       now=NOW, so_far=so_far)


@pytest.mark.parametrize(("kind", "text", "expected"), [
    ("email", " dana@example.org ", "dana@example.org"), ("text", " a  b ", "a  b"), ("int", "007", 7),
    ("duration", "4320m", "72h"),
    ("choice", "a", "a"), ("timestamp", "now", "2026-03-07T23:40:00Z"),
    ("timestamp", "2026-03-08 00:40+01:00", "2026-03-07T23:40:00Z"),
])
def test_an_input_is_read_by_its_type(kind: str, text: str, expected: object) -> None:
    """JSON-able, times in UTC."""
    assert given(kind, text) == expected


@pytest.mark.parametrize(("kind", "text", "words"), [
    ("email", "dana", "is not an e-mail address"), ("text", "  ", "x is empty"), ("int", "1.5", "a whole number"),
    ("duration", "3", "is not a duration"), ("choice", "b", "'b' is none of a"),
    ("timestamp", "aware_at - 30d", "is not a time"),
])
def test_an_input_that_does_not_fit_is_refused(kind: str, text: str, words: str) -> None:
    """Relative times are for defaults alone."""
    with pytest.raises(ValueError, match=words):
        given(kind, text)


def test_a_default_may_lean_on_an_earlier_input() -> None:
    """`aware_at - 30d` is thirty days before what was given, and its own words mean it."""
    found = Input(type="timestamp", ask="?", default="aware_at - 30d", name="since")
    so_far = {"aware_at": "2026-03-31T00:00:00Z"}
    assert default_input(found, now=NOW, so_far=so_far) == "2026-03-01T00:00:00Z"
    assert default_input(found, now=NOW, so_far={}) is None
    assert parse_input(found, "aware_at - 30d", now=NOW, so_far=so_far) == "2026-03-01T00:00:00Z"


def test_other_defaults_are_texts() -> None:
    """`now` is the moment it is asked; no default is None."""
    assert default_input(Input(type="timestamp", ask="?", default="now"), now=NOW, so_far={}) == "2026-03-07T23:40:00Z"
    assert default_input(Input(type="int", ask="?", default="5"), now=NOW, so_far={}) == "5"
    assert default_input(Input(type="int", ask="?"), now=NOW, so_far={}) is None


def test_a_default_out_of_the_calendar_is_refused() -> None:
    """Not a traceback."""
    with pytest.raises(ValueError, match="out of the calendar"):
        default_input(Input(type="timestamp", ask="?", default="a - 999999d"), now=NOW, so_far={"a": "0002-01-01T00:00:00Z"})
