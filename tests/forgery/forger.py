"""The forger's toolbox: a ledger taken apart into its bytes, changed, and put together again without any of irkit's checks.

    copy = take(path)                       # a folder or a bag
    copy.entries[7].fields["data"]["status"] = 500
    copy.remake(loot)                       # numbers, chain, notes and signatures anew, as far as the keys in `loot` reach
    copy.write(target)                      # manifests anew; everything else as it stands in `copy`

A forger owns the machine: files, rows and manifests are theirs to write. What they cannot make without a key stays as it was.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irkit.ledger import note, texts
from irkit.ledger.check import pseudonym
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.tree import Tree
from tests.forgery.ledgers import Loot

SCHEMA = """
CREATE TABLE entries(seq INTEGER PRIMARY KEY, line BLOB NOT NULL, leaf BLOB NOT NULL);
CREATE TABLE disclosures(seq INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(seq, digest))
    WITHOUT ROWID;
CREATE TABLE checkpoints(size INTEGER NOT NULL, key_id TEXT NOT NULL, note BLOB NOT NULL, PRIMARY KEY(size, key_id));
CREATE TABLE tokens(sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, key_id TEXT NOT NULL, raw BLOB NOT NULL);
PRAGMA application_id=0x69726B74;
"""
MANIFEST, TAG_MANIFEST, SIGNATURE = "manifest-sha256.txt", "tagmanifest-sha256.txt", "export.sig"
_NAMED = (MANIFEST, TAG_MANIFEST, "data/ledger.jsonl", "data/disclosures.jsonl")


def jcs(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(body: str) -> str:
    return _unpadded(hashlib.sha256(body.encode()).digest())


def value_of(name: str, value: object, salt: str = "AAAAAAAAAAAAAAAAAAAAAA") -> tuple[str, str]:
    """Digest and body of a disclosure."""
    body = _unpadded(jcs([salt, name, value]))
    return digest_of(body), body


def shown(body: str) -> list[Any]:
    """Salt, name and value of a disclosure."""
    found: list[Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return found


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(eq=False)
class One:
    """An entry: its line, its values as (digest, body), and the notes over everything up to it as (size, key_id, raw).

    `seq` and `leaf` are what a row of the store says, where that is not what the line says. In `fields`, "session" and "ref"
    may be a number as it was before `remake`, or another One. `spoil` has the last word on the line that `remake` writes.
    """

    line: bytes
    values: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[int, str, bytes]] = field(default_factory=list)
    seq: int | None = None
    leaf: bytes | None = None
    spoil: Callable[[bytes], bytes] = bytes

    @cached_property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line)
        return found

    @property
    def kind(self) -> str:
        return str(self.fields.get("kind", "withheld"))

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.fields.setdefault("data", {})
        return found

    @property
    def hidden(self) -> bool:
        return "withheld" in self.fields

    def hash(self) -> bytes:
        return bytes.fromhex(self.fields["withheld"]["leaf"]) if self.hidden else hashlib.sha256(b"\0" + self.line).digest()

    def change(self, **fields: object) -> None:
        """The line with some fields changed, and nothing else set right."""
        self.line = jcs(json.loads(self.line) | fields)
        self.__dict__.pop("fields", None)

    def again(self) -> One:
        """One more of it."""
        return replace(self, values=list(self.values), notes=list(self.notes))

    def named(self, name: str) -> int:
        """Which of its values has that name."""
        return next(at for at, (_, body) in enumerate(self.values) if shown(body)[1] == name)


@dataclass
class Copy:
    """A ledger in pieces. `tokens` are (sha256, size, key_id, raw), `files` everything else by its path.

    `unsigned`: export.sig is not made anew even with the key. `schema`: of the store.
    """

    entries: list[One]
    tokens: list[tuple[str, int, str, bytes]]
    files: dict[str, bytes]
    is_bag: bool
    loot: Loot = field(default_factory=Loot)
    schema: str = SCHEMA
    unsigned: bool = False

    def __iter__(self) -> Iterator[One]:
        return iter(self.entries)

    def all(self, *kinds: str) -> list[int]:
        """Where the entries of those kinds stand."""
        return [seq for seq, one in enumerate(self.entries) if one.kind in kinds]

    def first(self, *kinds: str) -> int:
        return self.all(*kinds)[0]

    def last(self, *kinds: str) -> int:
        return self.all(*kinds)[-1]

    @property
    def origin(self) -> str:
        return str(next(one.fields["log"] for one in self.entries if not one.hidden))

    @property
    def noted(self) -> list[int]:
        """Where the entries stand that end a noted tree."""
        return [seq for seq, one in enumerate(self.entries) if one.notes]

    def next_note(self, seq: int) -> int:
        """The last entry under the first note over `seq`; the end of the ledger when there is none."""
        return next((at for at in self.noted if at >= seq), len(self.entries) - 1)

    def artefact(self, sha256: str) -> str:
        return f"data/artifacts/{sha256}" if self.is_bag else f"artifacts/{sha256}"

    def artefacts(self) -> list[str]:
        return sorted(name for name in self.files if "artifacts/" in name)

    def insert(self, at: int, kind: str, data: Mapping[str, Any] | None = None, values: Mapping[str, object] | None = None,
               **fields: object) -> One:
        """Another entry, before `at`, in the session of the entry before unless `fields` say otherwise. Wants `remake`."""
        like = next(one for one in reversed(self.entries[:at]) if not one.hidden)
        made = One(b"{}")
        kept = [value_of(name, value, f"{n:022d}") for n, (name, value) in enumerate((values or {}).items())]
        made.values = sorted(kept)
        told = {name: like.fields[name] for name in ("log", "at", "mono_ns", "session", "who") if name in like.fields}
        made.__dict__["fields"] = {**told, "by": "machine", "kind": kind, "nonce": "BBBBBBBBBBBBBBBBBBBBBB", "v": 1,
                                   **({"data": dict(data)} if data else {}),
                                   **({"sd": [digest for digest, _ in made.values]} if made.values else {}), **fields}
        self.entries.insert(at, made)
        return made

    def session(self, at: int, loot: Loot, signer: Throwaway | None = None, name: str = "Eve") -> One:
        """A session of the forger's own, before `at`; its key is in `loot` from now on."""
        key = Ed25519PrivateKey.generate()
        vkey = note.vkey(self.origin, key.public_key().public_bytes_raw())
        loot.sessions[note.parse_vkey(vkey)[1]] = key
        if signer is not None:
            loot.people[signer.fingerprint] = signer
        data = {"boot": "", "irkit": "0.3.0", "vkey": vkey, **({"endorsement": ""} if signer else {})}
        return self.insert(at, "session.start", data, {"person.name": name},
                           who=signer.fingerprint if signer else pseudonym(self.origin, name))

    def note(self, at: int, session: One | int, loot: Loot) -> None:
        """A note over everything up to `at`, by the key of a session. Made right by `remake`."""
        start = session if isinstance(session, One) else self.entries[session]
        key_id = note.parse_vkey(start.data["vkey"])[1]
        self.entries[at].notes.append((at + 1, key_id, _note(self.origin, at + 1, bytes(32), key_id, loot.sessions[key_id])))

    # -- putting together --------------------------------------------------------------------------------------------

    def remake(self, loot: Loot) -> None:
        """Number, chain, note and sign everything anew. What takes a key that is not in `loot` stays as it was."""
        self.loot, tree, prev = loot, Tree(), "0" * 64
        renamed: dict[str, bytes] = {}
        self.over: dict[int, bytes] = {}               # a request for approval -> the root of the tree that ends with it
        self.asked: dict[int, str] = {}                # and its own leaf, which an answer to it names
        where: dict[Any, int] = {one.fields.get("seq"): seq for seq, one in enumerate(self.entries) if "seq" in one.fields}
        where |= {one: seq for seq, one in enumerate(self.entries)}
        for seq, one in enumerate(self.entries):
            if one.hidden:
                one.fields["withheld"]["seq"] = seq
                one.line = jcs(one.fields)
            else:
                self._sign(one, seq, prev, tree, where, renamed)
            leaf = one.hash()
            prev, one.leaf, one.seq = leaf.hex(), None, None
            tree.add(leaf)
            if not one.hidden and one.kind == "approval.asked":
                self.over[seq], self.asked[seq] = tree.root(), leaf.hex()
            one.notes = [self._noted(found, tree, renamed) for found in one.notes]

    def _sign(self, one: One, seq: int, prev: str, tree: Tree, where: Mapping[Any, int], renamed: Mapping[str, bytes]) -> None:
        fields, data, root = one.fields, one.fields.get("data", {}), tree.root()
        fields |= {"seq": seq, "prev": prev}
        for name in ("session", "ref"):
            if name in fields:
                fields[name] = where.get(fields[name], fields[name])
        if one.kind == "session.start":
            fields["session"] = seq
        elif one.kind == "request.sending" and "approval" in data:
            data["approval"] = where.get(data["approval"], data["approval"])
        elif one.kind == "erased":
            data["of"] = where.get(data["of"], data["of"])
        elif one.kind == "checkpoint" and (made := renamed.get(data["note_sha256"])) is not None:
            named = note.parse(made)
            data |= {"key_id": named.key_id, "note_sha256": named.sha256, "size": named.size}
        elif one.kind == "sealed":
            data |= {"size": seq, "root": base64.b64encode(root).decode()}
        elif one.kind == "exported" and "lines" in data:
            data["lines"] = seq + 1
        if (person := self.loot.people.get(fields.get("who", ""))) is not None and "endorsement" in data \
                and person.fingerprint == fields["who"]:
            data["endorsement"] = person.sign(texts.namespace("session", self._mode),
                                              texts.session_text(fields["log"], seq, data["vkey"], root))
        if (person := self.loot.people.get(data.get("key", ""))) is not None and "signature" in data:
            purpose = texts.PURPOSES[one.kind]
            if "request" in data:
                data["request"] = self.asked.get(fields["ref"], data["request"])
            size, over = (fields["ref"] + 1, self.over.get(fields["ref"], b"")) if purpose == "approval" else (seq, root)
            text = texts.entry_text(purpose, fields["log"], one.kind, size, over, texts.content_hash(fields))
            data["signature"] = person.sign(texts.namespace(purpose, self._mode), text)
        one.line = one.spoil(jcs(fields))

    @property
    def _mode(self) -> str:
        return self.origin.split("/")[1]

    def _noted(self, found: tuple[int, str, bytes], tree: Tree, renamed: dict[str, bytes]) -> tuple[int, str, bytes]:
        _, key_id, raw = found
        if (key := self.loot.sessions.get(key_id)) is None:
            return found
        made = _note(self.origin, tree.size, tree.root(), key_id, key)
        renamed[hashlib.sha256(raw).hexdigest()] = made
        return tree.size, key_id, made

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, target: Path) -> Path:
        if self.is_bag:
            self._write_bag(target)
        else:
            self._write_folder(target)
        return target

    def _write_folder(self, target: Path) -> None:
        _spread(self.files, target)
        (target / "artifacts").mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(target / "ledger.db")) as db:
            db.executescript("PRAGMA synchronous=OFF;" + self.schema)
            for number, one in enumerate(self.entries):
                seq = number if one.seq is None else one.seq
                leaf = one.hash() if one.leaf is None else one.leaf
                db.execute("INSERT INTO entries VALUES (?, ?, ?)", (seq, one.line, leaf))
                db.executemany("INSERT INTO disclosures VALUES (?, ?, ?)", [(seq, *value) for value in one.values])
            db.executemany("INSERT INTO checkpoints VALUES (?, ?, ?)", [found for one in self.entries for found in one.notes])
            db.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?)", self.tokens)
            db.commit()

    def _write_bag(self, target: Path) -> None:
        files = {name: raw for name, raw in self.files.items() if name not in _NAMED}
        rows = sorted((seq, digest, body) for seq, one in enumerate(self.entries) for digest, body in one.values)
        files["data/ledger.jsonl"] = b"".join(one.line + b"\n" for one in self.entries)
        files["data/disclosures.jsonl"] = b"".join(jcs({"body": body, "digest": digest, "seq": seq}) + b"\n"
                                                   for seq, digest, body in rows)
        files |= {f"data/checkpoints/{size}-{key_id}.note": raw for one in self.entries for size, key_id, raw in one.notes}
        files |= {f"data/timestamps/{sha256}.tsr": raw for sha256, _, _, raw in self.tokens}
        files[MANIFEST] = _manifest(files, lambda name: name.startswith("data/"))
        files[TAG_MANIFEST] = _manifest(files, lambda name: not name.startswith("data/") and name != SIGNATURE)
        person = self.loot.people.get(str(self.entries[-1].fields.get("who")))
        if SIGNATURE in files and person is not None and not self.unsigned:
            tree = Tree()
            for one in self.entries:
                tree.add(one.hash())
            text = texts.export_text(self.origin, tree.size, tree.root(), hashlib.sha256(files[TAG_MANIFEST]).hexdigest())
            files[SIGNATURE] = person.sign(texts.namespace("export", self._mode), text).encode()
        _spread(files, target)


