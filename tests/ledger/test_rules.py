"""The rules of `irkit.ledger.attest`, one entry at a time."""

from __future__ import annotations

import base64
import hashlib

import pytest

from irkit.ledger import leaf_hash
from irkit.ledger.attest import NOTED, Attest
from irkit.ledger.finding import Finding
from irkit.ledger.note import SessionKey
from irkit.ledger.texts import PURPOSES


class Fed:
    """A ledger of the barest fields, of one session, fed to the rules entry by entry."""

    def __init__(self, *, endorse: bool = True) -> None:
        self.findings: list[Finding] = []
        self.attest = Attest(self._report)
        self.origin = "irkit/drill/" + "0" * 32
        self.key = SessionKey(self.origin)
        policy = {"endorse": endorse, "max_entries": 64, "authorities": 0, "seal_tokens": 0}
        self.entry("genesis", {"mode": "drill", "origin": self.origin, "policy": policy})
        self.entry("session.start", {"vkey": self.key.vkey})

    def _report(self, entry: int | None, mechanism: str, what: str, meaning: str, *detail: str,
                level: str = "CONTRADICTED") -> None:
        self.findings.append(Finding(entry, mechanism, what, meaning, detail, level))

    def entry(self, kind: str = "note", data: dict[str, object] | None = None, ref: int | None = None) -> int:
        seq = self.attest.tree.size
        fields = {"kind": kind, "log": self.origin, "session": 1, "who": "unsigned:0", "at": "", "data": data or {}, "ref": ref}
        self.attest.entry(seq, fields, leaf_hash(str(seq).encode()))
        if kind in NOTED:
            self.note()
        return seq

    def note(self) -> None:
        made = self.key.sign(self.attest.tree.size, self.attest.tree.root())
        assert self.attest.note(made.size, made.key_id, made.raw) == made

    def found(self) -> list[tuple[int | None, str, str]]:
        return [(f.entry, f.mechanism, f.level) for f in self.findings]


def test_sixty_four_entries_may_stand_between_two_notes() -> None:
    """And behind the last one; not one more, with or without a note that comes too late."""
    fed = Fed()
    while fed.attest.tree.size < 64:
        fed.entry()
    fed.note()
    for _ in range(64):
        fed.entry()
    assert fed.found() == []
    fed.entry()
    assert fed.found() == [(128, "policy", "CONTRADICTED")]
    fed.note()
    fed.entry()
    assert len(fed.findings) == 1


def test_a_note_stands_over_each_entry_that_is_signed_at_once() -> None:
    """Stripped of it, the entry is named, at the end as well as before another entry; a note that comes later is too late."""
    fed = Fed()
    fed.note = lambda: None  # type: ignore[method-assign]
    first, _ = fed.entry("decision"), fed.entry("note")
    last = fed.entry("step.done")
    del fed.note
    fed.attest.end()
    fed.note()
    assert fed.found() == [(first, "note", "MISSING"), (last, "note", "MISSING")]


def test_a_note_that_is_named_and_absent_is_missing() -> None:
    """Where no kind demanded it; one that is there and named is not."""
    fed = Fed()
    fed.note()
    assert fed.attest.newest is not None
    fed.entry("checkpoint", {"note_sha256": fed.attest.newest.sha256, "size": 2, "key_id": fed.key.key_id})
    seq = fed.entry("checkpoint", {"note_sha256": "0" * 64, "size": 3, "key_id": fed.key.key_id})
    assert fed.found() == [(seq, "note", "MISSING")]


@pytest.mark.parametrize(("kind", "data", "mechanism"), [
    ("decision", {}, "sealed"), ("clock.stepped", {}, "sealed"), ("sealed", {"size": 9}, "sealed"),
    ("erased", {"of": 1, "digests": []}, "sealed"), ("run.opened", {}, "sealed"), ("moon.phase", {}, "sealed"),
])
def test_what_stands_behind_a_seal_is_found(kind: str, data: dict[str, object], mechanism: str) -> None:
    """Whoever appended it; while a hold stands an erasing as well."""
    fed = Fed()
    fed.attest.sealed = 1
    fed.attest.holds = {1}
    seq = fed.entry(kind, data)
    assert (seq, mechanism, "CONTRADICTED") in fed.found()


@pytest.mark.parametrize("kind", sorted(PURPOSES))
def test_what_must_be_signed_and_is_not_is_missing_its_signature(kind: str) -> None:
    """A refusal alone has a meaning without one; an approval also has to answer a request."""
    fed = Fed()
    seq = fed.entry(kind, {"size": 2, "root": base64.b64encode(fed.attest.tree.root()).decode()})
    stray = [(seq, "approval", "CONTRADICTED")] if kind == "approval.given" else []
    assert fed.found() == ([] if kind == "approval.refused" else [(seq, "signature", "MISSING"), *stray])


def test_a_seal_over_another_tree_is_found() -> None:
    """Size and root stand in the entry itself, for whoever has no tool for the signature."""
    fed = Fed()
    seq = fed.entry("sealed", {"size": 3, "root": ""})
    assert (seq, "sealed", "CONTRADICTED") in fed.found()


def test_what_erases_under_a_hold_is_found() -> None:
    """And what does not say which values of which earlier entry it erased."""
    fed = Fed(endorse=False)
    hold = fed.entry("hold.placed")
    bad = fed.entry("erased", {"of": 1, "digests": []})
    fed.entry("hold.released", ref=hold)
    fed.entry("erased", {"of": 1, "digests": []})
    worse = fed.entry("erased", {"of": 99, "digests": "x"})
    assert fed.found() == [(bad, "erased", "CONTRADICTED"), (worse, "erased", "CONTRADICTED")]


def test_what_takes_something_out_needs_an_endorsed_session() -> None:
    """Sending, erasing, lifting a hold, withholding: else whoever writes to the folder does them in a session of their own."""
    fed = Fed()
    hold = fed.entry("hold.placed")
    named = [fed.entry("request.sending"), fed.entry("hold.released", ref=hold), fed.entry("erased", {"of": 1, "digests": []}),
             fed.entry("exported", {"withheld_sha256": "0" * 64})]
    fed.entry("exported", {"withheld_sha256": hashlib.sha256().hexdigest()})
    fed.entry("exported", {"as": "csv"})
    assert fed.found() == [(seq, "policy", "CONTRADICTED") for seq in named]
