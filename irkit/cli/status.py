"""`irkit status`: where an incident stands, or stood; and without one, all that is open, with every legal clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.incident import INCIDENT
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from irkit.engine.state import RunState, State
    from irkit.ledger import Ledger


@click.command()
@INCIDENT
@click.option("--as-of", metavar="TIME",
              help="As it stood then: 2026-03-07T23:40:00Z, with any zone, or HH:MM of today in UTC.")
@as_json
@shared
@click.pass_obj
def status(settings: Settings, incident: str | None, as_of: str | None, as_json: bool) -> None:
    """Show where an incident stands: steps, clocks, what is unknown.

    Below each clock stands what it runs from, since when that was known, by whom and by which entry, and what meets it. Without
    INCIDENT every open incident is shown with its clocks, and those closed ones whose clocks still run. --as-of tells it from
    the entries up to TIME alone: what was known when.

    \b
    Examples:
      irkit status
      irkit status INC-2041 --json
      irkit status INC-2041 --as-of 02:30
      irkit status INC-2041 --as-of 2026-11-20T03:30:00+01:00
    """
    found = [] if incident else list(_with_clocks(settings))
    if incident is None and len(found) > 1:
        _all(settings, found, as_of, as_json)
        return
    folder = incidents.folder_of(settings, incident or (found[0].name if found else incidents.the_open_one(settings, "status")))
    _one(settings, folder, as_of, as_json)


# -- one incident ------------------------------------------------------------------------------------------------

def _one(settings: Settings, folder: Path, as_of: str | None, as_json: bool) -> None:
    from irkit.ledger import Ledger
    with Ledger.open(folder, write=False) as ledger:
        state = incidents.state_of(ledger)
        now, entries = incidents.now_of(state), state.seq + 1
        if as_of is not None:
            state, now = _as_of(ledger, state, as_of)
        if as_json:
            then = {"as_of": _text(now + state.set_back), "of_entries": entries} if as_of is not None else {}
            print_json({**_incident(ledger, state, now), **then})
            return
        if as_of is not None:
            click.echo("\n".join(_then(settings, state, now + state.set_back, entries)))
        for run in state.runs.values():
            shown = run is (state.open_run or run)
            for line in _run_lines(settings, ledger, state, run, now, known=as_of is not None) if shown else _still(
                    settings, ledger, state, run, now):
                click.echo(line)
        if not state.runs:
            click.echo(f"{folder.name} holds no run.")


def _as_of(ledger: Ledger, state: State, text: str) -> tuple[State, datetime]:
    """The state at that time, and what the machine's clock showed then. Raises UsageError where nothing had begun yet."""
    from irkit.engine.asof import until
    from irkit.engine.fold import fold
    from irkit.engine.session import load_from
    from irkit.engine.state import State
    at = moment_of(text, state.reckoned(incidents.now_of(state)))
    then = fold(State(), until(ledger.entries(), at), load_from(ledger))
    if not then.runs and state.runs:
        began = next(iter(state.runs.values())).opened_at
        raise UsageError(f"nothing had begun at {_minute(at)}: the first run of {ledger.folder.name} was opened at "
                         f"{_minute(began)}", next=f"irkit status {ledger.folder.name} --as-of {_text(_up(began))}")
    return then, at - then.set_back


def moment_of(text: str, now: datetime) -> datetime:
    """A time as --as-of takes it. Raises UsageError for one that cannot be read, or that has not come yet."""
    from datetime import timedelta

    from irkit.runbook import timestamp
    if found := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)[Zz]?", text.strip()):
        at = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        if at > now:
            raise UsageError(f"--as-of {text}: {found[1]}:{found[2]}Z of today has not come yet, it is {now:%H:%M}Z",
                             next=f"--as-of {_text(at - timedelta(days=1))}")
        return at
    try:
        at = timestamp(text, now)
    except ValueError as bad:
        raise UsageError(f"--as-of: {bad}; or HH:MM of today in UTC") from None
    if at > now:
        raise UsageError(f"--as-of {text}: that has not come yet, it is {_minute(now)}")
    return at


def _text(at: datetime) -> str:
    from irkit.engine.values import rfc3339
    return rfc3339(at)


def _minute(at: datetime) -> str:
    from datetime import UTC
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _up(at: datetime) -> datetime:
    """The next full second, so that a time in seconds holds what happened in it."""
    from datetime import timedelta
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def _prefix(state: State) -> str:
    return "DRILL " if state.mode == "drill" else ""


def _then(settings: Settings, state: State, at: datetime, entries: int) -> list[str]:
    from irkit.ui.layout import Page
    from irkit.ui.screen import prefixed
    prefix = _prefix(state)
    page = Page.of(80, settings.zone, prefix)
    text = f"{page.moment(at)}: what the first {state.seq + 1} of {entries} entries say"
    return prefixed(page.labelled("As of", text), prefix)


