"""Access keys of IAM users. A presigned link works as long as the key that signed it: switching the key off ends both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import (
    POST,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    Listing,
    Record,
    Request,
    Response,
    Steps,
    UserId,
    Walk,
    at,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.s3.base import form, query, s3

ROWS = "ListAccessKeysResult.AccessKeyMetadata.member"


class AccessKey(Record, frozen=True):
    """An access key, never its secret. `used_at`, `service` and `region` are those of its last use, or ""."""

    user_name: UserId
    access_key_id: str
    active: bool
    created_at: str
    used_at: str
    service: str
    region: str


def _page(answer: Response) -> Mapping[str, Any]:
    return answer.xml("ListAccessKeysResponse", many=("member",))


def _next(request: Request, answer: Response) -> Request | None:
    found = at(_page(answer), "ListAccessKeysResult") or {}
    marker = words(at(found, "Marker"))
    if at(found, "IsTruncated") != "true" or not marker or not isinstance(request.form, Mapping):
        return None
    return query("ListAccessKeys", **{**{k: str(v) for k, v in request.form.items() if k not in ("Action", "Version")},
                                      "Marker": marker})


def _keys(user_name: str) -> Steps[tuple[list[Mapping[str, Any]], Walk]]:
    found: list[Mapping[str, Any]] = []
    done = yield from walk(query("ListAccessKeys", UserName=user_name), ROWS, found.append, after=_next, read=_page,
                           optional=True)
    for one in found:
        if not isinstance(one, dict) or one.get("UserName") != user_name or not one.get("AccessKeyId"):
            raise BadAnswer(f"a key of {user_name} was asked for, another's came")
    return found, done


def _used(access_key_id: str) -> Steps[Mapping[str, Any]]:
    """{UserName, AccessKeyLastUsed}; dates are missing for a key that was never used."""
    answer = (yield query("GetAccessKeyLastUsed", AccessKeyId=access_key_id)).xml("GetAccessKeyLastUsedResponse")
    found = answer.get("GetAccessKeyLastUsedResult")
    if not isinstance(found, dict) or not words(found.get("UserName")):
        raise BadAnswer(f"the answer does not say whose key {access_key_id} is")
    return found


def _key(user_name: str, access_key_id: str) -> Steps[AccessKey]:
    rows, _ = yield from _keys(user_name)
    row = next((row for row in rows if row["AccessKeyId"] == access_key_id), None)
    if row is None:
        raise ActionError(f"{user_name} has no access key {access_key_id}", next="whose it is: s3.find_access_key")
    if row.get("Status") not in ("Active", "Inactive"):
        raise BadAnswer(f"the key {access_key_id} is {words(row.get('Status')) or 'neither on nor off'}")
    used = at((yield from _used(access_key_id)), "AccessKeyLastUsed") or {}
    return AccessKey(UserId(user_name), access_key_id, row["Status"] == "Active", stamp(when(row.get("CreateDate"))),
                     stamp(when(at(used, "LastUsedDate"))), words(at(used, "ServiceName")), words(at(used, "Region")))


# -- looks -------------------------------------------------------------------------------------------------------

@s3.action(Effect.READ)
def find_access_key(access_key_id: str) -> Steps[AccessKey]:
    """Find whose access key that is, whether it is on, and its last use.

    The last use is the last one only, and may be some hours behind. Needs iam:GetAccessKeyLastUsed, ListAccessKeys.

    Source: docs.aws.amazon.com, IAM API, GetAccessKeyLastUsed.
    """
    user = words((yield from _used(access_key_id)).get("UserName"))
    return (yield from _key(user, access_key_id))


@s3.action(Effect.READ)
def list_access_keys(user_name: UserId) -> Steps[Listing]:
    """List a user's access keys with their last use.

    Those that are on are suspects.

    Source: docs.aws.amazon.com, IAM API, ListAccessKeys and GetAccessKeyLastUsed.
    """
    rows, done = yield from _keys(user_name)
    found = []
    for row in rows:
        used = at((yield from _used(words(row["AccessKeyId"]))), "AccessKeyLastUsed") or {}
        last = ", ".join(filter(None, (words(at(used, "ServiceName")), words(at(used, "Region")))))
        found.append(Item(words(row["AccessKeyId"]), "access key", words(row["AccessKeyId"]), last, user_name,
                          row.get("Status") == "Active", stamp(when(row.get("CreateDate"))),
                          used_at=stamp(when(at(used, "LastUsedDate")))))
    return Listing.of(found, done.complete, done.notes, suspect=lambda item: item.active is True)


# -- switching ---------------------------------------------------------------------------------------------------

def _switch(user_name: UserId, access_key_id: str, on: bool) -> Steps[AccessKey]:
    before = yield from _key(user_name, access_key_id)
    if before.active == on:
        return before
    yield POST("/", host="iam", seen=before, noun="access key", form=form(
        "UpdateAccessKey", UserName=user_name, AccessKeyId=access_key_id, Status="Active" if on else "Inactive"),
        affects=[f"whatever signs with {access_key_id} of {user_name}"])
    return (yield from _key(user_name, access_key_id)).require(active=on)


@s3.action(Effect.REVERSIBLE, undo="s3.activate_access_key")
def deactivate_access_key(user_name: UserId, access_key_id: str) -> Steps[AccessKey]:
    """Switch off an access key, and so every presigned link that it signed.

    It can be switched on again. IAM needs some seconds until all services know; downloads under way finish, and sessions that
    the key has made (STS) go on until they end.

    Source: docs.aws.amazon.com, IAM API, UpdateAccessKey; Amazon S3 user guide, Download and upload objects with
    presigned URLs.
    """
    return (yield from _switch(user_name, access_key_id, False))


@s3.action(Effect.REVERSIBLE, undo="s3.deactivate_access_key")
def activate_access_key(user_name: UserId, access_key_id: str) -> Steps[AccessKey]:
    """Switch an access key on again.

    Source: docs.aws.amazon.com, IAM API, UpdateAccessKey.
    """
    return (yield from _switch(user_name, access_key_id, True))
