"""What is vouched for is what the long way finds nothing wrong with, whatever somebody put into a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger import spread
from irkit.ledger.check import Checker
from irkit.ledger.database import Row, together
from irkit.ledger.disclose import base64url, digest_of, disclose, fit_together, is_mark, read, read_all
from irkit.ledger.entry import MAX_DEPTH, canonical, leaf_hash
from irkit.ledger.vouch import Bare, Stretch, vouch

SALT = "0123456789012345678901"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)
NAMES = st.sampled_from(["a", "b", "a.b", "request.url", "text"])


def body(salt: object, name: object, value: object) -> str:
    return base64url(canonical([salt, name, value]).encode("utf-8", "replace"))


GOOD = st.builds(body, st.just(SALT), NAMES, st.integers(-9, 9) | TEXTS | st.lists(TEXTS, max_size=2))
MARKS = st.builds(lambda artefact, size: body(SALT, "a", {"artefact": artefact, "bytes": size}),
                  st.sampled_from(["0" * 64, 7, ["x"], ""]), st.integers(0, 9))
SPELLED = [f'["{SALT}","a",1] ', f'["{SALT}","a",1]\n', f'["{SALT}","a",1]\n["{SALT}","b",1]', f'["{SALT}","a","\0"]',
           f'["{SALT}","a",1]\0', f'\0["{SALT}","a",1]', f'["{SALT}\\u0000","a",1]', f'["{SALT[1:]}\0","a",1]', "", "\n", "\0",
           "[]",
           f'["{SALT}","a",{{"b":1,"a":2}}]', f'["{SALT}","a",{{"a":1,"a":1}}]', f'["{SALT}","a",1.0]', f'["{SALT}","a",1e2]',
           f'["{SALT}","a",{"[" * 40}{"]" * 40}]', f'["{SALT}","a",{"[" * 30}{"]" * 30}]', f'["{SALT}","a",1,2]',
           f'["{SALT}","a",\n1]', f'["{SALT[1:]}é","a",1]', f'["{SALT}","a","\ud800"]', f'["{SALT}",1,1]', f'{{"{SALT}":1}}']
ODD = st.sampled_from([base64url(text.encode("utf-8", "surrogatepass")) for text in SPELLED]) \
    | st.builds(body, st.just(SALT) | TEXTS, st.one_of(NAMES, TEXTS), VALUES) | st.binary(max_size=40).map(base64url) \
    | st.text(LETTERS + "=+/\\\" \n\0é")
BODIES = st.lists(st.one_of(GOOD, GOOD, MARKS, ODD), max_size=4)


@st.composite
def hurt(draw: st.DrawFn) -> list[str]:
    """Values, of one of which perhaps one letter is replaced, put in, or taken away."""
    bodies, hurts = draw(st.tuples(BODIES, st.booleans()))
    if bodies and hurts:
        which = draw(st.integers(0, len(bodies) - 1))
        one = bodies[which]
        at = draw(st.just(max(0, len(one) - 1)) | st.integers(0, len(one)))
        new = draw(st.sampled_from(["", "=", "==", "\\", '"', "\n", "+", "/", *LETTERS]))
        bodies[which] = one[:at] + new + one[at + draw(st.integers(0, 1)):]
    return bodies


def one_by_one(bodies: Sequence[str]) -> dict[str, Any]:
    values = dict(read(one) for one in bodies)
    if len(values) != len(bodies):
        raise ValueError("two of one name")
    return values


@given(hurt())
def test_values_read_at_once_are_those_read_one_by_one(bodies: list[str]) -> None:
    """The same ones, or both refuse: other alphabets, padding, zero bytes, line feeds, unused bits, spaces, what is no text."""
    try:
        alone = one_by_one(bodies)
    except ValueError:
        with pytest.raises(ValueError):
            read_all(bodies)
    else:
        assert list(read_all(bodies).items()) == list(alone.items())


@pytest.mark.parametrize("length", range(4))
def test_no_value_makes_up_for_another(length: int) -> None:
    """A zero byte in one text, which is left out, and unused bits in another, which are put in, are both seen."""
    longer = body(SALT, "a", "x" * length)
    zero = base64url(f'["{SALT}","b",1]\0'.encode())
    for bits in range(1, 64):
        spelled = longer[:-1] + LETTERS[LETTERS.index(longer[-1]) ^ bits]
        for bodies in ([spelled, zero], [zero, spelled], [spelled, zero, body(SALT, "c", 1)]):
            with pytest.raises(ValueError):
                read_all(bodies)


def coded(text: str) -> str:
    return base64url(text.encode())


LETTERED = body(SALT, "a", "???>>>")           # has letters of base64url that standard base64 has not


@pytest.mark.parametrize("bodies", [
    [coded(f'["{SALT}","a",1]\0')], [coded(f'["{SALT}","a\0",1]')], [coded(f'\0["{SALT}","a",1]'), body(SALT, "b", 1)],
    [coded(f'["{SALT}","a",1]\n["{SALT}","b",1]')], [coded(f'["{SALT}","a",1]\n["{SALT}","b",1]'), body(SALT, "a", 1)],
    [coded(f'["{SALT}","a",1]\n')], [coded(f'["{SALT}","a",1]\n["{SALT}","b",1]'), ""],
    [LETTERED.translate(str.maketrans("-_", "+/"))], [f"{LETTERED[:-1]}\\u00{ord(LETTERED[-1]):x}"],
    [LETTERED[:-4] + "".join([f"\\u00{ord(one):x}" for one in LETTERED[-4:]])], [LETTERED + "="],
    [LETTERED + "A"], [LETTERED + "AAAA"], [LETTERED[:8] + "=" + LETTERED[8:]], [" " + LETTERED], [LETTERED, ""], ["A", "AAA"],
])
def test_what_would_be_well_together_is_refused_by_itself(bodies: list[str]) -> None:
    """Zero bytes, lines that make up for others, standard base64, escapes, padding, letters too many."""
    assert read_all([LETTERED]) == {"a": "???>>>"}
    assert set("-_") <= set(LETTERED)
    with pytest.raises(ValueError):
        one_by_one(bodies)
    with pytest.raises(ValueError):
        read_all(bodies)


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_how_deep_a_value_is_counts_by_itself(depth: int) -> None:
    """Many brackets beside one another are not deep."""
    flat = body(SALT, "flat", [[]] * 100)
    deep = base64url(f'["{SALT}","deep",{"[" * depth}{"]" * depth}]'.encode())
    if depth < MAX_DEPTH:
        assert read_all([flat, deep]).keys() == {"flat", "deep"}
    else:
        with pytest.raises(ValueError, match="deep"):
            read_all([flat, deep])


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A row with values of all sorts whose digests agree, as a forger can make it; then perhaps something else in its place."""
    bodies = draw(BODIES)
    told = sorted({digest_of(one): one for one in bodies if one.isascii()}.items())
    told = draw(st.sampled_from([told, told, told[::-1], told * 2]))
    data = draw(st.sampled_from([{}, {"n": 1}, {"n": [{"m": 2}]}, {"n": None}, {"n": 2**53}, {"n": -2**53}, {"n": 0.5},
                                 {"N": 1}, {"n": [{"m": None}]}, {"n": "x" * 70_000}]))
    together_in_one = {"sd": [" ".join(digest for digest, _ in told)]}
    odd: dict[str, Any] = draw(st.sampled_from([{}, {}, {}, {"by": "robot"}, {"v": 2}, {"more": 1}, {"item": 2**53},
                                                together_in_one]))
    line: Any = canonical({"at": "2026-11-20T17:36:09.123456Z", "by": "human", "data": data, "kind": "note",
                           "log": "irkit/drill/x", "mono_ns": "1", "nonce": SALT, "prev": "0" * 64,
                           "sd": [digest for digest, _ in told], "seq": 7, "session": 1, "v": 1, "who": "x", **odd}).encode()
    leaf: Any = leaf_hash(line)
    values: list[Any] = [(7, *one) for one in told]
    if draw(st.booleans()):
        what = draw(st.integers(0, 9))
        at = draw(st.integers(0, len(line) - 1))
        flipped = line[:at] + bytes([line[at] ^ draw(st.sampled_from([1, 2, 32, 128]))]) + line[at + 1:]
        line = {1: flipped, 2: line[:at], 3: line.decode(), 4: line.replace(b":", b": ", 1), 5: None,
                8: line + b"\n" + line, 9: line + b"\n"}.get(what, line)
        leaf = draw(st.sampled_from([leaf, leaf_hash(line) if type(line) is bytes else leaf]))
        leaf = {6: None, 7: leaf.hex()}.get(what, leaf)
        if values:
            other = draw(st.sampled_from([None, 1, 1.5, b"x", "x", "é"]))
            which = draw(st.integers(0, len(values) - 1))
            values[which:which + draw(st.integers(0, 1))] = draw(st.sampled_from(
                [[values[which]], [values[which]] * 2, [], [(7, values[which][1], other)], [(7, other, values[which][2])]]))
            values = values[::draw(st.sampled_from([1, 1, -1]))]
    return Row(7, line, leaf, together(values))


