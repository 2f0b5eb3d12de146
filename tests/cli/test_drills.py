"""irkit drill report and irkit drill history: what came of a drill, told from its ledger."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from irkit.cli.drills import _after
from irkit.drill.autoplay import Paced
from irkit.ledger import Ledger
from irkit.report.after import After, _gathered
from irkit.report.findings import Finding
from irkit.runbook import load_bytes as load_runbook
from tests.cli.rig import Capsys, irkit
from tests.cli.test_rehearse import BOOK, SCENARIO, played
from tests.drill.scenes import begun
from tests.ledger.conftest import SetClock

HOSTILE = "<script>alert(1)</script> | [x](http://evil.example) {{ 7*7 }}"


def drilled(root: Path, name: str = "D", text: str = SCENARIO, answers: dict[str, Any] | None = None) -> Path:
    """A drill's incident below `root`, played by its own answers or by others."""
    played(root, text=text, answers=answers)
    (root / "night").rename(root / name)
    return root / name


def missed() -> dict[str, Any]:
    """Answers of a team that skips containment and takes a look by hand."""
    return {"sessions": {"by_hand": "Took a screenshot", "attach": "text:shot"}, "press": HOSTILE,
            "end_sessions": {"skip": f"Who may? {HOSTILE}"}, "tell": {"by_hand": "Rang", "attach": "text:x", "who": "Ana"}}


def report(capsys: Capsys, *args: str) -> str:
    ran = irkit(capsys, "drill", "report", "D", *args, "--output", "-")
    assert ran.code == 0, ran.err
    return ran.out


