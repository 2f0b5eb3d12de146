"""What was done to tickets is kept, and what was deleted comes back, proven."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import ActionError, BadAnswer, NotConfirmed, Response, UserId, drive
from irkit.connectors.zendesk import tickets
from tests.connectors.zendesk_tenant import Answers, Desk, cursor, query

SINCE = datetime(2026, 3, 7, tzinfo=UTC)
EVENTS, DELETED = "GET /api/v2/incremental/ticket_events", "GET /api/v2/deleted_tickets"
RESTORE = "PUT /api/v2/deleted_tickets/restore_many"


def event(**more: Any) -> dict[str, Any]:
    return {"id": 1, "ticket_id": 10, "created_at": "2026-03-07T22:00:00Z", "updater_id": 3971, "via": "Web service",
            "child_events": [{"event_type": "Comment", "public": True, "author_id": 3971}]} | more


def deleted(ticket: int, at: str = "2026-03-07T22:00:00Z", actor: int = 3971) -> dict[str, Any]:
    return {"id": ticket, "subject": "Refund", "deleted_at": at, "actor": {"id": actor, "name": "Dana"}}


def page(*rows: object) -> dict[str, Any]:
    return cursor("deleted_tickets", list(rows))


def test_the_actors_ticket_events_are_counted() -> None:
    """Everybody's events are kept; the actor's tickets, comments and channels are added up."""
    comment = {"event_type": "Comment", "author_id": 3971}
    rows = [event(), event(id=2, ticket_id=11, updater_id=5, child_events=[comment], via={"channel": "api"}),
            event(id=3, ticket_id=12, updater_id=5, child_events=[]), event(id=4, created_at="2026-01-01T00:00:00Z")]
    driven = drive(tickets.collect_ticket_events(actor_id=UserId("3971"), since=SINCE),
                   Desk({EVENTS: [{"ticket_events": rows, "end_of_stream": True, "next_page": "x", "count": 4}]}))
    assert query(driven.requests[0]) == {"start_time": ["1772841600"], "include": ["comment_events"]}
    assert driven.requests[0].keep == "ticket_events"
    found = driven.result
    assert (found.rows, found.by_actor, found.tickets, found.comments, found.public_comments) == (4, 2, ("10", "11"), 2, 1)
    assert found.channels == ("Web service: 1", "api: 1")


NEXT = EVENTS.removeprefix("GET ") + "?start_time=1772924400"
PAGES: Answers = {EVENTS: [
    {"ticket_events": [event(), event(id=2, via={"channel": "api"})], "end_of_stream": False, "next_page": NEXT},
    {"ticket_events": [event(id=2, via={"channel": "api"}), event(id=3), event(id=None)], "end_of_stream": True}]}


def test_an_event_that_comes_twice_is_counted_once() -> None:
    """A page of an export by time begins with the second in which the last one ended. What bears no id counts each time."""
    found = drive(tickets.collect_ticket_events(actor_id=UserId("3971"), since=SINCE), Desk(PAGES)).result
    assert (found.rows, found.by_actor, found.public_comments, found.channels) == (5, 4, 4, ("Web service: 3", "api: 1"))
    sent = drive(tickets.collect_replies(since=SINCE), Desk(PAGES)).result
    assert (sent.rows, sent.replies, sent.channels) == (5, 1, ("Web service: 3", "api: 1"))


def test_a_long_export_is_counted_in_flat_memory() -> None:
    """Of millions of events the latest are remembered; one that comes again within a page of itself is among them."""
    once = tickets._Once()
    for number in range(2 * tickets.REMEMBERED):
        assert once.is_new({"id": number})
        assert number < 1000 or not once.is_new({"id": number - 1000})
    assert len(once._seen) == tickets.REMEMBERED


@pytest.mark.parametrize("odd", [None, 3, {"child_events": None}, {"child_events": [None, 4]}, {"via": 3}, {"ticket_id": None}])
def test_odd_events_are_kept_and_break_nothing(odd: Any) -> None:
    """Whatever a row holds, the collection goes on."""
    row = event(**odd) if isinstance(odd, dict) else odd
    driven = drive(tickets.collect_ticket_events(actor_id=UserId("3971"), since=SINCE),
                   Desk({EVENTS: [{"ticket_events": [row], "end_of_stream": True}]}))
    assert driven.result.rows == 1


def test_tickets_the_account_deleted_in_the_window_are_suspects() -> None:
    """By who deleted them and when."""
    rows = [deleted(10), deleted(11, actor=4), deleted(12, at="2026-03-01T00:00:00Z"), deleted(13) | {"actor": None}]
    driven = drive(tickets.collect_deleted_tickets(since=SINCE, actor_id=UserId("3971")), Desk({DELETED: [page(*rows)]}))
    assert driven.result.suspect_ids == ("10",)
    assert driven.result.named == ('ticket 10 "Refund", deleted by Dana, user 3971, changed 2026-03-07T22:00:00Z',)


def test_the_list_of_deleted_tickets_has_no_ten_thousandth() -> None:
    """By cursor: a list by offset ends there, and whoever deletes to hide something deletes many."""
    desk = Desk({DELETED: [cursor("deleted_tickets", [deleted(10)], "x", "/api/v2/deleted_tickets"), page(deleted(11))]})
    driven = drive(tickets.collect_deleted_tickets(), desk)
    assert query(driven.requests[0]) == {"page[size]": ["100"]}
    assert (driven.result.suspect_ids, driven.result.complete) == (("10", "11"), True)


def test_many_deleted_tickets_come_in_batches() -> None:
    """As many as one restore takes, so that a fan-out can restore them all."""
    rows = [deleted(ticket) for ticket in range(1, 251)]
    driven = drive(tickets.collect_deleted_tickets(), Desk({DELETED: [page(*rows)]}))
    assert [len(batch) for batch in driven.result.batches] == [100, 100, 50]
    assert drive(tickets.collect_deleted_tickets(), Desk({DELETED: [page()]})).result.batches == ()


def ticket(number: int, status: str = "open") -> dict[str, Any]:
    return {"ticket": {"id": number, "status": status}}


NOT_THERE = Response.of({"error": "RecordNotFound"}, 404)


def test_deleted_tickets_are_restored_in_one_request_and_read_again() -> None:
    """Those that are there already are not sent again; each one restored is read."""
    desk = Desk({DELETED: [page(deleted(11), deleted(10), deleted(12))], RESTORE: [Response(200, {}, b"")],
                 **{f"GET /api/v2/tickets/{number}": [ticket(number)] for number in (9, 10, 11)}})
    driven = drive(tickets.restore_tickets(ticket_ids=["9", "10", "11", "10"]), desk)
    (write,) = driven.writes
    assert write.target == "/api/v2/deleted_tickets/restore_many?ids=11,10"
    assert len(write.affects) == 2
    assert driven.result.restored == 2


def test_tickets_that_exist_send_nothing() -> None:
    """Already so."""
    driven = drive(tickets.restore_tickets(ticket_ids=["9"]), Desk({DELETED: [page()], "GET /api/v2/tickets/9": [ticket(9)]}))
    assert driven.writes == []
    assert driven.result.proof == "each of them was read, and none is deleted"


def test_a_ticket_that_is_lost_for_good_is_named() -> None:
    """Neither there nor among the deleted: nothing is sent for the others either, so that the list can be corrected."""
    driven = drive(tickets.restore_tickets(ticket_ids=["9", "10"]),
                   Desk({DELETED: [page(deleted(10))], "GET /api/v2/tickets/9": [NOT_THERE]}))
    assert isinstance(driven.error, ActionError)
    assert "tickets 9 are neither" in driven.error.what
    assert driven.writes == []


@pytest.mark.parametrize("look", [NOT_THERE, ticket(10, "deleted")])
def test_a_restore_that_did_not_take_is_not_confirmed(look: object) -> None:
    """A ticket that is not there, or still shown as deleted, is not back."""
    desk = Desk({DELETED: [page(deleted(10))], RESTORE: [Response(200)], "GET /api/v2/tickets/10": [look]})
    assert isinstance(drive(tickets.restore_tickets(ticket_ids=["10"]), desk).error, NotConfirmed)


@pytest.mark.parametrize("ids", [[], ["x"], [str(n) for n in range(101)]])
def test_one_to_a_hundred_tickets_are_restored_at_once(ids: list[str]) -> None:
    """Fewer, more, or what is no id, asks for nothing."""
    driven = drive(tickets.restore_tickets(ticket_ids=ids), Desk())
    assert isinstance(driven.error, ActionError)
    assert driven.requests == []


@pytest.mark.parametrize("body", [{}, {"ticket": None}, {"ticket": {"id": 4}}, []])
def test_a_broken_answer_about_a_ticket_is_refused(body: object) -> None:
    """What is there cannot be guessed."""
    driven = drive(tickets.restore_tickets(ticket_ids=["10"]), Desk({DELETED: [page()], "GET /api/v2/tickets/10": [body]}))
    assert isinstance(driven.error, BadAnswer)
