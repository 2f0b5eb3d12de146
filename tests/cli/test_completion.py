"""Shell completion: the script, what it offers, how little it loads, and one real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from irkit.cli import COMMANDS, cli
from irkit.ledger import Ledger
from tests.cli.people import BOOK, NAME
from tests.cli.rig import Capsys, irkit
from tests.test_layers import loaded

BIN = Path(sys.executable).parent


def offered(*words: str, incomplete: str = "") -> list[str]:
    found = ShellComplete(cli, {}, "irkit", "_IRKIT_COMPLETE").get_completions(list(words), incomplete)
    return [item.value for item in found]


@pytest.fixture
def staffed() -> None:
    """An incident of a runbook with a role, and with somebody who holds it."""
    book = BOOK.replace(b"steps:\n", b"roles: {lead: Incident lead}\nsteps:\n")
    folder, who = Path("evidence", NAME), {"people.p0": {"name": "Sam Ng", "handle": "sam", "roles": ["lead"]}}
    with Ledger.create(folder, mode="drill", version="1", code_hash="0" * 64, disclose=who) as ledger:
        ledger.start_session("sam")
        kept = ledger.keep("mine.yaml", book, run="r1")
        ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": kept.sha256, "mode": "drill"}, run="r1")
        ledger.end_session()


@pytest.mark.parametrize(("words", "incomplete", "wanted"), [
    (("drill",), "week", ["weekend_export"]),
    (("world", "serve", "--scenario"), "week", ["weekend_export"]),
    (("run",), "zendesk_ag", ["zendesk_agent_compromise"]),
    (("curl", NAME), "", ["call", "tell"]),
    (("note", NAME, "--step"), "t", ["tell"]),
    (("ledger", "show", NAME, "--step"), "c", ["call"]),
    (("people", "assign", NAME), "", ["lead"]),
    (("people", "assign", NAME, "lead"), "S", ["Sam Ng"]),
    (("handover", NAME, "--to"), "", ["Sam Ng"]),
    (("resume",), "", [NAME]),
    (("completion",), "", ["bash", "zsh", "fish"]),
    ((), "com", ["completion"]),
])
@pytest.mark.usefixtures("staffed")
def test_what_is_offered(words: tuple[str, ...], incomplete: str, wanted: list[str]) -> None:
    """Commands, runbooks, scenarios, incidents, the steps of an incident's runbook, its people and its roles."""
    assert offered(*words, incomplete=incomplete) == wanted


def test_commands_are_offered_from_the_table_alone() -> None:
    """All of them, and the options of irkit itself behind a dash; nothing but click is loaded for it."""
    assert offered() == list(COMMANDS)
    assert "--plain" in offered(incomplete="--")
    asked = "from click.shell_completion import ShellComplete\nfrom irkit.cli import cli\n" \
            "ShellComplete(cli, {}, 'irkit', '_IRKIT_COMPLETE').get_completions(WORDS, '')"
    assert not loaded(asked.replace("WORDS", "[]")) & {"yaml", "msgspec", "jinja2", "httpx", "sqlite_utils", "cryptography"}
    assert not loaded(asked.replace("WORDS", "['run']")) & {"httpx", "sqlite_utils", "questionary", "cryptography"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_how_it_is_installed(capsys: Capsys, shell: str) -> None:
    """In comments at its top, so that it can be evaluated as it is."""
    ran = irkit(capsys, "completion", shell)
    assert ran.code == 0
    first, second = ran.out.splitlines()[:2]
    assert first.startswith(f"# Completes irkit in {shell}.")
    assert second.startswith("#   ")
    assert f"_IRKIT_COMPLETE={shell}_complete" in ran.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_real_bash_completes() -> None:
    """The script is evaluated, and its function offers what irkit knows."""
    script = 'eval "$(irkit completion bash)"; COMP_WORDS=(irkit runbook show zendesk_ag); COMP_CWORD=3; ' \
             '_irkit_completion irkit; echo "${COMPREPLY[@]}"'
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == ["zendesk_agent_compromise"], done