class Page(HTMLParser):
    """Every tag and attribute of a page; tags must close as they opened."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.stack: list[str] = []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action") or name.startswith("on")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


# -- the report --------------------------------------------------------------------------------------------------

def test_the_page_stands_alone_and_runs_nothing(capsys: Capsys, tmp_path: Path) -> None:
    """No script, no link, nothing to load; what others wrote is text; every tag closes."""
    drilled(tmp_path / "evidence", text=SCENARIO.replace("A night", f"'A night {HOSTILE}'"),
            answers=missed())
    text = report(capsys)
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "a", "form"} & set(page.tags)
    assert page.links == []
    assert not re.search(r"url\(|@import|javascript:", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert page.tags.count("svg") == 2


def test_every_part_of_a_report_says_that_it_is_of_a_drill(capsys: Capsys, tmp_path: Path) -> None:
    """Each heading, the head of the one table that runs over many pages, and in print the edge of every page: no sheet of it
    passes for a record of something real."""
    drilled(tmp_path / "evidence")
    html, md = report(capsys), report(capsys, "--as", "md")
    headings = re.findall(r"<h[12]>(.*?)</h", html) + re.findall(r"^#+ (.*)", md, re.M)
    assert len(headings) == 14
    assert [one for one in headings if not one.startswith("DRILL ")] == []
    assert "<thead><tr><th>DRILL, from start</th>" in html
    assert re.search(r"@page \{[^}]*@top-right \{ content: \"DRILL\"", html)


def test_no_text_reorders_or_hides_another(capsys: Capsys, tmp_path: Path) -> None:
    """Bidi and zero-width characters in an answer or a reason stand in neither page; a scenario cannot hold them."""
    hostile = "pay\u202etxt.exe\u2066 a\u200bb"
    drilled(tmp_path / "evidence", answers={**missed(), "press": hostile, "end_sessions": {"skip": hostile}})
    for form in ("html", "md"):
        text = report(capsys, "--as", form)
        assert text.count("txt.exe") > 2
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", text)


@pytest.mark.parametrize("form", ["html", "md"])
def test_the_report_has_what_an_after_action_report_has(capsys: Capsys, tmp_path: Path, form: str) -> None:
    """Objectives with their results, injects with answers and what was wanted, the plan, the record it rests on."""
    drilled(tmp_path / "evidence")
    text = " ".join(re.sub(r"<[^>]*>|\\", " ", report(capsys, "--as", form)).replace("&#34;", '"').split())
    for words in ("DRILL", "Objectives: 2 of 2 reached", "Injects and answers", "Observations", "Improvement plan", "Timeline",
                  "Drills of this runbook", '"Keep" comes before "End"', '"End" within 00:15:00 of the start',
                  "A reporter rings.", "We call back.", "Nothing.", "small version 1", "verifies"):
        assert words in text, words


def test_markdown_shows_what_was_written_and_nothing_else(capsys: Capsys, tmp_path: Path) -> None:
    """No table breaks, no link and no HTML comes from an answer."""
    drilled(tmp_path / "evidence", answers=missed())
    text = report(capsys, "--as", "md")
    assert "<script" not in text
    assert re.search(r"(?<!\\)\[x(?<!\\)\]", text) is None
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_observations_name_the_entry_that_says_so(tmp_path: Path) -> None:
    """A skip with its reason, an action done by hand, and each has a line in the plan, owned by who owns the step."""
    folder = drilled(tmp_path, answers=missed())
    after = _after(folder)
    found = {one.kind: one for one in after.observations}
    with Ledger.open(folder, write=False) as ledger:
        kinds = {entry.seq: (entry.kind, entry.step) for entry in ledger.entries()}
    assert kinds[found["skipped"].entry] == ("step.skipped", "end_sessions")
    assert "Who may?" in found["skipped"].text
    assert [(one.id, one.verdict) for one in after.objectives] == [("kept_first", "ok"), ("contained", "not reached")]
    assert [(one.id, one.verdict) for one in after.beside] == [("left:zendesk.session", "missed")]
    assert after.drill.times["contain"] is None
    assert any("within 00:15:00" in one.what for one in after.plan)
    assert not [one for one in after.plan if one.agreed]


def test_what_is_missed_beside_the_objectives_is_in_every_count(capsys: Capsys, tmp_path: Path) -> None:
    """A team may reach all that the scenario asks for and leave the attack alive: neither report nor history hides that."""
    drilled(tmp_path / "evidence", text=SCENARIO.replace(", zendesk.client,", ","))
    assert irkit(capsys, "drill", "history", "--json").json[0]["score"] == {"met": 2, "of": 2}
    assert irkit(capsys, "drill", "history", "--json").json[0]["missed"] == 1
    assert "score 2/2, 1 missed;" in irkit(capsys, "drill", "history").out
    for form in ("html", "md"):
        text = report(capsys, "--as", form)
        assert "Every drill is judged by order, haste, evidence, what is left of the attack: 1 missed." in text
        assert "nothing of the attack is left alive: zendesk.client" in text
    plan = _after(tmp_path / "evidence" / "D").plan
    assert [(one.what.partition(":")[0], one.owner) for one in plan] == [("nothing of the attack is left alive", "")]


def test_whoever_owns_the_step_owns_what_it_missed(tmp_path: Path) -> None:
    """Legal was not told in time: a line of the plan for legal, and not for whoever owns the runbook."""
    text = SCENARIO.replace("score:\n", "score:\n  - {id: told, from: start, to: tell, within: 1m}\n")
    [line] = _after(drilled(tmp_path, text=text)).plan
    assert ('"Tell legal" within 00:01:00' in line.what, line.owner) == (True, "Counsel")


@pytest.mark.parametrize(("by", "told"), [("human", ["ok", "ok"]), ("copied", ["late", "late"])])
def test_the_result_that_a_drill_kept_is_what_is_told(capsys: Capsys, tmp_path: Path, by: str, told: list[str]) -> None:
    """Report and history judge nothing again: they read the last result that the drill kept, where it was killed at its end
    there are two; and none that somebody attached under its name."""
    folder = drilled(tmp_path / "evidence")
    with Ledger.open(folder) as ledger:
        [kept] = [entry for entry in ledger.entries() if entry.disclosed.get("artefact.name") == "score.json"]
        with ledger.open_artefact(kept.disclosed["artefact.sha256"]) as file:
            other = json.load(file)
        for line in other["asked"]:
            line["verdict"] = "late"
        ledger.start_session("Sam")
        ledger.keep("score.json", json.dumps(other).encode(), by=by, run=kept.run)
        ledger.end_session()
    assert [one.verdict for one in _after(folder).objectives] == told
    assert irkit(capsys, "drill", "history", "--json").json[0]["score"]["met"] == told.count("ok")


def test_a_result_of_before_has_its_times(capsys: Capsys, tmp_path: Path) -> None:
    """Results once kept the last step of a phase and not the first: that one is told, and not that nothing was reached."""
    folder = drilled(tmp_path / "evidence")
    with Ledger.open(folder) as ledger:
        [kept] = [entry for entry in ledger.entries() if entry.disclosed.get("artefact.name") == "score.json"]
        with ledger.open_artefact(kept.disclosed["artefact.sha256"]) as file:
            older = json.load(file)
        older.pop("unmet")
        for line in older["standard"]:
            line.pop("first", None)
        ledger.start_session("Sam")
        ledger.keep("score.json", json.dumps(older).encode(), run=kept.run)
        ledger.end_session()
    [row] = irkit(capsys, "drill", "history", "--json").json
    assert (row["seconds_to"]["contain"], row["seconds_through"]["contain"]) == (120, 120)


def test_a_note_is_an_observation_or_a_line_of_the_plan(capsys: Capsys, tmp_path: Path) -> None:
    """`improve: what @owner by date`; whatever it leaves out stays empty, and a date that is none is no date."""
    drilled(tmp_path / "evidence")
    for text in ("The bridge was full.", 'improve: a second bridge @"Ana Ruiz" by 2026-04-30', "improve: shorter cards",
                 "Improve: test it by 2026-99-99"):
        assert irkit(capsys, "note", "D", text).code == 0
    after: After = _after(tmp_path / "evidence" / "D")
    assert [one.text for one in after.observations] == ['noted: "The bridge was full."']
    assert [(one.what, one.owner, one.due) for one in after.plan if one.agreed] == [
        ("a second bridge", "Ana Ruiz", "2026-04-30"), ("shorter cards", "", ""), ("test it", "", "")]
    assert irkit(capsys, "drill", "report", "D", "--output", "a.md").code == 0
    assert Path("a.md").read_text().startswith("**DRILL.")


def test_one_delay_is_one_finding(tmp_path: Path) -> None:
    """Steps in a row that were late together are one line of the plan, with the first's entry; one that was late by itself
    is another."""
    def late(step: str, minutes: float, entry: int) -> Finding:
        return Finding("late", step, f"step ({step}) was late", entry, "be faster", took=timedelta(minutes=minutes))
    runbook = load_runbook(BOOK, "small.yaml")
    skipped = Finding("skipped", "sessions", "skipped", 9)
    found = [late("agent", 3, 5), late("sessions", 3.5, 6), late("end_sessions", 3.5, 7), late("tell", 9, 8)]
    assert [(one.text, one.entry) for one in _gathered(runbook, found)] == [
        ("step (agent) was late; so were, with it, steps 2, 3", 5), ("step (tell) was late", 8)]
    assert list(_gathered(runbook, [found[0], skipped, found[1]])) == [found[0], skipped, found[1]]


def test_the_timeline_is_the_ledgers(tmp_path: Path) -> None:
    """In the order of the entries, on the drill's clock, from the opening of the run to its end."""
    after = _after(drilled(tmp_path))
    numbers, kinds = [one.entry for one in after.timeline], [one.kind for one in after.timeline]
    assert numbers == sorted(numbers)
    assert (kinds[0], kinds[-1]) == ("run opened", "run closed")
    assert {"done", "by hand", "inject", "answer"} <= set(kinds)


