"""What one transaction makes of what is appended, and where notes and checkpoints stand."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.errors import LedgerError
from irkit.ledger import Entry, Ledger
from irkit.ledger.attest import NOTED
from irkit.ledger.entry import KINDS
from irkit.ledger.note import parse
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.texts import MUST
from tests.ledger.conftest import SetClock, without_checkpoints
from tests.ledger.rules import OWN, judge, notes, together

# -- where notes are made -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", sorted(NOTED - MUST - {"session.end", "hold.released"}))
def test_a_note_is_made_after(ledger: Ledger, kind: str) -> None:
    """Each of these kinds, over exactly what there is then."""
    entry = ledger.append(kind, {"of": 2, "digests": []} if kind == "erased" else None)
    (note,) = notes(ledger)
    assert note.size == entry.seq + 1 == ledger.size
    if kind == "hold.placed":
        released = ledger.append("hold.released", ref=entry.seq)
        assert notes(ledger)[-1].size == released.seq + 1 == ledger.size


@pytest.mark.parametrize("kind", sorted(MUST - {"approval.given"}))
def test_a_note_is_made_after_what_a_person_signs(ledger: Ledger, kind: str) -> None:
    """The same holds where the entry bears a signature."""
    offered = ledger.append_signed("handover.offered", Throwaway(), run="r1") if kind == "handover.accepted" else None
    entry = ledger.append_signed(kind, Throwaway(), run="r1", ref=offered.seq if offered else None)
    assert notes(ledger)[-1].size == entry.seq + 1 == ledger.size


@pytest.mark.parametrize("kind", sorted(KINDS - NOTED - MUST - OWN - {"request.sending"}))
def test_no_note_is_made_after(ledger: Ledger, kind: str) -> None:
    """Any other kind, unless too many entries stand without one."""
    ledger.append(kind)
    assert notes(ledger) == []


@pytest.mark.parametrize("kind", sorted(MUST))
def test_what_must_be_signed_is_not_appended_unsigned(ledger: Ledger, kind: str) -> None:
    """It would have no meaning, and the ledger would not open again."""
    with pytest.raises(ValueError, match="must bear a signature"):
        ledger.append(kind)
    with pytest.raises(ValueError, match="bears no signature"):
        ledger.append_signed("note", Throwaway())
    assert ledger.last() == 2


def test_a_checkpoint_names_the_note_before(ledger: Ledger) -> None:
    """Directly before the entry that causes the next note; between them nothing."""
    ledger.append("decision")
    (first,) = notes(ledger)
    ledger.append("note")
    assert [e.kind for e in ledger.entries(after=3)] == ["note"]
    ledger.append("step.done")
    checkpoint, done = ledger.entries(after=4)
    assert (checkpoint.kind, checkpoint.by, done.kind) == ("checkpoint", "machine", "step.done")
    assert checkpoint.data == {"key_id": first.key_id, "note_sha256": first.sha256, "size": 4}
    assert [note.size for note in notes(ledger)] == [4, 7]
    judge(ledger)


def test_entries_that_cause_no_note_get_one_in_time(ledger: Ledger) -> None:
    """Long before the sixty-fifth: a step of the clock and a checkpoint still fit."""
    for _ in range(300):
        ledger.append("note")
    assert [note.size for note in notes(ledger)][:2] == [62, 125]
    judge(ledger)


def test_a_note_on_demand_covers_everything(ledger: Ledger) -> None:
    """It names the one before it; where nothing came since, there is no other."""
    ledger.append("decision")
    ledger.append("note")
    raw = ledger.note()
    assert raw is not None
    assert parse(raw).size == ledger.size == 6
    assert ledger.note() == raw
    assert [note.size for note in notes(ledger)] == [4, 6]
    ledger.append("decision")
    judge(ledger)


def test_without_a_session_there_is_no_note(tmp_path: Path) -> None:
    """Nobody could sign it; after the session's end the last one is returned."""
    with Ledger.create(tmp_path / "INC-1", mode="live", version="1", code_hash="") as ledger:
        assert ledger.note() is None
        ledger.start_session("Maria")
        ledger.end_session()
        raw = ledger.note()
        assert raw is not None
        assert parse(raw).size == 3 == ledger.size
        with Ledger.open(ledger.folder, write=False) as reader:
            assert reader.note() == raw


