"""irkit drill control: a facilitator's verbs, what each refuses, and what a drill refuses to begin on."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit.cli.facilitating import Desk, desk_of, there
from irkit.cli.options import Settings
from irkit.cli.watch import follow
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


@pytest.mark.parametrize("before", [["--evidence", "elsewhere"], ["--plain", "--evidence=elsewhere"]])
def test_options_may_stand_before_its_name(capsys: Capsys, before: list[str]) -> None:
    """`irkit drill --evidence X control D` is the facilitator's command, and no scenario of that name."""
    ran = irkit(capsys, "drill", *before, "control", "D-1")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "there is no incident 'D-1' in elsewhere")
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


def test_a_drill_that_is_over_says_how_it_is_reported(capsys: Capsys) -> None:
    """The closing screen's next commands begin with the report, as it is typed; each of them works."""
    closes()
    out = irkit(capsys, "status", NAME).out.replace("DRILL", "")
    commands = [line.removeprefix("Next").split() for line in map(str.strip, out.splitlines()) if "irkit" in line.split()]
    assert [" ".join(words[1:3]) for words in commands] == ["drill report", "ledger verify", "ledger export"]
    for words in commands:
        assert irkit(capsys, *words[1:]).code == 0, words
    assert Path("report.html").is_file()


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


SECRETS = ("press", "Nobody reads", "A fire.", "GET /*")       # of the entries below
LEFT_OUT = "DRILL 4 entries of the facilitator's are left out; --facilitator shows all."


@pytest.fixture
def behind() -> None:
    """What a facilitator does behind the team's back, and a pause, which the team sees."""
    with desk_of(Settings(evidence=Path("evidence")), NAME) as desk:
        desk.hold("press")
        desk.observe("Nobody reads", "weakness")
        desk.add("A fire.", at_seconds=1500)
        desk.fault("zendesk", "GET /*", lost="after")
        desk.say("pause")


def closes(then: str = "") -> str:
    with Ledger.open(Path("evidence", NAME)) as ledger:
        ledger.start_session("maria")
        ledger.append("run.closed", run="r1")
        ledger.end_session()
    return then


def told(out: str) -> list[str]:
    """Which of the facilitator's secrets are told. Screens wrap."""
    words = " ".join(out.replace("DRILL", "").split())
    return [secret for secret in SECRETS if secret in words]


def followed(capsys: Capsys, *acts: Callable[[], object], as_json: bool = False, facilitator: bool = False) -> Ran:
    """`irkit watch`, with what happens between two looks; it ends with the last act."""
    def waits() -> Iterator[str]:
        for act in acts:
            yield str(act() or "")
    capsys.readouterr()
    follow(Settings(evidence=Path("evidence")), Path("evidence", NAME), waits(), as_json=as_json, facilitator=facilitator)
    printed = capsys.readouterr()
    return Ran(0, printed.out, printed.err)


@pytest.mark.usefixtures("behind")
def test_whoever_follows_as_a_participant_sees_nothing_of_it(capsys: Capsys) -> None:
    """`irkit watch` shows that the clock was stopped, and says how many entries it leaves out; for its facilitator, none."""
    ran = followed(capsys)
    assert "control            pause" in ran.out
    assert told(ran.out) == []
    assert ran.out.splitlines()[-1] == LEFT_OUT
    ran = followed(capsys, facilitator=True)
    assert told(ran.out) == list(SECRETS)
    assert "left out" not in ran.out


@pytest.mark.usefixtures("behind")
def test_a_program_that_follows_sees_nothing_of_it_either(capsys: Capsys) -> None:
    """Every other entry is an object; that some are left out is said beside them. For a facilitator's, all are there."""
    ran = followed(capsys, as_json=True)
    assert [one["data"]["control"] for one in map(json.loads, ran.out.splitlines()) if one["kind"] == "control"] == ["pause"]
    assert told(ran.out) == []
    assert ran.err.splitlines() == [LEFT_OUT]
    ran = followed(capsys, as_json=True, facilitator=True)
    assert ([one["seq"] for one in map(json.loads, ran.out.splitlines())], ran.err) == ([*range(size())], "")


def size() -> int:
    with Ledger.open(Path("evidence", NAME), write=False) as ledger:
        return ledger.size


