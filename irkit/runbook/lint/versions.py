"""Rule 13: a version goes up. It is what drills and reports count by, so the same number must not stand for two plans.

One file does not know what came before it: this rule looks at it against an older copy, of a release, of the branch it will be
merged into, of the one an incident keeps.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from irkit.errors import RunbookError, UsageError
from irkit.runbook.find import available
from irkit.runbook.load import read_bytes
from irkit.runbook.model import Runbook
from irkit.runbook.source import Mistakes, compose


class Head(NamedTuple):
    """What is looked at of the older copy; it need not lint under rules that came later."""

    name: str
    version: int
    sha256: str


def head_of(path: Path) -> Head:
    """Raises RunbookError for a file that is no runbook with a version."""
    raw = read_bytes(path)
    root = compose(raw, str(path))
    name, version = root.get("runbook"), root.get("version")
    if name is None or version is None or not (version.value.isascii() and version.value.isdigit()) or len(version.value) > 9:
        raise RunbookError(f"{path} is no runbook with a version, so nothing can be held against it")
    return Head(name.value, int(version.value), hashlib.sha256(raw).hexdigest())


def heads(path: Path) -> dict[str, Head]:
    """By name: of the runbook in a file, or of all in a folder. Raises RunbookError, and UsageError where there is none."""
    found = [head_of(one) for one in (available([path]).values() if path.is_dir() else [path])]
    if not found:
        raise UsageError(f"{path} holds no runbook to hold anything against", next="irkit runbook list")
    return {one.name: one for one in found}


def check(runbook: Runbook, old: Head, mistakes: Mistakes) -> None:
    """An older version is a mistake; the same one over other bytes is warned of. Of another runbook nothing is said."""
    if old.name != runbook.name or old.sha256 == runbook.sha256 or not runbook.version:
        return
    node = runbook.node.get("version")
    if runbook.version < old.version:
        mistakes.error(node, f"the version goes backwards: {runbook.version}, after {old.version}",
                       f"the next one is version: {old.version + 1}")
    elif runbook.version == old.version:
        mistakes.warn(node, f"the file differs from the older copy, and both are version {old.version}",
                      f"drills are counted by version; the next one is version: {old.version + 1}")
