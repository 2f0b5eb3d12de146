"""What a simulated Zendesk account holds: dicts as the vendor returns them, of which keys that begin with `_` stay inside."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from irkit.worlds.hostile import hostile
from irkit.worlds.log import Log, mix

Obj = dict[str, Any]

BREAK_GLASS = "ir-break-glass@northwind.example"
OWNER = "owner@northwind.example"
OFFICE = "198.51.100."           # where the account's own people work (RFC 5737 addresses)
TUNNEL = OFFICE + "250"          # the account's own way in from outside: to Zendesk, whoever comes through it is in the office
FAR = "203.0.113.77"             # where the intruder is
TICKET_ACCESS = timedelta(days=90)


class Options(Struct, frozen=True):
    """Options of the Zendesk world, as a scenario's `worlds: {zendesk: {...}}` gives them."""

    plan: Literal["team", "professional", "enterprise"] = "enterprise"
    adpp: bool = True                      # the add-on that brings the access log
    seed: int = 1
    agents: int = 20
    tickets: int = 500
    attack: Literal["", "bulk_export", "admin_takeover", "api_token_leak", "stale_integration",
                    "settings_takeover", "token_spree", "har_harvest", "vendor_team"] = ""
    subject: str = ""                      # e-mail of the attacked account
    rows: int = 3000                       # routine rows of the access log
    audit_rows: int = 600                  # routine rows of the audit log
    lag: int = 0                           # seconds until an asynchronous or cached change shows
    sso: bool = False                      # an identity provider signs whoever is not suspended straight in again
    limits: bool = True                    # rate limits
    hostile: bool = False                  # hostile text in every field that somebody can write


class Tenant:
    """The account. `epoch` is when the attack was noticed: the world's `now` while it was built."""

    def __init__(self, options: Options, epoch: datetime) -> None:
        self.options, self.epoch = options, epoch
        self.random = random.Random(options.seed)       # noqa: S311 - reproducible, not secret
        self._last_id = 11_000_000_000_000 + mix(options.seed) % 10**9
        self.users: dict[str, Obj] = {}
        self.identities: dict[str, Obj] = {}
        self.sessions: dict[str, Obj] = {}
        self.custom_roles: dict[str, Obj] = {}
        self.tokens: dict[str, Obj] = {}
        self.clients: dict[str, Obj] = {}
        self.global_clients: dict[str, Obj] = {}
        self.api_tokens: dict[str, Obj] = {}
        self.apps: dict[str, Obj] = {}
        self.webhooks: dict[str, Obj] = {}
        self.invocations: dict[str, list[Obj]] = {}
        self.targets: dict[str, Obj] = {}
        self.triggers: dict[str, Obj] = {}
        self.automations: dict[str, Obj] = {}
        self.recipient_addresses: dict[str, Obj] = {}
        self.sharing_agreements: dict[str, Obj] = {}
        self.deleted_tickets: dict[str, Obj] = {}
        self.deleted_users: dict[str, Obj] = {}
        self.groups: dict[str, Obj] = {}
        self.memberships: dict[str, Obj] = {}
        self.customers: list[int] = []                  # ids of those who write tickets
        self.jobs: dict[str, Obj] = {}
        self.security: Obj = {}
        self.planted: dict[str, list[str]] = {}         # what the attack put here: keys by shelf
        self.access_log: Log
        self.audit_log: Log
        self.ticket_events: Log

    def new_id(self) -> int:
        self._last_id += 1 + mix(self._last_id) % 97
        return self._last_id

    def secret(self, name: str, length: int = 40) -> str:
        """A live secret of the account, by name: the same seed gives the same one."""
        first, seed = zlib.crc32(name.encode()) << 8, self.options.seed
        return "".join([f"{mix(first + n, seed):016x}" for n in range(-(-length // 16))])[:length]

    def words(self, plain: str) -> str:
        """Text that somebody typed, which a hostile world wraps in something hostile."""
        return hostile(plain) if self.options.hostile else plain

    def add(self, shelf: dict[str, Obj], thing: Obj) -> Obj:
        thing.setdefault("id", self.new_id())
        shelf[str(thing["id"])] = thing
        return thing

    def person(self, email: str) -> Obj | None:
        return next((user for user in self.users.values() if user["email"] == email.lower()), None)

    def known(self, email: str) -> Obj:
        """The user of an address that every account has."""
        found = self.person(email)
        assert found, email
        return found

    def ago(self, **delta: float) -> datetime:
        return self.epoch - timedelta(**delta)

    def audit(self, at: datetime, actor: Obj, action: str, source: tuple[str, object, str], change: str = "",
              ip: str = OFFICE + "20") -> None:
        """Write one row of the audit log; `source` is (type, id, label)."""
        kind, number, label = source
        self.audit_log.plant(at, {
            "id": self.new_id(), "action": action, "action_label": action.capitalize(), "actor_id": actor["id"],
            "actor_name": actor["name"], "change_description": change, "created_at": stamp(at), "ip_address": ip,
            "source_id": number, "source_label": label, "source_type": kind})

    def ticket(self, number: int) -> Obj | None:
        """A ticket that is not deleted: a pure function of (seed, number)."""
        if not 1 <= number <= self.options.tickets or str(number) in self.deleted_tickets:
            return None
        return self.any_ticket(number)

    def any_ticket(self, number: int) -> Obj:
        bits = mix(number, self.options.seed)
        made = self.ago(minutes=(self.options.tickets - number + 1) * 37)
        return {"id": number, "subject": self.words(SUBJECTS[bits % len(SUBJECTS)].format(1000 + bits % 9000)),
                "status": ("open", "pending", "solved", "closed")[bits >> 8 & 3], "priority": None,
                "requester_id": self.customers[(bits >> 20) % len(self.customers)] if self.customers else None,
                "organization_id": None,
                "created_at": stamp(made), "updated_at": stamp(made + timedelta(minutes=bits % 30)),
                "via": {"channel": ("email", "web", "chat")[(bits >> 12) % 3]}}


SUBJECTS = ("Order {} has not arrived", "Refund for invoice {}", "Cannot sign in since update {}",
            "Change of address, customer {}", "Copy of my identity card for case {}",
            "Complaint about delivery {}", "Cancel subscription {}")


def stamp(at: datetime) -> str:
    """A time as Zendesk writes it."""
    return at.isoformat()[:19] + "Z"


def without_moving(thing: Mapping[str, Any]) -> Obj:
    """An object without the fields that move by themselves."""
    return {key: value for key, value in thing.items()
            if key not in ("updated_at", "updated_by", "last_login_at", "last_seen_at", "used_at", "last_used")}
