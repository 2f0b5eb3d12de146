"""Requests over real sockets: the only module that imports httpx. It satisfies `irkit.engine.modes.Perform`.

- What a gate shows is what leaves: `prepare` takes the final URL from httpx itself and encodes the body once; `send` adds the
  credential to those very bytes and nothing else. A request leaves once; nothing here retries, but for a read that a fresh
  token may save from a 401.
- Only https is called, with the certificate verified; http only to loopback, by a wire made for a test incident. A live wire
  refuses loopback. An absolute link must have the scheme, host and port of one of its connection's addresses, checked
  again at the socket.
- Requests go to httpx's transport, one pool per connection: no redirect is followed, no cookie kept, no .netrc read, by
  construction. Proxies and certificate stores of the environment count; loopback is always called directly.
- Bodies are asked for uncompressed (`Accept-Encoding: identity`), so that what is kept is what came. A vendor who compresses
  all the same is decoded, within bounds. The body limit of an answer held in memory is 16 MiB.
- Errors are sorted by the exact class of the exception: a short list proves that nothing was sent, all else is unknown.
- No text raised from here holds a credential, and no exception that may quote a header is chained to one raised here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, BinaryIO, Protocol

import httpx
from msgspec.structs import replace

from irkit.action import (
    HEADERS,
    ActionError,
    Artefact,
    BadAnswer,
    Bucket,
    ClientCredentials,
    Connector,
    Limit,
    NoAnswer,
    NotSent,
    Outgoing,
    Request,
    Response,
    ServiceAccount,
    SignIn,
    keyless,
)
from irkit.action.response import MAX_JSON
from irkit.config import Connection, choose
from irkit.errors import CredentialError
from irkit.secrets import Ask, Secret, resolve, scrub, scrub_bytes
from irkit.wire import auth
from irkit.wire.account import Account, body_of, parsed
from irkit.wire.inflate import decoder
from irkit.wire.limits import Pace
from irkit.wire.mail import Mailbox
from irkit.wire.reading import PROBE, READ

TIMEOUTS = httpx.Timeout(connect=10.0, read=30.0, write=30.0, pool=10.0)
MAX_TOKEN = 2**20                      # bytes of a token endpoint's answer

# Exceptions that prove that no byte of the request left (measured with httpx 0.28 over HTTP/1.1). Matched exactly: a subclass
# or a class not listed is unknown. Foreign exceptions, h11's own among them, may come after the headers.
NOT_SENT: Mapping[type[BaseException], str] = {
    httpx.ConnectError: "no connection to {host}",
    httpx.ConnectTimeout: "no connection to {host} within {connect:g} s",
    httpx.PoolTimeout: "no free connection to {host} within {pool:g} s",
    httpx.ProxyError: "the proxy gave no connection to {host}",
    httpx.UnsupportedProtocol: "{host} cannot be called",
    httpx.InvalidURL: "the address is not valid",
    httpx.LocalProtocolError: "the request could not be written",
}
UNKNOWN: Mapping[type[BaseException], str] = {
    httpx.ReadTimeout: "no answer from {host} in {read:g} s",
    httpx.WriteTimeout: "the request to {host} could not be written in {write:g} s",
    httpx.RemoteProtocolError: "{host} closed the connection or did not speak HTTP",
}

# Their debug lines quote headers, in errors and of answers.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Sink(Protocol):
    def write(self, chunk: bytes, /) -> object: ...


class _Meanwhile:
    """httpcore's trace extension: does its work once, when the request has left and before the answer is read."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work: Callable[[], object] | None = work
        self.error: BaseException | None = None        # what the work raised: no failure of the exchange

    def __call__(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_body.complete" and self._work is not None:
            work, self._work = self._work, None
            try:
                work()
            except BaseException as error:
                self.error = error
                raise


def _unheard(connection: str, status: int | None, ms: int) -> None:
    """For those who keep no `auth` entries."""


class Wire:
    """Sends for all connections of a run, from many threads.

    `ask` is the hidden prompt for credentials that are typed. `on_auth(connection, status, ms)` hears of each token call. With
    `reads_only` (a probe) a write is refused before anything is opened, and no transport there is could send it. `loopback`
    makes it the wire of a test incident.
    `wait(seconds)` is how a thread waits for a rate limit; when it returns True, the request is given back as not sent.
    """

    def __init__(self, connections: Mapping[str, Connection], find_connector: Callable[[str], Connector],
                 ask: Ask | None = None, *, reads_only: bool = False, loopback: bool = False, on_auth: auth.OnAuth = _unheard,
                 timeouts: httpx.Timeout = TIMEOUTS, monotonic: Callable[[], float] = time.monotonic,
                 wall: Callable[[], float] = time.time, wait: Callable[[float], bool] | None = None) -> None:
        self._connections, self._find, self._ask = connections, find_connector, ask
        self._reads_only, self._loopback, self._on_auth = reads_only, loopback, on_auth
        self._timeouts, self._monotonic, self._wall = timeouts, monotonic, wall
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._lock = threading.Lock()
        self._accounts: dict[str, Account | Mailbox] = {}
        self._extensions = {"timeout": timeouts.as_dict()}

    # -- the Perform protocol --------------------------------------------------------------------------------------

    def connector(self, connection: str) -> Connector:
        return self._find(choose(self._connections, connection).connector)

    def prepare(self, connection: str, request: Request) -> Outgoing:
        """The final request, with the connection signed in so that `send` needs nothing more.

        Raises CredentialError; NotSent when the sign-in could not be reached; ActionError for a link that leaves the host.
        """
        account = self._account(connection)
        url = account.url(request)
        made = Outgoing.of(account.connection.name, account.connector, request, str(url), account.connection.acting_as,
                           settings=account.filled, placed=account.placed(request.host))
        if request.signed:
            self._auth(account, request.host).headers()
        return made

    def sign_in(self, connection: str) -> None:
        """Fetch the connection's credential, and send nothing. Raises CredentialError, ActionError for a wrong address."""
        self._account(connection)

    def refused_scopes(self, connection: str) -> tuple[list[str], int]:
        """The scopes that the token endpoint refuses when each is asked for alone, and how many there are.

        For one that is not granted an endpoint may refuse all, and not say which. Raises CredentialError and NotSent.
        """
        account = self._account(connection)
        way, credential = account.way, account.auths[""].secrets()[0]
        if isinstance(account, Mailbox) or not isinstance(way, ClientCredentials | ServiceAccount):
            return [], 0
        scopes, refused = way.scope.format(**account.filled).split(), []
        for scope in scopes:
            try:
                self._auth_by(account, replace(way, scope=scope), credential).headers()
            except CredentialError:
                refused.append(scope)
        return refused, len(scopes)

    def settings(self, connection: str) -> Mapping[str, str]:
        """The connection's settings as irkit.toml has them, and the defaults of those left out."""
        account = self._account(connection)
        return account.written

    def turn(self, connection: str, bucket: Bucket | None = None) -> None:
        """Return when the rate limit lets one more request leave. Raises NotSent when that is too far off, or interrupted."""
        self._account(connection).pace(bucket).turn()

    def send(self, outgoing: Outgoing, *, answered: Callable[[int, Mapping[str, str]], None],
             sink: Sink | None = None, meanwhile: Callable[[], object] | None = None,
             source: Callable[[Artefact], BinaryIO] | None = None) -> Response:
        """Send once. `source` opens what an upload streams. `answered` is called before the body is read; the body streams to
        `sink` where given. `meanwhile` is
        called when the whole request has left, on this thread: what it does costs no time that the vendor needs anyway.

        Raises NotSent, NoAnswer (with the status once headers came), BadAnswer for a body over 16 MiB without a sink, and
        whatever `answered`, `sink` and `meanwhile` raise.
        """
        if self._reads_only and outgoing.request.is_write:
            raise NotSent(PROBE)
        account = self._account(outgoing.connection)
        if self._closing.is_set():
            raise NotSent("the run is ending")
        if isinstance(account, Mailbox):
            return account.send(outgoing, answered=answered, source=source)
        answer = self._signed(account, outgoing, _Meanwhile(meanwhile) if meanwhile else None, source)
        with closing(answer):
            account.take_cookies(outgoing.url, answer.headers)
            headers = _clean(answer.headers.raw, account.secrets())
            answered(answer.status_code, headers)
            chunks = self._chunks(account, outgoing, answer)
            if sink is None:
                body = _in_memory(chunks, outgoing, account.secrets())
                return Response(answer.status_code, headers, body, url=outgoing.url)
            size = 0
            for chunk in chunks:
                sink.write(chunk)
                size += len(chunk)
            return Response(answer.status_code, headers, size=size, url=outgoing.url)

    def learn(self, connection: str, limit: Limit, bucket: Bucket | None = None) -> None:
        self._account(connection).pace(bucket).learn(limit)

    def seconds_for(self, connection: str, requests: int, bucket: Bucket | None = None) -> float:
        """How long the rate limit makes that many requests take, estimated."""
        return self._account(connection).pace(bucket).seconds_for(requests)

    def close(self) -> None:
        """Wake whoever waits for a rate limit, and close the sockets."""
        self._closing.set()
        for account in list(self._accounts.values()):
            account.close()

    # -- accounts --------------------------------------------------------------------------------------------------

    def _account(self, name: str) -> Account | Mailbox:
        account = self._accounts.get(name)
        if account is None:
            with self._lock:                       # one prompt, one command, however many threads ask
                account = self._accounts.get(name) or self._sign_in(choose(self._connections, name))
                self._accounts[name] = self._accounts[account.connection.name] = account
        return account

    def _sign_in(self, connection: Connection) -> Account | Mailbox:
        if connection.name in self._accounts:
            return self._accounts[connection.name]
        connector = self._find(connection.connector)
        way = next((way for way in connector.sign_in if connection.sign_in in ("", way.name)), None)
        if way is None:
            raise CredentialError(f"{connector.title} has no sign-in called {connection.sign_in!r}",
                                  next=f"irkit connect {connection.name}")
        if connector.relay:
            return Mailbox(connection, connector, way, self._credential(connection, way, connection.credential),
                           loopback=self._loopback, pace=self._pace, timeouts=self._timeouts.as_dict(), wall=self._wall,
                           reads_only=self._reads_only)
        account = Account(connection, connector, way, loopback=self._loopback, reads_only=self._reads_only, pace=self._pace)
        account.auths[""] = self._signing(account, way, connection.credential)
        return account

    def _pace(self, title: str, per_minute: int) -> Pace:
        return Pace(title, per_minute, monotonic=self._monotonic, wait=self._wait)

    def _credential(self, connection: Connection, way: SignIn, reference: str) -> Secret:
        keyed = isinstance(way, ServiceAccount) or (isinstance(way, ClientCredentials) and way.assertion is not None)
        return Secret("") if keyless(way) else resolve(
            reference, self._ask, connection=connection.name, question=f"{way.ask} of {connection.name}", lines=keyed)

    def _auth(self, account: Account | Mailbox, host: str) -> auth.Auth:
        """How requests to that host sign in: as the connection does, or with a credential of the host's own."""
        way = account.connector.hosts[host].sign_in if host else None
        if way is None or isinstance(account, Mailbox):
            return account.auths[""]
        if host not in account.auths:
            with self._lock:
                if host not in account.auths:
                    account.auths[host] = self._signing(account, way, account.reference(host, way))
        return account.auths[host]

    def _signing(self, account: Account, way: SignIn, reference: str) -> auth.Auth:
        connection = account.connection
        return self._auth_by(account, way, self._credential(connection, way, reference))

    def _auth_by(self, account: Account, way: SignIn, credential: Secret) -> auth.Auth:
        place, audience = account.token_endpoint(way)
        if place:
            account.transport(parsed(place))

        def exchange(body: bytes, kind: str) -> auth.Told:
            return self._token(account, place, body, kind, credential)
        return auth.sign_in(way, account.connection.name, account.filled, credential, exchange, self._on_auth,
                            audience=audience, wall=self._wall)

    def _token(self, account: Account, place: str, body: bytes, kind: str, credential: Secret) -> auth.Told:
        """Post to the token endpoint. Raises NotSent: the request that waits for the token has not left."""
        url = parsed(place)
        failure = ""
        try:
            request = httpx.Request("POST", url, headers={**HEADERS, "Content-Type": kind}, content=body,
                                    extensions={**self._extensions, READ: True})     # it changes nothing but who may ask
            with closing(account.transport(url).handle_request(request)) as answer:
                return auth.Told(answer.status_code, b"".join(_limited(_decoded(answer), MAX_TOKEN)),
                                 answer.headers.get("date", ""))
        except Exception as error:
            failure = self._words(error, url.host, [credential])
        raise NotSent(f"could not sign in: {failure}", where=place, next=f"irkit doctor {account.connection.name}")

    # -- one exchange ----------------------------------------------------------------------------------------------

    def _signed(self, account: Account, outgoing: Outgoing, meanwhile: _Meanwhile | None,
                source: Callable[[Artefact], BinaryIO] | None) -> httpx.Response:
        if not outgoing.request.signed:
            return self._open(account, outgoing, {}, meanwhile, source)
        signing = self._auth(account, outgoing.request.host)
        headers = _headers(signing, outgoing)
        answer = self._open(account, outgoing, headers, meanwhile, source)
        if answer.status_code != 401 or not signing.rejected(headers) or outgoing.request.is_write:
            return answer
        answer.close()
        return self._open(account, outgoing, _headers(signing, outgoing), None, source)

    def _open(self, account: Account, outgoing: Outgoing, headers: auth.Headers, meanwhile: _Meanwhile | None,
              source: Callable[[Artefact], BinaryIO] | None) -> httpx.Response:
        try:
            traced = {"trace": meanwhile} if meanwhile else {}
            extensions = {**self._extensions, READ: not outgoing.request.is_write, **traced}
            url, body = account.bearing(outgoing)
            content, length = body_of(outgoing, body, source)
            request = httpx.Request(outgoing.method, parsed(url), content=content, extensions=extensions, headers=[
                *outgoing.headers.items(), *length, *account.cookies(outgoing.url),
                *((name, value.reveal()) for name, value in headers.items())])
            if not (astray := account.astray(request.url)):
                return account.transport(request.url).handle_request(request)
            failure: ActionError = NotSent(astray)
        except Exception as error:
            if meanwhile and meanwhile.error is error:
                raise
            failure = error if isinstance(error, NotSent) else self._classified(error, account, outgoing)
        raise failure                  # outside the handler: the original may quote a header, and is not chained

    def _chunks(self, account: Account, outgoing: Outgoing, answer: httpx.Response) -> Iterator[bytes]:
        try:
            yield from _decoded(answer)
            return
        except ActionError:
            raise
        except Exception as error:
            detail = self._words(error, parsed(outgoing.url).host, account.secrets())
        raise NoAnswer(f"the answer ({answer.status_code}) broke off: {detail}", status=answer.status_code,
                       where=_where(outgoing))

    def _classified(self, error: Exception, account: Account, outgoing: Outgoing) -> ActionError:
        url = parsed(outgoing.url)
        text = self._words(error, url.host, account.secrets())
        proven = type(error) in NOT_SENT and not (type(error) is httpx.ProxyError and url.scheme != "https")
        return (NotSent if proven else NoAnswer)(text, where=_where(outgoing), next=f"irkit doctor {account.connection.name}")

    def _words(self, error: Exception, host: str, secrets: list[Secret]) -> str:
        sentence = NOT_SENT.get(type(error)) or UNKNOWN.get(type(error)) or "the exchange with {host} failed"
        detail = scrub(str(error), secrets)[:300] or type(error).__name__
        return f"{sentence.format(host=host, **self._timeouts.as_dict())} ({detail})"


def _headers(signing: auth.Auth, outgoing: Outgoing) -> auth.Headers:
    """The headers at the moment of sending, where a missing credential means that nothing was sent."""
    try:
        return signing.headers(outgoing)
    except CredentialError as error:
        raise NotSent(error.what, where=error.where, next=error.next) from None


def _where(outgoing: Outgoing) -> str:
    return f"{outgoing.method} {outgoing.url}"


def _clean(headers: list[tuple[bytes, bytes]], secrets: list[Secret]) -> dict[str, str]:
    """Lower-case names, repeated ones joined (RFC 9110 5.3); an echo of our own credential is taken out."""
    clean: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), scrub(raw_value.decode("latin-1"), secrets)
        clean[name] = f"{clean[name]}, {value}" if name in clean else value
    return clean


def _decoded(answer: httpx.Response) -> Iterator[bytes]:
    coding = answer.headers.get("content-encoding", "").strip().lower()
    return answer.iter_raw() if coding in ("", "identity") else decoder(coding)(answer.iter_raw())


def _limited(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise BadAnswer(f"the answer has more than {most:,} bytes")
        yield chunk


def _in_memory(chunks: Iterator[bytes], outgoing: Outgoing, secrets: list[Secret]) -> bytes:
    """The body, without an echo of our own credential: it goes into the ledger."""
    try:
        return scrub_bytes(b"".join(_limited(chunks, MAX_JSON)), secrets)
    except BadAnswer as error:
        error.where = _where(outgoing)
        raise
