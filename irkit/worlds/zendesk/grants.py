"""What lets programs in: OAuth tokens and clients, API tokens."""

from __future__ import annotations

from irkit.worlds.world import Answer
from irkit.worlds.zendesk.state import Obj, stamp
from irkit.worlds.zendesk.visit import Operations, Refusal, Visit, forbidden, not_found

operations = Operations()


def _shown(v: Visit, token: Obj) -> Obj:
    """A token as listed; the one that makes this call is in use right now."""
    return {**token, "used_at": stamp(v.now)} if token is v.token else token


@operations.on("GET", "/oauth/tokens")
def list_tokens(v: Visit) -> Answer:
    """Without `all=true`, and for who is no administrator, only one's own. Each filter knows its own kind of client alone."""
    every = v.admin and v.call.get("all") == "true"
    rows = [_shown(v, token) for token in v.tenant.tokens.values() if every or token["user_id"] == v.caller["id"]]
    for name, shelf in (("client_id", v.tenant.clients), ("global_client_id", v.tenant.global_clients)):
        if wanted := v.call.get(name):
            rows = [row for row in rows if str(row["client_id"]) == wanted and wanted in shelf]
    return v.page("tokens", rows, path="oauth/tokens", cursor_only=True)


@operations.on("GET", "/oauth/tokens/current")
def current_token(v: Visit) -> Answer:
    if v.token is None:
        raise not_found()
    return Answer.json({"token": v.show("oauth/tokens", _shown(v, v.token))})


def _token(v: Visit, token_id: str) -> Obj:
    token = v.one(v.tenant.tokens, token_id)
    if not v.admin and token["user_id"] != v.caller["id"]:
        raise forbidden()
    return token


@operations.on("GET", "/oauth/tokens/{}")
def show_token(v: Visit, token_id: str) -> Answer:
    return Answer.json({"token": v.show("oauth/tokens", _shown(v, _token(v, token_id)))})


@operations.on("DELETE", "/oauth/tokens/{}")
def revoke_token(v: Visit, token_id: str) -> Answer:
    token = _token(v, token_id)
    del v.tenant.tokens[token_id]
    v.tenant.audit(v.now, v.caller, "destroy", ("oauth_token", token["id"], f"OAuth token: {token['token']}"))
    return Answer(204)


@operations.on("GET", "/oauth/clients", needs="admin")
def list_clients(v: Visit) -> Answer:
    return v.page("clients", v.tenant.clients.values(), path="oauth/clients", cursor_only=True)


@operations.on("GET", "/oauth/clients/{}", needs="admin")
def show_client(v: Visit, client_id: str) -> Answer:
    return Answer.json({"client": v.show("oauth/clients", v.one(v.tenant.clients, client_id))})


@operations.on("GET", "/oauth/global_clients", needs="admin")
def list_global_clients(v: Visit) -> Answer:
    return v.page("global_clients", v.tenant.global_clients.values(), path="oauth/global_clients", cursor_only=True)


@operations.on("GET", "/oauth/global_clients/token_summary", needs="admin")
def token_summary(v: Visit) -> Answer:
    used = {client: [token["used_at"] for token in v.tenant.tokens.values() if str(token["client_id"]) == client]
            for client in v.tenant.global_clients}
    return v.page("global_clients", [{"id": int(client), "tokens_count": len(times), "last_used_at": max(
        filter(None, times), default=None)} for client, times in used.items()])


@operations.on("GET", "/oauth/global_clients/{}", needs="admin")
def show_global_client(v: Visit, client_id: str) -> Answer:
    return Answer.json({"global_client": v.show("oauth/global_clients", v.one(v.tenant.global_clients, client_id))})


@operations.on("GET", "/api_tokens", needs="admin")
def list_api_tokens(v: Visit) -> Answer:
    """All at once, never the value. `include_users` adds who made them."""
    tokens = list(v.tenant.api_tokens.values())
    users = {str(token["user_id"]) for token in tokens} if v.call.get("include_users") == "true" else set()
    extra = {"users": [v.show("users", v.tenant.users[key]) for key in sorted(users)]} if users else {}
    return Answer.json({"api_tokens": [v.show("api_tokens", token) for token in tokens], **extra})


# -- the token endpoint ------------------------------------------------------------------------------------------

SCOPES = {"read", "write", "impersonate"}


def issue(v: Visit) -> Answer:
    """`POST /oauth/tokens` at the root of the site: client credentials in, a bearer token out (RFC 6749 4.4)."""
    asked = v.body()
    if asked.get("grant_type") != "client_credentials":
        raise Refusal(400, "unsupported_grant_type", "The authorization grant type is not supported")
    client = next((c for c in v.tenant.clients.values() if c["identifier"] == asked.get("client_id")), None)
    if client is None or asked.get("client_secret") != client["_secret"]:
        raise Refusal(401, "invalid_client", "Client authentication failed")
    scopes = str(asked.get("scope", "read")).split()
    if not scopes or any(scope.split(":")[-1] not in SCOPES for scope in scopes):
        raise Refusal(400, "invalid_scope", "The requested scope is invalid, unknown, or malformed")
    lives = asked.get("expires_in", 7200)
    if not isinstance(lives, int) or not 300 < lives < 172_800:
        raise Refusal(400, "invalid_request", "expires_in must be between 300 and 172800 seconds")
    return _granted(v, client, scopes, lives)


def _granted(v: Visit, client: Obj, scopes: list[str], lives: int) -> Answer:
    number = v.tenant.new_id()
    value = v.tenant.secret(f"granted {number}", 64)
    v.tenant.add(v.tenant.tokens, {
        "id": number, "user_id": client["user_id"], "client_id": client["id"], "scopes": scopes, "created_at": stamp(v.now),
        "used_at": None, "expires_at": stamp(v.after(lives)), "refresh_token_expires_at": None, "token": value[:10],
        "_value": value})
    return Answer.json({"access_token": value, "token_type": "bearer", "scope": " ".join(scopes), "expires_in": lives}, 201)
