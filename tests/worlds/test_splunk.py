"""The simulated Splunk is as awkward as the real one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from irkit.worlds import Answer, Call
from irkit.worlds.splunk import Splunk
from tests.worlds.helpers import ask, body, make, read

CHANNEL = "0b9ae2a4-5b1b-4b0a-9d0a-000000000001"


def tenant(**options: Any) -> Splunk:
    world = make("splunk", **options)
    assert isinstance(world, Splunk)
    return world


def collect(world: Splunk, text: str, path: str = "event", token: str = "", channel: str = CHANNEL) -> Answer:
    return world.handle(Call.of("POST", f"/@hec/services/collector/{path}?channel={channel}", body=text.encode(),
                                authorization=f"Splunk {token or world.hec_token}"))


def test_a_delete_without_an_id_takes_every_token_of_the_user() -> None:
    """Which is why nobody may leave it out."""
    world = tenant()
    assert ask(world, "DELETE", f"/services/authorization/tokens/{world.subject}").status == 200
    assert not [one for one in world.tokens.values() if one["sub"] == world.subject]


def test_a_batch_is_taken_up_to_its_first_wrong_event() -> None:
    """400 with its number, and those before it are indexed."""
    world = tenant()
    said = collect(world, '{"event": "a"}{"event": "b"}{"event": ""}{"event": "d"}')
    assert (said.status, read(said)["invalid-event-number"]) == (400, 2)
    assert [json.loads(one["_raw"]) for one in world.sent] == ["a", "b"]


def test_an_acknowledgement_is_said_once() -> None:
    """And then it is no."""
    world = tenant(ack=True)
    number = read(collect(world, '{"event": "a"}'))["ackId"]
    asked = json.dumps({"acks": [number]})
    assert [read(collect(world, asked, "ack"))["acks"][str(number)] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("text", "options", "more", "code"), [
    ("", {}, {}, 5), ("{", {}, {}, 6), ('{"event": "a", "index": "other"}', {}, {}, 7),
    ('{"event": "a"}', {}, {"token": "x"}, 4),
    ('{"event": "a"}', {"ack": True}, {"channel": ""}, 10), ('{"event": "a"}', {"ack": True}, {"channel": "1"}, 11),
    ('{"event": "a"}', {"busy": 1}, {}, 9)])
def test_the_collector_says_why_not(text: str, options: dict[str, Any], more: dict[str, str], code: int) -> None:
    """Each refusal has its code."""
    assert read(collect(tenant(**options), text, **more))["code"] == code


def test_acknowledgements_that_are_off_are_a_refusal() -> None:
    """Code 14."""
    assert read(collect(tenant(), '{"acks": [0]}', "ack"))["code"] == 14


@pytest.mark.parametrize("half", [True, False])
def test_the_last_row_says_that_it_is(half: bool) -> None:
    """Unless the stream ends early, which is as clean an end as any."""
    answer = ask(tenant(half=half), "POST", "/services/search/v2/jobs/export", {"search": "search index=helpdesk"})
    assert (b'"lastrow":true' in body(answer)) is not half
    assert answer.status == 200


def test_a_search_without_its_command_is_refused() -> None:
    """It begins with search, or with a pipe."""
    assert ask(tenant(), "POST", "/services/search/v2/jobs/export", {"search": "index=helpdesk"}).status == 400
