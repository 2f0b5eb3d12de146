"""A machine whose clock is five minutes wrong, and a true authority: tokens measure it, and its entries are flagged."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from irkit.ledger import Ledger
from irkit.ledger.clock import SystemClock
from irkit.ledger.trust import Trust
from tests.forgery.forger import One, take
from tests.forgery.judges import by_verify_py
from tests.forgery.ledgers import Loot, collected, overheard, stamped
from tests.ledger.authority import OPENSSL, Authority
from tests.ledger.ways import verified

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


class Wrong(SystemClock):
    """This machine's, shifted."""

    def __init__(self, by: timedelta) -> None:
        self._ns = int(by.total_seconds() * 1e9)

    def wall_ns(self) -> int:
        return super().wall_ns() + self._ns


@needs_openssl
@pytest.mark.parametrize("minutes", [5, -5])
def test_a_wrong_clock_is_measured_and_its_entries_are_flagged(minutes: int, tmp_path: Path) -> None:
    """Within two seconds, by each entry that has a token below and one above; each that lies outside its window is counted."""
    shift = timedelta(minutes=minutes)
    with Authority() as authority:
        stamped(tmp_path / "i", authority, clock=Wrong(shift))
        report = verified(tmp_path / "i", Trust(tsa_ca=authority.ca))
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


@needs_openssl
def test_a_true_clock_is_not_flagged(tmp_path: Path) -> None:
    """Every entry lies in its window."""
    with Authority() as authority:
        stamped(tmp_path / "i", authority)
        report = verified(tmp_path / "i", Trust(tsa_ca=authority.ca))
    assert [one for one in report.remarks if one.mechanism == "clock"] == []


def later(one: One) -> None:
    one.data["date"] = f"{datetime.fromisoformat(one.data['date']) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("behind", ["a note", "an answer", "nothing"])
def test_a_clock_that_moves_against_the_vendors_is_flagged(behind: str, tmp_path: Path) -> None:
    """By the answers from there on: those that begin a stretch of them, those in the middle of one, or all that there are."""
    loot = Loot()
    with overheard(loot):
        collected(tmp_path / "i")
    copy = take(tmp_path / "i")
    answers = copy.all("request.answer")
    moved = {"a note": [seq for seq in answers if seq > copy.last("decision")],
             "an answer": [seq for seq in answers if seq > copy.last("session.start")][7:], "nothing": answers}[behind]
    for seq in moved:
        later(copy.entries[seq])
    copy.remake(loot)
    report = verified(copy.write(tmp_path / "moved"))
    assert report.exit_code == 0
    remark, = (one for one in report.remarks if one.mechanism == "clock")
    assert (remark.level, remark.entry) == ("FLAGGED", moved[0])
    assert remark.what.endswith(f"in entries {moved[0]} to {moved[-1]}")
