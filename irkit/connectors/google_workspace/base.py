"""The Google Workspace connector itself: address, sign-in, what a refusal means, and how its lists are read.

Rules of the package: a 403 means what its reason says, some ask to slow down; a list without rows comes without its key, so
that only the page's `kind` tells it from no answer; the Reports API ignores what it does not know, so every row is checked;
Google lists no sessions, so none are promised; backup codes come in clear and are never listed.

Sources: developers.google.com, identity/protocols/oauth2/service-account; Admin SDK, directory/v1/limits, reports/v1/limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Bucket,
    Connector,
    Item,
    Refused,
    Request,
    Response,
    ServiceAccount,
    Setting,
    Steps,
    Throttled,
    Unavailable,
    Walk,
    at,
    by_token,
    ident,
    items,
    words,
)

MAX_WORDS = 300
SCOPE = "https://www.googleapis.com/auth/"
READ_ROLES, CHANGE_ROLES = "admin.directory.rolemanagement.readonly", "admin.directory.rolemanagement"
SCOPES = ("admin.directory.user", "admin.directory.user.security", "admin.directory.group.readonly",
          "admin.directory.device.mobile.readonly", "admin.reports.audit.readonly")
CONSOLE = "Admin console > Directory > Users > the user"
DELEGATION = "Admin console > Security > API controls > Domain-wide delegation"
# the reasons of a 403 that ask to slow down; all others are refusals and are never sent again
SLOW = {"quotaExceeded", "rateLimitExceeded", "sharingRateLimitExceeded", "userRateLimitExceeded"}
ID = r"[0-9]{5,30}"
_token = by_token("nextPageToken", "pageToken")


def reason(response: Response) -> str:
    """Why, in Google's one word: `error.errors[0].reason`; "" where it says none."""
    try:
        errors = at(response.json, "error.errors")
    except BadAnswer:
        return ""
    return words(at(errors[0], "reason")) if isinstance(errors, list) and errors else ""


def describe(response: Response) -> str:
    """Google's own sentence with its reason, or the token endpoint's error; "" where there is none."""
    try:
        error = at(response.json, "error")
    except BadAnswer:
        return ""
    if not isinstance(error, dict):
        return words(error)[:MAX_WORDS]
    told, why = words(error.get("message")), reason(response)
    return (f"{told} ({why})" if told and why else told or why)[:MAX_WORDS]


def judge(request: Request, response: Response) -> ActionError | None:
    """What a 400, 403, 404 or 503 means: the reason decides, and whether a log was asked for."""
    status, why = response.status, reason(response)
    said = f': "{describe(response)}"' if describe(response) else ""
    log = "/admin/reports/" in request.target
    if status in request.ok:
        return None
    if (status == 403 and why in SLOW) or (status == 503 and log and not request.is_write):
        return Throttled(f"Google asks to slow down{said}", status=status)
    if status in (400, 403) and log and why not in ("insufficientPermissions", "accessNotConfigured"):
        return Unavailable(f"Google does not give this log{said}", status=status,
                           needs=f"{request.gate}, and an edition that keeps this log")
    if status == 403:
        return _forbidden(request, why, said)
    if status == 404 and not log:
        return Refused(f"Google knows nothing at {_path(request)}{said}", status=404,
                       next="look whether the account was deleted: Admin console > Directory > Users > Recently deleted users")
    return None


def _path(request: Request) -> str:
    return request.target.partition("?")[0].removeprefix("/admin/directory/v1")


