"""`irkit undo`: the list, and a step taken back, over real sockets."""

from __future__ import annotations

import signal

from tests.live.rig import CALL, CALLED, FIND, HEAD, SUSPEND, Rig, Tenant, ended

DOWNGRADE = """\
  - {id: downgrade, phase: contain, title: Take the role away, why: It blocks., action: zendesk.downgrade_user,
     with: {user_id: "{{ steps.agent.id }}"}}
"""
END = """\
  - {id: sessions, phase: preserve, title: Keep the sessions, why: They go., action: zendesk.collect_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
  - {id: end, phase: contain, title: End every session, why: They stay., action: zendesk.end_sessions,
     with: {user_id: "{{ steps.agent.id }}"}, unpreserved: They are kept.}
"""


def listed(out: str) -> str:
    """Lines without the mark of a test incident, on one line."""
    return " ".join(" ".join(line.removeprefix("TEST") for line in out.splitlines()).split())


def suspended(rig: Rig, *more: str, **answers: object) -> Tenant:
    """A run that suspended Dana, and what else."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, *more)
    rig.answers(suspend="yes", **answers)
    ended(rig.run(phrases=True), 0)
    return tenant


def test_the_list_says_what_can_be_undone_and_what_is_lost(rig: Rig) -> None:
    """In words and as JSON; nothing is asked, nothing is recorded."""
    suspended(rig, END, CALL, end={"type": "phrase"}, call=CALLED)
    before = len(rig.entries())
    ran = rig("undo", "I")
    assert ran.code == 0, ran.err
    assert "Undo 2 Suspend the account (suspend) Restores" in listed(ran.out)
    assert "suspended: no" in listed(ran.out)
    assert "Next irkit undo I suspend" in listed(ran.out)
    found = rig("undo", "I", "--json").json
    assert [row["step"] for row in found["undoable"]] == ["suspend"]
    assert found["undoable"][0]["restores"][0]["seen"]["suspended"] is False
    assert [row["step"] for row in found["lost"]] == ["end"]
    assert "Lost 4 End every session What it did has no undo." in listed(ran.out)
    assert len(rig.entries()) == before


def test_a_closed_run_is_closed_again_after_an_undo(rig: Rig) -> None:
    """One gate, one request, a look; the closing screen; the ledger verifies; a second undo finds nothing."""
    tenant = suspended(rig)
    ran = rig("undo", "I", "2", "--answers", rig.answers(suspend="yes"))
    ended(ran, 0, "2. Undo: Suspend the account", '{"user": {"suspended": false}}', "Undone.", "Run closed by maria")
    assert len(tenant.writes) == 2
    assert rig.kinds()[-2:] == ["run.closed", "session.end"]
    again = rig("undo", "I", "suspend", "--answers", rig.answers(suspend="yes"))
    ended(again, 2, "suspend cannot be undone: it sent nothing that is still in effect", "irkit undo I")
    assert len(tenant.writes) == 2


def test_undo_without_a_terminal_asks_nothing_and_sends_nothing(rig: Rig) -> None:
    """Exit 2 with the flag that helps; not even a session begins."""
    tenant = suspended(rig)
    before = len(rig.entries())
    ended(rig("undo", "I", "suspend"), 2, "needs a terminal", "irkit undo I suspend --answers FILE")
    ended(rig("undo", "I", "nothing"), 2, "there is no step 'nothing'")
    ended(rig("undo", "I", "agent"), 2, "agent cannot be undone")
    ended(rig("undo", "I", "suspend", "--json"), 2, "--json is for the list")
    assert len(rig.entries()) == before
    assert len(tenant.writes) == 1


def test_an_answers_file_that_lists_nothing_pauses_the_undo(rig: Rig) -> None:
    """Exit 3, nothing sent, and the step is still done."""
    tenant = suspended(rig)
    ended(rig("undo", "I", "suspend", "--answers", rig.answers()), 3, "does not list", "irkit undo I suspend")
    assert len(tenant.writes) == 1
    assert not rig.entries(kind="step.undone")


def test_a_clock_that_an_undone_step_had_met_runs_again(rig: Rig) -> None:
    """The undo itself puts it on record, and status says since which entry."""
    rig.tenant(attack="bulk_export")
    clock = 'clocks: [{id: law, title: Suspend in time, start: "{{ steps.agent.at }}", within: 1h, stops: suspend}]\nsteps:\n'
    rig.runbook(FIND, SUSPEND, CALL, head=HEAD.replace("steps:\n", clock))
    rig.answers(suspend="yes")
    ended(rig.run(), 3)
    assert "Suspend in time met - runs from" in " ".join(rig("status", "I").out.split())
    ended(rig("undo", "I", "suspend", "--answers", rig.answers(suspend="yes")), 0)
    undone, = rig.entries(kind="step.undone")
    met, = rig.entries(kind="deadline.met")
    assert [(e.data, e.ref) for e in rig.entries(kind="amended")] == [({"clock": "law"}, met.seq)]
    assert f"- step 2 was undone, entry {undone.seq}" in " ".join(rig("status", "I").out.split())


def test_an_undo_killed_after_its_request_left_is_looked_at_and_not_repeated(rig: Rig) -> None:
    """SIGKILL between the answer and its record of success: resume looks, finds it undone, and closes the run."""
    tenant = suspended(rig)
    assert rig("undo", "I", "suspend", "--answers", rig.answers(suspend="yes"), dies_at="request.body").code == -signal.SIGKILL
    status = rig("status", "I")
    assert "UNKNOWN 2 Suspend the account: sent" in " ".join(status.out.split())
    rig.answers()
    ended(rig.resume(), 0, "Undo: Suspend the account", "the look agrees")
    assert len(tenant.writes) == 2
    done, = rig.entries(kind="step.undone")
    assert done.data["sent_at"] == rig.entries(kind="request.sending")[1].seq


def test_an_undo_killed_before_its_request_left_is_sent_only_after_a_new_gate(rig: Rig) -> None:
    """Nothing is visible: it is not sent by itself, only when that is chosen and agreed to."""
    tenant = suspended(rig)
    rig("undo", "I", "suspend", "--answers", rig.answers(suspend="yes"), dies_at="request.sending")
    assert len(tenant.writes) == 1
    rig.answers()
    ended(rig.resume(), 3)
    assert len(tenant.writes) == 1
    ended(rig("undo", "I", "suspend", "--answers", rig.answers(suspend=[{"choice": "x"}, "yes"])), 0, "Undone.")
    assert len(tenant.writes) == 2


def test_undoing_before_a_later_step_says_which_one_goes_first(rig: Rig) -> None:
    """The role was taken away after the suspension: refused, recorded, nothing sent."""
    tenant = suspended(rig, DOWNGRADE, downgrade="yes")
    ran = rig("undo", "I", "suspend", "--answers", rig.answers(suspend={"skip": "later"}))
    ended(ran, 0, "CHANGED 2. Undo: Suspend the account", "role was left agent and is now end-user", "Nothing was sent.",
          "Step 3 of this run changed the same after it: undo that one first.")
    assert len(tenant.writes) == 2
    assert rig.entries(kind="step.failed")[0].data["changed"] is True
    assert "Refused before: It changed since" in listed(rig("undo", "I").out)


def test_a_run_that_somebody_holds_is_not_undone_behind_their_back(rig: Rig) -> None:
    """The undo takes the run over in words, or sends nothing."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, CALL)
    first = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org")
    first.sees("Send it?")
    first.types("y\n")
    first.sees("Done?")
    ended(rig("undo", "I", "suspend", "--answers", rig.answers(takeover="q", suspend="yes")), 2, "not taken over")
    assert len(tenant.writes) == 1
    first.types("\x03")
    assert first.ends() == 3


