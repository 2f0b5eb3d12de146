"""Sumo Logic's traps, each by name: a job that is paused, gone or elsewhere, a page that is short, a 200 that drops."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, Driven, NoAnswer, NotConfirmed, Refused, Request, Response, Unavailable, drive
from irkit.worlds import Fault
from irkit.worlds.sumologic import SumoLogic
from tests.connectors.served import over_http
from tests.worlds.helpers import START, Asked, Clock, ask, basic, known, make, play, read

WINDOW = {"since": START - timedelta(days=3), "until": START}
ALL = "_sourceCategory=helpdesk/audit"


def tenant(**options: Any) -> SumoLogic:
    world = make("sumologic", **{"most": 1000, "rows": 11, **options})
    assert isinstance(world, SumoLogic)
    return world


def done(world: SumoLogic, name: str, **args: Any) -> Driven:
    return play(connectors.find_action(f"sumologic.{name}")(**args), Asked(world))


def search(world: SumoLogic, query: str = ALL, **window: Any) -> Driven:
    return done(world, "collect_search", query=query, **{**WINDOW, **window})


# -- a search ------------------------------------------------------------------------------------------------------

def test_all_pages_of_a_job_are_kept() -> None:
    """Pages are shorter than asked: the next begins behind what came, until the count is reached."""
    driven = search(tenant())
    got = driven.result
    assert (got.rows, got.pages, got.windows, got.complete) == (11, 3, 1, True)
    assert [r.target.partition("?")[2] for r in driven.requests if r.keep] == [
        f"offset={n}&limit=1000" for n in (0, 4, 8)]


def test_a_job_is_asked_for_often_enough_and_deleted() -> None:
    """20 seconds between polls, where 30 would cancel it; afterwards it is gone."""
    world = tenant(seconds=50)
    driven = search(world)
    assert driven.result.complete
    assert {wait.seconds for wait in driven.waits} == {20.0}
    assert not world.jobs


def test_a_window_with_too_many_messages_is_split_until_each_part_is_whole() -> None:
    """FORCE PAUSED gives a part: what it gave is not kept, and the halves together have every message once."""
    world = tenant(most=3)
    got = search(world).result
    assert (got.rows, got.complete) == (11, True)
    assert got.windows > 3
    first = [one for one in world.logs if one["map"]["_messageid"] == "10"]
    assert got.first < got.last
    assert len(first) == 1


def test_a_second_that_is_too_full_is_a_part() -> None:
    """What cannot be split any more is kept as far as it goes, and the window that is a part is named."""
    world = tenant(most=3)
    for one in world.logs:
        one["map"]["_receipttime"] = "1772840000000"
    got = search(world, since=START - timedelta(days=2)).result
    assert (got.rows, got.complete) == (3, False)
    assert any("is a part: Sumo Logic gives no more of it" in note for note in got.notes)


def test_warnings_and_errors_are_told_though_a_later_poll_has_none() -> None:
    """They are deltas: the first poll's are not lost, and an error makes it a part."""
    got = search(tenant(seconds=50, warns=True, fails=True)).result
    assert "warning: 1 partition was slow" in got.notes
    assert "error: a partition could not be read" in got.notes
    assert not got.complete
    assert search(tenant(warns=True)).result.complete


def test_fewer_messages_than_counted_is_a_part() -> None:
    """The pages end early: incomplete, with both numbers."""
    got = search(tenant(short=2)).result
    assert not got.complete
    assert "9 of 11 messages came" in got.notes


def test_nothing_found_says_why_that_may_be() -> None:
    """Whole, and no proof that nothing was there."""
    got = search(tenant(), "nobody-wrote-this").result
    assert (got.rows, got.complete) == (0, True)
    assert any("where the key's role may not search" in note for note in got.notes)


def test_the_records_of_an_aggregate_are_kept_beside() -> None:
    """Messages and records are two artefacts."""
    driven = search(tenant(), f"{ALL} | count")
    assert (driven.result.rows, driven.result.records) == (11, 1)
    assert {r.keep for r in driven.requests if r.keep} == {"sumologic_search", "sumologic_search, records"}


def test_a_window_that_has_not_ended_is_told() -> None:
    """Late messages may still come."""
    got = search(tenant(), until=START + timedelta(days=1)).result
    assert any("may find more later" in note for note in got.notes)


@pytest.mark.parametrize("options", [{"plan": "essentials"}, {"capability": False}])
def test_a_plan_or_role_without_search_jobs_is_a_gap(options: dict[str, Any]) -> None:
    """Unavailable, and what it needs."""
    driven = search(tenant(**options))
    assert isinstance(driven.error, Unavailable)
    assert "Download Search Results" in str(driven.error)


def test_another_deployment_is_a_mistake_of_the_setting() -> None:
    """301: named, not followed, since the key would go along."""
    driven = search(tenant(moved=True))
    assert isinstance(driven.error, Refused)
    assert "api.de.sumologic.com" in str(driven.error)
    assert len(driven.requests) == 1


def test_a_job_that_nobody_asked_for_is_gone_and_said_to_be() -> None:
    """A pause of more than 30 seconds between polls: refused with the reason, never an empty result."""
    world, steps = tenant(seconds=50), connectors.find_action("sumologic.collect_search")(query=ALL, **WINDOW)
    asked = Asked(world)

    def slow(request: Request) -> Response:
        clock = world.now
        assert isinstance(clock, Clock)
        clock.move(45)
        return asked(request)
    driven = drive(steps, slow, connectors.find("sumologic"), known(world))
    assert isinstance(driven.error, Refused)
    assert "not asked for 30 seconds" in str(driven.error)


