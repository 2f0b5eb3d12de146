"""The state of a simulated workspace, and what its methods are made of: arguments, refusals, pages."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person

Obj = dict[str, Any]
ME = "UIRKIT001"
TEAM, ENTERPRISE = "T0NORTHWIND", "E0NORTHWIND"


class Options(Struct, frozen=True):
    """`plan`: what it withholds. `lacks`: a scope that irkit's token does not have. `hidden`: the name of a private channel
    that irkit is not in. `ignores_reset`: a reset answers ok, and nothing happens. `access_pages`: so many pages the access log
    claims. `limits`: calls are counted, and too many answered 429."""

    plan: Literal["enterprise", "paid", "free"] = "enterprise"
    lacks: str = ""
    hidden: str = "inc-hidden"
    ignores_reset: bool = False
    limits: bool = False
    messages: int = 40
    log_rows: int = 120
    page: int = 1000
    access_pages: int = 0
    seed: int = 1
    hostile: bool = False


class Refusal(Exception):
    """{"ok": false, "error": code} with 200, or with another status."""

    def __init__(self, code: str, *, status: int = 200, retry_after: int = 0, **more: object) -> None:
        super().__init__(code)
        self.body, self.status = {"ok": False, "error": code, **more}, status
        self.headers = {"retry-after": str(retry_after)} if retry_after else {}

    def answer(self) -> Answer:
        return Answer.json(self.body, self.status, self.headers)


class Asked(Struct, frozen=True):
    """A call, and as whom: "owner", "admin", "member", "bot" or ""."""

    call: Call
    who: str

    def arg(self, name: str, default: str = "") -> str:
        """An argument, from the query or the body."""
        data = self.call.data if isinstance(self.call.data, dict) else {}
        found = data.get(name, self.call.get(name, default))
        return str(found).lower() if isinstance(found, bool) else str(found)

    def number(self, name: str, default: int) -> int:
        text = self.arg(name) or str(default)
        if not text.isdecimal():
            raise Refusal("invalid_arguments")
        return int(text)


class Method(Struct, frozen=True):
    """A method of the Web API: what answers it, its scope, whether it is for administrators, its limit, its form."""

    answer: Callable[[Workspace, Asked], Mapping[str, Any]]
    scope: str = ""
    admin: bool = False
    per_minute: int = 50
    form_only: bool = False


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def paged(work: Workspace, asked: Asked, name: str, rows: Sequence[Any], most: int = 1000) -> Obj:
    """cursor and limit; an empty next_cursor is the last page. A page may be shorter than the limit."""
    start = asked.number("cursor", 0)
    limit = min(asked.number("limit", 100), most, work.options.page)
    following = start + limit
    return {name: list(rows[start:following]), "response_metadata": {
        "next_cursor": str(following) if following < len(rows) else ""}}


class Workspace:
    """People, channels, messages, sessions and logs, by id, as the API shows them."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.options, self.now, self.began = options, now, now()
        self.random = random.Random(options.seed)        # noqa: S311 - reproducible, not secret
        self.users: dict[str, Obj] = {}
        self.channels: dict[str, Obj] = {}
        self.messages: dict[str, list[Obj]] = {}
        self.sessions: list[Obj] = []
        self.signed_out: set[int] = set()                 # sessions that a deactivation ended
        self.files: dict[str, Obj] = {}
        self.tickets: dict[str, Obj] = {}                 # uploads that were announced: no configuration yet
        self.logins: list[Obj] = []
        self.integrations: list[Obj] = []
        self.audit: list[Obj] = []
        self.subject = self.colleague = self.left = ""
        self.files_address: Callable[[], str] = lambda: "https://files.slack.com"

    def text(self, words: str) -> str:
        return hostile(words) if self.options.hostile else words

    # -- making it ---------------------------------------------------------------------------------------------------

    def furnish(self, persons: Sequence[Person], subjects: Mapping[str, str]) -> None:
        known = list(persons) or [Person("Dana Reyes", "dana@example.org", "agent")]
        wanted = str(next(iter(subjects.values()), "")) if subjects else ""
        if wanted and wanted.casefold() not in {one.email.casefold() for one in known}:
            known.insert(0, Person(wanted.partition("@")[0], wanted, "agent"))
        known.sort(key=lambda one: one.email.casefold() != wanted.casefold())
        self.user(ME, "irkit", "irkit@northwind.example", owner=True)
        for number, one in enumerate(known, 1):
            self.user(f"U{number:08}", self.text(one.name), one.email, owner=False, admin=one.role == "admin")
        self.subject = "U00000001"
        self.colleague = self.user("UCOLLEAG1", self.text("Ana Costa"), "ana.costa@northwind.example")
        self.left = self.user("ULEFT0001", self.text("Left Already"), "left@northwind.example", deleted=True)
        self.user("UGUEST001", self.text("Contractor"), "contractor@agency.example", guest=True)
        self._channels()
        self._sessions()
        self._logs()

    def user(self, key: str, name: str, email: str, *, owner: bool = False, admin: bool = False, deleted: bool = False,
             guest: bool = False, bot: bool = False) -> str:
        self.users[key] = {
            "id": key, "team_id": TEAM, "name": email.partition("@")[0], "deleted": deleted, "real_name": name,
            "is_admin": admin or owner, "is_owner": owner, "is_primary_owner": False, "is_restricted": guest,
            "is_ultra_restricted": False, "is_bot": bot, "profile": {"email": email, "real_name": name}}
        return key

    def _channels(self) -> None:
        self.channel("C0GENERAL1", "general", private=False, members=[ME, self.subject, self.colleague])
        home = self.channel("C0HELPDESK", "helpdesk", members=[ME, self.colleague, "UGUEST001"])
        self.channel("C0OLDINCID", "old-incident", members=[ME, self.colleague], archived=True)
        self.channel("C0HIDDEN01", self.options.hidden, members=[self.subject])
        for number in range(self.options.messages):
            self.post(home, self.text(f"Queue is long ({number})"), self.colleague,
                      self.began - timedelta(minutes=self.options.messages - number))
        if self.messages[home]:
            first = self.messages[home][0]
            first["reply_count"] = 1
            self.replies = {first["ts"]: [{"type": "message", "user": self.colleague, "text": self.text("a reply"),
                                           "ts": f"{int(self.began.timestamp()) - 30}.000900", "thread_ts": first["ts"]}]}
        else:
            self.replies = {}

    def channel(self, key: str, name: str, *, members: list[str], private: bool = True, archived: bool = False) -> str:
        self.channels[key] = {"id": key, "name": name, "is_private": private, "is_archived": archived, "creator": ME,
                              "created": int(self.began.timestamp()), "topic": {"value": self.text("topic")},
                              "members": list(members)}
        self.messages[key] = []
        return key

    def post(self, channel: str, text: str, user: str, at: datetime | None = None) -> Obj:
        seconds = int((at or self.now()).timestamp())
        message = {"type": "message", "user": user, "text": text, "ts": f"{seconds}.{len(self.messages[channel]) + 1:06}"}
        self.messages[channel].append(message)
        return message

    def _sessions(self) -> None:
        for number, (device, system, address) in enumerate((("Intel", "Windows 10", "203.0.113.77"),
                                                            ("Apple", "iOS", "198.51.100.4"))):
            told = {"device_hardware": device, "os": self.text(system), "os_version": "1", "ip": address}
            self.sessions.append({"user_id": self.subject, "team_id": TEAM, "session_id": 1112275520242 + number,
                                  "created": told, "recent": {**told, "ip": "203.0.113.80" if number == 0 else address}})
        self.sessions.append({"user_id": self.colleague, "team_id": TEAM, "session_id": 1112275520300, "created":
                              {"device_hardware": "Intel", "os": "OS X", "ip": "192.0.2.9"}, "recent": {}})

    def _logs(self) -> None:
        """Newest first, as Slack gives them; the intruder's own rows among them."""
        began = int(self.began.timestamp())
        for number in range(self.options.log_rows):
            bad = number == 0
            last = began - number * 7200
            self.logins.append({
                "user_id": self.subject if bad else self.colleague, "username": "dana" if bad else "ana.costa", "count": 1,
                "ip": "203.0.113.77" if bad else "192.0.2.9", "country": "XX" if bad else "SE", "region": None, "isp": None,
                "user_agent": self.text("Mozilla/5.0 (X11)"), "date_first": last - 600, "date_last": last})
            self.integrations.append({
                "app_id": "A0EVIL0001" if bad else "A0CALENDAR", "app_type": self.text("Mail exporter" if bad else "Calendar"),
                "user_id": self.subject if bad else self.colleague, "change_type": "added" if bad else "updated",
                "date": str(last), "scope": "channels:history,files:read", "user_name": "dana"})
            action = ("manual_export_started", "user_login_failed", "user_login")[min(number, 2)]
            self.recorded(action, self.subject if number < 2 else self.colleague, last)

    def recorded(self, action: str, user: str, at: int | None = None) -> None:
        """An entry of the audit log, at the front when it is new."""
        found = self.users[user]
        seconds = int(self.now().timestamp()) if at is None else at
        number = hashlib.sha256(f"{self.options.seed} {action} {len(self.audit)}".encode()).hexdigest()[:32]
        who = {"id": user, "name": found["real_name"], "email": found["profile"]["email"]}
        entry = {"id": number, "date_create": seconds, "action": action, "actor": {"type": "user", "user": who},
                 "entity": {"type": "workspace", "workspace": {"id": TEAM, "name": "northwind"}},
                 "context": {"ua": self.text("Mozilla"), "ip_address": "203.0.113.77"}, "details": {}}
        self.audit.insert(len(self.audit) if at is not None else 0, entry)

    # -- finding things ----------------------------------------------------------------------------------------------

    def person(self, key: str) -> Obj:
        if key not in self.users:
            raise Refusal("user_not_found")
        return self.users[key]

    def room(self, key: str) -> Obj:
        """A channel that irkit can see: private ones are there for members alone."""
        found = self.channels.get(key)
        if found is None or (found["is_private"] and ME not in found["members"]):
            raise Refusal("channel_not_found")
        return found

    def open_room(self, key: str) -> Obj:
        found = self.room(key)
        if found["is_archived"]:
            raise Refusal("is_archived")
        return found
