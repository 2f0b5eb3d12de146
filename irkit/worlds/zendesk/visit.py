"""One call to the account: who calls, what is asked, and the ways to answer, in Zendesk's two dialects."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call, World
from irkit.worlds.zendesk.state import Obj, Tenant

NO_ACCESS = "You do not have access to this page. Please contact the account owner of this help desk for further help."


class Refusal(Exception):
    """An answer that ends the visit. `newer` endpoints speak the `errors` dialect."""

    def __init__(self, status: int, error: str, text: str = "", details: Obj | None = None,
                 headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.text, self.details, self.headers = status, error, text, details, headers

    def answer(self, tenant: Tenant, newer: bool) -> Answer:
        text = tenant.words(self.text) if self.text else self.text
        if newer:
            body: Obj = {"errors": [{"code": self.error, "title": self.error, "detail": text, "status": str(self.status)}]}
        elif self.status == 403 and self.error == "Forbidden":
            body = {"error": {"title": "Forbidden", "message": text}}
        else:
            oauth = self.error.startswith(("invalid_", "unsupported_"))                   # RFC 6749 5.2
            name = "error_description" if oauth else "description"
            body = {"error": self.error, **({name: text} if text else {}),
                    **({"details": self.details} if self.details else {})}
        return Answer.json(body, self.status, self.headers)


def not_found() -> Refusal:
    return Refusal(404, "RecordNotFound", "Not found")


def forbidden() -> Refusal:
    return Refusal(403, "Forbidden", NO_ACCESS)


def invalid(field: str, text: str) -> Refusal:
    return Refusal(422, "RecordInvalid", "Record validation errors", {field: [{"description": text, "error": "InvalidValue"}]})


@dataclass
class Visit:
    """One authenticated call. `caller` is the user it acts as; `token` the OAuth token's record, if one was shown."""

    world: World
    tenant: Tenant
    call: Call
    caller: Obj
    token: Obj | None = None

    @property
    def now(self) -> datetime:
        return self.world.now()

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    @property
    def admin(self) -> bool:
        return bool(self.caller["role"] == "admin")

    def body(self, key: str = "") -> Obj:
        """The JSON object that was sent, or the object under its `key`. Refuses anything else."""
        try:
            data = json.loads(self.call.body)
        except ValueError:
            raise Refusal(400, "BadRequest", "The request body is not valid JSON") from None
        found = data.get(key) if key and isinstance(data, dict) else data
        if not isinstance(found, dict):
            raise Refusal(400, "BadRequest", f"The parameter {key or 'body'} must be an object")
        return found

    def show(self, path: str, thing: Obj) -> Obj:
        """An object as it is returned: with its address, without what stays inside."""
        public = {key: value for key, value in thing.items() if not key.startswith("_")}
        return {"url": f"{self.world.base_url}/api/v2/{path}/{thing['id']}.json", **public} if path else public

    def one(self, shelf: Mapping[str, Obj], key: str) -> Obj:
        """The object of that id. Refuses with 404."""
        if key not in shelf:
            raise not_found()
        return shelf[key]

    def ids(self, most: int = 100) -> list[str]:
        """`ids=1,2,3`. Refuses none, and more than `most`."""
        found = [part for part in self.call.get("ids").split(",") if part]
        if not found:
            raise Refusal(400, "BadRequest", "The parameter ids is required")
        if len(found) > most:
            raise Refusal(400, "TooManyValues", f"Number of values in ids exceeds {most}")
        return found

    def link(self, **changes: object) -> str:
        """This call's address with some query parameters replaced: `after` stands for page[after]."""
        names = {"after": "page[after]"}
        wanted = {names.get(name, name): str(value) for name, value in changes.items()}
        kept = [(name, value) for name, value in self.call.query if name not in wanted]
        return f"{self.world.base_url}{self.call.path}?{urlencode([*kept, *wanted.items()])}"

    def page_size(self, name: str, default: int, most: int) -> int:
        """A page size; one that is too large is cut, as most endpoints do."""
        text = self.call.get(name) or str(default)
        if not text.isdecimal() or int(text) < 1:
            raise Refusal(400, "InvalidPaginationParameter", f"{name} must be a positive integer")
        return min(int(text), most)

    def page(self, key: str, things: Iterable[Obj], *, path: str = "", cursor_only: bool = False) -> Answer:
        """A page of objects under `key`: by cursor when the caller asks for that (or it is all there is), else by number."""
        rows = list(things)
        if cursor_only or self.wants_cursor:
            return self._by_cursor(key, rows, path)
        return self._by_number(key, rows, path)

    def _order(self, field: str) -> Callable[[Obj], list[Any]]:
        return lambda thing: [thing.get(field) is not None, thing.get(field) or 0, thing["id"]]

    def _by_cursor(self, key: str, rows: list[Obj], path: str) -> Answer:
        size = self.page_size("page[size]", 100, 100)
        sort = self.call.get("sort", "id")
        order, down = self._order(sort.lstrip("-")), sort.startswith("-")
        rows.sort(key=order, reverse=down)
        last = self.call.get("page[after]")
        if last:
            mark = read_cursor(last)
            rows = [row for row in rows if (order(row) < mark if down else order(row) > mark)]
        page = rows[:size]
        more = len(rows) > size
        after = write_cursor(order(page[-1])) if page else None
        return Answer.json({key: [self.show(path, row) for row in page],
                            "meta": {"has_more": more, "after_cursor": after, "before_cursor": None},
                            "links": {"prev": None, "next": self.link(after=after) if more else None}})

    def _by_number(self, key: str, rows: list[Obj], path: str) -> Answer:
        rows.sort(key=self._order(self.call.get("sort_by", "id")), reverse=self.call.get("sort_order") == "desc")
        return self.numbered(key, rows, path)

    def numbered(self, key: str, rows: list[Obj], path: str) -> Answer:
        """A page by number of rows that are in order already. Refuses what lies beyond page 100."""
        size, number = self.page_size("per_page", 100, 100), self.page_size("page", 1, 10**9)
        if number > 100:
            raise Refusal(400, "InvalidPaginationDepth", "Offset pagination ends at page 100; use cursor pagination")
        page = rows[(number - 1) * size:number * size]
        return Answer.json({key: [self.show(path, row) for row in page], "count": len(rows),
                            "next_page": self.link(page=number + 1) if number * size < len(rows) else None,
                            "previous_page": self.link(page=number - 1) if number > 1 else None})

    @property
    def wants_cursor(self) -> bool:
        return any(name.startswith("page[") for name, _ in self.call.query)


def write_cursor(mark: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(mark, separators=(",", ":")).encode()).decode()


def read_cursor(text: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        raise Refusal(400, "InvalidCursor", "The cursor is not valid") from None


class Route(Struct, frozen=True):
    """How one operation is answered. `needs`: the least role; `newer`: it speaks the newer error dialect;
    `limit`: its own (name, requests a minute) beside the account's; `plan`: the plan it takes."""

    handler: Callable[..., Answer]
    needs: str = "agent"
    newer: bool = False
    limit: tuple[str, int] | None = None
    plan: str = ""


class Operations(Routes[Route]):
    def on(self, method: str, path: str, *, needs: str = "agent", newer: bool = False,
           limit: tuple[str, int] | None = None, plan: str = "") -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Answer this operation (a path under /api/v2) with the decorated `(visit, *path parameters) -> Answer`."""
        def register(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            self.add(method, "/api/v2" + path, Route(handler, needs, newer, limit, plan))
            return handler
        return register
