"""The logs are kept whole, checked against the window asked for, and never pass for clean when they are not to be had."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from irkit.action import Cut, Request, Response, Unavailable, UserId, drive
from irkit.connectors.zendesk import logs
from tests.connectors.zendesk_tenant import Desk, cursor, query

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)
ACCESS, AUDIT = "GET /api/v2/access_logs", "GET /api/v2/audit_logs"


def read(at: str, **more: Any) -> dict[str, Any]:
    return {"id": "01J", "timestamp": at, "user_id": 3971, "ip_address": "203.0.113.77", "client": "curl/8", "url": "/agent",
            "authorization_type": "session", "bytes_sent": 100} | more


def change(at: str, **more: Any) -> dict[str, Any]:
    return {"id": 1, "created_at": at, "action": "update", "actor_id": 3971, "actor_name": "Dana", "source_type": "rule",
            "source_id": 8, "source_label": "Trigger: forward", "ip_address": "203.0.113.77"} | more


# -- access log ----------------------------------------------------------------------------------------------------

def test_the_access_log_is_asked_for_by_window_and_user_and_graphql_stays_in() -> None:
    """The agent's screens read through GraphQL: leaving it out would hide what was read."""
    (request,) = drive(logs.collect_access_log(since=SINCE, until=UNTIL, user_id=UserId("3971")),
                       Desk({ACCESS: [cursor("access_logs", [])]})).requests
    assert query(request) == {"filter[start]": ["2026-03-01T00:00:00Z"], "filter[end]": ["2026-03-08T00:00:00Z"],
                              "filter[user_id]": ["3971"], "page[size]": ["1000"]}
    assert (request.keep, request.gate) == ("access_log", "ADPP add-on")


def test_the_access_log_adds_up_what_was_read() -> None:
    """Bytes, addresses and bulk paths of the user are what the question about exports is answered from."""
    rows = [read("2026-03-07T01:00:00Z", url="/api/v2/incremental/tickets.json?start_time=0", bytes_sent=900),
            read("2026-03-07T02:00:00Z", url="https://acme.zendesk.com/api/v2/views/12/export"),
            read("2026-03-07T03:00:00Z", ip_address="198.51.100.2", bytes_sent=None),
            read("2026-03-07T04:00:00Z", user_id=5, bytes_sent=10_000)]
    log = drive(logs.collect_access_log(since=SINCE, user_id=UserId("3971")),
                Desk({ACCESS: [cursor("access_logs", rows)]})).result
    assert (log.rows, log.bytes_sent, log.bulk, log.complete) == (4, 1000, 2, True)
    assert log.addresses == ("203.0.113.77: 2 requests, 1,000 bytes", "198.51.100.2: 1 request, 0 bytes")
    assert log.bulk_paths == ("/api/v2/incremental/tickets.json: 1 request", "/api/v2/views/*/export: 1 request")
    assert log.notes == ("1 row of other users, kept too and not added up",)
    assert (log.first, log.last) == ("2026-03-07T01:00:00Z", "2026-03-07T04:00:00Z")


def test_the_access_log_says_where_its_90_days_begin() -> None:
    """What was before the floor is named as lost, counted from the vendor's Date."""
    answer = Response.of(cursor("access_logs", []), headers={"Date": "Sun, 08 Mar 2026 00:00:00 GMT"})
    log = drive(logs.collect_access_log(since=datetime(2025, 1, 1, tzinfo=UTC)), Desk({ACCESS: [answer]})).result
    assert log.floor == "2025-12-08T00:00:00Z"
    assert "2025-12-08T00:00:00Z can no longer be had" in log.notes[0]


def test_rows_outside_the_window_are_told() -> None:
    """A window that Zendesk did not apply shows in the notes."""
    log = drive(logs.collect_access_log(since=SINCE, until=UNTIL),
                Desk({ACCESS: [cursor("access_logs", [read("2026-02-01T00:00:00Z"), read("2026-03-02T00:00:00Z")])]})).result
    assert log.bytes_sent == 100
    assert "1 row outside the window" in log.notes[0]


@pytest.mark.parametrize("status", [402, 403, 404])
def test_without_the_add_on_there_is_a_gap(status: int) -> None:
    """A plan that has no access log is never "nothing was read"."""
    driven = drive(logs.collect_access_log(since=SINCE), Desk({ACCESS: [Response.of({"errors": []}, status)]}))
    assert isinstance(driven.error, Unavailable)
    assert driven.error.needs == "ADPP add-on"


def test_a_stopped_collection_is_incomplete() -> None:
    """Ctrl-C leaves what was read, marked so that it becomes a gap."""
    first = Response.of(cursor("access_logs", [read("2026-03-02T00:00:00Z")], "a", "/api/v2/access_logs"))
    log = drive(logs.collect_access_log(since=SINCE), [first, Cut()]).result
    assert (log.rows, log.complete, log.last) == (1, False, "2026-03-02T00:00:00Z")


def test_hostile_rows_are_counted_and_break_nothing() -> None:
    """Rows that are no objects, or hold anything, are kept and counted."""
    rows: list[Any] = [None, 7, "x", [], {}, read("x", user_id=None, url=None, client=[], bytes_sent=-5),
                       read("2026-03-02T00:00:00Z", bytes_sent=True)]
    log = drive(logs.collect_access_log(since=SINCE), Desk({ACCESS: [cursor("access_logs", rows)]})).result
    assert (log.rows, log.bytes_sent) == (7, 0)
    assert log.notes == ("6 rows without a time that can be read, kept too",)


