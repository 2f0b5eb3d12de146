"""The responder's own key: found, signed with, made and trusted through OpenSSH's tools."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pexpect
import pytest

from irkit.errors import CredentialError, NeedsTerminal, UsageError
from irkit.ledger.keys import Untrusted, agent_keys, choices, new_key, signer, trusted
from irkit.ledger.sshsig import BadSignature, CannotCheck, Throwaway, check, fingerprint
from tests.ledger.ssh import SecurityKey, agent, fingerprint_of, made, needs_ssh, pub, signed_by_tool

pytestmark = needs_ssh

NS = "irkit-session@v1"
TEXT = b"what is signed"
AT = datetime(2026, 11, 21, 2, 25, 7, 999_999, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the agent, the keys and the desktop of whoever runs the tests."""
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def said_without_terminal(code: str, *words: object) -> dict[str, str]:
    """What the error says that `code` raises in a process of its own session, which has no terminal."""
    script = f"""
import json, sys
from pathlib import Path
from irkit.errors import IrkitError
from irkit.ledger import keys
try:
    {code}
except IrkitError as error:
    print(json.dumps({{"kind": type(error).__name__, "what": error.what, "next": error.next}}))
"""
    ran = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=True,
                         start_new_session=True, stdin=subprocess.DEVNULL, cwd=ROOT)
    found: dict[str, str] = json.loads(ran.stdout)
    return found


# -- signing -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "bits"), [("ed25519", 0), ("rsa", 2048), ("ecdsa", 256)])
def test_a_key_file_signs(tmp_path: Path, kind: str, bits: int) -> None:
    """By its path, by that of its .pub file, and without a .pub file; the signature verifies with its fingerprint."""
    path = made(tmp_path, kind, bits=bits)
    for reference in (str(path), f"{path}.pub"):
        held = signer(reference)
        assert check(held.sign(NS, TEXT), NS, TEXT) == held.fingerprint == fingerprint_of(path)
        assert (held.public, held.where, held.reference) == (pub(path), str(path), str(path))
    os.unlink(f"{path}.pub")
    assert signer(str(path)).fingerprint == held.fingerprint
    assert check(signer(str(path)).sign(NS, TEXT), NS, TEXT) == held.fingerprint


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_key_in_the_agent_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """By its fingerprint and by a .pub file alone; its private file is gone."""
    path = made(tmp_path, kind, bits=2048 if kind == "rsa" else 0)
    with agent(monkeypatch, path):
        path.unlink()
        wanted = fingerprint_of(Path(f"{path}.pub"))
        assert [(one.fingerprint, one.comment) for one in agent_keys()] == [(wanted, f"test {kind}")]
        for reference in (f"agent:{wanted}", f"{path}.pub"):
            held = signer(reference)
            assert check(held.sign(NS, TEXT), NS, TEXT) == held.fingerprint
            assert held.where == "ssh-agent"
            assert signer(held.reference) == held


def test_what_is_signed_stands_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A false ssh-keygen notes its words and its environment: neither holds the text, nor another program's secret."""
    path, seen = made(tmp_path), tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "ssh-keygen"
    tool.write_text(f"#!/bin/sh\n{{ echo \"$@\"; env; }} > {seen}\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.setenv("ZENDESK_SECRET", "canary-77")
    with pytest.raises(CredentialError):
        signer(str(path)).sign(NS, b"text-of-canary")
    assert "-Y sign" in seen.read_text()
    assert "canary" not in seen.read_text()


# -- what is wrong with a key ------------------------------------------------------------------------------------

def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    """The path is named, and the command that picks another."""
    with pytest.raises(CredentialError, match=r"there is no key .*/nothing") as caught:
        signer(str(tmp_path / "nothing"))
    assert (caught.value.exit_code, caught.value.next) == (4, "irkit key use")


ARMOR = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize("text", ["", "junk\n", ARMOR.format("AAAA"), ARMOR.format("="), ARMOR.format(""), "\N{BOMB}"])
def test_a_file_that_is_no_key(tmp_path: Path, text: str) -> None:
    """As a private and as a public key."""
    for name in ("key", "key.pub"):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).write_text(text)
        with pytest.raises(CredentialError, match=r"public (half|key)"):
            signer(str(tmp_path / name))
        (tmp_path / name).unlink()


