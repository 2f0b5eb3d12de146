"""Finding incidents: which folders hold one, which are open, and the state each ledger says."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli.options import ID, Settings
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from irkit.config import Config
    from irkit.engine.state import State
    from irkit.ledger import Ledger
    from irkit.ui.reading import Incident


def folder_of(settings: Settings, incident: str) -> Path:
    """The incident's folder, by its id or its path. Raises UsageError when there is none."""
    given = Path(incident)
    folder = given if given.is_dir() and (len(given.parts) > 1 or (given / "ledger.db").exists()) else settings.root / incident
    if not folder.is_dir():
        raise UsageError(f"there is no incident {incident!r} in {settings.root}", next="irkit incident list")
    if not (folder / "ledger.db").exists():
        raise LedgerError(f"{folder} is a folder, but no incident: it holds no ledger.db", next="irkit incident list")
    return folder


def path_of(settings: Settings, incident: str) -> Path:
    """The same, or the folder of a bag."""
    given = Path(incident)
    return given if (given / "bagit.txt").is_file() else folder_of(settings, incident)


def folders(settings: Settings) -> list[Path]:
    """Every incident below the evidence root, by name."""
    root = settings.root
    return sorted(p.parent for p in root.glob("[!.]*/ledger.db")) if root.is_dir() else []


def new_id(settings: Settings, stem: str) -> str:
    """"INC-20261120-1": the first number that is free."""
    from datetime import UTC, datetime
    day = datetime.now(UTC).strftime("%Y%m%d")
    number = 1
    while (settings.root / f"{stem}-{day}-{number}").exists():
        number += 1
    return f"{stem}-{day}-{number}"


def check_id(incident: str) -> str:
    """The id, if it can be a folder's name. Raises UsageError."""
    if not re.fullmatch(ID, incident):
        raise UsageError(f"{incident!r} cannot be an incident's id: letters, digits, . _ - and at most 64 of them")
    return incident


def state_of(ledger: Ledger) -> State:
    """Where the incident stands."""
    from irkit.engine.fold import fold
    from irkit.engine.session import load_from
    from irkit.engine.state import State
    return fold(State(), ledger.entries(), load_from(ledger))


def opened(settings: Settings) -> Iterator[tuple[Path, State]]:
    """Incidents with an open run. A damaged one is named on stderr and passed over."""
    from irkit.ledger import Ledger
    for folder in folders(settings):
        try:
            with Ledger.open(folder, write=False) as ledger:
                state = state_of(ledger)
        except LedgerError as error:
            click.echo(f"{folder.name}: {error.what} (irkit ledger verify {folder.name})", err=True)
            continue
        if state.open_run is not None:
            yield folder, state


def now_of(state: State) -> datetime:
    """The moment to look from: a drill's own time, else the real one."""
    from datetime import UTC, datetime
    return state.latest if state.mode == "drill" and state.latest else datetime.now(UTC)


def the_open_one(settings: Settings, command: str) -> str:
    """The one incident that is open. With several, lists them (LIVE apart from DRILL) and raises UsageError."""
    found = list(opened(settings))
    if len(found) == 1:
        return found[0][0].name
    if not found:
        raise UsageError(f"no run is open in {settings.root}", next="irkit run RUNBOOK, or irkit drill")
    from irkit.ui.reading import incident_lines
    for line in incident_lines([row_of(folder, state) for folder, state in found]):
        click.echo(line)
    raise UsageError(f"{len(found)} incidents are open; say which", next=f"irkit {command} {found[0][0].name}")


def row_of(folder: Path, state: State) -> Incident:
    """The incident in one line, for a listing."""
    from irkit.engine.state import SETTLED
    from irkit.ui.reading import Incident
    run = state.open_run or next(reversed(state.runs.values()), None)
    if run is None:
        return Incident(state.mode.upper(), folder.name, "no run", "empty", now_of(state))
    settled = sum(step.state in SETTLED for step in run.steps.values())
    label = {"probe": "PROBE", "dry-run": "DRY RUN"}.get(run.mode, state.mode.upper())
    where = "closed" if run.closed else f"open, {settled} steps settled"
    return Incident(label, folder.name, run.runbook, where, run.opened_at)


def who_am_i(config: Config | None = None) -> tuple[str, str]:
    """The person at the keyboard and their roles: IRKIT_WHO or the OS user, looked up under [people] where a config is given.

    Unsigned: nothing proves it until entries are signed.
    """
    name = os.environ.get("IRKIT_WHO") or getpass.getuser()
    person = config.people.get(name) if config else None
    return (person.name or name, ", ".join(person.roles)) if person else (name, "")
