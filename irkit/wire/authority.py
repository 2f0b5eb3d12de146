"""Ask a time-stamping authority over HTTP (RFC 3161 3.4).

An authority is the one address that may be plain http: its answer is signed, and most public ones have nothing else. It is
told nothing but an imprint: no credential goes to it, nor through the environment's proxies, whose user names and passwords
are left out. As in `irkit.wire.http`, one request is one exchange: no redirect is followed, no cookie kept, no .netrc read.
"""

from __future__ import annotations

import ssl
from contextlib import closing
from typing import Never
from urllib.request import getproxies, proxy_bypass

import httpx

from irkit.action import HEADERS, ActionError, BadAnswer, NoAnswer, NotSent, Refused
from irkit.config import is_loopback
from irkit.wire.http import NOT_SENT, TIMEOUTS, UNKNOWN

LONGEST = 64 * 1024                    # bytes of an answer; one with a chain of certificates has about 6,000
_HEADERS = {**HEADERS, "Accept": "application/timestamp-reply", "Content-Type": "application/timestamp-query"}


def ask(url: str, request: bytes, *, timeouts: httpx.Timeout = TIMEOUTS) -> bytes:
    """The authority's answer to a TimeStampReq, unread.

    Raises NotSent, NoAnswer, Refused for any status but 200, BadAnswer for an answer over 64 KiB; `where` is the authority.
    """
    address = _address(url)
    with closing(_transport(address, url)) as transport:
        try:
            sent = httpx.Request("POST", address, headers=_HEADERS, content=request, extensions={"timeout": timeouts.as_dict()})
            with closing(transport.handle_request(sent)) as answer:
                return _content(answer, url)
        except ActionError:
            raise
        except Exception as error:
            _explain(error, url, address.host, timeouts)


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
        if address.scheme in ("http", "https") and address.host and not address.userinfo:
            return address.copy_with(fragment=None)
    except httpx.InvalidURL:
        pass
    raise NotSent("a timestamp authority is an http or https address without a name or password", where=url)


def _transport(address: httpx.URL, url: str) -> httpx.HTTPTransport:
    """The environment's proxy and certificates count; its proxy's user name and password do not."""
    proxies = {} if is_loopback(address.host) or proxy_bypass(address.host) else getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    try:
        way = httpx.URL(proxy if "://" in proxy else f"http://{proxy}").copy_with(userinfo=b"") if proxy else None
        # Plain http needs no certificates; a context without any trusts nobody.
        trust = httpx.create_ssl_context() if address.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx.HTTPTransport(verify=trust, proxy=httpx.Proxy(way) if way else None)
    except (OSError, ValueError, ImportError, httpx.InvalidURL):
        raise NotSent("the proxy or the certificates that the environment names cannot be used", where=url,
                      next="correct HTTP_PROXY, HTTPS_PROXY, SSL_CERT_FILE or SSL_CERT_DIR") from None


def _content(answer: httpx.Response, url: str) -> bytes:
    if answer.status_code != 200:
        raise Refused(f"the authority refused the request ({answer.status_code})", status=answer.status_code, where=url)
    content = bytearray()
    for chunk in answer.iter_raw():
        content += chunk
        if len(content) > LONGEST:
            raise BadAnswer(f"the answer has more than {LONGEST:,} bytes", where=url)
    return bytes(content)


def _explain(error: Exception, url: str, host: str, timeouts: httpx.Timeout) -> Never:
    sentence = NOT_SENT.get(type(error)) or UNKNOWN.get(type(error)) or "the exchange with {host} failed"
    said = f"{sentence.format(host=host, **timeouts.as_dict())} ({str(error)[:300] or type(error).__name__})"
    raise (NotSent if type(error) in NOT_SENT else NoAnswer)(said, where=url) from None
