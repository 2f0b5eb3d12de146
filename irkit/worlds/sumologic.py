"""A simulated Sumo Logic organisation: search jobs, an HTTP source, access keys; reproducible by its seed.

Its traps: a job without its cookie, or not asked for 30 seconds, is a 404; it stops at a number of messages (FORCE PAUSED);
warnings are told once; pages come shorter than asked; another deployment is a 301; a full budget answers 200 and drops.
"""

from __future__ import annotations

import json as jsonlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World

ACTIONS = ("login", "export_tickets", "view_ticket", "change_role", "create_api_token")
IDLE = 30.0                        # seconds without a poll until a job is cancelled
GONE = (404, "searchjob.jobid.invalid", "Job ID is invalid.")


class Options(Struct, frozen=True):
    """`rows` of the helpdesk's log. `most`: messages until a job is paused. `page`: the longest page. `seconds` of a job.

    `short`: so many messages are counted and not given. `warns`: a warning, told once. `fails`: an error, too. `plan`: with
    search jobs, or without. `capability`: the key may download results. `moved`: the account is in another deployment.
    `drops`: a budget is full. `lag`: seconds until a line can be found. `cookies`: a job wants the cookie it gave.
    """

    rows: int = 300
    most: int = 100_000
    page: int = 10_000
    seconds: int = 25
    short: int = 0
    warns: bool = False
    fails: bool = False
    plan: Literal["enterprise", "essentials"] = "enterprise"
    capability: bool = True
    moved: bool = False
    drops: bool = False
    lag: int = 8
    cookies: bool = True
    seed: int = 1
    hostile: bool = False


@dataclass
class Job:
    """A search under way. `cookie`: the session it belongs to; "" where none was asked for."""

    found: list[dict[str, Any]]
    records: list[dict[str, Any]]
    begun: datetime
    asked: datetime
    cookie: str
    told: bool = False