def bare(row: Row) -> Bare:
    """As it is judged; of a row that holds what it should not, what stands in its place."""
    return (row.seq, row.line, row.leaf, row.values) if type(row.values) is tuple else spread._UNREAD


def vouched(*every: Row) -> bytes:
    return vouch([[bare(row) for row in every]])[0]


@given(rows())
def test_what_is_vouched_for_is_what_nothing_is_wrong_with(row: Row) -> None:
    """Both agree on every row; and what is then taken as read is what the long way reads, counted the same."""
    found: list[object] = []
    checker = Checker(found.append, lambda *_: ("", ""), strict=True)
    leaf = leaf_hash(row.line) if type(row.line) is bytes else b""
    read = checker.read(row, leaf)
    fine = read is not None and not found and not checker._absent and not any(is_mark(value) for value in read[1].values())
    assert vouched(row) == bytes([fine])
    if fine and read is not None:
        again = Checker(found.append, lambda *_: ("", ""), strict=True)
        fields, disclosed = again._known(row)
        assert (fields, dict(disclosed), again.disclosures) == (read[0], dict(read[1]), checker.disclosures)


@given(st.lists(st.binary(max_size=9).map(base64url), max_size=5), st.data())
def test_digests_are_compared_letter_by_letter(bodies: list[str], data: st.DataObject) -> None:
    """With a space between two, and none in place of a letter: they are compared with text that has an A between two."""
    told, raw = " ".join(map(digest_of, bodies)).encode(), [one.encode() for one in bodies]
    assert fit_together(told, raw)
    assert not fit_together(told + b" ", raw)
    assert not fit_together(told.replace(b" ", b"A", 1), raw) or b" " not in told
    assert not fit_together(told.replace(b"A", b" ", 1), raw) or b"A" not in told
    at = data.draw(st.integers(0, len(told)))
    assert not fit_together(told[:at] + data.draw(st.sampled_from([b" ", b"A", b"_"])) + told[at:], raw)


