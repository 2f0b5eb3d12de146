"""A simulated Freshdesk account: reproducible by its seed, with plans, rate limits, rights, an attack.

Its traps: a ticket list without `updated_since` that stops at 30 days, one that the caller's own scope shortens in silence,
tickets that move while they are listed, no page 301, rows without roles, a filter that is ignored, a Free plan whose limit is
0, invalid calls that count, an agent who cannot change their own roles, assignments that are lost for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from irkit.worlds import options as world_options
from irkit.worlds.freshdesk import changes, lists, seed
from irkit.worlds.freshdesk.samples import samples
from irkit.worlds.freshdesk.tenant import DENIED, Limits, Obj, Operations, Options, Refusal, Tenant, Visit
from irkit.worlds.traces import Left
from irkit.worlds.world import Answer, Call, Person, World

OPERATIONS = Operations()
for part in (lists, changes):
    OPERATIONS.include(part.operations)

NOBODY = b"<!DOCTYPE html><title>Page not found</title><p>There is no helpdesk here."
STANDING = ("ticket_scope", "role_ids", "group_ids", "skill_ids", "occasional", "type", "deactivated")
MOVING = ("created_at", "updated_at", "last_updated_by")


def _still(thing: Obj) -> Obj:
    return {key: value for key, value in thing.items() if key not in MOVING}


class Freshdesk(World):
    """The account northwind-drill. irkit's own agent in it is "ir-break-glass", an account administrator."""

    connector = "freshdesk"
    base_url = "https://northwind-drill.freshdesk.com"
    settings = {"subdomain": "northwind-drill"}                       # noqa: RUF012 - nobody changes it
    small = {"tickets": 18, "page": 5, "limits": False}               # noqa: RUF012

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, options, self.connector)
        self.tenant = Tenant(self.options, self.now())
        self.limits = Limits(self.options.plan)
        seed.furnish(self.tenant, people, subjects)
        self.ready_token = self.tenant.shelves["agents"][self.tenant.own]["_key"]

    def answer(self, call: Call) -> Answer:
        headers: dict[str, str] = {}
        try:
            if not self.options.domain:
                return Answer(404, {"content-type": "text/html"}, NOBODY)
            if self.options.limits or self.options.plan == "free":
                headers = self.limits.take(call, self.now())
            answer = self._answer(call)
        except Refusal as refusal:
            answer = refusal.answer()
        return Answer(answer.status, {**answer.headers, **headers}, answer.body)

    def _answer(self, call: Call) -> Answer:
        caller = self._caller(call)
        found = OPERATIONS.find(call.method, call.path)
        if found is None:
            raise Refusal(404, "", "")
        route, parts = found
        plain = self.tenant.role("Agent") in caller["role_ids"]
        if route.needs and (plain or route.needs in self.options.missing.split(",")):
            raise Refusal(*DENIED)
        return route.handler(Visit(self, call, caller), *parts)

    def _caller(self, call: Call) -> Obj:
        """The agent whose key it is, as the user name of Basic with any password."""
        scheme, _, value = call.authorization.partition(" ")
        key = value if scheme.lower() == "bearer" else call.basic[0]
        for agent in self.tenant.shelves["agents"].values():
            if key and agent["_key"] == key:
                return agent
        raise Refusal(401, "invalid_credentials", "You have to be logged in to perform this action.")

    def alive(self) -> Iterable[Left]:
        return seed.alive(self.tenant)

    def state(self) -> object:
        """Without ticket assignments, which no undo brings back, and without times."""
        t = self.tenant
        agents = {key: [one["contact"]["email"], *(one[name] for name in STANDING)] for key, one in t.shelves["agents"].items()}
        others = {name: {key: _still(thing) for key, thing in shelf.items()} for name, shelf in t.shelves.items()
                  if name not in ("agents", "contacts")}
        contacts = {key: [one["email"], one["deleted"]] for key, one in t.shelves["contacts"].items()}
        return [agents, contacts, others, sorted(t.bcc), {key: one["deleted"] for key, one in t.tickets.items()}]

    def credentials(self) -> Mapping[str, str]:
        return {"subdomain": "northwind-drill", "api_key": self.ready_token,
                "agent_key": self.tenant.agent("robin@example.org")["_key"]}

    def signs_in(self) -> tuple[str, str]:
        return "api_key", self.ready_token

    def secrets(self) -> Sequence[str]:
        t = self.tenant
        hooks = [part for rule in t.shelves["rules"].values() for part in rule["actions"] if "api_key" in part]
        return [*(hook["api_key"] for hook in hooks), *(hook["auth_header"]["password"] for hook in hooks),
                *(hook["custom_headers"]["X-Token"] for hook in hooks),
                *(thing["download_url"] for name in ("exports", "jobs") for thing in t.shelves[name].values())]

    def samples(self) -> Mapping[str, object]:
        return samples(self.tenant)
