"""`irkit runbook from-drill`: what a drill says about its runbook, each with its place, and a patch where one is mechanical."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from irkit.cli.drills import drill_of, observed
from irkit.cli.incident import complete_incident
from irkit.cli.incidents import folder_of, state_of
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width
from irkit.cli.watch import FACILITATOR
from irkit.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from irkit.action import Action
    from irkit.report.findings import Finding
    from irkit.runbook import Runbook

ROUND = timedelta(minutes=5)       # a target that is proposed is a whole number of these


class Correction(Struct, frozen=True):
    """A finding with its place in the file; `proposed` in words where the patch has it, `kept_out` why it has not."""

    finding: Finding
    place: str
    proposed: str = ""
    kept_out: str = ""

    def json(self) -> dict[str, Any]:
        one = self.finding
        return {"kind": one.kind, "step": one.step, "text": one.text, "entry": one.entry, "who": one.who, "place": self.place,
                "advice": one.advice, "proposed": self.proposed, "kept_out": self.kept_out}


@click.command("from-drill")
@click.argument("incident", shell_complete=complete_incident)
@click.option("--patch", is_flag=True, help="Print only the patch, for git apply or patch -p1.")
@FACILITATOR
@as_json
@shared
@click.pass_obj
def from_drill(settings: Settings, incident: str, patch: bool, facilitator: bool, as_json: bool) -> None:
    """List corrections to a runbook from what happened in a drill of it.

    Steps that were skipped, done by hand instead of sent, late, refused by a second person or done in another order, what
    people noted and what the facilitator observed: each with its place in the file and the entry that says so. Where the
    correction is mechanical (a target, the order) a patch is proposed, if the runbook still lints with it. Nothing is changed:
    people decide.

    \b
    Examples:
      irkit runbook from-drill DRILL-20261120-1
      irkit runbook from-drill DRILL-20261120-1 --patch > drill.patch
    """
    from irkit.cli.walks import own_copy, own_scenario
    from irkit.ledger import Ledger
    from irkit.report.findings import findings
    folder = folder_of(settings, incident)
    with Ledger.open(folder, write=False) as ledger:
        state = state_of(ledger)
        run = drill_of(folder, state, command="runbook from-drill", facilitator=facilitator)
        walked, entries = own_copy(ledger, run), list(ledger.entries())
        found = [*findings(walked, run, state, entries), *observed(run, own_scenario(ledger, run))]
    book = _today(walked)
    corrections, text = _corrected(settings, book, found)
    diff = _patch(book, text)
    if patch:
        click.echo("".join(diff), nl=False)
    elif as_json:
        print_json({"incident": folder.name, "runbook": book.name, "path": book.path,
                    "changed_since": walked.sha256 != book.sha256,
                    "corrections": [one.json() for one in corrections], "patch": "".join(diff)})
    else:
        put(settings, list(_lines(walked, book, corrections, diff)))
    if not found:
        tell(settings, f"{folder.name} gives no reason to change {walked.name}.")


def _today(walked: Runbook) -> Runbook:
    """The runbook as its file is now; the drill's own copy where there is none, or none that loads."""
    from irkit.runbook import find, load, search_path
    try:
        return load(find(walked.name, search_path(os.environ)))
    except (UsageError, RunbookError):
        return walked


def _corrected(settings: Settings, book: Runbook, found: Sequence[Finding]) -> tuple[list[Correction], str]:
    """Each finding in its place, and the text with what is mechanical done; a version that went up where anything is."""
    from irkit.runbook import load_bytes
    from irkit.runbook.amend import with_version
    before = text = book.raw.decode()
    corrections = []
    for one in found:
        new, words = _edited(text, load_bytes(text.encode(), book.path), one)
        why = _breaks(settings, text, new, book.name) if new is not None else ""
        if new is not None and not why:
            text = new
        step = book.step(one.step)
        place = f"{book.path}:{step.line}" if step else book.path
        corrections.append(Correction(one, place, words if new and not why else "", why))
    if text != before:
        text = with_version(text, load_bytes(text.encode(), book.path), book.version + 1) or text
    return corrections, text


def _edited(text: str, book: Runbook, one: Finding) -> tuple[str | None, str]:
    """The text with that one mended, and in words what was done; None where people have to."""
    from irkit.runbook.amend import with_step_moved, with_target
    from irkit.runbook.values import duration_text
    if one.took is not None:
        target = -(-one.took // ROUND) * ROUND
        return with_target(text, book, one.step, target), f"target: {duration_text(target)}"
    if one.move[0]:
        side, other = one.move
        return with_step_moved(text, book, one.step, side, other), f"moved to {side} {other}"
    return None, ""


def _breaks(settings: Settings, text: str, new: str, name: str) -> str:
    """What lint has against the new text that it has not against the old one; "" for nothing."""
    from irkit import connectors
    from irkit.runbook import check_bytes

    def find_action(full: str) -> Action:
        return connectors.find_action(full, settings.config.connectors)

    def errors(raw: str) -> set[str]:
        return {one.message for one in check_bytes(raw.encode(), name, find_action=find_action).found if one.level == "error"}
    return next(iter(sorted(errors(new) - errors(text))), "")


def _patch(book: Runbook, text: str) -> list[str]:
    path = Path(book.path).as_posix().lstrip("/")
    return list(difflib.unified_diff(book.raw.decode().splitlines(keepends=True), text.splitlines(keepends=True),
                                     f"a/{path}", f"b/{path}"))


def _lines(walked: Runbook, book: Runbook, corrections: Sequence[Correction], diff: Sequence[str]) -> Iterator[str]:
    from irkit.engine.values import numbered
    from irkit.ui.layout import Page
    from irkit.ui.text import safe
    page = Page.of(width())
    yield from page.hanging(f"{walked.name} v{walked.version}: {numbered(len(corrections), 'finding')}.")
    if walked.sha256 != book.sha256:
        yield from page.hanging(f"The file has changed since the drill (v{book.version}): places are those of today.")
    for one in corrections:
        yield ""
        yield safe(f"{one.place}: {one.finding.kind}")
        yield from page.labelled("", one.finding.text)
        said = f", {one.finding.who}" if one.finding.who else ""
        advice = [f"= {one.finding.advice}"] if one.finding.advice else []
        proposed = [f"proposed below: {one.proposed}"] if one.proposed else []
        kept_out = [f"not proposed: {one.kept_out}"] if one.kept_out else []
        yield from page.labelled("", [*advice, *proposed, *kept_out], f"entry {one.finding.entry}{said}")
    if diff:
        yield ""
        yield from (safe(line.rstrip("\n")) for line in diff)
