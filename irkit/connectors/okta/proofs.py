"""What `irkit doctor` proves: one harmless read for each scope, or a look at what was granted where only a write would show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from irkit.action import GET, ActionError, Steps, Unavailable, by_link_header, ident, row, setting, stamp, walk, words
from irkit.connectors.okta.base import key, okta
from irkit.connectors.okta.logs import clock
from irkit.connectors.okta.people import ENOUGH, own_user, roles_at


@okta.proof("okta.users.read", "find people, see their status, capture grants, tokens and factors")
def _reads_users() -> Steps[Any]:
    yield GET("/api/v1/users", params={"limit": 1}, gate="okta.users.read")


@okta.proof("okta.roles.read", "see admin roles, and list all administrators")
def _reads_roles() -> Steps[Any]:
    yield GET("/api/v1/iam/assignees/users", params={"limit": 1}, gate="okta.roles.read")


@okta.proof("okta.apiTokens.read", "list API tokens: nothing else ends them")
def _reads_api_tokens() -> Steps[Any]:
    yield GET("/api/v1/api-tokens", gate="okta.apiTokens.read")


@okta.proof("okta.logs.read", "collect the System Log, and prove that sessions were cleared")
def _reads_logs() -> Steps[Any]:
    now = yield from clock()
    yield GET("/api/v1/logs", params={"since": stamp(now - timedelta(hours=1)), "until": stamp(now), "limit": 1},
              gate="okta.logs.read")


@okta.proof("okta.appGrants.read", "know which scopes the app was granted: those that change things show no other way")
def _reads_app_grants() -> Steps[Any]:
    yield from _granted()


def _granted() -> Steps[set[str] | None]:
    """The scopes that irkit asks for and the app was granted; None for an API token, whose role decides."""
    try:
        client, asked = (yield from setting("client_id")), (yield from setting("scopes"))
    except ActionError:
        return None
    found: set[str] = set()
    yield from walk(GET("/api/v1/apps/{}/grants", key(client, "client"), gate="okta.appGrants.read"), "",
                    lambda one: found.add(words(row(one, "grant").get("scopeId"))), after=by_link_header)
    return found & set(asked.split())


def _may(scope: str) -> Steps[Any]:
    try:
        granted = yield from _granted()
    except Unavailable:
        raise ActionError("it cannot be looked up without okta.appGrants.read") from None
    if granted is None:
        me = yield from own_user()
        roles = yield from roles_at("/api/v1/users/{}/roles", ident((me or {}).get("id")))
        if not set(roles) & set(ENOUGH):
            raise Unavailable(f"the API token's account holds {', '.join(roles) or 'no admin role'}", status=403,
                              needs="an admin role")
    elif scope not in granted:
        raise Unavailable(f"{scope} is not granted to the app, or not asked for in irkit.toml", status=403, needs=scope)


def _proof(scope: str, why: str) -> None:
    @okta.proof(scope, why)
    def granted() -> Steps[Any]:
        yield from _may(scope)


for _scope, _why in (
        ("okta.users.manage", "suspend people, end their sessions, revoke grants and tokens, remove factors"),
        ("okta.roles.manage", "take admin roles away"),
        ("okta.apiTokens.manage", "revoke API tokens"),
        ("okta.sessions.read", "look at one session by its id"), ("okta.sessions.manage", "end one session by its id"),
        ("okta.universalLogout.manage", "end sessions inside other apps (takes the Universal Logout licence)")):
    _proof(_scope, _why)
