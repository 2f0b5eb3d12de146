"""A writer of small ledgers that was made from evidence/README.md alone: it uses nothing of irkit.

Times, nonces, salts and keys are counted, not random: the same calls make the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

POLICY = {"authorities": 0, "endorse": True, "max_entries": 64, "seal_tokens": 0}
TABLES = """PRAGMA application_id=0x69726B74;
CREATE TABLE entries(seq INTEGER PRIMARY KEY, line BLOB NOT NULL, leaf BLOB NOT NULL);
CREATE TABLE disclosures(seq INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(seq, digest))
    WITHOUT ROWID;
CREATE TABLE checkpoints(size INTEGER NOT NULL, key_id TEXT NOT NULL, note BLOB NOT NULL, PRIMARY KEY(size, key_id));
CREATE TABLE tokens(sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, key_id TEXT NOT NULL, raw BLOB NOT NULL);"""


TSA = """[tsa]
default_tsa = it
[it]
dir = .
serial = serial
crypto_device = builtin
signer_cert = {name}.pem
signer_key = {name}.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:2
certs = {name}.pem
"""


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def leaf(line: bytes) -> bytes:
    return hashlib.sha256(b"\0" + line).digest()


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


class Person:
    """Somebody with an ssh-ed25519 key."""

    def __init__(self, name: str) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.blob = ssh(b"ssh-ed25519", self.key.public_key().public_bytes_raw())
        self.fingerprint = "SHA256:" + b64(hashlib.sha256(self.blob).digest()).rstrip("=")
        self.allowed = f"{name} ssh-ed25519 {b64(self.blob)}\n"

    def sign(self, namespace: str, text: bytes) -> str:
        """An armoured SSH signature, as PROTOCOL.sshsig describes it."""
        digest = hashlib.sha512(text).digest()
        mark = self.key.sign(b"SSHSIG" + ssh(namespace.encode(), b"", b"sha512", digest))
        blob = b"SSHSIG\0\0\0\1" + ssh(self.blob, namespace.encode(), b"", b"sha512", ssh(b"ssh-ed25519", mark))
        text64 = b64(blob)
        lines = "\n".join(text64[at:at + 70] for at in range(0, len(text64), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n"


def ssh(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class Authority:
    """A time-stamp authority of openssl's own, within two seconds; its certificate is `<name>.pem` in the folder."""

    def __init__(self, folder: Path, name: str = "tsa") -> None:
        self.folder, self.pem = folder, folder / f"{name}.pem"
        (folder / "tsa.cnf").write_text(TSA.format(name=name))
        (folder / "serial").write_text("01")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                      "-days", "2", "-subj", f"/CN={name}", "-addext", "extendedKeyUsage=critical,timeStamping",
                      "-addext", "keyUsage=critical,digitalSignature")

    def stamp(self, note: bytes) -> bytes:
        """The whole answer."""
        (self.folder / "noted").write_bytes(note)
        self._openssl("ts", "-query", "-data", "noted", "-sha256", "-cert", "-out", "query")
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


