"""Tickets of a window, what the agent wrote on them, and tickets that were deleted.

Freshdesk has no list of who did what: a conversation bears its author, a ticket its assignee, and nothing says who read,
changed, exported or deleted. `updated_since` is always sent: without it the tickets of the last 30 days come, as if there were
no others. The list is read from its oldest change on, and begun anew at the last change seen after each page: a ticket that
changes meanwhile moves to the end, so that by page numbers its neighbours would be skipped; and there is no page 301.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Collection,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Refused,
    Request,
    Response,
    Steps,
    Trace,
    UserId,
    Walk,
    at,
    counted,
    ident,
    row,
    stamp,
    walk,
    when,
    words,
)
from irkit.connectors.freshdesk.base import PAGE, Tally, freshdesk, listed, next_page, number, required
from irkit.connectors.freshdesk.people import sees_all_tickets

MOST = 10                  # lines of a summary
MOST_PAGES = 300           # of one list of tickets
OVERLAP = timedelta(seconds=1)      # whether `updated_since` takes its own second in is not documented


def _from(since: datetime, page: int, filters: Mapping[str, object]) -> str:
    return listed("/tickets", params={**filters, "updated_since": stamp(since), "order_by": "updated_at", "order_type": "asc",
                                      "page": page}).target


class _Pages:
    """Which request follows: the same list from the last change seen, or its next page where that is the same second."""

    def __init__(self, since: datetime, **filters: object) -> None:
        self._since, self._page, self._filters = since, 1, filters
        self.cut = ""

    def first(self, **options: Any) -> Request:
        return Request(method="GET", target=_from(self._since, self._page, self._filters), **options)

    def after(self, request: Request, answer: Response) -> Request | None:
        if next_page(request, answer) is None:
            return None
        rows = answer.json
        latest = when(at(rows[-1], "updated_at")) if isinstance(rows, list) and rows else None
        if latest is not None and latest - OVERLAP > self._since:
            self._since, self._page = latest - OVERLAP, 1
        elif self._page < MOST_PAGES:
            self._page += 1
        else:
            self.cut = f"more than {MOST_PAGES * PAGE:,} tickets were changed at {stamp(latest)}: the rest cannot be listed"
            return None
        return replace(request, target=_from(self._since, self._page, self._filters), meanwhile=None)


class _Seen:
    """Tickets by id, and how many rows came twice."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.twice = 0
        self.stopped = False       # by hand

    def add(self, data: Mapping[str, Any]) -> bool:
        """Whether this ticket is new."""
        ticket = required(data.get("id"), "a ticket")
        if ticket in self.ids:
            self.twice += 1
            return False
        self.ids[ticket] = None
        return True


def _tickets(tally: Tally, each: Callable[[Mapping[str, Any]], object], since: datetime, keep: str,
             **filters: object) -> Steps[tuple[Walk, _Seen]]:
    """All tickets changed since, each handed over once."""
    pages, seen = _Pages(since, **filters), _Seen()

    def add(value: Any) -> None:
        data = row(value, "ticket")
        if seen.add(data):
            tally.add(data)
            each(data)

    done = yield from walk(pages.first(keep=keep), "", add, after=pages.after)
    seen.stopped = not done.complete
    if pages.cut:
        done.complete = False
        done.notes.append(pages.cut)
    if tally.outside:
        done.complete = False
        done.notes.append("updated_since was ignored: tickets made more than 30 days ago may be missing")
    if seen.twice:
        done.notes.append(f"{counted(seen.twice, 'row')} came twice, since pages overlap, kept too")
    return done, seen


class Tickets(Collection, frozen=True):
    """The kept tickets. `rows` counts rows, some of which came twice; `tickets` each ticket once."""

    tickets: int
    assigned: tuple[str, ...]      # ids of the open and pending tickets that are assigned to the agent
    statuses: tuple[str, ...]      # "open: 12"


STATUSES = {2: "open", 3: "pending", 4: "resolved", 5: "closed"}


