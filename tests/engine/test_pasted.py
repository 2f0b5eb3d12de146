"""An answer pasted by hand: kept as evidence, without what must not be kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irkit.engine import redact
from irkit.engine.pasted import cleaned, name_of
from irkit.ledger import Ledger
from tests.engine.play import AGENT, Play, book

WEBHOOK = """
  - id: webhooks
    phase: preserve
    title: List the webhooks
    why: They forward.
    action: zendesk.collect_webhooks
  - id: off
    phase: contain
    title: Turn a webhook off
    why: It forwards.
    action: zendesk.disable_webhook
    with: {webhook_id: "{{ steps.webhooks.items[1].id }}"}
"""
ANSWER = {"webhook": {"id": "1", "status": "inactive", "signing_secret": {"secret": "s3cr3t-value"}}}


def kept(play: Play) -> tuple[str, bytes, dict[str, object]]:
    """The name, the bytes and the data of the artefact that a person added last."""
    entry = [e for e in play.entries("artefact.added") if e.by == "human"][-1]
    with Ledger.open(play.folder, write=False) as ledger, ledger.open_artefact(entry.disclosed["artefact.sha256"]) as file:
        return entry.disclosed["artefact.name"], file.read(), dict(entry.data)


def test_secrets_that_the_steps_requests_name_are_removed(tmp_path: Path) -> None:
    """m at the gate of a webhook, with an answer that bears its signing secret: kept without it, and labelled so."""
    by_hand = {"by_hand": "With curl", "attach": "paste:", "paste": json.dumps(ANSWER)}
    play = Play(tmp_path / "i", book(AGENT, WEBHOOK), {"off": by_hand}).walk()
    name, content, data = kept(play)
    assert name == "pasted by hand, secrets removed.json"
    assert data["redacted"] is True
    assert json.loads(content)["webhook"]["signing_secret"] == redact.REMOVED
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in play.folder.rglob("*") if path.is_file())
    entry = play.entries("step.by_hand")[0]
    assert len(entry.disclosed["result"]["evidence"]) == 1
    assert not play.entries("request.sending")


def test_an_answer_in_a_file_is_cleaned_the_same(tmp_path: Path) -> None:
    """paste:FILE reads it from there."""
    (tmp_path / "answer.json").write_text(json.dumps(ANSWER))
    by_hand = {"by_hand": "With curl", "attach": f"paste:{tmp_path / 'answer.json'}"}
    play = Play(tmp_path / "i", book(AGENT, WEBHOOK), {"off": by_hand}).walk()
    assert b"s3cr3t" not in kept(play)[1]


def test_what_may_bear_a_secret_and_is_no_json_is_not_kept(tmp_path: Path) -> None:
    """It cannot be cleaned, so it is refused, and the run pauses where a script knows no better."""
    by_hand = {"by_hand": "With curl", "attach": "paste:", "paste": "signing_secret: s3cr3t-value"}
    play = Play(tmp_path / "i", book(AGENT, WEBHOOK), {"off": by_hand}).walk()
    assert play.paused is not None
    assert "this is no JSON" in play.paused.why
    assert "s3cr3t" not in play.paused.why
    assert not [e for e in play.entries("artefact.added") if e.by == "human"]


@pytest.mark.parametrize("line", ["> Authorization: Basic bWU6c2VjcmV0", "set-cookie: _zendesk=bWU6c2VjcmV0; path=/",
                                  "< Set-Cookie: bWU6c2VjcmV0", "Cookie: a=bWU6c2VjcmV0"])
def test_a_header_that_bears_a_credential_loses_its_value(line: str) -> None:
    """What curl -v and curl -i print of the sign-in is not kept; the rest is."""
    text, removed = cleaned(f"HTTP/2 200\n{line}\ndate: x\n\n{{\"a\": 1}}".encode(), ())
    assert b"bWU6" not in text
    assert b'date: x\n\n{"a": 1}' in text
    assert removed


def test_headers_stand_before_a_body_that_is_cleaned() -> None:
    """curl -i: the body behind the empty line is the JSON."""
    text, removed = cleaned(b'HTTP/2 200 OK\r\ndate: x\r\n\r\n{"token": "abc", "id": 1}', {"token"})
    assert b"abc" not in text
    assert text.startswith(b"HTTP/2 200 OK\r\ndate: x\r\n\r\n")
    assert removed


def test_an_answer_without_secrets_is_kept_byte_for_byte() -> None:
    """Spaces and all; its name says what it is."""
    raw = b'{ "a" :  1 }\n'
    assert cleaned(raw, {"token"}) == (raw, False)
    assert name_of(raw, False) == "pasted by hand.json"
    assert name_of(b"no json", False) == "pasted by hand.txt"
