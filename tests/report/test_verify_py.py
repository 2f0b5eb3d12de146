"""The standalone verifier, against ledgers that a second writer made from the specification."""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import io
import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.report import verify as verifier
from tests.report.tiny import Authority, Person, Tiny, b64, canonical, leaf, root

SCRIPT = Path(verifier.__file__)
MARIA, EVE = Person("maria@acme.example"), Person("eve@evil.example")


def check(path: Path, *options: object) -> dict[str, Any]:
    """What verify.py says as JSON, through its own `main` in this process."""
    out = io.StringIO()
    words = ["verify.py", str(path), "--json", *(str(part) for part in options)]
    with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(out):
        code = verifier.main()
    said: dict[str, Any] = json.loads(out.getvalue())
    assert said["exit"] == code
    return said


def alone(path: Path, *options: object) -> dict[str, Any]:
    """The same, run as an outsider runs it: isolated from every installed package."""
    command = [sys.executable, "-I", "-S", SCRIPT, path, "--json", *options]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["exit"] == done.returncode
    return said


def failures(said: dict[str, Any]) -> set[tuple[str, int | None, str]]:
    return {(one["level"], one["entry"], one["mechanism"]) for one in said["findings"]
            if one["level"] in ("CONTRADICTED", "MISSING", "NOT CHECKED")}


def levels(said: dict[str, Any]) -> set[str]:
    return {one["level"] for one in said["findings"]}


def story(mode: str = "live", person: Person | None = MARIA, **genesis: Any) -> Tiny:
    """A session that sends once, keeps a file, decides, and ends. Numbers: 2 opens the run, 3 sends, 5 lists the file."""
    tiny = Tiny(mode, **genesis)
    tiny.start(person)
    tiny.add("run.opened", {"runbook": "r"}, run="r1")
    tiny.add("request.sending", {"effect": "reversible"}, {"request.url": "https://x/1", "request.body": "{}"}, run="r1")
    tiny.add("request.answer", {"status": 200}, {"response.body": None}, run="r1", ref=3)
    content = b"rang back on the known number"
    sha256 = hashlib.sha256(content).hexdigest()
    tiny.files[sha256] = content
    tiny.add("artefact.added", None, {"artefact.name": "call.txt", "artefact.sha256": sha256, "artefact.size": len(content)})
    tiny.noted("decision", None, {"reason": "counsel said so"}, by="human")
    tiny.end()
    return tiny


# -- the file itself -------------------------------------------------------------------------------------------------------