@freshdesk.action(Effect.READ, preserves=[Trace("tickets"), Trace("ticket_assignments", of="agent_id")])
def collect_tickets(agent_id: UserId, since: datetime) -> Steps[Tickets]:
    """Keep the tickets changed since, and name the agent's open ones.

    Source: developers.freshdesk.com, List All Tickets. Needs the global ticket scope; 20 requests a minute on Growth. Deleted
    tickets are a list of their own, and archived ones are in none. Nothing says who changed a ticket, or read one.
    """
    number(agent_id, "an agent")
    yield from sees_all_tickets()
    tally, mine, statuses = Tally("tickets", "updated_at", since), list[str](), Counter[str]()

    def each(data: Mapping[str, Any]) -> None:
        status = data.get("status")
        name = STATUSES.get(status, f"status {status}") if isinstance(status, int) else "not stated"
        statuses[name] += 1
        if ident(data.get("responder_id")) == agent_id and status in (2, 3):
            mine.append(ident(data.get("id")))

    done, seen = yield from _tickets(tally, each, since, "tickets")
    return Tickets(**asdict(tally.collection(done)), tickets=len(seen.ids), assigned=tuple(mine),
                   statuses=tuple(f"{name}: {count:,}" for name, count in statuses.most_common()))


class Conversations(Collection, frozen=True):
    """The kept conversations of all tickets changed in the window, and what the agent's add up to since its start."""

    tickets: int
    by_agent: int
    public: int                    # replies and public notes: customers can read them
    private_notes: int
    attachments: int
    touched: tuple[str, ...]       # ids of the tickets the agent wrote on
    recipients: tuple[str, ...]    # "a@example.org: 12", who was written to, most first, at most ten


class _Written:
    def __init__(self, agent_id: str) -> None:
        self._agent = agent_id
        self.count = self.public = self.private = self.attachments = 0
        self.tickets: dict[str, None] = {}
        self.to: Counter[str] = Counter()

    def add(self, ticket: str, data: Mapping[str, Any]) -> None:
        if ident(data.get("user_id")) != self._agent:
            return
        self.count += 1
        self.public += data.get("private") is False
        self.private += data.get("private") is True
        self.tickets[ticket] = None
        files = data.get("attachments")
        self.attachments += len(files) if isinstance(files, list) else 0
        for name in ("to_emails", "cc_emails", "bcc_emails"):
            sent = data.get(name)
            self.to.update(words(one) for one in (sent if isinstance(sent, list) else ()) if words(one))


def _conversation(ticket: str, add: Any) -> Steps[Walk | None]:
    """Read one ticket's conversation, from the archive where it is there; None where it is in neither."""
    for path in ("/tickets/{}/conversations", "/tickets/archived/{}/conversations"):
        try:
            return (yield from walk(listed(path, ticket, keep="conversations"), "", add, after=next_page))
        except Refused as refused:
            if refused.status != 404:
                raise
    return None


@freshdesk.action(Effect.READ, preserves=[Trace("conversations")])
def collect_conversations(agent_id: UserId, since: datetime) -> Steps[Conversations]:
    """Keep what was written on tickets, and count the agent's part.

    Source: developers.freshdesk.com, List All Conversations of a Ticket. Needs the global ticket scope. A ticket itself shows
    its ten oldest entries only, so each ticket is asked for all: a request a ticket, five minutes for 1,000 on Growth.
    Everybody's entries are kept. One that was edited or deleted since shows as it is now, or not at all.
    """
    number(agent_id, "an agent")
    yield from sees_all_tickets()
    tickets = Tally("tickets_with_conversations", "updated_at", since)
    listing, seen = yield from _tickets(tickets, dict, since, "tickets_with_conversations")
    tally, written, total = Tally("conversations", "created_at", since), _Written(agent_id), Walk(complete=True)
    missing = 0
    for ticket in () if seen.stopped else seen.ids:
        def add(value: Any, ticket: str = ticket) -> None:
            if tally.add(row(value, "conversation")):
                written.add(ticket, value)

        done = yield from _conversation(ticket, add)
        if done is None:
            missing += 1
            continue
        total.rows, total.pages, total.at = total.rows + done.rows, total.pages + done.pages, done.at
        if not done.complete:
            total.complete = False
            total.notes += done.notes
            break
    total.complete = total.complete and listing.complete
    total.notes += [f"tickets: {note}" for note in tickets.collection(listing).notes]
    if missing:
        total.notes.append(f"{counted(missing, 'ticket')} gone before it could be read")
    return Conversations(**asdict(tally.collection(total)), tickets=len(seen.ids), by_agent=written.count,
                         public=written.public, private_notes=written.private, attachments=written.attachments,
                         touched=tuple(written.tickets),
                         recipients=tuple(f"{one}: {count:,}" for one, count in written.to.most_common(MOST)))


