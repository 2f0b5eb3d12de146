"""The two logs, and the settings that say how one can sign in.

Both logs outlive a suspension; the access log is the only record of what was read, and ages out after 90 days.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import asdict

from irkit.action import GET, Collection, Effect, Record, Steps, Trace, UserId, counted, flag, ident, stamp, words
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import Tally, listed, number, walk

ACCESS_LOG_DAYS = 90
MOST = 10           # lines of a summary: what a person reads
MOST_ALIKE = 3      # changes of one kind that are told one by one
MOST_WORDS = 200    # of one line
CHANGES = ("create", "update", "destroy")

# Paths that read in bulk, fetch attachments, or have a file mailed; the audit log holds none of them.
BULK = ("/api/v2/incremental/", "/export", "/api/v2/ticket_audits", "/attachments/")
MOST_URL = 2000


class AccessLog(Collection, frozen=True):
    """The kept access log, and what its rows add up to. The summaries are texts, biggest first, at most ten lines each."""

    bytes_sent: int
    bulk: int                      # requests that read in bulk, fetch attachments, or have a file mailed
    addresses: tuple[str, ...]     # "203.0.113.9: 1,204 requests, 88,012,345 bytes"
    clients: tuple[str, ...]       # user agents
    sign_ins: tuple[str, ...]      # session, bearer, basic, digest; "not stated" for requests of the agent's screens
    bulk_paths: tuple[str, ...]    # their paths, with * for numbers and names of files


def address(data: Mapping[str, Any]) -> SplitResult:
    """The address of an access-log row in its parts; empty ones where it is none."""
    try:
        return urlsplit(words(data.get("url"))[:MOST_URL])
    except ValueError:                  # "//[": brackets that hold no IPv6 address
        return SplitResult("", "", "", "", "")


class _Access:
    """Adds the rows of an access log up."""

    def __init__(self) -> None:
        self.bytes_sent = 0
        self.requests: dict[str, Counter[str]] = {"ip_address": Counter(), "client": Counter(), "authorization_type": Counter()}
        self.volume: Counter[str] = Counter()
        self.bulk: Counter[str] = Counter()

    def add(self, data: Mapping[str, Any]) -> None:
        sent = data.get("bytes_sent")
        sent = sent if isinstance(sent, int) and not isinstance(sent, bool) and sent > 0 else 0
        self.bytes_sent += sent
        for name, counter in self.requests.items():
            counter[words(data.get(name)) or "not stated"] += 1
        self.volume[words(data.get("ip_address")) or "not stated"] += sent
        path = address(data).path
        if any(part in path for part in BULK):
            self.bulk[re.sub(r"(?<=/attachments/token/).*|(?<=/)[0-9]+", "*", path)] += 1

    def addresses(self) -> tuple[str, ...]:
        asked = self.requests["ip_address"]
        return tuple(f"{address}: {counted(asked[address], 'request')}, {counted(sent, 'byte')}"
                     for address, sent in self.volume.most_common(MOST))


def _most(counts: Mapping[str, int], noun: str) -> tuple[str, ...]:
    return tuple(f"{value}: {counted(count, noun)}" for value, count in Counter(counts).most_common(MOST))


@zendesk.action(Effect.READ, preserves=[Trace("access_log", of="user_id")])
def collect_access_log(since: datetime, until: datetime | None = None, user_id: UserId | None = None) -> Steps[AccessLog]:
    """Keep the access log: who read what.

    Source: developer.zendesk.com, Access Logs. Needs an administrator and the ADPP add-on; without it, what was read through
    screens and API cannot be established.

    Holds 90 days. The agent's screens read through GraphQL, which is therefore never left out. Zendesk allows 50 requests a
    minute here. Without `user_id` everybody's rows are kept, API tokens used with other people's addresses among them.
    """
    if user_id is not None:
        number(user_id, "user")
    tally, sums, others = Tally("access_log", "timestamp", since, until), _Access(), Counter[str]()

    def add(value: Any) -> None:
        if not tally.add(value) or not isinstance(value, dict):
            return
        if user_id is not None and ident(value.get("user_id")) != user_id:
            others[ident(value.get("user_id"))] += 1
        else:
            sums.add(value)

    # 1000 a page, the vendor's default: with 2500, rows that hold GraphQL queries can outgrow what is read as one JSON value
    first = listed("/api/v2/access_logs", size=1000, keep="access_log", gate="ADPP add-on", params={
        "filter[start]": stamp(since), "filter[end]": stamp(until) or None, "filter[user_id]": user_id})
    done = yield from walk(first, "access_logs", add, inside=lambda _last: True)
    notes = (f"{counted(others.total(), 'row')} of other users, kept too and not added up",) if others else ()
    kept = tally.collection(done, days=ACCESS_LOG_DAYS, notes=notes)
    return AccessLog(**asdict(kept), bytes_sent=sums.bytes_sent, bulk=sums.bulk.total(), addresses=sums.addresses(),
                     clients=_most(sums.requests["client"], "request"),
                     sign_ins=_most(sums.requests["authorization_type"], "request"), bulk_paths=_most(sums.bulk, "request"))


class AuditLog(Collection, frozen=True):
    """The kept audit log, and what the asked-for actor did in the window, as texts; without an actor, what anybody did."""

    actions: tuple[str, ...]       # "update: 31"
    exports: tuple[str, ...]       # what was exported, newest first, at most ten
    changes: tuple[str, ...]       # what was created, changed or destroyed, newest first, at most three of a kind
    addresses: tuple[str, ...]     # "203.0.113.9: 22 rows"


class _Audit:
    """Picks out of an audit log what one actor did. Rules bear one of two source types, so none is filtered by type."""

    def __init__(self, actor: str | None) -> None:
        self.actor = actor
        self.actions: dict[str, int] = {}        # a plain dict counts faster than a Counter, and logs have millions of rows
        self.addresses: dict[str, int] = {}
        self.exports: list[str] = []
        self.changes: list[str] = []
        self.kinds: dict[str, int] = {}

    def add(self, data: Mapping[str, Any]) -> None:
        if self.actor is not None and ident(data.get("actor_id")) != self.actor:
            return
        action, source = data.get("action"), data.get("source_type")
        action = action if type(action) is str and action else "not stated"
        kind = f"{action} {source[:MOST_WORDS]}".strip() if type(source) is str else action.strip()
        address = words(data.get("ip_address")) or "not stated"
        self.actions[action] = self.actions.get(action, 0) + 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.addresses[address] = self.addresses.get(address, 0) + 1
        if action == "exported" and len(self.exports) < MOST:
            self.exports.append(_line(data, kind))
        elif action in CHANGES and self.kinds[kind] <= MOST_ALIKE:
            self.changes.append(_line(data, kind))

    def more(self) -> list[str]:
        """How many changes of each kind are not told one by one."""
        return [f"and {count - MOST_ALIKE:,} more: {kind}" for kind, count in Counter(self.kinds).most_common()
                if kind.partition(" ")[0] in CHANGES and count > MOST_ALIKE]


def _line(data: Mapping[str, Any], kind: str) -> str:
    return " ".join(filter(None, (words(data.get("created_at")), words(data.get("actor_name")), kind,
                                  ident(data.get("source_id")), words(data.get("source_label")))))[:MOST_WORDS]


@zendesk.action(Effect.READ, preserves=[Trace("audit_log")])
def collect_audit_log(since: datetime, until: datetime | None = None, actor_id: UserId | None = None) -> Steps[AuditLog]:
    """Keep the audit log: who changed or exported what.

    Source: developer.zendesk.com, Audit Logs. Needs an administrator and the Enterprise plan.

    Holds no failed sign-in, no logout, no reading of tickets, no creation of users, nothing by end users, and no export
    through the API. The whole log is kept, newest first, until it has passed `since`: how the vendor's own date filter wants
    its two ends is not documented, and a filter that is wrong would show an empty log. `actor_id` chooses what is summed up.
    The CSV export is not used: it mails a file, perhaps to the intruder.
    """
    tally, sums = Tally("audit_log", "created_at", since, until), _Audit(actor_id)

    def add(value: Any) -> None:
        if tally.add(value) and isinstance(value, dict):
            sums.add(value)

    done = yield from walk(listed("/api/v2/audit_logs", params={"sort": "-created_at"}, keep="audit_log",
                                  gate="Enterprise plan"), "audit_logs", add, tally.past, tally.inside)
    actions = tuple(f"{action}: {count}" for action, count in Counter(sums.actions).most_common(MOST))
    return AuditLog(**asdict(tally.collection(done)), actions=actions, exports=tuple(sums.exports),
                    changes=(*sums.changes, *sums.more()), addresses=_most(sums.addresses, "row"))


class SecuritySettings(Record, frozen=True):
    """How one can sign in to the account. None where Zendesk does not say."""

    enforce_sso: bool | None                     # of agents and administrators
    zendesk_login: bool | None
    two_factor_enforce: bool | None
    remote_bypass: str                           # who may get round single sign-on: "1" owner, "2" administrators
    ip_restriction_enabled: bool | None
    ip_ranges: str
    mobile_app_access: bool | None
    assumable: bool | None                       # whether Zendesk staff may sign in as a user
    admins_can_set_user_passwords: bool | None
    api_token_access: bool | None
    api_password_access: bool | None


@zendesk.action(Effect.READ)
def collect_security_settings() -> Steps[SecuritySettings]:
    """Keep how one can sign in: SSO, second factor, IP ranges, API access.

    Source: developer.zendesk.com, Security Settings; Account Settings. Needs an administrator and, with OAuth, the scope
    security:read. They can only be changed in Admin Center, so a change there is checked by collecting them again.
    """
    account = (yield GET("/api/v2/account/settings", keep="account_settings")).get("settings", dict)
    security = (yield GET("/api/v2/security_settings", keep="security_settings", gate="security:read scope")).json
    security = _part(security, "security_settings") or (security if isinstance(security, dict) else {})
    agent, ip, api = _part(_part(security, "authentication"), "agent"), _part(security, "ip"), _part(account, "api")
    ranges = ip.get("ip_ranges")
    return SecuritySettings(
        flag(agent.get("enforce_sso")), flag(agent.get("zendesk_login")), flag(agent.get("two_factor_enforce")),
        ident(agent.get("remote_bypass")), flag(ip.get("ip_restriction_enabled")),
        " ".join(map(words, ranges)) if isinstance(ranges, list) else words(ranges),
        flag(security.get("mobile_app_access")), flag(security.get("assumable")),
        flag(security.get("admins_can_set_user_passwords")), flag(api.get("api_token_access")),
        flag(api.get("api_password_access")))


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
