"""PagerDuty's traps, each by name: what 202 does not mean, whom a key is, what no call signs out, what a plan withholds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from irkit import connectors
from irkit.action import ActionError, Driven, NoAnswer, NotConfirmed, Refused, Request, Response, Unavailable, drive
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds import Fault
from irkit.worlds.pagerduty import PagerDuty
from irkit.worlds.serve import serve
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import Asked, known, make, play


def account(**options: Any) -> PagerDuty:
    world = make("pagerduty", **options)
    assert isinstance(world, PagerDuty)
    return world


def done(world: PagerDuty, name: str, **args: Any) -> Driven:
    return play(connectors.find_action(f"pagerduty.{name}")(**args), Asked(world))


def test_202_is_no_incident() -> None:
    """An event with another account's key is taken with 202 and dropped: the step is not done."""
    driven = done(account(drops_events=True), "trigger_event", summary="s", source="irkit")
    assert isinstance(driven.error, NotConfirmed)
    assert "202" in str(driven.error)


def test_a_second_page_of_the_same_step_pages_nobody() -> None:
    """The key is that of incident and step; the open incident is found and nothing is sent."""
    world = account()
    first = done(world, "trigger_event", summary="s", source="irkit")
    second = done(world, "trigger_event", summary="s", source="irkit")
    assert first.result.key == "INC-1.a_step"
    assert second.result == first.result
    assert not second.writes


@pytest.mark.parametrize("name", ["acknowledge_event", "resolve_event"])
def test_an_event_that_would_be_dropped_without_a_word_is_not_sent(name: str) -> None:
    """No open alert under the key: said, and nothing leaves."""
    driven = done(account(), name, dedup_key="nobody-knows")
    assert isinstance(driven.error, ActionError)
    assert not driven.writes


def test_an_incident_that_is_open_already_is_found_and_not_opened_twice() -> None:
    """The vendor rejects a second open one with the same key; irkit finds the first."""
    world = account()
    first = done(world, "open_incident", service_id="PSVC001", title="t")
    second = done(world, "open_incident", service_id="PSVC001", title="t")
    assert first.writes
    assert second.result.id == first.result.id
    assert not second.writes


@pytest.mark.parametrize(("name", "args"), [("trigger_event", {"summary": "x" * 1025, "source": "s"}),
                                            ("trigger_event", {"summary": " ", "source": "s"}),
                                            ("trigger_event", {"summary": "s", "source": "s", "severity": "bad"}),
                                            ("open_incident", {"service_id": "PSVC001", "title": "x" * 1025})])
def test_what_the_vendor_would_cut_or_refuse_is_not_sent(name: str, args: dict[str, Any]) -> None:
    """Too long, empty, an unknown severity: said with what is allowed."""
    driven = done(account(), name, **args)
    assert isinstance(driven.error, ActionError)
    assert not driven.writes


def test_an_account_level_key_is_nobody_and_the_record_says_so() -> None:
    """GET /users/me answers 400: the users can be listed, and the role is "account-level key"."""
    world = account()

    def me(_number: int, request: Request) -> Response | None:
        return Response.of({"error": {"message": "no"}}, 400) if request.target == "/users/me" else None
    check = connectors.find("pagerduty").check
    assert check is not None
    who = play(check(), Asked(world, me)).result
    assert (who.role, who.email) == ("account-level key", "irkit@northwind.example")


def test_signing_out_takes_two_calls_and_leaves_integrations() -> None:
    """Mobile, then web; a third-party app stays, is named, and is a manual step."""
    world = account()
    user = world.account.subject
    before = done(world, "collect_delegations", user_id=user).result
    done(world, "end_mobile_sessions", user_id=user)
    after = done(world, "end_web_sessions", user_id=user).result
    assert (before.web, before.mobile) == (1, 1)
    assert (after.web, after.mobile, len(after.integrations)) == (0, 0, 1)
    assert any("not ended by irkit" in note for note in after.notes)


@pytest.mark.parametrize(("name", "options"), [("collect_delegations", {"delegations": False}),
                                               ("collect_audit_records", {"audit": False})])
def test_what_the_plan_withholds_is_a_gap(name: str, options: dict[str, object]) -> None:
    """402 is "unavailable", never an empty list."""
    world = account(**options)
    args = {"user_id": world.account.subject} if name == "collect_delegations" else window(world, 20)
    assert isinstance(done(world, name, **args).error, Unavailable)


def window(world: PagerDuty, days: int) -> dict[str, Any]:
    return {"since": world.account.began - timedelta(days=days), "until": world.account.began}


def test_audit_records_are_asked_for_a_window_that_is_allowed() -> None:
    """31 days at most: a longer one is refused here, and says to make several steps."""
    world = account(audit_rows=40, page=7)
    whole = done(world, "collect_audit_records", **window(world, 31)).result
    assert (whole.rows, whole.complete) == (40, True)
    assert whole.pages > 1
    assert isinstance(done(world, "collect_audit_records", **window(world, 32)).error, ActionError)


