"""irkit doctor and irkit connect."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest

from irkit import connectors
from irkit.config import load
from irkit.worlds import World, find
from irkit.worlds.serve import Server, serve
from tests.cli.rig import Capsys, Ran, irkit

SECRET = "zd-4f1c9a77b2e04d51"
ROOT = Path(__file__).resolve().parents[2]


def world(ahead: float = 0.0) -> World:
    """A tenant whose clock is `ahead` seconds of this machine's."""
    return find("zendesk")({}, people=(), now=lambda: datetime.now(UTC) + timedelta(seconds=ahead))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "evidence").mkdir()
    with serve(world()) as running:
        yield running


def connect(capsys: Capsys, *args: str) -> Ran:
    return irkit(capsys, "connect", "zendesk", "--config", "irkit.toml", *args)


def connected(capsys: Capsys, server: Server, *args: str) -> None:
    """irkit.toml with a connection to the served world; its token is the variable TOKEN."""
    ran = connect(capsys, "--sign-in", "token", "--credential", "env:TOKEN", "--base-url", server.url, *args)
    assert ran.code == 0, ran.err


def doctor(capsys: Capsys, *args: str) -> Ran:
    return irkit(capsys, "doctor", "--config", "irkit.toml", *args)


def line(ran: Ran, name: str) -> str:
    return next(line for line in ran.out.splitlines() if line.startswith(f"{name} "))


# -- doctor ------------------------------------------------------------------------------------------------------

