"""What was read: tickets, files, searches, by account and by address; whose tickets; and what went out in the agents' names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import ActionError, UserId, drive
from irkit.connectors.zendesk import reads, tickets
from tests.connectors.zendesk_tenant import Desk, cursor, query

SINCE = datetime(2026, 3, 7, tzinfo=UTC)
FAR = "203.0.113.77"
LOG, SHOW, EVENTS = "GET /api/v2/access_logs", "GET /api/v2/tickets/show_many", "GET /api/v2/incremental/ticket_events"


def row(url: str, user: int = 3971, address: str = FAR, **more: Any) -> dict[str, Any]:
    return {"id": "01H", "timestamp": "2026-03-07T22:00:00Z", "user_id": user, "ip_address": address, "bytes_sent": 10,
            "url": "https://acme.zendesk.com" + url, **more}


def kept(*rows: Any, **args: Any) -> reads.Reads:
    driven = drive(reads.collect_reads(since=SINCE, **args), Desk({LOG: [cursor("access_logs", list(rows))]}))
    assert driven.error is None, driven.error
    result: reads.Reads = driven.result
    return result


def test_what_an_account_read_is_told_apart() -> None:
    """Tickets by number, bulk reads and screens by count, files and searches by name."""
    found = kept(row("/api/v2/tickets/12/comments.json"), row("/api/v2/tickets/12.json"), row("/api/v2/tickets/9.json"),
                 row("/api/v2/incremental/tickets.json?start_time=1"), row("/api/graphql"),
                 row("/api/v2/search.json?query=BEGIN+PRIVATE+KEY&page=1"), row("/api/v2/views/3/export.json"),
                 row("/attachments/token/x/session%201.har"), row("/attachments/token/y/cat.png"),
                 row("/api/v2/tickets/77.json", user=4, address="198.51.100.9"), user_ids=[UserId("3971")])
    assert (found.rows, found.matched, found.bytes_sent) == (10, 9, 90)
    assert found.tickets == ("12", "9")
    assert (found.many, found.graphql, found.files) == (2, 1, 2)
    assert found.credentials == ("session 1.har",)
    assert found.searches == ("BEGIN PRIVATE KEY: 1 request",)
    assert found.exports == ("/api/v2/views/3/export.json: 1 request",)
    assert found.others == ()


def test_how_the_requests_signed_in_is_counted() -> None:
    """A browser's session, an API token, OAuth; Zendesk states none for the agent's screens. Rows of others do not count."""
    found = kept(*(row("/a", authorization_type=kind) for kind in ("basic", "session", None, "bearer", "basic")),
                 row("/a", user=4, authorization_type="digest"), user_ids=[UserId("3971")])
    assert found.sign_ins == ("basic: 2 requests", "session: 1 request", "not stated: 1 request", "bearer: 1 request")


def test_tickets_that_were_shown_together_are_named() -> None:
    """The address of show_many holds their numbers, written with commas or with their code."""
    found = kept(row("/api/v2/tickets/show_many.json?ids=3,1,x,3"), row("/api/v2/tickets/show_many?ids=8%2C9&include=users"),
                 user_ids=[UserId("3971")])
    assert (found.tickets, found.many) == (("3", "1", "8", "9"), 0)


@pytest.mark.parametrize(("path", "many"), [
    ("tickets", 1), ("tickets.json?page=2", 1), ("tickets/recent.json", 1), ("suspended_tickets", 1),
    ("deleted_tickets.json", 1),
    ("views/3/tickets.json", 1), ("views/3/execute.json", 1), ("views/preview", 1), ("users/7/tickets/requested.json", 1),
    ("organizations/7/tickets", 1), ("search/export.json?query=x", 1), ("incremental/tickets/cursor.json?cursor=x", 1),
    ("views/count_many.json?ids=1,2", 0), ("views/3/count.json", 0), ("views.json", 0), ("views/3.json", 0),
    ("tickets/count", 0),
    ("search/count.json?query=x", 0), ("users/7/tickets/assigned/count", 0), ("ticket_fields.json", 0), ("users/7.json", 0)])
def test_a_list_of_tickets_is_told_from_a_count(path: str, many: int) -> None:
    """With and without .json; a count, a view's own settings and a list of fields show no ticket."""
    assert kept(row(f"/api/v2/{path}"), user_ids=[UserId("3971")]).many == many


