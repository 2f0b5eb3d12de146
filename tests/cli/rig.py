"""The command line as a test calls it: in this process, with what it printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from irkit.cli import main

Capsys = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code (of a process minus the signal that ended it)."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What was said, on one line: screens wrap."""
        return " ".join(self.err.split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def irkit(capsys: Capsys, *args: str) -> Ran:
    """Run `irkit ARGS`. The streams are no terminals."""
    capsys.readouterr()
    code = main(list(args))
    printed = capsys.readouterr()
    return Ran(code, printed.out, printed.err)