def test_ready_says_whom_irkit_acts_as(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that works is ok with name and role; clock and evidence folder too; exit 0."""
    connected(capsys, server)
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    ran = doctor(capsys)
    assert ran.code == 0, ran.out
    assert line(ran, "zendesk").split()[1:4] == ["ok", "ir-break-glass,", "admin;"]
    assert "within" in line(ran, "clock")
    assert "fsync works" in line(ran, "evidence")
    assert ran.out.splitlines()[-1].startswith("Ready.")
    assert "asking Zendesk…" in ran.err


def test_nothing_is_changed_in_the_tenant(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world is the same afterwards."""
    connected(capsys, server)
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    before = server.world.digest()
    doctor(capsys)
    assert server.world.digest() == before


def test_a_refused_token_names_the_mending_command(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 is a refused credential: exit 4, the vendor's words, never the credential."""
    connected(capsys, server)
    monkeypatch.setenv("TOKEN", SECRET)
    ran = doctor(capsys)
    assert ran.code == 4
    assert "FAIL  the credential is refused (401)" in ran.out
    assert "expired, revoked" in " ".join(ran.out.split())
    assert "irkit connect zendesk" in ran.out
    assert SECRET not in ran.out + ran.err


def test_a_missing_credential_names_the_variable(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set is said before anything is asked of the vendor."""
    connected(capsys, server)
    monkeypatch.delenv("TOKEN", raising=False)
    ran = doctor(capsys)
    assert ran.code == 4
    assert "TOKEN is not set" in line(ran, "zendesk")


def test_an_agent_is_not_enough(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in that is no administrator fails: actions would be refused in the middle of an incident."""
    given = server.world.credentials()
    agent = str(server.world.samples()["email"])
    ran = connect(capsys, "--sign-in", "api_token", "--set", f"email={agent}", "--credential", "env:TOKEN",
                  "--base-url", server.url)
    assert ran.code == 0, ran.err
    monkeypatch.setenv("TOKEN", given["api_token"])
    ran = doctor(capsys)
    assert ran.code == 4
    assert "not an administrator" in " ".join(ran.out.split())


def test_an_unreachable_tenant_fails_alone(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection that cannot be reached does not hide the others."""
    connected(capsys, server)
    connected(capsys, server, "--name", "second")
    text = Path("irkit.toml").read_text()
    Path("irkit.toml").write_text(text.replace(server.url, "http://127.0.0.1:9", 1))
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    ran = doctor(capsys)
    assert ran.code == 4
    assert "FAIL" in line(ran, "zendesk")
    assert " ok " in line(ran, "second")
    assert line(doctor(capsys, "second"), "second")
    assert doctor(capsys, "second").code == 0


def test_a_clock_that_is_wrong_fails(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's times are read beside the vendor's log, so a minute's difference is a problem."""
    (tmp_path / "evidence").mkdir()
    with serve(world(ahead=60)) as running:
        connected(capsys, running)
        monkeypatch.setenv("TOKEN", running.world.ready_token)
        ran = doctor(capsys)
    assert ran.code == 4
    assert "FAIL" in line(ran, "clock")
    assert "s behind zendesk's Date header" in line(ran, "clock")


def test_for_a_runbook_says_which_steps_cannot_run(capsys: Capsys, tmp_path: Path) -> None:
    """Without the connection its action steps need, their numbers are listed."""
    irkit(capsys, "runbook", "new", "mine")
    ran = irkit(capsys, "doctor", "--for", "mine")
    assert ran.code == 4
    assert "FAIL  no connection called zendesk" in line(ran, "zendesk")
    assert "irkit connect zendesk" in ran.out
    assert "Steps 1-3, 5 cannot run." in " ".join(ran.out.split())


def test_a_connection_that_a_decision_may_leave_out_may_be_missing(capsys: Capsys, server: Server,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The Zendesk runbook with Zendesk alone: ready; which steps at Okta would be done by hand, and how to connect it."""
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    monkeypatch.setenv("IRKIT_RUNBOOKS", str(Path(__file__).parents[2] / "runbooks"))
    connected(capsys, server)
    ran = doctor(capsys, "--for", "zendesk_agent_compromise")
    assert ran.code == 0, ran.out
    said = " ".join(ran.out.split())
    assert re.search(r"no connection called okta is configured: steps [-0-9, ]+ would be done by hand irkit connect okta", said)


def test_for_a_runbook_that_is_ready(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that the runbook does not use are left out."""
    connected(capsys, server)
    connected(capsys, server, "--name", "other")
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    irkit(capsys, "runbook", "new", "mine")
    ran = doctor(capsys, "--for", "mine")
    assert ran.code == 0, ran.out
    assert "other" not in ran.out


def test_without_any_connection_it_says_how_to_make_one(capsys: Capsys) -> None:
    """Not ready for a live run; drills need none."""
    ran = irkit(capsys, "doctor")
    assert ran.code == 4
    assert "irkit connect zendesk" in ran.out
    assert "drills need none" in ran.out


def test_evidence_that_cannot_be_kept_fails(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk and a folder that is a file are found before an incident."""
    (tmp_path / "evidence").mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4_100_000))
    assert "FAIL  4.1 MB free" in line(irkit(capsys, "doctor"), "evidence")
    (tmp_path / "file").write_text("")
    ran = irkit(capsys, "doctor", "--evidence", "file/below")
    assert "FAIL" in line(ran, "evidence")


def test_json_holds_every_check(capsys: Capsys, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json says ready or not, each check and its next command."""
    connected(capsys, server)
    monkeypatch.setenv("TOKEN", server.world.ready_token)
    said = doctor(capsys, "--json").json
    assert said["ready"] is True
    assert [check["name"] for check in said["checks"]] == ["zendesk", "clock", "evidence", "key", "timestamps"]


# -- connect -----------------------------------------------------------------------------------------------------

def table(name: str = "zendesk") -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(Path("irkit.toml").read_text())["connections"][name]
    return found


def test_connect_writes_the_connection_and_says_what_is_next(capsys: Capsys) -> None:
    """The file holds the reference, is private, and the next command is named."""
    ran = irkit(capsys, "connect", "zendesk", "--set", "subdomain=acme", "--sign-in", "token", "--credential", "env:TOKEN")
    assert (ran.code, ran.out) == (0, "")
    assert table() == {"connector": "zendesk", "sign_in": "token", "settings": {"subdomain": "acme"}, "credential": "env:TOKEN"}
    assert stat.S_IMODE(os.stat("irkit.toml").st_mode) == 0o600
    assert "irkit doctor zendesk" in ran.err
    assert "security:read" in ran.err
    assert "administrator" in ran.err


def test_connect_keeps_the_rest_of_the_file(capsys: Capsys) -> None:
    """Comments and people stay; a connection of the same name is replaced."""
    Path("irkit.toml").write_text('# ours\n[people.maria]\nname = "Maria"\n')
    for subdomain in ("acme", "other"):
        ran = connect(capsys, "--set", f"subdomain={subdomain}", "--sign-in", "token", "--credential", "prompt")
        assert ran.code == 0, ran.err
    assert Path("irkit.toml").read_text().startswith('# ours\n[people.maria]\nname = "Maria"\n')
    assert table()["settings"] == {"subdomain": "other"}


def test_connect_asks_for_the_settings_of_the_sign_in(capsys: Capsys) -> None:
    """Client credentials need a client id besides the subdomain."""
    given = ["--set", "subdomain=acme", "--sign-in", "client_credentials", "--credential", "command:op read op://IR/zendesk"]
    ran = connect(capsys, *given)
    assert ran.code == 2
    assert "--set client_id=" in ran.err
    assert connect(capsys, *given, "--set", "client_id=irkit").code == 0
    assert table()["settings"] == {"subdomain": "acme", "client_id": "irkit"}


@pytest.mark.parametrize(("given", "named"), [
    ([], "--sign-in"),
    (["--sign-in", "token"], "--set subdomain="),
    (["--sign-in", "token", "--set", "subdomain=acme"], "--credential"),
])
def test_without_a_terminal_what_is_missing_is_named(capsys: Capsys, given: list[str], named: str) -> None:
    """Never a prompt and never a default: exit 2 with the flag, and no file."""
    ran = irkit(capsys, "connect", "zendesk", *given)
    assert ran.code == 2
    assert named in ran.err
    assert not Path("irkit.toml").exists()


def test_a_secret_in_place_of_a_reference_is_refused_and_never_shown(capsys: Capsys) -> None:
    """What is no reference may be the secret itself."""
    ran = connect(capsys, "--set", "subdomain=acme", "--sign-in", "token", "--credential", SECRET, "--debug")
    assert ran.code == 2
    assert "replace it" in ran.err
    assert SECRET not in ran.out + ran.err
    assert not Path("irkit.toml").exists()


@pytest.mark.parametrize("wrong", [
    ["--set", "subdomain=https://acme.zendesk.com"], ["--set", "subdomian=acme"], ["--set", "subdomain"], ["--name", "a b"],
    ["--base-url", "http://acme.example.com"], ["--sign-in", "password"],
])
def test_what_does_not_fit_is_a_usage_error(capsys: Capsys, wrong: list[str]) -> None:
    """Settings, names and addresses are checked before anything is written."""
    given = {"--set": "subdomain=acme", "--sign-in": "token", "--credential": "env:TOKEN", wrong[0]: wrong[1]}
    ran = irkit(capsys, "connect", "zendesk", *(word for pair in given.items() for word in pair))
    assert ran.code == 2
    assert ran.err
    assert not Path("irkit.toml").exists()


def test_connect_to_an_unknown_connector_names_the_next_command(capsys: Capsys) -> None:
    """A wrong name is a usage error."""
    ran = irkit(capsys, "connect", "zendsk")
    assert ran.code == 2
    assert "irkit action list" in ran.err


def test_a_broken_file_can_be_mended_by_connecting_again(capsys: Capsys) -> None:
    """A mistake in the connection that is replaced does not stand in the way."""
    Path("irkit.toml").write_text('[connections.zendesk]\nconnector = "zendesk"\ncredential = "nothing"\n')
    assert doctor(capsys).code != 0
    assert connect(capsys, "--set", "subdomain=acme", "--sign-in", "token", "--credential", "env:TOKEN").code == 0
    assert table()["credential"] == "env:TOKEN"


def test_connect_asks_on_a_terminal(tmp_path: Path) -> None:
    """It asks for what is missing, says what does not fit and asks again, and takes no secret for a reference."""
    child = pexpect.spawn(sys.executable, ["-m", "irkit", "connect", "zendesk", "--plain"], cwd=str(tmp_path), encoding="utf-8",
                          env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}, timeout=20)
    for question, answer in (
        ("Sign in with", "passkey"), ("Accepted here: token", "token"), ("Subdomain", "https://acme.zendesk.com"),
        ("does not look right.*Subdomain", "acme"), ("Where is it kept", SECRET),
        ("must say where.*Where is it kept", "env:TOKEN"),
    ):
        child.expect(f"(?s){question}.*: $")
        child.sendline(answer)
    child.expect("irkit doctor zendesk")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert table() == {"connector": "zendesk", "sign_in": "token", "settings": {"subdomain": "acme"}, "credential": "env:TOKEN"}


def test_connect_interrupted_writes_nothing(tmp_path: Path) -> None:
    """Ctrl-C at a question ends it with 130; there is nothing to resume."""
    child = pexpect.spawn(sys.executable, ["-m", "irkit", "connect", "zendesk", "--plain"], cwd=str(tmp_path), encoding="utf-8",
                          env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}, timeout=20)
    child.expect("Sign in with.*: $")
    child.sendintr()
    child.expect("Interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert not (tmp_path / "irkit.toml").exists()


# -- connect, whatever there is -----------------------------------------------------------------------------------

WRITTEN = ("acme", "irkit", "dana@example.org", "11111111-2222-3333-4444-555555555555", "acme.example.com",
           "https://acme.example.com", "AKIA0123456789ABCDEF", "42", "P" + "A" * 6)
WAYS = [(name, way.name) for name in connectors.names() for way in connectors.find(name).sign_in]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_every_connector_can_be_connected_in_each_of_its_ways(capsys: Capsys, name: str, way: str) -> None:
    """Each setting that is missing is named, one after the other; what is written then is read back as a connection."""
    connector = connectors.find(name)
    chosen = next(one for one in connector.sign_in if one.name == way)
    given = ["--sign-in", way]
    for one in (*connector.settings, *chosen.settings):
        if one.default is None:
            ran = irkit(capsys, "connect", name, *given)
            assert (ran.code, f"--set {one.name}=" in ran.err) == (2, True), ran.err
            given += ["--set", f"{one.name}={next(text for text in (*one.values, *WRITTEN) if one.takes(text))}"]
    ran = irkit(capsys, "connect", name, *given, "--credential", "env:SECRET")
    assert ran.code == 0, ran.err
    assert f"irkit doctor {name}" in ran.err
    connection = load(Path("irkit.toml")).connection(name)
    assert (connection.connector, connection.sign_in) == (name, way)
    assert f"connected as {name}" in irkit(capsys, "connect").out


def test_connect_alone_lists_what_there_is(capsys: Capsys) -> None:
    """Every connector with its title and the next command; an option without a name is a slip."""
    ran = irkit(capsys, "connect")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == [*connectors.names(), "Next"]
    assert all(connectors.find(name).title in ran.out for name in connectors.names())
    assert irkit(capsys, "connect", "--name", "sandbox").code == 2
