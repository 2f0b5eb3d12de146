"""Who is proven to have written which entries, and between which moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger.assurance import MOST_RANGES, Anchor, Attribution, Windows, authorities_over

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(attribution: Attribution) -> list[tuple[int, int, int, bool]]:
    return [(r.first, r.last, r.session, r.attributed) for r in attribution.ranges]


def test_entries_are_attributed_under_a_note_of_their_session() -> None:
    """What came before the note, and nothing that comes behind it."""
    attribution = Attribution()
    for seq in range(1, 6):
        attribution.entries(seq, seq, 1)
    assert told(attribution) == [(1, 5, 1, False)]
    attribution.note(1)
    attribution.entries(6, 6, 1)
    assert told(attribution) == [(1, 5, 1, True), (6, 6, 1, False)]
    assert attribution.adopted() == [attribution.ranges[1]]
    attribution.note(1)
    assert told(attribution) == [(1, 6, 1, True)]


def test_a_note_of_another_session_attributes_nothing() -> None:
    """It shows that they existed, not who wrote them: a crashed session's tail stays adopted."""
    attribution = Attribution()
    for seq, session in ((1, 1), (2, 1), (3, 3), (4, 3)):
        attribution.entries(seq, seq, session)
    attribution.note(3)
    assert told(attribution) == [(1, 2, 1, False), (3, 4, 3, True)]
    assert [(r.first, r.last) for r in attribution.adopted()] == [(1, 2)]


def test_two_sessions_at_once_are_told_apart() -> None:
    """Each note takes up the entries of its own session alone, wherever they stand."""
    attribution = Attribution()
    for seq, session in enumerate([1, 1, 3, 1, 3, 3, 1], 1):
        attribution.entries(seq, seq, session)
    attribution.note(3)
    assert told(attribution) == [(1, 2, 1, False), (3, 3, 3, True), (4, 4, 1, False), (5, 6, 3, True), (7, 7, 1, False)]
    attribution.note(1)
    assert attribution.adopted() == []


EVENTS = st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 3])), max_size=80)


@given(EVENTS)
def test_ranges_say_what_each_entry_is(events: list[tuple[bool, int]]) -> None:
    """Against the definition: an entry is attributed when its own session has a later note; all are covered, once."""
    attribution, sessions = Attribution(), list[int]()
    proven: set[int] = set()
    for is_note, session in events:
        if is_note:
            attribution.note(session)
            proven |= {seq for seq, one in enumerate(sessions) if one == session}
        else:
            attribution.entries(len(sessions), len(sessions), session)
            sessions.append(session)
    spread = [(seq, r.session, r.attributed) for r in attribution.ranges for seq in range(r.first, r.last + 1)]
    assert spread == [(seq, session, seq in proven) for seq, session in enumerate(sessions)]


def test_ranges_are_bounded() -> None:
    """However often two sessions take turns."""
    attribution = Attribution()
    for seq in range(3 * MOST_RANGES):
        attribution.entries(seq, seq, seq % 2)
    assert len(attribution.ranges) == MOST_RANGES


# -- windows -----------------------------------------------------------------------------------------------------

def anchor(seq: int, size: int, time: float, accuracy: float = 1, authority: str = "http://a") -> Anchor:
    return Anchor(seq, size, at(time - accuracy), at(time + accuracy), authority)


def test_without_a_token_no_time_is_proven() -> None:
    """Neither bound of any entry."""
    assert Windows().of(0) == Windows().of(7) == (None, None)


def test_either_bound_may_be_missing() -> None:
    """Before the token's own entry nothing is a lower bound; from the note's size on nothing is an upper one."""
    windows = Windows([anchor(seq=6, size=5, time=100)])
    assert windows.of(0) == windows.of(4) == (None, at(101))
    assert windows.of(5) == (None, None)                   # the anchor itself is entry 6: entry 5 is neither
    assert windows.of(6) == windows.of(99) == (at(99), None)


def test_the_best_of_several_authorities_counts() -> None:
    """The latest lower bound and the earliest upper one, whichever authority gave it, and whatever its accuracy."""
    windows = Windows([anchor(6, 5, 100, 10), anchor(7, 5, 103, 1, "http://b"), anchor(20, 19, 200), anchor(21, 19, 195, 1, "http://b")])
    assert windows.of(4) == (None, at(104))
    assert windows.of(6) == (at(90), at(196))
    assert windows.of(7) == windows.of(18) == (at(102), at(196))
    assert windows.of(19) == (at(102), None)
    assert windows.of(20) == windows.of(21) == (at(199), None)


ANCHORS = st.lists(st.builds(anchor, st.integers(0, 30), st.integers(1, 30), st.integers(0, 99), st.integers(0, 9)), max_size=9)


@given(ANCHORS, st.integers(0, 31))
def test_windows_are_those_of_the_definition(anchors: list[Anchor], seq: int) -> None:
    """Lower: the latest of tokens anchored at or before the entry. Upper: the earliest over a note with a size above it."""
    lower = max((a.earliest for a in anchors if a.seq <= seq), default=None)
    upper = min((a.latest for a in anchors if a.size > seq), default=None)
    assert Windows(anchors).of(seq) == (lower, upper)


def test_authorities_are_counted_by_note() -> None:
    """Distinct ones, over notes that reach past an entry."""
    anchors = [anchor(6, 5, 0), anchor(7, 5, 0), anchor(8, 5, 0, 1, "http://b"), anchor(21, 20, 0, 1, "http://c")]
    assert authorities_over(anchors, 0) == {5: {"http://a", "http://b"}, 20: {"http://c"}}
    assert authorities_over(anchors, 5) == {20: {"http://c"}}
    assert authorities_over(anchors, 20) == {}
