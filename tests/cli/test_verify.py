"""`irkit ledger verify`, `checkpoint`, `stamp` and `show --windows`, with what a reader brings from outside."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from irkit.cli import verify as command
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from tests.cli.people import BOOK
from tests.cli.rig import Capsys, irkit
from tests.ledger.authority import OPENSSL, Authority

FOLDER = Path("evidence", "INC-1")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl, which plays the authority, is not installed")


def incident(signer: Throwaway, mode: str = "test", folder: Path = FOLDER) -> None:
    """An incident of one endorsed session that sent something."""
    with Ledger.create(folder, mode=mode, version="1", code_hash="0" * 64) as ledger:
        ledger.start_session("Maria Lopez", signer=signer)
        kept = ledger.keep("mine.yaml", BOOK, run="r1")
        book = {"runbook": "mine", "version": 1, "runbook_sha256": kept.sha256, "mode": "live"}
        ledger.append("run.opened", book, {"inputs.aware_at": "2026-11-20T02:06:00Z"}, run="r1", by="human")
        ledger.append("request.sending", {"effect": "reversible"}, {"request.url": "https://x/1"}, run="r1")
        ledger.append("run.closed", run="r1")
        ledger.end_session()


def signers(signer: Throwaway, name: str = "signers") -> str:
    Path(name).write_text(f'maria@acme.com namespaces="irkit-*" {signer.public}\n')
    return name


def test_a_long_ledger_says_how_far_it_is(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, beside the report as JSON; many entries that are taken as one are told as one."""
    incident(Throwaway())
    with Ledger.open(FOLDER) as ledger:
        ledger.start_session("Maria Lopez")
        for _ in range(30):
            ledger.append("request.answer", {"status": 200}, run="r1")
        ledger.end_session()
    monkeypatch.setattr(command, "PROGRESS_EACH", 15)
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--json")
    assert (ran.code, json.loads(ran.out)["entries"]) == (0, 41)
    assert ran.err.splitlines() == ["30 entries"]


def test_the_first_line_says_what_is_not_proven(capsys: Capsys) -> None:
    """Without files from outside neither author nor time is; with signers the author is named by them."""
    key = Throwaway()
    incident(key)
    ran = irkit(capsys, "ledger", "verify", "INC-1")
    assert ran.code == 0
    assert ran.out.startswith("TEST Consistent; author not proven (--signers); no time proven")
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--signers", signers(key))
    assert ran.out.startswith("TEST Consistent; author proven; ")
    assert "maria@acme.com" in ran.out


def test_a_key_that_nobody_vouches_for_is_refused(capsys: Capsys) -> None:
    """A ledger written anew with a key of the forger's own looks consistent, and fails against the signers."""
    incident(Throwaway())
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--signers", signers(Throwaway()))
    assert ran.code == 5
    assert "is not trusted" in ran.out


def test_trust_can_be_required(capsys: Capsys) -> None:
    """--require-trusted turns each "not proven" into a failure."""
    key = Throwaway()
    incident(key)
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--require-trusted", "--json")
    assert ran.code == 5
    assert {one["mechanism"] for one in ran.json["findings"]} == {"trust", "time"}
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--require-trusted", "--signers", signers(key), "--json")
    assert [one["mechanism"] for one in ran.json["findings"]] == ["time"]


def test_a_note_kept_elsewhere_finds_a_ledger_that_was_cut_back(capsys: Capsys) -> None:
    """The checkpoint that was mailed to counsel fits the ledger, and neither an older copy nor another history."""
    key = Throwaway()
    incident(key)
    shutil.copytree(FOLDER, "evidence/OLD")
    ran = irkit(capsys, "ledger", "checkpoint", "INC-1")
    Path("mailed.note").write_text(ran.out)
    assert ran.out.splitlines()[0].startswith("irkit/test/")
    assert irkit(capsys, "ledger", "checkpoint", "INC-1", "--show").out == ran.out
    assert irkit(capsys, "ledger", "verify", "INC-1", "--expect", "mailed.note").code == 0
    assert irkit(capsys, "ledger", "verify", "OLD").code == 0
    ran = irkit(capsys, "ledger", "verify", "OLD", "--expect", "mailed.note", "--json")
    assert (ran.code, ran.json["findings"][0]["mechanism"]) == (5, "expect")
    incident(key, folder=Path("evidence/ANEW"))
    assert irkit(capsys, "ledger", "verify", "ANEW", "--expect", "mailed.note").code == 5


