"""An outside system: its address, how to sign in, its rate-limit signals, whom a connection acts as, its actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from irkit.action.declare import Action, Effect, Steps, Trace
from irkit.action.request import Record
from irkit.action.response import Response


@dataclass(frozen=True)
class Setting:
    """One thing a connection must say: `subdomain`. `pattern` is a full-match regular expression."""

    name: str
    ask: str
    pattern: str = r".+"
    hint: str = ""


@dataclass(frozen=True)
class Bearer:
    """A ready token, sent as `Authorization: Bearer`."""

    name: str = "token"
    ask: str = "Access token"


@dataclass(frozen=True)
class Basic:
    """HTTP Basic. `user` is a template over the settings: "{email}/token". The credential is the password."""

    user: str
    name: str = "basic"
    ask: str = "API token"
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749 4.4): JSON POST to `path`; the credential is the client secret."""

    path: str
    scope: str
    name: str = "client_credentials"
    ask: str = "Client secret"
    settings: tuple[Setting, ...] = (Setting("client_id", "Client id (its unique identifier)"),)


SignIn = Bearer | Basic | ClientCredentials


@dataclass(frozen=True)
class Limit:
    """What an answer says of the rate limit. `wait`: seconds to hold off after a 429."""

    wait: float | None = None
    per_minute: int | None = None
    remaining: int | None = None


def retry_after(response: Response, now: datetime) -> Limit:
    """RFC 9110 10.2.3, in seconds or as a date."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return Limit()
    try:
        return Limit(wait=float(text) if re.fullmatch(r"\d+(\.\d+)?", text)
                     else max(0.0, (parsedate_to_datetime(text) - now).total_seconds()))
    except (ValueError, TypeError):
        return Limit()


@dataclass(frozen=True)
class Identity(Record):
    """Whom a connection acts as. `admins` are the ids of all administrators where they can be listed."""

    id: str
    email: str
    name: str
    role: str
    admin: bool
    plan: str = ""
    token_id: str = ""
    admins: tuple[str, ...] = ()


def _no_words(_: Response) -> str:
    return ""


class Connector:
    """An outside system: its address, its sign-ins, its rate-limit signals, its actions."""

    def __init__(self, name: str, *, title: str, base_url: str, settings: Sequence[Setting] = (),
                 sign_in: Sequence[SignIn] = (), limit: Callable[[Response, datetime], Limit] = retry_after,
                 describe: Callable[[Response], str] | None = None, headers: Mapping[str, str] | None = None,
                 per_minute: int = 200) -> None:
        self.name, self.title, self.base_url = name, title, base_url       # "https://{subdomain}.zendesk.com"
        self.settings, self.sign_in = tuple(settings), tuple(sign_in)
        self.limit = limit
        self.describe = describe or _no_words                            # the vendor's own error sentence
        self.headers = dict(headers or {})                                 # sent with every request
        self.per_minute = per_minute                                       # until an answer says better
        self.actions: dict[str, Action] = {}
        self.check: Callable[[], Steps[Identity]] | None = None            # whom do we act as?

    def action(self, effect: Effect, *, undo: str = "", destroys: Iterable[Trace] = (), preserves: Iterable[Trace] = (),
               unverified: str = "") -> Callable[[Callable[..., Steps[Any]]], Action]:
        """Declare the decorated generator function as an action of this connector."""
        def register(function: Callable[..., Steps[Any]]) -> Action:
            action = Action(self.name, function.__name__, function, effect, undo, tuple(destroys), tuple(preserves), unverified)
            self.actions[action.name] = action
            return action
        return register

    def identity(self, function: Callable[[], Steps[Identity]]) -> Callable[[], Steps[Identity]]:
        """Declare the decorated generator function as this connector's `check`."""
        self.check = function
        return function
