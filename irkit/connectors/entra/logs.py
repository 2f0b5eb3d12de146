"""Logs: sign-ins by people, sign-ins by tokens, what was changed in the directory by the person and on the person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    POST,
    Collection,
    Effect,
    Request,
    Steps,
    Tally,
    Unavailable,
    UserId,
    Wait,
    at,
    ident,
    stamp,
    walk,
    words,
)
from irkit.connectors.entra.base import entra, guid, next_page, quoted
from irkit.connectors.entra.roles import plans

PREMIUM = "Entra ID P1 or P2, and AuditLog.Read.All"
FREE_DAYS, PREMIUM_DAYS = 7, 30


class SignIns(Collection, frozen=True):
    """Recorded sign-ins. `addresses`, `apps`: "198.51.100.7: 12", most first. `duplicates` are kept and counted once."""

    addresses: tuple[str, ...]
    apps: tuple[str, ...]
    failed: int
    duplicates: int


def _most(counts: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


class _Sums:
    def __init__(self) -> None:
        self.addresses: dict[str, int] = {}
        self.apps: dict[str, int] = {}
        self.seen: set[str] = set()
        self.failed = self.duplicates = 0

    def new(self, row: Any) -> bool:
        """Whether its id was not there before: Entra documents duplicates."""
        known = ident(at(row, "id")) in self.seen
        self.seen.add(ident(at(row, "id")))
        self.duplicates += known
        return not known

    def add(self, row: Any) -> None:
        for counts, key in ((self.addresses, "ipAddress"), (self.apps, "appDisplayName")):
            name = words(at(row, key)) or "not stated"
            counts[name] = counts.get(name, 0) + 1
        self.failed += at(row, "status.errorCode") not in (0, None)


def _days() -> Steps[tuple[int, tuple[str, ...]]]:
    names = yield from plans()
    if "unknown" in names:
        return PREMIUM_DAYS, ("the licences could not be read: 30 days are assumed, it is 7 on Free",)
    return (PREMIUM_DAYS if names & {"AAD_PREMIUM", "AAD_PREMIUM_P2"} else FREE_DAYS), ()


def _window(time: str, since: datetime, until: datetime | None) -> str:
    return f"{time} ge {stamp(since)}" + (f" and {time} le {stamp(until)}" if until else "")


def _sign_ins(first: Request, name: str, user_id: str, since: datetime, until: datetime | None) -> Steps[SignIns]:
    days, notes = yield from _days()
    tally = Tally(name, "createdDateTime", since, until, asked=lambda row: at(row, "userId") == user_id, vendor="Entra")
    sums = _Sums()

    def add(row: Any) -> None:
        if tally.add(row) and sums.new(row):
            sums.add(row)

    done = yield from walk(first, "value", add, after=next_page)
    if sums.duplicates:
        notes += (f"{sums.duplicates} duplicates by id, kept too",)
    return SignIns(**asdict(tally.collection(done, days=days, notes=notes)), addresses=_most(sums.addresses),
                   apps=_most(sums.apps), failed=sums.failed, duplicates=sums.duplicates)


@entra.action(Effect.READ)
def collect_sign_ins(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[SignIns]:
    """Keep the person's interactive sign-ins.

    Source: learn.microsoft.com, Graph, List signIns; Entra data retention. Needs AuditLog.Read.All and Entra ID P1 or P2; on
    Free it is a gap, download them by hand within 7 days. Kept 30 days. Holds interactive sign-ins only: a stolen token shows
    in collect_token_sign_ins. Records come some minutes late, of second factors up to two hours: collect again.
    """
    return (yield from _sign_ins(GET("/v1.0/auditLogs/signIns", keep="sign_ins", gate=PREMIUM, params={
        "$filter": f"userId eq {quoted(guid(user_id, 'user'))} and {_window('createdDateTime', since, until)}", "$top": 1000}),
        "sign_ins", user_id, since, until))


@entra.action(Effect.READ, unverified="the beta endpoint may change without notice")
def collect_token_sign_ins(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[SignIns]:
    """Keep the person's non-interactive sign-ins: those by a token.

    Source: learn.microsoft.com, Graph beta, List signIns. Needs AuditLog.Read.All and Entra ID P1 or P2; without them whether a
    token was replayed cannot be established. The beta alone has them, and a session id with each.
    """
    return (yield from _sign_ins(GET("/beta/auditLogs/signIns", keep="token_sign_ins", gate=f"{PREMIUM} (beta source)", params={
        "$filter": f"userId eq {quoted(guid(user_id, 'user'))} and {_window('createdDateTime', since, until)} and "
                   "signInEventTypes/any(t: t eq 'nonInteractiveUser')", "$top": 1000}),
        "token_sign_ins", user_id, since, until))


class Audits(Collection, frozen=True):
    """Recorded changes of the directory. `changes` in words, oldest first."""

    changes: tuple[str, ...]


def _told(row: Any) -> str:
    targets = at(row, "targetResources")
    names = [words(at(one, "displayName")) or words(at(one, "userPrincipalName")) or ident(at(one, "id"))
             for one in targets if isinstance(one, dict)] if isinstance(targets, list) else []
    by = words(at(row, "initiatedBy.user.userPrincipalName")) or words(at(row, "initiatedBy.app.displayName")) or "unknown"
    what = f"{words(at(row, 'activityDateTime'))} {words(at(row, 'activityDisplayName'))}"
    return (f"{what}: {', '.join(names) or 'nothing named'}, by {by}, {words(at(row, 'result')) or 'no result'}")


def _audits(clause: str, name: str, asked: Callable[[Any], bool], since: datetime, until: datetime | None) -> Steps[Audits]:
    days, notes = yield from _days()
    tally, sums, told = Tally(name, "activityDateTime", since, until, asked=asked, vendor="Entra"), _Sums(), list[str]()

    def add(row: Any) -> None:
        if tally.add(row) and sums.new(row):
            told.append(_told(row))

    done = yield from walk(GET("/v1.0/auditLogs/directoryAudits", keep=name, gate="AuditLog.Read.All", params={
        "$filter": f"{clause} and {_window('activityDateTime', since, until)}"}), "value", add, after=next_page)
    return Audits(**asdict(tally.collection(done, days=days, notes=notes)), changes=tuple(sorted(told)))


@entra.action(Effect.READ)
def collect_audits_by(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Audits]:
    """Keep what the person changed in the directory.

    Source: learn.microsoft.com, Graph, List directoryAudits. Needs AuditLog.Read.All. Kept 7 days on Free, 30 on P1 and P2:
    what is older is gone, not clean. Shows resets and methods for other people, consents, new secrets of apps.
    """
    return (yield from _audits(f"initiatedBy/user/id eq {quoted(guid(user_id, 'user'))}", "audits_by",
                               lambda row: at(row, "initiatedBy.user.id") == user_id, since, until))


@entra.action(Effect.READ)
def collect_audits_on(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Audits]:
    """Keep what anybody changed on the person.

    Source: learn.microsoft.com, Graph, List directoryAudits. Needs AuditLog.Read.All. Shows roles given, passwords reset and
    methods added to the account.
    """
    def asked(row: Any) -> bool:
        targets = at(row, "targetResources")
        return isinstance(targets, list) and any(at(one, "id") == user_id for one in targets)

    return (yield from _audits(f"targetResources/any(t: t/id eq {quoted(guid(user_id, 'user'))})", "audits_on", asked, since,
                               until))


LOOKS, APART = 60, 30.0


@entra.action(Effect.READ, unverified="how long a search takes, and how auditing being off shows")
def collect_unified_audit(principal: str, since: datetime, until: datetime) -> Steps[Collection]:
    """Keep the Microsoft 365 audit records of a principal name.

    Source: learn.microsoft.com, Graph, Create auditLogQuery; List auditLogRecords. Needs AuditLogsQuery.Read.All and auditing
    turned on. Shows files, mail and exports. The search runs at Microsoft for minutes or longer; half an hour without an
    end is a gap.
    """
    answer = yield POST("/v1.0/security/auditLog/queries", reads=True, gate="AuditLogsQuery.Read.All", json={
        "displayName": "irkit", "filterStartDateTime": stamp(since), "filterEndDateTime": stamp(until),
        "userPrincipalNameFilters": [principal]})
    query = answer.get("id", str)
    for _ in range(LOOKS):
        status = (yield GET("/v1.0/security/auditLog/queries/{}", query)).get("status", str)
        if status == "succeeded":
            break
        if status not in ("notStarted", "running"):
            raise Unavailable(f"the audit search ended as {status}", status=200, needs="a search that succeeds")
        yield Wait(APART, "Microsoft works through the audit search")
    else:
        raise Unavailable("the audit search has not ended in half an hour", status=200, needs="more time: ask again later")
    tally = Tally("unified_audit", "createdDateTime", since, until, vendor="Microsoft", asked=lambda row: words(
        at(row, "userPrincipalName")).casefold() == principal.casefold())
    done = yield from walk(GET("/v1.0/security/auditLog/queries/{}/records", query, keep="unified_audit"), "value", tally.add,
                           after=next_page)
    return tally.collection(done)
