"""The Okta connector itself: address, sign-ins, rate limits, Okta's own words, and how its lists are read.

Rules of the package: the state of a user comes from a look by id, which is consistent at once, never from a search; a next link
is followed verbatim; a log query always bears both ends of its window; Okta lists no sessions of a person, so none are
promised; nobody is ever deactivated, which cannot be taken back and would keep factors from being removed.

Sources: okta-management-openapi-spec 2026.06; developer.okta.com, Core Okta API, Rate limits, Implement OAuth for Okta with a
service app; okta-sdk-python's request executor (the rate-limit headers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from irkit.action import (
    ActionError,
    Assertion,
    BadAnswer,
    Bucket,
    ClientCredentials,
    Connector,
    Item,
    Limit,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Token,
    Unavailable,
    Walk,
    by_link_header,
    http_when,
    row,
    until_reset,
    walk,
    words,
)

MAX_WORDS = 300
CONCURRENT = 2.0        # seconds to hold off when too many requests were under way at once
LOGOUT = "/oauth2/v1/global-token-revocation"
UNIVERSAL = "Universal Logout (Identity Threat Protection) and okta.universalLogout.manage"
PEOPLE = "Admin Console > Directory > People > the person"
SCOPES = ("okta.users.read okta.users.manage okta.roles.read okta.roles.manage okta.apiTokens.read okta.apiTokens.manage "
          "okta.sessions.read okta.sessions.manage okta.logs.read okta.appGrants.read okta.universalLogout.manage")

# What a request needs: the first that fits its path; all else belongs to users.
AREAS = ((r"^/api/v1/logs", "logs"), (r"^/api/v1/api-tokens", "apiTokens"), (r"^/api/v1/sessions/", "sessions"),
         (LOGOUT, "universalLogout"), (r"^/api/v1/apps/[^/]+/grants", "appGrants"), (r"/roles(/|$)|^/api/v1/iam/", "roles"))


def scope_of(request: Request) -> str:
    """The OAuth scope that a request needs."""
    path = urlsplit(request.target).path
    area = next((area for pattern, area in AREAS if re.search(pattern, path)), "users")
    return f"okta.{area}.{'manage' if request.is_write else 'read'}"


def _fields(response: Response) -> Mapping[str, Any]:
    try:
        data = response.json
    except BadAnswer:
        return {}
    return data if isinstance(data, dict) else {}


def describe(response: Response) -> str:
    """Okta's own sentence with its code, causes and error id, or the token endpoint's; "" where there is none.

    {"errorCode", "errorSummary", "errorId", "errorCauses": [{"errorSummary"}]}; token endpoint: {"error", "error_description"}.
    """
    data = _fields(response)
    code, told, asked = (words(data.get(key)) for key in ("errorCode", "errorSummary", "errorId"))
    causes = data.get("errorCauses")
    more = [words(one.get("errorSummary")) for one in causes if isinstance(one, dict)] if isinstance(causes, list) else []
    said = "; ".join(dict.fromkeys(part for part in (told, *more) if part)) or words(data.get("error_description"))
    said = f"{said} ({code})" if said and code else said or code or words(data.get("error"))
    return said[:MAX_WORDS] + (f", error id {asked[:60]}" if asked else "")


def judge(request: Request, response: Response) -> ActionError | None:
    """Refusals whose status says too little: a dead credential, a scope or a role that is missing, a log query too wide."""
    status = response.status
    if status in request.ok:
        return None
    path, said = urlsplit(request.target).path, describe(response) or "no reason given"
    if path == LOGOUT and status in (403, 404):
        return Unavailable(f"Okta ended nothing: {said}. Sessions inside other apps were not ended by Okta", status=status,
                           needs=UNIVERSAL, next=f"{PEOPLE}: where the console offers Universal Logout, do it there")
    if status == 401:
        return _kind(request)(f"Okta does not take the credential: {said}. A token dies when it is revoked, unused for 30 "
                              "days, or with the account of whoever made it", status=401, next="irkit connect okta")
    if status == 403:
        return _denied(request, response, path, said)
    if status == 500 and _fields(response).get("errorCode") == "E0000009" and path.endswith("/logs"):
        return Refused(f"the log query ran over Okta's 30 seconds: {said}", status=500,
                       next="keep the log in two narrower windows")
    return None


def _kind(request: Request) -> type[Refused] | type[Unavailable]:
    return Refused if request.is_write else Unavailable


def _denied(request: Request, response: Response, path: str, said: str) -> ActionError:
    scope = scope_of(request)
    if _fields(response).get("errorCode") == "E0000015":
        what, lacking = "this org does not have the feature", "a feature that this org does not have"
    elif "insufficient_scope" in response.headers.get("www-authenticate", "").lower():
        what, lacking = f"the scope {scope} is not granted to the app", scope
    else:
        what, lacking = f"the scope {scope} or an admin role that reaches this is missing", f"{scope} and an admin role"
    text = f"{path} answered 403: {what} ({said})"
    if request.is_write:
        return Refused(text, status=403, next="irkit doctor okta; meanwhile do it by hand in the Admin Console")
    return Unavailable(text, status=403, needs=request.gate or lacking, next="irkit doctor okta")


def limit(response: Response, _now: datetime) -> Limit:
    """What an answer says of the rate limit: no Retry-After, but an epoch second that is read by the server's own Date.

    A limit of 0 with 0 remaining is no budget: too many requests are under way at once.
    """
    most, left = _least(response, "x-rate-limit-limit"), _least(response, "x-rate-limit-remaining")
    if response.status == 429 and most == 0 and left == 0:
        return Limit(wait=CONCURRENT)
    wait = until_reset(response) if response.status == 429 else None
    return Limit(wait=wait if wait is None else max(1.0, wait), per_minute=most or None, remaining=left if most else None)


def _least(response: Response, header: str) -> int | None:
    """The smallest of a header that may be repeated."""
    texts = [part.strip() for part in response.headers.get(header, "").split(",")]
    return min((int(text) for text in texts if re.fullmatch(r"[0-9]{1,9}", text)), default=None)


def bucket(request: Request) -> Bucket | None:
    """Limits of their own, of which one client gets half by default (the older published table)."""
    path = urlsplit(request.target).path
    if path.endswith("/api/v1/logs"):
        return Bucket("System Log", 60)
    if re.search(r"/api/v1/users/[^/]+$", path):
        return Bucket("single users", 1000)
    return Bucket("changes of users", 300) if request.is_write and "/api/v1/users/" in path else None


okta = Connector(
    "okta", title="Okta", base_url="https://{org}", per_minute=600,
    settings=[Setting("org", "Okta domain", r"(?![^.]*-admin\.)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+",
                      'the "acme.okta.com" of https://acme.okta.com, without https:// and without -admin')],
    sign_in=[
        ClientCredentials("/oauth2/v1/token", "{scopes}", "private_key_jwt", "Private key of the app (PEM or JWK)", settings=(
            Setting("client_id", "Client id of the service app", r"[A-Za-z0-9_-]+"),
            Setting("key_id", "Key id of its public key", r"[!-~]+", "the KID that Okta shows beside it"),
            Setting("scopes", "Scopes, by blanks", r"okta\.[A-Za-z.]+(?: okta\.[A-Za-z.]+)*",
                    "leave okta.universalLogout.manage out where the org has no such scope", default=SCOPES),
        ), body="form", assertion=Assertion("RS256")),
        Token("ssws", "API token (SSWS)", "SSWS {}"),
    ],
    describe=describe, judge=judge, limit=limit, bucket=bucket,
    setup=[
        "Do this before an incident: only a super administrator can grant scopes, and rotate the key afterwards.",
        "1. Admin Console > Applications > Create App Integration > API Services: one app for irkit alone.",
        "2. Its client authentication: public key / private key. Keep the private key where irkit.toml says; turn DPoP off.",
        "3. Okta API Scopes: grant those listed above. okta.universalLogout.manage takes the Universal Logout licence.",
        "4. Admin roles: assign one to the app. What it can do is what scopes and role both allow. To suspend administrators",
        "   and to delete API tokens of others it has to be a super administrator.",
        "5. Admin Console settings, Public client app admins: when it is on, every service app becomes a super administrator.",
        "An API token instead: it has the role of whoever made it, follows every change of that, ends after 30 days without",
        "   use, and dies when that account is deactivated. Make it with an account that is for incidents alone.",
    ])


def key(value: str, what: str) -> str:
    """An id of Okta's: it stands in filters, where anything else could ask for other people."""
    if not re.fullmatch(r"[A-Za-z0-9._~-]{1,100}", value):
        raise ActionError(f"{value!r} is no id of a {what}")
    return value


def everything(first: Request, make: Callable[[Mapping[str, Any]], Item], what: str) -> Steps[tuple[list[Item], Walk]]:
    """A whole list that comes as JSON arrays with Link headers."""
    found: list[Item] = []
    done = yield from walk(first, "", lambda value: found.append(make(row(value, what))), after=by_link_header)
    return found, done


def deleting(request: Request) -> Steps[None]:
    """Send it. A 404 is no error here: what was to go has gone meanwhile, as the look that follows has to show."""
    try:
        yield request
    except Refused as error:
        if error.status != 404:
            raise


def required(value: str, what: str) -> str:
    """An id without which nothing can be decided. Raises BadAnswer for an empty one."""
    if not value:
        raise BadAnswer(f"{what} came without its id")
    return value


def moment(response: Response) -> datetime:
    """Okta's own clock: the Date of its answer. Raises BadAnswer where it does not say."""
    found = http_when(response.headers.get("date", ""))
    if found is None:
        raise BadAnswer("the answer bears no Date: what is asked of the log is asked by Okta's clock")
    return found
