"""irkit custody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from irkit.ledger import Ledger
from irkit.ledger.keys import signer
from irkit.ledger.sshsig import fingerprint, parse
from irkit.ledger.texts import content_hash, entry_text, namespace
from irkit.ledger.tree import Tree
from irkit.ledger.verify import verify
from tests.cli.people import CALL, LOG, NAME, PEOPLE, Team, entries, incident, verified
from tests.cli.rig import Capsys, irkit
from tests.ledger.ssh import needs_ssh

ROOT = Path(__file__).resolve().parents[2]
OFFER = ("custody", "offer", NAME, "--to", "sam", "--all", "--location", "safe 2", "--reason", "analysis")


@pytest.fixture
def team(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    return Team(capsys, tmp_path, monkeypatch)


def spoil(folder: Path, content: bytes, other: bytes) -> None:
    """Change an artefact's bytes and not its size."""
    path = next(one for one in (folder / "artifacts").iterdir() if one.read_bytes() == content)
    path.chmod(0o600)
    path.write_bytes(other)


@needs_ssh
def test_a_transfer_is_two_signed_entries(team: Team) -> None:
    """Offered by one, accepted by the other; it verifies, and `show` names both with all that NIST asks for."""
    folder = incident(signer=signer(str(team.keys["maria"])))
    assert team("maria", *OFFER).code == 0
    assert "offered, not accepted" in team("maria", "custody", "show", NAME).out
    ran = team("sam", "custody", "accept", NAME, "--location", "lab 7")
    assert ran.code == 0, ran.err
    assert ran.err.count(": hash computed again, same") == 3
    shown = team("sam", "custody", "show", NAME, "--json").json["transfers"]
    assert [one["state"] for one in shown] == ["accepted"]
    one = shown[0]
    assert one["from"] == {"name": "Maria Lopez", "title": "SOC lead", "phone": "+33 1 23 45 67 89"}
    assert one["to"] == {"name": "Sam Ng", "title": "Counsel", "phone": "+41 44 555 01 02"}
    assert (one["offered"]["stored"], one["accepted"]["stored"], one["reason"]) == ("safe 2", "lab 7", "analysis")
    assert one["offered"]["key"] != one["accepted"]["key"]
    assert one["offered"]["at"][-6:-5] in "+-"
    log = next(item for item in one["artefacts"] if item["name"] == "log.jsonl")
    assert (log["size"], log["recomputed"]) == (len(LOG), log["sha256"])
    assert "step call" in log["description"]
    verified(folder, team.trust())
    team.signers.write_text(team.signers.read_text().splitlines()[0])
    assert verify(folder, team.trust()).exit_code == 5


@needs_ssh
def test_signatures_verify_with_ssh_keygen(team: Team, tmp_path: Path) -> None:
    """The stock tool agrees, over the text of the specification, and a text one byte longer is refused."""
    folder = incident()
    team("maria", *OFFER)
    team("sam", "custody", "accept", NAME, "--location", "lab 7")
    import json
    tree, checked = Tree(), 0
    for entry in entries(folder):
        if entry.kind.startswith("custody."):
            who = "maria" if entry.kind == "custody.offered" else "sam"
            fields = json.loads(entry.line)
            text = entry_text("custody", entry.log, entry.kind, entry.seq, tree.root(), content_hash(fields))
            signature = tmp_path / f"{entry.seq}.sig"
            signature.write_text(entry.data["signature"])
            assert fingerprint(parse(entry.data["signature"]).key) == entry.data["key"]
            command = ["ssh-keygen", "-Y", "verify", "-f", str(team.signers), "-I", who, "-n", namespace("custody", "live"),
                       "-s", str(signature)]
            for given, code in ((text, 0), (text + b"\n", 255)):
                assert subprocess.run(command, input=given, capture_output=True, check=False).returncode == code
            checked += 1
        tree.add(bytes.fromhex(entry.leaf))
    assert checked == 2


