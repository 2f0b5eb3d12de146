"""Following a run from a second terminal: real processes, and what a terminal shows of it."""

from __future__ import annotations

import sys

from tests.live.rig import CALL, CALLED, FIND, HEAD, SUSPEND, Rig

CLOCKED = HEAD.replace("steps:\n", """clocks:
  - {id: law, title: Notice under the law, start: "{{ steps.agent.at }}", within: 2h, stops: call}
steps:
""")
DANA = "agent_email=dana@example.org"


def test_the_lead_follows_a_run_that_somebody_else_walks(rig: Rig) -> None:
    """Sam sees where Maria stands, each entry as it comes, and the clock; Maria never waits; Ctrl-C ends it, exit 130."""
    rig.tenant(attack="bulk_export")
    rig.runbook(FIND, SUSPEND, CALL, head=CLOCKED)
    maria = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", DANA)
    maria.sees("Send it? y yes")
    sam = rig.person("watch", "I", env={"IRKIT_WHO": "sam"})
    sam.sees("mine v1 | step 2 of 3")
    sam.sees("Notice under the law due in 01:59")
    sam.sees("2 looking")
    sam.sees("runs from")
    sam.sees("step agent, done by maria at")
    sam.sees("| step 2 of 3 looking | Notice under the law due in 01:59")
    maria.types("y\n")
    sam.sees("request.sending")
    sam.sees("| step 3 of 3 looking")
    maria.sees("Meets Notice under the law due in 01:59")
    maria.sees("Done? m done")
    sam.types("\n")                                # Enter: all of it again
    sam.sees("mine v1 | step 3 of 3")
    sam.sees("| step 3 of 3 looking")
    sam.types("\x03")
    assert sam.ends() == 130
    assert "Traceback" not in sam.seen
    shown = sam.screen()
    assert [line for line in shown if line and not line.startswith(("TEST", "Interrupted."))] == []
    assert sum("| step 2 of 3 looking |" in line for line in shown) <= 1     # the last line is written over
    maria.types("p\n")
    assert maria.ends() == 3
    assert {entry.disclosed.get("person.name") for entry in rig.entries(kind="session.start")} == {"maria"}


def test_piped_it_prints_plain_lines_as_they_come(rig: Rig) -> None:
    """No line is written over, and there is no terminal to ask; a run that is over is followed until nobody reads."""
    rig.tenant(attack="bulk_export")
    rig.runbook(FIND, CALL, head=CLOCKED)
    rig.answers(call={**CALLED, "attach": "text: rang back"})
    assert rig.run().code == 0
    piped = rig.shell("sh", "-c", f"{sys.executable} -m irkit --evidence {rig.evidence} watch I < /dev/null | head -3")
    assert piped.ends() == 0
    assert "\x1b" not in piped.seen
    assert piped.lines[0].startswith("TEST I mine v1")
