"""A verification takes many rows at a time where it can: whatever somebody made of a ledger, it finds what row by row is found.

    python -m tests.forgery.test_ways 5000 [SEED]     # so many ledgers; the suite makes a few

No family of forgeries, but heaps of changes, senseless ones too, by a forger who holds every key or none.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from irkit.errors import IrkitError
from irkit.ledger.entry import ANSWER, KINDS, SENDING
from irkit.ledger.trust import Trust
from irkit.ledger.verify import verify
from tests.forgery.forger import Copy, One, take, value_of
from tests.forgery.ledgers import Honest, Loot, Shelf
from tests.ledger.authority import OPENSSL
from tests.ledger.ways import everything, row_by_row, short_stretches

OVER = ("collected", "interleaved", "sealed", "held", *(("stamped", "bag of stamped") if OPENSSL else ()), "bag of collected")
SAID: Sequence[dict[str, Any]] = (
    {"status": 429}, {"status": 200}, {"date": "2026-11-20T00:00:00Z", "ms": 3}, {"date": "x"}, {"approval": 3}, {"n": None},
    {"drill_at": "2026-11-20T00:00:00Z"}, {"n": 2**60})
TIMES = ("2020-01-01T00:00:00.000000Z", "2036-01-01T00:00:00Z", "2026-11-20T00:00:00", "x")


class Chance:
    """Makes changes, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def forged(self, honest: Honest) -> Copy:
        """A few changes; then all is numbered, chained and signed anew with every key, chained with none, or left as it is."""
        copy, pick = take(honest.path), self.chance.choice
        for _ in range(pick([1, 1, 2, 3])):
            at = self.chance.randrange(max(len(copy.entries), 1))
            pick(CHANGES)(self, copy, at, min(len(copy.entries), at + pick([1, 1, 1, 2, 5, 15])))
        keys = pick([honest.loot, honest.loot, Loot(), None])
        if keys is not None:
            with contextlib.suppress(KeyError, AttributeError, TypeError):       # it is too senseless to be signed
                copy.remake(keys)
        for one in self.chance.sample(copy.entries, pick([0, 0, min(1, len(copy.entries))])):
            one.line = pick([one.line.replace(b":", b": ", 1), one.line + b"\n", one.line.replace(b'"v":1', b'"v":1.0'),
                             one.line[:-1]])
        return copy

    def fields(self, copy: Copy, first: int, end: int) -> None:
        some = copy.entries[first:end]
        name = self.chance.choice(["session", "who", "log", "at", "kind", "run", "ref"])
        value = {"session": self.chance.choice([0, 1, 5, len(copy.entries), 10**6, -1]),
                 "who": self.chance.choice([*(one.fields.get("who", "") for one in copy), "x"]),
                 "log": "irkit/live/" + "0" * 32, "at": self.chance.choice(TIMES),
                 "kind": self.chance.choice([*sorted(KINDS), *[ANSWER] * 8, *[SENDING] * 3]),
                 "run": self.chance.choice(["r1", "r9"]), "ref": self.chance.choice([0, 3, len(copy.entries) - 2])}[name]
        for one in some:
            one.fields[name] = value

    def data(self, copy: Copy, first: int, end: int) -> None:
        said = self.chance.choice(SAID)
        for one in copy.entries[first:end]:
            one.data.update(said)

    def places(self, copy: Copy, first: int, end: int) -> None:
        some = copy.entries[first:end]
        twice: list[One] = [*some, *(replace(one, values=list(one.values), notes=[]) for one in some)]
        copy.entries[first:end] = self.chance.choice([list[One](), twice, self.chance.sample(some, len(some))])

    def notes(self, copy: Copy, first: int, end: int) -> None:
        by = self.chance.choice([None, -1, 1, 3])
        for one in copy.entries[first:end]:
            one.notes = [] if by is None else [(max(0, size + by), key_id, raw) for size, key_id, raw in one.notes]

    def values(self, copy: Copy, first: int, end: int) -> None:
        for one in (one for one in copy.entries[first:end] if one.values):
            digest, body = one.values[0]
            other = self.chance.choice([("", ""), ("A" * 43, "AAAA"), value_of("x.y", {"artefact": "0" * 64, "bytes": 3}),
                                        (digest, body[:-1]), (digest, body)])
            one.values = sorted(dict([*one.values[1:], *self.chance.choice([[], [other]])]).items())
            if self.chance.random() < 0.5:
                one.fields["sd"] = [digest for digest, _ in one.values]

    def rows(self, copy: Copy, first: int, end: int) -> None:
        for one in copy.entries[first:end]:
            one.leaf = self.chance.choice([None, b"y" * 32])


CHANGES: Sequence[Callable[[Chance, Copy, int, int], None]] = (
    Chance.fields, Chance.fields, Chance.fields, Chance.data, Chance.places, Chance.places, Chance.notes, Chance.values,
    Chance.rows)


def found(path: Path, trust: Trust) -> dict[str, str]:
    try:
        return everything(verify(path, trust))
    except IrkitError as error:
        return {"exit": str(error.exit_code), "what": error.what}


def differ(shelf: Shelf, folder: Path, seed: int) -> tuple[str, list[str]]:
    """The exit code, and what the two ways say otherwise of the ledger that this seed makes."""
    chance = Chance(seed)
    honest = shelf[chance.chance.choice(OVER)]
    trust = Trust(tsa_ca=chance.chance.choice([None, honest.given.get("tsa-ca")]))
    target = folder / "forged"
    copy = chance.forged(honest)
    try:
        try:
            copy.write(target)
        except (sqlite3.IntegrityError, ValueError):       # it is too senseless to be written
            return "none", []
        with row_by_row():
            slowly = found(target, trust)
        with short_stretches():
            quickly = found(target, trust)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return slowly["exit"], [f"{name}: {slowly.get(name)}\n      {quickly.get(name)}" for name in slowly.keys() | quickly.keys()
                            if slowly.get(name) != quickly.get(name)]


@pytest.mark.parametrize("seed", range(5))
def test_both_ways_find_the_same(seed: int, shelf: Shelf, tmp_path: Path) -> None:
    """The same findings in the same order, counts and ranges, of ledgers that are sound still and of ledgers that are not."""
    codes: Counter[str] = Counter()
    for each in range(seed * 1000, seed * 1000 + 30):
        code, differences = differ(shelf, tmp_path, each)
        codes[code] += 1
        assert not differences, f"seed {each}"
    assert codes.keys() >= {"0", "5"}


def main(count: int, seed: int) -> int:
    codes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        with contextlib.closing(shelf):
            for each in range(seed, seed + count):
                code, differences = differ(shelf, Path(folder), each)
                codes[code] += 1
                if differences:
                    print(f"seed {each}:", *differences, sep="\n  ")
                    return 1
    print(f"{count:,} ledgers, found the same both ways:", ", ".join(f"{n:,} exit {code}" for code, n in sorted(codes.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)))
