"""An outside system: its address, how to sign in, its rate-limit signals, whom a connection acts as, its actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from irkit.action.declare import Action, Effect, Steps, Trace
from irkit.action.forward import Forward
from irkit.action.record import Record
from irkit.action.request import Request
from irkit.action.response import Response
from irkit.action.signin import Host, Placed, Setting, SignIn
from irkit.action.values import http_when
from irkit.errors import ActionError


class Limit(Struct, frozen=True):
    """What an answer says of the rate limit. `wait`: seconds to hold off after a 429."""

    wait: float | None = None
    per_minute: int | None = None
    remaining: int | None = None


def retry_after(response: Response, now: datetime) -> Limit:
    """RFC 9110 10.2.3, in seconds or as a date."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return Limit()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return Limit(wait=float(text))
    until = http_when(text)
    return Limit() if until is None else Limit(wait=max(0.0, (until - now).total_seconds()))


class Identity(Record, frozen=True):
    """Whom a connection acts as. `admins` are the ids of all administrators where they can be listed."""

    id: str
    email: str
    name: str
    role: str
    admin: bool
    plan: str = ""
    token_id: str = ""
    admins: tuple[str, ...] = ()


class Bucket(Struct, frozen=True):
    """A rate limit of its own, that some requests of a connection share: a method of Slack's, Okta's log."""

    name: str
    per_minute: int


class Proof(Struct, frozen=True):
    """A harmless read that shows a scope or a permission: `irkit doctor` names each that is missing, and why it is needed."""

    scope: str                             # "okta.logs.read", as a person grants it
    why: str                               # "collect the System Log"
    function: Callable[[], Steps[Any]]


def until_reset(response: Response, *headers: str) -> float | None:
    """Seconds until the smallest of the epoch seconds in these headers, by the server's own Date; None where there is none.

    Okta: X-Rate-Limit-Reset, no Retry-After, several such headers possible.
    """
    texts = [part.strip() for name in headers or ("x-rate-limit-reset",) for part in response.headers.get(name, "").split(",")]
    moments = [int(text) for text in texts if re.fullmatch(r"[0-9]{1,11}", text)]
    now = http_when(response.headers.get("date", ""))
    return max(0.0, min(moments) - now.timestamp()) if moments and now is not None else None


def _no_words(_: Response) -> str:
    return ""


def _no_verdict(_request: Request, _response: Response) -> ActionError | None:
    return None


def _no_bucket(_: Request) -> Bucket | None:
    return None


Judge = Callable[[Request, Response], ActionError | None]


