"""irkit hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.errors import LedgerError
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from tests.cli.people import NAME, entries, incident, verified
from tests.cli.rig import Capsys, Ran, irkit

WHY = ("--by", "J. Ortiz, counsel", "--reason", "preservation letter")


def place(capsys: Capsys) -> int:
    ran = irkit(capsys, "hold", "place", NAME, *WHY)
    assert ran.code == 0, ran.err
    return entries(Path("evidence", NAME), "hold.placed")[-1].seq


def test_holds_stand_for_themselves(capsys: Capsys) -> None:
    """Two are placed, one is released: the other stands, and the ledger knows it."""
    folder = incident()
    first, second = place(capsys), place(capsys)
    both = irkit(capsys, "hold", "release", NAME, *WHY)
    assert both.code == 2
    assert f"2 holds stand, entries {first}, {second}" in both.err
    ran = irkit(capsys, "hold", "release", NAME, str(first), *WHY)
    assert ran.code == 0
    assert "1 other still stands" in ran.err
    listed = irkit(capsys, "hold", "list", NAME, "--json").json
    assert [(one["entry"], one["stands"]) for one in listed] == [(first, False), (second, True)]
    assert listed[0]["released_by"] == "J. Ortiz, counsel"
    with Ledger.open(folder, write=False) as ledger:
        assert ledger.holds == {second}
    verified(folder)


def test_a_hold_is_released_once(capsys: Capsys) -> None:
    """A second release, one of another entry, and one where none stands are refused before a session begins."""
    folder = incident()
    held = place(capsys)
    assert irkit(capsys, "hold", "release", NAME, *WHY).code == 0
    before = len(entries(folder))
    again = irkit(capsys, "hold", "release", NAME, str(held), *WHY)
    none = irkit(capsys, "hold", "release", NAME, *WHY)
    other = irkit(capsys, "hold", "release", NAME, "1", *WHY)
    assert [ran.code for ran in (again, none, other)] == [2, 2, 2]
    assert f"released by entry {entries(folder, 'hold.released')[0].seq}" in again.err
    assert "no hold stands" in none.err
    assert "entry 1 of INC-1 is no hold" in other.err
    assert len(entries(folder)) == before


def test_the_store_refuses_a_second_release() -> None:
    """Two processes that release at once: the later one is refused inside its transaction."""
    folder = incident()
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria", signer=Throwaway())
        held = ledger.append("hold.placed", {}, {"hold.by": "x"}, by="human").seq
        ledger.append("hold.released", {}, {}, by="human", ref=held)
        with pytest.raises(LedgerError, match="no hold that stands"):
            ledger.append("hold.released", {}, {}, by="human", ref=held)
        ledger.end_session()
    verified(folder)


def test_who_and_why_are_needed(capsys: Capsys) -> None:
    """Both flags are named where nobody can be asked."""
    folder = incident()
    ran = irkit(capsys, "hold", "place", NAME)
    assert ran.code == 2
    assert "--by, --reason are missing" in " ".join(ran.err.split())
    assert not entries(folder, "hold.")


def test_by_and_reason_can_be_withheld(capsys: Capsys) -> None:
    """Neither stands in the line."""
    folder = incident()
    place(capsys)
    line = entries(folder, "hold.placed")[0].line
    assert b"Ortiz" not in line
    assert b"letter" not in line


def test_all_incidents_are_listed_and_damage_is_passed_over(capsys: Capsys) -> None:
    """Without an incident every one is looked at; one that does not verify is named on stderr."""
    incident("drill")
    place(capsys)
    broken = Path("evidence", "INC-0")
    broken.mkdir()
    (broken / "ledger.db").write_bytes(b"no database")
    ran = irkit(capsys, "hold", "list")
    assert ran.code == 0
    assert "INC-0" in ran.err
    assert [line.startswith("DRILL ") for line in ran.out.splitlines()] == [True, True]
    assert irkit(capsys, "hold", "list", "INC-0").code == 5


def test_a_drill_says_so_on_every_line(capsys: Capsys) -> None:
    """Screens and errors alike."""
    incident("drill")
    shown: list[Ran] = [irkit(capsys, "hold", *words) for words in (
        ("place", NAME, *WHY), ("list", NAME), ("release", NAME, *WHY), ("release", NAME, *WHY), ("list",))]
    assert [ran.code for ran in shown] == [0, 0, 0, 2, 0]
    lines = "".join(ran.out + ran.err for ran in shown).splitlines()
    assert not [line for line in lines if not line.startswith("DRILL ")]


def test_nothing_to_list(capsys: Capsys) -> None:
    """Said on stderr; the data is empty."""
    incident()
    ran = irkit(capsys, "hold", "list")
    assert (ran.code, ran.out) == (0, "")
    assert irkit(capsys, "hold", "list", "--json").json == []
