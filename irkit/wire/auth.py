"""Signing in: what turns a connection's credential into headers, on the way out and nowhere else.

A ready token and a Basic password never change. A token of a client or a service account (RFC 6749 4.4, RFC 7523) is minted
when first needed, kept in memory only, renewed a minute before it ends, and dropped when a vendor rejects it; however many
threads ask, one mints and the others wait for it. Every token call is reported, without any of its secrets.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from msgspec import Struct

from irkit.action import (
    Anonymous,
    AwsSignature,
    Basic,
    ClientCredentials,
    NotSent,
    Outgoing,
    Placed,
    ServiceAccount,
    SignIn,
    StandardWebhook,
    Token,
    http_when,
)
from irkit.errors import CredentialError
from irkit.secrets import Secret
from irkit.wire import assertion, awschain, sigv4

MARGIN = 60.0          # seconds before its end at which a token is renewed
FOREVER = 1e9          # seconds; a token without an end is used until it is rejected
SKEW = 60.0            # seconds of a clock's error that are worth a word
BASIC_SAFE = re.compile(r"[^\x00-\x1f\x7f:]*")

# What the codes of RFC 6749 5.2, RFC 9449 and the vendors mean for whoever has to mend it.
MEANING: Mapping[str, str] = {
    "invalid_client": "the client is not known there, or its secret or key was revoked or has expired",
    "unauthorized_client": "it is not allowed these scopes, or not to act as this person",
    "invalid_scope": "a scope is not granted to it",
    "invalid_grant": "its key was deleted, it or the person it acts as is not known there, or the clock is off",
    "access_denied": "it is not allowed these scopes",
    "consent_required": "none of the scopes is granted to it",
    "use_dpop_nonce": "the app requires DPoP, which irkit does not speak: switch that off for this app",
    "invalid_dpop_proof": "the app requires DPoP, which irkit does not speak: switch that off for this app",
    "AADSTS90002": "there is no such tenant", "AADSTS900023": "that is no tenant",
    "AADSTS700016": "the app is not in this tenant",
    "AADSTS7000215": "the secret is wrong (its value is wanted, not its id)", "AADSTS7000222": "the secret has expired",
    "AADSTS700027": "the certificate is not registered with the app", "AADSTS700024": "the assertion's time is not accepted",
    "AADSTS70011": "the scope is not valid", "AADSTS50034": "there is no such account",
}


class Told(Struct, frozen=True):
    """What a token endpoint answered."""

    status: int
    body: bytes
    date: str = ""         # its Date header


Exchange = Callable[[bytes, str], Told]                      # the token request's body and its type; NotSent
OnAuth = Callable[[str, int | None, int], None]              # connection, status (None: no answer), milliseconds
Headers = Mapping[str, Secret]


class Auth(Protocol):
    """How requests to one host sign in. Called from many threads."""

    def headers(self, outgoing: Outgoing | None = None) -> Headers:
        """What to add; without a request, only fetch what must be fetched. Raises CredentialError, or NotSent."""

    def rejected(self, used: Headers) -> bool:
        """The vendor answered 401 to `used`: True when others may do better."""

    def secrets(self) -> list[Secret]:
        """All that must not be seen in any text."""


class Fixed:
    """Headers that stay as they are: a ready token, Basic, or none at all."""

    def __init__(self, headers: Mapping[str, str], *secrets: Secret) -> None:
        self._headers = {name: Secret(value) for name, value in headers.items()}
        self._secrets = [*secrets, *(Secret(value.partition(" ")[2]) for value in headers.values() if " " in value)]

    def headers(self, outgoing: Outgoing | None = None) -> Headers:
        return self._headers

    def rejected(self, used: Headers) -> bool:
        return False

    def secrets(self) -> list[Secret]:
        return self._secrets


class Signed:
    """AWS: each request bears its own signature."""

    def __init__(self, way: AwsSignature, connection: str, filled: Mapping[str, str], credential: Secret,
                 wall: Callable[[], float]) -> None:
        if way.chain:
            self._keys = awschain.chain(filled.get("profile", ""), connection)
        else:
            key = sigv4.keys(credential, connection)
            self._keys = lambda: key
        self._key = self._keys()
        self._scopes = {host: tuple(text.format(**filled) for text in scope)
                        for host, scope in {**way.elsewhere, "": (way.service, way.region)}.items()}
        self._wall = wall

    def headers(self, outgoing: Outgoing | None = None) -> Headers:
        self._key = key = self._keys()
        if outgoing is None:
            return {}
        service, region = self._scopes.get(outgoing.request.host, self._scopes[""])
        upload = outgoing.request.upload
        sha256 = upload.sha256 if upload else hashlib.sha256(outgoing.body or b"").hexdigest()
        made = sigv4.headers(outgoing.method, outgoing.url, outgoing.headers, sha256, key, service=service,
                             region=region, now=self._wall())
        return {name: Secret(value) for name, value in made.items()}

    def rejected(self, used: Headers) -> bool:
        return False

    def secrets(self) -> list[Secret]:
        return [Secret(part) for part in self._key[1:] if part]


class Hooked:
    """Standard Webhooks: each request bears the moment it leaves, and a signature over that, its id and its bytes."""

    def __init__(self, credential: Secret, connection: str, wall: Callable[[], float]) -> None:
        try:
            self._key = base64.b64decode(credential.reveal().removeprefix("whsec_"), validate=True)
        except ValueError:
            self._key = b""
        if not self._key:
            raise CredentialError(f"the credential of {connection} is no signing secret: whsec_ and base64",
                                  where=f"connection {connection}", next=f"irkit connect {connection}")
        self._secret, self._wall = credential, wall

    def headers(self, outgoing: Outgoing | None = None) -> Headers:
        if outgoing is None:
            return {}
        now = str(int(self._wall()))
        signed = f"{outgoing.headers.get('webhook-id', '')}.{now}.".encode() + (outgoing.body or b"")
        made = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode("ascii")
        return {"webhook-timestamp": Secret(now), "webhook-signature": Secret(f"v1,{made}")}

    def rejected(self, used: Headers) -> bool:
        return False

    def secrets(self) -> list[Secret]:
        return [self._secret]


class _Minted(Struct, frozen=True):
    headers: Headers       # {"Authorization": "Bearer …"}
    bare: Secret
    renew_at: float


class Minted:
    """A token that is fetched: `exchange` posts what `parameters(now)` says to the token endpoint."""

    def __init__(self, connection: str, parameters: Callable[[float], Mapping[str, str]], exchange: Exchange,
                 on_auth: OnAuth, *, form: bool, secrets: list[Secret], wall: Callable[[], float]) -> None:
        self._connection, self._parameters, self._form = connection, parameters, form
        self._exchange, self._on_auth, self._secrets, self._wall = exchange, on_auth, secrets, wall
        self._lock = threading.Lock()
        self._token: _Minted | None = None

    def headers(self, outgoing: Outgoing | None = None) -> Headers:
        token = self._token
        if token is None or self._wall() >= token.renew_at:
            with self._lock:
                token = self._token
                if token is None or self._wall() >= token.renew_at:
                    self._token = token = self._mint()
        return token.headers

    def rejected(self, used: Headers) -> bool:
        with self._lock:
            if self._token is not None and self._token.headers is used:
                self._token = None
        return True

    def secrets(self) -> list[Secret]:
        token = self._token
        return [*self._secrets, token.bare] if token else self._secrets

    def _mint(self) -> _Minted:
        sent = dict(self._parameters(self._wall()))             # before the call: a key that cannot sign is no token call
        body = urlencode(sent) if self._form else json.dumps(sent)
        began = time.monotonic()
        status: int | None = None
        try:
            told = self._exchange(body.encode(), "application/x-www-form-urlencoded" if self._form else "application/json")
            status = told.status
        finally:
            self._on_auth(self._connection, status, round((time.monotonic() - began) * 1000))
        if told.status in (408, 429) or told.status >= 500:
            raise NotSent(f"the token endpoint of {self._connection} answered {told.status}")
        return self._read(told, timed=any("assertion" in name for name in sent))

    def _read(self, told: Told, *, timed: bool) -> _Minted:
        data = _mapping(told.body)
        token, lifetime = data.get("access_token"), data.get("expires_in")
        if not 200 <= told.status < 300:
            raise _refused(self._connection, f"answered {told.status}{_reason(data)}{self._clock(told, data) if timed else ''}")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise _refused(self._connection, f"answered {told.status} without a token; is the address right?")
        if str(data.get("token_type", "bearer")).lower() != "bearer":
            raise _refused(self._connection, "gave a token that is not of type bearer")
        seconds = float(min(lifetime, FOREVER)) if isinstance(lifetime, int | float) and lifetime > 0 else FOREVER
        value = Secret(f"Bearer {token}")
        return _Minted({"Authorization": value}, Secret(token), self._wall() + seconds - min(MARGIN, seconds / 2))

    def _clock(self, told: Told, data: Mapping[str, Any]) -> str:
        """What the answer's Date says of this machine's clock, which an assertion is judged by."""
        now = http_when(told.date)
        off = 0.0 if now is None else self._wall() - now.timestamp()
        said = " ".join(str(data.get(name, "")) for name in ("error_description", "errorSummary"))
        if abs(off) > SKEW:
            side = "ahead of" if off > 0 else "behind"
            return f". This machine's clock is {abs(off):.0f} s {side} the server's, whose Date is {told.date}: set the clock"
        if re.search(r"\b(iat|exp|nbf|clock|time ?frame|short-lived|expired)\b", said, re.I):
            return f". It speaks of the time of the assertion; the server's Date is {told.date or 'not said'}: check the clock"
        return ""


def _mapping(raw: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _reason(data: Mapping[str, Any]) -> str:
    """The error code and its meaning; never the description, which may quote what was sent."""
    code = next((one for one in (data.get("error"), data.get("errorCode"))
                 if isinstance(one, str) and re.fullmatch(r"[A-Za-z0-9_]{1,40}", one)), "")
    inner = re.search(r"\bAADSTS\d{3,10}\b", str(data.get("error_description", "")))        # Entra's own
    said = ", ".join(one for one in (code, inner[0] if inner else "") if one)
    meant = MEANING.get(inner[0] if inner else "") or MEANING.get(code, "")
    return (f" ({said})" if said else "") + (f": {meant}" if meant else "")


def _refused(connection: str, what: str) -> CredentialError:
    return CredentialError(f"the token endpoint of {connection} {what}", where=f"connection {connection}",
                           next=f"irkit doctor {connection}")


def sign_in(way: SignIn, connection: str, filled: Mapping[str, str], credential: Secret, exchange: Exchange, on_auth: OnAuth,
            *, audience: str = "", wall: Callable[[], float]) -> Auth:
    """The Auth for a connector's way to sign in. `audience`: the token endpoint as the vendor knows it.

    Raises CredentialError for a credential that cannot stand in a header.
    """
    if isinstance(way, ClientCredentials | ServiceAccount):
        parameters = functools.partial(_parameters, way, connection, filled, credential, audience)
        form = isinstance(way, ServiceAccount) or way.body == "form"
        secrets = [credential, *([] if isinstance(way, ClientCredentials) and way.assertion is None
                                 else assertion.parts(credential))]
        return Minted(connection, parameters, exchange, on_auth, form=form, secrets=secrets, wall=wall)
    if isinstance(way, AwsSignature):
        return Signed(way, connection, filled, credential, wall)
    if isinstance(way, StandardWebhook):
        return Hooked(credential, connection, wall)
    if isinstance(way, Placed | Anonymous):
        return Fixed({}, credential)
    if isinstance(way, Token):
        return Fixed({way.header: way.form.format(_plain(connection, credential))}, credential)
    return Fixed({"Authorization": "Basic " + _basic(way, connection, filled, credential.reveal())}, credential)


def _plain(connection: str, credential: Secret) -> str:
    value = credential.reveal()
    if not re.fullmatch(r"[!-~]+", value):
        raise CredentialError(f"the token of {connection} holds a blank or another character that no token has",
                              next=f"irkit connect {connection}")
    return value


def _parameters(way: ClientCredentials | ServiceAccount, connection: str, filled: Mapping[str, str], credential: Secret,
                audience: str, now: float) -> Mapping[str, str]:
    """What the token endpoint is sent, secrets and all."""
    scope = way.scope.format(**filled)
    if isinstance(way, ServiceAccount):
        signed = assertion.service_account(way, credential, connection, scope, filled.get("subject", ""), now)
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    client_id = filled.get("client_id", "")
    sent = {"grant_type": "client_credentials", "client_id": client_id, "scope": scope}
    if way.assertion is None:
        return {**sent, "client_secret": credential.reveal()}
    to = way.assertion.audience.format(**filled) or audience
    signed = assertion.client(way.assertion, credential, connection, client_id, filled.get("key_id", ""), to, now)
    return {**sent, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": signed}


def _basic(way: Basic, connection: str, filled: Mapping[str, str], credential: str) -> str:
    """RFC 7617 2: user and password in UTF-8; the user holds no colon."""
    user = way.user.format(**filled, credential=credential)
    if not BASIC_SAFE.fullmatch(user):
        raise CredentialError(f"the user name of {connection} holds a colon or a control character",
                              next=f"irkit connect {connection}")
    return base64.b64encode(f"{user}:{way.password.format(**filled, credential=credential)}".encode()).decode("ascii")
