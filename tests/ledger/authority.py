"""A local RFC 3161 authority: `openssl ts -reply` behind an HTTP server on loopback, with a certification authority of its own.

    with Authority() as authority:
        raw = ask(authority.url, request_for(note))
        checked = verify(raw, note, authority.ca)

Keys are EC P-256, as `openssl ts` signs with no Ed25519; the certificates of a name are made once a process. `behaves` may be
changed while it runs. Needs the `openssl` program: `OPENSSL` is None where there is none.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OPENSSL = shutil.which("openssl")
POLICY = "1.3.6.1.4.1.32473.1"              # under the number that RFC 5612 keeps for documentation
ACCURACY = timedelta(milliseconds=1500, microseconds=100)
LASTS = timedelta(days=365)                 # of every certificate that has not expired

Behaviour = Literal["honest", "unsorted", "wrong imprint", "wrong nonce", "refusal", "garbage", "error 500", "silent"]
_CONFIG = """\
[tsa]
default_tsa = authority
[authority]
serial = {here}/serial
signer_cert = {here}/tsa.pem
certs = {here}/chain.pem
signer_key = {here}/key.pem
signer_digest = sha256
default_policy = {policy}
digests = {digests}
{accuracy}
clock_precision_digits = {digits}
tsa_name = yes
ess_cert_id_alg = sha256
"""


class Certificates(NamedTuple):
    """PEM: the root, the intermediate that it certifies, the authority's certificate under that, and its key."""

    root: bytes
    intermediate: bytes
    tsa: bytes
    key: bytes


@functools.cache
def certificates(name: str, expired: bool = False) -> Certificates:
    """A chain of three. `expired`: the authority's own certificate ended yesterday."""
    now = datetime.now(UTC)
    root_key, middle_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])

    def certificate(whose: ec.EllipticCurvePrivateKey, cn: str, by: ec.EllipticCurvePrivateKey, issuer: str,
                    until: datetime) -> bytes:
        authority = cn != f"{name} TSA"
        made = (x509.CertificateBuilder().subject_name(_name(cn)).issuer_name(_name(issuer)).public_key(whose.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - LASTS).not_valid_after(until)
                .add_extension(x509.BasicConstraints(authority, None), critical=True))
        if not authority:
            made = made.add_extension(usage, critical=True)
        return made.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)

    ends = now + LASTS
    return Certificates(certificate(root_key, f"{name} root", root_key, f"{name} root", ends),
                        certificate(middle_key, f"{name} issuer", root_key, f"{name} root", ends),
                        certificate(key, f"{name} TSA", middle_key, f"{name} issuer",
                                    now - timedelta(days=1) if expired else ends),
                        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _name(cn: str) -> x509.Name:
    pairs = ((NameOID.ORGANIZATION_NAME, "irkit tests"), (NameOID.COMMON_NAME, cn))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


class Authority:
    """Answers while the `with` lasts. `asked` are the bodies of the requests, `headers` the headers of the last one.

    `accuracy=False` leaves it unstated, `digits` are those of genTime's fraction, `expired` lets its certificate have ended
    yesterday. Two authorities of different names trust each other in nothing.
    """

    def __init__(self, name: str = "First", *, accuracy: bool = True, digits: int = 6, expired: bool = False,
                 behaves: Behaviour = "honest") -> None:
        self.name, self.behaves = name, behaves
        self.certificates = certificates(name, expired)
        self.asked: list[bytes] = []
        self.headers: dict[str, str] = {}
        self._stated = "accuracy = secs:1, millisecs:500, microsecs:100" if accuracy else ""
        self._digits = digits
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        here = Path(self._folder.name)
        self.ca = here / "ca.pem"
        self.ca.write_bytes(self.certificates.root)
        (here / "tsa.pem").write_bytes(self.certificates.tsa)
        (here / "chain.pem").write_bytes(self.certificates.intermediate)
        (here / "key.pem").write_bytes(self.certificates.key)
        (here / "serial").write_text("0F00")
        for file, digests in (("honest.cnf", "sha256"), ("refusing.cnf", "sha512")):
            (here / file).write_text(_CONFIG.format(here=here, policy=POLICY, digests=digests, accuracy=self._stated,
                                                    digits=self._digits))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/tsr"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp that `behaves` says, without HTTP."""
        match self.behaves:
            case "garbage":
                return b"\x30\x03\x02\x01\x00 and more"
            case "wrong imprint":
                return self._reply(request.replace(request[24:56], bytes(32)))
            case "wrong nonce":
                return self._reply(request[:-4] + bytes([request[-4] ^ 1]) + request[-3:])     # its last byte, before certReq
            case "refusal":
                return self._reply(request, "refusing.cnf")
            case "unsorted":
                return self._arranged(self._reply(request), backwards=True)
            case _:
                return self._reply(request)

    def _reply(self, request: bytes, config: str = "honest.cnf") -> bytes:
        here = Path(self._folder.name)
        with self._turn:                               # the serial number is a file
            (here / "request.tsq").write_bytes(request)
            subprocess.run([OPENSSL or "openssl", "ts", "-reply", "-config", here / config, "-queryfile", here / "request.tsq",
                            "-out", here / "answer.tsr"], check=True, capture_output=True, timeout=30)
            return self._arranged((here / "answer.tsr").read_bytes())

    def _arranged(self, raw: bytes, *, backwards: bool = False) -> bytes:
        """The same answer with its SET of certificates in DER's order, or against it; no signature covers the order.

        openssl writes its own certificate first, whether or not that is DER.
        """
        pair = sorted((der(self.certificates.tsa), der(self.certificates.intermediate)), reverse=backwards)
        there, wanted = pair[1] + pair[0], pair[0] + pair[1]
        return raw.replace(there, wanted)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, authority: Authority, *args: object) -> None:
        self._authority = authority
        super().__init__(*args)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        authority = self._authority
        body = self.rfile.read(int(self.headers["Content-Length"]))
        authority.asked.append(body)
        authority.headers = {name.lower(): value for name, value in self.headers.items()}
        if authority.behaves == "silent":
            self.close_connection = True
            return
        failed = authority.behaves == "error 500"
        content = b"out of order" if failed else authority.answer(body)
        self.send_response(500 if failed else 200)
        self.send_header("Content-Type", "text/plain" if failed else "application/timestamp-reply")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal of the tests."""
