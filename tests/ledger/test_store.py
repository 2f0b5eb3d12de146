"""Create, open, append, read."""

from __future__ import annotations

import re
import sqlite3
import stat
from pathlib import Path

import pytest

from irkit.errors import IrkitError, LedgerError, NotTheHolder
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from tests.ledger.conftest import without_checkpoints


def test_what_was_appended_is_read_back(ledger: Ledger) -> None:
    """In this process and after opening again, an entry is what append returned; between them stand checkpoints alone."""
    written = [ledger.append("note", {"n": n}, {"text": f"é {n}"}, by="human") for n in range(600)]
    assert without_checkpoints(ledger.entries(after=2)) == written
    ledger.close()
    with Ledger.open(ledger.folder) as again:
        assert without_checkpoints(again.entries())[3:] == written
        assert list(again.entries(after=written[-3].seq)) == written[-2:]
        assert list(again.entries(after=again.last())) == []
        assert (again.mode, again.origin) == ("drill", ledger.origin)


def test_reading_streams_while_entries_arrive(ledger: Ledger) -> None:
    """A walk over the entries sees those appended during it."""
    for n in range(300):
        ledger.append("note", {"n": n})
    walk = ledger.entries()
    next(walk)
    ledger.append("note", {"n": 300})
    seen = list(walk)
    assert [e.seq for e in seen] == list(range(1, ledger.last() + 1))
    assert seen[-1].data == {"n": 300}


def test_entries_stand_in_their_session(ledger: Ledger) -> None:
    """session.start names itself and the boot; who is the person's key, or a pseudonym that differs between ledgers."""
    start = list(ledger.entries())[1]
    assert (start.seq, start.session, start.kind) == (1, 1, "session.start")
    assert start.disclosed == {"person.name": "Maria"}
    assert start.data["boot"]
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", start.who)
    assert (ledger.append("note").session, ledger.append("note").who) == (1, start.who)
    ledger.end_session()
    ledger.start_session("Maria")
    mine = ledger.append("note").who
    assert re.fullmatch(r"unsigned:[0-9a-f]{16}", mine)
    with Ledger.create(ledger.folder.parent / "INC-2", mode="test", version="1", code_hash="") as other:
        other.start_session("Maria")
        assert re.fullmatch(r"unsigned:[0-9a-f]{16}", other.append("note").who)
        assert other.append("note").who != mine


def test_nothing_is_appended_outside_a_session(ledger: Ledger) -> None:
    """Before session.start and after session.end an append is refused."""
    ledger.end_session()
    ledger.end_session()
    with pytest.raises(LedgerError, match="outside a session"):
        ledger.append("note")
    assert ledger.start_session("Maria") == 4


def test_clocks_are_read_at_the_append(ledger: Ledger) -> None:
    """`at` is UTC with microseconds and mono_ns never goes back, whatever the ledger adds between the entries."""
    for kind in ("note", "decision", "note", "decision", "decision"):
        ledger.append(kind)
    ledger.append_signed("handover.offered", Throwaway())
    ledger.note()
    entries = list(ledger.entries())
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", e.at) for e in entries)
    clocks = [int(re.findall(rb'"mono_ns":"(\d+)"', e.line)[0]) for e in entries]
    assert clocks == sorted(clocks)


# -- who sends ---------------------------------------------------------------------------------------------------

def test_only_the_holder_of_a_run_sends(ledger: Ledger) -> None:
    """After another session resumed the run, this one's request.sending is refused and leaves nothing."""
    ledger.append("request.sending", run="r1")
    with Ledger.open(ledger.folder) as other:
        sam = Throwaway()
        other.start_session("Sam", signer=sam)
        other.append("run.resumed", run="r1")
        with pytest.raises(NotTheHolder, match="taken over"):
            ledger.append("request.sending", run="r1")
        assert ledger.last() == 5
        other.append("request.sending", run="r1")
        offer = other.append_signed("handover.offered", sam, run="r1")
        ledger.append_signed("handover.accepted", sam, run="r1", ref=offer.seq)
        ledger.append("request.sending", run="r1")
        with pytest.raises(NotTheHolder):
            other.append("request.sending", run="r1")
        other.append("note")
    assert verify(ledger.folder).findings == []


@pytest.mark.parametrize("run", [None, "r2"])
def test_a_run_that_was_not_opened_sends_nothing(ledger: Ledger, run: str | None) -> None:
    """Holding r1 is no licence for another run, nor for none."""
    with pytest.raises(NotTheHolder):
        ledger.append("request.sending", run=run)


def test_opening_again_knows_who_holds_a_run(ledger: Ledger) -> None:
    """A new session of the same person does not hold what the old one held."""
    ledger.close()
    with Ledger.open(ledger.folder) as again:
        again.start_session("Maria")
        with pytest.raises(NotTheHolder):
            again.append("request.sending", run="r1")


# -- the store on disk -------------------------------------------------------------------------------------------

