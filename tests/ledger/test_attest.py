"""What people and sessions sign, word for word, and what is refused where a signature or a note is not what it should be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from irkit.errors import LedgerError
from irkit.ledger import Ledger, leaf_hash, note, sshsig
from irkit.ledger.entry import canonical
from irkit.ledger.note import SessionKey
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.texts import PURPOSES
from irkit.ledger.verify import verify
from tests.ledger.conftest import Tamper
from tests.ledger.test_tree import recursive


class Remembering(Throwaway):
    """A key that keeps what it was asked to sign, and what it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, bytes]] = []
        self.made: list[str] = []

    def sign(self, namespace: str, text: bytes) -> str:
        self.asked.append((namespace, text))
        self.made.append(super().sign(namespace, text))
        return self.made[-1]


class Replaying(Throwaway):
    """Somebody who has one old signature of a person, and uses it again."""

    def __init__(self, fingerprint: str, armored: str) -> None:
        super().__init__()
        self.fingerprint, self._armored = fingerprint, armored

    def sign(self, namespace: str, text: bytes) -> str:
        return self._armored


def new(folder: Path, mode: str = "drill") -> Ledger:
    return Ledger.create(folder, mode=mode, version="1", code_hash="")


def root_before(ledger: Ledger, seq: int) -> str:
    return base64.b64encode(recursive([e.line for e in ledger.entries() if e.seq < seq])).decode()


def refused(folder: Path, entry: int | None, mechanism: str) -> str:
    """Opening names it before anything can be appended; verify finds it at the same entry. Returns the words."""
    for write in (False, True):
        with pytest.raises(LedgerError) as caught:
            Ledger.open(folder, write=write)
        assert f"({mechanism})" in caught.value.what
        assert entry is None or f"entry {entry} of" in caught.value.where
    report = verify(folder)
    assert (entry, mechanism) in [(f.entry, f.mechanism) for f in report.findings]
    assert report.exit_code == 5
    return caught.value.what


# -- the texts ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("mode", "prefix"), [("live", "irkit-"), ("drill", "irkit-drill-"), ("test", "irkit-test-")])
def test_what_endorses_a_session(tmp_path: Path, mode: str, prefix: str) -> None:
    """Namespace, origin, the session's number, its key, and the tree before it; signed by whom the entries name."""
    signer = Remembering()
    with new(tmp_path / "INC-1", mode) as ledger:
        ledger.start_session("Maria")
        ledger.append("decision")
        ledger.end_session()
        seq = ledger.start_session("Sam", signer=signer)
        start = next(ledger.entries(after=seq - 1))
        name = f"{prefix}session@v1"
        text = f"{name}\n{ledger.origin}\n{seq}\n{start.data['vkey']}\n{seq}\n{root_before(ledger, seq)}\n".encode()
        assert signer.asked == [(name, text)]
        assert (start.data["endorsement"], start.who) == (signer.made[0], signer.fingerprint)
        assert sshsig.check(start.data["endorsement"], name, text) == signer.fingerprint
        assert note.parse_vkey(start.data["vkey"])[0] == ledger.origin
        assert ledger.endorsed
    assert verify(ledger.folder).findings == []


