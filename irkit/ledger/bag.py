"""A bag as a verification reads it: BagIt 1.0 (RFC 8493) around the lines, values, notes and tokens of one export.

Nothing in a bag vouches for the bag: its manifests show damage, and are believed in nothing else. It is walked once before
any of its files is opened; a link, a device or a path that leaves it ends the reading.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from irkit.errors import LedgerError
from irkit.ledger import sshsig, texts
from irkit.ledger.artefacts import SHA256
from irkit.ledger.database import Noted, Orphan, Row, together
from irkit.ledger.entry import MAX_LINE, canonical, leaf_hash
from irkit.ledger.finding import CONTRADICTED, MISSING, NOT_CHECKED, Finding
from irkit.ledger.note import MOST
from irkit.ledger.source import Event, Found, Trouble, Withheld

MANIFEST, TAG_MANIFEST, SIGNATURE = "manifest-sha256.txt", "tagmanifest-sha256.txt", "export.sig"
_MOST_FILES = 1_000_000
_MOST_TOKEN = 1 << 20
_LISTED = re.compile(r"([0-9a-f]{64})  ((?!/)[^\\\r\n\0]{1,4000})")
_NOTE_NAME = re.compile(r"([1-9][0-9]{0,15})-([0-9a-f]{8})\.note")
_BAGIT = re.compile(rb"BagIt-Version: 1\.0\r?\nTag-File-Character-Encoding: UTF-8(\r?\n)?")


def is_bag(path: Path) -> bool:
    return (path / "bagit.txt").is_file()


class BagSource:
    """A bag's folder."""

    def __init__(self, folder: Path) -> None:
        """Raises LedgerError when something in it is no plain file or folder: it is not read then."""
        self.folder, self._data = folder, folder / "data"
        self._files = {str(path.relative_to(folder)): size for path, size in _walk(folder)}
        self.withheld_sha256 = hashlib.sha256().hexdigest()
        self.withheld: Counter[str] = Counter()        # by the basis that is given

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    # -- the bag itself ------------------------------------------------------------------------------------------

    def manifests(self, found: Found) -> None:
        """Compare every file with the manifests, both ways."""
        if not _BAGIT.fullmatch(self._small("bagit.txt")):
            _bag(found, "bagit.txt is not that of BagIt 1.0", "The bag was changed, or is of another make.")
        payload = {name for name in self._files if name.startswith("data/")}
        self._compare(found, MANIFEST, payload)
        self._compare(found, TAG_MANIFEST, self._files.keys() - payload - {TAG_MANIFEST, SIGNATURE})

    def _compare(self, found: Found, manifest: str, there: set[str]) -> None:
        listed: set[str] = set()
        for line in self._lines(manifest):
            match = _LISTED.fullmatch(line.decode("utf-8", "replace"))
            if match is None or ".." in match[2].split("/") or match[2] in listed:
                _bag(found, f"{manifest} has a line that names no file of the bag", "It was changed.", repr(line[:80]))
                continue
            listed.add(match[2])
            if match[2] not in there:
                _bag(found, f"{match[2]}, listed in {manifest}, is not there", "The file was removed.", level=MISSING)
            elif (now := self._hash(match[2])) != match[1]:
                _bag(found, f"{match[2]} is not what {manifest} lists", "It was changed after the export.", f"hashes to {now}")
        for name in sorted(there - listed)[:20]:
            _bag(found, f"{name} is not listed in {manifest}", "The file was added after the export.")

    def signature(self, origin: str, size: int, root: bytes, who: str) -> str:
        """What is wrong with the signature of the tag manifest, which the exporting person's key `who` made; "" if nothing.

        Raises CannotCheck when ssh-keygen is needed and absent.
        """
        if SIGNATURE not in self._files:
            return "is not there"
        text = texts.export_text(origin, size, root, self._hash(TAG_MANIFEST) if TAG_MANIFEST in self._files else "")
        try:
            key = sshsig.check(self.armored(), texts.namespace("export", origin.split("/")[1]), text)
        except ValueError as error:
            return f"does not verify: {error}"
        return "" if key == who else f"was made with another key, {key}"

    def armored(self) -> str:
        return self._small(SIGNATURE).decode("utf-8", "replace")

    # -- what it holds -------------------------------------------------------------------------------------------

    def events(self, found: Found) -> Iterator[Event]:
        notes = iter(sorted(self._notes(found)))
        due = next(notes, None)
        for event in self._entries(found):
            while due is not None and not isinstance(event, Orphan) and due[0] <= event.seq:
                yield Noted(due[0], due[1], self._note(due[2]))
                due = next(notes, None)
            yield event
        while due is not None:
            yield Noted(due[0], due[1], self._note(due[2]))
            due = next(notes, None)

    def notes(self) -> Iterator[bytes]:
        for _, _, name in self._notes(lambda _: None):
            yield self._note(name)

    def tokens(self) -> Iterator[tuple[str, bytes]]:
        for name in sorted(self._files):
            if name.startswith("data/timestamps/"):
                yield Path(name).stem, self._small(name, _MOST_TOKEN)

    def artefact(self, sha256: str, size: int) -> tuple[str, str]:
        name = f"data/artifacts/{sha256}"
        if not SHA256.fullmatch(sha256):
            return CONTRADICTED, "has a name that is no SHA-256"
        if name not in self._files:
            return MISSING, "is missing"
        if self._files[name] != size:
            return CONTRADICTED, f"has {self._files[name]:,} bytes, not {size:,}"
        now = self._hash(name)
        return ("", "") if now == sha256 else (CONTRADICTED, f"has bytes that hash to {now}")

    def _notes(self, found: Found) -> Iterator[tuple[int, str, str]]:
        for name in self._files:
            if name.startswith("data/checkpoints/"):
                match = _NOTE_NAME.fullmatch(name.removeprefix("data/checkpoints/"))
                if match is None:
                    _bag(found, f"{name} is no name of a note", "It was added or renamed.")
                else:
                    yield int(match[1]), match[2], name

    def _note(self, name: str) -> bytes:
        return self._small(name, MOST + 1)

    def _entries(self, found: Found) -> Iterator[Row | Orphan | Withheld]:
        values = _Sorted(self._values(found), lambda value: (value[0], value[1]))
        withheld = _Sorted(self._withheld(found), lambda row: (row["seq"], row.get("digest", "")))
        for seq, line in enumerate(self._lines("data/ledger.jsonl")):
            for stray in values.before(seq):
                yield Orphan(stray[0], stray[1])
            mine, basis = list(values.of(seq)), list(withheld.of(seq))
            leaf = _withheld_leaf(line, seq)
            if leaf is None:
                yield Row(seq, line, leaf_hash(line), together(mine), frozenset(str(row.get("digest")) for row in basis))
                continue
            if not any(row.get("leaf") == leaf.hex() for row in basis):
                found(Finding(seq, "withheld", f"entry {seq} is withheld, and no ground is listed",
                              "Somebody other than the exporter took it out."))
            yield Withheld(seq, leaf)
        for stray in values.rest():
            yield Orphan(stray[0], stray[1])
        for row in withheld.rest():
            found(Finding(row["seq"], "withheld", f"entry {row['seq']}, of which something is withheld, is not there",
                          "Entries at the end were removed."))

    def _values(self, found: Found) -> Iterator[tuple[int, str, str]]:
        for number, line in enumerate(self._lines("data/disclosures.jsonl", 2 * MAX_LINE), 1):
            value = _object(line, {"seq": int, "digest": str, "body": str}, frozenset())
            if value is None:
                _bag(found, f"line {number} of disclosures.jsonl is no disclosure", "It was changed.")
            else:
                yield value["seq"], value["digest"], value["body"]

    def _withheld(self, found: Found) -> Iterator[dict[str, Any]]:
        digest = hashlib.sha256()
        for number, line in enumerate(self._lines("data/withheld.jsonl"), 1):
            digest.update(line + b"\n")
            row = _object(line, {"seq": int, "basis": str, "by": str, "at": str}, frozenset({"digest", "leaf"}))
            if row is None or len(row) != 5:
                _bag(found, f"line {number} of withheld.jsonl is no ground for withholding", "It was changed.")
            else:
                self.withheld[row["basis"]] += 1
                yield row
        self.withheld_sha256 = digest.hexdigest()

    # -- files ---------------------------------------------------------------------------------------------------

    def _open(self, name: str) -> io.BufferedReader:
        if name not in self._files:
            raise Trouble("bag", f"{name} is not there", "It was removed, or this is no bag that irkit wrote.", level=MISSING)
        try:
            return open(os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except OSError as error:
            raise Trouble("bag", f"{name} cannot be read", "Its permissions or the disk refuse.", str(error),
                          NOT_CHECKED) from None

    def _lines(self, name: str, most: int = MAX_LINE) -> Iterator[bytes]:
        """The lines of a file without their LF, each with a bounded length."""
        with self._open(name) as file:
            number = 0
            while line := file.readline(most + 2):
                number += 1
                if not line.endswith(b"\n"):
                    raise Trouble("bytes", f"line {number} of {name} has no end" if len(line) <= most else
                                  f"line {number} of {name} has more than {most:,} bytes", "It was changed or cut off.")
                yield line[:-1]

    def _small(self, name: str, most: int = 64 << 10) -> bytes:
        with self._open(name) as file:
            return file.read(most)

    def _hash(self, name: str) -> str:
        with self._open(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class _Sorted:
    """Rows that begin with a seq, in order, handed out entry by entry. Raises Trouble when they are out of order."""

    def __init__(self, rows: Iterator[Any], key: Callable[[Any], tuple[int, str]]) -> None:
        self._rows, self._key = rows, key
        self._ahead: Any = next(rows, None)

    def before(self, seq: int) -> Iterator[Any]:
        yield from self._while(lambda found: found < seq)

    def of(self, seq: int) -> Iterator[Any]:
        yield from self._while(lambda found: found == seq)

    def rest(self) -> Iterator[Any]:
        yield from self._while(lambda _: True)

    def _while(self, wanted: Callable[[int], bool]) -> Iterator[Any]:
        while self._ahead is not None and wanted(self._key(self._ahead)[0]):
            row = self._ahead
            self._ahead = next(self._rows, None)
            if self._ahead is not None and self._key(self._ahead) <= self._key(row):
                raise Trouble("bag", "a list of the bag is out of order, or repeats itself", "It was changed.")
            yield row


def _walk(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every file with its size. Raises LedgerError for what is neither a plain file nor a folder."""
    waiting, count = [folder], 0
    while waiting:
        with os.scandir(waiting.pop()) as there:
            for one in there:
                count += 1
                if one.is_dir(follow_symlinks=False):
                    waiting.append(Path(one.path))
                elif stat.S_ISREG((info := one.stat(follow_symlinks=False)).st_mode) and count <= _MOST_FILES:
                    yield Path(one.path), info.st_size
                else:
                    what = "has too many files" if count > _MOST_FILES else "holds a link or a device; it is not read"
                    raise LedgerError(f"the bag {what}", where=one.path, next="ask for the bag again, as plain files")


def _withheld_leaf(line: bytes, seq: int) -> bytes | None:
    """The leaf, when a line stands for a withheld entry."""
    if not line.startswith(b'{"withheld":'):
        return None
    with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError):
        leaf = json.loads(line)["withheld"]["leaf"]
        if canonical({"withheld": {"leaf": leaf, "seq": seq}}).encode() == line and SHA256.fullmatch(leaf):
            return bytes.fromhex(leaf)
    return None


def _object(line: bytes, needed: dict[str, type], one_of: frozenset[str]) -> dict[str, Any] | None:
    """A line of a list: canonical, with those fields and, where given, one of the others."""
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        value = json.loads(line)
        more = value.keys() - needed.keys()
        if canonical(value).encode() == line and all(type(value.get(name)) is kind for name, kind in needed.items()) \
                and more <= one_of and len(more) == bool(one_of) and all(type(value[name]) is str for name in more):
            return dict(value)
    return None


def _bag(found: Found, what: str, meaning: str, *detail: str, level: str = CONTRADICTED) -> None:
    found(Finding(None, "bag", what, meaning, detail, level))
