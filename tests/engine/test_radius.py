"""The report of a probe: what a run would affect, by name; and what cannot be told, as such."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from irkit.engine import radius, radius_text
from irkit.engine.gate import Closed, News, Sends
from irkit.engine.modes import Mode
from irkit.engine.session import load_from
from irkit.engine.state import REPORT
from irkit.ledger import Ledger
from irkit.ledger.verify import verify
from irkit.worlds import Fault
from tests.engine.play import AGENT, END, OPTIONS, SESSIONS, SUSPEND, Play, book
from tests.engine.test_fanout import OFF, TRIGGERS
from tests.forgery.judges import by_verify_py

SINCE_END = """
  - id: again
    phase: verify
    title: Read what happened since
    why: The look afterwards.
    action: zendesk.collect_audit_log
    with: {since: "{{ steps.end_sessions.at }}"}
"""
FROM_AGAIN = """
  - id: chain
    phase: verify
    title: Suspend who was seen since
    why: It hangs on a step that hangs on a write.
    for_each: "{{ steps.again.rows }}"
    action: zendesk.suspend_user
    with: {user_id: "{{ item.id }}"}
"""
PEOPLE = """
  - {id: call, phase: notify, title: Call the person, do: "Call {{ steps.agent.name }}.", evidence: required}
  - {id: bad, phase: investigate, title: Was it bad, ask: "Was it?", choices: {"yes": "Yes", "no": "No"}}
  - {id: role, phase: contain, title: Take the role, why: Since it was bad., when: steps.bad.choice == "yes",
     action: zendesk.downgrade_user, with: {user_id: "{{ steps.agent.id }}"}}
"""
ACCESS = """
  - {id: access, phase: preserve, title: Keep the access log, why: What was read., action: zendesk.collect_access_log,
     with: {since: "2026-03-01T00:00:00Z"}}
