"""What a thread records a little later: in order, in few commits, and before anything else of that thread."""

from __future__ import annotations

from collections.abc import Sequence

from irkit.ledger import Ledger
from irkit.ledger.append import Draft
from irkit.ledger.postpone import EVERY, MOST, Postponed


class Commits:
    """Notes how many drafts came together, on a clock that is set by hand."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.time = 0.0
        self.postponed = Postponed(self.take, lambda: self.time)

    def take(self, drafts: Sequence[Draft]) -> None:
        self.sizes.append(len(drafts))

    def hold(self, count: int) -> None:
        for _ in range(count):
            self.postponed.hold(Draft({}))


def test_an_entry_that_comes_alone_waits_for_no_other() -> None:
    """Where entries come further apart than the pause, each is committed at once."""
    commits = Commits()
    for _ in range(3):
        commits.hold(1)
        commits.time += 2 * EVERY
    assert commits.sizes == [1, 1, 1]


def test_entries_in_quick_succession_share_a_commit() -> None:
    """The first at once, then as many together as may wait, and the rest when everything is to be durable."""
    commits = Commits()
    commits.hold(1 + MOST + 5)
    assert commits.sizes == [1, MOST]
    commits.postponed.catch_up()
    assert commits.sizes == [1, MOST, 5]
    commits.postponed.catch_up()
    assert commits.sizes == [1, MOST, 5]


def test_entries_share_a_commit_for_a_moment_only() -> None:
    """One that comes after the pause takes those that wait along."""
    commits = Commits()
    commits.hold(4)
    commits.time += 2 * EVERY
    commits.hold(1)
    assert commits.sizes == [1, 4]


def test_what_a_thread_appends_comes_after_what_it_held_back(ledger: Ledger) -> None:
    """The order of a thread's entries is the order of its calls, whichever way each was appended."""
    for n in range(5):
        ledger.append_soon("request.answer", {"n": n})
    ledger.postponed.put_off(lambda: ledger.append_soon("request.answer", {"n": 5}))
    note = ledger.append("note", {"n": 6})
    found = [entry.data["n"] for entry in ledger.entries() if "n" in entry.data]
    assert found == list(range(7))
    assert ledger.last() == note.seq
