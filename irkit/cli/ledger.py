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
@as_json
@shared
@click.pass_obj
def show(settings: Settings, incident: str, step: str | None, kinds: tuple[str, ...], windows: bool, as_json: bool) -> None:
    """Show the entries of a ledger: number, UTC, who, what.

    With --json each entry is whole, with its disclosed values. --windows takes the time stamps at their word; whether their
    authorities are to be trusted, `irkit ledger verify --tsa-ca` says.

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
        wanted = _Filter(step, kinds)
        if as_json:
            from irkit.ledger.export import view
            print_json([{**view(entry), **(_window(proven, entry.seq) if proven else {})}
                        for entry in found.entries() if wanted(entry)])
            return
        rows = list(_rows(found.entries(), wanted, proven))
        prefix = mark(found.mode)
    if not rows:
        tell(settings, f"No such entry in {incident}. Its steps: {', '.join(wanted.steps) or 'none'}")
        return
    from irkit.ui.reading import ledger_show_lines
    from irkit.ui.screen import prefixed
    put(settings, prefixed(ledger_show_lines(rows, width=width() - len(prefix)), prefix))


def _proven(folder: Path) -> Windows:
    from irkit.ledger.verify import verify
    return verify(folder).windows


def _window(proven: Windows, seq: int) -> dict[str, dict[str, str | None]]:
    lower, upper = proven.of(seq)
    return {"window": {"after": lower.isoformat() if lower else None, "before": upper.isoformat() if upper else None}}


@dataclasses.dataclass
class _Filter:
    """Which entries are wanted; remembers the steps it met, to name them where nothing fits."""

    step: str | None
    kinds: tuple[str, ...]
    steps: dict[str, None] = dataclasses.field(default_factory=dict)

    def __call__(self, entry: Entry) -> bool:
        if entry.step:
            self.steps[entry.step] = None
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
