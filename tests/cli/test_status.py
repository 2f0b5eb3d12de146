"""irkit status: where an incident stands, where it stood, and every legal clock that runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irkit.cli.status import moment_of
from irkit.engine.asof import until
from irkit.errors import UsageError
from irkit.ledger import Ledger
from tests.cli.people import BOOK, NAME, incident
from tests.cli.rig import Capsys, Ran, irkit
from tests.ledger.conftest import SetClock

S = 10**9
AWARE = datetime(2026, 11, 20, 2, 6, tzinfo=UTC)


def timed(name: str = NAME, mode: str = "test", *, wall: datetime = AWARE) -> tuple[Ledger, SetClock]:
    """An incident whose run was opened at `wall`, on clocks that are set by hand."""
    both = SetClock()
    both.wall = int(wall.timestamp() * S)
    ledger = Ledger.create(Path("evidence", name).absolute(), mode=mode, version="1", code_hash="", clock=both)
    ledger.start_session("Maria Lopez")
    book = ledger.keep("mine.yaml", BOOK, run="r1")
    ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": book.sha256, "mode": "live"},
                  {"inputs.aware_at": "2026-11-20T02:06:00Z"}, run="r1", by="human")
    return ledger, both


def worked() -> Ledger:
    """Opened at 02:06Z; the call is made at 03:06Z, and at 04:06Z it turns out that they knew at 01:00Z already."""
    ledger, both = timed()
    both.passes(3600)
    ledger.append("step.by_hand", {}, {"result": {}}, run="r1", step="call", by="human")
    both.passes(3600)
    ledger.append("input.corrected", {"input": "aware_at"},
                  {"inputs.aware_at": "2026-11-20T01:00:00Z", "reason": "the night desk"}, run="r1", by="human")
    ledger.append("step.skipped", {}, {"reason": "asleep"}, run="r1", step="tell", by="human")
    ledger.end_session()
    ledger.close()
    return ledger


def words(ran: Ran) -> str:
    return " ".join(ran.out.split())


def test_a_clock_says_what_was_known_when(capsys: Capsys) -> None:
    """What it runs from, by whom and by which entry that was said last, and why it still runs."""
    worked()
    shown = words(irkit(capsys, "status", NAME))
    assert "GDPR notice OVERDUE by" in shown or "GDPR notice due in" in shown or "GDPR notice DUE in" in shown
    assert ('- runs from 2026-11-20 01:00Z: aware_at, corrected by Maria Lopez at 2026-11-20 04:06Z, entry 5 ("the night desk")'
            ' - step 2 was skipped: asleep') in shown


def test_status_for_a_program(capsys: Capsys) -> None:
    """The same as JSON: each clock with its source, and the inputs with who said so."""
    worked()
    found = irkit(capsys, "status", NAME, "--json").json
    clock, = found["runs"][0]["clocks"]
    assert (clock["id"], clock["state"], clock["due"], clock["source"]) == (
        "gdpr", "running", "2026-11-23T01:00:00Z", "inputs.aware_at")
    assert (clock["known"]["entry"], clock["known"]["how"], clock["met"]) == (5, "corrected", None)
    assert found["runs"][0]["known"]["aware_at"]["value"] == "2026-11-20T01:00:00Z"
    assert isinstance(clock["left_seconds"], int)


# -- as of -------------------------------------------------------------------------------------------------------

def test_as_of_tells_it_from_the_entries_up_to_then(capsys: Capsys) -> None:
    """Steps, clocks and known facts as they stood: what came later is not there, and what is left is counted from then."""
    worked()
    shown = irkit(capsys, "status", NAME, "--as-of", "2026-11-20T03:30:00Z")
    assert re.search(r"^As of +2026-11-20 03:30Z: what the first 5 of \d+ entries say$", shown.out, re.M)
    assert "By hand  1 Call the agent" in shown.out
    assert "Skipped" not in shown.out
    assert "Step     2 Tell the authority: not done" in shown.out
    assert "GDPR notice due in 70:36 (2026-11-23 02:06Z)" in shown.out
    assert "Known aware_at 2026-11-20T02:06:00Z, given by Maria Lopez at 2026-11-20 02:06Z, entry 3" in words(shown)
    data = irkit(capsys, "status", NAME, "--as-of", "2026-11-20T04:30:00+01:00", "--json").json
    assert (data["as_of"], data["entries"], data["runs"][0]["clocks"][0]["left_seconds"]) == (
        "2026-11-20T03:30:00Z", 5, 70 * 3600 + 36 * 60)
    assert [step["state"] for step in data["runs"][0]["steps"]] == ["by_hand", "pending"]


def test_a_time_before_the_start_says_so(capsys: Capsys) -> None:
    """With the first time that can be asked for, which can be."""
    worked()
    ran = irkit(capsys, "status", NAME, "--as-of", "2026-11-20T02:00:00Z")
    assert (ran.code, ran.out) == (2, "")
    assert f"nothing had begun at 2026-11-20 02:00Z: the first run of {NAME} was opened at 2026-11-20 02:06Z" in ran.words
    again = ran.words.partition("next irkit ")[2].split()
    assert irkit(capsys, *again).code == 0


@pytest.mark.parametrize(("text", "said"), [
    ("nonsense", "is not a time"), ("", "is not a time"), ("2026-11-20T03:30:00", "with its zone"), ("25:00", "is not a time"),
    ("2026-02-30T03:30:00Z", "is not a time"), ("9999-01-01T00:00:00Z", "has not come yet")])
def test_a_time_that_is_none_is_refused(capsys: Capsys, text: str, said: str) -> None:
    """Not a guess, and not an empty screen."""
    worked()
    ran = irkit(capsys, "status", NAME, "--as-of", text)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.words


def test_hours_and_minutes_are_of_today_in_utc() -> None:
    """As every screen shows them; a time of today that has not come yet names yesterday's."""
    now = datetime(2026, 11, 20, 4, 10, 30, tzinfo=UTC)
    assert moment_of("04:10", now) == moment_of("4:10Z", now) == datetime(2026, 11, 20, 4, 10, tzinfo=UTC)
    assert moment_of("now", now) == now
    with pytest.raises(UsageError) as refused:
        moment_of("23:50", now)
    assert refused.value.next == "--as-of 2026-11-19T23:50:00Z"