class Tiny:
    """A ledger on its way: `lines`, `values` (seq, digest, body), `notes` {(size, key_id): bytes}, `tokens`, `files`."""

    def __init__(self, mode: str = "live", seed: str = "1", **genesis: Any) -> None:
        self.mode, self.seed = mode, seed
        self.origin = f"irkit/{mode}/{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
        self.lines: list[bytes] = []
        self.values: list[tuple[int, str, str]] = []
        self.notes: dict[tuple[int, str], bytes] = {}
        self.tokens: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.under: dict[str, Any] = {}
        self.unnamed: tuple[int, str] | None = None
        self.person: Person | None = None
        self.clock = 0
        self.add("genesis", {"mode": mode, "origin": self.origin, "policy": POLICY, **genesis})

    @property
    def leaves(self) -> list[bytes]:
        return [leaf(line) for line in self.lines]

    def namespace(self, purpose: str) -> str:
        return f"irkit-{purpose}@v1" if self.mode == "live" else f"irkit-{self.mode}-{purpose}@v1"

    def add(self, kind: str, data: dict[str, Any] | None = None, values: dict[str, Any] | None = None, **fields: Any) -> int:
        """Append an entry; returns its number. `fields` go into the line as they are."""
        seq, self.clock = len(self.lines), self.clock + 1
        bodies = [url64(canonical([url64(f"salt {seq:04} {n:04}...".encode()[:16]), name, value]))
                  for n, (name, value) in enumerate((values or {}).items())]
        mine = sorted((url64(hashlib.sha256(body.encode()).digest()), body) for body in bodies)
        self.values += [(seq, digest, body) for digest, body in mine]
        line = {"at": f"2026-11-20T17:{self.clock // 60:02}:{self.clock % 60:02}.000000Z", "by": "machine", "kind": kind,
                "log": self.origin, "mono_ns": str(self.clock * 10**9), "nonce": url64(f"nonce {seq:010}".encode()),
                "prev": leaf(self.lines[-1]).hex() if self.lines else "0" * 64, "seq": seq, "v": 1, **self.under, **fields}
        line |= ({"data": data} if data else {}) | ({"sd": [digest for digest, _ in mine]} if mine else {})
        self.lines.append(canonical(line))
        return seq

    def start(self, person: Person | None = None, **more: Any) -> int:
        """A session, endorsed if a person is given."""
        seq, self.person = len(self.lines), person
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{self.seed} session {seq}".encode()).digest())
        public = b"\1" + self.key.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(self.origin.encode() + b"\n" + public).hexdigest()[:8]
        vkey = f"{self.origin}+{self.key_id}+{b64(public)}"
        data = {"boot": "b", "irkit": "0.1", "vkey": vkey}
        noted = max((size for size, _ in self.notes), default=0)
        if noted < seq != 1:
            data["adopts"] = {"from": noted, "to": seq - 1}         # type: ignore[assignment]
        if person:
            text = "\n".join([self.namespace("session"), self.origin, str(seq), vkey, str(seq), b64(root(self.leaves)), ""])
            data["endorsement"] = person.sign(self.namespace("session"), text.encode())
        name = "Maria"
        who = person.fingerprint if person else "unsigned:" + hashlib.sha256(f"{self.origin}\n{name}".encode()).hexdigest()[:16]
        self.under = {"session": seq, "who": who}
        return self.add("session.start", data | more, {"person.name": name})

    def name(self) -> None:
        """The entry that names the newest note, if none does."""
        if self.unnamed:
            raw, (size, key_id) = self.notes[self.unnamed], self.unnamed
            self.unnamed = None
            self.add("checkpoint", {"key_id": key_id, "note_sha256": hashlib.sha256(raw).hexdigest(), "size": size})

    def noted(self, kind: str, data: dict[str, Any] | None = None, values: dict[str, Any] | None = None, **fields: Any) -> int:
        """An entry under a note."""
        self.name()
        seq = self.add(kind, data, values, **fields)
        self.note()
        return seq

    def note(self) -> bytes:
        size = len(self.lines)
        text = f"{self.origin}\n{size}\n{b64(root(self.leaves))}\n"
        mark = b64(bytes.fromhex(self.key_id) + self.key.sign(text.encode()))
        self.unnamed = size, self.key_id
        self.notes[self.unnamed] = f"{text}\n\u2014 {self.origin} {mark}\n".encode()
        return self.notes[self.unnamed]

    def signed(self, kind: str, purpose: str, person: Person, data: dict[str, Any], **fields: Any) -> int:
        """An entry with a person's signature inside, under a note."""
        self.name()
        size, data = len(self.lines), data | {"key": person.fingerprint}
        content = hashlib.sha256(canonical({"data": data, "kind": kind, **fields})).hexdigest()
        text = "\n".join([self.namespace(purpose), self.origin, kind, str(size), b64(root(self.leaves)), content, ""])
        seq = self.add(kind, data | {"signature": person.sign(self.namespace(purpose), text.encode())}, **fields)
        self.note()
        return seq

    def end(self) -> None:
        self.noted("session.end")

    # -- on the disk -------------------------------------------------------------------------------------------------

    def folder(self, path: Path) -> Path:
        """As an incident's folder."""
        path.mkdir(parents=True)
        with sqlite3.connect(path / "ledger.db") as db:
            db.executescript(TABLES)
            db.executemany("INSERT INTO entries VALUES (?, ?, ?)", [(n, line, leaf(line)) for n, line in enumerate(self.lines)])
            db.executemany("INSERT INTO disclosures VALUES (?, ?, ?)", self.values)
            db.executemany("INSERT INTO checkpoints VALUES (?, ?, ?)", [(*where, raw) for where, raw in self.notes.items()])
            db.executemany("INSERT INTO tokens VALUES (?, 0, '', ?)", self.tokens.items())
        db.close()
        (path / "artifacts").mkdir()
        for name, content in self.files.items():
            (path / "artifacts" / name).write_bytes(content)
        return path

    def bag(self, path: Path, hide: tuple[tuple[int, str], ...] = (), drop: tuple[int, ...] = ()) -> Path:
        """As a bag, with its `exported` entry. `hide`: values (seq, name) to withhold, `drop`: entries to withhold whole."""
        names = {(seq, json.loads(base64.urlsafe_b64decode(body + "=="))[1]): digest for seq, digest, body in self.values}
        hidden = {(seq, names[seq, name]) for seq, name in hide}
        ground = {"at": "2026-11-21T09:00:00.000000Z", "basis": "privilege", "by": "counsel"}
        rows = [(seq, digest, {**ground, "digest": digest, "seq": seq}) for seq, digest in hidden]
        rows += [(seq, "", {**ground, "leaf": leaf(self.lines[seq]).hex(), "seq": seq}) for seq in drop]
        withheld = b"".join(canonical(row) + b"\n" for _, _, row in sorted(rows, key=lambda row: row[:2]))
        self.name()
        self.add("exported", {"as": "bag", "lines": len(self.lines) + 1, "signed": self.person is not None,
                              "withheld_sha256": hashlib.sha256(withheld).hexdigest()}, by="human")
        self.note()
        shown = [canonical({"withheld": {"leaf": leaf(line).hex(), "seq": seq}}) if seq in drop else line
                 for seq, line in enumerate(self.lines)]
        values = [canonical({"body": body, "digest": digest, "seq": seq}) for seq, digest, body in self.values
                  if seq not in drop and (seq, digest) not in hidden]
        data = {"ledger.jsonl": b"".join(line + b"\n" for line in shown), "withheld.jsonl": withheld,
                "disclosures.jsonl": b"".join(value + b"\n" for value in values),
                **{f"checkpoints/{size}-{key_id}.note": raw for (size, key_id), raw in self.notes.items()},
                **{f"timestamps/{name}.tsr": raw for name, raw in self.tokens.items()},
                **{f"artifacts/{name}": raw for name, raw in self.files.items()}}
        for name, content in data.items():
            (path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (path / "data" / name).write_bytes(content)
        self.seal_bag(path)
        return path

    def seal_bag(self, path: Path) -> None:
        """(Re)write the tag files of a bag, and its signature where the session is a person's."""
        def listing(names: list[str]) -> bytes:
            return b"".join(f"{hashlib.sha256((path / name).read_bytes()).hexdigest()}  {name}\n".encode() for name in names)

        (path / "bagit.txt").write_bytes(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        (path / "bag-info.txt").write_bytes(b"Bag-Software-Agent: tiny\n")
        payload = sorted(str(file.relative_to(path)) for file in (path / "data").rglob("*") if file.is_file())
        (path / "manifest-sha256.txt").write_bytes(listing(payload))
        tags = listing(["bag-info.txt", "bagit.txt", "manifest-sha256.txt"])
        (path / "tagmanifest-sha256.txt").write_bytes(tags)
        if self.person:
            text = "\n".join([self.namespace("export"), self.origin, str(len(self.lines)), b64(root(self.leaves)),
                              hashlib.sha256(tags).hexdigest(), ""])
            (path / "export.sig").write_text(self.person.sign(self.namespace("export"), text.encode()))
