"""Ways in of programs: OAuth tokens, and the clients they were given to. A token is listed before it is revoked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

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
    Refused,
    Steps,
    Trace,
    Unavailable,
    UserId,
    counted,
    ident,
    one,
    row,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import given, items, listed, number, walk
from irkit.connectors.zendesk.people import administrator, own_token

# The two kinds of client: what each is called, where it is listed, and the key of the list and of one.
_CLIENTS = (("client", "/api/v2/oauth/clients", "clients", "client"),
            ("marketplace client", "/api/v2/oauth/global_clients", "global_clients", "global_client"))


def _called(noun: str, data: Mapping[str, Any]) -> str:
    """A client in words. What irkit knows comes first: the name is its maker's choice, and may pose as another's."""
    name = words(data.get("name")) or words(data.get("identifier"))
    return f"{noun} {ident(data.get('id'))}" + (f": {name}" if name else "")


def _client_names() -> Steps[tuple[dict[str, str], list[str]]]:
    """Each client in words, by its id, and notes on what could not be read: a token is kept with or without the name.

    The two kinds are numbered apart, so one number may stand for two; then both are said.
    """
    names: dict[str, list[str]] = {}
    notes: list[str] = []
    for noun, path, key, _ in _CLIENTS:
        def add(value: Any, noun: str = noun) -> None:
            client = row(value, noun)
            names.setdefault(ident(client.get("id")), []).append(_called(noun, client))
        try:
            yield from walk(listed(path, secret=("secret",)), key, add)
        except (Unavailable, Refused, BadAnswer) as error:
            notes.append(f"what the {noun}s are called could not be read: {error.what}")
    return {client_id: ", or ".join(said) for client_id, said in names.items()}, notes


def _client_name(client_id: str) -> Steps[str]:
    """One client in words, as `_client_names` has it."""
    said: list[str] = []
    for noun, path, _, key in _CLIENTS if client_id else ():
        answer = yield GET(path + "/{}", client_id, ok=(401, 403, 404), secret=("secret",))
        if answer.status == 200:
            with contextlib.suppress(BadAnswer):
                said.append(_called(noun, one(answer, key, client_id)))
    return ", or ".join(said) or _called("client", {"id": client_id or "unknown"})


def _token(data: Mapping[str, Any]) -> Item:
    scopes = data.get("scopes")
    said = " ".join(map(words, scopes)) if isinstance(scopes, list) else words(scopes)
    token = ident(data.get("id"))
    if not token:
        raise BadAnswer("an OAuth token came without its id")
    return Item(token, "OAuth token", _called("client", {"id": ident(data.get("client_id")) or "unknown"}),
                f"scopes {said or 'not stated'}", ident(data.get("user_id")), created_at=words(data.get("created_at")),
                used_at=words(data.get("used_at")))


class _Tokens:
    """The OAuth tokens of the account, and which client each is of: all are read, then those of marketplace clients."""

    def __init__(self) -> None:
        self.found: dict[str, Item] = {}
        self.clients: dict[str, str] = {}
        self.marketplace: set[str] = set()      # ids of those that were asked for by a marketplace client
        self.complete = True
        self.notes: list[str] = []

    def read(self, keep: str, client_id: str = "") -> Steps[None]:
        """Read all tokens, or those of one marketplace client. Raises BadAnswer where that filter was passed over: tokens of
        other clients would be taken for the app's, and revoked.
        """
        def make(data: Mapping[str, Any]) -> Item:
            item, client = _token(data), ident(data.get("client_id"))
            if client_id and client not in ("", client_id):
                raise BadAnswer(f"the tokens of marketplace client {client_id} were asked for, one of client {client} came")
            self.clients[item.id] = client or client_id
            return item

        found, done = yield from items(listed("/api/v2/oauth/tokens", keep=keep, params={
            "all": "true", **({"global_client_id": client_id} if client_id else {})}), "tokens", make)
        self.found |= {item.id: item for item in found}
        self.marketplace |= {item.id for item in found if client_id}
        self.complete = self.complete and done.complete
        self.notes += done.notes


@zendesk.action(Effect.READ, preserves=[Trace("oauth_tokens")])
def collect_oauth_tokens(user_id: UserId | None = None, client_ids: list[str] | None = None,
                         since: datetime | None = None, unused_since: datetime | None = None,
                         user_ids: list[UserId] | None = None, global_client_ids: list[str] | None = None) -> Steps[Listing]:
    """Keep the list of OAuth tokens.

    Source: developer.zendesk.com, OAuth Tokens, List Tokens; OAuth Clients, List Clients; Global OAuth Clients, List Global
    OAuth Clients. Needs an administrator; the value of a token is shown as its first ten characters. All tokens of the account
    are kept, whatever is asked for, and each bears what its client is called: a client's name is whatever its maker chose.

    Suspects are the tokens of `user_id`, of `user_ids`, of `client_ids` (the account's own clients) and of `global_client_ids`
    (those of the marketplace, which Zendesk numbers apart), and those that nobody used since `unused_since`; where none of
    these is given, those created or used since `since`. Never irkit's own, and never another that its client got for its user:
    somebody else may be working with it. A retired client's token is as good a way in as a new one: look at the last use.
    """
    wanted = list(dict.fromkeys(global_client_ids or ()))
    for client in wanted:
        number(client, "OAuth client")
    me = yield from administrator()
    own = yield from own_token()
    tokens = _Tokens()
    yield from tokens.read("oauth_tokens")
    for client in wanted:
        yield from tokens.read("marketplace_tokens", client)
    names, notes = yield from _client_names()
    found = [replace(item, title=names.get(tokens.clients[item.id], item.title))
             for item in tokens.found.values() if item.id != ident(own.get("id"))]

    def ours(item: Item) -> bool:
        """Whether irkit may have signed in with it; where its own is not known, any token of its user's may be it."""
        same = not own or tokens.clients[item.id] == ident(own.get("client_id"))
        return same and item.owner == (ident(own.get("user_id")) or ident(me["id"]))

    owners = {*(user_ids or ()), *([] if user_id is None else [user_id])}
    targeted = any(chosen is not None for chosen in (user_id, user_ids, client_ids, global_client_ids, unused_since))

    def suspect(item: Item) -> bool:
        if ours(item):
            return False
        if not targeted:
            return item.since(since)
        return (item.owner in owners or item.id in tokens.marketplace or tokens.clients[item.id] in (client_ids or ())
                or (unused_since is not None and not item.since(unused_since)))

    if spared := [item.id for item in found if ours(item)]:
        notes.append(f"{counted(len(spared), 'token')} of irkit's own {'client and ' if own else ''}user, never suspects: "
                     f"{', '.join(spared[:10])}")
    return Listing.of(found, tokens.complete, (*tokens.notes, *notes), since=since, suspect=suspect)


class TokenSeen(Record, frozen=True):
    """What a revocation is shown and approved for; not the last use, which moves by itself."""

    token_of: str
    detail: str
    owner: str
    created_at: str


class Revoked(Record, frozen=True):
    """One OAuth token that no longer exists."""

    id: str
    title: str
    owner: str
    proof: str


def _find_token(token_id: str) -> Steps[Mapping[str, Any] | None]:
    answer = yield GET("/api/v2/oauth/tokens/{}", token_id, ok=(404,))
    return None if answer.status == 404 else one(answer, "token", token_id)


@zendesk.action(Effect.IRREVERSIBLE, destroys=[Trace("oauth_tokens", of="token_id")],
                unverified="whether a revoked token's refresh token dies with it")
def revoke_oauth_token(token_id: str) -> Steps[Revoked]:
    """Revoke an OAuth token.

    Source: developer.zendesk.com, OAuth Tokens, Revoke Token. Needs an administrator. What the token's client does for you
    stops with it, so its name is shown; a marketplace client's token is revoked in the same way. Never revokes the token that
    irkit itself uses. List the tokens again afterwards: one that was refreshed has a new id.
    """
    number(token_id, "OAuth token")
    me = yield from administrator()
    own = ident((yield from own_token()).get("id"))
    shown = yield from _find_token(token_id)
    if shown is None:
        return Revoked(token_id, "", "", "Zendesk answers an administrator 404 for it")
    token = _token(shown)
    if token_id == own or (not own and token.owner == ident(me["id"])):
        raise ActionError(f"OAuth token {token_id} is the one irkit signs in with, or may be: it is never revoked from here",
                          next="sign in with another administrator's credential, then revoke it")
    token = replace(token, title=(yield from _client_name(ident(shown.get("client_id")))))
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
    whoever made it. Suspects are those made by `user_id`, and those made or changed since `since`, never the one that irkit
    itself signs in with.
    """
    own = ident((yield from own_token()).get("client_id"))
    found, done = yield from items(listed("/api/v2/oauth/clients", secret=("secret",)), "clients", _client)
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: item.id != own and (item.owner == user_id or item.since(since)))


def _token_summary() -> Steps[tuple[dict[str, tuple[str, str]], list[str]]]:
    """How many tokens each marketplace client has and when one was last used, by the client's id; and a note where that
    cannot be read: the clients are listed all the same."""
    found: dict[str, tuple[str, str]] = {}

    def add(value: Any) -> None:
        client = row(value, "summary of tokens")
        found[ident(client.get("id"))] = (ident(client.get("tokens_count")), words(client.get("last_used_at")))

    try:
        yield from walk(listed("/api/v2/oauth/global_clients/token_summary"), "global_clients", add)
    except (Unavailable, Refused, BadAnswer) as error:
        return found, [f"how many tokens each has, and when one was last used, could not be read: {error.what}"]
    return found, []


@zendesk.action(Effect.READ)
def collect_global_clients(name: str | None = None, since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of marketplace OAuth clients that were authorised.

    Source: developer.zendesk.com, Global OAuth Clients, List Global OAuth Clients; Show Token Summary for Global OAuth Clients.
    Needs an administrator. They cannot be changed here; what they can still do ends by revoking their tokens, which
    collect_oauth_tokens finds by `global_client_ids`.

    Suspects are those that have `name` in their name, identifier or company, whatever the capitals; without one, those whose
    tokens were used since `since`. Zendesk does not say who authorised a client, or when: its tokens do.
    """
    wanted = given(name).casefold()
    companies: dict[str, str] = {}

    def make(data: Mapping[str, Any]) -> Item:
        client = ident(data.get("id"))
        companies[client] = " ".join((words(data.get("name")), words(data.get("identifier")), words(data.get("company"))))
        return Item(client, "marketplace client", words(data.get("name")) or words(data.get("identifier")),
                    f"of {words(data.get('company')) or 'a company that is not stated'}")

    found, done = yield from items(listed("/api/v2/oauth/global_clients", secret=("secret",)), "global_clients", make)
    summary, notes = yield from _token_summary()
    tokens = [replace(item, detail=f"{item.detail}, tokens: {summary[item.id][0] or 'not stated'}",
                      used_at=summary[item.id][1]) if item.id in summary else item for item in found]
    return Listing.of(tokens, done.complete, (*done.notes, *notes), since=since, suspect=lambda item: (
        wanted in companies[item.id].casefold() if wanted else item.since(since)))
