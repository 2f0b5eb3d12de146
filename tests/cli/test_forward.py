"""irkit ledger forward: what leaves, what is called stored, and what a restart does not send again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit.cli import main
from irkit.cli.forward import Reader
from irkit.config import state_folder
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.worlds import Fault, World
from irkit.worlds.serve import Server, serve
from irkit.worlds.splunk import Splunk
from irkit.worlds.sumologic import SumoLogic
from tests.cli.rig import Capsys, Ran, irkit
from tests.cli.test_ledger import URL, incident
from tests.worlds.helpers import make

Patch = pytest.MonkeyPatch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return incident(tmp_path / "evidence", mode="test")


@contextlib.contextmanager
def served(world: World, monkeypatch: Patch, *faults: Fault) -> Iterator[Server]:
    """A served tenant, and the irkit.toml that leads there."""
    name, (way, ready) = world.connector, world.signs_in()
    monkeypatch.setenv("READY", ready)
    for host, value in world.more_credentials().items():
        monkeypatch.setenv(f"MORE_{host.upper()}", value)
    with serve(world, faults=faults) as server:
        more = ", ".join(f'{host} = "env:MORE_{host.upper()}"' for host in world.more_credentials())
        settings = ", ".join(f'{key} = "{value}"' for key, value in world.settings.items())
        Path("irkit.toml").write_text(
            f'[connections.{name}]\nsign_in = "{way}"\ncredential = "env:READY"\nbase_url = "{server.url}"\n'
            f"settings = {{ {settings} }}\ncredentials = {{ {more} }}\n")
        yield server


def splunk(**options: Any) -> Splunk:
    world = make("splunk", **{"ack": True, **options})
    assert isinstance(world, Splunk)
    return world


def events(world: Splunk) -> list[dict[str, Any]]:
    return [json.loads(one["_raw"]) for one in world.sent]


def size(folder: Path) -> int:
    with Ledger.open(folder, write=False) as ledger:
        return ledger.size


def more(folder: Path, text: str = "later") -> None:
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria", signer=Throwaway())
        ledger.append("note", {}, {"text": text}, by="human")
        ledger.end_session()


def forward(capsys: Capsys, folder: Path, *args: str, to: str = "splunk") -> Ran:
    return irkit(capsys, "ledger", "forward", folder.name, "--to", to, *args)


def test_entries_arrive_as_lines_whose_hash_is_the_ledger_s(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Each line hashes to its leaf, in order, and all of them were acknowledged."""
    world = splunk()
    with served(world, monkeypatch):
        ran = forward(capsys, folder, "--json")
    assert ran.code == 0
    assert ran.json["stored"] == ran.json["entries"] == size(folder)
    assert [one["irkit_seq"] for one in events(world)] == list(range(size(folder)))
    for one in events(world):
        assert hashlib.sha256(b"\0" + one["line"].encode()).hexdigest() == one["irkit_leaf"]


