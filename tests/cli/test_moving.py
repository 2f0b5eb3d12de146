"""irkit incident pack, unpack and compare."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from irkit.errors import NotTheHolder
from irkit.ledger import Ledger, artefacts
from irkit.ledger import pack as packs
from irkit.ledger.pack import BLOCK, header
from irkit.ledger.sshsig import Throwaway
from tests.cli.people import LOG, NAME, entries, incident, verified
from tests.cli.rig import Capsys, irkit

PACK, THERE = Path("INC-1.pack"), Path("there")


@pytest.fixture
def packed(capsys: Capsys) -> Path:
    """A drill's incident with an open run, and `./INC-1.pack`."""
    folder = incident("drill", open_run=True)
    ran = irkit(capsys, "incident", "pack", NAME, "--output", str(PACK))
    assert ran.code == 0, ran.err
    return folder


def unpack(capsys: Capsys, *more: str, root: Path = THERE, pack: Path = PACK) -> tuple[int, str]:
    ran = irkit(capsys, "incident", "unpack", str(pack), *more, "--evidence", str(root))
    return ran.code, ran.words


def resume(folder: Path, who: str) -> None:
    with Ledger.open(folder) as ledger:
        ledger.start_session(who, signer=Throwaway())
        ledger.append("run.resumed", run="r1", by="human")
        ledger.end_session()


def test_a_pack_arrives_whole_and_verified(packed: Path, capsys: Capsys) -> None:
    """The same entries and artefacts, verified, with the modes of an incident; and the copy can be written to."""
    code, words = unpack(capsys)
    assert (code, "Unpacked and verified INC-1" in words) == (0, True)
    there = THERE / NAME
    assert [one.line for one in entries(there)] == [one.line for one in entries(packed)]
    assert {one.name for one in (there / "artifacts").iterdir()} == {one.name for one in (packed / "artifacts").iterdir()}
    assert {oct(one.stat().st_mode & 0o777) for one in (there / "artifacts").iterdir()} == {"0o400"}
    assert [one.name for one in THERE.iterdir()] == [NAME]
    resume(there, "sam")
    verified(there)


def test_of_two_that_unpack_at_once_one_is_first(packed: Path, capsys: Capsys) -> None:
    """The other is told that somebody was faster, and nothing about the disk; what is there stays whole, and nothing else."""
    free = artefacts.must_be_free

    def faster(_: Path) -> None:
        with mock.patch.object(packs, "must_be_free", free):
            assert unpack(capsys)[0] == 0
    with mock.patch.object(packs, "must_be_free", faster):
        code, words = unpack(capsys)
    assert (code, "somebody else made INC-1 just now" in words, "df -h" in words) == (1, True, False)
    assert [one.name for one in THERE.iterdir()] == [NAME]
    verified(THERE / NAME)


def test_the_same_entries_give_the_same_bytes(packed: Path, capsys: Capsys) -> None:
    """Packed again, the file is the same; one that is there is not replaced."""
    assert irkit(capsys, "incident", "pack", NAME, "--output", "again").code == 0
    assert Path("again").read_bytes() == PACK.read_bytes()
    assert irkit(capsys, "incident", "pack", NAME, "--output", "again").code == 2


def test_whoever_packed_sends_nothing_more(capsys: Capsys) -> None:
    """A session that held the run is refused from then on, by the ledger and by both verifiers' rule."""
    folder = incident("drill", open_run=True)
    with Ledger.open(folder) as old:
        old.start_session("Maria Lopez", signer=Throwaway())
        old.append("run.resumed", run="r1", by="human")
        assert irkit(capsys, "incident", "pack", NAME, "--output", str(PACK)).code == 0
        with pytest.raises(NotTheHolder, match="packed to be moved"):
            old.append("request.sending", run="r1")
    assert "another copy may go on" in " ".join(irkit(capsys, "status", NAME).out.split())


def test_two_copies_that_both_go_on_are_a_fork(packed: Path, capsys: Capsys) -> None:
    """Compare names the first differing entry; unpacking over it is refused and changes nothing."""
    unpack(capsys)
    resume(packed, "maria")
    resume(THERE / NAME, "sam")
    ran = irkit(capsys, "incident", "compare", NAME, str(THERE / NAME))
    common = next(n for n, (a, b) in enumerate(zip(entries(packed), entries(THERE / NAME), strict=False)) if a.leaf != b.leaf)
    assert (ran.code, f"entry {common} is session.start" in ran.out) == (5, True)
    irkit(capsys, "incident", "pack", NAME, "--output", "mine.pack")
    before = len(entries(THERE / NAME))
    code, words = unpack(capsys, "--update", pack=Path("mine.pack"))
    assert (code, "both went on" in words, len(entries(THERE / NAME))) == (5, True, before)


def test_a_continuation_is_added_when_asked(packed: Path, capsys: Capsys) -> None:
    """Older, the same and longer are told apart; --update adds the entries, and the ledger verifies."""
    unpack(capsys)
    assert "the same" in unpack(capsys)[1]
    resume(THERE / NAME, "sam")
    assert "the pack is older" in unpack(capsys)[1]
    irkit(capsys, "incident", "pack", str(THERE / NAME), "--output", "back.pack")
    code, words = unpack(capsys, root=Path("evidence"), pack=Path("back.pack"))
    assert (code, "continues it by" in words) == (2, True)
    assert unpack(capsys, "--update", root=Path("evidence"), pack=Path("back.pack"))[0] == 0
    assert [one.leaf for one in entries(packed)] == [one.leaf for one in entries(THERE / NAME)]
    verified(packed)