def test_a_query_that_matches_parts_of_names_finds_nobody_else() -> None:
    """The very address counts, and nobody of that address stops the step."""
    world = account()
    whole = world.account.users[world.account.subject]["email"]
    assert done(world, "find_user", email=whole.upper()).result.id == world.account.subject
    assert isinstance(done(world, "find_user", email=whole[1:]).error, ActionError)


def test_a_list_that_the_vendor_cuts_is_not_complete() -> None:
    """Beyond 10,000 rows classic paging gives no more: the note says so, and it is incomplete."""
    world = account()
    world.account.webhooks = {f"P{n}": {"id": f"P{n}", "active": True, "delivery_method": {"url": "https://a.example"}}
                              for n in range(10_050)}
    found = done(world, "collect_webhooks").result
    assert not found.complete
    assert "10,000 rows" in found.notes[0]


def test_the_same_note_is_not_written_twice() -> None:
    """Looked for first, by its text."""
    world = account()
    done(world, "add_note", incident_id="PINC001", text="Contained.")
    assert not done(world, "add_note", incident_id="PINC001", text="Contained.").writes


# -- over HTTP ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def wired(world: PagerDuty, monkeypatch: pytest.MonkeyPatch, *faults: Fault, way: str = "token",
          key: str = "") -> Iterator[Wire]:
    monkeypatch.setenv("PD", key or world.ready_token)
    monkeypatch.setenv("PD_EVENTS", world.routing_key)
    with serve(world, faults=faults) as server:
        one = Connection("pagerduty", "pagerduty", {"email": "irkit@northwind.example"}, way, "env:PD", server.url,
                         {"events": "env:PD_EVENTS"})
        wire = Wire({"pagerduty": one}, connectors.find, loopback=True, timeouts=PATIENT)
        try:
            yield wire
        finally:
            wire.close()


def over(wire: Wire, world: PagerDuty, name: str, **args: Any) -> Driven:
    def ask(request: Request) -> Any:
        try:
            return wire.send(wire.prepare("pagerduty", request), answered=ignored)
        except ActionError as error:
            return error
    return drive(connectors.find_action(f"pagerduty.{name}")(**args), ask, connectors.find("pagerduty"), known(world))


@pytest.mark.parametrize("way", ["token", "oauth"])
def test_signed_in_both_ways_it_pages_and_the_key_is_in_no_request(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Token token=` or Bearer on REST; on Events the routing key in the body, which no gate shows."""
    world = account()
    with wired(world, monkeypatch, way=way) as wire:
        driven = over(wire, world, "trigger_event", summary="s", source="irkit")
        shown = wire.prepare("pagerduty", driven.writes[0])
    assert driven.result.status == "triggered"
    assert world.routing_key.encode() not in (shown.body or b"")
    assert shown.url.endswith("/@events/v2/enqueue")


def test_from_names_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes on incidents bear the header From; the vendor refuses them without."""
    world = account()
    with wired(world, monkeypatch) as wire:
        assert over(wire, world, "acknowledge_incident", incident_id="PINC001").result.status == "acknowledged"


def test_a_wrong_key_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """401 on a look: unavailable, with the vendor's word, and nothing is sent."""
    world = account()
    with wired(world, monkeypatch, key="not-the-key-at-all") as wire:
        driven = over(wire, world, "acknowledge_incident", incident_id="PINC001")
    assert isinstance(driven.error, Unavailable | Refused)
    assert "Unauthorized" in str(driven.error)
    assert not driven.writes


def test_a_429_without_headers_still_waits() -> None:
    """Code 2020 and no ratelimit headers: a refusal to slow down for, of no stated length; with them, until the reset."""
    limit, now = connectors.find("pagerduty").limit, account().now()
    assert limit(Response.of({}, 429), now).wait is None
    told = Response(429, {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "23"}, b"{}")
    assert limit(told, now) == replace(limit(told, now), wait=23.0, per_minute=960, remaining=0)


@pytest.mark.parametrize(("lost", "taken"), [("before", "triggered"), ("after", "acknowledged")])
def test_a_write_whose_answer_was_lost_is_unknown_and_a_look_tells(lost: Any, taken: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """NoAnswer either way, since nobody can tell them apart; what PagerDuty shows is what counts."""
    world = account()
    with wired(world, monkeypatch, Fault("pagerduty", "PUT /incidents/PINC001", lost=lost)) as wire:
        driven = over(wire, world, "acknowledge_incident", incident_id="PINC001")
    assert isinstance(driven.error, NoAnswer)
    assert world.account.incidents["PINC001"]["status"] == taken
