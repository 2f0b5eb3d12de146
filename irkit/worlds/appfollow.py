"""A simulated AppFollow account: users, apps, reviews with replies, credits; reproducible by its seed.

Its traps: 402 when the credits are gone, an error envelope with status 200, a DELETE that wants a JSON body, ids that change
when somebody is invited again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World

TEXTS = ("Chat never answers.", "Great app.", "Cannot sign in any more.", "Support was quick.")


class Options(Struct, frozen=True):
    """`credits`: calls that are left (0: not counted). `envelope`: errors come with status 200."""

    credits: int = 0
    envelope: bool = False
    reviews: int = 60
    page: int = 20
    seed: int = 1
    hostile: bool = False


class AppFollow(World):
    """The account northwind."""

    connector: ClassVar[str] = "appfollow"
    base_url = "https://api.appfollow.io/api/v2"
    settings: Mapping[str, str] = {"version": "v2"}
    small: ClassVar[Mapping[str, object]] = {"reviews": 7, "page": 3}
    ready_token = "world-appfollow-token"               # noqa: S105 - of a simulated account

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, self.connector)
        self.began, self._asked = self.now(), 0
        text = hostile if self.options.hostile else str
        known = list(people) or [Person("Dana Reyes", "dana@example.org", "agent")]
        known += [Person(email.partition("@")[0], email, "agent") for email in subjects.values()
                  if "@" in email and email.casefold() not in {one.email.casefold() for one in known}]
        self.users: dict[int, dict[str, Any]] = {
            100 + n: {"id": 100 + n, "name": text(one.name), "email": one.email,
                      "role": "admin" if one.role == "admin" else "support"} for n, one in enumerate(known)}
        chance = random.Random(self.options.seed)        # noqa: S311 - reproducible, not secret
        self.reviews = [{
            "id": 9000 + n, "ext_id": "1234567890", "author": text(f"reader {n}"), "content": text(chance.choice(TEXTS)),
            "date": f"{self.began - timedelta(hours=11 * n):%Y-%m-%d %H:%M:%S}", "rating": chance.randint(1, 5),
            "answer_text": text("Write to us at helpdesk.attacker.example") if n == 2 else None}
            for n in range(self.options.reviews)]

    def _no(self, status: int, words: str) -> Answer:
        return Answer.json({"error": {"msg": words}}, 200 if self.options.envelope and status != 402 else status)

    def answer(self, call: Call) -> Answer:
        token = call.headers.get("x-appfollow-api-token", "") or call.authorization.removeprefix("Bearer ")
        if token != self.ready_token:
            return self._no(401, "Invalid API token")
        self._asked += 1
        if self.options.credits and self._asked > self.options.credits:
            return self._no(402, "Not enough credits")
        path = call.path.removeprefix("/api/v2")
        if path == "/account/users":
            return self._people(call)
        if (call.method, path) == ("GET", "/account/apps"):
            return Answer.json({"apps": [{"id": 55, "title": "Northwind Shop", "count_apps": 1}]})
        if (call.method, path) == ("GET", "/reviews"):
            return self._reviews(call)
        return self._no(404, "Not found")

    def _people(self, call: Call) -> Answer:
        given = call.data if isinstance(call.data, dict) else {}
        key = int(given["id"]) if str(given.get("id", "")).isdecimal() else -1
        if call.method == "GET":
            return Answer.json(list(self.users.values()))
        if call.method == "POST" and given.get("email"):
            number = max(self.users, default=100) + 1
            self.users[number] = {"id": number, "name": given.get("name"), "email": given["email"], "role": given.get("role")}
            return Answer.json(self.users[number])
        if key not in self.users or given.get("email") != self.users[key]["email"]:
            return self._no(403, "No such user")
        if call.method == "DELETE":
            del self.users[key]
            return Answer.json({"status": "ok"})
        self.users[key].update({name: given[name] for name in ("name", "role") if name in given})
        return Answer.json(self.users[key])

    def _reviews(self, call: Call) -> Answer:
        page = int(call.get("page", "1"))
        rows = [one for one in self.reviews if one["ext_id"] == call.get("ext_id")
                and call.get("from") <= str(one["date"])[:10] <= call.get("to")]
        size = self.options.page
        return Answer.json({"reviews": rows[(page - 1) * size:page * size], "pages_count": max(1, -(-len(rows) // size))})

    def state(self) -> object:
        return sorted((one["email"], one["name"], one["role"]) for one in self.users.values())

    def samples(self) -> Mapping[str, object]:
        first = next(iter(self.users.values()))
        return {"email": first["email"], "user_id": str(first["id"]), "role": "viewer", "name": "Sam Ng",
                "add_user.email": "sam@example.org", "ext_id": "1234567890",
                "since": f"{self.began - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}", "until": f"{self.began:%Y-%m-%dT%H:%M:%SZ}"}

    def credentials(self) -> Mapping[str, str]:
        return {"token": self.ready_token}
