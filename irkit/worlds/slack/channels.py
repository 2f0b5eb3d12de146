"""Channels, members, messages; and who asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from irkit.worlds.slack.workspace import ENTERPRISE, ME, TEAM, Asked, Method, Obj, Refusal, Workspace, paged

CUT = 40_000                           # characters of a text that are kept


def _shown(one: Obj) -> Obj:
    return {**{key: value for key, value in one.items() if key != "members"}, "is_member": ME in one["members"]}


def test(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """Whom the token is of; a bot has a bot_id."""
    enterprise = {"enterprise_id": ENTERPRISE} if work.options.plan == "enterprise" else {}
    bot = {"bot_id": "B0IRKIT001"} if asked.who == "bot" else {}
    user_id = work.colleague if asked.who == "member" else ME
    return {"url": "https://northwind.slack.com/", "team": "northwind", "team_id": TEAM, "user": "irkit", "user_id": user_id,
            "is_enterprise_install": False, **enterprise, **bot}


def create(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    name = asked.arg("name")
    if not name:
        raise Refusal("invalid_name_required")
    if not re.fullmatch(r"[a-z0-9_-]{1,80}", name):
        raise Refusal("invalid_name_specials" if len(name) <= 80 else "invalid_name_maxlength")
    if any(one["name"] == name for one in work.channels.values()):
        raise Refusal("name_taken")
    key = work.channel(f"C0NEW{len(work.channels):05}", name, members=[ME], private=asked.arg("is_private") == "true")
    return {"channel": _shown(work.channels[key])}


def listed(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """Private channels that one is not in are not there. The first page may be empty, and not the last."""
    kinds = asked.arg("types", "public_channel").split(",")
    rows = [_shown(one) for one in work.channels.values()
            if ("private_channel" in kinds and ME in one["members"] if one["is_private"] else "public_channel" in kinds)]
    return paged(work, asked, "channels", rows)


def info(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    return {"channel": _shown(work.room(asked.arg("channel")))}


def archive(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    found = work.room(asked.arg("channel"))
    if found["name"] == "general":
        raise Refusal("cant_archive_general")
    if found["is_archived"]:
        raise Refusal("already_archived")
    found["is_archived"] = True
    return {}


def unarchive(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    found = work.room(asked.arg("channel"))
    if not found["is_archived"]:
        raise Refusal("not_archived")
    found["is_archived"] = False
    return {}


def members(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    return paged(work, asked, "members", work.room(asked.arg("channel"))["members"])


def invite(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """All or none of a comma list of at most 100, unless `force`."""
    found, users = work.open_room(asked.arg("channel")), asked.arg("users").split(",")
    if len(users) > 100:
        raise Refusal("too_many_users")
    for key in users:
        work.person(key)
        if key == ME:
            raise Refusal("cant_invite_self")
        if key in found["members"]:
            raise Refusal("already_in_channel")
    found["members"] = [*found["members"], *users]
    return {"channel": _shown(found)}


def kick(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    found, key = work.open_room(asked.arg("channel")), asked.arg("user")
    if key == ME:
        raise Refusal("cant_kick_self")
    if key not in found["members"]:
        raise Refusal("not_in_channel")
    found["members"] = [one for one in found["members"] if one != key]
    return {}


def post(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """A text over 40,000 characters is cut: ok all the same, and a warning."""
    found, text = work.open_room(asked.arg("channel")), asked.arg("text")
    if ME not in found["members"]:
        raise Refusal("not_in_channel")
    if not text:
        raise Refusal("no_text")
    if asked.arg("unfurl_links") != "false" or asked.arg("unfurl_media") != "false":
        work.recorded("link_unfurled", ME)                # Slack has opened what was linked
    message = work.post(found["id"], text[:CUT], ME)
    cut = {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return {"channel": found["id"], "ts": message["ts"], "message": message, **(cut if len(text) > CUT else {})}


def history(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """Newest first; replies are not among them."""
    rows = list(reversed(work.messages[work.room(asked.arg("channel"))["id"]]))
    page = paged(work, asked, "messages", rows, 999)
    return {**page, "has_more": bool(page["response_metadata"]["next_cursor"])}


def replies(work: Workspace, asked: Asked) -> Mapping[str, Any]:
    """The thread's first message, then its replies."""
    ts = asked.arg("ts")
    first = [one for one in work.messages[work.room(asked.arg("channel"))["id"]] if one["ts"] == ts]
    if not first:
        raise Refusal("thread_not_found")
    return paged(work, asked, "messages", [*first, *work.replies.get(ts, [])])


METHODS: Mapping[str, Method] = {
    "auth.test": Method(test, per_minute=100),
    "conversations.create": Method(create, "groups:write", per_minute=20),
    "conversations.list": Method(listed, "groups:read", per_minute=20, form_only=True),
    "conversations.info": Method(info, "groups:read", form_only=True),
    "conversations.archive": Method(archive, "groups:write", per_minute=20),
    "conversations.unarchive": Method(unarchive, "groups:write", per_minute=20),
    "conversations.members": Method(members, "groups:read", per_minute=100, form_only=True),
    "conversations.invite": Method(invite, "groups:write"),
    "conversations.kick": Method(kick, "groups:write"),
    "conversations.history": Method(history, "groups:history", form_only=True),
    "conversations.replies": Method(replies, "groups:history", form_only=True),
    "chat.postMessage": Method(post, "chat:write", per_minute=60),
}
