"""Any single byte of an exported ledger, changed, is found: the whole verifier is asked anew after each change.

    python -m tests.forgery.test_flips [COUNT]  # every byte of the bag, or so many, by irkit; a tenth of a choice by verify.py

The bag is a small one, in memory, and irkit's verifier is let go at its first finding that fails: the exit code is 5 from there
on. In the suite the positions are a seeded choice over all files; `.ci/run` takes more. What a
forger who makes the manifests good changes is the matter of `test_forgeries`; here the bag is as it was exported.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from irkit.ledger import Finding
from irkit.ledger.finding import FAILS
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import Report
from tests.forgery.judges import by_irkit, by_verify_py
from tests.forgery.ledgers import exported, new

POSITIONS = 2_000
BY_VERIFY_PY = 25
LEAST = 20                     # of each file
SEED = 20261120


def small_bag(folder: Path) -> Path:
    """A bag with a value, an artefact, a custody signature, a withheld value and a withheld entry."""
    maria = Throwaway()
    with new(folder / "i", "live") as ledger:
        ledger.start_session("Maria", signer=maria)
        ledger.append("decision", {"choice": "x"})
        ledger.append("note", None, {"text": "x" * 8}, by="human")
        ledger.keep("a", b"abc")
        ledger.append_signed("custody.offered", maria, None, {"custody.to": "Ada"})
        ledger.end_session()
    exported(folder / "i", folder / "bag", b"basis: b\nby: c\nwithhold:\n  - kinds: [decision]\n    whole: true\n"
             b"  - names: [custody.to]\n", Throwaway())
    return folder / "bag"


@pytest.fixture(scope="module")
def bag() -> Iterator[Path]:
    """In memory where the system has such a folder."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield small_bag(Path(folder))


def files(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file())


def chosen(bag: Path, count: int) -> list[tuple[Path, int]]:
    """That many positions at most, spread over every file."""
    rng = random.Random(SEED)
    sizes = {path: path.stat().st_size for path in files(bag)}
    least = min(LEAST, count // len(sizes))
    picked = {(path, at) for path, size in sizes.items() for at in rng.sample(range(size), min(size, least))}
    rest = [(path, at) for path, size in sizes.items() for at in range(size) if (path, at) not in picked]
    return sorted(picked | set(rng.sample(rest, max(0, min(len(rest), count - len(picked))))))


def missed(positions: Iterable[tuple[Path, int]], ask: Callable[[Path], int], bag: Path) -> list[tuple[str, int, int]]:
    """Where a changed byte was not refused: file, place, and the exit code."""
    rng, wrong = random.Random(SEED), []
    for path, at in positions:
        flip = rng.randrange(1, 256)
        descriptor = os.open(path, os.O_RDWR)
        was = os.pread(descriptor, 1, at)
        os.pwrite(descriptor, bytes([was[0] ^ flip]), at)
        code = ask(bag)
        os.pwrite(descriptor, was, at)
        os.close(descriptor)
        if code != 5:
            wrong.append((str(path.relative_to(bag)), at, code))
    return wrong


class _Enough(Exception):
    """Something failed."""


def _stopping(self: Report, finding: Finding) -> None:
    if finding.level in FAILS:
        raise _Enough
    _add(self, finding)


_add = Report.add


def _irkit(bag: Path) -> int:
    try:
        return by_irkit(bag, {}).code
    except _Enough:
        return 5


@pytest.fixture
def stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Report, "add", _stopping)


def _verify_py(bag: Path) -> int:
    return by_verify_py(bag, {}).code


@pytest.mark.usefixtures("stops_at_once")
def test_no_changed_byte_is_missed(bag: Path) -> None:
    """Two thousand places of a redacted, signed bag; and untouched it verifies, before and after."""
    assert _irkit(bag) == 0
    positions = chosen(bag, POSITIONS)
    assert len(positions) >= POSITIONS
    assert missed(positions, _irkit, bag) == []
    assert _irkit(bag) == 0


def test_no_changed_byte_is_missed_by_verify_py(bag: Path) -> None:
    """Some of each file."""
    assert _verify_py(bag) == 0
    assert missed(chosen(bag, BY_VERIFY_PY), _verify_py, bag) == []


def main(count: int) -> int:
    """So many bytes, or every one."""
    with tempfile.TemporaryDirectory() as folder:
        bag = small_bag(Path(folder))
        everywhere = chosen(bag, count)
        with mock.patch.object(Report, "add", _stopping):
            wrong = missed(everywhere, _irkit, bag)
        wrong += missed(chosen(bag, 20 * BY_VERIFY_PY), _verify_py, bag)
    print(f"{len(everywhere):,} bytes of a bag, each changed: {len(wrong)} missed", *wrong[:20], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else sys.maxsize))
