"""Driving an action by hand: waits, and what is cleaned up afterwards."""

from __future__ import annotations

from irkit.action import DELETE, GET, ActionError, NotSent, Request, Response, Steps, Wait, drive


def job(fails: bool = False) -> Steps[str]:
    """Leaves a job at the vendor that is deleted in the end."""
    yield DELETE("/jobs/1", cleanup=True)
    yield Wait(20, "the job runs")
    yield GET("/jobs/1")
    if fails:
        raise ActionError("no")
    return "done"


def test_a_cleanup_is_asked_last_and_is_no_write() -> None:
    """Whether the action returned or failed."""
    for fails in (False, True):
        asked: list[str] = []

        def answer(request: Request, asked: list[str] = asked) -> Response:
            asked.append(request.method)
            return Response.of({})
        driven = drive(job(fails), answer)
        assert asked == [request.method for request in driven.requests] == ["GET", "DELETE"]
        assert not driven.writes
        assert (driven.error is not None) is fails


def test_a_cleanup_that_fails_changes_nothing() -> None:
    """The result stands."""
    def answer(request: Request) -> Response:
        if request.method == "DELETE":
            raise NotSent("this is a probe")
        return Response.of({})
    assert drive(job(), answer).result == "done"


def test_the_time_of_a_wait_passes() -> None:
    """For whoever keeps a clock."""
    passed: list[float] = []
    drive(job(), [Response.of({})], let_pass=passed.append)
    assert passed == [20]
