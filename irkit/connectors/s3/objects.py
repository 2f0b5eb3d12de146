"""What lies in a bucket, and who may read it: the helpdesk's attachments as a place that leaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    GET,
    ActionError,
    Collection,
    Cut,
    Effect,
    Item,
    Listing,
    Steps,
    Tally,
    Walk,
    at,
    counted,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.s3.base import LISTS, absent, listing, next_page, page, place, s3, short

EVERYBODY = {"http://acs.amazonaws.com/groups/global/AllUsers": "anybody",
             "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "anybody with an AWS account"}
MOST = 1000                            # objects whose access list is read, one request each


def _collect(name: str, bucket: str, prefix: str, since: datetime | None, until: datetime | None,
             how: Mapping[str, object]) -> Steps[Collection]:
    tally = Tally(name, "LastModified", since, until, asked=lambda row: words(row["Key"]).startswith(prefix))
    done = yield from walk(listing(bucket, prefix, name, **how), "rows", tally.add, after=next_page, read=page, short=short)
    return tally.collection(done, notes=("S3 has no filter by time: the list is whole, and the window is what was looked for",))


@s3.action(Effect.READ)
def list_objects(bucket: str, prefix: str = "", since: datetime | None = None,
                 until: datetime | None = None) -> Steps[Collection]:
    """Collect the list of a bucket's objects as they are now.

    What was overwritten or deleted is not in it: s3.list_versions. Needs s3:ListBucket.

    Source: docs.aws.amazon.com, Amazon S3 API, ListObjectsV2.
    """
    return (yield from _collect("objects", bucket, prefix, since, until, {"list_type": 2, "fetch_owner": "true"}))


@s3.action(Effect.READ)
def list_versions(bucket: str, prefix: str = "", since: datetime | None = None,
                  until: datetime | None = None) -> Steps[Collection]:
    """Collect the list of a bucket's versions and delete markers.

    Where versioning is off there is one of each object, and what was deleted left none. Needs s3:ListBucketVersions.

    Source: docs.aws.amazon.com, Amazon S3 API, ListObjectVersions.
    """
    return (yield from _collect("object versions", bucket, prefix, since, until, {"versions": ""}))


# -- what is public ----------------------------------------------------------------------------------------------

@s3.action(Effect.READ)
def find_public_objects(bucket: str, prefix: str = "", since: datetime | None = None) -> Steps[Listing]:
    """Find what of a bucket anybody can read.

    By its policy, by its access list, by those of its objects.

    Access lists of objects are read one by one, the first 1,000, and only where they count. A block for the whole account is
    not seen here, and presigned links are not public: they work as long as the key that signed them. Needs
    s3:GetBucketPolicyStatus, GetBucketPublicAccessBlock, GetBucketOwnershipControls, GetBucketAcl, ListBucket, GetObjectAcl.

    Source: docs.aws.amazon.com, Amazon S3 user guide, Blocking public access (the meaning of "public") and Controlling
    ownership of objects.
    """
    block = yield from _block(bucket)
    found: list[Item] = []
    if (yield from _policy_is_public(bucket)):
        found.append(_item(bucket, "bucket policy", "", "anybody, by policy", block.get("RestrictPublicBuckets") != "true"))
    counts = block.get("IgnorePublicAcls") != "true" and not (yield from _acls_are_off(bucket))
    acl = (yield GET("/{}", bucket, params={"acl": ""})).xml("AccessControlPolicy", many=LISTS)
    if granted := _granted(acl):
        found.append(_item(bucket, "bucket access list", "", granted, counts))
    if not counts:
        return Listing.of(found, True, ["access lists of objects do not count in this bucket: they were not read"],
                          suspect=lambda item: item.active is True)
    done, objects = yield from _objects(bucket, prefix, found)
    notes = [*done.notes, f"the access lists of {counted(objects, 'object')} were read"]
    return Listing.of(found, done.complete, notes, since=since, suspect=lambda item: item.active is True)


def _item(bucket: str, kind: str, key: str, granted: str, counts: bool, row: Mapping[str, Any] | None = None) -> Item:
    changed = stamp(when((row or {}).get("LastModified")))
    return Item(key or bucket, kind, key or bucket, granted + ("" if counts else " (blocked: it does not count)"),
                words(at(row, "Owner.ID")), counts, updated_at=changed)


def _block(bucket: str) -> Steps[Mapping[str, Any]]:
    answer = yield GET("/{}", bucket, params={"publicAccessBlock": ""}, ok=[404])
    return {} if absent(answer, "NoSuchPublicAccessBlockConfiguration") else answer.xml("PublicAccessBlockConfiguration")


def _policy_is_public(bucket: str) -> Steps[bool]:
    answer = yield GET("/{}", bucket, params={"policyStatus": ""}, ok=[404])
    if absent(answer, "NoSuchBucketPolicy"):
        return False
    return str(answer.xml("PolicyStatus").get("IsPublic")).lower() == "true"


def _acls_are_off(bucket: str) -> Steps[bool]:
    answer = yield GET("/{}", bucket, params={"ownershipControls": ""}, ok=[404])
    if absent(answer, "OwnershipControlsNotFoundError"):
        return False
    return bool(at(answer.xml("OwnershipControls"), "Rule.ObjectOwnership") == "BucketOwnerEnforced")


def _granted(acl: Mapping[str, Any]) -> str:
    """To whom an access list opens it, and for what; "" where to nobody that is not named."""
    grants = at(acl, "AccessControlList.Grant") or []
    return ", ".join(f"{EVERYBODY[uri]}: {words(grant.get('Permission'))}" for grant in grants
                     if isinstance(grant, dict) and (uri := words(at(grant, "Grantee.URI"))) in EVERYBODY)


def _objects(bucket: str, prefix: str, found: list[Item]) -> Steps[tuple[Walk, int]]:
    """Read the access lists of the first objects, and add what is public to `found`."""
    rows: list[Mapping[str, Any]] = []
    done = yield from walk(listing(bucket, prefix, list_type=2, fetch_owner="true"), "rows", rows.append,
                           lambda: len(rows) > MOST, after=next_page, read=page, short=short)
    looked = 0
    for row in rows[:MOST]:
        key = words(row["Key"])
        try:
            path, parts = place(bucket, key)
            target = GET(path, *parts, params={"acl": ""}, ok=[404], keep="access lists of objects")
        except ActionError:
            done.notes.append(f"the key {key[:80]!r} cannot stand in a path: its access list was not read")
            done.complete = False
            continue
        try:
            answer = yield target
        except Cut:
            done.complete = False
            done.notes.append("stopped by hand")
            break
        if absent(answer, "NoSuchKey"):                                  # deleted since it was listed
            continue
        looked += 1
        if granted := _granted(answer.xml("AccessControlPolicy", many=LISTS)):
            found.append(_item(bucket, "object", key, granted, True, row))
    if len(rows) > MOST:
        done.complete = False
        done.notes.append(f"there are more than {MOST:,} objects: say a prefix")
    return done, looked
