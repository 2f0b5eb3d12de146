"""What the reader of a ledger knows from elsewhere, and what follows from it. Nothing in a ledger vouches for itself.

Whose keys may sign, which authorities' clocks count, notes that were kept out of the ledger's reach, another copy, and
demands stricter than genesis names: each is given, or its question stays open and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from irkit.errors import UsageError
from irkit.ledger import keys, note
from irkit.ledger.attest import Signed
from irkit.ledger.check import short
from irkit.ledger.database import Row
from irkit.ledger.entry import leaf_hash
from irkit.ledger.finding import CONTRADICTED, MISSING, NOT_CHECKED, Finding
from irkit.ledger.note import MOST, Note
from irkit.ledger.source import Found, Source, Trouble, Withheld
from irkit.ledger.sshsig import CannotCheck


class Trust(Struct, frozen=True):
    """Files from outside the ledger: see `irkit ledger verify --help`. `required`: untrusted author or time is a failure."""

    signers: Path | None = None
    revoked: Path | None = None
    tsa_ca: Path | None = None
    expect: tuple[Path, ...] = ()
    against: Path | None = None
    policy: Path | None = None
    required: bool = False


def people(signatures: list[Signed], trust: Trust, when: Callable[[Signed], datetime], found: Found) -> dict[str, str]:
    """The principals behind the keys that signed. Each signature that `trust.signers` does not vouch for is reported."""
    principals: dict[str, str] = {}
    for one in signatures:
        assert trust.signers is not None
        try:
            principals[one.fingerprint] = keys.trusted(one.armored, one.namespace, one.text, signers=trust.signers,
                                                       revoked=trust.revoked, at=when(one))
        except keys.Untrusted as error:
            found(Finding(one.seq, "trust", f"the key that signed entry {one.seq} is not trusted: {error}",
                          "Nobody you named vouches for it. Somebody else may have made this ledger.", (one.fingerprint,)))
        except CannotCheck as error:
            found(Finding(one.seq, "trust", f"whether the key that signed entry {one.seq} is trusted could not be checked",
                          error.what, level=NOT_CHECKED))
    return principals


class Expected:
    """Notes kept elsewhere: each must fit the tree of its size, and the ledger must reach that far."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        """Raises UsageError for a file that is no note."""
        self._notes = sorted((_note(path) for path in files), key=lambda one: one.size)
        self._left = list(self._notes)

    def at(self, size: int, root: Callable[[], bytes], found: Found) -> None:
        """The tree has this size now."""
        while self._left and self._left[0].size <= size:
            one = self._left.pop(0)
            if one.size == size and one.root != root():
                found(Finding(max(size - 1, 0), "expect", f"the expected note over {size} entries has another root",
                              "This is another history than the one that was noted elsewhere.",
                              (f"root here {root().hex()}", f"noted     {one.root.hex()}")))

    def end(self, size: int, origin: str, signed: Callable[[Note], bool], found: Found) -> None:
        """The ledger ends at this size. Each note must be of it, and signed by one of its sessions."""
        for one in self._left:
            found(Finding(size, "expect", f"a note kept elsewhere covers {one.size} entries, and {size} are here",
                          "Entries at the end were removed.", level=MISSING))
        for one in self._notes:
            if one.origin != origin or not signed(one):
                found(Finding(None, "expect", f"the expected note over {one.size} entries was signed by no session here",
                              "It is of another ledger, or this one was written anew.", (f"it says {one.origin}",)))


def _note(path: Path) -> Note:
    try:
        with path.open("rb") as file:
            return note.parse(file.read(MOST + 1))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path} is no note: {error}", next="irkit ledger checkpoint INCIDENT --show prints one") from None


class Other:
    """Another copy of the same ledger, read beside it."""

    def __init__(self, source: Source) -> None:
        self._leaves = _leaves(source)
        self._differs = False

    def entry(self, seq: int, leaf: bytes, found: Found) -> None:
        theirs = None if self._differs else next(self._leaves, None)
        if theirs is None:
            self._differs = True            # their copy ends here: it is the older one
        elif theirs != leaf:
            self._differs = True
            found(Finding(seq, "against", f"entry {seq} is another one in the other copy",
                          "The two copies tell different histories from here on.",
                          (f"here  {short(leaf.hex())}", f"there {short(theirs.hex())}")))

    def end(self, size: int, found: Found) -> None:
        if not self._differs and next(self._leaves, None) is not None:
            found(Finding(size, "against", f"the other copy goes on after entry {size - 1}",
                          "Entries at the end were removed here.", level=MISSING))


def _leaves(source: Source) -> Iterator[bytes]:
    try:
        for event in source.events(lambda _: None):
            if isinstance(event, Withheld):
                yield event.leaf
            elif isinstance(event, Row):
                yield leaf_hash(event.line) if isinstance(event.line, bytes) else b""
    except Trouble as trouble:
        raise Trouble("against", f"the other copy: {trouble.what}", trouble.meaning, trouble.detail, CONTRADICTED) from None
