"""Forgeries on lines and their order: what bytes, numbers, chain, roots and sessions show."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.forgery.family import (
    BOTH,
    EVERY,
    EVERY_FOLDER,
    FOLDER,
    MANY,
    Forge,
    Holds,
    Where,
    answer,
    family,
    refused,
    unseen,
)
from tests.forgery.forger import Copy, One, jcs, take
from tests.forgery.ledgers import BAGS, Loot

NO_HISTORY = "the key signed each of these trees; only a note kept elsewhere, or another copy, shows that there was another"
_EXPECT = (refused("expect", given=["expect"]), refused("against", given=["against"]))


def _flip(one: One) -> None:
    """Another outcome."""
    one.data["status"] = 500 if one.data.get("status") != 500 else 200


# -- without keys ------------------------------------------------------------------------------------------------

@family(Holds.NOTHING, over=EVERY, trials=[refused("hash", "chain")])
def an_outcome_is_changed(forge: Forge) -> Where:
    """The status of an answer is another one, in the line alone; the stored hash is the old one."""
    at = answer(forge.copy)
    one = forge.copy.entries[at]
    one.leaf = one.hash()
    _flip(one)
    one.line = jcs(one.fields)
    return at + 1 if forge.copy.is_bag else at


@family(Holds.NOTHING, over=FOLDER, trials=[refused("chain")])
def an_outcome_and_its_stored_hash_are_changed(forge: Forge) -> Where:
    """The line and the hash beside it; the entry after still follows from the old one."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.entries[at].line = jcs(forge.copy.entries[at].fields)
    return at + 1


@family(Holds.NOTHING, over=EVERY, trials=[refused("root", "endorsement", "signature")])
def an_outcome_is_changed_and_all_is_chained_anew(forge: Forge) -> Where:
    """The status of an answer is another one, and every later line follows from it; no note can be signed anew."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.remake(forge.keys())
    return forge.copy.next_note(at)


@family(Holds.NOTHING, over=(*EVERY_FOLDER, *BAGS), trials=[
    refused("root", "note", "endorsement", "signature", "policy", "session")])
def all_steps_are_deleted(forge: Forge) -> Where:
    """No step is left; the rest is numbered and chained anew, with the notes that stood elsewhere."""
    copy = forge.copy
    first = copy.first("step.started", "step.done", "note")
    gone = copy.all("step.started", "step.done", "step.unknown", "step.by_hand", "step.asked", "note")
    kept = [one for seq, one in enumerate(copy.entries) if seq not in gone]
    notes = [found for one in copy for found in one.notes]
    copy.entries = kept
    copy.remake(forge.keys())
    for one in kept:
        one.notes = []
    for found in notes:
        kept[min(found[0], len(kept)) - 1].notes.append(found)
    return range(first, len(kept) + 1)


@family(Holds.NOTHING, over=FOLDER, trials=[refused("numbering", level="MISSING")])
def an_entry_is_deleted(forge: Forge) -> Where:
    """Its row and its values are gone, and so there is a gap."""
    at = answer(forge.copy)
    for seq, one in enumerate(forge.copy):
        one.seq = seq
    del forge.copy.entries[at]
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("numbering")])
def an_entry_is_deleted_and_the_rows_close_up(forge: Forge) -> Where:
    """A line is taken out; what follows moves up by one, unchanged."""
    at = answer(forge.copy)
    forge.copy.entries[at - 1].notes += forge.copy.entries[at].notes
    del forge.copy.entries[at]
    return at


@family(Holds.NOTHING, over=(*FOLDER, "bag of live"), trials=[refused("root", "endorsement", "signature")])
def an_entry_is_inserted_and_all_is_chained_anew(forge: Forge) -> Where:
    """A note that nobody wrote; every later line is numbered and chained anew."""
    at = answer(forge.copy)
    forge.copy.insert(at, "note", None, {"text": "We called the customer at once."}, by="human")
    moved = [one for one in forge.copy.entries if one.notes]
    forge.copy.remake(forge.keys())
    _refile(forge.copy, moved)
    return range(at, forge.copy.next_note(at) + 2)


def _refile(copy: Copy, moved: list[One]) -> None:
    """Notes stand where their size says."""
    notes = [found for one in moved for found in one.notes]
    for one in moved:
        one.notes = []
    for found in notes:
        copy.entries[min(found[0], len(copy.entries)) - 1].notes.append(found)


@family(Holds.NOTHING, over=MANY, trials=[refused("numbering", "chain")])
def two_entries_change_places(forge: Forge) -> Where:
    """Two neighbours are exchanged, unchanged."""
    at, entries = answer(forge.copy), forge.copy.entries
    entries[at - 1].line, entries[at].line = entries[at].line, entries[at - 1].line
    entries[at - 1].values, entries[at].values = entries[at].values, entries[at - 1].values
    return range(at - 1, at + 1)


@family(Holds.NOTHING, over=FOLDER, trials=[refused("numbering")])
def a_number_stands_twice(forge: Forge) -> Where:
    """The store was built anew without its unique key, and holds two entries of one number."""
    copy, at = forge.copy, answer(forge.copy)
    for seq, one in enumerate(copy):
        one.seq = seq
    twin = copy.entries[at].again()
    twin.values, twin.notes, twin.seq = [], [], at
    twin.change(at="2026-11-20T00:00:00.000000Z")
    copy.entries.insert(at + 1, twin)
    copy.schema = copy.schema.replace("seq INTEGER PRIMARY KEY", "seq INTEGER")
    return range(at, at + 2)


@family(Holds.NOTHING, over=MANY, trials=[refused("numbering")],
        agree="the repeated line is named by the place where it stands, or by the number that it repeats")
def a_line_stands_twice(forge: Forge) -> Where:
    """One line is repeated; what follows moves down by one, unchanged."""
    at = answer(forge.copy)
    twin = forge.copy.entries[at].again()
    twin.notes = []
    forge.copy.entries.insert(at + 1, twin)
    return range(at, at + 2)


@family(Holds.NOTHING, over=FOLDER, trials=[refused("hash", "chain", "root")])
def an_insert_or_replace_in_the_database(forge: Forge) -> Where:
    """One statement against the store as it is, its triggers in place: INSERT OR REPLACE INTO entries."""
    at = answer(forge.copy)
    one = forge.copy.entries[at].again()
    _flip(one)
    line, leaf = jcs(one.fields), forge.copy.entries[at].hash()
    original = forge.honest.path

    def replace(folder: Path) -> None:
        (folder / "ledger.db").unlink()
        with sqlite3.connect(f"file:{original}/ledger.db?mode=ro", uri=True) as source, \
                sqlite3.connect(folder / "ledger.db") as db:
            source.backup(db)
            db.execute("PRAGMA journal_mode=DELETE")
            db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (at, line, leaf))
        source.close()
        db.commit()
        db.close()
    forge.after.append(replace)
    return at


@family(Holds.NOTHING, over=BOTH, trials=[refused("numbering", "chain", "genesis")])
def the_end_of_another_ledger_is_joined_on(forge: Forge) -> Where:
    """Entries up to the middle, then those of another ledger with their numbers as they are."""
    at, other = answer(forge.copy), take(forge.shelf["crash"].path)
    end = other.entries[at:] if len(other.entries) > at else other.entries[-2:]
    forge.copy.entries[at:] = end
    return at


@family(Holds.NOTHING, over=BOTH, trials=[refused("session", "note", "root", "endorsement", "disclosure")])
def the_end_of_another_ledger_is_joined_on_and_chained(forge: Forge) -> Where:
    """The same, but each joined line says this ledger's origin, has its number and follows from the one before."""
    at, other = answer(forge.copy), take(forge.shelf["crash"].path)
    for one in other.entries[at:]:
        one.fields["log"] = forge.copy.origin
    forge.copy.entries[at:] = other.entries[at:]
    forge.copy.remake(forge.keys())
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("genesis", "note", "session", "bytes", "policy", "hash", "numbering")])
def genesis_is_cut_off(forge: Forge) -> Where:
    """The ledger begins with its first session; all is numbered and chained anew."""
    forge.copy.entries[1].notes += forge.copy.entries[0].notes
    del forge.copy.entries[0]
    forge.copy.remake(forge.keys())
    return 0


