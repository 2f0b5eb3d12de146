"""The tree's roots, against RFC 6962 as it is written and against an implementation that nobody here wrote."""

from __future__ import annotations

import hashlib
import importlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from irkit.ledger.entry import leaf_hash
from irkit.ledger.tree import Tree

LINES = [f"line {n}".encode() for n in range(200)]


def recursive(lines: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, word for word."""
    if not lines:
        return hashlib.sha256(b"").digest()
    if len(lines) == 1:
        return hashlib.sha256(b"\0" + lines[0]).digest()
    k = 1
    while k * 2 < len(lines):
        k *= 2
    return hashlib.sha256(b"\1" + recursive(lines[:k]) + recursive(lines[k:])).digest()


def roots() -> list[bytes]:
    tree = Tree()
    found = [tree.root()]
    for line in LINES:
        tree.add(leaf_hash(line))
        found.append(tree.root())
    return found


def test_roots_are_those_of_the_rfc() -> None:
    """For every size from 0 to 200."""
    assert roots() == [recursive(LINES[:size]) for size in range(len(LINES) + 1)]


@given(st.lists(st.integers(0, 40), max_size=6))
def test_many_leaves_at_once_are_the_same_as_one_after_another(sizes: list[int]) -> None:
    """However many come at a time, none among them."""
    leaves = [leaf_hash(line) for line in LINES]
    one, many, at = Tree(), Tree(), 0
    for size in sizes:
        some = leaves[at:at + size]
        at += len(some)
        many.extend(some)
        for leaf in some:
            one.add(leaf)
        assert (many.size, many.root()) == (one.size, one.root())


def test_roots_are_those_of_pymerkle() -> None:
    """For every size from 0 to 200; the lines are handed over, so the leaves' hashes are compared as well."""
    pymerkle: Any = importlib.import_module("pymerkle")      # it has no types
    other = pymerkle.InmemoryTree(algorithm="sha256")
    theirs = [other.get_root()]
    for line in LINES:
        other.append_entry(line)
        theirs.append(other.get_root())
    assert roots() == theirs


def test_a_copy_goes_its_own_way() -> None:
    """What is added to a copy is not in the tree it was made from, nor the reverse."""
    tree = Tree()
    for line in LINES[:7]:
        tree.add(leaf_hash(line))
    copy = tree.copy()
    copy.add(leaf_hash(LINES[7]))
    assert (tree.size, tree.root()) == (7, recursive(LINES[:7]))
    tree.add(leaf_hash(b"other"))
    assert (copy.size, copy.root()) == (8, recursive(LINES[:8]))


def test_the_tree_is_kept_in_the_memory_of_its_logarithm() -> None:
    """A million entries are twenty hashes."""
    tree = Tree()
    for _ in range(100_000):
        tree.add(b"\0" * 32)
    assert len(tree._peaks) == (100_000).bit_count()