def _forbidden(request: Request, why: str, said: str) -> ActionError:
    """Three things may be missing, each somewhere else: the API, the scope, the administrator's privilege."""
    needs, place = {
        "accessNotConfigured": ("Admin SDK API, switched on in the service account's project",
                                "Google Cloud console > APIs & Services > Enable the Admin SDK API"),
        "insufficientPermissions": (f"scope: {request.gate or 'see irkit connect google_workspace'}", DELEGATION),
    }.get(why, (f"privilege of the administrator irkit acts as: {request.gate or 'a super administrator has it'}",
                f"do it by hand: {CONSOLE}; then give that administrator a role that may"))
    if request.is_write:
        return Refused(f"Google refused{said}. It needs the {needs}", status=403, next=place)
    return Unavailable(f"{_path(request)} answered 403{said}: needs the {needs}", status=403, needs=needs, next=place)


def bucket(request: Request) -> Bucket | None:
    """Reports take 250 filtered queries a minute: those for one person, or for one event."""
    path, _, query = request.target.partition("?")
    filtered = "/activity/users/" in path and ("/users/all/" not in path or "eventName=" in query)
    return Bucket("filtered reports", 250) if filtered else None


google_workspace = Connector(
    "google_workspace", title="Google Workspace", base_url="https://admin.googleapis.com",
    sign_in=[ServiceAccount(
        " ".join(SCOPE + scope for scope in SCOPES) + " " + SCOPE + "{roles}",
        settings=(Setting("subject", "E-mail address of the administrator to act as", r"[^@\s]+@[^@\s]+",
                          "an administrator for incidents alone, never somebody's own account"),
                  Setting("roles", "May irkit take administrator roles away?", default="read",
                          values={"read": READ_ROLES, "change": CHANGE_ROLES})))],
    describe=describe, judge=judge, bucket=bucket, per_minute=2400,
    setup=[
        "1. Google Cloud console: a project for irkit alone; enable the Admin SDK API; make a service account and a JSON key.",
        "2. Admin console > Account > Admin roles: make an administrator for incidents, used by nobody. A super administrator:",
        "   a delegated one may be refused to act on a super administrator.",
        f"3. {DELEGATION} > Add new: the numeric client id",
        "   of the service account, and exactly the scopes above, by commas. One that is missing there refuses them all:",
        "   the token endpoint then says unauthorized_client.",
        "4. Reading roles is the default. To let irkit take roles away, say roles=change here and authorise",
        "   admin.directory.rolemanagement in the place of its .readonly. Whoever has that can make administrators.",
        "5. Where people sign in through Okta, Entra or another provider, contain there first: they come straight back.",
    ])


def key(user_id: str) -> str:
    """`user_id`, which must be a number: an address may be an alias today and another person's tomorrow."""
    if not re.fullmatch(ID, user_id):
        raise ActionError(f"{user_id!r} is no id of a user: Google's are numbers",
                          next="take it from google_workspace.find_user")
    return user_id


def directory(path: str, *parts: object, **options: Any) -> Request:
    return GET("/admin/directory/v1" + path, *parts, **options)


def next_page(request: Request, answer: Response) -> Request | None:
    """The next page, until there is no token; an empty page is no end.

    Google leaves an empty list out, as it leaves nothing else out: without a `kind` it is no page. Raises BadAnswer.
    """
    if not words(at(answer.json, "kind")):
        raise BadAnswer(f"the answer to {_path(request)} is no list of Google's: it says no kind")
    return _token(request, answer)


def everything(first: Request, rows: str, make: Callable[[Mapping[str, Any]], Item]) -> Steps[tuple[list[Item], Walk]]:
    """A whole list. `rows` is the key of its rows: "items", "users", "groups", "mobiledevices"."""
    return (yield from items(first, rows, make, after=next_page, optional=True))


def required(value: str, what: str) -> str:
    """An id without which nothing can be decided. Raises BadAnswer for an empty one."""
    if not value:
        raise BadAnswer(f"{what} came without its id")
    return value


def epoch(value: object) -> str:
    """Seconds or milliseconds since 1970, as text or number, as RFC 3339; "" for 0, which means never, and for all else."""
    text = ident(value)
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) == 0:
        return ""
    seconds = int(text) // 1000 if int(text) > 10**11 else int(text)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