class Connector:
    """An outside system: its address, its sign-ins, its rate-limit signals, its actions.

    base_url   a template over the settings: "https://{subdomain}.zendesk.com"
    hosts      further addresses by name, templates too: {"events": Host("https://events.pagerduty.com", …)}; see `Request.host`
    judge      what an answer means where its status does not say: Refused, NoAnswer (a write's outcome is unknown),
               Unavailable, Throttled (it will be asked again, as after a 429), or None: then the status decides. Asked of
               every answer; it lets pass what `Request.ok` and `Request.accepts` say the action understands
    describe   the vendor's own error sentence, or ""
    headers    sent with every request; values are templates over the settings: {"From": "{email}"}
    bucket     the rate limit of its own that a request falls under, or None for the connection's
    cookies    keep the cookies that answers set, in memory, and send them back (Sumo Logic's search jobs)
    relay      messages are handed to it (SMTP, `Request.mail`), and no web requests are made
    notice     what `irkit doctor` says of a connection with these settings though it works: that its service ends
    setup      lines that `irkit connect` prints: which scopes and roles to grant, where, and why
    """

    def __init__(self, name: str, *, title: str, base_url: str, settings: Sequence[Setting] = (),
                 sign_in: Sequence[SignIn] = (), limit: Callable[[Response, datetime], Limit] = retry_after,
                 describe: Callable[[Response], str] | None = None, headers: Mapping[str, str] | None = None,
                 per_minute: int = 200, hosts: Mapping[str, Host] | None = None, judge: Judge = _no_verdict,
                 bucket: Callable[[Request], Bucket | None] = _no_bucket, cookies: bool = False,
                 setup: Sequence[str] = (), relay: bool = False,
                 notice: Callable[[Mapping[str, str]], str] = lambda _: "") -> None:
        self.name, self.title, self.base_url = name, title, base_url
        self.settings, self.sign_in = tuple(settings), tuple(sign_in)
        self.limit, self.judge, self.bucket = limit, judge, bucket
        self.describe = describe or _no_words
        self.headers, self.hosts = dict(headers or {}), dict(hosts or {})
        self.per_minute = per_minute                                       # until an answer says better
        self.cookies, self.setup, self.relay, self.notice = cookies, tuple(setup), relay, notice
        self.actions: dict[str, Action] = {}
        self.check: Callable[[], Steps[Identity]] | None = None            # whom do we act as?
        self.proofs: list[Proof] = []
        self.forward: Forward | None = None                                # how it takes ledger entries

    def action(self, effect: Effect, *, undo: str = "", destroys: Iterable[Trace] = (), preserves: Iterable[Trace] = (),
               unverified: str = "", opaque: bool = False,
               tells: bool = False) -> Callable[[Callable[..., Steps[Any]]], Action]:
        """Declare the decorated generator function as an action of this connector."""
        def register(function: Callable[..., Steps[Any]]) -> Action:
            action = Action(self.name, function.__name__, function, effect, undo, tuple(destroys), tuple(preserves), unverified,
                            opaque, tells)
            self.actions[action.name] = action
            return action
        return register

    def identity(self, function: Callable[[], Steps[Identity]]) -> Callable[[], Steps[Identity]]:
        """Declare the decorated generator function as this connector's `check`."""
        self.check = function
        return function

    def proof(self, scope: str, why: str) -> Callable[[Callable[[], Steps[Any]]], Callable[[], Steps[Any]]]:
        """Declare the decorated generator function as the read that shows `scope`. It returns anything, or is refused; a text
        says why the connection needs no such scope."""
        def register(function: Callable[[], Steps[Any]]) -> Callable[[], Steps[Any]]:
            self.proofs.append(Proof(scope, why, function))
            return function
        return register

    def placed(self, host: str, sign_in: SignIn | None) -> Placed | None:
        """The sign-in that puts the credential into the requests to that host; None where a header bears it."""
        way = (self.hosts[host].sign_in if host else None) or sign_in
        return way if isinstance(way, Placed) else None

    def filled(self, sign_in: SignIn | None, given: Mapping[str, str]) -> dict[str, str]:
        """What templates are filled from: settings as written, defaults in the place of those left out, `values` applied."""
        wanted = {one.name: one for one in (*self.settings, *(sign_in.settings if sign_in else ()))}
        texts = {name: given.get(name, one.default) for name, one in wanted.items()}
        return {name: wanted[name].values.get(text, text) for name, text in texts.items() if text is not None}

    def addresses(self, base_url: str, filled: Mapping[str, str]) -> dict[str, str]:
        """The address of each host, without a slash at its end; "" is the connection's own, which is `base_url` where given.

        Beside a `base_url` that is not the connector's own, all hosts lead there: "events" to its path "/@events".
        Raises KeyError for a setting that is missing.
        """
        if self.moved(base_url, filled):
            return {"": base_url, **{name: f"{base_url}/@{name}" for name in self.hosts}}
        urls = {"": self.base_url, **{name: host.url for name, host in self.hosts.items()}}
        return {name: url.format(**filled).rstrip("/") for name, url in urls.items()}

    def moved(self, base_url: str, filled: Mapping[str, str]) -> bool:
        """Whether `base_url` is another address than the connector's own."""
        complete = all(name in filled for name in re.findall(r"{(\w+)}", self.base_url))
        return bool(base_url) and not (complete and base_url == self.base_url.format(**filled).rstrip("/"))
