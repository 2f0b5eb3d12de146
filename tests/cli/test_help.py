"""Every command explains itself, and says the same wherever its help is printed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from irkit.cli import COMMANDS, cli
from irkit.cli.options import Settings
from tests.cli.rig import Capsys, irkit
from tests.rows import each


def commands(prefix: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield prefix, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):            # those that are loaded when used, too
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(f"{prefix} {name}", inner)


def load(name: str) -> click.Command:
    found = getattr(importlib.import_module(f"irkit.cli.{COMMANDS[name][0]}"), name)
    assert isinstance(found, click.Command)
    return found


ALL = dict(found for name in COMMANDS for found in commands(name, load(name)))
LEAVES = {name: command for name, command in ALL.items() if not isinstance(command, click.Group)}


@each("name", COMMANDS, group=lambda _: "irkit", named=str)
def test_short_help_stands_in_one_wording(name: str) -> None:
    """What `irkit --help` prints without loading a command is that command's own first sentence."""
    assert load(name).get_short_help_str(200).rstrip(".") == COMMANDS[name][1].rstrip(".")


@each("name", ALL, group=lambda name: name.partition(" ")[0], named=str)
def test_every_command_and_option_has_help(name: str) -> None:
    """No bare option, and no command without a sentence."""
    command = ALL[name]
    assert command.help
    assert command.help.partition("\n")[0].endswith(".")
    assert not [option.name for option in command.params if isinstance(option, click.Option) and not option.help]


@each("name", LEAVES, group=lambda name: name.partition(" ")[0], named=str)
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    """The examples are commands with this command's own words in front; what a group takes may stand between them."""
    command = LEAVES[name]
    _, found, examples = (command.help or "").partition("Example")
    assert found
    shown = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    assert shown
    words = re.compile("irkit " + r" (\S+ )??".join(name.split()) + r"\b")
    assert all(words.search(line) for line in shown)


@each("name", LEAVES, group=lambda name: name.partition(" ")[0], named=str)
def test_shared_options_are_taken_by_every_command(name: str) -> None:
    """--evidence, --config, --plain and --debug work after any command's name."""
    options = {option for param in LEAVES[name].params for option in param.opts}
    assert {"--evidence", "--config", "--plain", "--debug"} <= options


@each("name", ALL, group=lambda name: name.partition(" ")[0], named=str)
def test_help_fits_a_terminal(capsys: Capsys, name: str) -> None:
    """--help works for each, exits 0, and stays within 100 columns."""
    ran = irkit(capsys, *name.split(), "--help")
    assert ran.code == 0
    assert not [line for line in ran.out.splitlines() if len(line) > 100]


@pytest.mark.parametrize(("args", "incomplete", "wanted"), [
    (["action", "show"], "zendesk.end", "zendesk.end_sessions"),
    (["runbook", "show"], "mi", "mine"),
    (["doctor", "--for"], "mi", "mine"),
    (["world", "serve"], "", "zendesk"),
    (["connect"], "z", "zendesk"),
    (["ledger", "show"], "INC", "INC-1"),
    (["doctor"], "ac", "acme"),
])
def test_names_complete(tmp_path: Path, args: list[str], incomplete: str, wanted: str) -> None:
    """Runbooks, actions, worlds, connectors, connections and incidents complete."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "mine.yaml").write_text("")
    (tmp_path / "evidence" / "INC-1").mkdir(parents=True)
    (tmp_path / "evidence" / "INC-1" / "ledger.db").write_text("")
    (tmp_path / "irkit.toml").write_text(
        '[connections.acme]\nconnector = "zendesk"\nsettings = {subdomain = "acme"}\ncredential = "prompt"\n')
    found = ShellComplete(cli, {}, "irkit", "_IRKIT_COMPLETE").get_completions(["--config", "irkit.toml", *args], incomplete)
    assert wanted in [item.value for item in found]


def test_completion_never_fails(tmp_path: Path) -> None:
    """With a broken irkit.toml nothing is offered, and nothing is raised."""
    (tmp_path / "irkit.toml").write_text("[[[")
    found = ShellComplete(cli, {}, "irkit", "_IRKIT_COMPLETE").get_completions(["--config", "irkit.toml", "doctor"], "")
    assert found == []


def test_the_time_zone_of_irkit_toml_is_shown_beside_utc(tmp_path: Path) -> None:
    """The setting reaches the screens; without it the machine's own zone does."""
    config = tmp_path / "irkit.toml"
    config.write_text('timezone = "Europe/Paris"\n')
    assert str(Settings(config_path=config).zone) == "Europe/Paris"
