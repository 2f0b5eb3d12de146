"""evidence/README.md promises a check without irkit; this runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.ledger import verify
from tests.ledger.conftest import Tamper

README = Path(__file__).parents[2] / "evidence" / "README.md"


def check(folder: Path, script: Path) -> subprocess.CompletedProcess[str]:
    found = re.search(r"```python\n(.+?)```", README.read_text(encoding="utf-8"), re.S)
    assert found
    script.write_text(found[1], encoding="utf-8")
    return subprocess.run([sys.executable, "-I", script, folder], capture_output=True, text=True, check=False)


def test_the_check_of_the_readme_agrees_with_irkit(closed: Path, tmp_path: Path) -> None:
    """With the standard library alone: the same count and the same head."""
    done = check(closed, tmp_path / "check.py")
    report = verify(closed)
    assert done.stdout.splitlines() == ["nothing disagrees", f"{report.entries} entries, head {report.head}"]
    assert done.returncode == 0


@pytest.mark.parametrize("statement", [
    "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), 'reversible', 'reverSible') AS BLOB)",
    "DELETE FROM entries WHERE seq = 4", "DELETE FROM disclosures WHERE seq = 5",
    "INSERT INTO disclosures SELECT 3, digest, body FROM disclosures WHERE seq = 5",
    "INSERT INTO disclosures SELECT 99, digest, body FROM disclosures WHERE seq = 5",
])
def test_the_check_of_the_readme_finds_what_irkit_finds(closed: Path, tmp_path: Path, tamper: Tamper, statement: str) -> None:
    """What was changed behind irkit's back."""
    tamper(closed, statement)
    assert check(closed, tmp_path / "check.py").returncode == verify(closed).exit_code == 5
