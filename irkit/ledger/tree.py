"""The Merkle tree over an incident's lines, as RFC 6962 section 2.1 defines it, in memory of the logarithm of its size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_sha256 = hashlib.sha256


class Tree:
    """Takes leaves in order; its root is known after each one."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []          # roots of the complete subtrees, biggest first

    def add(self, leaf: bytes) -> None:
        """Append a leaf hash (32 bytes, see `entry.leaf_hash`)."""
        self.size += 1
        pairs = self.size
        while pairs % 2 == 0:
            leaf = _sha256(b"\1" + self._peaks.pop() + leaf).digest()
            pairs //= 2
        self._peaks.append(leaf)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes: those of a pair at once, then of a pair of pairs, and so on."""
        level, nodes, single = self.size, list(leaves), []
        self.size += len(nodes)
        while nodes:
            if level % 2:                      # the last peak has as many leaves as a node
                nodes.insert(0, self._peaks.pop())
            if len(nodes) % 2:
                single.append(nodes.pop())
            pairs = iter(nodes)
            nodes = [_sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            level //= 2
        self._peaks += reversed(single)

    def root(self) -> bytes:
        """32 bytes; of an empty tree the hash of nothing."""
        if not self._peaks:
            return _sha256(b"").digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = _sha256(b"\1" + peak + root).digest()
        return root

    def copy(self) -> Tree:
        other = Tree()
        other.size, other._peaks = self.size, self._peaks.copy()
        return other
