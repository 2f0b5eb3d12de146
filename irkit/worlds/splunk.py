"""A simulated Splunk: indexes, an export that streams, a collector with acknowledgements, tokens; reproducible by its seed.

Its traps: previews among the rows, a stream that ends without its last row, an account that sees no index, a collector that
says 200 and drops, an acknowledgement given once, a batch taken up to its first wrong event, a DELETE without an id that takes
all of them.
"""

from __future__ import annotations

import json as jsonlib
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World, encode

ACTIONS = ("login", "export_tickets", "view_ticket", "change_role", "create_api_token")
HEC = {0: ("Success", 200), 1: ("Token disabled", 403), 2: ("Token is required", 401), 3: ("Invalid authorization", 401),
       4: ("Invalid token", 403), 5: ("No data", 400), 6: ("Invalid data format", 400), 7: ("Incorrect index", 400),
       9: ("Server is busy", 503), 10: ("Data channel is missing", 400), 11: ("Invalid data channel", 400),
       14: ("ACK is disabled", 400)}
GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


class Options(Struct, frozen=True):
    """`rows` of the helpdesk's log, `bytes` to pad each to; `previews` before them; `half`: the stream ends early.

    `blind`: the account sees no index. `closed`: REST is not open. `ack`: the collector acknowledges. `drops`: it says 200 and
    keeps nothing. `busy`: its first so many answers are 503. `lag`: seconds until an event can be found.
    """

    rows: int = 400
    bytes: int = 0
    previews: int = 3
    half: bool = False
    blind: bool = False
    closed: bool = False
    ack: bool = False
    drops: bool = False
    busy: int = 0
    lag: int = 4
    seed: int = 1
    hostile: bool = False


