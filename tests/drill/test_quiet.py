"""Giving an account back: decided with what the watch found, and not at all where it is not quiet."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from irkit.runbook import load as load_runbook
from tests.drill.test_shipped import RUNBOOKS, Played, shipped

# scenario: the step that gives the account back, what else hangs on the decision `quiet`, and the watches before it
RETURNS = {
    "resets_before_dawn": ("unsuspend", ("verify_person", "enrol_again", "watch_again"), ("watch",)),
    "consent_friday_evening": ("unsuspend", ("enrol", "first_hours", "first_hours_apps"), ("watch_sign_ins", "watch_tokens")),
    "stolen_session_monday": ("enable", ("dismiss_risk", "first_hour", "first_hour_tokens"),
                              ("watch", "token_sign_ins_again", "audits_again", "unified_again")),
    "blind_copy_friday": ("give_back", ("restore",), ("rules_again", "mail_again", "written_again", "agents_again")),
}


def played(name: str, folder: Path, **answers: object) -> Played:
    """The scenario with other answers to some of its prompts."""
    scenario = shipped(name)
    return Played(name, folder, dataclasses.replace(scenario, answers={**scenario.answers, **answers}))


@pytest.mark.parametrize("name", RETURNS)
def test_an_account_that_is_not_quiet_stays_shut(name: str, tmp_path: Path) -> None:
    """Nothing gives it back, nothing that belongs to its return is asked for, and the run comes to its review and its end."""
    back, more, _ = RETURNS[name]
    game = played(name, tmp_path, quiet={"choice": "shut", "reason": "An address that nobody knows."})
    states = {step.id: step.state for step in game.session.run.steps.values()}
    sent = {entry.step for entry in game.ledger.entries() if entry.kind == "request.sending"}
    game.close()
    assert {step: states[step] for step in (back, *more)} == dict.fromkeys((back, *more), "not_needed")
    assert sent.isdisjoint((back, *more))
    assert game.session.run.closed
    assert states["review"] == "by_hand"


@pytest.mark.parametrize("name", RETURNS)
def test_an_account_comes_back_after_what_was_watched(name: str, tmp_path: Path) -> None:
    """The watches, then the decision, then the account; the review has nothing to wait for any more."""
    back, more, watches = RETURNS[name]
    game = played(name, tmp_path)
    at = {step.id: step.at for step in game.session.run.steps.values() if step.at is not None}
    game.close()
    assert max(at[watch] for watch in watches) <= at["quiet"] <= at[back]
    assert at["review"] == max(at.values())
    assert all(at["quiet"] <= at[step] for step in more)


@pytest.mark.parametrize("name", RETURNS)
def test_whoever_decides_reads_what_the_watch_found(name: str) -> None:
    """The decision's text names a field of each watch, since the line under a read ends after a few of them."""
    step = next(one for one in load_runbook(RUNBOOKS / f"{shipped(name).runbook}.yaml").steps if one.id == "quiet")
    looks = {look.keys[0] for _, expr in step.exprs() for look in expr.looks if look.root == "steps"}
    assert set(RETURNS[name][2]) <= looks
