"""Answers are decoded by a faster reader, and read exactly as Python's json module reads them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.action.decode import decode

PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"k":', b'"x"', b"\\", b"\\u0041", b"\\ud83d", b"\\ude00", b"0", b"1",
          b"9", b"-", b"+", b".", b"e", b"E", b" ", b"\n", b"\x0b", b"\x00", b"\x1f", b"\x7f", b"true", b"null", b"NaN",
          b"-Infinity", b"\xc3\xa9", b"\xed\xa0\x80", b"\xff", b"\xef\xbb\xbf", b"12345678901234567890"]
NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(str.encode)
VALUE = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
                     lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner))


def said(read: Callable[[bytes], object], raw: bytes) -> tuple[str, str]:
    """What reading gives, to the type, the sign of a zero and the order of keys; or its error."""
    try:
        return "read", repr(read(raw))
    except (ValueError, RecursionError) as error:
        return type(error).__name__, str(error)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join), st.sampled_from([b"%s", b"[%s]", b'"%s"', b'{"k":%s}']))
def test_any_text_is_read_as_json_reads_it(pieces: bytes, around: bytes) -> None:
    """Good or broken, the same value or the same error."""
    raw = around % pieces
    assert said(decode, raw) == said(json.loads, raw)


@given(NUMBER)
def test_any_number_is_read_as_json_reads_it(raw: bytes) -> None:
    """Of any size and any precision: ids are larger than a double holds exactly."""
    assert said(decode, raw) == said(json.loads, raw)


@given(VALUE, st.booleans())
def test_any_value_is_read_as_json_reads_it(value: object, ascii_only: bool) -> None:
    """Lone surrogates, NaN and all."""
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert said(decode, raw) == said(json.loads, raw)


@pytest.mark.parametrize("raw", [b"-0", b"-0.0", b"1e400", b"9" * 4000, b"9" * 5000, b'{"a":1,"b":2,"a":3}', b'"\\ud800"', b"",
                                 b"18446744073709551616", b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16"), b"[" * 100_000])
def test_what_readers_differ_on(raw: bytes) -> None:
    """Each of these is read differently by some reader of JSON."""
    assert said(decode, raw) == said(json.loads, raw)
