"""A request for approval, its answer and what is sent on it, through the ledger's own doors and without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.ledger import Entry, Ledger
from irkit.ledger.approvals import GIVEN, Answer, answered, chunked, fingerprint, part
from irkit.ledger.sshsig import Signer, Throwaway

SALT = "A" * 22
FAR, PAST = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
STEP = "end_sessions"


def url(n: int) -> str:
    return f"https://ex.zendesk.com/api/v2/users/{n}/sessions"


def begin(ledger: Ledger, step: str = STEP, run: str = "r1") -> None:
    ledger.append("step.started", {"action": "zendesk.end_sessions", "approve": "lead"}, run=run, step=step)


def ask(ledger: Ledger, *numbers: int, step: str = STEP, run: str = "r1", expires: str = FAR,
        data: Mapping[str, Any] | None = None, ref: int | None = None) -> Entry:
    """approval.asked for one request, or for the items of a fan-out."""
    items: list[int | None] = list(range(len(numbers))) if len(numbers) > 1 else [None]
    pairs = list(zip(items, numbers, strict=True))
    parts = [part(SALT, item, "DELETE", url(n), None, {"open": n}) for item, n in pairs]
    requests = [{"item": item, "method": "DELETE", "url": url(n), "body": None, "seen": {"open": n}, "affects": [f"user {n}"],
                 "noun": "session"} for item, n in pairs]
    values = {"approval.salt": SALT, **chunked(parts), "approval.title": "End every session", "approval.requests": requests}
    says = {"role": "lead", "fingerprint": fingerprint(parts), "expires": expires, "count": len(parts),
            "effect": "irreversible"}
    return ledger.append("approval.asked", says | dict(data or {}), values, run=run, step=step, ref=ref)


def answer(ledger: Ledger, asked: Entry, signer: Signer | None = None, kind: str = GIVEN, by: str = "Wei Chen",
           **data: Any) -> Answer:
    """A signed answer, not appended yet."""
    return answered(kind, ledger.requests[asked.seq], signer or Throwaway(), data, {"approval.by": by})


def agree(ledger: Ledger, asked: Entry, signer: Signer | None = None) -> Entry:
    return ledger.append_answer(answer(ledger, asked, signer))


def send(ledger: Ledger, n: int, approval: int | None, *, item: int | None = None, step: str = STEP, run: str = "r1",
         seen: object = None, **data: Any) -> Entry:
    values = {"request.method": "DELETE", "request.url": url(n), "request.seen": seen or {"open": n}}
    says = {"effect": "irreversible", "approval": approval, **data}
    return ledger.append("request.sending", says, values, run=run, step=step, item=item)
