"""`irkit drill` and `irkit run` in front of a person: real processes on a pseudo-terminal, nothing replaced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.rig import Ran
from tests.live.rig import CALL, FIND, HEAD, SUSPEND, Person, Rig, Tenant

END = """\
  - {id: sessions, phase: preserve, title: Keep the sessions, why: They go., action: zendesk.collect_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
  - {id: end, phase: contain, title: End every session, why: They stay., action: zendesk.end_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
"""
SCENARIO = """\
schema: irkit/scenario-v1
scenario: night
title: A night
runbook: mine
starts: "2026-03-07T23:40:00Z"
people: [{name: Dana Reyes, email: dana@example.org, role: agent}, {name: Wei Chen, email: wei@example.org, role: admin}]
inputs: {agent_email: dana@example.org}
worlds: {zendesk: {plan: enterprise, adpp: true, seed: 7, agents: 3, tickets: 5, rows: 20, audit_rows: 20, attack: bulk_export}}
answers: {suspend: yes}
"""
DANA = "agent_email=dana@example.org"


def live(rig: Rig, *steps: str) -> Rig:
    rig.tenant(attack="bulk_export")
    rig.runbook(*steps)
    return rig


def drill(rig: Rig, *steps: str) -> Rig:
    """A scenario of its own, found before the shipped ones."""
    folder = rig.folder / "runbooks" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "night.yaml").write_text(SCENARIO)
    (folder.parent / "mine.yaml").write_text(HEAD + "".join(steps))
    return rig


def runs(rig: Rig, *words: str, **more: object) -> Person:
    return rig.person("run", rig.folder / "mine.yaml", "--incident", "I", *words, **more)  # type: ignore[arg-type]


def suspending(rig: Rig, *more: str) -> tuple[Tenant, Person]:
    """Somebody who walks a runbook that suspends Dana, on a tenant of their own."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, *more)
    return tenant, runs(rig, "--input", DANA)


def quits(person: Person) -> None:
    """Ctrl-C at a prompt pauses, and names the command that goes on."""
    person.types("\x03")
    assert person.ends() == 3
    assert "Paused: " in person.words
    assert "irkit resume" in person.words


# -- the drill -------------------------------------------------------------------------------------------------------

def test_the_first_drill_begins_by_itself(rig: Rig) -> None:
    """`irkit drill`, and nothing else: where, what, why; two looks; who leads; the first step to do. DRILL on every line."""
    person = rig.person("drill")
    person.sees("step 1 of")
    assert person.screen()[1].startswith("DRILL DRILL-")
    person.sees("Nobody holds the role lead (Incident lead). Who does? [maria]:")
    person.types("\n")
    person.sees("Done? m done, s skip, d defer")
    person.types("\n")
    person.sees("Accepted here: m, s, d, n, p, a, h, g N, ?.")
    person.sees("Done? m done")
    for wrong in ("y", "M", "m m", "done", "g 99", "ß"):
        person.types(f"{wrong}\n")
        person.sees("Done? m done")
    quits(person)
    assert [line for line in person.lines if not line.startswith("DRILL")] == []
    assert [line for line in person.lines if len(line) > 80 and "/api/v2/" not in line] == []


def test_a_drill_is_resumed_where_it_was_left(rig: Rig) -> None:
    """Ctrl-C, `irkit resume` without a name: the same question of the same step, and DRILL before each line."""
    drill(rig, FIND, SUSPEND, CALL)
    person = rig.person("drill", "night")
    person.sees("2. Suspend the account")
    person.sees("Send it? y yes, s skip")
    quits(person)
    person = rig.person("resume")
    person.sees("2. Suspend the account")
    person.sees("Send it? y yes, s skip")
    person.types("y\n")
    person.sees("Checked suspended: yes")
    person.sees("Done?")
    for answer, question in (("m", "Who did it"), ("", "When (RFC 3339, or now) [now]:"), ("", "How, and what was seen"),
                             ("Called them", "Evidence"), ("", "Run closed by")):
        person.types(f"{answer}\n")
        person.sees(question)
    assert person.ends() == 0
    assert [line for line in person.screen() if line and not line.startswith("DRILL")] == []
    (incident,) = rig.evidence.iterdir()
    assert rig.kinds(incident.name)[-2:] == ["run.closed", "session.end"]


def test_a_phrase_must_be_exact(rig: Rig) -> None:
    """What cannot be undone takes its phrase, letter by letter, and nothing near it."""
    live(rig, FIND, END)
    person = runs(rig, "--input", DANA)
    person.sees("[CANNOT BE UNDONE]")
    shown = person.sees("to send, or s skip")
    phrase = " ".join(shown.split()).rpartition("Type ")[2].partition(" to send")[0]
    assert phrase.startswith("END ")
    for wrong in ("y", phrase.lower(), phrase[:-1], f"{phrase}.", phrase.replace(" ", "  "), "", "phrase", "END"):
        person.types(f"{wrong}\n")
        person.sees("to send, or s skip")
    assert "request.sending" not in rig.kinds()
    person.types(f"{phrase}\n")
    person.sees("Waiting 60 s")                      # sessions may come back
    person.types("\x03")
    assert person.ends() == 3
    assert "irkit resume I" in person.words
    assert len(rig.entries(kind="request.sending")) == 1


# -- a live run ------------------------------------------------------------------------------------------------------

def test_what_is_typed_ahead_passes_no_gate(rig: Rig) -> None:
    """Keys pressed from the first screen on, as fast as a terminal takes them: the gate stands, and no write has left."""
    tenant, person = suspending(rig)
    person.types("y\ny\n")
    person.sees("step 1 of 2")
    person.types("y\ny\ny")
    person.sees("Send it?")
    person.sees("? more: ")
    person.types("\n")
    person.sees("Accepted here: y, s, d, m, n, p")
    person.sees("? more: ")                            # what is typed before it stands there again does not count
    assert tenant.writes == []
    person.types("s\n")
    person.sees("Reason")
    person.types("owner asleep\n")
    assert person.ends() == 0
    assert tenant.writes == []


def test_an_input_is_asked_for_with_its_default(rig: Rig) -> None:
    """Without --input: the runbook's question; what does not fit is asked again; Enter takes the default."""
    live(rig, FIND)
    person = runs(rig)
    person.sees("Which account? [dana@example.org]:")
    person.types("nobody\n")
    person.sees("Which account? [dana@example.org]:")
    person.types("\n")
    person.sees("Run closed by maria")
    assert person.ends() == 0


def test_a_gate_shows_the_request_and_the_list_and_asks_again(rig: Rig) -> None:
    """r, l and c show what leaves, whom it affects and a curl line without the credential; none of them sends."""
    tenant, person = suspending(rig)
    person.sees("Send it?")
    for letter, shown in (("?", "the full request"), ("r", "PUT"), ("l", "Dana Reyes"), ("c", "curl")):
        person.types(f"{letter}\n")
        person.sees(shown)
        person.sees("Send it?")
    assert tenant.writes == []
    assert tenant.token not in person.seen
    quits(person)


def test_a_window_that_changes_its_size_changes_nothing(rig: Rig) -> None:
    """Half an answer, a resize, the other half: it is still that answer."""
    tenant, person = suspending(rig, CALL)
    person.sees("Send it?")
    person.sees("? more: ")
    person.child.setwinsize(10, 30)
    person.types("x")
    person.child.setwinsize(50, 200)
    person.types("\n")
    person.sees("Accepted here")
    person.sees("Send it?")
    person.child.setwinsize(1, 1)
    person.types("y\n")
    person.sees("Checked")
    person.child.setwinsize(24, 80)
    person.sees("Done?")
    assert len(tenant.writes) == 1
    quits(person)


def test_news_throws_away_what_was_half_typed(rig: Rig) -> None:
    """A note from a second terminal is shown at the open prompt, which begins anew: "y" before and Enter after send nothing."""
    tenant, person = suspending(rig)
    person.sees("Send it?")
    person.sees("? more: ")
    person.types("y")
    rig.env["IRKIT_WHO"] = "sam"
    assert rig("note", "I", "stop, that is the wrong Dana").code == 0
    person.sees("Note from sam: stop, that is the wrong Dana")
    person.sees("Send it?")
    person.sees("? more: ")
    person.types("\n")
    person.sees("Accepted here")
    assert tenant.writes == []
    quits(person)


def test_a_value_of_the_wrong_kind_is_asked_again(rig: Rig) -> None:
    """A time that no step gave is asked for as a time; one that cannot be read does not end the session."""
    live(rig, CALL, "  - {id: log, phase: preserve, title: Keep the log, why: It goes., action: zendesk.collect_audit_log,\n"
                    '     with: {since: "{{ steps.call.at }}"}}\n')
    person = runs(rig, "--input", DANA)
    person.sees("Done?")
    person.types("s\n")
    person.sees("Reason")
    person.types("asleep\n")
    person.sees("steps.call.at is not known")
    person.types("yesterday\n")
    person.sees("2026-")
    person.sees("steps.call.at is not known")
    person.types("2026-03-07T00:00:00Z\n")
    person.sees("Run closed by")
    assert person.ends() == 0


def test_ctrl_c_while_an_answer_is_awaited_lets_it_come(rig: Rig) -> None:
    """During a send Ctrl-C waits for the answer, then pauses; the write is recorded with what came of it."""
    tenant = rig.tenant({"request": "PUT /api/v2/users/*", "transport": "slow", "seconds": 0.5}, attack="bulk_export")
    rig.runbook(FIND, SUSPEND, CALL)
    person = runs(rig, "--input", DANA)
    person.sees("Send it?")
    person.sees("? more: ")
    person.types("y\n")
    person.sees("Sent")
    person.types("\x03")
    person.sees("Stopping after the calls in flight")
    assert person.child.expect(["Paused", r"Done\?"]) == 0
    person.seen += str(person.child.before + person.child.after)
    assert person.ends() == 3
    assert len(tenant.writes) == 1
    assert {"request.sending", "request.answer"} <= set(rig.kinds())
    assert "irkit resume I" in person.words


def test_a_second_ctrl_c_lets_go_and_the_outcome_is_unknown(rig: Rig) -> None:
    """The request may have worked, and the ledger says so: exit 3 or 130, the run open, the step unknown."""
    rig.tenant({"request": "PUT /api/v2/users/*", "transport": "slow", "seconds": 20}, attack="bulk_export")
    rig.runbook(FIND, SUSPEND)
    person = runs(rig, "--input", DANA)
    person.sees("Send it?")
    person.sees("? more: ")
    person.types("y\n")
    person.sees("Sent")
    person.types("\x03")
    person.sees("Stopping after the calls in flight")
    person.types("\x03")
    person.child.expect(["UNKNOWN", "Interrupted", "Paused"])
    person.child.close(force=True)
    rig.answers()
    assert "UNKNOWN 2 Suspend the account" in " ".join(rig("status", "I").out.split())


# -- colour and plainness --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("words", "env"), [([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), (["--plain"], {})],
                         ids=["NO_COLOR", "TERM=dumb", "--plain"])
def test_without_colour(rig: Rig, words: list[str], env: dict[str, str]) -> None:
    """No colour with NO_COLOR; not one escape sequence or carriage return of ours on a dumb terminal and with --plain."""
    live(rig, FIND, SUSPEND)
    person = runs(rig, "--input", DANA, *words, env=env)
    person.sees("Send it?")
    person.types("?\n")
    person.sees("Send it?")
    quits(person)
    text = person.seen.replace("\r\n", "\n")
    if "NO_COLOR" in env:
        text = text.replace("\r", "").replace("\x1b[K", "")
    assert "\x1b" not in text
    assert "\r" not in text


def test_with_colour(rig: Rig) -> None:
    """On an ordinary terminal the words that matter are coloured too."""
    live(rig, FIND, SUSPEND)
    person = runs(rig, "--input", DANA)
    person.sees("Send it?")
    assert "\x1b[" in person.seen
    quits(person)


# -- no terminal -----------------------------------------------------------------------------------------------------

def alone(rig: Rig, words: list[str], stdin: str) -> Ran:
    """irkit with no terminal at all; on stdin nothing, or somebody's eager "y"s through a pipe."""
    done = subprocess.run([sys.executable, "-m", "irkit", "--evidence", str(rig.evidence), *words], cwd=rig.folder,
                          env=rig.environment(), text=True, capture_output=True, check=False, start_new_session=True,
                          **({"input": stdin} if stdin else {"stdin": subprocess.DEVNULL}))
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(("words", "flag"), [
    (["drill"], "--autoplay"),
    (["run", "mine.yaml", "--input", DANA], "--answers FILE"),
    (["run", "mine.yaml", "--dry-run"], "--answers FILE"),
], ids=["drill", "run", "dry run"])
@pytest.mark.parametrize("stdin", ["", "y\n" * 50], ids=["/dev/null", "a pipe"])
def test_without_a_terminal_nothing_is_asked(rig: Rig, words: list[str], flag: str, stdin: str) -> None:
    """Exit 2 before anything happens, naming the flag: no incident, no request."""
    drill(rig, FIND, SUSPEND)
    tenant = rig.tenant()
    rig.runbook(FIND, SUSPEND)
    ran = alone(rig, words, stdin)
    assert ran.code == 2, ran.err
    assert flag in ran.words
    assert ran.out == ""
    assert not rig.evidence.exists()
    assert tenant.heard == []


def test_resume_without_a_terminal(rig: Rig) -> None:
    """The same for `resume`; nothing is appended."""
    live(rig, FIND, SUSPEND)
    rig.answers()
    assert rig.run().code == 3
    before = rig.kinds()
    ran = alone(rig, ["resume", "I"], "y\n")
    assert ran.code == 2
    assert "--answers FILE" in ran.words
    assert rig.kinds() == before


def test_stdout_may_be_a_pipe(rig: Rig, tmp_path: Path) -> None:
    """Talk goes to stderr: a run with stdout in a file asks all the same."""
    live(rig, FIND, SUSPEND)
    script = f'exec {sys.executable} -m irkit --evidence {rig.evidence} run mine.yaml --incident I --input {DANA} > out.txt'
    (tmp_path / "go.sh").write_text(script)
    person = rig.shell("/bin/sh", str(tmp_path / "go.sh"))
    person.sees("Send it?")
    quits(person)
    assert (tmp_path / "out.txt").read_text() == ""
