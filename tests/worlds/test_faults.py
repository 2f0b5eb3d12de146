"""Faults: which request they hit, how often, what they say."""

from __future__ import annotations

import pytest

from irkit.errors import UsageError
from irkit.worlds import Fault, Faults
from tests.worlds.helpers import read

BUSY = {"status": 429, "retry_after": 3}


def test_a_fault_hits_its_request_so_many_times() -> None:
    """`times` requests that match the glob meet the fault; others, and other connectors, do not."""
    faults = Faults([Fault("zendesk", "DELETE /api/v2/users/*/sessions", lost="after", times=2)])
    hits = [faults.judge("zendesk", "DELETE", "/api/v2/users/7/sessions") for _ in range(3)]
    assert [bool(hit) for hit in hits] == [True, True, False]
    fresh = Faults([Fault("zendesk", "GET /api/*", answer=BUSY)])
    assert fresh.judge("okta", "GET", "/api/v2/users") is None
    assert fresh.judge("zendesk", "PUT", "/api/v2/users") is None
    assert fresh.judge("zendesk", "GET", "/api/v2/users") is not None


def test_the_first_fault_that_is_left_counts() -> None:
    """Faults on the same request come one after another; one without `times` never ends."""
    faults = Faults([Fault("z", "GET *", lost="before"), Fault("z", "GET *", answer=BUSY, times=None)])
    said = [faults.judge("z", "GET", "/") for _ in range(4)]
    assert [fault.lost if fault else "none" for fault in said] == ["before", None, None, None]


def test_an_answer_has_status_wait_headers_and_body() -> None:
    """The answer of a fault is said as it stands; a body that is no text goes as JSON."""
    said = Fault("z", "*", answer={**BUSY, "headers": {"X-Why": "drill"}, "body": {"error": "busy"}}).said()
    assert said.status == 429
    assert said.headers == {"retry-after": "3", "x-why": "drill", "content-type": "application/json"}
    assert read(said) == {"error": "busy"}


def test_a_fault_is_one_thing() -> None:
    """A fault that says nothing, or two things, is refused."""
    with pytest.raises(UsageError, match="says one of lost, answer and transport"):
        Fault("z", "GET *")
    with pytest.raises(UsageError, match="says one of lost"):
        Fault("z", "GET *", lost="before", answer=BUSY)
