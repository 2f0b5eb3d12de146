"""The Zendesk connector itself: address, sign-ins, rate-limit signals, and the vendor's own words in an error.

Rules of the package: a 200 is no proof (look again); a list that a non-administrator would get shortened is never trusted
without the role; a value of the vendor's is read through `records`, never by bare indexing; no request is made that Zendesk
does not document or a production client does not make.

Sources: developer.zendesk.com/api-reference/introduction/rate-limits (limits), /ticketing/oauth/grant_type_tokens (tokens),
/ticketing/account-configuration/access_logs (the one limit that is announced as a date-time).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import BadAnswer, Basic, ClientCredentials, Connector, Limit, Response, Setting, Token, retry_after

MAX_WORDS = 300


def limit(response: Response, now: datetime) -> Limit:
    """What an answer says of the rate limit.

    Most endpoints answer 429 with `Retry-After` in seconds. Access logs send none: there `ratelimit-reset` is a date-time,
    where elsewhere it is a number of seconds.
    """
    wait = retry_after(response, now).wait
    if wait is None and response.status == 429:
        wait = _reset(response.headers.get("ratelimit-reset", "").strip(), now)
    return Limit(wait=wait, per_minute=_number(response, "x-rate-limit", "ratelimit-limit"),
                 remaining=_number(response, "x-rate-limit-remaining", "ratelimit-remaining"))


def _reset(text: str, now: datetime) -> float | None:
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, (datetime.fromisoformat(text) - now).total_seconds())
    except (ValueError, TypeError):      # TypeError: a date-time without its zone cannot be compared
        return None


def _number(response: Response, *names: str) -> int | None:
    for name in names:
        text = response.headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return int(text)
    return None


def describe(response: Response) -> str:
    """Zendesk's own sentence, out of either of its error bodies, or "" where there is none.

    Ticketing: {"error": "RecordInvalid" | {"title", "message"}, "description", "details": {field: [{"description"}]}}.
    Newer APIs: {"errors": [{"code", "title", "detail", "status"}]}. OAuth: {"error", "error_description"}.
    """
    try:
        data = response.json
    except BadAnswer:
        return ""
    if not isinstance(data, dict):
        return ""
    listed = data.get("errors")
    said = _newer(listed) if isinstance(listed, list) else _ticketing(data)
    return "; ".join(dict.fromkeys(part for part in said if part))[:MAX_WORDS]


def _newer(errors: list[Any]) -> list[str]:
    return [_first(error, "detail", "title", "code") for error in errors if isinstance(error, dict)]


def _ticketing(data: Mapping[str, Any]) -> list[str]:
    error = data.get("error")
    nested = error if isinstance(error, dict) else {}
    head = _first(data, "description", "error_description", "message") or _first(nested, "message", "title")
    details = data.get("details")
    fields = details.values() if isinstance(details, dict) else ()
    more = [_first(item, "description", "error") for field in fields if isinstance(field, list)
            for item in field if isinstance(item, dict)]
    return [head or (error if isinstance(error, str) else ""), *more]


def _first(data: Mapping[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := data.get(key), str) and value), "")


zendesk = Connector(
    "zendesk", title="Zendesk", base_url="https://{subdomain}.zendesk.com",
    settings=[Setting("subdomain", "Subdomain", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
                      'the "acme" of acme.zendesk.com, without https:// and without .zendesk.com')],
    sign_in=[
        Token("token", "OAuth access token of an administrator"),
        ClientCredentials("/oauth/tokens", "read write security:read", settings=(
            Setting("client_id", "Unique identifier of a confidential OAuth client",
                    hint="its allowed scopes must include read, write and security:read"),)),
        Basic("{email}/token", "api_token", "API token (legacy: ends 2027-04-30)",
              (Setting("email", "E-mail address of an administrator", r"[^@\s:/]+@[^@\s:/]+"),)),
    ],
    limit=limit, describe=describe,
    headers={"Accept": "application/json"},     # without it the live API has answered "unsupported media type"
)
