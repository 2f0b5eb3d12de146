"""Where runbooks are looked for: $IRKIT_RUNBOOKS, ./runbooks, then the ones shipped with irkit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import irkit
from irkit.errors import UsageError
from irkit.runbook.source import did_you_mean

SUFFIX = ".yaml"


def search_path(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders, the one that wins first. IRKIT_RUNBOOKS may hold several, as PATH does."""
    named = [Path(part).expanduser() for part in env.get("IRKIT_RUNBOOKS", "").split(os.pathsep) if part]
    return [*named, Path("runbooks"), *[folder for folder in shipped() if folder.is_dir()][:1]]


def shipped() -> list[Path]:
    """Where irkit's own runbooks are: in the wheel, or beside the package in a checkout."""
    package = Path(irkit.__file__).parent
    return [package / "_runbooks", package.parent / "runbooks"]


def available(folders: Sequence[Path]) -> dict[str, Path]:
    """Every runbook by name; of two with one name the first folder's wins. Folders that cannot be read hold none."""
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file())
        except OSError:
            continue
        for path in paths:
            found.setdefault(path.stem, path)
    return found


def find(name: str, folders: Sequence[Path]) -> Path:
    """The file of a runbook given by name or by path. Raises UsageError with where it was looked for."""
    if os.sep in name or "/" in name or name.endswith(SUFFIX):
        if Path(name).is_file():
            return Path(name)
        raise UsageError(f"there is no runbook file {name}", next="irkit runbook list")
    known = available(folders)
    if name in known:
        return known[name]
    raise UsageError(f"no runbook is called {name!r}" + "".join(f"; {hint}" for hint in [did_you_mean(name, known)] if hint),
                     where="looked in " + ", ".join(map(str, folders)), next="irkit runbook list")
