"""Notes: their exact bytes, their keys, and that nothing else is taken for one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger import note
from irkit.ledger.note import SessionKey

ORIGIN = "irkit/live/" + "0d3c" * 8
ROOT = hashlib.sha256(b"root").digest()
KEY = SessionKey(ORIGIN)
RAW = KEY.sign(312, ROOT).raw


def test_the_bytes_of_a_note() -> None:
    """Three lines, an empty one, and one signature line: an em dash, the origin, and key id and signature in base64."""
    text, empty, line = RAW.partition(b"\n\n")
    assert (empty, text.decode()) == (b"\n\n", f"{ORIGIN}\n312\n{base64.b64encode(ROOT).decode()}")
    dash, name, value = line.removesuffix(b"\n").split(b" ")
    assert (dash, name) == (b"\xe2\x80\x94", ORIGIN.encode())
    signature = base64.b64decode(value, validate=True)
    assert len(signature) == 68
    public = note.parse_vkey(KEY.vkey)[2]
    assert signature[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], text + b"\n")


def test_a_note_is_read_back() -> None:
    """What was signed is what is parsed; its name in a checkpoint entry is the hash of all its bytes."""
    made = KEY.sign(312, ROOT)
    assert note.parse(made.raw) == made
    assert (made.origin, made.size, made.root, made.key_id) == (ORIGIN, 312, ROOT, KEY.key_id)
    assert made.sha256 == hashlib.sha256(made.raw).hexdigest()
    assert note.valid(made, note.parse_vkey(KEY.vkey)[2])


def test_a_note_is_valid_under_its_own_key_alone() -> None:
    """Not under another key, not with another size, root, origin or key id."""
    made, public = KEY.sign(312, ROOT), note.parse_vkey(KEY.vkey)[2]
    other = SessionKey(ORIGIN)
    assert not note.valid(made, note.parse_vkey(other.vkey)[2])
    for changed in (made._replace(size=313), made._replace(root=bytes(32)), made._replace(key_id=other.key_id),
                    made._replace(origin=ORIGIN.replace("live", "drill")), made._replace(signature=bytes(64))):
        assert not note.valid(changed, public)
    assert not note.valid(made, b"short")


@pytest.mark.parametrize("raw", [
    b"", RAW[:-1], RAW + b"\n", b" " + RAW, RAW.replace(b"\n312\n", b"\n0312\n"), RAW.replace(b"\n312\n", b"\n+312\n"),
    RAW.replace(b"\n312\n", b"\n-1\n"), RAW.replace(b"\n312\n", b"\n312\nextension\n"), RAW.replace(b"\n\n", b"\n"),
    RAW.replace(b"\n", b"\r\n"), RAW + RAW.split(b"\n\n")[1], RAW.replace(b"\xe2\x80\x94", b"-"), RAW + b"x" * 400,
    RAW.replace(b"irkit/live", b"irkit/lives"), RAW.replace(b"irkit/live", b"irkit/drill", 1),
    RAW.replace(b"\n312\n", b"\n" + b"9" * 17 + b"\n"),
    RAW.replace(b"\n312\n", "\n٣١٢\n".encode()), RAW.replace(b"=\n\n", b"\n\n"), b"\xff" + RAW,
], ids=lambda _: "note")
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    """Another spelling of a number, an extension line, a second signature, other line ends, another name."""
    with pytest.raises(ValueError, match=r"note|decode|bytes"):
        note.parse(raw)


def test_base64_has_one_spelling() -> None:
    """The unused bits at its end are zero: a note cannot be changed and mean the same."""
    at = RAW.index(b"=\n\n") - 1
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(RAW[at]) ^ 1]
    with pytest.raises(ValueError, match="canonical"):
        note.parse(RAW[:at] + bytes([twin]) + RAW[at + 1:])


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_changed_byte_leaves_a_valid_note(at: int, flip: int) -> None:
    """Any byte, changed in any way: it is no note, or not of this key."""
    changed = RAW[:at] + bytes([RAW[at] ^ flip]) + RAW[at + 1:]
    try:
        found = note.parse(changed)
    except ValueError:
        return
    assert not note.valid(found, note.parse_vkey(KEY.vkey)[2])


@given(st.binary(max_size=500) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_as_a_value_error(raw: bytes) -> None:
    """Whatever a store or a bag holds in place of a note."""
    with pytest.raises(ValueError):
        note.parse(raw)


def test_a_verifier_key_goes_both_ways() -> None:
    """Name, id, type and key, as Go's note package writes them; one whose id is another's is refused."""
    origin, key_id, public = note.parse_vkey(KEY.vkey)
    assert (origin, key_id, note.vkey(origin, public)) == (ORIGIN, KEY.key_id, KEY.vkey)
    name, shown, key = KEY.vkey.split("+", 2)
    assert (name, shown, base64.b64decode(key)) == (ORIGIN, key_id, b"\x01" + public)
    another = base64.b64encode(b"\2" + public).decode()
    for bad in (KEY.vkey.replace(key_id, "00000000"), KEY.vkey.replace("live", "test"), KEY.vkey + " ", "",
                f"{name}+{shown}+{another}", f"{name}+{shown}+{key[:-4]}"):
        with pytest.raises(ValueError, match="no Ed25519 note key"):
            note.parse_vkey(bad)


def test_an_erased_key_does_not_sign() -> None:
    """What remains of a session's key is its public half."""
    key = SessionKey(ORIGIN)
    key.erase()
    with pytest.raises(ValueError, match="erased"):
        key.sign(1, ROOT)
    assert not hasattr(key._key, "sign")
