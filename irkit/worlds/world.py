"""What every world is: options and people in, calls answered, state that can be hashed.

A world is a fold over (options, people, calls): the same calls at the same `now` values get the same bytes. So a world has
its own `random.Random(seed)`, reads no clock but `now`, and does all its work inside one lock. `now` is read once while the
world is built: that moment is when the attack has just been noticed, and all of the past is dated back from it.
"""

from __future__ import annotations

import abc
import base64
import hashlib
import json as jsonlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from irkit.worlds.traces import Left


class Person(Struct, frozen=True):
    """Somebody of the scenario, known to all its worlds. `role` is "agent", "admin" or "end-user"."""

    name: str
    email: str
    role: str


class Call(Struct, frozen=True):
    """A request as a world sees it. `path` keeps its percent-encoding; header names are lower case.

    `host` is the name of the connector's host that was asked; "" is the tenant's own address. Of a body over 8 MiB only `size`
    and `sha256` are there, and `body` is empty.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    authorization: str = ""
    host: str = ""
    size: int = 0
    sha256: str = ""

    @classmethod
    def of(cls, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
           authorization: str = "", host: str = "", size: int = 0, sha256: str = "") -> Call:
        """A call for an absolute URL, or for a path with its query. A path that begins with "/@name" is that host's."""
        parts = urlsplit(target)
        path = parts.path
        if path.startswith("/@"):
            host, _, rest = path[2:].partition("/")
            path = "/" + rest
        raw = body or b""
        return cls(method, path, tuple(parse_qsl(parts.query, keep_blank_values=True)),
                   {k.lower(): v for k, v in (headers or {}).items()}, raw, authorization, host, size or len(raw),
                   sha256 or hashlib.sha256(raw).hexdigest())

    @property
    def data(self) -> Any:
        """The body as JSON, or a form's fields by name (the last of each counts). {} for an empty body, None for neither."""
        raw = self.body.strip()
        if not raw:
            return {}
        try:
            if raw[:1] in (b"{", b"[") or "json" in self.headers.get("content-type", ""):
                return jsonlib.loads(raw)
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True))
        except ValueError:
            return None

    @property
    def basic(self) -> tuple[str, str]:
        """User and password of HTTP Basic, or two empty texts."""
        try:
            user, _, password = base64.b64decode(self.authorization.partition(" ")[2], validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return (user, password) if self.authorization[:6].lower() == "basic " else ("", "")

    def get(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def all(self, name: str) -> list[str]:
        """Every value of a query parameter, sent as `name` or as `name[]`."""
        return [value for key, value in self.query if key in (name, f"{name}[]")]


class Answer(Struct, frozen=True):
    """What a world says. An iterable body is for answers that are larger than memory."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""

    @classmethod
    def json(cls, data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return cls(status, {"content-type": "application/json; charset=utf-8", **(headers or {})}, encode(data))


_COMPACT = jsonlib.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(data: object) -> bytes:
    """JSON as vendors send it: compact, UTF-8. Text that UTF-8 cannot hold (a lone surrogate) is escaped."""
    try:
        return _COMPACT.encode(data).encode()
    except UnicodeEncodeError:
        return jsonlib.dumps(data, separators=(",", ":")).encode()


class World(abc.ABC):
    """A simulated tenant of one connector's system.

    `options` are the scenario's, checked against the world's own; `people` exist in the tenant with their roles; `subjects`
    ({"agent_email": "x@example.com"}: the inputs of a dry run) must exist too, and the attack is on the first of them. Raises
    UsageError for options it does not know.
    """

    connector: ClassVar[str]
    protocol: ClassVar[str] = "http"  # or "smtp": what it speaks when it is served
    settings: Mapping[str, str] = {}  # of a connection to this tenant: what the connector's templates are filled from
    small: ClassVar[Mapping[str, object]] = {}       # options that make it quick to build and to read, for tests
    base_url: str                     # what links in answers begin with; a server sets its own
    addresses: Mapping[str, str] = {} # of the connector's hosts, where they are not paths of the base_url
    ready_token: str                  # as `Authorization: Bearer`, accepted on every host: irkit's own account in this tenant

    def __init__(self, options: Mapping[str, object], *, people: Sequence[Person], now: Callable[[], datetime],
                 subjects: Mapping[str, str] | None = None) -> None:
        self.now = now
        self._lock = threading.RLock()
        self._pending: list[tuple[datetime, Callable[[], None]]] = []
        self.build(options, people, dict(subjects or {}))

    @abc.abstractmethod
    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        """Make the tenant."""

    @abc.abstractmethod
    def answer(self, call: Call) -> Answer:
        """Answer one call; called inside the lock, when everything due has happened."""

    @abc.abstractmethod
    def state(self) -> object:
        """The tenant's configuration as JSON values: what reads must not change, without logs and moving timestamps."""

    @abc.abstractmethod
    def samples(self) -> Mapping[str, object]:
        """Arguments by parameter name ("user_id") or for one action ("end_sessions.user_id"): with them every action
        of the connector has something to find, and every write something to do."""

    @abc.abstractmethod
    def credentials(self) -> Mapping[str, str]:
        """What a person needs to connect to this world when it is served: names and values."""

    def signs_in(self) -> tuple[str, str]:
        """The sign-in that `irkit world serve` tells people to use, and its credential."""
        return "token", self.ready_token

    def more_credentials(self) -> Mapping[str, str]:
        """Credentials of the hosts that have a sign-in of their own, by host."""
        return {}

    def address(self, host: str = "") -> str:
        """What links to that host begin with."""
        return self.addresses.get(host, f"{self.base_url}/@{host}") if host else self.base_url

    def secrets(self) -> Sequence[str]:
        """Live secrets that answers may carry: none of them may be kept, shown or recorded."""
        return ()

    def handle(self, call: Call) -> Answer:
        """Answer one call, with the world's time as its Date. Safe to call from many threads."""
        with self._lock:
            self._settle()
            answer = self.answer(call)
            return replace(answer, headers={"date": format_datetime(self.now(), usegmt=True), **answer.headers})

    def later(self, seconds: float, effect: Callable[[], None]) -> None:
        """Let a change show `seconds` from now; at once when there is no lag."""
        if seconds <= 0:
            effect()
        else:
            self._pending.append((self.now() + timedelta(seconds=seconds), effect))

    def _settle(self) -> None:
        now = self.now()
        due = [effect for at, effect in self._pending if at <= now]
        self._pending = [(at, effect) for at, effect in self._pending if at > now]
        for effect in due:
            effect()

    def left(self) -> list[Left]:
        """What of the attack is still alive: a session, a token, a rule. Nothing where there was no attack."""
        with self._lock:
            self._settle()
            return list(self.alive())

    def alive(self) -> Iterable[Left]:
        """The same, inside the lock. A world with an attack of its own says what that leaves."""
        return ()

    def digest(self) -> str:
        """SHA-256 of the tenant's configuration, hexadecimal. Reads leave it as it is."""
        with self._lock:
            self._settle()
            text = jsonlib.dumps(self.state(), sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
