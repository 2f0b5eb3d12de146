"""Evidence copied into a bucket with Object Lock: one version an artefact, its id kept as the receipt, and looked at again."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    GET,
    HEAD,
    PUT,
    ActionError,
    Artefact,
    BadAnswer,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Response,
    Steps,
    at,
    counted,
    http_when,
    occasion,
    setting,
    stamp,
    walk,
    when,
    words,
)
from irkit.action import artefact as kept
from irkit.connectors.s3.base import NAMESPACE, absent, checked, checksum, listing, next_page, page, place, s3, short

MOST = 5 * 2**30                       # bytes of one PUT; the checksum of an upload in parts is none of the file
MODES = ("GOVERNANCE", "COMPLIANCE")


class Lock(Record, frozen=True):
    """What a bucket says of Object Lock. `mode` and `period` are those of its default retention, or ""."""

    bucket: str
    locked: bool
    mode: str
    period: str
    at: str                            # S3's clock


class Receipt(Record, frozen=True):
    """One version as S3 shows it. Times are RFC 3339; `sha256` is S3's own, hexadecimal, "" where it has none of the whole.

    Without its version id nobody can say later what was locked. `hidden`: a delete marker or a newer version stands before it.
    """

    bucket: str
    key: str
    version_id: str
    sha256: str
    size: int
    mode: str
    retain_until: str
    legal_hold: bool
    hidden: bool
    stored_at: str

    def lacks(self, mode: str, until: datetime | None, hold: bool) -> list[str]:
        """What was asked for and is not so, in words."""
        locked = when(self.retain_until)
        found = []
        if mode and self.mode not in (mode, "COMPLIANCE"):
            found.append(f"it is not locked in mode {mode}")
        if until and (locked is None or locked < until):
            found.append(f"it is locked until {self.retain_until or 'no time'}")
        if hold and not self.legal_hold:
            found.append("it is under no legal hold")
        return found


class Compared(Record, frozen=True):
    """A version that was read back whole, beside the checksum that S3 keeps of it."""

    key: str
    version_id: str
    sha256: str
    size: int
    matches: bool


# -- looks -------------------------------------------------------------------------------------------------------

def _lock(bucket: str) -> Steps[Lock]:
    answer = yield GET("/{}", bucket, params={"object-lock": ""}, ok=[404])
    date = answer.headers.get("date", "")
    if absent(answer, "ObjectLockConfigurationNotFoundError"):
        return Lock(bucket, False, "", "", date)
    data = answer.xml("ObjectLockConfiguration")
    rule = at(data, "Rule.DefaultRetention") or {}
    period = next((f"{words(rule[name])} {name.lower()}" for name in ("Days", "Years") if name in rule), "")
    return Lock(bucket, data.get("ObjectLockEnabled") == "Enabled", words(at(rule, "Mode")), period, date)


def locked_bucket() -> Steps[Lock]:
    """The evidence bucket. Raises ActionError for one without Object Lock: nothing is copied to where it can be deleted."""
    found = yield from _lock((yield from setting("bucket")))
    if not found.locked:
        raise ActionError(f"the bucket {found.bucket} has no Object Lock: what is copied there can be deleted, so nothing was",
                          next="have a bucket made with Object Lock, then: irkit connect s3")
    return found


def _versions(bucket: str, key: str) -> Steps[list[Mapping[str, Any]]]:
    """All versions and delete markers of exactly that key, newest first."""
    found: list[Mapping[str, Any]] = []
    yield from walk(listing(bucket, key, versions=""), "rows", found.append, after=next_page, read=page)
    return [row for row in found if row.get("Key") == key]


def _receipt(bucket: str, row: Mapping[str, Any]) -> Steps[Receipt]:
    """A version with its locks and its checksum, which only HEAD shows together; a lack of permission leaves them out."""
    key, version_id = words(row.get("Key")), words(row.get("VersionId"))
    path, parts = place(bucket, key)
    answer = yield HEAD(path, *parts, params={"versionId": version_id}, headers={"x-amz-checksum-mode": "ENABLED"})
    if answer.headers.get("x-amz-version-id") != version_id:
        raise BadAnswer(f"version {version_id} of {key} was asked for, {answer.headers.get('x-amz-version-id') or 'none'} came")
    told = answer.headers
    return Receipt(bucket, key, version_id, _sha256(answer), int(row["Size"]) if str(row.get("Size")).isdecimal() else -1,
                   told.get("x-amz-object-lock-mode", ""), stamp(when(told.get("x-amz-object-lock-retain-until-date"))),
                   told.get("x-amz-object-lock-legal-hold") == "ON", row.get("IsLatest") != "true",
                   stamp(when(row.get("LastModified"))))


def _sha256(answer: Response) -> str:
    """S3's checksum of the object's bytes. That of an upload in parts is made of others, and says nothing of the file."""
    text = answer.headers.get("x-amz-checksum-sha256", "")
    try:
        return base64.b64decode(text, validate=True).hex() if answer.headers.get("x-amz-checksum-type") != "COMPOSITE" else ""
    except ValueError:
        return ""


def _of(key: str, version_id: str) -> Steps[Receipt]:
    bucket = yield from setting("bucket")
    row = next((row for row in (yield from _versions(bucket, key)) if row.get("VersionId") == version_id), None)
    if row is None or "Deleted" in row:
        raise ActionError(f"{bucket} has no version {version_id} of {key}", next="list what is there: s3.list_evidence")
    return (yield from _receipt(bucket, row))


@s3.action(Effect.READ)
def check_evidence_bucket() -> Steps[Lock]:
    """See whether the evidence bucket has Object Lock, and its default period.

    Needs s3:GetBucketObjectLockConfiguration.

    Source: docs.aws.amazon.com, Amazon S3 API, GetObjectLockConfiguration.
    """
    return (yield from locked_bucket())


# -- copying -----------------------------------------------------------------------------------------------------

@s3.action(Effect.IRREVERSIBLE)
def put_evidence(artefact: str, retain_until: datetime | None = None, mode: str = "GOVERNANCE",
                 legal_hold: bool = False) -> Steps[Receipt]:
    """Copy an artefact into the evidence bucket, locked.

    By its SHA-256 or name; a bag goes the same way once it is packed and attached. Without `retain_until` the bucket's default
    period counts. GOVERNANCE can be lifted by those who may bypass it; COMPLIANCE by nobody, root included, until its day: only
    with the day that legal has set. The key is made of incident and hash, and is written once. Up to 5 GiB.

    Needs s3:PutObject, PutObjectRetention, PutObjectLegalHold, GetObject, GetObjectRetention, GetObjectLegalHold,
    ListBucketVersions.

    Source: docs.aws.amazon.com, Amazon S3 API, PutObject and HeadObject; user guide, Locking objects with Object Lock and
    Checking object integrity.
    """
    file: Artefact = yield from kept(artefact)
    retain_until = retain_until and retain_until.replace(microsecond=0)         # S3 is told whole seconds
    lock = yield from locked_bucket()
    _sensible(file, lock, retain_until, mode, legal_hold)
    mode = mode if retain_until else lock.mode
    name = _plain(f"{file.sha256}-{file.name}")
    key = f"{_plain((yield from occasion()).name)}/{name}"
    before = yield from _find(lock.bucket, key, file)
    if before is not None:
        if lacking := before.lacks(mode, retain_until, legal_hold):
            raise ActionError(f"{key} is there as version {before.version_id}, but {' and '.join(lacking)}",
                              next="s3.extend_retention and s3.hold_evidence mend it")
        return before
    path, parts = place(lock.bucket, key)
    terms = {"x-amz-object-lock-mode": mode, "x-amz-object-lock-retain-until-date": stamp(retain_until)} if retain_until else {}
    hold = {"x-amz-object-lock-legal-hold": "ON"} if legal_hold else {}
    until = f"{mode} until {stamp(retain_until)}" if retain_until else f"{mode or 'no mode'} for {lock.period or 'no period'}"
    yield PUT(path, *parts, upload=file, headers={"If-None-Match": "*", **checksum(file.sha256), **terms, **hold}, seen=lock,
              affects=[f"s3://{lock.bucket}/{key}: {until}{', legal hold' if legal_hold else ''}"], noun="locked object")
    after = yield from _find(lock.bucket, key, file)
    if after is None:
        raise NotConfirmed(f"{key} is not in {lock.bucket}")
    if lacking := after.lacks(mode, retain_until, legal_hold):
        raise NotConfirmed(f"version {after.version_id} is there, but {' and '.join(lacking)}, or this may not be seen "
                           "(s3:GetObjectRetention, s3:GetObjectLegalHold)")
    return after


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:200].strip(".") or "_"


def _sensible(file: Artefact, lock: Lock, until: datetime | None, mode: str, hold: bool) -> None:
    """Raises ActionError for what S3 would refuse, or would take and nobody could mend."""
    if mode not in MODES:
        raise ActionError(f"{mode!r} is no mode of Object Lock", next="GOVERNANCE; or COMPLIANCE, with the day that legal set")
    if file.size > MOST:
        raise ActionError(f"{file.name} has {file.size:,} bytes; one upload takes {MOST:,}, and one in parts has no SHA-256 of "
                          "the file", next="split it, and copy the parts")
    if until is None and not lock.mode and not hold:
        raise ActionError(f"neither the step nor {lock.bucket} says how long it is to be kept", next="say retain_until")
    if until is None and mode == "COMPLIANCE":
        raise ActionError("COMPLIANCE cannot be taken back: say retain_until, the day that legal has set")
    now = http_when(lock.at)
    if until is not None and now is not None and until <= now:
        raise ActionError(f"retain_until {stamp(until)} is in the past", next="say a later day")


def _find(bucket: str, key: str, file: Artefact) -> Steps[Receipt | None]:
    """The version that holds the artefact, even behind a delete marker. Raises ActionError where others alone are there."""
    rows = [row for row in (yield from _versions(bucket, key)) if "Deleted" not in row]
    for row in rows:
        found = yield from _receipt(bucket, row)
        if found.sha256 == file.sha256 and found.size == file.size:
            return found
    if rows:
        raise ActionError(f"{key} in {bucket} holds other bytes than {file.name}: somebody wrote under its name, or S3 keeps "
                          "no SHA-256 of it", next="look at its versions: s3.list_evidence")
    return None


# -- looking again -----------------------------------------------------------------------------------------------

@s3.action(Effect.READ)
def verify_evidence(key: str, version_id: str) -> Steps[Receipt]:
    """See what S3 keeps of one version: checksum, mode, day, legal hold.

    Source: docs.aws.amazon.com, Amazon S3 API, HeadObject (x-amz-checksum-mode) and ListObjectVersions.
    """
    return (yield from _of(key, version_id))


@s3.action(Effect.READ)
def read_evidence(key: str, version_id: str) -> Steps[Compared]:
    """Read one version back, every byte, and compare its SHA-256.

    It is kept as an artefact. Needs s3:GetObjectVersion.

    Source: docs.aws.amazon.com, Amazon S3 API, GetObject.
    """
    receipt = yield from _of(key, version_id)
    path, parts = place(receipt.bucket, key)
    answer = yield GET(path, *parts, params={"versionId": version_id}, keep=f"read-back-{_plain(key.rpartition('/')[2])}")
    digest = _hashed(answer)
    if digest != receipt.sha256:
        raise BadAnswer(f"version {version_id} of {key} was read back as {digest}; S3's checksum is {receipt.sha256 or 'none'}")
    return Compared(key, version_id, digest, receipt.size, matches=True)


def _hashed(answer: Response) -> str:
    digest = hashlib.sha256()
    with answer.open() as file:
        while piece := file.read(2**18):
            digest.update(piece)
    return digest.hexdigest()


@s3.action(Effect.READ)
def list_evidence(prefix: str = "") -> Steps[Listing]:
    """List the versions in the evidence bucket; delete markers are suspects.

    A lock does not keep anybody from laying a delete marker over an object: the version beneath it is still there.

    Source: docs.aws.amazon.com, Amazon S3 API, ListObjectVersions.
    """
    found: list[Mapping[str, Any]] = []
    first = listing((yield from setting("bucket")), prefix, "versions", versions="")
    done = yield from walk(first, "rows", found.append, after=next_page, read=page, short=short)
    rows = [Item(words(row.get("VersionId")), "delete marker" if "Deleted" in row else "version", words(row.get("Key")),
                 "" if "Deleted" in row else counted(int(row["Size"]) if str(row.get("Size")).isdecimal() else 0, "byte"),
                 words(at(row, "Owner.ID")), row.get("IsLatest") == "true", stamp(when(row.get("LastModified"))))
            for row in found]
    return Listing.of(rows, done.complete, done.notes, suspect=lambda item: item.kind == "delete marker")


# -- terms -------------------------------------------------------------------------------------------------------

def _set_hold(key: str, version_id: str, hold: bool) -> Steps[Receipt]:
    before = yield from _of(key, version_id)
    if before.legal_hold == hold:
        return before
    body = f'<LegalHold xmlns="{NAMESPACE}"><Status>{"ON" if hold else "OFF"}</Status></LegalHold>'.encode()
    path, parts = place(before.bucket, key)
    yield PUT(path, *parts, params={"legal-hold": "", "versionId": version_id}, content=body, content_type="application/xml",
              headers=checked(body), seen=before, affects=[f"s3://{before.bucket}/{key} version {version_id}"], noun="version")
    return (yield from _of(key, version_id)).require(legal_hold=hold)


@s3.action(Effect.REVERSIBLE, undo="s3.release_evidence")
def hold_evidence(key: str, version_id: str) -> Steps[Receipt]:
    """Put one version under legal hold.

    It has no end, and holds beside any retention. Whoever has s3:PutObjectLegalHold can lift it.

    Source: docs.aws.amazon.com, Amazon S3 API, PutObjectLegalHold; user guide, Legal holds.
    """
    return (yield from _set_hold(key, version_id, True))


@s3.action(Effect.REVERSIBLE, undo="s3.hold_evidence")
def release_evidence(key: str, version_id: str) -> Steps[Receipt]:
    """Lift the legal hold of one version, when legal says so.

    Source: docs.aws.amazon.com, Amazon S3 API, PutObjectLegalHold.
    """
    return (yield from _set_hold(key, version_id, False))


@s3.action(Effect.IRREVERSIBLE)
def extend_retention(key: str, version_id: str, retain_until: datetime) -> Steps[Receipt]:
    """Keep one version locked for longer.

    The mode stays (GOVERNANCE where there was none), and the day is only ever moved away.

    Source: docs.aws.amazon.com, Amazon S3 API, PutObjectRetention.
    """
    before, retain_until = (yield from _of(key, version_id)), retain_until.replace(microsecond=0)
    now = when(before.retain_until)
    if now is not None and retain_until < now:
        raise ActionError(f"version {version_id} is locked until {before.retain_until}: retention is only ever made longer")
    if now == retain_until:
        return before
    mode = before.mode or "GOVERNANCE"
    body = (f'<Retention xmlns="{NAMESPACE}"><Mode>{mode}</Mode><RetainUntilDate>{stamp(retain_until)}</RetainUntilDate>'
            "</Retention>").encode()
    path, parts = place(before.bucket, key)
    yield PUT(path, *parts, params={"retention": "", "versionId": version_id}, content=body, content_type="application/xml",
              headers=checked(body), seen=before, noun="version",
              affects=[f"s3://{before.bucket}/{key} version {version_id}: {mode} until {stamp(retain_until)}"])
    return (yield from _of(key, version_id)).require(mode=mode, retain_until=stamp(retain_until))
