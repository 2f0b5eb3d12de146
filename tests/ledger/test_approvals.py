"""What a ledger takes for an approval, what may be sent on it, and that both verifiers say the same of it."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from msgspec.structs import replace

from irkit.errors import LedgerError, NotApproved, NotTheHolder
from irkit.ledger import Entry, Ledger
from irkit.ledger.approvals import Approvals, fingerprint, part
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from tests.forgery.judges import by_verify_py
from tests.ledger.approving import FAR, PAST, SALT, STEP, agree, answer, ask, begin, send, url
from tests.ledger.rules import together


def good(folder: Path) -> None:
    """Both verifiers accept it."""
    assert verify(folder).findings == []
    assert by_verify_py(folder, {}).code == 0


def bad(folder: Path, seq: int) -> None:
    """Both verifiers refuse it, at that entry and for the approval's sake."""
    found = verify(folder).findings
    assert (found[0].entry, found[0].mechanism) == (seq, "approval")
    judged = by_verify_py(folder, {})
    assert (judged.code, judged.first and (judged.first.entry, judged.first.mechanism)) == (5, (seq, "approval"))


def test_what_a_second_key_agreed_to_is_sent(ledger: Ledger) -> None:
    """Asked, given, sent: the sending names the answer, the answer the request."""
    begin(ledger)
    asked = ask(ledger, 7)
    given = agree(ledger, asked)
    sent = send(ledger, 7, given.seq)
    assert (given.ref, given.step, given.data["fingerprint"], sent.data["approval"]) == (
        asked.seq, asked.step, asked.data["fingerprint"], given.seq)
    good(ledger.folder)


def test_a_step_that_needs_an_approval_sends_nothing_without(ledger: Ledger) -> None:
    """Its step.started says so; asking alone is not enough."""
    begin(ledger)
    ask(ledger, 7)
    with pytest.raises(NotApproved, match="names no approval"):
        send(ledger, 7, None)
    assert not [e for e in ledger.entries() if e.kind == "request.sending"]


def test_nobody_answers_with_the_key_that_asked(tmp_path: Path) -> None:
    """Nor can a session send on an approval of its own person's key."""
    maria = Throwaway()
    with Ledger.create(tmp_path / "I", mode="drill", version="0", code_hash="0" * 64) as ledger:
        ledger.start_session("Maria", signer=maria)
        ledger.append("run.opened", run="r1")
        begin(ledger)
        asked = ask(ledger, 7)
        with pytest.raises(NotApproved, match="nobody approves their own"):
            agree(ledger, asked, maria)
        sam = Throwaway()
        given = agree(ledger, asked, sam)
        ledger.end_session()
        ledger.start_session("Sam", signer=sam)
        ledger.append("run.resumed", run="r1")
        with pytest.raises(NotApproved, match="given with the key that sends"):
            send(ledger, 7, given.seq)
    good(ledger.folder)


def test_an_answer_is_good_for_one_request_once(ledger: Ledger) -> None:
    """Brought in twice, for a request that was answered, replaced, refused, or of another step: refused."""
    begin(ledger)
    first = ask(ledger, 7)
    made = answer(ledger, first)
    ledger.append_answer(made)
    with pytest.raises(NotApproved, match="answered already"):
        ledger.append_answer(made)
    second = ask(ledger, 8, ref=first.seq)
    third = ask(ledger, 9, ref=second.seq)
    with pytest.raises(NotApproved, match="replaced"):
        agree(ledger, second)
    with pytest.raises(NotApproved, match="another request"):
        ledger.append_answer(replace(made, fields={**made.fields, "ref": third.seq}))
    ledger.append_answer(answer(ledger, third, kind="approval.refused"))
    with pytest.raises(NotApproved, match="was refused"):
        agree(ledger, third)
    good(ledger.folder)


@pytest.mark.parametrize("change", ["key", "fingerprint", "step", "signature", "kind"])
def test_an_answer_that_was_changed_is_forged(ledger: Ledger, change: str) -> None:
    """Whatever is changed in it, the signature is not over it."""
    begin(ledger)
    made = answer(ledger, ask(ledger, 7))
    fields = {**made.fields, "data": dict(made.fields["data"])}
    if change in ("step", "kind"):
        fields[change] = {"step": "other", "kind": "approval.refused"}[change]
    else:
        fields["data"][change] = {"key": Throwaway().fingerprint, "fingerprint": "0" * 64, "signature": "none"}[change]
    with pytest.raises(NotApproved) as caught:
        ledger.append_answer(replace(made, fields=fields))
    assert caught.value.why == "forged"
    assert not [e for e in ledger.entries() if e.kind.startswith("approval.") and e.kind != "approval.asked"]


