"""Where credentials come from, and that nothing shows them."""

from __future__ import annotations

import os
import pickle
import shlex
import sys
import traceback
import types
from pathlib import Path

import pytest

from irkit import secrets
from irkit.errors import CredentialError
from irkit.secrets import Secret, problem, resolve, scrub

CANARY = "canary-4d1f0a77-planted"


def python(code: str) -> str:
    """A credential command that runs this code."""
    return f"command:{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def refusal(reference: str) -> CredentialError:
    with pytest.raises(CredentialError) as caught:
        resolve(reference, connection="zendesk")
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + str(caught.value.diagnostics())
    return caught.value


def test_a_secret_shows_nothing() -> None:
    """Neither text, repr, formatting nor a pickle of it holds the value."""
    secret = Secret(CANARY)
    assert CANARY not in f"{secret} {secret!r} {[secret]}" + str(secret)
    assert secret.reveal() == CANARY
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """env:NAME."""
    monkeypatch.setenv("IRKIT_TEST_SECRET", CANARY)
    assert resolve("env:IRKIT_TEST_SECRET").reveal() == CANARY


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the next command; empty is not set."""
    monkeypatch.delenv("IRKIT_TEST_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("IRKIT_TEST_SECRET", value)
    error = refusal("env:IRKIT_TEST_SECRET")
    assert error.diagnostics() == ["the environment variable IRKIT_TEST_SECRET is not set", "  at    connection zendesk",
                                   "  next  irkit connect zendesk"]


@pytest.mark.parametrize("end", ["", "\\n", "\\r\\n"])
def test_from_a_command(end: str) -> None:
    """What it prints, without the line end."""
    assert resolve(python(f"print('{CANARY}', end='{end}')")).reveal() == CANARY


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    """Its words are arguments: nothing is expanded, chained or redirected."""
    reference = python("import sys; print(sys.argv[1:])") + f" $HOME ; touch {tmp_path / 'made'}"
    assert resolve(reference).reveal() == str(["$HOME", ";", "touch", str(tmp_path / "made")])
    assert not (tmp_path / "made").exists()


def test_a_command_reads_no_terminal() -> None:
    """Type-ahead meant for a gate does not reach it."""
    assert resolve(python("import sys; print(repr(sys.stdin.read()))")).reveal() == "''"


def test_a_failing_command_is_quoted_by_its_name_only(capfd: pytest.CaptureFixture[str]) -> None:
    """Its words, its output and its stderr may hold the secret."""
    error = refusal(python(f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(3)"))
    assert error.what == f"the credential command {os.path.basename(sys.executable)} ended with exit code 3"
    assert CANARY not in "".join(capfd.readouterr())


def test_a_command_that_does_not_exist() -> None:
    """The program is named."""
    assert refusal(f"command:no-such-program {CANARY}").what == (
        "the credential command no-such-program could not be run (No such file or directory)")


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time."""
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 0.2)
    error = refusal(python(f"import sys, threading; print('{CANARY}', flush=True); threading.Event().wait()"))
    assert "gave nothing in" in error.what


@pytest.mark.parametrize("code", ["", "print('a\\nb')", "print('a\\x1b[0m')", "print('  ')", "print('a\\0b')"])
def test_a_command_that_prints_no_credential(code: str) -> None:
    """Nothing, several lines, escape sequences: these would end up in a header."""
    assert "credential" in refusal(python(code)).what


def _fake_keyring(monkeypatch: pytest.MonkeyPatch, held: dict[tuple[str, str], str]) -> None:
    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringError(CANARY)
        return held.get((service, user))

    module = types.ModuleType("keyring")
    monkeypatch.setattr(module, "get_password", get_password, raising=False)
    monkeypatch.setattr(module, "errors", types.SimpleNamespace(KeyringError=KeyringError), raising=False)
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Service up to the first slash, then the user."""
    _fake_keyring(monkeypatch, {("irkit", "acme/ir"): CANARY})
    assert resolve("keyring:irkit/acme/ir").reveal() == CANARY
    assert refusal("keyring:irkit/other").what == "the keyring holds nothing for irkit/other"
    assert refusal("keyring:locked/x").what == "the keyring could not be opened (KeyringError)"


def test_without_the_keyring_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, and the command that brings it is named."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert refusal("keyring:irkit/acme").next == "pip install 'irkit-runbooks[keyring]'"


def test_from_a_prompt() -> None:
    """What was typed; without a terminal, a sentence that says what to use instead."""
    assert resolve("prompt", lambda question: CANARY + question, question="?").reveal() == CANARY + "?"
    assert refusal("prompt").next == "use env: or command: in irkit.toml"


@pytest.mark.parametrize("reference", ["", CANARY, "env:", "env:A B", "env", "command:", "command:'", "keyring:irkit",
                                       "keyring:/x", "prompt:", "file:etc/shadow", f"Bearer {CANARY}"])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    """A secret in clear among them; it is not quoted."""
    assert problem(reference)
    refusal(reference)


def test_scrub_takes_out_every_shape() -> None:
    """As it is, percent-encoded, escaped by Python and by JSON; short values could be words, and stay."""
    value = 'pa"ss wörd/1'
    text = scrub(f"{value} | pa%22ss%20w%C3%B6rd%2F1 | pa\"ss w\\xf6rd/1 | pa\\\"ss w\\u00f6rd/1 | application/json",
                 [Secret(value), Secret("json")])
    assert text == " | ".join(["[credential]"] * 4 + ["application/json"])
