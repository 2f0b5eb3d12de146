"""`irkit runbook`: read, check and start runbooks."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.complete import runbook_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width, write_new
from irkit.cli.playbook import export, import_
from irkit.errors import RunbookError, UsageError

if TYPE_CHECKING:
    from irkit.action import Action
    from irkit.runbook import Runbook, Step
    from irkit.runbook.lint.versions import Head
    from irkit.ui.reading import PlanStep

Facts = list[tuple[str, str]]


class _Group(click.Group):
    """Loads the commands that play or compare runbooks when one of them is used."""

    ELSEWHERE: Mapping[str, str] = {"test": "rehearse", "diff": "versions", "from-drill": "corrections"}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"irkit.cli.{self.ELSEWHERE[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found


@click.group(cls=_Group)
@shared
def runbook() -> None:
    """List, show, check and start runbooks."""


# -- list --------------------------------------------------------------------------------------------------------

@runbook.command("list")
@as_json
@shared
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List the runbooks: name, title, steps, drills.

    They are looked for in IRKIT_RUNBOOKS, then in ./runbooks, then among those that come with irkit.

    \b
    Examples:
      irkit runbook list
      irkit runbook list --json
    """
    from irkit.runbook import available, load, search_path
    folders = search_path(os.environ)
    drills = _scenarios(folders)
    rows = []
    for path in available(folders).values():
        try:
            rows.append(_row(load(path), path, drills))
        except RunbookError as error:
            tell(settings, f"{path}: {error.what} (irkit runbook lint {path})")
    if as_json:
        print_json(rows)
        return
    from irkit.ui.layout import Page
    put(settings, Page.of(width()).listed([(row["name"], _counted(row)) for row in rows]))
    if not rows:
        tell(settings, f"No runbook in {', '.join(map(str, folders))}.", "  next  irkit runbook new my_runbook")