class Splunk(World):
    """splunk.northwind.example. irkit is the account "irkit" in it."""

    connector: ClassVar[str] = "splunk"
    base_url = "https://splunk.northwind.example:8089"
    small: ClassVar[Mapping[str, object]] = {"rows": 9, "lag": 0}
    ready_token = "world-splunk-token"                        # noqa: S105 - of a simulated account
    hec_token = "11111111-2222-4333-8444-555555555555"        # noqa: S105

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, self.connector)
        self.settings = {"host": "splunk.northwind.example:8089", "hec": "splunk.northwind.example:8088", "index": "irkit",
                         "ack": "yes" if self.options.ack else "no", "export": "v2"}
        self.began, self._busy = self.now(), self.options.busy
        self.text: Callable[[str], str] = hostile if self.options.hostile else str
        emails = [*subjects.values(), *(one.email for one in people)]
        self.emails = [one for one in emails if "@" in one] or ["dana@example.org"]
        self.subject = self.emails[0].partition("@")[0]
        self.sent: list[dict[str, Any]] = []
        self._acks: dict[str, dict[int, bool]] = {}
        owners = [(self.subject, "export script"), (self.subject, "laptop"), ("irkit", "irkit"), ("sc_admin", "backup")]
        self.tokens: dict[str, dict[str, Any]] = {
            f"{n:024x}": {"sub": user, "aud": self.text(what), "iat": int(self.began.timestamp()) - 86400 * n}
            for n, (user, what) in enumerate(owners, 1)}

    # -- who asks ----------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        shown = (call.authorization or call.headers.get("authorization", "")).partition(" ")[2]
        if call.host == "hec":
            if shown not in (self.hec_token, self.ready_token):
                return self._hec(4 if shown else 2)
            return self._collector(call)
        if shown != self.ready_token:
            return _no(401, "WARN", "call not properly authenticated")
        if self.options.closed:
            return _no(403, "ERROR", "REST access is not enabled for this stack")
        return self._rest(call)

    def _rest(self, call: Call) -> Answer:
        asked = call.method, re.sub(r"/v2/", "/", call.path)
        if asked == ("GET", "/services/authentication/current-context"):
            return _listed([("context", {"username": "irkit", "realname": "irkit", "email": "", "roles": ["irkit_reader"],
                                         "capabilities": ["search", "list_tokens_all", "edit_tokens_all"]})])
        if asked == ("GET", "/services/data/indexes"):
            oldest = self.began - timedelta(days=90)
            return _listed([] if self.options.blind else
                           [(name, {"minTime": f"{oldest:%Y-%m-%dT%H:%M:%S+0000}"}) for name in ("helpdesk", "irkit")])
        if asked == ("POST", "/services/search/jobs/export"):
            return self._export(call)
        if asked == ("GET", "/services/authorization/tokens"):
            return _listed([(key, {"claims": claims, "status": "enabled", "lastUsed": claims["iat"] + 3600})
                            for key, claims in self.tokens.items()])
        if call.method == "DELETE" and call.path.startswith("/services/authorization/tokens/"):
            return self._revoke(unquote(call.path.rpartition("/")[2]), call.get("id"))
        return _no(404, "ERROR", "Not Found")

    def _revoke(self, user: str, key: str) -> Answer:
        gone = [one for one, claims in self.tokens.items() if claims["sub"] == user and key in ("", one)]
        if not gone:
            return _no(404, "ERROR", "no such token")
        for one in gone:
            del self.tokens[one]
        return _listed([])

    # -- searching ---------------------------------------------------------------------------------------------

    def _export(self, call: Call) -> Answer:
        form = call.data if isinstance(call.data, dict) else {}
        search = str(form.get("search", ""))
        if not re.match(r"search\s|\|", search):
            return _no(400, "FATAL", "Unknown search command.")
        window = _moment(form.get("earliest_time")), _moment(form.get("latest_time"))
        return Answer(200, {"content-type": "application/json; charset=utf-8"}, self._stream(search, window))

    def _stream(self, search: str, window: tuple[datetime | None, datetime | None]) -> Iterator[bytes]:
        """The lines of an export, made as they are asked for: a gigabyte of them takes no memory."""
        for n in range(self.options.previews):
            yield encode({"preview": True, "offset": n, "result": {"_time": "", "_raw": "not final"}}) + b"\n"
        before: bytes | None = None
        for offset, value in enumerate(self._found(search, *window)):
            if before is not None:
                yield before
            before = encode({"preview": False, "offset": offset, "result": value}) + b"\n"
        if self.options.half:
            yield (before or b"")[:40]
            return
        yield b"\n" + (before[:-2] + b',"lastrow":true}\n' if before else b'{"preview":false,"offset":0,"lastrow":true}\n')

    def _found(self, search: str, since: datetime | None, until: datetime | None) -> Iterator[dict[str, Any]]:
        if self.options.blind:
            return
        terms = [a or b for a, b in re.findall(r'(?<![=\w])(?:"([^"]+)"|([\w@.*=:"-]+))', search.partition("|")[0])][1:]
        wanted = [term.replace('"', "") for term in terms if term not in ("*", "search") and not term.startswith("index=*")]
        for value in (*self._rows(), *self.sent) if self.sent else self._rows():
            at = datetime.fromisoformat(value["_time"])
            inside = (since is None or at >= since) and (until is None or at < until)
            if inside and all(_matches(value, term) for term in wanted):
                yield value

    def _rows(self) -> Iterator[dict[str, Any]]:
        chance = random.Random(self.options.seed)              # noqa: S311 - reproducible, not secret
        pad = "x" * self.options.bytes
        for n in range(self.options.rows):
            who, what = self.emails[n % len(self.emails)], chance.choice(ACTIONS)
            at = self.began - timedelta(minutes=7 * n + 1)
            yield {"_time": f"{at:%Y-%m-%dT%H:%M:%S}.000+00:00", "index": "helpdesk", "sourcetype": "helpdesk:audit",
                   "user": who, "_raw": self.text(f"{what} by {who} from 198.51.100.{chance.randint(1, 9)}") + pad}

    # -- the collector -----------------------------------------------------------------------------------------

    def _hec(self, code: int, **more: object) -> Answer:
        text, status = HEC[code]
        return Answer.json({"text": text, "code": code, **more}, status)

    def _collector(self, call: Call) -> Answer:
        channel = call.headers.get("x-splunk-request-channel", "") or call.get("channel")
        if channel and not re.fullmatch(GUID, channel):
            return self._hec(11)
        if (call.method, call.path) == ("POST", "/services/collector/ack"):
            return self._ack(call, channel) if self.options.ack else self._hec(14)
        if (call.method, call.path) != ("POST", "/services/collector/event"):
            return Answer.json({"text": "The requested URL was not found on this server.", "code": 404}, 404)
        if self._busy:
            self._busy -= 1
            return self._hec(9)
        if self.options.ack and not channel:
            return self._hec(10)
        return self._take(call.body.decode(errors="replace"), channel)

    def _take(self, text: str, channel: str) -> Answer:
        """Events one behind the other; those before a wrong one are kept."""
        number, text = 0, text.strip()
        if not text:
            return self._hec(5)
        while text:
            try:
                value, end = jsonlib.JSONDecoder().raw_decode(text)
            except ValueError:
                return self._hec(6, **{"invalid-event-number": number})
            text, wrong = text[end:].strip(), self._wrong(value)
            if wrong:
                return self._hec(wrong, **{"invalid-event-number": number})
            self._index(value)
            number += 1
        if not self.options.ack:
            return self._hec(0)
        acks = self._acks.setdefault(channel, {})
        acks[len(acks)] = not self.options.drops
        return self._hec(0, ackId=len(acks) - 1)

    def _wrong(self, value: Any) -> int:
        if not isinstance(value, dict) or not value.get("event"):
            return 6
        return 7 if value.get("index", "irkit") != "irkit" else 0

    def _index(self, value: dict[str, Any]) -> None:
        if self.options.drops:
            return
        at = datetime.fromtimestamp(float(value.get("time") or self.now().timestamp()), UTC)
        kept = {"_time": at.isoformat(timespec="milliseconds"), "index": "irkit",
                "sourcetype": value.get("sourcetype", "httpevent"),
                "_raw": jsonlib.dumps(value["event"], ensure_ascii=False), **value.get("fields", {})}
        self.later(self.options.lag, lambda: self.sent.append(kept))

    def _ack(self, call: Call, channel: str) -> Answer:
        mine = self._acks.get(channel, {})
        asked = call.data.get("acks", []) if isinstance(call.data, dict) else []
        told = {str(number): mine.get(number, False) for number in asked}
        for number in asked:
            mine.pop(number, None)                             # said once, and never again
        return Answer.json({"acks": told})

    # -- what tests ask ----------------------------------------------------------------------------------------

    def state(self) -> object:
        return [sorted(self.tokens), [kept["_raw"] for kept in self.sent]]

    def samples(self) -> Mapping[str, object]:
        mine = next((key for key, claims in self.tokens.items() if claims["sub"] == self.subject), "")
        since = self.began - timedelta(days=30)
        return {"search": f"search index=helpdesk user={self.emails[0]}", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "until": f"{self.began:%Y-%m-%dT%H:%M:%SZ}", "text": "The account was suspended at 02:41Z.",
                "attach": "evidence.txt", "user": self.subject, "token_id": mine}

    def credentials(self) -> Mapping[str, str]:
        return {"token": self.ready_token, "hec_token": self.hec_token}

    def more_credentials(self) -> Mapping[str, str]:
        return {"hec": self.hec_token}


def _no(status: int, kind: str, text: str) -> Answer:
    return Answer.json({"messages": [{"type": kind, "text": text}]}, status)


def _listed(found: Sequence[tuple[str, object]]) -> Answer:
    return Answer.json({"entry": [{"name": name, "content": content} for name, content in found]})


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(str(text)), UTC) if text not in (None, "") else None
    except ValueError:
        return None


def _matches(value: Mapping[str, Any], term: str) -> bool:
    name, equals, wanted = term.partition("=")
    return value.get(name) == wanted if equals and name in value else term in value["_raw"]
