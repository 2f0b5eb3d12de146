"""What an org holds, how its lists are cut into pages, how it says no, and what it lets through in a minute."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.okta import Okta

Obj = dict[str, Any]


class Options(Struct, frozen=True):
    """`missing`: scopes that were not granted, by comma. `dpop`: the app requires it. `role`: irkit's admin role. `status`,
    `provider`: of the attacked person. `lag`: seconds until the log shows an event. `reset`: what a password reset does to a
    suspended account. `reactivate`: seconds after a suspension at which an import sets the account active again; 0 for never.
    `busy`: every so many-th log query is one too many at once; 0 for none."""

    engine: Literal["oie", "classic"] = "oie"
    universal_logout: bool = True
    status: Literal["ACTIVE", "STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED",
                    "DEPROVISIONED"] = "ACTIVE"
    provider: Literal["OKTA", "ACTIVE_DIRECTORY", "LDAP", "FEDERATION", "SOCIAL", "IMPORT"] = "OKTA"
    role: Literal["SUPER_ADMIN", "HELP_DESK_ADMIN", ""] = "SUPER_ADMIN"
    missing: str = ""
    dpop: bool = False
    lag: int = 0
    reset: Literal["keeps", "lifts", "refuses"] = "keeps"
    reactivate: int = 0
    limits: bool = True
    busy: int = 0
    ignore_filters: bool = False
    rows: int = 600
    page: int = 200
    seed: int = 1
    attack: Literal["", "session_hijack"] = "session_hijack"
    subject: str = ""
    hostile: bool = False


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Refusal(Exception):
    def __init__(self, status: int, code: str, summary: str, causes: tuple[str, ...] = (),
                 headers: Mapping[str, str] | None = None) -> None:
        super().__init__(summary)
        self.status, self.code, self.summary, self.causes, self.headers = status, code, summary, causes, headers or {}

    def answer(self, now: datetime) -> Answer:
        mark = hashlib.sha256(f"{self.code}{now}".encode()).hexdigest()[:18]
        causes = [{"errorSummary": cause} for cause in self.causes]
        return Answer.json({"errorCode": self.code, "errorSummary": self.summary, "errorLink": self.code,
                            "errorId": f"oae{mark}", "errorCauses": causes}, self.status, self.headers)


def not_found(what: str, kind: str) -> Refusal:
    return Refusal(404, "E0000007", f"Not found: Resource not found: {what} ({kind})")


def invalid(what: str, cause: str) -> Refusal:
    return Refusal(400, "E0000001", f"Api validation failed: {what}", (cause,))


DENIED = ("E0000006", "You do not have permission to perform the requested action")
NO_FEATURE = ("E0000015", "You do not have permission to access the feature you are requesting")


class Throttle:
    """Budgets by the minute. `take` says what is left, as headers; over it, 429 without Retry-After."""

    MOST: Mapping[str, int] = {"logs": 60, "users": 1000, "other": 600}

    def __init__(self, busy: int) -> None:
        self._busy, self._queries = busy, 0
        self._used: dict[tuple[str, int], int] = {}

    def take(self, path: str, now: datetime) -> dict[str, str]:
        name = "logs" if path == "/api/v1/logs" else "users" if path.startswith("/api/v1/users/") else "other"
        minute = int(now.timestamp()) // 60
        if name == "logs" and self._busy:
            self._queries += 1
            if self._queries % self._busy == 0:      # concurrency: a budget of nothing, and a reset that says nothing
                raise self._refusal({"x-rate-limit-limit": "0", "x-rate-limit-remaining": "0",
                                     "x-rate-limit-reset": str(minute * 60 + 60)})
        used = self._used[name, minute] = self._used.get((name, minute), 0) + 1
        left = {"x-rate-limit-limit": str(self.MOST[name]), "x-rate-limit-remaining": str(max(0, self.MOST[name] - used)),
                "x-rate-limit-reset": str(minute * 60 + 60)}
        if used > self.MOST[name]:
            raise self._refusal(left)
        return left

    @staticmethod
    def _refusal(headers: dict[str, str]) -> Refusal:
        return Refusal(429, "E0000047", "API call exceeded rate limit due to too many requests.", (), headers)


SHELVES = ("users", "grants", "tokens", "factors", "enrolments", "devices", "groups", "apps", "roles", "api_tokens", "sessions")


class Tenant:
    """Shelves of things by id, and the log's rows. What begins with "_" is not shown: "_of" is whose it is."""

    def __init__(self, options: Options, now: datetime) -> None:
        self.options, self.start = options, now
        self.shelves: dict[str, dict[str, Obj]] = {name: {} for name in SHELVES}
        self.planted: dict[str, list[str]] = {}      # what the attack put here: keys by shelf
        self.rows: list[Obj] = []
        self.logged_out: dict[str, int] = {}
        self.secrets: list[str] = []
        self.subject = ""

    def id(self, prefix: str, text: str) -> str:
        """Twenty letters, as Okta's: what it is of, and a mark."""
        return prefix + hashlib.sha256(f"{self.options.seed} {prefix} {text}".encode()).hexdigest()[:17]

    def words(self, text: str) -> str:
        return hostile(text) if self.options.hostile else text

    def ago(self, **how: float) -> str:
        return stamp(self.start - timedelta(**how))

    def put(self, shelf: str, thing: Obj) -> Obj:
        self.shelves[shelf][thing["id"]] = thing
        return thing

    def user(self, name: str) -> Obj:
        """By id or login."""
        for user in self.shelves["users"].values():
            if name in (user["id"], user["profile"]["login"]):
                return user
        raise not_found(name, "User")

    def of(self, shelf: str, user_id: str) -> list[Obj]:
        return [thing for thing in self.shelves[shelf].values() if thing["_of"] == user_id]

    def drop(self, shelf: str, things: list[Obj]) -> None:
        for thing in things:
            self.shelves[shelf].pop(thing["id"], None)


