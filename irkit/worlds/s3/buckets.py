"""Buckets with their versions and locks, and what S3 answers of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, unquote

from irkit.worlds.s3 import text
from irkit.worlds.s3.text import No, document, iso
from irkit.worlds.world import Answer, Call

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@dataclass
class Version:
    """One version of an object, or a delete marker. Of a large upload there are no bytes, only their hash and number."""

    key: str
    id: str
    at: datetime
    size: int = 0
    sha256: str = ""
    body: bytes = b""
    mode: str = ""
    until: datetime | None = None
    hold: bool = False
    public: bool = False
    deleted: bool = False
    checksum: bool = True              # S3 keeps a SHA-256 of it


@dataclass
class Bucket:
    """`lock` None: no Object Lock; else the default retention, "" or "GOVERNANCE 30"."""

    name: str
    lock: str | None = None
    policy: str = ""                   # "", "private", "public"
    blocked: bool = False              # public access is blocked
    enforced: bool = False             # access lists are off
    target: str = ""
    prefix: str = ""
    versions: list[Version] = field(default_factory=list)         # oldest first

    def of(self, key: str) -> list[Version]:
        return [one for one in self.versions if one.key == key]

    def current(self) -> list[Version]:
        latest = {one.key: one for one in self.versions}
        return sorted((one for one in latest.values() if not one.deleted), key=lambda one: one.key.encode("utf-8", "replace"))


class Buckets:
    """All of an account's. `page`: rows of a list at most; `sees`: whether a permission is there."""

    def __init__(self, now: Callable[[], datetime], page: int, sees: Callable[[str], bool]) -> None:
        self._now, self._page, self._sees, self._number = now, page, sees, 0
        self.all: dict[str, Bucket] = {}

    def add(self, bucket: Bucket, key: str, body: bytes = b"", **how: Any) -> Version:
        self._number += 1
        made = Version(key, f"v{self._number:04}x", how.pop("at", None) or self._now(), how.pop("size", len(body)),
                       how.pop("sha256", "") or hashlib.sha256(body).hexdigest(), body, **how)
        bucket.versions.append(made)
        return made

    # -- answering -------------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        name, _, key = unquote(call.path.lstrip("/")).partition("/")
        bucket = self.all.get(name)
        if bucket is None:
            raise No(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=name)
        what = next((one for one, _ in call.query if one in (
            "object-lock", "versions", "publicAccessBlock", "policyStatus", "ownershipControls", "acl", "logging", "legal-hold",
            "retention", "list-type")), "")
        if key:
            return self._object(call, bucket, key, what)
        if call.method == "PUT" and what == "logging":
            return self._log(call, bucket)
        if call.method != "GET":
            raise No(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        return self._read(call, bucket, what)

    def need(self, permission: str, resource: str) -> None:
        if not self._sees(permission):
            raise No(403, "AccessDenied", f"User: arn:aws:iam::111122223333:user/irkit is not authorized to perform: "
                                          f'{permission} on resource: "arn:aws:s3:::{resource}"')

    def _read(self, call: Call, bucket: Bucket, what: str) -> Answer:
        permission = {"object-lock": "GetBucketObjectLockConfiguration", "versions": "ListBucketVersions",
                      "publicAccessBlock": "GetBucketPublicAccessBlock", "policyStatus": "GetBucketPolicyStatus",
                      "ownershipControls": "GetBucketOwnershipControls", "acl": "GetBucketAcl", "logging": "GetBucketLogging"}
        self.need(f"s3:{permission.get(what, 'ListBucket')}", bucket.name)
        match what:
            case "object-lock":
                return _lock(bucket)
            case "versions":
                return self._versions(call, bucket)
            case "publicAccessBlock":
                if not bucket.blocked:
                    raise No(404, "NoSuchPublicAccessBlockConfiguration")
                return document("PublicAccessBlockConfiguration", dict.fromkeys(
                    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True))
            case "policyStatus":
                if not bucket.policy:
                    raise No(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
                return document("PolicyStatus", {"IsPublic": bucket.policy == "public"})
            case "ownershipControls":
                if not bucket.enforced:
                    raise No(404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
                return document("OwnershipControls", {"Rule": {"ObjectOwnership": "BucketOwnerEnforced"}})
            case "acl":
                return _acl(False)
            case "logging":
                on = {"TargetBucket": bucket.target, "TargetPrefix": bucket.prefix}
                return document("BucketLoggingStatus", {"LoggingEnabled": on} if bucket.target else {})
        return self._list(call, bucket)

    def _list(self, call: Call, bucket: Bucket) -> Answer:
        rows = [one for one in bucket.current() if one.key.startswith(call.get("prefix"))]
        start = int(call.get("continuation-token", "0") or 0)
        shown = rows[start:start + self._rows(call)]
        more = start + len(shown) < len(rows)
        return document("ListBucketResult", {
            "Name": bucket.name, "Prefix": _key(call, call.get("prefix")), "KeyCount": len(shown), "MaxKeys": 1000,
            "IsTruncated": more, "NextContinuationToken": str(start + len(shown)) if more else None,
            "Contents": [{"Key": _key(call, one.key), "LastModified": iso(one.at), "ETag": f'"{one.sha256[:32]}"',
                          "Size": one.size, "Owner": {"ID": "c0ffee"}, "StorageClass": "STANDARD"} for one in shown]})

    def _versions(self, call: Call, bucket: Bucket) -> Answer:
        latest = {one.key: one for one in bucket.versions}
        newest_first = list(reversed(bucket.versions))
        rows = sorted((one for one in newest_first if one.key.startswith(call.get("prefix"))),
                      key=lambda one: one.key.encode("utf-8", "replace"))
        marks = [(one.key, one.id) for one in rows]
        after = (call.get("key-marker"), call.get("version-id-marker"))
        start = marks.index(after) + 1 if after in marks else 0
        shown = rows[start:start + self._rows(call)]
        more = start + len(shown) < len(rows)
        parts: dict[str, list[dict[str, object]]] = {"Version": [], "DeleteMarker": []}
        for one in shown:
            told = {"Key": _key(call, one.key), "VersionId": one.id, "IsLatest": latest[one.key] is one,
                    "LastModified": iso(one.at), "Owner": {"ID": "c0ffee"}}
            parts["DeleteMarker" if one.deleted else "Version"].append(told if one.deleted else {**told, "Size": one.size})
        return document("ListVersionsResult", {
            "Name": bucket.name, "IsTruncated": more, **parts, "NextKeyMarker": _key(call, shown[-1].key) if more else None,
            "NextVersionIdMarker": shown[-1].id if more else None})

    def _rows(self, call: Call) -> int:
        return min(int(call.get("max-keys", "1000")), self._page)

    # -- objects ---------------------------------------------------------------------------------------------------

    def _object(self, call: Call, bucket: Bucket, key: str, what: str) -> Answer:
        if call.method == "PUT" and not what:
            return self._put(call, bucket, key)
        version = self._version(bucket, key, call.get("versionId"))
        match call.method, what:
            case "GET", "acl":
                self.need("s3:GetObjectAcl", f"{bucket.name}/{key}")
                return _acl(version.public and not bucket.enforced)
            case "PUT", "legal-hold":
                self.need("s3:PutObjectLegalHold", f"{bucket.name}/{key}")
                _changeable(call, bucket)
                version.hold = text.field(call.body, "Status") == "ON"
                return Answer(200)
            case "PUT", "retention":
                self.need("s3:PutObjectRetention", f"{bucket.name}/{key}")
                _changeable(call, bucket)
                return self._retain(call, version)
            case "GET" | "HEAD", "":
                return self._get(call, bucket, version)
            case "DELETE", "":
                return self._delete(call, bucket, version)
        raise No(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")

    def _version(self, bucket: Bucket, key: str, version_id: str) -> Version:
        of = bucket.of(key)
        found = next((one for one in of if one.id == version_id), None) if version_id else (of[-1] if of else None)
        if found is None:
            raise No(404, "NoSuchVersion" if version_id else "NoSuchKey", "The specified key does not exist.", Key=key)
        if found.deleted:
            raise No(405 if version_id else 404, "MethodNotAllowed" if version_id else "NoSuchKey")
        return found

    def _put(self, call: Call, bucket: Bucket, key: str) -> Answer:
        self.need("s3:PutObject", f"{bucket.name}/{key}")
        sent, told = call.headers.get("x-amz-checksum-sha256", ""), call.headers
        mode, until = told.get("x-amz-object-lock-mode", ""), told.get("x-amz-object-lock-retain-until-date", "")
        hold = told.get("x-amz-object-lock-legal-hold") == "ON"
        if (mode or hold) and bucket.lock is None:
            raise No(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
        if bucket.lock is not None or sent:
            _checked(call)
        ends = datetime.fromisoformat(until) if until else None
        if ends and ends <= self._now():
            raise No(400, "InvalidArgument", "The retain until date must be in the future!")
        if told.get("if-none-match") == "*" and (of := bucket.of(key)) and not of[-1].deleted:
            raise No(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        if not mode and bucket.lock:
            mode, days = bucket.lock.split()
            ends = self._now() + timedelta(days=int(days))
        made = self.add(bucket, key, call.body, size=call.size, sha256=call.sha256, mode=mode, until=ends, hold=hold,
                        checksum=bool(sent))
        return Answer(200, {"x-amz-version-id": made.id, "etag": f'"{made.sha256[:32]}"', "x-amz-checksum-sha256": sent})

    def _retain(self, call: Call, version: Version) -> Answer:
        mode, until = text.field(call.body, "Mode"), datetime.fromisoformat(text.field(call.body, "RetainUntilDate"))
        shorter = version.until is not None and until < version.until
        if shorter or (version.mode == "COMPLIANCE" and mode != "COMPLIANCE"):
            raise No(403, "AccessDenied", "Access Denied because object protected by object lock.")
        version.mode, version.until = mode, until
        return Answer(200)

    def _get(self, call: Call, bucket: Bucket, version: Version) -> Answer:
        self.need("s3:GetObject", f"{bucket.name}/{version.key}")
        told = {"x-amz-version-id": version.id, "etag": f'"{version.sha256[:32]}"', "content-type": "application/octet-stream"}
        if call.headers.get("x-amz-checksum-mode") == "ENABLED" and version.checksum:
            told["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(version.sha256)).decode()
            told["x-amz-checksum-type"] = "FULL_OBJECT"
        if version.mode and version.until and self._sees("s3:GetObjectRetention"):         # left out, and not refused
            told |= {"x-amz-object-lock-mode": version.mode, "x-amz-object-lock-retain-until-date": iso(version.until)}
        if version.hold and self._sees("s3:GetObjectLegalHold"):
            told["x-amz-object-lock-legal-hold"] = "ON"
        return Answer(200, told, version.body if call.method == "GET" else b"")

    def _delete(self, call: Call, bucket: Bucket, version: Version) -> Answer:
        if not call.get("versionId"):
            self.add(bucket, version.key, deleted=True)
            return Answer(204, {"x-amz-delete-marker": "true"})
        bypass = call.headers.get("x-amz-bypass-governance-retention") == "true" and version.mode == "GOVERNANCE"
        if version.hold or (version.until and version.until > self._now() and not bypass):
            raise No(403, "AccessDenied", "Access Denied because object protected by object lock.")
        bucket.versions.remove(version)
        return Answer(204)

    def _log(self, call: Call, bucket: Bucket) -> Answer:
        self.need("s3:PutBucketLogging", bucket.name)
        _checked(call)
        target = text.field(call.body, "TargetBucket")
        if target and (target not in self.all or self.all[target].lock is not None):
            raise No(400, "InvalidTargetBucketForLogging", "The target bucket for logging does not exist or may not be used")
        bucket.target, bucket.prefix = target, text.field(call.body, "TargetPrefix")
        return Answer(200)

    def state(self) -> object:
        return [{**asdict(one), "versions": [{k: v for k, v in asdict(version).items() if k not in ("at", "body")}
                                             for version in one.versions]} for one in self.all.values()]


def _key(call: Call, key: str) -> str:
    return quote_plus(key.encode("utf-8", "replace"), safe="/") if call.get("encoding-type") == "url" else key


def _lock(bucket: Bucket) -> Answer:
    if bucket.lock is None:
        raise No(404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
    mode, _, days = bucket.lock.partition(" ")
    rule = {"Rule": {"DefaultRetention": {"Mode": mode, "Days": days}}} if mode else {}
    return document("ObjectLockConfiguration", {"ObjectLockEnabled": "Enabled", **rule})


def _acl(public: bool) -> Answer:
    grants = [{"Grantee": {"ID": "c0ffee", "DisplayName": "northwind"}, "Permission": "FULL_CONTROL"}]
    return document("AccessControlPolicy", {"Owner": {"ID": "c0ffee"}, "AccessControlList": {"Grant": [
        *grants, *([{"Grantee": {"URI": EVERYBODY}, "Permission": "READ"}] if public else [])]}})


def _checked(call: Call) -> None:
    sent = call.headers.get("x-amz-checksum-sha256", "")
    if not sent and "content-md5" not in call.headers:
        raise No(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for this request")
    if sent and sent != base64.b64encode(bytes.fromhex(call.sha256)).decode():
        raise No(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")


def _changeable(call: Call, bucket: Bucket) -> None:
    _checked(call)
    if bucket.lock is None:
        raise No(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