"""


def probe(folder: Path, *steps: str, **more: Any) -> Play:
    """A probe, walked to its end. It asks nothing."""
    played = Play(folder, book(*steps), {}, mode=Mode.PROBE, **more).walk()
    assert played.paused is None
    assert played.asked == []
    assert played.entries("request.sending") == []
    return played


def report_of(played: Play) -> dict[str, Any]:
    """The kept report, by the entry that names it."""
    closed, = played.entries("run.closed")
    with Ledger.open(played.folder, write=False) as ledger:
        return radius.read(load_from(ledger)(closed.disclosed["probe.report"]), closed.disclosed["probe.report"])


def step(report: Mapping[str, Any], step_id: str) -> dict[str, Any]:
    return next(dict(one) for one in report["steps"] if one["id"] == step_id)


def words(report: Mapping[str, Any]) -> str:
    return " ".join(" ".join(radius_text.lines(report)).split())


# -- what it says ------------------------------------------------------------------------------------------------

def test_what_would_break_is_counted_and_named(tmp_path: Path) -> None:
    """By noun, with every item; what can be undone apart from what cannot; a person whom two steps affect counts once."""
    report = report_of(probe(tmp_path / "I", AGENT, SESSIONS, SUSPEND, END, PEOPLE))
    assert report["cannot_be_undone"] == {"session": 2}
    assert report["can_be_undone"] == {"person": 1}
    assert report["headline"] == "will break and cannot be undone: 2 sessions; will change and can be undone: 1 person"
    ended = step(report, "end_sessions")
    assert [len(one["affects"]) for one in ended["requests"]] == [2]
    assert (ended["undo"], ended["requests"][0]["method"], ended["effect"]) == ("none", "DELETE", "irreversible")
    assert step(report, "suspend")["undo"].startswith("zendesk.unsuspend_user ")
    assert step(report, "suspend")["requests"][0]["seen"]["suspended"] is False
    for name in ended["requests"][0]["affects"]:
        assert " ".join(name.split()) in words(report)


def test_what_is_destroyed_says_whether_it_was_preserved(tmp_path: Path) -> None:
    """By a step of this very probe; else it is a warning."""
    kept = report_of(probe(tmp_path / "I", AGENT, SESSIONS, END))
    assert step(kept, "end_sessions")["destroys"] == [{"what": "sessions", "kept_by": [2], "accepted": ""}]
    assert radius_text.warnings(kept) == []
    lost = report_of(probe(tmp_path / "J", AGENT, SESSIONS, END, faults=[
        Fault("zendesk", "GET /api/v2/users/*/sessions", answer={"status": 403, "body": {}}, times=1)]))
    assert step(lost, "sessions")["finding"] == "unavailable"
    assert step(lost, "end_sessions")["destroys"][0]["kept_by"] == []
    assert "step 3: destroys sessions, which no step of this probe preserved" in radius_text.warnings(lost)
    assert "NOT PRESERVED" in words(lost)


def test_what_hangs_on_a_write_is_not_reached_and_never_nothing(tmp_path: Path) -> None:
    """Nor is what hangs on that; the report says on which value, and why nobody has it."""
    report = report_of(probe(tmp_path / "I", AGENT, SESSIONS, END, SINCE_END, FROM_AGAIN))
    assert [step(report, name)["finding"] for name in ("again", "chain")] == ["not_reached", "not_reached"]
    assert step(report, "again")["reason"] == "it needs steps.end_sessions.at; step 3 was shown, not sent"
    assert step(report, "chain")["reason"].startswith("it needs steps.again.rows; step 4 was not seen or not reached")
    assert "2 steps not reached" in report["headline"]
    assert "Not reached, as they need what only a sent step tells: not known, not nothing: 4. Read what" in words(report)


def test_what_a_plan_withholds_is_a_gap_and_what_fails_is_not_known(tmp_path: Path) -> None:
    """An access log that the plan does not have, and a look that the vendor answers 500, are neither clean nor nothing."""
    report = report_of(probe(tmp_path / "I", AGENT, ACCESS, SUSPEND, options={**OPTIONS, "adpp": False}, faults=[
        Fault("zendesk", "GET /api/v2/users/*.json", answer={"status": 500, "body": {}}, times=99),
        Fault("zendesk", "GET /api/v2/users/[0-9]*", answer={"status": 500, "body": {}}, times=99)]))
    assert step(report, "access")["finding"] == "unavailable"
    assert "ADPP" in step(report, "access")["reason"]
    assert step(report, "suspend")["finding"] == "not_seen"
    assert "500" in step(report, "suspend")["reason"]
    assert report["headline"] == "not known: 2 steps could not be seen"
    assert "3. Suspend the account [REVERSIBLE]:" in words(report)


def test_a_step_that_nothing_needs_doing_in_says_so(tmp_path: Path) -> None:
    """A list without an item: nothing was looked at, and nothing would be sent."""
    none = book(AGENT, TRIGGERS, OFF.replace("steps.triggers.items", "steps.triggers.suspects"))
    played = Play(tmp_path / "I", none, {}, mode=Mode.PROBE, options={**OPTIONS, "attack": ""}).walk()
    assert step(report_of(played), "off")["finding"] == "nothing_to_send"
    assert report_of(played)["headline"] == "nothing that was seen would be sent"


def test_a_step_that_takes_back_an_unsent_one_is_not_without_effect(tmp_path: Path) -> None:
    """The account is not suspended, since nothing was sent: that it need not be given back says nothing of a run."""
    back = """
  - {id: back, phase: recover, title: Give it back, why: It is theirs., action: zendesk.unsuspend_user,
     with: {user_id: "{{ steps.agent.id }}"}}
"""
    report = report_of(probe(tmp_path / "I", AGENT, SUSPEND, back))
    assert step(report, "back")["finding"] == "not_reached"
    assert step(report, "back")["reason"] == "it takes back what step 2 does, which was shown, not sent"
    assert step(report_of(probe(tmp_path / "J", AGENT, back)), "back")["finding"] == "nothing_to_send"


def test_each_item_of_many_is_named_and_so_is_one_that_could_not_be_seen(tmp_path: Path) -> None:
    """One look of a fan-out fails: the others are shown, and that one stands beside them as unseen."""
    every = report_of(probe(tmp_path / "I", TRIGGERS, OFF))
    requests = step(every, "off")["requests"]
    assert len(requests) > 3
    assert len({one["name"] for one in requests}) == len(requests)
    bad = requests[0]["url"].partition(".com")[2]
    some = step(report_of(probe(tmp_path / "J", TRIGGERS, OFF, faults=[
        Fault("zendesk", f"GET {bad}", answer={"status": 500, "body": {}}, times=99)])), "off")
    assert [one["name"] for one in some["items_not_seen"]] == [requests[0]["name"]]
    assert len(some["requests"]) == len(requests) - 1


def test_people_are_asked_nothing_and_a_decision_leaves_both_ways_open(tmp_path: Path) -> None:
    """What is done by hand or decided is left to them; what hangs on a decision is shown as if it were needed, and says so."""
    report = report_of(probe(tmp_path / "I", AGENT, PEOPLE))
    assert [step(report, name)["finding"] for name in ("call", "bad", "role")] == ["by_hand", "decision", "would_write"]
    assert step(report, "role")["if"] == 'steps.bad.choice == "yes"'
    assert 'If steps.bad.choice == "yes" (not decided yet)' in words(report)


def test_locking_oneself_out_is_a_warning(tmp_path: Path) -> None:
    """Irkit's own account, as it would be at the gate."""
    first = probe(tmp_path / "I", AGENT, SUSPEND)
    assert first.session is not None
    own = first.session.identities["zendesk"]
    assert own is not None
    report = report_of(probe(tmp_path / "J", AGENT, SUSPEND, email=own.email))
    assert any("step 2: This is the account irkit itself acts as" in text for text in radius_text.warnings(report))


