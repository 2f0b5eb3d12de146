#!/usr/bin/env python3
"""Check an irkit ledger without irkit: an incident's folder, or the folder of a bag that was exported from one.

    verify.py PATH [--signers FILE] [--revoked KRL] [--tsa-ca PEM] [--expect NOTE]... [--against PATH] [--policy FILE] [--require-trusted] [--json]

One file, Python 3.9 or newer; keys other than ssh-ed25519, and --signers, need ssh-keygen; --tsa-ca needs openssl. Format and rules stand in irkit's
evidence/README.md. Checked: bytes, number and chain of each line; root and signature of each note; who endorsed each session; signatures in entries;
values against digests; files; timestamps, and what they say of when; that what is absent is listed or was erased; the ledger's policy. It cannot know
who held a key, or whether a record is true; whether more came after the last entry (unless given a note kept elsewhere, --expect, or another copy,
--against); whose the keys are (without --signers) or when it was written (without --tsa-ca). Nothing in a bag vouches for it. Exit 5: contradicted
or missing; else 1: something was not checked; else 0.
"""
# ruff: noqa: E401, E501, E701, E702, I001, S603, S608      dense, so that an expert can read all of it; no shell is ever started
from __future__ import annotations
import argparse, base64, calendar, collections, functools, hashlib, itertools, json, os, pathlib, re, shutil, sqlite3, stat, subprocess, sys, tempfile, time, types
from collections.abc import Iterator
from typing import Any, BinaryIO
BAD, MISSING, UNCHECKED, EMPTY = "CONTRADICTED", "MISSING", "NOT CHECKED", hashlib.sha256().hexdigest()
class Refused(Exception): """Reading ends here, or a program does not run: level, mechanism, what."""
def need(good: Any, why: str) -> None:
    if not good: raise ValueError(why)
