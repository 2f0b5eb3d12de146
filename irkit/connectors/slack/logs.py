"""What Slack recorded: sign-ins, integrations, and what administrators and people did. Most of it a plan withholds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec.structs import asdict

from irkit.action import (
    GET,
    Collection,
    Effect,
    Request,
    Response,
    Steps,
    Tally,
    UserId,
    Walk,
    at,
    ident,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.slack.base import OWNER, PAID, get, needless, next_page, slack

MOST_PAGES, PAGE = 100, 1000           # of the access and integration logs: more is over_pagination_limit
EXPORTS = re.compile(r"(manual_(user_)?export|scheduled_export|channels_export|corporate_exports|audit_logs_export)_\w+")
CONTAINED = frozenset({"user_session_invalidated", "user_session_reset_by_admin", "bulk_session_reset_by_admin",
                       "user_logout_compromised", "user_deactivated"})


def _numbers(answer: Response) -> tuple[int, int]:
    """The page and how many there are; an answer that does not say is the last."""
    page, pages = at(answer.json, "paging.page"), at(answer.json, "paging.pages")
    return (page, pages) if isinstance(page, int) and isinstance(pages, int) else (0, 0)


def _by_number(request: Request, answer: Response) -> Request | None:
    page, pages = _numbers(answer)
    if not 0 < page < min(pages, MOST_PAGES):
        return None
    head, _, query = request.target.partition("?")
    return request.follow(f"{head}?{urlencode({**dict(parse_qsl(query)), 'page': page + 1})}")


def _short(tally: Tally) -> Callable[[Response, Walk], bool]:
    """Whether Slack has more pages than it gives, and the window goes on there."""
    def short(answer: Response, done: Walk) -> bool:
        page, pages = _numbers(answer)
        if pages <= page or tally.past():
            return False
        done.notes.append(f"Slack gives {MOST_PAGES} pages and has {pages:,}: for what is older ask until the earliest row")
        return True
    return short


class AccessLog(Collection, frozen=True):
    """Sign-ins; `seen_from` is where the person asked about came from: address, country, program, times."""

    seen_from: tuple[str, ...] = ()


@slack.action(Effect.READ)
def collect_access_logs(since: datetime, until: datetime | None = None, user_id: UserId | None = None) -> Steps[AccessLog]:
    """Keep who signed in, from where and with what.

    A row stands for all sign-ins of one person from one address with one program: its first and its last time. The person asked
    about is picked out here: Slack has no such filter. At most 100 pages of 1,000 rows.

    Source: docs.slack.dev, team.accessLogs (paid_only, over_pagination_limit). Paid plans, scope admin. Without it sign-ins
    cannot be established, and that is a gap.
    """
    tally, seen = Tally("access log", "date_last", since, until, vendor="Slack"), list[str]()

    def each(data: Mapping[str, Any]) -> None:
        if tally.add(data) and user_id and ident(at(data, "user_id")) == user_id:
            first, last = (stamp(when(at(data, name))) for name in ("date_first", "date_last"))
            seen.append(", ".join([*filter(None, (words(at(data, name)) for name in ("ip", "country", "user_agent"))),
                                   f"{first} to {last}"]))
    params = {"before": int(until.timestamp()) if until else None, "count": PAGE, "page": 1}
    done = yield from walk(get("team.accessLogs", params=params, keep="access log", gate=PAID), "logins", each,
                           enough=tally.past, after=_by_number, short=_short(tally))
    return AccessLog(**asdict(tally.collection(done)), seen_from=tuple(seen))


class IntegrationLog(Collection, frozen=True):
    """What was done to integrations, in words."""

    changes: tuple[str, ...] = ()


@slack.action(Effect.READ)
def collect_integration_logs(since: datetime, user_id: UserId | None = None) -> Steps[IntegrationLog]:
    """Keep which apps and services were added, removed, switched on or off.

    Rows that come twice while the log grows are counted once.

    Source: docs.slack.dev, team.integrationLogs (filter user, page and count). Scope admin.
    """
    tally, told = Tally("integration log", "date", since, vendor="Slack", asked=_by(user_id)), dict[str, None]()

    def each(data: Any) -> None:
        row = {**data, "date": _epoch(at(data, "date"))} if isinstance(data, dict) else data
        if tally.add(row):
            what = words(at(data, "app_type")) or words(at(data, "service_type"))
            told.setdefault(" ".join(filter(None, (
                stamp(when(at(row, "date"))), words(at(data, "change_type")), what,
                ident(at(data, "app_id")) or ident(at(data, "service_id")), "by", ident(at(data, "user_id")),
                words(at(data, "scope"))))))
    first = get("team.integrationLogs", params={"user": user_id, "count": PAGE, "page": 1}, keep="integration log", gate=PAID)
    done = yield from walk(first, "logs", each, enough=tally.past, after=_by_number, short=_short(tally))
    return IntegrationLog(**asdict(tally.collection(done)), changes=tuple(told))


def _by(user_id: str | None) -> Any:
    return None if user_id is None else lambda data: ident(at(data, "user_id")) == user_id


def _epoch(value: object) -> int | None:
    """Seconds, which come as text here."""
    text = ident(value)
    return int(text) if re.fullmatch(r"\d{1,11}", text) else None


class AuditLog(Collection, frozen=True):
    """What was done; `exports` and `contained` are the entries about exports, and about signing out and deactivating."""

    exports: tuple[str, ...] = ()
    contained: tuple[str, ...] = ()


@slack.action(Effect.READ)
def collect_audit_logs(since: datetime, until: datetime | None = None, actor: UserId | None = None,
                       action: str | None = None) -> Steps[AuditLog]:
    """Keep what was done in the organization, exports among it.

    Read it again after containing: what irkit did stands there too.

    Source: docs.slack.dev, Audit Logs API (at most 9,999 rows a page, nothing from before March 2018). Enterprise, the user
    token of an organization's owner, auditlogs:read; an administrator's is not enough. Without it exports cannot be
    established, and that is a gap.
    """
    def asked(data: Any) -> bool:
        return (actor is None or ident(at(data, "actor.user.id")) == actor) and action in (None, words(at(data, "action")))
    tally = Tally("audit log", "date_create", since, until, vendor="Slack", asked=asked)
    exports, contained = list[str](), list[str]()

    def each(data: Mapping[str, Any]) -> None:
        name = words(at(data, "action"))
        if tally.add(data) and (EXPORTS.fullmatch(name) or name in CONTAINED):
            told = " ".join(filter(None, (stamp(when(at(data, "date_create"))), name, "by", ident(at(data, "actor.user.id")),
                                          words(at(data, "context.ip_address")))))
            (contained if name in CONTAINED else exports).append(told)
    params = {"oldest": int(since.timestamp()), "latest": int(until.timestamp()) if until else None, "actor": actor,
              "action": action, "limit": PAGE}
    first = GET("/audit/v1/logs", host="org", params=params, keep="audit log", gate=OWNER)
    done = yield from walk(first, "entries", each, after=next_page)
    return AuditLog(**asdict(tally.collection(done)), exports=tuple(exports), contained=tuple(contained))


@slack.proof("admin (access logs)", "collect sign-ins")
def _reads_access_logs() -> Steps[object]:
    return (yield from needless("containment")) or (yield get("team.accessLogs", params={"count": 1, "page": 1}, gate=PAID))


@slack.proof("auditlogs:read", "collect the audit log")
def _reads_audit_logs() -> Steps[object]:
    return (yield from needless("containment")) or (yield GET("/audit/v1/logs", host="org", params={"limit": 1}, gate=OWNER))
