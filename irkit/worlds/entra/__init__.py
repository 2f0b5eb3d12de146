"""A simulated Entra tenant behind Microsoft Graph: reproducible by its seed, with licences, roles, lag, throttling, an attack.

Its traps: properties that come only when selected, empty pages in the middle of a list, a 403 for privileged people where the
app holds no role, v1.0 sign-ins without those by token, a watermark that moves late, a default method that must go last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from irkit.worlds import options as world_options
from irkit.worlds.entra import changes, lists, seed, signin
from irkit.worlds.entra.tenant import Operations, Options, Refusal, Tenant, Throttle
from irkit.worlds.tokens import Tokens
from irkit.worlds.traces import Left
from irkit.worlds.world import Answer, Call, Person, World

OPERATIONS = Operations()
for part in (lists, changes):
    OPERATIONS.include(part.operations)
PERMISSIONS = OPERATIONS.permissions()

# `sessions_moved` counts in the place of the watermark
MOVING = ("createdDateTime", "riskLastUpdatedDateTime", "signInSessionsValidFromDateTime")


class Entra(World):
    """The tenant northwind-drill. irkit is the app "irkit incident response" in it."""

    connector = "entra"
    base_url = "https://graph.microsoft.com"
    settings = {"tenant": seed.TENANT, "client_id": seed.CLIENT}      # noqa: RUF012 - nobody changes it
    small = {"rows": 12, "page": 3, "limits": False}                  # noqa: RUF012

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, options, self.connector)
        self.tokens = Tokens(self.now, f"entra {self.options.seed}")
        self.tenant = Tenant(self.options, self.now())
        self.throttle = Throttle()
        seed.furnish(self.tenant, people, subjects)
        seed.grant(self.tenant, PERMISSIONS)
        self.ready_token = self.tokens.issue("irkit")

    def answer(self, call: Call) -> Answer:
        try:
            return self._answer(call)
        except Refusal as refusal:
            return refusal.answer(self.now())

    def _answer(self, call: Call) -> Answer:
        if call.method == "POST" and call.path.endswith("/oauth2/v2.0/token"):
            return signin.token(self.tokens, call, self.now(), self.options.credential)
        if self.tokens.find(call) is None:
            raise Refusal(401, "InvalidAuthenticationToken", "Access token is empty, unknown or has expired.")
        found = OPERATIONS.find(call.method, call.path)
        if found is None:
            raise Refusal(400, "BadRequest", f"Resource not found for the segment '{call.path.rpartition('/')[2]}'.")
        route, parts = found
        if self.options.limits:
            self.throttle.take(call.path, self.now())
        if not self.granted(route.permission):
            raise Refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if route.plan and self.options.plan not in (route.plan, "p2"):
            raise Refusal(403, *route.refusal)
        return route.handler(self, call, *parts)

    def granted(self, permission: str) -> bool:
        """Whether irkit's app has it: what may write may read, too."""
        either = {permission, permission.replace(".Read.", ".ReadWrite.")} & set(PERMISSIONS)
        return not either <= set(self.options.missing.split(","))

    def alive(self) -> Iterable[Left]:
        return seed.alive(self.tenant)

    def state(self) -> object:
        shelves = {name: {key: {field: value for field, value in thing.items() if field not in MOVING}
                          for key, thing in shelf.items()} for name, shelf in self.tenant.shelves.items()}
        return [shelves, self.tenant.sessions_moved]

    def credentials(self) -> Mapping[str, str]:
        return {"tenant": seed.TENANT, "client_id": seed.CLIENT, "client_secret": seed.SECRET}

    def signs_in(self) -> tuple[str, str]:
        return "client_secret", seed.SECRET

    def samples(self) -> Mapping[str, object]:
        return seed.samples(self.tenant)
