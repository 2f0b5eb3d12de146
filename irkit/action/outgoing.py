"""From a request to the very bytes that will leave, the same in every mode: a gate in a drill shows what a live run sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

import irkit
from irkit.action.connector import Connector
from irkit.action.request import Request
from irkit.action.signin import Placed
from irkit.errors import ActionError

# Asked for uncompressed, so that what is kept is what came.
HEADERS = {"User-Agent": f"irkit/{irkit.__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}

# What the connection sets itself; a request that brings one of these was written wrongly.
RESERVED = frozenset({"authorization", "proxy-authorization", "cookie", "host", "content-length", "transfer-encoding",
                      "connection", "accept-encoding", "user-agent"})


CREDENTIAL = "[credential]"            # stands where the wire puts a credential into the request itself


class Outgoing(Struct, frozen=True):
    """The request that will leave: final URL, headers and body, still without the credential.

    `acting_as` is the words for whom the connection acts as: '"ir-break-glass" (admin)'. Of an upload there is no `body`:
    `request.upload` names what streams; of a mail it is the message in words, and `request.mail` makes the bytes. With
    `placed`, `bearing()` puts the credential in. `shown` is the body as a gate and the ledger show it: without the values
    that `request.secret` names.
    """

    connection: str
    connector: str
    request: Request
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    acting_as: str = ""
    shown: bytes | None = None
    placed: Placed | None = None

    @classmethod
    def of(cls, connection: str, connector: Connector, request: Request, url: str, acting_as: str = "", *,
           settings: Mapping[str, str] | None = None, placed: Placed | None = None) -> Outgoing:
        """All but Host, Content-Length and Authorization, which follow from the URL, the body and the sign-in.

        `settings` fill the templates of the connector's headers. Raises ActionError for a body that is no JSON, for an unknown
        host, and for a header that is the connection's to set.
        """
        field = placed.field if placed and request.signed else ""
        body, kind = _body(request, field)
        base = {} if request.mail else HEADERS
        headers = {**base, "Content-Type": kind} if kind else dict(base)
        known = {name.lower(): name for name in headers}
        own = {name: value.format(**(settings or {})) for name, value in connector.headers.items()}
        for name, value in (*own.items(), *request.headers.items()):
            if name.lower() in RESERVED:
                raise ActionError(f"a request may not set the header {name}")
            headers[known.setdefault(name.lower(), name)] = value
        shown = _body(_hidden(request), field)[0] if request.secret else body
        return cls(connection, connector.name, request, url, headers, body, acting_as, shown, placed)

    @property
    def method(self) -> str:
        return self.request.method

    def bearing(self, credential: str) -> tuple[str, bytes | None]:
        """URL and body with the credential where `placed` wants it."""
        url, body = self.url, self.body
        if self.placed is None or not self.request.signed:
            return url, body
        if self.placed.path:
            url = url.replace(quote(CREDENTIAL), quote(credential, safe="~/" if self.placed.slashes else "~"), 1)
        if self.placed.field and body is not None:
            head = _member(self.placed.field, CREDENTIAL)
            assert body.startswith(head)
            body = _member(self.placed.field, credential) + body[len(head):]
        return url, body


def _member(name: str, value: str) -> bytes:
    """How a JSON object begins whose first member this is."""
    return encode({name: value})[:-1]


def _body(request: Request, field: str) -> tuple[bytes | None, str]:
    """The body's bytes (None: there is none, or it streams) and its content type."""
    if request.form is not None:
        pairs = request.form.items() if isinstance(request.form, Mapping) else request.form
        return urlencode([(k, str(v)) for k, v in pairs if v is not None]).encode(), "application/x-www-form-urlencoded"
    if request.mail is not None:
        return request.mail.shown(), ""
    if request.content is not None or request.upload is not None:
        return request.content, request.content_type or "application/octet-stream"
    if request.json is None:
        return None, ""
    if field:
        if not isinstance(request.json, Mapping):
            raise ActionError(f"a body that bears {field} is an object")
        return encode({field: CREDENTIAL, **{k: v for k, v in request.json.items() if k != field}}), "application/json"
    return encode(request.json), request.content_type or "application/json"


REMOVED = "[removed by irkit: a live secret]"


def _hidden(request: Request) -> Request:
    """The request without the values of the keys that it calls secret."""
    form = request.form
    if form is not None:
        pairs = form.items() if isinstance(form, Mapping) else form
        form = [(k, REMOVED if k in request.secret and v is not None else v) for k, v in pairs]
    return replace(request, json=hidden(request.json, frozenset(request.secret)), form=form)


def hidden(value: Any, keys: frozenset[str]) -> Any:
    """A JSON value with the values of `keys` replaced at any depth."""
    if isinstance(value, Mapping):
        return {k: REMOVED if k in keys and v not in (None, "") else hidden(v, keys) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(v, keys) for v in value]
    return value


def encode(data: object) -> bytes:
    """A JSON body. Raises ActionError for what JSON cannot hold."""
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ActionError(f"the body cannot be written as JSON: {error}") from None