def test_a_drill_ends_with_its_end(tmp_path: Path) -> None:
    """An observation of the day after makes it no longer, by no clock."""
    folder, clock = drilled(tmp_path), SetClock()
    before = _after(folder)
    with Ledger.open(folder, clock=clock) as ledger:
        [opened] = [entry for entry in ledger.entries() if entry.kind == "run.opened"]
        clock.wall = int(datetime.fromisoformat(opened.at).timestamp() + 86_400) * 10**9
        ledger.start_session("fay")
        ledger.append("control", {"control": "observe", "drill_at": opened.data["drill_at"]}, {"text": "A day later"},
                      run=opened.run, by="human")
        ledger.end_session()
    after = _after(folder)
    assert [one.text for one in after.observations] == ["A day later"]
    assert (after.real, after.took) == (before.real, before.took)


def test_a_live_incident_is_refused_with_the_reason(capsys: Capsys, tmp_path: Path) -> None:
    """What happened is exported as a record; a report after a drill is made of a drill."""
    Ledger.create(tmp_path / "evidence" / "L", mode="live", version="0", code_hash="0" * 64).close()
    ran = irkit(capsys, "drill", "report", "L", "--output", "x.html")
    assert ran.code == 2
    assert "L is a live incident" in ran.err
    assert "irkit ledger export L" in ran.err
    assert not Path("x.html").exists()