def test_another_copy_finds_what_one_copy_cannot_show(capsys: Capsys) -> None:
    """The older copy lacks entries; the newer one agrees with it."""
    incident(Throwaway())
    shutil.copytree(FOLDER, "evidence/OLD")
    irkit(capsys, "note", "INC-1", "later")
    assert irkit(capsys, "ledger", "verify", "INC-1", "--against", "evidence/OLD").code == 0
    ran = irkit(capsys, "ledger", "verify", "OLD", "--against", "evidence/INC-1", "--json")
    assert (ran.code, ran.json["findings"][0]["mechanism"]) == (5, "against")


def test_a_policy_from_outside_can_only_be_stricter(capsys: Capsys) -> None:
    """It fails a ledger that genesis would let pass; and a file that is no policy is refused."""
    incident(Throwaway())
    Path("policy.json").write_text(json.dumps({"max_entries": 2}))
    assert irkit(capsys, "ledger", "verify", "INC-1", "--policy", "policy.json").code == 5
    Path("policy.json").write_text(json.dumps({"max_entries": 4096, "endorse": False}))
    assert irkit(capsys, "ledger", "verify", "INC-1", "--policy", "policy.json").code == 0
    Path("policy.json").write_text(json.dumps({"max": 2}))
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--policy", "policy.json")
    assert (ran.code, "is no policy" in ran.err) == (2, True)


@needs_openssl
def test_a_stamped_ledger_proves_when_it_was_written(capsys: Capsys) -> None:
    """`stamp` asks each authority; the windows are shown, and proven to who trusts the authority."""
    key = Throwaway()
    incident(key)
    with Authority() as authority:
        Path("irkit.toml").write_text(f'[timestamps]\nauthorities = ["{authority.url}"]\n')
        ran = irkit(capsys, "ledger", "stamp", "INC-1", "--json")
        assert (ran.code, [one["problem"] for one in ran.json]) == (0, [""])
        ran = irkit(capsys, "ledger", "verify", "INC-1", "--tsa-ca", str(authority.ca), "--signers", signers(key),
                    "--require-trusted", "--json")
        assert (ran.code, ran.json["time_trusted"], ran.json["tokens"]) == (0, True, 1)
    shown = irkit(capsys, "ledger", "show", "INC-1", "--windows", "--json").json
    assert datetime.fromisoformat(shown[0]["window"]["before"]) > datetime.fromisoformat(shown[0]["at"])
    assert "before 20" in irkit(capsys, "ledger", "show", "INC-1", "--windows").out
    ran = irkit(capsys, "status", "INC-1")
    assert ", timestamped " in ran.out


@needs_openssl
def test_an_authority_that_nobody_trusts_proves_nothing(capsys: Capsys) -> None:
    """Its token is a contradiction once the reader says which authorities count."""
    incident(Throwaway())
    with Authority() as authority, Authority("Second") as other:
        Path("irkit.toml").write_text(f'[timestamps]\nauthorities = ["{authority.url}"]\n')
        assert irkit(capsys, "ledger", "stamp", "INC-1").code == 0
        ran = irkit(capsys, "ledger", "verify", "INC-1", "--tsa-ca", str(other.ca), "--json")
    assert (ran.code, ran.json["findings"][0]["mechanism"]) == (5, "token")


def test_an_authority_out_of_reach_is_named(capsys: Capsys) -> None:
    """The ledger goes on without, and says which one to ask again."""
    incident(Throwaway())
    Path("irkit.toml").write_text('[timestamps]\nauthorities = ["http://127.0.0.1:9/tsr"]\n')
    ran = irkit(capsys, "ledger", "stamp", "INC-1")
    assert ran.code == 1
    assert "http://127.0.0.1:9/tsr  not reached" in ran.out
    assert irkit(capsys, "ledger", "verify", "INC-1").code == 0


def test_stamping_without_an_authority_names_the_setting(capsys: Capsys) -> None:
    """Exit 2, and what to write where."""
    incident(Throwaway())
    ran = irkit(capsys, "ledger", "stamp", "INC-1")
    assert (ran.code, "[timestamps]" in ran.err) == (2, True)


def test_nothing_inside_a_ledger_vouches_for_it(capsys: Capsys) -> None:
    """Signers that lie in the folder or bag that they are to vouch for are refused."""
    key = Throwaway()
    incident(key)
    ran = irkit(capsys, "ledger", "verify", "INC-1", "--signers", signers(key, str(FOLDER / "signers")))
    assert (ran.code, "lies within" in ran.err) == (2, True)
