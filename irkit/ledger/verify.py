"""Verify an incident's folder: one pass over the raw store with fresh eyes, everything found, nothing changed.

What is checked is listed in `irkit.ledger.check`. This version makes no signatures and no timestamps, and so cannot tell a
ledger from one that was written anew as a whole, or cut short at its end; `Report.notes` says so.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from irkit.ledger import database
from irkit.ledger.artefacts import PART, Artefacts
from irkit.ledger.check import Checker
from irkit.ledger.finding import CONTRADICTED, NOT_CHECKED, Finding
from irkit.ledger.trouble import no_incident

MOST_FINDINGS = 200
UNSIGNED = ("not signed, not timestamped: author and time are not proven; a ledger that was written anew, or cut short at its "
            "end, looks like this one")
_REFUSED = ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_PERM", "SQLITE_READONLY")


@dataclass
class Report:
    """What a verification found. `head` is the hex leaf of the last entry; `findings` are the first 200 of `problems`."""

    folder: Path
    mode: str = ""
    origin: str = ""
    entries: int = 0
    head: str = ""
    disclosures: int = 0
    artefacts: int = 0
    problems: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> int:
        """How many entries, from 0 on, come before the first finding."""
        return min((f.entry if f.entry is not None else 0 for f in self.findings), default=self.entries)

    @property
    def exit_code(self) -> int:
        """5 when anything does not agree, else 1 when something could not be checked, else 0."""
        levels = {finding.level for finding in self.findings}
        return 5 if levels - {NOT_CHECKED} else 1 if levels else 0

    def add(self, finding: Finding) -> None:
        self.problems += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)


def verify(folder: Path) -> Report:
    """Check everything. Raises LedgerError when the folder is no incident; all else is a finding of the report."""
    path = folder / database.NAME
    if not path.is_file():
        raise no_incident(folder)
    report = Report(folder, notes=[UNSIGNED])
    artefacts = Artefacts(folder)
    checker = Checker(report.add, lambda sha256, size: artefacts.problem(sha256, size, whole=True), strict=True)
    try:
        with contextlib.closing(database.open_reader(path)) as db:
            db.conn.execute("BEGIN")
            _tables(db.conn, report)
            _walk(db.conn, checker, report)
    except (sqlite3.Error, OSError) as error:
        refused = isinstance(error, OSError) or str(getattr(error, "sqlite_errorname", "")).startswith(_REFUSED)
        report.add(Finding(checker.next, "store", f"the store cannot be read from entry {checker.next} on",
                           "The disk or its permissions refuse." if refused else "The file was damaged.", (str(error),),
                           NOT_CHECKED if refused else CONTRADICTED))
    report.mode, report.origin, report.disclosures = checker.mode, checker.origin, checker.disclosures
    report.artefacts = len(checker.artefacts)
    report.notes += _left_over(artefacts, checker)
    return report


def _tables(connection: sqlite3.Connection, report: Report) -> None:
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name in sorted(database.TABLES - there):
        report.add(Finding(None, "store", f"the table {name} is missing", "The store was changed."))


def _walk(connection: sqlite3.Connection, checker: Checker, report: Report) -> None:
    for row in database.scan(connection):
        if isinstance(row, database.Row):
            checker.feed(row)
            report.entries += 1
        else:
            checker.orphan(row[0], row[1])
    report.head = checker.leaf.hex()
    if report.entries == 0:
        report.add(Finding(None, "genesis", "the ledger has no entries", "They were removed."))


def _left_over(artefacts: Artefacts, checker: Checker) -> list[str]:
    """What lies beside the artefacts and belongs to no entry: a killed process leaves such files behind."""
    there = {file.name for file in artefacts.folder.iterdir()} if artefacts.folder.is_dir() else set()
    parts = {name for name in there if name.startswith(PART)}
    unlisted = sorted(there - parts - checker.artefacts.keys())
    return [f"{len(parts)} unfinished in artifacts/, left by a process that was stopped"] * bool(parts) + \
           [f"{len(unlisted)} in artifacts/ that no entry lists: {', '.join(unlisted[:3])}"] * bool(unlisted)