def test_an_address_finds_the_accounts_that_nobody_asked_for() -> None:
    """Whoever reads from the intruder's address counts, under whatever name."""
    found = kept(row("/api/v2/tickets/1.json"), row("/api/v2/tickets/2.json", user=4),
                 row("/api/v2/tickets/3.json", user=5, address="198.51.100.9"), user_ids=[UserId("3971")],
                 addresses=[f" {FAR}"])
    assert (found.tickets, found.user_ids, found.others) == (("1", "2"), ("3971", "4"), ("user 4: 1 request",))


@pytest.mark.parametrize("name", ["a.har", "deploy.pem", "team.kdbx", ".env", "id_rsa", "passwords.xlsx", "prod.config",
                                  "kubeconfig", "my-credentials.txt", "dump.sql.gz"])
def test_a_file_that_lets_somebody_in_is_a_credential(name: str) -> None:
    """By its ending or its name, whatever its capitals."""
    assert kept(row(f"/attachments/token/x/{name.upper()}"), user_ids=[UserId("3971")]).credentials == (name.upper(),)


@pytest.mark.parametrize("name", ["cat.png", "harbour.jpg", "keyboard.pdf", "environment.docx", "invoice-key.pdf"])
def test_an_ordinary_file_is_none(name: str) -> None:
    """A word that only begins alike raises no alarm."""
    assert kept(row(f"/attachments/token/x/{name}"), user_ids=[UserId("3971")]).credentials == ()


@pytest.mark.parametrize("odd", [None, 3, {"url": None}, {"url": "//["}, {"bytes_sent": "x"}, {"user_id": None}])
def test_odd_rows_break_nothing(odd: Any) -> None:
    """Whatever a row holds, the collection goes on to its end."""
    assert kept(row("/a") | odd if isinstance(odd, dict) else odd, user_ids=[UserId("3971")]).rows == 1


@pytest.mark.parametrize("args", [{}, {"user_ids": [], "addresses": [" "]}])
def test_the_reads_of_nobody_are_not_those_of_everybody(args: dict[str, Any]) -> None:
    """Without an account and an address nothing is asked."""
    driven = drive(reads.collect_reads(since=SINCE, **args), Desk())
    assert isinstance(driven.error, ActionError)
    assert driven.requests == []


def test_requesters_are_counted_once_a_hundred_tickets_at_a_time() -> None:
    """Two hundred and one tickets are three requests; a person with several counts once, a ticket that is gone is named."""
    def shown(numbers: range) -> dict[str, Any]:
        return {"tickets": [{"id": n, "requester_id": n % 7, "organization_id": None} for n in numbers if n != 150]}
    desk = Desk({SHOW: [shown(range(1, 101)), shown(range(101, 201)), shown(range(201, 202))]})
    driven = drive(reads.count_requesters(ticket_ids=[str(n) for n in (*range(1, 202), 5)]), desk)
    found = driven.result
    assert (len(driven.requests), found.tickets, found.people, found.organizations, found.missing) == (3, 200, 7, 0, ("150",))


def test_no_ticket_is_nobody() -> None:
    """An empty list asks nothing and counts nobody."""
    driven = drive(reads.count_requesters(ticket_ids=[]), Desk())
    assert (driven.result.people, driven.requests) == (0, [])


def comment(author: int, text: str, public: bool = True) -> dict[str, Any]:
    return {"event_type": "Comment", "public": public, "author_id": author, "body": text}


def test_replies_through_the_api_tell_in_whose_name_and_where_they_lead() -> None:
    """A token signs with anybody's name: the channel picks them, notes that are not public do not count."""
    lure = "Confirm here: https://evil.example/a and https://evil.example/b"
    rows = [{"ticket_id": 10, "created_at": "2026-03-07T22:00:00Z", "via": {"channel": channel}, "child_events": children}
            for channel, children in (("api", [comment(4, lure)]), ("api", [comment(5, lure), comment(5, lure, public=False)]),
                                      ("web", [comment(4, lure)]))]
    driven = drive(tickets.collect_replies(since=SINCE), Desk({EVENTS: [{"ticket_events": rows, "end_of_stream": True}]}))
    found = driven.result
    assert (found.rows, found.replies, found.tickets, found.authors) == (3, 2, ("10",), ("user 4: 1", "user 5: 1"))
    assert (found.hosts, found.channels) == (("evil.example: 2",), ("api: 2", "web: 1"))
    assert query(driven.requests[0])["include"] == ["comment_events"]
