"""`irkit runbook diff`: what changed between two versions of a runbook, in plain words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import completing
from irkit.cli.incidents import folder_of, folders, state_of
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, width
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.action import Action
    from irkit.runbook import Runbook
    from irkit.runbook.compare import Change


def _either(settings: Settings) -> list[str]:
    from irkit.runbook import available, search_path
    return [*available(search_path(os.environ)), *(folder.name for folder in folders(settings))]


@click.command()
@click.argument("old", metavar="A", shell_complete=completing(_either))
@click.argument("new", metavar="[B]", required=False, shell_complete=completing(_either))
@as_json
@shared
@click.pass_obj
def diff(settings: Settings, old: str, new: str | None, as_json: bool) -> None:
    """Say what changed between two versions of a runbook.

    A and B are runbooks by name, files, or incidents, which keep the copy that they were walked by. Without B, A is compared
    with the runbook of its name as it is now. Lines that begin with ! take a safeguard away: look at them first.

    \b
    Examples:
      irkit runbook diff old/helpdesk.yaml runbooks/helpdesk.yaml
      irkit runbook diff INC-20261120-1
      irkit runbook diff INC-20261120-1 zendesk_agent_compromise --json
    """
    from irkit.runbook.compare import compare
    before = _runbook(settings, old)
    after = _runbook(settings, new or before.name)

    def find_action(name: str) -> Action:
        from irkit import connectors
        return connectors.find_action(name, settings.config.connectors)
    changes = compare(before, after, find_action)
    if as_json:
        print_json({"old": _head(before), "new": _head(after), "changes": [one.json() for one in changes]})
        return
    put(settings, _lines(before, after, changes))


def _head(found: Runbook) -> dict[str, object]:
    return {"runbook": found.name, "version": found.version, "sha256": found.sha256, "path": found.path}


def _runbook(settings: Settings, named: str) -> Runbook:
    """A runbook by name or path, or the copy that the latest run of an incident keeps."""
    from irkit.runbook import available, find, load, search_path
    incident = settings.root / named
    where = search_path(os.environ)
    if named in available(where) or not ((incident / "ledger.db").exists() or (Path(named) / "ledger.db").exists()):
        return load(find(named, where))
    from irkit.cli.walks import own_copy
    from irkit.ledger import Ledger
    with Ledger.open(folder_of(settings, named), write=False) as ledger:
        run = next(reversed(state_of(ledger).runs.values()), None)
        if run is None:
            raise UsageError(f"{named} holds no run, and so no copy of a runbook", next="irkit incident list")
        return own_copy(ledger, run)


def _lines(old: Runbook, new: Runbook, changes: Sequence[Change]) -> list[str]:
    """Each change, and below it what was written and what is."""
    from irkit.engine.values import numbered
    from irkit.ui.layout import Page
    page = Page.of(width())
    same = "" if old.sha256 != new.sha256 else "; the files are the same"
    head = page.hanging(f"{old.name} v{old.version} ({old.sha256[:8]}) -> {new.name} v{new.version} ({new.sha256[:8]})")
    lines, last = [*head], ""
    for one in changes:
        if one.what != last:
            lines += ["", *page.hanging(one.what[0].upper() + one.what[1:])]
            last = one.what
        lines += page.labelled("       !" if one.weaker else "", one.text)
        if one.text.startswith("`") and one.text.endswith((" changed", " reworded", " is new", " is gone")):      # not said yet
            lines += [line for mark, text in (("-", one.old), ("+", one.new)) if text
                      for line in page.labelled("", f"  {mark} {text}")]
    weaker = sum(one.weaker for one in changes)
    summed = f"{numbered(len(changes), 'change')}{same}" + (f", {weaker} of them take a safeguard away" if weaker else "")
    return [*lines, *([""] if changes else []), *page.hanging(f"{summed}.")]
