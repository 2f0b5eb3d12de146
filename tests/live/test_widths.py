"""One run through a narrow window, a wide one, and a screen reader; and a fan-out that is interrupted and gone on with."""

from __future__ import annotations

import re

import pyte

from tests.live.rig import CALL, FIND, SUSPEND, Person, Rig
from tests.live.test_terminal import DANA, END

TRIGGERS = """\
  - {id: triggers, phase: preserve, title: List the triggers, why: One may forward mail., action: zendesk.collect_triggers}
  - {id: off, phase: contain, title: Turn every trigger off, why: They run on., for_each: "{{ steps.triggers.items }}",
     action: zendesk.disable_trigger, with: {trigger_id: "{{ item.id }}"}}
"""
EVERYBODY = """\
  - {id: sessions, phase: preserve, title: Keep all sessions, why: They go., action: zendesk.collect_sessions}
  - {id: all, phase: contain, title: Suspend everybody, why: They stay., for_each: "{{ steps.sessions.items }}",
     action: zendesk.suspend_user, with: {user_id: "{{ item.owner }}"}}
"""
RAW = re.compile(r"/api/v2/|127\.0\.0\.1|^ +\S+@\S+$")          # an address is never broken: it is copied
SLOW = {"request": "GET /api/v2/users/*/sessions*", "transport": "slow", "seconds": 0.3, "times": None}


def answers(person: Person, *typed: str) -> None:
    """Type each at the next prompt."""
    for text in typed:
        person.sees("? more:")
        person.types(f"{text}\n")


def walked(rig: Rig, columns: int, *words: str) -> Person:
    """All kinds of screens: a gate, its list behind `?`, a fan-out, what cannot be undone, a step by hand, the end."""
    tenant = rig.tenant(SLOW, attack="bulk_export")
    rig.runbook(FIND, SUSPEND, TRIGGERS, END, CALL)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", DANA, *words, columns=columns)
    answers(person, "?", "y")
    person.sees("4 x PUT")
    answers(person, "y")
    person.sees("6. End every session")
    person.types("END 3 SESSIONS\n" * 3)                    # ahead of a gate whose looks take a while
    person.sees("[CANNOT BE UNDONE]")
    person.sees("Type END 3 SESSIONS to send")
    answers(person, "y")
    person.sees("(exactly so)")
    person.sees("? more:")
    person.types("END 3 SESSIONS\n" * 30)                  # over and over: a key held down, or a script
    person.sees("More than one line came at once")
    answers(person, "s")
    person.sees("Reason")
    person.types("asleep\n")
    answers(person, "s")
    person.sees("Reason")
    person.types("asleep, too\n")
    assert person.ends() == 0
    assert len(tenant.writes) == 5
    assert not [one for one in tenant.writes if "sessions" in one]
    return person


def test_forty_columns_lose_nothing(rig: Rig) -> None:
    """No line of irkit's is wider, labels stay in their column, the phrase stands whole on a line, and so does the count."""
    person = walked(rig, 40)
    screen = pyte.Screen(200, 2000)                        # wider than irkit believes, so that nothing is folded by it
    pyte.Stream(screen).feed(person.seen)
    shown = [line.rstrip() for line in screen.display]
    assert [line for line in shown if len(line) > 40 and not RAW.search(line)] == []
    assert "Type END 3 SESSIONS to send, or" in shown
    for label in ("Why", "Looked", "Sends", "Affects", "Undo", "Checked", "Steps", "Ledger", "Next"):
        assert any(line.startswith(label) for line in shown), label
    assert "                    [CANNOT BE UNDONE]" in shown
    assert "Done: 5 of 5." in " ".join(shown)


def test_a_wide_window_and_a_screen_reader(rig: Rig) -> None:
    """--plain: no line wider than 80, no cursor moved, no box and no spinner; progress and every outcome stand in words."""
    person = walked(rig, 200, "--plain")
    text = person.seen.replace("\r\n", "\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert {char for char in text if ord(char) > 126} <= set("…“”")
    typed = "END 3 SESSIONS"
    assert [line for line in text.split("\n") if len(line) > 80 and not RAW.search(line) and typed not in line] == []
    for words in ("asking Zendesk…", "5 of 5 looked at", "4 of 4", "[REVERSIBLE]", "[CANNOT BE UNDONE]", "[BY HAND]",
                  "Checked  suspended: yes", "Done: 5 of 5.", "Skipped: asleep.", "Run closed by"):
        assert words in text, words


def test_a_fan_out_is_interrupted_and_gone_on_with(rig: Rig) -> None:
    """Ctrl-C lets the calls in flight end; resume looks at what was sent, asks for the rest alone, and repeats nothing."""
    tenant = rig.tenant({"request": "PUT /api/v2/users/*", "transport": "slow", "seconds": 0.4, "times": None}, agents=40)
    rig.runbook(EVERYBODY)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", DANA)
    total = int(re.findall(r"(\d+) x PUT", person.sees("x PUT"))[-1])
    answers(person, "y")
    person.sees(f"of {total}")
    person.types("\x03")
    person.sees("Stopping after the calls in flight")
    assert person.ends() == 3
    assert "irkit resume I" in person.words
    first = tenant.writes
    assert 0 < len(first) < total
    done = len([entry for entry in rig.entries(kind="step.done") if entry.step == "all"])
    assert done == len(first) - 1                           # all but the account's owner, whom Zendesk does not suspend
    tenant.now_meets()
    person = rig.person("resume", "I")
    shown = person.sees("? more:")
    assert int(re.findall(r"(\d+) x PUT", shown)[-1]) == total - done
    assert tenant.writes == first
    person.types("y\n")
    person.sees("1 of")
    answers(person, "s")
    person.sees("Reason")
    person.types("the owner\n")
    assert person.ends() == 0
    assert len(set(tenant.writes)) == total
    assert len(tenant.writes) == total + 1                  # the refused one, which a second gate covered
