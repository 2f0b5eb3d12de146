"""What a PagerDuty account holds, how its lists are cut into pages, and how it says no."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person

Obj = dict[str, Any]
MOST_ROWS = 10_000


class Options(Struct, frozen=True):
    """`audit`: the plan has audit records. `delegations`: it lists delegations. `drops_events`: the integration's key is of
    another account. `limited`: so many 429s without headers first. `rejects_duplicates` as the vendor does by incident key."""

    audit: bool = True
    delegations: bool = True
    drops_events: bool = False
    limited: int = 0
    incidents: int = 30
    audit_rows: int = 120
    page: int = 100
    seed: int = 1
    hostile: bool = False

    def one_less(self) -> Options:
        return replace(self, limited=self.limited - 1)


class Refusal(Exception):
    def __init__(self, status: int, code: int, message: str, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status, self.error = status, {"message": message, "code": code, **({"errors": list(errors)} if errors else {})}

    def answer(self) -> Answer:
        return Answer.json({"error": self.error}, self.status)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def classic(account: Account, call: Call, name: str, rows: Sequence[Obj]) -> Answer:
    """offset, limit, more; 400 beyond 10,000 rows."""
    limit = min(int(call.get("limit") or 25), account.options.page)
    offset = int(call.get("offset") or 0)
    if offset + limit > MOST_ROWS:
        raise Refusal(400, 2001, "Invalid Input Provided", ["Offset is too large"])
    cut = rows[offset:offset + limit]
    return Answer.json({name: cut, "limit": limit, "offset": offset, "more": offset + limit < len(rows)})


def cursored(account: Account, call: Call, name: str, rows: Sequence[Obj]) -> Answer:
    """next_cursor, null on the last page."""
    start, limit = int(call.get("cursor") or 0), min(int(call.get("limit") or 25), account.options.page)
    more = start + limit < len(rows)
    return Answer.json({name: rows[start:start + limit], "limit": limit, "next_cursor": str(start + limit) if more else None})


class Account:
    """The state: all by id, as the API shows it."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.options, self.now, self.began = options, now, now()
        self.random = random.Random(options.seed)        # noqa: S311 - reproducible, not secret
        self.users: dict[str, Obj] = {}
        self.delegations: dict[str, Obj] = {}
        self.incidents: dict[str, Obj] = {}
        self.notes: dict[str, list[Obj]] = {}
        self.webhooks: dict[str, Obj] = {}
        self.extensions: list[Obj] = []
        self.audit: list[Obj] = []
        self.subject = "PUSER01"

    def text(self, words: str) -> str:
        return hostile(words) if self.options.hostile else words

    def furnish(self, persons: Sequence[Person], subjects: dict[str, str] | Any) -> None:
        known = list(persons) or [Person("Dana Reyes", "dana@example.org", "agent")]
        wanted = str(next(iter(subjects.values()), "")) if subjects else ""
        if wanted and wanted.casefold() not in {one.email.casefold() for one in known}:
            known.insert(0, Person(wanted.partition("@")[0], wanted, "agent"))
        known.sort(key=lambda one: one.email.casefold() != wanted.casefold())
        self.user("PIRKIT1", "irkit", "irkit@northwind.example", "admin")
        for number, one in enumerate(known, 1):
            self.user(f"PUSER{number:02}", one.name, one.email, "admin" if one.role == "admin" else "user")
        for kind, client, hours in (("web", "web", 3), ("mobile", "ios", 50), ("integration", "unknown-app", 2)):
            key = f"PDEL{kind.upper()[:3]}"
            self.delegations[key] = {"id": key, "type": kind, "client_id": self.text(client), "status": "issued",
                                     "scope": "openid", "user": self.subject,
                                     "created_at": stamp(self.began - timedelta(hours=hours))}
        for number in range(1, self.options.incidents + 1):
            self.incident(f"PINC{number:03}", self.text(f"Queue is long ({number})"), f"probe-{number}", "PSVC001",
                          "triggered" if number == 1 else "resolved")
        for key, target, active in (("PHOOK01", "https://collect.attacker.example/pd", True),
                                    ("PHOOK02", "https://chat.northwind.example/pd", True),
                                    ("PHOOK03", "https://old.northwind.example/pd", False)):
            self.webhooks[key] = {
                "id": key, "type": "webhook_subscription", "active": active, "description": self.text("to chat"),
                "delivery_method": {"type": "http_delivery_method", "url": target}}
        self.extensions.append({"id": "PEXT001", "name": self.text("Chat"), "endpoint_url": "https://chat.northwind.example/ext",
                                "temporarily_disabled": False})
        self.audit = [self._audit(number) for number in range(self.options.audit_rows)]

    def user(self, key: str, name: str, email: str, role: str) -> None:
        shown = name if key == "PIRKIT1" else self.text(name)
        self.users[key] = {"id": key, "type": "user", "name": shown, "email": email, "role": role}

    def incident(self, key: str, title: str, incident_key: str, service: str, status: str = "triggered") -> Obj:
        self.incidents[key] = {
            "id": key, "incident_number": len(self.incidents) + 1, "type": "incident", "status": status, "title": title,
            "incident_key": incident_key, "service": {"id": service, "type": "service_reference"},
            "created_at": stamp(self.began), "html_url": f"https://northwind.pagerduty.com/incidents/{key}"}
        return self.incidents[key]

    def _audit(self, number: int) -> Obj:
        at = self.began - timedelta(hours=5 * number + 1)
        return {"id": f"AUD{number:05}", "execution_time": stamp(at), "action": "update", "root_resource":
                {"id": self.subject, "type": "user_reference"}, "actors": [{"id": self.subject, "type": "user_reference"}]}

    def event(self, data: Obj, key: str) -> None:
        """What the integration's key lets happen; an acknowledge or resolve without an open alert is dropped."""
        now = next((one for one in self.incidents.values() if one["incident_key"] == key and one["status"] != "resolved"), None)
        if data["event_action"] == "trigger" and now is None:
            title = str((data.get("payload") or {}).get("summary", ""))
            self.incident(f"PEVT{len(self.incidents) + 1:03}", title, key, "PSVC001")
        elif now is not None:
            now["status"] = {"acknowledge": "acknowledged", "resolve": "resolved"}.get(data["event_action"], now["status"])
