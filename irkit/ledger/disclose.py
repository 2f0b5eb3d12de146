"""Values that can be withheld, in the encoding of RFC 9901 section 4.2 (SD-JWT disclosures).

A disclosure is `base64url(JCS [salt, name, value])` without padding, with 128 random bits of salt; the line of its entry
holds `base64url(SHA-256(ASCII disclosure))` in `sd`. Names are dotted leaves, unique in an entry.

Any value can be disclosed (see `irkit.ledger.fit`); one that is too large for a line becomes an artefact and is marked
{"artefact": sha256, "bytes": n}. The artefact holds text and bytes as received, everything else as JSON.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import operator
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json.scanner import make_scanner
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from irkit.errors import LedgerError
from irkit.ledger.entry import MAX_DEPTH, MAX_LINE, canonical, canonical_bytes
from irkit.ledger.fit import fit, octets
from irkit.ledger.reread import Unread, from_base64, lines_of

NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_ARTEFACT = {"artefact", "bytes"}
_ENDS = (b"CgAA", b"=", b"AACgAA", b"ACgAA")       # no text leaves one letter over: "=" has it refused
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SWAPPED = bytes.maketrans(b"-_+/", b"+/-_")        # so that the letters of the other alphabet are none of the standard's
# How '{"artefact":"' looks in base64, at each of three offsets; what depends on its neighbours is left off.
_MARKED = [base64.b64encode(b"." * n + b'{"artefact":"')[-(-n * 4 // 3):-4].decode() for n in range(3)]
_sha256, _a2b, _b2a = hashlib.sha256, binascii.a2b_base64, binascii.b2a_base64
_ZEROS = (2, 0, 4, 3)                          # bytes that those stand for, and that are left out
_NOT_NESTING = bytes(set(range(256)) - set(b"[{\n"))
_SALT = Annotated[str, Meta(min_length=22, max_length=22)]
_read_lines = lines_of(tuple[_SALT, str, Any])
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # typeshed wants a scanner


class Disclosure(NamedTuple):
    """`body` is the ASCII disclosure, `digest` what stands in `sd`; `value` is as read back from the body."""

    digest: str
    body: str
    name: str
    value: Any


def base64url(raw: bytes) -> str:
    """RFC 4648 section 5, without padding."""
    return _b2a(raw, newline=False).translate(_URLSAFE, b"=").decode()


def digest_of(body: str) -> str:
    """What stands in `sd` for a disclosure: 43 characters. Raises ValueError when the body is not ASCII."""
    return base64url(_sha256(body.encode("ascii")).digest())


def random_text() -> str:
    """128 random bits: a salt, or a nonce. 22 characters."""
    return base64url(os.urandom(16))


def disclose(values: Mapping[str, object], keep: Callable[[bytes], str]) -> list[Disclosure]:
    """The disclosures of an entry, sorted by digest.

    `keep` stores bytes too large for a line as an artefact and returns their SHA-256 in hex. Raises ValueError for names
    that are no dotted leaves, or where one is the stem of another.
    """
    if clash := clashing(tuple(values)):
        raise ValueError(f"{clash!r} is no name of a disclosure, or is also the stem of another")
    fitted = [fit(value) for value in values.values()]
    salts = _salts(len(fitted))
    texts = [canonical_bytes(parts) for parts in zip(salts, values, fitted, strict=True)]
    for n, (name, value) in enumerate(values.items()):
        if len(texts[n]) > MAX_LINE:
            raw = octets(value) if isinstance(value, str | bytes | bytearray | memoryview) else canonical_bytes(fitted[n])
            fitted[n] = {"artefact": keep(raw), "bytes": len(raw)}
            texts[n] = canonical_bytes((salts[n], name, fitted[n]))
    bodies = [_b2a(text, newline=False).translate(_URLSAFE, b"=") for text in texts]
    found = zip(_digests(bodies), [body.decode() for body in bodies], values, fitted, strict=True)
    return sorted(map(_disclosure, found), key=_by_digest)


_disclosure = functools.partial(tuple.__new__, Disclosure)        # as `_make` does, without a call in Python for each
_by_digest = operator.itemgetter(0)


def _salts(count: int) -> list[str]:
    random = os.urandom(16 * count)
    return _each([_b2a(random[at:at + 16], newline=False) for at in range(0, 16 * count, 16)], "==")


def _each(padded: list[bytes], padding: str) -> list[str]:
    """Texts in base64, each with the same padding, as base64url without it."""
    return b"".join(padded).translate(_URLSAFE).decode().split(padding)[:-1]


@functools.lru_cache(maxsize=1024)
def clashing(names: tuple[str, ...]) -> str:
    """The first name that is no dotted leaf, or that has another one as its stem; empty when all are well."""
    for name in names:
        stems = (name[:at] for at, letter in enumerate(name) if letter == ".")
        if not NAME.fullmatch(name) or any(stem in names for stem in stems):
            return name
    return ""


def fit_together(digests: bytes, bodies: Sequence[bytes]) -> bool:
    """Whether `digests` are what stands in `sd` for each of these, in their order and with a space between two."""
    raw = b"\0".join([*[_sha256(body).digest() for body in bodies], b""])
    text = _b2a(raw, newline=False).translate(_URLSAFE)                # 33 bytes each: 44 letters, of which the last is an A
    return digests[43::44] == b" " * digests.count(b" ") and digests.replace(b" ", b"A") == text[:-1]


def hashed(bodies: Iterable[str]) -> list[str]:
    """What stands in `sd` for each of these. Most of what opening a long incident costs: hence no call for each line."""
    return _digests([body.encode("ascii") for body in bodies])


def _digests(bodies: Iterable[bytes]) -> list[str]:
    return _each([_b2a(_sha256(body).digest(), newline=False) for body in bodies], "=")


class Disclosed(Mapping[str, Any]):
    """The values of an entry by their names, decoded when the first one is read: `bodies` match their digests.

    Reading raises LedgerError, naming the entry `seq`, when the writer did not write disclosures.
    """

    __slots__ = ("_bodies", "_seq", "_values")

    def __init__(self, bodies: Sequence[str], seq: int) -> None:
        self._bodies, self._seq = bodies, seq
        self._values: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            try:
                values = dict(read(body, strict=False) for body in self._bodies)
            except ValueError as error:
                raise LedgerError(f"a value cannot be read: {error}", where=f"entry {self._seq}") from None
            if len(values) < len(self._bodies) or clashing(tuple(values)):
                raise LedgerError("two values have one name, or one has a malformed name", where=f"entry {self._seq}")
            self._values = values
        return self._values

    def may_name_artefacts(self) -> bool:
        """False only when none of the values is a mark for an artefact."""
        together = " ".join(self._bodies)
        return any(mark in together for mark in _MARKED)

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._bodies)

    def __repr__(self) -> str:
        return repr(self._read())


def read(body: str, *, strict: bool = True) -> tuple[str, Any]:
    """Name and value of a disclosure. Raises ValueError for one that is malformed; `strict`: or not in canonical form."""
    text = _a2b(body.encode("ascii").translate(_STANDARD) + b"==").decode()
    try:
        parts, end = _scan(text, 0)
        salt, name, value = parts
    except (TypeError, StopIteration, RecursionError):
        raise ValueError("it is not [salt, name, value]") from None
    if end != len(text) or type(parts) is not list or type(salt) is not str or len(salt) != 22 or type(name) is not str:
        raise ValueError("it is not [salt, name, value]")
    if strict and (canonical([salt, name, value]) != text or base64url(text.encode()) != body):
        raise ValueError("it does not re-serialise to itself")
    if strict and _too_deep(value, 2):
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    return name, value


def _too_deep(value: Any, depth: int) -> bool:
    """Whether containers are nested deeper than the profile allows; `depth` is that of `value`."""
    if type(value) is not dict and type(value) is not list:
        return False
    return depth > MAX_DEPTH or any(_too_deep(part, depth + 1) for part in (value.values() if type(value) is dict else value))


def read_all(bodies: Sequence[str]) -> dict[str, Any]:
    """The values of an entry by name. Raises ValueError unless each is well-formed, canonical, and of a name of its own."""
    try:
        found = [(name, value) for _, name, value in read_together([body.encode("ascii") for body in bodies])]
    except Unread:
        found = [read(body) for body in bodies]
    values = dict(found)
    if len(values) != len(bodies):
        raise ValueError("one has the name of another")
    return values


def read_together(bodies: Sequence[bytes]) -> list[tuple[str, str, Any]]:
    """Salt, name and value of disclosures of one entry or many, in a fraction of the time.

    Raises Unread unless `read`, strict, accepts each of them; perhaps also where it does. Decoded as one: each is padded with
    letters that stand for zero bits, and ended by a group that stands for a line feed and two zero bytes. All zero bytes are
    left out; where there were more of them than were put in, they stood in a text.
    """
    over = [len(body) % 4 for body in bodies]
    together = b"".join([body + _ENDS[more] for body, more in zip(bodies, over, strict=True)])
    raw = from_base64(together.translate(_SWAPPED))
    text = raw.translate(None, b"\0")
    if len(raw) * 4 != len(together) * 3 or len(raw) - len(text) != sum(map(_ZEROS.__getitem__, over)):
        raise Unread
    found = _read_lines(text)
    if len(found) != len(bodies):
        raise Unread
    nesting = text.translate(None, _NOT_NESTING).split(b"\n")
    if max(map(len, nesting)) > MAX_DEPTH and any(_too_deep(value, 2) for _, _, value in found):
        raise Unread
    return found


def is_mark(value: object) -> bool:
    """Whether a value stands for an artefact."""
    return type(value) is dict and len(value) == 2 and value.keys() == _ARTEFACT


def nested(disclosed: Mapping[str, Any]) -> dict[str, Any]:
    """{"request.url": …} as {"request": {"url": …}}."""
    tree: dict[str, Any] = {}
    for name, value in disclosed.items():
        *stems, last = name.split(".")
        branch = tree
        for stem in stems:
            branch = branch.setdefault(stem, {})
        branch[last] = value
    return tree
