"""`irkit clock`: the decision that a legal clock is met, made away from the run; and its withdrawal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, filled, opened, say, session
from irkit.cli.complete import in_incident
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, shared
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from irkit.engine.gate import Deadline
    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger


def _names(_: Settings, ledger: Ledger, state: State) -> Iterable[str]:
    return [one.id for _, one in _all(ledger, state)]


CLOCK = click.argument("clock", shell_complete=in_incident(_names))


@click.group()
@shared
def clock() -> None:
    """Say that a legal clock is met, signed by you; or that it is not, after all.

    Where a run does the step that meets a clock, that is on record by itself; `irkit status` lists every clock.
    """


@clock.command()
@INCIDENT
@CLOCK
@click.option("--basis", help="What was done, and why that meets it.")
@click.option("--attach", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What was sent, or its receipt: a file that is kept. May be repeated.")
@click.option("--when", metavar="TIME", help="When it was done: 2026-03-07T23:40:00Z (default: now).")
@shared
@click.pass_obj
def met(settings: Settings, incident: str, clock: str, basis: str | None, attach: tuple[Path, ...], when: str | None) -> None:
    """Record that what a clock asks for was done: who, when, on what basis, with what. Signed by you.

    It needs evidence. The step that meets the clock stays open in its run, to be ended there.

    \b
    Examples:
      irkit clock met INC-2041 gdpr_33 --basis "filed with the CNIL, form 12" --attach receipt.pdf
      irkit clock met INC-2041 gdpr_33 --basis "phone" --attach call.txt --when 2026-11-20T09:15:00Z
    """
    with opened(settings, incident) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        run, one = _named(ledger, state, clock)
        _must_run(one, name)
        at = _moment(when, one, state)
        command = f"irkit clock met {name} {clock}"
        if not attach:
            raise UsageError("a clock is met with evidence of what was done; without any it runs on",
                             next=f"{command} --basis … --attach FILE")
        basis, = filled(settings, f"{command} --attach {attach[0]}",
                        {"--basis": ("What was done, and why does that meet it?", basis)})
        with session(settings, ledger, endorsed=True):
            entry = _record(ledger, state, run, one, incidents.who_am_i(settings.config)[0], basis, attach, at)
    late = " late: it was due " + f"{one.due:%Y-%m-%d %H:%M}Z" if one.due and at > one.due else ""
    say(settings, f"{one.title} is met{late}.  entry {entry}", f"  next  irkit status {name}")


@clock.command()
@INCIDENT
@CLOCK
@click.option("--reason", help="Why it is not met, for the record.")
@shared
@click.pass_obj
def reopen(settings: Settings, incident: str, clock: str, reason: str | None) -> None:
    """Have a clock run again that was recorded as met. Signed by you; nothing is removed.

    \b
    Example:
      irkit clock reopen INC-2041 gdpr_33 --reason "the form was returned as incomplete"
    """
    with opened(settings, incident) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        run, one = _named(ledger, state, clock)
        if one.met is None:
            raise UsageError(f"no decision stands that {one.title} is met; it is {one.state}", next=f"irkit status {name}")
        reason, = filled(settings, f"irkit clock reopen {name} {clock}", {"--reason": ("Why is it not met?", reason)})
        with session(settings, ledger, endorsed=True):
            entry = ledger.append("amended", {"clock": clock, **stamped(state)}, {"reason": reason}, by="human", run=run.id,
                                  ref=one.met.entry)
    due = f", due {one.due:%Y-%m-%d %H:%M}Z" if one.due else ""
    say(settings, f"{one.title} runs again{due}.  entry {entry.seq}", f"  next  irkit status {name}")


# -- which, and whether it may be --------------------------------------------------------------------------------

def _all(ledger: Ledger, state: State) -> list[tuple[RunState, Deadline]]:
    """Every clock of every run, those of the latest run first."""
    from irkit.cli.walks import own_copy
    from irkit.engine import deadlines
    return [(run, one) for run in reversed(state.runs.values()) for one in deadlines.all_of(own_copy(ledger, run), run)]


def _named(ledger: Ledger, state: State, clock: str) -> tuple[RunState, Deadline]:
    """The clock of that name, of the open run or the latest one. Raises UsageError, LedgerError where nothing may be added."""
    name = ledger.folder.name
    if ledger.sealed:
        raise LedgerError(f"{name} is sealed: nothing more is recorded in it", where=str(ledger.folder),
                          next="more work is a new incident: irkit run RUNBOOK")
    found = _all(ledger, state)
    for pair in found:
        if pair[1].id == clock:
            return pair
    known = ", ".join(dict.fromkeys(one.id for _, one in found)) or "none"
    raise UsageError(f"{name} has no clock {clock!r}; it has {known}", next=f"irkit status {name}")


def _must_run(one: Deadline, name: str) -> None:
    if one.met is not None:
        raise UsageError(f"{one.title} is met already: {one.met.who}, entry {one.met.entry}",
                         next=f"irkit clock reopen {name} {one.id}, if it is not")
    if one.state != "running":
        why = {"not started": f"has not started: {one.source} is not known yet", "not needed": f"is not needed: {one.why}"}
        raise UsageError(f"{one.title} {why.get(one.state, f'is {one.state}')}", next=f"irkit status {name}")


def _moment(when: str | None, one: Deadline, state: State) -> datetime:
    """When it was done. Raises UsageError for a time that cannot be read, has not come yet, or is before the clock's start."""
    from irkit.runbook import timestamp
    now = incidents.now_of(state)
    try:
        at = timestamp(when or "now", now)
    except ValueError as bad:
        raise UsageError(f"--when: {bad}") from None
    if at > state.reckoned(now):
        raise UsageError(f"--when {when}: that has not come yet, it is {now:%Y-%m-%d %H:%M}Z")
    if one.start is not None and at < one.start:
        raise UsageError(f"--when {when}: {one.title} began to run later, at {one.start:%Y-%m-%d %H:%M}Z")
    return at


def _record(ledger: Ledger, state: State, run: RunState, one: Deadline, who: str, basis: str, evidence: tuple[Path, ...],
            at: datetime) -> int:
    from irkit.engine.values import rfc3339
    assert one.due is not None
    kept = [ledger.keep(file.name, file, run=run.id, by="human") for file in evidence]
    values: dict[str, Any] = {"deadline.by": who, "deadline.basis": basis, "observed_at": rfc3339(at),
                              "deadline.sent": [f"artefact {one.sha256}" for one in kept]}
    return ledger.append("deadline.met", {"clock": one.id, "due": one.due.isoformat(), **stamped(state)}, values, by="human",
                         run=run.id).seq
