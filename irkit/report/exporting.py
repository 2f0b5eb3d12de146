"""Exports that are recorded: what is withheld is listed, `exported` is appended, and what is written ends with that entry.

The list comes first, since the entry holds its hash. What others append between the two is looked at again: if the rules would
withhold any of it, or it changes what they withhold, both are made anew. So nothing leaves that the rules keep back.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from irkit import __version__
from irkit.errors import IrkitError
from irkit.ledger import Entry, Ledger
from irkit.ledger.export import entries_of, mode_of, record_bag, stored
from irkit.ledger.labels import labels
from irkit.ledger.sshsig import Signer
from irkit.report import bag, tables, withheld
from irkit.report.case import Case
from irkit.report.folder import Folder
from irkit.report.redact import Rules
from irkit.report.tables import Out
from irkit.report.timesketch import Timesketch
from irkit.report.view import Hidden, Shown, shown
from irkit.report.withheld import Withheld

TRIES = 5                            # how often a list is made anew


class Nowhere:
    """Takes what is not kept."""

    def write(self, text: str, /) -> int:
        return len(text)


@dataclass(frozen=True)
class Export:
    """One export of a ledger with an open session. `who` is what that session's entries stand under, `say` takes progress."""

    ledger: Ledger
    who: str
    signer: Signer | None = None
    recipient: str = ""
    basis: str = ""
    rules: Rules | None = None
    say: Callable[[str], None] = field(default=lambda _: None)

    def bag(self, into: Folder) -> bag.Bag:
        """Write a bag and publish it."""
        def listing() -> Withheld:
            with into.file(bag.WITHHELD) as listed, into.file(bag.PRIVILEGE_LOG) as log:
                return list_withheld(self.ledger, self.rules, listed, log, by=self.who)

        start, end, listed = self._record(listing, lambda found: record_bag(
            self.ledger, {"withheld_sha256": found.sha256, "signed": self.signer is not None}, self._values()))
        ledger = self.ledger
        source = bag.Source(
            shown(stored(ledger, end), self._hide(start)), ledger.tokens, ledger.open_artefact, ledger.folder.name,
            ledger.origin, ledger.mode, incidents_beside(ledger.folder), listed.values, self.say)
        return bag.write(into, source, self.signer)

    def timesketch(self, out: Out) -> int:
        """Write a timeline. Returns how many lines it has."""
        sketch = Timesketch(out, incident=self.ledger.folder.name, mode=self.ledger.mode)
        for row in self._view("timesketch"):
            sketch.add(row)
        return sketch.count

    def case(self, out: Out) -> int:
        """Write a graph. Returns how many nodes it has."""
        ledger = self.ledger
        case = Case(out, incident=ledger.folder.name, origin=ledger.origin, mode=ledger.mode, version=__version__)
        for row in self._view("case"):
            case.add(row)
        case.close()
        return case.count

    def csv(self, into: Folder) -> int:
        """Write four tables and publish them. Returns how many entries the timeline has."""
        def listing() -> Withheld:
            with into.file("privilege_log.csv") as log:
                return list_withheld(self.ledger, self.rules, Nowhere(), log, by=self.who)

        count, mode = 0, self.ledger.mode
        with contextlib.ExitStack() as files:
            timeline, custody, deadlines = (files.enter_context(into.file(f"{name}.csv"))
                                            for name in ("timeline", "custody", "deadlines"))
            clocks = tables.Deadlines(deadlines, mode)
            made = (tables.Timeline(timeline, mode), tables.Custody(custody, mode), clocks)
            for row in self._view("csv", listing):
                for table in made:
                    table.add(row)
                count += 1
            clocks.close()
        into.publish()
        return count

    # -- what is shown -------------------------------------------------------------------------------------------

    def _view(self, form: str, listing: Callable[[], Withheld] | None = None) -> Iterator[Shown]:
        """The lines up to and including the `exported` entry of that form."""
        def listed() -> Withheld:
            return list_withheld(self.ledger, self.rules, Nowhere(), Nowhere(), by=self.who)

        start, end, _ = self._record(listing or listed,
                                     lambda _: self.ledger.append("exported", {"as": form}, self._values(), by="human"))
        for row in shown(stored(self.ledger, end), self._hide(start)):
            if isinstance(row, Shown):
                yield row

    def _record(self, listing: Callable[[], Withheld], append: Callable[[Withheld], Entry]) -> tuple[int, int, Withheld]:
        """List, then append. Returns how many lines the list is about, how many there are with the new one, and the list."""
        for _ in range(TRIES):
            start = self.ledger.size
            found = listing()
            last = append(found).seq
            if not self._escaped(start, last):
                return start, last + 1, found
            self.say("others appended what the rules withhold; listing again")
        raise IrkitError(f"others appended what the rules withhold each time ({TRIES} times); nothing was written",
                         where=self.ledger.folder.name, next="try again once the run is paused")

    def _escaped(self, start: int, end: int) -> bool:
        """Whether an entry from `start` to before `end` holds what the rules withhold, or changes what they do."""
        if self.rules is None:
            return False
        choose, wanted = self.rules.choose, {label for rule in self.rules.rules for label in rule.labels}
        late = itertools.takewhile(lambda entry: entry.seq < end, self.ledger.entries(after=start - 1))
        return any(any(choose(entry).hidden) or entry.data.get("label") in wanted for entry in late)

    def _hide(self, start: int) -> Callable[[Entry], Hidden]:
        """What the list is about is hidden; its own `exported` entry is not."""
        rules = self.rules
        return lambda entry: rules.hide(entry) if rules is not None and entry.seq < start else Hidden()

    def _values(self) -> dict[str, str]:
        given = {"export.recipient": self.recipient, "export.basis": self.basis}
        return {name: value for name, value in given.items() if value}


def list_withheld(ledger: Ledger, rules: Rules | None, listed: Out, log: Out, *, by: str = "") -> Withheld:
    """What the rules withhold of the entries there are, written to `listed`, and for people to `log`.

    Raises RunbookError for a rule that matches nothing, or that would withhold what never is.
    """
    if rules is None:
        return withheld.nothing(log)
    rules.mark(labels(row.entry for row in entries_of(stored(ledger))))
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return withheld.write(entries_of(stored(ledger)), rules, listed, log, at=at, by=by, mode=ledger.mode)


def incidents_beside(folder: Path) -> dict[str, int]:
    """How many incidents of each mode stand in the evidence folder; those that cannot be read are counted as such."""
    found: Counter[str] = Counter()
    for path in folder.parent.glob("[!.]*/ledger.db"):
        try:
            found[mode_of(path.parent) or "unreadable"] += 1
        except IrkitError:
            found["unreadable"] += 1
    return dict(found)
