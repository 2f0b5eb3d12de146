"""irkit close."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from irkit.ledger import Ledger
from irkit.ledger.texts import content_hash, entry_text, namespace
from irkit.ledger.tree import Tree
from irkit.ledger.trust import Trust
from irkit.ledger.verify import verify
from tests.cli.people import NAME, Team, entries, incident, verified
from tests.cli.rig import Capsys, irkit
from tests.ledger.authority import OPENSSL, Authority
from tests.ledger.ssh import needs_ssh

ROOT = Path(__file__).resolve().parents[2]
CLOSE = ("close", NAME, "--confirm", NAME)
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


def journal_of(folder: Path) -> str:
    db = sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)
    mode: str = db.execute("PRAGMA journal_mode").fetchone()[0]
    db.close()
    return mode


@needs_ssh
def test_a_seal_is_signed_and_the_store_at_rest(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock tool checks the signature; one file is left, in rollback mode; the ledger verifies as sealed."""
    import json
    team, folder = Team(capsys, tmp_path, monkeypatch), incident()
    ran = team("maria", *CLOSE, "--reason", "review held")
    assert ran.code == 0, ran.err
    assert "Nothing stays open" in ran.out
    seal = entries(folder, "sealed")[0]
    assert seal.disclosed == {"seal.reason": "review held"}
    assert verified(folder).sealed == seal.seq
    assert journal_of(folder) == "delete"
    assert sorted(path.name for path in folder.iterdir()) == ["artifacts", "ledger.db"]
    tree = Tree()
    for entry in entries(folder)[:seal.seq]:
        tree.add(bytes.fromhex(entry.leaf))
    text = entry_text("seal", seal.log, "sealed", seal.seq, tree.root(), content_hash(json.loads(seal.line)))
    Path("seal.sig").write_text(seal.data["signature"])
    command = ["ssh-keygen", "-Y", "verify", "-f", str(team.signers), "-I", "maria", "-n", namespace("seal", "live"),
               "-s", "seal.sig"]
    assert subprocess.run(command, input=text, capture_output=True, check=False).returncode == 0


def test_an_open_run_is_named(capsys: Capsys) -> None:
    """Nothing is sealed, and the command that goes on with it is said."""
    folder = incident("drill", open_run=True)
    before = len(entries(folder))
    ran = irkit(capsys, *CLOSE)
    assert ran.code == 2
    assert "r1 (mine)" in ran.err
    assert "irkit resume INC-1" in ran.err
    assert len(entries(folder)) == before


def test_what_stays_open_is_said(capsys: Capsys) -> None:
    """Clocks that run, steps without an end, TODO notes, offers and holds; each line says DRILL."""
    incident("drill", told=False)
    irkit(capsys, "note", NAME, "TODO", "call the bank")
    irkit(capsys, "hold", "place", NAME, "--by", "counsel", "--reason", "letter")
    ran = irkit(capsys, *CLOSE)
    assert ran.code == 0, ran.err
    text = " ".join(ran.out.replace("DRILL", "").split())
    for words in ("GDPR notice due 2026-11-23 02:06Z", "2 Tell the authority: not done", "TODO call the bank",
                  "goes on standing"):
        assert words in text
    assert not [line for line in (ran.out + ran.err).splitlines() if not line.startswith("DRILL")]


def test_sealing_wants_the_phrase_or_the_id(capsys: Capsys) -> None:
    """A wrong id, or nobody to ask: nothing is appended."""
    folder = incident("drill")
    before = len(entries(folder))
    assert irkit(capsys, "close", NAME).code == 2
    assert irkit(capsys, "close", NAME, "--confirm", "INC-2").code == 2
    assert len(entries(folder)) == before


def test_a_live_seal_needs_a_key(capsys: Capsys) -> None:
    """Exit 4 with the command that gets one; nothing is appended."""
    folder = incident()
    Path("irkit.toml").unlink()
    before = len(entries(folder))
    ran = irkit(capsys, *CLOSE)
    assert ran.code == 4
    assert "irkit key new" in ran.err
    assert len(entries(folder)) == before


@pytest.mark.parametrize("words", [("note", NAME, "late"), ("attach", NAME, "file.txt"), ("resume", NAME),
                                   ("run", "mine.yaml", "--incident", NAME, "--answers", "a.yaml")], ids=lambda words: words[0])
def test_a_sealed_incident_takes_no_more_work(capsys: Capsys, words: tuple[str, ...]) -> None:
    """Neither a note nor a file nor a run; nothing of it stays, and it still verifies."""
    folder = incident("test")
    assert irkit(capsys, *CLOSE).code == 0
    for name in ("file.txt", "a.yaml"):
        Path(name).write_text("{}")
    kinds = {entry.kind for entry in entries(folder)}
    ran = irkit(capsys, *words)
    assert ran.code != 0
    assert {entry.kind for entry in entries(folder)} == kinds
    verified(folder)


def test_what_may_come_after_the_seal(capsys: Capsys) -> None:
    """Holds, labels, erasures; the file stays in rollback mode, and a killed writer's journal is read around."""
    folder = incident("test")
    assert irkit(capsys, *CLOSE).code == 0
    who, why = ("--basis", "x", "--by", "y"), ("--by", "c", "--reason", "r")
    note = str(entries(folder, "note")[0].seq)
    for words in (("hold", "place", NAME, *why), ("hold", "release", NAME, *why),
                  ("ledger", "label", NAME, note, "privilege", *who),
                  ("ledger", "erase", NAME, note, "text", *who, "--confirm", NAME)):
        ran = irkit(capsys, *words)
        assert ran.code == 0, ran.err
        assert journal_of(folder) == "delete"
    verified(folder)


