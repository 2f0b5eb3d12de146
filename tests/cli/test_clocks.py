"""irkit clock: the decision that a legal clock is met, made away from the run, and its withdrawal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.people import NAME, Team, entries, incident, verified
from tests.cli.rig import Capsys, irkit
from tests.ledger.ssh import needs_ssh

pytestmark = needs_ssh
MET = ("clock", "met", NAME, "gdpr", "--basis", "filed with the CNIL", "--attach", "receipt.pdf")


@pytest.fixture
def team(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Maria and Sam, a live incident whose clock runs, and the receipt."""
    incident(open_run=True, told=False)
    Path("receipt.pdf").write_bytes(b"%PDF received")
    return Team(capsys, tmp_path, monkeypatch)


def gdpr(team: Team) -> dict[str, object]:
    found: dict[str, object] = team("maria", "status", NAME, "--json").json["runs"][0]["clocks"][0]
    return found


def test_meeting_a_clock_is_a_signed_decision(team: Team) -> None:
    """Who, when, on what basis, with what: an entry of a person in a session that their key endorsed; the file is kept."""
    ran = team("sam", *MET, "--when", "2026-11-20T09:15:00+01:00")
    assert (ran.code, "GDPR notice is met. entry" in ran.words) == (0, True), ran.err
    met, = entries(Path("evidence", NAME), "deadline.met")
    kept = entries(Path("evidence", NAME), "artefact.added")[-1]
    assert (met.by, met.who.startswith("SHA256:"), met.step, met.run) == ("human", True, None, "r1")
    assert met.disclosed == {"deadline.by": "Sam Ng", "deadline.basis": "filed with the CNIL",
                             "observed_at": "2026-11-20T08:15:00Z",
                             "deadline.sent": [f"artefact {kept.disclosed['artefact.sha256']}"]}
    clock = gdpr(team)
    assert (clock["state"], clock["left_seconds"]) == ("met", None)
    verified(Path("evidence", NAME))
    assert 'met at 2026-11-20 08:15Z by Sam Ng, recorded' in " ".join(team("maria", "status", NAME).out.split())


def test_a_met_clock_is_reopened_with_a_reason(team: Team) -> None:
    """Nothing is removed: another entry says so, who and why; and it can be met again."""
    team("sam", *MET)
    again = team("sam", *MET)
    assert (again.code, "met already: Sam Ng, entry" in again.words) == (2, True)
    met, = entries(Path("evidence", NAME), "deadline.met")
    assert team("maria", "clock", "reopen", NAME, "gdpr", "--reason", "returned as incomplete").code == 0
    amended, = entries(Path("evidence", NAME), "amended")
    assert (amended.ref, amended.data, amended.by) == (met.seq, {"clock": "gdpr"}, "human")
    assert amended.who.startswith("SHA256:")
    assert gdpr(team)["state"] == "running"
    assert team("maria", "clock", "reopen", NAME, "gdpr", "--reason", "again").code == 2
    assert team("sam", *MET).code == 0
    assert gdpr(team)["state"] == "met"


@pytest.mark.parametrize(("words", "said"), [
    (("clock", "met", NAME, "gdpr", "--basis", "x"), "met with evidence"),
    ((*MET[:3], "gpdr", *MET[4:]), "no clock 'gpdr'; it has gdpr"),
    ((*MET, "--when", "soon"), "is not a time"),
    ((*MET, "--when", "2999-01-01T00:00:00Z"), "has not come yet"),
    ((*MET, "--when", "2026-11-20T02:00:00Z"), "began to run later, at 2026-11-20 02:06Z"),
    ((*MET[:4], *MET[6:]), "--basis is missing"),
    (("clock", "reopen", NAME, "gdpr", "--reason", "x"), "no decision stands that GDPR notice is met; it is running"),
])
def test_what_would_not_hold_is_refused(team: Team, words: tuple[str, ...], said: str) -> None:
    """Before anything is recorded: no entry, no file, and the clock runs on."""
    before = len(entries(Path("evidence", NAME)))
    ran = team("sam", *words)
    assert (ran.code, said in ran.words) == (2, True), ran.err
    assert len(entries(Path("evidence", NAME))) == before


def test_without_a_key_no_live_clock_is_met(team: Team, capsys: Capsys) -> None:
    """Exit 4, and nothing is recorded."""
    del team
    Path("irkit.toml").write_text("")
    assert irkit(capsys, *MET).code == 4
    assert entries(Path("evidence", NAME), "deadline.met") == []


def test_a_late_decision_says_that_it_is_late(team: Team) -> None:
    """The margin is not hidden by the word `met`."""
    ran = team("sam", *MET, "--when", "2026-11-23T05:06:00Z")
    assert "met late: it was due 2026-11-23 02:06Z" in ran.words
    assert "late by 03:00" in team("sam", "status", NAME).out


def test_a_clock_that_is_closed_or_sealed_is_not_met_again(capsys: Capsys) -> None:
    """Its step was done: the fold says met, whether or not the run has put that on record."""
    folder = incident("drill")
    Path("receipt.pdf").write_bytes(b"x")
    ran = irkit(capsys, *MET)
    assert (ran.code, "GDPR notice is met" in ran.words) == (2, True), ran.err
    assert folder.is_dir()