def test_a_job_that_was_cancelled_is_a_part() -> None:
    """Somebody stopped it: incomplete, and told."""
    gone = Response.of({"state": "CANCELLED", "messageCount": 4, "recordCount": 0})
    asked = Asked(tenant(), lambda number, request: gone if number == 1 else None)
    got = play(connectors.find_action("sumologic.collect_search")(query=ALL, **WINDOW), asked).result
    assert (got.rows, got.complete) == (0, False)
    assert any("cancelled" in note for note in got.notes)


@pytest.mark.parametrize("query", ["* | count by x | save /shared/table", "* |SAVE append /t"])
def test_a_query_that_saves_is_not_sent(query: str) -> None:
    """A collection only reads."""
    driven = search(tenant(), query)
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_a_pipe_in_quotes_saves_nothing() -> None:
    """What stands in a text is looked for, not run."""
    assert search(tenant(), '"a | save b"').error is None


# -- the HTTP source -----------------------------------------------------------------------------------------------

def test_a_line_that_a_search_finds_is_stored() -> None:
    """And the second attempt finds it and sends nothing."""
    world = tenant(lag=8)
    first, second = (done(world, "send_event", text="contained") for _ in range(2))
    assert first.result.stored
    assert not second.writes


def test_a_budget_that_drops_is_accepted_and_not_sent() -> None:
    """200, and nothing is there: not confirmed, and the budget is named."""
    driven = done(tenant(drops=True), "send_event", text="contained")
    assert isinstance(driven.error, NotConfirmed)
    assert "ingest budget" in str(driven.error)


def test_a_line_without_a_plan_to_search_is_a_person_s_to_confirm() -> None:
    """It may be sent, and nobody calls it done."""
    driven = done(tenant(plan="essentials"), "send_event", text="contained")
    assert driven.writes[0].settle == "human"
    assert isinstance(driven.error, NotConfirmed)


def test_a_regenerated_address_is_told_as_one() -> None:
    """401 of the source."""
    asked = Asked(tenant(), lambda number, request: Response(401) if request.host == "source" else None)
    driven = play(connectors.find_action("sumologic.send_event")(text="t"), asked)
    assert isinstance(driven.error, Refused)
    assert "regenerated" in str(driven.error)


# -- access keys ---------------------------------------------------------------------------------------------------

def test_turning_a_key_off_leaves_its_origins() -> None:
    """What a change does not mean to change goes back as it was."""
    world = tenant()
    assert done(world, "disable_access_key", key_id="suOLD").result.disabled
    assert world.keys["suOLD"]["corsHeaders"] == ["https://northwind.example"]


@pytest.mark.parametrize("name", ["disable_access_key", "delete_access_key"])
def test_the_key_that_we_sign_in_with_is_not_touched(name: str) -> None:
    """It would lock us out."""
    driven = done(tenant(), name, key_id="suIRKIT")
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_all_pages_of_the_keys_are_listed() -> None:
    """And those of one owner only, where asked."""
    assert done(tenant(), "list_access_keys").result.count == 4
    assert done(tenant(), "list_access_keys", owner="000000000000A002").result.count == 2


# -- over HTTP -----------------------------------------------------------------------------------------------------

def test_a_job_keeps_its_cookie_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search, send to the source whose address is the credential, and find it."""
    with over_http(tenant(seconds=0), monkeypatch) as play_:
        assert play_("collect_search", query=ALL, **WINDOW).result.complete
        sent = play_("send_event", text="contained")
    assert sent.error is None
    assert sent.result.stored
    assert "world-source" not in repr(sent.writes)


def test_a_job_without_its_cookie_is_a_404() -> None:
    """The world is as strict as the vendor: Basic alone does not find the job."""
    world = tenant()
    key = basic("suIRKIT", world.ready_token)
    begun = ask(world, "POST", "/search/jobs", {"query": "*", "from": "2026-03-01T00:00:00", "to": "2026-03-02T00:00:00"},
                authorization=key)
    job, cookie = read(begun)["id"], begun.headers["set-cookie"].partition(";")[0]
    assert ask(world, "GET", f"/search/jobs/{job}", authorization=key).status == 404
    assert ask(world, "GET", f"/search/jobs/{job}", authorization=key, headers={"cookie": cookie}).status == 200


def test_a_wrong_key_is_unavailable_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """401, in the vendor's words."""
    with over_http(tenant(), monkeypatch, credential="wrong") as play_:
        assert "Credential could not be verified" in str(play_("collect_search", query=ALL, **WINDOW).error)


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_line_that_nobody_answered_for_is_unknown(monkeypatch: pytest.MonkeyPatch, lost: Any) -> None:
    """The connection drops before or after the source took it: unknown, and sent once."""
    fault = Fault("sumologic", "POST /receiver/*", lost=lost)
    with over_http(tenant(seconds=0), monkeypatch, fault) as play_:
        driven = play_("send_event", text="contained")
    assert isinstance(driven.error, NoAnswer)
    assert len(driven.writes) == 1