def test_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not started, and started but gone."""
    for socket in (None, str(tmp_path / "gone")):
        if socket:
            monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        with pytest.raises(CredentialError, match="ssh-agent cannot be reached") as caught:
            signer(f"agent:{Throwaway().fingerprint}")
        assert "ssh-add" in caught.value.next
        assert caught.value.where


def test_an_agent_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty, and with another key; a .pub file alone leads to the agent as well."""
    path, other = made(tmp_path), made(tmp_path)
    wanted = fingerprint_of(path)
    path.unlink()
    for held in ([], [other]):
        with agent(monkeypatch, *held):
            for reference in (f"agent:{wanted}", f"{path}.pub"):
                with pytest.raises(CredentialError, match="ssh-agent does not have the key SHA256:"):
                    signer(reference)


def test_a_key_that_left_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between finding it and signing."""
    path = made(tmp_path)
    with agent(monkeypatch, path):
        held = signer(f"agent:{fingerprint_of(path)}")
        subprocess.run(["ssh-add", "-q", "-D"], check=True, capture_output=True)
        with pytest.raises(CredentialError, match="ssh-agent did not sign") as caught:
            held.sign(NS, TEXT)
        assert caught.value.next == "ssh-add -l"


def test_a_passphrase_without_a_terminal(tmp_path: Path) -> None:
    """Nobody can type it: the agent is named."""
    path = made(tmp_path, passphrase="open sesame")
    said = said_without_terminal("keys.signer(sys.argv[1]).sign('ns', b'text')", path)
    assert said == {"kind": "CredentialError", "next": f"ssh-add {path}",
                    "what": f"{path} needs its passphrase, and there is no terminal to type it on"}


def test_a_passphrase_on_a_terminal(tmp_path: Path) -> None:
    """ssh-keygen asks for it there by itself, on a desktop without ssh-askpass too; a wrong one is said to be wrong."""
    path = made(tmp_path, passphrase="open sesame")
    script = (f"from irkit.ledger import keys\nfrom irkit.errors import CredentialError\nheld = keys.signer({str(path)!r})\n"
              "try: print(len(held.sign('ns', b'text')) > 200)\nexcept CredentialError as error: print(error.what)")
    for typed, answer in (("open sesame", "True"), ("wrong", "the passphrase of .* was not right")):
        child = pexpect.spawn(sys.executable, ["-c", script], cwd=str(ROOT), encoding="utf-8", timeout=20,
                              env={**os.environ, "DISPLAY": ":99", "TERM": "dumb"})
        child.expect("passphrase")
        child.sendline(typed)
        child.expect(answer)
        child.expect(pexpect.EOF)
        child.close()


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    """ssh-keygen refuses it; the command that mends it is named."""
    path = made(tmp_path)
    path.chmod(0o644)
    with pytest.raises(CredentialError, match="can be read by others") as caught:
        signer(str(path)).sign(NS, TEXT)
    assert caught.value.next == f"chmod 600 {path}"


def test_a_public_file_of_another_key(tmp_path: Path) -> None:
    """Whose fingerprint would stand in the ledger beside a signature that it did not make."""
    path, other = made(tmp_path), made(tmp_path)
    Path(f"{path}.pub").write_text(pub(other) + "\n")
    with pytest.raises(CredentialError):
        signer(str(path)).sign(NS, TEXT)


def test_a_security_key_that_is_not_touched(tmp_path: Path) -> None:
    """The person is told to touch it before ssh-keygen waits; here there is no device, which is said."""
    key, told = SecurityKey(), list[str]()
    held = signer(str(key.handle(tmp_path / "id_sk")), tell=told.append)
    assert held.public == key.public
    assert held.where == f"security key, {tmp_path / 'id_sk'}"
    with pytest.raises(CredentialError, match="the security key did not sign") as caught:
        held.sign(NS, TEXT)
    assert told == [f"Touch your security key ({fingerprint(key.key)})."]
    assert "touch it" in caught.value.next


def test_a_security_key_asks_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody else tells the person."""
    with pytest.raises(CredentialError):
        signer(str(SecurityKey().handle(tmp_path / "id_sk"))).sign(NS, TEXT)
    assert "Touch your security key" in capsys.readouterr().err


