"""Signed JWTs in the place of secrets: private_key_jwt (RFC 7523 2.2) and the JWT bearer grant (RFC 7523 2.1).

Claims as the vendors want them. Okta: iss = sub = client id, aud the token endpoint, exp an hour ahead at most, `kid`. Entra:
the same and `x5t#S256` of the certificate (learn.microsoft.com, Microsoft identity platform application authentication
certificate credentials). Google: iss the account's e-mail, scope, aud, iat, exp, sub the person acted as
(developers.google.com, Using OAuth 2.0 for Server to Server Applications). `iat` lies a little back, so that a clock that is
slightly fast is no reason to refuse.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import ssl
import uuid
from collections.abc import Mapping
from typing import Any, NoReturn

from irkit.action import Assertion, ServiceAccount
from irkit.errors import CredentialError
from irkit.secrets import Secret

BACK = 30              # seconds that `iat` lies in the past
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.S)


def client(way: Assertion, credential: Secret, connection: str, client_id: str, key_id: str, audience: str, now: float) -> str:
    """The assertion of a client that signs in by its key."""
    text = credential.reveal()
    head: dict[str, Any] = {"kid": key_id} if key_id else {}
    if way.certificate:
        found = _CERTIFICATE.search(text)
        if not found:
            _wrong(connection, "holds no certificate beside the key; put both into one PEM")
        head["x5t#S256"] = _b64(hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest())
    start = int(now) - BACK
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": str(uuid.uuid4()), "iat": start, "nbf": start,
              "exp": start + way.lifetime}
    return _signed(claims, head, way.algorithm, text, connection)


def service_account(way: ServiceAccount, credential: Secret, connection: str, scope: str, subject: str, now: float) -> str:
    """The assertion of a service account that acts as `subject`. The credential is Google's JSON key file."""
    try:
        file = json.loads(credential.reveal())
        key, mail, key_id = file["private_key"], file["client_email"], file.get("private_key_id")
        right = isinstance(key, str) and isinstance(mail, str)
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        _wrong(connection, "is not the JSON key file of a service account, with private_key and client_email")
    start = int(now) - BACK
    claims = {"iss": mail, "scope": scope, "aud": way.token, "iat": start, "exp": start + way.lifetime, "sub": subject}
    return _signed(claims, {"kid": key_id} if isinstance(key_id, str) and key_id else {}, "RS256", key, connection)


def parts(credential: Secret) -> list[Secret]:
    """What of a key must not be seen in any text either: its lines, its members."""
    return [Secret(part) for part in set(re.findall(r"[A-Za-z0-9+/_=-]{24,}", credential.reveal().replace("\\n", "\n")))]


def _signed(claims: Mapping[str, Any], head: Mapping[str, Any], algorithm: str, text: str, connection: str) -> str:
    import jwt  # and with it cryptography: only when a token is minted
    try:
        key, key_id = _key(text, algorithm)
        more = {"kid": key_id} if key_id and "kid" not in head else {}
        return jwt.encode(dict(claims), key, algorithm=algorithm, headers={**more, **head})
    except Exception as error:                     # an error of a parser may quote what it could not parse
        failed = type(error).__name__
    return _wrong(connection, f"is no private key that {algorithm} can sign with ({failed})")


@functools.lru_cache(8)        # taking up an RSA key checks its primes, which takes 40 ms; doctor mints a token for each scope
def _key(text: str, algorithm: str) -> tuple[Any, str]:
    """The key, and its id where it says one. PEM, a JWK, or a PEM whose line ends came as backslash and n."""
    import jwt
    if text.lstrip().startswith("{"):
        data = json.loads(text)
        found = jwt.PyJWK(data, algorithm=algorithm)
        return found.key, str(data.get("kid") or "")
    pem = _KEY.search(text.replace("\\n", "\n"))
    return jwt.get_algorithm_by_name(algorithm).prepare_key(pem[0] if pem else text), ""


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _wrong(connection: str, what: str) -> NoReturn:
    raise CredentialError(f"the credential of {connection} {what}", where=f"connection {connection}",
                          next=f"irkit connect {connection}")
