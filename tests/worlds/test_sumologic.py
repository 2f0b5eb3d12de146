"""The simulated Sumo Logic is as awkward as the real one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irkit.worlds import Answer, Call
from irkit.worlds.sumologic import SumoLogic
from tests.worlds.helpers import START, Clock, ask, make, read

WINDOW = {"from": f"{START - timedelta(days=3):%Y-%m-%dT%H:%M:%S}", "to": f"{START:%Y-%m-%dT%H:%M:%S}", "byReceiptTime": True}


def tenant(clock: Clock | None = None, **options: Any) -> SumoLogic:
    world = make("sumologic", clock=clock, **options)
    assert isinstance(world, SumoLogic)
    return world


def begun(world: SumoLogic, query: str = "*", **more: object) -> str:
    return str(read(ask(world, "POST", "/search/jobs", {"query": query, **WINDOW, **more}))["id"])


def test_a_job_that_nobody_asks_for_is_cancelled() -> None:
    """30 seconds; while it is asked for it lives."""
    clock = Clock()
    world = tenant(clock, seconds=100)
    job = begun(world)
    for pause, status in ((25, 200), (25, 200), (31, 404)):
        clock.move(pause)
        assert ask(world, "GET", f"/search/jobs/{job}").status == status


def test_warnings_come_with_one_poll_and_not_with_the_next() -> None:
    """They are deltas."""
    world = tenant(warns=True)
    job = begun(world)
    assert [len(read(ask(world, "GET", f"/search/jobs/{job}"))["pendingWarnings"]) for _ in range(2)] == [1, 0]


def test_a_job_with_too_much_is_paused() -> None:
    """And gives no more than the limit."""
    world = tenant(seconds=0, rows=9, most=5, page=100)
    job = begun(world)
    told = read(ask(world, "GET", f"/search/jobs/{job}"))
    page = read(ask(world, "GET", f"/search/jobs/{job}/messages?offset=0&limit=100"))
    assert (told["state"], told["messageCount"], len(page["messages"])) == ("FORCE PAUSED", 5, 5)


@pytest.mark.parametrize("more", [{"from": "yesterday"}, {"to": None}, {"to": WINDOW["from"]}])
def test_a_window_that_is_none_is_refused(more: dict[str, object]) -> None:
    """400, with the vendor's code."""
    assert ask(tenant(), "POST", "/search/jobs", {"query": "*", **WINDOW, **more}).status == 400


def sent(world: SumoLogic, code: str = "") -> Answer:
    return world.handle(Call.of("POST", f"/@source/receiver/v1/http/{code or world.source_code}", body=b"one\ntwo\n"))


def test_a_full_budget_answers_as_an_empty_one_does() -> None:
    """200 both times; the lines are there or not."""
    kept, dropped = tenant(), tenant(drops=True)
    assert sent(kept).status == sent(dropped).status == 200
    assert (len(kept.lines), len(dropped.lines)) == (2, 0)


def test_an_address_that_was_regenerated_is_a_401() -> None:
    """The old one is dead at once."""
    assert sent(tenant(), "old").status == 401
