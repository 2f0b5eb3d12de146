"""`irkit handover`: offer an open run to the next responder. It moves when they run `irkit resume` and type I HAVE IT."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, filled, opened, say, session
from irkit.cli.complete import person_name
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, shared
from irkit.errors import LedgerError, NeedsTerminal, UsageError

if TYPE_CHECKING:
    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger


@click.command()
@INCIDENT
@click.option("--to", metavar="NAME", shell_complete=person_name, help="Who takes it, of the incident's people.")
@click.option("--text", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE",
              help="Take the text from a file, - for standard input; no editor opens.")
@click.option("--no-edit", is_flag=True, help="Take the text as the ledger fills it in; no editor opens.")
@shared
@click.pass_obj
def handover(settings: Settings, incident: str, to: str | None, text: Path | None, no_edit: bool) -> None:
    """Hand an open run over to somebody, signed by you; it moves once they accept it.

    Status, Tried, Unknown, Risks, Next and Clock are filled in from the ledger and opened in your editor ($VISUAL, $EDITOR).
    The run stays yours, and you may go on with it, until the other one runs `irkit resume` and types I HAVE IT. Evidence is
    handed over by `irkit custody`, which is another thing. In an open run the letter h does the same.

    \b
    Examples:
      irkit handover INC-2041 --to sam
      irkit handover INC-2041 --to sam --no-edit
      irkit handover INC-2041 --to sam --text handover.txt
    """
    from irkit.cli.signing import signer
    from irkit.engine import handover as handing
    with opened(settings, incident) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        run = _open_run(ledger, state)
        by = incidents.who_am_i(None if ledger.mode == "drill" else settings.config)[0]
        if to is None:
            to = filled(settings, f"irkit handover {name}", {"--to": ("Who takes it?", None)})[0]
        if text is None and not no_edit:
            _must_have_terminal(settings, name)
        key = signer(settings, ledger.mode)
        assert key is not None
        try:
            _must_hold(state, run, by, key.fingerprint, name)
            to = handing.receiver(state, by, to, name)
            said = handing.text_of(_text(settings, ledger, state, run, by, to, text, no_edit), name)
        except UsageError as wrong:
            with session(settings, ledger):
                noted = handing.refused(ledger, run.id, "handover.offered", wrong.what, stamped(state))
            raise UsageError(f"{wrong.what}; entry {noted.seq} says so", where=wrong.where, next=wrong.next) from None
        with session(settings, ledger):
            entry = ledger.append_signed("handover.offered", key, stamped(state), handing.values(by, to, said), run=run.id,
                                         held_by=run.holder)
    say(settings, f"Offered to {to}. It stays yours until {to} types {handing.PHRASE}.  entry {entry.seq}",
        f"  next  {to} runs: irkit resume {name}")


def _open_run(ledger: Ledger, state: State) -> RunState:
    name = ledger.folder.name
    if ledger.sealed:
        raise LedgerError(f"{name} is sealed: nothing more is recorded in it", where=str(ledger.folder),
                          next="more work is a new incident: irkit run RUNBOOK")
    if state.open_run is None:
        raise UsageError(f"no run is open in {name}, so there is nothing to hand over", next=f"irkit status {name}")
    return state.open_run


def _must_hold(state: State, run: RunState, by: str, key: str, name: str) -> None:
    """Only who has the run hands it over."""
    from irkit.engine.people import same_name
    if run.packed >= 0:
        raise UsageError(f"the run was packed to be moved (entry {run.packed}), and nobody has it here",
                         next=f"irkit resume {name}")
    if not same_name(run.last_who, by):
        raise UsageError(f"{run.last_who} has this run, and you are {by}: only who has it hands it over",
                         where="IRKIT_WHO, and [people] in irkit.toml", next=f"irkit resume {name}, which can take it over")
    held = state.keys.get(run.holder, "")
    if state.mode == "live" and held.startswith("SHA256:") and held != key:
        raise UsageError(f"{run.last_who} has this run under another key than the one that signs here", where=held,
                         next=f"irkit resume {name}, and hand it over from there")


def _must_have_terminal(settings: Settings, name: str) -> None:
    from irkit.cli.doctor import terminal_of
    if terminal_of(settings) is None:
        raise NeedsTerminal("the text opens in an editor, and there is no terminal for it",
                            next=f"irkit handover {name} --to NAME --no-edit, or --text FILE")


def _text(settings: Settings, ledger: Ledger, state: State, run: RunState, by: str, to: str, given: Path | None,
          no_edit: bool) -> str:
    """What is offered, before it is made ready to sign."""
    import os

    from irkit.cli.walks import own_copy
    from irkit.engine import handover as handing
    from irkit.engine.view import View
    from irkit.ui.edit import LARGEST, edited
    if given is not None:
        try:
            with click.open_file(str(given), encoding="utf-8") as file:
                return str(file.read(LARGEST))
        except UnicodeDecodeError:
            raise UsageError(f"{given} is not UTF-8 text") from None
    view = View(ledger.folder.name, own_copy(ledger, run), state, run.id, by)
    drafted = handing.draft(view, incidents.now_of(state))
    if no_edit:
        return drafted
    say(settings, "Opening the text in your editor. Save and close it to sign; leave it empty to offer nothing.")
    sys.stderr.flush()
    return edited(handing.HINT.format(to=to) + drafted, os.environ)
