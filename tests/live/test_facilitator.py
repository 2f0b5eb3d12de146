"""A drill with two terminals: a team that plays, and a facilitator who steers it from the other one."""

from __future__ import annotations

import json
import os
import shutil
import signal

from tests.live.rig import CALL, FIND, SUSPEND, Person, Rig

PLAIN = {"NO_COLOR": "1"}
FAY = {**PLAIN, "IRKIT_WHO": "fay"}
SCENARIO = """\
schema: irkit/scenario-v1
scenario: two_terminals
title: A drill of a test
runbook: mine
starts: "2026-03-07T23:40:00Z"
people:
  - {name: Dana Reyes, email: dana@example.org, role: agent}
  - {name: Wei Chen, email: wei@example.org, role: admin}
inputs: {agent_email: dana@example.org}
worlds:
  zendesk: {plan: enterprise, seed: 7, agents: 4, tickets: 5, rows: 20, audit_rows: 20, limits: false, attack: bulk_export}
injects:
  - {id: press, at: 1s, to: communications, say: "A reporter asks.", ask: "What do you answer?",
     expect: "Name the press office."}
  - {id: chief, at: 3h, say: "The chief executive rings."}
score: [{id: suspended, from: start, to: suspend, within: 15m}]
"""


def prepared(rig: Rig) -> None:
    path = rig.runbook(FIND, SUSPEND, CALL)
    (rig.folder / "runbooks" / "scenarios").mkdir(parents=True)
    (rig.folder / "runbooks" / "mine.yaml").write_text(path.read_text())
    (rig.folder / "runbooks" / "scenarios" / "two_terminals.yaml").write_text(SCENARIO)


def test_a_drill_with_two_terminals(rig: Rig) -> None:
    """Fay lets the clock run, holds one inject, releases one, adds one, loses an answer, takes an observation; Maria sees what
    happens to her alone. Her process is killed, and resumed it stands in the same tenant; Fay's goes, and the drill goes on."""
    prepared(rig)
    maria = rig.person("drill", "two_terminals", "--facilitator", "--incident", "D", env=PLAIN)
    maria.sees("the facilitator lets it run: irkit drill control D")
    maria.sees("Send it? y yes")
    fay = rig.person("drill", "control", "D", env=FAY)
    fay.sees("stands still")
    fay.sees("q leave:")
    maria.sees("A facilitator follows this drill")
    fay.sees('asks "Send it?"')
    fay.types("h\n")
    fay.sees("Which inject:")
    fay.types("press\n")
    fay.sees("hold press")
    fay.sees("q leave:")                               # what is typed before the menu stands there again does not count
    fay.types("c\n")
    fay.sees("control continue")
    fay.sees("q leave:")
    maria.sees("The drill's clock runs again")
    fay.types("r\n")
    fay.sees("Which inject:")
    fay.types("chief\n")
    maria.sees("The chief executive rings")
    fay.sees("q leave:")
    fay.types("o\n")
    fay.sees("What is it:")
    fay.types("9\n")
    fay.sees("type a number from 1 to 3, or a name")
    fay.sees("What is it:")
    fay.types("weakness\n")
    fay.sees("Of which objective:")
    fay.types("1\n")
    fay.sees("What you saw:")
    fay.types("Nobody read the gate\n")
    fay.sees('observe weakness of suspended "Nobody read the gate"')
    assert rig("drill", "control", "D", "fault", "zendesk", "PUT /api/v2/users/*", "--lost", "after").code == 0
    fay.sees("fault zendesk PUT /api/v2/users/*")
    found = json.loads(rig("drill", "control", "D", "--json").out)
    assert (found["paused"], found["facilitators"], found["asks"]["text"]) == (False, ["fay"], "Send it?")
    assert {one["id"]: one["state"] for one in found["injects"]} == {"press": "held", "chief": "played"}
    fay.types("l\n")
    fay.sees("HELD, comes at 00:00:01")
    maria.types("y\n")
    maria.sees("UNKNOWN")
    maria.sees("l look again")
    fay.sees("step.unknown")
    os.kill(maria.child.pid, signal.SIGKILL)
    maria.ends()
    fay.sees("Nobody plays. irkit resume D goes on")
    again = rig.person("resume", "D", env=PLAIN)
    again.sees("UNKNOWN")
    again.sees("Done? m done")
    fay.types("q\n")
    assert fay.ends() == 0
    again.sees("The facilitator's terminal is gone; the drill goes on.")
    again.sees("A reporter asks.")                     # what was held comes
    again.sees("Done? m done")
    again.types("s\n")
    again.sees("Reason")
    again.types("no phone\n")
    again.sees("What do you answer?")
    again.types("The press office calls back\n")
    again.sees("Expected Name the press office.")
    again.sees("left:zendesk.rule")
    again.sees("Next     irkit drill report D --output report.html")
    assert again.ends() == 0
    for person in (maria, again):
        for hidden in ("Nobody read the gate", "hold press", "fault zendesk"):
            assert hidden not in person.seen
    assert rig("drill", "control", "D", "observe", "They asked for a second phone", "--tag", "strength").code == 0
    assert rig("drill", "control", "D", "pause").code == 2
    [done] = [entry for entry in rig.entries("D", "step.done") if entry.step == "suspend"]
    assert "sent_at" in done.data                      # the same tenant: a look says that the write had taken
    kept = [entry for entry in rig.entries("D", "artefact.added") if entry.disclosed["artefact.name"] == "score.json"]
    assert len(kept) == 1
    taken = {entry.ref for entry in rig.entries("D", "control") if entry.data["control"] == "taken"}
    steering = [entry.seq for entry in rig.entries("D", "control") if entry.data["control"] in ("hold", "release", "fault")]
    assert set(steering) <= taken


