"""irkit ledger label, labels and erase."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pexpect
import pytest

from irkit.errors import LedgerError
from irkit.ledger import Ledger, database
from irkit.ledger.export import entries_of, stored
from tests.cli.people import CALL, NAME, entries, incident, verified
from tests.cli.rig import Capsys, irkit
from tests.cli.test_ledger import row

ROOT = Path(__file__).resolve().parents[2]
WHY = ("--basis", "GDPR art. 17", "--by", "DPO")
SURE = ("--confirm", NAME)


def note_of(folder: Path) -> int:
    return entries(folder, "note")[0].seq


def body_of(folder: Path, seq: int, name: str) -> bytes:
    """The middle of a disclosure as stored: nobody else's bytes look like that."""
    with Ledger.open(folder, write=False) as ledger:
        found = next(one for one in entries_of(stored(ledger)) if one.entry.seq == seq)
    return next(one.body for one in found.disclosures if one.name == name).encode()[8:]


def holding(folder: Path, content: bytes) -> list[str]:
    """The files of an incident that hold these bytes."""
    return [path.name for path in folder.rglob("*") if path.is_file() and content in path.read_bytes()]


# -- labels ------------------------------------------------------------------------------------------------------

def test_a_label_is_an_entry_of_its_own(capsys: Capsys) -> None:
    """The labelled line stays; `labels` shows what stands, and a removed one no more."""
    folder = incident()
    seq = note_of(folder)
    line = entries(folder, "note")[0].line
    assert irkit(capsys, "ledger", "label", NAME, str(seq), "privilege", *WHY).code == 0
    assert irkit(capsys, "ledger", "label", NAME, str(seq), "personal", "--field", "text", *WHY).code == 0
    listed = irkit(capsys, "ledger", "labels", NAME, "--json").json["labels"]
    assert [(one["of"], one["label"], one["fields"]) for one in listed] == [(seq, "privilege", []), (seq, "personal", ["text"])]
    assert (listed[0]["basis"], listed[0]["by"]) == ("GDPR art. 17", "DPO")
    assert irkit(capsys, "ledger", "label", NAME, str(seq), "privilege", "--remove", *WHY).code == 0
    assert [one["label"] for one in irkit(capsys, "ledger", "labels", NAME, "--json").json["labels"]] == ["personal"]
    assert "personal (text)" in irkit(capsys, "ledger", "labels", NAME).out
    assert irkit(capsys, "ledger", "label", NAME, str(seq), "privilege", "--remove", *WHY).code == 2
    assert entries(folder, "note")[0].line == line
    verified(folder)


@pytest.mark.parametrize(("words", "said"), [
    (("99", "privilege"), "has no entry 99"),
    (("-1", "privilege"), "o such option"),
    (("1", "Free text of counsel"), "cannot be a label"),
    (("1", "privilege", "--field", "nothing"), "it has: person.name"),
    (("1", "privilege", "--field", "person.name", "--remove"), "takes no --field"),
])
def test_what_cannot_be_labelled(capsys: Capsys, words: tuple[str, ...], said: str) -> None:
    """Exit 2 with the reason; nothing is appended."""
    folder = incident()
    before = len(entries(folder))
    ran = irkit(capsys, "ledger", "label", NAME, *words, *WHY)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert len(entries(folder)) == before


# -- erase -------------------------------------------------------------------------------------------------------

def test_an_erased_value_is_in_no_file(capsys: Capsys) -> None:
    """Its bytes leave the database and the wal; the line stays, and the ledger verifies."""
    folder = incident()
    seq = note_of(folder)
    secret, line = body_of(folder, seq, "text"), entries(folder, "note")[0].line
    assert holding(folder, secret)
    ran = irkit(capsys, "ledger", "erase", NAME, str(seq), "text", *WHY, *SURE)
    assert ran.code == 0, ran.err
    assert not holding(folder, secret)
    note, erased = entries(folder, "note")[0], entries(folder, "erased")[0]
    assert note.line == line
    assert dict(note.disclosed) == {"observed_at": "2026-11-20T02:00:00Z"}
    assert (erased.data["of"], erased.disclosed["erase.basis"], erased.disclosed["erase.by"]) == (seq, "GDPR art. 17", "DPO")
    assert set(erased.data["digests"]) < set(note.sd)
    verified(folder)


