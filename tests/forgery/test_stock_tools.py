"""Every statement of the ledger that section "Which tool checks what" of its format names, by a tool that nobody here wrote.

The program of each test is the check: nothing of irkit verifies anything here. A test is skipped where its program is absent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from tests.forgery.forger import Copy, shown, take
from tests.forgery.ledgers import NAMES, Shelf

BAG_NAMES = tuple(name for name in NAMES if name.startswith("bag of") or name == "redacted")
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))     # bagit.py lies there
ED25519_INFO = bytes.fromhex("302a300506032b6570032100")       # RFC 8410: SubjectPublicKeyInfo of Ed25519, up to the key


def needs(*programs: str) -> Callable[..., object]:
    """Skipped, saying which program is absent."""
    absent = [program for program in programs if shutil.which(program, path=PATH) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")


def ran(*command: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(part) for part in command], input=stdin, capture_output=True, check=False, timeout=60, cwd=cwd,
                          env={**os.environ, "PATH": PATH})


CHAIN = r"""
set -eu
n=0; prev=$(printf '0%.0s' $(seq 64))
while IFS= read -r line; do
  set -- "$1" $(printf '%s' "$line" | jq -r '"\(.seq // .withheld.seq) \(.prev // "-") \(.withheld.leaf // "-")"')
  [ "$2" = "$n" ] || { echo "line $n: number"; exit 1; }
  if [ "$4" != - ]; then
    prev=$4
  else
    [ "$3" = "$prev" ] || { echo "line $n: chain"; exit 1; }
    prev=$( (printf '\000'; printf '%s' "$line") | sha256sum | cut -d' ' -f1)
  fi
  n=$((n + 1))
