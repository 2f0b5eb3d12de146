"""irkit runbook test: scenarios played in process, and what a rehearsal finds wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from irkit.cli.options import Settings
from irkit.cli.rehearse import Played, play
from irkit.drill.scenario import load_bytes
from irkit.ledger import Ledger
from irkit.ledger.verify import verify
from irkit.runbook import load_bytes as load_runbook

BOOK = b"""\
schema: irkit/v1
runbook: small
title: A small one
version: 1
inputs:
  agent_email: {type: email, ask: "Which account?"}
roles: {legal: Counsel}
steps:
  - {id: agent, phase: prepare, title: Find, why: w, action: zendesk.find_user, with: {email: "{{ inputs.agent_email }}"}}
  - {id: sessions, phase: preserve, title: Keep, why: w, action: zendesk.collect_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
  - {id: end_sessions, phase: contain, title: End, why: w, action: zendesk.end_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
  - {id: tell, phase: notify, owner: legal, title: Tell legal, do: Ring them., evidence: required}
"""
SCENARIO = """\
schema: irkit/scenario-v1
scenario: night
title: A night
runbook: small
starts: "2026-03-07T23:40:00Z"
people: [{name: Dana Reyes, email: dana@example.org, role: agent}, {name: Wei Chen, email: wei@example.org, role: admin}]
inputs: {agent_email: dana@example.org}
worlds: {zendesk: {plan: enterprise, adpp: true, seed: 7, agents: 6, tickets: 20, attack: bulk_export}}
injects:
  - {id: press, at: 1m, to: lead, say: A reporter rings., ask: What now?, expect: Nothing.}
faults: []
score:
  - {id: kept_first, before: [sessions, end_sessions]}
  - {id: contained, from: start, to: end_sessions, within: 15m}
answers:
  end_sessions: {type: phrase}
  tell: {by_hand: Rang them, attach: "text:23:50Z", who: Ana}
  press: We call back.
by_hand: {tell: [zendesk.token, zendesk.rule, zendesk.client, zendesk.address]}
"""


def played(folder: Path, hold: ExitStack | None = None, text: str = SCENARIO, answers: dict[str, Any] | None = None) -> Played:
    book = load_runbook(BOOK, "small.yaml")
    scenario = load_bytes(text.encode(), "night.yaml")
    return play(replace(scenario, answers=scenario.answers if answers is None else answers), book, folder / "night", Settings(),
                hold=hold)


def test_a_scenario_whose_answers_are_right_has_nothing_wrong(tmp_path: Path) -> None:
    """Every step ends, the inject is answered, the score is reached, and the ledger it leaves verifies."""
    found = played(tmp_path)
    assert found.wrong == []
    assert [score.verdict.value for score in found.result.asked] == ["ok", "ok"]
    assert {step.state for step in found.run.steps.values()} == {"done", "by_hand"}
    assert verify(tmp_path / "night").exit_code == 0
    with Ledger.open(tmp_path / "night", write=False) as ledger:
        assert ledger.mode == "drill"
        (session,) = (entry for entry in ledger.entries() if entry.kind == "session.start")
        assert session.data["scripted"] is True


@pytest.mark.parametrize(("old", "new", "wrong"), [
    ("  press: We call back.\n", "", ["it stopped: the scenario does not list this question of press (inject): What now?",
                                      "the inject press was not answered"]),
    ("at: 1m,", "at: 90m,", ["the inject press never came"]),
    ("within: 15m", "within: 30s", ["score contained: late, 00:02:00, allowed 00:00:30"]),
    ("faults: []", 'faults: [{connector: zendesk, request: "DELETE /api/v2/users/*/sessions", answer: {status: 422}}]',
     ["it stopped: the scenario does not list this question of end_sessions", "step 3 (end_sessions) is left failed",
      "score contained: not reached, end_sessions was failed"]),
    ("  end_sessions: {type: phrase}", '  end_sessions: {skip: "Too late at night"}',
     ["score contained: not reached, end_sessions was skipped", "score left:zendesk.session: missed, still alive: "]),
    (", zendesk.client,", ",", ["score left:zendesk.client: missed, still alive: inbox_sync"]),
])
def test_what_a_rehearsal_finds(tmp_path: Path, old: str, new: str, wrong: list[str]) -> None:
    """An answer that is missing, an inject too late to come, a score not reached, a step left failed, an attack left alive."""
    assert old in SCENARIO
    found = played(tmp_path, text=SCENARIO.replace(old, new)).wrong
    for words in wrong:
        assert any(line.startswith(words) for line in found), found


def test_other_answers_are_played_in_place_of_the_scenarios_own(tmp_path: Path) -> None:
    """What was missed is then in the score; the worlds stay open to whoever asks what is still alive in them."""
    own = load_bytes(SCENARIO.encode(), "night.yaml").answers
    with ExitStack() as hold:
        found = played(tmp_path, hold, answers={**own, "end_sessions": {"skip": "It is late"}})
        assert [score.verdict.value for score in found.result.asked] == ["ok", "not reached"]
        assert found.session.ctx.perform.connector("zendesk").name == "zendesk"
        assert found.session.ctx.ledger.last() > 0


def test_a_rehearsal_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """No second passes that is not the scenario's: two rehearsals agree on every time."""
    first, second = played(tmp_path / "a"), played(tmp_path / "b")
    assert {s.id: s.at for s in first.run.steps.values()} == {s.id: s.at for s in second.run.steps.values()}
    assert first.result == second.result


# -- the command, in a process of its own: it seals the one it runs in ----------------------------------------------

def command(folder: Path, *args: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """`irkit runbook test ARGS` where ./runbooks holds the small runbook and one scenario for each of `changes`."""
    scenarios = folder / "runbooks" / "scenarios"
    scenarios.mkdir(parents=True)
    (folder / "runbooks" / "small.yaml").write_bytes(BOOK)
    for name, text in changes.items():
        (scenarios / f"{name}.yaml").write_text(text.replace("scenario: night", f"scenario: {name}"))
    return subprocess.run([sys.executable, "-m", "irkit", "runbook", "test", *args], cwd=folder, capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)


def test_the_command_plays_all_scenarios_of_a_runbook(tmp_path: Path) -> None:
    """One right, one late, one that names a step that is not there: each in turn, exit 1, ledgers kept where asked."""
    ran = command(tmp_path, "small", "--keep", "kept", day=SCENARIO.replace("within: 15m", "within: 30s"), night=SCENARIO,
                  week=SCENARIO.replace("  tell:", "  tel:"))
    assert ran.returncode == 1, ran.stderr
    assert "WRONG    day (small): 4 steps, 1 inject, score 1 of 2" in ran.stdout
    assert "score contained: late" in ran.stdout
    assert "ok       night (small): 4 steps, 1 inject, score 2 of 2" in ran.stdout
    assert "there is no step or inject 'tel'" in ran.stdout
    assert ran.stdout.rstrip().endswith("exit 1")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["day", "night"]
    assert not (tmp_path / "evidence").exists()


def test_the_command_tells_everything_as_json(tmp_path: Path) -> None:
    """One row for each scenario; exit 0; a file is taken, too."""
    ran = command(tmp_path, "runbooks/scenarios/night.yaml", "--json", night=SCENARIO)
    assert ran.returncode == 0, ran.stderr
    (row,) = json.loads(ran.stdout)
    assert (row["runbook"], row["scenario"], row["ok"], row["wrong"]) == ("small", "night", True, [])
    assert (row["steps"]["end_sessions"], row["injects"]) == ("done", ["press"])
    assert [line["verdict"] for line in row["score"]] == ["ok", "ok"]


def test_a_runbook_that_no_scenario_plays_cannot_pass(tmp_path: Path) -> None:
    """Nothing was shown, so nothing is right: exit 2, with what to do."""
    ran = command(tmp_path, "small")
    assert ran.returncode == 2
    assert "no scenario plays small" in ran.stderr


WRONG = """\
wrong:
  sessions_live_on: {why: It is late., answers: {end_sessions: {skip: It is late}}, misses: [contained]}
"""


def test_the_command_plays_the_wrong_teams(tmp_path: Path) -> None:
    """One that the score finds out is counted; one whose mistake no line shows makes the scenario wrong, as one that stops."""
    blind = WRONG.replace("[contained]", "[kept_first]")
    stuck = WRONG.replace("{skip: It is late}", "{choice: later}")
    ran = command(tmp_path, "small", "--json", "--keep", "kept", day=SCENARIO + WRONG, noon=SCENARIO + blind,
                  night=SCENARIO + stuck)
    assert ran.returncode == 1, ran.stderr
    rows = {row["scenario"]: row for row in json.loads(ran.stdout)}
    assert {row["scenario"]: row["teams"] for row in rows.values()} == {
        name: ["sessions_live_on"] for name in ("day", "night", "noon")}
    assert rows["day"]["wrong"] == []
    assert rows["noon"]["wrong"] == ["the wrong team sessions_live_on: its result does not show kept_first"]
    assert rows["night"]["wrong"][0].startswith("the wrong team sessions_live_on: it stopped")
    assert (tmp_path / "kept" / "day-sessions_live_on").is_dir()
