"""What was done to tickets: events by an actor, and tickets that were deleted and can still come back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    PUT,
    ActionError,
    Collection,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    Walk,
    ident,
    one,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import MOST_LINES, Tally, epoch, items, listed, number, walk

MOST_TICKETS = 100      # of one restore_many
MOST_BODY = 20_000      # characters of a reply that are searched for links
REMEMBERED = 5000       # events; a page of an incremental export has a thousand
HOST = re.compile(r"https?://([A-Za-z0-9.-]{1,253})")


class TicketEvents(Collection, frozen=True):
    """The kept ticket events of everybody, and what the actor's add up to."""

    by_actor: int
    tickets: tuple[str, ...]       # ids of the tickets the actor changed
    comments: int
    public_comments: int           # these went to customers
    channels: tuple[str, ...]      # "api: 40": how they were made


class _Once:
    """Which events were counted. A page of an export by time begins with the second in which the last one ended, so that events
    come twice (developer.zendesk.com, Using the Incremental Exports API): all are kept, and each is counted once.

    Only the latest ones are remembered: an export has millions of events, and they come twice within a page of each other.
    """

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}         # in the order in which they came

    def is_new(self, data: Mapping[str, Any]) -> bool:
        event = ident(data.get("id"))
        new = event not in self._seen
        if event and new:
            self._seen[event] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return new


class _Events:
    def __init__(self, actor: str) -> None:
        self.actor, self.once = actor, _Once()
        self.count = self.comments = self.public = 0
        self.tickets: dict[str, None] = {}
        self.channels: Counter[str] = Counter()

    def add(self, data: Mapping[str, Any]) -> None:
        children = data.get("child_events")
        parts = [part for part in children if isinstance(part, dict)] if isinstance(children, list) else []
        if self.actor not in (ident(data.get("updater_id")), *(ident(part.get("author_id")) for part in parts)):
            return
        if not self.once.is_new(data):
            return
        via = data.get("via")
        channel = ident(via.get("channel")) if isinstance(via, dict) else words(via)
        self.count += 1
        self.tickets[ident(data.get("ticket_id"))] = None
        self.channels[channel or "not stated"] += 1
        comments = [part for part in parts if part.get("event_type") == "Comment"]
        self.comments += len(comments)
        self.public += sum(part.get("public") is True for part in comments)


@zendesk.action(Effect.READ)
def collect_ticket_events(actor_id: UserId, since: datetime) -> Steps[TicketEvents]:
    """Keep all changes to tickets, and count those of one user.

    Source: developer.zendesk.com, Incremental Exports, Incremental Ticket Event Export. Needs an administrator; 10 requests a
    minute. Leaves out the last minute. The export has no filter by user, so everybody's events are kept, comments included.
    """
    number(actor_id, "user")
    tally, sums = Tally("ticket_events", "created_at", since), _Events(actor_id)

    def add(value: Any) -> None:
        if tally.add(value) and isinstance(value, dict):
            sums.add(value)

    done = yield from walk(GET("/api/v2/incremental/ticket_events", params={
        "start_time": epoch(since), "include": "comment_events"}, keep="ticket_events"), "ticket_events", add)
    return TicketEvents(**asdict(tally.collection(done)), by_actor=sums.count, tickets=tuple(sums.tickets),
                        comments=sums.comments, public_comments=sums.public,
                        channels=tuple(f"{name}: {count}" for name, count in sums.channels.most_common()))


class Replies(Collection, frozen=True):
    """The kept ticket events, and the replies to customers among them that came through one channel, whoever signed them."""

    replies: int
    tickets: tuple[str, ...]       # ids of the tickets that got one
    authors: tuple[str, ...]       # "user 3971: 25": in whose name
    hosts: tuple[str, ...]         # "forms.example: 25": where their links lead
    channels: tuple[str, ...]      # "web: 900": all replies by channel, to compare with an ordinary day


class _Replies:
    def __init__(self, channel: str) -> None:
        self.channel, self.once, self.tickets = channel, _Once(), dict[str, None]()
        self.authors, self.hosts, self.channels = Counter[str](), Counter[str](), Counter[str]()

    def add(self, data: Mapping[str, Any]) -> None:
        children, via = data.get("child_events"), data.get("via")
        channel = ident(via.get("channel")) if isinstance(via, dict) else words(via)
        replies = [part for part in (children if isinstance(children, list) else ()) if isinstance(part, dict)
                   and part.get("event_type") == "Comment" and part.get("public") is True]
        if not replies or not self.once.is_new(data):
            return
        self.channels[channel or "not stated"] += len(replies)
        for part in replies if channel == self.channel else ():
            self.tickets[ident(data.get("ticket_id"))] = None
            self.authors[ident(part.get("author_id")) or "unknown"] += 1
            self.hosts.update(set(HOST.findall(words(part.get("body"))[:MOST_BODY])))


def _counts(counts: Counter[str], before: str = "") -> tuple[str, ...]:
    return tuple(f"{before}{name}: {count}" for name, count in counts.most_common(MOST_LINES))


