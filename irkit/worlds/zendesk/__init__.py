"""A simulated Zendesk account: stateful, reproducible by its seed, with plans, rate limits, lag and seeded attacks.

Its own calls do not show in the access log, which in life lags by more than an incident's first hour; what it changes does
show in the audit log. Ask for the options with a wrong one, or read `Options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from irkit.worlds import options as world_options
from irkit.worlds.traces import Left
from irkit.worlds.world import Answer, Call, Person, World
from irkit.worlds.zendesk import connected, grants, logs, people, tickets
from irkit.worlds.zendesk.attacks import alive, cast, strike
from irkit.worlds.zendesk.door import Limits, authenticate, check
from irkit.worlds.zendesk.history import SITE
from irkit.worlds.zendesk.samples import samples
from irkit.worlds.zendesk.seed import furnish
from irkit.worlds.zendesk.state import BREAK_GLASS, Obj, Options, Tenant, without_moving
from irkit.worlds.zendesk.visit import Operations, Refusal, Visit

OPERATIONS = Operations()
for part in (people, grants, connected, logs, tickets):
    OPERATIONS.include(part.operations)


class Zendesk(World):
    """The account northwind-drill. irkit's own user in it is "ir-break-glass", an administrator."""

    connector = "zendesk"
    small = {"agents": 4, "tickets": 30, "rows": 60, "audit_rows": 40}      # noqa: RUF012 - nobody changes it
    base_url = SITE

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, options, self.connector)
        self.tenant = Tenant(self.options, self.now())
        self._limits = Limits(self.options.plan)
        everybody, subject = cast(self.options, people, dict(subjects))
        furnish(self.tenant, everybody)
        strike(self.tenant, subject)
        self.ready_token = self._own(self.tenant.tokens)["_value"]

    def _own(self, shelf: Mapping[str, Obj]) -> Obj:
        """The thing on that shelf that belongs to irkit's own user."""
        own = self.tenant.known(BREAK_GLASS)["id"]
        return next(thing for thing in shelf.values() if thing["user_id"] == own)

    def answer(self, call: Call) -> Answer:
        path = call.path.removesuffix(".json")
        newer = path.startswith(("/api/v2/access_logs", "/api/v2/webhooks"))
        try:
            return self._answer(call, path)
        except Refusal as refusal:
            return refusal.answer(self.tenant, newer)

    def _answer(self, call: Call, path: str) -> Answer:
        if (call.method, path) == ("POST", "/oauth/tokens"):
            return grants.issue(Visit(self, self.tenant, call, people.ANONYMOUS))
        caller, token = authenticate(self.tenant, call, self.now())
        visit = Visit(self, self.tenant, call, caller, token)
        found = OPERATIONS.find(call.method, path)
        if found is None:
            raise Refusal(404, "InvalidEndpoint", "Not found")
        route, parts = found
        updated = parts[0] if route.handler is people.update_user else ""
        headers = self._limits.take(route, self.now(), updated) if self.options.limits else {}
        check(visit, route)
        answer = route.handler(visit, *parts)
        return Answer(answer.status, {**answer.headers, **headers}, answer.body)

    def alive(self) -> Iterable[Left]:
        return alive(self.tenant)

    def state(self) -> object:
        t = self.tenant
        shelves = (t.users, t.identities, t.sessions, t.custom_roles, t.tokens, t.clients, t.global_clients, t.api_tokens,
                   t.apps, t.webhooks, t.targets, t.triggers, t.automations, t.recipient_addresses, t.deleted_tickets,
                   t.groups, t.memberships, t.deleted_users, t.sharing_agreements)
        return [[without_moving(thing) for _, thing in sorted(shelf.items())] for shelf in shelves] + [t.security]

    def credentials(self) -> Mapping[str, str]:
        client = self._own(self.tenant.clients)
        legacy = next(iter(self.tenant.api_tokens.values()))
        return {"token": self.ready_token, "client_id": client["identifier"], "client_secret": client["_secret"],
                "email": BREAK_GLASS, "api_token": legacy["_value"]}

    def secrets(self) -> Sequence[str]:
        t = self.tenant
        return [*(app["settings"]["api_key"] for app in t.apps.values()), *(c["secret"] for c in t.clients.values()),
                *(hook["authentication"]["data"]["token"] for hook in t.webhooks.values())]

    def samples(self) -> Mapping[str, object]:
        return samples(self.tenant)
