"""What a tenant holds, how its lists are cut into pages, and how it says no."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.google_workspace import GoogleWorkspace

Obj = dict[str, Any]


class Options(Struct, frozen=True):
    """`missing`: scopes that were not authorised, by comma, without their prefix; `unprivileged`: those that are beyond the
    administrator's role. `admin`: what irkit's administrator is; `privileged`: what the attacked person is. `federated`: people
    sign in through another provider. `revoked`: the key of the service account. `lag`: seconds until the administrators' log
    shows a change."""

    edition: Literal["starter", "enterprise"] = "enterprise"
    admin: Literal["super", "delegated", "no"] = "super"
    privileged: Literal["no", "delegated", "super"] = "delegated"
    federated: bool = False
    missing: str = ""
    unprivileged: str = ""
    revoked: bool = False
    lag: int = 60
    limits: bool = True
    ignore_filters: bool = False
    rows: int = 400
    page: int = 100
    seed: int = 1
    attack: Literal["", "consent_phishing"] = "consent_phishing"
    subject: str = ""
    hostile: bool = False


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Refusal(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def answer(self) -> Answer:
        one = {"message": self.message, "domain": "global", "reason": self.reason}
        return Answer.json({"error": {"code": self.status, "message": self.message, "errors": [one]}}, self.status)


class Quota:
    """Requests in the current minute: 2400 for the Directory, answered 403; 250 filtered ones for Reports, answered 503."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._used: dict[str, int] = {}

    def take(self, call: Call, now: datetime) -> None:
        minute = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._used = minute, {}
        reports = "/reports/" in call.path
        name = "directory"
        if reports:
            filtered = "/users/all/" not in call.path or any(call.get(one) for one in ("eventName", "filters"))
            name = "filtered" if filtered else "reports"
        self._used[name] = self._used.get(name, 0) + 1
        if self._used[name] > {"filtered": 250}.get(name, 2400):
            raise Refusal(503, "backendError", "The service is currently unavailable.") if reports else Refusal(
                403, "userRateLimitExceeded", "Quota exceeded for quota metric 'Queries' per minute and user.")


class Tenant:
    """Shelves of things by id, rows of logs by application, backup codes and sign-outs by person."""

    def __init__(self, options: Options, now: datetime) -> None:
        self.options, self.start = options, now
        self.shelves: dict[str, dict[str, Obj]] = {name: {} for name in (
            "users", "deleted", "tokens", "asps", "groups", "roles", "assignments", "devices")}
        self.planted: dict[str, list[str]] = {}      # what the attack put here: keys by shelf
        self.logs: dict[str, list[Obj]] = {}
        self.codes: dict[str, list[str]] = {}
        self.signed_out: dict[str, int] = {}
        self.subject = ""

    def id(self, text: str, digits: int = 21) -> str:
        """A number as Google's ids are, the same for the same text."""
        return "1" + str(int(hashlib.sha256(f"{self.options.seed} {text}".encode()).hexdigest(), 16))[:digits - 1]

    def words(self, text: str) -> str:
        return hostile(text) if self.options.hostile else text

    def ago(self, **how: float) -> str:
        return stamp(self.start - timedelta(**how))

    def put(self, shelf: str, ident: str, thing: Obj) -> Obj:
        self.shelves[shelf][ident] = thing
        return thing

    def user(self, key: str) -> Obj:
        for user in self.shelves["users"].values():
            if key.casefold() in (user["id"], *(one.casefold() for one in (user["primaryEmail"], *user.get("aliases", ())))):
                return user
        raise Refusal(404, "notFound", "Resource Not Found: userKey")

    def of(self, shelf: str, user_id: str) -> list[Obj]:
        """Things of that person that suspension has not reset."""
        return [thing for thing in self.shelves[shelf].values() if thing["_of"] == user_id and not thing.get("_reset")]

    @staticmethod
    def lacks(scope: str, said: str) -> bool:
        return scope.removesuffix(".readonly") in [one.removesuffix(".readonly") for one in said.split(",")]


def shown(thing: Obj) -> Obj:
    return {key: value for key, value in thing.items() if not key.startswith("_")}


def page(world: GoogleWorkspace, call: Call, kind: str, key: str, rows: list[Obj], most: int) -> Answer:
    """A page of rows. Between the first and the second one comes an empty page; a page without rows has no list at all."""
    try:
        size = min(int(call.get("maxResults") or most), most, world.options.page)
        given = call.get("pageToken")
        mark = json.loads(base64.urlsafe_b64decode(given)) if given else {"at": 0, "empty": False}
        start, empty = int(mark["at"]), bool(mark["empty"])
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "invalid", "Invalid Input: pageToken") from None
    part = [] if empty else rows[start:start + size]
    data: Obj = {"kind": kind, "etag": '"drill"'}
    if part:
        data[key] = [shown(row) for row in part]
    after = {"at": start + len(part), "empty": not empty and start == 0 and len(rows) > size}
    if after["at"] < len(rows):
        data["nextPageToken"] = base64.urlsafe_b64encode(json.dumps(after).encode()).decode()
    return Answer.json(data)


class Route(Struct, frozen=True):
    """`scope`: without its prefix; for a reading one the scope that writes will do, too."""

    handler: Callable[..., Answer]
    scope: str


class Operations(Routes[Route]):
    def on(self, method: str, path: str, scope: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Answer this operation with the decorated `(world, call, *path parameters) -> Answer`."""
        def register(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            self.add(method, path, Route(handler, scope))
            return handler
        return register
