"""What is said in a channel, and what is kept of it. Links are never unfurled: Slack would open them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from irkit.action import (
    ActionError,
    Collection,
    Effect,
    NotConfirmed,
    Record,
    Steps,
    Tally,
    Trace,
    at,
    ident,
    occasion,
    row,
    walk,
    words,
)
from irkit.connectors.slack.base import call, get, me, needless, next_page, slack
from irkit.connectors.slack.channels import Channel, channel_of

LONGEST = 4000                         # characters: the vendor's advice. Beyond 40,000 it cuts, and in between it may split
LATEST = 999                           # messages of a channel that are looked through: the most of one call


def escaped(text: str) -> str:
    """Text in which nothing is a link, a mention or a call to everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Parts(Record, frozen=True):
    """A text as the messages that it takes."""

    channel: str
    count: int
    parts: tuple[str, ...]


def split(text: str, most: int) -> list[str]:
    """Pieces of at most `most` characters once escaped, broken at a line's end, else at a space, else where it must be."""
    parts: list[str] = []
    while text:
        end = min(len(text), most)
        while len(escaped(text[:end])) > most:
            end -= max(1, (len(escaped(text[:end])) - most) // 5)
        if end < len(text):
            breaks = (text.rfind("\n", 0, end), text.rfind(" ", 0, end))
            end = next((place + 1 for place in breaks if place > end // 2), end)
        parts.append(text[:end])
        text = text[end:]
    return parts


@slack.action(Effect.READ)
def split_message(channel: str, text: str) -> Steps[Parts]:
    """Break a long text into the messages it takes, nothing left out.

    Then post each of `parts`: `for_each`.

    Source: docs.slack.dev, chat.postMessage (4,000 characters are advised; beyond 40,000 Slack cuts).
    """
    where = yield from channel_of(channel)
    parts = split(text, LONGEST - 200)
    return Parts(where.channel, len(parts), tuple(f"({n}/{len(parts)}) {part}" if len(parts) > 1 else part
                                                  for n, part in enumerate(parts, 1)))


class Message(Record, frozen=True):
    """A message; `ts` names it within its channel. Without one there is no such message."""

    channel: str
    channel_id: str
    ts: str
    text: str


def _posted(where: Channel, text: str, own: str) -> Steps[Message]:
    """irkit's own message of exactly that text, among the latest."""
    answer = yield get("conversations.history", params={"channel": where.id, "limit": LATEST})
    for data in (row(one, "message") for one in answer.get("messages", list)):
        if words(data.get("text")) == text and ident(data.get("user")) == own:
            return Message(where.channel, where.id, ident(data.get("ts")), text)
    return Message(where.channel, where.id, "", "")


@slack.action(Effect.IRREVERSIBLE, tells=True)
def post_message(channel: str, text: str) -> Steps[Message]:
    """Say something in a channel.

    It ends with the incident and the step, so that a second attempt finds it and says it once. Links are not unfurled, and
    nothing in it mentions anybody. Read back from the channel. Over 4,000 characters: slack.split_message, or a file.

    Source: docs.slack.dev, chat.postMessage (unfurl_links, unfurl_media, is_archived, not_in_channel), conversations.history.
    Needs chat:write, groups:history.
    """
    now = yield from occasion()
    said = f"{escaped(text.rstrip())}\n[{escaped(now.id)}]"
    if not text.strip() or len(said) > LONGEST:
        raise ActionError(f"the message has {len(said):,} characters, of which Slack takes {LONGEST:,} as one",
                          next="break it up with slack.split_message, or send it as a file: slack.upload_file")
    where, own = (yield from channel_of(channel)), (yield from me())
    before = yield from _posted(where, said, own)
    if before.ts:
        return before
    yield call("chat.postMessage", seen=before, affects=[f"everybody in {where.told}"], noun="message", form={
        "channel": where.id, "text": said, "unfurl_links": "false", "unfurl_media": "false"})
    after = yield from _posted(where, said, own)
    if not after.ts:
        raise NotConfirmed(f"the message is not in #{where.channel}, or not as it was sent: look there")
    return after


# -- keeping -------------------------------------------------------------------------------------------------------

class _Told(Tally):
    """Messages by their `ts`, which is seconds and a serial number: "1772926801.000100"."""

    def add(self, value: Any) -> bool:
        seconds = ident(at(value, "ts")).partition(".")[0]
        return super().add({"at": int(seconds) if re.fullmatch(r"\d{1,11}", seconds) else None})


@slack.action(Effect.READ, preserves=[Trace("messages", of="channel")])
def collect_channel(channel: str) -> Steps[Collection]:
    """Keep all that was written in a channel, threads too.

    Of what was changed or deleted Slack shows the latest alone. Files are named, and not fetched.

    Source: docs.slack.dev, conversations.history, conversations.replies. Needs groups:history (channels:history).
    """
    where = yield from channel_of(channel, archived=True)
    tally, threads = _Told("messages", "at", None, vendor="Slack"), list[str]()

    def each(data: Mapping[str, Any]) -> None:
        tally.add(data)
        if isinstance(at(data, "reply_count"), int) and at(data, "reply_count") > 0:
            threads.append(ident(at(data, "ts")))
    done = yield from walk(get("conversations.history", keep="messages", params={"channel": where.id, "limit": 200}),
                           "messages", each, after=next_page)
    for ts in threads:
        first = get("conversations.replies", keep="threads", params={"channel": where.id, "ts": ts, "limit": 200})
        more = yield from walk(first, "messages", tally.add, after=next_page)
        done.rows, done.pages, done.complete = done.rows + more.rows, done.pages + more.pages, done.complete and more.complete
    return tally.collection(done, notes=(f"threads: {len(threads)}, each with its first message again",) if threads else ())


@slack.proof("groups:read", "find channels")
def _finds_channels() -> Steps[object]:
    first = get("conversations.list", params={"types": "private_channel", "limit": 1})
    return (yield from needless("channel")) or (yield first)
