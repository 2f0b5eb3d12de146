"""Forgeries on a second person's agreement: what was asked, who agreed, and what was sent on it."""

from __future__ import annotations

from irkit.ledger.sshsig import Throwaway
from tests.forgery.family import Forge, Holds, Where, family, refused, unseen
from tests.forgery.forger import value_of

_OVER = ("weekend_export", "bag of weekend_export")
_SIGNERS = refused("trust", given=["signers"])


@family(Holds.PERSON, over=_OVER, trials=[refused("signature", "approval")])
def what_was_asked_is_changed_after_it_was_approved(forge: Forge) -> Where:
    """The request for approval shows another reason; everything is made good but the signature of whoever approved."""
    copy = forge.copy
    at, given = copy.last("approval.asked"), copy.last("approval.given")
    one = copy.entries[at]
    which = one.named("approval.why")
    one.values[which] = value_of("approval.why", "Nothing much.")
    one.values.sort()
    one.fields["sd"] = [digest for digest, _ in one.values]
    copy.remake(forge.keys(at))
    return given


@family(Holds.SESSION, over=_OVER, trials=[refused("signature")])
def a_refusal_becomes_an_approval(forge: Forge) -> Where:
    """An answer says another thing than what was signed."""
    copy = forge.copy
    at = copy.last("approval.given")
    copy.entries[at].fields["kind"] = "approval.refused"
    copy.remake(forge.keys(at))
    return at


@family(Holds.PERSON, over=_OVER, trials=[refused("approval")])
def the_requester_approves(forge: Forge) -> Where:
    """The answer is signed with the key that asked, which it names."""
    copy = forge.copy
    at = copy.last("approval.given")
    copy.entries[at].data["key"] = copy.entries[at].fields["who"]
    copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=("weekend_export",), trials=[
    unseen("any other key may approve; whose it is, is its holder's word"), _SIGNERS])
def a_strangers_key_approves(forge: Forge) -> Where:
    """The answer is signed with a key of the forger's, which it names."""
    copy, eve = forge.copy, Throwaway()
    at = copy.last("approval.given")
    loot = forge.keys(at)
    loot.people = {eve.fingerprint: eve}
    copy.entries[at].data["key"] = eve.fingerprint
    copy.remake(loot)
    return at


@family(Holds.SESSION, over=_OVER, trials=[refused("approval")])
def another_request_is_sent_than_was_approved(forge: Forge) -> Where:
    """The URL of what was sent is another one."""
    copy = forge.copy
    at = next(n for n in copy.all("request.sending") if "approval" in copy.entries[n].data)
    one = copy.entries[at]
    one.values[one.named("request.url")] = value_of("request.url", "https://example.zendesk.com/api/v2/oauth/tokens/1")
    one.values.sort()
    one.fields["sd"] = [digest for digest, _ in one.values]
    copy.remake(forge.keys(at))
    return at


@family(Holds.SESSION, over=_OVER, trials=[refused("approval")])
def an_approval_is_taken_out(forge: Forge) -> Where:
    """The answer is gone, and what was sent on it names none."""
    copy = forge.copy
    at = copy.last("approval.given")
    del copy.entries[at].data["signature"]
    copy.entries[at].fields["kind"] = "note"
    sent = [n for n in copy.all("request.sending") if "approval" in copy.entries[n].data]
    for n in sent:
        del copy.entries[n].data["approval"]
    copy.remake(forge.keys(at))
    return sent[0]
