"""Paging in its three kinds, filters, and the windows of the logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from irkit.worlds import World
from tests.worlds.helpers import START, Clock, as_person, ask, get, make, read, user

CURSOR = ("/users", "/sessions", "/oauth/tokens?all=true", "/oauth/clients", "/oauth/global_clients",
          "/oauth/global_clients/token_summary", "/apps/installations", "/webhooks", "/triggers", "/automations", "/targets",
          "/access_logs", "/audit_logs", "/deleted_tickets", "/recipient_addresses", "/deleted_users")


def follow(world: World, target: str) -> Iterator[dict[str, Any]]:
    """Every page from here on, by whatever names the next."""
    link: str | None = target
    while link:
        page = get(world, link)
        yield page
        done = page.get("end_of_stream")
        link = None if done else page["links"]["next"] if "links" in page else page["next_page"]


def rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    return next(value for value in page.values() if isinstance(value, list))


@pytest.mark.parametrize("path", CURSOR)
def test_a_cursor_goes_through_everything_once(path: str) -> None:
    """Pages of two hold together what one page holds, each row once; the last page says so."""
    world = make(limits=False, attack="admin_takeover")
    sign = "&" if "?" in path else "?"
    pages = list(follow(world, f"{path}{sign}page[size]=2"))
    whole = [row["id"] for page in follow(world, f"{path}{sign}page[size]=100") for row in rows(page)]
    assert [row["id"] for page in pages for row in rows(page)] == whole
    assert len(set(whole)) == len(whole)
    assert [page["meta"]["has_more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert pages[-1]["links"]["next"] is None


def test_a_cursor_survives_what_happens_meanwhile() -> None:
    """A row that goes away between two pages makes no other row be skipped."""
    world = make()
    first = get(world, "/sessions?page[size]=2")
    before = [row["id"] for page in follow(world, "/sessions?page[size]=100") for row in rows(page)]
    gone = first["sessions"][1]
    ask(world, "DELETE", f"/api/v2/users/{gone['user_id']}/sessions/{gone['id']}")
    after = [row["id"] for page in follow(world, first["links"]["next"]) for row in rows(page)]
    assert after == before[2:]


def test_offset_pages_have_a_count_and_an_end() -> None:
    """next_page is null on the last; no page lies beyond the hundredth."""
    world = make()
    pages = list(follow(world, "/users?per_page=7"))
    assert sum(len(page["users"]) for page in pages) == pages[0]["count"]
    assert pages[0]["previous_page"] is None
    assert ask(world, "GET", "/api/v2/users?page=101&per_page=1").status == 400


@pytest.mark.parametrize("query", ["page[size]=0", "page[size]=x", "page[after]=%21%21", "per_page=-1"])
def test_a_paging_parameter_that_makes_no_sense_is_400(query: str) -> None:
    """Not taken for the first page."""
    assert ask(make(), "GET", f"/api/v2/users?{query}").status == 400


def test_sorting_is_by_the_field_that_is_named() -> None:
    """`sort=-updated_at` by cursor, sort_by and sort_order by offset."""
    world = make(attack="admin_takeover")
    down = [rule["updated_at"] for page in follow(world, "/triggers?sort=-updated_at&page[size]=2") for rule in rows(page)]
    assert down == sorted(down, reverse=True)
    up = [row["deleted_at"] for row in get(world, "/deleted_tickets?sort_by=deleted_at&sort_order=asc")["deleted_tickets"]]
    assert up == sorted(up)


def test_unknown_query_parameters_are_passed_over() -> None:
    """As the vendor does: a mistyped filter filters nothing."""
    assert get(make(), "/sessions?user_id=3&usr=dana") == get(make(), "/sessions")


def test_the_access_log_reaches_back_ninety_days() -> None:
    """Older rows are gone, and the floor moves with the clock."""
    clock = Clock()
    world = make(clock=clock, rows=500)
    first = get(world, "/access_logs?page[size]=1")["access_logs"][0]["timestamp"]
    assert first >= (START - timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.move(86_400 * 3)
    assert get(world, "/access_logs?page[size]=1")["access_logs"][0]["timestamp"] > first


def test_the_access_log_filters_by_window_user_path_and_graphql() -> None:
    """filter[start] and filter[end] are inclusive; graphql=true leaves GraphQL out."""
    world = make(rows=400)
    every = get(world, "/access_logs?page[size]=2500")["access_logs"]
    start, end = every[50]["timestamp"], every[80]["timestamp"]
    assert get(world, f"/access_logs?filter[start]={start}&filter[end]={end}&page[size]=2500")["access_logs"] == every[50:81]
    user = every[0]["user_id"]
    own = get(world, f"/access_logs?filter[user_id]={user}&page[size]=2500")["access_logs"]
    assert own == [row for row in every if row["user_id"] == user]
    plain = get(world, "/access_logs?filter[graphql]=true&page[size]=2500")["access_logs"]
    assert plain == [row for row in every if row["graphql"] is None]
    counts = get(world, "/access_logs?filter[path]=/api/v2/views/count_many.json&page[size]=2500")["access_logs"]
    assert counts == [row for row in every if "count_many" in row["url"]]
    assert get(world, "/access_logs?sort=-timestamp&page[size]=2500")["access_logs"] == every[::-1]
    assert ask(world, "GET", "/api/v2/access_logs?page[size]=2501").status == 400
    assert ask(world, "GET", "/api/v2/access_logs?filter[start]=yesterday").status == 400


@pytest.mark.parametrize("attack", ["", "bulk_export", "stale_integration", "token_spree", "vendor_team"])
def test_the_access_log_states_how_a_request_signed_in(attack: str) -> None:
    """In the vendor's words, and not at all for GraphQL, which its documentation leaves out."""
    every = [row for page in follow(make(attack=attack, limits=False), "/access_logs?page[size]=2500") for row in rows(page)]
    assert {row["authorization_type"] for row in every} <= {"basic", "session", "bearer", "digest", None}
    assert all((row["authorization_type"] is None) is (row["graphql"] is not None) for row in every)