@pytest.mark.parametrize("act", ["", "all"])
@pytest.mark.usefixtures("behind")
def test_who_follows_is_shown_all_of_it_once_the_drill_is_over(capsys: Capsys, act: str) -> None:
    """What was kept back comes behind a line that says what it is; an object each for a program. Then it is in its place."""
    out = followed(capsys, lambda: closes(act)).out
    assert out.index("The drill is over; what its facilitator did in it:") < out.index("hold press") < out.index("run.closed")
    assert told(out) == list(SECRETS)
    again = followed(capsys).out
    assert ("hold press" in again, "left out" in again, "The drill is over" in again) == (True, False, False)


@pytest.mark.usefixtures("behind")
def test_a_program_that_follows_misses_nothing_in_the_end(capsys: Capsys) -> None:
    """What was kept back comes as soon as the drill is over, each entry once."""
    found = [json.loads(line)["seq"] for line in followed(capsys, closes, as_json=True).out.splitlines()]
    assert sorted(found) == [*range(size())]


def test_what_a_facilitator_begins_meanwhile_is_said_to_be_left_out(capsys: Capsys) -> None:
    """Once, at the first; how many there are stands below the whole when that is shown again."""
    def hold() -> None:
        with desk_of(Settings(evidence=Path("evidence")), NAME) as desk:
            desk.hold("press")
            desk.observe("Nobody reads", "weakness")
    ran = followed(capsys, hold, hold, lambda: "all")
    assert [line for line in ran.out.splitlines() if "left out" in line] == [
        LEFT_OUT.replace("4 entries", count).replace("are", be) for count, be in (("2 entries", "are"), ("4 entries", "are"))]
    ran = followed(capsys, hold, hold, as_json=True)
    assert ran.err.splitlines() == [LEFT_OUT]


@pytest.mark.usefixtures("behind")
def test_a_ledger_is_shown_without_it_while_the_drill_is_open(capsys: Capsys) -> None:
    """As lines, JSON or an export, to whoever does not say that they facilitate; how many are left out is said beside it."""
    for form in (("show", NAME), ("show", NAME, "--json"), ("export", NAME, "--as", "jsonl")):
        ran = irkit(capsys, "ledger", *form)
        assert (ran.code, told(ran.out), ran.err.splitlines()) == (0, [], [LEFT_OUT])
        assert "pause" in ran.out
        ran = irkit(capsys, "ledger", *form, "--facilitator")
        assert (ran.code, told(ran.out), ran.err) == (0, list(SECRETS), "")
    closes()
    ran = irkit(capsys, "ledger", "show", NAME)
    assert (told(ran.out), ran.err) == (list(SECRETS), "")


@pytest.mark.usefixtures("behind")
def test_what_is_left_out_is_counted_among_what_was_asked_for(capsys: Capsys) -> None:
    """Of the entries of one kind; and where nothing else is left, no step is said to be mistyped."""
    assert irkit(capsys, "ledger", "show", NAME, "--kind", "note").err.startswith("No such entry")
    with Ledger.open(Path("evidence", NAME)) as ledger:
        ledger.start_session("maria")
        ledger.append("control", {"control": "asks", "question": "gate"}, {"text": "Done?"}, run="r1", step="keep_log")
    ran = irkit(capsys, "ledger", "show", NAME, "--step", "keep_log")
    assert (ran.out, ran.err.splitlines()) == ("", ["DRILL 1 entry of the facilitator's is left out; --facilitator shows all."])


@pytest.mark.usefixtures("behind")
def test_the_other_commands_of_a_participant_tell_nothing_of_it(capsys: Capsys) -> None:
    """Where the drill stands, which incidents there are, what is completed; what verifies is whole."""
    for words in (("status", NAME), ("status", NAME, "--json"), ("status",), ("incident", "list", "--json"),
                  ("people", "show", NAME), ("undo", NAME)):
        ran = irkit(capsys, *words)
        assert told(ran.out + ran.err) == [], words
    assert told(" ".join(offered("ledger", "show", NAME, "--step") + offered("undo", NAME))) == []
    assert irkit(capsys, "ledger", "verify", NAME).code == 0


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