def test_names_addresses_and_texts_do_not_leave(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """The canonical lines say what was done, not to whom."""
    world = splunk()
    with served(world, monkeypatch):
        forward(capsys, folder)
    sent = json.dumps(events(world))
    assert not [text for text in (URL, "maria", "Tor exit", "acme", "log.jsonl", folder.name) if text in sent]


def test_values_leave_only_with_a_flag_and_a_word(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """--disclose asks for the incident's name; what bears a label stays."""
    world = splunk()
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria", signer=Throwaway())
        note = next(entry.seq for entry in ledger.entries() if entry.kind == "note")
        ledger.append("label.set", {"label": "privilege"}, {"label.basis": "counsel"}, by="human", ref=note)
        ledger.end_session()
    with served(world, monkeypatch):
        refused = forward(capsys, folder, "--disclose")
        assert (refused.code, world.sent) == (2, [])
        assert forward(capsys, folder, "--disclose", "--confirm", folder.name).code == 0
    sent = json.dumps(events(world))
    assert URL in sent
    assert "Tor exit" not in sent


def test_a_restart_sends_nothing_twice(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """What was acknowledged is behind us; what came since is sent."""
    world = splunk()
    with served(world, monkeypatch):
        forward(capsys, folder)
        first = size(folder)
        assert forward(capsys, folder, "--json").json["entries"] == first
        more(folder)
        forward(capsys, folder)
    assert [one["irkit_seq"] for one in events(world)] == list(range(size(folder)))
    assert size(folder) > first


def test_forwarding_changes_nothing_in_the_incident(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Not a byte: how far it came is this machine's own."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with served(splunk(), monkeypatch):
        forward(capsys, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_nobody_answered_for_is_unknown_until_it_is_sent_again(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Exit 1, the entries are named, a restart does not repeat them, --resend does."""
    world, lost = splunk(), Fault("splunk", "POST /services/collector/event", lost="before")
    with served(world, monkeypatch, lost):
        ran = forward(capsys, folder)
        assert ran.code == 1
        assert f"unknown        0-{size(folder) - 1}" in ran.out
        assert forward(capsys, folder).code == 1
        assert world.sent == []
        assert forward(capsys, folder, "--resend").code == 0
    assert [one["irkit_seq"] for one in events(world)] == list(range(size(folder)))


def test_a_source_that_never_says_is_accepted_and_not_stored(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Sumo Logic: 200, whether a budget drops it or not. Nothing is called stored."""
    world = make("sumologic", drops=True)
    assert isinstance(world, SumoLogic)
    with served(world, monkeypatch):
        ran = forward(capsys, folder, "--json", to="sumologic")
        told = forward(capsys, folder, to="sumologic")
    assert (ran.code, ran.json["stored"], ran.json["accepted"]) == (0, 0, [f"0-{size(folder) - 1}"])
    assert "whether sumologic stores them it does not say" in told.out
    assert "stored" not in ran.err


def test_a_refused_token_sends_nothing_and_says_so(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """403: an error, and the next try begins where this one stood."""
    world = splunk()
    with served(world, monkeypatch):
        monkeypatch.setenv("MORE_HEC", "wrong")
        ran = forward(capsys, folder)
        assert ran.code == 1
        assert "Invalid token" in ran.words
        monkeypatch.setenv("MORE_HEC", world.hec_token)
        assert forward(capsys, folder).code == 0
    assert [one["irkit_seq"] for one in events(world)] == list(range(size(folder)))


def test_another_history_is_not_forwarded_behind_the_first(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """The newest leaf that left is not in the ledger any more: exit 5, and the receiver holds what stood there."""
    with served(splunk(), monkeypatch):
        forward(capsys, folder)
        kept = next((state_folder({"HOME": str(Path.cwd() / "home")}) / "forward").glob("*.json"))
        found = json.loads(kept.read_text())
        kept.write_text(json.dumps({**found, "leaf": "0" * 64}))
        ran = forward(capsys, folder)
    assert ran.code == 5
    assert "not the one that was forwarded" in ran.words


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"next": "x"}'])
def test_a_cursor_that_cannot_be_read_is_told(capsys: Capsys, folder: Path, monkeypatch: Patch, damage: str) -> None:
    """And the way out; nothing is sent by guess."""
    world = splunk()
    with served(world, monkeypatch):
        forward(capsys, folder)
        kept = next((state_folder({"HOME": str(Path.cwd() / "home")}) / "forward").glob("*.json"))
        kept.write_text(damage)
        ran = forward(capsys, folder)
    assert ran.code == 1
    assert "move that file away" in ran.words
    assert len(world.sent) == size(folder)


def test_a_system_that_takes_no_entries_is_named(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Zendesk is none; an unknown connection is exit 4."""
    with served(make("zendesk"), monkeypatch):
        assert forward(capsys, folder, to="zendesk").code == 2
        assert forward(capsys, folder, to="nothing").code == 4


def test_a_live_ledger_does_not_go_to_this_machine(capsys: Capsys, tmp_path: Path, monkeypatch: Patch) -> None:
    """Loopback is refused, as in a run."""
    live = incident(tmp_path / "evidence")
    world = splunk()
    with served(world, monkeypatch):
        assert forward(capsys, live).code == 1
    assert world.sent == []


def test_a_reader_sees_what_comes_and_opens_nothing_in_between(folder: Path) -> None:
    """Entries of another process show at the next look; while the files are as they were, nothing is read."""
    reader = Reader(folder, disclose=False)
    last = reader.read(-1)[-1].seq
    assert reader.read(last) == []
    state = reader._state()
    assert reader._empty == state
    more(folder)
    assert [line.seq for line in reader.read(last)] == list(range(last + 1, size(folder)))
    assert not reader.ended


def test_it_follows_a_run_and_ends_at_ctrl_c(capsys: Capsys, folder: Path, monkeypatch: Patch, tmp_path: Path) -> None:
    """A process of its own: entries arrive while they are made, the run's own process is not touched; SIGINT ends it with
    what it came to."""
    world, arrived = splunk(), threading.Event()
    index = world._index

    def told(value: dict[str, Any]) -> None:
        index(value)
        if value["event"]["irkit_seq"] == due[0] - 1:
            arrived.set()
    due = [size(folder)]
    monkeypatch.setattr(world, "_index", told)
    with served(world, monkeypatch):
        command = [sys.executable, "-m", "irkit", "ledger", "forward", folder.name, "--to", "splunk", "--follow", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert arrived.wait(60)
            arrived.clear()
            due[0] += 3
            more(folder)
            assert arrived.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["stored"]) == (0, size(folder)), err
    assert "acknowledged" in err


def test_a_sealed_incident_ends_it(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """--follow returns by itself when nothing more will come."""
    signer = Throwaway()
    with Ledger.open(folder) as ledger:
        ledger.start_session("maria", signer=signer)
        ledger.append_signed("sealed", signer)
        ledger.end_session()
    with served(splunk(), monkeypatch):
        ran = forward(capsys, folder, "--follow", "--json")
    assert (ran.code, ran.json["stored"]) == (0, size(folder))


def test_a_setting_that_is_no_place_begins_nothing_anew(capsys: Capsys, folder: Path, monkeypatch: Patch) -> None:
    """Acknowledgements switched on in irkit.toml: what was sent stays sent."""
    world = splunk(ack=False)
    with served(world, monkeypatch):
        forward(capsys, folder)
        file = Path("irkit.toml")
        file.write_text(file.read_text().replace('ack = "no"', 'ack = "yes"'))
        ran = forward(capsys, folder, "--json")
    assert len(world.sent) == size(folder)
    assert (ran.code, ran.json["accepted"]) == (1, [f"0-{size(folder) - 1}"])


def test_help_has_examples(capsys: Capsys) -> None:
    """And says what accepted is not."""
    assert main(["ledger", "forward", "--help"]) == 0
    out = capsys.readouterr().out
    assert "irkit ledger forward INC-2041 --to splunk --follow" in out
    assert "Accepted is not stored" in out
