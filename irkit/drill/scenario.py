"""A scenario: the YAML file that turns a runbook into a drill. Who is in it, when it begins, what goes wrong, what counts.

Scenarios lie in the folder `scenarios` beside the runbooks and are named like their file. Where none is named, the first one
is played: the one with the earliest `starts`, so that an author decides by a date and not by the alphabet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from irkit.drill.injects import Inject
from irkit.drill.score import Rule
from irkit.engine.session import Second
from irkit.errors import RunbookError, UsageError
from irkit.runbook import Runbook, available
from irkit.runbook.load import read_bytes
from irkit.runbook.source import compose_head, did_you_mean
from irkit.runbook.values import timestamp
from irkit.worlds import Fault, Person

_HEAD = ("runbook", "starts")


class Wrong(Struct, frozen=True):
    """A team that gets something wrong: `answers` in place of the scenario's, and the lines of the result that tell of it."""

    why: str
    answers: Mapping[str, Any]
    misses: Sequence[str]


FindRunbook = Callable[[str], Runbook]     # raises UsageError when there is none of that name


class Scenario(Struct, frozen=True):
    """`worlds`: connector -> the world's options; `answers`: step or inject id -> what --autoplay types; `raw`: the file."""

    name: str
    title: str
    runbook: str
    starts: datetime
    people: Sequence[Person]
    inputs: Mapping[str, str]
    worlds: Mapping[str, Mapping[str, object]]
    injects: Sequence[Inject]
    faults: Sequence[Fault]
    score: Sequence[Rule]
    answers: Mapping[str, Any]
    raw: bytes
    approvals: Mapping[str, Second] = field(default_factory=dict)     # step id -> who plays the second person
    by_hand: Mapping[str, Sequence[str]] = field(default_factory=dict)    # step id -> what it takes away, as "zendesk.client"
    wrong: Mapping[str, Wrong] = field(default_factory=dict)

    def answers_of(self, wrong: str = "") -> Mapping[str, Any]:
        """What is typed: by a good team, or by one that gets that wrong."""
        return {**self.answers, **self.wrong[wrong].answers} if wrong else self.answers

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def load(path: Path, find_runbook: FindRunbook | None = None) -> Scenario:
    """Read a scenario file. Names of steps and inputs are checked when there is a way to find the runbook.

    Raises RunbookError with every mistake: of the scenario, or of its runbook.
    """
    return load_bytes(read_bytes(path), str(path), find_runbook, stem=path.stem)


def load_bytes(raw: bytes, path: str, find_runbook: FindRunbook | None = None, *, stem: str = "") -> Scenario:
    """The same from bytes, such as the copy a run keeps. `path` stands in messages, `stem` is what the file is called."""
    from irkit.drill.reading import read
    return read(raw, path, find_runbook, stem)


def find(name: str, folders: Sequence[Path]) -> Path:
    """The file of the scenario of that name, or of the first scenario of the runbook of that name.

    `folders` hold runbooks; the first one that has it wins. Raises UsageError, naming those there are.
    """
    found = available([folder / "scenarios" for folder in folders]).get(name)
    return found or first(folders, name)


def first(folders: Sequence[Path], runbook: str = "") -> Path:
    """The scenario to play where none was named: the earliest, of that runbook where one is given, else of all.

    The first folder with a fitting scenario wins; equal times go by name. Raises UsageError when there is none.
    """
    for folder in folders:
        heads = [(*_head(path), name, path) for name, path in available([folder / "scenarios"]).items()]
        fitting = [(starts, name, path) for of, starts, name, path in heads if starts is not None and runbook in ("", of)]
        for _, _, path in sorted(fitting):
            if _head(path, whole=True)[1] is not None:
                return path
    names = sorted(available([folder / "scenarios" for folder in folders]))
    what = f"no scenario, and no runbook with one, is called {runbook!r}" if runbook else "there is no scenario to play"
    raise UsageError(f"{what}; {did_you_mean(runbook, names, 'scenarios: ' + (', '.join(names) or 'none'))}",
                     where="looked in " + ", ".join(str(folder / "scenarios") for folder in folders), next="irkit runbook list")


def played_by(path: Path) -> str:
    """The name of the runbook that the scenario in that file plays; "" when it cannot be read."""
    return _head(path, whole=True)[0]


def _head(path: Path, *, whole: bool = False) -> tuple[str, datetime | None]:
    """A file's runbook and start; no start when they, or what follows them in the `whole` file, cannot be read.

    That is told when it is played by its name.
    """
    try:
        root = compose_head(read_bytes(path), str(path), () if whole else _HEAD)
        runbook, starts = root.get("runbook"), root.get("starts")
        return (runbook.value, instant(starts.value)) if runbook and starts else ("", None)
    except (RunbookError, ValueError):
        return "", None


def instant(text: str) -> datetime:
    """A scenario's start. Raises ValueError for what is no RFC 3339 time, and for `now`."""
    if text.strip() == "now":
        raise ValueError("a scenario starts at a time of its own, like 2026-03-07T23:40:00Z")
    return timestamp(text, datetime.now(UTC))
