"""What a helpdesk holds, who calls, what they may, how many requests are left, how lists are cut, and how it says no."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.freshdesk import Freshdesk

Obj = dict[str, Any]
PER_MINUTE = {"free": 0, "trial": 50, "growth": 200, "pro": 400, "enterprise": 700}
LISTS = {"trial": 20, "growth": 20, "pro": 100, "enterprise": 200}          # of tickets; of contacts
UPDATES = {"trial": 80, "growth": 80, "pro": 160, "enterprise": 280}        # of tickets
DENIED = (403, "access_denied", "You are not authorized to perform this action.")
MOST_PAGES = 300


class Options(Struct, frozen=True):
    """`admin`, `global_scope`: what irkit's own agent may and sees. `key_of_subject`: the key is the attacked agent's.
    `missing`: rights that irkit's agent lacks, by comma: automations, email, contacts, account. `domain`: whether there is a
    Freshdesk at this address. `seats`: free ones. `busy`: tickets change while they are listed. `bare_rules`: automations come
    as a bare list. `rules_clear`: switching a rule clears its conditions. `page`: the largest page. `deactivates`: seconds from
    the attacked agent's restriction until a colleague deactivates the agent by hand; 0: nobody does."""

    plan: Literal["free", "trial", "growth", "pro", "enterprise"] = "enterprise"
    admin: bool = True
    global_scope: bool = True
    key_of_subject: bool = False
    domain: bool = True
    missing: str = ""
    seats: bool = True
    limits: bool = True
    ignore_filters: bool = False
    busy: bool = False
    bare_rules: bool = False
    rules_clear: bool = False
    deactivates: int = 0
    tickets: int = 300
    page: int = 100
    seed: int = 1
    attack: Literal["", "blind_copy"] = "blind_copy"
    subject: str = ""
    hostile: bool = False


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Refusal(Exception):
    """One of the vendor's two error bodies: with `field` that of validation, which has a list of errors."""

    def __init__(self, status: int, code: str, message: str, *, field: str = "",
                 headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field, self.headers = status, code, message, field, dict(headers or {})

    def answer(self) -> Answer:
        if not self.message:
            return Answer(self.status, self.headers)
        error = {"code": self.code, "message": self.message}
        body = {"description": "Validation failed", "errors": [{"field": self.field, **error}]} if self.field else error
        return Answer.json(body, self.status, self.headers)


class Limits:
    """Requests in the current minute, of the account and of the operations that have a limit of their own."""

    def __init__(self, plan: str) -> None:
        self._plan = plan
        self._used: dict[str, tuple[datetime, int]] = {}

    def _left(self, name: str, total: int, minute: datetime) -> int:
        since, used = self._used.get(name, (minute, 0))
        used = used + 1 if since == minute else 1
        self._used[name] = (minute, used)
        return total - used

    def take(self, call: Call, now: datetime) -> dict[str, str]:
        """The limit headers of an answer. Refuses what is over a limit, with the seconds to wait; invalid calls count too."""
        total, minute = PER_MINUTE[self._plan], now.replace(second=0, microsecond=0)
        left = self._left("account", total, minute)
        headers = {"x-ratelimit-total": str(total), "x-ratelimit-remaining": str(max(0, left)),
                   "x-ratelimit-used-currentrequest": "1", "x-freshdesk-api-version": "latest=v2; requested=v2"}
        name, most = self._own(call)
        if left >= 0 and name:
            left = self._left(name, most, minute)
        if left < 0:
            seconds = max(1, math.ceil((minute + timedelta(minutes=1) - now).total_seconds()))
            raise Refusal(429, "", "", headers={**headers, "retry-after": str(seconds)} if total else headers)
        return headers

    def _own(self, call: Call) -> tuple[str, int]:
        if self._plan == "free":
            return "", 0
        if call.method == "GET" and call.path in ("/api/v2/tickets", "/api/v2/contacts"):
            return call.path, LISTS[self._plan]
        update = call.method == "PUT" and call.path.startswith("/api/v2/tickets/")
        return ("updates", UPDATES[self._plan]) if update else ("", 0)


class Tenant:
    """Shelves of things by id, tickets in the order of their numbers, and what was written on each."""

    def __init__(self, options: Options, now: datetime) -> None:
        self.options, self.start = options, now
        self.shelves: dict[str, dict[str, Obj]] = {name: {} for name in (
            "agents", "contacts", "roles", "groups", "rules", "scenarios", "mailboxes", "configs", "exports", "jobs")}
        self.planted: dict[str, list[str]] = {}      # what the attack put here: keys by shelf
        self.tickets: dict[str, Obj] = {}
        self.written: dict[str, list[Obj]] = {}
        self.bcc: list[str] = []
        self.subject = self.email = self.own = ""      # the attacked agent's id and address; irkit's own id
        self._count = 0

    def id(self) -> int:
        self._count += 1
        return 82_000_000_000 + 7 * self._count

    def secret(self, text: str, size: int = 20) -> str:
        return hashlib.sha256(f"{self.options.seed} {text}".encode()).hexdigest()[:size]

    def words(self, text: str) -> str:
        return hostile(text) if self.options.hostile else text

    def ago(self, **how: float) -> str:
        return stamp(self.start - timedelta(**how))

    def put(self, shelf: str, thing: Obj) -> Obj:
        self.shelves[shelf][str(thing["id"])] = thing
        return thing

    def one(self, shelf: str, key: str) -> Obj:
        found = self.shelves[shelf].get(key)
        if found is None:
            raise Refusal(404, "", "")
        return found

    def role(self, name: str) -> int:
        """The id of a role by its plain name."""
        return next(int(role["id"]) for role in self.shelves["roles"].values() if role["_plain"] == name)

    def agent(self, email: str) -> Obj:
        return next(one for one in self.shelves["agents"].values() if one["contact"]["email"] == email)


def shown(thing: Obj, *without: str) -> Obj:
    return {key: value for key, value in thing.items() if not key.startswith("_") and key not in without}


def page(world: Freshdesk, call: Call, rows: Sequence[Obj]) -> tuple[list[Obj], dict[str, str]]:
    """A page of rows, and the link to the next one where there is one. `per_page` is 30 unless asked, and 100 at most."""
    asked, number = call.get("per_page", "30"), call.get("page", "1")
    for field, text in (("per_page", asked), ("page", number)):
        if not text.isdecimal() or int(text) < 1 or (field == "per_page" and int(text) > 100):
            most = "" if field == "page" else " less than or equal to 100"
            raise Refusal(400, "invalid_value", f"It should be a Positive Integer{most}", field=field)
    if call.path == "/api/v2/tickets" and int(number) > MOST_PAGES:
        raise Refusal(400, "invalid_value", f"page cannot be greater than {MOST_PAGES}", field="page")
    size, at = min(int(asked), world.options.page), int(number)
    part = list(rows[(at - 1) * size:at * size])
    if at * size >= len(rows):
        return part, {}
    query = urlencode([*((k, v) for k, v in call.query if k != "page"), ("page", str(at + 1))])
    return part, {"link": f'<{world.address()}{call.path}?{query}>; rel="next"'}


class Visit(Struct, frozen=True):
    """A call, and the agent whose key it bears."""

    world: Freshdesk
    call: Call
    caller: Obj

    @property
    def tenant(self) -> Tenant:
        return self.world.tenant

    def list(self, rows: Sequence[Obj], *without: str) -> Answer:
        part, headers = page(self.world, self.call, rows)
        return Answer.json([shown(row, *without) for row in part], headers=headers)

    def body(self, *known: str) -> Obj:
        """The body's fields. Unknown ones are refused, as the vendor does."""
        data = self.call.data
        if not isinstance(data, dict):
            raise Refusal(400, "invalid_json", "Request body has invalid json format")
        for name in data:
            if name not in known:
                raise Refusal(400, "invalid_field", "Unexpected/invalid field in request", field=name)
        return data


class Route(Struct, frozen=True):
    """`needs`: "" any agent, "admin" an administrator, or a right that `missing` may name and agents do not have."""

    handler: Callable[..., Answer]
    needs: str


class Operations(Routes[Route]):
    def on(self, method: str, path: str, needs: str = "admin") -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Answer this operation with the decorated `(visit, *path parameters) -> Answer`."""
        def register(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            self.add(method, "/api/v2" + path, Route(handler, needs))
            return handler
        return register
