"""A simulated PagerDuty account: people, delegations, incidents, events, webhooks, audit records; reproducible by its seed.

Its traps: 202 for events that are dropped, an account-level key that is nobody, audit records of one day unless asked, at most
31 days, behind a plan; integrations that no call signs out; a 429 without headers; lists that end at 10,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from irkit.worlds import options as world_options
from irkit.worlds.pagerduty import incidents, people
from irkit.worlds.pagerduty.account import Account, Obj, Options, Refusal, classic, stamp
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call, Person, World

ROUTES: Routes[Callable[[Account, Call, list[str]], Answer]] = Routes()
for part in (people.routes, incidents.routes):
    ROUTES.include(part)


class PagerDuty(World):
    """The account northwind. irkit has the key of the user "irkit"."""

    connector: ClassVar[str] = "pagerduty"
    base_url = "https://api.pagerduty.com"
    settings: Mapping[str, str] = {"region": "us", "email": "irkit@northwind.example"}
    small: ClassVar[Mapping[str, object]] = {"incidents": 3, "audit_rows": 6}
    ready_token = "world-pagerduty-key"                 # noqa: S105 - of a simulated account
    routing_key = "a" * 31 + "1"

    def build(self, given: Mapping[str, object], persons: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, given, self.connector)
        self.account = Account(self.options, self.now)
        self.account.furnish(persons, subjects)
        self._asked: list[Any] = []

    def answer(self, call: Call) -> Answer:
        try:
            return self._events(call) if call.host == "events" else self._rest(call)
        except Refusal as refusal:
            return refusal.answer()

    def _events(self, call: Call) -> Answer:
        """Events has no header: the key is in the body. A wrong one is taken all the same, and dropped."""
        data = call.data if isinstance(call.data, dict) else {}
        if call.method != "POST" or call.path != "/v2/enqueue":
            return Answer(404)
        given = data.get("routing_key")
        ours = given in (self.routing_key, self.ready_token)
        if not isinstance(given, str) or not (ours or len(given) == 32) or not data.get("event_action"):
            return Answer.json({"status": "invalid event", "message": "Event object is invalid",
                                "errors": ["Length of 'routing_key' is incorrect (should be 32 characters)"]}, 400)
        key = str(data.get("dedup_key") or "made")
        if ours and not self.options.drops_events:
            self.account.event(data, key)
        return Answer.json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _rest(self, call: Call) -> Answer:
        token = call.authorization.removeprefix("Token token=").removeprefix("Bearer ")
        if token not in (self.ready_token, "world-pagerduty-account-key"):
            raise Refusal(401, 2006, "Unauthorized")
        if self.options.limited > 0:
            self.options = self.account.options = self.options.one_less()
            raise Refusal(429, 2020, "Rate limit exceeded")
        found = ROUTES.find(call.method, call.path)
        if found is None:
            raise Refusal(404, 2100, "Not Found")
        if call.path == "/users/me":
            if token != self.ready_token:
                raise Refusal(400, 2001, "Invalid Input Provided", ["Account-level keys have no user"])
            return Answer.json({"user": self.account.users["PIRKIT1"]})
        if call.method != "GET" and call.path.startswith("/incidents") and not call.headers.get("from"):
            raise Refusal(400, 2001, "Invalid Input Provided", ["You must provide a From header"])
        handler, parts = found
        return handler(self.account, call, parts)

    def state(self) -> object:
        it = self.account
        return [it.users, it.delegations, it.incidents, it.notes, it.webhooks]

    def samples(self) -> Mapping[str, object]:
        started = self.account.began
        subject = self.account.subject
        return {"email": self.account.users[subject]["email"], "user_id": subject, "role": "read_only_user",
                "service_id": "PSVC001", "title": "Helpdesk account taken over", "summary": "Helpdesk account taken over",
                "source": "irkit", "text": "Contained at 02:41Z.", "incident_id": "PINC001", "dedup_key": "probe-1",
                "webhook_id": "PHOOK01", "enable_webhook.webhook_id": "PHOOK03",
                "collect_audit_records.since": stamp(started - timedelta(days=20)),
                "collect_audit_records.until": stamp(started)}

    def credentials(self) -> Mapping[str, str]:
        return {"token": self.ready_token, "account_key": "world-pagerduty-account-key", "routing_key": self.routing_key}

    def more_credentials(self) -> Mapping[str, str]:
        return {"events": self.routing_key}


__all__ = ["Obj", "PagerDuty", "classic"]
