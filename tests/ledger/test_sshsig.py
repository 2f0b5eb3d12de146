"""SSH signatures: what is read, what is refused, and that irkit and ssh-keygen agree."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger import sshsig
from irkit.ledger.sshsig import BadSignature, CannotCheck, Signer, Throwaway, armor, check, parse
from tests.ledger.ssh import SecurityKey, fingerprint_of, made, needs_ssh, pub, signed_by_tool, string

NS = "irkit-session@v1"
TEXT = b"irkit-session@v1\nirkit/live/00\n1\nvkey\n1\nroot\n"


def by_tool(armored: str, text: bytes = TEXT, namespace: str = NS) -> bool:
    """Whether ssh-keygen finds the signature good."""
    with tempfile.NamedTemporaryFile("w", suffix=".sig") as file:
        file.write(armored)
        file.flush()
        words = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file.name]
        return subprocess.run(words, input=text, check=False, capture_output=True).returncode == 0


def wire(*, magic: bytes = b"SSHSIG", version: int = 1, key: bytes | None = None, namespace: bytes = NS.encode(),
         reserved: bytes = b"", hashed: bytes = b"sha512", blob: bytes | None = None, after: bytes = b"") -> str:
    """An armored signature with the parts that a forger might choose."""
    key = string(b"ssh-ed25519") + string(bytes(32)) if key is None else key
    blob = string(b"ssh-ed25519") + string(bytes(64)) if blob is None else blob
    return armor(magic + version.to_bytes(4, "big") + string(key) + string(namespace) + string(reserved) + string(hashed)
                 + string(blob) + after)


# -- a key made here ---------------------------------------------------------------------------------------------

def test_a_throwaway_key_signs_what_it_checks() -> None:
    """The fingerprint comes back; another text, namespace or signature does not verify."""
    key: Signer = Throwaway()
    armored = key.sign(NS, TEXT)
    assert check(armored, NS, TEXT) == key.fingerprint
    found = parse(armored)
    assert (found.key_type, found.namespace, found.hash) == ("ssh-ed25519", NS, "sha512")
    assert sshsig.public_line(found.key) == key.public
    with pytest.raises(BadSignature, match="not over this text"):
        check(armored, NS, TEXT + b"\n")
    with pytest.raises(BadSignature, match="made for irkit-session@v1, not for irkit-drill-session@v1"):
        check(armored, "irkit-drill-session@v1", TEXT)


@needs_ssh
def test_ssh_keygen_takes_what_a_throwaway_key_signed() -> None:
    """Byte for byte the form that ssh-keygen makes."""
    assert by_tool(Throwaway().sign(NS, TEXT))
    assert not by_tool(Throwaway().sign(NS, TEXT), b"other")


def test_no_two_throwaway_keys_are_one() -> None:
    """Each is drawn anew."""
    assert Throwaway().fingerprint != Throwaway().fingerprint


# -- keys of OpenSSH ---------------------------------------------------------------------------------------------

@needs_ssh
@pytest.mark.parametrize(("kind", "bits"), [("ed25519", 0), ("rsa", 2048), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)])
@pytest.mark.parametrize("hashed", ["sha512", "sha256"])
def test_signatures_of_ssh_keygen_verify(tmp_path: Path, kind: str, bits: int, hashed: str) -> None:
    """Of every type and both hashes, with the fingerprint that ssh-keygen prints; not over another text."""
    path = made(tmp_path, kind, bits=bits)
    armored = signed_by_tool(path, NS, TEXT, "-O", f"hashalg={hashed}")
    assert check(armored, NS, TEXT) == fingerprint_of(path)
    assert sshsig.public_line(parse(armored).key) == pub(path)
    assert parse(armored).hash == hashed
    with pytest.raises(BadSignature):
        check(armored, NS, b"another text")
    with pytest.raises(BadSignature, match="it was made for"):
        check(armored, "irkit-seal@v1", TEXT)


@needs_ssh
def test_signatures_of_a_security_key_verify() -> None:
    """sk-ssh-ed25519, here built in software: ssh-keygen and irkit both take it, and neither takes it over another text."""
    key = SecurityKey()
    armored = key.sign(NS, TEXT)
    assert by_tool(armored)
    assert check(armored, NS, TEXT) == sshsig.fingerprint(key.key)
    assert not by_tool(armored, b"other")
    with pytest.raises(BadSignature):
        check(armored, NS, b"other")


def test_without_ssh_keygen_it_is_said_that_nothing_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ed25519 signature is checked without; another is neither good nor bad."""
    monkeypatch.setenv("PATH", str(tmp_path))
    key = Throwaway()
    assert check(key.sign(NS, TEXT), NS, TEXT) == key.fingerprint
    with pytest.raises(CannotCheck, match="ssh-keygen cannot be run") as caught:
        check(SecurityKey().sign(NS, TEXT), NS, TEXT)
    assert caught.value.exit_code == 1