def test_u_in_a_run_asks_at_a_gate_that_type_ahead_does_not_pass(rig: Rig) -> None:
    """`?` names it; what was typed before the undo's gate stood is thrown away; Ctrl-D there sends nothing."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, CALL)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org")
    person.sees("Send it?")
    person.types("y\n")
    person.sees("Done?")
    person.types("?\n")
    person.sees("undo step 2")
    person.sees("Done?")
    person.types("u\ny\ny\n")
    person.sees("More than one line came at once")
    person.sees("? more:")
    person.types("u\n")
    person.sees("Undo: Suspend the account")
    person.sees("Send it?")
    person.types("\n")
    person.sees("Accepted here: y, s, m, n, p, a, h, g N, r, l, c, ?.")
    person.sees("Send it?")
    assert len(tenant.writes) == 1
    person.types("\x04")
    assert person.ends() == 3
    assert len(tenant.writes) == 1
    assert not rig.entries(kind="step.undone")


def test_a_probe_has_nothing_to_undo(rig: Rig) -> None:
    """Nothing was sent; the list says so, and a step is refused."""
    rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND)
    rig.answers(suspend="yes")
    ended(rig("run", rig.folder / "mine.yaml", "--incident", "I", "--probe", "--answers", rig.folder / "answers.yaml"), 0)
    assert "Nothing that this run sent is in effect" in rig("undo", "I").out
    ended(rig("undo", "I", "suspend", "--answers", rig.answers(suspend="yes")), 2, "this run is a probe")
