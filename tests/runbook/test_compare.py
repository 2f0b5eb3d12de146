"""What changed between two versions of a runbook, in plain words."""

from __future__ import annotations

import pytest

from irkit.runbook import load_bytes
from irkit.runbook.compare import Change, compare, longest_rise
from tests.runbook.support import AGENT, HEAD, TELL_LEGAL, book, find_action

KEEP = """
- {id: keep, phase: preserve, title: Keep the sessions, why: They go., action: demo.collect_sessions,
   with: {user_id: "{{ steps.agent.id }}"}}
"""
END = """
- {id: end, phase: contain, owner: lead, title: End the sessions, why: They outlive it., action: demo.end_sessions,
   with: {user_id: "{{ steps.agent.id }}"}, approve: {role: legal, expires: 30m}, target: 15m, after: {step: keep, wait: 1m},
   when: steps.agent.tickets > 3}
"""
CLOCK = HEAD + "clocks: [{id: gdpr_33, title: Notice, start: '{{ inputs.since }}', within: 72h, stops: tell_legal}]\n"


def changes(old: bytes, new: bytes) -> list[Change]:
    return compare(load_bytes(old, "old.yaml"), load_bytes(new, "new.yaml"), find_action)


def edited(before: str, after: str) -> list[tuple[str, str, str, bool]]:
    """(kind, what, text, weaker) of each change when `before` is `after` in a runbook of five steps."""
    whole = book(AGENT, KEEP, END, TELL_LEGAL, head=CLOCK)
    assert whole.count(before.encode()) == 1
    found = changes(whole, whole.replace(before.encode(), after.encode()))
    return [(one.kind, one.what, one.text, one.weaker) for one in found]


@pytest.mark.parametrize(("before", "after", "wanted"), [
    ("version: 1", "version: 2", ("version", "the runbook", "version 1 is now 2", False)),
    ("version: 1", "version: 2\nowner: Security", ("owner", "the runbook", "`owner` is new", False)),
    ("title: End the sessions", "title: End all sessions", ("title", "step end", "`title` is reworded", False)),
    ("why: They go.", "why: They vanish.", ("why", "step keep", "`why` is reworded", False)),
    ("Call them.", "Ring them.", ("do", "step tell_legal", "`do` is reworded", False)),
    ("owner: lead, ", "owner: legal, ", ("owner", "step end", "`owner` changed", False)),
    ("phase: preserve", "phase: investigate", ("phase", "step keep", "`phase` changed", False)),
    ("tickets > 3", "tickets > 5", ("when", "step end", "`when` is reworded", False)),
    ("target: 15m", "target: 30m", ("target", "step end", "`target` is now 30m, it was 15m", True)),
    ("target: 15m", "target: 5m", ("target", "step end", "`target` is now 5m, it was 15m", False)),
    (", target: 15m", "", ("target", "step end", "`target` is gone, it was 15m", True)),
    (", approve: {role: legal, expires: 30m}", "", ("approve", "step end", "nobody has to agree any more", True)),
    ("expires: 30m", "expires: 2h",
     ("approve", "step end", "a second person agrees: legal, within 2h, before it was legal, within 30m", True)),
    ("within: 72h", "within: 96h", ("within", "clock gdpr_33", "`within` is now 4d, it was 72h", True)),
    ("stops: tell_legal", "stops: end", ("stops", "clock gdpr_33", "`stops` changed", False)),
    ("evidence: required", "evidence: none", ("evidence", "step tell_legal", "evidence is no longer required", True)),
    ("wait: 1m", "wait: 5m", ("after", "step end", "`after` is reworded", False)),
    ("demo.end_sessions", "demo.suspend",
     ("effect", "step end", "demo.end_sessions is now demo.suspend; its effect is now reversible, it was irreversible", False)),
    ("ask: Who}", "ask: Whose}", ("ask", "input who", "`ask` changed", False)),
    ("lead: Incident lead, ", "lead: Incident lead, press: Press, ", ("added", "role press", "role press is new", False)),
])
def test_a_change_in_plain_words(before: str, after: str, wanted: tuple[str, str, str, bool]) -> None:
    """What it is about, what was done to it, and whether it takes a safeguard away."""
    assert wanted in edited(before, after)


def test_an_action_that_cannot_be_undone_is_said_so() -> None:
    """Where there was one that could."""
    old = book(AGENT, KEEP, END.replace("end_sessions", "suspend"))
    (one,) = changes(old, book(AGENT, KEEP, END))
    assert one.text == ("demo.suspend is now demo.end_sessions; its effect is now irreversible, it was reversible; "
                        "it cannot be undone")
    assert one.weaker


def test_steps_that_came_went_and_moved() -> None:
    """A step that preserves is missed; of two that changed places one moved."""
    found = changes(book(AGENT, KEEP, END), book(AGENT, END.replace(", after: {step: keep, wait: 1m}", ""), TELL_LEGAL))
    assert [(one.kind, one.text) for one in found] == [
        ("removed", 'step 2 "Keep the sessions" is gone, and with it what it preserved'), ("after", "`after` is gone"),
        ("added", 'step 3 "Tell legal" is new: a step by hand')]
    swapped = changes(book(AGENT, KEEP, TELL_LEGAL), book(AGENT, TELL_LEGAL, KEEP))
    assert [(one.kind, one.what) for one in swapped] in ([("moved", "step keep")], [("moved", "step tell_legal")])


def test_a_step_that_was_renamed_is_neither_new_nor_gone() -> None:
    """By its title, or by what it does."""
    (one,) = changes(book(AGENT, KEEP), book(AGENT, KEEP.replace("id: keep", "id: keep_list")))
    assert (one.kind, one.text) == ("renamed", "step 2 was called keep")


def test_spacing_order_of_keys_and_comments_are_no_change() -> None:
    """The same runbook, written another way."""
    old = book(AGENT, KEEP)
    new = old.replace(b"title: Keep the sessions, why: They go.,", b"why:   They go., title: Keep the sessions,") + b"# done\n"
    assert old != new
    assert changes(old, new) == []


def test_an_action_that_is_no_more_does_not_stop_the_comparison() -> None:
    """An old copy may name what this irkit does not have."""
    (one,) = changes(book(AGENT, KEEP.replace("collect_sessions", "collect_them")), book(AGENT, KEEP))
    assert (one.kind, one.text) == ("effect", "demo.collect_them is now demo.collect_sessions")


@pytest.mark.parametrize(("numbers", "length"), [
    ([], 0), ([1], 1), ([1, 2, 3], 3), ([3, 1, 2], 2), ([4, 1, 5, 2, 3], 3), ([3, 2, 1], 1)])
def test_the_steps_that_nobody_moved(numbers: list[int], length: int) -> None:
    """A longest rise: as few as can be have moved."""
    found = longest_rise(numbers)
    assert len(found) == length
    assert [n for n in numbers if n in found] == sorted(found)
