"""Options that every command takes, before or after its name, and what they come to."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from irkit.errors import UsageError

if TYPE_CHECKING:
    from datetime import tzinfo

    from irkit.config import Config

F = TypeVar("F", bound=Callable[..., Any])
ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def _named(variable: str) -> Path | None:
    return Path(named) if (named := os.environ.get(variable)) else None


@dataclass
class Settings:
    """The shared options. What the environment names stands first; a flag wins over it, and the last of two over the first."""

    # Here and not with the options: each command has them again, and would take the environment over its group's flag.
    evidence: Path | None = field(default_factory=lambda: _named("IRKIT_EVIDENCE"))
    config_path: Path | None = field(default_factory=lambda: _named("IRKIT_CONFIG"))
    plain: bool = False
    debug: bool = False
    prefix: str = ""               # "DRILL ", once a drill is on: it begins every line, an error's too
    _config: Config | None = None

    @property
    def config(self) -> Config:
        """irkit.toml, read once. Raises IrkitError with every mistake in it."""
        if self._config is None:
            from irkit.config import find, load
            self._config = load(find(self.config_path, os.environ))
        return self._config

    @property
    def zone(self) -> tzinfo | None:
        """The local time shown beside a deadline's UTC: irkit.toml's, else this machine's; None where that is UTC."""
        from irkit.ui.talk import local_zone
        return self.config.timezone or local_zone(os.environ)

    @property
    def root(self) -> Path:
        """The folder that holds the incidents: flag, environment, irkit.toml, ./evidence, the user's data folder.

        Raises UsageError where a file has that name.
        """
        from irkit.config import evidence_root
        root = evidence_root(self.evidence, os.environ, self.config)
        if root.is_file():
            raise UsageError(f"{root} is a file, and incidents are kept in a folder", next="--evidence FOLDER")
        return root


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.find_root().ensure_object(Settings), name, value)      # one for all, while a line is completed, too
    return keep


def shared(command: F) -> F:
    """Add the shared options to a command."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, callback=_set("debug"),
                     help="Show a traceback with an error."),
        click.option("--plain", is_flag=True, expose_value=False, callback=_set("plain"),
                     help="No colour, no redraw, no cursor moves: for screen readers and logs."),
        click.option("--config", type=click.Path(path_type=Path, dir_okay=False), expose_value=False,
                     callback=_set("config_path"), help="irkit.toml to use.  [env: IRKIT_CONFIG]"),
        click.option("--evidence", type=click.Path(path_type=Path, file_okay=False), expose_value=False,
                     callback=_set("evidence"), help="Folder that holds the incidents.  [env: IRKIT_EVIDENCE]"),
    ):
        command = option(command)
    return command


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    import json
    click.echo(json.dumps(value, indent=2, default=str))     # ASCII: what vendors and people wrote may steer a terminal
