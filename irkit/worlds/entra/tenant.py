"""What a tenant holds, how its lists are cut into pages, and how it says no."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.entra import Entra

Obj = dict[str, Any]
NO_PREMIUM = ("Authentication_RequestFromNonPremiumTenantOrB2CTenant",
              "Neither tenant is B2C or tenant doesn't have premium license")
NO_P2 = ("Forbidden", "Your tenant is not licensed for this feature.")


class Options(Struct, frozen=True):
    """`missing`: permissions that were not granted, by comma. `app_role`: the app holds User Administrator. `privileged`: what
    the attacked person is, helpdesk (administrator), the same by_group, global (administrator) or no. `lag`: seconds until the
    watermark moves. `credential`: whether irkit's client secret still holds. `ignore_filters`: conditions are
    ignored in silence."""

    plan: Literal["free", "p1", "p2"] = "p2"
    kind: Literal["cloud", "hybrid", "guest"] = "cloud"
    federated: bool = False
    privileged: Literal["no", "helpdesk", "by_group", "global"] = "helpdesk"
    app_role: bool = True
    missing: str = ""
    credential: Literal["valid", "expired", "removed"] = "valid"
    lag: int = 90
    limits: bool = True
    ignore_filters: bool = False
    rows: int = 400
    page: int = 100
    seed: int = 1
    attack: Literal["", "token_theft"] = "token_theft"
    subject: str = ""
    hostile: bool = False


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def answer(self, now: datetime) -> Answer:
        asked = str(uuid.UUID(hashlib.md5(f"{self.code}{now}".encode(), usedforsecurity=False).hexdigest()))
        inner = {"date": stamp(now)[:-1], "request-id": asked, "client-request-id": asked}
        error = {"code": self.code, "message": self.message, "innerError": inner}
        return Answer.json({"error": error}, self.status, self.headers)


class Throttle:
    """Reports take five requests in ten seconds; Identity Protection one a second, and says no time to wait."""

    def __init__(self) -> None:
        self._reports: deque[datetime] = deque()
        self._risk: datetime | None = None

    def take(self, path: str, now: datetime) -> None:
        if "/auditLogs/" in path:
            while self._reports and self._reports[0] <= now - timedelta(seconds=10):
                self._reports.popleft()
            if len(self._reports) >= 5:
                raise Refusal(429, "TooManyRequests", "Too many requests", {
                    "retry-after": "10", "x-ms-throttle-scope": "Tenant_Application/ReadWrite/northwind"})
            self._reports.append(now)
        if "/identityProtection/" in path:
            if self._risk and now < self._risk + timedelta(seconds=1):
                raise Refusal(429, "TooManyRequests", "Too many requests")
            self._risk = now


class Tenant:
    """Shelves of things by id, rows of logs, and how often each person's watermark was asked to move."""

    def __init__(self, options: Options, now: datetime) -> None:
        self.options, self.start = options, now
        self.shelves: dict[str, dict[str, Obj]] = {name: {} for name in (
            "users", "grants", "app_roles", "methods", "devices", "owned", "applications", "rules", "roles", "eligible",
            "active", "groups", "risk", "principals", "domains", "skus")}
        self.planted: dict[str, list[str]] = {}      # what the attack put here: keys by shelf
        self.sign_ins: list[Obj] = []
        self.audits: list[Obj] = []
        self.records: list[Obj] = []
        self.queries: dict[str, tuple[Obj, datetime]] = {}
        self.sessions_moved: dict[str, int] = {}
        self.subject = ""

    def id(self, text: str) -> str:
        return str(uuid.UUID(hashlib.sha256(f"{self.options.seed} {text}".encode()).hexdigest()[:32]))

    def words(self, text: str) -> str:
        return hostile(text) if self.options.hostile else text

    def ago(self, **how: float) -> str:
        return stamp(self.start - timedelta(**how))

    def put(self, shelf: str, thing: Obj) -> Obj:
        self.shelves[shelf][thing["id"]] = thing
        return thing

    def user(self, key: str) -> Obj:
        for user in self.shelves["users"].values():
            if key.casefold() in (user["id"], user["userPrincipalName"].casefold()):
                return user
        raise Refusal(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist or one of its queried "
                      "reference-property objects are not present.")

    def of(self, shelf: str, user_id: str) -> list[Obj]:
        """Things of that person, or of that principal."""
        return [thing for thing in self.shelves[shelf].values() if thing["_of"] == user_id]


def shown(thing: Obj) -> Obj:
    return {key: value for key, value in thing.items() if not key.startswith("_")}


def page(world: Entra, call: Call, rows: list[Obj], most: int = 999) -> Answer:
    """A page of rows. Between the first and the second one comes an empty page; the link bears all that was asked."""
    size = min(int(call.get("$top") or most), most, world.options.page)
    mark = json.loads(base64.urlsafe_b64decode(call.get("$skiptoken"))) if call.get("$skiptoken") else {"at": 0, "empty": False}
    start, empty = mark["at"], mark["empty"]
    part = [] if empty else rows[start:start + size]
    after = {"at": start + len(part), "empty": not empty and start == 0 and len(rows) > size}
    data: Obj = {"@odata.context": f"{world.base_url}/v1.0/$metadata", "value": [shown(row) for row in part]}
    if after["at"] < len(rows):
        kept = [(key, value) for key, value in call.query if key != "$skiptoken"]
        token = base64.urlsafe_b64encode(json.dumps(after).encode()).decode()
        data["@odata.nextLink"] = f"{world.address()}{call.path}?{urlencode([*kept, ('$skiptoken', token)])}"
    return Answer.json(data)


class Route(Struct, frozen=True):
    """`permission`: what an app must have been granted; `plan`: the least licence; `refusal`: code and sentence without it."""

    handler: Callable[..., Answer]
    permission: str
    plan: str = ""
    refusal: tuple[str, str] = NO_P2


class Operations(Routes[Route]):
    def permissions(self) -> list[str]:
        """Every permission that some operation takes."""
        return sorted({route.permission for rows in self._table.values() for _, route in rows})

    def on(self, method: str, path: str, permission: str, plan: str = "",
           refusal: tuple[str, str] = NO_P2) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Answer this operation with the decorated `(world, call, *path parameters) -> Answer`."""
        def register(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            self.add(method, path, Route(handler, permission, plan, refusal))
            return handler
        return register
