"""irkit key: show, use, new."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pexpect
import pytest
from click.shell_completion import ShellComplete

from irkit.cli import cli
from irkit.ledger.keys import Untrusted, signer, trusted
from irkit.ledger.sshsig import Throwaway
from tests.cli.rig import Capsys, irkit
from tests.ledger.ssh import SecurityKey, agent, fingerprint_of, made, needs_ssh, pub

pytestmark = needs_ssh

ROOT = Path(__file__).resolve().parents[2]
NAMES = ",".join(f"irkit-{mode}{purpose}@v1" for mode in ("", "test-")
                 for purpose in ("session", "approval", "handover", "custody", "seal", "export"))


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IRKIT_WHO", "maria")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """~/.ssh, empty."""
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    return folder


def used() -> str:
    found: str = tomllib.loads(Path("irkit.toml").read_text())["key"]["use"]
    return found


def on_terminal(*words: str) -> pexpect.spawn[str]:
    return pexpect.spawn(sys.executable, ["-m", "irkit", "key", *words, "--plain"], encoding="utf-8", timeout=20,
                         env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"})


def ended(child: pexpect.spawn[str]) -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    code: int | None = child.exitstatus
    return code


# -- use ---------------------------------------------------------------------------------------------------------

def test_a_key_file_is_used_once_it_has_signed(capsys: Capsys, tmp_path: Path) -> None:
    """Its full path stands in irkit.toml, whose other lines stay."""
    path = made(tmp_path)
    Path("irkit.toml").write_text("# ours\n")
    ran = irkit(capsys, "key", "use", path.name)
    assert (ran.code, ran.out) == (0, "")
    assert Path("irkit.toml").read_text() == f'# ours\n\n[key]\nuse = "{path}"\n'
    assert fingerprint_of(path) in ran.err
    assert "irkit key show" in ran.err


def test_a_key_in_the_agent_is_used(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its fingerprint, and by a .pub file whose private half is there alone."""
    path = made(tmp_path)
    reference = f"agent:{fingerprint_of(path)}"
    with agent(monkeypatch, path):
        path.unlink()
        for given in (reference, f"{path}.pub"):
            assert irkit(capsys, "key", "use", given).code == 0
            assert used() == reference


@pytest.mark.parametrize(("spoil", "why"), [
    (lambda path: path.unlink(), "ssh-agent cannot be reached"),
    (lambda path: path.chmod(0o644), "chmod 600"),
    (lambda path: path.write_text("junk"), "did not sign"),
])
def test_a_key_that_does_not_sign_is_not_written_down(capsys: Capsys, tmp_path: Path, spoil: object, why: str) -> None:
    """Exit 4, and irkit.toml as it was."""
    path = made(tmp_path)
    assert callable(spoil)
    spoil(path)
    ran = irkit(capsys, "key", "use", str(path) if path.exists() else f"{path}.pub")
    assert ran.code == 4
    assert why in ran.err
    assert not Path("irkit.toml").exists()


def test_a_security_key_without_its_device(capsys: Capsys, tmp_path: Path) -> None:
    """The person is asked to touch it; nothing comes, nothing is written."""
    ran = irkit(capsys, "key", "use", str(SecurityKey().handle(tmp_path / "id_sk")))
    assert ran.code == 4
    assert "Touch your security key" in ran.err
    assert "did not sign" in ran.err
    assert not Path("irkit.toml").exists()


def test_without_a_terminal_the_reference_must_be_given(capsys: Capsys, home: Path) -> None:
    """Never a guess, even where there is one key only: exit 2 with the argument's name."""
    made(home)
    ran = irkit(capsys, "key", "use")
    assert ran.code == 2
    assert "irkit key use REFERENCE" in ran.err
    assert not Path("irkit.toml").exists()