def test_hostile_names_reach_neither_screen_nor_file_as_more_than_text(tmp_path: Path) -> None:
    """Escapes, line breaks and bidi marks of a tenant."""
    report = report_of(probe(tmp_path / "I", AGENT, SUSPEND))
    evil = "Dana\x1b[2J\r\nUndo     none\u202e\u2028 <d@example.org>\ud800"
    report["steps"][1]["requests"][0]["affects"] = [evil]
    report["incident"] = evil
    lines = radius_text.lines(report)
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("Undo     none") for line in lines)
    assert max(map(len, lines)) <= radius_text.WIDTH


# -- where it is kept --------------------------------------------------------------------------------------------

def test_the_report_is_kept_said_and_named(tmp_path: Path) -> None:
    """JSON and text are artefacts that run.closed names; the text is what the screen showed; both verifiers accept it."""
    played = probe(tmp_path / "I", AGENT, SESSIONS, END)
    closed, = played.entries("run.closed")
    listed = {e.disclosed["artefact.name"]: e.disclosed["artefact.sha256"] for e in played.entries("artefact.added")}
    assert (listed[REPORT], listed[radius.TEXT]) == (closed.disclosed["probe.report"], closed.disclosed["probe.text"])
    raw = (played.folder / "artifacts" / listed[radius.TEXT]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == listed[radius.TEXT]
    assert raw.decode().splitlines() == list(played.heard(News)[-1].lines)
    assert played.heard(Closed)[0].probed == report_of(played)["headline"]
    assert played.state.runs["r1"].probed is not None
    assert list(played.state.reports) == [listed[REPORT]]
    assert played.heard(Sends)[0].phrase == ""            # and no phrase is printed that nobody can type
    assert verify(played.folder).findings == []
    assert by_verify_py(played.folder, {}).code == 0


def test_a_probe_that_was_cut_off_goes_on_and_reports_the_whole(tmp_path: Path) -> None:
    """Killed after a step, then resumed: the report is made from the entries of both."""
    whole = report_of(probe(tmp_path / "I", AGENT, SESSIONS, SUSPEND, END))

    class Killed(BaseException):
        pass

    def kill(said: object) -> None:
        if getattr(said, "title", "") == "End every session of the account":
            raise Killed
    cut = Play(tmp_path / "J", book(AGENT, SESSIONS, SUSPEND, END), {}, mode=Mode.PROBE, on_say=kill)
    with pytest.raises(Killed):
        cut.walk()
    assert [e.step for e in cut.entries("request.not_sent")] == ["suspend"]
    assert "Probe" in " ".join(resumed_lines(cut))
    cut.on_say = lambda _: None
    again = report_of(cut.walk())
    assert again["headline"] == whole["headline"]
    assert [s["finding"] for s in again["steps"]] == [s["finding"] for s in whole["steps"]]


def resumed_lines(played: Play) -> list[str]:
    assert played.session is not None
    return list(played.session.view.resumed(played.session.ctx.clock.now()).open)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    """Other bytes than those of the digest, another schema, no JSON."""
    played = probe(tmp_path / "I", AGENT)
    raw = json.dumps(report_of(played)).encode()
    with pytest.raises(ValueError, match="SHA-256"):
        radius.read(raw + b" ", hashlib.sha256(raw).hexdigest())
    for bad in (b"{}", b"[]", b"no", b'{"irkit": "irkit/blast-radius-v1"}', b"[" * 100_000,
                raw.replace(b'"looked"', b'"would_write"'), raw.replace(b'"inputs": {', b'"inputs": 7, "x": {')):
        with pytest.raises(ValueError, match=r"no blast-radius report|Expecting"):
            radius.read(bad)