DO: dict[str, Callable[[Ledger, SetClock], object]] = {
    "note": lambda ledger, _: ledger.append("note"),
    "some": lambda ledger, _: [ledger.append("input.corrected") for _ in range(9)],
    "decision": lambda ledger, _: ledger.append("decision"),
    "sign": lambda ledger, _: ledger.append_signed("handover.offered", Throwaway()),
    "refused": lambda ledger, _: ledger.append("decision", {"text": "x" * 60_000}),
    "note now": lambda ledger, _: ledger.note(),
    "step": lambda _, set_clock: set_clock.passes(1, wall=60),
    "end": lambda ledger, _: ledger.end_session(),
    "start": lambda ledger, _: ledger.start_session("Maria"),
}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([4, 5, 6, 9, 64]), st.lists(st.tuples(st.booleans(), st.sampled_from([*DO, "crash"])), max_size=60))
def test_any_mixture_keeps_the_rules_of_notes(most: int, acts: list[tuple[bool, str]]) -> None:
    """Two processes, in any order: what they append, what is refused, steps of their clocks, ends and crashes."""
    set_clock = SetClock()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name, "INC-1")
        Ledger.create(folder, mode="test", version="1", code_hash="", policy={"max_entries": most}).close()
        pair = [stack.enter_context(Ledger.open(folder, clock=set_clock)) for _ in range(2)]
        for who, act in acts:
            if act == "crash":
                pair[who] = stack.enter_context(Ledger.open(folder, clock=set_clock))
                continue
            with contextlib.suppress(LedgerError):
                DO[act](pair[who], set_clock)
        judge(stack.enter_context(Ledger.open(folder)))


# -- one transaction ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("act", "commits"), [
    (lambda ledger: ledger.append("note"), 1), (lambda ledger: ledger.append("decision"), 1),
    (lambda ledger: ledger.keep("a", b"b"), 1), (lambda ledger: ledger.end_session(), 1),
    (lambda ledger: ledger.note(), 1),
    (lambda ledger: ledger.append_signed("handover.offered", Throwaway()), 2),       # the first names the note before it
    (lambda ledger: together(ledger, [lambda: ledger.append("decision")] * 16), 1),
])
def test_a_commit_is_one_transaction(ledger: Ledger, act: Callable[[Ledger], object], commits: int) -> None:
    """Entries, their values, checkpoint and note: all of them or none."""
    ledger.append("decision")
    ledger.append("note")
    statements: list[str] = []
    ledger._db.conn.set_trace_callback(statements.append)
    act(ledger)
    ledger._db.conn.set_trace_callback(None)
    assert [s for s in statements if s.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT"))] == \
        ["BEGIN IMMEDIATE", "COMMIT"] * commits


def test_groups_from_many_threads_keep_the_rules(ledger: Ledger) -> None:
    """Sixteen threads, all kinds of entries: every one is there, and every note where it belongs."""
    kinds = ["note", "decision", "request.answer", "step.done", "input.corrected"]

    def work(n: int) -> None:
        for k in range(25):
            ledger.append(kinds[(n * 7 + k) % len(kinds)], {"n": n, "k": k})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(without_checkpoints(ledger.entries(after=2))) == 16 * 25
    ledger.end_session()
    judge(ledger)


def test_a_group_of_noted_entries_has_a_note_each(ledger: Ledger) -> None:
    """Committed at once, and in the order in which they came."""
    results = together(ledger, [functools.partial(ledger.append, "step.done", {"n": n}) for n in range(16)])
    assert [e.data["n"] for e in results if isinstance(e, Entry)] == list(range(16))
    assert len(notes(ledger)) == 16
    judge(ledger)