def test_the_audit_log_takes_several_values_and_a_window_sent_twice() -> None:
    """`filter[action][]=` repeated, filter[created_at] as start and end; several filters narrow together."""
    world = make(attack="admin_takeover", audit_rows=50)
    every = get(world, "/audit_logs?page[size]=100&sort=created_at")["audit_logs"]
    wanted = [row for row in every if row["action"] in ("exported", "destroy")]
    assert get(world, "/audit_logs?page[size]=100&sort=created_at&filter[action][]=exported&filter[action][]=destroy"
               )["audit_logs"] == wanted
    low, high = every[10]["created_at"], every[20]["created_at"]
    got = get(world, f"/audit_logs?page[size]=100&sort=created_at&filter[created_at]={low}&filter[created_at]={high}")
    assert got["audit_logs"] == every[10:21]
    actor = every[-1]["actor_id"]
    both = get(world, f"/audit_logs?page[size]=100&filter[actor_id]={actor}&filter[action]=exported")["audit_logs"]
    assert [row["actor_id"] for row in both] == [actor]


def test_the_audit_log_pages_by_number_too() -> None:
    """Newest first, with a count and a link."""
    world = make(audit_rows=25)
    pages = list(follow(world, "/audit_logs?per_page=10"))
    assert [len(page["audit_logs"]) for page in pages] == [10, 10, 5]
    stamps = [row["created_at"] for page in pages for row in page["audit_logs"]]
    assert stamps == sorted(stamps, reverse=True)


def test_ticket_events_come_by_time_and_end() -> None:
    """A thousand a page, none of the last minute, end_of_stream on the last page; a page begins with the last one's second."""
    world = make(tickets=1300, limits=False)
    pages = list(follow(world, "/incremental/ticket_events?start_time=1&include=comment_events"))
    numbers = [row["id"] for page in pages for row in page["ticket_events"]]
    assert (len(numbers), len(set(numbers))) == (2602, 2600)
    assert [page["ticket_events"][0]["id"] for page in pages[1:]] == [page["ticket_events"][-1]["id"] for page in pages[:-1]]
    assert [page["end_of_stream"] for page in pages] == [False, False, True]
    assert "body" in pages[0]["ticket_events"][0]["child_events"][0]
    bare = get(world, "/incremental/ticket_events?start_time=1")["ticket_events"][0]
    assert "body" not in bare["child_events"][0]
    late = int(START.timestamp()) - 30
    assert ask(world, "GET", f"/api/v2/incremental/ticket_events?start_time={late}").status == 422


def test_rows_are_one_json_text_each() -> None:
    """The templates of the logs give rows of the same shape as planted ones, hostile or not."""
    for hostile in (False, True):
        world = make(attack="api_token_leak", hostile=hostile)
        for path in ("/access_logs?page[size]=2500", "/audit_logs?page[size]=100",
                     "/incremental/ticket_events?start_time=1&include=comment_events"):
            shapes = {json.dumps(sorted(row)) for row in rows(get(world, path))}
            assert len(shapes) == 1, path


def test_an_administrator_and_an_agent_see_different_lists() -> None:
    """Sessions and tokens: an agent gets 200 with only its own; without all=true so does an administrator."""
    world = make()
    own = get(world, "/oauth/tokens")["tokens"]
    every = get(world, "/oauth/tokens?all=true")["tokens"]
    assert len(own) == 1 < len(every)
    assert own[0]["token"] == world.ready_token[:10]
    agent = as_person(world, "dana@example.org")
    seen = read(ask(world, "GET", "/api/v2/sessions", authorization=agent))["sessions"]
    assert {row["user_id"] for row in seen} == {user(world, "dana@example.org")["id"]}
    other = world.samples()["user_id"]
    assert read(ask(world, "GET", f"/api/v2/users/{other}/sessions", authorization=agent))["sessions"] == []
    assert ask(world, "DELETE", f"/api/v2/users/{other}/sessions", authorization=agent).status == 403


def test_each_filter_of_tokens_knows_its_own_kind_of_client() -> None:
    """A marketplace client's tokens come by global_client_id alone, as many as the summary counts."""
    world = make(agents=12)
    summary = {row["id"]: row["tokens_count"] for row in get(world, "/oauth/global_clients/token_summary")["global_clients"]}
    phone, = (row["id"] for row in get(world, "/oauth/global_clients")["global_clients"] if "iOS" in row["name"])
    theirs = get(world, f"/oauth/tokens?all=true&global_client_id={phone}")["tokens"]
    assert {row["client_id"] for row in theirs} == {phone}
    assert len(theirs) == summary[phone] > 1
    assert get(world, f"/oauth/tokens?all=true&client_id={phone}")["tokens"] == []
    own = get(world, "/oauth/tokens/current")["token"]["client_id"]
    assert len(get(world, f"/oauth/tokens?all=true&client_id={own}")["tokens"]) == 1
    assert get(world, f"/oauth/tokens?all=true&global_client_id={own}")["tokens"] == []