@pytest.mark.parametrize("kind", sorted(kind for kind in PURPOSES if PURPOSES[kind] != "approval"))
@pytest.mark.parametrize("mode", ["live", "test"])
def test_what_a_signed_entry_is_signed_over(tmp_path: Path, mode: str, kind: str) -> None:
    """Namespace, origin, kind, the tree before it, and the hash of what it says without its signature."""
    signer = Remembering()
    with new(tmp_path / "INC-1", mode) as ledger:
        ledger.start_session("Maria")
        offer = ledger.append_signed("handover.offered", Throwaway(), run="r1").seq
        entry = ledger.append_signed(kind, signer, {"n": 1}, {"custody.purpose": "x"}, run="r1", step="s", ref=offer)
        fields = json.loads(entry.line)
        data = {key: value for key, value in fields["data"].items() if key != "signature"}
        says = {"data": data, "kind": kind, "ref": offer, "run": "r1", "sd": list(entry.sd), "step": "s"}
        content = hashlib.sha256(canonical(says).encode()).hexdigest()
        name = f"irkit-{'' if mode == 'live' else 'test-'}{PURPOSES[kind]}@v1"
        root = root_before(ledger, entry.seq)
        text = f"{name}\n{ledger.origin}\n{kind}\n{entry.seq}\n{root}\n{content}\n".encode()
        assert signer.asked == [(name, text)]
        assert (fields["data"]["signature"], data["key"], data["n"]) == (signer.made[0], signer.fingerprint, 1)
        if kind == "sealed":
            assert (data["size"], data["root"]) == (entry.seq, root)
    assert verify(ledger.folder).findings == []


# -- signatures that are not what they should be -----------------------------------------------------------------

def test_a_session_under_somebody_elses_name_is_refused(tmp_path: Path) -> None:
    """Signed by one key, claiming another."""
    class Posing(Throwaway):
        def __init__(self) -> None:
            super().__init__()
            self.fingerprint = Throwaway().fingerprint

    with new(tmp_path / "INC-1") as ledger:
        ledger.start_session("Maria", signer=Posing())
    assert "signed by another key than it says" in refused(ledger.folder, 1, "endorsement")


@pytest.mark.parametrize("where", ["session", "ledger", "mode"])
def test_an_endorsement_does_not_move(tmp_path: Path, where: str) -> None:
    """One made for another session, ledger or mode is good for nothing here."""
    signer = Remembering()
    with new(tmp_path / "INC-1") as first:
        first.start_session("Maria", signer=signer)
        first.end_session()
        replayed = Replaying(signer.fingerprint, signer.made[0])
        folder = first.folder if where == "session" else tmp_path / "INC-2"
        with first if where == "session" else new(folder, "live" if where == "mode" else "drill") as ledger:
            seq = ledger.start_session("Maria", signer=replayed)
    assert "does not verify" in refused(folder, seq, "endorsement")


@pytest.mark.parametrize("other", ["entry", "ledger", "purpose"])
def test_a_signature_does_not_move(tmp_path: Path, other: str) -> None:
    """One made for another place, ledger or purpose is good for nothing here."""
    signer = Remembering()
    kind = "custody.offered" if other == "purpose" else "handover.offered"
    with new(tmp_path / "INC-1") as ledger, new(tmp_path / "INC-2") as second:
        for one in (ledger, second):
            one.start_session("Maria")
        ledger.append_signed("handover.offered", signer)
        target = second if other == "ledger" else ledger
        entry = target.append_signed(kind, Replaying(signer.fingerprint, signer.made[0]))
    assert "does not verify" in refused(target.folder, entry.seq, "signature")


def re_chained(folder: Path, tamper: Tamper, seq: int, change: Callable[[str], str]) -> None:
    """Change the last line and its stored hash, as whoever holds no key can."""
    store = sqlite3.connect(folder / "ledger.db")
    last, line = store.execute("SELECT seq, line FROM entries ORDER BY seq DESC").fetchone()
    store.close()
    assert last == seq
    changed = change(line.decode()).encode()
    assert changed != line
    tamper(folder, "UPDATE entries SET line = ?, leaf = ? WHERE seq = ?", changed, leaf_hash(changed), seq)


def other_text(of: str) -> Callable[[str], str]:
    """Flip one character in the middle of a signature."""
    def change(line: str) -> str:
        at = line.index(of) + len(of) + 200
        return line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1:]
    return change


