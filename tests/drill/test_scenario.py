"""Scenarios: read with every mistake at its place, found by name, and the first one chosen by its date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irkit.drill.injects import Inject
from irkit.drill.scenario import find, first, load, load_bytes
from irkit.drill.score import Achieved, Before, Within
from irkit.errors import RunbookError, UsageError
from irkit.runbook import Runbook
from irkit.runbook import load_bytes as load_runbook
from irkit.worlds import Fault, Person
from tests.drill.scenes import scene, text

TAKEOVER = b"""\
schema: irkit/v1
runbook: takeover
title: Takeover
version: 1
inputs:
  agent_email: {type: email, ask: "Which account?"}
  aware_at: {type: timestamp, ask: "When?", default: now}
steps:
  - {id: keep_log, title: Keep, why: It ages out., do: Keep the log.}
  - {id: end_sessions, title: End, why: They live on., do: End the sessions.}
  - {id: tell_legal, title: Tell, why: The clock runs., do: Tell legal.}
  - {id: exported, title: Exported, why: It decides., ask: Exported?, choices: {yes: "Yes", no: "No"}}
"""


def takeover(name: str) -> Runbook:
    if name != "takeover":
        raise UsageError(f"no runbook is called {name!r}", next="irkit runbook list")
    return load_runbook(TAKEOVER, "takeover.yaml")


def mistakes(raw: bytes) -> list[str]:
    """The first line of each mistake, without the path."""
    with pytest.raises(RunbookError) as caught:
        load_bytes(raw, "weekend.yaml", takeover, stem="weekend")
    assert caught.value.exit_code == 6
    return [block[0].removeprefix("weekend.yaml:") for block in caught.value.mistakes]


def one(**changes: str) -> str:
    """The only mistake of a scenario with these changes, without its line and column."""
    [line] = mistakes(text(**changes))
    return line.partition(": ")[2]


# -- reading -----------------------------------------------------------------------------------------------------

def test_every_part_is_read() -> None:
    """The whole file as typed values."""
    found = load_bytes(text(), "weekend.yaml", takeover, stem="weekend")
    assert (found.name, found.title, found.runbook) == ("weekend", "A weekend", "takeover")
    assert found.starts == datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
    assert found.people == [Person("Dana Reyes", "dana@example.org", "agent"), Person("Wei", "wei@example.org", "admin")]
    assert found.inputs == {"agent_email": "dana@example.org"}
    assert found.worlds["zendesk"] == {"plan": "enterprise", "adpp": True, "seed": 7, "agents": 6, "rows": 60, "audit_rows": 20,
                                       "attack": "bulk_export"}
    assert found.injects == [
        Inject("press", "A reporter asks.", at=timedelta(minutes=8), to="communications", ask="What now?", expect="Nothing."),
        Inject("hook", "A webhook fires again.", after="end_sessions")]
    assert found.faults == [Fault("zendesk", "DELETE /api/v2/users/*/sessions", lost="after", times=1)]
    assert found.score == [Before("order", "keep_log", "end_sessions"),
                           Within("quick", "start", "end_sessions", timedelta(minutes=15)), Achieved("told", "tell_legal")]
    assert found.answers == {"end_sessions": {"type": "phrase"}, "exported": "yes"}
    assert found.raw == text()


def test_the_same_bytes_have_the_same_hash() -> None:
    """A run keeps its scenario by SHA-256."""
    assert scene().sha256 == scene().sha256 != scene(title="Another").sha256


def test_most_parts_may_be_left_out() -> None:
    """A scenario needs a start and a world; the rest is empty."""
    found = scene(people="", inputs="", injects="", faults="", score="", answers="")
    assert not any([found.people, found.inputs, found.injects, found.faults, found.score, found.answers])


def test_without_the_runbook_any_name_goes() -> None:
    """The bytes that a run kept are read again without looking the runbook up."""
    assert scene(score="[{id: order, before: [nobody, knows]}]").score == [Before("order", "nobody", "knows")]


def test_a_long_text_is_one_line() -> None:
    """However an inject's text was folded in the file, it is read out as one."""
    folded = '[{id: press, at: 8m, say: "A reporter\n    asks\n    again."}]'
    assert scene(injects=folded).injects[0].say == "A reporter asks again."


def test_all_mistakes_at_once() -> None:
    """One pass, in the order of the file, each with its line and column."""
    raw = text(title="", starts='"2026-03-07 23:40"', worlds="{zendesk: {plan: gold, seeds: 7}, okta2: {}}",
               injects="[{id: press, say: Hm}, {id: press, after: end_session, say: Hm, too: legal}]",
               faults="[{connector: zendesk, request: everything, lost: sometimes}]",
               score="[{id: order, before: [keep_log]}, {id: quick, from: start}]", answers="{end_session: yes}")
    assert mistakes(raw) == [
        "1:1: a scenario lacks the key 'title'",
        "4:9: 'starts': '2026-03-07 23:40' is not a time; write it like 2026-03-07T23:40:00Z, with its zone, or now",
        "7:43: there is no world 'okta2'",
        "8:11: an inject without 'at' or 'after'",
        "8:38: the id 'press' is taken",
        "8:52: there is no step 'end_session'",
        "8:74: unknown key 'too'",
        "9:40: 'request': 'everything' is not a method and a path, as in GET /api/v2/audit_logs",
        "9:58: 'lost' is 'sometimes', and wants one of before, after",
        "10:29: 'before' is two steps",
        "10:42: a score line says one thing",
        "11:11: there is no step or inject 'end_session'",
    ]