def test_a_key_is_picked_on_a_terminal(home: Path) -> None:
    """From those in ~/.ssh; Enter alone picks none."""
    first, second = made(home), made(home)
    child = on_terminal("use")
    child.expect(f"1 {fingerprint_of(first).replace('+', '.')}")
    child.expect(f"2 {fingerprint_of(second).replace('+', '.')}.*: $")
    child.sendline("")
    child.expect("Accepted here: 1, 2.*: $")
    child.sendline("2")
    assert ended(child) == 0
    assert used() == str(second)


def test_nothing_to_pick_from(home: Path) -> None:
    """The command that makes one is named."""
    child = on_terminal("use")
    child.expect("irkit key new")
    assert ended(child) == 4


def test_ctrl_c_writes_nothing(home: Path) -> None:
    """At the question."""
    made(home)
    child = on_terminal("use")
    child.expect("Sign with which key.*: $")
    child.sendintr()
    assert ended(child) == 130
    assert not Path("irkit.toml").exists()


def test_a_broken_file_can_be_mended(capsys: Capsys, tmp_path: Path) -> None:
    """A mistake in the key that is replaced does not stand in the way."""
    path = made(tmp_path)
    Path("irkit.toml").write_text('[key]\nuse = "agent:nothing"\n')
    assert irkit(capsys, "key", "show").code == 1
    assert irkit(capsys, "key", "use", str(path)).code == 0
    assert used() == str(path)


# -- show --------------------------------------------------------------------------------------------------------

def test_show_says_where_the_key_is_and_who_it_stands_for(capsys: Capsys, tmp_path: Path) -> None:
    """With the line for an allowed signers file, unbroken; nothing is signed."""
    path = made(tmp_path)
    Path("irkit.toml").write_text(f'[key]\nuse = "{path.name}"\n')
    ran = irkit(capsys, "key", "show")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        f"Key      {fingerprint_of(path)}", "Type     ssh-ed25519", f"Held     {path}", "",
        "For an allowed signers file, in one line:", f'maria namespaces="{NAMES}" {pub(path)}']


@pytest.mark.parametrize("what", ["fingerprint", "public"])
def test_the_person_with_the_key_is_named(capsys: Capsys, tmp_path: Path, what: str) -> None:
    """By the handle in irkit.toml, whoever is at the keyboard."""
    path = made(tmp_path)
    theirs = fingerprint_of(path) if what == "fingerprint" else pub(path) + " a comment"
    Path("irkit.toml").write_text(f'[people.maria]\nkey = "SHA256:x"\n[people.sam]\nkey = "{theirs}"\n[key]\nuse = "{path}"\n')
    said = irkit(capsys, "key", "show", "--json").json
    assert said["allowed_signers"].startswith("sam namespaces=")
    assert said == {"reference": str(path), "fingerprint": fingerprint_of(path), "type": "ssh-ed25519", "held": str(path),
                    "public": pub(path), "allowed_signers": said["allowed_signers"]}


@pytest.mark.parametrize(("who", "stands"), [("maria", "maria"), ("Maria L, *", "Maria-L-"), ("m@acme.com", "m@acme.com")])
def test_the_line_that_is_shown_vouches_for_the_key(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    who: str, stands: str) -> None:
    """ssh-keygen takes it for each purpose, live and in a test, and for no drill."""
    monkeypatch.setenv("IRKIT_WHO", who)
    path = made(tmp_path)
    irkit(capsys, "key", "use", str(path))
    (tmp_path / "signers").write_text(irkit(capsys, "key", "show", "--json").json["allowed_signers"] + "\n")

    def principal(namespace: str) -> str:
        return trusted(signer(str(path)).sign(namespace, b"x"), namespace, b"x", signers=tmp_path / "signers", revoked=None,
                       at=datetime.now(UTC))
    assert {principal(name) for name in ("irkit-session@v1", "irkit-test-seal@v1")} == {stands}
    with pytest.raises(Untrusted, match="not permitted"):
        principal("irkit-drill-session@v1")


def test_show_without_a_key(capsys: Capsys) -> None:
    """Exit 4, and both ways to one."""
    ran = irkit(capsys, "key", "show")
    assert ran.code == 4
    assert "irkit key use, or irkit key new" in ran.err


# -- new ---------------------------------------------------------------------------------------------------------

