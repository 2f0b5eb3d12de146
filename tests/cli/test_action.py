"""irkit action."""

from __future__ import annotations

from irkit import connectors
from tests.cli.rig import Capsys, irkit
from tests.rows import each

ALL = [action.full_name for name in connectors.names() for action in connectors.find(name).actions.values()]


def test_list_prints_one_action_a_line_name_first(capsys: Capsys) -> None:
    """A script can cut the first column and grep the second."""
    ran = irkit(capsys, "action", "list")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ALL
    line = next(line for line in ran.out.splitlines() if line.startswith("zendesk.end_sessions "))
    assert line.split()[1:3] == ["irreversible", "End"]


def test_list_aligns_its_columns(capsys: Capsys) -> None:
    """Effects all stand in one column."""
    lines = irkit(capsys, "action", "list").out.splitlines()
    assert len({line.index(line.split()[1], len(line.split()[0])) for line in lines}) == 1


def test_list_as_json_says_the_same(capsys: Capsys) -> None:
    """--json holds name, effect and title."""
    rows = irkit(capsys, "action", "list", "--json").json
    assert [row["action"] for row in rows] == ALL
    assert {row["effect"] for row in rows} <= {"read", "reversible", "irreversible"}
    assert all(row["title"] for row in rows)


def test_show_prints_signature_effect_undo_source_and_requests(capsys: Capsys) -> None:
    """What a reviewer wants to know of an action is on one page."""
    out = irkit(capsys, "action", "show", "zendesk.suspend_user").out
    assert "[REVERSIBLE]" in out
    assert "Takes    user_id: UserId" in out
    assert "Undo     zendesk.unsuspend_user" in out
    assert "developer.zendesk.com" in out
    assert '{"user": {"suspended": true}}' in out


def test_show_marks_what_cannot_be_undone_and_what_it_destroys(capsys: Capsys) -> None:
    """The page of an irreversible action says so in its first line."""
    out = irkit(capsys, "action", "show", "zendesk.end_sessions").out
    assert out.splitlines()[0].endswith("[CANNOT BE UNDONE]")
    assert "Destroys sessions of user_id" in out
    assert "Undo     none" in out


@each("name", ALL, group=lambda name: name.partition(".")[0], named=str)
def test_every_action_shows_the_requests_it_makes(capsys: Capsys, name: str) -> None:
    """With its world's samples each action sends something, and one that changes something shows the change."""
    ran = irkit(capsys, "action", "show", name, "--json")
    assert ran.code == 0, ran.err
    page = ran.json
    assert page["requests"]
    assert any(request["write"] for request in page["requests"]) == (page["effect"] != "read")
    assert page["source"]


def test_show_of_an_unknown_action_names_the_next_command(capsys: Capsys) -> None:
    """A wrong name is a usage error."""
    ran = irkit(capsys, "action", "show", "zendesk.suspend_usr")
    assert (ran.code, ran.out) == (2, "")
    assert "suspend_usr" in ran.err
    assert "irkit action list" in ran.err