def test_an_incident_without_a_drill_is_refused(capsys: Capsys, tmp_path: Path) -> None:
    """Nothing was walked in it, so there is nothing to report."""
    Ledger.create(tmp_path / "evidence" / "E", mode="drill", version="0", code_hash="0" * 64).close()
    ran = irkit(capsys, "drill", "report", "E", "--output", "x.html")
    assert (ran.code, "holds no drill" in ran.err) == (2, True)


def test_a_report_does_not_overwrite(capsys: Capsys, tmp_path: Path) -> None:
    """The one that somebody filled in stays."""
    drilled(tmp_path / "evidence")
    Path("a.html").write_text("mine")
    assert irkit(capsys, "drill", "report", "D", "--output", "a.html").code == 2
    assert Path("a.html").read_text() == "mine"


def test_a_ledger_that_was_changed_says_so_at_the_head_of_the_report(capsys: Capsys, tmp_path: Path) -> None:
    """The report is written, warns, and the exit code is that of a ledger that does not verify."""
    folder = drilled(tmp_path / "evidence")
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "ledger.db"]
    artefact = next(path for path in kept if path.read_bytes() == b"23:50Z")
    artefact.chmod(0o600)
    artefact.write_bytes(b"23:10Z")
    ran = irkit(capsys, "drill", "report", "D", "--output", "a.html")
    assert ran.code == 5
    assert "does not verify" in Path("a.html").read_text()
    assert "DOES NOT VERIFY" in Path("a.html").read_text()
    row = irkit(capsys, "drill", "history", "--json").json[0]
    assert row["verifies"] is False


# -- history -----------------------------------------------------------------------------------------------------

def test_history_has_when_who_what_and_whether_it_verifies(capsys: Capsys, tmp_path: Path) -> None:
    """One row for each drill; one that a script played is marked, and counts as no practice."""
    root = tmp_path / "evidence"
    drilled(root, "A", answers=missed())
    drilled(root, "B")
    Ledger.create(root / "L", mode="live", version="0", code_hash="0" * 64).close()
    rows = irkit(capsys, "drill", "history", "--runbook", "small", "--json").json
    assert [(row["incident"], row["score"], row["scripted"], row["verifies"]) for row in rows] == [
        ("A", {"met": 1, "of": 2}, True, True), ("B", {"met": 2, "of": 2}, True, True)]
    assert [row["seconds_to"]["contain"] for row in rows] == [None, 120]
    with Ledger.open(root / "B", write=False) as ledger:
        assert rows[1]["head"] == [entry.leaf for entry in ledger.entries()][-1]
    out = irkit(capsys, "drill", "history").out
    assert "0 drills by 0 teams, 2 scripted; the last on" in out
    assert irkit(capsys, "drill", "history", "--runbook", "other", "--json").json == []
    assert "No drill of other" in irkit(capsys, "drill", "history", "--runbook", "other").err