def test_the_folder_is_its_owners_alone(closed: Path) -> None:
    """Folders 0700, files 0600, artefacts 0400; nothing lies beside them."""
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)
    assert sorted(path.name for path in closed.iterdir()) == ["artifacts", "ledger.db"]
    assert (mode(closed), mode(closed / "artifacts"), mode(closed / "ledger.db")) == (0o700, 0o700, 0o600)
    assert {mode(path) for path in (closed / "artifacts").iterdir()} == {0o400}


def test_files_of_an_open_store_are_private(ledger: Ledger) -> None:
    """SQLite's own files beside ledger.db as well."""
    assert {stat.S_IMODE(path.stat().st_mode) for path in ledger.folder.glob("ledger.db*")} == {0o600}


@pytest.mark.parametrize("statement", [
    "UPDATE entries SET line = x'00'", "DELETE FROM entries", "REPLACE INTO entries VALUES (0, x'00', x'00')",
    "UPDATE disclosures SET body = ''", "DELETE FROM disclosures",
])
def test_the_store_refuses_to_change(ledger: Ledger, statement: str) -> None:
    """A guard rail against mistakes: the tables take inserts only."""
    connection = sqlite3.connect(ledger.folder / "ledger.db")
    connection.execute("PRAGMA recursive_triggers=ON")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_the_tables_of_what_comes_next_are_there(ledger: Ledger) -> None:
    """Notes and tokens have their place from the first day."""
    store = sqlite3.connect(ledger.folder / "ledger.db")
    names = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    store.close()
    assert {name for (name,) in names} == {"entries", "disclosures", "checkpoints", "tokens"}


def test_an_incident_is_not_made_twice(ledger: Ledger) -> None:
    """create refuses a folder that is there, and changes nothing in it."""
    with pytest.raises(IrkitError, match="already"):
        Ledger.create(ledger.folder, mode="drill", version="1", code_hash="")
    assert ledger.last() == 2


def test_an_incident_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A create that fails leaves no folder."""
    with pytest.raises(ValueError, match="Bad"):
        Ledger.create(tmp_path / "INC-9", mode="live", version="1", code_hash="", data={"Bad": 1})
    assert list(tmp_path.iterdir()) == []


def test_an_entry_too_large_for_a_line_is_refused(ledger: Ledger) -> None:
    """Structure is small; what is large belongs in `disclose`."""
    with pytest.raises(LedgerError, match="60,000"):
        ledger.append("note", {"text": "x" * 60_000})
    assert ledger.last() == 2


# -- what is no incident -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("write", [True, False])
def test_a_folder_that_is_no_incident_is_named(tmp_path: Path, write: bool) -> None:
    """An absent folder, an empty one, and ones with another kind of ledger.db."""
    with pytest.raises(LedgerError, match="there is no incident INC-7"):
        Ledger.open(tmp_path / "INC-7", write=write)
    folder = tmp_path / "photos"
    folder.mkdir()
    with pytest.raises(LedgerError, match="photos is no incident") as caught:
        Ledger.open(folder, write=write)
    assert (caught.value.exit_code, caught.value.next) == (5, "irkit incident list")
    (folder / "ledger.db").write_bytes(b"Dear diary, " * 100)
    with pytest.raises(LedgerError, match="no database"):
        Ledger.open(folder, write=write)
    (folder / "ledger.db").unlink()
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("CREATE TABLE entries(x)")
    connection.close()
    before = (folder / "ledger.db").read_bytes()
    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger.open(folder, write=write)
    assert (folder / "ledger.db").read_bytes() == before


# -- reading only ------------------------------------------------------------------------------------------------

def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("ledger.db*")}


def test_reading_an_idle_store_changes_nothing(closed: Path) -> None:
    """No file is added, changed or touched; and a reader cannot append."""
    before = contents(closed)
    with Ledger.open(closed, write=False) as reader:
        assert len(list(reader.entries())) == 8
        with pytest.raises(IrkitError, match="for reading"):
            reader.append("note")
        with pytest.raises(IrkitError, match="for reading"):
            reader.keep("x", b"")
    verify(closed)
    assert contents(closed) == before


def test_reading_a_store_whose_wal_was_copied_along(ledger: Ledger, tmp_path: Path) -> None:
    """A copy of db and wal without shared memory is read whole, and left alone."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        (copy / name).write_bytes((ledger.folder / name).read_bytes())
    before = contents(copy)
    with Ledger.open(copy, write=False) as reader:
        assert reader.last() == 2
    assert verify(copy).entries == 3
    assert contents(copy) == before
    ledger.append("note")


def test_a_reader_follows_a_writer(ledger: Ledger) -> None:
    """A store in use is read in place, and what is appended later is seen."""
    with Ledger.open(ledger.folder, write=False) as reader:
        assert [e.seq for e in reader.entries()] == [0, 1, 2]
        note = ledger.append("note", disclose={"text": "x"})
        assert reader.last() == 3
        assert list(reader.entries(after=2)) == [note]
    assert ledger.append("note").seq == 4
