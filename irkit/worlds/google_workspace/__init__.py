"""A simulated Google Workspace tenant: reproducible by its seed, with editions, privileges, lag, quotas, an attack.

Its traps: a list without rows has no list; an empty page in the middle; a log that ignores what it does not understand, clamps
its start to 180 days and is asked by the actor alone; 403 and 503 that mean "slow down"; suspension, which destroys tokens and
app passwords and locks the backup codes; administrators' changes that the log shows late; backup codes in clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from irkit.worlds import options as world_options
from irkit.worlds.google_workspace import changes, key, lists, logs, seed, signin
from irkit.worlds.google_workspace.tenant import Operations, Options, Quota, Refusal, Route, Tenant
from irkit.worlds.tokens import Grant, Tokens
from irkit.worlds.traces import Left
from irkit.worlds.world import Answer, Call, Person, World

OPERATIONS = Operations()
for part in (lists, changes, logs):
    OPERATIONS.include(part.operations)

# what moves by itself; what suspension reset is not brought back by unsuspending, and is no configuration
MOVING = ("suspensionTime", "_reset")


class GoogleWorkspace(World):
    """The tenant northwind.example. irkit acts as its administrator for incidents, through a service account."""

    connector = "google_workspace"
    base_url = "https://admin.googleapis.com"
    settings = {"subject": seed.ADMIN, "roles": "change"}             # noqa: RUF012 - nobody changes it
    small = {"rows": 12, "page": 3, "limits": False}                  # noqa: RUF012

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, options, self.connector)
        self.tokens = Tokens(self.now, f"google {self.options.seed}")
        self.tenant = Tenant(self.options, self.now())
        self.quota = Quota()
        seed.furnish(self.tenant, people, subjects)
        self.ready_token = self.tokens.issue(seed.ADMIN)

    def answer(self, call: Call) -> Answer:
        try:
            return self._answer(call)
        except Refusal as refusal:
            return refusal.answer()

    def _answer(self, call: Call) -> Answer:
        if call.method == "POST" and call.path == "/token":
            return signin.token(self.tenant, self.tokens, call, self.now())
        grant = self.tokens.find(call)
        if grant is None:
            raise Refusal(401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token.")
        found = OPERATIONS.find(call.method, call.path)
        if found is None:
            raise Refusal(404, "notFound", "Not Found")
        route, parts = found
        if self.options.limits:
            self.quota.take(call, self.now())
        self._may(grant, route, call, parts)
        return route.handler(self, call, *parts)

    def _may(self, grant: Grant, route: Route, call: Call, parts: Sequence[str]) -> None:
        """Refuse a scope that was not authorised, and what the administrator's privileges do not reach."""
        if not (grant.allows(route.scope) or grant.allows(route.scope.removesuffix(".readonly"))) \
                or self.tenant.lacks(route.scope, self.options.missing):
            raise Refusal(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        me = self.tenant.user(grant.who)
        own = route.scope == seed.USER and call.method == "GET" and parts and self.tenant.user(parts[0]) is me
        none = not me["isAdmin"] and not me["isDelegatedAdmin"]
        above = call.method != "GET" and parts and me["isDelegatedAdmin"] and (
            "/users/" in call.path and self.tenant.user(parts[0])["isAdmin"])
        if (none and not own) or above or self.tenant.lacks(route.scope, self.options.unprivileged):
            raise Refusal(403, "forbidden", "Not Authorized to access this resource/api")

    def alive(self) -> Iterable[Left]:
        return seed.alive(self.tenant)

    def state(self) -> object:
        shelves = {name: {ident: {field: value for field, value in thing.items() if field not in MOVING}
                          for ident, thing in shelf.items()} for name, shelf in self.tenant.shelves.items()}
        return [shelves, self.tenant.signed_out, self.tenant.codes]

    def credentials(self) -> Mapping[str, str]:
        return {"client_email": key.MAIL, "client_id": key.CLIENT, "subject": seed.ADMIN}

    def signs_in(self) -> tuple[str, str]:
        return "service_account", key.key_file()

    def secrets(self) -> Sequence[str]:
        return [code for codes in self.tenant.codes.values() for code in codes]

    def samples(self) -> Mapping[str, object]:
        return seed.samples(self.tenant)
