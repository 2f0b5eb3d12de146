"""Forgeries on what people signed: custody, the seal, and what a hold forbids."""

from __future__ import annotations

import base64

from irkit.ledger.sshsig import Throwaway
from tests.forgery.family import Forge, Holds, Where, family, refused, unseen

_SIGNERS = refused("trust", given=["signers"])


@family(Holds.SESSION, over=("live", "sealed"), trials=[refused("signature")])
def what_was_signed_for_custody_is_changed(forge: Forge) -> Where:
    """The values of a custody.offered are others; session and chain are made good, the person's signature is the old one."""
    copy = forge.copy
    at = copy.last("custody.offered")
    copy.entries[at].fields["sd"] = ["A" * 43]
    copy.entries[at].values = []
    copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("live",), trials=[refused("signature")])
def a_custody_signature_is_moved(forge: Forge) -> Where:
    """A custody.offered stands one entry later than where it was signed."""
    copy = forge.copy
    at = copy.last("custody.offered")
    copy.insert(at, "request.body")
    copy.remake(forge.keys(at))
    return at + 1


@family(Holds.SESSION, over=("live", "sealed"), trials=[refused("signature", level="MISSING")])
def a_custody_signature_is_taken_out(forge: Forge) -> Where:
    """A custody.offered without a signature."""
    at = forge.copy.last("custody.offered")
    del forge.copy.entries[at].data["signature"]
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("live",), trials=[refused("signature")])
def a_custody_signature_by_another_key(forge: Forge) -> Where:
    """A custody.offered says one key and bears the signature of another."""
    copy = forge.copy
    at, eve = copy.last("custody.offered"), Throwaway()
    loot = forge.keys(at)
    named = copy.entries[at].data["key"]
    loot.people[named] = eve
    copy.remake(loot)
    return at


@family(Holds.SESSION, over=("live",), trials=[
    unseen("any key may accept custody; whose it is, is its holder's word"), _SIGNERS])
def custody_accepted_by_a_strangers_key(forge: Forge) -> Where:
    """A custody.accepted is signed by a key of the forger's, which it names; the session is malware's to write."""
    copy, eve = forge.copy, Throwaway()
    at = copy.last("custody.accepted")
    loot = forge.keys(at)
    loot.people = {eve.fingerprint: eve}
    copy.entries[at].data["key"] = eve.fingerprint
    copy.remake(loot)
    return at


@family(Holds.SESSION, over=("sealed",), trials=[refused("signature", "sealed")])
def a_seal_is_moved(forge: Forge) -> Where:
    """One more decision stands before `sealed`; size and root in it are made good."""
    copy = forge.copy
    at = copy.first("sealed")
    copy.insert(at, "note")
    copy.remake(forge.keys(at))
    return at + 1


@family(Holds.PERSON, over=("sealed",), trials=[refused("sealed")])
def an_entry_after_the_seal(forge: Forge) -> Where:
    """A decision is put in after `sealed`, with the key of the session and the person's."""
    copy = forge.copy
    at = copy.first("sealed") + 1
    copy.insert(at, "decision", {"choice": "notify nobody"})
    copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("sealed",), trials=[refused("signature", level="MISSING")])
def a_seals_signature_is_taken_out(forge: Forge) -> Where:
    """`sealed` without a signature."""
    at = forge.copy.first("sealed")
    del forge.copy.entries[at].data["signature"]
    forge.copy.remake(forge.keys(at))
    return at


@family(Holds.ALL, over=("sealed", "bag of sealed"), trials=[refused("sealed", "signature")])
def a_seal_over_another_tree(forge: Forge) -> Where:
    """`sealed` names the root of another tree."""
    at = forge.copy.first("sealed")

    def spoil(line: bytes) -> bytes:
        root: bytes = forge.copy.entries[at].data["root"].encode()
        return line.replace(root, base64.b64encode(bytes(32)), 1)
    forge.copy.entries[at].spoil = spoil
    forge.copy.remake(forge.keys())
    return at


@family(Holds.PERSON, over=("held",), trials=[refused("erased")])
def values_erased_under_a_hold(forge: Forge) -> Where:
    """An `erased` entry while the hold stands, signed with every key that is needed; the values are gone."""
    copy = forge.copy
    kept = copy.last("note")
    at = copy.last("session.end") - 1
    copy.insert(at, "erased", {"of": kept, "digests": list(copy.entries[kept].fields["sd"])})
    copy.entries[kept].values = []
    copy.note(at, copy.first("session.start"), forge.keys(at))
    copy.remake(forge.keys(at))
    return at
