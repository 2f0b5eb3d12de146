"""What is changed behind irkit's back is found: on open as the first thing that is wrong, by verify all of it.

The intruder of these tests has the folder and no key; the verifier has the folder alone. What is done with more than that, or
found with more, is in test_forgeries.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from irkit.errors import LedgerError
from irkit.ledger import Ledger, leaf_hash
from irkit.ledger.verify import verify
from tests.ledger.conftest import Tamper


def refused(folder: Path) -> str:
    """The error of opening, for writing and for reading."""
    with pytest.raises(LedgerError) as reading:
        Ledger.open(folder, write=False)
    with pytest.raises(LedgerError) as writing:
        Ledger.open(folder)
    assert writing.value.what == reading.value.what
    assert (writing.value.exit_code, writing.value.next) == (5, f"irkit ledger verify {folder.name}")
    return f"{writing.value.what} {writing.value.where}"


def row(folder: Path, query: str) -> tuple[bytes | str, ...]:
    store = sqlite3.connect(folder / "ledger.db")
    found: tuple[bytes | str, ...] = store.execute(query).fetchone()
    store.close()
    return found


def found(folder: Path) -> list[tuple[int | None, str]]:
    report = verify(folder)
    assert report.exit_code == 5
    assert report.problems == len(report.findings)
    return [(finding.entry, finding.mechanism) for finding in report.findings]


def test_an_untouched_ledger_verifies(closed: Path) -> None:
    """Nothing found, everything counted, and all of it under the note of its own session."""
    report = verify(closed)
    assert (report.exit_code, report.entries, report.artefacts, report.disclosures) == (0, 8, 2, 8)
    assert report.sound == 8
    assert (report.checkpoints, report.noted, report.remarks, report.notes) == (1, 8, [], [])
    assert [(r.first, r.last, r.session, r.attributed) for r in report.ranges] == [(1, 7, 1, True)]
    with Ledger.open(closed, write=False) as ledger:
        assert report.head == list(ledger.entries())[-1].leaf
        assert (report.mode, report.origin) == (ledger.mode, ledger.origin)


def test_any_flipped_byte_of_a_line_is_found(ledger: Ledger, tamper: Tamper) -> None:
    """Every byte of one line, one after the other."""
    line = ledger.append("note", {"n": 1}, {"text": "x"}).line
    ledger.close()
    for at in range(len(line)):
        flipped = line[:at] + bytes([line[at] ^ 1]) + line[at + 1:]
        tamper(ledger.folder, "UPDATE entries SET line = ? WHERE seq = 3", flipped)
        assert (3, "hash") in found(ledger.folder)


def test_any_flipped_byte_of_a_value_is_found(ledger: Ledger, tamper: Tamper) -> None:
    """Every character of one disclosure."""
    ledger.append("note", {"n": 1}, {"text": "x"})
    ledger.close()
    (body,) = row(ledger.folder, "SELECT body FROM disclosures WHERE seq = 3")
    assert isinstance(body, str)
    for at in range(len(body)):
        flipped = body[:at] + chr(ord(body[at]) ^ 1) + body[at + 1:]
        tamper(ledger.folder, "UPDATE disclosures SET body = ? WHERE seq = 3", flipped)
        assert found(ledger.folder) == [(3, "disclosure")]


@pytest.mark.parametrize(("statement", "first", "others"), [
    ("UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), 'reversible', 'reverSible') AS BLOB) WHERE seq = 3",
     (3, "hash"), [(7, "root")]),
    ("UPDATE entries SET leaf = randomblob(32) WHERE seq = 3", (3, "hash"), []),
    ("UPDATE entries SET line = 'text' WHERE seq = 3", (3, "bytes"), [(7, "root")]),
    ("DELETE FROM entries WHERE seq = 5", (5, "disclosure"), [(5, "numbering")]),
    ("DELETE FROM entries WHERE seq = 0", (0, "numbering"), []),
    ("DELETE FROM entries WHERE seq < 3", (1, "disclosure"), [(0, "numbering")]),
    ("UPDATE entries SET seq = -1 WHERE seq = 0", (-1, "numbering"), None),
    ("UPDATE entries SET seq = 9 WHERE seq = 7", (9, "numbering"), [(7, "numbering"), (6, "note")]),
    ("INSERT INTO entries SELECT 8, line, leaf FROM entries WHERE seq = 4", (8, "numbering"), None),
    ("DELETE FROM disclosures WHERE seq = 5", (5, "disclosure"), []),
    ("INSERT INTO disclosures SELECT 3, digest, body FROM disclosures WHERE seq = 5", (3, "disclosure"), []),
    ("INSERT INTO disclosures SELECT 99, digest, body FROM disclosures WHERE seq = 5", (99, "disclosure"), []),
    ("INSERT INTO disclosures SELECT 'x', digest, body FROM disclosures WHERE seq = 5", (None, "disclosure"), []),
    ("UPDATE disclosures SET body = x'00' WHERE seq = 5", (5, "disclosure"), []),
    ("DELETE FROM entries", None, None),
])
def test_what_was_done_to_the_store_is_found(closed: Path, tamper: Tamper, statement: str, first: tuple[int | None, str] | None,
                                             others: list[tuple[int | None, str]] | None) -> None:
    """Changed, removed, inserted, moved and doubled entries and values: named by entry and mechanism, and nothing else is."""
    tamper(closed, statement)
    findings = found(closed)
    if first is not None:
        assert first in findings
    if first is not None and others is not None:
        assert sorted(findings, key=str) == sorted([first, *others], key=str)
    words = refused(closed)
    if first is not None and others in ([], [(7, "root")]):
        assert f"({first[1]})" in words
        assert first[0] is None or f"entry {first[0]} of" in words


def test_reordered_entries_are_found(closed: Path, tamper: Tamper) -> None:
    """Two entries that changed places are both named."""
    tamper(closed, "UPDATE entries SET seq = 99 WHERE seq = 4")
    tamper(closed, "UPDATE entries SET seq = 4 WHERE seq = 5")
    tamper(closed, "UPDATE entries SET seq = 5 WHERE seq = 99")
    assert {(4, "numbering"), (5, "numbering"), (4, "chain"), (5, "chain"), (6, "chain")} <= set(found(closed))
    assert "entry 4" in refused(closed)


def test_a_line_changed_together_with_its_hash_breaks_the_chain(closed: Path, tamper: Tamper) -> None:
    """The next entry still names the old hash, and the note another root; what comes before still verifies."""
    (line,) = row(closed, "SELECT line FROM entries WHERE seq = 4")
    assert isinstance(line, bytes)
    forged = line.replace(b'"status":200', b'"status":204')
    tamper(closed, "UPDATE entries SET line = ?, leaf = ? WHERE seq = 4", forged, leaf_hash(forged))
    assert found(closed) == [(5, "chain"), (7, "root")]
    finding = verify(closed).findings[0]
    assert finding.what == "entry 5 does not follow from entry 4"
    assert re.fullmatch(r"4 hashes to [0-9a-f]{6}\.\.[0-9a-f]{4}, 5 says [0-9a-f]{6}\.\.[0-9a-f]{4}", finding.detail[0])
    assert verify(closed).sound == 5
    assert "entry 5 does not follow from entry 4" in refused(closed)


def rewrite(folder: Path, tamper: Tamper, seq: int, old: bytes, new: bytes) -> None:
    """Change the last entry and its hash, on purpose against a rule: no later entry can contradict it."""
    (line,) = row(folder, f"SELECT line FROM entries WHERE seq = {seq}")
    assert isinstance(line, bytes)
    assert old in line
    forged = line.replace(old, new)
    tamper(folder, "UPDATE entries SET line = ?, leaf = ? WHERE seq = ?", forged, leaf_hash(forged), seq)


@pytest.mark.parametrize(("old", "new", "mechanism"), [
    (b'"session":1', b'"session":5', "session"),
    (b'"session":1', b'"session":7', "session"),
    (b'"who":"SHA256:', b'"who":"SHA265:', "session"),
    (b'"irkit/drill/', b'"irkit/live/', "genesis"),
    (b'"v":1', b'"v":2', "bytes"),
    (b'"by":"machine"', b'"by": "machine"', "bytes"),
    (b'"kind":"session.end"', b'"kind":"genesis"', "genesis"),
    (b'"kind":"session.end"', b'"kind":"request.sending"', "session"),
])
def test_rules_among_entries_are_checked(closed: Path, tamper: Tamper, old: bytes, new: bytes, mechanism: str) -> None:
    """Sessions that did not start, another person, another ledger, an unknown version, another run."""
    rewrite(closed, tamper, 7, old, new)
    assert {(7, mechanism), (7, "root")} <= set(found(closed))


def test_entries_after_the_end_of_their_session_are_found(closed: Path, tamper: Tamper) -> None:
    """Nothing may be added under a session that has ended; nor does its key sign it."""
    line, leaf = row(closed, "SELECT line, leaf FROM entries WHERE seq = 7")
    assert isinstance(line, bytes)
    assert isinstance(leaf, bytes)
    more = re.sub(rb'"prev":"[0-9a-f]{64}"', b'"prev":"' + leaf.hex().encode() + b'"', line).replace(b'"seq":7', b'"seq":8')
    tamper(closed, "INSERT INTO entries VALUES (8, ?, ?)", more, leaf_hash(more))
    assert found(closed) == [(8, "session"), (8, "note")]


def test_an_unknown_kind_is_read_uninterpreted(ledger: Ledger, tamper: Tamper) -> None:
    """A later version's entry is checked like any other."""
    ledger.append("note")
    ledger.close()
    rewrite(ledger.folder, tamper, 3, b'"kind":"note"', b'"kind":"moon.phase"')
    assert verify(ledger.folder).exit_code == 0
    with Ledger.open(ledger.folder) as again:
        assert list(again.entries())[-1].kind == "moon.phase"
        again.start_session("Sam")
        again.end_session()
    assert verify(ledger.folder).findings == []


