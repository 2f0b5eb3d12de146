"""A tenant in which every text that somebody could write is hostile, walked from the first step to the last."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.cli.rig import Ran
from tests.live.killing import shipped
from tests.live.rig import FIND, SUSPEND, Rig

ROOT = Path(__file__).resolve().parents[2]
OWN = re.compile(r"\r|\x1b\[K|\x1b\[(?:\d+(?:;\d+)*)?m")            # a progress line written over, and colours


def harmless(text: str) -> list[str]:
    """Characters that control a terminal, reorder or hide text, other than the ends of lines."""
    return sorted({f"U+{ord(char):04X}" for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")})


def sound(rig: Rig, incident: str, *printed: Ran) -> None:
    """Nothing hostile was printed, nothing was evaluated, the ledger verifies and its export parses."""
    commands = (["status", incident], ["status", incident, "--json"], ["ledger", "show", incident],
                ["ledger", "verify", incident])
    reading = [rig(*words) for words in commands]
    assert [one.code for one in reading] == [0] * len(reading), [one.err for one in reading]
    for words, one in [*zip(commands, reading, strict=True), *((["the walk"], one) for one in printed)]:
        assert (words, harmless(one.out + one.err)) == (words, [])
        assert "$49" not in one.err + one.out
    exported = rig("ledger", "export", incident, "--as", "jsonl")
    assert exported.code == 0
    entries = [json.loads(line) for line in exported.out.split("\n") if line]
    assert [entry["seq"] for entry in entries] == list(range(len(rig.entries(incident))))
    assert "\\u001b" in exported.out or "\\x1b" in exported.out              # kept as it came


def test_a_live_run_through_a_hostile_tenant(rig: Rig) -> None:
    """The shipped runbook over real sockets: each step ends, and the screens hold no control character but newline."""
    case = shipped(rig.folder)
    tenant = rig.tenant(**{**case.world, "hostile": True, "rows": 60, "audit_rows": 40})
    (rig.folder / "answers.yaml").write_text(json.dumps(case.answers))
    ran = rig("run", case.runbook, "--incident", "I", "--answers",
              rig.folder / "answers.yaml", "--plain", phrases=True)
    assert ran.code == 0, ran.err[-3000:]
    assert tenant.writes
    assert "Dana Reyes" in ran.err                                           # the words are left in
    sound(rig, "I", ran)


def hostile_scenario(name: str) -> Mapping[str, object]:
    """A shipped scenario whose world is hostile."""
    found = yaml.safe_load((ROOT / "runbooks" / "scenarios" / f"{name}.yaml").read_text())
    found["worlds"]["zendesk"] |= {"hostile": True, "agents": 6, "tickets": 30, "rows": 60, "audit_rows": 40}
    return dict(found)


@pytest.mark.parametrize("name", ["weekend_export", "admin_takeover_night", "leaked_api_token"])
def test_a_drill_in_a_hostile_tenant(rig: Rig, name: str) -> None:
    """A whole drill plays to its end; every line begins with DRILL; nothing moves the cursor."""
    (rig.folder / "runbooks" / "scenarios").mkdir(parents=True)
    (rig.folder / "runbooks" / "scenarios" / f"{name}.yaml").write_text(json.dumps(hostile_scenario(name)))
    ran = rig("drill", name, "--autoplay", "--incident", "D")
    assert ran.code == 0, ran.err[-3000:]
    assert [line for line in ran.err.splitlines() if not line.startswith("DRILL")] == []
    assert "\r" not in OWN.sub("", ran.err)
    printed = Ran(ran.code, ran.out, OWN.sub("", ran.err))
    sound(rig, "D", printed)


def test_a_gate_on_a_real_terminal_shows_hostile_names_harmlessly(rig: Rig) -> None:
    """What a person sees before `y`: one line per line, no colour or title of the tenant's making."""
    rig.tenant(hostile=True)
    rig.runbook(FIND, SUSPEND)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org",
                        env={"NO_COLOR": "1"})
    person.sees("Send it?")
    person.types("l\n")
    person.sees("Send it?")
    person.types("r\n")
    person.sees("Send it?")
    person.types("c\n")
    person.sees("Send it?")
    assert harmless(OWN.sub("", person.seen)) == []
    person.types("\x03")
    assert person.ends() == 3


def test_a_hostile_error_body(rig: Rig) -> None:
    """A vendor's own words in an error are words."""
    words = "\x1b]0;owned\x07 no \x1b[2J\r\nDone. \u202e {{ 7*7 }} \x00"
    for incident, body in (("A", {"error": "X", "description": words}), ("B", words),
                           ("C", {"errors": [{"code": words, "title": words, "detail": words}]})):
        tenant = rig.tenant({"request": "GET /api/v2/users/search", "times": None,
                             "answer": {"status": 422, "body": body, "headers": {"x-y": "\x9b31m"}}})
        rig.runbook(FIND)
        rig.answers()
        ran = rig.run(incident)
        assert ran.code == 3
        assert tenant.writes == []
        assert harmless(ran.err) == []
        assert "49" not in ran.words.partition("answered 422")[2].partition("Nothing was changed")[0]
        assert not [line for line in ran.err.splitlines() if line.startswith("Done")]


def test_hostile_words_of_our_own_people(rig: Rig) -> None:
    """A note, a file's name and a person's name are printed as harmlessly as a vendor's."""
    rig.tenant()
    rig.runbook(FIND, SUSPEND)
    rig.answers()
    rig.env["IRKIT_WHO"] = "mal\x1b[31mory\u202e"
    assert rig.run().code == 3
    (rig.folder / "a\x1b[2Jb\n.txt").write_text("x")
    printed = [rig("note", "I", "see \x1b[2J\x1b]0;x\x07 \u202ethis"), rig("attach", "I", rig.folder / "a\x1b[2Jb\n.txt"),
               rig("correct", "I", "agent_email=\x1b[2Jx@example.org"), rig("resume", "I\x1b[2J"), rig("\x1b[2J"),
               rig("run", "no\x1b[2Jbook"), rig("note", "I", "x", "--step", "\x1b[2J"), rig("drill", "no\x1b[2Jbook"),
               rig("note", "I", "no UTF-8: \udcff")]
    assert [one.code for one in printed[:2]] == [0, 0]
    sound_or_not = [harmless(one.out + one.err) for one in printed]
    assert sound_or_not == [[]] * len(printed), [one.err for one in printed]
    for words in (["status", "I"], ["ledger", "show", "I"], ["ledger", "verify", "I"], ["incident", "list"]):
        one = rig(*words)
        assert one.code == 0
        assert harmless(one.out + one.err) == []