def test_without_openssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named as missing, whichever tool is needed first."""
    path = made(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for reference in (str(path), "agent:" + Throwaway().fingerprint):
        with pytest.raises(CredentialError, match="cannot be run") as caught:
            signer(reference).sign(NS, TEXT)
        assert "OpenSSH" in caught.value.next


# -- choosing and making -----------------------------------------------------------------------------------------

def test_the_keys_to_choose_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the agent, then those of ~/.ssh with a private half; each once, and what is no key is passed over."""
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    both, file, gone = made(folder), made(folder), made(folder)
    gone.unlink()
    (folder / "junk.pub").write_text("junk")
    assert {one.path for one in choices()} == {both, file}
    with agent(monkeypatch, both):
        assert [one.reference for one in choices()] == [f"agent:{fingerprint_of(both)}", str(file)]


def test_a_new_key_needs_a_terminal(tmp_path: Path) -> None:
    """Or its passphrase would silently be none."""
    said = said_without_terminal("keys.new_key(Path(sys.argv[1]), 'c')", tmp_path / "new")
    assert said["kind"] == NeedsTerminal.__name__
    assert said["next"] == f"ssh-keygen -t ed25519 -f {tmp_path / 'new'}; irkit key use {tmp_path / 'new'}"
    assert not (tmp_path / "new").exists()


def test_a_new_key_overwrites_nothing(tmp_path: Path) -> None:
    """Neither a private nor a public file."""
    for name in ("a", "b.pub"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match="is not overwritten"):
            new_key(tmp_path / name.removesuffix(".pub"), "c")
        assert (tmp_path / name).read_text() == "mine"


def test_a_new_key_signs(tmp_path: Path) -> None:
    """ssh-keygen asks for the passphrase; the file is its owner's alone, in a folder of its own."""
    path = tmp_path / "keys" / "new"
    child = pexpect.spawn(sys.executable, ["-c", "import sys; from pathlib import Path; from irkit.ledger import keys;"
                                                 "keys.new_key(Path(sys.argv[1]), 'irkit maria')", str(path)],
                          cwd=str(ROOT), encoding="utf-8", timeout=20)
    for _ in range(2):
        child.expect("passphrase.*: ")
        child.sendline("")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    held = signer(str(path))
    assert (held.type, held.comment) == ("ssh-ed25519", "irkit maria")
    assert check(held.sign(NS, TEXT), NS, TEXT) == held.fingerprint


# -- trusting ----------------------------------------------------------------------------------------------------

@pytest.fixture
def key() -> Throwaway:
    return Throwaway()


def vouched(folder: Path, key: Throwaway | SecurityKey, *lines: str, revoked: Path | None = None, at: datetime = AT,
            namespace: str = NS) -> str:
    """Who is named for a signature of `key` by a file of `lines`, in which KEY stands for its public half."""
    signers = folder / "signers"
    signers.write_text("".join(line.replace("KEY", key.public) + "\n" for line in lines))
    return trusted(key.sign(namespace, TEXT), namespace, TEXT, signers=signers, revoked=revoked, at=at)


@pytest.mark.parametrize(("lines", "principal"), [
    (["maria KEY"], "maria"),
    (["# maria's", "", "sam " + Throwaway().public, "maria@acme.com,m KEY comment"], "maria@acme.com"),
    (['"maria lind" namespaces="irkit-session@v1,irkit-seal@v1" KEY'], "maria lind"),
    (['maria namespaces="irkit-*" KEY'], "maria"),
    (['maria namespaces="git" KEY', 'maria-at-work namespaces="irkit-session@v1" KEY'], "maria-at-work"),
    (['old valid-before="20200101Z" KEY', 'maria valid-after="20200101Z" KEY'], "maria"),
    (['maria valid-after="20261121022507Z",valid-before="20261121022508Z" KEY'], "maria"),
    (["*@acme.com KEY"], "*@acme.com"),
    (["!sam,* KEY"], "*"),
    (['maria cert-authority KEY', "sam KEY"], "sam"),
])
def test_who_signed(tmp_path: Path, key: Throwaway, lines: list[str], principal: str) -> None:
    """The principal of a line that allows it, whichever line has the key first."""
    assert vouched(tmp_path, key, *lines) == principal


@pytest.mark.parametrize(("lines", "why"), [
    ([], "stands in no line of signers"),
    (["maria " + Throwaway().public], "stands in no line of signers"),
    (["# maria KEY"], "stands in no line of signers"),
    (['maria namespaces="irkit-seal@v1" KEY'], 'not permitted for use in signature namespace "irkit-session@v1"'),
    (['maria valid-before="20261121022506Z" KEY'], "expired"),
    (['maria valid-after="20261121022508Z" KEY'], "not yet valid"),
    (["maria cert-authority KEY"], "."),
    (["maria nonsense KEY"], "."),
])
def test_who_is_not_trusted(tmp_path: Path, key: Throwaway, lines: list[str], why: str) -> None:
    """With the reason."""
    with pytest.raises(Untrusted, match=why):
        vouched(tmp_path, key, *lines)