def shown(thing: Obj) -> Obj:
    return {key: value for key, value in thing.items() if not key.startswith("_")}


def read_mark(after: str) -> Obj:
    """What a next link remembers. Raises Refusal for one that this org did not give."""
    try:
        found = json.loads(base64.urlsafe_b64decode(after))
        return {"at": int(found["at"]), "empty": bool(found["empty"]), "since": str(found["since"])}
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "E0000002", "The request was not valid: after is no cursor") from None


def cut(world: Okta, call: Call, rows: list[Obj], *, most: int, default: int, empty: bool = False, since: str = "",
        endless: bool = False) -> tuple[list[Obj], str]:
    """The rows of the page asked for, and the address of the next one, "" after the last.

    With `empty` an empty page comes second; with `endless` there is always another one.
    """
    limit = int(call.get("limit") or default)
    if not 0 < limit <= most:
        raise invalid("limit", f"limit: must be between 1 and {most}")
    mark: Obj = read_mark(call.get("after")) if call.get("after") else {"at": 0, "empty": not empty}
    nothing = not mark["empty"] and mark["at"] > 0
    part = [] if nothing else rows[mark["at"]:mark["at"] + min(limit, world.options.page)]
    after = {"at": mark["at"] + len(part), "empty": mark["empty"] or nothing, "since": since}
    return part, _link(world, call, after) if endless or after["at"] < len(rows) else ""


def _link(world: Okta, call: Call, mark: Obj) -> str:
    """The same list from there on. `since` and `after` exclude each other: the mark remembers."""
    kept = [(key, value) for key, value in call.query if key not in ("after", "since")]
    token = base64.urlsafe_b64encode(json.dumps(mark).encode()).decode()
    return f"{world.address()}{call.path}?{urlencode([*kept, ('after', token)])}"


def page(world: Okta, call: Call, rows: list[Obj], *, most: int = 200, default: int = 20, empty: bool = False, since: str = "",
         endless: bool = False) -> Answer:
    """A JSON array with its Link headers."""
    part, after = cut(world, call, rows, most=most, default=default, empty=empty, since=since, endless=endless)
    links = [f'<{world.address()}{call.path}>; rel="self"', *([f'<{after}>; rel="next"'] if after else [])]
    return Answer.json([shown(row) for row in part], headers={"link": ", ".join(links)})


def whole(rows: list[Obj]) -> Answer:
    """A list that Okta does not page."""
    return Answer.json([shown(row) for row in rows])


class Route(Struct, frozen=True):
    """`scope`: what an app must have been granted. `super_admin`: nobody less may. `engine`: Identity Engine alone has it."""

    handler: Callable[..., Answer]
    scope: str
    super_admin: bool = False
    engine: bool = False


class Operations(Routes[Route]):
    def on(self, method: str, path: str, scope: str, *, super_admin: bool = False,
           engine: bool = False) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Answer this operation with the decorated `(world, call, *path parameters) -> Answer`."""
        def register(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            self.add(method, path, Route(handler, scope, super_admin, engine))
            return handler
        return register