class SumoLogic(World):
    """The organisation northwind in us2. irkit's key is suIRKIT."""

    connector: ClassVar[str] = "sumologic"
    base_url = "https://api.us2.sumologic.com/api/v1"
    settings: Mapping[str, str] = {"deployment": "us2", "source": "endpoint1.collection.sumologic.com",
                                   "access_id": "suIRKIT"}
    small: ClassVar[Mapping[str, object]] = {"rows": 6, "page": 4, "most": 5, "seconds": 5, "lag": 0}
    ready_token = "world-sumologic-key"                       # noqa: S105 - of a simulated organisation
    source_code = "ZaVnC4dhaV-world-source"

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, self.connector)
        self.began = self.now()
        self.text: Callable[[str], str] = hostile if self.options.hostile else str
        emails = [*subjects.values(), *(one.email for one in people)]
        self.emails = [one for one in emails if "@" in one] or ["dana@example.org"]
        self.jobs: dict[str, Job] = {}
        self._jobs = 0
        self.lines: list[dict[str, Any]] = []
        self.logs = self._rows()
        owners = [("suIRKIT", "irkit", "000000000000A001"), ("suEXPORT", "export script", "000000000000A002"),
                  ("suOLD", "left over", "000000000000A002"), ("suOFF", "turned off", "000000000000A001")]
        self.keys: dict[str, dict[str, Any]] = {
            key: {"id": key, "label": self.text(label), "corsHeaders": ["https://northwind.example"] if key == "suOLD" else [],
                  "disabled": key == "suOFF", "createdBy": owner,
                  "createdAt": f"{self.began - timedelta(days=40):%Y-%m-%dT%H:%M:%SZ}"}
            for key, label, owner in owners}

    def _rows(self) -> list[dict[str, Any]]:
        chance = random.Random(self.options.seed)              # noqa: S311 - reproducible, not secret
        made = []
        for n in range(self.options.rows):
            happened = self.began - timedelta(minutes=9 * n + 2)
            who = self.emails[n % len(self.emails)]
            text = self.text(f"{chance.choice(ACTIONS)} by {who} from 198.51.100.{chance.randint(1, 9)}")
            made.append(_message(n, text, happened, happened + timedelta(seconds=chance.randint(1, 90)), "helpdesk/audit"))
        return made

    # -- who asks ----------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        if call.host == "source":
            return self._source(call)
        path = call.path.removeprefix("/api/v1")
        drilled = call.authorization == f"Bearer {self.ready_token}"
        if self.options.moved:
            return Answer(301, {"location": f"https://api.de.sumologic.com/api/v1{path}"})
        if not drilled and call.basic != ("suIRKIT", self.ready_token):
            return self._no(401, "unauthorized", "Credential could not be verified.")
        if path.startswith("/search/jobs"):
            return self._search(call, path, drilled)
        if (call.method, path) == ("GET", "/collectors"):
            return Answer.json({"collectors": [{"id": 1, "name": "northwind", "collectorType": "Hosted"}]})
        if path.startswith("/accessKeys"):
            return self._access(call, path.removeprefix("/accessKeys").strip("/"))
        return self._no(404, "not.found", "Not found.")

    def _no(self, status: int, code: str, message: str) -> Answer:
        return Answer.json({"status": status, "id": "NORTH-00001-WIND", "code": code, "message": message}, status)

    # -- search jobs -------------------------------------------------------------------------------------------

    def _search(self, call: Call, path: str, drilled: bool) -> Answer:
        if self.options.plan != "enterprise" or not self.options.capability:
            return self._no(403, "forbidden", "This operation is not allowed for your account type or your role.")
        parts = path.strip("/").split("/")[2:]
        if not parts:
            return self._begin(call, drilled) if call.method == "POST" else self._no(405, "method", "Method not allowed.")
        job = self._job(parts[0], call)
        if job is None:
            return self._no(*GONE)
        if call.method == "DELETE":
            del self.jobs[parts[0]]
            return Answer.json({"id": parts[0]})
        job.asked = self.now()
        if parts[1:] == []:
            return self._status(job)
        return self._page(call, job, parts[1])

    def _job(self, key: str, call: Call) -> Job | None:
        """The job, while somebody asks for it, and asks with its cookie."""
        job = self.jobs.get(key)
        if job is None or (self.now() - job.asked).total_seconds() > IDLE:
            self.jobs.pop(key, None)
            return None
        return None if job.cookie and f"session={job.cookie}" not in call.headers.get("cookie", "") else job

    def _begin(self, call: Call, drilled: bool) -> Answer:
        asked = call.data if isinstance(call.data, dict) else {}
        since, until = (_moment(asked.get(name)) for name in ("from", "to"))
        if since is None or until is None or since >= until:
            return self._no(400, "searchjob.invalid.timestamp.from", "The from and to timestamps are not valid.")
        by = "_receipttime" if asked.get("byReceiptTime") is True else "_messagetime"
        terms = re.findall(r'"([^"]+)"|([^\s"|]+)', str(asked.get("query", "")).partition("|")[0])
        wanted = [quoted or bare for quoted, bare in terms if (quoted or bare) not in ("*", "AND")]
        found = [one for one in (*self.logs, *self.lines)
                 if since.timestamp() * 1000 <= int(one["map"][by]) < until.timestamp() * 1000
                 and all(_matches(one["map"], term) for term in wanted)]
        records = [{"map": {"_count": str(len(found))}}] if "| count" in str(asked.get("query", "")) else []
        self._jobs += 1
        key, cookie = f"{self._jobs:016X}", "" if drilled or not self.options.cookies else f"s{self._jobs}"
        self.jobs[key] = Job(found, records, self.now(), self.now(), cookie)
        headers = {"set-cookie": f"session={cookie}; Path=/; Secure; HttpOnly"} if cookie else {}
        return Answer.json({"id": key, "link": {"rel": "self", "href": f"{self.address()}/search/jobs/{key}"}}, 202,
                           {"location": f"{self.address()}/search/jobs/{key}", **headers})

    def _status(self, job: Job) -> Answer:
        passed = (self.now() - job.begun).total_seconds()
        paused = len(job.found) > self.options.most
        done = passed >= self.options.seconds
        state = ("NOT STARTED" if not passed and not done else "GATHERING RESULTS" if not done else
                 "FORCE PAUSED" if paused else "DONE GATHERING RESULTS")
        share = 1.0 if done else passed / self.options.seconds
        tell, job.told = not job.told, True
        return Answer.json({"state": state, "messageCount": int(min(len(job.found), self.options.most) * share),
                            "recordCount": len(job.records) if done else 0, "histogramBuckets": [],
                            "pendingWarnings": ["1 partition was slow"] if tell and self.options.warns else [],
                            "pendingErrors": ["a partition could not be read"] if tell and self.options.fails else []})

    def _page(self, call: Call, job: Job, what: str) -> Answer:
        listed = {"messages": job.found[:self.options.most], "records": job.records}.get(what)
        if listed is None or not call.get("offset").isdecimal() or not call.get("limit").isdecimal():
            return self._no(400, "searchjob.invalid", "offset and limit are needed.")
        offset, limit = int(call.get("offset")), min(int(call.get("limit")), self.options.page)
        end = len(listed) - (self.options.short if what == "messages" else 0)
        return Answer.json({"fields": [], what: listed[offset:min(offset + limit, max(end, 0))]})

    # -- the HTTP source ---------------------------------------------------------------------------------------

    def _source(self, call: Call) -> Answer:
        code = call.path.removeprefix("/receiver/v1/http/")
        if code not in (self.source_code, self.ready_token):
            return Answer(401)
        if call.method != "POST":
            return Answer(405)
        for line in call.body.decode(errors="replace").splitlines() if not self.options.drops else ():
            self._store(line, call.headers.get("x-sumo-category", ""))
        return Answer(200)

    def _store(self, line: str, category: str) -> None:
        now = self.now()
        kept = _message(10**6 + len(self.lines), line, now, now, category)
        self.later(self.options.lag, lambda: self.lines.append(kept))

    # -- access keys -------------------------------------------------------------------------------------------

    def _access(self, call: Call, key: str) -> Answer:
        if call.method == "GET" and key in ("", "personal"):
            mine = [one for one in self.keys.values() if not key or one["id"] == "suIRKIT"]
            at = int(call.get("token") or 0)
            size = min(int(call.get("limit") or 100), 2 if self.options.page < 10 else 100)
            after = {"next": str(at + size)} if at + size < len(mine) else {}
            return Answer.json({"data": mine[at:at + size], **after})
        if key not in self.keys:
            missing = {"code": "accesskey:not_found", "message": "No such key."}
            return Answer.json({"id": "NORTH-00002-WIND", "errors": [missing]}, 404)
        if call.method == "DELETE":
            del self.keys[key]
            return Answer(204)
        given = call.data
        if call.method != "PUT" or not isinstance(given, dict) or not isinstance(given.get("disabled"), bool):
            return Answer.json({"id": "NORTH-00003-WIND", "errors": [{"code": "bad", "message": "disabled is required."}]}, 400)
        self.keys[key] |= {"disabled": given["disabled"], "corsHeaders": given.get("corsHeaders", [])}
        return Answer.json(self.keys[key])

    # -- what tests ask ----------------------------------------------------------------------------------------

    def state(self) -> object:
        return [self.keys, [one["map"]["_raw"] for one in self.lines]]

    def samples(self) -> Mapping[str, object]:
        since = self.began - timedelta(hours=1)
        return {"query": "_sourceCategory=helpdesk/audit", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "until": f"{self.began:%Y-%m-%dT%H:%M:%SZ}", "text": "The account was suspended at 02:41Z.",
                "attach": "evidence.txt", "key_id": "suOLD", "enable_access_key.key_id": "suOFF"}

    def credentials(self) -> Mapping[str, str]:
        return {"access_id": "suIRKIT", "access_key": self.ready_token, "source": self.source_code}

    def signs_in(self) -> tuple[str, str]:
        return "access_key", self.ready_token

    def more_credentials(self) -> Mapping[str, str]:
        return {"source": self.source_code}


def _message(number: int, text: str, happened: datetime, received: datetime, category: str) -> dict[str, Any]:
    return {"map": {"_raw": text, "_messageid": str(number), "_messagetime": str(int(happened.timestamp() * 1000)),
                    "_receipttime": str(int(received.timestamp() * 1000)), "_sourcecategory": category}}


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _matches(one: Mapping[str, str], term: str) -> bool:
    name, equals, wanted = term.partition("=")
    if equals and name.lower() in one:
        return one[name.lower()] == wanted
    return term in one["_raw"] or term in jsonlib.dumps(one["_raw"])
