"""Forgeries on notes, endorsements and policy: whose key signed what, and what genesis demands."""

from __future__ import annotations

from tests.forgery.family import FOLDER, MANY, Forge, Holds, Where, family, refused, unseen
from tests.forgery.forger import Copy, own, rekey, take

_SIGNERS = refused("trust", given=["signers"])


# -- notes -------------------------------------------------------------------------------------------------------

@family(Holds.NOTHING, over=MANY, trials=[refused("note")])
def a_notes_signature_is_changed(forge: Forge) -> Where:
    """One character of the signature of a note in the middle."""
    at = forge.copy.noted[1]
    (size, key_id, raw), = forge.copy.entries[at].notes
    letter = raw[-20:-19]
    forge.copy.entries[at].notes = [(size, key_id, raw[:-20] + (b"A" if letter != b"A" else b"B") + raw[-19:])]
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("note", "root")])
def a_notes_size_is_changed(forge: Forge) -> Where:
    """A note says that it covers one entry less, and is filed so."""
    at = forge.copy.noted[1]
    (size, key_id, raw), = forge.copy.entries[at].notes
    changed = raw.replace(f"\n{size}\n".encode(), f"\n{size - 1}\n".encode(), 1)
    forge.copy.entries[at].notes = [(size - 1, key_id, changed)]
    return at - 1


@family(Holds.NOTHING, over=MANY, trials=[refused("note")])
def a_note_is_moved_to_another_size(forge: Forge) -> Where:
    """Two notes are each filed where the other one belongs."""
    one, other = forge.copy.noted[0], forge.copy.noted[1]
    first, second = forge.copy.entries[one].notes, forge.copy.entries[other].notes
    forge.copy.entries[one].notes = [(one + 1, first[0][1], second[0][2])]
    forge.copy.entries[other].notes = [(other + 1, second[0][1], first[0][2])]
    return range(-1, other + 1)


@family(Holds.SESSION, over=("live", "tested"), trials=[refused("note")])
def a_note_by_the_key_of_an_ended_session(forge: Forge) -> Where:
    """The last note is signed with the key of the first session, which should have been erased at its end."""
    copy = forge.copy
    first = copy.first("session.start")
    at, loot = copy.noted[-1], forge.keys(first)
    copy.entries[at].notes = []
    copy.note(at, first, loot)
    copy.remake(loot)
    return range(first, at + 1)


@family(Holds.SESSION, over=("interleaved", "crash"), trials=[refused("note", "root")])
def two_trees_of_one_size_under_one_key(forge: Forge) -> Where:
    """The session's key signs another tree of a size that it signed already; both notes are there."""
    copy = forge.copy
    at = copy.noted[0]
    changed = take(forge.honest.path)
    changed.entries[at].fields["at"] = "2026-11-20T00:00:00.000000Z"
    changed.remake(forge.keys(at))
    copy.entries[at].notes += changed.entries[at].notes
    copy.schema = copy.schema.replace(", PRIMARY KEY(size, key_id)", "")
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("note", level="MISSING")])
def a_note_is_taken_out(forge: Forge) -> Where:
    """A note in the middle is gone; the checkpoint entry that names it stands."""
    at = forge.copy.noted[0]
    forge.copy.entries[at].notes = []
    return at


@family(Holds.NOTHING, over=FOLDER, trials=[refused("note", level="MISSING")])
def the_last_note_is_taken_out_of_a_folder(forge: Forge) -> Where:
    """The newest note is gone, which no entry names yet; but the entry that irkit always signs is still there."""
    at = forge.copy.noted[-1]
    forge.copy.entries[at].notes = []
    return at


@family(Holds.NOTHING, over=("bag of live", "bag of drill"), trials=[refused("export", "note")])
def the_last_note_is_taken_out_of_a_bag(forge: Forge) -> Where:
    """The note over all the bag's lines is gone."""
    at = forge.copy.noted[-1]
    forge.copy.entries[at].notes = []
    return at


@family(Holds.NOTHING, over=(*FOLDER, "bag of live", "bag of drill"), trials=[
    refused("note", "endorsement", "export", "policy", "signature", "session")])
