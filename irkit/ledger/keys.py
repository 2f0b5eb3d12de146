"""The responder's own SSH key: found, made, signed with and trusted, each through OpenSSH's own tools.

A reference names a key: `agent:SHA256:…` for one that ssh-agent holds, else the path of a private key (a security key's handle
too), or of a .pub file whose private half lies beside it or in the agent. irkit never reads a private key: ssh-keygen does,
and asks for its passphrase on the terminal by itself.

Rules: no shell; what is signed goes through a pipe and never stands on a command line; a signature is checked before it is
used; of the environment only `sshsig.KEPT` is passed on.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from irkit.errors import CredentialError, NeedsTerminal, UsageError
from irkit.ledger.sshsig import (
    BadSignature,
    CannotCheck,
    Parts,
    check,
    environment,
    fingerprint,
    hardware,
    key_type,
    parse,
    public_line,
    read_public,
    said,
    ssh,
)

PATIENCE = 180.0                  # seconds to type a passphrase or touch a security key
AGENT = "agent:"

Tell = Callable[[str], None]


class Untrusted(ValueError):
    """The signature verifies, and the keys that were given do not vouch for whoever made it. Its text says why."""


def _on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class HeldKey:
    """A key that somebody holds: an `irkit.ledger.sshsig.Signer`. `path` is None where ssh-agent alone has the private half."""

    key: bytes                     # the public half, in wire form
    comment: str = ""
    path: Path | None = None
    tell: Tell = field(default=_on_stderr, compare=False, repr=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key)

    @property
    def public(self) -> str:
        return public_line(self.key)

    @property
    def type(self) -> str:
        return key_type(self.key)

    @property
    def reference(self) -> str:
        """What leads to this key again, in irkit.toml."""
        return str(self.path) if self.path else AGENT + self.fingerprint

    @property
    def where(self) -> str:
        """Where its private half is, in words."""
        place = str(self.path) if self.path else "ssh-agent"
        return f"security key, {place}" if hardware(self.type) else place

    def sign(self, namespace: str, text: bytes) -> str:
        """The armored signature, made by ssh-keygen and checked. Raises CredentialError."""
        if hardware(self.type):
            self.tell(f"Touch your security key ({self.fingerprint}).")
        with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
            ran = self._ran(namespace, text, self.path or _written(folder, "key.pub", self.public.encode()))
        if ran.returncode != 0:
            raise self._trouble(ran)
        armored = ran.stdout.decode("ascii", "replace")
        try:
            signed_by = check(armored, namespace, text)
        except BadSignature as error:
            raise CredentialError(f"what ssh-keygen made is no signature that verifies: {error}", where=self.where,
                                  next="irkit key use") from None
        if signed_by != self.fingerprint:
            raise CredentialError(f"{signed_by} signed, and not {self.fingerprint}: the .pub file beside it is of another key",
                                  where=self.where, next=f"ssh-keygen -y -f {self.path} > {self.path}.pub")
        return armored

    def _ran(self, namespace: str, text: bytes, path: Path) -> subprocess.CompletedProcess[bytes]:
        more = {}
        if _has_terminal() and not {"SSH_ASKPASS", "SSH_ASKPASS_REQUIRE"} & os.environ.keys():
            more["SSH_ASKPASS_REQUIRE"] = "never"        # or a desktop without ssh-askpass gives an empty passphrase
        try:
            return ssh("ssh-keygen", "-q", "-Y", "sign", "-f", str(path), "-n", namespace, given=text, seconds=PATIENCE, **more)
        except CannotCheck as error:
            raise CredentialError(f"nothing was signed: {error.what}", where=self.where, next=error.next) from None

    def _trouble(self, ran: subprocess.CompletedProcess[bytes]) -> CredentialError:
        """What ssh-keygen complained of, with the command that mends it."""
        words = ran.stderr.decode("utf-8", "replace")
        if hardware(self.type):
            what, next = f"the security key did not sign ({said(ran) or 'it was not touched'})", \
                "plug it in, and touch it when it blinks"
        elif "passphrase" in words:
            what = f"the passphrase of {self.path} was not right" if _has_terminal() else \
                f"{self.path} needs its passphrase, and there is no terminal to type it on"
            next = f"ssh-add {self.path}"
        elif "too open" in words:
            what, next = f"{self.path} can be read by others, so ssh-keygen does not use it", f"chmod 600 {self.path}"
        elif self.path is None:
            what, next = f"ssh-agent did not sign with {self.fingerprint} ({said(ran)})", "ssh-add -l"
        else:
            what, next = f"ssh-keygen did not sign ({said(ran)})", "irkit key use"
        return CredentialError(what, where=self.where, next=next)


def _has_terminal() -> bool:
    """Whether ssh-keygen could ask: it opens the terminal itself, wherever its input comes from."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def _written(folder: str, name: str, raw: bytes) -> Path:
    path = Path(folder, name)
    path.write_bytes(raw + b"\n")
    return path


