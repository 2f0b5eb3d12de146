"""Making any value fit an entry: a vendor's odd answer must never stop the entry that says what was sent.

Bytes and text stand as received where they are valid UTF-8, else marked {"base64": …} (lone surrogates in their three-byte
form). Integers beyond ±(2^53-1) and floats become text; so do mappings with keys outside ASCII (which Python and JCS may
sort differently), what imitates a mark, and what is nested too deep: those as JSON.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from irkit.ledger.entry import MAX_DEPTH, MAX_INT, check_key

_MARKS = ({"base64"}, {"artefact", "bytes"})
_TEXT = {str}


def fit(value: object) -> Any:
    """`value` as plain JSON that a disclosure can hold. Never raises, whatever it is given."""
    try:
        return _fit(value, 2)
    except Exception:           # a foreign object may raise anything at all when it is looked at
        return f"<a {type(value).__name__} that cannot be written>"


def _fit(value: object, depth: int) -> Any:
    if value is None or value is True or value is False or (type(value) is str and value.isascii()):
        return value
    if type(value) is dict and depth < MAX_DEPTH and _is_text(value):
        return dict(value)
    if isinstance(value, int):
        return _number(int(value))
    if isinstance(value, str | bytes | bytearray | memoryview):
        return _text(octets(value))
    if depth < MAX_DEPTH and isinstance(value, list | tuple):
        return [_fit(part, depth + 1) for part in value]
    if depth < MAX_DEPTH and isinstance(value, Mapping) and _plain_keys(value):
        return {str.__str__(key): _fit(part, depth + 1) for key, part in value.items()}
    return _text(octets(_words(value)))


def _is_text(value: dict[Any, Any]) -> bool:
    """Whether all keys and values are ASCII text, as headers are, and so fit as they stand: seen without a call for each."""
    parts = [*value, *value.values()]
    return set(map(type, parts)) == _TEXT and "".join(parts).isascii() and value.keys() not in _MARKS


def fit_data(value: object, depth: int = 2) -> Any:
    """The same for what stands in the line: None is left out. Raises ValueError for a key that is not of [a-z0-9_]."""
    if type(value) is bool or (type(value) is str and value.isascii()) or (type(value) is int and -MAX_INT <= value <= MAX_INT):
        return value
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        for key in value:
            check_key(key)
        return {key: fit_data(part, depth + 1) for key, part in value.items() if part is not None}
    if depth < MAX_DEPTH and isinstance(value, list | tuple):
        return [fit_data(part, depth + 1) for part in value if part is not None]
    return _fit(value, depth)


def octets(value: str | bytes | bytearray | memoryview) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)


def _text(raw: bytes) -> str | dict[str, str]:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _number(value: int) -> int | str:
    if abs(value) <= MAX_INT:
        return value
    return str(value) if value.bit_length() < 10_000 else hex(value)      # Python refuses to write more decimal digits


def _plain_keys(value: Mapping[Any, Any]) -> bool:
    """Whether Python sorts the keys as JCS does, and none imitates a mark of ours."""
    return all(isinstance(key, str) and key.isascii() for key in value) and value.keys() not in _MARKS


def _words(value: object) -> str:
    """What cannot stand as it is, as text: containers as JSON, everything else as it prints."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        if isinstance(value, Mapping | list | tuple | float):
            return json.dumps(dict(value) if isinstance(value, Mapping) else value, default=str)
    return str(value)