def _row(found: Runbook, path: Path, drills: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    phases = list(dict.fromkeys(step.phase for step in found.steps if step.phase))
    return {"name": found.name, "title": found.title, "version": found.version, "owner": found.owner, "path": str(path),
            "phases": phases, "steps": len(found.steps), "scenarios": drills.get(found.name, [])}


def _counted(row: Mapping[str, Any]) -> str:
    from irkit.engine.values import numbered
    drills = f"; drills: {', '.join(row['scenarios'])}" if row["scenarios"] else ""
    return f"{row['title']}. {numbered(row['steps'], 'step')} in {numbered(len(row['phases']), 'phase')}{drills}"


def _scenarios(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The names of the scenarios of each runbook, also of those with mistakes, which lint tells. What is no YAML is of none."""
    from irkit.drill import scenario
    from irkit.runbook import available
    found: dict[str, list[str]] = {}
    for name, path in available([folder / "scenarios" for folder in folders]).items():
        found.setdefault(scenario.played_by(path), []).append(name)
    return found


# -- show --------------------------------------------------------------------------------------------------------

@runbook.command()
@click.argument("name", shell_complete=runbook_name)
@as_json
@shared
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show a runbook as a plan: who does what, what is sent.

    \b
    Examples:
      irkit runbook show zendesk_agent_compromise
      irkit runbook show ./runbooks/helpdesk.yaml --json
    """
    from irkit.runbook import find, load, search_path
    found = load(find(name, search_path(os.environ)))
    actions = {step.id: _action(settings, step) for step in found.steps if step.action}
    plan = [_plan(found, step, number, actions.get(step.id)) for number, step in enumerate(found.steps, 1)]
    if as_json:
        print_json({"name": found.name, "title": found.title, "version": found.version, "facts": _facts(found),
                    "steps": [{"number": p.number, "id": step.id, "title": p.title, "phase": p.phase, "kind": step.kind,
                               "badge": p.badge, "facts": dict(p.facts)} for p, step in zip(plan, found.steps, strict=True)]})
        return
    from irkit.ui.reading import runbook_plan_lines
    put(settings, runbook_plan_lines(f"{found.title} ({found.name} v{found.version})", _facts(found), plan, width=width()))


def _action(settings: Settings, step: Step) -> Action:
    from irkit import connectors
    return connectors.find_action(step.action or "", settings.config.connectors)


def _facts(found: Runbook) -> Facts:
    from irkit.runbook.values import duration_text
    inputs = [f"{one.name}: {one.ask}" + (f" [{one.default}]" if one.default else "") for one in found.inputs.values()]
    clocks = [f"{clock.title}: {duration_text(clock.within)} after {_bare(clock.start.source)}, "
              f"met by step {_number(found, clock.stops)}" for clock in found.clocks]
    facts = [("Owner", found.owner), ("Use when", " ".join(found.use_when.split())), ("Inputs", "\n".join(inputs)),
             ("Roles", "\n".join(f"{name}: {title}" for name, title in found.roles.items())),
             ("Compromised", ", ".join(found.compromised)), ("Clocks", "\n".join(clocks))]
    return [(label, text) for label, text in facts if text]


def _plan(found: Runbook, step: Step, number: int, action: Action | None) -> PlanStep:
    from irkit.engine.plan import BADGES
    from irkit.ui.reading import PlanStep
    badge = BADGES[action.effect] if action else "DECISION" if step.kind == "ask" else "BY HAND"
    facts = [("Owner", found.roles.get(step.owner, step.owner)), *_doing(found, step, action), *_conditions(found, step)]
    return PlanStep(number, step.title, step.phase, badge, [(label, text) for label, text in facts if text])


def _doing(found: Runbook, step: Step, action: Action | None) -> Facts:
    """What is sent, done by hand or decided, and how to get back."""
    why = ("Why", step.why)
    if action:
        from irkit.action import Effect
        given = " ".join(f"{name}={_source(arg)}" for name, arg in step.with_.items())
        what = f"{action.title}\n{action.full_name} {given}".rstrip()
        each = f"\nfor each of {_bare(step.for_each.source)}" if step.for_each else ""
        final = action.effect is Effect.IRREVERSIBLE
        return [why, ("Reads" if action.effect is Effect.READ else "Sends", what + each),
                ("Undo", action.undo or ("none" if final else "")),
                ("Approve", _approval(found, step)),
                ("Caution", f"not seen on a live tenant: {action.unverified}" if action.unverified else ""),
                ("Override", f"destroys what is not kept: {step.unpreserved}" if step.unpreserved else "")]
    if step.ask:
        choices = "\n".join(f"{key}: {text}" for key, text in step.choices.items())
        return [why, ("Decide", f"{step.ask.source.strip()}\n{choices}")]
    evidence = "required" if step.evidence == "required" else ""
    return [why, ("By hand", step.do.source.strip() if step.do else ""), ("Evidence", evidence)]


def _approval(found: Runbook, step: Step) -> str:
    """Who agrees before it is sent, and for how long that holds."""
    from irkit.runbook.values import duration_text
    if step.approve is None:
        return ""
    shown = ", once evidence is attached" if step.approve.evidence == "required" else ""
    role = found.roles.get(step.approve.role, step.approve.role)
    return f"a second person, {role}{shown}; expires after {duration_text(step.approve.expires)}"


def _conditions(found: Runbook, step: Step) -> Facts:
    from irkit.runbook.values import duration_text
    after, waited = step.after, ""
    if after:
        waited = (f"{duration_text(after.wait)} after " if after.wait else "") + f"step {_number(found, after.step)}"
    stops = [clock.title for clock in found.clocks if clock.stops == step.id]
    return [("Only if", _bare(step.when.source) if step.when else ""), ("After", waited),
            ("Target", f"{duration_text(step.target)} from the start" if step.target else ""),
            ("Meets", ", ".join(stops)), ("Refs", ", ".join(step.refs))]


def _number(found: Runbook, step_id: str) -> str:
    """`8 (end_sessions)`."""
    return next((f"{number} ({step.id})" for number, step in enumerate(found.steps, 1) if step.id == step_id), step_id)


def _bare(source: str) -> str:
    """An expression without the braces round it."""
    return re.sub(r"^\s*\{\{\s*(.*?)\s*\}\}\s*$", r"\1", source)


def _source(arg: Any) -> str:
    """A value of `with` as it was written."""
    body = arg.body
    if isinstance(body, tuple):
        return f"[{', '.join(map(_source, body))}]"
    if isinstance(body, Mapping):
        return "{" + ", ".join(f"{key}: {_source(value)}" for key, value in body.items()) + "}"
    return "null" if body is None else _bare(body.source)


# -- lint --------------------------------------------------------------------------------------------------------

@runbook.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--against", type=click.Path(exists=True, path_type=Path), metavar="PATH",
              help="An older copy, a file or a folder of runbooks: versions must have gone up since.")
@as_json
@shared
@click.pass_obj
def lint(settings: Settings, paths: tuple[Path, ...], against: Path | None, as_json: bool) -> int:
    """Check runbooks and scenarios: every mistake, with line and hint.

    Without a path every runbook that irkit finds is checked. A folder stands for the runbooks and scenarios in it. Warnings do
    not fail; exit code 6 when there is a mistake.

    \b
    Examples:
      irkit runbook lint
      irkit runbook lint runbooks/helpdesk.yaml
      irkit runbook lint runbooks/ --json
      irkit runbook lint runbooks/ --against /srv/released/runbooks
    """
    from irkit.runbook.lint.versions import heads
    from irkit.ui.reading import lint_lines
    files = list({path.resolve(): path for path in reversed(list(_files(paths)))}.values())[::-1]
    if not files:
        raise UsageError("there is no runbook to check", next="irkit runbook new my_runbook")
    older = heads(against) if against else {}
    if older and not any(path.stem in older for path in files):
        raise UsageError(f"{against} has none of the runbooks that are checked", next="irkit runbook lint --against PATH")
    checked = {path: _checked(settings, path, older.get(path.stem)) for path in files}
    mistakes = {path: sum(_fields(block)["level"] == "error" for block in blocks) for path, blocks in checked.items()}
    blocks = [block for found in checked.values() for block in found]
    errors = sum(mistakes.values())
    if as_json:
        print_json([_fields(block) for block in blocks])
    else:
        wrong = sum(map(bool, mistakes.values()))
        put(settings, lint_lines(blocks, wrong or len(files), errors=errors, width=width()), page=False)
    return RunbookError.exit_code if errors else 0


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    from irkit.runbook import available, search_path
    for path in paths or search_path(os.environ):
        if path.is_dir():
            yield from (*available([path]).values(), *available([path / "scenarios"]).values())
        elif paths:
            yield path


def _checked(settings: Settings, path: Path, older: Head | None) -> Sequence[Sequence[str]]:
    """What is wrong with a file, as printable blocks."""
    from irkit import connectors
    from irkit.runbook import check
    try:
        if _is_scenario(path):
            _check_scenario(path)
            return ()
        found = check(path, find_action=lambda name: connectors.find_action(name, settings.config.connectors), against=older)
        return found.blocks()
    except RunbookError as error:
        return error.mistakes or [[f"{path}: {error.what.removeprefix(f'{path} ')}"]]


def _is_scenario(path: Path) -> bool:
    if path.parent.name == "scenarios":
        return True
    try:
        with path.open("rb") as file:
            return re.search(rb"(?m)^schema:\s*[\"']?irkit/scenario", file.read(4096)) is not None
    except OSError:
        return False


def _check_scenario(path: Path) -> None:
    """Raises RunbookError. Its runbook is looked for beside it first."""
    from irkit.drill import scenario
    from irkit.runbook import find, load, search_path

    def runbook_of(name: str) -> Runbook:
        where = find(name, [path.parent.parent, *search_path(os.environ)])
        try:
            return load(where)
        except RunbookError:
            raise UsageError(f"the runbook '{name}' has mistakes itself", next=f"irkit runbook lint {where}") from None
    try:
        scenario.load(path, runbook_of)
    except UsageError as error:
        raise RunbookError(error.what) from None


def _fields(block: Sequence[str]) -> dict[str, Any]:
    """A block as data. Its first line is `path:line:col: message`, its last one `= hint`; line 0 is the file as a whole."""
    found = re.fullmatch(r"(?P<path>.+?)(?::(?P<line>\d+):(?P<col>\d+))?: (?P<level>warning: )?(?P<message>.*)", block[0], re.S)
    hint = re.fullmatch(r"\s*= (.*)", block[-1], re.S)
    if not found:
        return {"path": "", "line": 0, "col": 0, "level": "error", "message": block[0], "hint": ""}
    return {"path": found["path"], "line": int(found["line"] or 0), "col": int(found["col"] or 0),
            "level": "warning" if found["level"] else "error", "message": found["message"], "hint": hint[1] if hint else ""}


# -- schema and new ----------------------------------------------------------------------------------------------

@runbook.command()
@shared
def schema() -> None:
    """Print the JSON Schema of runbooks, for editors.

    \b
    Example:
      irkit runbook schema > runbook.schema.json
    """
    from irkit.runbook import schema as made
    print_json(made())


@runbook.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH",
              help="File to write, which must not exist yet (default: ./runbooks/NAME.yaml).")
@shared
@click.pass_obj
def new(settings: Settings, name: str, output: Path | None) -> None:
    """Start a runbook from a skeleton that lints.

    \b
    Examples:
      irkit runbook new okta_admin_takeover
      irkit runbook new okta_admin_takeover --output ir/okta_admin_takeover.yaml
    """
    from irkit.runbook import skeleton
    text = skeleton(name)
    path = output or Path("runbooks") / f"{name}.yaml"
    write_new(path, text, there=f"irkit runbook show {path}", elsewhere=f"irkit runbook new {name} --output PATH")
    tell(settings, f"Wrote {path}", f"  next  irkit runbook lint {path}")


# -- the others, in a file of their own --------------------------------------------------------------------------

for command in (export, import_):
    runbook.add_command(command)
