"""`irkit runbook export` and `import`: CACAO 2.0 playbooks, with a report of what is lost on the way."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.complete import runbook_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width, write_new
from irkit.errors import IrkitError, RunbookError, UsageError

if TYPE_CHECKING:
    from irkit.runbook import Mistakes, Runbook
    from irkit.runbook.cacao import Imported, Loss

FILE = click.Path(path_type=Path, dir_okay=False)


# -- export ------------------------------------------------------------------------------------------------------

@click.command()
@click.argument("name", shell_complete=runbook_name)
@click.option("--as", type=click.Choice(["cacao"]), default="cacao", show_default=True, expose_value=False,
              help="cacao: a CACAO 2.0 playbook, in JSON.")
@click.option("--output", type=FILE, metavar="FILE", help="File to make, which must not exist yet (default: stdout).")
@click.option("--without-scenarios", is_flag=True, help="Leave the drills out: they hold the expected answers.")
@shared
@click.pass_obj
def export(settings: Settings, name: str, output: Path | None, without_scenarios: bool) -> None:
    """Write a runbook as a playbook for other tools.

    What CACAO has no place for (approvals, evidence, clocks, targets, inputs, choices, conditions, drills) travels in an
    extension that irkit reads back; other tools see it as text. What they do not see is said on stderr. A runbook that an
    import would refuse is not exported.

    \b
    Examples:
      irkit runbook export zendesk_agent_compromise --as cacao > zendesk.json
      irkit runbook export ./runbooks/mine.yaml --output mine.json --without-scenarios
    """
    from irkit import connectors
    from irkit.cli.clock import RealClock
    from irkit.runbook import cacao, find, linted, search_path
    from irkit.ui.layout import Page
    path = find(name, search_path(os.environ))
    found = linted(path, find_action=lambda action: connectors.find_action(action, settings.config.connectors))
    drills = {} if without_scenarios else _drills(found, path)
    made = cacao.text(cacao.playbook(found, drills, RealClock().now()))
    _read_back(made, found.name)
    if output is None:
        click.echo(made, nl=False)
    else:
        write_new(output, made, there="give another --output", elsewhere="give another --output")
        tell(settings, f"Wrote {output}")
    page = Page.of(width())
    tell(settings, *(line for note in cacao.lost(found, drills) for line in page.labelled("  note", note)))


def _read_back(made: str, name: str) -> None:
    """Raises RunbookError where an import would refuse it: too many steps, say, or a control character behind an escape."""
    from irkit.runbook import cacao
    try:
        cacao.read(made.encode(), f"the playbook of {name}")
    except RunbookError as bad:
        raise RunbookError(f"{name} is not exported: irkit could not read its playbook back. {bad.what}", bad.mistakes,
                           next=f"irkit runbook show {name}") from None


def _drills(runbook: Runbook, path: Path) -> dict[str, str]:
    """The scenarios of a runbook, as they are written; one that cannot be read belongs to none."""
    from irkit.drill import scenario
    from irkit.runbook import available, search_path
    found: dict[str, str] = {}
    for name, where in available([folder / "scenarios" for folder in (path.parent, *search_path(os.environ))]).items():
        with contextlib.suppress(IrkitError):
            if scenario.played_by(where) == runbook.name:
                found[name] = scenario.load(where).raw.decode()
    return found


# -- import ------------------------------------------------------------------------------------------------------

@click.command("import")
@click.argument("file", type=FILE)
@click.option("--output", type=FILE, metavar="PATH",
              help="File to make, which must not exist yet; the runbook is called like it (default: ./runbooks/NAME.yaml).")
@as_json
@shared
@click.pass_obj
def import_(settings: Settings, file: Path, output: Path | None, as_json: bool) -> int:
    """Make a runbook of a CACAO 2.0 playbook.

    Commands of other tools are never run: each becomes a manual step that quotes it. What irkit exported becomes the same
    plan again, with its drills. A playbook that is broken (a step that is missing or never reached, an endless loop, a command
    that says nothing) is refused with the place. The report says what was lost or changed, and nothing is dropped without it;
    exit code 6 when the runbook still has mistakes to mend.

    \b
    Examples:
      irkit runbook import phishing.json
      irkit runbook import phishing.json --output runbooks/phishing_mail.yaml
      irkit runbook import phishing.json --json
    """
    from irkit import connectors
    from irkit.runbook import cacao, check_bytes
    from irkit.runbook.load import read_bytes
    if output and not re.fullmatch(r"[a-z][a-z0-9_]{0,63}\.yaml", output.name):
        raise UsageError(f"{output.name!r} is no name for a runbook: snake_case, and .yaml",
                         next=f"irkit runbook import {file} --output runbooks/my_runbook.yaml")
    found = cacao.read(read_bytes(file), str(file), output.stem if output else "")
    path = output or Path("runbooks") / f"{found.name}.yaml"
    files = {path: found.text, **_scenario_files(path, found)}
    again = f"irkit runbook import {file} --output PATH"
    for one in files:
        if one.exists():
            raise UsageError(f"{one} exists already and is not overwritten", next=again)
    for one, text in files.items():
        write_new(one, text, there=f"irkit runbook show {one}", elsewhere=again)
    checked = check_bytes(found.text.encode(), str(path), path.stem,
                          find_action=lambda name: connectors.find_action(name, settings.config.connectors))
    if as_json:
        print_json(_report(found, list(files), checked))
    else:
        put(settings, _lines(found, checked), page=False)
    tell(settings, *(f"Wrote {one}" for one in files), f"  next  irkit runbook {'lint' if checked.errors else 'show'} {path}")
    return RunbookError.exit_code if checked.errors else 0


def _scenario_files(path: Path, found: Imported) -> dict[Path, str]:
    """Where its drills go. Raises RunbookError when one of them is none, or is of another runbook."""
    from irkit.drill import scenario
    from irkit.runbook import load_bytes
    files: dict[Path, str] = {}
    runbook = load_bytes(found.text.encode(), str(path))
    for name, text in found.scenarios.items():
        where = path.parent / "scenarios" / f"{name}.yaml"
        drill = scenario.load_bytes(text.encode(), str(where), lambda _: runbook, stem=name)
        if drill.runbook != found.name:
            raise RunbookError(f"the drill {name} is of another runbook, {drill.runbook}", next="take it out of the playbook")
        files[where] = text
    return files


def _report(found: Imported, files: Sequence[Path], checked: Mistakes) -> Mapping[str, Any]:
    return {"runbook": found.name, "files": list(map(str, files)), "markings": found.markings, "acting": found.acting,
            "losses": [{"kind": one.kind, "where": one.where, "step": one.step, "what": one.what} for one in found.losses],
            "lint": [{key: getattr(one, key) for key in ("level", "line", "col", "message", "hint")}
                     for one in checked.sorted()]}


def _lines(found: Imported, checked: Mistakes) -> list[str]:
    """What changed, what is lost, what lint says, and a verdict."""
    from irkit.engine.values import numbered
    from irkit.ui.layout import Page
    from irkit.ui.text import safe
    page = Page.of(width())
    lines = [line for one in found.losses for line in page.labelled(f"{one.kind:<7}", safe(_said(one)))]
    if found.acting:
        steps = numbered(len(found.acting), "step")
        lines += page.labelled("acts   ", f"{steps} will send requests through irkit's actions: read irkit runbook show")
    lines += [safe(line) for block in checked.blocks() for line in block]
    lost = sum(one.kind == "lost" for one in found.losses)
    summary = f"{found.name}: {len(found.losses) - lost} changed, {lost} lost, {numbered(checked.errors, 'mistake')} to mend."
    return [*lines, *page.verdict(summary, RunbookError.exit_code if checked.errors else 0)]


def _said(loss: Loss) -> str:
    return f"{f'“{loss.step}”' if loss.step else loss.where}: {loss.what}"
