"""What a call must pass before it is answered: credential, Accept header, rate limits, role, scope, plan."""

from __future__ import annotations

import base64
import binascii
import math
from datetime import datetime, timedelta

from irkit.worlds.world import Call
from irkit.worlds.zendesk.people import ANONYMOUS
from irkit.worlds.zendesk.state import Obj, Tenant, stamp
from irkit.worlds.zendesk.visit import Refusal, Route, Visit, forbidden

PER_MINUTE = {"team": 200, "professional": 400, "enterprise": 700}
ACCESS_LOGS = ("access-logs", 50)


def authenticate(tenant: Tenant, call: Call, now: datetime) -> tuple[Obj, Obj | None]:
    """(user, OAuth token) of a credential; the anonymous user when none is shown. Refuses with 401 what does not work."""
    scheme, _, value = call.authorization.partition(" ")
    if not call.authorization:
        return ANONYMOUS, None
    if scheme.lower() == "bearer":
        token = next((t for t in tenant.tokens.values() if t["_value"] == value), None)
        if token is not None and (token["expires_at"] is None or token["expires_at"] > stamp(now)):
            return tenant.users[str(token["user_id"])], token
        raise Refusal(401, "invalid_token", "The access token is expired, revoked or malformed",
                      headers={"www-authenticate": 'Bearer realm="Zendesk", error="invalid_token"'})
    return _basic(tenant, value), None


def _basic(tenant: Tenant, value: str) -> Obj:
    """`{email}/token` and any API token of the account: it acts as whomever the address names. Passwords ended in 2026."""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = password = ""
    user = tenant.person(name.removesuffix("/token")) if name.endswith("/token") else None
    good = any(token["active"] and token["_value"] == password for token in tenant.api_tokens.values())
    if user is None or not user["verified"] or not good:
        raise Refusal(401, "Couldn't authenticate you")
    return user


def check(v: Visit, route: Route) -> None:
    """Refuse who may not do this."""
    if "application/json" not in v.call.headers.get("accept", ""):
        raise Refusal(406, "NotAcceptable", "Send Accept: application/json")
    if route.needs and v.caller["id"] is None:
        raise Refusal(401, "Couldn't authenticate you")
    if v.caller["suspended"]:
        raise forbidden()
    if (route.needs == "admin" and not v.admin) or (route.needs and v.caller["role"] == "end-user"):
        raise forbidden()
    scope = "read" if v.call.method == "GET" else "write"
    if v.token is not None and not any(s == scope or s.endswith(f":{scope}") for s in v.token["scopes"]):
        raise Refusal(403, "Forbidden", f"You are missing the following required scopes: {scope}")
    if route.plan and route.plan != v.tenant.options.plan:
        raise forbidden()


class Limits:
    """Requests in the current minute: of the account, and of endpoints that have a limit of their own."""

    def __init__(self, plan: str) -> None:
        self._account = PER_MINUTE[plan]
        self._used: dict[str, tuple[datetime, int]] = {}

    def _take(self, name: str, total: int, minute: datetime) -> int:
        """Requests left after this one; below zero when there was none."""
        since, used = self._used.get(name, (minute, 0))
        used = used + 1 if since == minute else 1
        self._used[name] = (minute, used)
        return total - used

    def take(self, route: Route, now: datetime, user: str) -> dict[str, str]:
        """The limit headers of an answer; `user` is whom an update is of. Refuses with 429 what is over a limit."""
        minute = now.replace(second=0, microsecond=0)
        reset = minute + timedelta(minutes=1)
        if route.limit == ACCESS_LOGS:
            if self._take(*ACCESS_LOGS, minute) < 0:       # this endpoint alone says when, and has no Retry-After
                raise Refusal(429, "TooManyRequests", "Rate limit exceeded", headers={"ratelimit-reset": reset.isoformat()})
            return {}
        seconds = max(1, math.ceil((reset - now).total_seconds()))
        left = self._take("account", self._account, minute)
        total, rest = str(self._account), str(max(0, left))
        headers = {"x-rate-limit": total, "x-rate-limit-remaining": rest,
                   "ratelimit-limit": total, "ratelimit-remaining": rest, "ratelimit-reset": str(seconds)}
        own = route.limit or (("update-user", 5) if user else None)
        if left >= 0 and own:
            name, most = own
            left = self._take(f"{name} {user}", most, minute)
            headers[f"zendesk-ratelimit-{name}"] = f"total={most}; remaining={max(0, left)}; resets={seconds}"
        if left < 0:
            raise Refusal(429, "APIRateLimitExceeded", "Number of allowed API requests per minute exceeded",
                          headers={**headers, "retry-after": str(seconds)})
        return headers
