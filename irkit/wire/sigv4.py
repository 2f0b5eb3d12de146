"""AWS Signature Version 4 (docs.aws.amazon.com, IAM, Create a signed AWS API request): the headers that sign one request.

For S3 the path is signed as it stands in the URL, once encoded; other services encode it again.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from irkit.errors import CredentialError
from irkit.secrets import Secret


def keys(credential: Secret, connection: str) -> tuple[str, str, str]:
    """Key id, secret and session token ("" for none). Raises CredentialError."""
    parts = [part.strip() for part in credential.reveal().split(":")]
    if len(parts) not in (2, 3) or not all(parts):
        raise CredentialError(f"the credential of {connection} is no ID:SECRET or ID:SECRET:SESSION_TOKEN",
                              where=f"connection {connection}", next=f"irkit connect {connection}")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def headers(method: str, url: str, sent: Mapping[str, str], sha256: str, key: tuple[str, str, str], *, service: str,
            region: str, now: float) -> dict[str, str]:
    """The headers to add. All of `sent` whose names begin with x-amz- or content- are signed, and the host."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    parts = urlsplit(url)
    mine = {"x-amz-date": stamp, "x-amz-content-sha256": sha256, **({"x-amz-security-token": key[2]} if key[2] else {})}
    signed = {"host": parts.netloc, **mine, **{name.lower(): " ".join(value.split()) for name, value in sent.items()
                                               if name.lower().startswith(("x-amz-", "content-"))}}
    names = ";".join(sorted(signed))
    path = parts.path or "/"
    canonical = "\n".join([method, path if service == "s3" else quote(path, safe="/-_.~"), _query(parts.query),
                           *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names, sha256])
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{key[1]}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    return {**mine, "Authorization": f"AWS4-HMAC-SHA256 Credential={key[0]}/{scope}, SignedHeaders={names}, "
                                     f"Signature={signature}"}


def _query(text: str) -> str:
    pairs = [part.partition("=")[::2] for part in text.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted(
        (quote(unquote(name.replace("+", " ")), safe="-_.~"), quote(unquote(value.replace("+", " ")), safe="-_.~"))
        for name, value in pairs))
