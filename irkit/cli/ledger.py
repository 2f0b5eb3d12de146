"""`irkit ledger`: read and verify what an incident's ledger holds. Nothing here changes an incident."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import step_name
from irkit.cli.export import INCIDENT, export, redact, reveal
from irkit.cli.forward import forward
from irkit.cli.incidents import folder_of
from irkit.cli.label import erase, label, labels_
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width
from irkit.cli.verify import checkpoint, stamp, verify
from irkit.cli.watch import FACILITATOR, behind, keeps_back, left_out

if TYPE_CHECKING:
    from pathlib import Path

    from irkit.ledger import Entry
    from irkit.ledger.assurance import Windows
    from irkit.ui.reading import Row


@click.group()
@shared
def ledger() -> None:
    """Show, verify, export, forward, label and stamp an incident's ledger."""


# -- show --------------------------------------------------------------------------------------------------------

@ledger.command()
@INCIDENT
@click.option("--step", shell_complete=step_name, help="Only entries of this step.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND",
              help="Only entries of this kind: request.sending, or request for all its kinds. May be repeated.")
@click.option("--windows", is_flag=True, help="Below each entry: between which moments time stamps prove that it was written.")
@FACILITATOR
@as_json
@shared
@click.pass_obj
def show(settings: Settings, incident: str, step: str | None, kinds: tuple[str, ...], windows: bool, facilitator: bool,
         as_json: bool) -> None:
    """Show the entries of a ledger: number, UTC, who, what.

    With --json each entry is whole, with its disclosed values. --windows takes the time stamps at their word; whether their
    authorities are to be trusted, `irkit ledger verify --tsa-ca` says. What a facilitator does in a drill behind the team's
    back is left out until the drill is over.

    \b
    Examples:
      irkit ledger show INC-2041
      irkit ledger show INC-2041 --step suspend
      irkit ledger show INC-2041 --kind note --kind decision
      irkit ledger show INC-2041 --windows
    """
    from irkit.ledger import Ledger
    from irkit.report.words import mark
    folder = folder_of(settings, incident)
    proven = _proven(folder) if windows else None
    with Ledger.open(folder, write=False) as found:
        wanted = _Filter(step, kinds, all_of_it=facilitator or not keeps_back(found))
        prefix = mark(found.mode)
        if as_json:
            from irkit.ledger.export import view
            print_json([{**view(entry), **(_window(proven, entry.seq) if proven else {})}
                        for entry in found.entries() if wanted(entry)])
        else:
            _show(settings, list(_rows(found.entries(), wanted, proven)), prefix)
    if wanted.left_out:
        tell(settings, left_out(wanted.left_out))
    elif not (as_json or wanted.found):
        tell(settings, f"No such entry in {incident}. Its steps: {', '.join(wanted.steps) or 'none'}")


def _show(settings: Settings, rows: list[Row], prefix: str) -> None:
    from irkit.ui.reading import ledger_show_lines
    from irkit.ui.screen import prefixed
    if rows:
        put(settings, prefixed(ledger_show_lines(rows, width=width() - len(prefix)), prefix))


def _proven(folder: Path) -> Windows:
    from irkit.ledger.verify import verify
    return verify(folder).windows


def _window(proven: Windows, seq: int) -> dict[str, dict[str, str | None]]:
    lower, upper = proven.of(seq)
    return {"window": {"after": lower.isoformat() if lower else None, "before": upper.isoformat() if upper else None}}


@dataclasses.dataclass
class _Filter:
    """Which entries are wanted; remembers the steps it met, to name them where nothing fits.

    Unless `all_of_it`, those behind the back of a drill's team are counted and left out.
    """

    step: str | None
    kinds: tuple[str, ...]
    all_of_it: bool
    steps: dict[str, None] = dataclasses.field(default_factory=dict)
    found: int = 0
    left_out: int = 0

    def __call__(self, entry: Entry) -> bool:
        if entry.step:
            self.steps[entry.step] = None
        if not self._fits(entry):
            return False
        if behind(entry) and not self.all_of_it:
            self.left_out += 1
            return False
        self.found += 1
        return True

    def _fits(self, entry: Entry) -> bool:
        return (self.step in (None, entry.step)
                and (not self.kinds or any(entry.kind == kind or entry.kind.startswith(f"{kind}.") for kind in self.kinds)))


def _rows(entries: Iterable[Entry], wanted: Callable[[Entry], bool], proven: Windows | None) -> Iterator[Row]:
    from irkit.cli.rows import Rows
    from irkit.ui.verifying import window
    make = Rows()
    for entry in entries:
        row = make(entry, window(*proven.of(entry.seq)) if proven else "")
        if wanted(entry):
            yield row


# -- the others, each in a file of its own -----------------------------------------------------------------------

for command in (verify, checkpoint, stamp, export, forward, redact, reveal, label, labels_, erase):
    ledger.add_command(command)
