"""`irkit curl`, and an answer pasted at a terminal."""

from __future__ import annotations

import json
import shlex

from irkit.ledger import Ledger
from tests.live.rig import CALL, FIND, SUSPEND, Person, Rig, ended

DANA = "agent_email=dana@example.org"


def test_a_steps_requests_are_printed_as_curl_without_the_credential(rig: Rig) -> None:
    """A probe recorded them and sent none; stdout is a shell script, the warning is on stderr."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND)
    rig("run", rig.folder / "mine.yaml", "--incident", "I", "--probe", "--answers", rig.answers())
    ran = rig("curl", "I", "2")
    assert ran.code == 0, ran.err
    comment, command = ran.out.splitlines()
    assert comment.startswith("# TEST entry ")
    assert comment.endswith("shown by a probe, not sent")
    words = shlex.split(command)
    assert words[:3] == ["curl", "-X", "PUT"]
    assert words[3].startswith(f"{tenant.url}/api/v2/users/")
    assert json.loads(words[-1]) == {"user": {"suspended": True}}
    assert tenant.token not in ran.out + ran.err
    assert "authorization" not in ran.out.lower()
    assert [r["method"] for r in rig("curl", "I", "suspend", "--reads", "--json").json["requests"]] == ["GET", "PUT"]
    ended(rig("curl", "I", "nothing"), 2, "no request of nothing is recorded in I", "irkit status I")


def at_the_paste(rig: Rig) -> Person:
    """Somebody who did the step by hand, and is asked to paste the answer."""
    rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, CALL)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--plain", "--input", DANA)
    for sees, types in (("Send it?", "m"), ("Who did it", ""), ("When", ""), ("How, and what was seen:", "With curl"),
                        ("(empty: none):", "paste:")):
        person.sees(sees)
        person.types(f"{types}\n")
    person.sees("then a line with a single dot")
    return person


def test_a_long_answer_is_pasted_whole_and_nothing_of_it_answers_the_next_prompt(rig: Rig) -> None:
    """A line of 20,000 bytes, one with a dot, and what came behind it: kept is what stands before; the next gate waits."""
    person = at_the_paste(rig)
    answer = json.dumps({"user": {"suspended": True, "notes": "x" * 20000}}) + "\n.. not the end\n"
    person.types(answer + ".\nm\ny\n\n")
    person.sees("Done?")
    person.types("\x03")
    assert person.ends() == 3
    entry = next(e for e in rig.entries(kind="artefact.added") if e.by == "human")
    sha256 = entry.disclosed["artefact.sha256"]
    with Ledger.open(rig.evidence / "I", write=False) as ledger, ledger.open_artefact(sha256) as file:
        assert file.read().decode() == answer.removesuffix("\n")
    by_hand, = rig.entries(kind="step.by_hand")
    assert by_hand.disclosed["result"]["evidence"] == [sha256]


def test_ctrl_d_and_ctrl_c_in_a_paste_keep_nothing(rig: Rig) -> None:
    """The run pauses, and the terminal edits lines again."""
    person = at_the_paste(rig)
    person.types("half an answer\n\x04")
    assert person.ends() == 3
    assert not [e for e in rig.entries(kind="artefact.added") if e.by == "human"]
    assert not rig.entries(kind="step.by_hand")
