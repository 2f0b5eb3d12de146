"""The Reports API: who signed in, what apps were let in, what was changed, downloaded and taken out.

A log is asked by its actor, so what was done *to* somebody is looked for among what all administrators did. Whatever it does
not know or like in a question, the API ignores without a word, and a start before its 180 days becomes 180 days ago: each row
is checked against what was asked. The same activity may come twice; its id is (time, qualifier).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    ActionError,
    Collection,
    Effect,
    Request,
    Steps,
    Tally,
    Trace,
    UserId,
    Walk,
    at,
    ident,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.google_workspace.base import google_workspace, key, next_page
from irkit.connectors.google_workspace.people import get_user

DAYS, GMAIL_DAYS = 180, 30
GATE = "scope admin.reports.audit.readonly, and the privilege Reports"
LOG = "/admin/reports/v1/activity/users/{}/applications/{}"
LATE = "rows may come late: collect again after 2 hours and after 48"
FURTHER = ("access_evaluation", "admin_data_action", "context_aware_access", "groups_enterprise", "mobile", "rules", "saml",
           "vault")
# what an administrator's account does to take data out, to read along, or to stay
TELLING = {"DOWNLOAD_USERLIST_CSV", "DOWNLOAD_REPORT", "EXPORT_DEVICES", "GROUP_MEMBERS_DOWNLOAD", "EMAIL_LOG_SEARCH",
           "CREATE_EMAIL_MONITOR", "ASSIGN_ROLE", "GRANT_ADMIN_PRIVILEGE", "ADD_TO_TRUSTED_OAUTH2_APPS",
           "UNENROLL_USER_FROM_STRONG_AUTH", "REVOKE_ASP", "RESET_SIGNIN_COOKIES", "SUSPEND_USER", "CHANGE_PASSWORD"}


class Activity(Collection, frozen=True):
    """A recorded log. `addresses`, `events`: "198.51.100.7: 12", most first. `duplicates` are kept and counted once."""

    addresses: tuple[str, ...]
    events: tuple[str, ...]
    duplicates: int


class Changes(Activity, frozen=True):
    """A recorded log of changes. `changes` in words, oldest first; `people`: the others whom they were made on."""

    changes: tuple[str, ...]
    people: tuple[str, ...]


class SignIns(Activity, frozen=True):
    """Recorded sign-ins. `ways`: "google_password: 12"; `federated`: some came through another provider."""

    ways: tuple[str, ...]
    failed: int
    federated: bool


def _most(counts: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def events_of(activity: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """(name, parameters) of each event of an activity; of a parameter with several values, all of them by comma."""
    events = at(activity, "events")
    for event in events if isinstance(events, list) else ():
        given = at(event, "parameters")
        yield words(at(event, "name")), {words(at(one, "name")): _value(one) for one in given if isinstance(one, dict)} \
            if isinstance(given, list) else {}


def _value(parameter: dict[str, Any]) -> str:
    for name in ("value", "intValue", "boolValue", "multiValue"):
        found = parameter.get(name)
        if isinstance(found, list):
            return ", ".join(map(words, found))
        if found is not None:
            return str(found).lower() if isinstance(found, bool) else ident(found)
    return ""


class _Sums:
    """What a log comes to: its addresses and events, each activity once; and each event in words where it `tells`.

    `about`: which activities count; `person`: whom they are all about.
    """

    def __init__(self, person: str = "", about: Callable[[Any], bool] = lambda _one: True, *, tells: bool = False) -> None:
        self.person, self.about, self.tells = person.casefold(), about, tells
        self.addresses: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.ways: dict[str, int] = {}
        self.people: set[str] = set()
        self.changes: list[str] = []
        self.seen: set[tuple[str, str]] = set()
        self.duplicates = 0

    def add(self, activity: Any) -> None:
        mark = words(at(activity, "id.time")), ident(at(activity, "id.uniqueQualifier"))
        if mark in self.seen:
            self.duplicates += 1
            return
        self.seen.add(mark)
        if self.about(activity):
            _count(self.addresses, words(at(activity, "ipAddress")) or "not stated")
            for name, given in events_of(activity):
                self._event(activity, name, given)

    def _event(self, activity: Any, name: str, given: dict[str, str]) -> None:
        _count(self.events, name or "without a name")
        if given.get("login_type"):
            _count(self.ways, given["login_type"])
        if self.tells:
            self._tell(activity, name, given)

    def _tell(self, activity: Any, name: str, given: dict[str, str]) -> None:
        by = words(at(activity, "actor.email")) or ident(at(activity, "actor.profileId")) or "unknown"
        if given.get("USER_EMAIL", "").casefold() not in ("", self.person, by.casefold()):
            self.people.add(given["USER_EMAIL"])
        what = f"{words(at(activity, 'id.time'))} {name}{'!' if name in TELLING else ''}"
        self.changes.append(f"{what}: {_told(given)}, by {by}")

    def activity(self, kept: Collection) -> Activity:
        return Activity(**asdict(kept), addresses=_most(self.addresses), events=_most(self.events), duplicates=self.duplicates)

    def told(self, kept: Collection) -> Changes:
        return Changes(**asdict(self.activity(kept)), changes=tuple(sorted(self.changes)), people=tuple(sorted(self.people)))


def _told(given: dict[str, str]) -> str:
    named = [given[name] for name in ("USER_EMAIL", "ROLE_NAME", "OAUTH2_APP_NAME", "NEW_VALUE") if given.get(name)]
    return ", ".join(named) or "nothing named"


def log(user: str, application: str, since: datetime, until: datetime | None, keep: str = "", event: str = "") -> Request:
    return GET(LOG, user, application, keep=keep, gate=GATE, params={
        "startTime": stamp(since), "endTime": stamp(until) or None, "eventName": event or None, "maxResults": 1000})


def _collect(sums: _Sums, name: str, user: str, application: str, since: datetime, until: datetime | None,
             asked: Callable[[Any], bool]) -> Steps[Collection]:
    """Read a log to its end, in windows where it takes no longer ones; every row is checked by `asked` and its application."""
    tally = Tally(name, "id.time", since, until, vendor="Google", asked=lambda one: at(
        one, "id.applicationName") == application and asked(one))

    def add(one: Any) -> None:
        if tally.add(one):
            sums.add(one)

    done = Walk(complete=True)
    for start, end in _windows(application, since, until):
        part = yield from walk(log(user, application, start, end, keep=name), "items", add, after=next_page, optional=True)
        done = Walk(done.rows + part.rows, done.pages + part.pages, done.complete and part.complete, done.notes + part.notes,
                    part.at or done.at)
        if not part.complete:
            break
    twice = (f"{sums.duplicates} came twice, kept too",) if sums.duplicates else ()
    return tally.collection(done, days=DAYS, notes=(LATE, *twice))


def _windows(application: str, since: datetime, until: datetime | None) -> list[tuple[datetime, datetime | None]]:
    """The mail log takes a start and an end, 30 days apart at most; all others take the whole window."""
    if application != "gmail" or until is None:
        return [(since, until)]
    if since >= until:
        raise ActionError(f"the window ends before it begins: {stamp(since)} to {stamp(until)}")
    starts = [since]
    while starts[-1] + timedelta(days=GMAIL_DAYS) < until:
        starts.append(starts[-1] + timedelta(days=GMAIL_DAYS))
    return list(zip(starts, [*starts[1:], until], strict=True))


def _by(user_id: str) -> Callable[[Any], bool]:
    return lambda one: ident(at(one, "actor.profileId")) == user_id


def _activity(user_id: str, application: str, since: datetime, until: datetime | None) -> Steps[Activity]:
    sums = _Sums()
    return sums.activity((yield from _collect(sums, application, key(user_id), application, since, until, _by(user_id))))


def _changes(user_id: str, application: str, name: str, since: datetime, until: datetime | None) -> Steps[Changes]:
    sums = _Sums(tells=True)
    return sums.told((yield from _collect(sums, name, key(user_id), application, since, until, _by(user_id))))


@google_workspace.action(Effect.READ, preserves=[Trace("sessions", of="user_id")])
def collect_sign_ins(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[SignIns]:
    """Keep the person's sign-ins, all that tells of sessions.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Login audit. Needs admin.reports.audit.readonly. Kept
    180 days. Google lists no sessions: a cookie that was stolen elsewhere shows here only if it was used to sign in. A way of
    "saml" means that another provider lets the person in: contain there first. How late rows come is not documented.
    """
    sums = _Sums()
    kept = yield from _collect(sums, "sign_ins", key(user_id), "login", since, until, _by(user_id))
    return SignIns(**asdict(sums.activity(kept)), ways=_most(sums.ways), failed=sums.events.get("login_failure", 0),
                   federated="saml" in sums.ways)


@google_workspace.action(Effect.READ)
def collect_token_events(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Activity]:
    """Keep when the person let apps in, and what those did.

    Source: developers.google.com, Admin SDK Reports API, activities.list, OAuth token audit. Needs
    admin.reports.audit.readonly. Kept 180 days. The list of tokens has no times, these are the times. How late rows come is not
    documented.
    """
    return (yield from _activity(user_id, "token", since, until))


@google_workspace.action(Effect.READ)
def collect_account_changes(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep what was changed in the person's own account settings.

    Source: developers.google.com, Admin SDK Reports API, activities.list, User accounts. Needs admin.reports.audit.readonly.
    Kept 180 days. Shows passwords, second factors and recovery addresses. Mail forwarding to outside is among the sign-ins.
    """
    return (yield from _changes(user_id, "user_accounts", "account_changes", since, until))