# -- what is refused ---------------------------------------------------------------------------------------------

RSA_KEY = string(b"ssh-rsa") + string(b"\1\0\1") + string(b"\0" + b"\xff" * 256)
SK_KEY = string(b"sk-ssh-ed25519@openssh.com") + string(bytes(32)) + string(b"ssh:")


@pytest.mark.parametrize(("armored", "why"), [
    (wire(magic=b"SSHSIH"), "no SSH signature"),
    (wire(version=2), "version 2"),
    (wire(namespace=b""), "printable"),
    (wire(namespace=b"a b"), "printable"),
    (wire(reserved=b"x"), "reserved"),
    (wire(hashed=b"sha1"), "neither sha256 nor sha512"),
    (wire(after=b"\0"), "bytes follow"),
    (wire(key=string(b"ssh-dss") + string(b"")), "ssh-dss are not accepted"),
    (wire(key=string(b"ssh-ed25519-cert-v01@openssh.com")), "cert-v01@openssh.com are not accepted"),
    (wire(key=string(b"ssh-ed25519") + string(bytes(31))), "32 bytes"),
    (wire(key=string(b"ssh-ed25519") + string(bytes(32)) + b"\0"), "bytes follow"),
    (wire(key=RSA_KEY, blob=string(b"ssh-rsa") + string(bytes(256))), "does not sign as ssh-rsa"),
    (wire(key=RSA_KEY), "does not sign as ssh-ed25519"),
    (wire(blob=string(b"rsa-sha2-512") + string(bytes(64))), "does not sign as rsa-sha2-512"),
    (wire(blob=string(b"ssh-ed25519") + string(bytes(63))), "64 bytes"),
    (wire(blob=string(b"ssh-ed25519") + string(bytes(64)) + b"\1"), "bytes follow"),
    (wire(key=SK_KEY, blob=string(b"sk-ssh-ed25519@openssh.com") + string(bytes(64))), "too early"),
    (wire(key=b"\xff\xff\xff\xff"), "too early"),
    ("", "does not stand between"),
    (" " + wire(), "does not stand between"),
    (wire() + "\n", "does not stand between"),
    (wire() + "x", "does not stand between"),
    (wire().replace("\n", "\r\n"), "does not stand between"),
    (wire().replace("AAAA", "AA AA", 1), "odd way|no base64"),
    (wire().replace("\n", "\n\n", 1), "odd way"),
    ("-----BEGIN SSH SIGNATURE-----\n" + "A" * 77 + "\n-----END SSH SIGNATURE-----\n", "odd way"),
    ("-----BEGIN SSH SIGNATURE-----\nAB==\n-----END SSH SIGNATURE-----\n", "bits to spare"),
    ("-----BEGIN SSH SIGNATURE-----\nÄÄÄÄ\n-----END SSH SIGNATURE-----\n", "no base64"),
    ("A" * 20_000, "longer than"),
])
def test_what_has_another_form_is_refused(armored: str, why: str) -> None:
    """Each with the reason; OpenSSH itself would take some of it."""
    with pytest.raises(ValueError, match=why):
        parse(armored)
    with pytest.raises(BadSignature, match=why):
        check(armored, NS, TEXT)


