"""Writing lines and values, and reading them back, quickly: msgspec takes a quarter of the standard library's time.

It decides nothing by itself. What it cannot read, or what does not re-serialise to itself in its hands, goes the long way,
through `json`, which also says why. Where it does, its form is that of RFC 8785 for everything but floats: a test compares
the two.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Unread(Exception):
    """Go the long way."""


def fits(value: object, shape: Any) -> bool:
    """Whether a JSON value has the types of `shape`, a msgspec type; where not, the long way says why."""
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return False
    return True


def read(raw: bytes) -> Any:
    """The JSON value that `raw` is. Raises Unread where `json` might read it otherwise, or not."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unread from None


def write(value: object) -> bytes:
    """The canonical form of a value inside the profile. Raises Unread for what is none of `json`'s own types."""
    try:
        return _encode(value)
    except TypeError:
        raise Unread from None


def reread(raw: bytes) -> Any:
    """The same, where `raw` is the canonical form of what it says."""
    value = read(raw)
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        if _encode(value) == raw:
            return value
    raise Unread
