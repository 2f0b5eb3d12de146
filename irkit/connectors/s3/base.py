"""Amazon S3: the bucket that keeps evidence, a place that may leak it, and the access keys that open it.

One sign-in for three services: S3, addressed by path, IAM and STS. Answers are XML. A lock is a version's, not an object's:
what proves anything is the version id. A link opens what the key that signed it may open; no link is revoked.

Sources: docs.aws.amazon.com (Amazon S3 API reference and user guide, IAM and STS API reference).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

from irkit.action import (
    GET,
    POST,
    ActionError,
    AwsSignature,
    BadAnswer,
    Connector,
    Host,
    Identity,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Throttled,
    Unavailable,
    at,
    setting,
    stamp,
    when,
    words,
)

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
LISTS = ("Contents", "Version", "DeleteMarker", "CommonPrefixes", "Grant", "member")        # names that may come many times
ELSEWHERE = {"iam": ("iam", "us-east-1"), "sts": ("sts", "{region}")}
SLOW = ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable")
KEYS = {"InvalidAccessKeyId": "there is no such access key, or it is switched off",
        "InvalidClientTokenId": "there is no such access key, or it is switched off",
        "SignatureDoesNotMatch": "the secret does not belong to the access key",
        "ExpiredToken": "the session's keys have ended", "ExpiredTokenException": "the session's keys have ended",
        "InvalidToken": "the session token does not belong to the access key"}
REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")


# -- errors ------------------------------------------------------------------------------------------------------

def error(response: Response) -> Mapping[str, Any]:
    """<Error> of S3, or that of IAM and STS, which stands in an <ErrorResponse>; {} where there is none (an answer to HEAD)."""
    try:
        found = response.xml("Error", "ErrorResponse")
    except BadAnswer:
        return {}
    inner = found.get("Error", found)
    return {**found, **inner} if isinstance(inner, dict) else {}


def describe(response: Response) -> str:
    said = error(response)
    request = words(said.get("RequestId"))
    return ": ".join(filter(None, (words(said.get("Code")), words(said.get("Message"))[:300]))) + (
        f" (request {request})" if request else "")


def judge(_request: Request, response: Response) -> ActionError | None:
    """Errors of the signature, of the region and of the rate, which no status tells apart from a permission that lacks."""
    if response.status < 300:
        return None
    said = error(response)
    code, text = words(said.get("Code")), words(said.get("Message"))
    if code in SLOW and response.status in (400, 503):
        return Throttled(f"{code}: {text}", status=response.status)
    if code == "RequestTimeTooSkewed" or text.startswith(("Signature expired", "Signature not yet current")):
        return Refused(f"the signature's time is not accepted{_skew(said, response)}", status=response.status,
                       next="set this machine's clock, then: irkit doctor")
    if code in REGION or response.status == 301:
        lies = response.headers.get("x-amz-bucket-region", "") or words(said.get("Region"))
        return Refused(f"the bucket lies in another region{f', {lies}' if lies else ''}", status=response.status,
                       next="correct the region: irkit connect s3")
    if code in KEYS:
        return Refused(f"{code}: {KEYS[code]}", status=response.status, next="irkit doctor")
    return None


def _skew(said: Mapping[str, Any], response: Response) -> str:
    """By how much this machine's clock is off, where the answer says both times."""
    mine, theirs = when(words(said.get("RequestTime"))), when(words(said.get("ServerTime")))
    if mine is None or theirs is None:
        return f": the server's clock says {response.headers.get('date') or 'nothing'}"
    off = (mine - theirs).total_seconds()
    return f": this machine's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the server's ({stamp(theirs)})"


def absent(answer: Response, code: str) -> bool:
    """Whether a 404 that the request lets pass says `code`. Raises Refused for any other 404."""
    if answer.status != 404:
        return False
    if error(answer).get("Code") != code:
        raise Refused(f"answered 404: {describe(answer) or 'without a reason'}", status=404)
    return True


# -- the connector -----------------------------------------------------------------------------------------------

BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"

s3 = Connector(
    "s3",
    title="Amazon S3",
    base_url="https://s3.{region}.amazonaws.com",
    settings=[Setting("bucket", "Bucket that keeps evidence (made with Object Lock)", BUCKET)],
    hosts={"iam": Host("https://iam.amazonaws.com"), "sts": Host("https://sts.{region}.amazonaws.com")},
    sign_in=[AwsSignature(elsewhere=ELSEWHERE),
             AwsSignature(name="chain", ask="Nothing", chain=True, elsewhere=ELSEWHERE, settings=(
                 Setting("region", "Region", r"[a-z0-9-]+"),
                 Setting("profile", "Profile of ~/.aws/config (empty: what the SDK finds first)", r"\S*", default="")))],
    headers={"Accept": "application/xml"},
    describe=describe, judge=judge, per_minute=1000,
    setup=(
        "Before an incident the platform team makes the evidence bucket, in an account of its own: Object Lock on, mode and",
        "period agreed with legal, public access blocked. It cannot be the target of server access logs.",
        "Two connections are better than one. Evidence: s3:PutObject, PutObjectRetention, PutObjectLegalHold, GetObject,",
        "GetObjectVersion, GetObjectRetention, GetObjectLegalHold, GetBucketObjectLockConfiguration, ListBucket and",
        "ListBucketVersions on that bucket, and nothing else: no DeleteObjectVersion, no BypassGovernanceRetention.",
        "Containment: iam:ListAccessKeys, GetAccessKeyLastUsed, UpdateAccessKey; on helpdesk buckets s3:ListBucket,",
        "ListBucketVersions, GetObjectAcl, GetBucketAcl, GetBucketPolicyStatus, GetBucketPublicAccessBlock,",
        "GetBucketOwnershipControls, GetBucketLogging, PutBucketLogging, and s3:GetObject on the bucket of the logs.",
        "The sign-in chain takes keys where the AWS SDK finds them (profile, SSO, role): pip install 'irkit-runbooks[s3]'.",
    ),
)


