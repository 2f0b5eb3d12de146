"""RFC 3161 time stamps over notes: the request, the answer kept, and whether it verifies.

The imprint is SHA-256 of the whole bytes of a note. The whole TimeStampResp is kept as it came. Two readers check it, and
neither is irkit: rfc3161-client in this process, and `openssl ts -verify` where there is one. Both judge certificates at
genTime, trust the authorities of a PEM file from outside and nothing that lies in the token. One of them may refuse what
the other verifies; then both are named, and the token counts. irkit itself only compares the imprint, which settles at once
that a token is of something else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from irkit.ledger.sshsig import CannotCheck
from irkit.ledger.token import SHA256, Token, lower, read, read_request, upper

__all__ = ["Checked", "Token", "answer_to", "lower", "read", "request_for", "upper", "verify"]

SECONDS = 30.0                 # that openssl may take to check a token; it takes milliseconds


class Checked(NamedTuple):
    """`by` names the readers that verified; `refused` and `absent` hold "reader: reason". `facts` are worth printing.

    `ok`: at least one verified, and the imprint is the note's.
    """

    ok: bool
    token: Token
    by: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """"verified by openssl, unverified by rfc3161-client: …", in one line."""
        verified = [f"verified by {' and '.join(self.by)}"] if self.by else []
        return ", ".join([*verified, *(f"unverified by {one}" for one in self.refused),
                          *(f"not checked by {one}" for one in self.absent)])


class _Absent(Exception):
    """A reader cannot run here."""


def request_for(note: bytes) -> bytes:
    """A DER TimeStampReq for a note, with a fresh nonce; it asks for the authority's certificates."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    return TimestampRequestBuilder(data=note, hash_algorithm=HashAlgorithm.SHA256, nonce=True, cert_req=True).build().as_bytes()


def answer_to(request: bytes, raw: bytes) -> Token:
    """The token that answers this request. Raises ValueError when it was not granted, or answers another request."""
    asked, token = read_request(request), read(raw)
    if (token.algorithm, token.imprint) != (asked.algorithm, asked.imprint):
        raise ValueError("the token is of something that was not asked for")
    if token.nonce != asked.nonce:
        raise ValueError("the token answers another request: its nonce differs")
    return token


def verify(raw: bytes, note: bytes, ca: Path, at: datetime | None = None) -> Checked:
    """Check an answer against a note, trusting the certificates in `ca` (PEM). Expiry is reported as of `at` (now).

    Raises CannotCheck when the answer or `ca` cannot be read, or no reader can run.
    """
    try:
        token = read(raw)
    except ValueError as error:
        raise CannotCheck(f"the token cannot be read: {error}") from None
    if (token.algorithm, token.imprint) != (SHA256, hashlib.sha256(note).digest()):
        return Checked(False, token, refused=("irkit: the token is of something else than this note",))
    roots = _roots(ca)
    with warnings.catch_warnings(action="ignore"):         # what cryptography deprecates in an authority's certificate
        by, refused, absent = _ask_readers(raw, token, note, roots)
        facts = _facts(token, at or datetime.now(UTC)) if by else ()
    if not by and not refused:
        raise CannotCheck(f"nothing here can check a time stamp ({'; '.join(absent)})", where=str(ca), next="openssl version")
    return Checked(bool(by), token, tuple(by), tuple(refused), tuple(absent), facts)


def _ask_readers(raw: bytes, token: Token, note: bytes, roots: bytes) -> tuple[list[str], list[str], list[str]]:
    by, refused, absent = list[str](), list[str](), list[str]()
    for name, reader in _READERS:
        try:
            reason = reader(raw, token, note, roots)
        except _Absent as error:
            absent.append(f"{name}: {error}")
            continue
        if reason:
            refused.append(f"{name}: {reason}")
        else:
            by.append(name)
    return by, refused, absent


