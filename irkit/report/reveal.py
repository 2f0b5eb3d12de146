"""Showing one withheld value, or one withheld line, later: its exact bytes, and what they have to match.

A value is shown as its disclosure, whose digest stands in the line; a line as its bytes, whose leaf stands in its place. Either
can be compared with a bag: what is read of it are two regular files, opened without following a link.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from irkit.errors import IrkitError, LedgerError, UsageError
from irkit.ledger.disclose import Disclosure
from irkit.ledger.entry import MAX_LINE, canonical
from irkit.ledger.export import Stored

_LONGEST = 4 * MAX_LINE               # bytes of a line in a bag, of a withheld list too


class Revealed(Struct, frozen=True):
    """What is shown. `digest` is the value's digest in base64url, or the line's leaf in hex; `content` is what is hashed."""

    seq: int
    name: str                          # "" for the whole line
    digest: str
    content: bytes
    disclosures: tuple[Disclosure, ...]

    @property
    def check(self) -> str:
        """One line of shell, with openssl, that prints the digest of a file that holds `content` (and for a line an LF)."""
        if self.name:
            return "openssl dgst -sha256 -binary FILE | openssl base64 -A | tr '+/' '-_' | tr -d ="
        return "(printf '\\000'; head -n 1 FILE | tr -d '\\n') | openssl dgst -sha256"

    def file(self) -> bytes:
        """What --output writes: the disclosure and nothing else, or the line followed by its disclosures."""
        if self.name:
            return self.content
        values = [canonical({"body": one.body, "digest": one.digest, "seq": self.seq}).encode() for one in self.disclosures]
        return b"".join(part + b"\n" for part in (self.content, *values))


def reveal(row: Stored, name: str) -> Revealed:
    """One value of an entry, or with "" its whole line. Raises UsageError for a name it does not have."""
    entry = row.entry
    if not name:
        return Revealed(entry.seq, "", entry.leaf, entry.line, row.disclosures)
    for one in row.disclosures:
        if one.name == name:
            return Revealed(entry.seq, name, one.digest, one.body.encode(), (one,))
    known = ", ".join(sorted(one.name for one in row.disclosures)) or "none"
    raise UsageError(f"entry {entry.seq} has no value called {name!r}; it has {known}")


def compare(found: Revealed, bag: Path) -> str:
    """What the bag says of it, in words. Raises LedgerError when it does not belong to that bag."""
    line = _line(bag, found.seq)
    withheld = line.get("withheld")
    if isinstance(withheld, dict) and not found.name:
        if withheld.get("leaf") != found.digest:
            raise LedgerError(f"entry {found.seq} is another line than the one that this bag withholds", where=str(bag))
        return f"it is the line that the bag withholds as entry {found.seq}"
    if isinstance(withheld, dict):
        raise LedgerError(f"this bag withholds the whole line of entry {found.seq}; its values can only be shown with it",
                          where=str(bag), next=f"irkit ledger reveal INCIDENT {found.seq} --against {bag}")
    if not found.name:
        if canonical(line).encode() != found.content:
            raise LedgerError(f"entry {found.seq} is another line than the one in this bag", where=str(bag))
        return f"the bag has this very line as entry {found.seq}"
    if found.digest not in line.get("sd", ()):
        raise LedgerError(f"the value does not belong to entry {found.seq} of this bag", where=str(bag))
    rows = _rows(bag / "data/withheld.jsonl")
    listed = any(row.get("seq") == found.seq and row.get("digest") == found.digest for row in rows)
    return f"entry {found.seq} of the bag asks for this value; it is {'listed as withheld' if listed else 'not withheld there'}"


def _line(bag: Path, seq: int) -> dict[str, Any]:
    for number, row in enumerate(_rows(bag / "data/ledger.jsonl")):
        if number == seq:
            return row
    raise LedgerError(f"this bag has no entry {seq}", where=str(bag), next=f"irkit ledger verify {bag}")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of the bag, in bounded memory."""
    with _open(path) as file:
        while raw := file.readline(_LONGEST + 1):
            try:
                found = json.loads(raw) if len(raw) <= _LONGEST else None
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                raise LedgerError("a line cannot be read", where=str(path), next="irkit ledger verify BAG")
            yield found


def _open(path: Path) -> BinaryIO:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise IrkitError(f"the bag cannot be read: {error.strerror}", where=str(path),
                         next="give the folder that holds data") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IrkitError("this is no regular file", where=str(path), next="give the folder that holds data")
    return os.fdopen(handle, "rb")
