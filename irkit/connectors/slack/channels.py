"""The incident's channel: private, under a name that is the same at every attempt, with members that were looked at."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from irkit.action import (
    ActionError,
    BadAnswer,
    Effect,
    Email,
    Item,
    Listing,
    Record,
    Refused,
    Steps,
    flag,
    ident,
    occasion,
    one,
    row,
    walk,
    words,
)
from irkit.connectors.slack.base import call, get, me, next_page, slack, user_of
from irkit.connectors.slack.people import by_email

LONGEST = 80                           # characters of a channel's name


class Channel(Record, frozen=True):
    """A channel; `channel` is its name, and `id` is "" while there is none."""

    id: str
    channel: str
    private: bool
    archived: bool
    member: bool                       # whether irkit is in it

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Channel:
        found, archived = ident(data.get("id")), flag(data.get("is_archived"))
        if not found or archived is None:
            raise BadAnswer("a channel came without an id, or without saying whether it is archived")
        return cls(found, words(data.get("name")), bool(flag(data.get("is_private"))), archived,
                   bool(flag(data.get("is_member"))))

    @property
    def told(self) -> str:
        return f"#{self.channel} ({'private' if self.private else 'public'})"


def by_name(name: str) -> Steps[Channel | None]:
    """The channel of exactly that name. Of private channels Slack shows those that irkit is in."""
    found: list[Channel] = []
    first = get("conversations.list", params={"types": "public_channel,private_channel", "limit": 200})
    yield from walk(first, "channels", lambda data: found.append(Channel.of(row(data, "channel"))), after=next_page)
    return next((one for one in found if one.channel == name), None)


def channel_of(which: str, *, archived: bool = False) -> Steps[Channel]:
    """The channel of that id or name ("#" may lead). Raises ActionError where it is unknown, or archived and may not be."""
    if re.fullmatch(r"[CG][A-Z0-9]{7,}", which):
        found: Channel | None = Channel.of(one((yield get("conversations.info", params={"channel": which})), "channel", which))
    else:
        found = yield from by_name(which.removeprefix("#"))
    if found is None:
        raise ActionError(f"there is no channel {which} that irkit can see",
                          next="correct the name, or have somebody of a private channel invite irkit")
    if found.archived and not archived:
        raise ActionError(f"#{found.channel} is archived: nothing can be written there",
                          next="use another channel, or open it again: slack.unarchive_channel")
    return found


def name_for(incident: str, name: str) -> str:
    """"inc-2041-5f0c3f": of the incident alone, so that every attempt and every step comes to the same channel."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "incident"
    return f"{plain[:LONGEST - 7]}-{hashlib.sha256(incident.encode()).hexdigest()[:6]}"


@slack.action(Effect.REVERSIBLE, undo="slack.archive_channel")
def create_channel(name: str = "") -> Steps[Channel]:
    """Make a private channel for the incident.

    Without `name` it is made of the incident's own name and id: a second attempt finds the first channel. A channel of that
    name that irkit cannot see stops the step: who is in it is not known. Undone it is archived; its name stays taken.

    Source: docs.slack.dev, conversations.create (name_taken; names of at most 80 lower-case letters, digits, "-" and "_").
    Needs groups:write, groups:read.
    """
    if name:
        wanted = name.removeprefix("#")
    else:
        now = yield from occasion()
        wanted = name_for(now.incident, now.name)
    if not re.fullmatch(rf"[a-z0-9_-]{{1,{LONGEST}}}", wanted):
        raise ActionError(f"{wanted!r} is no name of a channel",
                          next=f"at most {LONGEST} lower-case letters, digits, '-' and '_', or leave it out")
    found = yield from by_name(wanted)
    if found is not None:
        return _usable(found)
    try:
        yield call("conversations.create", form={"name": wanted, "is_private": "true"}, noun="channel",
                   seen=Channel("", wanted, True, False, False), affects=[f"#{wanted}, with irkit as its only member"])
    except Refused:
        found = yield from by_name(wanted)               # made meanwhile, by an attempt whose answer was lost
        if found is None:
            raise
        return _usable(found)
    return (yield from channel_of(wanted)).require(private=True, archived=False)


def _usable(found: Channel) -> Channel:
    """A channel that was there already, where it is as the incident's must be."""
    if found.archived or not found.private:
        raise ActionError(f"#{found.channel} is there already, and {'archived' if found.archived else 'public'}",
                          next="give another name, or open it again: slack.unarchive_channel")
    return found


