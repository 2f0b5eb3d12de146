"""A machine whose clock is five minutes wrong, and a true authority: tokens measure it, and its entries are flagged."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from irkit.ledger import Ledger
from irkit.ledger.clock import SystemClock
from irkit.ledger.trust import Trust
from irkit.ledger.verify import verify
from tests.forgery.judges import by_verify_py
from tests.forgery.ledgers import stamped
from tests.ledger.authority import OPENSSL, Authority

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


class Wrong(SystemClock):
    """This machine's, shifted."""

    def __init__(self, by: timedelta) -> None:
        self._ns = int(by.total_seconds() * 1e9)

    def wall_ns(self) -> int:
        return super().wall_ns() + self._ns


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_wrong_clock_is_measured_and_its_entries_are_flagged(minutes: int, tmp_path: Path) -> None:
    """Within two seconds, by each entry that has a token below and one above; each that lies outside its window is counted."""
    shift = timedelta(minutes=minutes)
    with Authority() as authority:
        stamped(tmp_path / "i", authority, clock=Wrong(shift))
        report = verify(tmp_path / "i", Trust(tsa_ca=authority.ca))
        theirs = by_verify_py(tmp_path / "i", {"tsa-ca": authority.ca})
    assert (report.exit_code, report.time_trusted) == (0, True)
    with Ledger.open(tmp_path / "i", write=False) as ledger:
        said = [(entry.seq, datetime.fromisoformat(entry.at)) for entry in ledger.entries()]
    measured, flagged = [], set()
    for seq, at in said:
        earliest, latest = report.windows.of(seq)
        if earliest is not None and latest is not None:
            measured.append(at - (earliest + (latest - earliest) / 2))
        if (earliest is not None and at < earliest) or (latest is not None and at > latest):
            flagged.add(seq)
    assert len(measured) > 10
    assert max(abs(off - shift) for off in measured) <= timedelta(seconds=2)
    remark, = (one for one in report.remarks if one.mechanism == "clock")
    assert (remark.level, remark.entry) == ("FLAGGED", min(flagged))
    assert remark.what.startswith(f"{len(flagged)} entries, {min(flagged)} to {max(flagged)}, ")
    assert {one.entry for one in theirs.said if one.mechanism == "clock"} == flagged
    assert theirs.code == 0


def test_a_true_clock_is_not_flagged(tmp_path: Path) -> None:
    """Every entry lies in its window."""
    with Authority() as authority:
        stamped(tmp_path / "i", authority)
        report = verify(tmp_path / "i", Trust(tsa_ca=authority.ca))
    assert [one for one in report.remarks if one.mechanism == "clock"] == []