@needs_ssh
def test_no_personal_value_stands_in_a_line(team: Team) -> None:
    """Names, numbers, places, artefact names and hashes can all be withheld."""
    folder = incident()
    team("maria", *OFFER)
    team("sam", "custody", "accept", NAME, "--location", "lab 7")
    found = entries(folder, "custody.")
    assert [set(one.data) for one in found] == [{"key", "signature"}] * 2
    digest = next(one for one in found[0].disclosed["custody.artefacts"] if one["name"] == "log.jsonl")["sha256"]
    for word in (b"Maria", b"Sam Ng", b"+41", b"safe 2", b"lab 7", b"analysis", b"log.jsonl", digest.encode()):
        assert not any(word in one.line for one in found)


@needs_ssh
def test_nobody_accepts_their_own_offer(team: Team) -> None:
    """Neither by name nor by key, nor somebody it was not offered to; the ledger does not grow."""
    folder = incident()
    team("maria", *OFFER)
    before = len(entries(folder))
    own = team("maria", "custody", "accept", NAME, "--location", "lab")
    same_key = team("sam", "custody", "accept", NAME, "--location", "lab", config="maria")
    other = team("kim", "custody", "accept", NAME, "--location", "lab", "--title", "x", "--phone", "1", config="sam")
    assert [ran.code for ran in (own, same_key, other)] == [2, 2, 2]
    assert "signed the offer" in own.err
    assert "signed the offer" in same_key.err
    assert "to Sam Ng, and you are kim" in " ".join(other.err.split())
    assert len(entries(folder)) == before


@needs_ssh
def test_a_changed_artefact_ends_the_acceptance(team: Team) -> None:
    """Exit 5 naming it; nothing is accepted, and a note says why."""
    folder = incident()
    team("maria", *OFFER)
    spoil(folder, CALL, CALL.swapcase())
    ran = team("sam", "custody", "accept", NAME, "--location", "lab")
    assert ran.code == 5
    assert "call.txt" in ran.err
    assert "Nothing was accepted" in ran.err
    assert not entries(folder, "custody.accepted")
    assert "call.txt" in entries(folder, "note")[-1].disclosed["text"]


