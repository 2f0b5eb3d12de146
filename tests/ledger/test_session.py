"""Sessions from start to end: their keys, their crashes, and what is signed while others append."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit.errors import CredentialError, IrkitError, LedgerError
from irkit.ledger import Entry, Ledger
from irkit.ledger.note import parse
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from tests.ledger.conftest import without_checkpoints
from tests.ledger.rules import judge, notes, together


def test_a_session_ends_under_its_own_note(ledger: Ledger) -> None:
    """session.end is the last line that the session's key covers; then the key is gone."""
    key = ledger._author.key
    assert key is not None
    ledger.append("decision")
    ledger.end_session()
    newest = notes(ledger)[-1]
    assert (newest.size, newest.key_id, list(ledger.entries())[-1].kind) == (ledger.size, key.key_id, "session.end")
    with pytest.raises(ValueError, match="erased"):
        key.sign(ledger.size, bytes(32))
    assert (ledger.session, ledger._author.key, ledger.endorsed) == (None, None, False)
    judge(ledger)


def test_nothing_follows_the_end_of_a_session(ledger: Ledger) -> None:
    """Not even in the same group: what comes behind session.end is refused, and the ledger opens again."""
    before, end, after = together(ledger, [lambda: ledger.append("note"), lambda: ledger.append("session.end"),
                                           lambda: ledger.append("decision")])
    assert [e.kind for e in (before, end) if isinstance(e, Entry)] == ["note", "session.end"]
    assert isinstance(after, LedgerError)
    assert "outside a session" in after.what
    assert ledger.session is None
    ledger.start_session("Maria")
    ledger.end_session()
    judge(ledger)


def test_a_session_after_a_crash_adopts_what_nobody_signed(tmp_path: Path) -> None:
    """The range without a note, up to its own start; nothing when all is covered, or genesis alone is not."""
    folder = tmp_path / "INC-1"
    crashed = Ledger.create(folder, mode="test", version="1", code_hash="")
    crashed.start_session("Maria", signer=Throwaway())
    crashed.append("decision")
    crashed.append("note")
    crashed.append("note")
    with Ledger.open(folder) as again:                    # the first one never ended its session
        start = again.start_session("Sam", signer=Throwaway())
        again.append("note")
        again.end_session()
        third = again.start_session("Sam")
        starts = [e for e in again.entries() if e.kind == "session.start"]
        assert [e.data.get("adopts") for e in starts] == [None, {"from": 3, "to": 4}, None]
        assert [e.seq for e in starts] == [1, start, third]
        again.end_session()
        judge(again)
    report = verify(folder)
    assert [(f.level, f.what) for f in report.remarks if f.level == "ADOPTED"] == \
        [("ADOPTED", f"entries 3 to 4 adopted by session {start}")]
    assert [(r.first, r.last, r.attributed) for r in report.ranges if r.session == 1] == [(1, 2, True), (3, 4, False)]
    crashed.close()


def test_many_crashes_leave_no_more_entries_without_a_note_than_allowed(tmp_path: Path) -> None:
    """A session that starts when a note is due makes it, and names the one before."""
    folder = tmp_path / "INC-1"
    Ledger.create(folder, mode="test", version="1", code_hash="", policy={"max_entries": 8}).close()
    for n in range(30):
        with Ledger.open(folder) as ledger:
            ledger.start_session("Maria")
            if n == 3:
                ledger.append("decision")
    with Ledger.open(folder) as ledger:
        judge(ledger)


def test_a_key_that_does_not_sign_starts_no_session(ledger: Ledger) -> None:
    """The session that was open goes on under its own person."""
    class Absent(Throwaway):
        def sign(self, namespace: str, text: bytes) -> str:
            raise CredentialError("the key is not there", where="agent", next="ssh-add -l")

    who = ledger.append("note").who
    with pytest.raises(CredentialError):
        ledger.start_session("Sam", signer=Absent())
    assert (ledger.session, ledger.append("note").who) == (1, who)
    judge(ledger)