@pytest.mark.parametrize(("change", "mechanism"), [
    (other_text('"endorsement":"'), "endorsement"),
    (lambda line: re.sub(r'"endorsement":"[^"]*",', "", line), "endorsement"),
    (lambda line: re.sub(r'"who":"SHA256:.', '"who":"SHA256:_', line), "endorsement"),
    (lambda line: re.sub(r'"vkey":"[^"]*"', '"vkey":"x"', line), "note"),
    (lambda line: re.sub(r',"vkey":"[^"]*"', "", line), "note"),
], ids=["changed", "removed", "another person", "malformed key", "no key"])
def test_a_start_that_was_changed_is_refused(ledger: Ledger, tamper: Tamper, change: Callable[[str], str],
                                             mechanism: str) -> None:
    """The last line of a ledger, where no later hash and no note contradicts: its own signature does."""
    seq = ledger.start_session("Sam", signer=Throwaway())
    ledger.close()
    re_chained(ledger.folder, tamper, seq, change)
    refused(ledger.folder, seq, mechanism)


def test_a_session_with_anothers_key_is_refused(ledger: Ledger, tamper: Tamper) -> None:
    """The vkey of the session before, in an unendorsed start: its notes would be attributed to somebody else."""
    vkey = next(ledger.entries(after=0)).data["vkey"]
    seq = ledger.start_session("Sam")
    ledger.close()
    re_chained(ledger.folder, tamper, seq, lambda line: re.sub(r'"vkey":"[^"]*"', f'"vkey":"{vkey}"', line))
    assert "names no key of its own" in refused(ledger.folder, seq, "note")


# -- notes that are not what they should be ----------------------------------------------------------------------

@pytest.fixture
def noted(ledger: Ledger) -> Path:
    """Notes over 4 and 6 entries, the first of them named by entry 4; entry 6 is under none."""
    ledger.append("decision")
    ledger.append("decision")
    ledger.append("note")
    ledger.close()
    return ledger.folder


@pytest.mark.parametrize(("statement", "entry", "mechanism"), [
    ("DELETE FROM checkpoints WHERE size = 4", 3, "note"),
    ("DELETE FROM checkpoints WHERE size = 6", 5, "note"),
    ("DELETE FROM checkpoints", 3, "note"),
    ("UPDATE checkpoints SET note = x'00' WHERE size = 4", None, "note"),
    ("UPDATE checkpoints SET note = 'text' WHERE size = 6", None, "note"),
    ("UPDATE checkpoints SET note = 7 WHERE size = 6", None, "note"),
    ("UPDATE checkpoints SET size = 5 WHERE size = 4", 3, "note"),
    ("UPDATE checkpoints SET size = 'x' WHERE size = 6", None, "note"),
    ("UPDATE checkpoints SET key_id = '00000000' WHERE size = 6", 5, "note"),
    ("UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 4) WHERE size = 6", 5, "note"),
    ("INSERT INTO checkpoints SELECT 5, key_id, note FROM checkpoints WHERE size = 4", 4, "note"),
    ("UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), char(10) || '6', char(10) || '7') AS BLOB) WHERE size = 6",
     5, "note"),
    ("DROP TABLE checkpoints", None, "store"),
])
def test_a_changed_row_of_notes_is_refused(noted: Path, tamper: Tamper, statement: str, entry: int | None,
                                           mechanism: str) -> None:
    """Removed, replaced, moved, filed twice, of another type."""
    tamper(noted, statement)
    if mechanism == "store":
        with pytest.raises(LedgerError, match="no such table"):
            Ledger.open(noted)
        assert (None, "store") in [(f.entry, f.mechanism) for f in verify(noted).findings]
    else:
        refused(noted, entry, mechanism)


@pytest.mark.parametrize("at", range(40, 250, 7))
def test_a_flipped_byte_of_a_note_is_refused(noted: Path, tamper: Tamper, at: int) -> None:
    """In the origin, the size, the root, the key id or the signature."""
    store = sqlite3.connect(noted / "ledger.db")
    (raw,) = store.execute("SELECT note FROM checkpoints WHERE size = 6").fetchone()
    store.close()
    at = min(at, len(raw) - 1)
    tamper(noted, "UPDATE checkpoints SET note = ? WHERE size = 6", raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])
    with pytest.raises(LedgerError, match=r"\((note|root)\)"):
        Ledger.open(noted)
    assert verify(noted).exit_code == 5


