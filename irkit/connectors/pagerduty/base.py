"""PagerDuty: pages people and keeps a second timeline; and a person of PagerDuty's, signed out.

Two hosts: REST, which acts as the user in `From`, and Events v2, whose key stands in the body. A 202 of Events is no incident:
what counts is what REST shows afterwards. An acknowledge or resolve of an alert that is not open is dropped without a word.

Sources: developer.pagerduty.com (REST API, Events API v2, rate limits), support.pagerduty.com (offboarding).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Bucket,
    Connector,
    Host,
    Identity,
    Limit,
    Placed,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Token,
    UserId,
    Walk,
    ident,
    one,
    retry_after,
    row,
    setting,
    words,
)

PLAN = "pricing plan with this feature"
AUDIT_DAYS = 31                        # the longest window of one request
MOST_ROWS = 10_000                     # offset and limit together, else 400
SUMMARY, TITLE = 1024, 1024            # characters
MOST_NOTES = 2000
INTEGRATIONS = "PagerDuty > the user's profile > authorized applications"
SEVERITIES = ("critical", "error", "warning", "info")


def describe(response: Response) -> str:
    """{"error": {"message", "code", "errors"}} of REST, or {"status", "message", "errors"} of Events."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    error = data.get("error", data) if isinstance(data, dict) else data
    if not isinstance(error, dict):
        return words(error)[:200]
    more = [words(text) for text in error.get("errors") or () if isinstance(text, str)]
    return ": ".join([*filter(None, (words(error.get("message")),)), *more])[:300]


def limit(response: Response, now: datetime) -> Limit:
    """ratelimit-limit, -remaining and -reset (seconds); a 429 may come without any of them."""
    told = {name: response.headers.get(f"ratelimit-{name}", "") for name in ("limit", "remaining", "reset")}
    known = {name: int(text) for name, text in told.items() if re.fullmatch(r"\d{1,6}", text)}
    wait = float(known["reset"]) if response.status == 429 and "reset" in known else retry_after(response, now).wait
    return Limit(wait, known.get("limit"), known.get("remaining"))


def bucket(request: Request) -> Bucket | None:
    return Bucket("events", 120) if request.host == "events" else None


def judge(request: Request, response: Response) -> ActionError | None:
    """Events answers 400 to what will never be right, and says so in its body."""
    if request.host == "events" and response.status == 400:
        return Refused(f"the event is not accepted: {describe(response) or '400'}", status=400,
                       next="correct the routing key: irkit doctor pagerduty")
    return None


pagerduty = Connector(
    "pagerduty",
    title="PagerDuty",
    base_url="https://{region}",
    settings=[
        Setting("region", "Region: us or eu", default="us", values={"us": "api.pagerduty.com", "eu": "api.eu.pagerduty.com"}),
        Setting("email", "E-mail address of the PagerDuty user that irkit writes as", r"[^@\s]+@[^@\s]+"),
    ],
    hosts={"events": Host("https://events.pagerduty.com", Placed(field="routing_key", name="routing_key",
                                                                ask="Integration (routing) key, 32 characters"))},
    sign_in=[Token("token", "API key of a user", "Token token={}"), Token("oauth", "OAuth token with granular scopes")],
    headers={"From": "{email}"},
    describe=describe, judge=judge, limit=limit, bucket=bucket, per_minute=960,
    setup=(
        "A user of PagerDuty for irkit alone, and an API key of that user (User Settings > Create API User Token). A key of",
        "the whole account works too, but cannot say whose it is: the record then names it so.",
        "Scopes of an OAuth app: incidents.write, users.read, oauth_delegations.read and .write, webhook_subscriptions.write,",
        "extensions.read, audit_records.read. Audit records need an administrator and a plan that has them.",
        "For events: an Events API v2 integration of the service, its key under credentials: events = \"env:…\".",
        "The address of the EU region's Events host is not confirmed: there page by an incident.",
    ),
)


class User(Record, frozen=True):
    """A person of PagerDuty's."""

    id: UserId
    email: str
    name: str
    role: str
    person: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        email, name = words(data.get("email")), words(data.get("name"))
        found = ident(data.get("id"))
        if not found:
            raise BadAnswer("a user came without an id")
        return cls(UserId(found), email, name, words(data.get("role")), f"{name} <{email}>")


# -- paging ------------------------------------------------------------------------------------------------------

def next_page(request: Request, answer: Response) -> Request | None:
    """Classic paging: as many rows further while `more` is true; beyond 10,000 the vendor gives none."""
    data = row(answer.json, "page")
    if data.get("more") is not True:
        return None
    head, _, query = request.target.partition("?")
    pairs = dict(parse_qsl(query))
    step, offset = int(pairs.get("limit", "100")), int(pairs.get("offset", "0"))
    if offset + 2 * step > MOST_ROWS:
        return None
    return request.follow(f"{head}?{urlencode({**pairs, 'offset': offset + step}, safe='[]:,@')}")


def short(answer: Response, done: Walk) -> bool:
    if row(answer.json, "page").get("more") is not True:
        return False
    done.notes.append(f"PagerDuty gives no more than {MOST_ROWS:,} rows of a list")
    return True


# -- who -----------------------------------------------------------------------------------------------------------

@pagerduty.identity
def check() -> Steps[Identity]:
    """Whose key it is. An account-level key has nobody (400); then the users can be listed, and `From` is who is named."""
    email = yield from setting("email")
    answer = yield GET("/users/me", ok=[400])
    if answer.status == 400:
        yield GET("/users", params={"limit": 1})
        return Identity("", email, email, "account-level key", admin=True)
    me = User.of(one(answer, "user"))
    return Identity(me.id, me.email, me.name, me.role, admin=me.role in ("admin", "owner"))


@pagerduty.proof("users.read", "find the person")
def _users() -> Steps[Response]:
    return (yield GET("/users", params={"limit": 1}))


@pagerduty.proof("incidents.read", "see whether a page became an incident")
def _incidents() -> Steps[Response]:
    return (yield GET("/incidents", params={"limit": 1}))


@pagerduty.proof("webhook_subscriptions.read", "find what pushes incidents out")
def _webhooks() -> Steps[Response]:
    return (yield GET("/webhook_subscriptions", params={"limit": 1}))
