"""Checkpoint notes: size and root of the tree, signed by the key of one session.

The text is a checkpoint as C2SP's tlog-checkpoint describes it, without extension lines; the signature line and the key's
identifier are those of C2SP's signed-note for Ed25519 (type byte 1). Notes are stored bytes: never derived, never changed.

    irkit/live/0d3c…
    312
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — irkit/live/0d3c… 6f0c…
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"              # signed-note's type byte
MOST = 400                     # bytes; a note has about 200
_ORIGIN = r"(?P<origin>irkit/(?:live|drill|test)/[0-9a-f]{32})"
_NOTE = re.compile(_ORIGIN + r"\n(?P<size>0|[1-9][0-9]{0,15})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
                   r"\n\u2014 (?P<name>\S+) (?P<signature>[A-Za-z0-9+/]{91}=)\n")
_VKEY = re.compile(_ORIGIN + r"\+(?P<key_id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]{44})")


class Note(NamedTuple):
    """A note as parsed. `root` has 32 bytes, `signature` 64; `key_id` is 8 hex characters."""

    origin: str
    size: int
    root: bytes
    key_id: str
    signature: bytes
    raw: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def parse(raw: bytes) -> Note:
    """Raises ValueError for anything but the exact bytes of a note with one signature."""
    if len(raw) > MOST:
        raise ValueError(f"a note of {len(raw):,} bytes; {MOST} are the most")
    found = _NOTE.fullmatch(raw.decode())
    if found is None or found["name"] != found["origin"]:
        raise ValueError("it is not a checkpoint note with one signature")
    signature = _exactly(found["signature"])
    return Note(found["origin"], int(found["size"]), _exactly(found["root"]), signature[:4].hex(), signature[4:], raw)


def valid(note: Note, public: bytes) -> bool:
    """Whether the note was signed with the Ed25519 key whose public half is `public` (32 bytes)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(note.signature, body(note.origin, note.size, note.root))
    except (InvalidSignature, ValueError):
        return False
    return note.key_id == _key_id(note.origin, public).hex()


def body(origin: str, size: int, root: bytes) -> bytes:
    """What is signed."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def vkey(origin: str, public: bytes) -> str:
    """The public key as Go's note verifier writes it: name, identifier, type and key."""
    return f"{origin}+{_key_id(origin, public).hex()}+{base64.b64encode(ED25519 + public).decode()}"


def parse_vkey(text: str) -> tuple[str, str, bytes]:
    """Origin, key identifier (8 hex), public key (32 bytes). Raises ValueError when they do not agree."""
    found = _VKEY.fullmatch(text)
    public = _exactly(found["key"])[1:] if found else b""
    if found is None or vkey(found["origin"], public) != text:
        raise ValueError("it is no Ed25519 note key, or its identifier is not its own")
    return found["origin"], found["key_id"], public


def _key_id(origin: str, public: bytes) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + ED25519 + public).digest()[:4]


def _exactly(text: str) -> bytes:
    """Base64 in which each value has one spelling only."""
    raw = binascii.a2b_base64(text)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("its base64 is not canonical")
    return raw


class SessionKey:
    """An Ed25519 key that lives as long as its session, in memory alone."""

    def __init__(self, origin: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        self._key: Ed25519PrivateKey | None = Ed25519PrivateKey.generate()
        self._origin = origin
        self.vkey = vkey(origin, self._key.public_key().public_bytes_raw())
        self.key_id = parse_vkey(self.vkey)[1]

    def sign(self, size: int, root: bytes) -> Note:
        """A note over a tree. Raises ValueError once the key is erased."""
        if self._key is None:
            raise ValueError("the key of this session was erased at its end")
        text = body(self._origin, size, root)
        signature = self._key.sign(text)
        line = base64.b64encode(bytes.fromhex(self.key_id) + signature).decode()
        return Note(self._origin, size, root, self.key_id, signature, text + f"\n\u2014 {self._origin} {line}\n".encode())

    def erase(self) -> None:
        """Forget the private half. Best effort: Python may have left copies in memory."""
        self._key = None
