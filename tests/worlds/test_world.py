"""What every world promises: reproducible, safe with threads, strict about its options."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from irkit import connectors, worlds
from irkit.errors import UsageError
from irkit.worlds import World
from tests.worlds.helpers import Clock, ask, body, get, make, read

CALLS = (("GET", "/api/v2/users?page[size]=3", None), ("GET", "/api/v2/access_logs?page[size]=5", None),
         ("PUT", "/api/v2/users/{user_id}", {"user": {"suspended": True}}),
         ("DELETE", "/api/v2/users/{user_id}/sessions", None),
         ("POST", "/api/v2/users/logout_many?ids={user_id}", None), ("GET", "/api/v2/audit_logs?page[size]=5", None),
         ("GET", "/api/v2/job_statuses", None), ("GET", "/api/v2/nothing", None))


def fold(seed: int) -> tuple[list[tuple[int, dict[str, str], bytes]], str]:
    clock = Clock()
    world = make(clock=clock, seed=seed, attack="admin_takeover", lag=40)
    said = []
    for method, target, data in CALLS:
        answer = ask(world, method, target.format(**world.samples()), data)
        said.append((answer.status, dict(answer.headers), body(answer)))
        clock.move(25)
    return said, world.digest()


def test_a_world_is_a_fold_over_its_calls() -> None:
    """The same options, people, calls and times give the same bytes, headers and state."""
    assert fold(7) == fold(7)


def test_another_seed_is_another_tenant() -> None:
    """The seed decides who is there and what they did."""
    assert fold(7) != fold(8)


def test_every_connector_has_a_world_and_every_world_a_connector() -> None:
    """Worlds are found by the connector's name, as connectors are."""
    assert worlds.names() == connectors.names()
    for name in worlds.names():
        assert issubclass(worlds.find(name), World)
        assert worlds.find(name).connector == name


def test_an_unknown_world_is_an_error_that_lists_the_known() -> None:
    """A world that nobody wrote is told together with those there are."""
    with pytest.raises(UsageError, match=r"no world for 'zendex'; worlds: .*zendesk"):
        worlds.find("zendex")


def test_an_unknown_option_is_told_with_the_known_ones() -> None:
    """A mistyped option names itself, and the error lists what could have been meant."""
    with pytest.raises(UsageError, match="the zendesk world has no option 'atack'") as caught:
        make(atack="bulk_export")
    assert "adpp" in caught.value.next
    assert "attack" in caught.value.next


@pytest.mark.parametrize(("option", "value", "said"), [
    ("plan", "gold", "zendesk.plan is one of team, professional, enterprise, not 'gold'"),
    ("attack", "phishing", "zendesk.attack is one of nothing, bulk_export"),
    ("adpp", "perhaps", "zendesk.adpp is true or false"), ("adpp", 1, "zendesk.adpp is true or false"),
    ("seed", "seven", "zendesk.seed is a whole number"), ("rows", -1, "zendesk.rows is a whole number"),
    ("seed", True, "zendesk.seed is a whole number"), ("subject", 3, "zendesk.subject is text")])
def test_an_option_of_the_wrong_kind_is_refused(option: str, value: object, said: str) -> None:
    """Wrong values say what is wanted."""
    with pytest.raises(UsageError, match=said):
        make(**{option: value})  # type: ignore[arg-type]


def test_options_are_taken_as_text_too() -> None:
    """A command line gives text where a scenario gives values."""
    world = make(plan="team", adpp="false", seed="7", limits="yes")
    assert ask(world, "GET", "/api/v2/access_logs").status == 404


def test_answers_bear_the_world_s_time() -> None:
    """The Date header is the clock's, so that retention floors and clock checks work in a drill."""
    assert ask(make(), "GET", "/api/v2/users/me").headers["date"] == "Sat, 07 Mar 2026 23:40:00 GMT"


def test_many_threads_get_whole_answers() -> None:
    """Calls from many threads are answered one after another, none lost."""
    world = make(limits=False)
    ids = [str(user["id"]) for user in get(world, "/users?role=agent")["users"]]

    def suspend(user: str) -> bool:
        ask(world, "PUT", f"/api/v2/users/{user}", {"user": {"suspended": True}})
        return bool(read(ask(world, "GET", f"/api/v2/users/{user}"))["user"]["suspended"])
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(suspend, ids * 10))
