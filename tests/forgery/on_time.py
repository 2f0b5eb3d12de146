"""Forgeries on time-stamps: tokens, the entries that name them, and the clock."""

from __future__ import annotations

import hashlib

from irkit.ledger.timestamp import answer_to, request_for
from tests.forgery.family import Forge, Holds, Where, family, refused, unseen
from tests.forgery.forger import Copy, take
from tests.ledger.authority import Authority

LOOKS_PENDING = "the last token may still come: one that was taken away looks the same"
STAMPED = ("stamped", "bag of stamped")


@family(Holds.NOTHING, over=STAMPED, trials=[refused("token", level="MISSING"), refused("token", given=["tsa-ca"])])
def a_token_is_taken_out(forge: Forge) -> Where:
    """A token is gone; the anchor.timestamp that names it stands."""
    copy = forge.copy
    at = copy.first("anchor.timestamp")
    copy.tokens = [one for one in copy.tokens if one[0] != copy.entries[at].data["token_sha256"]]
    return at


@family(Holds.SESSION, over=("stamped",), trials=[unseen(LOOKS_PENDING), refused("expect", given=["expect"])])
def every_token_is_taken_out_with_its_entry(forge: Forge) -> Where:
    """No token and no anchor.timestamp is left; the session's key signs the rest anew."""
    copy = forge.copy
    loot = forge.keys(copy.last("note"))
    first = copy.first("anchor.timestamp")
    copy.entries = [one for one in copy if one.kind != "anchor.timestamp"]
    copy.insert(first, "request.body")
    copy.tokens = copy.tokens[:0]
    copy.remake(loot)
    return range(first, 99)


@family(Holds.NOTHING, over=STAMPED, trials=[refused("token")])
def a_token_is_changed(forge: Forge) -> Where:
    """One byte inside a token, filed under its old hash."""
    sha256, size, key_id, raw = forge.copy.tokens[0]
    forge.copy.tokens[0] = (sha256, size, key_id, raw[:200] + bytes([raw[200] ^ 1]) + raw[201:])
    return None


@family(Holds.NOTHING, over=("stamped", "bag of stamped", "live"), trials=[refused("token")])
def a_token_of_another_ledger_is_added(forge: Forge) -> Where:
    """A good token over a note of another ledger lies among the tokens."""
    with Authority("First") as authority:
        note = take(forge.shelf["crash"].path).entries[-1].notes[0][2]
        raw = authority.answer(request_for(note))
    forge.copy.tokens.append((hashlib.sha256(raw).hexdigest(), 3, "00000000", raw))
    return None


@family(Holds.SESSION, over=("stamped",), trials=[refused("token")])
def an_anchor_says_another_time(forge: Forge) -> Where:
    """gen_time in an anchor.timestamp is an hour earlier than in its token; the session's key signs it."""
    at = forge.copy.first("anchor.timestamp")
    said = forge.copy.entries[at].data["gen_time"]
    forge.copy.entries[at].data["gen_time"] = f"{said[:11]}{(int(said[11:13]) - 1) % 24:02d}{said[13:]}"
    forge.copy.remake(forge.keys(at))
    return range(-1, at + 1)


@family(Holds.SESSION, over=("stamped",), trials=[refused("token")])
def an_anchor_says_another_serial_number(forge: Forge) -> Where:
    """`serial` in the last anchor.timestamp is none of its token's; the session's key signs it."""
    at = forge.copy.last("anchor.timestamp")
    forge.copy.entries[at].data["serial"] = "7"
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.ALL, over=STAMPED, trials=[refused("token", given=["tsa-ca"]), unseen("an authority that nobody vouches for")])
def a_token_of_the_forgers_own_authority(forge: Forge) -> Where:
    """The last token is exchanged for one that the forger's own authority gave; its entry is made good."""
    copy = forge.copy
    at = copy.last("anchor.timestamp")
    data = copy.entries[at].data
    note = next(raw for one in copy for _, _, raw in one.notes if hashlib.sha256(raw).hexdigest() == data["note_sha256"])
    _exchange(copy, at, "Eve", note)
    copy.remake(forge.keys())
    return None


@family(Holds.ALL, over=STAMPED, trials=[refused("token")])
def a_second_history_under_tokens(forge: Forge) -> Where:
    """An outcome below the first token is changed and everything signed anew with every key; the tokens are what they are."""
    at = forge.copy.first("request.answer")
    forge.copy.entries[at].data["status"] = 500
    forge.copy.remake(forge.keys())
    return range(-1, len(forge.copy.entries))


@family(Holds.SESSION, over=("stamped",), trials=[unseen("a wrong clock and a false one look alike", said="FLAGGED")])
def an_entry_is_dated_back(forge: Forge) -> Where:
    """The last entries claim to be a day old; the session's key signs them. A token below them says otherwise."""
    for one in forge.copy.entries[forge.copy.last("anchor.timestamp") + 1:]:
        one.fields["at"] = "2020" + one.fields["at"][4:]
    forge.copy.remake(forge.keys(-1))
    return None


@family(Holds.ALL, over=("sealed and stamped",), trials=[
    unseen("each token is good, and what its authority is called is the writer's word", "tsa-ca")])
def one_authority_under_two_names(forge: Forge) -> Where:
    """The seal wants two authorities. Both tokens over it are of one, and their entries name two; every key signs."""
    copy = forge.copy
    one, other = copy.all("anchor.timestamp")[-2:]
    noted = copy.entries[one].data["note_sha256"]
    note = next(raw for entry in copy for _, _, raw in entry.notes if hashlib.sha256(raw).hexdigest() == noted)
    _exchange(copy, other, "First", note)
    copy.remake(forge.keys())
    return copy.first("sealed")


def _exchange(copy: Copy, at: int, authority: str, note: bytes) -> None:
    """Another authority's token in place of one, and the entry that names it made good but for the authority's name."""
    data = copy.entries[at].data
    with Authority(authority) as asked:
        raw = asked.answer(request := request_for(note))
    token = answer_to(request, raw)
    copy.tokens = [(token.sha256, *row[1:3], raw) if row[0] == data["token_sha256"] else row for row in copy.tokens]
    data |= {"token_sha256": token.sha256, "gen_time": token.gen_time.isoformat().replace("+00:00", "Z"),
             "serial": str(token.serial)}
