"""An artefact into a channel: an address is asked for, the bytes go there, and the sharing makes them a file.

Until it is shared nobody sees what was uploaded, and Slack drops it: the bytes are the first part of the one write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from irkit.action import (
    ActionError,
    Artefact,
    BadAnswer,
    Effect,
    NotConfirmed,
    Record,
    Request,
    Response,
    Steps,
    Wait,
    artefact,
    at,
    ident,
    one,
    row,
    walk,
    words,
)
from irkit.connectors.slack.base import call, get, needless, slack
from irkit.connectors.slack.channels import Channel, channel_of

LOOKS = 3                              # at a file that was shared, two seconds apart


class File(Record, frozen=True):
    """A file in a channel. Without a `file_id` there is no such file."""

    channel: str
    channel_id: str
    file_id: str
    title: str
    size: int


def _by_page(request: Request, answer: Response) -> Request | None:
    page, pages = at(answer.json, "paging.page"), at(answer.json, "paging.pages")
    if not (isinstance(page, int) and isinstance(pages, int) and page < pages):
        return None
    head, _, _ = request.target.partition("&page=")
    return request.follow(f"{head}&page={page + 1}")


def _is(data: Mapping[str, Any], file: File) -> bool:
    places = [place for name in ("channels", "groups", "ims") for place in data.get(name) or () if isinstance(place, str)]
    return words(data.get("title")) == file.title and data.get("size") == file.size and file.channel_id in places


def _shared(where: Channel, kept: Artefact) -> Steps[File]:
    """The file of that artefact in the channel: its title bears the hash."""
    file, found = _wanted(where, kept), list[str]()

    def each(data: Any) -> None:
        if _is(row(data, "file"), file):
            found.append(ident(data.get("id")))
    yield from walk(get("files.list", params={"channel": where.id, "count": 100, "page": 1}), "files", each, after=_by_page)
    return replace(file, file_id=found[0]) if found else File(where.channel, where.id, "", "", 0)


def _wanted(where: Channel, kept: Artefact) -> File:
    return File(where.channel, where.id, "", f"{kept.name} (SHA-256 {kept.sha256})", kept.size)


@slack.action(Effect.IRREVERSIBLE, tells=True)
def upload_file(channel: str, file: str) -> Steps[File]:
    """Share an artefact of this incident in a channel.

    `file` is its name or SHA-256; the hash stands in the title, and the size that Slack shows is what proves it. A second
    attempt finds it. The bytes leave once the gate is passed, right before the sharing. The address they go to takes them from
    whoever knows it, until then: it stands in the record, and is of no use afterwards.

    Source: docs.slack.dev, files.getUploadURLExternal (form only), files.completeUploadExternal, files.list, files.info
    (file_uploads_disabled, storage_limit_reached). Needs files:write and files:read.
    """
    kept = yield from artefact(file)
    if not kept.size:
        raise ActionError(f"{kept.name} is empty, and Slack takes no empty file", next="say so in a message")
    where = yield from channel_of(channel)
    before = yield from _shared(where, kept)
    if before.file_id:
        return before
    ticket = yield call("files.getUploadURLExternal", reads=True, form={"filename": kept.name, "length": kept.size})
    wanted = _wanted(where, kept)
    file_id, address = ticket.get("file_id", str), ticket.get("upload_url", str)
    if not address.startswith(("https://", "http://")):
        raise BadAnswer(f"the address to upload to is none: {address[:100]!r}")
    yield call("files.completeUploadExternal", seen=before, affects=[f"everybody in {where.told}"], noun="file",
               form={"channel_id": where.id, "files": json.dumps([{"id": file_id, "title": wanted.title}])},
               first=Request(method="POST", target=address, host="files", upload=kept, signed=False, reads=True))
    return (yield from _confirmed(replace(wanted, file_id=file_id)))


def _confirmed(after: File) -> Steps[File]:
    """What Slack shows of the file then; sharing may take it a few seconds."""
    for look in range(LOOKS):
        if look:
            yield Wait(2, "Slack shares a file within seconds")
        found = yield get("files.info", params={"file": after.file_id}, accepts=["file_not_found"])
        if found.json.get("ok") is True and _is(one(found, "file", after.file_id), after):
            return after
    raise NotConfirmed(f"Slack took {after.title}, and does not show it in #{after.channel} with {after.size:,} bytes: "
                       "look there")


@slack.proof("files:read", "see whether a file was shared")
def _lists_files() -> Steps[object]:
    return (yield from needless("channel")) or (yield get("files.list", params={"count": 1, "page": 1}))
