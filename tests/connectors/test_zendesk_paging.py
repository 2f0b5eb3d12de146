"""Lists are read to their end, whichever way they are paged, and say so when they were not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import GET, BadAnswer, Cut, Item, Listing, Request, Response, Steps, Walk, drive, ident, when
from irkit.connectors.zendesk.paging import Tally, listed, walk
from tests.connectors.zendesk_tenant import HOST, cursor, query


def rows(first: Request, key: str = "rows") -> Steps[tuple[list[Any], Walk]]:
    found: list[Any] = []
    done = yield from walk(first, key, found.append)
    return found, done


def test_cursor_pages_are_followed_verbatim() -> None:
    """The next link is sent as it came, query and all."""
    link = f"{HOST}/api/v2/x?filter[start]=2026&page[after]=a%2Bb&page[size]=100"
    first = cursor("rows", [1, 2]) | {"meta": {"has_more": True}, "links": {"next": link}}
    driven = drive(rows(listed("/api/v2/x", keep="x")), map(Response.of, [first, cursor("rows", [3])]))
    assert [r.target for r in driven.requests] == ["/api/v2/x?page[size]=100", link]
    assert driven.result[0] == [1, 2, 3]
    assert (driven.result[1].pages, driven.result[1].rows, driven.result[1].complete) == (2, 3, True)
    assert driven.requests[1].keep == "x"


def test_offset_pages_end_with_a_null_link() -> None:
    """`next_page` null is the last page."""
    pages = [{"rows": [1], "next_page": f"{HOST}/api/v2/x?page=2", "count": 2}, {"rows": [2], "next_page": None, "count": 2}]
    driven = drive(rows(GET("/api/v2/x")), map(Response.of, pages))
    assert driven.result[0] == [1, 2]
    assert driven.result[1].complete


def test_an_offset_list_cut_at_the_cap_is_incomplete() -> None:
    """Fewer rows than the list's own count means that the vendor cut it off."""
    driven = drive(rows(GET("/api/v2/x")), [Response.of({"rows": [1], "next_page": None, "count": 10_400})])
    assert not driven.result[1].complete
    assert driven.result[1].notes == ["10400 were announced, 1 came"]


def test_an_incremental_export_ends_at_the_end_of_stream() -> None:
    """A time-based export has a next page on its last one too; `end_of_stream` ends it."""
    pages = [{"rows": [1], "next_page": f"{HOST}/api/v2/x?start_time=5", "end_of_stream": False, "count": 1000},
             {"rows": [2], "next_page": f"{HOST}/api/v2/x?start_time=9", "end_of_stream": True, "count": 1}]
    driven = drive(rows(GET("/api/v2/x")), map(Response.of, pages))
    assert driven.result[0] == [1, 2]
    assert driven.result[1].complete


@pytest.mark.parametrize("turns", [1, 2])
def test_a_list_that_leads_back_to_itself_is_an_error(turns: int) -> None:
    """A next link that was followed before would never end."""
    def answer(request: Request) -> Response:
        at = int(query(request).get("page[after]", ["0"])[0])
        return Response.of(cursor("rows", [at], after=str(1 + at % turns), path="/api/v2/x"))

    driven = drive(rows(listed("/api/v2/x")), answer)
    assert isinstance(driven.error, BadAnswer)
    assert "never end" in driven.error.what


@pytest.mark.parametrize("page", [
    {"rows": [1], "meta": {"has_more": True}, "links": {}}, {"rows": [1], "meta": {"has_more": True}, "links": None},
    {"rows": [1], "meta": {"has_more": True}, "links": {"next": 7}}, {"rows": [1], "next_page": 2},
    {"rows": [1], "next_page": ""}, {"rows": [1], "end_of_stream": False, "next_page": None}, {"rows": None}, {"rows": {}},
    {}, [], "rows", None])
def test_a_page_that_hides_the_rest_is_refused(page: object) -> None:
    """A list that says there is more and not where, or holds no list, never passes for a whole one."""
    assert isinstance(drive(rows(GET("/api/v2/x")), [Response.of(page)]).error, BadAnswer)


def test_a_cut_ends_a_collection_with_what_it_has() -> None:
    """Ctrl-C in a collection keeps the pages read so far and says that there are more."""
    first = Response.of(cursor("rows", [1], after="a", path="/api/v2/x"))
    driven = drive(rows(listed("/api/v2/x", keep="x")), [first, Cut()])
    assert driven.result[0] == [1]
    assert not driven.result[1].complete
    assert driven.result[1].notes == ["stopped by hand after page 1"]


