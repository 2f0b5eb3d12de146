"""`irkit close`: the seal on an incident. What it needs and what it leaves open is said before; it cannot be taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, confirmed, opened, page_of, say, session, show
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, shared
from irkit.errors import IrkitError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger
    from irkit.ledger.sealing import Seal


@click.command()
@INCIDENT
@click.option("--reason", default="", help="Why it is closed now, for the record.")
@click.option("--confirm", metavar="INCIDENT", help="The incident's id, in place of the phrase, where there is no terminal.")
@shared
@click.pass_obj
def close(settings: Settings, incident: str, reason: str, confirm: str | None) -> int:
    """Seal an incident: a signed last word on it; no further work is added.

    What stays open is said first. Afterwards holds, custody, labels, exports and lawful erasure can still be added; more work
    is a new incident. Where a time-stamp authority that the incident's policy asks for was not reached, the exit code is 1:
    run it again, and it goes on from there.

    \b
    Examples:
      irkit close INC-2041
      irkit close INC-2041 --reason "review held on 2 December" --confirm INC-2041
    """
    from irkit.ledger.sealing import seal_of
    with opened(settings, incident) as ledger:
        name = ledger.folder.name
        if not ledger.sealed:
            _seal(settings, ledger, reason, confirm)
        seal = seal_of(ledger)
        assert seal is not None
        try:
            problems = _stamp(settings, seal)
        finally:
            ledger.end_session()
        at_rest = ledger.leave_wal()
        seal = seal_of(ledger) or seal
        problems += [] if at_rest else ["another process has the ledger open, so its write-ahead log stays for now"]
        return _say(settings, seal, name, problems, at_rest)


def _seal(settings: Settings, ledger: Ledger, reason: str, confirm: str | None) -> None:
    """Append the last word, under a session that stays open for the tokens."""
    from irkit.cli.signing import signer
    name, state = ledger.folder.name, incidents.state_of(ledger)
    _no_open_run(state, name)
    show(settings, _what_stays_open(settings, ledger, state, state.reckoned(incidents.now_of(state))), page=False)
    key = signer(settings, ledger.mode)
    assert key is not None
    confirmed(settings, name, f"SEAL {name}", "seal it for good", confirm, f"irkit close {name}")
    ledger.start_session(incidents.who_am_i(settings.config)[0])
    try:
        state = incidents.state_of(ledger)
        _no_open_run(state, name)                  # again: typing the phrase took a while
        ledger.append_signed("sealed", key, stamped(state), {"seal.reason": reason} if reason else {})
    except BaseException:
        with contextlib.suppress(IrkitError):
            ledger.end_session()
        raise


def _no_open_run(state: State, name: str) -> None:
    still = [run for run in state.runs.values() if not run.closed]
    if still:
        runs = ", ".join(f"{run.id} ({run.runbook})" for run in still)
        raise UsageError(f"{'runs are' if len(still) > 1 else 'a run is'} open in {name}: {runs}; nothing was sealed",
                         next=f"irkit resume {name}")


# -- what stays open ---------------------------------------------------------------------------------------------

def _what_stays_open(settings: Settings, ledger: Ledger, state: State, now: datetime) -> list[str]:
    from irkit.ledger.custody import transfers
    page = page_of(settings)
    lines = [line for run in state.runs.values() for line in _of_run(settings, ledger, run, now)]
    notes = [f"note of entry {entry.seq}: {entry.disclosed.get('text', '')}" for entry in ledger.entries()
             if entry.kind == "note" and str(entry.disclosed.get("text", "")).lstrip().upper().startswith("TODO")]
    waits = [f"offer {one.entry} to {one.offered.receiver.name} is not accepted" for one in transfers(ledger).values()
             if one.accepted is None]
    parts = (("Clocks", [text for label, text in lines if label == "Clocks"]),
             ("Steps", [text for label, text in lines if label == "Steps"]), ("TODO", notes), ("Custody", waits),
             ("Holds", [f"that of entry {seq} goes on standing" for seq in sorted(ledger.holds)]))
    still = [line for label, texts in parts if texts for line in page.labelled(label, texts)]
    head = f"{ledger.folder.name}, {ledger.size} entries. " + ("Stays open:" if still else "Nothing stays open.")
    return [*page.hanging(head), *still]


def _of_run(settings: Settings, ledger: Ledger, run: RunState, now: datetime) -> Iterator[tuple[str, str]]:
    """Clocks that run, steps without an end, and requests of which nobody knows what came of them."""
    from irkit.cli.walks import own_copy
    from irkit.engine import deadlines
    from irkit.engine.state import SETTLED
    from irkit.ui.layout import Page
    page, book = Page(zone=settings.zone), own_copy(ledger, run)
    for clock in deadlines.all_of(book, run):
        if clock.state == "running":
            yield "Clocks", page.due_at(clock, now)
    for number, step in enumerate(book.steps, 1):
        found = run.step(step.id)
        unknown = sum(sending.open for sending in found.sendings)
        if unknown:
            yield "Steps", f"{number} {step.title}: {unknown} sent, outcome unknown"
        elif found.state not in SETTLED:
            yield "Steps", f"{number} {step.title}: {found.word}"


# -- time and rest -----------------------------------------------------------------------------------------------

def _stamp(settings: Settings, seal: Seal) -> list[str]:
    """Ask the authorities that have not stamped the seal. Returns what went wrong, a sentence each."""
    from irkit.cli.anchoring import stamp
    ledger = seal.ledger
    missing = [] if ledger.mode == "drill" else [one for one in settings.config.authorities if one not in seal.stamped]
    if not missing:
        return []
    for authority in missing:
        say(settings, f"asking {authority}…")
    with session(settings, ledger) if ledger.session is None else contextlib.nullcontext():
        return [f"{one.authority} {one.problem}" for one in stamp(seal, missing) if one.problem]


def _say(settings: Settings, seal: Seal, name: str, problems: list[str], at_rest: bool) -> int:
    wanted, reached, listed = seal.ledger.policy.seal_tokens, len(seal.stamped), len(settings.config.authorities)
    if listed < wanted:
        problems = [*problems, f"the incident's policy asks for {wanted} authorities, and irkit.toml lists {listed} of them"]
    page = page_of(settings)
    code = 1 if reached < wanted or not at_rest else 0
    first = f"sealing: {reached} of {wanted} authorities reached" if reached < wanted else \
        f"Sealed {seal.entry.at[:19]}Z by entry {seal.entry.seq}."
    show(settings, [
        *page.hanging(first),
        *page.labelled("Entries", f"{seal.entry.data.get('size')} before it, root {seal.entry.data.get('root')}"),
        *page.labelled("Signed", str(seal.entry.data.get("key"))),
        *page.labelled("Time", [f"stamped by {one}" for one in sorted(seal.stamped)] or
                       ["not proven: no authority stamped it; keep its checkpoint where nobody here can change it"]),
        *(page.labelled("Problem", problems) if problems else []),
        *page.labelled("Next", [f"irkit close {name}"] if code else [
            f"irkit ledger checkpoint {name} --show",
            f"irkit ledger export {name} --as bag --output PATH"])], page=False)
    return code
