"""A connection that has signed in: its addresses, its sockets, its rate limits, its cookies, and what nobody may see."""

from __future__ import annotations

import functools
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from irkit.action import (
    CREDENTIAL,
    ActionError,
    Artefact,
    Bucket,
    ClientCredentials,
    Connector,
    NotSent,
    Outgoing,
    Placed,
    Request,
    ServiceAccount,
    SignIn,
)
from irkit.config import Connection, is_loopback
from irkit.errors import CredentialError, IrkitError
from irkit.secrets import Secret
from irkit.wire.auth import Auth
from irkit.wire.lanes import Lanes
from irkit.wire.limits import Pace
from irkit.wire.reading import ReadsOnly

CONNECTIONS = 32                       # twice the workers of a fan-out, so that a worker never waits for a socket
PIECE = 2**18                          # bytes of an upload held at a time

parsed = functools.lru_cache(512)(httpx.URL)         # a gate's URL is parsed once, and not again when it is sent
Origin = tuple[str, str, int | None]


class Account:
    """`auths` holds, by host, how requests sign in; `written` are the settings as people wrote them, `filled` as templates
    get them.

    Raises ActionError for an address that is not to be called.
    """

    def __init__(self, connection: Connection, connector: Connector, way: SignIn, *, loopback: bool,
                 pace: Callable[[str, int], Pace], reads_only: bool = False) -> None:
        self.connection, self.connector, self.way = connection, connector, way
        self.written, self.filled = texts(connection, connector, way)
        try:
            self.addresses = connector.addresses(connection.base_url, self.filled)
        except KeyError:                              # of a setting; there is no address to go by
            self.addresses = {"": connection.base_url}
        self._moved = connector.moved(connection.base_url, self.filled)
        self._origins = {self._checked(url, loopback) for url in self.addresses.values()}
        self.auths: dict[str, Auth] = {}
        self._new_pace, self._paces = pace, {"": pace(connector.title, connector.per_minute)}
        self._transports: dict[Origin, httpx.BaseTransport] = {}
        self._reads_only = reads_only
        self._jar: dict[tuple[str, str], Secret] = {}
        self._lock = threading.Lock()
        self.transport(parsed(self.addresses[""]))    # so that an environment that cannot be followed is told now

    # -- addresses -------------------------------------------------------------------------------------------------

    def url(self, request: Request) -> httpx.URL:
        """The final URL of a path or an absolute link. Raises ActionError for one that leaves the connection."""
        target = request.target
        try:
            if target.startswith("/") or (not target and request.signed and self.placed(request.host)):
                url = parsed(f"{self._address(request)}{target}")
            elif target[:8].lower().startswith(("https://", "http://")):
                url = parsed(target)
            else:
                raise ActionError(f"{target[:200]!r} is neither a path nor a link")
        except httpx.InvalidURL:
            raise ActionError(f"the address {target[:200]!r} is not valid") from None
        if astray := self.astray(url):
            raise ActionError(astray, next=f"irkit doctor {self.connection.name}")
        self.transport(url)
        return url.copy_with(fragment=None) if url.fragment else url

    def _address(self, request: Request) -> str:
        if request.host not in self.addresses:
            raise ActionError(f"{self.connector.title} has no host called {request.host!r}")
        placed = self.placed(request.host) if request.signed else None
        path = placed.path.replace("{credential}", quote(CREDENTIAL)).format(**self.filled) if placed else ""
        return self.addresses[request.host] + path

    def astray(self, url: httpx.URL) -> str:
        """Why this URL must not get the connection's credential; "" when it may."""
        if origin(url) in self._origins and not url.userinfo:
            return ""
        own = " and ".join(dict.fromkeys(place(parsed(base)) for base in self.addresses.values()))
        return f"a link leads to {place(url)}, and {self.connection.name} is {own}; it is not followed"

    def _checked(self, address: str, loopback: bool) -> Origin:
        name = self.connection.name
        try:
            base = httpx.URL(address)
        except httpx.InvalidURL:
            raise ActionError(f"the address of {name} is not valid: {address!r}") from None
        local = is_loopback(base.host)
        if local and not loopback:
            raise ActionError(f"{name} is {place(base)}, this machine itself: a live incident does not call it",
                              next="use an incident opened as a test, or another connection")
        if base.scheme != "https" and not (local and base.scheme == "http"):
            raise ActionError(f"{name} is {place(base)}: only https is called", next=f"irkit connect {name}")
        return origin(base)

    def token_endpoint(self, way: SignIn) -> tuple[str, str]:
        """Where a token is fetched, and that address as the vendor knows it; two empty texts where none is fetched."""
        if not isinstance(way, ClientCredentials | ServiceAccount):
            return "", ""
        base, template = self.addresses[""], way.token
        if not template.startswith("https://"):
            own = self.connector.base_url
            try:
                known = own.format(**self.filled).rstrip("/") + template.format(**self.filled)
            except KeyError:                          # a served world: base_url stands for the settings of the address
                known = base + template.format(**self.filled)
            return base + template.format(**self.filled), known
        known = template.format(**self.filled)
        return (base + urlsplit(known).path if self._moved else known), known

    # -- credentials -----------------------------------------------------------------------------------------------

    def placed(self, host: str) -> Placed | None:
        return self.connector.placed(host, self.way)

    def reference(self, host: str, way: SignIn) -> str:
        """Where the credential of a host of its own is kept. Raises CredentialError."""
        found = self.connection.credentials.get(host, "")
        if not found:
            name = self.connection.name
            raise CredentialError(f"{name} has no credential for {host}: {way.ask}", where=f"connection {name}",
                                  next=f"irkit connect {self.connector.name} --also {host}=env:NAME")
        return found

    def bearing(self, outgoing: Outgoing) -> tuple[str, bytes | None]:
        """URL and body, with the credential where the sign-in puts it into the request."""
        if outgoing.placed is None or not outgoing.request.signed:
            return outgoing.url, outgoing.body
        host = outgoing.request.host
        return outgoing.bearing(self.auths[host if host in self.auths else ""].secrets()[0].reveal())

    def secrets(self) -> list[Secret]:
        return [*(secret for auth in list(self.auths.values()) for secret in auth.secrets()), *self._jar.values()]

    def take_cookies(self, url: str, headers: httpx.Headers) -> None:
        """Keep what Set-Cookie says, by host and name; attributes are not looked at: a job's cookies last as long as it."""
        if self.connector.cookies:
            for line in headers.get_list("set-cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                with self._lock:
                    self._jar[urlsplit(url).netloc, name.strip()] = Secret(value.strip())

    def cookies(self, url: str) -> list[tuple[str, str]]:
        """The Cookie header, where there is something to send back."""
        with self._lock:
            mine = [f"{name}={value.reveal()}" for (host, name), value in self._jar.items() if host == urlsplit(url).netloc]
        return [("Cookie", "; ".join(mine))] if mine else []

    # -- rates and sockets -----------------------------------------------------------------------------------------

    def pace(self, bucket: Bucket | None = None) -> Pace:
        """The rate limit that a request falls under."""
        name = bucket.name if bucket else ""
        with self._lock:
            if name not in self._paces and bucket:
                self._paces[name] = self._new_pace(f"{self.connector.title} {name}", bucket.per_minute)
            return self._paces[name]

    def transport(self, url: httpx.URL) -> httpx.BaseTransport:
        """The pool of connections to that place; of a probe, one that sends reads only."""
        with self._lock:
            found = self._transports.get(origin(url))
            if found is None:
                made = _transport(url)
                found = self._transports[origin(url)] = ReadsOnly(made) if self._reads_only else made
            return found

    def close(self) -> None:
        for transport in list(self._transports.values()):
            transport.close()


def texts(connection: Connection, connector: Connector, way: SignIn) -> tuple[dict[str, str], dict[str, str]]:
    """The settings as people wrote them, with the defaults of those left out; and as templates get them."""
    known = {one.name: one.default for one in (*connector.settings, *way.settings) if one.default is not None}
    written = {**known, **connection.settings}
    return written, {**written, **connector.filled(way, connection.settings)}


def body_of(outgoing: Outgoing, body: bytes | None,
            source: Callable[[Artefact], BinaryIO] | None) -> tuple[bytes | Iterator[bytes] | None, list[tuple[str, str]]]:
    """What httpx sends, and the Content-Length where it cannot know it. Raises NotSent for an upload without its file."""
    upload = outgoing.request.upload
    if upload is None:
        return body, []
    if source is None:
        raise NotSent(f"the artefact {upload.name} is not at hand")
    try:
        file = source(upload)                # now, not while it is sent: what cannot be opened has not left
    except IrkitError as error:
        raise NotSent(error.what, where=error.where, next=error.next) from None
    return _pieces(file), [("Content-Length", str(upload.size))]


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)


def place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


@functools.cache
def certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _transport(base: httpx.URL) -> Lanes:
    """The connections to one place. Raises IrkitError for an environment that cannot be followed."""
    proxies: Mapping[str, str] = {} if is_loopback(base.host) or proxy_bypass(base.host) else getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0)
    try:
        # Reading the certificates takes 70 ms. A context without any trusts nobody, and plain http needs none.
        trust = certificates() if base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return Lanes(lambda: httpx.HTTPTransport(verify=trust, limits=one, proxy=proxy), CONNECTIONS)
    except OSError:
        wrong, variables = "certificates", "SSL_CERT_FILE or SSL_CERT_DIR"
    except (ValueError, ImportError, httpx.InvalidURL):
        wrong, variables = "proxy", "HTTPS_PROXY or ALL_PROXY"
    raise IrkitError(f"the {wrong} that the environment names cannot be used", next=f"correct {variables}")
