"""Drills, dry runs and probes as processes of their own: killed, cut off from the network, watched from a second terminal."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from irkit.drill import scenario as scenarios
from irkit.drill.clock import DrillClock
from irkit.drill.perform import recorded, stage
from irkit.engine.fold import fold
from irkit.engine.session import load_from
from irkit.engine.state import State
from irkit.ledger import Ledger
from tests.live.rig import CALL, CALLED, FIND, NOT_ALLOWED, ROOT, SUSPEND, Rig, prepared

SIGKILL = -9
BOOK = "zendesk_agent_compromise"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def small_scenario(rig: Rig) -> None:
    """The first shipped scenario with a smaller tenant, in a folder that wins over the shipped one."""
    (rig.folder / "runbooks" / "scenarios").mkdir(parents=True, exist_ok=True)
    shipped = (ROOT / "runbooks" / "scenarios" / "weekend_export.yaml").read_text()
    made = scenarios.load_bytes(shipped.encode(), "weekend_export.yaml")
    world = json.dumps({**made.worlds["zendesk"], "agents": 6, "tickets": 30, "rows": 60, "audit_rows": 40})
    lines = [f"  zendesk: {world}" if line.startswith("  zendesk: {") else line for line in shipped.splitlines()]
    assert any("\"agents\": 6" in line for line in lines)
    (rig.folder / "runbooks" / "scenarios" / "weekend_export.yaml").write_text("\n".join(lines) + "\n")


def outcome(incident: Path) -> tuple[str, dict[str, tuple[str, Any]]]:
    """The tenant that a drill left, as a digest, and what came of each step, without the times at which it did."""
    with Ledger.open(incident, write=False) as ledger:
        state = fold(State(), ledger.entries(), load_from(ledger))
        run = state.runs["r1"]
        with ledger.open_artefact(run.scenario) as file:
            scenario = scenarios.load_bytes(file.read(), "the run's own scenario")
        assert state.latest is not None
        past = list(recorded(ledger.entries(), "r1", load_from(ledger)))
    worlds = stage(scenario, DrillClock(state.latest, monotonic=lambda: 0.0), recorded=past).worlds
    return worlds["zendesk"].digest(), {name: (step.state, still(step.result)) for name, step in run.steps.items()}


def still(value: Any) -> Any:
    """A result without what depends on the machine's speed: moments, and the order of a list's texts.

    A drill's clock runs while irkit works; and of two writes of a fan-out that leave together, either comes first in a log.
    """
    if isinstance(value, dict):
        return {k: still(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return sorted((still(v) for v in value), key=repr)
    return MOMENT.sub("some time", value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, helpers: Any) -> tuple[list[tuple[str, str | None]], Any]:
    """A drill from its first step to its last: its entries, as kind and step, and its outcome."""
    rig = Rig(tmp_path_factory.mktemp("undisturbed"), *helpers)
    small_scenario(rig)
    ran = rig("drill", "--autoplay", "--incident", "D")
    assert ran.code == 0, ran.err[-2000:]
    return [(e.kind, e.step) for e in rig.entries("D")], outcome(rig.evidence / "D")


# (kind, step, which of them, whether no decision is taken twice: one takes a minute of the drill's time)
POINTS = [("run.opened", None, 1, True), ("artefact.added", "keep_access_log", 1, True), ("step.asked", "suspend", 1, False),
          ("request.sending", "suspend", 1, True), ("request.answer", "suspend", -1, True), ("step.done", "suspend", 1, True),
          ("request.sending", "end_sessions", 1, False), ("step.done", "end_sessions", 1, True)]


@pytest.mark.parametrize(("kind", "step", "nth", "exact"), POINTS, ids=[" ".join(map(str, point[:3])) for point in POINTS])
def test_a_killed_drill_goes_on_in_its_own_world(rig: Rig, undisturbed: Any, kind: str, step: str | None, nth: int,
                                                 exact: bool) -> None:
    """SIGKILL at an entry, then `resume --autoplay`: the same tenant and the same results as if nothing had happened."""
    entries, (digest, steps) = undisturbed
    places = [number for number, entry in enumerate(entries, 1) if entry == (kind, step)]
    assert places, f"the drill has no {kind} of {step}"
    small_scenario(rig)
    assert rig("drill", "--autoplay", "--incident", "D", dies_after=places[nth if nth < 0 else nth - 1]).code == SIGKILL
    ran = rig("resume", "D", "--autoplay")
    assert ran.code == 0, ran.err[-2000:]
    assert rig.kinds("D")[-2:] == ["run.closed", "session.end"]
    found, after = outcome(rig.evidence / "D")
    assert {name: state for name, (state, _) in after.items()} == {name: state for name, (state, _) in steps.items()}
    assert not exact or after == steps
    assert found == digest


def test_a_drill_killed_again_and_again_ends_all_the_same(rig: Rig, undisturbed: Any) -> None:
    """Killed every forty entries until it is done."""
    small_scenario(rig)
    assert rig("drill", "--autoplay", "--incident", "D", dies_after=40).code == SIGKILL
    for _ in range(20):
        if "run.closed" in rig.kinds("D"):
            break
        assert rig("resume", "D", "--autoplay", dies_after=40).code in (SIGKILL, 0)
    assert rig.kinds("D").count("run.closed") == 1
    assert outcome(rig.evidence / "D")[0] == undisturbed[1][0]


def test_a_drill_plays_where_there_is_no_network(rig: Rig) -> None:
    """In an empty network namespace, by the very command that anybody can type."""
    command = shutil.which("unshare")
    if command is None or subprocess.run([command, "-rn", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("unshare -rn is not allowed on this machine")
    small_scenario(rig)
    irkit = [sys.executable, "-m", "irkit", "drill", "--autoplay", "--evidence", str(rig.evidence)]
    done = subprocess.run([command, "-rn", *irkit], cwd=rig.folder, env=rig.environment(), capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "DRILL Run closed by" in done.stderr


def test_a_dry_run_with_own_inputs_needs_no_network(rig: Rig) -> None:
    """The subject is the one given, not the scenario's; the incident is a drill's, and the mode stands on every line."""
    small_scenario(rig)
    listed = scenarios.load(ROOT / "runbooks" / "scenarios" / "weekend_export.yaml").answers
    (rig.folder / "answers.yaml").write_text(json.dumps(dict(listed)))
    ran = rig("run", BOOK, "--dry-run", "--incident", "Y", "--input", "agent_email=kim@example.net", "--answers",
              rig.folder / "answers.yaml", offline=True)
    if ran.code == NOT_ALLOWED:
        pytest.skip("a network namespace is not allowed on this machine")
    assert [line for line in ran.err.splitlines() if not line.startswith("DRY RUN")] == []
    unfolded = "".join(line.removeprefix("DRY RUN").strip() for line in ran.err.splitlines())     # each row bears the mark
    assert "/api/v2/users/search?query=kim@example.net" in unfolded
    assert "query=dana@example.org" not in unfolded
    found = rig.entries("Y", "run.opened")[0]
    assert found.disclosed["inputs.agent_email"] == "kim@example.net"
    assert found.data["mode"] == "dry-run"
    assert ran.code in (0, 3), ran.err[-2000:]


def test_a_live_run_without_a_network_fails_cleanly_and_goes_on_with_one(rig: Rig) -> None:
    """Nothing was sent, says so, and pauses; with the network back the same run ends."""
    tenant = prepared(rig)
    ran = rig.run(offline=True)
    if ran.code == NOT_ALLOWED:
        pytest.skip("a network namespace is not allowed on this machine")
    assert ran.code == 3, ran.err[-2000:]
    for words in ("FAILED 1. Find the account", "no connection to 127.0.0.1", "Nothing was sent", "irkit resume I"):
        assert words in ran.words
    assert tenant.heard == []
    assert rig.resume().code == 0
    assert len(tenant.writes) == 1


def test_a_name_that_cannot_be_looked_up(rig: Rig) -> None:
    """A subdomain without a network: the host is named, and the incident is a live one."""
    rig.env["RIG_TOKEN"] = "token-0123456789"
    rig.connect(subdomain="acme")
    rig.key()
    rig.runbook(FIND)
    rig.answers()
    ran = rig.run(offline=True)
    if ran.code == NOT_ALLOWED:
        pytest.skip("a network namespace is not allowed on this machine")
    assert ran.code == 3, ran.err[-2000:]
    assert "no connection to acme.zendesk.com" in ran.words
    assert "LIVE I mine v1" in ran.words
    assert rig.entries(kind="genesis")[0].data["mode"] == "live"


def test_a_probe_sends_reads_only(rig: Rig) -> None:
    """Every write of the shipped runbook is shown and recorded as not sent; the tenant hears of none."""
    from tests.live.killing import shipped
    case = shipped(rig.folder)
    tenant = rig.tenant(**case.world)
    rig.runbook(FIND, SUSPEND, CALL)
    rig.answers(call=CALLED)
    ran = rig("run", rig.folder / "mine.yaml", "--probe", "--incident", "P", "--answers", rig.folder / "answers.yaml")
    assert ran.code == 0, ran.err[-2000:]
    assert "Sends PUT http://127.0.0.1" in ran.words
    assert "Probe: shown, not sent" in ran.words
    moment = "2026-03-08T00:00:00Z"                     # of a write that was not sent, typed by hand for the steps that use it
    typed = {"tokens_again": {"fields": {"steps.suspend.at": moment}},
             "reads_again": {"fields": {"steps.end_sessions.at": moment}}}
    (rig.folder / "answers.yaml").write_text(json.dumps({**case.answers, **typed}))
    ran = rig("run", ROOT / "runbooks" / f"{BOOK}.yaml", "--probe", "--incident", "Q", "--answers",
              rig.folder / "answers.yaml", phrases=True)
    assert ran.code == 0, ran.err[-2000:]
    assert tenant.heard
    assert tenant.writes == []
    not_sent = {entry.step for entry in rig.entries("Q", "request.not_sent")}
    assert {"suspend", "end_sessions"} <= not_sent
    assert rig.entries("Q", "request.sending") == []


# -- from a second terminal ------------------------------------------------------------------------------------------

def paused(rig: Rig) -> Rig:
    """A run that waits at its last step."""
    rig.tenant()
    rig.runbook(FIND, SUSPEND, CALL)
    rig.answers(suspend="yes")
    assert rig.run().code == 3
    return rig


def test_correct_lists_what_used_the_old_value(rig: Rig) -> None:
    """Nothing is edited: an entry is added, and later steps see the new value; on stdout the steps to go back to."""
    paused(rig)
    ran = rig("correct", "I", "agent_email=wei@example.org", "--reason", "typo")
    assert ran.code == 0
    assert ran.out == "1. Find the account used the old value\n"
    entry = rig.entries(kind="input.corrected")[0]
    assert (entry.disclosed["inputs.agent_email"], entry.disclosed["reason"]) == ("wei@example.org", "typo")
    rig.answers(call=[{"choice": "g agent"}, CALLED])
    ran = rig.resume()
    assert ran.code in (0, 3), ran.err
    assert "Wei Chen" in ran.words


@pytest.mark.parametrize(("given", "words"), [("agent_email=nobody", "agent_email:"), ("other=x", "has no input 'other'"),
                                              ("agent_email", "agent_email")])
def test_correct_refuses_what_does_not_fit(rig: Rig, given: str, words: str) -> None:
    """Exit 2, and no entry says otherwise."""
    paused(rig)
    ran = rig("correct", "I", given)
    assert ran.code == 2
    assert words in ran.words
    assert rig.entries(kind="input.corrected") == []


def test_status_as_json(rig: Rig) -> None:
    """One JSON value on stdout and nothing else: where each step stands."""
    paused(rig)
    ran = rig("status", "I", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert (found["incident"], found["mode"], found["entries"]) == ("I", "test", len(rig.entries()))
    (run,) = found["runs"]
    assert (run["run"], run["mode"], run["runbook"], run["closed"]) == ("r1", "live", "mine", False)
    assert run["inputs"] == {"agent_email": "dana@example.org"}
    assert [(step["id"], step["state"]) for step in run["steps"]][:2] == [("agent", "done"), ("suspend", "done")]
    assert ran.err == ""


def test_status_names_what_is_unknown_and_the_next_command(rig: Rig) -> None:
    """A run that was killed with a request under way."""
    prepared(rig)
    assert rig.run(dies_at="request.sending").code == SIGKILL
    ran = rig("status", "I")
    assert ran.code == 0
    assert "UNKNOWN 2 Suspend the account" in " ".join(ran.out.split())
    assert "irkit resume I" in ran.out


def test_a_note_and_a_file_from_elsewhere(rig: Rig) -> None:
    """They are entries of their own sessions, and a resumed run goes on after them."""
    paused(rig)
    (rig.folder / "shot.png").write_bytes(b"\x89PNG")
    assert rig("note", "I", "saw", "a Tor exit").code == 0
    assert rig("attach", "I", rig.folder / "shot.png", "--step", "call").code == 0
    rig.answers(call=CALLED)
    assert rig.resume().code == 0
    assert [e.disclosed["text"] for e in rig.entries(kind="note")] == ["saw a Tor exit"]
    assert [e.disclosed["artefact.name"] for e in rig.entries(kind="artefact.added")] == ["mine.yaml", "shot.png"]