def test_an_answer_for_another_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """Even with the same number, run and step: the tree is another one."""
    with Ledger.create(tmp_path / "INC-2", mode="drill", version="0", code_hash="0" * 64) as other:
        other.start_session("Maria", signer=Throwaway())
        other.append("run.opened", run="r1")
        begin(other)
        made = answer(other, ask(other, 7))
    begin(ledger)
    ask(ledger, 7)
    with pytest.raises(NotApproved, match="another request"):
        ledger.append_answer(made)


def test_time_runs_out_for_answering_and_for_sending(ledger: Ledger) -> None:
    """The request says until when; in a drill the drill's time counts."""
    begin(ledger)
    with pytest.raises(NotApproved, match="expired"):
        agree(ledger, ask(ledger, 7, expires=PAST))
    asked = ask(ledger, 7, expires="2026-03-08T00:00:00Z")
    given = ledger.append_answer(answer(ledger, asked, drill_at="2026-03-07T23:59:00Z"))
    with pytest.raises(NotApproved, match="expired"):
        send(ledger, 7, given.seq, drill_at="2026-03-08T00:00:01Z")
    send(ledger, 7, given.seq, drill_at="2026-03-08T00:00:00Z")
    good(ledger.folder)


def test_each_item_leaves_once(ledger: Ledger) -> None:
    """One that was put off (nothing left, or a 429) may be tried again; one that was answered may not."""
    begin(ledger)
    given = agree(ledger, ask(ledger, 7, 8, 9)).seq
    first = send(ledger, 7, given, item=0)
    ledger.append("request.not_sent", run="r1", step="end_sessions", item=0, ref=first.seq)
    second = send(ledger, 7, given, item=0)
    ledger.append("request.answer", {"status": 429}, run="r1", step="end_sessions", item=0, ref=second.seq)
    third = send(ledger, 7, given, item=0)
    ledger.append("request.answer", {"status": 500}, run="r1", step="end_sessions", item=0, ref=third.seq)
    with pytest.raises(NotApproved, match="a second time"):
        send(ledger, 7, given, item=0)
    send(ledger, 9, given, item=2)                 # item 1 left the batch
    good(ledger.folder)


def test_what_is_committed_together_is_judged_in_its_order(ledger: Ledger) -> None:
    """Of two sends on one approval one leaves; again after a throttled one; none on what was just replaced, or just begun."""
    begin(ledger)
    given = agree(ledger, ask(ledger, 7)).seq
    first, second = together(ledger, [lambda: send(ledger, 7, given), lambda: send(ledger, 7, given)])
    assert isinstance(first, Entry)
    assert isinstance(second, NotApproved)
    assert "a second time" in str(second)
    _, again = together(ledger, [
        lambda: ledger.append("request.answer", {"status": 429}, run="r1", step=STEP, ref=first.seq),
        lambda: send(ledger, 7, given)])
    assert isinstance(again, Entry)
    _, unasked = together(ledger, [lambda: begin(ledger, "other"), lambda: send(ledger, 8, None, step="other")])
    assert isinstance(unasked, NotApproved)
    asked, early = together(ledger, [lambda: ask(ledger, 9), lambda: send(ledger, 9, given)])
    assert isinstance(asked, Entry)
    assert isinstance(early, NotApproved)
    agree(ledger, asked)
    good(ledger.folder)


def test_a_fingerprint_is_the_same_of_what_is_sent_and_of_what_is_recorded() -> None:
    """Text, bytes, a long value's artefact: each stands for the same content; the order of items does not matter."""
    assert part(SALT, 1, "PUT", url(1), b"{}", None) == part(SALT, 1, "PUT", url(1), "{}", None)
    assert part(SALT, 1, "PUT", url(1), b"\xff", None) == part(SALT, 1, "PUT", url(1), {"base64": "/w=="}, None)
    named = {"artefact": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "bytes": 2}
    assert part(SALT, None, "PUT", url(1), None, named) == part(SALT, None, "PUT", url(1), None, {})
    assert len({part(SALT, item, "PUT", url(n), body, seen) for item in (None, 0) for n in (1, 2) for body in (None, b"")
                for seen in (None, {}, {"open": 1})}) == 24
    assert fingerprint(["b", "a"]) == fingerprint(["a", "b"]) != fingerprint(["a"])


def test_ten_thousand_items_fit(ledger: Ledger) -> None:
    """Parts go into values of their own where one could not hold them, and the list of requests into an artefact."""
    begin(ledger)
    asked = ask(ledger, *range(10_000))
    given = agree(ledger, asked)
    send(ledger, 9_999, given.seq, item=9_999)
    good(ledger.folder)


# -- what malware in the process could write ---------------------------------------------------------------------

FORGERIES: dict[str, Callable[[Ledger], int]] = {}


def forgery(make: Callable[[Ledger], int]) -> Callable[[Ledger], int]:
    FORGERIES[make.__name__] = make
    return make


@forgery
def a_send_that_nobody_agreed_to(ledger: Ledger) -> int:
    return send(ledger, 7, None).seq


@forgery
def a_send_on_the_request_alone(ledger: Ledger) -> int:
    return send(ledger, 7, ask(ledger, 7).seq).seq


