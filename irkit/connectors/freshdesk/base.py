"""The Freshdesk connector itself: address, API key, rate limits, Freshdesk's own words, and how its lists are read.

Rules of the package: a 200 is no proof, look again; a filter may be ignored, so rows are compared here; a list that the key's
own ticket scope shortens is never taken for whole. Freshdesk is not Freshservice, whose audit-log API people remember.

Sources: developers.freshdesk.com/api (authentication, rate limit, errors, pagination), support.freshdesk.com, article 225439.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Basic,
    Bucket,
    Connector,
    Item,
    Limit,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Unavailable,
    Walk,
    by_link_header,
    ident,
    items,
    paging,
    retry_after,
    words,
)

MAX_WORDS = 300


def _limits(lists: int, updates: int) -> Mapping[str, int]:
    return {"tickets list": lists, "contacts list": lists, "ticket update": updates}


SMALLEST = _limits(20, 80)      # Growth, and what a trial is taken for
OWN = {200: SMALLEST, 400: _limits(100, 160), 700: _limits(200, 280), 1000: _limits(300, 400), 2000: _limits(400, 800)}
PAGE = 100                  # the largest page; a larger one is an error
ADMIN = "API key of an account administrator"


class Tally(paging.Tally):
    vendor = "Freshdesk"


def limit(response: Response, now: datetime) -> Limit:
    """`Retry-After` in seconds on a 429, `X-RateLimit-Total` and `-Remaining` a minute on every answer.

    Both headers are of the whole account: of a list that has a limit of its own they tell the plan alone, and that its limit.
    """
    wait, total = retry_after(response, now).wait, _count(response, "x-ratelimit-total")
    own = _own(urlsplit(response.url).path)
    if own:
        return Limit(wait, SMALLEST[own] if total is None else OWN.get(total, SMALLEST)[own])
    return Limit(wait, total, _count(response, "x-ratelimit-remaining"))


def _own(path: str) -> str:
    """Which limit of its own an operation falls under, "" for none."""
    if path in ("/api/v2/tickets", "/api/v2/contacts"):
        return f"{path.rpartition('/')[2]} list"
    return "ticket update" if re.fullmatch(r"/api/v2/tickets/[0-9]+/restore", path) else ""


def _count(response: Response, name: str) -> int | None:
    text = response.headers.get(name, "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def describe(response: Response) -> str:
    """Freshdesk's own sentence, "" where there is none.

    400: {"description", "errors": [{"field", "message", "code"}]}; all others: {"code", "message"}.
    """
    try:
        data = response.json
    except BadAnswer:
        return ""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    each = [_error(error) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    said = [words(data.get("description")), *each, _error(data)]
    return "; ".join(dict.fromkeys(part for part in said if part))[:MAX_WORDS]


def _error(data: Mapping[str, Any]) -> str:
    field, told, code = words(data.get("field")), words(data.get("message")), words(data.get("code"))
    said = f"{told} ({code})" if told and code else told or code
    return f"{field}: {said}" if field and said else said


def judge(request: Request, response: Response) -> ActionError | None:
    """Two answers whose status says too little: a plan without an API, and an address without a Freshdesk."""
    if response.status == 429 and _count(response, "x-ratelimit-total") == 0:
        return Unavailable("this account may make no API call at all: the Free plan has a rate limit of 0", status=429,
                           needs="plan with an API (Growth, Pro or Enterprise)",
                           next="do the steps by hand, in Freshdesk's own pages")
    if request.target.partition("?")[0] == "/api/v2/agents/me" and (response.status == 404 or 300 <= response.status < 400):
        return Refused(f"there is no Freshdesk account at this address ({response.status}): wrong subdomain, or a Freshservice "
                       "one", status=response.status, next="irkit connect freshdesk")
    return None


def bucket(request: Request) -> Bucket | None:
    """Lists of tickets and of contacts, and updates of tickets, have limits of their own: the smallest plan's, until an answer
    tells the plan."""
    own = _own(urlsplit(request.target).path)
    return Bucket(own, SMALLEST[own]) if own else None


freshdesk = Connector(
    "freshdesk", title="Freshdesk", base_url="https://{subdomain}.freshdesk.com",
    settings=[Setting("subdomain", "Subdomain", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
                      'the "acme" of acme.freshdesk.com, without https:// and without .freshdesk.com; the API does not answer '
                      "at a domain of your own")],
    # the password is not looked at
    sign_in=[Basic("{credential}", "api_key", "API key", password="X")],      # noqa: S106
    limit=limit, describe=describe, judge=judge, bucket=bucket, headers={"Accept": "application/json"},
    setup=[
        "1. Before there is an incident, make an agent for irkit alone: Admin > Team >",
        "   Agents > New agent, full time, role Account Administrator, ticket scope",
        "   Global. A smaller scope would shorten lists of tickets in silence, and",
        "   nobody can change their own roles: never use the key of a person.",
        "2. Sign in as that agent: profile picture > Profile settings > Your API key.",
        "   Looking there while you assume somebody's identity shows another key.",
        "3. The Free plan has no API: every step of a runbook is then one by hand.",
    ])


def next_page(request: Request, answer: Response) -> Request | None:
    """`link: < https://…>;rel="next"`: the documentation shows a blank before the address. None: this page was the last."""
    following = by_link_header(request, answer)
    return replace(following, target=following.target.strip()) if following else None


def listed(path: str, *parts: object, **options: Any) -> Request:
    """The first page of a list."""
    params = dict(options.pop("params", {}))
    return GET("/api/v2" + path, *parts, params={**params, "per_page": PAGE}, **options)


def everything(first: Request, make: Callable[[Mapping[str, Any]], Item]) -> Steps[tuple[list[Item], Walk]]:
    """A whole list of Freshdesk's: the last page has no link to another one."""
    return (yield from items(first, "", make, after=next_page))


def number(value: str, what: str) -> int:
    """An id, as Freshdesk wants it in a body. Raises ActionError before anything is asked with a word such as "me"."""
    if not (value.isascii() and value.isdecimal() and len(value) <= 20):
        raise ActionError(f"{value!r} is no id of {what}: Freshdesk's are numbers")
    return int(value)


def required(value: object, what: str) -> str:
    """An id as text. Raises BadAnswer where there is none: nothing can be decided without it."""
    if not ident(value):
        raise BadAnswer(f"{what} came without its id")
    return ident(value)


def idents(value: object, what: str) -> tuple[str, ...]:
    """A list of ids, smallest first. Raises BadAnswer where it is none, since what is not known cannot be given back."""
    if not isinstance(value, list) or not all(ident(one) for one in value):
        raise BadAnswer(f"{what} came as {type(value).__name__}, not as a list of ids")
    return tuple(sorted(map(ident, value), key=lambda one: (len(one), one)))
