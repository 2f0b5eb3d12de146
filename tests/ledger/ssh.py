"""Real keys and a real ssh-agent for tests, and a security key that is built in software."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irkit.ledger.sshsig import armor

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed (openssh-client)")


def made(folder: Path, kind: str = "ed25519", *, passphrase: str = "", bits: int = 0) -> Path:
    """A new private key, with its .pub file beside it."""
    path = folder / f"id_{kind}_{len(os.listdir(folder))}"
    more = ["-b", str(bits)] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", f"test {kind}", "-f", path, *more], check=True)
    return path


def pub(path: Path) -> str:
    """Its public line without the comment."""
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def fingerprint_of(path: Path) -> str:
    """As ssh-keygen -l prints it."""
    return subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout.split()[1]


def signed_by_tool(path: Path, namespace: str, text: bytes, *more: str) -> str:
    return subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", path, "-n", namespace, *more], input=text, check=True,
                          capture_output=True).stdout.decode()


@contextlib.contextmanager
def agent(monkeypatch: pytest.MonkeyPatch, *keys: Path) -> Iterator[None]:
    """A running ssh-agent that holds `keys`. Its socket is in a short folder: such a path has at most 104 bytes."""
    with tempfile.TemporaryDirectory(prefix="ag") as folder:
        socket = os.path.join(folder, "s")
        started = subprocess.run(["ssh-agent", "-s", "-a", socket], check=True, capture_output=True, text=True).stdout
        found = re.search(r"SSH_AGENT_PID=(\d+)", started)
        assert found
        try:
            monkeypatch.setenv("SSH_AUTH_SOCK", socket)
            for key in keys:
                subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)
            yield
        finally:
            os.kill(int(found[1]), signal.SIGTERM)


def string(raw: bytes) -> bytes:
    """SSH's string (RFC 4251 5)."""
    return len(raw).to_bytes(4, "big") + raw


class SecurityKey:
    """What a FIDO2 key signs, by PROTOCOL.u2f, without the device. `key` is the public half in wire form."""

    kind = b"sk-ssh-ed25519@openssh.com"
    application = b"ssh:"

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self._public = self._private.public_key().public_bytes_raw()
        self.key = string(self.kind) + string(self._public) + string(self.application)
        self.public = f"{self.kind.decode()} {base64.b64encode(self.key).decode()}"

    def sign(self, namespace: str, text: bytes, *, flags: int = 1, counter: int = 7) -> str:
        inner = (b"SSHSIG" + string(namespace.encode()) + string(b"") + string(b"sha512")
                 + string(hashlib.sha512(text).digest()))
        said = bytes([flags]) + counter.to_bytes(4, "big")
        signature = self._private.sign(hashlib.sha256(self.application).digest() + said + hashlib.sha256(inner).digest())
        blob = string(self.kind) + string(signature) + said
        return armor(b"SSHSIG" + (1).to_bytes(4, "big") + string(self.key) + string(namespace.encode()) + string(b"")
                     + string(b"sha512") + string(blob))

    def handle(self, path: Path) -> Path:
        """A private key file as ssh-keygen -t ed25519-sk leaves it: it leads to a device, which here does not exist."""
        check = b"\1\2\3\4" * 2
        inner = (check + string(self.kind) + string(self._public) + string(self.application) + b"\1" + string(b"handle" * 8)
                 + string(b"") + string(b"comment"))
        inner += bytes(range(1, 9))[:-len(inner) % 8]
        raw = (b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"") + (1).to_bytes(4, "big") + string(self.key)
               + string(inner))
        path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(raw).decode()
                        + "-----END OPENSSH PRIVATE KEY-----\n")
        path.chmod(0o600)
        return path