done < "$1"
echo "$n $prev"
"""


@needs("bash", "jq", "sha256sum")
@pytest.mark.parametrize("name", ["bag of sealed", "redacted"])
def test_sha256sum_and_jq_follow_the_chain(name: str, shelf: Shelf, tmp_path: Path) -> None:
    """A loop in a shell counts the lines and follows `prev`; and it stops at a line that was changed."""
    lines = shelf[name].path / "data/ledger.jsonl"
    head = take(shelf[name].path).entries[-1].hash().hex()
    count = lines.read_bytes().count(b"\n")
    assert ran("bash", "-c", CHAIN, "check", lines).stdout.decode().split() == [str(count), head]
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(lines.read_bytes().replace(b'"status":200', b'"status":500', 1))
    assert b"chain" in ran("bash", "-c", CHAIN, "check", changed).stdout


def _note_files(copy: Copy, folder: Path) -> list[tuple[Path, Path, Path]]:
    """Text, signature and public key of each note, as files for openssl."""
    keys = {one.data["vkey"].split("+", 2)[1]: base64.b64decode(one.data["vkey"].split("+", 2)[2])[1:]
            for one in copy if one.kind == "session.start"}
    found = []
    for number, (_, key_id, raw) in enumerate(note for one in copy for note in one.notes):
        text, signature, public = (folder / f"{number}.{kind}" for kind in ("text", "sig", "der"))
        body, _, line = raw.partition(b"\n\n")
        text.write_bytes(body + b"\n")
        signature.write_bytes(base64.b64decode(line.split()[2])[4:])
        public.write_bytes(ED25519_INFO + keys[key_id])
        found.append((text, signature, public))
    return found


@needs("openssl")
@pytest.mark.parametrize("name", ["live", "drill", "redacted"])
def test_openssl_verifies_each_note(name: str, shelf: Shelf, tmp_path: Path) -> None:
    """Ed25519 over the note's text, by the key that the session's start names; not over another text."""
    files = _note_files(take(shelf[name].path), tmp_path)
    assert files
    for text, signature, public in files:
        command = ("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", public, "-in", text,
                   "-sigfile", signature)
        assert ran(*command).returncode == 0
        text.write_bytes(text.read_bytes().replace(b"\n", b"\n1", 1))
        assert ran(*command).returncode != 0


@needs("openssl")
def test_openssl_verifies_each_token(shelf: Shelf, tmp_path: Path) -> None:
    """A stored answer of an authority is over the whole bytes of the note that its entry names."""
    honest = shelf["stamped"]
    copy = take(honest.path)
    notes = {hashlib.sha256(raw).hexdigest(): raw for one in copy for _, _, raw in one.notes}
    answers = {sha256: raw for sha256, _, _, raw in copy.tokens}
    anchors = [copy.entries[at].data for at in copy.all("anchor.timestamp")]
    assert len(anchors) == len(answers) == 4
    for data in anchors:
        (tmp_path / "note").write_bytes(notes[data["note_sha256"]])
        (tmp_path / "answer.tsr").write_bytes(answers[data["token_sha256"]])
        command = ("openssl", "ts", "-verify", "-in", "answer.tsr", "-data", "note", "-CAfile", honest.given["tsa-ca"])
        inside = ran("openssl", "ts", "-reply", "-in", "answer.tsr", "-token_out", "-out", "token.der", cwd=tmp_path)
        assert inside.returncode == 0, inside.stderr
        chain = ran("openssl", "pkcs7", "-inform", "DER", "-in", "token.der", "-print_certs", cwd=tmp_path).stdout
        (tmp_path / "inside.pem").write_bytes(chain)
        assert b"Verification: OK" in ran(*command, "-untrusted", "inside.pem", cwd=tmp_path).stdout
        (tmp_path / "note").write_bytes(b"another")
        assert b"Verification: OK" not in ran(*command, "-untrusted", "inside.pem", cwd=tmp_path).stdout


@needs("ssh-keygen")
@pytest.mark.parametrize(("name", "namespace"), [("live", "irkit-session@v1"), ("drill", "irkit-drill-session@v1"),
                                                 ("tested", "irkit-test-session@v1")])
def test_ssh_keygen_verifies_each_endorsement(name: str, namespace: str, shelf: Shelf, tmp_path: Path) -> None:
    """The text is put together from the lines alone; the key comes from a file of allowed signers."""
    honest = shelf[name]
    copy = take(honest.path)
    signers = honest.given["signers"].read_text().split("\n")
    for at in (at for at in copy.all("session.start") if "endorsement" in copy.entries[at].data):
        data, who = copy.entries[at].data, copy.entries[at].fields["who"]
        text = f"{namespace}\n{copy.origin}\n{at}\n{data['vkey']}\n{at}\n{_root(copy, at)}\n".encode()
        (tmp_path / "sig").write_text(data["endorsement"])
        principal, key_type, key = next(line.split() for line in signers if _fingerprint(line) == who)
        (tmp_path / "allowed").write_text(f'{principal} namespaces="{namespace}" {key_type} {key}\n')
        command = ("ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", principal, "-n", namespace,
                   "-s", tmp_path / "sig")
        assert b"Good" in ran(*command, stdin=text).stdout
        assert ran(*command, stdin=text + b"x").returncode != 0


def _fingerprint(line: str) -> str:
    parts = line.split()
    digest = hashlib.sha256(base64.b64decode(parts[2])).digest() if len(parts) == 3 else b""
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _root(copy: Copy, size: int) -> str:
    """In base64, of the tree over the first lines."""
    return base64.b64encode(_tree(copy).get_root(size)).decode()


def _tree(copy: Copy) -> Any:
    """The Merkle tree by another implementation (GPL, in tests alone)."""
    from pymerkle import InmemoryTree
    tree = InmemoryTree(algorithm="sha256")
    for one in copy:
        tree.append_entry(one.line)
    return tree


@pytest.mark.parametrize("name", [name for name in NAMES if name != "redacted"])
def test_pymerkle_comes_to_the_same_root(name: str, shelf: Shelf) -> None:
    """Of the tree of each note."""
    copy = take(shelf[name].path)
    tree = _tree(copy)
    for size, _, raw in (note for one in copy for note in one.notes):
        assert base64.b64decode(raw.split(b"\n")[2]) == tree.get_root(size)


@pytest.mark.parametrize("name", NAMES)
def test_rfc8785_writes_the_same_lines(name: str, shelf: Shelf) -> None:
    """Each line is the canonical form of itself, and so is each value."""
    for one in take(shelf[name].path):
        assert rfc8785.dumps(json.loads(one.line)) == one.line
        for _, body in one.values:
            assert rfc8785.dumps(shown(body)) == base64.urlsafe_b64decode(body + "==")


@pytest.mark.parametrize("name", BAG_NAMES)
def test_bagit_validates_each_bag(name: str, shelf: Shelf) -> None:
    """The Library of Congress' own reader; it refuses a bag of which a byte was changed."""
    import bagit
    bag = bagit.Bag(str(shelf[name].path))
    bag.validate()
    assert bag.info["External-Identifier"] == take(shelf[name].path).origin


@needs("bagit.py")
def test_bagit_validates_from_a_shell(shelf: Shelf) -> None:
    """As VERIFY.md says."""
    assert ran("bagit.py", "--validate", shelf["redacted"].path).returncode == 0


@needs("sha256sum")
@pytest.mark.parametrize("name", BAG_NAMES)
def test_sha256sum_checks_the_manifests(name: str, shelf: Shelf) -> None:
    """Both of them, with two spaces."""
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        assert ran("sha256sum", "--strict", "--quiet", "-c", manifest, cwd=shelf[name].path).returncode == 0


@needs("openssl")
def test_openssl_checks_a_value_that_was_withheld(shelf: Shelf, tmp_path: Path) -> None:
    """Shown later, the ASCII of a disclosure hashes to what the line of the redacted bag holds."""
    redacted, full = take(shelf["redacted"].path), take(shelf["live"].path)
    at = full.first("request.answer")
    digest, body = full.entries[at].values[0]
    assert redacted.entries[at].values == []
    (tmp_path / "value").write_text(body)
    hashed = ran("openssl", "dgst", "-sha256", "-binary", tmp_path / "value").stdout
    assert base64.urlsafe_b64encode(hashed).decode().rstrip("=") == digest
    assert digest in redacted.entries[at].fields["sd"]
