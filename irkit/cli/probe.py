"""`irkit incident probe`: what a probe found that a run would affect; and bringing that report into another incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, opened, print_of, say, show
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.ledger import Ledger
    from irkit.ledger.artefacts import Artefact


@click.command()
@INCIDENT
@as_json
@shared
@click.pass_obj
def probe(settings: Settings, incident: str, as_json: bool) -> None:
    """Show what a probe found that a run would affect: its blast-radius report.

    The report is made when `irkit run RUNBOOK --probe` has walked to the end, and kept in the probe's incident as JSON and as
    text. It says what was seen then. Where a run of the same runbook and inputs in that incident, or in one that it was
    attached to, asks for an approval, the approver reads it beside the requests that they sign for.

    \b
    Examples:
      irkit incident probe INC-2041
      irkit incident probe INC-2041 --json
    """
    from irkit.engine import radius_text
    with opened(settings, incident, write=False) as ledger:
        sha256, entry, report = _latest(ledger)
        if as_json:
            print_of(settings, ledger, sha256=sha256, entry=entry, report=report)
            return
        show(settings, radius_text.lines(report))
        name = ledger.folder.name
        say(settings, f"Entry {entry}, sha256 {sha256}.", f"  next  irkit run {report['runbook']['name']} --incident {name}",
            f"        or, for a run elsewhere: irkit attach INCIDENT --probe {name}")


def _latest(ledger: Ledger) -> tuple[str, int, dict[str, Any]]:
    """The latest report in a ledger: its SHA-256, its entry, and itself. Raises UsageError when there is none."""
    from irkit.engine import radius
    from irkit.engine.session import load_from
    state, name = incidents.state_of(ledger), ledger.folder.name
    for sha256, entry in reversed(state.reports.items()):
        try:
            return sha256, entry, radius.read(load_from(ledger)(sha256))
        except ValueError:                     # a file that somebody attached under the same name
            continue
    run = next((run for run in reversed(state.runs.values()) if run.mode == "probe"), None)
    if run is not None and not run.closed:
        raise UsageError(f"the probe in {name} has not walked to the end; its report is made then", next=f"irkit resume {name}")
    raise UsageError(f"{name} holds no report of a probe", next=f"irkit run RUNBOOK --probe --incident {name}")


def bring(settings: Settings, ledger: Ledger, other: str, run: str, step: str | None) -> Artefact:
    """Keep the latest report of another incident in this one, byte for byte. Raises UsageError where that does not fit."""
    from irkit.engine import radius_text
    from irkit.engine.radius import TEXT
    from irkit.engine.session import load_from
    from irkit.engine.state import REPORT
    from irkit.ledger import Ledger as Store
    with Store.open(incidents.folder_of(settings, other), write=False) as source:
        sha256, _, report = _latest(source)
        raw = load_from(source)(sha256)
        if source.mode != ledger.mode:
            raise UsageError(f"{other} is a {source.mode} incident and {ledger.folder.name} a {ledger.mode} one; "
                             "its report says nothing here", next=f"irkit incident probe {other}")
    kept = ledger.keep(REPORT, raw, media_type="application/json", run=run or None, step=step, by="human")
    text = "".join(f"{line}\n" for line in radius_text.lines(report))
    ledger.keep(TEXT, text.encode("utf-8", "replace"), media_type="text/plain", run=run or None, step=step, by="human")
    return kept
