"""Signing in: what turns a connection's credential into an `Authorization` header, on the way out and nowhere else.

A ready token and a Basic password never change. A client-credentials token (RFC 6749 4.4) is minted when first needed, kept
in memory only, renewed a minute before it ends, and dropped when a vendor rejects it; however many threads ask, one mints
and the others wait for it. Every token call is reported, without any of its secrets.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from irkit.action import Basic, ClientCredentials, NotSent, SignIn, Token
from irkit.errors import CredentialError
from irkit.secrets import Secret

MARGIN = 60.0          # seconds before its end at which a token is renewed
FOREVER = 1e9          # seconds; a token without an end is used until it is rejected
BASIC_SAFE = re.compile(r"[^\x00-\x1f\x7f:]*")

Exchange = Callable[[bytes], tuple[int, bytes]]              # the token request's JSON -> status and body; NotSent, NoAnswer
OnAuth = Callable[[str, int | None, int], None]              # connection, status (None: no answer), milliseconds


class Auth(Protocol):
    """How one connection signs in. Called from many threads."""

    def authorization(self) -> Secret:
        """The header's value. Raises CredentialError, or NotSent when no token could be fetched."""

    def rejected(self, used: Secret) -> bool:
        """The vendor answered 401 to `used`: True when another one may do better."""

    def secrets(self) -> list[Secret]:
        """All that must not be seen in any text."""


class Fixed:
    """A header value that stays as it is: Bearer and Basic."""

    def __init__(self, value: str, *secrets: Secret) -> None:
        self._value = Secret(value)
        self._secrets = [*secrets, Secret(value.partition(" ")[2])]

    def authorization(self) -> Secret:
        return self._value

    def rejected(self, used: Secret) -> bool:
        return False

    def secrets(self) -> list[Secret]:
        return self._secrets


@dataclass(frozen=True)
class _Token:
    value: Secret          # "Bearer …"
    bare: Secret
    renew_at: float


class Minted:
    """OAuth 2.0 client credentials: the token is fetched by `exchange`, which posts JSON to the token endpoint."""

    def __init__(self, connection: str, body: Mapping[str, str], credential: Secret, exchange: Exchange, on_auth: OnAuth,
                 *, wall: Callable[[], float]) -> None:
        self._connection, self._body, self._credential = connection, body, credential
        self._exchange, self._on_auth, self._wall = exchange, on_auth, wall
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def authorization(self) -> Secret:
        token = self._token
        if token is None or self._wall() >= token.renew_at:
            with self._lock:
                token = self._token
                if token is None or self._wall() >= token.renew_at:
                    self._token = token = self._mint()
        return token.value

    def rejected(self, used: Secret) -> bool:
        with self._lock:
            if self._token is not None and self._token.value is used:
                self._token = None
        return True

    def secrets(self) -> list[Secret]:
        token = self._token
        return [self._credential, token.bare] if token else [self._credential]

    def _mint(self) -> _Token:
        began = time.monotonic()
        status: int | None = None
        try:
            status, raw = self._exchange(json.dumps({**self._body, "client_secret": self._credential.reveal()}).encode())
        finally:
            self._on_auth(self._connection, status, round((time.monotonic() - began) * 1000))
        if status in (408, 429) or status >= 500:
            raise NotSent(f"the token endpoint of {self._connection} answered {status}")
        return self._read(status, raw)

    def _read(self, status: int, raw: bytes) -> _Token:
        data = _mapping(raw)
        token, lifetime = data.get("access_token"), data.get("expires_in")
        if not 200 <= status < 300:
            raise _refused(self._connection, f"answered {status}{_code(data)}")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise _refused(self._connection, f"answered {status} without a token; is the address right?")
        if str(data.get("token_type", "bearer")).lower() != "bearer":
            raise _refused(self._connection, "gave a token that is not of type bearer")
        seconds = float(min(lifetime, FOREVER)) if isinstance(lifetime, int | float) and lifetime > 0 else FOREVER
        return _Token(Secret(f"Bearer {token}"), Secret(token), self._wall() + seconds - min(MARGIN, seconds / 2))


def _mapping(raw: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _code(data: Mapping[str, Any]) -> str:
    """The error code of RFC 6749 5.2; never the description, which may quote what was sent."""
    code = data.get("error")
    return f" ({code})" if isinstance(code, str) and re.fullmatch(r"[A-Za-z_]{1,40}", code) else ""


def _refused(connection: str, what: str) -> CredentialError:
    return CredentialError(f"the token endpoint of {connection} {what}", next=f"irkit doctor {connection}")


def sign_in(way: SignIn, connection: str, settings: Mapping[str, str], credential: Secret, exchange: Exchange, on_auth: OnAuth,
            *, wall: Callable[[], float]) -> Auth:
    """The Auth for a connector's way to sign in. Raises CredentialError for a credential that cannot stand in a header."""
    value = credential.reveal()
    if isinstance(way, ClientCredentials):
        body = {"grant_type": "client_credentials", "client_id": settings.get("client_id", ""), "scope": way.scope}
        return Minted(connection, body, credential, exchange, on_auth, wall=wall)
    if isinstance(way, Token):
        if not re.fullmatch(r"[!-~]+", value):
            raise CredentialError(f"the token of {connection} holds a blank or another character that no token has",
                                  next=f"irkit connect {connection}")
        return Fixed(f"Bearer {value}", credential)
    return Fixed("Basic " + _basic(way, connection, settings, value), credential)


def _basic(way: Basic, connection: str, settings: Mapping[str, str], password: str) -> str:
    """RFC 7617 2: user and password in UTF-8; the user holds no colon."""
    user = way.user.format(**settings)
    if not BASIC_SAFE.fullmatch(user):
        raise CredentialError(f"the user name of {connection} holds a colon or a control character",
                              next=f"irkit connect {connection}")
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
