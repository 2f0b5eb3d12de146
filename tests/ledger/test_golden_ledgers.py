"""Ledgers of earlier versions verify for ever: the same head, the same root, and no file of theirs is changed by looking.

A ledger that stops verifying here shows that the program broke its format. Ledgers of a new format are added beside the old
ones (`python -m tests.ledgers NAME`); none is ever replaced.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import pytest

from irkit.ledger.trust import Trust
from irkit.ledger.verify import verify
from tests.forgery.judges import by_verify_py
from tests.ledger.authority import OPENSSL

HERE = Path(__file__).parents[1] / "ledgers"


class Golden(NamedTuple):
    """What verifying must say. `head` is the leaf of the last line, `root` that of the tree, both in hex."""

    name: str
    entries: int
    head: str
    root: str


GOLDEN: tuple[Golden, ...] = (
    Golden("v1-folder", 34, "25da939e0a779321e5e7eec2bbe7944ed133d47194ba9bf8181f9f9e3754eee8",
           "707e15c2ed18ec3ad8fa857c0e96dfd5eb3cbac5c7564421adc790e1848ea946"),
    Golden("v1-bag", 37, "8e232d8b36cc91e95614c9d996d095e08e203c6aa01dc4361a3c67ae82a2ca0c",
           "390405bb3cd333a48c06d9ca58db9e196ea7f57c1f08bdd9bc419e36443a0bea"),
)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden.name for golden in GOLDEN])
def test_a_golden_ledger_verifies(golden: Golden) -> None:
    """By both verifiers, with the signers and the authority that were true then; nothing in it is changed."""
    path, before = HERE / golden.name, hashes(HERE / golden.name)
    version = golden.name.partition("-")[0]
    given = {"signers": HERE / f"{version}-signers"} | ({"tsa-ca": HERE / f"{version}-ca.pem"} if OPENSSL else {})
    report = verify(path, Trust(signers=given["signers"], tsa_ca=given.get("tsa-ca"), required=OPENSSL is not None))
    assert (report.exit_code, report.findings) == (0, [])
    assert (report.entries, report.head, report.root) == golden[1:]
    assert (report.mode, report.sealed is not None, report.tokens) == ("live", True, 2)
    assert by_verify_py(path, given).code == 0
    assert hashes(path) == before


def test_every_golden_ledger_is_looked_at() -> None:
    """Whoever adds one says here what it must be."""
    assert {path.name for path in HERE.iterdir() if path.is_dir() and path.name.startswith("v")} == {
        golden.name for golden in GOLDEN}