@slack.action(Effect.READ)
def find_channel(channel: str) -> Steps[Channel]:
    """Find a channel by its name or id, and whether irkit can write there.

    Source: docs.slack.dev, conversations.list, conversations.info. Needs channels:read and groups:read.
    """
    return (yield from channel_of(channel, archived=True))


def _set_archived(channel: str, archived: bool) -> Steps[Channel]:
    before = yield from channel_of(channel, archived=True)
    if before.archived == archived:
        return before
    yield call(f"conversations.{'archive' if archived else 'unarchive'}", form={"channel": before.id}, seen=before,
               accepts=["already_archived", "not_archived"], affects=[before.told], noun="channel")
    return (yield from channel_of(before.id, archived=True)).require(archived=archived)


@slack.action(Effect.REVERSIBLE, undo="slack.unarchive_channel")
def archive_channel(channel: str) -> Steps[Channel]:
    """Close a channel: its messages stay, and nobody writes there.

    Not the end of an incident by itself: archived is not preserved. Keep its messages first: slack.collect_channel.

    Source: docs.slack.dev, conversations.archive (cant_archive_general). Needs groups:write.
    """
    return (yield from _set_archived(channel, True))


@slack.action(Effect.REVERSIBLE, undo="slack.archive_channel", unverified="that a bot may open an archived private channel")
def unarchive_channel(channel: str) -> Steps[Channel]:
    """Open an archived channel again.

    Source: docs.slack.dev, conversations.unarchive. Needs groups:write.
    """
    return (yield from _set_archived(channel, False))


# -- members -------------------------------------------------------------------------------------------------------

class Membership(Record, frozen=True):
    """Whether somebody is in a channel."""

    channel: str
    channel_id: str
    email: str
    user_id: str
    member: bool


def members_of(channel_id: str) -> Steps[list[str]]:
    found: list[str] = []
    yield from walk(get("conversations.members", params={"channel": channel_id, "limit": 200}), "members",
                    lambda data: found.append(ident(data)), after=next_page)
    return found


def _membership(channel: str, email: str) -> Steps[tuple[Membership, str]]:
    where = yield from channel_of(channel)
    user = yield from by_email(email)
    if not user.active:
        raise ActionError(f"{user.person} is deactivated in Slack", next="invite somebody else")
    there = user.user_id in (yield from members_of(where.id))
    return Membership(where.channel, where.id, email, user.user_id, there), user.person


@slack.action(Effect.REVERSIBLE, undo="slack.remove_from_channel", tells=True)
def invite(channel: str, email: Email) -> Steps[Membership]:
    """Bring a person into a channel.

    Who comes in reads everything that was written there. One person a step, so that it can be undone for each: `for_each`.

    Source: docs.slack.dev, conversations.invite (already_in_channel, cant_invite_self). Needs groups:write, users:read.email.
    """
    before, person = yield from _membership(channel, email)
    if before.member:
        return before
    yield call("conversations.invite", form={"channel": before.channel_id, "users": before.user_id}, seen=before,
               accepts=["already_in_channel"], affects=[f"{person}, into #{before.channel}"], noun="person")
    return (yield from _membership(before.channel_id, email))[0].require(member=True)


@slack.action(Effect.REVERSIBLE, undo="slack.invite")
def remove_from_channel(channel: str, email: Email) -> Steps[Membership]:
    """Take a person out of a channel.

    What they read there, they have read.

    Source: docs.slack.dev, conversations.kick (not_in_channel, cant_kick_self). Needs groups:write.
    """
    before, person = yield from _membership(channel, email)
    if not before.member:
        return before
    yield call("conversations.kick", form={"channel": before.channel_id, "user": before.user_id}, seen=before,
               accepts=["not_in_channel"], affects=[f"{person}, out of #{before.channel}"], noun="person")
    return (yield from _membership(before.channel_id, email))[0].require(member=False)


@slack.action(Effect.READ)
def check_members(channel: str) -> Steps[Listing]:
    """See who reads a channel.

    Guests, bots, deactivated people and those of other organizations are pointed out.
    Whoever is in the intruder's hands reads it too: compare the list with whom you expect.

    Source: docs.slack.dev, conversations.members, users.info. Needs groups:read, users:read.
    """
    where, own = (yield from channel_of(channel)), (yield from me())
    found: list[Item] = []
    odd: set[str] = set()
    for user_id in (yield from members_of(where.id)):
        user = yield from user_of(user_id)
        kind = "bot" if user.bot else "guest" if user.guest else "administrator" if user.admin else "member"
        if user_id != own and (user.bot or user.guest or not user.active):
            odd.add(user_id)
        found.append(Item(user_id, kind, user.name, user.email, active=user.active))
    return Listing.of(found, True, suspect=lambda item: item.id in odd)


