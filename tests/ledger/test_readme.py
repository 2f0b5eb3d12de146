"""evidence/README.md is the specification: its example is computed again, and its commands are run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.ledger.verify import verify
from irkit.report import verify as verifier
from tests.ledger.conftest import Tamper
from tests.report.tiny import Authority, Person, Tiny, b64, root

README = (Path(__file__).parents[2] / "evidence" / "README.md").read_text(encoding="utf-8")
MARIA = Person("maria@acme.example")


def block(before: str) -> str:
    """The first block of code after these words."""
    found = re.search(r"```\w*\n(.*?)```", README[README.index(before):], re.S)
    assert found
    return found[1]


def shell(commands: str, folder: Path, **variables: object) -> str:
    """What the commands print. They may find this interpreter's programs."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path} | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(["bash", "-c", commands], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, env=environment)
    return done.stdout


# -- the example -----------------------------------------------------------------------------------------------------------

def test_the_example_is_right() -> None:
    """Leaves, roots, value, note and endorsement, computed from what the document shows with hashlib and Ed25519 alone."""
    lines = [line.encode() for line in block("Entry 0, 1 and 2").splitlines()]
    leaves = [hashlib.sha256(b"\0" + line).digest() for line in lines]
    entries = [json.loads(line) for line in lines]
    assert [entry["prev"] for entry in entries] == ["0" * 64, *(leaf.hex() for leaf in leaves[:2])]
    assert block("Their leaves").split() == [
        "leaf", "0", leaves[0].hex(), "leaf", "1", leaves[1].hex(), "leaf", "2", leaves[2].hex(),
        "root", "1", b64(root(leaves[:1])), "root", "3", b64(root(leaves))]
    shown = re.search(r"The one value, in entry 1, is `(.+?)`: that is `(.+?)`", README)
    assert shown
    assert json.loads(base64.urlsafe_b64decode(shown[1] + "==")) == json.loads(shown[2])
    assert entries[1]["sd"] == [base64.urlsafe_b64encode(hashlib.sha256(shown[1].encode()).digest()).decode().rstrip("=")]
    text, signature = block("The note over all three").split("\n\n")
    key = base64.b64decode(entries[1]["data"]["vkey"].split("+", 2)[2])
    assert text.splitlines() == [entries[0]["log"], "3", b64(root(leaves))]
    assert verifier.ed25519(key[1:], (text + "\n").encode(), base64.b64decode(signature.split()[2])[4:])
    assert block("The endorsement in entry 1").strip() == MARIA.allowed.strip()
    assert MARIA.sign("irkit-session@v1", block("over\n").encode()) == entries[1]["data"]["endorsement"]


def test_both_verifiers_accept_the_example(tmp_path: Path) -> None:
    """As a folder."""
    tiny = Tiny("live", "example")
    tiny.start(MARIA)
    tiny.end()
    assert [line.decode() for line in tiny.lines] == block("Entry 0, 1 and 2").splitlines()
    folder = tiny.folder(tmp_path / "INC")
    assert subprocess.run([sys.executable, "-I", verifier.__file__, folder], capture_output=True, check=False).returncode == 0


# -- the commands ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def bag(tmp_path: Path) -> tuple[Tiny, Path]:
    """A bag with a value and an entry withheld, and what its reader has from elsewhere beside it."""
    tiny = Tiny()
    tiny.start(MARIA)
    tiny.add("note", None, {"text": "seen"}, by="human")
    tiny.add("note", None, {"text": "withheld", "result": "shown"}, by="human")
    tiny.noted("decision", None, {"reason": "counsel"})
    path = tiny.bag(tmp_path / "bag", hide=((3, "text"),), drop=(2,))
    (path / "allowed_signers").write_text(MARIA.allowed)
    return tiny, path