def _roots(ca: Path) -> bytes:
    try:
        roots = ca.read_bytes()
    except OSError as error:
        raise CannotCheck(f"the trusted authorities cannot be read: {error.strerror}", where=str(ca)) from None
    if b"-----BEGIN " not in roots:
        raise CannotCheck("the file of trusted authorities holds no certificate in PEM", where=str(ca))
    return roots


# -- the readers: "" when it verifies, else why not ----------------------------------------------------------------

def _library(raw: bytes, token: Token, note: bytes, roots: bytes) -> str:
    try:
        from cryptography import x509
        from rfc3161_client import VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise _Absent("it is not installed") from None
    try:
        trusted = x509.load_pem_x509_certificates(roots)
    except ValueError as error:
        raise _Absent(f"it cannot read the trusted certificates ({_one_line(str(error))})") from None
    try:
        # Never with the token's own certificates as `intermediates`: the library takes those as trusted too.
        answer = decode_timestamp_response(raw)
        VerifierBuilder(roots=trusted).build().verify_message(answer, note)
        info = answer.tst_info
        theirs = (info.gen_time.replace(microsecond=0), info.serial_number, info.message_imprint.message)
    except Exception as error:             # it names no complete list of what it raises
        return _one_line(" / ".join(re.findall(r'(?:reason|data): "([^"]+)"', str(error))) or str(error))
    same = theirs == (token.gen_time.replace(microsecond=0), token.serial, token.imprint)
    return "" if same else "it reads another time or number in the token than irkit does"


def _openssl(raw: bytes, token: Token, note: bytes, roots: bytes) -> str:
    if (program := shutil.which("openssl")) is None:
        raise _Absent("it is not installed")
    inside = "".join(map(ssl.DER_cert_to_PEM_cert, token.certificates)).encode()
    with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
        files = {"answer.tsr": raw, "note": note, "ca.pem": roots, **({"inside.pem": inside} if inside else {})}
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        command = [program, "ts", "-verify", "-in", "answer.tsr", "-data", "note", "-CAfile", "ca.pem",
                   *(["-untrusted", "inside.pem"] if inside else []), "-attime", str(int(token.gen_time.timestamp()))]
        try:
            run = subprocess.run(command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL,  # noqa: S603
                                 capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise _Absent(_one_line(str(error))) from None
    said = run.stderr.decode(errors="replace")
    if "unknown option" in said.lower():
        raise _Absent("this one cannot judge a past moment (-attime)")
    return "" if run.returncode == 0 and b"Verification: OK" in run.stdout else _reason(said)


def _environment() -> dict[str, str]:
    """This process's, but no OPENSSL_CONF has a say in what verifies; messages are in English."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENSSL")} | {"LC_ALL": "C"}


_Reader = Callable[[bytes, Token, bytes, bytes], str]
_READERS: tuple[tuple[str, _Reader], ...] = (("rfc3161-client", _library), ("openssl", _openssl))


def _reason(said: str) -> str:
    """From openssl's last error: thread, "error", code, library, function, reason, file, line, detail, with colons between."""
    fields = next((line.split(":", 8) for line in reversed(said.splitlines()) if line.count(":") >= 8), None)
    return _one_line(" / ".join(part for part in (fields[5], fields[8]) if part) if fields else said) or "it gave no reason"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _facts(token: Token, at: datetime) -> tuple[str, ...]:
    facts = ["the token states no accuracy; one second is assumed"] if token.accuracy is None else []
    facts += [f"the certificate of {name} expired on {ended:%Y-%m-%d}; it is judged at the time of the token"
              for name, ended in _ends(token) if ended < at]
    return (*facts, "whether a certificate was revoked was not looked up")


def _ends(token: Token) -> list[tuple[str, datetime]]:
    """Whose certificates the token brings, and when they end; of those that can be read."""
    from cryptography import x509
    found = []
    for der in token.certificates:
        try:
            certificate = x509.load_der_x509_certificate(der)
            found.append((certificate.subject.rfc4514_string(), certificate.not_valid_after_utc))
        except Exception:                  # noqa: S112  (damage outside the signature; it names no list of what it raises)
            continue
    return found
