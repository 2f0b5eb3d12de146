"""What a probe has where other runs have a transport: it cannot send what nobody said is a read.

A probe's wire makes no other, so whatever asks it to send, and however, a write meets this before a connection is opened.
"""

from __future__ import annotations

import httpx

from irkit.errors import NotSent

READ = "irkit.read"                    # the extension of an httpx request that says so
METHODS = ("GET", "HEAD", "POST")      # searches and token calls are POSTs; no vendor reads by PUT, PATCH or DELETE
PROBE = "this is a probe: its wire sends reads only"


class ReadsOnly(httpx.BaseTransport):
    """Passes on a request that bears READ and has a method that can be one. Raises NotSent for every other."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method not in METHODS or request.extensions.get(READ) is not True:
            raise NotSent(PROBE)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()