def every_note_and_checkpoint_is_taken_out(forge: Forge) -> Where:
    """An outcome is changed; no note and no entry that names one is left, and all is chained anew."""
    copy = forge.copy
    at = copy.first("request.answer", "note")
    copy.entries[at].data["status"] = 500
    copy.entries = [one for one in copy if one.kind != "checkpoint"]
    for one in copy:
        one.notes = []
    copy.remake(forge.keys())
    return range(1, len(copy.entries) + 1)


@family(Holds.SESSION, over=("crash", "held"), trials=[refused("policy", "note")])
def more_entries_than_the_policy_allows_without_a_note(forge: Forge) -> Where:
    """Seventy entries are put in under one note, all signed with the session's key."""
    copy = forge.copy
    at = copy.last("session.end", "run.closed") if copy.all("session.end") else len(copy.entries)
    at = copy.last("run.closed")
    for _ in range(70):
        copy.insert(at, "request.body")
    copy.remake(forge.keys(at))
    return range(at, at + 71)


# -- endorsements ------------------------------------------------------------------------------------------------

@family(Holds.SESSION, over=("held", "sealed", "drill"), trials=[refused("endorsement", level="MISSING")])
def an_endorsement_is_taken_out(forge: Forge) -> Where:
    """The person's signature of a session is gone, and their key still stands as `who`."""
    at = forge.copy.first("session.start")
    del forge.copy.entries[at].data["endorsement"]
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("held", "live"), trials=[refused("policy")])
def an_endorsement_is_taken_out_and_the_name_too(forge: Forge) -> Where:
    """The session becomes one that nobody endorsed, throughout; it sends all the same."""
    copy = forge.copy
    start = copy.entries[copy.first("session.start")]
    loot, who = forge.keys(copy.first("session.start")), "unsigned:" + "0" * 16
    del start.data["endorsement"]
    for one in copy:
        if one.fields.get("session") == start.fields["seq"] and one.kind != "session.start":
            one.fields["who"] = who
    start.fields["who"] = who
    start.values, start.fields["sd"] = [], []
    del start.fields["sd"]
    copy.remake(loot)
    return copy.first("request.sending")


@family(Holds.ALL, over=("live", "tested"), trials=[refused("endorsement")])
def an_endorsement_is_copied_from_another_session(forge: Forge) -> Where:
    """The second session bears the signature that endorsed the first one."""
    copy = forge.copy
    first, second = copy.all("session.start")[:2]
    stolen, loot = copy.entries[first].data["endorsement"], forge.keys()
    loot.people.pop(copy.entries[second].fields["who"])
    copy.entries[second].data["endorsement"] = stolen
    copy.remake(loot)
    return second


@family(Holds.SESSION, over=("held", "drill"), trials=[refused("endorsement")])
def an_endorsement_is_copied_from_another_ledger(forge: Forge) -> Where:
    """A session bears a signature that endorsed a session with the same number elsewhere."""
    at, other = forge.copy.first("session.start"), take(forge.shelf["sealed"].path)
    forge.copy.entries[at].data["endorsement"] = other.entries[other.first("session.start")].data["endorsement"]
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.NOTHING, over=("held", "sealed", "drill"), trials=[refused("endorsement")])
def a_sessions_key_is_exchanged(forge: Forge) -> Where:
    """The session names the forger's key instead of its own, and all its notes are signed with that one."""
    at = forge.copy.first("session.start")
    mine = own(forge.copy, people=False)
    mine.people = {}
    forge.copy.remake(mine)
    return at


@family(Holds.NOTHING, over=("live", "tested", "drill", "sealed", "bag of live"), trials=[
    unseen("every name and key in a ledger is its writer's word"), _SIGNERS, refused("expect", given=["expect"]),
    refused("against", given=["against"]), refused("trust", given=["require-trusted"])])
def a_ledger_remade_with_other_keys(forge: Forge) -> Where:
    """The same story, origin and all, with an outcome changed; every key in it is the forger's."""
    copy = forge.copy
    at = copy.first("request.answer")
    copy.entries[at].data["status"] = 500
    copy.remake(own(copy))
    return range(-1, len(copy.entries) + 1)


@family(Holds.NOTHING, over=("live", "bag of live"), trials=[refused("policy"), refused("policy", given=["signers"])])
def a_fresh_log_with_a_weaker_policy(forge: Forge) -> Where:
    """The same, and genesis lets unendorsed sessions send."""
    forge.copy.entries[0].data["policy"]["endorse"] = False
    forge.copy.remake(own(forge.copy))
    return 0