@family(Holds.ALL, over=("live", "sealed"), trials=[refused("genesis")])
def an_origin_that_is_none(forge: Forge) -> Where:
    """Every line, genesis too, says `log` x; what can be signed is signed."""
    forge.copy.entries[0].data["origin"] = "x"
    forge.copy.remake(forge.keys())
    for one in forge.copy:
        one.fields["log"] = "x"
    forge.copy.remake(Loot())
    return 0


@family(Holds.ALL, over=MANY, trials=[refused("genesis")])
def a_second_genesis(forge: Forge) -> Where:
    """Another genesis with another policy stands in the middle, signed with every key."""
    at = answer(forge.copy)
    twin = forge.copy.entries[0].again()
    twin.notes = []
    forge.copy.entries.insert(at, twin)
    forge.copy.remake(forge.keys())
    return at


@family(Holds.NOTHING, over=FOLDER, trials=[
    unseen("the note at the cut was the newest one at its time", said="PENDING"), refused("expect", given=["expect"]),
    refused("against", given=["against"])])
def cut_back_below_the_last_note(forge: Forge) -> Where:
    """Everything after the last note but one is gone, and one more entry: the last ones are unsigned, as after a crash."""
    copy = forge.copy
    at = copy.noted[-2]
    copy.entries = copy.entries[:at + 2]
    return at + 2


@family(Holds.NOTHING, over=EVERY_FOLDER, trials=[unseen(NO_HISTORY), *_EXPECT])
def cut_back_to_a_state_once_signed(forge: Forge) -> Where:
    """Everything after the last note but one is gone."""
    copy = forge.copy
    copy.entries = copy.entries[:copy.noted[-2] + 1]
    return len(copy.entries)


