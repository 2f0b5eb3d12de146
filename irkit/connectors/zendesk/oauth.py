"""Ways in of programs: OAuth tokens, and the clients they were given to. A token is listed before it is revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    ident,
    one,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import items, listed, number
from irkit.connectors.zendesk.people import administrator, own_token


def _token(data: Mapping[str, Any]) -> Item:
    scopes = data.get("scopes")
    said = " ".join(map(words, scopes)) if isinstance(scopes, list) else words(scopes)
    token = ident(data.get("id"))
    if not token:
        raise BadAnswer("an OAuth token came without its id")
    return Item(token, "OAuth token", f"client {ident(data.get('client_id')) or 'unknown'}", f"scopes {said or 'not stated'}",
                ident(data.get("user_id")), created_at=words(data.get("created_at")), used_at=words(data.get("used_at")))


@zendesk.action(Effect.READ, preserves=[Trace("oauth_tokens")])
def collect_oauth_tokens(user_id: UserId | None = None, client_ids: list[str] | None = None,
                         since: datetime | None = None, unused_since: datetime | None = None,
                         user_ids: list[UserId] | None = None) -> Steps[Listing]:
    """Keep the list of OAuth tokens.

    Source: developer.zendesk.com, OAuth Tokens, List Tokens. Needs an administrator; the value of a token is shown as its
    first ten characters. All tokens of the account are kept, whatever is asked for.

    Suspects are the tokens of `user_id`, of `user_ids` and of `client_ids`, and those that nobody used since `unused_since`,
    never irkit's own; where none of these is given, those created or used since `since`. A retired client's token is as good
    a way in as a new one: look at the last use.
    """
    yield from administrator()
    own = yield from own_token()
    clients: dict[str, str] = {}

    def make(data: Mapping[str, Any]) -> Item:
        item = _token(data)
        clients[item.id] = ident(data.get("client_id"))
        return item

    found, done = yield from items(listed("/api/v2/oauth/tokens", params={"all": "true"}, keep="oauth_tokens"), "tokens", make)
    owners = {*(user_ids or ()), *([] if user_id is None else [user_id])}
    targeted = any(given is not None for given in (user_id, user_ids, client_ids, unused_since))

    def suspect(item: Item) -> bool:
        stale = unused_since is not None and not item.since(unused_since)
        return stale or item.owner in owners or clients[item.id] in (client_ids or ()) if targeted else item.since(since)

    return Listing.of([item for item in found if item.id != own], done.complete, done.notes, since=since, suspect=suspect)


@dataclass(frozen=True)
class TokenSeen(Record):
    """What a revocation is shown and approved for; not the last use, which moves by itself."""

    token_of: str
    detail: str
    owner: str
    created_at: str


@dataclass(frozen=True)
class Revoked(Record):
    """One OAuth token that no longer exists."""

    id: str
    title: str
    owner: str
    proof: str


def _find_token(token_id: str) -> Steps[Item | None]:
    answer = yield GET("/api/v2/oauth/tokens/{}", token_id, ok=(404,))
    return None if answer.status == 404 else _token(one(answer, "token", token_id))


@zendesk.action(Effect.IRREVERSIBLE, destroys=[Trace("oauth_tokens", of="token_id")],
                unverified="whether a revoked token's refresh token dies with it")
def revoke_oauth_token(token_id: str) -> Steps[Revoked]:
    """Revoke an OAuth token.

    Source: developer.zendesk.com, OAuth Tokens, Revoke Token. Needs an administrator. What the token's client does for you
    stops with it. Never revokes the token that irkit itself uses. List the tokens again afterwards: one that was refreshed
    has a new id.
    """
    number(token_id, "OAuth token")
    me = yield from administrator()
    own = yield from own_token()
    token = yield from _find_token(token_id)
    if token is None:
        return Revoked(token_id, "", "", "Zendesk answers an administrator 404 for it")
    if token_id == own or (not own and token.owner == ident(me["id"])):
        raise ActionError(f"OAuth token {token_id} is the one irkit signs in with, or may be: it is never revoked from here",
                          next="sign in with another administrator's credential, then revoke it")
    yield DELETE("/api/v2/oauth/tokens/{}", token_id, ok=(404,), affects=[token.told], noun="OAuth token",
                 seen=TokenSeen(token.title, token.detail, token.owner, token.created_at))
    if (yield from _find_token(token_id)) is not None:
        raise NotConfirmed(f"OAuth token {token_id} is still there")
    return Revoked(token_id, token.title, token.owner, "Zendesk answers an administrator 404 for it")


def _client(data: Mapping[str, Any]) -> Item:
    urls = data.get("redirect_uri")
    to = " ".join(map(words, urls)) if isinstance(urls, list) else words(urls)
    return Item(ident(data.get("id")), "OAuth client", words(data.get("name")) or words(data.get("identifier")),
                f"{words(data.get('kind')) or 'kind not stated'}, sends to {to or 'nowhere stated'}",
                ident(data.get("user_id")), created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))


@zendesk.action(Effect.READ, preserves=[Trace("oauth_clients")])
def collect_oauth_clients(user_id: UserId | None = None, since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of OAuth clients.

    Source: developer.zendesk.com, OAuth Clients, List Clients. Needs an administrator. A client outlives the suspension of
    whoever made it. Suspects are those made by `user_id`, and those made or changed since `since`.
    """
    found, done = yield from items(listed("/api/v2/oauth/clients", secret=("secret",)), "clients", _client)
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: item.owner == user_id or item.since(since))


@zendesk.action(Effect.READ)
def collect_global_clients() -> Steps[Listing]:
    """Keep the list of marketplace OAuth clients that were authorised.

    Source: developer.zendesk.com, Global OAuth Clients, List Global Clients. Needs an administrator. They cannot be changed
    here; what they can still do ends by revoking their tokens.
    """
    found, done = yield from items(listed("/api/v2/oauth/global_clients", secret=("secret",)), "global_clients", _client)
    return Listing.of(found, done.complete, done.notes)