def test_a_second_session_of_a_process_takes_the_place_of_the_first(ledger: Ledger) -> None:
    """Later entries stand under it, and the first one's key is gone."""
    key = ledger._author.key
    assert key is not None
    start = ledger.start_session("Sam")
    assert (ledger.append("note").session, ledger.session, ledger.endorsed) == (start, start, False)
    with pytest.raises(ValueError, match="erased"):
        key.sign(1, bytes(32))
    judge(ledger)


# -- signed while others append -----------------------------------------------------------------------------------

class Slow(Throwaway):
    """A key whose owner takes so long to touch it that another process appends meanwhile, `times` times."""

    def __init__(self, other: Ledger, times: int) -> None:
        super().__init__()
        self.other, self.times, self.asked = other, times, 0

    def sign(self, namespace: str, text: bytes) -> str:
        self.asked += 1
        if self.asked <= self.times:
            self.other.append("decision", {"n": self.asked})
        return super().sign(namespace, text)


@pytest.fixture
def other(ledger: Ledger) -> Iterator[Ledger]:
    """A second process."""
    with Ledger.open(ledger.folder) as opened:
        opened.start_session("Sam")
        yield opened


def test_a_signature_is_made_again_when_the_tail_moved(ledger: Ledger, other: Ledger) -> None:
    """Entry and start of a session alike; nothing of the first attempt stays."""
    signer = Slow(other, 2)
    entry = ledger.append_signed("handover.offered", signer, {"what": "all"}, {"handover.text": "yes"})
    assert (signer.asked, entry.disclosed) == (3, {"handover.text": "yes"})
    assert [e.kind for e in without_checkpoints(ledger.entries(after=3))] == ["decision", "decision", "handover.offered"]
    judge(ledger)
    signer = Slow(other, 1)
    assert ledger.start_session("Maria", signer=signer) == ledger.last()
    assert signer.asked == 2
    judge(ledger)


def test_a_person_is_asked_once(ledger: Ledger, other: Ledger) -> None:
    """What this thread put off is appended before the key is touched, not after."""
    for act in (functools.partial(ledger.append_signed, "handover.offered"), functools.partial(ledger.start_session, "Maria")):
        signer = Slow(other, 0)
        ledger.postponed.put_off(lambda: ledger.append("note"))
        act(signer=signer)
        assert signer.asked == 1
    ledger.postponed.put_off(lambda: ledger.append("note"))
    raw = ledger.note()
    assert raw is not None
    assert parse(raw).size == ledger.size
    judge(ledger)


def test_a_signature_is_not_made_for_ever(ledger: Ledger, other: Ledger) -> None:
    """Who never comes in between is told so, and nothing was appended for them."""
    signer = Slow(other, 100)
    with pytest.raises(IrkitError, match="8 times") as caught:
        ledger.append_signed("handover.offered", signer)
    assert (signer.asked, caught.value.next) == (8, "try again")
    assert not [e for e in ledger.entries() if e.kind == "handover.offered"]
    judge(ledger)


def test_notes_of_another_process_are_taken_up(ledger: Ledger, other: Ledger) -> None:
    """Even one made over entries that this process has read already: the next checkpoint names it."""
    seen = list(ledger.entries())[-1]
    raw = other.note()
    assert raw is not None
    assert parse(raw).size == seen.seq + 1 == ledger.size
    assert ledger.note() == raw
    ledger.append("decision")
    assert next(ledger.entries(after=seen.seq)).data["note_sha256"] == parse(raw).sha256
    judge(ledger)


def test_two_processes_share_the_notes(ledger: Ledger, other: Ledger) -> None:
    """What one has noted the other need not; together they keep the bound."""
    for n in range(200):
        (ledger if n % 3 else other).append("note")
    assert len({note.key_id for note in notes(ledger)}) == 2
    other.end_session()
    ledger.end_session()
    judge(ledger)
