"""An incident with artefacts whose runs are closed, and two people with keys of their own who work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Signer, Throwaway
from irkit.ledger.trust import Trust
from irkit.ledger.verify import Report, verify
from tests.cli.rig import Capsys, Ran, irkit
from tests.ledger.ssh import made, pub

NAME = "INC-1"
LOG = b'{"actor": "dana"}\n' * 30
CALL = b"rang back on the known number"
BOOK = b"""\
schema: irkit/v1
runbook: mine
title: A runbook of a test
version: 1
inputs: {aware_at: {type: timestamp, ask: "When?"}}
clocks: [{id: gdpr, title: GDPR notice, start: "{{ inputs.aware_at }}", within: 72h, stops: tell}]
steps:
  - {id: call, phase: prepare, title: Call the agent, why: They know., do: "Call them."}
  - {id: tell, phase: contain, title: Tell the authority, why: The law., do: "Tell them."}
"""
PEOPLE = """\
[people.maria]
name = "Maria Lopez"
title = "SOC lead"
phone = "+33 1 23 45 67 89"
[people.sam]
name = "Sam Ng"
title = "Counsel"
phone = "+41 44 555 01 02"
"""


def incident(mode: str = "live", *, policy: dict[str, object] | None = None, open_run: bool = False, told: bool = True,
             signer: Signer | None = None) -> Path:
    """`./evidence/INC-1`: one run of one person, two artefacts, a note with a value worth erasing.

    Where it is live, `./irkit.toml` names a key to sign with.
    """
    folder = Path("evidence", NAME).absolute()
    if mode == "live" and not Path("irkit.toml").exists():
        Path("irkit.toml").write_text(f'[key]\nuse = "{made(Path.cwd())}"\n')
    with Ledger.create(folder, mode=mode, version="1", code_hash="0" * 64, policy=policy) as ledger:
        ledger.start_session("Maria Lopez", signer=signer or Throwaway())
        book = ledger.keep("mine.yaml", BOOK, run="r1")
        ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": book.sha256, "mode": mode},
                      {"inputs.aware_at": "2026-11-20T02:06:00Z"}, run="r1", by="human")
        ledger.append("step.by_hand", {}, {"result": {"who": "maria"}}, run="r1", step="call", by="human")
        ledger.keep("log.jsonl", LOG, run="r1", step="call")
        ledger.keep("call.txt", CALL, run="r1", by="human")
        if told:
            ledger.append("step.done", {}, {"result": {}}, run="r1", step="tell", by="human")
        ledger.append("note", {}, {"text": "dana.reyes@example.org was here", "observed_at": "2026-11-20T02:00:00Z"},
                      by="human")
        if not open_run:
            ledger.append("run.closed", {}, {}, run="r1", by="human")
        ledger.end_session()
    return folder


def entries(folder: Path, kind: str = "") -> list[Entry]:
    with Ledger.open(folder, write=False) as ledger:
        return [entry for entry in ledger.entries() if entry.kind.startswith(kind)]


def verified(folder: Path, trust: Trust | None = None) -> Report:
    """The report of a ledger that verifies."""
    report = verify(folder, trust)
    assert report.exit_code == 0, report.findings
    return report


class Team:
    """Maria and Sam at their own machines: each has a key and an irkit.toml."""

    def __init__(self, capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
        self._capsys, self._patch = capsys, monkeypatch
        self.keys: dict[str, Path] = {}
        self.configs: dict[str, Path] = {}
        for who in ("maria", "sam"):
            (folder / who).mkdir()
            self.keys[who] = made(folder / who)
            self.configs[who] = folder / who / "irkit.toml"
            self.configs[who].write_text(f'[key]\nuse = "{self.keys[who]}"\n{PEOPLE}{more}')
        self.signers = folder / "allowed_signers"
        self.signers.write_text("".join(f"{who} {pub(key)}\n" for who, key in self.keys.items()))

    def __call__(self, who: str, *words: str, config: str = "") -> Ran:
        """irkit, run by `who`; with the key of `config` where that is somebody else's."""
        self._patch.setenv("IRKIT_WHO", who)
        return irkit(self._capsys, *words, "--config", str(self.configs[config or who]))

    def trust(self) -> Trust:
        return Trust(signers=self.signers)