def test_an_erasure_under_hold_in_a_sealed_incident(capsys: Capsys) -> None:
    """Refused; its record takes no note, and nothing is appended."""
    folder = incident("test")
    irkit(capsys, "hold", "place", NAME, "--by", "c", "--reason", "r")
    assert irkit(capsys, *CLOSE).code == 0
    before = len(entries(folder))
    note = str(entries(folder, "note")[0].seq)
    assert irkit(capsys, "ledger", "erase", NAME, note, "text", "--basis", "x", "--by", "y", "--confirm", NAME).code == 1
    assert len(entries(folder)) == before


def test_a_journal_that_a_kill_left_is_read_around(capsys: Capsys) -> None:
    """A sealed store with a hot journal verifies as it was before that commit, and is not changed by looking."""
    folder = incident("test")
    assert irkit(capsys, *CLOSE).code == 0
    script = ("import os, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
              "db.execute('PRAGMA cache_size=1')\ndb.execute('BEGIN')\n"
              "for n in range(90): db.execute('INSERT INTO tokens VALUES (?, 1, ?, zeroblob(3000))', (str(n), 'x'))\n"
              "os._exit(9)\n")
    subprocess.run([sys.executable, "-c", script, str(folder / "ledger.db")], check=False)
    assert (folder / "ledger.db-journal").exists()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    verified(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_closing_again_changes_nothing(capsys: Capsys) -> None:
    """A second close of what is sealed says so again, and appends nothing."""
    folder = incident("test")
    first = irkit(capsys, *CLOSE)
    before = len(entries(folder))
    again = irkit(capsys, "close", NAME)
    assert (first.code, again.code) == (0, 0)
    assert first.out.endswith(again.out)
    assert len(entries(folder)) == before


def test_somebody_else_has_the_ledger_open(capsys: Capsys) -> None:
    """It is sealed; the write-ahead log goes once they are done and it is closed again."""
    folder = incident("test")
    with Ledger.open(folder):
        ran = irkit(capsys, *CLOSE)
    assert ran.code == 1
    assert "write-ahead log" in ran.out
    assert irkit(capsys, "close", NAME).code == 0
    assert journal_of(folder) == "delete"
    verified(folder)


@needs_openssl
def test_sealing_goes_on_when_authorities_come_back(capsys: Capsys) -> None:
    """With one of two reached it is exit 1 and a policy finding; with both it is sealed, over one and the same note."""
    folder = incident("test", policy={"seal_tokens": 2})
    with Authority("First") as first, Authority("Second") as second:
        Path("irkit.toml").write_text(f'[timestamps]\nauthorities = ["{first.url}", "{second.url}"]\n')
        words = (*CLOSE, "--config", "irkit.toml")
        second.behaves = "error 500"
        ran = irkit(capsys, *words)
        assert ran.code == 1
        assert "sealing: 1 of 2 authorities reached" in ran.out
        assert "irkit close INC-1" in ran.out
        report = verify(folder)
        assert [(one.mechanism, one.level) for one in report.findings] == [("policy", "MISSING")]
        second.behaves = "honest"
        again = irkit(capsys, *words)
        assert again.code == 0, again.err
        assert len(first.asked) == 1
        assert irkit(capsys, *words).code == 0
        assert len(second.asked) == 2
        assert len(verified(folder).authorities) == 2
        assert verified(folder, Trust(tsa_ca=both(first, second))).time_trusted


def both(*authorities: Authority) -> Path:
    path = Path("both.pem").absolute()
    path.write_bytes(b"".join(one.ca.read_bytes() for one in authorities))
    return path


def test_too_few_authorities_are_said(capsys: Capsys) -> None:
    """A policy that nothing configured can meet leaves the sealing open, and says what is missing."""
    incident("test", policy={"seal_tokens": 2})
    ran = irkit(capsys, *CLOSE)
    assert ran.code == 1
    assert "asks for 2 authorities, and irkit.toml lists" in ran.out


@needs_openssl
def test_a_drill_is_never_stamped(capsys: Capsys) -> None:
    """Nothing leaves it, whatever is configured."""
    folder = incident("drill")
    with Authority() as authority:
        Path("irkit.toml").write_text(f'[timestamps]\nauthorities = ["{authority.url}"]\n')
        assert irkit(capsys, *CLOSE, "--config", "irkit.toml").code == 0
        assert not authority.asked
    verified(folder)


def test_the_phrase_is_typed_on_a_terminal() -> None:
    """What stays open is said first; q leaves it open, the phrase seals it."""
    folder = incident("drill", told=False)

    def on_terminal() -> pexpect.spawn[str]:
        child = pexpect.spawn(sys.executable, ["-m", "irkit", "close", NAME, "--plain"], encoding="utf-8", timeout=20,
                              env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"})
        child.expect("DRILL .*Stays open.*GDPR notice")
        child.expect(f"DRILL Type SEAL {NAME} to seal it for good, or q quit: ")
        return child

    child = on_terminal()
    child.sendline("q")
    child.expect("nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    assert not entries(folder, "sealed")
    child = on_terminal()
    child.sendline(f"SEAL {NAME}")
    child.expect("DRILL Sealed ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    verified(folder)
