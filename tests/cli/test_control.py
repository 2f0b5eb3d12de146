"""irkit drill control: a facilitator's verbs, what each refuses, and what a drill refuses to begin on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit.cli.facilitating import Desk, desk_of, there
from irkit.cli.options import Settings
from irkit.engine.fold import fold
from irkit.engine.session import load_from
from irkit.engine.state import State
from irkit.errors import UsageError
from irkit.ledger import Entry, Ledger
from irkit.ledger.clock import SystemClock
from tests.cli.people import incident
from tests.cli.rig import Capsys, Ran, irkit
from tests.cli.test_completion import offered
from tests.drill.scenes import begun
from tests.ledger.conftest import SetClock

NAME = "D-1"


@pytest.fixture(autouse=True)
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a drill that is open."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IRKIT_WHO", "fay")
    Path("evidence").mkdir()
    begun(Path("evidence", NAME))
    return tmp_path / "evidence"


def said() -> list[Entry]:
    with Ledger.open(Path("evidence", NAME), write=False) as ledger:
        return [entry for entry in ledger.entries() if entry.kind == "control"]


@contextlib.contextmanager
def facilitated(clock: SetClock, *, pid: int = 0) -> Iterator[tuple[Desk, Ledger]]:
    """A desk, and the ledger as the team's process writes to it: a process that is there, unless `pid` says another."""
    clock.name = SystemClock().boot()
    with Ledger.open(Path("evidence", NAME), clock=clock) as team:
        team.start_session("maria", data={"pid": pid or os.getppid()})
        team.append("run.resumed", {"drill_at": "2026-03-07T23:40:00Z"}, run="r1")
        with desk_of(Settings(evidence=Path("evidence")), NAME, clock=clock) as desk:
            yield desk, team
        team.end_session()


def control(capsys: Capsys, *words: str) -> Ran:
    return irkit(capsys, "drill", "control", NAME, *words)


@pytest.mark.parametrize(("words", "data", "shown"), [
    (("hold", "press"), {"control": "hold", "inject": "press"}, {}),
    (("release", "hook"), {"control": "release", "inject": "hook"}, {}),
    (("add", "The chat is down.", "--ask", "How now?", "--expect", "Phones.", "--to", "all", "--at", "25m"),
     {"control": "add", "at_seconds": 1500},
     {"text": "The chat is down.", "inject.ask": "How now?", "inject.expect": "Phones.", "inject.to": "all"}),
    (("add", "A fire.", "--after", "keep_log"), {"control": "add", "after": "keep_log"}, {"text": "A fire."}),
    (("fault", "zendesk", "GET /*", "--status", "429", "--retry-after", "3", "--times", "2"),
     {"control": "fault", "connector": "zendesk", "status": 429, "retry_after": 3, "times": 2}, {"fault.request": "GET /*"}),
    (("fault", "zendesk", "PUT /api/v2/users/*", "--lost", "before"),
     {"control": "fault", "connector": "zendesk", "lost": "before", "times": 1}, {"fault.request": "PUT /api/v2/users/*"}),
    (("pause",), {"control": "pause"}, {}),
    (("continue",), {"control": "continue"}, {}),
    (("observe", "They asked twice", "--tag", "strength", "--objective", "told"),
     {"control": "observe", "tag": "strength", "objective": "told"}, {"text": "They asked twice"}),
])
def test_each_verb_is_an_entry(capsys: Capsys, words: tuple[str, ...], data: dict[str, object],
                               shown: dict[str, object]) -> None:
    """At the drill's time, by a human, with what is free text where it can be withheld."""
    ran = control(capsys, *words)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("DRILL ")
    [entry] = said()
    assert entry.data == {**data, "drill_at": "2026-03-07T23:40:00Z"}
    assert (entry.by, entry.run, entry.disclosed) == ("human", "r1", shown)