def sha256(raw: bytes) -> bytes: return hashlib.sha256(raw).digest()
def b64(raw: bytes) -> str: return base64.b64encode(raw).decode()
def url64(raw: bytes) -> str: return base64.urlsafe_b64encode(raw).decode().rstrip("=")
# -- Ed25519: verification as RFC 8032, 5.1.7, in extended coordinates (X, Y, Z, T), with a table of multiples of each key ---------------
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, BASE = -121665 * pow(121666, -1, P) % P, b"\x58" + b"\x66" * 31
def plus(p: Any, q: Any) -> Any:
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P, 2 * D * p[3] * q[3] % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def doubled(point: Any, times: int) -> Any: return functools.reduce(lambda p, _: plus(p, p), range(times), point)
@functools.lru_cache(maxsize=32)
def table(raw: bytes, negate: bool) -> list[Any]:
    """Row i holds 0 to 15 times 2**(32*i) times a point, or its negative. ValueError unless `raw` is its one encoding (5.1.3)."""
    y, sign = int.from_bytes(raw, "little") & (2**255 - 1), raw[31] >> 7; u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P; x = x if v * x * x % P == u else x * pow(2, (P - 1) // 4, P) % P
    need(len(raw) == 32 and y < P and v * x * x % P == u and not (x == 0 and sign), "the key is no point of the curve")
    x, rows = x if (x & 1 == sign) != negate else -x % P, list[Any](); point: Any = x, y, 1, x * y % P
    for _ in range(8): rows.append([*itertools.accumulate([point] * 16, plus, initial=(0, 1, 1, 0))]); point = doubled(rows[-1].pop(), 28)
    return rows
def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether S < L and R is the encoding of S*B - k*A."""
    total, s, k = (0, 1, 1, 0), int.from_bytes(signature[32:], "little"), hashlib.sha512(signature[:32] + public + message).digest()
    terms = [(n % L >> 32 * i, row) for n, rows in ((s, table(BASE, False)), (int.from_bytes(k, "little"), table(public, True))) for i, row in enumerate(rows)]
    for bit in range(28, -1, -4): total = functools.reduce(plus, [row[n >> bit & 15] for n, row in terms], doubled(total, 4))
    x, y = (total[i] * pow(total[2], -1, P) % P for i in (0, 1)); return len(signature) == 64 and s < L and signature[:32] == (y | (x & 1) << 255).to_bytes(32, "little")
# -- formats: each reader raises ValueError, saying what is wrong ------------------------------------------------------------------------
ORIGIN = "(irkit/(live|drill|test)/[0-9a-f]{32})"
ARMOUR = re.compile(r"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]{1,20000})\n-----END SSH SIGNATURE-----\n?")
SSH_KEYS = re.compile(rb"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com")
HIDDEN = re.compile(rb'\{"withheld":\{"leaf":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,15})\}\}')
FIELDS = {"at": str, "by": str, "kind": str, "log": str, "mono_ns": str, "nonce": str, "prev": str, "seq": int, "v": int,
          "data": dict, "item": int, "ref": int, "run": str, "sd": list, "session": int, "step": str, "who": str}      # the first nine always
POLICY, BEST = {"endorse": bool, "max_entries": int, "authorities": int, "seal_tokens": int}, {"endorse": max, "max_entries": min, "authorities": max, "seal_tokens": max}
SIGNED = {"approval.given", "approval.refused", "handover.offered", "handover.accepted", "custody.offered", "custody.accepted", "sealed"}
AFTER_SEAL = "session.start session.end checkpoint anchor.timestamp hold.placed hold.released custody.offered custody.accepted label.set exported erased"
NOTED = r"step\.(?!started).*|decision|assessment|determination|run\.(paused|closed)|session\.end|exported|sealed|(hold|custody|handover)\..*|" \
        r"approval\.(given|refused)|label\.set|erased|amended|clock\.observed"
def whole(text: str) -> int: need(re.fullmatch("-?[0-9]{1,16}", text) and abs(int(text)) < 2**53, f"{text[:20]} is no integer within 2^53-1"); return int(text)
JSON = json.JSONDecoder(parse_float=whole, parse_constant=whole, parse_int=whole)
def canonical(value: Any) -> bytes: return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def plain(value: Any, line: bool, depth: int = 1) -> None:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    need((depth <= 32 or parts is None) and (value is not None or not line), "it is nested more than 32 deep, or holds a null")
    for key in value if line and isinstance(value, dict) else (): need(re.fullmatch("[a-z0-9_]+", key), "a key is not of [a-z0-9_]")
    for part in parts or (): plain(part, line, depth + 1)
def read_json(raw: bytes, line: bool, most: int = 60_000) -> Any:
    """The value whose only form these bytes are. A `line` holds no null, and keys of [a-z0-9_] alone."""
    need(len(raw) <= most, f"it has more than {most:,} bytes"); value = JSON.decode(raw.decode()); plain(value, line)
    need(canonical(value) == raw, "it does not re-serialise to itself"); return value
def read_line(raw: bytes) -> Any:
    fields = read_json(raw, True); need(isinstance(fields, dict) and fields.get("v") == 1, "it is no entry of version 1")
    for name in {*fields, *[*FIELDS][:9]}: need(type(fields.get(name)) is FIELDS.get(name), f"its {name!r} is missing, unknown or of a wrong type")
    need(fields["by"] in ("machine", "copied", "human") and all(type(one) is str for one in fields.get("sd", ())), "its 'by' or 'sd' is malformed"); return fields
def read_value(digest: Any, body: Any) -> tuple[str, Any]:
    need(type(body) is str and url64(sha256(body.encode())) == digest, "a value does not match its digest")
    raw = base64.urlsafe_b64decode(body + "=="); salt, name, value = read_json(raw, False)
    need(url64(raw) == body and type(salt) is str and len(salt) == 22 and re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", name), "a value is malformed"); return name, value
def content(value: Any) -> Any:
    """Hex SHA-256 of a text or bytes, of anything else in its only form; what names the artefact of a long value. None of None."""
    mark = sorted(value) if isinstance(value, dict) else []
    if value is None or mark == ["artefact", "bytes"]: return value and value["artefact"]
    return sha256(value.encode() if isinstance(value, str) else base64.b64decode(value["base64"]) if mark == ["base64"] else canonical(value)).hex()
def read_note(raw: bytes) -> Any:
    """A checkpoint, and the `text` that its signature covers."""
    origin, size, root, _, last, *_ = (*raw[:400].decode().split("\n"), *[""] * 5)
    tree, mark, text = base64.b64decode(root), base64.b64decode(last.split(" ")[-1]), f"{origin}\n{size}\n{root}\n"
    same = raw == f"{origin}\n{int(size)}\n{b64(tree)}\n\n\u2014 {origin} {b64(mark)}\n".encode() and re.fullmatch(ORIGIN, origin)
    need(same and (len(tree), len(mark)) == (32, 68), "a note is not of one text and one signature")
    return types.SimpleNamespace(origin=origin, size=int(size), root=tree, key_id=mark[:4].hex(), signature=mark[4:], raw=raw, sha256=sha256(raw).hex(), text=text.encode())
def read_vkey(text: Any, origin: str) -> tuple[str, bytes]:
    key = base64.b64decode(str(text)[-44:]); number = sha256(f"{origin}\n".encode() + key).hex()[:8]
    need(key[:1] == b"\1" and f"{origin}+{number}+{b64(key)}" == text and table(key[1:], True), "it names no key of its own"); return number, key[1:]
class Tree:
    """RFC 6962, 2.1, over leaves added one by one; holds one hash for each power of two."""
    size, peaks = 0, list[bytes]()
    def add(self, leaf: bytes) -> None:
        size, self.size, self.peaks = self.size, self.size + 1, [*self.peaks, leaf]
        while size & 1: self.peaks[-2:], size = [sha256(b"\1" + self.peaks[-2] + self.peaks[-1])], size >> 1
    def root(self) -> bytes: return functools.reduce(lambda right, left: sha256(b"\1" + left + right), self.peaks[::-1]) if self.peaks else sha256(b"")
def strings(raw: bytes) -> list[bytes]:
    end = 4 + int.from_bytes(raw[:4], "big"); need(len(raw) >= end, "a signature is cut short")
    return [raw[4:end], *(strings(raw[end:]) if raw[end:] else [])]
def signer(armoured: str, namespace: str, text: bytes, file: str) -> str:
    """Fingerprint of the key that made this SSH signature (PROTOCOL.sshsig), a copy of which is in `file`, over the text."""
    found = ARMOUR.fullmatch(armoured); blob = base64.b64decode(found[1]) if found else b""; need(blob[:10] == b"SSHSIG\0\0\0\1", "it bears no SSH signature")
    key, name, reserved, method, signature = strings(blob[10:]); kind, *rest = strings(key)
    need(SSH_KEYS.fullmatch(kind) and name == namespace.encode() and method in (b"sha256", b"sha512"), "its signature is of another kind")
    if kind == b"ssh-ed25519":
        parts = name, reserved, method, hashlib.new(method.decode(), text).digest()
        message, (label, mark) = b"SSHSIG" + b"".join(len(part).to_bytes(4, "big") + part for part in parts), strings(signature); good = label == kind and ed25519(rest[0], message, mark)
    else: good = run("signature", "ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", file, stdin=text)[0]
    need(good, "its signature does not verify"); return "SHA256:" + b64(sha256(key)).rstrip("=")
def run(mechanism: str, *command: str, stdin: bytes = b"") -> tuple[bool, list[str]]:
    try: done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error: raise Refused(UNCHECKED, mechanism, f"no {command[0]}: {error}") from None
    return done.returncode == 0, done.stdout.decode(errors="replace").splitlines()
def der(raw: bytes) -> list[bytes]:
    """The DER elements that these bytes are a sequence of: of each the tag and the content."""
    found, at = list[bytes](), 0
    while at < len(raw):
        start = at + 2 + (raw[at + 1] & 127 if raw[at + 1] > 127 else 0); end = start + (int.from_bytes(raw[at + 2:start], "big") if start > at + 2 else raw[at + 1])
        need(len(raw) >= end and raw[at + 1] != 128, "a timestamp is cut short"); found.append(raw[at:at + 1] + raw[start:end]); at = end
    return found
def inside(raw: bytes, *path: int) -> bytes: return inside(der(raw)[path[0]][1:], *path[1:]) if path else raw
def stamp(us: int) -> str: return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 10**6)) + f".{us % 10**6:06d}Z"
def read_token(raw: bytes) -> Any:
    """An RFC 3161 answer as received. `at` and `accuracy` are microseconds; where it states no accuracy, a second is assumed."""
    info = der(inside(raw, 0, 1, 1, 0, 2, 1, 0, 0)); need(inside(info[2][1:], 0, 0).hex() == "608648016503040201", "the hash in a timestamp is not SHA-256")
    moment, _, part = info[4][1:-1].decode().partition("."); at = calendar.timegm(time.strptime(moment, "%Y%m%d%H%M%S")) * 10**6 + int(part.ljust(6, "0")[:6])
    stated = {one[0]: int.from_bytes(one[1:], "big") for one in der(info[5][1:])} if info[5:] and info[5][0] == 0x30 else None
    accuracy = None if stated is None else stated.get(2, 0) * 10**6 + stated.get(128, 0) * 1000 + stated.get(129, 0)
    slack, serial = 10**6 if accuracy is None else accuracy, str(int.from_bytes(info[3][1:], "big", signed=True))
    return types.SimpleNamespace(imprint=inside(info[2][1:], 1).hex(), serial=serial, at=at, accuracy=accuracy, lower=stamp(at - slack), upper=stamp(at + slack),
                  raw=raw, note=None, good=False, anchored=False)
# -- files: regular ones alone are opened, never through a link; what is checked is a private copy ----------------------------------------
TABLES = """CREATE TABLE disclosures(seq, digest, body); CREATE TABLE checkpoints(size, key_id, note);
CREATE TABLE tokens(sha256, size, key_id, raw); CREATE TABLE entries(seq, line, leaf);"""
INDEXES = """PRAGMA trusted_schema=OFF; CREATE INDEX verify_d ON disclosures(seq); CREATE INDEX verify_c ON checkpoints(size);
CREATE INDEX verify_t ON tokens(size); CREATE INDEX verify_e ON entries(seq); CREATE TEMP TABLE withheld(seq, digest, leaf);
CREATE INDEX temp.verify_w ON withheld(seq); CREATE TEMP TABLE absent(seq, digest); CREATE INDEX temp.verify_a ON absent(seq); BEGIN;"""
NOTES = "SELECT key_id, substr(CAST(note AS BLOB), 1, 401) FROM checkpoints"
LINES = "SELECT seq, substr(CAST(line AS BLOB), 1, 60001), substr(CAST(leaf AS BLOB), 1, 33) FROM entries ORDER BY seq"
def opened(path: str) -> BinaryIO:
    there = os.path.lexists(path); file = os.open(path if there else os.devnull, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if there and not stat.S_ISREG(os.fstat(file).st_mode): os.close(file); raise OSError(f"{path} is no regular file")
    return os.fdopen(file, "rb")
def rows(path: str) -> Iterator[bytes]:
    with opened(path) as file:
        while line := file.readline(100_000):
            if line[-1:] != b"\n": raise Refused(BAD, "bytes", f"{os.path.basename(path)} has a line that is too long, or that lacks its end")
            yield line[:-1]
def small(path: str) -> bytes:
    with opened(path) as file: return file.read(65_536)
def hashed(path: str) -> str:
    digest = hashlib.sha256()
    with opened(path) as file: collections.deque(map(digest.update, iter(functools.partial(file.read, 1 << 20), b"")), 0)
    return digest.hexdigest()
def walk(path: str, folder: str = "") -> Iterator[str]:
    for item in [*os.scandir(os.path.join(path, folder))]:
        name = os.path.join(folder, item.name)
        if item.is_dir(follow_symlinks=False) and name.count("/") < 9: yield from walk(path, name)
        elif item.is_file(follow_symlinks=False): yield name
        else: raise Refused(BAD, "bag", f"{name} is a link, a device or nested too deep: nothing of this bag is read")
class Source:
    """A private copy: the tables of an incident's store, or empty ones for a bag, and the names of the bag's files."""
    def __init__(self, path: str, scratch: str) -> None:
        self.path, copy = path, os.path.join(scratch, str(len(os.listdir(scratch)))); self.names = set[str]() if os.path.lexists(self.at("ledger.db")) else {*walk(path)}
        if not {"bagit.txt", "data/ledger.jsonl"} & self.names and not os.path.lexists(self.at("ledger.db")): raise OSError(f"{path} holds no ledger")
        state = None
        while state != (state := [os.path.lexists(self.at(x)) and os.lstat(self.at(x)).st_mtime_ns for x in ("ledger.db", "ledger.db-wal")]):   # it is in use
            for end in ("", "-wal"):
                with opened(self.at("ledger.db") + end) as source, open(copy + end, "wb") as target: shutil.copyfileobj(source, target)
        db = sqlite3.connect(copy, isolation_level=None); db.text_factory = functools.partial(str, encoding="utf-8", errors="replace"); db.executescript(TABLES * bool(self.names) + INDEXES); self.ask, self.all = db.execute, db.executemany
    def at(self, name: str) -> str: return os.path.join(self.path, name)
    def lines(self) -> Iterator[tuple[int, bytes, bytes, int, Any]]:
        """Number and bytes of each line, its leaf, the number of an entry that is withheld (else -1), and the stored hash."""
        for number, line, stored in self.ask(LINES) if not self.names else ((i, line, None) for i, line in enumerate(rows(self.at("data/ledger.jsonl")))):
            need(type(number) is int, f"the number of an entry is {number!r}"); hidden = HIDDEN.fullmatch(line or b"") if self.names else None
            leaf = bytes.fromhex(hidden[1].decode()) if hidden else sha256(b"\0" + (line or b"")); yield number, line or b"", leaf, int(hidden[2]) if hidden else -1, stored
class Check:
    """Takes a ledger's lines in order. What it remembers grows with sessions, notes and timestamps, not with entries."""
    def __init__(self: Any, asked: Any, scratch: str) -> None:
        vars(self).update(asked=asked, scratch=scratch, tree=Tree(), due=0, follows={"0" * 64}, head="", off=False, blind=False, noted=0, findings=[], holds=set(), makers=[],
                          counts=collections.Counter(), stamped=collections.defaultdict(set), sessions={}, keys={}, holders={}, offers={}, notes={}, files={}, tokens={},
                          last={}, origin="", mode="", lower="", sealed=-1, hidden=-1, proven=set(), asks={}, latest={}, agreed=set(), used={},
                          policy={"endorse": False, "max_entries": 2**53, "authorities": 0, "seal_tokens": 0})
    def must(self: Any, good: Any, entry: Any, mechanism: str, what: str, level: str = BAD) -> None:
        self.counts[level] += not good
        if not good and self.counts[level] <= 200: self.findings.append({"level": level, "entry": entry, "mechanism": mechanism, "what": what})
    def tried(self: Any, entry: Any, mechanism: str, level: str, do: Any, *args: Any) -> Any:
        try: return do(*args)                  # what it raises becomes a finding
        except Refused as error: self.must(False, self.due if error.args[1] == "bytes" else entry, error.args[1], error.args[2], error.args[0])
        except Exception as error: self.must(False, entry, mechanism, str(error) or repr(error), UNCHECKED if isinstance(error, OSError) else BAD if isinstance(error, sqlite3.Error) else level)
    def keep(self: Any, name: str, raw: bytes) -> str: file = pathlib.Path(self.scratch, name); file.write_bytes(raw); return str(file)
    def take(self: Any) -> bool:
        self.source = Source(self.asked.path, self.scratch); self.ask, self.all, self.at, self.names = self.source.ask, self.source.all, self.source.at, self.source.names
        self.others = (row[2] for row in Source(self.asked.against, self.scratch).lines()) if self.asked.against else iter(())
        self.expected, self.demands = [read_note(small(path)) for path in self.asked.expect], json.loads(small(self.asked.policy or "") or "{}")
        need(not any(one and pathlib.Path(self.asked.path).resolve() in pathlib.Path(one).resolve().parents for one in (self.asked.signers, self.asked.revoked, self.asked.tsa_ca)), "a file lies within what it is to vouch for")
        need(all(type(value) is POLICY.get(name) for name, value in self.demands.items()), "--policy demands what no policy says"); return True
    def run(self: Any) -> None:
        if not self.tried(None, "store", UNCHECKED, self.take): return
        if self.names: self.take_bag()
        self.take_tokens(); collections.deque(itertools.starmap(self.line, self.source.lines()), 0); self.end()
        if self.names: self.export(self.due, self.last, self.last.get("data", {}))
    def take_bag(self: Any) -> None:
        """Manifests, both ways; then values, notes, timestamps, and the list of what is withheld."""
        data = {name for name in self.names if name.startswith("data/")}; self.must(small(self.at("bagit.txt")) == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", None, "bag", "bagit.txt is not that of BagIt 1.0")
        for manifest, there in (("manifest", data), ("tagmanifest", self.names - data - {"tagmanifest-sha256.txt", "export.sig"})):
            listed = {line[66:].decode(errors="replace"): line[:66] for line in rows(self.at(f"{manifest}-sha256.txt"))}
            for name in sorted({*listed, *there}):
                self.must(name in there and listed.get(name) == f"{hashed(self.at(name))}  ".encode(), None, "bag", f"the file {name[:80]!r} is not as the {manifest} says", BAD if name in there else MISSING)
        for table, forms in (("disclosures", ["body digest seq"]), ("withheld", ["at basis by digest seq", "at basis by leaf seq"])):
            found = (self.tried(None, "bag", BAD, self.row, line, forms) for line in rows(self.at(f"data/{table}.jsonl")))
            self.all(f"INSERT INTO {table} VALUES (:seq, :digest, {':body' if table[0] == 'd' else ':leaf'})", filter(None, found))
        for name in data:
            note = re.fullmatch(r"data/checkpoints/([0-9]{1,16})-([0-9a-f]{8})\.note", name); self.must(note or not name.startswith("data/checkpoints/"), None, "note", f"{name} is no name of a note")
            if note: self.ask("INSERT INTO checkpoints VALUES (?, ?, ?)", (int(note[1]), note[2], small(self.at(name))))
            if name.startswith("data/timestamps/"): self.ask("INSERT INTO tokens VALUES (?, 0, '', ?)", (name[16:-4], small(self.at(name))))
    def row(self: Any, line: bytes, forms: list[str]) -> Any:
        one = read_json(line, True, 100_000); kinds = {type(one[key]) for key in one if key != "seq"}
        need(" ".join(sorted(one)) in forms and kinds == {str} and type(one["seq"]) is int, "a line has other keys"); return {"digest": "", "leaf": "", **one}
    def take_tokens(self: Any) -> None:
        """Timestamps: which note each is over, and whether --tsa-ca vouches for it. Those that are `good` count."""
        for name, raw in self.ask("SELECT sha256, substr(CAST(raw AS BLOB), 1, 65536) FROM tokens ORDER BY 1").fetchall():
            self.must(sha256(raw).hex() == name, None, "token", f"timestamp {name} has other bytes than its name says")
            if token := self.tried(None, "token", UNCHECKED, read_token, raw): self.tokens[name] = token
        notes = {sha256(raw).hex(): raw for _, raw in self.ask(NOTES)}
        for token in self.tokens.values():
            token.note = self.tried(None, "token", BAD, read_note, notes.get(token.imprint, b"")); token.good = token.note and (not self.asked.tsa_ca or self.tried(None, "token", BAD, self.vouched, token))
    def vouched(self: Any, token: Any) -> bool:
        files = "-in", self.keep("token", token.raw), "-data", self.keep("note", token.note.raw), "-CAfile", self.asked.tsa_ca
        need(run("token", "openssl", "ts", "-verify", "-attime", str(token.at // 10**6), *files)[0], "a timestamp does not verify"); return True
    def line(self: Any, number: int, raw: bytes, leaf: bytes, hidden: int, stored: Any) -> None:
        """One line: its bytes, number and chain; then what it says; then the notes over what was read so far."""
        fields = {} if hidden >= 0 else self.tried(number, "bytes", BAD, read_line, raw) or {}
        said = fields.get("seq", number if hidden < 0 else hidden); seq = said if self.names else number; self.must(said == seq, seq, "numbering", f"it calls itself entry {said}")
        self.must(seq == self.due, min(seq, self.due), "numbering", f"entry {seq} stands where {self.due} should", MISSING if seq > self.due else BAD)
        self.must(self.names or stored == leaf, seq, "hash", "its stored hash is not that of its line"); self.must(not fields or seq != self.due or fields["prev"] in self.follows, seq, "chain", "it does not follow the one before")
        self.must(self.tried(seq, "against", UNCHECKED, next, self.others, leaf) in (leaf, None), seq, "against", "the other copy has another entry here")
        self.off, self.blind = self.off or seq != self.due, self.blind or seq != self.due or not (fields or hidden >= 0)
        if fields: self.tried(seq, "bytes", BAD, self.entry, seq, fields, fields["kind"], fields.get("data", {}))
        if hidden >= 0: self.withheld(seq, leaf)
        self.tree.add(leaf); self.due, self.head, self.last, self.follows = seq + 1, leaf.hex(), fields, {leaf.hex(), (stored or leaf).hex()}
        if seq in self.asks: self.asks[seq].leaf, self.asks[seq].root = leaf.hex(), b64(self.tree.root())
        for row in self.ask(NOTES + " WHERE size = ?", (self.due,)).fetchall(): self.tried(seq, "note", BAD, self.note, seq, *row)
        self.must(self.off or "item" in fields or not re.fullmatch(NOTED, fields.get("kind", "")) or self.noted == self.due, seq, "note", "its kind is signed at once, and no note is over it", MISSING)
        for note in self.expected: self.must(note.size != self.due or note.root == self.tree.root(), seq, "expect", "a note kept elsewhere has another root")
        self.must(self.off or self.due - self.noted != self.policy["max_entries"] + 1, seq, "policy", f"no note since entry {self.noted}: too long")
    def entry(self: Any, seq: int, f: Any, kind: str, data: Any) -> None:
        """What an entry may say where it stands, and what it changes for those after it."""
        if seq == 0 or not self.origin: self.genesis(f, data)
        self.must((kind == "genesis") == (seq == 0) and f["log"] == self.origin, seq, "genesis", "it is of no one ledger with one genesis")
        session = self.start(seq, f, data) if kind == "session.start" else self.sessions.get(f.get("session"))
        run, packed = f.get("run"), kind == "run.paused" and data.get("packed") is True; offer = self.offers.get(run)
        if packed or kind in ("run.opened", "run.resumed", "handover.accepted"): self.holders[run] = None if packed else f.get("session"), seq
        (holder, since), handing = self.holders.get(run, (None, -1)), kind.startswith("handover."); self.offers |= {run: seq if kind == "handover.offered" else None} if handing else {}; same = session and session.ended < 0 and (f.get("session"), f.get("who")) == (session.seq, session.who)
        self.must(seq == 0 or same or (self.blind and not session), seq, "session", "it stands in no open session of its person")
        if session: session.first, session.last, session.ended = seq if session.first < 0 else session.first, seq, seq if kind == "session.end" else session.ended
        takes = kind in ("request.sending", "erased", "hold.released", "role.assigned") or (kind == "exported" and data.get("withheld_sha256", EMPTY) != EMPTY)
        self.must(kind != "request.sending" or not session or self.blind or holder == session.seq or self.hidden > since, seq, "session", "it sends for a run that another session holds"); self.must(kind != "handover.accepted" or self.blind or self.hidden >= 0 or offer == f.get("ref", -1), seq, "session", "it accepts a hand-over that is not on offer")
        self.must(not takes or not session or session.endorsed or not self.policy["endorse"], seq, "policy", f"{kind}, and nobody endorsed its session")
        self.must(self.sealed < 0 or kind in AFTER_SEAL.split(), seq, "sealed", f"{kind} may not follow the seal, entry {self.sealed}")
        if kind in SIGNED and ("signature" in data or kind != "approval.refused"):
            bound = {name: f[name] for name in ("kind", "ref", "run", "sd", "step") if name in f}; said = canonical({**bound, "data": {name: value for name, value in data.items() if name != "signature"}})
            over = (f.get("ref", -1) + 1, getattr(self.asks.get(f.get("ref")), "root", "")) if "approval." in kind else (seq, None)
            self.person(seq, f["at"], "signature", data.get("signature"), kind.split(".")[0].replace("sealed", "seal"), data.get("key"), kind, *over, sha256(said).hex())
        self.must(kind != "checkpoint" or (data["note_sha256"], data["size"], data["key_id"]) in self.notes, seq, "note", "the note that it names is not there", MISSING)
        self.must(kind != "sealed" or (data.get("size"), data.get("root")) == (seq, b64(self.tree.root())), seq, "sealed", "it seals another tree than the one before it"); self.must(kind != "erased" or not self.holds, seq, "erased", "it erases while a hold stands")
        if kind == "checkpoint": self.notes.clear()
        self.sealed = seq if kind == "sealed" and self.sealed < 0 else self.sealed; self.holds = (self.holds | {seq} if kind == "hold.placed" else self.holds) - ({f.get("ref")} if kind == "hold.released" else set())
        if kind == "erased": self.all("DELETE FROM absent WHERE seq = ? AND digest = ?", [(data["of"], str(one)) for one in data["digests"]])
        if kind == "anchor.timestamp": self.anchor(seq, data)
        self.approval(seq, f, kind, data, self.values(seq, f, kind)); upper = self.upper(seq, "~")
        self.must(self.lower <= upper, seq, "time", "timestamps say it was written both after and before"); self.must(self.lower <= f["at"] <= upper, seq, "clock", "it states a time outside those that timestamps prove", "FLAGGED")
    def approval(self: Any, seq: int, f: Any, kind: str, data: Any, shown: Any) -> None:
        """An answer is to a request that is open, and by another key than its own. What needs one is sent on it: each item once, and as it was asked."""
        place, given, at, ask = (f.get("run"), f.get("step")), data.get("approval"), str(data.get("drill_at", f["at"])).rstrip("Z"), self.asks.get(f.get("ref"))
        if kind == "step.started" and "approve" in data: self.agreed.add(place)
        if kind == "approval.asked":
            parts = {part for name in shown if name.startswith("approval.parts_") for part in shown[name]}; printed = sha256("".join(f"{part}\n" for part in sorted(parts)).encode()).hex()
            parts = parts if printed == data.get("fingerprint") else set(); self.must(parts or len(shown) < len(f.get("sd", ())), seq, "approval", "its fingerprint is of other requests")
            self.asks[seq] = self.latest[place] = types.SimpleNamespace(place=place, print=data.get("fingerprint"), who=f.get("who"), ends=str(data.get("expires")).rstrip("Z"),
                                                                        answer=0, by="", leaf="", root="", parts=parts, salt=shown.get("approval.salt"))
        if kind == "approval.given" or (kind == "approval.refused" and "signature" in data):
            same = ask and ask is self.latest[ask.place] and (ask.place, ask.print, ask.leaf, ask.answer) == (place, data.get("fingerprint"), data.get("request"), 0)
            good = same and ask.who != data.get("key") and (kind != "approval.given" or at <= ask.ends); self.must(good, seq, "approval", "it answers no request that is open, or with the key that asked")
            if good: ask.answer, ask.by = seq if kind == "approval.given" else -1, data["key"]
        if kind == "approval.expired" and ask: ask.answer = -1
        if kind == "request.not_sent" or (kind, data.get("status")) == ("request.answer", 429): self.used = {use: n for use, n in self.used.items() if n != f.get("ref")}
        if kind == "request.sending" and not data.get("cleanup") and (given is not None or place in self.agreed):
            ask, use = self.latest.get(place), (given, f.get("item")); anew = use not in self.used or self.hidden >= 0; self.used[use] = seq
            good = ask and type(given) is int and ask.answer == given and ask.by != f.get("who") and at <= ask.ends and anew; self.must(good, seq, "approval", "nobody else had agreed that it be sent, or no longer, or it was sent before")
            if good and ask.parts and len(shown) == len(f.get("sd", ())):
                method, url, body, seen = (shown.get(f"request.{name}") for name in ("method", "url", "body", "seen")); said = sha256(canonical([ask.salt, f.get("item"), method, url, content(body), content(seen)])).hex()
                self.must(said in ask.parts, seq, "approval", "what it sends is not what was agreed to")
    def upper(self: Any, seq: int, otherwise: str) -> str: return min((token.upper for token in self.tokens.values() if token.good and token.note.size > seq), default=otherwise)
    def anchor(self: Any, seq: int, data: Any) -> None:
        token = self.tokens.get(data.get("token_sha256")); unread = [*self.ask("SELECT 1 FROM tokens WHERE sha256 = ?", (data.get("token_sha256"),))]
        if not token or not token.note: self.must(unread, seq, "token", "the timestamp that it names is not there", MISSING); return
        told = [data.get(name) for name in ("note_sha256", "size", "key_id", "serial", "accuracy_us")]; same = told == [token.imprint, token.note.size, token.note.key_id, token.serial, token.accuracy] and token.note.size <= seq
        self.must(same and data.get("gen_time") in (stamp(token.at), stamp(token.at).replace(".000000", "")), seq, "token", "it is not as its timestamp"); token.anchored = True
        if token.good: self.lower = max(self.lower, token.lower); self.stamped[token.note.size].add(data.get("authority"))
    def genesis(self: Any, f: Any, data: Any) -> None:
        """Take origin, mode and policy. For live the policy has a floor; whoever checks may raise it (--policy)."""
        found, policy = re.fullmatch(ORIGIN, f["log"]), data.get("policy"); self.origin, self.mode = (found[1], found[2]) if found else ("", "")
        good = isinstance(policy, dict) and {name: type(value) for name, value in policy.items()} == POLICY
        self.must(good and (self.mode != "live" or (policy["endorse"] and policy["max_entries"] <= 64)), 0, "policy", "genesis names no policy, or one below the floor for live")
        for name, old in self.policy.items() if good else (): self.policy[name] = BEST[name](old, policy[name], self.demands.get(name, old))
        self.must(found and (data.get("mode"), data.get("origin")) == (self.mode, self.origin), 0, "genesis", "mode and origin disagree")
    def start(self: Any, seq: int, f: Any, data: Any) -> Any:
        session = types.SimpleNamespace(seq=seq, who=f.get("who", ""), endorsed="endorsement" in data, ended=-1, noted=0, first=seq, last=seq)
        number, session.public = self.tried(seq, "note", BAD, read_vkey, data.get("vkey"), self.origin) or ("", b"")
        self.must(self.keys.setdefault(number, session) is session, seq, "note", "its key is that of an earlier session"); self.sessions[seq] = session
        self.must(session.endorsed, seq, "endorsement", "nobody's key vouches for this session", "UNENDORSED")
        if session.endorsed or not session.who.startswith("unsigned:"): self.person(seq, f["at"], "endorsement", data.get("endorsement"), "session", session.who, seq, data.get("vkey"), seq, None)
        return session
    def person(self: Any, seq: int, at: str, mechanism: str, armoured: Any, purpose: str, who: Any, *rest: Any) -> None:
        """A person's signature over purpose, origin and the rest (None: the root), a line each; and whether --signers knows the key."""
        if armoured is None: self.must(False, seq, mechanism, "its signature is not there", MISSING); return
        name, root, file = f"irkit-{self.mode}-{purpose}@v1".replace("-live-", "-"), b64(self.tree.root()), self.keep("sig", str(armoured).encode())
        text = "".join(f"{root if line is None else line}\n" for line in (name, self.origin, *rest)).encode()
        key = self.tried(seq, mechanism, BAD, signer, str(armoured), name, text, file); self.must(key in (who, None), seq, mechanism, "it is signed with another key than it says")
        when = f"-Overify-time={re.sub('[^0-9]', '', self.upper(seq, at))[:14]}Z"
        if key and self.asked.signers and self.tried(seq, "trust", BAD, self.trust, name, text, file, when): self.proven.add(seq)
    def trust(self: Any, name: str, text: bytes, file: str, when: str) -> bool:
        keygen, revoked = ["ssh-keygen", "-f", self.asked.signers, "-s", file, when, "-Y"], ["-r", self.asked.revoked] if self.asked.revoked else []
        verify, known = [*keygen, "verify", "-n", name, *revoked, "-I"], run("trust", *keygen, "find-principals")[1]
        need(any(run("trust", *verify, one.split(",")[0], stdin=text)[0] for one in known), "--signers does not know the key that signed it, or not at that time, or it was revoked"); return True
    def values(self: Any, seq: int, f: Any, kind: str) -> Any:
        """Each digest has its value, or is listed as withheld, or is absent until an `erased` entry names it."""
        left, shown = {*f.get("sd", ())}, dict[str, Any](); self.must(sorted(left) == f.get("sd", []), seq, "disclosure", "it lists digests twice or out of order")
        for digest, body in self.ask("SELECT digest, substr(body, 1, 80001) FROM disclosures WHERE seq = ? ORDER BY 1", (seq,)):
            name, value = self.tried(seq, "disclosure", BAD, read_value, digest, body) or (f"?{digest}", None)
            self.must(digest in left and name not in shown, seq, "disclosure", "a value is not asked for, or has the name of another"); shown[name] = value; left.discard(digest)
        for (digest,) in self.ask("SELECT digest FROM withheld WHERE seq = ?", (seq,)):
            self.must(digest in left, seq, "withheld", "a value is listed as withheld that is shown, or is none of it"); self.must(digest not in left, seq, "withheld", "a value is withheld", "WITHHELD"); left.discard(digest)
        self.all("INSERT INTO absent VALUES (?, ?)", [(seq, digest) for digest in left]); stems = {name[:i] for name in shown for i in range(len(name)) if name[i] == "."}
        self.must(not stems & shown.keys(), seq, "disclosure", "the name of a value is the stem of another"); named = [(one["artefact"], one["bytes"]) for one in shown.values() if isinstance(one, dict) and one.keys() == {"artefact", "bytes"}]
        if kind == "artefact.added" and ("artefact.sha256" in shown or len(shown) == len(f.get("sd", ()))):
            named.append((shown.get("artefact.sha256"), shown.get("artefact.size")))
        for file, size in [one for one in named if self.files.get(one[0]) != one[1]]: self.tried(seq, "artefact", BAD, self.artefact, seq, file, size)
        return shown
    def artefact(self: Any, seq: int, name: str, size: Any) -> None:
        path = self.at("data/" * bool(self.names) + f"artifacts/{name}"); need(re.fullmatch("[0-9a-f]{64}", name) and not any(map(os.path.islink, (path, os.path.dirname(path)))), "an artefact has no proper name or place")
        if not os.path.lexists(path): self.must(False, seq, "artefact", f"artefact {name} is not there", MISSING); return
        need((hashed(path), os.stat(path).st_size) == (name, size), f"artefact {name} was changed"); self.files[name] = size
    def withheld(self: Any, seq: int, leaf: bytes) -> None:
        self.hidden, listed = seq, self.ask("SELECT digest, leaf FROM withheld WHERE seq = ?", (seq,)).fetchall()
        self.must(seq and listed == [("", leaf.hex())] and not [*self.ask("SELECT 1 FROM disclosures WHERE seq = ?", (seq,))], seq, "withheld", "it may not be withheld, or is not listed as that")
        self.must(False, seq, "withheld", "the entry is withheld", "WITHHELD")
    def note(self: Any, at: int, key_id: Any, raw: bytes) -> None:
        note, session, size = read_note(raw), self.keys.get(key_id), self.due; need((note.origin, note.size, note.key_id) == (self.origin, size, key_id), "a note is of another ledger, or in another place")
        need(session and ed25519(session.public, note.text, note.signature), "a note is not signed by the key of any session")
        need(max(session.seq, session.noted) < size and not 0 <= session.ended < size - 1, "a note is older or newer than its session")
        fits = note.root == self.tree.root(); self.must(fits or self.off, at, "root", f"the note over {size} entries does not fit them")
        self.off, session.noted, self.noted, session.first = self.off or not fits, size, size, -1; self.notes[note.sha256, size, key_id] = self.makers.append((size, session.seq))
    def end(self: Any) -> None:
        size, stamps, wanted = self.due, {n: len(names) for n, names in self.stamped.items()}, self.policy["authorities"]; self.must(size, None, "genesis", "the ledger has no entries")
        for table, mechanism, name, n in (("disclosures", "disclosure", "seq", 0), ("withheld", "withheld", "seq", 0), ("checkpoints", "note", "size", 1)):
            for (at,) in self.ask(f"SELECT {name} FROM {table} WHERE typeof({name}) != 'integer' OR {name} NOT BETWEEN ? AND ?", (n, size - 1 + n)):
                self.must(False, max(size - 1, 0), mechanism, f"{table}: {at!r} is no place in this ledger of {size} entries")
        for (seq,) in self.ask("SELECT DISTINCT seq FROM absent ORDER BY seq"): self.must(False, seq, "disclosure", "values are absent without ground", MISSING)
        for name, token in self.tokens.items(): self.must(token.anchored or not token.note, None, "token", f"no entry names timestamp {name}")
        for note in self.expected:
            key = self.keys.get(note.key_id) if note.origin == self.origin else None; self.must(note.size <= size, size, "expect", f"a note kept elsewhere is over {note.size} entries: the end was cut off", MISSING)
            self.must(note.size > size or (key and ed25519(key.public, note.text, note.signature)), None, "expect", "a note kept elsewhere was signed by no session here")
        self.must(next(self.others, None) is None, size, "against", "the other copy goes on: the end was cut off", MISSING)
        for one in self.sessions.values():
            by, upto = next((maker for over, maker in self.makers if over > one.first >= 0), None), min(one.last, self.noted - 1)
            self.must(by is None, one.first, "note", f"entries {one.first} to {upto} of session {one.seq} adopted by session {by}, author not proven", "ADOPTED")
        self.must(self.noted >= size, self.noted, "note", f"entries {self.noted} to {size - 1} are not signed yet", "PENDING"); top = max((n for n, count in stamps.items() if count >= max(1, wanted)), default=0)
        self.must(top >= size or not (stamps or wanted), top, "time", f"entries {top} to {size - 1} have no timestamp yet, or it was taken away", "PENDING")
        most = max((count for n, count in stamps.items() if n > self.sealed), default=0); self.must(self.sealed < 0 or most >= self.policy["seal_tokens"], self.sealed, "policy", "the seal has too few timestamps", MISSING)
    def export(self: Any, size: int, last: Any, data: Any) -> None:
        self.must(last.get("kind") == "exported" and data.get("lines") == size == self.noted, size - 1, "export", "the last line is no export of all, under a note over all")
        self.must(data.get("withheld_sha256") == hashed(self.at("data/withheld.jsonl")), size - 1, "withheld", "the list of what is withheld is not the one that was signed")
        vouched = not self.asked.signers or last.get("session") in self.proven or not [*self.ask("SELECT 1 FROM withheld LIMIT 1")]
        self.must(vouched, size - 1, "trust", "nobody that --signers names vouches for who chose what is withheld")
        armoured, tags = small(self.at("export.sig")).decode(errors="replace") or None, hashed(self.at("tagmanifest-sha256.txt"))
        if armoured or data.get("signed"): self.person(size - 1, last.get("at", ""), "export", armoured, "export", last.get("who"), size, None, tags)
def main() -> int:
    ask = argparse.ArgumentParser(description="Check an irkit ledger, in a folder or a bag, without irkit.")
    for name in ("--signers", "--revoked", "--tsa-ca", "--against", "--policy", "path"): ask.add_argument(name)
    for name in ("--require-trusted", "--json"): ask.add_argument(name, action="store_true")
    ask.add_argument("--expect", action="append", default=[]); asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as scratch: check: Any = Check(asked, scratch); check.tried(None, "store", BAD, check.run)
    clock, root = asked.tsa_ca and any(token.good for token in check.tokens.values()), check.tree.root().hex()
    check.must(check.proven or not asked.require_trusted, None, "trust", "the author is not proven")
    check.must(clock or not asked.require_trusted, None, "time", "the time is not proven")
    code = 5 if check.counts[BAD] + check.counts[MISSING] else 1 if check.counts[UNCHECKED] else 0
    if asked.json: print(json.dumps({"findings": check.findings, "entries": check.due, "head": check.head, "root": root, "exit": code})); return code
    print({0: "consistent", 1: "not wholly checked", 5: "NOT consistent"}[code], *["author not proven"] * (not check.proven),
          *["time not proven"] * (not clock), f"a {check.mode} ledger", sep="; ")
    for one in check.findings: print(f"{one['level']}: entry {one['entry']} ({one['mechanism']}): {one['what']}")
    print(f"{check.due} entries, {len(check.sessions)} sessions, {len(check.makers)} notes, {len(check.tokens)} timestamps;", dict(+check.counts))
    print(f"Head: {check.tree.size}, {root}. Nothing later is known here."); return code
if __name__ == "__main__": sys.exit(main())