def test_history_counts_what_people_drilled(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By version, by team, and how a team went from its first drill to its latest."""
    monkeypatch.setattr(Paced, "scripted", False)
    root = tmp_path / "evidence"
    for name, answers in (("A", missed()), ("B", None)):
        drilled(root, name, answers=answers)
    out = irkit(capsys, "drill", "history").out
    assert "2 drills by 1 team; the last on" in out
    assert "the scenario: small 1/2, 1 missed -> 2/2" in out
    assert "has on record: 2 drills by 1 team." in irkit(capsys, "drill", "report", "A", "--output", "-").out


def test_a_drill_that_was_not_ended_is_no_practice(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed and reported as it stands, and counts apart; what never happened has no entry in the plan."""
    monkeypatch.setattr(Paced, "scripted", False)
    drilled(tmp_path / "evidence", answers={"press": "Later."})
    assert "0 drills by 0 teams, 1 not ended" in irkit(capsys, "drill", "history").out
    assert irkit(capsys, "drill", "history", "--json").json[0]["closed"] is False
    text = report(capsys, "--facilitator")
    assert "(it was not ended)" in text
    assert "on record: 0 drills by 0 teams, 1 not ended" in text
    assert {one.entry for one in _after(tmp_path / "evidence" / "D", facilitator=True).plan} == {None}


@pytest.mark.parametrize("words", [("drill", "report", "D", "--output", "-"), ("runbook", "from-drill", "D")])
def test_a_drill_that_goes_on_is_reported_to_facilitators_alone(capsys: Capsys, steered: Path, words: tuple[str, ...]) -> None:
    """Observations and injects that have not come would tell the team what is to come; the refusal says how to ask."""
    ran = irkit(capsys, *words)
    assert ran.code == 2
    assert "goes on" in ran.err
    assert f"irkit {words[0]} {words[1]} D --facilitator" in ran.err
    assert irkit(capsys, *words, "--facilitator").code == 0


def test_a_drill_whose_ledger_does_not_verify_is_no_practice(capsys: Capsys, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts apart, in history and in the reports of the others, and the exit code tells of it."""
    monkeypatch.setattr(Paced, "scripted", False)
    root = tmp_path / "evidence"
    drilled(root, "A")
    kept = [path for path in drilled(root, "B").rglob("*") if path.is_file() and path.read_bytes() == b"23:50Z"]
    kept[0].chmod(0o600)
    kept[0].write_bytes(b"23:10Z")
    ran = irkit(capsys, "drill", "history")
    assert (ran.code, "1 drill by 1 team, 1 whose ledger DOES NOT VERIFY" in " ".join(ran.out.split())) == (5, True)
    text = irkit(capsys, "drill", "report", "A", "--output", "-").out
    assert "on record: 1 drill by 1 team, 1 whose ledger DOES NOT VERIFY.</p>" in text


def test_history_goes_on_past_a_damaged_ledger(capsys: Capsys, tmp_path: Path) -> None:
    """It is named on stderr, with the command that says what is wrong, and the exit code says that one is missing."""
    root = tmp_path / "evidence"
    drilled(root, "A")
    drilled(root, "B")
    with sqlite3.connect(root / "B" / "ledger.db") as database:
        database.execute("drop table entries")
    ran = irkit(capsys, "drill", "history", "--json")
    assert [row["incident"] for row in ran.json] == ["A"]
    assert "irkit ledger verify B" in ran.err
    assert ran.code == 5                               # for whoever reads standard output alone


def test_the_commands_stand_beside_the_scenarios(capsys: Capsys, tmp_path: Path) -> None:
    """Each by its name; any other word is a scenario to play."""
    drilled(tmp_path / "elsewhere")
    assert irkit(capsys, "drill", "report", "--evidence", "elsewhere", "D", "--output", "-").out.startswith("<!doctype html>")
    assert "no scenario" in irkit(capsys, "drill", "reports").err


def test_a_fault_that_no_request_met_is_no_excuse(capsys: Capsys, tmp_path: Path) -> None:
    """The result keeps which faults came; the page says so, and so does the closing screen."""
    met, unmet = '{connector: zendesk, request: "GET /api/v2/users/search", answer: {status: 429}}', \
        '{connector: zendesk, request: "GET /nothing/*", lost: before, times: 2}'
    folder = drilled(tmp_path / "evidence", text=SCENARIO.replace("faults: []", f"faults: [{met}, {unmet}]"))
    assert [(one.request, one.came) for one in _after(folder).faults] == [("GET /api/v2/users/search", True),
                                                                        ("GET /nothing/*", False)]
    assert "no, or not so often" in report(capsys)
    assert "no, or not so often" in report(capsys, "--as", "md")


# -- what a facilitator did ------------------------------------------------------------------------------------------

@pytest.fixture
def steered(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drill that maria plays and fay steers: one inject held, one added and answered, a fault, a step while the clock stands
    still, observations; legal exported it later. It was not ended."""
    folder, stamp = Path("evidence", "D"), {"drill_at": "2026-03-07T23:50:00Z"}
    folder.parent.mkdir()
    begun(folder)

    def fay(*words: str) -> int:
        monkeypatch.setenv("IRKIT_WHO", "fay")
        assert irkit(capsys, "drill", "control", "D", *words).code == 0
        with Ledger.open(folder, write=False) as ledger:
            return [entry for entry in ledger.entries() if entry.kind == "control"][-1].seq
    fay("hold", "press")
    added = fay("add", f"The chat is down. {HOSTILE}", "--ask", "How now?", "--expect", "By phone.")
    fay("fault", "zendesk", "GET /api/v2/audit_logs", "--status", "429", "--retry-after", "3", "--times", "2")
    stopped = fay("pause")
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria")
        ledger.append("control", {"control": "taken", **stamp}, run="r1", ref=stopped)
        ledger.append("inject", {"inject": f"added_{added}", **stamp}, {"text": ["INJECT"]}, run="r1")
        ledger.append("inject", {"inject": f"added_{added}", "answered": True, "seconds": 0, **stamp}, {"answer": "By radio."},
                      run="r1", by="human")
        ledger.append("step.by_hand", stamp, {"result": {"who": "Wei", "how": "Kept", "when": ""}}, run="r1", step="keep_log")
        ledger.end_session()
    going = fay("continue")
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria")
        ledger.append("control", {"control": "taken", **stamp}, run="r1", ref=going)
        ledger.end_session()
    fay("observe", "They rang each other", "--tag", "strength", "--objective", "told")
    fay("observe", 'improve: a radio for the night @"Ana Ruiz" by 2026-04-30', "--tag", "weakness", "--objective", "told")
    with Ledger.open(folder) as ledger:
        ledger.start_session("lawyer")
        ledger.append("exported", {"as": "bag"})
        ledger.end_session()
    return folder


def test_the_report_has_what_the_facilitator_did(steered: Path) -> None:
    """Injects of their own with the answers, those that they held to the end, faults, and when the clock stood still."""
    after = _after(steered, facilitator=True)
    press, hook, chat = after.cards
    assert (press.held, press.came, hook.held) == (True, None, False)
    assert (chat.by, chat.answer, chat.expect) == ("fay", "By radio.", "By phone.")
    assert [(one.request, one.how, one.times, one.by, one.came) for one in after.faults] == [
        ("DELETE /api/v2/users/*/sessions", "took effect, and its answer was lost", 1, "the scenario", None),
        ("GET /api/v2/audit_logs", "answered 429, wait 3 s", 2, "fay", None)]
    assert (after.stood.times, after.stood.steps) == (1, ["keep_log"])
    facilitated = [one.text.partition(" ")[0] for one in after.timeline if one.kind == "facilitator"]
    assert facilitated == ["hold", "add", "fault", "pause", "continue", "observe", "observe"]


@pytest.mark.parametrize("form", ["html", "md"])
def test_both_pages_say_what_the_facilitator_did(capsys: Capsys, steered: Path, form: str) -> None:
    """In words, and with what was typed as text."""
    text = report(capsys, "--as", form, "--facilitator")
    if form == "html":
        Page(text)
    assert "<script" not in text
    text = " ".join(re.sub(r"<[^>]*>|\\", " ", text).split())
    for words in ("maria; facilitated by fay; named in it: Wei", "never: held", "(added by fay)", "answered 429, wait 3 s",
                  "It stood still 1 time, for 00:00:0", "these steps were done meanwhile, and their times are no measure: 1",
                  "What is left of the attack was not asked: the drill was not ended."):
        assert words in text, words


def test_what_a_facilitator_saw_is_an_observation_or_a_line_of_the_plan(steered: Path) -> None:
    """First among the observations, with its tag, its objective and who saw it; as a note is, `improve:` is for the plan."""
    after = _after(steered, facilitator=True)
    first = after.observations[0]
    assert (first.kind, first.step, first.text, first.who) == ("strength", "tell_legal", "They rang each other (told)", "fay")
    assert [one.text for one in after.observations if "radio" in one.text] == []
    assert [(one.what, one.owner, one.due) for one in after.plan if one.agreed] == [
        ("a radio for the night", "Ana Ruiz", "2026-04-30")]


def test_whoever_steers_or_exports_is_not_of_the_team(capsys: Capsys, steered: Path) -> None:
    """Drills are counted by team: who plays. A facilitator is told apart, and who only exports it is told nowhere."""
    [row] = irkit(capsys, "drill", "history", "--json").json
    assert (row["team"], row["facilitators"], row["named"]) == (["maria"], ["fay"], ["Wei"])