@pytest.mark.parametrize("verb", ["", "hold", "release", "add", "fault", "pause", "continue", "observe"])
def test_each_verb_has_its_help_with_an_example(capsys: Capsys, verb: str) -> None:
    """Within 100 columns, and with the words that one types."""
    ran = control(capsys, *filter(None, [verb]), "--help")
    assert ran.code == 0
    assert f"irkit drill control D-1 {verb}".rstrip() in ran.out
    assert [line for line in ran.out.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize(("words", "told"), [
    (("hold", "pres"), "there is no inject 'pres'; did you mean 'press'?"),
    (("release", "dana"), "waiting: press, hook"),
    (("add", "A fire.", "--at", "5m", "--after", "keep_log"), "both --at and --after"),
    (("add", "A fire.", "--at", "soon"), "--at: "),
    (("add", "A fire.", "--after", "keep_logs"), "there is no step 'keep_logs'; did you mean 'keep_log'?"),
    (("add", "A fire.", "--expect", "Run."), "--expect without --ask"),
    (("add", "  "), "needs some text"),
    (("fault", "zendesk", "GET /*"), "one of --lost and --status"),
    (("fault", "zendesk", "GET /*", "--lost", "after", "--status", "503"), "one of --lost and --status"),
    (("fault", "okta", "GET /*", "--lost", "after"), "this drill has no world 'okta'; it has zendesk"),
    (("fault", "zendesk", "everything", "--lost", "after"), "is not a method and a path"),
    (("observe", "Well done", "--objective", "quik"), "there is no objective 'quik'; did you mean 'quick'?"),
    (("observe", " "), "needs some text"),
    (("resume",), "No such command"),
])
def test_what_makes_no_sense_is_refused(capsys: Capsys, words: tuple[str, ...], told: str) -> None:
    """Exit 2, what there is, and no entry: not even of a session."""
    before = Path("evidence", NAME, "ledger.db").read_bytes()
    ran = control(capsys, *words)
    assert ran.code == 2
    assert told in ran.words
    assert said() == []
    assert Path("evidence", NAME, "ledger.db").read_bytes() == before


@pytest.mark.parametrize("words", [(), ("pause",), ("--json",), ("observe", "x")])
def test_a_live_incident_is_not_steered(capsys: Capsys, words: tuple[str, ...]) -> None:
    """Whatever the verb; nothing is added."""
    folder = incident("live", open_run=True)
    ran = irkit(capsys, "drill", "control", folder.name, *words)
    assert ran.code == 2
    assert "is a live incident, and only a drill is steered" in ran.words
    with Ledger.open(folder, write=False) as ledger:
        assert [entry for entry in ledger.entries() if entry.kind == "control"] == []


def test_a_control_entry_in_a_live_ledger_changes_nothing() -> None:
    """Whoever writes one there holds no inject and stops no clock: the fold takes them of a drill alone."""
    folder = incident("live", open_run=True)
    with Ledger.open(folder) as ledger:
        ledger.start_session("fay")
        ledger.append("control", {"control": "pause"}, run="r1")
        state = fold(State(), ledger.entries(), load_from(ledger))
    assert state.runs["r1"].controls == []


@pytest.mark.parametrize("words", [("--incident", "INC-1"), ("--evidence", "evidence/INC-1")])
def test_a_drill_does_not_begin_where_a_live_incident_is(capsys: Capsys, words: tuple[str, ...]) -> None:
    """Neither in its folder nor below it."""
    folder = incident("live", open_run=True)
    before = sorted(folder.iterdir())
    ran = irkit(capsys, "drill", "weekend_export", "--autoplay", *words)
    assert ran.code == 2
    assert "INC-1 holds a live incident, and a drill begins in a folder of its own" in ran.words
    assert sorted(folder.iterdir()) == before


def test_a_drill_that_plays_itself_has_no_facilitator(capsys: Capsys) -> None:
    """The flags exclude each other, and nothing is written."""
    ran = irkit(capsys, "drill", "--autoplay", "--facilitator", "--incident", "D-2")
    assert ran.code == 2
    assert not Path("evidence", "D-2").exists()


def test_after_its_end_a_drill_is_observed_and_not_steered(capsys: Capsys) -> None:
    """Observations are taken in the talk afterwards, too."""
    with Ledger.open(Path("evidence", NAME)) as ledger:
        ledger.start_session("maria")
        ledger.append("run.closed", run="r1")
    ran = control(capsys, "pause")
    assert (ran.code, ran.err.startswith("DRILL the drill of D-1 is over")) == (2, True)
    assert "irkit drill report D-1 --output D-1.html" in ran.words.replace("DRILL ", "")
    assert control(capsys, "observe", "They would have rung twice").code == 0
    assert control(capsys, "--json").json["run"]["closed"] is True


def test_the_state_as_json(capsys: Capsys) -> None:
    """The team's steps, the injects with what a good answer holds, faults, observations."""
    for words in (("hold", "press"), ("add", "A fire."), ("fault", "zendesk", "GET /*", "--lost", "after"), ("pause",),
                  ("observe", "Calm", "--tag", "strength")):
        assert control(capsys, *words).code == 0
    found = control(capsys, "--json").json
    assert (found["incident"], found["mode"], found["scenario"]) == (NAME, "drill", "weekend")
    assert (found["paused"], found["facilitators"], found["asks"]) == (True, [], None)
    assert [step["id"] for step in found["run"]["steps"]] == ["keep_log", "end_sessions", "tell_legal"]
    assert {one["id"]: one["state"] for one in found["injects"]} == {"press": "held", "hook": "waiting",
                                                                       found["injects"][2]["id"]: "waiting"}
    assert (found["injects"][0]["expect"], found["injects"][0]["at_seconds"]) == ("Nothing.", 480)
    assert [(one["fault.request"], one["taken"]) for one in found["faults"]] == [("GET /*", False)]
    assert [(one["text"], one["tag"], one["by"]) for one in found["observations"]] == [("Calm", "strength", "fay")]


def test_whoever_follows_as_a_participant_sees_nothing_of_it(capsys: Capsys) -> None:
    """`irkit watch` shows that the clock was stopped, and neither what is held nor what was observed."""
    from irkit.cli.watch import follow
    for words in (("hold", "press"), ("observe", "Nobody reads"), ("pause",)):
        control(capsys, *words)
    capsys.readouterr()
    follow(Settings(), Path("evidence", NAME), iter(()))
    shown = capsys.readouterr().out
    assert "pause" in shown
    assert "press" not in shown
    assert "Nobody reads" not in shown


def test_a_session_is_there_while_its_process_is() -> None:
    """A process that has ended is gone; one of another boot, on another machine perhaps, counts as there."""
    state, boot = State(), SystemClock().boot()
    state.sessions = {1: {"boot": boot, "pid": os.getppid()}, 2: {"boot": boot, "pid": 2**22 + 1},
                      3: {"boot": "another", "pid": 2**22 + 1}}
    assert [there(state, seq) for seq in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize("verb", ["hold", "release"])
def test_an_inject_that_came_while_it_was_chosen_is_refused(verb: str) -> None:
    """The desk looks once more: whoever wants to hold it hears that the team has it."""
    with desk_of(Settings(evidence=Path("evidence")), NAME) as desk:
        assert "press" in desk.waiting()
        with Ledger.open(Path("evidence", NAME)) as team:
            team.start_session("maria")
            team.append("inject", {"inject": "press", "drill_at": "2026-03-07T23:48:00Z"}, {"text": ["INJECT"]}, run="r1")
        with pytest.raises(UsageError, match="'press' was played already"):
            getattr(desk, verb)("press")
    assert said() == []


def test_what_comes_while_a_facilitator_types_is_shown_after_it() -> None:
    """Taking an observation reads on in the ledger; what it read is news all the same, in its place and once."""
    with desk_of(Settings(evidence=Path("evidence")), NAME) as desk:
        assert desk.news() == []
        with Ledger.open(Path("evidence", NAME)) as team:
            team.start_session("maria")
            team.append("note", {}, {"text": "A Tor exit"}, run="r1", by="human")
        desk.observe("They look at addresses", "strength")
        shown = [row.kind for row in desk.news()]
        assert [kind for kind in shown if kind in ("note", "control")] == ["note", "control"]
        assert desk.news() == []


def test_a_facilitators_time_goes_on_while_the_team_reads() -> None:
    """Twenty minutes at one question: the desk says so, and what is observed then stands at that time of the drill."""
    clock = SetClock()
    with facilitated(clock) as (desk, team):
        team.append("control", {"control": "asks", "question": "gate", "drill_at": "2026-03-07T23:40:00Z"}, {"text": "Done?"},
                    run="r1")
        clock.passes(1200, wall=5)
        entry = desk.observe("They read in silence", "weakness")
        assert entry.data["drill_at"].startswith("2026-03-08T00:00:00")
        text = " ".join(" ".join(desk.lines()).replace("DRILL", "").split())
    assert 'Asked gate, since 00:20:00: "Done?"' in text
    assert "Time 00:20:00, runs" in text


@pytest.mark.parametrize(("pid", "shown"), [(0, ""), (2**22 + 1, "Team Nobody plays. irkit resume D-1 goes on")])
def test_a_facilitator_sees_that_nobody_plays(pid: int, shown: str) -> None:
    """A process that was killed left no word in the ledger: the desk looks whether it is there."""
    with facilitated(SetClock(), pid=pid) as (desk, _):
        text = " ".join(" ".join(desk.lines()).replace("DRILL", "").split())
        assert (desk.playing, desk.json()["playing"]) == (not shown, not shown)
    assert ("Nobody plays" in text, "runs Watching" in text) == (bool(shown), not shown)
    assert shown in text


@pytest.mark.parametrize("how", ["paused", "gone", "another boot"])
def test_a_facilitators_time_stands_still_with_the_drills(how: str) -> None:
    """Where the team's process took up a pause, and where it is not there; on another boot's clock nothing is counted."""
    clock = SetClock()
    with facilitated(clock, pid=2**22 + 1 if how == "gone" else 0) as (desk, team):
        if how == "paused":
            asked = desk.say("pause")
            team.append("control", {"control": "taken", "drill_at": "2026-03-07T23:40:00Z"}, run="r1", ref=asked.seq)
        clock.name = "boot-2" if how == "another boot" else clock.name
        clock.passes(1200)
        assert desk.observe("Silence", "weakness").data["drill_at"].startswith("2026-03-07T23:40:00")


def test_the_desk_shows_the_teams_screen_and_the_injects(capsys: Capsys) -> None:
    """The question that stands there, what is held, and in full what a good answer holds."""
    control(capsys, "hold", "press")
    with Ledger.open(Path("evidence", NAME)) as ledger:
        session = ledger.start_session("fay", data={"facilitates": "r1"})
        ledger.append("control", {"control": "joined", "drill_at": "2026-03-07T23:41:00Z"}, run="r1", ref=session)
        ledger.append("control", {"control": "asks", "question": "gate", "drill_at": "2026-03-07T23:42:00Z"}, {"text": "Done?"},
                      run="r1", step="keep_log")
        ledger.append("inject", {"inject": "hook", "drill_at": "2026-03-07T23:43:00Z"}, {"text": ["INJECT"]}, run="r1")
        with desk_of(Settings(evidence=Path("evidence")), NAME, write=False) as desk:
            text = " ".join(" ".join(desk.lines()).replace("DRILL", "").split())
            cards = " ".join(" ".join(desk.card_lines()).split())
    for words in ('Asked gate, since 00:01:00: "Done?"', "Watching fay", "Time 00:03:00, stands still",
                  "HELD, comes at 00:08:00", "played at 00:03:00", "step 1 of 3"):
        assert words in text
    assert "Expect Nothing." in cards


def test_injects_are_offered_of_the_drill_that_is_named() -> None:
    """Whatever else is open: those that have not come; the verbs themselves stand before them."""
    begun(Path("evidence", "A-0"))
    with Ledger.open(Path("evidence", NAME)) as team:
        team.start_session("maria")
        team.append("inject", {"inject": "press"}, {"text": ["INJECT"]}, run="r1")
        team.end_session()
    assert offered("drill", "control", NAME, "hold") == ["hook"]
    assert offered("drill", "control", "A-0", "release") == ["hook", "press"]
    assert offered("drill", "control", NAME, incomplete="h") == ["hold"]
