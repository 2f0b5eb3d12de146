"""Following an incident while others write to it: read-only, and in nobody's way.

- Between two looks no transaction is open and nothing is locked: a run that writes never waits for whoever follows it.
- A store that nobody has open is read from a private copy, which learns nothing: when its files change it is opened anew.
- While no run is open the store is closed between two looks, so that `irkit close` finds nobody who still has it open.
"""

from __future__ import annotations

from pathlib import Path

from irkit.engine.fold import fold
from irkit.engine.session import load_from
from irkit.engine.state import RunState, State
from irkit.ledger import Entry, Ledger
from irkit.ledger.database import NAME
from irkit.runbook import Runbook, load_bytes


class Follower:
    """The incident in `folder`, as far as it was read. `close` it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.sealed = folder, State(), False
        self._ledger: Ledger | None = None
        self._seen: object = None              # what the files were when the store was opened, or last read
        self._books: dict[str, Runbook] = {}   # by the run

    def look(self) -> list[Entry]:
        """The entries that came since the last look; at first all of them. Raises LedgerError where they do not verify."""
        before = self._files()
        new = self._gained() if self._ledger is not None else []
        if not new and before != self._seen:
            self.close()
            self._ledger = Ledger.open(self.folder, write=False)
            new = self._gained()
        self._seen = before
        if self._ledger is not None:
            self._read_books(self._ledger)
            self.sealed = self._ledger.sealed
        if self.state.open_run is None:
            self.close()
        return new

    def _gained(self) -> list[Entry]:
        assert self._ledger is not None
        new = list(self._ledger.entries(after=self.state.seq))
        fold(self.state, new, load_from(self._ledger))
        return new

    def _read_books(self, ledger: Ledger) -> None:
        for run in self.state.runs.values():
            if run.id not in self._books:
                with ledger.open_artefact(run.sha256) as file:
                    self._books[run.id] = load_bytes(file.read(), f"{run.runbook}.yaml")

    def _files(self) -> list[tuple[int, int, int] | None]:
        """What changes when somebody writes. Looked at from outside: to open such a file would drop SQLite's locks on it."""
        found: list[tuple[int, int, int] | None] = []
        for name in (NAME, f"{NAME}-wal", f"{NAME}-journal"):
            try:
                stat = (self.folder / name).stat()
                found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
            except FileNotFoundError:
                found.append(None)
        return found

    @property
    def run(self) -> RunState | None:
        """The open run, else the latest."""
        return self.state.open_run or next(reversed(self.state.runs.values()), None)

    def runbook(self, run: RunState) -> Runbook:
        """The run's own copy."""
        return self._books[run.id]

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
