"""A small signed incident with everything that exports look at, and what it holds that must not leak."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from irkit.ledger import Ledger
from irkit.ledger.sshsig import Signer, Throwaway
from irkit.report.bag import Bag
from irkit.report.exporting import Export
from irkit.report.folder import Folder
from irkit.report.redact import Rules, read

DANA = "dana.reyes@acme.example"
HOSTILE = '=HYPERLINK("http://evil.example")\x1b[2J \u202e<script>|x|</script>'
RUNBOOK = b"runbook: mine\n"


def build(folder: Path, mode: str = "live", *, more: int = 0) -> Path:
    """An incident of two sessions: a step that sends, a decision, notes of several kinds, four files, and `more` notes."""
    with Ledger.create(folder, mode=mode, version="0.1", code_hash="c0de" * 16) as made:
        made.start_session("Maria Lead", signer=Throwaway())
        kept = made.keep("mine.yaml", RUNBOOK, media_type="application/yaml", run="r1")
        made.append("run.opened", {"runbook": "mine", "version": 3, "runbook_sha256": kept.sha256, "mode": mode},
                    {"inputs.agent_email": DANA}, run="r1", by="human")
        made.append("deadline.started", {"clock": "gdpr_33", "due": "2030-01-01T00:00:00+00:00"}, run="r1")
        made.append("step.started", {"step_kind": "action"}, run="r1", step="suspend")
        sent = made.append("request.sending", {"effect": "reversible"}, {
            "request.connector": "zendesk", "request.method": "PUT", "request.url": "https://acme.example/api/v2/users/3971",
            "request.body": json.dumps({"user": DANA, "é": "\u00fc"})}, run="r1", step="suspend")
        made.append("request.answer", {"status": 200, "ms": 412}, {"response.body": "LARGE" + "A" * 70_000}, run="r1",
                    step="suspend", ref=sent.seq)
        made.append("step.done", {}, {"result": {"suspended": True, "email": DANA}}, run="r1", step="suspend")
        made.append("decision", {}, {"result": {"choice": "yes", "reason": "counsel said so"}}, run="r1", step="legal",
                    by="human")
        made.append("note", {}, {"text": HOSTILE, "observed_at": "2020-01-01T00:00:00Z"}, run="r1", by="human")
        made.keep("access.log", f"{DANA} signed in\n".encode() * 20, run="r1", step="logs")
        made.append("deadline.met", {"clock": "gdpr_33"}, run="r1")
        made.end_session()
        made.start_session("Sam Second", signer=Throwaway())
        for number in range(more):
            made.append("note", {}, {"text": f"note {number}"}, by="human")
        made.end_session()
    return folder


def bagged(folder: Path, target: Path, *, rules: Rules | None = None, signer: Signer | None = None,
           recipient: str = "") -> Bag:
    """A bag of the incident, made in a session of its own."""
    with Ledger.open(folder) as ledger, Folder(target) as into:
        signer = signer or Throwaway()
        ledger.start_session("Maria Lead", signer=signer)
        try:
            return Export(ledger, signer.fingerprint, signer, recipient, rules=rules).bag(into)
        finally:
            ledger.end_session()


def rules(text: str) -> Rules:
    return read(text.encode(), "rules.yaml")


def lines(path: Path) -> list[dict[str, object]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def holding(folder: Path, secret: str) -> Iterator[str]:
    """Files in which a text stands: as it is, inside JSON with or without escapes, or in base64 at any offset."""
    raw = secret.encode()
    forms = {raw, json.dumps(secret)[1:-1].encode(), json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()}
    for form in list(forms):
        for offset in range(3):
            coded = base64.b64encode(b"." * offset + form)[-(-offset * 4 // 3):]
            whole = coded[:(len(coded.rstrip(b"=")) - 2) // 4 * 4]         # without what the neighbours decide
            forms |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    for path in folder.rglob("*"):
        if path.is_file() and any(form in path.read_bytes() for form in forms):
            yield str(path.relative_to(folder))
