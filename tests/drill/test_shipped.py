"""The shipped scenarios, played to their end by their own answers through the real engine, connector and world."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from irkit.cli import rehearse
from irkit.cli.options import Settings
from irkit.drill.autoplay import DECISION, Paced
from irkit.drill.clock import DrillClock
from irkit.drill.perform import WorldPerform, recorded, stage
from irkit.drill.result import unseen
from irkit.drill.scenario import Scenario, find, first, load
from irkit.drill.score import Verdict
from irkit.drill.standard import PHASES
from irkit.engine.gate import Question, Said
from irkit.engine.session import load_from
from irkit.runbook import Runbook
from irkit.runbook import load as load_runbook
from irkit.runbook.source import compose
from irkit.worlds.zendesk import Zendesk

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
SHIPPED = tuple(sorted(path.stem for path in (RUNBOOKS / "scenarios").glob("*.yaml")))


@functools.cache
def runbook(name: str) -> Runbook:
    return load_runbook(RUNBOOKS / f"{name}.yaml")


@functools.cache
def shipped(name: str) -> Scenario:
    return load(find(name, [RUNBOOKS]), runbook)


class Played:
    """One scenario, played as `irkit runbook test` plays it. `perform` holds the world as the drill left it. `close` it."""

    def __init__(self, name: str, folder: Path, scenario: Scenario | None = None, wrong: str = "") -> None:
        self.scenario, hold = scenario or shipped(name), ExitStack()
        game = rehearse.play(self.scenario, runbook(self.scenario.runbook), folder / name, Settings(), team=wrong, hold=hold)
        self.said, self.session, self.result, self.close = game.said, game.session, game.result, hold.close
        self.ledger, self.perform = game.session.ctx.ledger, cast("WorldPerform", game.session.ctx.perform)
        self.clock = cast("DrillClock", game.session.ctx.clock)


def test_the_newcomers_scenario_comes_first() -> None:
    """`irkit drill` alone plays the weekend; the runbook's name does, too."""
    assert first([RUNBOOKS]).stem == "weekend_export"
    assert find("zendesk_agent_compromise", [RUNBOOKS]).stem == "weekend_export"


def test_nothing_but_scenarios_lies_there() -> None:
    """Whatever is in the folder is played here; a file of another kind would be shipped and never read."""
    assert {path.suffix for path in (RUNBOOKS / "scenarios").iterdir()} == {".yaml"}


@pytest.mark.parametrize("name", SHIPPED)
def test_has_what_a_facilitator_needs(name: str) -> None:
    """At least three injects, each with its addressee, its question and what a good answer holds; and a score."""
    scenario = shipped(name)
    assert len(scenario.injects) >= 3
    assert [i.id for i in scenario.injects if not (i.to and i.ask and i.expect)] == []
    assert scenario.score


@pytest.mark.parametrize("name", SHIPPED)
def test_plays_to_its_end_by_itself(name: str, played: dict[str, Played]) -> None:
    """Its answers cover every prompt: no step is left open, failed or skipped."""
    states = {step.id: step.state for step in played[name].session.run.steps.values()}
    assert {step for step, state in states.items() if state not in ("done", "by_hand", "unavailable", "not_needed")} == set()
    assert len(states) == len(runbook(played[name].scenario.runbook).steps)


@pytest.mark.parametrize("name", SHIPPED)
def test_plays_every_inject(name: str, played: dict[str, Played]) -> None:
    """Each inject comes while the run is open, and is answered."""
    run = played[name].session.run
    assert run.injects == run.answered == {inject.id for inject in played[name].scenario.injects}


@pytest.mark.parametrize("name", SHIPPED)
def test_its_own_answers_reach_its_score(name: str, played: dict[str, Played]) -> None:
    """The script is a good team: every score line is reached as asked."""
    assert [line.line() for line in played[name].result.asked if line.verdict is not Verdict.OK] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_its_own_answers_leave_nothing_of_the_attack(name: str, played: dict[str, Played]) -> None:
    """Asked at the end, no world names a session, a token or a rule that still lives; nothing else is missed either."""
    assert [line.line() for line in played[name].result.missed] == []
    states = played[name].session.run.steps
    phases = {step.phase for step in runbook(shipped(name).runbook).steps if states[step.id].state != "not_needed"}
    assert [line.id for line in played[name].result.standard] == [f"time:{phase}" for phase in PHASES if phase in phases]


def wrong_teams(name: str) -> list[str]:
    """As the file has them: to read each scenario whole, with its runbook, takes each process of the suite half a second."""
    root = compose((RUNBOOKS / "scenarios" / f"{name}.yaml").read_bytes(), name)
    return [key.value for key, _ in (root.get("wrong") or root).pairs]


WRONG = [(name, wrong) for name in SHIPPED for wrong in wrong_teams(name)]