def place(bucket: str, key: str) -> tuple[str, list[str]]:
    """The path of an object and its parts: slashes of the key stay slashes, since the signature counts them so."""
    parts = [bucket, *key.split("/")]
    return "/{}" * len(parts), parts


def checked(body: bytes) -> dict[str, str]:
    """The headers by which S3 sees that a body came whole; without them it takes no configuration and no lock."""
    return checksum(hashlib.sha256(body).hexdigest())


def checksum(sha256: str) -> dict[str, str]:
    return {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode("ascii"),
            "x-amz-sdk-checksum-algorithm": "SHA256"}


# -- lists -------------------------------------------------------------------------------------------------------

def listing(bucket: str, prefix: str = "", keep: str = "", **how: object) -> Request:
    """Ask for objects (list_type=2) or for versions, keys in url-encoding since XML cannot hold every key."""
    asked = {**{name.replace("_", "-"): str(value) for name, value in how.items()}, "prefix": prefix, "encoding-type": "url"}
    request = GET("/{}", bucket, keep=keep)
    return request.follow(f"{request.target}?{_encoded(asked)}")


def _encoded(pairs: Mapping[str, str]) -> str:
    """A query as the signature counts it, a blank as %20: what stands in the address needs no second reading."""
    return urlencode(pairs, quote_via=quote, safe="")


def page(answer: Response) -> dict[str, Any]:
    """A page of objects or versions: `rows` are versions and delete markers alike, keys are decoded."""
    data = answer.xml("ListBucketResult", "ListVersionsResult", many=LISTS)
    rows = [*data.get("Contents", ()), *data.get("Version", ()),
            *({**row, "Deleted": "true"} for row in data.get("DeleteMarker", ()) if isinstance(row, dict))]
    return {**data, "rows": [{**row, "Key": unquote_plus(words(row.get("Key")))} for row in rows if isinstance(row, dict)]}


def next_page(request: Request, answer: Response) -> Request | None:
    """Markers of the answer become parameters; those of versions come in url-encoding."""
    data = answer.xml("ListBucketResult", "ListVersionsResult", many=LISTS)
    following = {"continuation-token": words(data.get("NextContinuationToken")),
                 "key-marker": unquote_plus(words(data.get("NextKeyMarker"))),
                 "version-id-marker": words(data.get("NextVersionIdMarker"))}
    marked = {name: value for name, value in following.items() if value}
    if data.get("IsTruncated") != "true" or not marked:
        return None
    head, _, query = request.target.partition("?")
    return request.follow(f"{head}?{_encoded({**dict(parse_qsl(query, keep_blank_values=True)), **marked})}")


def short(answer: Response, done: Any) -> bool:
    """Truncated and no marker: the list did not end there."""
    if answer.xml("ListBucketResult", "ListVersionsResult", many=LISTS).get("IsTruncated") == "true":
        done.notes.append("S3 says that there is more, and not where it begins")
        return True
    return False


# -- who ---------------------------------------------------------------------------------------------------------

def query(action: str, host: str = "iam", **fields: str) -> Request:
    """A reading request of IAM or STS, which take a form and answer in XML."""
    return POST("/", host=host, form=form(action, host, **fields), reads=True)


def form(action: str, host: str = "iam", **fields: str) -> dict[str, str]:
    return {"Action": action, "Version": "2010-05-08" if host == "iam" else "2011-06-15", **fields}


@s3.identity
def check() -> Steps[Identity]:
    """Whose keys sign: this needs no permission. The id is the IAM user's name, or role/session."""
    found = (yield query("GetCallerIdentity", "sts")).xml("GetCallerIdentityResponse").get("GetCallerIdentityResult")
    arn, account = words(at(found, "Arn")), words(at(found, "Account"))
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    if not arn or not account:
        raise BadAnswer("the answer does not say whose keys they are")
    name = rest.rpartition("/")[2] if kind == "user" else rest
    return Identity(name or kind, "", arn, f"account {account}", admin=True)


@s3.proof("s3:GetBucketObjectLockConfiguration", "see whether the evidence bucket is locked")
def _lock() -> Steps[Response]:
    bucket = yield from setting("bucket")
    answer = yield GET("/{}", bucket, params={"object-lock": ""}, ok=[404])
    if absent(answer, "ObjectLockConfigurationNotFoundError"):
        raise ActionError(f"{bucket} has no Object Lock: what is copied there can be deleted")
    return answer


@s3.proof("s3:ListBucketVersions", "find the versions that were copied to the evidence bucket")
def _versions() -> Steps[Response]:
    return (yield GET("/{}", (yield from setting("bucket")), params={"versions": "", "max-keys": 1}))


@s3.proof("iam:ListAccessKeys", "see and switch off access keys (a connection for evidence alone needs it not)")
def _access_keys() -> Steps[Response]:
    name = (yield from check()).id
    if "/" in name:
        raise Unavailable("a role has no keys of its own to list: try with the user in question", status=400,
                          needs="the user's name")
    return (yield query("ListAccessKeys", UserName=name))