# -- artefacts ---------------------------------------------------------------------------------------------------

def artefact(folder: Path, size: int) -> Path:
    return next(path for path in (folder / "artifacts").iterdir() if path.stat().st_size == size)


@pytest.mark.parametrize("size", [29, 200_000])
def test_a_missing_artefact_is_found(closed: Path, size: int) -> None:
    """Whether an entry lists it or a value was too large for its line."""
    artefact(closed, size).unlink()
    (finding,) = verify(closed).findings
    assert (finding.mechanism, finding.level) == ("artefact", "MISSING")
    assert "is missing (artefact)" in refused(closed)


def test_a_shortened_artefact_is_found(closed: Path) -> None:
    """On open already: sizes are compared."""
    path = artefact(closed, 29)
    path.chmod(0o600)
    path.write_bytes(b"rang")
    assert found(closed) == [(6, "artefact")]
    assert "has 4 bytes, not 29" in refused(closed)


def test_a_flipped_byte_of_an_artefact_is_found(closed: Path) -> None:
    """By verify, and by whoever opens the artefact: the hash is compared before a byte is handed out."""
    path = artefact(closed, 29)
    path.chmod(0o600)
    path.write_bytes(b"R" + path.read_bytes()[1:])
    assert found(closed) == [(6, "artefact")]
    with Ledger.open(closed) as ledger:
        with pytest.raises(LedgerError, match="was changed"):
            ledger.open_artefact(path.name)
        ledger.start_session("Sam")
        with pytest.raises(LedgerError, match="was changed"):
            ledger.keep("call.txt", b"rang back on the known number")


