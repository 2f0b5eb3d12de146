"""What reads lines and values back quickly accepts nothing that the long way refuses, and reads the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger.disclose import base64url, disclose, read_all
from irkit.ledger.entry import MAX_INT, canonical
from irkit.ledger.reread import Unread, read, reread

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(codec="ascii"))
PLAIN = st.recursive(st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | TEXTS,
                     lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(PLAIN)
def test_what_is_canonical_is_read_as_json_reads_it(value: object) -> None:
    """Every text, key and integer of the profile: both write the same bytes."""
    raw = canonical(value).encode()
    assert reread(raw) == value == json.loads(raw)


@given(PLAIN, st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_what_is_accepted_is_canonical(value: object, at: int, junk: bytes) -> None:
    """Bytes changed anywhere: either it goes the long way, or it is the canonical form of what was read."""
    raw = canonical(value).encode()
    changed = raw[:at % (len(raw) + 1)] + junk + raw[at % (len(raw) + 1):]
    try:
        found = reread(changed)
    except Unread:
        return
    assert canonical(found).encode() == changed
    assert json.loads(changed) == found


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'{ "a":1}', b'"\\u0041"', b'"\\/"', b"01", b"-0", b"1e2",
                                 b"NaN", b'"\\ud800"', b"\xff", b"[" * 100_000, b""])
def test_what_is_not_canonical_goes_the_long_way(raw: bytes) -> None:
    """Repeated or unsorted keys, spaces, needless escapes, other spellings of a number, and what is no JSON."""
    with pytest.raises(Unread):
        reread(raw)


def test_what_cannot_be_read_goes_the_long_way() -> None:
    """Where `json` says why."""
    with pytest.raises(Unread):
        read(b'{"a":NaN}')


@given(st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), PLAIN, max_size=6))
def test_the_values_of_an_entry_are_read_at_once(values: dict[str, object]) -> None:
    """By name, as they were disclosed."""
    bodies = [one.body for one in disclose(values, lambda _: "")]
    assert read_all(bodies) == values


@pytest.mark.parametrize("text", ['["short","a",1]', '["0123456789012345678901","a"]', '["0123456789012345678901","a", 1]',
                                  '["0123456789012345678901","b",2]', "[1,2,3]", '{"a":1}', '["0123456789012345678901",1,1]'])
def test_one_malformed_value_among_others_is_refused(text: str) -> None:
    """Wrong salt, too few parts, not canonical, a name twice, another type."""
    good = base64url(b'["0123456789012345678901","b",2]')
    with pytest.raises(ValueError):
        read_all([good, base64url(text.encode())])


def test_another_spelling_of_the_same_base64_is_refused() -> None:
    """The last letter of base64 has unused bits."""
    body = base64url(b'["0123456789012345678901","b",22]')
    assert len(body) % 4 == 0 or read_all([body])
    other = base64url(b'["0123456789012345678901","b",2]')
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters[letters.index(other[-1]) + 1]
    with pytest.raises(ValueError):
        read_all([other[:-1] + last])