@given(st.lists(rows(), max_size=5), st.integers(1, 5))
def test_many_rows_are_judged_as_each_of_them_is(every: list[Row], parts: int) -> None:
    """However many there are at once, and whatever stands beside a row."""
    several = [bare(row) for row in every * 5]
    cut = -(-len(several) // parts) or 1
    found, _ = vouch([several[at:at + cut] for at in range(0, len(several), cut)])
    assert found == b"".join([vouched(row) for row in every]) * 5


def row_of(bodies: Sequence[str]) -> Row:
    """A row with these values, in this order."""
    asked = [digest_of(one) for one in bodies]
    line = canonical({"at": "x", "by": "human", "kind": "note", "log": "x", "mono_ns": "1", "nonce": "x", "prev": "x",
                      "sd": asked, "seq": 1, "v": 1}).encode()
    return Row(1, line, leaf_hash(line), together([(1, *one) for one in zip(asked, bodies, strict=True)]))


def test_a_line_lists_its_values_in_order_and_once() -> None:
    """All of them agree with their digests, and the line with its hash."""
    low, high = sorted((body(SALT, "a", 1), body(SALT, "b", 2)), key=digest_of)
    for bodies, fine in (([low, high], True), ([high, low], False), ([low, low], False)):
        found: list[object] = []
        row = row_of(bodies)
        Checker(found.append, lambda *_: ("", ""), strict=True).read(row, row.leaf)
        assert (vouched(row), not found) == (bytes([fine]), fine)


def test_an_artefact_is_looked_for_here() -> None:
    """A helper looks into no folder, so it vouches for nothing that an artefact belongs to."""
    values = [disclose({"text": text}, lambda _: "0" * 64)[0] for text in ("x" * 70_000, "x")]
    assert [is_mark(one.value) for one in values] == [True, False]
    assert vouched(*[row_of([one.body]) for one in values]) == b"\0\1"


# -- stretches -----------------------------------------------------------------------------------------------------

def answers(count: int = 12, change: Mapping[int, Mapping[str, Any]] = MappingProxyType({})) -> list[Row]:
    """Rows of answers that follow one another, of which some say something else than the others."""
    made, prev = [], "0" * 64
    for n in range(count):
        fields = {"at": f"2026-11-20T17:36:{n:02}.500000Z", "by": "machine", "kind": "request.answer", "log": "irkit/live/x",
                  "data": {"date": f"2026-11-20T17:36:{n:02}Z", "ms": 41, "status": 200}, "mono_ns": "1", "nonce": SALT,
                  "prev": prev, "seq": 7 + n, "session": 1, "v": 1, "who": "unsigned:x", **change.get(n, {})}
        line = canonical({name: value for name, value in fields.items() if value is not None}).encode()
        made.append(Row(7 + n, line, leaf_hash(line), together([])))
        prev = leaf_hash(line).hex()
    return made


def reaches(rows: Sequence[Row]) -> list[range]:
    vouched, stretches = vouch([[bare(row) for row in rows]])
    assert all(vouched)
    return [range(one.at, one.at + one.rows) for one in stretches]


def test_answers_that_follow_one_another_are_a_stretch() -> None:
    """It says whose they are, where they stand, between which times they were written, and how far the clock can be off."""
    (one,) = vouch([[bare(row) for row in answers()]])[1]
    assert one == Stretch(0, 12, 7, "0" * 64, "irkit/live/x", 1, "unsigned:x", 0, "2026-11-20T17:36:00.500000Z",
                          "2026-11-20T17:36:11.500000Z", (7, 18, -541_000, 500_000))


def test_a_stretch_ends_where_something_else_comes() -> None:
    """A part ends with what comes between the rows; few rows are none."""
    rows = [bare(row) for row in answers(30)]
    for parts, expected in (([rows[:10], rows[10:]], [(0, 10), (10, 20)]), ([rows[:3], rows[3:]], [(3, 27)]),
                            ([rows[:7]], [])):
        assert [(one.at, one.rows) for one in vouch(parts)[1]] == expected


@pytest.mark.parametrize("said", [
    {"kind": "note"}, {"session": 2}, {"session": None}, {"who": "unsigned:y"}, {"who": None}, {"log": "irkit/live/y"},
    {"prev": "1" * 64}, {"seq": 99}, {"data": {"status": 429}}, {"who": "x" * 500}])
def test_an_answer_unlike_the_others_is_in_no_stretch_with_them(said: dict[str, Any]) -> None:
    """Kind, session, person, ledger, chain, number, a refused rate; and what is too long to be told."""
    found = reaches(answers(40, {20: said}))
    assert {n for one in found for n in one} >= {*range(20), *range(21, 40)}
    assert not any({19, 20} <= set(one) for one in found)


def test_a_gap_ends_a_stretch() -> None:
    """Though what comes behind it follows from what comes before it."""
    rows = answers(20)
    after = [row._replace(seq=row.seq + 1) for row in answers(20, {n: {"seq": 8 + n} for n in range(10, 20)})[10:]]
    assert reaches(rows[:10] + after) == [range(10), range(10, 20)]


@pytest.mark.parametrize("at", ["2026-11-20T17:36:09", "tomorrow", "", "2026-11-20"])
def test_answers_of_no_moment_are_in_no_stretch(at: str) -> None:
    """One of them, or all: what cannot be compared with a token is looked at by itself."""
    assert reaches(answers(12, {5: {"at": at}})) == []
    assert reaches(answers(12, {n: {"at": at} for n in range(12)})) == []


def test_dates_that_contradict_each_other_are_looked_at_by_themselves() -> None:
    """The clock moved in the midst of them. Where there is no Date, or it is a drill's, nothing contradicts."""
    moved = {"data": {"date": "2026-11-20T18:36:05Z", "ms": 41, "status": 200}}
    assert reaches(answers(12, {5: moved})) == []
    drill = {"data": {**moved["data"], "drill_at": "2026-11-20T18:36:05Z"}}
    assert reaches(answers(12, {5: drill, 6: {"data": {}}})) == [range(12)]