def test_files_that_belong_to_no_entry_are_noted(closed: Path) -> None:
    """They contradict nothing: a killed process leaves such files."""
    (closed / "artifacts" / ".part-1").write_bytes(b"half")
    (closed / "artifacts" / ("ab" * 32)).write_bytes(b"")
    report = verify(closed)
    assert report.exit_code == 0
    assert any("1 unfinished" in note for note in report.notes)
    assert any("no entry lists" in note for note in report.notes)


# -- the file ----------------------------------------------------------------------------------------------------

def test_a_torn_file_is_a_finding(closed: Path) -> None:
    """What SQLite cannot read is reported from where it ends."""
    path = closed / "ledger.db"
    raw = bytearray(path.read_bytes())
    raw[8192:] = b"\xa5" * len(raw[8192:])
    path.write_bytes(raw)
    report = verify(closed)
    assert report.exit_code == 5
    assert {finding.mechanism for finding in report.findings} & {"store", "genesis"}
    with pytest.raises(LedgerError):
        Ledger.open(closed)


def test_a_missing_table_is_a_finding(closed: Path, tamper: Tamper) -> None:
    """The parts of the format are all there, or it is said."""
    tamper(closed, "DROP TABLE tokens")
    assert found(closed) == [(None, "store")]


def test_a_change_under_an_open_ledger_is_refused(ledger: Ledger, tamper: Tamper) -> None:
    """The end of the chain is compared inside each append; nothing is added to a ledger that was cut."""
    ledger.append("note", disclose={"text": "x"})
    tamper(ledger.folder, "DELETE FROM entries WHERE seq = 3")
    with pytest.raises(LedgerError, match="while the ledger was open"):
        ledger.append("note")
    assert ledger.last() == 2


def test_a_value_removed_under_an_open_ledger_is_missed(ledger: Ledger, tamper: Tamper) -> None:
    """A reading hands out no entry without a value that it asks for; and nothing is appended afterwards."""
    ledger.append("note", disclose={"text": "x"})
    assert len(list(ledger.entries())) == 4
    tamper(ledger.folder, "DELETE FROM disclosures WHERE seq = 3")
    for _ in range(2):
        with pytest.raises(LedgerError, match="1 value of entry 3 is missing"):
            list(ledger.entries())
    with pytest.raises(LedgerError, match="1 value of entry 3 is missing"):
        ledger.append("note")


def test_a_value_changed_under_an_open_ledger_is_not_read(ledger: Ledger, tamper: Tamper) -> None:
    """Each reading but the first, which has what was written just now, compares values with their digests again."""
    ledger.append("note", disclose={"text": "x"})
    assert len(list(ledger.entries())) == 4
    tamper(ledger.folder, "UPDATE disclosures SET body = 'WyJhIl0' WHERE seq = 3")
    with pytest.raises(LedgerError, match="a value of entry 3 does not match its digest"):
        list(ledger.entries())


def test_findings_are_many_and_bounded(ledger: Ledger, tamper: Tamper) -> None:
    """All problems are counted; the first 200 are told."""
    last = [ledger.append("note", {"n": n}).seq for n in range(300)][-1]
    ledger.close()
    tamper(ledger.folder, "UPDATE entries SET leaf = x'00'")
    report = verify(ledger.folder)
    assert (report.problems, len(report.findings), report.sound) == (last + 1, 200, 0)
