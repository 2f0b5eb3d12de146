"""What signs in without the person: grants to apps, refresh tokens of clients, API tokens (SSWS)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict, replace

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
    Walk,
    at,
    ident,
    words,
)
from irkit.connectors.okta.base import deleting, everything, key, okta, required
from irkit.connectors.okta.people import User, get_user, own_user

MOST = 200


def _grant(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("id")), "a grant"), "grant", words(data.get("scopeId")),
                f"client {ident(data.get('clientId'))}, {words(data.get('source')) or 'no source'}", ident(data.get("userId")),
                active=data.get("status") != "REVOKED", created_at=words(data.get("created")),
                updated_at=words(data.get("lastUpdated")))


def _grants(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/users/{}/grants", key(user_id, "user"), params={"limit": MOST}, keep=keep),
                                  _grant, "grant"))


@okta.action(Effect.READ, preserves=[Trace("grants", of="user_id")])
def collect_grants(user_id: UserId) -> Steps[Listing]:
    """Keep what the person let apps do.

    Source: Okta management API, List all user grants. Needs okta.users.read. Suspects: every grant that is not revoked.
    """
    yield from get_user(user_id)
    found, done = yield from _grants(user_id, keep="grants")
    return Listing.of(found, done.complete, done.notes, suspect=lambda item: item.active is not False)


class Revoked(Record, frozen=True):
    """What is gone, and the look that shows it."""

    person: str
    what: tuple[str, ...]
    proof: str


def _revoke_grants(user: User, before: list[Item], path: str, *parts: str) -> Steps[Revoked]:
    proof = "the list of grants does not show it"
    if not before:
        return Revoked(user.person, (), proof)
    named = tuple(item.named for item in before)
    yield from deleting(DELETE(path, *parts, seen=Revoked(user.person, named, ""), affects=named, noun="grant"))
    left = {item.id for item in (yield from _grants(user.id))[0] if item.active} & {item.id for item in before}
    if left:
        raise NotConfirmed(f"grants that are still there: {', '.join(sorted(left))}")
    return Revoked(user.person, named, proof)


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("grants", of="user_id")])
def revoke_grants(user_id: UserId) -> Steps[Revoked]:
    """Revoke everything that the person let apps do.

    Source: Okta management API, Revoke all user grants. Needs okta.users.manage. The person has to consent again to each app.
    """
    user = yield from get_user(user_id)
    return (yield from _revoke_grants(user, [one for one in (yield from _grants(user_id))[0] if one.active],
                                      "/api/v1/users/{}/grants", user_id))


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("grants", of="user_id")])
def revoke_grant(user_id: UserId, grant_id: str) -> Steps[Revoked]:
    """Revoke one thing that the person let an app do.

    Source: Okta management API, Revoke a user grant. Needs okta.users.manage. The person has to consent again.
    """
    user = yield from get_user(user_id)
    before = [one for one in (yield from _grants(user_id))[0] if one.active and one.id == grant_id]
    return (yield from _revoke_grants(user, before, "/api/v1/users/{}/grants/{}", user_id, key(grant_id, "grant")))


# -- clients and their tokens ------------------------------------------------------------------------------------

class Client(Record, frozen=True):
    """An app that holds refresh tokens of the person."""

    id: str
    name: str
    tokens: int


class Tokens(Listing, frozen=True):
    """The refresh tokens. `clients` are those that hold one."""

    clients: tuple[Client, ...] = ()


def _client(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("client_id")), "a client"), "client", words(data.get("client_name")))


def _clients(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/users/{}/clients", key(user_id, "user"), keep=keep), _client, "client"))


def _token(data: Mapping[str, Any]) -> Item:
    scopes = data.get("scopes")
    told = " ".join(words(one) for one in scopes) if isinstance(scopes, list) else "scopes not stated"
    return Item(required(ident(data.get("id")), "a token"), "refresh token", "", f"client {ident(data.get('clientId'))}, "
                f"{told}, until {words(data.get('expiresAt')) or 'not stated'}", ident(data.get("userId")),
                active=data.get("status") != "REVOKED", created_at=words(data.get("created")),
                updated_at=words(data.get("lastUpdated")))


def _tokens(user_id: str, client_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/users/{}/clients/{}/tokens", user_id, key(client_id, "client"),
                                      params={"limit": MOST}, keep=keep), _token, "token"))


def held(user_id: str) -> Steps[tuple[str, ...]]:
    """Clients that hold a live refresh token of the person, in words."""
    found: list[str] = []
    for client in (yield from _clients(user_id))[0]:
        tokens = [one for one in (yield from _tokens(user_id, client.id))[0] if one.active]
        if tokens:
            found.append(f"{client.title or client.id} ({len(tokens)})")
    return tuple(found)


@okta.action(Effect.READ, preserves=[Trace("tokens", of="user_id")])
def collect_tokens(user_id: UserId, since: datetime | None = None) -> Steps[Tokens]:
    """Keep the clients that hold tokens of the person, and those tokens.

    Source: Okta management API, List all clients of a user; List all refresh tokens for a client. Needs okta.users.read.
    Suspects: made or renewed since `since`, or without it all that live. Tokens inside other apps are not Okta's to list.
    """
    yield from get_user(user_id)
    clients, first = yield from _clients(user_id, keep="clients")
    found, complete, notes, holders = list[Item](), first.complete, list(first.notes), list[Client]()
    for client in clients:
        tokens, done = yield from _tokens(user_id, client.id, keep="tokens")
        tokens = [replace(one, title=client.title) for one in tokens]
        found, complete, notes = found + tokens, complete and done.complete, notes + done.notes
        if live := sum(one.active is not False for one in tokens):
            holders.append(Client(client.id, client.title, live))
    listing = Listing.of(found, complete, notes, since=since, suspect=lambda item: item.active is not False and (
        since is None or item.since(since)))
    return Tokens(**asdict(listing), clients=tuple(holders))


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("tokens", of="user_id")])
def revoke_client_tokens(user_id: UserId, client_id: str) -> Steps[Revoked]:
    """Revoke all refresh tokens that a client holds of the person.

    Source: Okta management API, Revoke all refresh tokens for a client. Needs okta.users.manage. Access tokens that were issued
    live out their lifetime, unless the sessions were ended with their tokens.
    """
    user = yield from get_user(user_id)
    known = {client.id: client for client in (yield from _clients(user_id))[0]}
    proof = "no live token is listed for the client"
    before = [one for one in (yield from _tokens(user_id, client_id))[0] if one.active] if client_id in known else []
    if not before:
        return Revoked(user.person, (), proof)
    named = tuple(item.named for item in before)
    yield from deleting(DELETE("/api/v1/users/{}/clients/{}/tokens", user_id, client_id, noun="refresh token",
                               seen=Revoked(user.person, named, ""),
                               affects=[f"{known[client_id].title or client_id}: {name}" for name in named]))
    again = {client.id for client in (yield from _clients(user_id))[0]}
    if client_id in again and any(one.active for one in (yield from _tokens(user_id, client_id))[0]):
        raise NotConfirmed(f"the client {client_id} still holds tokens")
    return Revoked(user.person, named, proof)


# -- API tokens ----------------------------------------------------------------------------------------------------

def _api_token(data: Mapping[str, Any]) -> Item:
    network = words(at(data, "network.connection")) or "any network"
    return Item(required(ident(data.get("id")), "an API token"), "API token", words(data.get("name")),
                f"{words(data.get('clientName')) or 'no client name'}, {network}, until "
                f"{words(data.get('expiresAt')) or 'not stated'}", ident(data.get("userId")),
                created_at=words(data.get("created")), updated_at=words(data.get("lastUpdated")))


def _api_tokens(keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/api-tokens", keep=keep, gate="okta.apiTokens.read"), _api_token, "API token"))


@okta.action(Effect.READ, preserves=[Trace("api_tokens")])
def collect_api_tokens(user_id: UserId) -> Steps[Listing]:
    """Keep the list of all API tokens (SSWS), and pick the person's.

    Source: Okta management API, List all API token metadata. Needs okta.apiTokens.read. The list is of the whole org and not
    filtered by Okta. Suspects: those of the person. Suspending, ending sessions and a new password leave every one alive.
    """
    yield from get_user(user_id)
    found, done = yield from _api_tokens(keep="api_tokens")
    return Listing.of(found, done.complete, done.notes, suspect=lambda item: item.owner == user_id)


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("api_tokens")])
def revoke_api_token(token_id: str) -> Steps[Revoked]:
    """Revoke one API token (SSWS).

    Source: Okta management API, Revoke an API token. Needs okta.apiTokens.manage. Whatever uses it stops working at once: look
    at its name and when it was last changed. A token that irkit's own account made is never revoked from here.
    """
    proof, me = "the list of API tokens does not show it", (yield from own_user())
    before = next((one for one in (yield from _api_tokens())[0] if one.id == token_id), None)
    if before is None:
        return Revoked("", (), proof)
    if not before.owner:
        raise BadAnswer(f"API token {token_id} came without its owner")
    if me is not None and ident(me.get("id")) == before.owner:
        raise ActionError(f"API token {token_id} was made by the account that irkit itself uses: it is not revoked from here",
                          next="revoke it in Admin Console > Security > API > Tokens, when irkit no longer needs it")
    yield from deleting(DELETE("/api/v1/api-tokens/{}", key(token_id, "token"), seen=Revoked(before.owner, (before.named,), ""),
                               affects=[before.named], noun="API token"))
    if any(one.id == token_id for one in (yield from _api_tokens())[0]):
        raise NotConfirmed(f"API token {token_id} is still there")
    return Revoked(before.owner, (before.named,), proof)
