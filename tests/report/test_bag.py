"""The bag: BagIt that other tools accept, complete, private, and made whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from irkit.errors import IrkitError, LedgerError, UsageError
from irkit.ledger import Ledger, note, sshsig
from irkit.ledger.bag import MANIFEST, SIGNATURE, TAG_MANIFEST
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.texts import export_text
from irkit.ledger.verify import verify
from irkit.report import bag
from tests.report.incident import RUNBOOK, bagged, build, lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "evidence" / "INC-1")


def test_bagit_py_accepts_it(folder: Path, tmp_path: Path) -> None:
    """The reference implementation validates every file, and the count and size in bag-info.txt."""
    bagit = pytest.importorskip("bagit", reason="bagit is not installed")
    bagged(folder, tmp_path / "bag")
    bagit.Bag(str(tmp_path / "bag")).validate()


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
@pytest.mark.parametrize("manifest", [MANIFEST, TAG_MANIFEST])
def test_sha256sum_accepts_the_manifests(folder: Path, tmp_path: Path, manifest: str) -> None:
    """Two spaces between hash and path are what both tools read."""
    bagged(folder, tmp_path / "bag")
    done = subprocess.run(["sha256sum", "--strict", "-c", manifest], cwd=tmp_path / "bag", capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manifest_lists_every_payload_file_and_no_other(folder: Path, tmp_path: Path) -> None:
    """Nothing lies in data that the manifest does not name."""
    bagged(folder, tmp_path / "bag")
    listed = {line.split("  ")[1] for line in (tmp_path / "bag" / MANIFEST).read_text().splitlines()}
    there = [path for path in (tmp_path / "bag" / "data").rglob("*") if path.is_file()]
    assert listed == {path.relative_to(tmp_path / "bag").as_posix() for path in there}


def test_irkit_verifies_what_it_wrote(folder: Path, tmp_path: Path) -> None:
    """The bag of an honest ledger has no finding that fails."""
    bagged(folder, tmp_path / "bag")
    assert verify(tmp_path / "bag").exit_code == 0


def test_the_lines_are_the_ledgers_own_bytes(folder: Path, tmp_path: Path) -> None:
    """ledger.jsonl holds each line and an LF; it ends with the exported entry, which counts itself."""
    made = bagged(folder, tmp_path / "bag", recipient="Ada Counsel")
    raw = (tmp_path / "bag/data/ledger.jsonl").read_bytes()
    with Ledger.open(folder, write=False) as ledger:
        entries = list(ledger.entries())
    assert raw == b"".join(entry.line + b"\n" for entry in entries[:made.lines])
    last = entries[made.lines - 1]
    assert last.kind == "exported"
    assert last.data["lines"] == made.lines
    assert last.data["withheld_sha256"] == hashlib.sha256(b"").hexdigest()
    assert last.disclosed["export.recipient"] == "Ada Counsel"
    assert entries[made.lines].kind in ("checkpoint", "session.end")         # not in the bag


def test_the_last_note_covers_all_lines(folder: Path, tmp_path: Path) -> None:
    """There is a note of exactly the size of the bag, by a key that keys/sessions.txt names."""
    made = bagged(folder, tmp_path / "bag")
    notes = [note.parse(path.read_bytes()) for path in (tmp_path / "bag/data/checkpoints").iterdir()]
    newest = max(notes, key=lambda one: one.size)
    assert newest.size == made.lines
    vkeys = (tmp_path / "bag/data/keys/sessions.txt").read_text().split()
    keys = {key_id: public for _, key_id, public in map(note.parse_vkey, vkeys)}
    assert note.valid(newest, keys[newest.key_id])


def test_the_tag_manifest_is_signed_by_the_exporting_session(folder: Path, tmp_path: Path) -> None:
    """export.sig verifies over origin, size, root and the tag manifest's hash, and is not listed in it."""
    signer = Throwaway()
    made = bagged(folder, tmp_path / "bag", signer=signer)
    tags = (tmp_path / "bag" / TAG_MANIFEST).read_bytes()
    newest = note.parse(next((tmp_path / "bag/data/checkpoints").glob(f"{made.lines}-*.note")).read_bytes())
    text = export_text(newest.origin, made.lines, newest.root, hashlib.sha256(tags).hexdigest())
    armored = (tmp_path / "bag" / SIGNATURE).read_text()
    assert sshsig.check(armored, "irkit-export@v1", text) == signer.fingerprint
    assert SIGNATURE.encode() not in tags


