"""What a transaction refuses, in view of all that came before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.errors import CredentialError, LedgerError, NotTheHolder
from irkit.ledger import Ledger
from irkit.ledger.append import Draft, fields_of
from irkit.ledger.attest import AFTER_SEAL
from irkit.ledger.entry import KINDS
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.texts import MUST
from tests.ledger.conftest import SetClock
from tests.ledger.rules import OWN, judge, notes, together


@pytest.mark.parametrize("mode", ["live", "drill", "test"])
def test_a_session_that_nobody_endorsed_sends_nothing(tmp_path: Path, mode: str) -> None:
    """It may note and decide; nothing of the refused entry stays."""
    with Ledger.create(tmp_path / "INC-1", mode=mode, version="1", code_hash="") as ledger:
        ledger.start_session("Maria")
        ledger.append("run.opened", run="r1")
        with pytest.raises(CredentialError, match="endorsed") as caught:
            ledger.append("request.sending", run="r1")
        assert (ledger.last(), caught.value.next) == (2, "irkit key show")
        ledger.end_session()
        ledger.start_session("Maria", signer=Throwaway())
        ledger.append("run.resumed", run="r1")
        assert ledger.append("request.sending", run="r1").seq == 6
        judge(ledger)


def test_an_entry_that_is_refused_opens_no_run(ledger: Ledger) -> None:
    """A group in which run.opened is too large for a line: the sending behind it is refused too."""
    opened, sent = together(ledger, [lambda: ledger.append("run.opened", {"text": "x" * 60_000}, run="r2"),
                                     lambda: ledger.append("request.sending", run="r2")])
    assert isinstance(opened, LedgerError)
    assert isinstance(sent, NotTheHolder)
    judge(ledger)


def test_a_sealed_ledger_takes_only_what_may_follow(ledger: Ledger) -> None:
    """The kinds of the list; every other is refused, here and in a process that had it open before."""
    with Ledger.open(ledger.folder) as other:
        other.start_session("Sam", signer=Throwaway())
        sealed = ledger.append_signed("sealed", Throwaway())
        assert ledger.sealed
        assert (sealed.data["size"], notes(ledger)[-1].size) == (sealed.seq, sealed.seq + 1)
        for kind in sorted(KINDS - AFTER_SEAL - OWN - MUST - {"request.sending"}):
            for one in (ledger, other):
                with pytest.raises(LedgerError, match=rf"sealed since entry {sealed.seq}: {kind} cannot"):
                    one.append(kind)
        with pytest.raises(LedgerError, match="sealed"):
            ledger.append_signed("sealed", Throwaway())
        for kind in ("hold.placed", "label.set", "exported"):
            other.append(kind)
        other.append("hold.released", ref=ledger.append("hold.placed").seq)
        ledger.append_signed("custody.offered", Throwaway())
        other.end_session()
    ledger.end_session()
    ledger.start_session("Maria")
    ledger.end_session()
    judge(ledger)


def test_nothing_slips_in_behind_a_seal(ledger: Ledger) -> None:
    """Not even in the same group."""
    seal = Draft(fields_of("sealed", {"size": 3}, "human"), size=3)
    _, note = together(ledger, [lambda: ledger._submit([seal]), lambda: ledger.append("note")])
    assert seal.entry is not None
    assert isinstance(note, LedgerError)
    assert "sealed" in note.what


def test_a_step_of_the_clock_after_the_seal_is_no_entry(tmp_path: Path) -> None:
    """It may not be; the entry that noticed it may."""
    set_clock = SetClock()
    with Ledger.create(tmp_path / "INC-1", mode="test", version="1", code_hash="", clock=set_clock) as ledger:
        ledger.start_session("Maria", signer=Throwaway())
        ledger.append_signed("sealed", Throwaway())
        set_clock.passes(1, wall=600)
        ledger.append("label.set")
        ledger.end_session()
        assert "clock.stepped" not in {e.kind for e in ledger.entries()}
        judge(ledger)


def test_nothing_is_erased_while_a_hold_stands(ledger: Ledger) -> None:
    """Each hold is released by itself; the last one frees."""
    note = ledger.append("note", disclose={"text": "x"})
    erases = {"of": note.seq, "digests": list(note.sd)}
    first, second = ledger.append("hold.placed"), ledger.append("hold.placed")
    assert ledger.holds == {first.seq, second.seq}
    for hold in (first, second):
        with pytest.raises(LedgerError, match="while a hold stands"):
            ledger.append("erased", erases)
        ledger.append("hold.released", ref=hold.seq)
    assert ledger.append("erased", erases).kind == "erased"
    judge(ledger)


def test_a_hold_stops_what_is_erased_behind_it(ledger: Ledger) -> None:
    """In the same group as well; and a release frees there."""
    results = together(ledger, [lambda: ledger.append("hold.placed"),
                                lambda: ledger.append("erased", {"of": 2, "digests": []}),
                                lambda: ledger.append("hold.released", ref=3),
                                lambda: ledger.append("erased", {"of": 2, "digests": []})])
    assert [type(result).__name__ for result in results] == ["Entry", "LedgerError", "Entry", "Entry"]
    judge(ledger)
