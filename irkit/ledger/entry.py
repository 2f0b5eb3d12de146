"""One entry: the exact bytes of its line, its hash, and what may stand in it.

A line is a JSON object in RFC 8785 (JCS) form. Inside this profile the standard library writes the same bytes as a
canonicaliser does: keys of [a-z0-9_] (so that sorting by code point and by UTF-16 unit agree), no floats, integers
within ±(2^53-1), at most 32 levels deep, at most 60,000 bytes; what is absent is absent, never null.

`leaf` = SHA-256(0x00 || line), the leaf of RFC 6962; `prev` of an entry is the lower-case hex leaf of the one before it.
What may have to be withheld never stands in the line: see `irkit.ledger.disclose`.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from json.scanner import make_scanner
from typing import Annotated, Any, NamedTuple, Never

from msgspec import UNSET, Meta, UnsetType, defstruct

from irkit.ledger.reread import Unread, fits, lines_of, read, reread, write

VERSION = 1                    # SHA-256 and Ed25519
GENESIS = "0" * 64             # `prev` of entry 0
MAX_INT = 2**53 - 1
MAX_DEPTH = 32
MAX_LINE = 60_000              # bytes; of a disclosure too
KEY = re.compile(r"[a-z0-9_]+")
MODES = frozenset({"live", "drill", "test"})
BY = frozenset({"machine", "copied", "human"})

SENDING = "request.sending"
ANSWER = "request.answer"
ACCEPTED = "handover.accepted"
HOLDING = frozenset({"run.opened", "run.resumed", "handover.accepted"})    # the latest of a run says whose session may send

_KINDS = """
    genesis session.start session.end selftest run.paused run.closed
    step.started step.asked step.done step.accepted step.failed step.unknown step.skipped step.deferred step.by_hand
    step.unavailable step.not_needed step.undone
    request.sending request.answer request.body request.not_sent auth input.corrected role.assigned handover.offered control
    note decision assessment determination artefact.added
    approval.asked approval.given approval.refused approval.expired custody.offered custody.accepted
    clock.observed clock.stepped deadline.started deadline.warned deadline.met checkpoint anchor.timestamp inject label.set
    amended erased
    hold.placed hold.released exported sealed
"""
KINDS = HOLDING | frozenset(_KINDS.split())


class Entry(NamedTuple):
    """A line as parsed, with the disclosures that belong to it.

    `session` is the seq of the session.start it was written under (0 for genesis, which stands under none), `who` the
    pseudonym of that session's person, `at` RFC 3339 in UTC with microseconds, `leaf` lower-case hex. `disclosed` has flat
    dotted names; a value the profile cannot hold is marked {"base64": …} or {"artefact": sha256, "bytes": n}.
    """

    seq: int
    kind: str
    at: str
    by: str
    data: Mapping[str, Any]
    log: str
    session: int
    who: str
    run: str | None
    step: str | None
    item: int | None
    ref: int | None
    sd: tuple[str, ...]
    disclosed: Mapping[str, Any]
    line: bytes
    leaf: str

    @classmethod
    def of(cls, fields: Mapping[str, Any], line: bytes, leaf: bytes, disclosed: Mapping[str, Any]) -> Entry:
        """The entry that `fields`, the parsed `line`, stands for."""
        get = fields.get
        return cls(fields["seq"], fields["kind"], fields["at"], fields["by"], get("data", {}), fields["log"],
                   get("session", 0), get("who", ""), get("run"), get("step"), get("item"), get("ref"),
                   tuple(get("sd", ())), disclosed, line, leaf.hex())


canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""The RFC 8785 text of a value inside the profile; its UTF-8 bytes are what is hashed."""


def canonical_bytes(value: object) -> bytes:
    """Those bytes, in a fraction of the time. Raises ValueError for a lone surrogate."""
    try:
        return write(value)
    except Unread:
        return canonical(value).encode()


