"""What a probe has where other runs have a transport: it cannot send what nobody said is a read.

A probe's wire makes no other, so whatever asks it to send, and however, a write meets this before a connection is opened.
"""

from __future__ import annotations

import httpx

from irkit.errors import NotSent

READ = "irkit.read"                    # the extension of an httpx request that says so
PROBE = "this is a probe: its wire sends reads only"


class ReadsOnly(httpx.BaseTransport):
    """Passes on a request that bears READ. Raises NotSent for every other; one without a word of it is a write."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.extensions.get(READ) is not True:
            raise NotSent(PROBE)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()
