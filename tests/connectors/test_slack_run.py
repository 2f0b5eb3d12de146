"""Slack through the engine: a refusal with 200 is one, what is not sure is unknown, and an upload survives a pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irkit.drill.clock import DrillClock
from irkit.drill.perform import WorldPerform, WorldTime, recorded
from irkit.engine.gate import Sends
from irkit.engine.modes import Mode, Perform
from irkit.engine.session import load_from
from irkit.ledger import Ledger
from irkit.worlds import Fault, Faults, find
from tests.engine.play import DANA, STARTS, WEI, Play, book

PHRASE = {"type": "phrase"}
SAY = """
  - id: tell
    phase: prepare
    title: Tell the helpdesk
    why: They answer the phone.
    action: slack.post_message
    with: {channel: helpdesk, text: Contained.}
"""
KEEP = """
  - id: keep
    phase: preserve
    title: Keep the channel
    why: It is evidence.
    action: slack.collect_channel
    with: {channel: helpdesk}
"""
SHARE = """
  - id: share
    phase: contain
    title: Share what was kept
    why: Legal reads it there.
    action: slack.upload_file
    with: {channel: helpdesk, file: messages}
"""


@dataclass
class Room(Play):
    """A run in a Slack workspace."""

    def _perform(self, ledger: Ledger, clock: DrillClock) -> Perform:
        time = WorldTime(clock)
        with time.at(STARTS):
            self.world = find("slack")(self.options, people=[DANA, WEI], now=time)
        perform = WorldPerform({"slack": self.world}, Faults(list(self.faults)), time)
        perform.replay(list(recorded(ledger.entries(), "r1", load_from(ledger))))
        return perform

    @property
    def said_there(self) -> list[str]:
        return [one["text"] for one in self.world.workspace.messages["C0HELPDESK"] if one["user"] == "UIRKIT001"]


def room(tmp_path: Path, answers: Mapping[str, object], *steps: str, fault: Mapping[str, Any] | None = None,
         times: int | None = 1, **how: Any) -> Room:
    faults = [Fault("slack", "POST /api/chat.postMessage", answer=fault, times=times)] if fault else []
    played = Room(tmp_path / "INC-1", book(*steps), answers, options={"messages": 3, "log_rows": 3}, faults=faults, **how)
    played.walk()
    return played


def test_a_refusal_with_200_is_a_failure_and_may_be_tried_again(tmp_path: Path) -> None:
    """ok: false did nothing: trying again asks as if nothing had been sent, and says it once."""
    played = room(tmp_path, {"tell": [PHRASE, "retry", PHRASE]}, SAY,
                  fault={"status": 200, "body": {"ok": False, "error": "restricted_action"}})
    first, second = played.step("tell").sendings
    assert (first.refused, second.refused) == (True, False)
    assert played.step("tell").state == "done"
    assert played.said_there == ["Contained.\n[INC-1.tell]"]
    assert "&unfurl_links=false&unfurl_media=false" in played.heard(Sends)[0].curls[0]       # a form as it leaves
    assert not any("sent before" in warning for sends in played.heard(Sends) for warning in sends.warnings)


def test_what_slack_is_not_sure_of_is_unknown_and_looked_at(tmp_path: Path) -> None:
    """internal_error: nothing is sent again before a look."""
    unsure = {"status": 200, "body": {"ok": False, "error": "internal_error"}}
    played = room(tmp_path, {"tell": PHRASE}, SAY, fault=unsure)
    assert played.step("tell").state == "unknown"
    assert played.step("tell").unsettled() is not None


def test_slow_down_in_a_body_is_waited_for(tmp_path: Path) -> None:
    """rate_limited with 200: the same message, once, after the wait."""
    played = room(tmp_path, {"tell": PHRASE}, SAY, times=2,
                  fault={"status": 200, "retry_after": 5, "body": {"ok": False, "error": "rate_limited"}})
    assert played.step("tell").state == "done"
    assert len(played.said_there) == 1


def test_what_was_kept_is_shared_under_its_hash(tmp_path: Path) -> None:
    """The artefact of an earlier step, byte for byte; the gate names the bytes that go first."""
    played = room(tmp_path, {"share": PHRASE}, KEEP, SHARE)
    kept = [entry.disclosed.get("artefact.sha256") for entry in played.entries("artefact.added")]
    ticket, = played.world.workspace.tickets.values()
    sends, = played.heard(Sends)
    assert played.step("share").state == "done"
    assert ticket["sha256"] in kept
    assert sends.requests[0].startswith("first: POST https://files.slack.com/upload/v1/")
    assert sends.body.startswith(sends.requests[0])


def test_an_upload_survives_a_pause(tmp_path: Path) -> None:
    """A resumed drill's workspace gets bytes and sharing in their order: the file is there, and is not shared twice."""
    played = room(tmp_path, {"share": PHRASE}, KEEP, SHARE, SAY)
    assert played.paused
    played.answers = {"tell": PHRASE}
    played.walk()
    file, = played.world.workspace.files.values()
    assert file["groups"] == ["C0HELPDESK"]
    assert played.step("tell").state == "done"


def test_a_probe_uploads_nothing(tmp_path: Path) -> None:
    """Shown, not sent: not even the bytes."""
    played = room(tmp_path, {}, KEEP, SHARE, mode=Mode.PROBE)
    assert played.step("share").state == "not_sent"
    assert all(ticket["size"] is None for ticket in played.world.workspace.tickets.values())