def _manifest(files: Mapping[str, bytes], wanted: Any) -> bytes:
    return "".join(f"{hashlib.sha256(raw).hexdigest()}  {name}\n"
                   for name, raw in sorted(files.items()) if wanted(name)).encode()


def _spread(files: Mapping[str, bytes], target: Path) -> None:
    target.mkdir()
    for name, raw in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


def _note(origin: str, size: int, root: bytes, key_id: str, key: Ed25519PrivateKey) -> bytes:
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
    line = base64.b64encode(bytes.fromhex(key_id) + key.sign(body)).decode()
    return body + f"\n\u2014 {origin} {line}\n".encode()


# -- other keys ----------------------------------------------------------------------------------------------------

def key_id_of(start: One) -> str:
    """Of the key that a session names."""
    return str(start.data["vkey"].split("+", 2)[1])


def rekey(copy: Copy, keys: Mapping[str, Ed25519PrivateKey]) -> Loot:
    """Have sessions and their notes name these keys, by the identifier of the one named now. `remake` then signs with them."""
    new: dict[str, str] = {}
    loot = Loot()
    for start in (one for one in copy if one.kind == "session.start" and key_id_of(one) in keys):
        key = keys[old := key_id_of(start)]
        start.data["vkey"] = note.vkey(start.fields["log"], key.public_key().public_bytes_raw())
        new[old] = key_id_of(start)
        loot.sessions[new[old]] = key
    for one in copy:
        one.notes = [(size, new.get(key_id, key_id), raw) for size, key_id, raw in one.notes]
    return loot


