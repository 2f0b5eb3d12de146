"""Values that can be withheld, and how anything at all is made to fit."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from irkit.errors import LedgerError
from irkit.ledger import Ledger
from irkit.ledger.disclose import Disclosed, base64url, clashing, disclose, nested, read
from irkit.ledger.fit import fit

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text(st.characters()) | st.dates(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner),
    max_leaves=20)


def no_artefact(raw: bytes) -> str:
    raise AssertionError(f"{len(raw)} bytes were to become an artefact")


@given(ANYTHING)
def test_no_value_breaks_the_writer(value: object) -> None:
    """Any value becomes a disclosure in JCS form that reads back as what the entry shows."""
    (made,) = disclose({"response.body": value}, lambda raw: hashlib.sha256(raw).hexdigest())
    assert read(made.body) == ("response.body", made.value)
    text = base64.urlsafe_b64decode(made.body + "==")
    assert text == rfc8785.dumps(json.loads(text))


class Hostile:
    """An object that will not be looked at."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(("value", "stands"), [
    ("text", "text"),
    ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
    (b"caf\xc3\xa9", "caf\u00e9"),
    (b"\xff\xfe", {"base64": "//4="}),
    ("\ud800", {"base64": "7aCA"}),
    (2**53 - 1, 2**53 - 1),
    (2**60, "1152921504606846976"),
    (-2**60, "-1152921504606846976"),
    (1.5, "1.5"),
    (float("nan"), "NaN"),
    ((1, True, None), [1, True, None]),
    ({"x-request-id": "7", "Set-Cookie": ["a", "b"]}, {"x-request-id": "7", "Set-Cookie": ["a", "b"]}),
    ({"k\u00e9y": 1}, '{"k\\u00e9y": 1}'),
    (MappingProxyType({1: "a"}), '{"1": "a"}'),
    ({"artefact": "0" * 64, "bytes": 3}, f'{{"artefact": "{"0" * 64}", "bytes": 3}}'),
    ({"base64": "//4="}, '{"base64": "//4="}'),
    (Hostile(), "<a Hostile that cannot be written>"),
])
def test_how_a_value_stands(value: object, stands: object) -> None:
    """As received where it can be, marked or as text where not; a vendor cannot imitate a mark."""
    assert fit(value) == stands


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_too_long_to_print_stands_in_hex(sign: int) -> None:
    """Python refuses to write it in decimal; the writer goes on."""
    assert int(fit(sign * 10**5000), 16) == sign * 10**5000


def test_deep_nesting_becomes_text() -> None:
    """A value nested beyond the profile stands as JSON text at the depth where it would leave it; a loop as well."""
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    loop: list[Any] = []
    loop.append(loop)
    for value in (deep, loop):
        (made,) = disclose({"result": value}, no_artefact)
        assert read(made.body) == ("result", made.value)


def test_disclosures_are_those_of_rfc_9901(ledger: Ledger) -> None:
    """The store holds base64url of [salt, name, value]; the line holds base64url of its SHA-256, sorted."""
    entry = ledger.append("note", disclose={"text": "x", "observed_at": "now", "reason": "y"})
    store = sqlite3.connect(ledger.folder / "ledger.db")
    stored = dict(store.execute("SELECT digest, body FROM disclosures WHERE seq = ?", (entry.seq,)).fetchall())
    store.close()
    hashes = [hashlib.sha256(body.encode()).digest() for body in stored.values()]
    digests = [base64.urlsafe_b64encode(found).decode().rstrip("=") for found in hashes]
    assert tuple(sorted(digests)) == entry.sd == tuple(sorted(stored))
    parts = [json.loads(base64.urlsafe_b64decode(body + "==")) for body in stored.values()]
    assert {name: value for _, name, value in parts} == entry.disclosed
    assert {len(base64.urlsafe_b64decode(salt + "==")) for salt, _, _ in parts} == {16}


def test_equal_values_have_unequal_digests(ledger: Ledger) -> None:
    """Salts are never reused, so equal values cannot be told from each other's digests."""
    seen = [ledger.append("note", disclose={"text": "same"}).sd[0] for _ in range(20)]
    assert len(set(seen)) == 20


def test_nothing_disclosed_stands_in_the_line(ledger: Ledger) -> None:
    """A withheld value leaves no trace but its digest."""
    entry = ledger.append("note", disclose={"text": "dana@acme.com", "artefact.sha256": "ab" * 32})
    assert b"dana" not in entry.line
    assert b"abab" not in entry.line


def test_a_large_body_becomes_an_artefact(ledger: Ledger) -> None:
    """200 KB stand as a mark; the bytes are kept as received."""
    body = b"\xff" + b"A" * 200_000
    entry = ledger.append("request.answer", disclose={"response.body": body, "result": {"rows": ["x" * 70_000], "id": 2**60}})
    mark = entry.disclosed["response.body"]
    assert mark == {"artefact": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
    with ledger.open_artefact(mark["artefact"]) as file:
        assert file.read() == body
    with ledger.open_artefact(entry.disclosed["result"]["artefact"]) as file:
        assert json.load(file) == {"rows": ["x" * 70_000], "id": str(2**60)}
    assert list(ledger.entries())[-1] == entry


@pytest.mark.parametrize("names", [("Bad",), ("a..b",), ("request.url", "request"), ("a", "a.b.c")])
def test_names_are_dotted_leaves(ledger: Ledger, names: tuple[str, ...]) -> None:
    """A name that is malformed, or the stem of another, could not be nested in an export."""
    assert clashing(names)
    with pytest.raises(ValueError, match="disclosure"):
        ledger.append("note", disclose=dict.fromkeys(names, 1))


def test_dotted_names_nest() -> None:
    """request.url stands under request."""
    flat = {"request.url": "u", "request.method": "GET", "text": "t"}
    assert nested(flat) == {"request": {"url": "u", "method": "GET"}, "text": "t"}


def body_of(name: str, value: object) -> str:
    """A disclosure as the ledger would write it."""
    return disclose({name: value}, lambda raw: "0" * 64)[0].body


def test_values_are_decoded_when_the_first_is_read() -> None:
    """Opening a long incident checks digests; what nobody reads is never parsed."""
    values = Disclosed([body_of("text", "hello"), body_of("reason", "none")], 5)
    assert dict(values) == {"text": "hello", "reason": "none"}


@pytest.mark.parametrize("bodies", [["!"], [base64url(b'["too short"]')], [body_of("text", "a"), body_of("text", "b")]],
                         ids=["no base64url", "no disclosure", "one name twice"])
def test_a_value_that_was_not_written_as_one_is_refused_when_read(bodies: list[str]) -> None:
    """Its digest may agree: a writer that lies about the format is named with the entry."""
    with pytest.raises(LedgerError) as refused:
        dict(Disclosed(bodies, 5))
    assert refused.value.where == "entry 5"


@pytest.mark.parametrize("name", ["response.body", "result"])
def test_a_mark_for_an_artefact_is_seen_without_decoding(name: str) -> None:
    """A value too large for a line names its artefact, whose presence is checked before anything is appended."""
    assert Disclosed([body_of("a", 1), body_of(name, "x" * 70_000)], 5).may_name_artefacts()