@forgery
def a_send_of_another_request(ledger: Ledger) -> int:
    return send(ledger, 8, agree(ledger, ask(ledger, 7)).seq).seq


@forgery
def a_send_after_what_was_seen_changed(ledger: Ledger) -> int:
    return send(ledger, 7, agree(ledger, ask(ledger, 7)).seq, seen={"open": 99}).seq


@forgery
def an_item_that_joins(ledger: Ledger) -> int:
    return send(ledger, 10, agree(ledger, ask(ledger, 7, 8, 9)).seq, item=3).seq


@forgery
def a_send_for_a_second_time(ledger: Ledger) -> int:
    given = agree(ledger, ask(ledger, 7)).seq
    send(ledger, 7, given)
    return send(ledger, 7, given).seq


@forgery
def a_send_on_another_steps_approval(ledger: Ledger) -> int:
    begin(ledger, "other")
    return send(ledger, 7, agree(ledger, ask(ledger, 7, step="other")).seq).seq


@forgery
def a_send_on_an_approval_that_was_replaced(ledger: Ledger) -> int:
    given = agree(ledger, ask(ledger, 7))
    ask(ledger, 7, ref=given.ref)
    return send(ledger, 7, given.seq).seq


@forgery
def an_answer_after_the_end(ledger: Ledger) -> int:
    return agree(ledger, ask(ledger, 7, expires=PAST)).seq


@forgery
def a_second_answer(ledger: Ledger) -> int:
    asked = ask(ledger, 7)
    agree(ledger, asked)
    return agree(ledger, asked).seq


@forgery
def an_answer_by_the_key_that_asked(ledger: Ledger) -> int:
    mallory = Throwaway()
    ledger.end_session()
    ledger.start_session("Mallory", signer=mallory)
    asked = ask(ledger, 7)
    return agree(ledger, asked, mallory).seq


@forgery
def a_request_whose_fingerprint_is_of_others(ledger: Ledger) -> int:
    return ask(ledger, 7, data={"fingerprint": "0" * 64}).seq


def unminding(*_: object) -> str:
    """Rules that nobody minds."""
    return ""


@pytest.mark.parametrize("name", FORGERIES)
def test_what_malware_could_write_is_found_by_both_verifiers(ledger: Ledger, name: str) -> None:
    """With the session's key and the store at hand, and irkit's own refusals switched off."""
    begin(ledger)
    with mock.patch.multiple(Approvals, problem=unminding, content_problem=unminding):
        seq = FORGERIES[name](ledger)
    bad(ledger.folder, seq)


@pytest.mark.parametrize("name", ["a_send_that_nobody_agreed_to", "a_send_for_a_second_time",
                                  "an_answer_by_the_key_that_asked"])
def test_a_ledger_with_such_an_entry_is_not_opened(ledger: Ledger, name: str) -> None:
    """So nothing is sent from it either."""
    begin(ledger)
    with mock.patch.multiple(Approvals, problem=unminding):
        seq = FORGERIES[name](ledger)
    with pytest.raises(LedgerError, match=r"\(approval\)") as caught:
        Ledger.open(ledger.folder)
    assert str(seq) in caught.value.where


# -- two at once -------------------------------------------------------------------------------------------------

ROUNDS = 200


def race(folder: Path, who: str, start: object, rounds: int) -> None:
    """A process that takes the run over for each step and sends what was approved for it, if it may."""
    with Ledger.open(folder) as ledger:
        ledger.start_session(who, signer=Throwaway())
        given = {e.step: e.seq for e in ledger.entries() if e.kind == "approval.given"}
        start.wait()                               # type: ignore[attr-defined]
        for n in range(rounds):
            ledger.append("run.resumed", run=f"r{n}")
            with contextlib.suppress(NotApproved, NotTheHolder):
                send(ledger, n, given[f"s{n}"], step=f"s{n}", run=f"r{n}")


def test_two_processes_race_for_the_same_step_200_times_and_exactly_one_sends(ledger: Ledger) -> None:
    """Both take each run over and both send: one approval is one send, decided inside the ledger's transaction."""
    for n in range(ROUNDS):
        ledger.append("run.opened", run=f"r{n}")
        begin(ledger, f"s{n}", f"r{n}")
        agree(ledger, ask(ledger, n, step=f"s{n}", run=f"r{n}"))
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    racers = [context.Process(target=race, args=(ledger.folder, who, start, ROUNDS)) for who in ("ann", "ben")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0]
    entries = list(ledger.entries())
    sent = sorted(e.step or "" for e in entries if e.kind == "request.sending")
    assert sent == sorted(f"s{n}" for n in range(ROUNDS))
    good(ledger.folder)


def test_no_time_in_the_request_is_before_now() -> None:
    """The times that these tests call far and past are so."""
    assert datetime.fromisoformat(PAST) < datetime.now(UTC) < datetime.fromisoformat(FAR)
