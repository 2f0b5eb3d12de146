"""A simulated Okta org: reproducible by its seed, with scopes and roles, late log events, rate limits by the minute, an attack.

Its traps: ACTIVE accounts alone can be suspended, API tokens outlive everything but their own deletion, OAuth tokens outlive a
session unless it is said, a log query without `until` never ends, what is older than 90 days is left out in silence, an empty
page is no end, a filter compares letters by their case, answers that bear a live link or password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from irkit.worlds import options as world_options
from irkit.worlds.okta import changes, lists, seed, signin
from irkit.worlds.okta.tenant import DENIED, NO_FEATURE, Obj, Operations, Options, Refusal, Route, Tenant, Throttle
from irkit.worlds.tokens import Grant, Tokens
from irkit.worlds.traces import Left
from irkit.worlds.world import Answer, Call, Person, World

OPERATIONS = Operations()
for part in (lists, changes):
    OPERATIONS.include(part.operations)

MOVING = ("created", "lastUpdated", "statusChanged", "lastLogin", "passwordChanged", "lastMembershipUpdated")


class Okta(World):
    """The org northwind-drill. irkit is a service app in it, or the owner of an API token, "Break Glass"."""

    connector = "okta"
    base_url = f"https://{seed.ORG}"
    settings = {"org": seed.ORG, "client_id": seed.CLIENT, "key_id": seed.KEY}      # noqa: RUF012 - nobody changes it
    small = {"rows": 12, "page": 3, "limits": False}                                # noqa: RUF012

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, options, self.connector)
        self.tokens = Tokens(self.now, f"okta {self.options.seed}")
        self.tenant = Tenant(self.options, self.now())
        self.throttle = Throttle(self.options.busy)
        seed.furnish(self.tenant, people, subjects)
        self._samples = seed.samples(self.tenant)      # of the org as it was: later some of it is gone
        self.ready_token = self.tokens.issue("app")
        self.api_token = self.tokens.issue("person")

    def person(self, call: Call) -> Obj | None:
        """Whose API token it is; None for the app."""
        grant = self.tokens.find(call, "SSWS")
        return self.tenant.user(seed.BREAK_GLASS) if grant and grant.who == "person" else None

    def answer(self, call: Call) -> Answer:
        try:
            if call.method == "POST" and call.path == signin.PATH:
                return signin.token(self.tokens, call, self.now(), self.options, self.address())
            if call.path == "/.well-known/okta-organization":
                return Answer.json({"id": self.tenant.id("00o", "org"), "_links": {"organization": {"href": self.address()}},
                                    "pipeline": "idx" if self.options.engine == "oie" else "v1"})
            budget = self.throttle.take(call.path, self.now()) if self.options.limits else {}
            answer = self._answer(call)
            return replace(answer, headers={**budget, **answer.headers})
        except Refusal as refusal:
            return refusal.answer(self.now())

    def _answer(self, call: Call) -> Answer:
        grant = self.tokens.find(call, "SSWS")
        if grant is None or not self._lives(grant):
            raise Refusal(401, "E0000011", "Invalid token provided")
        found = OPERATIONS.find(call.method, call.path)
        if found is None:
            raise Refusal(404, "E0000022", "The endpoint does not support the provided HTTP method")
        route, parts = found
        self._allow(grant, route)
        return route.handler(self, call, *parts)

    def _lives(self, grant: Grant) -> bool:
        """An API token lives while it is listed and its owner is not deactivated."""
        owner = self.tenant.user(seed.BREAK_GLASS)
        return grant.who != "person" or (owner["status"] != "DEPROVISIONED" and bool(self.tenant.of("api_tokens", owner["id"])))

    def _allow(self, grant: Grant, route: Route) -> None:
        if grant.who == "app" and (route.scope in self.options.missing.split(",") or not grant.allows(route.scope)):
            raise Refusal(403, *DENIED, headers={"www-authenticate": (
                f'Bearer realm="okta", scope="{route.scope}", error="insufficient_scope", error_description="The access token '
                'provided does not contain the required scopes."')})
        if not self.options.role or (route.super_admin and self.options.role != "SUPER_ADMIN"):
            raise Refusal(403, *DENIED)
        if route.engine and self.options.engine == "classic":
            raise Refusal(403, *NO_FEATURE)

    def alive(self) -> Iterable[Left]:
        return seed.alive(self.tenant)

    def state(self) -> object:
        shelves = {name: {key: {field: value for field, value in thing.items() if field not in MOVING}
                          for key, thing in shelf.items()} for name, shelf in self.tenant.shelves.items()}
        return [shelves, self.tenant.logged_out]

    def secrets(self) -> Sequence[str]:
        return tuple(self.tenant.secrets)

    def credentials(self) -> Mapping[str, str]:
        return {**self.settings, "api_token": self.api_token, "private_key": "any RSA key: a world checks no signature"}

    def signs_in(self) -> tuple[str, str]:
        return "ssws", self.api_token

    def samples(self) -> Mapping[str, object]:
        return self._samples