@family(Holds.NOTHING, over=("live", "tested", "crash"), trials=[unseen(NO_HISTORY), *_EXPECT])
def the_last_session_is_removed(forge: Forge) -> Where:
    """The ledger ends where the session before it ended."""
    copy = forge.copy
    copy.entries = copy.entries[:copy.last("session.start")]
    if copy.entries[-1].kind == "session.start" or not copy.noted:
        raise AssertionError("there is no session before it")
    return len(copy.entries)


@family(Holds.SESSION, over=("held", "drill"), trials=[unseen(NO_HISTORY), *_EXPECT])
def a_second_history_by_malware_in_the_last_session(forge: Forge) -> Where:
    """An outcome is changed and every note signed anew with the session's own key, which is still there."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.remake(forge.keys(at))
    return range(at, len(forge.copy.entries) + 1)


@family(Holds.SESSION, over=("live", "tested", "crash"), trials=[refused("endorsement")])
def a_second_history_below_a_later_endorsement(forge: Forge) -> Where:
    """The same in a session that others followed: what they endorsed was the tree before."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.remake(forge.keys(at))
    return next(seq for seq in forge.copy.all("session.start") if seq > at)


@family(Holds.SESSION, over=("sealed",), trials=[refused("signature")])
def a_second_history_below_a_seal(forge: Forge) -> Where:
    """The same below a seal, over which a person signed."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.remake(forge.keys(at))
    return forge.copy.first("sealed")


@family(Holds.ALL, over=EVERY, trials=[unseen(NO_HISTORY), *_EXPECT])
def a_second_history_by_everybody(forge: Forge) -> Where:
    """An outcome is changed and everything signed anew with every key there ever was."""
    at = answer(forge.copy)
    _flip(forge.copy.entries[at])
    forge.copy.remake(forge.keys())
    return range(at, len(forge.copy.entries) + 1)


# -- sessions ----------------------------------------------------------------------------------------------------

@family(Holds.SESSION, over=("held", "crash", "drill"), trials=[refused("session")])
def an_entry_under_somebody_elses_name(forge: Forge) -> Where:
    """`who` of one entry is another person's key; the session's key signs it."""
    at = forge.copy.last("note", "step.done")
    forge.copy.entries[at].fields["who"] = "SHA256:" + "A" * 43
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("live", "tested"), trials=[refused("session")])
def an_entry_in_an_ended_session(forge: Forge) -> Where:
    """The last entries claim the first session, which has ended."""
    copy = forge.copy
    at, first = copy.last("note"), copy.first("session.start")
    copy.entries[at].fields |= {"session": first, "who": copy.entries[first].fields["who"]}
    copy.remake(forge.keys())
    return at


@family(Holds.SESSION, over=("crash", "drill"), trials=[refused("session")])
def a_session_that_never_started(forge: Forge) -> Where:
    """One entry names a session that is none."""
    at = forge.copy.last("run.closed", "step.done")
    forge.copy.entries[at].fields["session"] = forge.copy.entries[at].fields["seq"] - 1
    forge.copy.remake(forge.keys(forge.copy.last("session.start")))
    return at


@family(Holds.ALL, over=("interleaved",), trials=[refused("session")])
def a_send_for_a_run_that_another_session_holds(forge: Forge) -> Where:
    """A request.sending is moved under the session that was only watching."""
    copy = forge.copy
    at, other = copy.first("request.sending"), copy.all("session.start")[1]
    copy.entries[at].fields |= {"session": other, "who": copy.entries[other].fields["who"]}
    copy.remake(forge.keys())
    return at


@family(Holds.SESSION, over=("live", "interleaved"), trials=[refused("session", "policy")])
def a_stranger_takes_over_a_run_and_sends(forge: Forge) -> Where:
    """At the end a session of the forger's own, endorsed by nobody, resumes a run and sends."""
    copy, loot = forge.copy, forge.keys()
    if copy.is_bag:
        raise AssertionError("a bag ends with its export")
    start = copy.session(len(copy.entries), loot)
    for kind in ("run.resumed", "request.sending"):
        copy.insert(len(copy.entries), kind, session=start, who=start.fields["who"], run="r1")
    copy.note(len(copy.entries) - 1, start, loot)
    copy.remake(loot)
    return len(copy.entries) - 1


@family(Holds.NOTHING, over=FOLDER, trials=[
    unseen("anybody who can write the folder can add a session; it is endorsed by nobody, and that is printed",
           said="UNENDORSED")])
def a_stranger_adds_a_note_at_the_end(forge: Forge) -> Where:
    """A session of the forger's own, endorsed by nobody, writes a note and signs it with its own key."""
    copy, loot = forge.copy, forge.keys()
    kind = "label.set" if copy.all("sealed") else "note"
    start = copy.session(len(copy.entries), loot)
    copy.insert(len(copy.entries), kind, {"label": "x"}, session=start, who=start.fields["who"])
    copy.note(len(copy.entries) - 1, start, loot)
    copy.remake(loot)
    return None
