"""The screens of the reading commands and of errors, as lines. Pure, like `irkit.ui.screen`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from irkit.engine.gate import Closed, Deadline, Resumed
from irkit.engine.values import numbered
from irkit.errors import IrkitError, RunbookError
from irkit.ui import clocks
from irkit.ui.layout import WIDEST, Page
from irkit.ui.screen import prefixed, render
from irkit.ui.text import cells, pad, safe, wrap

# -- ledger show -------------------------------------------------------------------------------------------------

class Row(Struct, frozen=True):
    """An entry in one line. `what` in words; `below`, where given, goes on a line of its own."""

    seq: int
    at: datetime
    who: str
    kind: str
    what: str
    below: str = ""


def ledger_show_lines(rows: Sequence[Row], *, width: int = WIDEST, columns: tuple[int, int] | None = None) -> list[str]:
    """`irkit ledger show`: a line per entry; a line with the date where the rows span several days.

    `columns` are the widths of who and kind, where not all rows are known yet.
    """
    page = Page.of(width)
    who, kind = columns or (max([8, *(cells(safe(row.who)) for row in rows)]) + 1,
                            max([18, *(cells(safe(row.kind)) + 1 for row in rows)]))
    lines = [f"{'#':>3}  {'UTC':<12}  {pad('who', who)}what"]
    dates = [row.at.astimezone(UTC).date() for row in rows]
    several = len(set(dates)) > 1
    for i, row in enumerate(rows):
        if several and (i == 0 or dates[i] != dates[i - 1]):
            lines.append(f"     {dates[i]}")
        lines += _row(row, who, kind, page)
        lines += [f"     {line}" for line in wrap(row.below, page.width - 5)] if row.below else []
    return lines


def _row(row: Row, who: int, kind: int, page: Page) -> list[str]:
    at = row.at.astimezone(UTC)
    head = f"{row.seq:>3}  {at:%H:%M:%S}.{at.microsecond // 1000:03}  {pad(safe(row.who), who)}{pad(safe(row.kind), kind)}"
    indent = cells(head)
    if page.width - indent < page.width // 4:
        return [head.rstrip(), *(f"     {line}" for line in wrap(row.what, page.width - 5))]
    first, *below = wrap(row.what, page.width - indent)
    return [(head + first).rstrip(), *(" " * indent + line for line in below)]


# -- doctor ------------------------------------------------------------------------------------------------------

class Check(Struct, frozen=True):
    """One thing that irkit needs. `state` is "ok", "note" or "FAIL"; `command` is what to type when it failed."""

    name: str
    state: str
    text: str
    command: str = ""


def doctor_lines(checks: Sequence[Check], blocked: Sequence[str] = (), *, width: int = WIDEST) -> list[str]:
    """`irkit doctor`: a line per check. `blocked` says what cannot run, "Step 19 cannot run."."""
    page = Page.of(width)
    name = max([9, *(cells(safe(check.name)) for check in checks)]) + 2
    lines = [line for check in checks for line in _check(check, name, page)]
    failed = sum(check.state == "FAIL" for check in checks)
    if not failed:
        return [*lines, *page.verdict("Ready.", 0)]
    return [*lines, *page.verdict(" ".join([f"Not ready: {numbered(failed, 'problem')}.", *blocked]), 4)]


def _check(check: Check, name: int, page: Page) -> list[str]:
    head = f"{pad(safe(check.name), name)}{check.state:<6}"
    first, *below = wrap(check.text, max(page.width - len(head), page.width // 2))
    lines = [head + first, *(" " * len(head) + line for line in below)]
    return page.aside(lines, check.command, " " * len(head)) if check.command else lines


# -- status, incidents, runbook ----------------------------------------------------------------------------------

def status_lines(said: Resumed, *, width: int = WIDEST, tz: tzinfo | None = None, prefix: str = "",
                 at_work: str = "", known: Sequence[str] = (), then: bool = False) -> list[str]:
    """`irkit status`: where the run stands, the step at work, its clocks with what they run from, what is `known`, what next.

    `then`: as it stood at some moment, at which nobody goes on.
    """
    page, where = Page.of(width, tz, prefix), said.where
    more = clock_lines(where.deadlines, where.now, width=width, tz=tz, prefix=prefix)
    facts = page.labelled("Known", known) if known else []
    more += prefixed([*facts, *page.labelled("Next", f"irkit {'status' if then else 'resume'} {where.incident}")], prefix)
    step = prefixed(page.labelled("Step", at_work), prefix) if at_work else []
    return render(said, width=width, tz=tz, prefix=prefix)[:-1] + step + more


def closed_lines(said: Closed, *, width: int = WIDEST, tz: tzinfo | None = None, prefix: str = "",
                 known: Sequence[str] = ()) -> list[str]:
    """The same of a run that is closed."""
    bare = replace(said, where=replace(said.where, deadlines=()))
    facts = prefixed(Page.of(width, tz, prefix).labelled("Known", known), prefix) if known else []
    return [*render(bare, width=width, tz=tz, prefix=prefix),
            *clock_lines(said.where.deadlines, said.where.now, width=width, tz=tz, prefix=prefix), *facts]


def clock_lines(deadlines: Sequence[Deadline], now: datetime, *, width: int = WIDEST, tz: tzinfo | None = None,
                prefix: str = "", run: str = "") -> list[str]:
    """Every clock with what it runs from and what meets it; `run` where it is another one than is shown."""
    page = Page.of(width, tz, prefix)
    label = [f"of run {run}, which is closed:"] if run else []
    return prefixed(page.labelled("Clocks", [*label, *clocks.listed(deadlines, now, page)]), prefix) if deadlines else []


def overview_lines(rows: Sequence[tuple[Incident, Sequence[Deadline], datetime]], *, width: int = WIDEST,
                   tz: tzinfo | None = None) -> list[str]:
    """`irkit status` of several incidents: each with its clocks, counted to its moment; LIVE ones first."""
    lines: list[str] = []
    for row, deadlines, now in sorted(rows, key=lambda found: (found[0].label != "LIVE", found[0].name)):
        prefix = "DRILL " if row.label in ("DRILL", "DRY RUN") else ""
        page = Page.of(width, tz, prefix)
        name, text = _incident(row)
        none = [] if deadlines else page.labelled("Clocks", "none")
        lines += [*Page.of(width).listed([(name, text)]), *prefixed(none, prefix),     # which its label says
                  *clock_lines(deadlines, now, width=width, tz=tz, prefix=prefix),
                  *prefixed([*page.labelled("Next", f"irkit status {row.name}"), ""], prefix)]
    return lines[:-1]


class Incident(Struct, frozen=True):
    """An open or closed incident in one line. `state` in words, "open, step 7 of 21"."""

    label: str                # LIVE, PROBE, TEST, DRILL, DRY RUN
    name: str
    runbook: str
    state: str
    opened_at: datetime


def incident_lines(rows: Sequence[Incident], *, width: int = WIDEST) -> list[str]:
    """A line per incident, those of LIVE runs first and apart from the rest."""
    page = Page.of(width)
    live = [_incident(row) for row in rows if row.label == "LIVE"]
    rest = [_incident(row) for row in rows if row.label != "LIVE"]
    first = max((cells(name) for name, _ in live + rest), default=0)
    shown = [page.listed([(pad(name, first), text) for name, text in part]) for part in (live, rest)]
    return [*shown[0], *([""] if live and rest else []), *shown[1]]


def _incident(row: Incident) -> tuple[str, str]:
    opened = f"{row.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    return f"{row.label:<8} {safe(row.name)}", f"{row.runbook}, {row.state}, opened {opened}"


Facts = Sequence[tuple[str, str]]        # (label of at most 8 letters, text)


class PlanStep(Struct, frozen=True):
    """A step of a plan. `badge` as on its screen."""

    number: int
    title: str
    phase: str
    badge: str
    facts: Facts = ()


def runbook_plan_lines(title: str, facts: Facts, steps: Sequence[PlanStep], *, width: int = WIDEST) -> list[str]:
    """`irkit runbook show`: when to use it, then each step with who does it, what is sent and how bad it can be."""
    page = Page.of(width)
    lines = [*page.wrapped(title), *_facts(facts, page)]
    phase = ""
    for step in steps:
        heading = [] if step.phase == phase else ["", *page.wrapped(step.phase.upper())]
        phase = step.phase
        named = page.aside(page.wrapped(f"{step.number}. {step.title}"), f"[{step.badge}]")
        lines += [*heading, "", *named, *_facts(step.facts, page)]
    return lines


def _facts(facts: Facts, page: Page) -> list[str]:
    return [line for label, text in facts for line in page.labelled(label, text.rstrip().split("\n"))]


# -- lint and errors ---------------------------------------------------------------------------------------------

def lint_lines(blocks: Sequence[Sequence[str]], files: int, *, errors: int, width: int = WIDEST) -> list[str]:
    """`irkit runbook lint`: the blocks as the runbook package laid them out (carets must stay in place), and a verdict."""
    page = Page.of(width)
    lines = [safe(line) for block in blocks for line in block]
    checked = numbered(files, "file")
    if errors:
        return [*lines, *page.verdict(f"{numbered(errors, 'mistake')} in {checked}.", 6)]
    warnings = f", {numbered(len(blocks), 'warning')}" if blocks else ""
    return [*lines, *page.verdict(f"{checked} checked, no mistakes{warnings}.", 0)]


def error_lines(error: IrkitError, *, width: int = WIDEST) -> list[str]:
    """What stopped a command, where, and the next command. A runbook's mistakes come first, with the exit code below."""
    page = Page.of(width)
    if isinstance(error, RunbookError):
        blocks = [safe(line) for block in error.mistakes for line in block]
        return [*blocks, *page.aside(page.hanging(error.what), f"exit {error.exit_code}"), *_place(error, page)]
    return [*page.hanging(error.what), *_place(error, page)]


def _place(error: IrkitError, page: Page) -> list[str]:
    facts = (("  at", error.where), ("  next", error.next))
    return [line for label, text in facts if text for line in page.labelled(label, text)]