# -- deleted tickets -----------------------------------------------------------------------------------------------

def _deleted(data: Mapping[str, Any]) -> Item:
    return Item(required(data.get("id"), "a ticket"), "deleted ticket", words(data.get("subject")),
                owner=ident(data.get("responder_id")), created_at=words(data.get("created_at")),
                updated_at=words(data.get("updated_at")))


@freshdesk.action(Effect.READ, preserves=[Trace("deleted_tickets")],
                  unverified="whether a list of deleted tickets takes updated_since")
def collect_deleted_tickets(since: datetime) -> Steps[Listing]:
    """Keep the list of deleted tickets.

    Source: developers.freshdesk.com, List All Tickets, filter deleted. Needs the global ticket scope. Nothing says who deleted
    one; the time is that of the last change. Suspects are those changed since `since`.
    """
    yield from sees_all_tickets()
    tally, found = Tally("deleted_tickets", "updated_at", since), list[Item]()

    def each(data: Mapping[str, Any]) -> None:
        if data.get("deleted") is False:
            raise BadAnswer(f"ticket {ident(data.get('id'))} came among the deleted and is not deleted: the filter was ignored")
        found.append(_deleted(data))

    done, _ = yield from _tickets(tally, each, since, "deleted_tickets", filter="deleted")
    return Listing.of(found, done.complete, done.notes, since=since)


class Ticket(Record, frozen=True):
    """A ticket, and whether it is deleted."""

    id: str
    subject: str
    deleted: bool
    updated_at: str


def _ticket(ticket_id: str) -> Steps[Ticket]:
    answer: Response = yield GET("/api/v2/tickets/{}", ticket_id, ok=(404,))
    if answer.status == 404:
        raise ActionError(f"there is no ticket {ticket_id}: deleted for good, or archived")
    data = row(answer.json, "ticket")
    if required(data.get("id"), "a ticket") != ticket_id:
        raise BadAnswer(f"ticket {ticket_id} was asked for, {ident(data.get('id'))} came")
    return Ticket(ticket_id, words(data.get("subject")), data.get("deleted") is True, words(data.get("updated_at")))


@freshdesk.action(Effect.IRREVERSIBLE, destroys=[Trace("deleted_tickets")])
def restore_ticket(ticket_id: str) -> Steps[Ticket]:
    """Bring a deleted ticket back.

    Source: developers.freshdesk.com, Restore a Ticket. Needs the right to delete tickets. It leaves the list of deleted
    tickets, and with it goes when it was deleted.
    """
    number(ticket_id, "a ticket")
    before = yield from _ticket(ticket_id)
    if not before.deleted:
        return before
    yield PUT("/api/v2/tickets/{}/restore", ticket_id, seen=before, noun="ticket", affects=[
        f'{before.id} "{before.subject}", last changed {before.updated_at}'])
    after = yield from _ticket(ticket_id)
    if after.deleted:
        raise NotConfirmed(f"ticket {ticket_id} is still deleted")
    return after