def _run_lines(settings: Settings, ledger: Ledger, state: State, run: RunState, now: datetime, *, known: bool) -> list[str]:
    from irkit.cli.walks import own_copy
    from irkit.engine.view import View
    from irkit.ui import reading
    who, role = incidents.who_am_i(settings.config)
    view, prefix = View(ledger.folder.name, own_copy(ledger, run), state, run.id, who, role), _prefix(state)
    facts = view.known() if known else ()
    if run.closed:
        return reading.closed_lines(view.closed(now), tz=settings.zone, prefix=prefix, known=facts)
    step = view.at_work(now)
    at_work = f"{view.number(step.id)} {step.title}: {view.step_state(step).word}" if step else ""
    return reading.status_lines(view.resumed(now), tz=settings.zone, prefix=prefix, at_work=at_work, known=facts, then=known)


def _still(settings: Settings, ledger: Ledger, state: State, run: RunState, now: datetime) -> list[str]:
    """The clocks of an earlier run that still run beside the open one."""
    from irkit.cli.walks import own_copy
    from irkit.engine import deadlines
    from irkit.ui.reading import clock_lines
    running = [one for one in deadlines.all_of(own_copy(ledger, run), run) if one.state == "running"]
    return clock_lines(running, state.reckoned(now), tz=settings.zone, prefix=_prefix(state), run=run.id)


# -- all of them -------------------------------------------------------------------------------------------------

def _with_clocks(settings: Settings) -> Iterator[Path]:
    """Incidents with an open run, and real ones whose clocks run on. A damaged one is named on stderr and passed over."""
    from irkit.ledger import Ledger
    for folder in incidents.folders(settings):
        try:
            with Ledger.open(folder, write=False) as ledger:
                state = incidents.state_of(ledger)
                wanted = state.open_run is not None or (state.mode != "drill" and _running(ledger, state))
        except LedgerError as error:
            click.echo(f"{folder.name}: {error.what} (irkit ledger verify {folder.name})", err=True)
            continue
        if wanted:
            yield folder


def _running(ledger: Ledger, state: State) -> bool:
    from irkit.cli.walks import own_copy
    from irkit.engine import deadlines
    return any(one.state == "running" for run in state.runs.values() for one in deadlines.all_of(own_copy(ledger, run), run))


def _all(settings: Settings, folders: list[Path], as_of: str | None, as_json: bool) -> None:
    """Every clock of every open run, LIVE first."""
    from irkit.cli.walks import own_copy
    from irkit.engine import deadlines
    from irkit.ledger import Ledger
    from irkit.ui.reading import overview_lines
    if as_of is not None:
        raise UsageError(f"{len(folders)} incidents are open; --as-of is for one of them",
                         next=f"irkit status {folders[0].name} --as-of {as_of}")
    rows, data = [], []
    for folder in folders:
        with Ledger.open(folder, write=False) as ledger:
            state = incidents.state_of(ledger)
            now = incidents.now_of(state)
            if as_json:
                data.append(_incident(ledger, state, now))
                continue
            clocks = [one for run in state.runs.values() for one in deadlines.all_of(own_copy(ledger, run), run)
                      if not run.closed or one.state == "running"]
            rows.append((incidents.row_of(folder, state), clocks, state.reckoned(now)))
    if as_json:
        print_json({"incidents": data})
        return
    for line in overview_lines(rows, tz=settings.zone):
        click.echo(line)


# -- for a program -----------------------------------------------------------------------------------------------

def _incident(ledger: Ledger, state: State, now: datetime) -> dict[str, Any]:
    from irkit.cli.walks import own_copy
    counted = state.reckoned(now)
    return {"incident": ledger.folder.name, "mode": state.mode, "entries": state.seq + 1, "head": state.head,
            "now": _text(counted), "set_back_seconds": int((counted - now).total_seconds()),
            "runs": [as_data(run, own_copy(ledger, run), counted) for run in state.runs.values()]}


def as_data(run: RunState, runbook: Any, now: datetime) -> dict[str, Any]:
    """A run as JSON values: its inputs, its steps, its clocks at that time."""
    from irkit.engine import deadlines
    from irkit.engine.values import plain
    steps = [{"number": i, "id": s.id, "title": s.title, "phase": s.phase, "state": run.step(s.id).state,
              "reason": run.step(s.id).reason, "entry": run.step(s.id).entry} for i, s in enumerate(runbook.steps, 1)]
    clocks = [{**{name: plain(getattr(d, name)) for name in ("id", "title", "state", "due", "start", "source", "known", "met",
                                                            "why", "warned")},
               "left_seconds": int((d.due - now).total_seconds()) if d.due and d.state == "running" else None}
              for d in deadlines.all_of(runbook, run)]
    return {"run": run.id, "mode": run.mode, "runbook": run.runbook, "version": run.version, "closed": run.closed,
            "opened_at": _text(run.opened_at), "opened_by": run.opened_by, "inputs": run.inputs,
            "known": {name: plain(one) for name, one in run.known.items()}, "steps": steps, "clocks": clocks,
            "probe": plain(run.probed) if run.probed else None}
