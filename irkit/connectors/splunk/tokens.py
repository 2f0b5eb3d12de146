"""Tokens of Splunk's own accounts: finding those of a person, and revoking one. Never all of them: without an id the vendor's
call would delete each token that the account has, so the id is not optional here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import DELETE, GET, ActionError, Effect, Item, Listing, Record, Steps, UserId, at, stamp, when, words
from irkit.connectors.splunk.base import entries, splunk

MENU = "Settings > Tokens (filter by owner)"
NEEDS = "the capability list_tokens_all"


class Revoked(Record, frozen=True):
    """A token, and whether it is there."""

    user: str
    token_id: str
    told: str
    active: bool


def _item(entry: Mapping[str, Any]) -> Item:
    content = at(entry, "content")
    status = words(at(content, "status"))
    return Item(words(entry.get("name")), "token", words(at(content, "claims.aud")), detail=status, owner=words(
        at(content, "claims.sub")), active=status == "enabled" if status else None, created_at=stamp(when(at(
            content, "claims.iat"))), used_at=stamp(when(at(content, "lastUsed"))))


def _all() -> Steps[list[Item]]:
    answer = yield GET("/services/authorization/tokens", gate=NEEDS, params={"output_mode": "json", "count": 0})
    return [_item(entry) for entry in entries(answer, "token")]


@splunk.action(Effect.READ)
def list_tokens(user: UserId, since: datetime | None = None) -> Steps[Listing]:
    """List the tokens of an account.

    Source: docs.splunk.com, REST API Reference, authorization/tokens. Needs list_tokens_all. Tokens of the HTTP Event Collector
    are not among them: those are looked at by hand, Settings > Data inputs > HTTP Event Collector.
    """
    found = yield from _all()
    return Listing.of([one for one in found if one.owner == user], True, since=since)


@splunk.action(Effect.IRREVERSIBLE, unverified="revoking a token of an account that comes from LDAP")
def revoke_token(user: UserId, token_id: str) -> Steps[Revoked]:
    """Revoke one token of an account.

    It cannot be given back: whoever needs one makes a new one. The same call without an id would delete all tokens of the
    account; irkit has no such action. By hand: Settings > Tokens.

    Source: docs.splunk.com, REST API Reference, authorization/tokens/{name}. Needs edit_tokens_all.
    """
    if not token_id.strip():
        raise ActionError("no token id: without one Splunk deletes every token of the account", next=f"look it up: {MENU}")
    before = yield from _token(user, token_id)
    if not before.active:
        return before
    yield DELETE("/services/authorization/tokens/{}", user, params={"id": token_id, "output_mode": "json"}, seen=before,
                 affects=[before.told], noun="token")
    after = yield from _token(user, token_id)
    return after.require(active=False)


def _token(user: str, token_id: str) -> Steps[Revoked]:
    """The token as it is listed. Raises ActionError for one that belongs to somebody else."""
    found = next((one for one in (yield from _all()) if one.id == token_id), None)
    if found is not None and found.owner != user:
        raise ActionError(f"the token {token_id} is {found.owner or 'nobody'}'s, not {user}'s: nothing was sent",
                          next=f"look it up: {MENU}")
    return Revoked(user, token_id, found.told if found else token_id, found is not None)
