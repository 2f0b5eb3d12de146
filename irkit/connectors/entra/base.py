"""The Entra connector itself: address, sign-ins, throttling, Graph's own words, and how its lists are read.

Rules of the package: a property that is not selected is not there; a next link is followed verbatim until there is none, an
empty page is no end; a 403 on an account is a role of the app that is missing; Graph lists no sessions, so none are promised.

Sources: learn.microsoft.com, graph/paging, graph/throttling-limits, graph/errors, entra v2-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from irkit.action import (
    GET,
    ActionError,
    Assertion,
    BadAnswer,
    Bucket,
    ClientCredentials,
    Connector,
    Item,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Walk,
    at,
    by_field,
    items,
    words,
)

MAX_WORDS = 300
GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
TOKEN = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"      # noqa: S105 - an address
SCOPE = "https://graph.microsoft.com/.default"
PORTAL = "Entra admin center > Users > the user"
ROLE = "a directory role of the app: User Administrator, Privileged Authentication Administrator or Global Administrator"
next_page = by_field("@odata.nextLink")


def describe(response: Response) -> str:
    """Graph's own sentence with its code and request id, or the token endpoint's; "" where there is none.

    Graph: {"error": {"code", "message", "innerError": {"request-id", "date"}}}. Token endpoint: {"error", "error_description"}.
    """
    try:
        data = response.json
    except BadAnswer:
        return ""
    if not isinstance(data, dict):
        return ""
    error = data.get("error")
    if not isinstance(error, dict):
        return words(data.get("error_description"))[:MAX_WORDS] or words(error)
    code, told, asked = words(error.get("code")), words(error.get("message")), words(at(error, "innerError.request-id"))
    said = f"{told or code} ({code})" if told and code else told or code
    return said[:MAX_WORDS] + (f", request-id {asked}" if asked else "")


def judge(request: Request, response: Response) -> ActionError | None:
    """Refusals whose status says too little: a role that is missing, a default method that must go last, somebody deleted."""
    if response.status in request.ok:
        return None
    path = request.target.partition("?")[0]
    if response.status == 403 and request.method == "PATCH" and re.fullmatch(r"/v1\.0/users/[^/]+", path):
        return Refused(f"Graph refused to change the account: {describe(response) or 'no reason given'}. For a privileged "
                       f"person the app needs {ROLE}; Graph permissions alone do not do", status=403,
                       next=f"change it by hand: {PORTAL} > account status; then give the app the role")
    of_a_person = request.method != "DELETE" and re.match(r"/v1\.0/users/[^/]+(/|$)", path)
    if response.status == 404 and of_a_person and "Request_ResourceNotFound" in describe(response):
        return Refused("Entra does not have this person (any more): the account was deleted, or was never here", status=404,
                       next="look at Entra admin center > Users > Deleted users: one can be restored for 30 days")
    if response.status == 400 and "default method" in describe(response).lower():
        return Refused("this is the person's default method: Entra deletes it only when no other is left", status=400,
                       next="delete the other methods first, then this one")
    return None


def bucket(request: Request) -> Bucket | None:
    """Reports take 5 requests in 10 seconds per app and tenant, Identity Protection one a second."""
    if "/auditLogs/" in request.target:
        return Bucket("reports", 30)
    return Bucket("identity protection", 60) if "/identityProtection/" in request.target else None


entra = Connector(
    "entra", title="Microsoft Entra ID", base_url="https://graph.microsoft.com",
    settings=[Setting("tenant", "Tenant id, in Entra admin center > Overview", GUID, hint="a GUID, not the domain"),
              Setting("client_id", "Application (client) id of irkit's app registration", GUID, hint="a GUID")],
    sign_in=[
        ClientCredentials(TOKEN, SCOPE, "client_secret", "Client secret", settings=(), body="form"),
        ClientCredentials(TOKEN, SCOPE, "certificate", "Private key and certificate (one PEM file)", settings=(), body="form",
                          assertion=Assertion("PS256", certificate=True)),
    ],
    describe=describe, judge=judge, bucket=bucket, headers={"Accept": "application/json"},
    setup=[
        "1. Entra admin center > App registrations > New registration: one app for irkit alone, single tenant.",
        "2. API permissions > Microsoft Graph > Application permissions: those listed above; then Grant admin consent.",
        "   EnableDisableAccount, RevokeSessions and ReadWrite are for containment, the others for evidence.",
        "3. Certificates & secrets: upload a certificate (better), or make a client secret.",
        "4. Roles & admins: assign the app User Administrator. Without it Graph refuses to disable anybody privileged, a",
        "   Helpdesk Administrator included. For holders of higher roles: Privileged Authentication Administrator.",
        "5. Now, not in the incident: irkit doctor entra names each that is missing.",
    ])


def guid(value: str, what: str) -> str:
    """`value`, which must be a GUID: it stands in filters, where anything else could ask for other people."""
    if not re.fullmatch(GUID, value):
        raise ActionError(f"{value!r} is no id of a {what}: Entra's are GUIDs")
    return value


def quoted(text: str) -> str:
    """A text of an OData filter: its quotes doubled."""
    return "'" + text.replace("'", "''") + "'"


def listed(path: str, *parts: object, **options: Any) -> Request:
    return GET("/v1.0" + path, *parts, **options)


def everything(first: Request, make: Callable[[Mapping[str, Any]], Item]) -> Steps[tuple[list[Item], Walk]]:
    """A whole list of Graph's. An empty page with a next link is not its end."""
    return (yield from items(first, "value", make, after=next_page))


def required(value: str, what: str) -> str:
    """An id without which nothing can be decided. Raises BadAnswer for an empty one."""
    if not value:
        raise BadAnswer(f"{what} came without its id")
    return value