# -- finding -----------------------------------------------------------------------------------------------------

def signer(reference: str, *, tell: Tell = _on_stderr) -> HeldKey:
    """The key that `reference` leads to. `tell` says that a security key waits to be touched. Raises CredentialError."""
    if reference.startswith(AGENT):
        return _from_agent(reference.removeprefix(AGENT), tell)
    path = Path(os.path.expanduser(reference)).absolute()
    if not path.is_file():
        raise CredentialError(f"there is no key {path}", next="irkit key use")
    if path.suffix != ".pub":
        return HeldKey(*_public_half(path), path, tell)
    key, comment = _public_file(path)
    beside = path.with_suffix("")
    return HeldKey(key, comment, beside, tell) if beside.is_file() else _from_agent(fingerprint(key), tell)


def agent_keys(*, tell: Tell = _on_stderr) -> list[HeldKey]:
    """The keys in ssh-agent, of types that can sign here. Raises CredentialError when there is no agent to ask."""
    try:
        ran = ssh("ssh-add", "-L")
    except CannotCheck as error:
        raise CredentialError(error.what, next=error.next) from None
    if ran.returncode > 1:                               # 1: it has no keys
        socket = os.environ.get("SSH_AUTH_SOCK")
        raise CredentialError("ssh-agent cannot be reached", where=socket or "SSH_AUTH_SOCK is not set",
                              next='eval "$(ssh-agent)" && ssh-add')
    found = []
    for line in ran.stdout.decode("utf-8", "replace").splitlines() if ran.returncode == 0 else ():
        with suppress(ValueError):
            found.append(HeldKey(*read_public(line), tell=tell))
    return found


def choices(*, tell: Tell = _on_stderr) -> list[HeldKey]:
    """The keys to choose from: those in ssh-agent, then those of ~/.ssh whose private half lies beside the .pub file."""
    found: dict[str, HeldKey] = {}
    with suppress(CredentialError):
        found = {one.fingerprint: one for one in agent_keys(tell=tell)}
    for path in sorted(Path(os.path.expanduser("~/.ssh")).glob("*.pub")):
        with suppress(CredentialError):
            one = signer(str(path), tell=tell)
            found.setdefault(one.fingerprint, one)
    return list(found.values())


def _from_agent(wanted: str, tell: Tell) -> HeldKey:
    for one in agent_keys(tell=tell):
        if one.fingerprint == wanted:
            return one
    raise CredentialError(f"ssh-agent does not have the key {wanted[:60]}", where=os.environ.get("SSH_AUTH_SOCK", ""),
                          next="ssh-add, or irkit key use")


