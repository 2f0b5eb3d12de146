"""SSH signatures over a text (OpenSSH PROTOCOL.sshsig): read strictly, checked, made in this process.

    armored:  -----BEGIN SSH SIGNATURE-----, base64 in lines, -----END SSH SIGNATURE-----
    inside:   "SSHSIG", uint32 1, string key, string namespace, string reserved (empty), string hash, string signature
    signed:   "SSHSIG", string namespace, string reserved, string hash, string H(text)

Rules: one signature has one spelling, so what OpenSSH would overlook (bytes behind the end, a reserved part, odd base64) is
refused. ssh-ed25519 is made and checked in this process, where a drill can start no other program; every other type is
checked by ssh-keygen. RSA with SHA-1, DSA and certificates are refused.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from irkit.errors import IrkitError

if TYPE_CHECKING:
    import subprocess

LONGEST = 16_384                  # characters; RSA with 16,384 bits needs about 6,000
SECONDS = 30.0                    # that ssh-keygen may take to check a signature; it takes milliseconds

# What OpenSSH's tools are given of the environment: the agent, where to ask for a passphrase, the security key, the time zone.
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "TERM", "TMPDIR", "TZ", "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE",
        "SSH_SK_PROVIDER", "SSH_SK_HELPER", "SSH_PKCS11_HELPER", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS")

_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "\n-----END SSH SIGNATURE-----"
_WIDTH = 70                       # as ssh-keygen breaks its lines
_WIDEST = 76
_SK = "@openssh.com"
_CURVES = ("nistp256", "nistp384", "nistp521")
# What follows the type in a public key (PROTOCOL.u2f for sk-): RFC 8709 4, RFC 4253 6.6, RFC 5656 3.1
_KEY_PARTS = {"ssh-ed25519": 1, "ssh-rsa": 2, f"sk-ssh-ed25519{_SK}": 2, f"sk-ecdsa-sha2-nistp256{_SK}": 3,
              **{f"ecdsa-sha2-{curve}": 2 for curve in _CURVES}}
_RSA = ("rsa-sha2-256", "rsa-sha2-512")
_HASHES = ("sha256", "sha512")


class BadSignature(ValueError):
    """It cannot be read, or does not verify: the text, the key, the namespace or the signature is another."""


class CannotCheck(IrkitError):
    """Nothing can be said of the signature, since a tool is missing or too old."""


class Signer(Protocol):
    """A key that signs. `fingerprint` is "SHA256:…", `public` the OpenSSH line of its public half without a comment."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def public(self) -> str: ...

    def sign(self, namespace: str, text: bytes) -> str:
        """The armored signature. Raises CredentialError, with the next command, when the key does not sign."""
        ...


class Signature(NamedTuple):
    """A signature as read. `blob` is the innermost part (its type and its bytes), `hash` "sha256" or "sha512"."""

    key: bytes
    key_type: str
    namespace: str
    hash: str
    blob: bytes


# -- reading -----------------------------------------------------------------------------------------------------

class Parts:
    """Takes SSH's wire format apart (RFC 4251 5) from the front. Each method raises ValueError."""

    def __init__(self, raw: bytes) -> None:
        self._left = raw

    def take(self, count: int) -> bytes:
        if len(self._left) < count:
            raise ValueError("it ends too early")
        found, self._left = self._left[:count], self._left[count:]
        return found

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        found = self.string()
        if not re.fullmatch(rb"[!-~]+", found):
            raise ValueError("a name in it is no printable ASCII")
        return found.decode()

    def end(self) -> None:
        if self._left:
            raise ValueError("bytes follow behind its end")