def test_artefacts_runbooks_and_keys_are_there(folder: Path, tmp_path: Path) -> None:
    """Files under their hash, the runbook under its name, one public key for each person."""
    bagged(folder, tmp_path / "bag")
    data = tmp_path / "bag/data"
    files = list((data / "artifacts").iterdir())
    assert len(files) == 3                              # the runbook, the log, and the answer too large for a line
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in files)
    assert (data / "runbooks/mine.yaml").read_bytes() == RUNBOOK
    assert len(list((data / "keys").glob("*.pub"))) == 3
    assert all(path.read_text().startswith("ssh-ed25519 ") for path in (data / "keys").glob("*.pub"))
    assert (data / "verify.py").read_bytes() == bag.verifier()


def test_disclosures_are_sorted_by_entry_and_digest(folder: Path, tmp_path: Path) -> None:
    """So that checking them is a merge."""
    bagged(folder, tmp_path / "bag")
    rows = lines(tmp_path / "bag/data/disclosures.jsonl")
    keys = [(row["seq"], row["digest"]) for row in rows]
    assert keys == sorted(keys, key=lambda key: (int(str(key[0])), str(key[1])))


def test_only_its_maker_can_read_it(folder: Path, tmp_path: Path) -> None:
    """Folders 0700, files 0600, whatever the umask."""
    old = os.umask(0)
    try:
        bagged(folder, tmp_path / "bag")
    finally:
        os.umask(old)
    for path in [tmp_path / "bag", *(tmp_path / "bag").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_it_never_overwrites(folder: Path, tmp_path: Path) -> None:
    """Whatever stands at the place stays, and nothing is left beside it."""
    (tmp_path / "bag").mkdir()
    with pytest.raises(UsageError, match="not overwritten"):
        bagged(folder, tmp_path / "bag")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "evidence"]
    assert list((tmp_path / "bag").iterdir()) == []


def test_a_bag_that_fails_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """A changed artefact stops the export; no half bag is left under any name."""
    with Ledger.open(folder, write=False) as ledger:
        sha256 = next(str(e.disclosed["artefact.sha256"]) for e in ledger.entries() if e.kind == "artefact.added")
    path = folder / "artifacts" / sha256
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(LedgerError, match="changed"):
        bagged(folder, tmp_path / "bag")
    assert [one.name for one in tmp_path.iterdir()] == ["evidence"]


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    """The error names the place and a command."""
    with pytest.raises(IrkitError) as refused:
        bagged(folder, tmp_path / "missing" / "bag")
    assert str(tmp_path / "missing") in " ".join(refused.value.diagnostics())


@pytest.mark.parametrize("mode", ["drill", "test"])
def test_what_is_not_live_says_so_on_every_page(tmp_path: Path, mode: str) -> None:
    """Each document, each heading, each row and message bears the mode."""
    bagged(build(tmp_path / "evidence" / "INC-1", mode), tmp_path / "bag")
    word = mode.upper()
    for path in (tmp_path / "bag/data").glob("*.md"):
        headings = [line for line in path.read_text().splitlines() if re.match("#+ ", line)]
        assert headings
        assert all(f"# {word} " in line for line in headings), path
    assert all(str(row["message"]).startswith(f"{word} ") for row in lines(tmp_path / "bag/data/timeline.timesketch.jsonl"))
    assert f"External-Description: {word} " in (tmp_path / "bag/bag-info.txt").read_text()
    for name in ("custody.csv", "deadlines.csv"):
        assert all(row.startswith(f"{mode},") for row in (tmp_path / "bag/data" / name).read_text().splitlines()[1:])


def test_two_bags_of_a_ledger_hold_the_same_lines(folder: Path, tmp_path: Path) -> None:
    """The second begins with the first, and names it as an earlier export."""
    first = bagged(folder, tmp_path / "one")
    bagged(folder, tmp_path / "two")
    raw = (tmp_path / "two/data/ledger.jsonl").read_bytes()
    assert raw.startswith((tmp_path / "one/data/ledger.jsonl").read_bytes())
    assert f"entry {first.lines - 1} (bag" in (tmp_path / "two/data/certification_902.md").read_text()
    assert verify(tmp_path / "two").exit_code == 0