def own(copy: Copy, *, people: bool = True) -> Loot:
    """Keys of the forger's own in place of every session's, and of every person's."""
    loot = rekey(copy, {key_id_of(one): Ed25519PrivateKey.generate() for one in copy if one.kind == "session.start"})
    mine: dict[str, Throwaway] = {}
    for one in copy if people else ():
        for place, name in ((one.fields, "who"), (one.fields.get("data", {}), "key")):
            if str(place.get(name)).startswith("SHA256:"):
                place[name] = mine.setdefault(place[name], Throwaway()).fingerprint
    loot.people = {person.fingerprint: person for person in mine.values()}
    return loot


# -- taking apart --------------------------------------------------------------------------------------------------

def take(path: Path) -> Copy:
    """Everything there is in a folder, or a bag."""
    return _take_folder(path) if (path / "ledger.db").exists() else _take_bag(path)


def _take_folder(path: Path) -> Copy:
    copied = sqlite3.connect(":memory:")
    with contextlib.closing(sqlite3.connect(f"file:{path}/ledger.db?mode=ro", uri=True)) as db:
        db.backup(copied)
    with contextlib.closing(copied):
        entries = [One(line) for (line,) in copied.execute("SELECT line FROM entries ORDER BY seq")]
        for seq, digest, body in copied.execute("SELECT seq, digest, body FROM disclosures ORDER BY seq, digest"):
            entries[seq].values.append((digest, body))
        for size, key_id, raw in copied.execute("SELECT size, key_id, note FROM checkpoints ORDER BY size, rowid"):
            entries[size - 1].notes.append((size, key_id, raw))
        tokens = copied.execute("SELECT sha256, size, key_id, raw FROM tokens ORDER BY size, sha256").fetchall()
    return Copy(entries, tokens, _gathered(path / "artifacts", "artifacts/"), is_bag=False)


def _take_bag(path: Path) -> Copy:
    files = _gathered(path, "")
    entries = [One(line) for line in files["data/ledger.jsonl"].splitlines()]
    for line in files["data/disclosures.jsonl"].splitlines():
        row = json.loads(line)
        entries[row["seq"]].values.append((row["digest"], row["body"]))
    tokens: list[tuple[str, int, str, bytes]] = []
    for name in list(files):
        if found := re.fullmatch(r"data/checkpoints/(\d+)-([0-9a-f]{8})\.note", name):
            entries[int(found[1]) - 1].notes.append((int(found[1]), found[2], files.pop(name)))
        elif name.startswith("data/timestamps/"):
            tokens.append((Path(name).stem, 0, "", files.pop(name)))
    return Copy(entries, tokens, files, is_bag=True)


def _gathered(folder: Path, prefix: str) -> dict[str, bytes]:
    return {prefix + str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