def foreign(ledger: Ledger, key: SessionKey, size: int, lines: list[bytes]) -> tuple[str, int, str, bytes]:
    made = key.sign(size, recursive(lines))
    return "INSERT INTO checkpoints VALUES (?, ?, ?)", size, made.key_id, made.raw


def test_notes_of_keys_that_may_not_sign_are_refused(ledger: Ledger, tamper: Tamper) -> None:
    """Of no session, of one that had not started or had ended, over another tree, over more than there is."""
    key = ledger._author.key
    assert key is not None
    private = key._key
    ledger.append("decision")
    ledger.end_session()
    ledger.start_session("Sam")
    ledger.append("note")
    lines = [e.line for e in ledger.entries()]
    ledger.close()
    pristine = (ledger.folder / "ledger.db").read_bytes()
    key._key = private                                 # a process that did not forget it
    after = len(lines)
    for size, signer, told, words in [
            (after, SessionKey(ledger.origin), lines, "not signed by the key of any session"),
            (after, key, lines, "was not made during session 1"),
            (1, key, lines[:1], "not signed by the key of any session"),
            (3, key, lines[:2], "does not fit them"),
            (after + 1, key, [*lines, b"more"], "covers more than"),
            (after, SessionKey(ledger.origin.replace("drill", "live")), lines, "is of another ledger")]:
        (ledger.folder / "ledger.db").write_bytes(pristine)
        tamper(ledger.folder, *foreign(ledger, signer, size, told))
        with pytest.raises(LedgerError, match=words):
            Ledger.open(ledger.folder)
        assert verify(ledger.folder).exit_code == 5


def test_an_open_ledger_that_met_a_bad_note_appends_nothing_more(ledger: Ledger, tamper: Tamper) -> None:
    """Neither at once nor at the next attempt."""
    ledger.append("decision")
    lines = [e.line for e in ledger.entries()]
    tamper(ledger.folder, *foreign(ledger, SessionKey(ledger.origin), len(lines), lines))
    for _ in range(2):
        with pytest.raises(LedgerError, match="not signed by the key of any session"):
            ledger.append("note")
    with pytest.raises(LedgerError, match="not signed by the key"):
        ledger.end_session()
    with pytest.raises(LedgerError, match="not signed by the key"):
        list(ledger.entries())
    assert ledger.last() == 3


def test_an_erased_value_is_no_contradiction(ledger: Ledger, tamper: Tamper) -> None:
    """Of a note or of a listed artefact; a value that nobody erased is missing."""
    text = ledger.append("note", disclose={"text": "x", "more": "y"})
    kept = ledger.keep("call.txt", b"rang back")
    listed = next(ledger.entries(after=kept.seq - 1))
    ledger.append("erased", {"of": text.seq, "digests": [text.sd[0]]}, {"erase.basis": "GDPR 17"})
    ledger.append("erased", {"of": listed.seq, "digests": list(listed.sd)}, {"erase.basis": "GDPR 17"})
    ledger.end_session()
    ledger.close()
    for digest in (text.sd[0], *listed.sd):
        tamper(ledger.folder, "DELETE FROM disclosures WHERE digest = ?", digest)
    (ledger.folder / "artifacts" / kept.sha256).unlink()
    assert verify(ledger.folder).findings == []
    with Ledger.open(ledger.folder) as again:
        assert len(list(again.entries())[text.seq].disclosed) == 1
    tamper(ledger.folder, "DELETE FROM disclosures WHERE digest = ?", text.sd[1])
    assert "1 value of entry 3 is missing" in refused(ledger.folder, text.seq, "disclosure")