def parse(armored: str) -> Signature:
    """The parts of an armored signature. Raises ValueError when it has any other form than this module's."""
    signature = Parts(_dearmored(armored))
    if signature.take(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no SSH signature")
    if (version := signature.number()) != 1:
        raise ValueError(f"SSH signatures of version {version} are not known")
    key, namespace = signature.string(), signature.text()
    if signature.string():
        raise ValueError("its reserved part is not empty")
    hashed, blob = signature.text(), signature.string()
    signature.end()
    if hashed not in _HASHES:
        raise ValueError("its hash is neither sha256 nor sha512")
    found = Signature(key, key_type(key), namespace, hashed, blob)
    _check_blob(found)
    return found


def _dearmored(armored: str) -> bytes:
    body = armored.removesuffix("\n")
    if len(armored) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    if not (body.startswith(_BEGIN) and body.endswith(_END) and len(body) > len(_BEGIN) + len(_END)):
        raise ValueError("it does not stand between BEGIN and END SSH SIGNATURE")
    lines = body[len(_BEGIN):-len(_END)].split("\n")
    width = len(lines[0])
    if not (all(len(line) == width for line in lines[:-1]) and 0 < len(lines[-1]) <= width <= _WIDEST):
        raise ValueError("its lines are broken in an odd way")
    return _unbase64("".join(lines))


def _unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("it is no base64") from None
    if base64.b64encode(raw).decode() != text:
        raise ValueError("its base64 has bits to spare")
    return raw


def key_type(key: bytes) -> str:
    """The type of a public key in wire form, whose parts are counted. Raises ValueError for a type that is not accepted."""
    parts = Parts(key)
    found = parts.text()
    if found not in _KEY_PARTS:
        raise ValueError(f"keys of type {found[:60]} are not accepted")
    first, *_ = [parts.string() for _ in range(_KEY_PARTS[found])]
    parts.end()
    if "ed25519" in found and len(first) != 32:
        raise ValueError("an Ed25519 key has 32 bytes")
    return found


def _check_blob(found: Signature) -> None:
    parts = Parts(found.blob)
    made = parts.text()
    if made not in (_RSA if found.key_type == "ssh-rsa" else (found.key_type,)):
        raise ValueError(f"a key of type {found.key_type} does not sign as {made[:60]}")
    signature = parts.string()
    if hardware(found.key_type):
        parts.take(5)                                    # flags and a counter, PROTOCOL.u2f "SSH U2F Signatures"
    parts.end()
    if "ed25519" in made and len(signature) != 64:
        raise ValueError("an Ed25519 signature has 64 bytes")


def hardware(kind: str) -> bool:
    """Whether keys of this type live in a security key (FIDO2)."""
    return kind.startswith("sk-")


# -- public keys -------------------------------------------------------------------------------------------------

def fingerprint(key: bytes) -> str:
    """ "SHA256:…" as ssh-keygen -l prints it. `key` is the public key in wire form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def public_line(key: bytes) -> str:
    """The key as it stands in a .pub file, without a comment. Raises ValueError."""
    return f"{key_type(key)} {base64.b64encode(key).decode()}"


def read_public(line: str) -> tuple[bytes, str]:
    """The key in wire form and the comment of a line of a .pub file. Raises ValueError."""
    kind, encoded, *comment = [*line.split(None, 2), "", ""][:3]
    key = _unbase64(encoded)
    if key_type(key) != kind:
        raise ValueError("it is no public key of OpenSSH")
    return key, comment[0].strip()


# -- making and checking -----------------------------------------------------------------------------------------

class Throwaway:
    """An Ed25519 key that nobody keeps, for drills and tests. It lives in this process alone."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        self._private = Ed25519PrivateKey.generate()
        self._key = _string(b"ssh-ed25519") + _string(self._private.public_key().public_bytes_raw())
        self.fingerprint = fingerprint(self._key)
        self.public = public_line(self._key)

    def sign(self, namespace: str, text: bytes) -> str:
        """The armored signature, with sha512, as ssh-keygen makes it."""
        made = self._private.sign(_signed(namespace, "sha512", text))
        blob = _string(b"ssh-ed25519") + _string(made)
        return armor(_MAGIC + (1).to_bytes(4, "big") + _string(self._key) + _string(namespace.encode()) + _string(b"")
                     + _string(b"sha512") + _string(blob))


def armor(raw: bytes) -> str:
    """A signature in wire form as text, with the lines that ssh-keygen makes."""
    text = base64.b64encode(raw).decode()
    return _BEGIN + "\n".join(text[at:at + _WIDTH] for at in range(0, len(text), _WIDTH)) + _END + "\n"


def check(armored: str, namespace: str, text: bytes) -> str:
    """The fingerprint of the key that signed `text` for `namespace`.

    Says nothing of whose key that is. Raises BadSignature, and CannotCheck when ssh-keygen is needed and cannot be run.
    """
    try:
        found = parse(armored)
    except ValueError as error:
        raise BadSignature(str(error)) from None
    if found.namespace != namespace:
        raise BadSignature(f"it was made for {found.namespace[:60]}, not for {namespace}")
    if found.key_type == "ssh-ed25519":
        _check_here(found, text)
    else:
        _check_with_tool(armored, found, text)
    return fingerprint(found.key)


def _check_here(found: Signature, text: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    try:
        Ed25519PublicKey.from_public_bytes(found.key[-32:]).verify(found.blob[-64:], _signed(found.namespace, found.hash, text))
    except (InvalidSignature, ValueError):
        raise BadSignature("the signature is not over this text, or not by this key") from None


def _check_with_tool(armored: str, found: Signature, text: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
        kept = Path(folder, "signature")
        kept.write_text(armored, encoding="ascii")
        ran = ssh("ssh-keygen", "-Y", "check-novalidate", "-n", found.namespace, "-s", str(kept), given=text)
    if ran.returncode != 0 or not ran.stdout.decode("utf-8", "replace").rstrip().endswith(" key " + fingerprint(found.key)):
        raise BadSignature(said(ran) or "the signature is not over this text, or not by this key")


def _signed(namespace: str, hashed: str, text: bytes) -> bytes:
    digest = hashlib.new(hashed, text).digest()
    return _MAGIC + _string(namespace.encode()) + _string(b"") + _string(hashed.encode()) + _string(digest)


def _string(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


# -- OpenSSH's tools ---------------------------------------------------------------------------------------------

def ssh(*words: str, given: bytes = b"", seconds: float = SECONDS, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a tool of OpenSSH, without a shell, with `given` on its standard input and `more` in its environment.

    Raises CannotCheck when it does not run, or does not end.
    """
    import subprocess  # not needed to sign or check Ed25519, and a drill may start no process
    try:
        return subprocess.run(words, input=given, capture_output=True, timeout=seconds, env=environment() | more,  # noqa: S603
                              check=False)
    except subprocess.TimeoutExpired:
        what = f"{words[0]} gave no answer in {seconds:.0f} s"
    except OSError as error:
        what = f"{words[0]} cannot be run ({error.strerror})"
    raise CannotCheck(what, next="install OpenSSH's client, version 9.1 or newer")


def environment() -> dict[str, str]:
    """What OpenSSH's tools need of this process's environment; their messages are in English."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {"LC_ALL": "C"}


def said(ran: subprocess.CompletedProcess[bytes]) -> str:
    """The last thing a tool complained of, as the end of a sentence."""
    lines = [line.strip() for line in ran.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].rstrip(".")[:200] if lines else ""