@google_workspace.action(Effect.READ)
def collect_admin_by(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep what the person did as an administrator.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Admin audit. Needs admin.reports.audit.readonly. Kept
    180 days, minutes late. `people` are the others it was done to: each of them may be taken over too. An exclamation mark
    stands behind events that take data out, read along, or give rights.
    """
    return (yield from _changes(user_id, "admin", "admin_by", since, until))


def _on(email: str) -> Callable[[Any], bool]:
    return lambda one: any(given.get("USER_EMAIL", "").casefold() == email.casefold() for _, given in events_of(one))


@google_workspace.action(Effect.READ)
def collect_admin_on(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Changes]:
    """Keep what administrators did, and tell what was done to the person.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Admin audit. Needs admin.reports.audit.readonly. Kept
    180 days, minutes late. A log is asked by who acted, never by whom it was done to: all of it in the window is kept, and
    `changes` are those that name the person's present address.
    """
    user = yield from get_user(user_id)
    sums = _Sums(user.email, _on(user.email), tells=True)
    return sums.told((yield from _collect(sums, "admin_on", "all", "admin", since, until, lambda _one: True)))


@google_workspace.action(Effect.READ)
def collect_drive(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Activity]:
    """Keep what the person opened, downloaded and shared in Drive.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Drive audit. Needs admin.reports.audit.readonly. Kept
    180 days. Edition-dependent: without it this is a gap, not "nothing". `events` counts download, change_user_access and the
    others; which files they were stands in the kept log.
    """
    return (yield from _activity(user_id, "drive", since, until))


@google_workspace.action(Effect.READ)
def collect_takeout(user_id: UserId, since: datetime, until: datetime | None = None) -> Steps[Activity]:
    """Keep the person's exports through Takeout.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Takeout. Needs admin.reports.audit.readonly. Kept 180
    days. Any event here means that a copy of the account may have left.
    """
    return (yield from _activity(user_id, "takeout", since, until))


@google_workspace.action(Effect.READ)
def collect_mail_log(user_id: UserId, since: datetime, until: datetime) -> Steps[Activity]:
    """Keep the person's mail log, in windows of 30 days.

    Source: developers.google.com, Admin SDK Reports API, activities.list, Gmail log. Needs admin.reports.audit.readonly. It
    takes a start and an end, 30 days apart at most. Edition-dependent: a refusal is a gap. Tells of mails, holds none.
    """
    return (yield from _activity(user_id, "gmail", since, until))


@google_workspace.action(Effect.READ, unverified="which editions keep which of these logs")
def collect_log(user_id: UserId, application: str, since: datetime, until: datetime | None = None) -> Steps[Activity]:
    """Keep another log of the person: saml, mobile, groups, rules, vault.

    Source: developers.google.com, Admin SDK Reports API, activities.list. Needs admin.reports.audit.readonly. `application`:
    access_evaluation, admin_data_action, context_aware_access, groups_enterprise, mobile, rules, saml or vault. Which of them
    there is depends on the edition: a refusal is a gap.
    """
    if application not in FURTHER:
        raise ActionError(f"{application!r} is no log that is collected here; it is one of {', '.join(FURTHER)}")
    return (yield from _activity(user_id, application, since, until))


def last_done(event: str, email: str, since: datetime) -> Steps[str]:
    """When and by whom an administrator last did this to the person at `since` or later; "" where the log shows nothing."""
    found: list[str] = []

    def add(one: Any) -> None:
        moment = when(at(one, "id.time"))
        if moment and moment >= since and any(name == event and given.get("USER_EMAIL", "").casefold() == email.casefold()
                                              for name, given in events_of(one)):
            found.append(f"{event} at {stamp(moment)}, by {words(at(one, 'actor.email')) or 'unknown'}")

    yield from walk(log("all", "admin", since, None, event=event), "items", add, after=next_page, optional=True)
    return found[0] if found else ""
