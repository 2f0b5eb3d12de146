"""The exact bytes of a line."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger import GENESIS, KINDS, Ledger, leaf_hash
from irkit.ledger.entry import MAX_INT, canonical, canonical_bytes, parse
from irkit.ledger.fit import fit_data

KEYS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=12)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=40) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)


class Named(str):
    """A text that is not of the type `str` itself."""

    __slots__ = ()


LINE: dict[str, Any] = {"at": "2026-11-20T17:36:09.123456Z", "by": "machine", "kind": "note", "log": "irkit/drill/00",
                        "mono_ns": "1", "nonce": "x", "prev": GENESIS, "seq": 1, "session": 1, "v": 1, "who": "unsigned:0"}


@given(st.dictionaries(KEYS, ANY, max_size=5))
def test_the_standard_library_writes_what_a_canonicaliser_writes(data: dict[str, Any]) -> None:
    """Whatever data an entry is given, its bytes are those of RFC 8785."""
    fields = {**LINE, "data": fit_data(data)}
    assert canonical(fields).encode() == canonical_bytes(fields) == rfc8785.dumps(fields)


def test_what_the_quick_writer_does_not_know_is_written_the_long_way() -> None:
    """A text of a type of its own; a lone surrogate is refused by both."""
    assert canonical_bytes({"run": Named("r1"), "seq": 1}) == b'{"run":"r1","seq":1}'
    for refused in ("\ud800", Named("\ud800")):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            canonical_bytes({"run": refused})


@given(st.dictionaries(KEYS, ANY, max_size=5))
def test_what_is_written_can_be_read_back(data: dict[str, Any]) -> None:
    """A line written from any data is inside the profile that verify demands."""
    fields = {**LINE, "data": fit_data(data)}
    assert parse(canonical(fields).encode()) == fields


def test_leaf_is_that_of_rfc_6962(ledger: Ledger) -> None:
    """leaf = SHA-256(0x00 || line), and prev is the leaf before."""
    entries = list(ledger.entries())
    assert [e.leaf for e in entries] == [hashlib.sha256(b"\0" + e.line).hexdigest() for e in entries]
    assert [json.loads(e.line)["prev"] for e in entries] == [GENESIS, *(e.leaf for e in entries[:-1])]
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_line_holds_the_fields_of_version_1(ledger: Ledger) -> None:
    """Absent is absent: no null, and no key for what an entry does not have."""
    bare = json.loads(ledger.append("note").line)
    assert sorted(bare) == ["at", "by", "kind", "log", "mono_ns", "nonce", "prev", "seq", "session", "v", "who"]
    full = json.loads(ledger.append("note", {"a": None, "b": 1}, {"text": "x"}, run="r1", step="s", item=0, ref=2).line)
    assert full["data"] == {"b": 1}
    assert (full["run"], full["step"], full["item"], full["ref"], len(full["sd"])) == ("r1", "s", 0, 2, 1)
    assert len(full["nonce"]) == 22


def test_genesis_says_what_the_ledger_is(ledger: Ledger) -> None:
    """Mode, origin, version, hash and the four parts of the policy stand in entry 0."""
    genesis = next(ledger.entries())
    assert genesis.data == {"mode": "drill", "origin": ledger.origin, "version": "0.1", "code_hash": "c0de",
                            "policy": {"endorse": True, "max_entries": 64, "authorities": 0, "seal_tokens": 0}}
    assert genesis.log == ledger.origin
    assert ledger.origin.startswith("irkit/drill/")
    assert len(ledger.origin) == len("irkit/drill/") + 32


def test_kinds_are_those_of_the_design() -> None:
    """Spelled-out kinds, none lost in the folding of the list; and one for what no other says, that a deadline nears."""
    assert {"genesis", "session.start", "run.opened", "step.by_hand", "request.not_sent", "handover.accepted"} <= KINDS
    assert len(KINDS - {"deadline.warned"}) == 55


@pytest.mark.parametrize("line", [
    b"", b"[]", b"{}", b"\xff", b"nonsense", b"[" * 100_000, b"x" * 60_001,
    canonical({**LINE, "v": 2}).encode(),
    canonical({**LINE, "extra": 1}).encode(),
    canonical({**LINE, "seq": "1"}).encode(),
    canonical({**LINE, "by": "robot"}).encode(),
    canonical({**LINE, "sd": [1]}).encode(),
    canonical({**LINE, "ref": MAX_INT + 1}).encode(),
    canonical({**LINE, "data": {"x": 1.5}}).encode(),
    canonical({**LINE, "data": {"x": None}}).encode(),
    canonical({**LINE, "data": {"Big": 1}}).encode(),
    canonical({**LINE, "data": {"x": MAX_INT + 1}}).encode(),
    canonical({k: v for k, v in LINE.items() if k != "nonce"}).encode(),
    canonical(LINE).encode() + b" ",
    canonical(LINE).encode().replace(b'"seq":1', b'"seq":1,"seq":1'),
    canonical(LINE).encode().replace(b'"note"', b'"\\u006eote"'),
    canonical(LINE).encode().replace(b'"data":', b'"data" :').replace(b',"by"', b', "by"'),
])
def test_a_line_outside_the_format_is_refused(line: bytes) -> None:
    """Unknown version, unknown key, wrong type, number out of range, repeated key, space, needless escape."""
    with pytest.raises(ValueError):
        parse(line)


@pytest.mark.parametrize(("kind", "by", "data"), [
    ("made.up", "machine", {}), ("note", "robot", {}), ("note", "human", {"Bad-Key": 1}),
])
def test_what_irkit_itself_gets_wrong_is_refused(ledger: Ledger, kind: str, by: str, data: dict[str, Any]) -> None:
    """Unknown kinds, origins of content and keys are mistakes in irkit, not in a vendor's answer."""
    before = ledger.last()
    with pytest.raises(ValueError, match=r"note|made|Bad"):
        ledger.append(kind, data, by=by)
    assert ledger.last() == before
