"""Giving access back: decided with what the watch found, and not at all where it is not quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from irkit.drill.scenario import Scenario
from irkit.runbook import Runbook
from tests.drill.test_shipped import SHIPPED, Played, runbook, shipped

CONTAINED = {"by_hand": "Shut what was open, quiet for half an hour.", "who": "Wei", "attach": "text:What was shut, and when"}


@dataclass(frozen=True)
class Return:
    """How a drill gives access back.

    `back` are the steps that do, `watches` the looks that the `decision` rests on. `no` are the answers of a team for whom it
    is not quiet, beginning with the decision's own; `again` the step that then contains again. Where `stays_shut`, nothing of
    `back` is walked then; else it is, after `again`: nobody had taken over what comes back there.
    """

    back: tuple[str, ...]
    watches: tuple[str, ...]
    decision: str = "quiet"
    no: dict[str, Any] = field(default_factory=lambda: {"quiet": {"choice": "shut", "reason": "An address that nobody knows."}})
    again: str = ""
    stays_shut: bool = True


def contained_again(decision: str, again: str, **more: Any) -> dict[str, Any]:
    return {decision: {"choice": "no", "reason": "A row that nobody knows."}, again: CONTAINED, **more}


ALERTING = Return(("give_back", "chat_again"), ("pd_again", "slack_again", "og_again", "og_integrations_again"))
ADMIN = Return(("give_back", "unsuspend"), ("security_again", "tokens_again", "admins_again", "changes_again"), "still_two",
               contained_again("still_two", "still_in"), "still_in")
TOKEN = Return(("reconnect",), ("tokens_again", "oauth_again", "security_again", "replies_again"), "quiet",
               contained_again("quiet", "access_off"), "access_off", stays_shut=False)
BULK = Return(("unsuspend",), ("reads_again",), "over", contained_again(
    "over", "shut_again", back={"choice": "no", "reason": "Not before it is quiet."}), "shut_again")
VENDOR = Return(("let_back",), ("team_again", "tokens_again", "reads_again"), "all_out", contained_again(
    "all_out", "out_again", come_back={"choice": "no", "reason": "Not yet."}, end_contract=CONTAINED), "out_again")
RETURNS = {
    "resets_before_dawn": Return(("unsuspend", "verify_person", "enrol_again", "watch_again"), ("watch",)),
    "consent_friday_evening": Return(("unsuspend", "enrol", "first_hours", "first_hours_apps"),
                                     ("watch_sign_ins", "watch_tokens")),
    "stolen_session_monday": Return(("enable", "dismiss_risk", "first_hour", "first_hour_tokens"),
                                    ("watch", "token_sign_ins_again", "audits_again", "unified_again")),
    "blind_copy_friday": Return(("give_back", "restore"), ("rules_again", "mail_again", "written_again", "agents_again")),
    "silent_pager_night": ALERTING, "muted_policy_sunday": ALERTING,
    "quiet_administrator": ADMIN, "long_shift": ADMIN,
    "retired_chat_app": Return(("reconnect",), ("tokens_again", "reads_again"), "stopped",
                               contained_again("stopped", "stop_again"), "stop_again", stays_shut=False),
    "refund_lure": TOKEN, "keys_in_a_breach": TOKEN,
    "sessions_in_files": BULK, "last_week_of_notice": BULK,
    "eight_at_once": VENDOR, "nights_of_a_supplier": VENDOR,
}
SHUT = [name for name, one in RETURNS.items() if one.stays_shut]
WENT_BACK = [name for name in RETURNS if name not in ("last_week_of_notice", "nights_of_a_supplier")]   # these two keep it shut


def book(name: str) -> Runbook:
    return runbook(shipped(name).runbook)


def play(name: str, folder: Path, answers: dict[str, Any]) -> Played:
    """The scenario with other answers to some of its prompts."""
    scenario: Scenario = shipped(name)
    return Played(name, folder, replace(scenario, answers={**scenario.answers, **answers}))


def entries(game: Played) -> dict[str, int]:
    """The number of the ledger's entry that settled each step; what was not needed was settled, too."""
    return {step.id: step.entry for step in game.session.run.steps.values()}