def _public_file(path: Path) -> tuple[bytes, str]:
    try:
        return read_public(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CredentialError(f"{path} could not be read: {error.strerror}", next="irkit key use") from None
    except ValueError as error:
        raise CredentialError(f"{path} is no public key that irkit can use: {error}", next="irkit key use") from None


def _public_half(path: Path) -> tuple[bytes, str]:
    """The public half of a private key: from the file beside it, else from its own head, which no passphrase covers."""
    beside = path.with_name(path.name + ".pub")
    if beside.is_file():
        return _public_file(beside)
    try:
        return _head(path.read_text(encoding="ascii")), ""
    except OSError as error:
        raise CredentialError(f"{path} could not be read: {error.strerror}", next="irkit key use") from None
    except ValueError:
        raise CredentialError(f"{path} does not show its public half, and {beside.name} is not beside it",
                              next=f"ssh-keygen -y -f {path} > {beside}") from None


def _head(text: str) -> bytes:
    """The public key in a private key file of OpenSSH (PROTOCOL.key). Raises ValueError."""
    armor = re.fullmatch(r"-----BEGIN OPENSSH PRIVATE KEY-----\n(.+)\n-----END OPENSSH PRIVATE KEY-----\s*", text, re.S)
    parts = Parts(base64.b64decode(armor[1]) if armor else b"")
    if parts.take(15) != b"openssh-key-v1\x00":
        raise ValueError("it is no private key of OpenSSH")
    _cipher, _derivation, _options, count = parts.string(), parts.string(), parts.string(), parts.number()
    key = parts.string()
    if count != 1 or not key_type(key):
        raise ValueError("it holds several keys")
    return key


# -- making ------------------------------------------------------------------------------------------------------

def new_key(path: Path, comment: str, *, fido: bool = False) -> None:
    """Make an Ed25519 key, with `fido` in a security key. ssh-keygen asks for the passphrase, on the terminal.

    Raises UsageError when there is a file already, NeedsTerminal, CredentialError.
    """
    for there in (path, path.with_name(path.name + ".pub")):
        if there.exists():
            raise UsageError(f"{there} exists, and is not overwritten", next=f"irkit key use {path}")
    kind = "ed25519-sk" if fido else "ed25519"
    words = ("ssh-keygen", "-t", kind, "-C", comment, "-f", str(path))
    if not _has_terminal():
        raise NeedsTerminal("a passphrase for the new key is asked for on a terminal, and there is none",
                            next=f"ssh-keygen -t {kind} -f {path}; irkit key use {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = subprocess.run(words, stdout=2, env=environment(), check=False)  # noqa: S603
    except OSError as error:
        raise CredentialError(f"no key was made: {error.strerror}", where=str(error.filename or path)) from None
    if made.returncode != 0 or not path.is_file():
        raise CredentialError("ssh-keygen made no key", where=str(path), next="irkit key new")


# -- trusting ----------------------------------------------------------------------------------------------------

def trusted(armored: str, namespace: str, text: bytes, *, signers: Path, revoked: Path | None, at: datetime) -> str:
    """The principal in `signers` (ssh-keygen(1), ALLOWED SIGNERS) whose key signed `text`, and was allowed to, `at` that time.

    `revoked` is a revocation list, or a file of public keys. Raises Untrusted, BadSignature when the signature does not
    verify at all, and CannotCheck when a file cannot be read or ssh-keygen cannot be run.
    """
    signed_by, key = check(armored, namespace, text), parse(armored).key
    encoded = public_line(key).split()[1].encode()
    lines = [line for line in _read(signers).split(b"\n") if encoded in line and not line.lstrip().startswith(b"#")]
    if at.timestamp() < 1:                               # ssh-keygen takes 0 for now, and nothing below
        raise Untrusted(f"it claims to be from {at:%Y}, before there were such keys")
    reasons: list[str] = []
    with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
        question = _Question(Path(folder), armored, namespace, text, at)
        for line in lines:
            principal = question.principal(line, reasons)
            if principal is not None:
                if revoked is not None:
                    question.not_revoked(principal, key, revoked)
                return principal
    name = signers.name
    raise Untrusted("; ".join(dict.fromkeys(reasons)) or f"{name} allows {signed_by} nothing" if lines else
                    f"{signed_by} stands in no line of {name}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCheck(f"{path} could not be read: {error.strerror}", where=str(path)) from None


class _Question:
    """One signature, put before ssh-keygen with one line of an allowed signers file at a time.

    Whole, ssh-keygen names the principals of the first line that has the key alone, whatever that line is allowed to sign.
    """

    def __init__(self, folder: Path, armored: str, namespace: str, text: bytes, at: datetime) -> None:
        self._folder, self._namespace, self._text = folder, namespace, text
        self._signature = _written(str(folder), "signature", armored.rstrip("\n").encode())
        self._line = folder / "line"
        self._at = f"-Overify-time={at.astimezone(UTC):%Y%m%d%H%M%SZ}"

    def principal(self, line: bytes, reasons: list[str]) -> str | None:
        """The first principal of `line` for whom the signature verifies; else None, and why is added to `reasons`."""
        self._line.write_bytes(line + b"\n")
        named = self._ssh("find-principals", "-s", str(self._signature), "-f", str(self._line))
        if named.returncode != 0:
            reasons.append(_why(named))
        for one in named.stdout.decode("utf-8", "replace").splitlines() if named.returncode == 0 else ():
            if one.startswith("!"):                      # a pattern that excludes; it names nobody
                continue
            verified = self._verify(one)
            if verified.returncode == 0:
                return one
            reasons.append(_why(verified))
        return None

    def not_revoked(self, principal: str, key: bytes, revoked: Path) -> None:
        """ssh-keygen fails in the same words for a revoked key and for a list that it cannot read: so it is asked which."""
        listed = _read(revoked)
        if self._verify(principal, "-r", str(revoked)).returncode == 0:
            return
        public = _written(str(self._folder), "key.pub", public_line(key).encode())
        asked = ssh("ssh-keygen", "-Q", "-f", str(revoked), str(public))
        if b"REVOKED" in asked.stdout or public_line(key).split()[1].encode() in listed:
            raise Untrusted(f"the key of {principal} is revoked by {revoked.name}")
        raise CannotCheck(f"{revoked} cannot be read as a list of revoked keys ({said(asked)})", where=str(revoked))

    def _verify(self, principal: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        return self._ssh("verify", "-f", str(self._line), "-I", principal, "-n", self._namespace,
                         "-s", str(self._signature), *more)

    def _ssh(self, what: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        ran = ssh("ssh-keygen", "-Y", what, *words, self._at, given=self._text)
        if b'"verify-time" option' in ran.stderr:
            raise CannotCheck("ssh-keygen is too old to check a signature at its time", next="install OpenSSH 9.1 or newer")
        return ran


def _why(ran: subprocess.CompletedProcess[bytes]) -> str:
    """The reason among ssh-keygen's lines, which begins with the place "…/line:1: "."""
    found = re.search(r":1: (.+)", ran.stderr.decode("utf-8", "replace"))
    return found[1].strip() if found else said(ran)