def leaf_hash(line: bytes) -> bytes:
    """RFC 6962 2.1: the hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\0" + line).digest()


# -- reading -----------------------------------------------------------------------------------------------------

_NEEDED: dict[str, type[Any]] = {"at": str, "by": str, "kind": str, "log": str, "mono_ns": str, "nonce": str, "prev": str,
                                "seq": int, "v": int}
_TYPES: dict[str, type[Any]] = {**_NEEDED, "data": dict, "item": int, "ref": int, "run": str, "sd": list,
                               "session": int, "step": str, "who": str}


def _refuse(text: str) -> Never:
    raise ValueError(f"{text[:20]} is no integer")


_scan = make_scanner(json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse))  # type: ignore[arg-type]  # typeshed wants a scanner


def parse(line: bytes, *, strict: bool = True) -> dict[str, Any]:
    """The fields of a line. Raises ValueError, saying why, for a line outside the format of version 1.

    `strict` also has the line re-serialise to itself, which catches repeated keys, spaces and needless escapes.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"it has {len(line):,} bytes; {MAX_LINE:,} are the most")
    try:
        fields = reread(line) if strict else read(line)
    except Unread:
        fields = _parse(line, strict=strict)
    if type(fields) is not dict:
        raise ValueError("it is not one JSON object")
    if fields.get("v") != VERSION:
        raise ValueError(f"its version is {fields.get('v')!r}; this irkit knows {VERSION}")
    _check_fields(fields)
    return fields


def known(line: bytes) -> dict[str, Any]:
    """The fields of a line that `parse` accepted before, elsewhere."""
    try:
        fields: dict[str, Any] = read(line)
    except Unread:
        return parse(line)
    return fields


def _parse(line: bytes, *, strict: bool) -> Any:
    text = line.decode()
    try:
        fields, end = _scan(text, 0)
    except StopIteration:
        raise ValueError("it is not JSON") from None
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep") from None
    if end != len(text):
        raise ValueError("it is not one JSON object")
    if strict and canonical(fields) != text:
        raise ValueError("it does not re-serialise to itself")
    return fields


_SHAPES: dict[type[Any], Any] = {str: str, int: Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)], dict: dict[str, Any],
                                 list: list[str]}
_LINE: Any = defstruct("_LINE", [(name, _SHAPES[kind]) if name in _NEEDED else (name, _SHAPES[kind] | UnsetType, UNSET)
                                 for name, kind in _TYPES.items()], forbid_unknown_fields=True)
_read_lines = lines_of(_LINE)


def parse_together(lines: Sequence[bytes]) -> list[Any]:
    """The fields of lines as attributes of an object each, in a fraction of the time; msgspec.UNSET, which is false, for none.

    Raises Unread or ValueError unless `parse`, strict, accepts every line; perhaps also where it does.
    """
    fields = _read_lines(b"\n".join([*lines, b""]))
    if len(fields) != len(lines) or max(map(len, lines)) > MAX_LINE \
            or any(one.v != VERSION or one.by not in BY for one in fields):
        raise Unread
    data = [one.data for one in fields if one.data is not UNSET]
    for key in set(itertools.chain.from_iterable(data)):
        check_key(key)
    for value in itertools.chain.from_iterable([one.values() for one in data]):
        if type(value) is not str and not (type(value) is int and -MAX_INT <= value <= MAX_INT):
            _check_part(value, 2)
    return fields


def _check_fields(fields: dict[str, Any]) -> None:
    if not fits(fields, _LINE) or fields["by"] not in BY:
        _explain_fields(fields)
    if "data" in fields:
        _check_value(fields["data"], 2)


def _explain_fields(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if (kind := _TYPES.get(name)) is not type(value):
            raise ValueError(f"its {name[:40]!r} is not {kind.__name__}" if kind else f"{name[:40]!r} is no key of an entry")
        if kind is int and not -MAX_INT <= value <= MAX_INT:
            raise ValueError(f"its {name!r} is outside ±(2^53-1)")
    if not _NEEDED.keys() <= fields.keys():
        raise ValueError(f"it lacks {', '.join(sorted(_NEEDED.keys() - fields.keys()))}")
    if fields["by"] not in BY:
        raise ValueError(f"its 'by' is {fields['by'][:20]!r}")
    if not all(type(digest) is str for digest in fields.get("sd", ())):
        raise ValueError("its 'sd' holds more than digests")
    raise ValueError("its fields are not those of an entry")


def _check_value(value: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    if type(value) is dict:
        for key in value:
            check_key(key)
    for part in value.values() if type(value) is dict else value:
        if type(part) is not str:
            _check_part(part, depth)


def _check_part(part: Any, depth: int) -> None:
    if type(part) is dict or type(part) is list:
        _check_value(part, depth + 1)
    elif type(part) is int and not -MAX_INT <= part <= MAX_INT:
        raise ValueError("it holds an integer outside ±(2^53-1)")
    elif type(part) is float:
        raise ValueError("it holds a number that is no integer")
    elif part is None:
        raise ValueError("it holds a null")


@functools.lru_cache(maxsize=1024)
def check_key(key: str) -> None:
    """Raises ValueError for a key outside the profile."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ValueError(f"the key {str(key)[:40]!r} is not of [a-z0-9_]")