def test_validity_is_that_of_the_time_given(tmp_path: Path, key: Throwaway) -> None:
    """In UTC, whatever zone the time is given in and whatever zone the machine is in; a time before 1970 is no time."""
    line = 'maria valid-after="20261121000000Z",valid-before="20261122000000Z" KEY'
    assert vouched(tmp_path, key, line) == vouched(tmp_path, key, line, at=AT.astimezone()) == "maria"
    for at in (AT - timedelta(days=1), AT + timedelta(days=1)):
        with pytest.raises(Untrusted, match=r"expired|not yet valid"):
            vouched(tmp_path, key, line, at=at)
    for long_ago in (AT.replace(year=1950), datetime.fromtimestamp(0, UTC)):
        with pytest.raises(Untrusted, match=r"it claims to be from 19[57]0"):
            vouched(tmp_path, key, "maria KEY", at=long_ago)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_keys_of_every_type_are_trusted(tmp_path: Path, kind: str) -> None:
    """And one of another type in the same file is no hindrance."""
    path, other = made(tmp_path, kind), made(tmp_path)
    (tmp_path / "signers").write_text(f"sam {pub(other)}\nmaria {pub(path)}\n")
    armored = signed_by_tool(path, NS, TEXT)
    assert trusted(armored, NS, TEXT, signers=tmp_path / "signers", revoked=None, at=AT) == "maria"


def test_a_security_key_is_trusted(tmp_path: Path) -> None:
    """Through ssh-keygen, with an application of its own in the key."""
    assert vouched(tmp_path, SecurityKey(), "maria KEY") == "maria"


def test_a_revoked_key(tmp_path: Path, key: Throwaway) -> None:
    """By a KRL and by a list of public keys; a list of other keys revokes nothing."""
    (tmp_path / "key.pub").write_text(key.public + "\n")
    (tmp_path / "other.pub").write_text(Throwaway().public + "\n")
    for name in ("key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", tmp_path / f"{name}.krl", tmp_path / f"{name}.pub"], check=True)
    for list_ in ("key.krl", "key.pub"):
        with pytest.raises(Untrusted, match=f"the key of maria is revoked by {list_}"):
            vouched(tmp_path, key, "maria KEY", revoked=tmp_path / list_)
    for list_ in ("other.krl", "other.pub"):
        assert vouched(tmp_path, key, "maria KEY", revoked=tmp_path / list_) == "maria"


def test_a_list_that_cannot_be_read(tmp_path: Path, key: Throwaway) -> None:
    """Nothing is said of the key then: no trust, and no mistrust."""
    with pytest.raises(CannotCheck, match="no_such_list could not be read"):
        vouched(tmp_path, key, "maria KEY", revoked=tmp_path / "no_such_list")
    (tmp_path / "damaged").write_bytes(b"SSHKRL\n\0\0\0\0\1 damaged")
    with pytest.raises(CannotCheck, match="cannot be read as a list of revoked keys"):
        vouched(tmp_path, key, "maria KEY", revoked=tmp_path / "damaged")
    with pytest.raises(CannotCheck, match="no_such_file could not be read"):
        trusted(key.sign(NS, TEXT), NS, TEXT, signers=tmp_path / "no_such_file", revoked=None, at=AT)


def test_trust_is_of_a_signature_that_verifies(tmp_path: Path, key: Throwaway) -> None:
    """Another text and another namespace are bad before anybody is looked up."""
    (tmp_path / "signers").write_text(f"maria {key.public}\n")
    for namespace, text in ((NS, b"other"), ("irkit-seal@v1", TEXT)):
        with pytest.raises(BadSignature):
            trusted(key.sign(NS, TEXT), namespace, text, signers=tmp_path / "signers", revoked=None, at=AT)


def test_an_ssh_keygen_that_is_too_old(tmp_path: Path, key: Throwaway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 9.1 it takes no time in UTC: nothing is said of the key."""
    tool = tmp_path / "ssh-keygen"
    tool.write_text("#!/bin/sh\necho 'Invalid \"verify-time\" option' >&2\nexit 255\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CannotCheck, match="too old"):
        vouched(tmp_path, key, "maria KEY")