# -- hostile packs -----------------------------------------------------------------------------------------------

def member(name: str, content: bytes = b"", **changed: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o400
    for key, value in changed.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK)


def before_the_end(more: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:-2 * BLOCK] + more + bytes(2 * BLOCK)


def changed_artefact(raw: bytes) -> bytes:
    return raw.replace(LOG, LOG.swapcase(), 1)


def changed_store(raw: bytes) -> bytes:
    at = raw.index(b'"kind":"note"')
    return raw[:at] + b'"kind":"nota"' + raw[at + 13:]


def twice(raw: bytes) -> bytes:
    last = raw.rindex(b"ustar\0") - 257
    return raw[:-2 * BLOCK] + raw[last:]


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "traversal": (before_the_end(member("INC-1/../../x", b"x")), "leads out"),
    "absolute": (before_the_end(member("/tmp/x", b"x")), "leads out"),
    "link": (before_the_end(member(f"INC-1/artifacts/{EMPTY}", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "no plain file"),
    "hard link": (before_the_end(member(f"INC-1/artifacts/{EMPTY}", type=tarfile.LNKTYPE, linkname="x")), "no plain file"),
    "device": (before_the_end(member(f"INC-1/artifacts/{EMPTY}", type=tarfile.CHRTYPE)), "no plain file"),
    "pax header": (before_the_end(member("x", b"30 path=../../x\n", type=tarfile.XHDTYPE)), "no plain file"),
    "set-uid": (before_the_end(member("INC-1/artifacts/" + "f" * 64, mode=0o4755)), "another mode"),
    "owner": (before_the_end(member("INC-1/artifacts/" + "f" * 64, uid=1000)), "another mode, owner"),
    "unknown file": (before_the_end(member("INC-1/run.sh", b"x")), "which no incident does"),
    "unlisted artefact": (before_the_end(header(f"INC-1/artifacts/{EMPTY}", 0)), "refused"),
    "another incident": (before_the_end(header("INC-2/artifacts/" + "f" * 64, 0)), "another incident"),
    "huge size": (before_the_end(header("INC-1/artifacts/" + "f" * 64, 8**11 - 1)), "fewer follow"),
    "twice": (twice, "twice"),
    "changed artefact": (changed_artefact, "hashes to"),
    "changed store": (changed_store, "refused"),
    "cut": (lambda raw: raw[:len(raw) // 2 // BLOCK * BLOCK], "refused"),
    "cut in a header": (lambda raw: raw[:700], "refused"),
    "no end": (lambda raw: raw[:-2 * BLOCK], "ends too early"),
    "something behind": (lambda raw: raw + b"x" * BLOCK, "does not end"),
    "empty": (lambda _: b"", "ends too early"),
    "nothing in it": (lambda _: bytes(2 * BLOCK), "does not end"),
    "gzip": (lambda _: b"\x1f\x8b" + os.urandom(BLOCK), "no pack"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pack_is_refused_and_leaves_nothing(packed: Path, capsys: Capsys, name: str) -> None:
    """The reason is named, exit 5, and nothing stands below the evidence root."""
    change, why = HOSTILE[name]
    PACK.write_bytes(change(PACK.read_bytes()))
    code, words = unpack(capsys)
    assert (code, why in words) == (5, True), words
    assert list(THERE.iterdir()) == []


def test_a_store_with_more_in_it_than_irkit_lays_out_is_refused(packed: Path, capsys: Capsys) -> None:
    """A trigger, a view, a table: any of them could act later."""
    import sqlite3
    store = Path("ledger.db")
    with tarfile.open(PACK) as tar:
        found = {one.name: tar.extractfile(one) for one in tar.getmembers()}
        raw = {name: file.read() for name, file in found.items() if file}
    store.write_bytes(raw.pop("INC-1/ledger.db"))
    db = sqlite3.connect(store)
    db.execute("CREATE TRIGGER x AFTER INSERT ON entries BEGIN SELECT 1; END")
    db.commit()
    db.close()
    out = io.BytesIO()
    for name, content in [("INC-1/ledger.db", store.read_bytes()), *sorted(raw.items())]:
        out.write(header(name, len(content)) + content + bytes(-len(content) % BLOCK))
    PACK.write_bytes(out.getvalue() + bytes(2 * BLOCK))
    code, words = unpack(capsys)
    assert (code, "laid out in another way" in words, list(THERE.iterdir())) == (5, True, [])


def test_a_missing_artefact_is_refused(packed: Path, capsys: Capsys) -> None:
    """What an entry lists has to come along."""
    last = PACK.read_bytes().rindex(b"ustar\0") - 257
    PACK.write_bytes(PACK.read_bytes()[:last] + bytes(2 * BLOCK))
    code, words = unpack(capsys)
    assert (code, "is missing" in words) == (5, True), words
    assert list(THERE.iterdir()) == []
