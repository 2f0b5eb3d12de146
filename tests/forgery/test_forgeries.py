"""Each forgery is refused by both verifiers wherever what the reader was given can refuse it, and both name the same entry.

The two share no code. Where nothing that the reader was given can tell, the family says why in a sentence, and both accept it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.forgery.families import FAMILIES, Family, Trial
from tests.forgery.family import Forge, Where
from tests.forgery.forger import take
from tests.forgery.judges import VERIFY_PY, Verdict, arguments, by_irkit, by_verify_py, read
from tests.forgery.ledgers import NAMES, Shelf

VERIFIERS = (by_irkit, by_verify_py)


def forged(name: str, over: str, shelf: Shelf, folder: Path) -> tuple[Forge, Path, Where]:
    """The forgery of that family over that ledger, on the disk; and where it must be named."""
    family = FAMILIES[name]
    forge = Forge(shelf[over], shelf, family.holds, folder)
    where = family.forge(forge)
    path = forge.copy.write(folder / "forged")
    for change in forge.after:
        change(path)
    return forge, path, where


def judged(verdict: Verdict, where: Where, trial: Trial) -> str:
    """What is wrong with a verdict; empty when it is right."""
    first = verdict.first
    if trial.unseen:
        said = {one.level for one in verdict.said}
        return f"exit {verdict.code}: {verdict.said[:3]}" if verdict.code else \
            f"no {trial.said}: {verdict.said[:3]}" if trial.said and trial.said not in said else ""
    if verdict.code != 5 or first is None:
        return f"exit {verdict.code}: {verdict.said[:3]}"
    if first.mechanism not in trial.mechanisms or (trial.level and first.level != trial.level):
        return f"another mechanism: {first}; wanted {sorted(trial.mechanisms)} at {where}"
    return "" if within(first.entry, where) else f"another entry: {first}; wanted {where}"


def within(entry: int | None, where: Where) -> bool:
    """Whether the entry named is one of those that are right; a range from -1 on has none in it too."""
    if isinstance(where, range):
        return (-1 if entry is None else entry) in where
    return entry == where


def disagree(family: Family, verdicts: list[Verdict]) -> str:
    """How the verifiers name different entries, unless the family says why both are right."""
    named = {first.entry for verdict in verdicts if (first := verdict.first) is not None}
    return f"they name {named}" if len(named) > 1 and not family.agree else ""


# -- honest ledgers ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_an_honest_ledger_is_accepted(name: str, shelf: Shelf) -> None:
    """By both, alone and with everything that a reader can be given; and both come to the same end."""
    honest = shelf[name]
    required = {"require-trusted": Path()} if "tsa-ca" in honest.given else {}
    for given in ({}, honest.given | required):
        assert [(verify(honest.path, given).code, verify(honest.path, given).first) for verify in VERIFIERS] == [(0, None)] * 2


@pytest.mark.parametrize("name", NAMES)
def test_with_every_key_the_forger_makes_the_same_bytes(name: str, shelf: Shelf) -> None:
    """What the forger's tools write is the format: an honest ledger, made anew with all its keys, does not change by a byte."""
    copy, again = (take(shelf[name].path) for _ in range(2))
    again.remake(shelf[name].loot)
    assert [(one.line, one.notes) for one in again] == [(one.line, one.notes) for one in copy]


@pytest.mark.parametrize("name", ["live", "drill", "redacted"])
def test_verify_py_runs_alone(name: str, shelf: Shelf, tmp_path: Path) -> None:
    """As a program of its own, isolated from irkit, it says what it says in this process."""
    path = shelf[name].path
    done = subprocess.run([sys.executable, "-I", VERIFY_PY, *arguments(path, {})], capture_output=True, text=True, cwd=tmp_path,
                          check=False)
    assert done.stderr == ""
    assert read(done.returncode, done.stdout) == by_verify_py(path, {})


# -- forgeries ---------------------------------------------------------------------------------------------------

def test_a_forgery_is_refused(family: str, over: str, shelf: Shelf, tmp_path: Path) -> None:
    """With each set of things that a reader may be given, as its family says."""
    made = FAMILIES[family]
    forge, path, where = forged(family, over, shelf, tmp_path)
    wrong = []
    for trial in made.trials:
        given = {key: forge.given.get(key, Path()) for key in trial.given}
        verdicts = [verify(path, given) for verify in VERIFIERS]
        problems = [f"{verify.__name__}: {problem}" for verify, verdict in zip(VERIFIERS, verdicts, strict=True)
                    if (problem := judged(verdict, where, trial))]
        wrong += [f"given {', '.join(trial.given) or 'nothing'}, {problem}"
                  for problem in problems or [disagree(made, verdicts)] if problem]
    assert not wrong, f"{made.changes}\n" + "\n".join(wrong)


def test_a_ledger_cut_off_after_each_entry(cut: str, shelf: Shelf, tmp_path: Path) -> None:
    """A note kept elsewhere shows each cut; of a bag, so does the bag itself."""
    honest = shelf[cut]
    for size in range(1, len(take(honest.path).entries)):
        copy = take(honest.path)
        copy.entries = copy.entries[:size]
        path = copy.write(tmp_path / str(size))
        codes = {verify(path, {"expect": honest.given["expect"]}).code for verify in VERIFIERS}
        assert codes == {5}, size
        if copy.is_bag:
            assert {verify(path, {}).code for verify in VERIFIERS} == {5}, size


def test_the_families_are_whole() -> None:
    """Many of them; each says what is changed, and where nothing given can tell, why. Those that no input shows are these."""
    assert len(FAMILIES) >= 100
    assert all(family.changes and family.over and family.trials for family in FAMILIES.values())
    assert {name for name, family in FAMILIES.items() if all(trial.unseen for trial in family.trials)} == {
        "a stranger adds a note at the end", "an entry is dated back", "one authority under two names",
        "a session that names less than it adopts"}
