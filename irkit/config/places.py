"""Where the configuration file and the incidents are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from irkit.config.model import Config
from irkit.errors import IrkitError


def find(flag: str | Path | None, env: Mapping[str, str]) -> Path | None:
    """The configuration file: `--config`, IRKIT_CONFIG, ./irkit.toml, then the user's. Raises IrkitError for a named one
    that does not exist."""
    named = flag or env.get("IRKIT_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise IrkitError(f"there is no configuration file {path}", next="irkit connect zendesk --config " + str(path))
        return path
    return next((path for path in (Path("irkit.toml"), user_path(env)) if path.is_file()), None)


def user_path(env: Mapping[str, str]) -> Path:
    """Where the user's own irkit.toml is, or would be."""
    return _user_folder(env, "XDG_CONFIG_HOME", ".config") / "irkit.toml"


def evidence_root(flag: str | Path | None, env: Mapping[str, str], config: Config) -> Path:
    """The folder of incidents: `--evidence`, IRKIT_EVIDENCE, irkit.toml, ./evidence if it exists, else the user's data."""
    named = flag or env.get("IRKIT_EVIDENCE")
    if named:
        return Path(named).expanduser()
    if config.evidence:
        return config.evidence
    here = Path("evidence")
    return here if here.is_dir() else _user_folder(env, "XDG_DATA_HOME", ".local/share") / "evidence"


def state_folder(env: Mapping[str, str]) -> Path:
    """Where this machine keeps what it needs to go on, and what is no evidence: how far entries were forwarded."""
    return _user_folder(env, "XDG_STATE_HOME", ".local/state")


def _user_folder(env: Mapping[str, str], variable: str, default: str) -> Path:
    """The XDG base directory, or Apple's Application Support."""
    if env.get(variable):
        return Path(env[variable]) / "irkit"
    home = Path(env.get("HOME") or Path.home())
    return home / ("Library/Application Support" if sys.platform == "darwin" else default) / "irkit"
