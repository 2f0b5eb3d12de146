"""Ways to page, and the recorded window that comes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from irkit.action import (
    GET,
    POST,
    ActionError,
    BadAnswer,
    Next,
    Request,
    Response,
    Steps,
    Tally,
    Walk,
    by_field,
    by_link_header,
    by_token,
    drive,
    links,
    until_reset,
    walk,
)

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)


def read(first: Request, key: str, after: Next, answers: Sequence[Response], **how: Any) -> tuple[list[Any], list[str], Any]:
    """Rows, targets, and the Walk or the error."""
    rows: list[Any] = []

    def steps() -> Steps[Walk]:
        return (yield from walk(first, key, rows.append, after=after, **how))
    driven = drive(steps(), answers)
    return rows, [request.target for request in driven.requests], driven.result or driven.error


def page(rows: object, link: str = "") -> Response:
    return Response.of(rows, headers={"link": link} if link else {})


@pytest.mark.parametrize(("header", "found"), [
    ('<https://a.example/l?x=1>; rel="self", <https://a.example/l?after=2>; rel="next"',
     [("self", "https://a.example/l?x=1"), ("next", "https://a.example/l?after=2")]),
    ('<https://a.example/l?q=a, b;c>; rel=next', [("next", "https://a.example/l?q=a, b;c")]),
    ('<https://a.example/l>; title="x, <y>; rel=no"; rel="prev next"',
     [("prev", "https://a.example/l"), ("next", "https://a.example/l")]),
    ('<https://a.example/l>; REL="next"', [("next", "https://a.example/l")]),
    ("", []), ("nonsense", []), ("<https://a.example/l>", [])])
def test_link_headers_are_read_as_rfc_8288_has_them(header: str, found: list[tuple[str, str]]) -> None:
    """Two headers joined, commas and semicolons in addresses, several relations in one."""
    assert list(links(header)) == found


def test_a_list_by_link_header_is_read_to_its_end() -> None:
    """The link is used verbatim; the answer itself is the list."""
    rows, asked, done = read(GET("/logs", params={"limit": 1}), "", by_link_header, [
        page([1], '<https://acme.example/logs?limit=1&after=a%2Cb>; rel="next"'), page([2])])
    assert (rows, asked) == ([1, 2], ["/logs?limit=1", "https://acme.example/logs?limit=1&after=a%2Cb"])
    assert (done.pages, done.complete) == (2, True)


def test_a_link_to_another_list_is_not_followed() -> None:
    """Same host is not enough."""
    _, asked, error = read(GET("/logs"), "", by_link_header, [page([1], '<https://acme.example/admin>; rel="next"')])
    assert isinstance(error, BadAnswer)
    assert len(asked) == 1


def test_empty_pages_are_walked_over() -> None:
    """Graph sends them in between: the end is where there is no link."""
    link = "https://graph.example/v1.0/logs?$skiptoken=x"
    rows, asked, done = read(GET("/logs"), "value", by_field("@odata.nextLink"), [
        Response.of({"value": [1], "@odata.nextLink": link}), Response.of({"value": [], "@odata.nextLink": link + "y"}),
        Response.of({"value": [2]})])
    assert (rows, asked[1:], done.complete) == ([1, 2], [link, link + "y"], True)


def test_a_token_becomes_a_parameter_and_a_missing_list_is_an_empty_one() -> None:
    """Google's: what was asked for stays, the token replaces the one before."""
    rows, asked, done = read(GET("/activities", params={"filters": "a==b"}), "items", by_token("nextPageToken", "pageToken"), [
        Response.of({"items": [1], "nextPageToken": "t/1"}), Response.of({"nextPageToken": "t2"}), Response.of({})],
        optional=True)
    assert rows == [1]
    assert asked[1:] == ["/activities?filters=a%3D%3Db&pageToken=t%2F1", "/activities?filters=a%3D%3Db&pageToken=t2"]
    assert done.complete


def test_a_token_goes_into_the_form_where_there_is_one() -> None:
    """Slack's: an empty cursor is the last page."""
    first = POST("/conversations.list", form={"limit": 1, "cursor": ""}, reads=True)
    after = by_token("response_metadata.next_cursor", "cursor")
    second = after(first, Response.of({"response_metadata": {"next_cursor": "dXNlcg=="}}))
    assert second is not None
    assert second.form == [("limit", 1), ("cursor", "dXNlcg==")]
    assert after(first, Response.of({"response_metadata": {"next_cursor": ""}})) is None


@pytest.mark.parametrize("answer", [{"items": [1], "nextPageToken": "same"}, {"items": 5},
                                    {"items": [1], "nextPageToken": [1]}])
def test_a_list_that_would_never_end_or_is_none_is_an_error(answer: object) -> None:
    """The same token twice, a list that is a number, a token that is a list."""
    _, _, error = read(GET("/a"), "items", by_token("nextPageToken", "pageToken"), [Response.of(answer)] * 3)
    assert isinstance(error, ActionError)


def test_the_vendor_s_clock_is_that_of_the_last_date_that_can_be_read() -> None:
    """A page without one, or with one that is none, takes nothing away."""
    dates = ("Sun, 08 Mar 2026 00:00:00 GMT", "yesterday", "")
    answers = [Response.of({"items": [n], "next": "" if n == 2 else f"t{n}"}, headers={"date": date})
               for n, date in enumerate(dates)]
    _, _, done = read(GET("/a"), "items", by_token("next", "pageToken"), answers)
    assert (done.pages, done.at) == (3, datetime(2026, 3, 8, tzinfo=UTC))


def test_a_window_says_what_was_asked_and_what_came() -> None:
    """Rows outside the window and rows that the filter did not ask for are counted; the floor is the vendor's."""
    tally = Tally("login", "id.time", SINCE, UNTIL, asked=lambda row: row["actor"] == "dana", vendor="Google")
    for time, actor in (("2026-02-01T00:00:00Z", "dana"), ("2026-03-02T00:00:00Z", "dana"), ("2026-03-03T00:00:00Z", "wei")):
        tally.add({"id": {"time": time}, "actor": actor})
    kept = tally.collection(Walk(3, 1, True, at=datetime(2026, 3, 8, tzinfo=UTC)), days=5)
    assert (kept.first, kept.last, kept.floor) == ("2026-02-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
    assert kept.notes == (
        "1 row outside the window asked for, kept too", "1 row that the filter did not ask for, kept too",
        "Google keeps 5 days: what was before 2026-03-03T00:00:00Z can no longer be had")
    assert json.dumps(asdict(kept))


def test_a_reset_is_counted_from_the_servers_own_date() -> None:
    """The smallest of several; None without a date."""
    headers = {"x-rate-limit-reset": "1772928060, 1772928030", "date": "Sun, 08 Mar 2026 00:00:00 GMT"}
    assert until_reset(Response(429, headers)) == 30.0
    assert until_reset(Response(429, {"x-rate-limit-reset": "1772928060"})) is None
