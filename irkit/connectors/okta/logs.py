"""The System Log: what the person did and what was done to them, one token, one session, one address, and other people.

Always a bounded query, `since` and `until`: only that one ends. Okta leaves out what is older than 90 days without a word, and
refuses to look back further than 180. Events may come some minutes late: collect again after a quarter of an hour.

Source of all: developer.okta.com, System Log API and its query reference.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    ActionError,
    Collection,
    Effect,
    Steps,
    Tally,
    UserId,
    at,
    by_link_header,
    ident,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.okta.base import key, moment, okta
from irkit.connectors.okta.people import look
from irkit.connectors.okta.sessions import on

DAYS = 90
FURTHEST = timedelta(days=179)       # Okta answers 400 to a `since` of more than 180 days ago
LATE = timedelta(minutes=15)
RESETS = ("user.account.reset_password", "user.account.unlock_by_admin", "user.mfa.factor.reset_all")
CHANGES = ("policy.", "zone.", "system.", "security.", "iam.", "app.oauth2.", "application.", "user.account.",
           "user.lifecycle.", "user.mfa.factor.", "user.session.impersonation.", "group.")
BACK = ("user.lifecycle.unsuspend", "user.lifecycle.activate", "user.lifecycle.reactivate")
EXPORTS = "analytics.reports.export."
SESSION, API_TOKEN = "authenticationContext.externalSessionId", "transaction.detail.requestApiTokenId"


class Events(Collection, frozen=True):
    """Recorded events. Counts are "203.0.113.66: 12", most first. `sessions` and `api_tokens` are those that the events name:
    whether one lives still is not known. `duplicates` are kept and counted once."""

    kinds: tuple[str, ...]
    addresses: tuple[str, ...]
    sessions: tuple[str, ...]
    api_tokens: tuple[str, ...]
    failed: int
    duplicates: int


class Changes(Events, frozen=True):
    """Recorded changes, in words, oldest first. `others`: people other than the actor whom they were made on."""

    changes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class Watched(Events, frozen=True):
    """What came after containment. `status` is the account's now; `back`: events that made it active again."""

    status: str = ""
    back: tuple[str, ...] = ()
    told: str = ""


