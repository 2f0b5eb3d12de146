"""README is true: its set-up lines have the promised form, and every command in it exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from irkit.cli import COMMANDS, cli
from irkit.errors import Interrupted, IrkitError, Paused
from tests.rows import each

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
COMMAND_LINES = [line.partition("  #")[0].strip() for line in README.splitlines() if line.startswith("irkit ")]


def subclasses(kind: type[BaseException]) -> list[type[BaseException]]:
    """The class and everything below it."""
    return [kind, *(found for sub in kind.__subclasses__() for found in subclasses(sub))]


def test_readme_opens_with_two_set_up_commands() -> None:
    """Exactly two lines begin with the virtual environment: one plays the drill, one runs the suite."""
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]
    assert len(lines) == 2
    assert lines[0].endswith("irkit drill")
    assert "pytest" in lines[1]


@each("line", COMMAND_LINES, group=lambda line: line.split()[1], named=str)
def test_every_command_in_readme_parses(line: str) -> None:
    """Each command of README is one irkit has, with options that it takes."""
    words = shlex.split(line)[1:]
    context = click.Context(cli)
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, info_name=name, parent=context), found
    parser = command.make_parser(context)
    parser.parse_args(args=[w for w in words if Path(w).suffix != ".png"] if "attach" not in line else words)


def test_every_command_stands_in_the_help() -> None:
    """The table that --help prints without loading anything says what the commands themselves say."""
    context = click.Context(cli)
    for name, (_, text) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(200).rstrip(".") == text.rstrip(".")


def test_exit_codes_in_readme_are_the_error_tree() -> None:
    """The table of exit codes lists those of the error classes, and 0."""
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.M)}
    owned = {kind.exit_code for base in (IrkitError, Paused, Interrupted) for kind in subclasses(base)}  # type: ignore[attr-defined]
    assert listed == owned | {0}
