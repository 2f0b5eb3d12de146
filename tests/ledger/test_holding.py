"""Who holds a run: what the ledger refuses to write, and what both verifiers refuse when it was written all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from irkit.errors import CredentialError, LedgerError, NotTheHolder
from irkit.ledger import Ledger
from irkit.ledger.append import Commit
from irkit.ledger.sshsig import Throwaway
from tests.forgery.judges import by_irkit, by_verify_py


def opened(folder: Path, *, endorsed: bool = True) -> Ledger:
    ledger = Ledger.create(folder, mode="drill", version="1", code_hash="0" * 64, policy={"endorse": True})
    ledger.start_session("Maria", signer=Throwaway() if endorsed else None)
    ledger.append("run.opened", run="r1")
    return ledger


def test_of_two_who_take_over_the_first_has_it(tmp_path: Path) -> None:
    """Both say whom they take it from; the second is refused in the transaction, and nothing of it stays."""
    with opened(tmp_path / "i") as one, Ledger.open(tmp_path / "i") as two:
        first, second = one.session, two.start_session("Sam", signer=Throwaway())
        one.append("run.resumed", run="r1", held_by=first)
        two.append("run.resumed", run="r1", held_by=first)
        with pytest.raises(NotTheHolder, match="somebody else took"):
            one.append("run.resumed", run="r1", held_by=first)
        assert (two.last(), second) == (one.last(), two.session)


def test_an_offer_is_accepted_once_and_the_latest_one(tmp_path: Path) -> None:
    """No acceptance without an offer, of an older offer, of another run's, or a second time."""
    with opened(tmp_path / "i") as ledger:
        older = ledger.append_signed("handover.offered", Throwaway(), run="r1")
        offer = ledger.append_signed("handover.offered", Throwaway(), run="r1")
        for ref, run in ((None, "r1"), (older.seq, "r1"), (offer.seq, "r2")):
            with pytest.raises(LedgerError, match="not open"):
                ledger.append_signed("handover.accepted", Throwaway(), run=run, ref=ref)
        ledger.append_signed("handover.accepted", Throwaway(), run="r1", ref=offer.seq)
        with pytest.raises(LedgerError, match="not open"):
            ledger.append_signed("handover.accepted", Throwaway(), run="r1", ref=offer.seq)
        ledger.end_session()
    assert (by_irkit(tmp_path / "i", {}).code, by_verify_py(tmp_path / "i", {}).code) == (0, 0)


def test_a_role_is_assigned_in_an_endorsed_session_only(tmp_path: Path) -> None:
    """Otherwise whoever can write to the folder could make themselves an approver."""
    with opened(tmp_path / "i", endorsed=False) as ledger, pytest.raises(CredentialError, match="demands that for role"):
        ledger.append("role.assigned", {"role": "lead"}, {"person.name": "Mallory"})


def accepts(ledger: Ledger) -> None:
    ledger.append_signed("handover.accepted", Throwaway(), run="r1", ref=1)


def sends_after_a_pack(ledger: Ledger) -> None:
    ledger.append("run.paused", {"packed": True}, run="r1")
    ledger.append("request.sending", run="r1")


def assigns(ledger: Ledger) -> None:
    ledger.end_session()
    ledger.start_session("Mallory")
    ledger.append("role.assigned", {"role": "lead"}, {"person.name": "Mallory"})


@pytest.mark.parametrize(("write", "mechanism"), [(accepts, "session"), (sends_after_a_pack, "session"), (assigns, "policy")])
def test_both_verifiers_refuse_what_a_writer_without_rules_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                 write: Callable[[Ledger], None], mechanism: str) -> None:
    """An acceptance of nothing, a send after a pack, a role that nobody endorsed: chained, noted and signed as usual."""
    with opened(tmp_path / "i") as ledger:
        monkeypatch.setattr(Commit, "_permit", lambda *_: None)
        write(ledger)
        ledger.end_session()
    for judge in (by_irkit, by_verify_py):
        verdict = judge(tmp_path / "i", {})
        assert verdict.code == 5
        assert verdict.first is not None
        assert verdict.first.mechanism == mechanism


def test_nothing_is_sent_in_a_run_that_was_opened_as_a_probe(tmp_path: Path) -> None:
    """Refused in the transaction, by whichever session asks, and after a resume as well; another run of the incident sends."""
    with opened(tmp_path / "i") as ledger:
        ledger.append("run.opened", {"mode": "probe"}, run="r2")
        for _ in range(2):
            with pytest.raises(LedgerError, match="'r2' is a probe"):
                ledger.append("request.sending", run="r2")
            ledger.append("run.resumed", run="r2")
        assert ledger.append("request.sending", run="r1").kind == "request.sending"
    with Ledger.open(tmp_path / "i") as again:
        again.start_session("Sam", signer=Throwaway())
        again.append("run.resumed", run="r2")
        with pytest.raises(LedgerError, match="'r2' is a probe"):
            again.append("request.sending", run="r2")