def test_a_mistake_is_shown_with_a_caret_and_a_hint() -> None:
    """The line, a caret under the word, and what was meant."""
    with pytest.raises(RunbookError) as caught:
        load_bytes(text(answers="{end_session: yes}"), "weekend.yaml", takeover)
    assert caught.value.mistakes == [[
        "weekend.yaml:12:11: there is no step or inject 'end_session'",
        "   |",
        "12 | answers: {end_session: yes}",
        "   |           ^^^^^^^^^^^",
        "   = did you mean 'end_sessions'?",
    ]]


@pytest.mark.parametrize(("changes", "told"), [
    ({"schema": "irkit/v1"}, "'schema' is 'irkit/v1', and wants 'irkit/scenario-v1'"),
    ({"scenario": "weekday"}, "the scenario is called 'weekday', its file 'weekend'"),
    ({"runbook": "takeovr", "score": "", "answers": "", "injects": ""}, "no runbook is called 'takeovr'"),
    ({"starts": "now"}, "'starts': a scenario starts at a time of its own, like 2026-03-07T23:40:00Z"),
    ({"people": "[{name: Dana, email: dana, role: agent}]"}, "'email': 'dana' is not an e-mail address"),
    ({"people": "[{name: Dana, email: dana@example.org}]"}, "a person lacks the key 'role'"),
    ({"inputs": "{agent_mail: dana@example.org}"}, "there is no input 'agent_mail'"),
    ({"inputs": "{agent_email: dana}"}, "'agent_email': 'dana' is not an e-mail address"),
    ({"worlds": "{}", "faults": ""}, "a scenario has at least one world"),
    ({"worlds": "{zendesk: enterprise}"}, "the options of the world 'zendesk' are a mapping"),
    ({"worlds": "{zendesk: {seed: 1, seed: 2}}"}, "repeated key 'seed'"),
    ({"injects": "[{id: press, at: 8m, after: tell_legal, say: Hm}]"}, "an inject with both 'at' and 'after'"),
    ({"injects": "[{id: press, at: soon, say: Hm}]"}, "'at': 'soon' is not a duration; write 90s, 15m, 72h or 60d"),
    ({"injects": "[{id: press, at: 8m, say: Hm, expect: Calm}]"}, "'expect' without 'ask': nobody is asked"),
    ({"injects": "[{id: tell_legal, at: 8m, say: Hm}]"}, "the id 'tell_legal' is taken"),
    ({"faults": "[{connector: okta, request: GET /x, lost: after}]"}, "there is no world in this scenario 'okta'"),
    ({"faults": "[{connector: zendesk, request: GET /x}]"}, "a fault says one of 'lost' and 'answer'"),
    ({"faults": "[{connector: zendesk, request: GET /x, lost: after, times: 0}]"},
     "'times': '0' is not a whole number from 1 to 1000"),
    ({"faults": "[{connector: zendesk, request: GET /x, answer: {status: 99}}]"},
     "'status': '99' is not a whole number from 200 to 599"),
    ({"faults": "[{connector: zendesk, request: GET /x, transport: cut, lost: after}]"}, "unknown key 'transport'"),
    ({"score": "[{id: quick, from: beginning, to: tell_legal, within: 15m}]"}, "there is no step 'beginning'"),
    ({"score": "[{id: quick, from: tell_legal, to: start, within: 15m}]"}, "there is no step 'start'"),
    ({"score": "[{id: a, done: tell_legal}, {id: a, done: keep_log}]"}, "the id 'a' is taken"),
    ({"answers": "[yes]"}, "'answers' is a mapping of keys, not a list"),
    ({"by_hand": "{tell_lega: [zendesk.client]}"}, "there is no step 'tell_lega'"),
    ({"by_hand": "{tell_legal: [zendesk.clients]}"}, "there is no trace of an attack 'zendesk.clients'"),
    ({"by_hand": "{tell_legal: zendesk.client}"}, "'tell_legal' is a list, not a single value"),
    ({"wrong": "{late: {answers: {tell_legal: yes}, misses: [told]}}"}, "a wrong team lacks the key 'why'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_lega: yes}, misses: [told]}}"}, "there is no step or inject 'tell_lega'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_legal: yes}, misses: [tolt]}}"}, "there is no score line 'tolt'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_legal: yes}, misses: ['rush:told']}}"}, "there is no score line 'rush:'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_legal: yes}, misses: ['evidence:told']}}"}, "there is no step 'told'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_legal: yes}, misses: ['left:zendesk.clients']}}"},
     "there is no trace of an attack 'zendesk.clients'"),
    ({"wrong": "{late: {why: Hm, answers: {tell_legal: yes}, misses: []}}"}, "a wrong team misses something"),
])
def test_each_mistake_alone(changes: dict[str, str], told: str) -> None:
    """One wrong thing, one mistake."""
    assert one(**changes) == told