def both(rig: Rig) -> tuple[Person, Person]:
    """Maria at her first gate, and Fay at the desk beside it."""
    prepared(rig)
    maria = rig.person("drill", "two_terminals", "--facilitator", "--incident", "D", env=PLAIN)
    maria.sees("Send it? y yes")
    fay = rig.person("drill", "control", "D", env=FAY)
    maria.sees("A facilitator follows this drill")
    return maria, fay


def test_a_facilitator_whose_terminal_dies(rig: Rig) -> None:
    """Killed, with the clock stopped: the drill says so and its clock runs."""
    maria, fay = both(rig)
    fay.sees("q leave:")
    os.kill(fay.child.pid, signal.SIGKILL)
    fay.ends()
    maria.sees("The facilitator's terminal is gone; the drill goes on.")
    maria.sees("The drill's clock runs again.")
    maria.sees("Send it? y yes")
    maria.types("p\n")
    assert maria.ends() == 3
    assert [entry.data["control"] for entry in rig.entries("D", "control")] == [
        "pause", "taken", "joined", "taken", "asks", "left", "taken"]


def test_a_facilitator_who_thinks_better_of_it_stays(rig: Rig) -> None:
    """Ctrl-C at a question of a verb leaves that verb out, and what is held stays held. At the menu it leaves, and says what
    comes by itself then."""
    maria, fay = both(rig)
    fay.sees('asks "Send it?"')
    fay.types("h\n")
    fay.sees("Which inject:")
    fay.types("chief\n")
    fay.sees("hold chief")
    fay.sees("q leave:")
    fay.types("o\n")
    fay.sees("What is it:")
    fay.types("\x03")
    fay.sees("Left out; nothing of it was recorded.")
    fay.sees("q leave:")
    fay.types("\x03")
    fay.sees("The drill goes on without you: what is held comes in its time (chief) and its clock runs.")
    assert fay.ends() == 130
    maria.sees("The facilitator's terminal is gone; the drill goes on.")
    maria.sees("Send it? y yes")
    maria.types("p\n")
    assert maria.ends() == 3
    assert "observe" not in [entry.data["control"] for entry in rig.entries("D", "control")]


def test_a_facilitator_types_an_inject_and_a_fault(rig: Rig) -> None:
    """For later, too; what is no time, no step or no request is said at that question, and not when all has been typed."""
    maria, fay = both(rig)
    fay.sees('asks "Send it?"')
    for question, answer in (("q leave:", "a"), ("What the team is told:", "The chat is down."), ("To whom (empty: all):", ""),
                             ("What they are asked (empty: nothing):", "How now?"),
                             ("What a good answer holds (empty: nothing):", ""), ("(empty: now):", "soon"),
                             ("nor is it a step: irkit runbook show mine", ""), ("(empty: now):", "call"),
                             ("q leave:", "f"), ("Which system:", "1"), ("sessions:", "everything"),
                             ("'everything' is not a method and a path", ""), ("sessions:", "GET /*"),
                             ("How:", "4"), ("q leave:", "q")):
        fay.sees(question)
        if answer or question.endswith(":"):
            fay.types(f"{answer}\n")
    assert fay.ends() == 0
    maria.sees("The facilitator's terminal is gone; the drill goes on.")
    maria.sees("Send it? y yes")
    maria.types("p\n")
    assert maria.ends() == 3
    said = {entry.data["control"]: entry for entry in rig.entries("D", "control")}
    assert (said["add"].data["after"], said["add"].disclosed["text"]) == ("call", "The chat is down.")
    assert (said["fault"].data["status"], said["fault"].disclosed["fault.request"]) == (503, "GET /*")


def test_the_history_says_how_far_it_is_and_can_be_stopped(rig: Rig) -> None:
    """On a terminal, in one line that is written over; Ctrl-C ends it, with the exit code that says so and nothing else."""
    prepared(rig)
    assert rig("drill", "two_terminals", "--autoplay", "--incident", "D-0").code == 3
    fay = rig.person("drill", "history", env=FAY)
    fay.sees("checking 1 of 1: D-0")
    assert fay.ends() == 0
    assert not [line for line in fay.screen() if "checking" in line]
    for number in range(1, 200):       # enough to be in the midst of it still when Ctrl-C comes
        shutil.copytree(rig.evidence / "D-0", rig.evidence / f"D-{number}")
    again = rig.person("drill", "history", env=FAY)
    again.sees("checking 2 of 200: D-1")
    again.types("\x03")
    assert again.ends() == 130
    assert again.screen()[-1] == "Interrupted."