@needs_ssh
def test_what_is_missing_is_named(team: Team, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal every missing flag at once, exit 2, and nothing is appended."""
    folder = incident()
    before = len(entries(folder))
    monkeypatch.setenv("IRKIT_WHO", "nobody")
    Path("irkit.toml").write_text("")
    ran = irkit(capsys, "custody", "offer", NAME, "--all", "--config", "irkit.toml")
    assert ran.code == 2
    for flag in ("--title", "--phone", "--to", "--to-title", "--to-phone", "--location", "--reason"):
        assert f"{flag} …" in ran.err
    assert len(entries(folder)) == before
    team("maria", *OFFER)
    assert "--location" in team("sam", "custody", "accept", NAME).err


@needs_ssh
def test_artefacts_are_chosen_by_name_or_hash(team: Team) -> None:
    """An unknown one, none at all, or one and --all are refused; a hash may be shortened."""
    folder = incident()
    rest = ("--to", "sam", "--location", "x", "--reason", "y")
    sha256 = next(one.disclosed["artefact.sha256"] for one in entries(folder, "artefact.added")
                  if one.disclosed["artefact.name"] == "call.txt")
    assert team("maria", "custody", "offer", NAME, *rest).code == 2
    assert team("maria", "custody", "offer", NAME, *rest, "--all", "--artefact", "log.jsonl").code == 2
    assert "no artefact 'nothing'" in team("maria", "custody", "offer", NAME, *rest, "--artefact", "nothing").err
    assert team("maria", "custody", "offer", NAME, *rest, "--artefact", "log.jsonl", "--artefact", sha256[:10]).code == 0
    offered = entries(folder, "custody.offered")[0].disclosed["custody.artefacts"]
    assert [one["name"] for one in offered] == ["log.jsonl", "call.txt"]


@needs_ssh
def test_two_offers_are_told_apart(team: Team) -> None:
    """Without a number both are listed; one that was accepted is not accepted again."""
    folder = incident()
    team("maria", *OFFER)
    team("maria", *OFFER)
    first, second = (one.seq for one in entries(folder, "custody.offered"))
    assert "2 offers wait" in team("sam", "custody", "accept", NAME, "--location", "lab").err
    assert team("sam", "custody", "accept", NAME, str(second), "--location", "lab").code == 0
    again = team("sam", "custody", "accept", NAME, str(second), "--location", "lab")
    assert again.code == 2
    assert "accepted already" in again.err
    assert "is no offer" in team("sam", "custody", "accept", NAME, "0", "--location", "lab").err
    assert team("sam", "custody", "accept", NAME, "--location", "lab").code == 0
    assert entries(folder, "custody.accepted")[-1].ref == first
    verified(folder)


def test_a_drill_needs_no_key_and_one_person(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Throw-away keys, and DRILL on every line of every command."""
    folder = incident("drill")
    Path("irkit.toml").write_text(PEOPLE)
    monkeypatch.setenv("IRKIT_WHO", "maria")
    first = irkit(capsys, *OFFER)
    second = irkit(capsys, "custody", "accept", NAME, "--location", "lab")
    shown = irkit(capsys, "custody", "show", NAME)
    wrong = irkit(capsys, "custody", "accept", NAME, "--location", "lab")
    assert [ran.code for ran in (first, second, shown, wrong)] == [0, 0, 0, 2]
    lines = "".join(ran.out + ran.err for ran in (first, second, shown, wrong)).splitlines()
    assert lines
    assert not [line for line in lines if not line.startswith("DRILL")]
    verified(folder)


@needs_ssh
def test_custody_goes_on_after_the_seal(team: Team) -> None:
    """A sealed incident is handed over like any other; what is wrong there is said and cannot be noted."""
    folder = incident()
    assert team("maria", "close", NAME, "--confirm", NAME).code == 0
    assert team("maria", *OFFER).code == 0
    spoil(folder, CALL, CALL.swapcase())
    ran = team("sam", "custody", "accept", NAME, "--location", "lab")
    assert ran.code == 5
    assert "keep this output" in " ".join(ran.err.split())
    spoil(folder, CALL.swapcase(), CALL)
    assert team("sam", "custody", "accept", NAME, "--location", "lab").code == 0
    verified(folder)
    with Ledger.open(folder, write=False) as ledger:
        assert ledger.sealed


def test_many_artefacts_fit(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """An offer too long for a line is an artefact itself, and is accepted all the same."""
    folder = incident("drill")
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria")
        for number in range(300):
            ledger.keep(f"page {number}", b"%d" % number)
        ledger.end_session()
    Path("irkit.toml").write_text(PEOPLE)
    monkeypatch.setenv("IRKIT_WHO", "maria")
    assert irkit(capsys, *OFFER).code == 0
    assert irkit(capsys, "custody", "accept", NAME, "--location", "lab").code == 0
    shown = irkit(capsys, "custody", "show", NAME, "--json").json["transfers"][0]["artefacts"]
    assert len(shown) == 303
    assert all(one["recomputed"] == one["sha256"] for one in shown)
    verified(folder)


def test_missing_fields_are_asked_for_on_a_terminal() -> None:
    """One question each, behind DRILL; Ctrl-C appends nothing."""
    folder = incident("drill")
    Path("irkit.toml").write_text(PEOPLE)
    words = ["custody", "offer", NAME, "--artefact", "log.jsonl", "--plain"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "IRKIT_WHO": "maria"}

    def on_terminal() -> pexpect.spawn[str]:
        return pexpect.spawn(sys.executable, ["-m", "irkit", *words], encoding="utf-8", timeout=20, env=environment)

    child = on_terminal()
    child.expect("DRILL Who takes it. ")
    child.sendline("sam")
    child.expect("DRILL Where is it stored now. ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert not entries(folder, "custody.")
    child = on_terminal()
    child.expect("DRILL Who takes it. ")
    child.sendline("sam")
    child.expect("DRILL Where is it stored now. ")
    child.sendline("")
    child.expect("needed here.*stored now. ")
    child.sendline("safe 2")
    child.expect("DRILL Why is it handed over. ")
    child.sendline("analysis")
    child.expect("DRILL Offered 1 artefact to Sam Ng")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert entries(folder, "custody.offered")[0].disclosed["custody.location"] == "safe 2"