def test_what_stands_behind_a_later_entry_was_not_known_earlier() -> None:
    """A clock set back by two hours: what was written after that is after it, whatever time it states."""
    ledger, both = timed()
    both.passes(3600)
    ledger.append("note", {}, {"text": "at three"}, by="human")
    both.passes(60, wall=60 - 7200)
    later = ledger.append("note", {}, {"text": "at one, it says"}, by="human")
    with ledger:
        found = list(until(ledger.entries(), AWARE + timedelta(minutes=30)))
        assert [e.kind for e in found][-1] == "run.opened"
        assert later not in list(until(ledger.entries(), AWARE + timedelta(minutes=60, seconds=30)))
        assert later in list(until(ledger.entries(), AWARE + timedelta(minutes=62)))


def test_as_of_counts_on_a_clock_that_was_set_back_by_then(capsys: Capsys) -> None:
    """The moment asked for is the moment shown, and no deadline gains the two hours."""
    ledger, both = timed()
    both.passes(3600, wall=3600 - 7200)
    ledger.append("note", {}, {"text": "?"}, by="human")
    ledger.close()
    data = irkit(capsys, "status", NAME, "--as-of", "2026-11-20T03:36:00Z", "--json").json
    assert (data["now"], data["as_of"], data["set_back_seconds"]) == ("2026-11-20T03:36:00Z", "2026-11-20T03:36:00Z", 7200)
    assert data["runs"][0]["clocks"][0]["left_seconds"] == 70 * 3600 + 30 * 60


# -- without an incident -----------------------------------------------------------------------------------------

def test_without_an_incident_every_clock_of_every_open_run(capsys: Capsys) -> None:
    """And that of a closed run which still runs, but not of a drill that is over. LIVE comes first."""
    incident("live", open_run=True, told=False).rename("evidence/Z-LIVE")
    incident("test", told=False).rename("evidence/B-CLOSED")
    incident("test", told=True).rename("evidence/C-MET")
    incident("drill", told=False).rename("evidence/D-OVER")
    ran = irkit(capsys, "status")
    assert ran.code == 0
    assert [line.split()[1] for line in ran.out.splitlines() if line.startswith(("LIVE", "TEST", "DRILL"))] == [
        "Z-LIVE", "B-CLOSED"]
    assert ran.out.count("Clocks   GDPR notice") == 2
    assert [one["incident"] for one in irkit(capsys, "status", "--json").json["incidents"]] == ["B-CLOSED", "Z-LIVE"]
    assert irkit(capsys, "status", "--as-of", "00:00").code == 2


def test_the_only_open_incident_needs_no_name(capsys: Capsys) -> None:
    """With none the next command is named, as before."""
    assert "no run is open" in irkit(capsys, "status").err
    incident("drill", open_run=True)
    assert "DRILL Next     irkit resume INC-1" in irkit(capsys, "status").out