def test_bytes_that_another_process_reads_go_once_it_ends(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is out of the ledger; exit 1 says that the files still hold it, and how to go on."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    folder = incident()
    seq = str(note_of(folder))
    secret = body_of(folder, int(seq), "text")
    words = ("ledger", "erase", NAME, seq, "text", *WHY, *SURE)
    reader = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    ran = irkit(capsys, *words)
    assert ran.code == 1
    assert f"irkit ledger erase {NAME} {seq} text" in ran.err
    assert "text" not in entries(folder, "note")[0].disclosed
    assert holding(folder, secret)
    reader.close()
    assert irkit(capsys, *words).code == 0
    assert not holding(folder, secret)
    verified(folder)


def test_the_triggers_are_back(capsys: Capsys) -> None:
    """After an erasure the store refuses a deletion as before."""
    folder = incident()
    irkit(capsys, "ledger", "erase", NAME, str(note_of(folder)), "text", *WHY, *SURE)
    db = sqlite3.connect(folder / "ledger.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("DELETE FROM disclosures")
    db.close()


def test_nothing_is_erased_under_a_hold(capsys: Capsys) -> None:
    """Refused, with a note that says so and not what; once released it goes."""
    folder = incident()
    seq = note_of(folder)
    irkit(capsys, "hold", "place", NAME, "--by", "counsel", "--reason", "letter")
    ran = irkit(capsys, "ledger", "erase", NAME, str(seq), "text", *WHY, *SURE)
    assert ran.code == 1
    assert "irkit hold list INC-1" in ran.err
    refused = entries(folder, "note")[-1]
    assert refused.ref == seq
    assert "refused" in refused.disclosed["text"]
    assert "dana" not in refused.disclosed["text"]
    assert not entries(folder, "erased")
    irkit(capsys, "hold", "release", NAME, "--by", "counsel", "--reason", "settled")
    assert irkit(capsys, "ledger", "erase", NAME, str(seq), "text", *WHY, *SURE).code == 0
    verified(folder)


def test_a_hold_placed_meanwhile_undoes_the_erasure() -> None:
    """The store refuses inside the transaction, and the value is still there."""
    from irkit.ledger.erase import carry_out, plan
    folder = incident()
    with Ledger.open(folder) as ledger, Ledger.open(folder) as other:
        ledger.start_session("dpo")
        what = plan(ledger, note_of(folder), ["text"])
        other.start_session("counsel")
        other.append("hold.placed", {}, {}, by="human")
        with pytest.raises(LedgerError, match="while a hold stands"):
            carry_out(ledger, what, basis="x", by="y")
        other.end_session()
        ledger.end_session()
    assert "text" in entries(folder, "note")[0].disclosed
    verified(folder)


@pytest.mark.parametrize("kind", ["genesis", "session.start", "checkpoint", "hold.placed"])
def test_what_the_record_stands_on_is_never_erased(capsys: Capsys, kind: str) -> None:
    """Refused by kind, before anything else."""
    folder = incident()
    irkit(capsys, "hold", "place", NAME, "--by", "counsel", "--reason", "letter")
    seq = entries(folder, kind)[0].seq
    ran = irkit(capsys, "ledger", "erase", NAME, str(seq), "hold.by", *WHY, *SURE)
    assert ran.code == 2
    assert "nothing is ever erased" in " ".join(ran.err.split())


def test_erasing_wants_the_phrase_or_the_id(capsys: Capsys) -> None:
    """Neither a wrong id nor no terminal erases anything; an unknown name says what there is."""
    folder = incident()
    seq = str(note_of(folder))
    assert irkit(capsys, "ledger", "erase", NAME, seq, "text", *WHY).code == 2
    assert irkit(capsys, "ledger", "erase", NAME, seq, "text", *WHY, "--confirm", "INC-2").code == 2
    ran = irkit(capsys, "ledger", "erase", NAME, seq, "nothing", *WHY, *SURE)
    assert ran.code == 2
    assert "it has: observed_at, text" in ran.err
    assert not entries(folder, "erased")


def test_an_artefact_stays_unless_it_is_to_go(capsys: Capsys) -> None:
    """Without the flag the file is left, and verify says that no entry lists it; with it, it is gone and not missed."""
    folder = incident()
    log, call = entries(folder, "artefact.added")[1:]
    assert irkit(capsys, "ledger", "erase", NAME, str(log.seq), "artefact", *WHY, *SURE).code == 0
    assert (folder / "artifacts" / log.disclosed["artefact.sha256"]).exists()
    assert any("no entry lists" in text for text in verified(folder).notes)
    ran = irkit(capsys, "ledger", "erase", NAME, str(call.seq), "artefact", "--with-artefact", *WHY, *SURE)
    assert ran.code == 0, ran.err
    assert not holding(folder, CALL)
    verified(folder)
    for words in (("ledger", "show", NAME), ("status", NAME), ("custody", "show", NAME), ("note", NAME, "goes on")):
        assert irkit(capsys, *words).code == 0
    assert row(irkit(capsys, "ledger", "show", NAME).out, "artefact.added")


def test_a_name_alone_can_go(capsys: Capsys) -> None:
    """The artefact is still asked for, as its hash and size are still shown."""
    folder = incident()
    call = entries(folder, "artefact.added")[2]
    assert irkit(capsys, "ledger", "erase", NAME, str(call.seq), "artefact.name", *WHY, *SURE).code == 0
    assert verified(folder).artefacts == 3


def test_an_artefact_that_is_still_named_does_not_go(capsys: Capsys) -> None:
    """Another entry lists the same bytes, or a run stands on them as its runbook: refused, nothing is changed."""
    folder = incident()
    Path("again.txt").write_bytes(CALL)
    assert irkit(capsys, "attach", NAME, "again.txt").code == 0
    book, _, call, _ = entries(folder, "artefact.added")
    for one in (book, call):
        ran = irkit(capsys, "ledger", "erase", NAME, str(one.seq), "artefact", "--with-artefact", *WHY, *SURE)
        assert ran.code == 2
        assert "still named" in ran.err
    assert not entries(folder, "erased")
    verified(folder)


def test_erasing_twice_sees_to_the_bytes(capsys: Capsys) -> None:
    """A second time nothing is appended; the files are written anew once more."""
    folder = incident()
    seq = str(note_of(folder))
    assert irkit(capsys, "ledger", "erase", NAME, seq, "text", *WHY, *SURE).code == 0
    before = len(entries(folder))
    ran = irkit(capsys, "ledger", "erase", NAME, seq, "text", *WHY, *SURE)
    assert ran.code == 0
    assert "Erased before" in ran.err
    assert len(entries(folder)) == before


def test_a_removal_behind_irkits_back_is_still_found(capsys: Capsys) -> None:
    """An erasure of one value excuses no other one of the entry."""
    folder = incident()
    seq = note_of(folder)
    irkit(capsys, "ledger", "erase", NAME, str(seq), "text", *WHY, *SURE)
    db = sqlite3.connect(folder / "ledger.db")
    db.execute("DROP TRIGGER disclosures_refuse_DELETE")
    db.execute("DELETE FROM disclosures WHERE seq = ?", (seq,))
    db.commit()
    db.close()
    assert irkit(capsys, "ledger", "verify", NAME).code == 5


def test_the_phrase_is_typed_on_a_terminal() -> None:
    """DRILL stands before it; anything else asks again, q leaves everything as it was."""
    folder = incident("drill")
    seq = note_of(folder)

    def on_terminal() -> pexpect.spawn[str]:
        child = pexpect.spawn(sys.executable, ["-m", "irkit", "ledger", "erase", NAME, str(seq), "text", *WHY, "--plain"],
                              encoding="utf-8", timeout=20, env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"})
        child.expect(f"DRILL Type ERASE {NAME} {seq} to erase it for good, or q quit: ")
        return child

    child = on_terminal()
    child.sendline("q")
    child.expect("nothing was changed")
    child.expect(pexpect.EOF)
    assert not entries(folder, "erased")
    child = on_terminal()
    child.sendline("yes")
    child.expect("Accepted here")
    child.expect("or q quit: ")                # what is typed before it stands there again does not count
    child.sendline(f"ERASE {NAME} {seq}")
    child.expect("DRILL Erased 1 value")
    child.expect(pexpect.EOF)
    assert len(entries(folder, "erased")) == 1