def test_it_is_one_file_of_the_standard_library() -> None:
    """Under 400 lines, in the grammar of Python 3.9, importing neither irkit nor anything that has to be installed."""
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.count("\n") < 400
    tree = ast.parse(text, feature_version=(3, 9))
    names = {alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names


# -- Ed25519 ---------------------------------------------------------------------------------------------------------------

RFC_8032 = [        # 7.1: public key, message, signature
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_agrees_with_the_rfc(public: str, message: str, signature: str) -> None:
    """Its test vectors verify, and no longer with one bit changed anywhere."""
    key, text, mark = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert verifier.ed25519(key, text, mark)
    assert not any(verifier.ed25519(key, text, flipped(mark, bit)) for bit in range(0, 512, 7))
    assert not verifier.ed25519(key, text + b"!", mark)


def flipped(raw: bytes, bit: int) -> bytes:
    return raw[:bit // 8] + bytes([raw[bit // 8] ^ 1 << bit % 8]) + raw[bit // 8 + 1:]


def theirs(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def ours(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        return bool(verifier.ed25519(public, message, signature))
    except (ValueError, IndexError):
        return False


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.data())
def test_ed25519_agrees_with_openssl(seed: bytes, message: bytes, data: st.DataObject) -> None:
    """On signatures good and malformed: a bit changed, S raised by the order, cut short, random, of another key."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, mark = key.public_key().public_bytes_raw(), key.sign(message)
    larger = mark[:32] + ((int.from_bytes(mark[32:], "little") + verifier.L) % 2**256).to_bytes(32, "little")
    forged = data.draw(st.sampled_from([
        mark, larger, mark[:63], mark + b"\0", flipped(mark, data.draw(st.integers(0, 511))), mark[32:] + mark[:32], bytes(64),
        data.draw(st.binary(min_size=64, max_size=64))]))
    assert ours(public, message, forged) == theirs(public, message, forged)
    changed = flipped(public, data.draw(st.integers(0, 255)))
    assert ours(changed, message, mark) == theirs(changed, message, mark) is False


@pytest.mark.parametrize("encoding", [verifier.P, verifier.P + 1, 2**255 - 1, 1 | 1 << 255, (verifier.P - 1) | 1 << 255])
def test_a_point_has_one_encoding(encoding: int) -> None:
    """Encodings of y at or above p, and of x = 0 with a sign, are no keys (RFC 8032, 5.1.3)."""
    with pytest.raises(ValueError, match="no point"):
        verifier.table(encoding.to_bytes(32, "little"), False)


def test_fifteen_thousand_notes_are_feasible() -> None:
    """The notes of a million entries are checked within a minute of one processor."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, mark = key.public_key().public_bytes_raw(), key.sign(b"note")
    assert verifier.ed25519(public, b"note", mark)
    begin = time.process_time()
    assert all(verifier.ed25519(public, b"note", mark) for _ in range(50))
    assert (time.process_time() - begin) / 50 * 15_000 < 60


# -- honest ledgers --------------------------------------------------------------------------------------------------------

def test_it_runs_alone(bag: tuple[Tiny, Path], tmp_path: Path) -> None:
    """Without any package at hand it says the same of a folder and of a bag, sound or not."""
    folder, path = story().folder(tmp_path / "folder"), bag[1]
    assert alone(folder) == check(folder)
    assert (alone(path), alone(path)["exit"]) == (check(path), 0)
    (path / "data/ledger.jsonl").write_bytes(b"")
    assert alone(path) == check(path)


@pytest.mark.parametrize("mode", ["live", "drill", "test"])
@pytest.mark.parametrize("form", ["folder", "bag"])
def test_an_honest_ledger_is_accepted(tmp_path: Path, mode: str, form: str) -> None:
    """As a folder and as a bag, in each mode; trust is not given, so nothing is said of author and time."""
    tiny = story(mode)
    if form == "bag":
        tiny.start(MARIA)
    path = getattr(tiny, form)(tmp_path / "it")
    said = check(path)
    assert (said["exit"], said["findings"], said["entries"]) == (0, [], len(tiny.lines))
    assert said["head"] == leaf(tiny.lines[-1]).hex()


def test_it_says_what_is_not_proven(tmp_path: Path) -> None:
    """The first line and the last; the middle has nothing to say."""
    path = story().folder(tmp_path / "it")
    done = subprocess.run([sys.executable, "-I", SCRIPT, path], capture_output=True, text=True, check=True)
    first, *_, last = done.stdout.splitlines()
    assert first == "consistent; author not proven; time not proven; a live ledger"
    assert last.startswith("Head: 9, ")
    assert last.endswith(". Nothing later is known here.")


def test_a_redacted_bag_is_accepted(tmp_path: Path) -> None:
    """Values and whole entries are withheld, listed under the signature, and said."""
    tiny = story()
    tiny.start(MARIA)
    said = check(tiny.bag(tmp_path / "it", hide=((3, "request.url"), (5, "artefact.sha256")), drop=(4, 6)))
    assert said["exit"] == 0
    assert levels(said) == {"WITHHELD"}
    assert sorted(one["entry"] for one in said["findings"]) == [3, 4, 5, 6]


def test_nothing_it_reads_is_changed(tmp_path: Path) -> None:
    """A folder of which nothing may be written, with a WAL beside the store, is read as it is, and stays so."""
    path = story().folder(tmp_path / "it")
    db = sqlite3.connect(path / "ledger.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("INSERT INTO disclosures VALUES (99, 'x', 'y')")
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.iterdir() if file.is_file()}
    assert (8, "disclosure") in {(one["entry"], one["mechanism"]) for one in check(path)["findings"]}
    assert before == {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.iterdir() if file.is_file()}
    db.close()


def test_an_unendorsed_session_that_sends_nothing_is_said(tmp_path: Path) -> None:
    tiny = story()
    tiny.start()
    tiny.noted("note", None, {"text": "seen"})
    tiny.end()
    said = check(tiny.folder(tmp_path / "it"))
    assert (said["exit"], levels(said)) == (0, {"UNENDORSED"})


def test_what_a_crash_left_is_adopted_and_said(tmp_path: Path) -> None:
    """Entries that only a later session noted: their author is not proven. Entries without a note are pending."""
    tiny = story()
    tiny.start(MARIA)
    tiny.add("note")
    tiny.start(MARIA)
    tiny.end()
    tiny.start(MARIA)
    tiny.add("note")
    said = check(tiny.folder(tmp_path / "it"))
    assert said["exit"] == 0
    assert {(one["level"], one["entry"]) for one in said["findings"]} == {("ADOPTED", 9), ("PENDING", len(tiny.lines) - 2)}


def test_signatures_in_entries_a_seal_and_a_hold(tmp_path: Path) -> None:
    """Custody and seal are signed; after the seal come only the kinds that may; erased values have a ground."""
    tiny = story()
    tiny.start(MARIA)
    tiny.signed("custody.offered", "custody", MARIA, {"form": "x"})
    (erased,) = [row for row in tiny.values if row[0] == 6]
    tiny.values.remove(erased)
    tiny.noted("erased", {"digests": [erased[1]], "of": 6}, {"erase.basis": "asked"})
    tiny.name()
    tiny.signed("sealed", "seal", MARIA, {"root": b64(root(tiny.leaves)), "size": len(tiny.lines)})
    tiny.noted("hold.placed")
    tiny.end()
    assert check(tiny.folder(tmp_path / "it"))["findings"] == []
    tiny.start(MARIA)
    wrong = {(tiny.noted("decision"), "sealed"), (tiny.noted("erased", {"digests": [], "of": 3}), "erased")}
    tiny.end()
    assert failures(check(tiny.folder(tmp_path / "more"))) == {("CONTRADICTED", entry, rule) for entry, rule in wrong}


# -- trust from outside ----------------------------------------------------------------------------------------------------

def test_signers_prove_the_author(tmp_path: Path) -> None:
    """The key is known to whoever checks; another's is refused; none given and one demanded is a failure."""
    path = story().folder(tmp_path / "it")
    (tmp_path / "good").write_text(MARIA.allowed)
    (tmp_path / "other").write_text(EVE.allowed)
    command = [sys.executable, str(SCRIPT), str(path), "--signers", str(tmp_path / "good")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("consistent; time not proven; ")
    assert failures(check(path, "--signers", tmp_path / "other")) == {("CONTRADICTED", 1, "trust")}
    assert failures(check(path, "--require-trusted")) == {("CONTRADICTED", None, "trust"), ("CONTRADICTED", None, "time")}
    (tmp_path / "until").write_text(MARIA.allowed.replace(" ssh-", ' valid-before="20200101" ssh-', 1))
    assert failures(check(path, "--signers", tmp_path / "until")) == {("CONTRADICTED", 1, "trust")}


def test_a_missing_program_is_not_checked(tmp_path: Path) -> None:
    """Exit 1, not 0 and not 5: nothing is known."""
    path = story().folder(tmp_path / "it")
    (tmp_path / "signers").write_text(MARIA.allowed)
    done = subprocess.run([sys.executable, SCRIPT, path, "--signers", tmp_path / "signers", "--json"], capture_output=True,
                          text=True, check=False, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert failures(json.loads(done.stdout)) == {("NOT CHECKED", 1, "trust")}


def test_notes_and_copies_kept_elsewhere(tmp_path: Path) -> None:
    """Cut back to a state that was once signed, and a second history: invisible in one copy, not with these."""
    tiny = story()
    later = story()
    later.start(MARIA)
    later.end()
    (tmp_path / "note").write_bytes(later.notes[len(later.lines), later.key_id])
    old, new = tiny.folder(tmp_path / "old"), later.folder(tmp_path / "new")
    assert check(old)["exit"] == check(new, "--expect", tmp_path / "note", "--against", old)["exit"] == 0
    assert failures(check(old, "--expect", tmp_path / "note")) == {("MISSING", 9, "expect")}
    assert failures(check(old, "--against", new)) == {("MISSING", 9, "against")}
    second = story()
    second.start(MARIA, boot="other")
    second.end()
    other = second.folder(tmp_path / "other")
    assert {("CONTRADICTED", 9, "against"), ("CONTRADICTED", 11, "expect")} >= \
        {one for one in failures(check(other, "--against", new)) if one[1] == 9}
    assert ("CONTRADICTED", len(later.lines) - 1, "expect") in failures(check(other, "--expect", tmp_path / "note"))


def test_the_policy_can_be_raised(tmp_path: Path) -> None:
    """By whoever checks, never lowered."""
    path = story("drill", policy={"authorities": 0, "endorse": False, "max_entries": 64, "seal_tokens": 0}, person=None)
    folder = path.folder(tmp_path / "it")
    assert check(folder)["exit"] == 0
    (tmp_path / "policy").write_text('{"endorse": true, "max_entries": 3, "authorities": 1}')
    said = check(folder, "--policy", tmp_path / "policy")
    assert failures(said) == {("CONTRADICTED", 3, "policy")}
    assert ("PENDING", 0, "time") in {(one["level"], one["entry"], one["mechanism"]) for one in said["findings"]}


# -- forgeries -------------------------------------------------------------------------------------------------------------

Forge = Callable[[Tiny], None]


def change(seq: int, old: bytes, new: bytes) -> Forge:
    def forge(tiny: Tiny) -> None:
        assert old in tiny.lines[seq]
        tiny.lines[seq] = tiny.lines[seq].replace(old, new)
    return forge


def chain(tiny: Tiny, start: int) -> None:
    """Make the chain fit again from an entry on, as whoever holds no key can."""
    for seq in range(start, len(tiny.lines)):
        line = json.loads(tiny.lines[seq])
        tiny.lines[seq] = canonical({**line, "prev": leaf(tiny.lines[seq - 1]).hex(), "seq": seq})


def rechained(tiny: Tiny) -> None:
    change(4, b'"status":200', b'"status":500')(tiny)
    chain(tiny, 5)


def deleted(tiny: Tiny) -> None:
    del tiny.lines[3]


def reordered(tiny: Tiny) -> None:
    tiny.lines[3], tiny.lines[4] = tiny.lines[4], tiny.lines[3]


def stripped(tiny: Tiny) -> None:
    del tiny.notes[7, tiny.key_id]


def value_gone(tiny: Tiny) -> None:
    tiny.values = [row for row in tiny.values if row[0] != 6]


def value_added(tiny: Tiny) -> None:
    tiny.values.append((4, "x" * 43, "y"))


def value_swapped(tiny: Tiny) -> None:
    tiny.values = [(seq, digest, tiny.values[0][2] if seq == 6 else body) for seq, digest, body in tiny.values]


def file_changed(tiny: Tiny) -> None:
    tiny.files = dict.fromkeys(tiny.files, b"other")


def file_gone(tiny: Tiny) -> None:
    tiny.files = {}


def other_note(tiny: Tiny) -> None:
    """The forger signs with a session key of their own."""
    tiny.key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    del tiny.notes[9, tiny.key_id]
    tiny.note()


@pytest.mark.parametrize(("forge", "entry", "mechanism"), [
    (change(4, b'"status":200', b'"status":500'), 5, "chain"),
    (change(4, b'"status":200', b'"status":02'), 4, "bytes"), (change(4, b'"status":200', b'"status":NaN'), 4, "bytes"),
    (change(4, b'"status":200', b'"status":200,"status":200'), 4, "bytes"), (change(4, b'"v":1', b'"v":2'), 4, "bytes"),
    (change(4, b'"status":200', b'"status":2.5'), 4, "bytes"), (change(4, b'"status":200', b'"status":null'), 4, "bytes"),
    (change(4, b'"status":200', b'"status":9007199254740992'), 4, "bytes"), (change(4, b'"v":1', b'"v":true'), 4, "bytes"),
    (change(4, b'"status":200', b'"status":' + b"[" * 40 + b"]" * 40), 4, "bytes"),
    (change(4, b'"status":200', b'"status":' + b"[" * 20_000 + b"]" * 20_000), 4, "bytes"),
    (change(4, b'"status":200', b'"status":"' + b"x" * 70_000 + b'"'), 4, "bytes"),
    (rechained, 6, "root"), (deleted, 4, "numbering"), (reordered, 3, "numbering"), (stripped, 7, "note"),
    (value_gone, 6, "disclosure"), (value_added, 4, "disclosure"), (value_swapped, 6, "disclosure"),
    (file_changed, 5, "artefact"), (file_gone, 5, "artefact"), (other_note, 8, "note"),
    (lambda tiny: tiny.lines.pop(), 8, "note"),
], ids=(str(number) for number in itertools.count()))
def test_a_forgery_without_keys_is_refused(tmp_path: Path, forge: Forge, entry: int, mechanism: str) -> None:
    """Whatever is changed in the folder; the first thing said names the place."""
    tiny = story()
    forge(tiny)
    said = check(tiny.folder(tmp_path / "it"))
    assert said["exit"] == 5
    assert (entry, mechanism) in {(one["entry"], one["mechanism"]) for one in said["findings"]} or \
        (entry - 1, mechanism) in {(one["entry"], one["mechanism"]) for one in said["findings"]}


def test_a_weaker_policy_and_an_unendorsed_sender_are_refused(tmp_path: Path) -> None:
    weak = story(policy={"authorities": 0, "endorse": False, "max_entries": 64, "seal_tokens": 0}, person=None)
    assert failures(check(weak.folder(tmp_path / "weak"))) == {("CONTRADICTED", 0, "policy")}
    assert failures(check(story(person=None).folder(tmp_path / "none"))) == {("CONTRADICTED", 3, "policy")}


def test_modes_do_not_pass_as_each_other(tmp_path: Path) -> None:
    """A drill's signatures, re-labelled as live by whoever holds every key, carry the drill's namespace."""
    drill = Tiny("drill")
    line = json.loads(drill.lines[0])
    drill.lines[0] = canonical({**line, "data": {**line["data"], "mode": "live"}})
    assert failures(check(drill.folder(tmp_path / "drill"))) == {("CONTRADICTED", 0, "genesis")}
    live = Tiny("live")
    live.namespace = lambda purpose: f"irkit-drill-{purpose}@v1"       # type: ignore[method-assign]
    live.start(MARIA)
    live.end()
    assert failures(check(live.folder(tmp_path / "live"))) == {("CONTRADICTED", 1, "endorsement")}


def test_a_stripped_or_foreign_endorsement_is_refused(tmp_path: Path) -> None:
    for name, bears, level in (("none", None, "MISSING"), ("old", EVE.sign("irkit-session@v1", b"x"), "CONTRADICTED")):
        tiny = Tiny()
        tiny.start(MARIA)
        line = json.loads(tiny.lines[1])
        line["data"] = {key: value for key, value in (line["data"] | {"endorsement": bears}).items() if value}
        tiny.lines[1] = canonical(line)
        tiny.end()
        assert failures(check(tiny.folder(tmp_path / name))) == {(level, 1, "endorsement")}


# -- bags ------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def bag(tmp_path: Path) -> tuple[Tiny, Path]:
    tiny = story()
    tiny.start(MARIA)
    return tiny, tiny.bag(tmp_path / "bag", hide=((3, "request.url"),))


def edit(path: Path, old: bytes, new: bytes) -> None:
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))


def test_a_stranger_withholds_more(bag: tuple[Tiny, Path]) -> None:
    """The list, the lines and the manifests are re-made to fit; the exporter's note is over the hash of the list."""
    tiny, path = bag
    line = tiny.lines[4]
    edit(path / "data/ledger.jsonl", line, canonical({"withheld": {"leaf": leaf(line).hex(), "seq": 4}}))
    values = [row for row in (path / "data/disclosures.jsonl").read_bytes().splitlines(keepends=True) if b'"seq":4}' not in row]
    (path / "data/disclosures.jsonl").write_bytes(b"".join(values))
    ground = {"at": "2026-11-21T09:00:00.000000Z", "basis": "mine", "by": "eve", "leaf": leaf(line).hex(), "seq": 4}
    with (path / "data/withheld.jsonl").open("ab") as file:
        file.write(canonical(ground) + b"\n")
    tiny.seal_bag(path)
    assert failures(check(path)) == {("CONTRADICTED", len(tiny.lines) - 1, "withheld")}
    (path / "data/withheld.jsonl").write_bytes((path / "data/withheld.jsonl").read_bytes().splitlines(keepends=True)[0])
    tiny.seal_bag(path)
    assert failures(check(path)) == {("CONTRADICTED", 4, "withheld")}


def test_a_stranger_exports_anew_and_withholds_more(tmp_path: Path) -> None:
    """With a session of their own the list is theirs and signed: only --signers tells."""
    tiny = story()
    tiny.start(EVE)
    path = tiny.bag(tmp_path / "bag", drop=(4,))
    (tmp_path / "signers").write_text(MARIA.allowed)
    assert check(path)["exit"] == 0
    last = len(tiny.lines) - 1
    assert failures(check(path, "--signers", tmp_path / "signers")) == {
        ("CONTRADICTED", 9, "trust"), ("CONTRADICTED", last, "trust")}
    unsigned = story()
    unsigned.start()
    path, last = unsigned.bag(tmp_path / "unsigned", drop=(4,)), len(unsigned.lines) - 1
    assert failures(check(path)) == {("CONTRADICTED", last, "policy")}
    assert failures(check(path, "--signers", tmp_path / "signers")) == {
        ("CONTRADICTED", last, "policy"), ("CONTRADICTED", last, "trust")}


def test_genesis_is_never_withheld(tmp_path: Path) -> None:
    tiny = story()
    tiny.start(MARIA)
    assert ("CONTRADICTED", 0, "withheld") in failures(check(tiny.bag(tmp_path / "bag", drop=(0,))))


def test_a_remade_bag_is_refused(bag: tuple[Tiny, Path]) -> None:
    """A file added beside the ledger, manifests made anew: the signature is over the old ones."""
    tiny, path = bag
    (path / "data/VERIFY.md").write_text("all is well")
    assert failures(check(path)) == {("CONTRADICTED", None, "bag")}
    kept = (path / "export.sig").read_bytes()
    tiny.seal_bag(path)
    (path / "export.sig").write_bytes(kept)
    assert failures(check(path)) == {("CONTRADICTED", len(tiny.lines) - 1, "export")}
    (path / "export.sig").unlink()
    assert failures(check(path)) == {("MISSING", len(tiny.lines) - 1, "export")}


@pytest.mark.parametrize("make", [
    lambda path: (path / "data/more").symlink_to("/etc"), lambda path: (path / "data/more").symlink_to("ledger.jsonl"),
    lambda path: os.mkfifo(path / "data/more")], ids=["folder", "file", "fifo"])
def test_links_and_devices_are_refused_before_anything_is_read(bag: tuple[Tiny, Path], make: Callable[[Path], None]) -> None:
    make(bag[1])
    said = check(bag[1])
    assert failures(said) == {("CONTRADICTED", 0, "bag")} or failures(said) == {("CONTRADICTED", None, "bag")}
    assert said["entries"] == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "data/../bagit.txt", "data/none"])
def test_paths_that_leave_the_bag_are_refused(bag: tuple[Tiny, Path], name: str) -> None:
    with (bag[1] / "manifest-sha256.txt").open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    assert failures(check(bag[1])) == {("MISSING", None, "bag"), ("CONTRADICTED", None, "bag")}      # the tag manifest too


def test_a_line_without_end_is_read_in_bounded_memory(bag: tuple[Tiny, Path]) -> None:
    """More of nothing than there is memory, in a sparse file, where the last line should end."""
    path = bag[1] / "data/ledger.jsonl"
    os.truncate(path, 1 << 29)
    code = ("import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); "
            "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", code, SCRIPT, bag[1], "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "")
    assert (len(bag[0].lines), "bytes") in {(one["entry"], one["mechanism"]) for one in json.loads(done.stdout)["findings"]}


def test_any_changed_byte_of_a_bag_is_found(bag: tuple[Tiny, Path]) -> None:
    """In the ledger's own files, manifests made anew around it: a sample of places and bits."""
    tiny, path = bag
    rng = random.Random(1)
    names = ["ledger.jsonl", "disclosures.jsonl", "withheld.jsonl", *(f"checkpoints/{n}-{key}.note" for n, key in tiny.notes)]
    for name in names:
        file = path / "data" / name
        raw = file.read_bytes()
        for _ in range(3):
            file.write_bytes(flipped(raw, rng.randrange(len(raw) * 8)))
            tiny.seal_bag(path)
            assert check(path)["exit"] == 5, name
        file.write_bytes(raw)


# -- time ------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def anchored(authority: Authority) -> Tiny:
    """A story whose note over 9 entries is time-stamped, as the entry 11 says."""
    tiny = story()
    note = tiny.notes[9, tiny.key_id]
    key_id, raw = tiny.key_id, authority.stamp(note)
    token = verifier.read_token(raw)
    tiny.start(MARIA)
    name = hashlib.sha256(raw).hexdigest()
    tiny.tokens[name] = raw
    said = {"accuracy_us": 2_000_000, "authority": "http://tsa", "gen_time": gen_time(token), "key_id": key_id, "size": 9,
            "note_sha256": hashlib.sha256(note).hexdigest(), "serial": token.serial, "token_sha256": name}
    tiny.add("anchor.timestamp", said, at=gen_time(token).replace("Z", ".500000Z"))
    tiny.end()
    return tiny


def gen_time(token: Any) -> str:
    return str(verifier.stamp(token.at)).replace(".000000", "")


def test_a_timestamp_proves_the_time(tmp_path: Path, authority: Authority) -> None:
    """With the authority's certificate; the entries before it are older than it, those after it are flagged: their clock is."""
    path = anchored(authority).folder(tmp_path / "it")
    (tmp_path / "signers").write_text(MARIA.allowed)
    said = check(path, "--tsa-ca", tmp_path / "tsa.pem", "--signers", tmp_path / "signers", "--require-trusted")
    assert said["exit"] == 0
    assert {(one["level"], one["mechanism"]) for one in said["findings"]} == {("FLAGGED", "clock"), ("PENDING", "time")}
    Authority(tmp_path, "other")
    assert failures(check(path, "--tsa-ca", tmp_path / "other.pem")) == {("CONTRADICTED", None, "token")}


def test_a_timestamp_that_was_taken_or_swapped_is_refused(tmp_path: Path, authority: Authority) -> None:
    """Absent, with a bit changed, of another ledger, or named by no entry."""
    tiny = anchored(authority)
    ((name, raw),) = tiny.tokens.items()
    tiny.tokens = {}
    assert failures(check(tiny.folder(tmp_path / "gone"))) == {("MISSING", 10, "token")}
    tiny.tokens = {name: flipped(raw, 8 * raw.index(b"1.2.3") if b"1.2.3" in raw else 4000)}
    assert ("CONTRADICTED", None, "token") in failures(check(tiny.folder(tmp_path / "bit")))
    foreign = authority.stamp(b"a note of another ledger\n")
    tiny.tokens = {name: raw, hashlib.sha256(foreign).hexdigest(): foreign}
    assert failures(check(tiny.folder(tmp_path / "foreign"))) == {("CONTRADICTED", None, "token")}


def test_other_keys_are_checked_by_ssh_keygen(tmp_path: Path) -> None:
    """An ECDSA key of a person: accepted when it signed, refused when it did not."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "key"], check=True)
    blob = base64.b64decode((tmp_path / "key.pub").read_text().split()[1])

    class Other(Person):
        def __init__(self) -> None:
            self.fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

        def sign(self, namespace: str, text: bytes) -> str:
            return subprocess.run(["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", tmp_path / "key"], input=text,
                                  capture_output=True, check=True).stdout.decode()
    tiny = story(person=Other())
    assert check(tiny.folder(tmp_path / "good"))["findings"] == []
    line = json.loads(tiny.lines[1])
    line["data"]["endorsement"] = Other().sign("irkit-session@v1", b"something else")
    tiny.lines[1] = canonical(line)
    assert ("CONTRADICTED", 1, "endorsement") in failures(check(tiny.folder(tmp_path / "bad")))
