"""What every drill is judged by: times, order, haste, evidence, and what the attack left in the worlds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import asdict

from irkit.drill.result import Result, result, unseen
from irkit.drill.scenario import Scenario, Wrong
from irkit.drill.score import Score, Verdict
from irkit.drill.standard import RUSHED
from irkit.engine.gate import Question
from irkit.worlds import Fault, Person, find
from tests.drill.scenes import scene
from tests.engine.play import AGENT, END, SESSIONS, SUSPEND, Play, book

CALL = """
  - id: call
    phase: notify
    title: Call counsel
    why: They decide.
    do: Call them.
    evidence: required
"""
NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
GOOD = {"suspend": "yes", "end_sessions": {"type": "phrase"}, "call": {"by_hand": "Called", "attach": "text:the note"}}


def played(folder: Path, answers: Mapping[str, object], *steps: str, seconds: float = 60) -> Play:
    """A run in which somebody reads each gate for so long."""
    def reads(play: Play, question: Question) -> None:
        if question.name == "gate":
            play.pass_time(seconds=seconds)
    return Play(folder, book(*(steps or (AGENT, SESSIONS, SUSPEND, END, CALL))), answers, before_ask=reads).walk()


def judged(play: Play, by_hand: Mapping[str, Sequence[str]] | None = None) -> Result:
    scenario = scene(score="", injects="", faults="", answers="")
    scenario = Scenario(**{**asdict(scenario), "by_hand": by_hand or {}})
    return result(scenario, play.runbook, play.state.runs["r1"], play.entries(), {"zendesk": play.world})


def line(found: Result, about: str) -> Score | None:
    return next((score for score in found.standard if score.id == about), None)


def test_times_stand_there_unasked(tmp_path: Path) -> None:
    """When each phase began to count and when it was through, in words and in seconds."""
    found = judged(played(tmp_path / "D", GOOD))
    assert [(score.id, score.verdict, score.text, score.seconds, score.first) for score in found.standard[:3]] == [
        ("time:preserve", Verdict.TIME, "00:00:00 to 00:00:00, 1 of 1", 0, 0),
        ("time:contain", Verdict.TIME, "00:01:00 to 00:03:00, 2 of 2", 180, 60),
        ("time:notify", Verdict.TIME, "00:04:00 to 00:04:00, 1 of 1", 240, 240)]
    assert found.standard[1].line() == "time        contain            00:01:00 to 00:03:00, 2 of 2"


def test_a_phase_that_nobody_did(tmp_path: Path) -> None:
    """It has no time, and says of how many steps."""
    found = judged(played(tmp_path / "D", {**GOOD, "call": {"skip": "asleep"}}))
    assert line(found, "time:notify") == Score("time:notify", Verdict.TIME, "none of 1")


def test_evidence_of_a_step_that_nobody_came_to(tmp_path: Path) -> None:
    """In a drill that is open it is not missed yet."""
    play = Play(tmp_path / "D", book(AGENT, SESSIONS, SUSPEND, END, CALL), {})
    assert line(judged(play.walk()), "evidence:call") is None


def test_evidence_that_is_wanted_and_not_there(tmp_path: Path) -> None:
    """Skipped, the step has none; with it there is nothing to say."""
    assert line(judged(played(tmp_path / "A", GOOD)), "evidence:call") is None
    score = line(judged(played(tmp_path / "B", {**GOOD, "call": {"skip": "asleep"}})), "evidence:call")
    assert score == Score("evidence:call", Verdict.MISSED, "none; the step was skipped")


@pytest.mark.parametrize(("seconds", "rushed"), [(0, True), (RUSHED - 1, True), (RUSHED, False), (60, False)])
def test_a_phrase_typed_at_once_was_not_read(tmp_path: Path, seconds: float, rushed: bool) -> None:
    """The time from the gate to its phrase; a letter that can be undone is no haste."""
    found = judged(played(tmp_path / "D", GOOD, seconds=seconds))
    assert (line(found, "rushed:end_sessions") is not None) is rushed
    assert line(found, "rushed:suspend") is None


@pytest.mark.parametrize(("says", "rushed"), [(("pause",), False), (("pause", "continue"), False), ((), True)])
def test_haste_is_not_told_by_a_clock_that_stands_still(tmp_path: Path, says: Sequence[str], rushed: bool) -> None:
    """Somebody may have read for minutes, also where the clock ran again just before the phrase was typed."""
    def steered(play: Play, question: Question) -> None:
        if question.name == "gate" and question.step == "end_sessions":
            for verb in says:
                assert play.session is not None
                said = play.session.record("control", {"control": verb})
                play.session.record("control", {"control": "taken"}, ref=said.seq)
    found = judged(Play(tmp_path / "D", book(AGENT, SESSIONS, SUSPEND, END, CALL), GOOD, before_ask=steered).walk())
    assert (line(found, "rushed:end_sessions") is not None) is rushed


def test_what_was_destroyed_before_it_was_kept(tmp_path: Path) -> None:
    """The gate said so, and somebody went on."""
    score = line(judged(played(tmp_path / "D", {**GOOD, "end_sessions": [{"type": "phrase"}, {"reason": "no time"}]},
                               AGENT, SUSPEND, END)), "order:end_sessions")
    assert score is not None
    assert score.verdict is Verdict.WRONG_ORDER
    assert score.text.startswith("Not preserved: sessions")


def test_kept_after_something_was_changed(tmp_path: Path) -> None:
    """A step that keeps evidence and stands above one that contains, walked after it."""
    keep = CALL.replace("call", "keep").replace("notify", "preserve")
    answers = {"keep": [{"choice": "g suspend"}, {"by_hand": "Kept", "attach": "text:the list"}], "suspend": "yes"}
    score = line(judged(played(tmp_path / "D", answers, AGENT, keep, SUSPEND)), "order:keep")
    assert score == Score("order:keep", Verdict.WRONG_ORDER, "00:03:00, after suspend at 00:02:00")


def test_kept_after_something_was_changed_while_the_clock_stood_still(tmp_path: Path) -> None:
    """No time passed, and yet it came after: the entries say so."""
    keep = CALL.replace("call", "keep").replace("notify", "preserve")
    answers = {"keep": [{"choice": "g suspend"}, {"by_hand": "Kept", "attach": "text:the list"}], "suspend": "yes"}
    score = line(judged(Play(tmp_path / "D", book(AGENT, keep, SUSPEND), answers).walk()), "order:keep")
    assert score == Score("order:keep", Verdict.WRONG_ORDER, "00:00:00, after suspend at 00:00:00")


def test_what_still_lives_in_the_world_is_a_miss(tmp_path: Path) -> None:
    """The intruder's session is gone with its step, the rule is not; a client that people delete where no world sees it is gone
    once their step counts."""
    by_hand = {"call": ["zendesk.client", "zendesk.address"]}
    ended = judged(played(tmp_path / "A", GOOD), by_hand)
    assert [score.id for score in ended.missed] == ["left:zendesk.token", "left:zendesk.rule"]
    skipped = judged(played(tmp_path / "B", {**GOOD, "end_sessions": {"skip": "busy"}, "call": {"skip": "busy"}}), by_hand)
    assert [score.id for score in skipped.missed if score.id.startswith("left")] == [
        "left:zendesk.token", "left:zendesk.rule", "left:zendesk.client", "left:zendesk.address"]


def test_a_wrong_team_whose_miss_nobody_sees(tmp_path: Path) -> None:
    """What it should have missed, and the result does not show, is named: its score cannot be failed so."""
    found = judged(played(tmp_path / "D", GOOD))
    assert unseen(found, Wrong("", {}, ["left:zendesk.rule", "left:zendesk.session"])) == ["left:zendesk.session"]


def test_the_closing_screen_counts_what_was_missed(tmp_path: Path) -> None:
    """Lines of either kind, and a last one that says how many; as JSON the same."""
    found = judged(played(tmp_path / "D", GOOD))
    assert found.lines()[-1] == "beside it 4 missed"
    assert json.loads(json.dumps(found.json()))["missed"] == 4
    assert Result([], []).lines() == ["beside it nothing missed"]


def test_an_inject_that_never_came_is_named(tmp_path: Path) -> None:
    """Held to the end, or bound to a time that the team did not need: nobody has to look for it."""
    play = played(tmp_path / "D", GOOD)
    found = result(scene(score="", faults="", answers=""), play.runbook, play.state.runs["r1"], play.entries(), {})
    assert found.unplayed == ["press", "hook"]
    assert found.lines()[-1] == "injects that never came: press, hook"


def test_a_fault_that_did_not_come_is_named(tmp_path: Path) -> None:
    """Whoever looks for what it did need not."""
    play, left = played(tmp_path / "D", GOOD), [Fault("zendesk", "GET /nothing", lost="before")]
    plain = scene(score="", faults="", injects="", answers="")
    found = result(plain, play.runbook, play.state.runs["r1"], play.entries(), {}, left)
    assert found.lines()[-1] == "faults that did not come, or not as often as they say: zendesk GET /nothing"


@pytest.mark.parametrize(("name", "options"), [
    ("zendesk", {"attack": "bulk_export"}), ("zendesk", {"attack": "admin_takeover"}),
    ("zendesk", {"attack": "api_token_leak"}), ("zendesk", {"attack": "stale_integration"}),
    ("entra", {}), ("okta", {}), ("google_workspace", {}), ("freshdesk", {})])
def test_a_tenant_names_its_attack_and_nothing_else(name: str, options: Mapping[str, object]) -> None:
    """At the beginning of a drill something of it lives; without an attack nothing is left, whatever the tenant holds."""
    people = [Person("Dana Reyes", "dana@example.org", "agent"), Person("Wei Chen", "wei@example.org", "admin")]
    world = find(name)
    attacked = world({**world.small, **options}, people=people, now=lambda: NOW)
    assert attacked.left()
    assert all(one.kind.replace("_", "").isalpha() and one.what for one in attacked.left())
    assert world({**world.small, "attack": ""}, people=people, now=lambda: NOW).left() == []


def test_a_world_without_an_attack_of_its_own_has_nothing_left() -> None:
    """A pager keeps no way back in."""
    assert find("mail")({}, people=[], now=lambda: NOW).left() == []
