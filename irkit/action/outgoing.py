"""From a request to the very bytes that will leave, the same in every mode: a gate in a drill shows what a live run sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import irkit
from irkit.action.connector import Connector
from irkit.action.request import Request
from irkit.errors import ActionError

# Asked for uncompressed, so that what is kept is what came.
HEADERS = {"User-Agent": f"irkit/{irkit.__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}

# What the connection sets itself; a request that brings one of these was written wrongly.
RESERVED = frozenset({"authorization", "proxy-authorization", "cookie", "host", "content-length", "transfer-encoding",
                      "connection", "accept-encoding", "user-agent"})


@dataclass(frozen=True)
class Outgoing:
    """The request that will leave: final URL, headers and body, still without the credential.

    `acting_as` is the words for whom the connection acts as: '"ir-break-glass" (admin)'.
    """

    connection: str
    connector: str
    request: Request
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    acting_as: str = ""

    @classmethod
    def of(cls, connection: str, connector: Connector, request: Request, url: str, acting_as: str = "") -> Outgoing:
        """All but Host, Content-Length and Authorization, which follow from the URL, the body and the sign-in.

        Raises ActionError for a body that is no JSON and for a header that is the connection's to set.
        """
        body = None if request.json is None else encode(request.json)
        headers = dict(HEADERS) if body is None else {**HEADERS, "Content-Type": "application/json"}
        known = {name.lower(): name for name in headers}
        for name, value in (*connector.headers.items(), *request.headers.items()):
            if name.lower() in RESERVED:
                raise ActionError(f"a request may not set the header {name}")
            headers[known.setdefault(name.lower(), name)] = value
        return cls(connection, connector.name, request, url, headers, body, acting_as)

    @property
    def method(self) -> str:
        return self.request.method


def encode(data: object) -> bytes:
    """A JSON body. Raises ActionError for what JSON cannot hold."""
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ActionError(f"the body cannot be written as JSON: {error}") from None
