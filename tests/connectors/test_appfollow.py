"""AppFollow's traps, each by name: credits, errors with status 200, a DELETE with a body, tokens that outlive a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import asdict

from irkit import connectors
from irkit.action import ActionError, Driven, Refused, Unavailable
from irkit.config import Connection
from irkit.wire.http import Wire
from irkit.worlds.appfollow import AppFollow
from irkit.worlds.serve import serve
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import Asked, make, play

DANA = "dana@example.org"


def account(**options: Any) -> AppFollow:
    world = make("appfollow", **options)
    assert isinstance(world, AppFollow)
    return world


def done(world: AppFollow, action: str, /, **args: Any) -> Driven:
    return play(connectors.find_action(f"appfollow.{action}")(**args), Asked(world))


def test_no_credits_is_a_gap_and_not_an_empty_list() -> None:
    """402 in the middle of the pages: unavailable; nobody says "no reviews"."""
    world = account(credits=1)
    driven = done(world, "collect_reviews", ext_id="1234567890", since=world.began - timedelta(days=9), until=world.began)
    assert isinstance(driven.error, Unavailable)
    assert "credits" in driven.error.needs


def test_no_credits_for_a_write_is_a_failure_with_the_way_by_hand() -> None:
    """A person who could not be removed is never a gap that settles the step."""
    driven = done(account(credits=1), "remove_user", email=DANA)
    assert isinstance(driven.error, Refused)
    assert "by hand" in driven.error.next


@pytest.mark.parametrize("name", ["collect_users", "collect_apps"])
def test_an_error_with_status_200_is_an_error(name: str) -> None:
    """The envelope counts, not the status."""
    world = account(envelope=True)
    world.ready_token = "another"
    driven = play(connectors.find_action(f"appfollow.{name}")(), Asked(_signed_in_wrongly(world)))
    assert isinstance(driven.error, Refused)
    assert "Invalid API token" in str(driven.error)


def _signed_in_wrongly(world: AppFollow) -> AppFollow:
    answer = world.answer
    world.answer = lambda call: answer(type(call)(**{**asdict(call), "authorization": "Bearer wrong"}))      # type: ignore[method-assign]
    return world


def test_the_delete_bears_id_and_address_in_its_body() -> None:
    """Without the body the vendor would remove nobody."""
    driven = done(account(), "remove_user", email=DANA.upper())
    assert driven.writes[0].method == "DELETE"
    assert driven.writes[0].json == {"id": "100", "email": DANA}
    assert driven.result.there is False


def test_whoever_is_invited_again_has_another_id() -> None:
    """Undo finds them by address."""
    world = account()
    before = done(world, "remove_user", email=DANA).writes[0].seen
    assert before is not None
    again = done(world, "add_user", email=DANA, name="Dana Reyes", role="support").result
    assert again.id != asdict(before)["id"]
    assert again.role == "support"


def test_reviews_are_read_to_the_last_page_with_the_answers_given() -> None:
    """Every page of the window; the artefact holds the public replies."""
    world = account(reviews=20, page=3)
    driven = done(world, "collect_reviews", ext_id="1234567890", since=world.began - timedelta(days=30), until=world.began)
    assert (driven.result.rows, driven.result.pages, driven.result.complete) == (20, 7, True)


def test_an_address_that_nobody_has_stops_the_step() -> None:
    """Only the very address counts."""
    assert isinstance(done(account(), "find_user", email="ana@example.org").error, ActionError)


def test_over_http_the_token_is_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """X-AppFollow-API-Token, and no other; a DELETE leaves with its body."""
    world = account()
    monkeypatch.setenv("AF", world.ready_token)
    with serve(world) as server:
        one = Connection("appfollow", "appfollow", {}, "token", "env:AF", server.url)
        wire = Wire({"appfollow": one}, connectors.find, loopback=True, timeouts=PATIENT)
        driven = play(connectors.find_action("appfollow.remove_user")(email=DANA),
                      lambda request: wire.send(wire.prepare("appfollow", request), answered=ignored))
        wire.close()
    assert driven.error is None
    assert DANA not in {one["email"] for one in world.users.values()}
