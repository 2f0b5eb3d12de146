"""What a vendor may answer, or not answer, over real sockets: clear words, nothing lost, nothing repeated unseen."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.live.rig import Rig, ended, prepared, says

AGAIN = ["yes", {"send": "yes"}, "yes", {"look_again": "yes"}]
Fault = Mapping[str, object]


# -- what a vendor answers to a read ---------------------------------------------------------------------------------

READS: Mapping[str, tuple[Fault, list[str]]] = {
    "401": (says(401), ["/api/v2/users/search answered 401", "Zendesk says no", "irkit doctor zendesk"]),
    "404": (says(404), ["/api/v2/users/search answered 404"]),
    "422": (says(422), ["/api/v2/users/search answered 422"]),
    "429 for ever": (says(429, retry_after=30), ["Waiting 30 s: Zendesk asks to slow down (429)", "answered 429"]),
    "500 for ever": (says(500), ["Zendesk answered 500, trying again", "answered 500"]),
    "no JSON": ({"answer": {"status": 200, "body": "plain words"}}, ["do not parse", "where JSON was due (status 200)"]),
    "nothing": ({"answer": {"status": 200, "body": ""}}, ["an empty body came where JSON was due"]),
    "another shape": ({"answer": {"status": 200, "body": [1]}}, ["the answer has no list 'users'"]),
    "a sign-in page": ({"transport": "html"}, ["an HTML page came (a sign-in or error page?)"]),
    "a body cut short": ({"transport": "cut"}, ["the answer (200) broke off"]),
    "a reset": ({"transport": "reset"}, ["127.0.0.1 closed the connection"]),
    "silence in the body": ({"transport": "slow", "seconds": 5}, ["the answer (200) broke off", "in 0.05 s"]),
    "closed unanswered": ({"lost": "before"}, ["127.0.0.1 closed the connection"]),
}


@pytest.mark.parametrize("what", READS)
def test_a_read_that_goes_wrong_stops_at_its_step_and_can_be_resumed(rig: Rig, what: str) -> None:
    """It pauses, naming the step and the next command; nothing was sent; once all is well the run goes on at that step."""
    fault, words = READS[what]
    tenant = prepared(rig, {"request": "GET /api/v2/users/search", "times": None, **fault})
    ended(rig.run(timeouts=0.05), 3, "1. Find the account", *words, "Paused:", "irkit resume I")
    assert tenant.writes == []
    assert rig.kinds()[-2:] == ["run.paused", "session.end"]
    tenant.now_meets()
    ended(rig.resume(), 0, "Run closed")
    assert len(tenant.writes) == 1


def test_a_read_that_is_forbidden_is_a_gap(rig: Rig) -> None:
    """403 says that the plan or the role is too low: a gap, never "clean", and the command that tells which."""
    prepared(rig, {"request": "GET /api/v2/users/search", "times": None, **says(403)})
    ended(rig.run(), 3, "GAP 1. Find the account", "answered 403", "recorded as a gap", "irkit doctor zendesk",
          "irkit resume I")
    assert "step.unavailable" in rig.kinds()


def test_a_throttled_read_goes_on_by_itself(rig: Rig) -> None:
    """429 with Retry-After is waited for, and the run ends as if nothing had been."""
    prepared(rig, {"request": "GET /api/v2/users/search", "times": 2, **says(429, retry_after=7)})
    ended(rig.run(), 0, "Waiting 7 s: Zendesk asks to slow down (429)", "Run closed")


# -- what a vendor answers to a write --------------------------------------------------------------------------------

REFUSED = {"401": says(401), "403": says(403), "404": says(404), "409": says(409), "422": says(422),
           "429 for ever": says(429, retry_after=30)}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_write_changed_nothing_and_may_be_tried_again(rig: Rig, what: str) -> None:
    """FAILED, with the vendor's words; a resumed run asks at the gate once more."""
    tenant = prepared(rig, {"request": "PUT /api/v2/users/*", "times": None, **REFUSED[what]})
    words = ["irkit doctor zendesk"] if what in ("401", "403") else []
    ended(rig.run(), 3, "FAILED 2. Suspend the account", f"answered {what[:3]}", "Nothing was changed", *words,
          "irkit resume I")
    before = len(tenant.writes)
    tenant.now_meets()
    rig.answers(suspend=AGAIN)
    ended(rig.resume(), 0, "Run closed")
    assert len(tenant.writes) == before + 1


DOUBTFUL: Mapping[str, tuple[Fault, bool]] = {         # the fault, and whether the write took effect all the same
    "500": (says(500), False),
    "408": (says(408), False),
    "a reset": ({"transport": "reset"}, False),
    "lost on its way there": ({"lost": "before"}, False),
    "lost on its way back": ({"lost": "after"}, True),
}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_a_write_that_may_have_worked_is_unknown_until_a_look(rig: Rig, what: str) -> None:
    """UNKNOWN, without a plain retry. A resumed run looks first, and asks before it sends once more."""
    fault, took = DOUBTFUL[what]
    tenant = prepared(rig, {"request": "PUT /api/v2/users/*", **fault})
    ran = rig.run()
    ended(ran, 3, "UNKNOWN 2. Suspend the account", "It may have worked", "l look again (safe)", "irkit resume I")
    assert "r retry" not in ran.words
    assert len(tenant.writes) == 1
    rig.answers(suspend=AGAIN)
    ran = rig.resume()
    ended(ran, 0, "the look agrees" if took else "It was sent before and is not visible yet", "Run closed")
    assert len(tenant.writes) == (1 if took else 2)


def test_a_write_that_was_lost_does_not_count_as_one_that_worked(rig: Rig) -> None:
    """Of two sendings, the first of which no look ever saw, one worked."""
    prepared(rig, {"request": "PUT /api/v2/users/*", "lost": "before"})
    rig.run()
    rig.answers(suspend=AGAIN)
    ended(rig.resume(), 0, "1 worked, 0 refused, 1 unknown")


@pytest.mark.parametrize("fault", [{"transport": "cut"}, {"transport": "slow", "seconds": 5}], ids=["cut", "silence"])
def test_a_write_whose_status_came_is_settled_by_the_look(rig: Rig, fault: Fault) -> None:
    """200 with a body that breaks off: the second look is the proof."""
    prepared(rig, {"request": "PUT /api/v2/users/*", **fault})
    ended(rig.run(timeouts=0.1), 0, "Checked suspended: yes", "1 worked, 0 refused, 0 unknown")


@pytest.mark.parametrize("fault", [{"transport": "html"}, {"answer": {"status": 200, "body": "plain words"}},
                                   {"answer": {"status": 200, "body": ""}}], ids=["sign-in page", "no JSON", "nothing"])
def test_a_200_is_no_proof(rig: Rig, fault: Fault) -> None:
    """What the look does not show is accepted, not done."""
    prepared(rig, {"request": "PUT /api/v2/users/*", **fault})
    ended(rig.run(), 3, "ACCEPTED 2. Suspend the account", "Taken, not confirmed: suspended is still no", "irkit resume I")
    rig.answers(suspend=AGAIN)
    ended(rig.resume(), 0, "Run closed")