def test_a_new_key_is_made_and_used(home: Path) -> None:
    """With a passphrase, asked for by ssh-keygen twice and once more to sign; 0600."""
    child = on_terminal("new")
    for _ in range(3):
        child.expect("passphrase.*: ")
        child.sendline("open sesame")
    child.expect("signs from now on")
    assert ended(child) == 0
    path = home / "irkit_ed25519"
    assert used() == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "irkit maria" in Path(f"{path}.pub").read_text()
    assert subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", path], check=False, capture_output=True).returncode != 0


def test_a_new_key_overwrites_nothing(capsys: Capsys, home: Path) -> None:
    """Exit 2, and how to use what is there."""
    path = made(home)
    before = path.read_bytes()
    ran = irkit(capsys, "key", "new", str(path))
    assert ran.code == 2
    assert f"irkit key use {path}" in " ".join(ran.err.split())
    assert path.read_bytes() == before


def test_a_new_security_key_without_its_device(home: Path) -> None:
    """ssh-keygen says what is missing; no file is left, and nothing is written down."""
    child = on_terminal("new", "--fido")
    child.expect("ssh-keygen made no key")
    assert ended(child) == 4
    assert os.listdir(home) == []
    assert not Path("irkit.toml").exists()


# -- doctor and completion ---------------------------------------------------------------------------------------

def line(out: str, name: str) -> str:
    return " ".join(" ".join(out[out.index(f"\n{name} ") + 1:].splitlines()[:3]).split())


def test_doctor_finds_the_key(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the agent and in a file; it signs nothing."""
    path = made(tmp_path)
    with agent(monkeypatch, path):
        Path("irkit.toml").write_text(f'[key]\nuse = "agent:{fingerprint_of(path)}"\n')
        assert f"key ok {fingerprint_of(path)} (ssh-agent)" in line(irkit(capsys, "doctor").out, "key")
    Path("irkit.toml").write_text(f'[key]\nuse = "{SecurityKey().handle(tmp_path / "id_sk")}"\n')
    assert "(security key, " in line(irkit(capsys, "doctor").out, "key")


@pytest.mark.parametrize(("config", "said"), [
    ("", "FAIL none is configured, and a live run is refused without one irkit key new"),
    (f'[key]\nuse = "agent:{Throwaway().fingerprint}"', "FAIL ssh-agent cannot be reached"),
    ('[key]\nuse = "nothing"', "FAIL there is no key"),
], ids=["none", "agent", "file"])
def test_doctor_misses_the_key(capsys: Capsys, config: str, said: str) -> None:
    """With the command that mends it."""
    Path("irkit.toml").write_text(config)
    ran = irkit(capsys, "doctor")
    assert ran.code == 4
    assert said in line(ran.out, "key")


@pytest.mark.parametrize(("config", "said"), [
    ("", "ok none configured: time is not proven; two authorities are advised"),
    ('[timestamps]\nauthorities = ["http://tsa.example.com/x"]', "ok tsa.example.com; two authorities are advised"),
    ('[timestamps]\nauthorities = ["http://a.example", "https://b.example"]', "ok a.example, b.example"),
    ('[timestamps]\nauthorities = ["http://a.example"]\nca = "none.pem"', "FAIL their certificates are not in"),
])
def test_doctor_says_who_proves_the_time(capsys: Capsys, config: str, said: str) -> None:
    """No authority is a choice, and no failure."""
    Path("irkit.toml").write_text(config)
    assert said in line(irkit(capsys, "doctor").out, "timestamps")


def test_references_complete(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the agent, and those in ~/.ssh."""
    path, held = made(home), made(tmp_path)

    def offered(begun: str) -> list[str]:
        found = ShellComplete(cli, {}, "irkit", "_IRKIT_COMPLETE").get_completions(["key", "use"], begun)
        return [item.value for item in found]
    with agent(monkeypatch, held):
        assert offered("agent:") == [f"agent:{fingerprint_of(held)}"]
        assert offered("/") == [str(path)]