@family(Holds.NOTHING, over=("live", "bag of live"), trials=[refused("policy")])
def a_fresh_log_whose_policy_allows_more_entries(forge: Forge) -> Where:
    """max_entries is 65."""
    forge.copy.entries[0].data["policy"]["max_entries"] = 65
    forge.copy.remake(own(forge.copy))
    return 0


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("policy")])
def genesis_without_a_policy(forge: Forge) -> Where:
    """One of its four demands is not named."""
    del forge.copy.entries[0].data["policy"]["seal_tokens"]
    forge.copy.remake(forge.keys())
    return 0


@family(Holds.NOTHING, over=("tested",), trials=[
    unseen("a test ledger may keep a weaker policy than a live one", said="UNENDORSED"), refused("policy", given=["policy"])])
def a_session_that_sends_unendorsed_where_genesis_allows_it(forge: Forge) -> Where:
    """A fresh test ledger whose genesis asks for no endorsement; its last session, which nobody endorsed, sends."""
    copy = forge.copy
    copy.entries[0].data["policy"]["endorse"] = False
    at = copy.last("note")
    copy.insert(at, "run.opened", run="r9")
    copy.insert(at + 1, "request.sending", run="r9")
    copy.remake(own(copy))
    forge.give("policy", b'{"endorse": true}')
    return at + 1


@family(Holds.NOTHING, over=("tested",), trials=[
    unseen("a test ledger may keep a weaker policy than a live one"), refused("policy", given=["policy"])])
def more_entries_without_a_note_where_genesis_allows_it(forge: Forge) -> Where:
    """A fresh test ledger whose genesis allows a thousand entries between two notes, and that has eighty."""
    copy = forge.copy
    copy.entries[0].data["policy"]["max_entries"] = 1000
    at = copy.last("note")
    for _ in range(80):
        copy.insert(at, "note")
    copy.remake(own(copy))
    forge.give("policy", b'{"max_entries": 64}')
    return range(at, at + 80)


@family(Holds.NOTHING, over=("live", "bag of live"), trials=[
    unseen("that a key was taken away from its holder is written elsewhere", "signers"),
    refused("trust", given=["signers", "revoked"])])
def a_session_endorsed_with_a_revoked_key(forge: Forge) -> Where:
    """The ledger is as it was; the key of its second session is on a list of revoked ones."""
    second = forge.copy.all("session.start")[1]
    forge.give("revoked", forge.honest.loot.people[forge.copy.entries[second].fields["who"]].public.encode() + b"\n")
    return range(second, len(forge.copy.entries))


@family(Holds.ALL, over=("crash",), trials=[unseen("what is adopted is worked out from the notes, whatever a session says",
                                                   said="ADOPTED")])
def a_session_that_names_less_than_it_adopts(forge: Forge) -> Where:
    """`adopts` of the session after the crash names one entry fewer; every key signs."""
    start = forge.copy.entries[forge.copy.all("session.start")[1]]
    start.data["adopts"]["from"] += 1
    forge.copy.remake(forge.keys())
    return None


@family(Holds.ALL, over=("drill", "tested", "bag of drill"), trials=[refused("endorsement", "policy")])
def a_drill_or_a_test_shown_as_live(forge: Forge) -> Where:
    """Mode and origin say live wherever they stand, all notes are signed anew; what people signed is what they signed."""
    copy = forge.copy
    _as_live(copy)
    copy.remake(rekey(copy, forge.keys().sessions))
    return range(copy.first("session.start") + 1)


@family(Holds.ALL, over=("drill", "tested"), trials=[refused("genesis")])
def a_drill_or_a_test_whose_genesis_says_live(forge: Forge) -> Where:
    """The mode in genesis alone; everything is signed anew."""
    forge.copy.entries[0].data["mode"] = "live"
    forge.copy.remake(forge.keys())
    return 0


def _as_live(copy: Copy) -> None:
    """Every line, and genesis, say live."""
    origin = copy.origin
    live = f"irkit/live/{origin.rpartition('/')[2]}"
    copy.entries[0].data.update(mode="live", origin=live)
    for one in copy:
        if not one.hidden:
            one.fields["log"] = live