def test_a_wrong_team_answers_in_the_place_of_the_good_one() -> None:
    """Its answers stand before the scenario's; the others stay, and the good team's are what they were."""
    found = load_bytes(text(wrong="{late: {why: They sleep., answers: {exported: no}, misses: [told, 'left:zendesk.rule']}}",
                            by_hand="{tell_legal: [zendesk.client]}"), "w", takeover)
    assert found.answers_of("late") == {"end_sessions": {"type": "phrase"}, "exported": "no"}
    assert found.answers_of() == found.answers
    assert (found.wrong["late"].why, list(found.wrong["late"].misses)) == ("They sleep.", ["told", "left:zendesk.rule"])
    assert found.by_hand == {"tell_legal": ["zendesk.client"]}


def test_every_option_a_world_does_not_take() -> None:
    """Worlds judge their own options; each mistake stands at its option."""
    assert mistakes(text(worlds="{zendesk: {plan: gold, seeds: 7, agents: many}}")) == [
        "8:26: zendesk.plan is one of team, professional, enterprise, not 'gold'",
        "8:32: the zendesk world has no option 'seeds'",
        "8:50: zendesk.agents is a whole number, not 'many'",
    ]


def test_answers_reach_an_inject_by_its_id() -> None:
    """What autoplay says to a card stands under the card's id."""
    assert load_bytes(text(answers="{press: No comment.}"), "w", takeover).answers == {"press": "No comment."}


@pytest.mark.parametrize("raw", [b"", b"\xff", b"a: &x 1", b"- " * 60_000, b"[" * 50_000, b"just words", b"a: *x"])
def test_what_is_no_scenario_is_refused_in_words(raw: bytes) -> None:
    """Bombs, other encodings and other shapes end as mistakes, never as a crash."""
    with pytest.raises(RunbookError):
        load_bytes(raw, "x.yaml")


# -- finding -----------------------------------------------------------------------------------------------------

def put(folder: Path, name: str, **changes: str) -> Path:
    path = folder / "scenarios" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text(scenario=name, **changes))
    return path


def test_found_by_name_or_by_runbook(tmp_path: Path) -> None:
    """A scenario by its own name, or the first one of a runbook by the runbook's."""
    late = put(tmp_path, "a_later", starts='"2026-04-01T00:00:00Z"')
    early = put(tmp_path, "weekend")
    put(tmp_path, "other", runbook="other", starts='"2020-01-01T00:00:00Z"')
    assert find("a_later", [tmp_path]) == late
    assert find("takeover", [tmp_path]) == early


def test_the_first_is_the_earliest(tmp_path: Path) -> None:
    """`irkit drill` alone plays the scenario with the earliest start, whatever its name; a tie goes by name."""
    put(tmp_path, "a_later", starts='"2026-04-01T00:00:00Z"')
    put(tmp_path, "weekend")
    tie = put(tmp_path, "weekday", starts='"2026-03-08T00:40:00+01:00"')
    assert first([tmp_path]) == tie


def test_a_broken_file_is_never_the_first(tmp_path: Path) -> None:
    """What cannot be read stands in nobody's way; played by name it tells its mistakes."""
    whole = put(tmp_path, "weekend")
    broken = put(tmp_path, "a_broken", starts="")
    (broken.parent / "b_broken.yaml").write_bytes(b"[")
    assert first([tmp_path]) == whole
    with pytest.raises(RunbookError):
        load(find("a_broken", [tmp_path]))


def test_an_earlier_folder_wins(tmp_path: Path) -> None:
    """A scenario of one's own replaces the shipped one of that name; a folder without scenarios is passed over."""
    shipped, own, none = tmp_path / "shipped", tmp_path / "own", tmp_path / "none"
    put(shipped, "weekend", starts='"2020-01-01T00:00:00Z"')
    mine = put(own, "weekend")
    assert find("weekend", [none, own, shipped]) == first([none, own, shipped]) == mine


def test_nothing_to_play(tmp_path: Path) -> None:
    """The error says what there is, where it looked, and what to type."""
    with pytest.raises(UsageError, match="there is no scenario to play"):
        first([tmp_path])
    put(tmp_path, "weekend")
    with pytest.raises(UsageError, match=r"'weekand'; did you mean 'weekend'\?") as caught:
        find("weekand", [tmp_path])
    assert caught.value.where == f"looked in {tmp_path / 'scenarios'}"
    assert caught.value.next == "irkit runbook list"