def test_the_line_end_behind_it_may_be_missing() -> None:
    """It is lost where a signature was pasted."""
    key = Throwaway()
    assert check(key.sign(NS, TEXT).rstrip("\n"), NS, TEXT) == key.fingerprint


@needs_ssh
def test_rsa_with_sha1_is_refused(tmp_path: Path) -> None:
    """The label in the signature is changed to ssh-rsa: refused before ssh-keygen is asked."""
    armored = signed_by_tool(made(tmp_path, "rsa", bits=2048), NS, TEXT)
    found = parse(armored)
    body = found.blob[len(string(b"rsa-sha2-512")):]
    with pytest.raises(BadSignature, match="does not sign as ssh-rsa"):
        check(wire(key=found.key, blob=string(b"ssh-rsa") + body), NS, TEXT)
    assert check(wire(key=found.key, blob=string(b"rsa-sha2-512") + body), NS, TEXT)


@given(st.one_of(st.text(), st.binary().map(armor), st.binary().map(lambda raw: armor(b"SSHSIG\0\0\0\1" + raw))))
def test_any_text_is_read_or_refused(text: str) -> None:
    """With a ValueError and nothing else; what is read says of its key what the key says of itself."""
    with contextlib.suppress(ValueError):
        found = parse(text)
        assert found.key_type == sshsig.key_type(found.key)


@given(st.binary(max_size=200), st.text(max_size=200))
def test_any_public_key_is_read_or_refused(key: bytes, line: str) -> None:
    """With a ValueError and nothing else; what is read comes back the same."""
    with contextlib.suppress(ValueError):
        assert sshsig.read_public(sshsig.public_line(key)) == (key, "")
    with contextlib.suppress(ValueError):
        sshsig.read_public(line)


GOOD = Throwaway()
ARMORED = GOOD.sign(NS, TEXT)


@given(st.integers(0, len(ARMORED) - 2), st.integers(1, 255))
def test_one_changed_character_is_noticed(at: int, by: int) -> None:
    """Wherever in the armored text it is: the signature has one spelling."""
    changed = ARMORED[:at] + chr((ord(ARMORED[at]) + by) % 256) + ARMORED[at + 1:]
    with pytest.raises(BadSignature):
        check(changed, NS, TEXT)


@given(st.integers(0, len(ARMORED) - 2))
def test_a_cut_signature_is_refused(at: int) -> None:
    """At any place."""
    with pytest.raises(BadSignature):
        check(ARMORED[:at], NS, TEXT)


# -- public keys -------------------------------------------------------------------------------------------------

@needs_ssh
def test_a_public_line_is_read_with_its_comment(tmp_path: Path) -> None:
    """And gives the fingerprint that ssh-keygen prints."""
    path = made(tmp_path)
    key, comment = sshsig.read_public(path.with_name(path.name + ".pub").read_text())
    assert comment == "test ed25519"
    assert sshsig.fingerprint(key) == fingerprint_of(path)
    assert sshsig.public_line(key) == pub(path)


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 AAAA", f"ssh-rsa {GOOD.public.split()[1]}", "x y z",
                                  GOOD.public + "A", "ssh-dss " + base64.b64encode(string(b"ssh-dss")).decode()], ids=range(7))
def test_what_is_no_public_line_is_refused(line: str) -> None:
    """A label of another type among them."""
    with pytest.raises(ValueError):
        sshsig.read_public(line)


def test_the_fingerprint_is_the_hash_of_the_key() -> None:
    """SHA-256 in base64 without padding."""
    key = sshsig.read_public(GOOD.public)[0]
    assert GOOD.fingerprint == "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode()[:43]
