"""The two ways of a verification: many rows at a time, and each row by itself; both must find the same."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from unittest import mock

from irkit.ledger import database, spread, vouch
from irkit.ledger.database import Row
from irkit.ledger.trust import Trust
from irkit.ledger.verify import Report, verify
from irkit.ledger.vouch import Bare


def nothing(parts: Sequence[Sequence[Bare]]) -> spread.Judged:
    """Vouches for none of the rows: each is looked at where it stands."""
    return bytes(sum(map(len, parts))), []


def unjoined(_: sqlite3.Connection, bound: tuple[int, ...]) -> Generator[Row, None, tuple[int, ...]]:
    """Joins no values: each is read by itself."""
    yield from ()
    return bound


@contextlib.contextmanager
def row_by_row() -> Iterator[None]:
    """Every value is read, and every row looked at, by itself, in this process."""
    with mock.patch.multiple(spread, _ALONE=1 << 40, vouch=nothing), mock.patch.object(database, "_joined", unjoined):
        yield


@contextlib.contextmanager
def short_stretches() -> Iterator[None]:
    """Two answers are a stretch already."""
    with mock.patch.object(vouch, "_LEAST", 2):
        yield


def everything(report: Report) -> dict[str, str]:
    """All that a report says."""
    told = {name: repr(value) for name, value in {**vars(report), "windows": vars(report.windows)}.items()}
    return {**told, "exit": str(report.exit_code)}


def verified(path: Path, trust: Trust | None = None) -> Report:
    """What a verification finds: the same, whichever way it goes."""
    with row_by_row():
        slowly = verify(path, trust)
    with short_stretches():
        report = verify(path, trust)
    assert everything(report) == everything(slowly)
    return report
