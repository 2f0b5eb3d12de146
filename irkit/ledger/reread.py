"""Writing lines and values, and reading them back, quickly: msgspec takes a quarter of the standard library's time.

It decides nothing by itself. What it cannot read, or what does not re-serialise to itself in its hands, goes the long way,
through `json`, which also says why. Where it does, its form is that of RFC 8785 for everything but floats: a test compares
the two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode
_decode_octets = msgspec.json.Decoder(bytes).decode
_encode_lines = msgspec.json.Encoder(order="sorted").encode_lines


T = TypeVar("T")


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


def lines_of(shape: type[T]) -> Callable[[bytes], list[T]]:
    """What reads lines, each with its line feed and the canonical form of what it says, as values of a msgspec type.

    As a canonical form has no line feed in it, there are as many values as lines, and none reaches into the next line. What it
    returns raises Unread, as `reread` does.
    """
    decode = msgspec.json.Decoder(shape).decode_lines

    def reread_lines(raw: bytes) -> list[T]:
        try:
            found = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unread from None
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            if _encode_lines(found) == raw:
                return found
        raise Unread

    return reread_lines


def from_base64(raw: bytes) -> bytes:
    """What padded base64 stands for; of what holds a backslash too few bytes. Raises Unread for letters that are none of it."""
    try:
        return _decode_octets(b'"' + raw + b'"')
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unread from None