# -- audit log -----------------------------------------------------------------------------------------------------

def test_the_audit_log_is_read_newest_first_until_it_has_passed_the_window() -> None:
    """Reading stops one page after the window begins; no undocumented date filter decides what is seen."""
    pages = [cursor("audit_logs", [change("2026-03-07T00:00:00Z"), change("2026-03-05T00:00:00Z")], "a", "/api/v2/audit_logs"),
             cursor("audit_logs", [change("2026-03-02T00:00:00Z"), change("2026-02-02T00:00:00Z")], "b", "/api/v2/audit_logs")]
    driven = drive(logs.collect_audit_log(since=SINCE), map(Response.of, pages))
    assert query(driven.requests[0]) == {"sort": ["-created_at"], "page[size]": ["100"]}
    assert (driven.result.pages, driven.result.rows, driven.result.complete) == (2, 4, True)
    assert driven.result.actions == ("update: 3",)


def test_a_log_in_another_order_is_read_to_its_end() -> None:
    """If the order asked for is not the one that comes, an old row ends nothing."""
    def answer(request: Request) -> Response:
        page = query(request).get("page[after]", ["0"])[0]
        at = {"0": ("2026-02-01", "2026-02-02"), "1": ("2026-03-01", "2026-03-02")}[page]
        return Response.of(cursor("audit_logs", [change(f"{day}T00:00:00Z") for day in at], "1" if page == "0" else "", "/x"))

    log = drive(logs.collect_audit_log(since=SINCE), answer).result
    assert (log.pages, log.complete, log.actions) == (2, True, ("update: 2",))


def test_the_actor_is_summed_up_and_everybody_is_kept() -> None:
    """The account's exports and changes come out in words; the artefact holds the whole log."""
    rows = [change("2026-03-07T00:00:00Z", action="exported", source_type="account", source_label="Tickets"),
            change("2026-03-06T00:00:00Z"), change("2026-03-05T00:00:00Z", actor_id=4),
            change("2026-03-04T00:00:00Z", action="login")]
    log = drive(logs.collect_audit_log(since=SINCE, actor_id=UserId("3971")),
                Desk({AUDIT: [cursor("audit_logs", rows)]})).result
    assert log.rows == 4
    assert log.actions == ("exported: 1", "update: 1", "login: 1")
    assert log.exports == ("2026-03-07T00:00:00Z Dana exported account 8 Tickets",)
    assert log.changes == ("2026-03-06T00:00:00Z Dana update rule 8 Trigger: forward",)


def test_summaries_stay_short() -> None:
    """However many changes there are of a kind, three are told and the rest counted, in short lines."""
    rows = [change("2026-03-07T00:00:00Z", source_label="x" * 5000)] * 60 + [change("2026-03-06T00:00:00Z", action="create")]
    log = drive(logs.collect_audit_log(since=SINCE), Desk({AUDIT: [cursor("audit_logs", rows)]})).result
    assert log.changes[3:] == ("2026-03-06T00:00:00Z Dana create rule 8 Trigger: forward", "and 57 more: update rule")
    assert max(map(len, log.changes)) == 200


def test_attachments_are_counted_together() -> None:
    """Each has its own address; the summary says how many were fetched."""
    rows = [read("2026-03-07T00:00:00Z", url=f"https://acme.zendesk.com/attachments/token/{n}/a.jpg?x=1") for n in range(1200)]
    log = drive(logs.collect_access_log(since=SINCE), Desk({ACCESS: [cursor("access_logs", rows)]})).result
    assert log.bulk_paths == ("/attachments/token/*: 1,200 requests",)


def test_below_enterprise_there_is_a_gap() -> None:
    """The audit log is a matter of plan."""
    driven = drive(logs.collect_audit_log(since=SINCE), Desk({AUDIT: [Response.of({"error": "RecordNotFound"}, 404)]}))
    assert isinstance(driven.error, Unavailable)
    assert driven.error.needs == "Enterprise plan"


# -- settings ------------------------------------------------------------------------------------------------------

SETTINGS, SECURITY = "GET /api/v2/account/settings", "GET /api/v2/security_settings"


def test_security_settings_are_read_from_both_places() -> None:
    """How agents sign in comes from one endpoint, what the API accepts from another."""
    agent = {"enforce_sso": True, "remote_bypass": 2, "two_factor_enforce": False}
    ip = {"ip_ranges": "198.51.100.0/24", "ip_restriction_enabled": True}
    desk = Desk({SETTINGS: [{"settings": {"api": {"api_token_access": True, "api_password_access": False}}}],
                 SECURITY: [{"security_settings": {"authentication": {"agent": agent}, "ip": ip, "assumable": False}}]})
    found = drive(logs.collect_security_settings(), desk).result
    assert (found.enforce_sso, found.remote_bypass, found.two_factor_enforce) == (True, "2", False)
    assert (found.api_token_access, found.api_password_access) == (True, False)
    assert (found.ip_ranges, found.assumable, found.mobile_app_access) == ("198.51.100.0/24", False, None)


@pytest.mark.parametrize("body", [{}, [], None, "x", {"authentication": 3, "ip": []}, {"security_settings": {"ip": None}}])
def test_settings_that_are_not_said_are_unknown(body: object) -> None:
    """What Zendesk does not say is neither yes nor no."""
    found = drive(logs.collect_security_settings(), Desk({SETTINGS: [{"settings": {}}], SECURITY: [body]})).result
    assert set(asdict(found).values()) <= {None, ""}
