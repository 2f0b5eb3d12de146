"""Access keys: finding them, turning one off and on again, deleting one for good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    PUT,
    ActionError,
    Effect,
    Item,
    Listing,
    Record,
    Steps,
    by_token,
    flag,
    ident,
    items,
    setting,
    words,
)
from irkit.connectors.sumologic.base import sumologic

NEEDS = "the capability Manage Access Keys"
FIELDS = "which fields an access key has"


class Key(Record, frozen=True):
    """An access key. `origins` are those that a browser may use it from: a change sends them back as they were."""

    key_id: str
    title: str
    owner: str
    disabled: bool | None
    origins: tuple[str, ...] = ()
    present: bool = True


def _item(one: Mapping[str, Any]) -> Item:
    off = flag(one.get("disabled"))
    return Item(ident(one.get("id")), "access key", words(one.get("label")), owner=ident(one.get("createdBy")),
                active=None if off is None else not off, created_at=words(one.get("createdAt")),
                updated_at=words(one.get("modifiedAt")), used_at=words(one.get("lastUsed")))


def _all(made: list[Mapping[str, Any]]) -> Steps[tuple[list[Item], bool]]:
    """All keys; `made` gets them as they came."""
    def make(one: Mapping[str, Any]) -> Item:
        made.append(one)
        return _item(one)
    found, done = yield from items(GET("/accessKeys", params={"limit": 100}, gate=NEEDS), "data", make,
                                   after=by_token("next", "token"))
    return found, done.complete


@sumologic.action(Effect.READ, unverified=FIELDS)
def list_access_keys(owner: str | None = None, since: datetime | None = None) -> Steps[Listing]:
    """List the access keys of the organisation, or those of one user id.

    Source: the vendor's API reference, accessKeys. Needs Manage Access Keys.
    """
    found, complete = yield from _all([])
    return Listing.of([one for one in found if owner in (None, one.owner)], complete, since=since)


@sumologic.action(Effect.REVERSIBLE, undo="sumologic.enable_access_key", unverified=FIELDS)
def disable_access_key(key_id: str) -> Steps[Key]:
    """Turn an access key off.

    irkit's own key is refused: it would lock us out. By hand: Administration > Security > Access Keys.

    Source: the vendor's API reference, accessKeys/{id}. Needs Manage Access Keys.
    """
    if key_id == (yield from setting("access_id")):
        raise ActionError("that is the key irkit itself signs in with: nothing was sent",
                          next="make another for irkit first, then turn this one off")
    return (yield from _switch(key_id, disabled=True))


@sumologic.action(Effect.REVERSIBLE, undo="sumologic.disable_access_key", unverified=FIELDS)
def enable_access_key(key_id: str) -> Steps[Key]:
    """Turn an access key on again.

    Source: the vendor's API reference, accessKeys/{id}. Needs Manage Access Keys.
    """
    return (yield from _switch(key_id, disabled=False))


@sumologic.action(Effect.IRREVERSIBLE, unverified=FIELDS)
def delete_access_key(key_id: str) -> Steps[Key]:
    """Delete an access key for good.

    Turn it off first, and look what breaks: a deleted one is not given back. irkit's own is refused.

    Source: the vendor's API reference, accessKeys/{id}. Needs Manage Access Keys.
    """
    if key_id == (yield from setting("access_id")):
        raise ActionError("that is the key irkit itself signs in with: nothing was sent", next="delete it by hand, last")
    before = yield from _key(key_id)
    if not before.present:
        return before
    yield DELETE("/accessKeys/{}", key_id, seen=before, affects=[f"{key_id} {before.title}".strip()], noun="access key")
    return (yield from _key(key_id)).require(present=False)


def _switch(key_id: str, *, disabled: bool) -> Steps[Key]:
    before = yield from _key(key_id)
    if not before.present:
        raise ActionError(f"there is no access key {key_id}", next="look them up: sumologic.list_access_keys")
    if before.disabled is disabled:
        return before
    yield PUT("/accessKeys/{}", key_id, json={"disabled": disabled, "corsHeaders": list(before.origins)}, seen=before,
              affects=[f"{key_id} {before.title}".strip()], noun="access key")
    return (yield from _key(key_id)).require(disabled=disabled)


def _key(key_id: str) -> Steps[Key]:
    made: list[Mapping[str, Any]] = []
    yield from _all(made)
    one = next((one for one in made if ident(one.get("id")) == key_id), None)
    if one is None:
        return Key(key_id, "", "", None, present=False)
    origins = one.get("corsHeaders")
    return Key(key_id, words(one.get("label")), ident(one.get("createdBy")), flag(one.get("disabled")),
               tuple(words(text) for text in origins) if isinstance(origins, list) else ())
