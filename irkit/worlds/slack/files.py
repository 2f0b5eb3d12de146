"""Uploads in three calls: an address, the bytes, and the sharing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from irkit.worlds.slack.workspace import ME, Asked, Method, Obj, Refusal, Workspace
from irkit.worlds.world import Answer, Call


def announce(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """An address that takes the bytes of one file, from whoever knows it."""
    name, length = asked.arg("filename"), asked.number("length", 0)
    if not name or not length:
        raise Refusal("invalid_arguments")
    key = f"F0IRKIT{len(work.tickets):03}"
    secret = hashlib.sha256(f"{work.options.seed} {key}".encode()).hexdigest()[:24]
    work.tickets[key] = {"id": key, "name": name, "length": length, "secret": secret, "size": None}
    return {"file_id": key, "upload_url": f"{work.files_address()}/upload/v1/{secret}"}


def taken(work: Workspace, call: Call) -> Answer:
    """The bytes. Success is 200, and plain text."""
    secret = call.path.removeprefix("/upload/v1/")
    found = next((one for one in work.tickets.values() if one["secret"] == secret), None)
    if call.method != "POST" or found is None:
        return Answer(404, {"content-type": "text/plain"}, b"not found")
    if call.size != found["length"]:
        return Answer(400, {"content-type": "text/plain"}, b"wrong length")
    found["size"], found["sha256"] = call.size, call.sha256
    return Answer(200, {"content-type": "text/plain"}, f"OK - {call.size}".encode())


def share(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """Without a channel a file stays private; one whose bytes did not come is not found."""
    try:
        wanted = json.loads(asked.arg("files"))
    except ValueError:
        raise Refusal("invalid_arguments") from None
    channel = work.open_room(asked.arg("channel_id")) if asked.arg("channel_id") else None
    done: list[Obj] = []
    for one in wanted:
        ticket = work.tickets.get(one["id"])
        if ticket is None or ticket["size"] is None:
            raise Refusal("file_not_found")
        done.append({"id": ticket["id"], "name": ticket["name"], "title": one.get("title"), "size": ticket["size"], "user": ME,
                     "created": int(work.now().timestamp()),
                     "groups": [channel["id"]] if channel else [], "channels": []})
    work.files.update({one["id"]: one for one in done})
    return {"files": [{"id": one["id"], "title": one["title"]} for one in done]}


def info(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    found = work.files.get(asked.arg("file"))
    if found is None:
        raise Refusal("file_not_found")
    return {"file": found, "comments": [], "response_metadata": {"next_cursor": ""}}


def listed(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """Newest first, by page number."""
    channel = asked.arg("channel")
    rows = [one for one in reversed(work.files.values()) if channel in ("", *one["groups"])]
    count, page = asked.number("count", 100), asked.number("page", 1)
    return {"files": rows[(page - 1) * count:page * count],
            "paging": {"count": count, "total": len(rows), "page": page, "pages": max(1, -(-len(rows) // count))}}


METHODS: Mapping[str, Method] = {
    "files.getUploadURLExternal": Method(announce, "files:write", per_minute=100, form_only=True),
    "files.completeUploadExternal": Method(share, "files:write", per_minute=100),
    "files.info": Method(info, "files:read", per_minute=100, form_only=True),
    "files.list": Method(listed, "files:read", form_only=True),
}