def test_files_chain_values_and_list(bag: tuple[Tiny, Path]) -> None:
    """sha256sum, bagit.py, jq and openssl dgst say what the document says they do; a changed line is seen."""
    tiny, path = bag
    assert shell(block("Files (`bagit.py"), path) == "files agree\n"
    (path / "allowed_signers").unlink()
    assert "is valid" in shell("bagit.py --validate .", path)
    head = f"{len(tiny.lines)} entries, head {tiny.leaves[-1].hex()}\n"
    assert shell(block("Chain and numbering:"), path) == head
    assert shell(block("Every value against"), path) == ""
    assert shell(block("What is withheld, against"), path) == "the list agrees\n"
    for name in ("ledger", "disclosures", "withheld"):
        file = path / f"data/{name}.jsonl"
        changed = file.read_bytes().replace(b"counsel", b"nobody").replace(b"decision", b"Decision")
        file.write_bytes(changed.replace(b'"body":"W', b'"body":"V'))
    assert shell(block("Files (`bagit.py"), path) != "files agree\n"
    assert "does not follow" in shell(block("Chain and numbering:"), path)
    assert "was changed" in shell(block("Every value against"), path)
    assert shell(block("What is withheld, against"), path) == ""


def test_root_note_and_endorsement(bag: tuple[Tiny, Path]) -> None:
    """Computed, and checked by openssl and ssh-keygen; not so what was changed."""
    tiny, path = bag
    (path / "root.py").write_text(block("The root of the first n entries"))
    size = len(tiny.lines)
    assert shell(f"python3 root.py {size}", path) == f"{b64(root(tiny.leaves))}\n"
    note = path / f"data/checkpoints/{size}-{tiny.key_id}.note"
    assert "Verified Successfully" in shell(block("A note's signature"), path, note=note)
    said = {"session": 1, "root": shell("python3 root.py 1", path).strip(), "who": "maria@acme.example"}
    assert 'Good "irkit-session@v1" signature' in shell(block("An endorsement;"), path, **said)
    assert "Good" not in shell(block("An endorsement;"), path, **(said | {"root": b64(root(tiny.leaves))}))
    note.write_bytes(note.read_bytes().replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1)))
    assert "Verified Successfully" not in shell(block("A note's signature"), path, note=note)


def test_an_endorsement_of_a_drill(tmp_path: Path) -> None:
    """The namespace names the mode."""
    tiny = Tiny("drill")
    tiny.start(MARIA)
    path = tiny.bag(tmp_path / "bag")
    (path / "allowed_signers").write_text(MARIA.allowed)
    (path / "root.py").write_text(block("The root of the first n entries"))
    said = {"session": 1, "root": shell("python3 root.py 1", path).strip(), "who": "maria@acme.example"}
    assert 'Good "irkit-drill-session@v1" signature' in shell(block("An endorsement;"), path, **said)


def test_a_token(bag: tuple[Tiny, Path], tmp_path: Path) -> None:
    """openssl verifies it over its note, and not over another."""
    tiny, path = bag
    authority = Authority(tmp_path)
    ((size, key_id), note), *_ = tiny.notes.items()
    (tmp_path / "token").write_bytes(authority.stamp(note))
    (path / "authorities.pem").write_bytes(authority.pem.read_bytes())
    said = {"token": tmp_path / "token", "time": verifier.read_token((tmp_path / "token").read_bytes()).at // 10**6}
    file = path / f"data/checkpoints/{size}-{key_id}.note"
    assert "Verification: OK" in shell(block("A token over a note"), path, note=file, **said)
    assert "Verification: OK" not in shell(block("A token over a note"), path, note=path / "bagit.txt", **said)


def test_the_chain_of_an_incident(closed: Path, tamper: Tamper) -> None:
    """sqlite3, jq and sha256sum find the head that irkit finds, and the entry after a changed one."""
    commands = block("With sqlite3, jq and sha256sum").replace("INC-2041", closed.name)
    report = verify(closed)
    assert shell(commands, closed.parent) == f"{report.entries} entries, head {report.head}\n"
    tamper(closed, "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), 'reversible', 'reverSible') AS BLOB)")
    assert "does not follow" in shell(commands, closed.parent)
