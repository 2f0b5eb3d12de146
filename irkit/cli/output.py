"""What commands share of talking and listening: data on stdout, talk on stderr, NAME=VALUE options."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from irkit.cli.options import Settings
from irkit.errors import IrkitError, UsageError


def put(settings: Settings, lines: Sequence[str], *, page: bool = True) -> None:
    """Print finished lines. `page=False` for what ends in a verdict that must stay in sight."""
    from irkit.ui import colour
    terminal = sys.stdout.isatty()
    if colour.wanted(os.environ, terminal=terminal, plain=settings.plain):
        lines = [colour.paint(line) for line in lines]
    if page and terminal and not settings.plain and len(lines) >= shutil.get_terminal_size().lines:
        click.echo_via_pager(f"{line}\n" for line in lines)
    else:
        click.echo("".join(f"{line}\n" for line in lines), nl=False)


def width() -> int:
    """Columns of the terminal on stdout; 80 where there is none. Screens never use more than 80."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def tell(settings: Settings, *lines: str) -> None:
    """Talk, on stderr, made safe for a terminal."""
    from irkit.ui.talk import Talk
    from irkit.ui.text import safe
    Talk(plain=settings.plain).tell(*map(safe, lines))


def progress(settings: Settings, each: int) -> Callable[[int], None]:
    """Hears how many entries were gone past, and says so on stderr after each so many."""
    said = 0

    def so_far(entries: int) -> None:
        nonlocal said
        if entries >= said + each:
            said = entries - entries % each
            tell(settings, f"{said:,} entries")
    return so_far


def write_new(path: Path, text: str, *, there: str, elsewhere: str) -> None:
    """Make a file and the folders above it. Raises UsageError, with the command `there`, when it exists already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already and is not overwritten", next=there) from None
    except OSError as error:
        raise IrkitError(f"{path} cannot be written: {error.strerror}", next=elsewhere) from None


def assignments(option: str, given: Iterable[str]) -> dict[str, str]:
    """The NAME=VALUE texts of an option. Raises UsageError, without quoting a text that may be a secret."""
    pairs = [text.partition("=") for text in given]
    if any(not name or not sign for name, sign, _ in pairs):
        raise UsageError(f"{option} wants NAME=VALUE", next=f"{option} name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}