def test_a_cut_of_a_look_goes_through() -> None:
    """A list that decides what is written is read whole or not at all."""
    assert isinstance(drive(rows(listed("/api/v2/x")), [Cut()]).error, Cut)


def test_a_tally_counts_what_lies_outside_the_window() -> None:
    """The window is checked row by row: a filter that was not applied shows."""
    tally = Tally("log", "at", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
    times = ("2026-03-02T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-06T00:00:00+00:00", 4.5)
    inside = [tally.add({"at": at}) for at in times]
    kept = tally.collection(Walk(rows=4, pages=1, complete=True), days=None)
    assert inside == [True, False, False, True]
    assert (kept.first, kept.last) == ("2026-02-28T00:00:00Z", "2026-03-06T00:00:00Z")
    assert kept.notes == ("2 rows outside the window asked for, kept too", "1 row without a time that can be read, kept too")


def test_the_floor_is_counted_from_the_vendors_clock() -> None:
    """What retention has already taken is said, counted from the answer's own Date."""
    tally = Tally("log", "at", datetime(2026, 1, 1, tzinfo=UTC))
    kept = tally.collection(Walk(complete=True, at=datetime(2026, 4, 11, tzinfo=UTC)), days=90)
    assert kept.floor == "2026-01-11T00:00:00Z"
    assert "can no longer be had" in kept.notes[0]


@pytest.mark.parametrize(("value", "text"), [
    (7, "7"), (10**400, str(10**400)), ("01HX", "01HX"), (None, ""), (True, ""), (1.5, ""), ([], ""), ({}, "")])
def test_ids_become_text(value: object, text: str) -> None:
    """Numbers of any size and texts are ids; nothing else is."""
    assert ident(value) == text


@pytest.mark.parametrize("value", [None, "", "yesterday", True, 10**30, -10**30, [], "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(value: object) -> None:
    """A time that cannot be read is unknown, not an error."""
    assert when(value) is None


def test_recent_things_are_the_suspects() -> None:
    """Created, changed or used since the asked-for moment, the boundary included."""
    start = datetime(2026, 3, 7, tzinfo=UTC)
    things = [Item("1", "app", "a", created_at="2026-03-07T00:00:00Z"),
              Item("2", "app", "b", updated_at="2026-03-06T23:59:59Z"),
              Item("3", "app", "c", used_at="2026-03-08T00:00:00Z", active=False, owner="5"), Item("4", "app", "d")]
    listing = Listing.of(things, True, since=start)
    assert listing.suspect_ids == listing.recent_ids == ("1", "3")
    assert listing.named[1] == 'app 3 "c", off, user 5, last used 2026-03-08T00:00:00Z'
    assert Listing.of(things, True).suspects == ()


@pytest.mark.parametrize("kindly", [True, False])
def test_rows_may_be_handed_over_while_the_next_page_is_awaited(kindly: bool) -> None:
    """The next page is asked for first; whoever answers may call `meanwhile` or not, and every row comes once, in order."""
    found: list[Any] = []
    seen: list[int] = []
    pages = iter([cursor("rows", [1, 2], after="a"), cursor("rows", [3], after="b"), cursor("rows", [4])])

    def reply(request: Request) -> Response:
        seen.append(len(found))
        if kindly and request.meanwhile:
            request.meanwhile()
            request.meanwhile()
        return Response.of(next(pages))

    driven = drive(walk(listed("/api/v2/x", keep="x"), "rows", found.append, inside=lambda last: last != 3), reply)
    assert (found, driven.result.rows, driven.result.complete) == ([1, 2, 3, 4], 4, True)
    assert seen == [0, 0, 3]


def test_rows_not_handed_over_yet_count_when_the_walk_is_cut() -> None:
    """Ctrl-C after a page loses none of its rows."""
    found: list[Any] = []
    first = Response.of(cursor("rows", [1, 2], after="a"))
    driven = drive(walk(listed("/api/v2/x", keep="x"), "rows", found.append, inside=lambda _last: True), [first, Cut()])
    assert (found, driven.result.rows, driven.result.complete) == ([1, 2], 2, False)


@pytest.mark.parametrize(("at", "inside"), [("2026-03-01T00:00:00Z", True), ("2026-02-28T23:59:59Z", False), (None, False)])
def test_a_page_that_ends_inside_the_window_is_followed_by_another(at: str | None, inside: bool) -> None:
    """Known from its last row alone; where that has no time, all rows have to be looked at."""
    tally = Tally("log", "at", datetime(2026, 3, 1, tzinfo=UTC))
    assert tally.inside({"at": at}) == inside
    assert Tally("log", "at", None).inside({"at": at})