def _most(counts: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


class _Sums:
    FIELDS = ("eventType", "client.ipAddress", SESSION, API_TOKEN)

    def __init__(self) -> None:
        self.counts: tuple[dict[str, int], ...] = ({}, {}, {}, {})
        self.seen: set[str] = set()
        self.failed = self.duplicates = 0
        self.rows: list[Any] = []

    def add(self, row: Any) -> None:
        uuid = ident(at(row, "uuid"))
        if uuid and uuid in self.seen:
            self.duplicates += 1
            return
        self.seen.add(uuid)
        for counts, field in zip(self.counts, self.FIELDS, strict=True):
            if name := words(at(row, field)):
                counts[name] = counts.get(name, 0) + 1
        self.failed += at(row, "outcome.result") in ("FAILURE", "DENY")
        self.rows.append(row)

    def told(self) -> dict[str, Any]:
        kinds, addresses, sessions, tokens = map(_most, self.counts)
        return {"kinds": kinds, "addresses": addresses, "sessions": sessions, "api_tokens": tokens, "failed": self.failed,
                "duplicates": self.duplicates}


def clock() -> Steps[datetime]:
    """Okta's own clock, from an answer that anybody gets."""
    answer = yield GET("/.well-known/okta-organization", signed=False)
    answer.get("id", str)
    return moment(answer)


def _window(since: datetime, until: datetime | None) -> Steps[tuple[datetime, datetime, tuple[str, ...]]]:
    """What is asked for, by Okta's clock, and what there is to say of it. Raises ActionError for an empty window."""
    now = yield from clock()
    end, notes = min(until or now, now), list[str]()
    if since >= end:
        raise ActionError(f"there is no time between {stamp(since)} and {stamp(end)}; at Okta it is {stamp(now)}",
                          next="give an earlier since")
    if now - end < LATE:
        notes.append("events may come some minutes late: collect again after a quarter of an hour")
    return max(since, now - FURTHEST), end, tuple(notes)


def _collect(name: str, clause: str, asked: Callable[[Any], bool], since: datetime, until: datetime | None,
             each: Callable[[Any], object] = lambda _row: None) -> Steps[tuple[Collection, _Sums]]:
    begin, end, notes = yield from _window(since, until)
    tally, sums = Tally(name, "published", since, end, asked=asked, vendor="Okta"), _Sums()

    def add(row: Any) -> None:
        if tally.add(row):
            sums.add(row)

    done = yield from walk(GET("/api/v1/logs", keep=name, gate="okta.logs.read", params={
        "since": stamp(begin), "until": stamp(end), "filter": clause, "limit": 1000}), "", add, after=by_link_header)
    if sums.duplicates:
        notes += (f"{sums.duplicates} duplicates by uuid, kept too",)
    for one in sums.rows:
        each(one)
    return tally.collection(done, days=DAYS, notes=notes), sums


def _events(name: str, clause: str, asked: Callable[[Any], bool], since: datetime, until: datetime | None) -> Steps[Events]:
    found, sums = yield from _collect(name, clause, asked, since, until)
    return Events(**asdict(found), **sums.told())


def _by(row: Any, user_id: str) -> bool:
    return bool(at(row, "actor.id") == user_id)


@okta.action(Effect.READ)
def collect_log(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Events]:
    """Keep the events by the person and on the person.

    Source: developer.okta.com, System Log API. Needs okta.logs.read. Kept 90 days: what is older is gone, not clean. `sessions`
    are those the events name, not a list of live ones.
    """
    key(user_id, "user")
    return (yield from _events("log", f'actor.id eq "{user_id}" or target.id eq "{user_id}"',
                               lambda row: _by(row, user_id) or on(row, user_id), since, until))


def _field(name: str, path: str, value: str, since: datetime, until: datetime | None) -> Steps[Events]:
    return (yield from _events(name, f'{path} eq "{value}"', lambda row: at(row, path) == value, since, until))


@okta.action(Effect.READ)
def collect_log_of_token(token_id: str, since: datetime, until: datetime | None = None) -> Steps[Events]:
    """Keep the events that an API token (SSWS) caused.

    Source: developer.okta.com, System Log API. Needs okta.logs.read. A token acts in the name of whoever made it, from any
    address it is allowed.
    """
    return (yield from _field("log_of_token", API_TOKEN, key(token_id, "token"), since, until))


@okta.action(Effect.READ)
def collect_log_of_session(session_id: str, since: datetime, until: datetime | None = None) -> Steps[Events]:
    """Keep the events of one session, by the id that other events name.

    Source: developer.okta.com, System Log API. Needs okta.logs.read. `session_id` is an externalSessionId.
    """
    return (yield from _field("log_of_session", SESSION, key(session_id, "session"), since, until))


@okta.action(Effect.READ)
def collect_log_of_address(address: str, since: datetime, until: datetime | None = None) -> Steps[Events]:
    """Keep the events from one IP address, whoever caused them.

    Source: developer.okta.com, System Log API. Needs okta.logs.read. Shows whom else the intruder is signed in as.
    """
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ActionError(f"{address!r} is no IP address") from None
    return (yield from _field("log_of_address", "client.ipAddress", address, since, until))


def _targets(row: Any) -> list[Any]:
    targets = at(row, "target")
    return [one for one in targets if isinstance(one, dict)] if isinstance(targets, list) else []


def _name(one: Any) -> str:
    return words(at(one, "alternateId")) or words(at(one, "displayName")) or ident(at(one, "id"))


def _told(row: Any) -> str:
    named = ", ".join(name for one in _targets(row) if (name := _name(one)))
    return (f"{stamp(when(at(row, 'published')))} {words(at(row, 'eventType'))}: {named or 'nothing named'}, by "
            f"{words(at(row, 'actor.alternateId')) or ident(at(row, 'actor.id')) or 'unknown'} from "
            f"{words(at(row, 'client.ipAddress')) or 'no address'}, {words(at(row, 'outcome.result')) or 'no result'}")


def _changes(name: str, user_id: str, kinds: tuple[str, ...], operator: str, since: datetime,
             until: datetime | None) -> Steps[Changes]:
    told, others = list[str](), dict[str, int]()

    def each(row: Any) -> None:
        told.append(_told(row))
        for one in _targets(row):
            if at(one, "type") == "User" and at(one, "id") != user_id and _name(one):
                others[_name(one)] = others.get(_name(one), 0) + 1

    def asked(row: Any) -> bool:
        kind = words(at(row, "eventType"))
        return _by(row, user_id) and (kind.startswith(kinds) if operator == "sw" else kind in kinds)

    clause = " or ".join(f'eventType {operator} "{kind}"' for kind in kinds)
    found, sums = yield from _collect(name, f'actor.id eq "{key(user_id, "user")}" and ({clause})', asked, since, until, each)
    return Changes(**asdict(found), **sums.told(), changes=tuple(sorted(told)), others=_most(others))


@okta.action(Effect.READ)
def collect_resets_by(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep the resets that the account made on other people.

    Source: developer.okta.com, System Log API and event types. Needs okta.logs.read. Passwords, factors and locks that the
    account reset for others: each of those people may be taken over too.
    """
    return (yield from _changes("resets_by", user_id, RESETS, "eq", since, until))


@okta.action(Effect.READ)
def collect_changes_by(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep what the account changed as an administrator.

    Source: developer.okta.com, System Log API and event types. Needs okta.logs.read. Policies, zones, identity providers, API
    tokens, roles, apps, log streams, factors and accounts: ways back in that outlive the account.
    """
    return (yield from _changes("changes_by", user_id, CHANGES, "sw", since, until))


@okta.action(Effect.READ)
def collect_exports_by(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep the reports that the account exported from Okta.

    Source: developer.okta.com, System Log API and event types. Needs okta.logs.read. Asked for, made and downloaded.
    """
    return (yield from _changes("exports_by", user_id, (EXPORTS,), "sw", since, until))


@okta.action(Effect.READ)
def watch_account(user_id: UserId, since: datetime) -> Steps[Watched]:
    """Look whether anybody acts as the person, or made the account active.

    Source: developer.okta.com, System Log API; support.okta.com, Suspend users while active in profile sourcing. Needs
    okta.logs.read. An import from another directory can set a suspended account active again. Silence in the log is of Okta
    alone: apps have sessions of their own.
    """
    back: list[str] = []

    def each(row: Any) -> None:
        if on(row, user_id) and at(row, "eventType") in BACK:
            back.append(_told(row))

    user, _ = yield from look(user_id)
    found, sums = yield from _collect("watch", f'actor.id eq "{user_id}" or target.id eq "{user_id}"',
                                      lambda row: _by(row, user_id) or on(row, user_id), since, None, each)
    acted = sum(_by(row, user_id) for row in sums.rows)
    told = (f"the account is {user.status}; {acted} events by the person since then; "
            + (f"made active {len(back)} times" if back else "nothing made it active again"))
    return Watched(**asdict(found), **sums.told(), status=user.status, back=tuple(back), told=told)
