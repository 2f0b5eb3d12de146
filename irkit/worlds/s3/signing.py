"""Whether a request is signed as AWS wants it: Signature Version 4, worked out from what arrived."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from irkit.worlds.s3.text import No, iso
from irkit.worlds.world import Call

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = 15 * 60                         # seconds


def signer(call: Call, secrets: Mapping[str, str], now: datetime, region: str) -> str:
    """The access key that signed the call; `secrets` are those of the keys that are on. Raises No."""
    found = re.fullmatch(rf"{ALGORITHM} Credential=([^/]+)/(\d{{8}})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
                         r"Signature=([0-9a-f]{64})", call.authorization)
    if found is None:
        raise No(403, "AccessDenied", "Access Denied") if not call.host else No(403, "MissingAuthenticationToken")
    key, day, named, service, names, signature = found.groups()
    _in_time(call, now)
    wanted = "us-east-1" if call.host == "iam" else region
    if (named, service) != (wanted, call.host or "s3"):
        raise No(400, "AuthorizationHeaderMalformed", f"the region '{named}' is wrong; expecting '{wanted}'", Region=wanted)
    if key not in secrets:
        code = "InvalidClientTokenId" if call.host else "InvalidAccessKeyId"
        raise No(403, code, "The AWS Access Key Id you provided does not exist in our records.", AWSAccessKeyId=key)
    scope = f"{day}/{named}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, call.headers.get("x-amz-date", ""), scope,
                      hashlib.sha256(_canonical(call, names).encode()).hexdigest()])
    secret = f"AWS4{secrets[key]}".encode()
    for part in (*scope.split("/"), text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    if not hmac.compare_digest(secret.hex(), signature):
        raise No(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided.")
    if call.headers.get("x-amz-content-sha256") != call.sha256:
        raise No(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header is not that of the body.")
    return key


def _in_time(call: Call, now: datetime) -> None:
    sent = call.headers.get("x-amz-date", "")
    try:
        moment = datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise No(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from None
    if abs((moment - now).total_seconds()) <= SKEW:
        return
    if call.host:
        raise No(403, "SignatureDoesNotMatch", f"Signature expired: {sent} is now earlier than {now:%Y%m%dT%H%M%SZ} (15 min.)")
    raise No(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
             RequestTime=sent, ServerTime=iso(now), MaxAllowedSkewMilliseconds="900000")


def _canonical(call: Call, names: str) -> str:
    path = f"/@{call.host}{call.path}" if call.host else call.path             # as it is served: the signature is over that
    path = quote(unquote(path), safe="/-_.~") if not call.host else quote(path, safe="/-_.~")
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in call.query)
    return "\n".join([call.method, path, "&".join(f"{name}={value}" for name, value in pairs),
                      *(f"{name}:{' '.join(call.headers.get(name, '').split())}" for name in names.split(";")), "", names,
                      call.headers.get("x-amz-content-sha256", "")])
