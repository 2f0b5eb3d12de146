"""Forgeries in the middle of a collection: many answers one after another, which a verifier may be tempted to take as one."""

from __future__ import annotations

from hashlib import sha256

from tests.forgery.family import Forge, Holds, Where, family, refused, unseen
from tests.forgery.on_lines import NO_HISTORY

OVER = ("collected", "bag of collected")


def _answers(forge: Forge) -> list[int]:
    """Where the answers of the second session's collection stand."""
    return [seq for seq in forge.copy.all("request.answer") if seq > forge.copy.all("session.start")[1]]


def _changed(forge: Forge, **fields: object) -> Where:
    """Some answers in the middle say something else of themselves; everything is chained and signed anew."""
    middle = _answers(forge)[5:17]
    for at in middle:
        forge.copy.entries[at].fields.update(fields)
    forge.copy.remake(forge.keys())
    return middle[0]


@family(Holds.ALL, over=OVER, trials=[refused("session")])
def answers_of_a_session_that_has_ended(forge: Forge) -> Where:
    """Some stand under the session before, and under its person."""
    before = forge.copy.entries[forge.copy.first("session.start")]
    return _changed(forge, session=before, who=before.fields["who"])


@family(Holds.ALL, over=OVER, trials=[refused("session")])
def answers_of_a_session_that_never_was(forge: Forge) -> Where:
    """Some name the number of an entry that starts none."""
    return _changed(forge, session=1_000)


@family(Holds.ALL, over=OVER, trials=[refused("session")])
def answers_under_another_person(forge: Forge) -> Where:
    """Some stand in their session, and under the person of the one before."""
    return _changed(forge, who=forge.copy.entries[forge.copy.first("session.start")].fields["who"])


@family(Holds.ALL, over=OVER, trials=[refused("genesis")])
def answers_of_another_ledger(forge: Forge) -> Where:
    """Some name the log of another one."""
    return _changed(forge, log="irkit/live/" + "0" * 32)


@family(Holds.ALL, over=("collected",), trials=[refused("sealed")])
def answers_after_the_seal(forge: Forge) -> Where:
    """A seal, signed as it should be, stands before the last of them."""
    copy, person = forge.copy, next(iter(forge.honest.loot.people))
    at = _answers(forge)[8]
    copy.insert(at, "sealed", {"key": person, "signature": ""})
    copy.note(at, copy.last("session.start"), forge.keys())
    copy.remake(forge.keys())
    return at + 1


@family(Holds.ALL, over=("collected",), trials=[refused("policy")])
def a_collection_that_nothing_notes(forge: Forge) -> Where:
    """More answers than may stand without a note, one after another."""
    copy, at = forge.copy, _answers(forge)[3]
    for number in range(70):
        copy.insert(at + number, "request.answer", {"status": 200})
    for one in copy.entries[at + 70:]:
        one.notes = []
    copy.remake(forge.keys())
    most: int = copy.entries[0].data["policy"]["max_entries"]
    return max(seq for seq in copy.noted if seq < at) + most + 1


@family(Holds.ALL, over=("collected",), trials=[refused("note", level="MISSING")])
def the_note_before_a_collection_is_taken_out(forge: Forge) -> Where:
    """A decision, which is signed at once, has no note; those after it have."""
    at = forge.copy.last("decision")
    assert forge.copy.entries[at].notes
    assert forge.copy.entries[at + 1].kind == "request.answer"
    forge.copy.entries[at].notes = []
    return at


@family(Holds.NOTHING, over=("collected",), trials=[refused("numbering", level="MISSING")])
def an_answer_is_deleted(forge: Forge) -> Where:
    """Its row and its values are gone, in the middle of the others."""
    at = _answers(forge)[9]
    for seq, one in enumerate(forge.copy):
        one.seq = seq
    forge.copy.entries[at].values = []
    del forge.copy.entries[at]
    return at


@family(Holds.ALL, over=("collected",), trials=[refused("numbering", level="MISSING")])
def answers_are_deleted_and_the_gap_is_chained_over(forge: Forge) -> Where:
    """Rows between are gone; those that are left keep their numbers, each follows from the one before it, and the notes fit."""
    copy, middle = forge.copy, _answers(forge)[9:12]
    numbers = [seq for seq in range(len(copy.entries)) if seq not in middle]
    copy.entries = [copy.entries[seq] for seq in numbers]
    copy.remake(forge.keys())
    prev = "0" * 64
    for seq, one in zip(numbers, copy.entries, strict=True):
        one.change(seq=seq, prev=prev)
        one.seq, prev = seq, one.hash().hex()
    return middle[0]


@family(Holds.ALL, over=OVER, trials=[refused("numbering")])
def answers_call_themselves_by_other_numbers(forge: Forge) -> Where:
    """From one on, each says the number of the one after it, and follows from the one before."""
    copy, prev = forge.copy, ""
    at = _answers(forge)[9]
    for seq, one in enumerate(copy):
        one.change(seq=seq + (seq >= at), prev=prev or "0" * 64)
        prev = one.hash().hex()
    return at


@family(Holds.NOTHING, over=("collected",), trials=[refused("chain")])
def an_answer_is_changed_with_its_stored_hash(forge: Forge) -> Where:
    """One of them, in the middle of the others; the one after it still follows from the old line."""
    at = _answers(forge)[9]
    forge.copy.entries[at].change(data={"status": 500})
    return at + 1


@family(Holds.ALL, over=("collected",), trials=[
    unseen(NO_HISTORY), refused("expect", given=["expect"]), refused("against", given=["against"])])
def a_second_history_of_a_collection(forge: Forge) -> Where:
    """An answer in the midst is another one; where a note was made that is kept elsewhere, none was made in this history."""
    copy, at = forge.copy, _answers(forge)[5]
    noted = next(seq for seq in copy.noted if seq > at)
    (_, _, kept), = copy.entries[noted].notes
    forge.give("expect", kept)
    copy.entries[at].data["status"] = 404
    for one in copy:
        if one is copy.entries[noted] or (one.kind == "checkpoint" and one.data["note_sha256"] == sha256(kept).hexdigest()):
            one.fields.update(kind="request.answer", data={"status": 200})
            one.notes = []
    copy.remake(forge.keys())
    return range(at, noted + 1)