@pytest.mark.parametrize("name", SHIPPED)
def test_has_a_wrong_team(name: str) -> None:
    """At least one: a score that nobody can fail says nothing. Each is played below."""
    assert [wrong for of, wrong in WRONG if of == name] == [*shipped(name).wrong] != []


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_wrong_team_is_found_out(name: str, wrong: str, tmp_path: Path) -> None:
    """It plays to the end, and the result shows each thing that it missed."""
    game = Played(name, tmp_path, wrong=wrong)
    game.close()
    assert game.session.run.closed
    assert unseen(game.result, shipped(name).wrong[wrong]) == [], [line.line() for line in game.result.missed]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_killed_drill_has_its_world_again(name: str, played: dict[str, Played]) -> None:
    """From the ledger alone, a fresh world is brought to where the drill left it, lost answers and all."""
    game = played[name]
    past = recorded(game.ledger.entries(), "r1", load_from(game.ledger))
    clock = DrillClock(game.clock.now(), monotonic=lambda: 0.0)
    again = stage(game.scenario, clock, recorded=past).worlds
    assert {one: world.digest() for one, world in again.items()} == {
        one: world.digest() for one, world in game.perform.worlds.items()}


def test_an_answer_gets_lost_at_night(played: dict[str, Played]) -> None:
    """The takeover's faults bite: the sessions end in an unknown that a look settles, the audit log throttles twice."""
    kinds = [(entry.kind, entry.step, entry.data.get("status")) for entry in played["admin_takeover_night"].ledger.entries()]
    assert kinds.count(("step.unknown", "end_sessions", None)) == 1
    assert kinds.count(("request.answer", "keep_audit_log", 429)) == 2
    assert played["admin_takeover_night"].session.run.step("end_sessions").state == "done"


GAPS = {"blind_copy_friday": {"audit_log_there"}, "resets_before_dawn": {"keep_enrolments", "keep_devices"},
        "leaked_api_token": {"keep_access_log", "keep_audit_log", "keep_reads", "reads_again", "changes_again"},
        "keys_in_a_breach": {"keep_raised", "keep_reads", "keep_all_reads", "keep_audit_log"}}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_small_plan_leaves_gaps(name: str, played: dict[str, Played]) -> None:
    """Without add-on and Enterprise, the logs are gaps, on a Classic engine two lists; with them there are none."""
    gaps = {step.id for step in played[name].session.run.steps.values() if step.state == "unavailable"}
    assert gaps == GAPS.get(name, set())


def test_every_gap_is_of_a_scenario_that_is_shipped() -> None:
    """None stands for one that has another name now."""
    assert set(GAPS) <= set(SHIPPED)


def test_the_takeover_is_contained_at_entra_too(played: dict[str, Played]) -> None:
    """Ines is in both tenants; her hybrid account is disabled at Entra, in Active Directory by hand, and revoked."""
    game = played["admin_takeover_night"]
    states = {name: game.session.run.step(name).state for name in ("entra_disable", "entra_directory", "entra_revoke")}
    assert set(game.scenario.worlds) == {"zendesk", "entra"}
    assert game.session.run.step("entra_person").result["email"] == game.session.run.step("agent").result["email"]
    assert states == {"entra_disable": "done", "entra_directory": "by_hand", "entra_revoke": "done"}


def test_the_planted_administrator_of_the_takeover_is_shut_altogether(played: dict[str, Played]) -> None:
    """Made by the intruder, it is suspended, signed out and an end user before its tokens are revoked; none is left."""
    game = played["admin_takeover_night"]
    world = game.perform.worlds["zendesk"]
    assert isinstance(world, Zendesk)
    made, = game.session.run.step("keep_admins").result["suspect_ids"]
    user = world.tenant.users[made]
    assert (user["name"], user["role"], user["suspended"]) == ("Support Sync", "end-user", True)
    held = [*world.tenant.sessions.values(), *world.tenant.tokens.values()]
    assert [thing for thing in held if thing["user_id"] == user["id"]] == []
    assert made in game.session.run.step("keep_tokens").args["user_ids"]


# -- the pace of a script ----------------------------------------------------------------------------------------

class Silent:
    """A gate that answers everything with "y"."""

    def say(self, said: Said) -> None:
        raise AssertionError("nothing is said here")

    def ask(self, question: Question, poll: object) -> str:
        return "y"


def test_a_decision_takes_a_scripted_team_a_minute() -> None:
    """A letter or a phrase takes drill time, so that timed injects come; what is filled in takes none."""
    scenario = shipped("weekend_export")
    clock = DrillClock(scenario.starts, monotonic=lambda: 0.0)
    paced = Paced(Silent(), clock)
    paced.ask(Question("gate", "Send it?", letters={"y": "yes"}), list)
    paced.ask(Question("gate", "Type it", phrase="END 2 SESSIONS"), list)
    assert clock.now() == scenario.starts + 2 * DECISION
    assert paced.ask(Question("who", "Who did it"), list) == "y"
    assert clock.now() == scenario.starts + 2 * DECISION
