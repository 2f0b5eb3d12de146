"""The report of a probe before whoever approves: the one of the same run, and never more than something to read."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irkit.engine import attached, radius, radius_text
from irkit.engine.modes import Mode
from irkit.engine.state import REPORT
from irkit.errors import NotApproved
from irkit.ledger import Ledger
from irkit.ledger.approvals import fingerprint, parts_in
from irkit.ledger.sshsig import Throwaway
from irkit.runbook import load_bytes
from tests.engine.play import AGENT, HEAD, SESSIONS, Play, book
from tests.engine.test_approval import APPROVED, YES, Lead, good
from tests.engine.test_radius import probe


def after_a_probe(folder: Path, report: bytes, *, who: str = "maria") -> None:
    """An incident to which that report was attached, before any run."""
    with Ledger.create(folder, mode="drill", version="test", code_hash="0" * 64) as ledger:
        ledger.start_session(who, signer=Throwaway())
        ledger.keep(REPORT, report, by="human")
        ledger.end_session()


def asked(folder: Path, report: bytes, *steps: str, **more: Any) -> dict[str, Any]:
    """What the request for approval says of a report, in a run in which that report was attached."""
    after_a_probe(folder, report)
    run = Play(folder, book(*steps), YES, before_ask=Lead(), **more).walk()
    good(run)
    return dict(run.entries("approval.asked")[0].disclosed)


def raw_of(played: Play) -> bytes:
    sha256 = str(played.entries("run.closed")[0].disclosed["probe.report"])
    return Path(played.folder / "artifacts" / sha256).read_bytes()


def test_a_request_for_approval_bears_the_report_of_the_same_run(tmp_path: Path) -> None:
    """Its digest, its text and its age; that what is sent now is what it showed; and who asks is told that it goes along."""
    raw = raw_of(probe(tmp_path / "P", AGENT, SESSIONS, APPROVED))
    values = asked(tmp_path / "I", raw, AGENT, SESSIONS, APPROVED)
    found = attached.read(values, lambda sha256: b"")
    assert found["report"] == hashlib.sha256(raw).hexdigest()
    assert found["text"].splitlines() == radius_text.lines(json.loads(raw))
    assert found["says"][0] == "what would be sent now is what it showed, and the look saw the same"
    shown = " ".join(attached.words(found, datetime(2026, 3, 7, 23, 55, tzinfo=UTC)))
    assert "min before this request, in P by maria. That was then: you sign for the exact requests below" in shown
    assert found["report"] in shown


def test_the_fingerprint_is_the_same_with_a_report_and_without(tmp_path: Path) -> None:
    """A report is there to be read: the approval binds to the requests and to what was seen, and to nothing of a probe."""
    values = asked(tmp_path / "I", raw_of(probe(tmp_path / "P", AGENT, APPROVED)), AGENT, APPROVED)
    with Ledger.open(tmp_path / "I", write=False) as ledger:
        request = next(e for e in ledger.entries() if e.kind == "approval.asked")
    assert request.data["fingerprint"] == fingerprint(parts_in(values))
    assert attached.VALUE in values


@pytest.mark.parametrize("change", ["runbook", "input", "mode", "target", "junk"])
def test_a_report_of_something_else_is_not_offered(tmp_path: Path, change: str) -> None:
    """Another runbook, account, kind of ledger or tenant; or a file that has the name alone."""
    report = json.loads(raw_of(probe(tmp_path / "P", AGENT, APPROVED)))
    match change:
        case "runbook":
            report["runbook"]["sha256"] = "0" * 64
        case "input":
            report["inputs"]["agent_email"] = "wei@example.org"
        case "mode":
            report["mode"] = "live"
        case "target":
            report["targets"] = {"zendesk": ["https://other.zendesk.com"]}
        case "junk":
            report = {"irkit": radius.SCHEMA, "steps": 7}
    values = asked(tmp_path / "I", json.dumps(report).encode(), AGENT, APPROVED)
    assert attached.VALUE not in values


def test_what_changed_since_the_probe_is_said(tmp_path: Path) -> None:
    """The look saw something else than the probe did: the approver reads that first."""
    report = json.loads(raw_of(probe(tmp_path / "P", AGENT, APPROVED)))
    step_ = next(one for one in report["steps"] if one["id"] == "suspend")
    step_["requests"][0]["seen"]["role"] = "admin"
    values = asked(tmp_path / "I", json.dumps(report).encode(), AGENT, APPROVED)
    assert values[attached.VALUE]["says"][0] == "1 request of 1 changed since, or what the look saw did"
    step_ |= {"requests": [], "finding": "not_reached"}
    values = asked(tmp_path / "J", json.dumps(report).encode(), AGENT, APPROVED)
    assert values[attached.VALUE]["says"][0] == "it showed nothing that this step would send"


def test_a_report_too_long_for_a_line_is_an_artefact_of_the_request(tmp_path: Path) -> None:
    """Of a thousand people each is named; what an approver reads is the whole of it."""
    report = json.loads(raw_of(probe(tmp_path / "P", AGENT, APPROVED)))
    report["steps"][1]["requests"][0]["affects"] = [f"Person {n} <p{n}@example.org>" for n in range(2000)]
    values = asked(tmp_path / "I", json.dumps(report).encode(), AGENT, APPROVED)
    assert values[attached.VALUE].keys() == {"artefact", "bytes"}
    found = attached.read(values, lambda sha256: (tmp_path / "I" / "artifacts" / sha256).read_bytes())
    assert "- Person 1999 <p1999@example.org>" in " ".join(found["text"].split())
    with pytest.raises(NotApproved, match="not the one of its digest"):
        attached.read(values, lambda sha256: b'{"text": "nothing"}')


def test_a_report_whose_text_is_not_of_its_digest_is_forged(tmp_path: Path) -> None:
    """Whoever carries a request cannot tell the approver of another probe."""
    values = asked(tmp_path / "I", raw_of(probe(tmp_path / "P", AGENT, APPROVED)), AGENT, APPROVED)
    for change in ({"text": "nothing will break\n"}, {"made_at": "soon"}, {"says": 7}, {"by": None}):
        with pytest.raises(NotApproved, match="not the one of its digest"):
            attached.read({attached.VALUE: {**values[attached.VALUE], **change}}, lambda sha256: b"")


def test_a_time_that_each_run_takes_anew_is_no_other_input(tmp_path: Path) -> None:
    """Inputs of the type timestamp default to now: they differ from run to run, and the approver is told how."""
    timed = HEAD.replace("inputs:\n", 'inputs:\n  aware_at: {type: timestamp, ask: "When?", default: now}\n')
    runbook = load_bytes((timed + AGENT + APPROVED).encode(), "play.yaml")
    report = json.loads(raw_of(Play(tmp_path / "P", runbook, {}, mode=Mode.PROBE).walk()))
    report["inputs"]["aware_at"] = "2026-03-07T22:00:00Z"
    after_a_probe(tmp_path / "I", json.dumps(report).encode())
    run = Play(tmp_path / "I", runbook, YES, before_ask=Lead()).walk()
    says = run.entries("approval.asked")[0].disclosed[attached.VALUE]["says"]
    assert says[1] == "its aware_at was 2026-03-07T22:00:00Z, and is None now"