@zendesk.action(Effect.READ)
def collect_replies(since: datetime, channel: str = "api") -> Steps[Replies]:
    """Keep all changes to tickets; list the replies sent through one channel.

    Source: developer.zendesk.com, Incremental Exports, Incremental Ticket Event Export. Needs an administrator; 10 requests a
    minute. Leaves out the last minute. An API token signs its replies with any agent's name, so the channel tells more than
    the author: replies through "api" are a program's. An integration of your own that answers customers is among them.
    """
    tally, sums = Tally("ticket_events", "created_at", since), _Replies(channel)

    def add(value: Any) -> None:
        if tally.add(value) and isinstance(value, dict):
            sums.add(value)

    done = yield from walk(GET("/api/v2/incremental/ticket_events", params={
        "start_time": epoch(since), "include": "comment_events"}, keep="ticket_events"), "ticket_events", add)
    return Replies(**asdict(tally.collection(done)), replies=sums.authors.total(), tickets=tuple(filter(None, sums.tickets)),
                   authors=_counts(sums.authors, "user "), hosts=_counts(sums.hosts), channels=_counts(sums.channels))


class DeletedTickets(Listing, frozen=True):
    """The deleted tickets. `batches` are the ids of the suspects, as many as one restore takes."""

    batches: tuple[tuple[str, ...], ...] = ()


def _deleted(data: Mapping[str, Any]) -> Item:
    actor = data.get("actor")
    by = actor if isinstance(actor, dict) else {}
    return Item(ident(data.get("id")), "ticket", words(data.get("subject")), f"deleted by {words(by.get('name')) or 'unknown'}",
                ident(by.get("id")), created_at="", updated_at=words(data.get("deleted_at")))


def _list_deleted(keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    # by cursor: by offset the list would end at its ten thousandth ticket
    return (yield from items(listed("/api/v2/deleted_tickets", keep=keep), "deleted_tickets", _deleted))


@zendesk.action(Effect.READ, preserves=[Trace("deleted_tickets")])
def collect_deleted_tickets(since: datetime | None = None, actor_id: UserId | None = None) -> Steps[DeletedTickets]:
    """Keep the list of deleted tickets.

    Source: developer.zendesk.com, Tickets, List Deleted Tickets. Needs an administrator, or an agent who may see deleted
    tickets; 10 requests a minute. Holds 30 days, and no archived ticket. Suspects are those deleted since `since`, by
    `actor_id` where one is given.
    """
    found, done = yield from _list_deleted(keep="deleted_tickets")
    listing = Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: (
        (since is None or item.since(since)) and (actor_id is None or item.owner == actor_id)))
    ids = listing.suspect_ids
    return DeletedTickets(**asdict(listing), batches=tuple(
        ids[start:start + MOST_TICKETS] for start in range(0, len(ids), MOST_TICKETS)))


class Restored(Record, frozen=True):
    """Tickets that exist and are not deleted."""

    ticket_ids: tuple[str, ...]
    restored: int
    proof: str


class Deleted(Record, frozen=True):
    """What the list of deleted tickets said of those to restore."""

    tickets: tuple[str, ...]


def _missing(ids: Iterable[str]) -> Steps[list[str]]:
    """Those of the tickets that do not exist, or are deleted."""
    missing = []
    for ticket in ids:
        answer = yield GET("/api/v2/tickets/{}", ticket, ok=(404,))
        if answer.status == 404 or one(answer, "ticket", ticket).get("status") == "deleted":
            missing.append(ticket)
    return missing


@zendesk.action(Effect.IRREVERSIBLE, destroys=[Trace("deleted_tickets")])
def restore_tickets(ticket_ids: list[str]) -> Steps[Restored]:
    """Bring deleted tickets back.

    Source: developer.zendesk.com, Tickets, Restore Previously Deleted Tickets in Bulk. Needs an administrator, or an agent who
    may see deleted tickets; possible for 30 days. Who deleted them, and when, is no longer listed afterwards.
    """
    ids = list(dict.fromkeys(ticket_ids))
    if not 0 < len(ids) <= MOST_TICKETS:
        raise ActionError(f"{len(ids)} tickets were given; Zendesk restores 1 to {MOST_TICKETS} at once")
    for ticket in ids:
        number(ticket, "ticket")
    deleted, _ = yield from _list_deleted()
    lost = {item.id: item.told for item in deleted if item.id in ids}
    gone = yield from _missing(ticket for ticket in ids if ticket not in lost)
    if gone:
        raise ActionError(f"tickets {', '.join(gone)} are neither there nor among the deleted: after 30 days none comes back")
    if not lost:
        return Restored(tuple(ids), 0, "each of them was read, and none is deleted")
    told = tuple(lost.values())
    yield PUT("/api/v2/deleted_tickets/restore_many", params={"ids": ",".join(lost)}, seen=Deleted(told), affects=told,
              noun="ticket")
    left = yield from _missing(lost)
    if left:
        raise NotConfirmed(f"tickets {', '.join(left)} are still not there")
    return Restored(tuple(ids), len(lost), "each of them was read, and none is deleted")