def test_every_drill_of_a_runbook_that_is_held_to_it_is_here() -> None:
    """A second drill of the same runbook is held to the same order as the first."""
    books = {shipped(name).runbook for name in RETURNS}
    assert {name for name in SHIPPED if shipped(name).runbook in books} == set(RETURNS)


@pytest.mark.parametrize("name", SHUT)
def test_what_is_not_quiet_stays_shut(name: str, tmp_path: Path) -> None:
    """Nothing gives it back, nothing that belongs to its return is asked for, and the run comes to its review and its end."""
    one = RETURNS[name]
    game = play(name, tmp_path, one.no)
    states = {step.id: step.state for step in game.session.run.steps.values()}
    sent = {entry.step for entry in game.ledger.entries() if entry.kind == "request.sending"}
    game.close()
    assert {step: states[step] for step in one.back} == dict.fromkeys(one.back, "not_needed")
    assert sent.isdisjoint(one.back)
    assert game.session.run.closed
    assert states["review"] == "by_hand"


@pytest.mark.parametrize("name", [name for name, one in RETURNS.items() if one.again])
def test_what_is_not_quiet_is_contained_again_before_anything_comes_back(name: str, tmp_path: Path) -> None:
    """The decision, what it found contained, and only then what hangs on it; the review after all of them."""
    one = RETURNS[name]
    game = play(name, tmp_path, one.no)
    at = entries(game)
    game.close()
    assert game.session.run.step(one.again).state == "by_hand"
    assert at[one.decision] < at[one.again] < min(at[step] for step in one.back)
    assert at["review"] == max(at.values())


def test_a_better_look_gives_an_administrator_back(tmp_path: Path) -> None:
    """Contained again and looked at again, the decision is made anew, as the step says; the account waited for it."""
    game = play("quiet_administrator", tmp_path, {
        "still_two": [{"choice": "no", "reason": "A client that nobody knows."}, {"choice": "yes", "reason": "It is gone."}],
        "still_in": [{"choice": "g changes_again"}, {"choice": "g still_two"}]})
    states, at = {step.id: step.state for step in game.session.run.steps.values()}, entries(game)
    game.close()
    assert (states["still_in"], states["give_back"], states["unsuspend"]) == ("not_needed", "by_hand", "done")
    assert at["changes_again"] < at["still_two"] < at["give_back"]


@pytest.mark.parametrize("name", RETURNS)
def test_access_comes_back_after_what_was_watched(name: str, played: dict[str, Played]) -> None:
    """The watches, then the decision, then what gives it back; the review has nothing to wait for any more."""
    one, at = RETURNS[name], entries(played[name])
    run = played[name].session.run
    looked = [watch for watch in one.watches if run.step(watch).state != "not_needed"]
    assert looked
    assert max(at[watch] for watch in looked) < at[one.decision] < min(at[step] for step in one.back)
    assert at["review"] == max(at.values())


@pytest.mark.parametrize("name", WENT_BACK)
def test_the_good_team_does_give_it_back(name: str, played: dict[str, Played]) -> None:
    """The order above is not kept by leaving the steps out."""
    states = {played[name].session.run.step(step).state for step in RETURNS[name].back}
    assert states <= {"done", "by_hand"}


@pytest.mark.parametrize("name", RETURNS)
def test_whoever_decides_reads_what_the_watch_found(name: str) -> None:
    """The decision's text names a field of each watch, since the line under a read ends after a few of them."""
    step = next(one for one in book(name).steps if one.id == RETURNS[name].decision)
    looks = {look.keys[0] for _, expr in step.exprs() for look in expr.looks if look.root == "steps"}
    assert set(RETURNS[name].watches) <= looks


@pytest.mark.parametrize("name", RETURNS)
def test_some_team_does_not_look(name: str) -> None:
    """Each drill finds out a team that leaves the decision out, by a line of its result."""
    decision = RETURNS[name].decision
    assert [team for team, wrong in shipped(name).wrong.items() if "skip" in str(wrong.answers.get(decision))]
