"""`irkit curl`: a step's requests as they stand in the ledger, for a person to send by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.acting import INCIDENT, opened, print_of, say, show
from irkit.cli.complete import step_name
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.ledger import Entry, Ledger


@click.command()
@INCIDENT
@click.argument("step", shell_complete=step_name)
@click.option("--reads", is_flag=True, help="The looks as well, not only what changes something.")
@as_json
@shared
@click.pass_obj
def curl(settings: Settings, incident: str, step: str, reads: bool, as_json: bool) -> None:
    """Print a step's requests as curl commands, without the credential.

    They are read from the ledger: what was sent, and what a probe showed and did not send. A request that stands at an open
    gate is printed by `c` there. Nothing is sent, and nothing is recorded. Add the credential yourself, from a file and not on
    the command line: curl -H @FILE. What came back is kept by `m` at the step, with paste: as its evidence.

    \b
    Examples:
      irkit curl INC-2041 suspend
      irkit curl INC-2041 suspend --reads
      irkit curl INC-2041 suspend --json
    """
    with opened(settings, incident, write=False) as ledger:
        found = list(_requests(ledger, _step_id(ledger, step), reads))
        if not found:
            raise UsageError(f"no request of {step} is recorded in {ledger.folder.name}",
                             next=f"irkit run RUNBOOK --probe records them all; irkit status {ledger.folder.name}")
        if as_json:
            print_of(settings, ledger, requests=[_as_data(entry) for entry in found])
            return
        prefix, settings.prefix = settings.prefix, ""          # a mark in front of a command would spoil it
        show(settings, [line for entry in found for line in _lines(entry, prefix)], page=False)
        settings.prefix = prefix
        say(settings, "The credential is not in these commands; nothing was sent.")


def _step_id(ledger: Ledger, wanted: str) -> str:
    """A step's id, also for its number in the latest run."""
    from irkit.cli.incidents import state_of
    from irkit.cli.walks import own_copy
    run = next(reversed(state_of(ledger).runs.values()), None)
    steps = own_copy(ledger, run).steps if run else ()
    return next((step.id for number, step in enumerate(steps, 1) if wanted == str(number)), wanted)


def _requests(ledger: Ledger, step: str, reads: bool) -> Iterator[Entry]:
    """Entries that hold a request whole: writes, those a probe showed, and reads where asked for."""
    for entry in ledger.entries():
        if entry.step != step or "request.url" not in entry.disclosed:
            continue
        if entry.kind == "request.sending" or entry.data.get("probe") or (reads and entry.kind == "request.answer"):
            yield entry


def _lines(entry: Entry, mark: str) -> list[str]:
    from irkit.ui.text import safe
    did = "shown by a probe, not sent" if entry.data.get("probe") else "sent" if entry.kind == "request.sending" else "a look"
    item = f", item {entry.item + 1}" if entry.item is not None else ""
    undo = ", of its undo" if entry.data.get("undo") else ""
    return [f"# {mark}entry {entry.seq}, {entry.at[:19]}Z, {did}{item}{undo}", safe(_command(entry))]


def _command(entry: Entry) -> str:
    from irkit.engine.curl import curl as command
    from irkit.engine.curl import mail_curl
    body = entry.disclosed.get("request.body", "")
    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body else {})}
    if not isinstance(body, str):
        raise UsageError(f"the body of entry {entry.seq} is too large for a command line",
                         next=f"irkit ledger show --step {entry.step} --json names its artefact")
    if entry.disclosed["request.method"] == "SEND":
        return mail_curl(entry.disclosed["request.url"], body)
    return command(entry.disclosed["request.method"], entry.disclosed["request.url"], headers, body)


def _as_data(entry: Entry) -> dict[str, Any]:
    shown = entry.disclosed
    return {"entry": entry.seq, "at": entry.at, "kind": entry.kind, "item": entry.item, "method": shown["request.method"],
            "url": shown["request.url"], "body": shown.get("request.body"), "curl": _command(entry)}
