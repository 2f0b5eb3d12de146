"""`irkit watch`: an incident followed live from a second terminal, read-only."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from irkit.cli import incidents
from irkit.cli.incident import INCIDENT
from irkit.cli.options import Settings, as_json, shared

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from irkit.engine.follow import Follower
    from irkit.engine.state import RunState, State, StepState
    from irkit.ledger import Entry, Ledger
    from irkit.runbook import Runbook
    from irkit.ui.reading import Row
    from irkit.ui.watching import Stand

EACH = 1.0                   # seconds between two looks
LATEST = 10                  # entries that are shown at first
Nearing = tuple[str, str, str]       # a clock, when it is due, and a threshold
QUIET = frozenset({"checkpoint", "selftest", "clock.observed"})      # what irkit says about the record itself
FACILITATOR = click.option("--facilitator", is_flag=True,
                           help="Of an open drill, show what its facilitator does behind the team's back, too.")


@click.command()
@INCIDENT
@FACILITATOR
@as_json
@shared
@click.pass_obj
def watch(settings: Settings, incident: str | None, facilitator: bool, as_json: bool) -> int:
    """Follow an incident live, read-only: steps, clocks, the latest entries.

    For the lead and for legal, in a second terminal, while a run is open. It shows where the run stands, then every entry as it
    comes; on a terminal the last line is kept up to date, and Enter shows the whole again. Nothing is written, and no run waits
    for it. Ctrl-C ends it (exit 130); at a sealed incident it shows how it ended, and ends (exit 0).

    With --json each entry is one object on one line, from the first on, as it comes. What a facilitator does in a drill behind
    the team's back is left out until the drill is over, and comes then.

    \b
    Examples:
      irkit watch INC-2041
      irkit watch INC-2041 --json | jq -r 'select(.kind == "note") | .disclosed.text'
    """
    folder = incidents.folder_of(settings, incident or incidents.the_open_one(settings, "watch"))
    if sys.stdout is None:
        return 1                                   # closed before it began: there is nobody to show anything to
    return follow(settings, folder, _waits(), as_json=as_json, facilitator=facilitator)


def follow(settings: Settings, folder: Path, waits: Iterator[str], *, as_json: bool = False, facilitator: bool = False) -> int:
    """Show what there is and what comes, until the incident is sealed or `waits` ends. Returns the exit code.

    Each of `waits` passes the time until the next look: "" for nothing, "all" to show all of it again.
    """
    from irkit.engine.follow import Follower
    followed = Follower(folder)
    seen = _Seen(followed, all_of_it=facilitator)
    show: _Objects | _Lines = _Objects(settings, seen) if as_json else _Lines(settings, followed, seen)
    asked: str | None = ""
    with contextlib.closing(followed), contextlib.closing(show):
        while asked is not None:
            show(followed.look(), again=asked == "all")
            if followed.sealed:
                show.sealed()
                return 0
            asked = next(waits, None)
    return 1                                       # as where the pipe breaks while something is written


def _waits() -> Iterator[str]:
    """A second each, or less where Enter is pressed. It ends when whoever reads goes away."""
    import os
    keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else -1
    out, ready = sys.stdout.fileno(), select.poll()
    ready.register(out, 0)                         # told of errors alone: a pipe whose other end was closed is one
    if keys >= 0:
        ready.register(keys, select.POLLIN)
    while out not in (found := dict(ready.poll(EACH * 1000))):
        asked = ""
        if keys in found:
            asked = "all" if os.read(keys, 4096) else ""
            if not asked:                          # Ctrl-D: from now on the keyboard says nothing
                ready.unregister(keys)
        yield asked


# -- what a participant of a drill sees --------------------------------------------------------------------------

def behind(entry: Entry) -> bool:
    """What a drill's facilitator does behind the team's back. That the clock stands still the team sees, too."""
    return entry.kind == "control" and entry.data.get("control") not in ("pause", "continue")


def playing(state: State) -> bool:
    """Whether a drill goes on, so that what stands in its ledger can give away what the team is to meet."""
    return state.mode == "drill" and state.open_run is not None


def keeps_back(ledger: Ledger) -> bool:
    """Whether it holds what the team of an open drill is not to see. A ledger without such entries is not folded for it."""
    return ledger.mode == "drill" and any(map(behind, ledger.entries())) and playing(incidents.state_of(ledger))


def left_out(count: int) -> str:
    """What to say of so many entries that are not shown."""
    from irkit.engine.values import numbered
    verb = "is" if count == 1 else "are"
    return f"DRILL {numbered(count, 'entry')} of the facilitator's {verb} left out; --facilitator shows all."


class _Seen:
    """Keeps back what is behind the team's back until the drill is over; with `all_of_it` nothing."""

    def __init__(self, followed: Follower, *, all_of_it: bool) -> None:
        self._followed, self._all = followed, all_of_it
        self._said = False
        self.kept: list[Entry] = []

    def __call__(self, entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Those kept back that can be shown now, and those of the new ones that can."""
        if self._all or not playing(self._followed.state):
            back, self.kept = self.kept, []
            return back, entries
        self.kept += filter(behind, entries)
        return [], [entry for entry in entries if not behind(entry)]

    @property
    def unsaid(self) -> bool:
        return bool(self.kept) and not self._said

    def say(self) -> str:
        self._said = True
        return left_out(len(self.kept))


# -- for a program -----------------------------------------------------------------------------------------------

class _Objects:
    """One object a line, written at once."""

    def __init__(self, settings: Settings, seen: _Seen) -> None:
        self._settings, self._seen = settings, seen

    def __call__(self, entries: list[Entry], *, again: bool) -> None:
        import json

        from irkit.cli.output import tell
        from irkit.ledger.export import view
        back, entries = self._seen(entries)
        for entry in (*back, *entries):
            sys.stdout.write(json.dumps(view(entry), sort_keys=True) + "\n")       # ASCII: see print_json
            sys.stdout.flush()
        if self._seen.unsaid:
            tell(self._settings, self._seen.say())

    def sealed(self) -> None:
        """The `sealed` entry says so."""

    def close(self) -> None:
        """Nothing is kept."""


# -- for people --------------------------------------------------------------------------------------------------

class _Lines:
    """The whole at first, and again when it is asked for; then a row for each entry, above a line that is written over."""

    def __init__(self, settings: Settings, followed: Follower, seen: _Seen) -> None:
        from irkit.cli.rows import Rows
        from irkit.ui.talk import Talk
        self._settings, self._followed, self._seen, self._rows = settings, followed, seen, Rows()
        self._talk = Talk(sys.stdout, plain=settings.plain, tz=settings.zone)
        self._begun = False
        self._latest: list[Row] = []
        self._near, self._said = set[Nearing](), set[Nearing]()

    def __call__(self, entries: list[Entry], *, again: bool) -> None:
        back, rows = ([row for entry in some if (row := self._rows(entry)) and entry.kind not in QUIET]
                      for some in self._seen(entries))
        self._latest = sorted([*self._latest, *back, *rows], key=lambda row: row.seq)[-LATEST:]
        if back:
            self._talk.lines([f"{self._prefix}The drill is over; what its facilitator did in it:"])
            self._new(back)
        if again or not self._begun:
            self._whole()
        else:
            self._new(rows)
            if self._seen.unsaid:
                self._talk.lines([self._seen.say()])
        self._warn()
        self._begun = True
        if (stand := self._stand()) is not None and not self._followed.sealed:
            from irkit.ui.watching import status_line
            self._talk.passing(status_line(stand, width=self._talk.width, tz=self._settings.zone, prefix=self._prefix))

    def sealed(self) -> None:
        self._talk.lines([f"{self._prefix}Sealed: nothing more is added to {self._followed.folder.name}."])

    def close(self) -> None:
        """Leave the last line standing."""
        self._talk.settle()

    @property
    def _prefix(self) -> str:
        from irkit.report.words import mark
        return mark(self._followed.state.mode)

    def _now(self) -> datetime:
        return incidents.now_of(self._followed.state)

    def _new(self, rows: list[Row]) -> None:
        from irkit.ui.watching import row_lines
        if rows:
            self._talk.lines(row_lines(rows, width=self._talk.width, prefix=self._prefix))

    def _whole(self) -> None:
        from irkit.ui.watching import row_lines, stand_lines
        stand, width = self._stand(), self._talk.width
        if stand is None:
            self._talk.lines([f"{self._prefix}{self._followed.folder.name} holds no run."])
        else:
            self._talk.lines(stand_lines(stand, width=width, tz=self._settings.zone, prefix=self._prefix))
        self._talk.lines(row_lines(self._latest, width=width, prefix=self._prefix, head=True))
        if self._seen.kept:
            self._talk.lines([self._seen.say()])

    def _stand(self) -> Stand | None:
        run = self._followed.run
        if run is None:
            return None
        return stand_of(self._followed.folder.name, self._followed.runbook(run), self._followed.state, run, self._now())

    def _warn(self) -> None:
        """Say once that a clock nears its end where the run that is to record it did not, for a second: nobody has it open."""
        from irkit.engine import deadlines
        from irkit.engine.clocks import warning
        stand = self._stand()
        if stand is None:
            return
        now, before, self._near = stand.where.now, self._near, set()
        for one, threshold in deadlines.nearing(stand.where.deadlines, now):
            self._near.add(key := (one.id, str(one.due), threshold))
            if key in before - self._said:
                self._said.add(key)
                self._talk.lines([f"{self._prefix}CLOCK    {warning(one, threshold, now)} (not on record yet)"])


def stand_of(incident: str, runbook: Runbook, state: State, run: RunState, now: datetime) -> Stand:
    """A run as somebody who follows it sees it."""
    from irkit.engine.view import View
    from irkit.ui.watching import Stand
    view = View(incident, runbook, state, run.id, run.last_who)
    step = None if run.closed else view.at_work(now)
    steps = [(n, _word(view.step_state(s)), s.title) for n, s in enumerate(view.runbook.steps, 1)]
    idle = [] if run.closed or run.holder in state.sessions else [
        f"PAUSED   nobody has this run open; {run.last_who} had it last. irkit resume {view.incident}"]
    word = view.step_state(step).word if step else ""
    return Stand(view.where(now, step), steps, word, [*view.open_lines(), *idle], run.closed)


def _word(step: StepState) -> str:
    """`done 02:31Z`."""
    from datetime import UTC

    from irkit.engine.state import SETTLED
    return step.word + (f" {step.at.astimezone(UTC):%H:%M}Z" if step.at and step.state in SETTLED else "")
