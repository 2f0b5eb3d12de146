"""A host without a connector: keeps what is put at a path, and gives it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World


class Options(Struct, frozen=True):
    hostile: bool = False


class Host(World):
    """Resources by path. `/things/7` is there from the beginning."""

    connector: ClassVar[str] = "http"
    settings: Mapping[str, str] = {"host": "api.northwind.example", "user": "ir"}
    base_url = "https://api.northwind.example"
    ready_token = "world-http-token"                    # noqa: S105 - of a simulated host

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, "http")
        self.things = {"/things/7": b'{"id": 7, "state": "on"}'}

    def answer(self, call: Call) -> Answer:
        if call.authorization != f"Bearer {self.ready_token}" and call.headers.get("x-api-key") != self.ready_token:
            return Answer.json({"error": "who are you?"}, 401)
        if call.method == "GET":
            found = self.things.get(call.path)
            if found is None:
                return Answer.json({"error": "not found"}, 404)
            if self.options.hostile:
                found += hostile("why").encode("utf-8", "replace")
            return Answer(200, {"content-type": "application/json"}, found)
        if call.method == "DELETE":
            self.things.pop(call.path, None)
            return Answer(204)
        self.things[call.path] = call.body
        return Answer(200, {"content-type": "application/json"}, call.body)

    def state(self) -> object:
        return {path: body.decode("utf-8", "replace") for path, body in sorted(self.things.items())}

    def samples(self) -> Mapping[str, object]:
        return {"path": "/things/7", "method": "PUT", "request.body": '{"id": 7, "state": "off"}', "request.look": "/things/7",
                "request.shows": '"off"'}

    def credentials(self) -> Mapping[str, str]:
        return {"token": self.ready_token}
