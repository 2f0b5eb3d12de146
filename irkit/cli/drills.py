"""`irkit drill report` and `irkit drill history`: what came of a drill, and which drills there were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import runbook_name
from irkit.cli.incident import complete_incident
from irkit.cli.incidents import folder_of, folders, state_of
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width, write_new
from irkit.cli.watch import FACILITATOR
from irkit.errors import IrkitError, LedgerError, UsageError

if TYPE_CHECKING:
    from irkit import worlds
    from irkit.drill.result import Result
    from irkit.drill.scenario import Scenario
    from irkit.engine.state import RunState, State
    from irkit.ledger import Entry, Ledger
    from irkit.ledger.verify import Report
    from irkit.report.after import After, Card, Fault, Held, Objective, Stood
    from irkit.report.findings import Finding

NO_DRILL = "this is made of a drill's ledger alone"


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@click.option("--as", "form", type=click.Choice(["html", "md"]), help="Which page (default: by the ending of --output; html).")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="PATH", required=True,
              help="File to write, which must not exist yet; - for standard output.")
@FACILITATOR
@shared
@click.pass_obj
def report(settings: Settings, incident: str, form: str | None, output: Path, facilitator: bool) -> int:
    """Write the after-action report of a drill.

    In the shape of an After-Action Report and Improvement Plan: objectives and times, injects with the team's answers, what the
    record shows, who mends what by when, the earlier drills of the runbook, the timeline. A note or an observation that begins
    with "improve:" is a line of the plan: irkit note D "improve: alert on exports @Wei by 2026-04-30". Everything is told from
    the ledger; where it does not verify the report says so, and the exit code is 5. Of a drill that goes on it is refused: it
    would tell the team what is to come.

    \b
    Examples:
      irkit drill report DRILL-20261120-1 --output report.html
      irkit drill report DRILL-20261120-1 --as md --output -
    """
    from irkit.engine.values import numbered
    from irkit.report import after_pages
    folder = folder_of(settings, incident)
    after = _after(folder, facilitator=facilitator)
    others, _ = _held(settings, runbook=after.drill.runbook, but=folder)
    after.history = sorted([*others, after.drill], key=lambda one: (one.held, one.incident))
    markdown = form == "md" or (form is None and output.suffix in (".md", ".markdown"))
    text = after_pages.markdown(after) if markdown else after_pages.html(after)
    if str(output) == "-":
        click.echo(text, nl=False)
    else:
        write_new(output, text, there="--output with another name", elsewhere="--output PATH")
        tell(settings, f"Wrote {output}: {after.drill.met} of {after.drill.objectives} objectives reached, "
                       f"{after.drill.missed} missed beside them, {numbered(len(after.observations), 'observation')}, "
                       f"{numbered(len(after.plan), 'line')} of plan.")
    if after.trouble:
        tell(settings, f"The ledger of {folder.name} does not verify: {after.trouble}", f"  next  irkit ledger verify {folder}")
    return LedgerError.exit_code if after.trouble else 0


def drill_of(folder: Path, state: State, *, command: str, facilitator: bool) -> RunState:
    """The latest drill in an incident. Raises UsageError for one that holds none: live, a test, a probe, a dry run; and for one
    that goes on, unless a facilitator asks with `command`.
    """
    run = next((one for one in reversed(state.runs.values()) if one.mode == "drill"), None)
    if state.mode != "drill":
        raise UsageError(f"{folder.name} is a {state.mode} incident: {NO_DRILL}", where=str(folder),
                         next=f"irkit ledger export {folder.name} --as bag, for the record of what happened")
    if run is None:
        modes = ", ".join(sorted({one.mode for one in state.runs.values()})) or "no run"
        raise UsageError(f"{folder.name} holds no drill ({modes}): {NO_DRILL}", where=str(folder), next="irkit drill history")
    if not run.closed and not facilitator:
        raise UsageError(f"the drill of {folder.name} goes on, and this tells what the team has yet to meet", where=str(folder),
                         next=f"irkit {command} {folder.name} --facilitator")
    return run


def _after(folder: Path, *, facilitator: bool = False) -> After:
    from irkit.cli.walks import own_copy, own_scenario
    from irkit.ledger import Ledger
    from irkit.ledger.verify import verify
    from irkit.report.after import After, complete
    with Ledger.open(folder, write=False) as ledger:
        state = state_of(ledger)
        run = drill_of(folder, state, command="drill report", facilitator=facilitator)
        book, scenario, entries = own_copy(ledger, run), own_scenario(ledger, run), list(ledger.entries())
        judged = _judged(ledger, run, entries)
    verified = verify(folder)
    asked, beside = _objectives(judged, scenario, {step.id: step.title for step in book.steps})
    own = [entry for entry in entries if entry.run == run.id]
    ended = next((entry for entry in reversed(own) if entry.kind == "run.closed"), own[-1])      # observations may come later
    after = After(_one(folder, state, run, entries, judged, verified), scenario.title, book, run.opened_at,
                  (state.latest or run.opened_at) - run.opened_at, _moment(ended.at) - _moment(own[0].at), asked, beside,
                  {one.id.removeprefix("time:"): one.text for one in judged.standard if one.verdict.value == "time"},
                  list(_cards(scenario, run, own)), list(_faults(scenario, run, judged)), _stood(run, own),
                  trouble=verified.findings[0].what if verified.failures else "")
    return complete(after, state, run, entries, list(observed(run, scenario)))


def _judged(ledger: Ledger, run: RunState, entries: Sequence[Entry]) -> Result:
    """What came of a drill: what it kept as it was closed. One that is open is judged as it stands, but for what is left of
    the attack: its worlds went with its process."""
    from irkit.cli.walks import own_copy, own_scenario
    from irkit.drill.result import kept_in, result
    return kept_in(ledger, run, entries) or result(own_scenario(ledger, run), own_copy(ledger, run), run, entries, {})


def _objectives(judged: Result, scenario: Scenario, titles: Mapping[str, str]) -> tuple[list[Objective], list[Objective]]:
    """What the scenario asked for; and what every drill is judged by, where something is not as it should be."""
    from irkit.drill.score import Verdict, in_words
    from irkit.report.after import Objective
    rules = {rule.id: rule for rule in scenario.score}
    asked = [Objective(one.id, in_words(rules[one.id], titles), one.verdict.value, one.text, rules[one.id].steps[-1])
             for one in judged.asked]
    beside = [Objective(one.id, _in_words(one.id, titles), one.verdict.value, one.text, one.id.partition(":")[2])
              for one in judged.standard if one.verdict is not Verdict.TIME]
    return asked, beside


def _in_words(line: str, titles: Mapping[str, str]) -> str:
    """An id such as "order:suspend", as an objective."""
    kind, _, about = line.partition(":")
    said = {"order": 'what "{}" destroys is kept before it', "rushed": 'the phrase of "{}" is typed after it was read',
            "evidence": '"{}" brings its evidence', "left": "nothing of the attack is left alive: {}"}.get(kind, "{}")
    return said.format(titles.get(about, about))


def observed(run: RunState, scenario: Scenario) -> Iterator[Finding]:
    """What the facilitator saw; one of an objective is about the step that the objective ends with."""
    from irkit.drill.control import standing
    from irkit.report.after import is_plan
    from irkit.report.findings import Finding
    steps = {rule.id: rule.steps[-1] for rule in scenario.score}
    for one in standing(run.controls).observed:
        text, objective = str(one.shown.get("text", "")), str(one.data.get("objective", ""))
        about = f" ({objective})" if objective and not is_plan(text) else ""
        yield Finding(str(one.data.get("tag") or "observation"), steps.get(objective, ""), f"{text}{about}", one.entry,
                      who=one.who)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _cards(scenario: Scenario, run: RunState, entries: Sequence[Entry]) -> Iterator[Card]:
    """The scenario's injects and the facilitator's, with when they came and what was answered."""
    from irkit.drill.control import standing
    from irkit.drill.injects import Cards
    from irkit.report.after import Card

    def when(entry: Entry) -> timedelta:
        return datetime.fromisoformat(entry.data["drill_at"]) - run.opened_at
    played = {e.data["inject"]: e for e in entries if e.kind == "inject" and not e.data.get("answered")}
    answers = {e.data["inject"]: e for e in entries if e.kind == "inject" and e.data.get("answered")}
    stands = standing(run.controls)
    added = {f"added_{one.entry}": one.who for one in stands.added}
    for one in Cards(scenario.injects).all(run):
        came, answer = played.get(one.id), answers.get(one.id)
        yield Card(one.id, one.to, one.say, one.ask, one.expect, when(came) if came else None,
                   str(answer.disclosed.get("answer", "")) if answer else "", when(answer) if answer else None,
                   added.get(one.id, ""), one.id in stands.held)


def _faults(scenario: Scenario, run: RunState, judged: Result) -> Iterator[Fault]:
    """What was to go wrong: as the scenario has it from the start, and what the facilitator added."""
    from irkit.drill.control import fault_of, standing
    from irkit.report.after import Fault
    added = [(fault_of(said.data, said.shown), said) for said in standing(run.controls).faults]
    for one, said in (*((one, None) for one in scenario.faults), *added):
        came = f"{one.connector} {one.request}" not in judged.unmet if run.closed else None
        yield Fault(one.connector, one.request, _how(one), one.times, said.who if said else "the scenario", came,
                    said.entry if said else None)


def _how(fault: worlds.Fault) -> str:
    """`lost: after` and its like, in words."""
    if fault.answer is not None:
        wait = fault.answer.get("retry_after")
        return f"answered {fault.answer['status']}" + (f", wait {wait} s" if wait is not None else "")
    return "lost before it arrived" if fault.lost == "before" else "took effect, and its answer was lost"


def _stood(run: RunState, entries: Sequence[Entry]) -> Stood:
    """How often and how long the drill's clock stood still, by the machine's; and which steps came to their end meanwhile."""
    from irkit.drill.control import stops
    from irkit.engine.state import WITH_RESULT
    from irkit.report.after import Stood
    found = stops(run, entries)
    spans = [(one.began, one.ended or entries[-1]) for one in found]
    time = sum((_moment(end.at) - _moment(begin.at) for begin, end in spans), timedelta())
    return Stood(len(found), time, [step.id for step in run.steps.values() if step.state in WITH_RESULT
                                    and any(begin.seq < step.entry <= end.seq for begin, end in spans)])


def _one(folder: Path, state: State, run: RunState, entries: Sequence[Entry], judged: Result, verified: Report) -> Held:
    """A drill as history lists it."""
    from irkit.drill.score import Verdict
    from irkit.drill.standard import PHASES
    from irkit.report.after import Held, people_of
    times = {one.id: (one.seconds if one.first is None else one.first, one.seconds)        # older results keep the last alone
             for one in judged.standard if one.seconds is not None}
    opened = next(entry for entry in entries if entry.kind == "run.opened" and entry.run == run.id)
    walked = {entry.session for entry in entries if entry.run == run.id}
    scripted = any(entry.data.get("scripted") for entry in entries if entry.kind == "session.start" and entry.seq in walked)
    met = sum(one.verdict is Verdict.OK for one in judged.asked)
    return Held(folder.name, _moment(opened.at).date(), run.runbook, run.version, run.sha256, str(opened.data.get("scenario")),
                people_of(state, run, entries), scripted, run.closed, met, len(judged.asked),
                len(judged.missed) - (len(judged.asked) - met), {phase: times.get(f"time:{phase}") for phase in PHASES},
                verified.entries, verified.head, not verified.failures)


# -- history -----------------------------------------------------------------------------------------------------

def _held(settings: Settings, *, runbook: str = "", but: Path | None = None) -> tuple[list[Held], list[str]]:
    """The drills below the evidence root, of one runbook or of all; and the incidents that could not be read, which are named.

    Each ledger is verified anew: that drills were held is worth what their ledgers are worth today.
    """
    from irkit.ui.talk import Talk
    talk = Talk(plain=settings.plain)
    found: list[Held] = []
    unread: list[str] = []
    others = [folder for folder in folders(settings) if but is None or folder.resolve() != but.resolve()]
    try:
        for number, folder in enumerate(others, 1):
            talk.passing(f"checking {number} of {len(others)}: {folder.name}")
            try:
                found += _in(folder, runbook)
            except IrkitError as error:
                unread.append(folder.name)
                talk.tell(f"{folder.name}: {error.what}  (irkit ledger verify {folder.name})")
    finally:
        talk.lines([])                             # also where somebody does not want to wait for the rest
    return found, unread


def _in(folder: Path, runbook: str) -> list[Held]:
    """The drills of that runbook, "" for any, that an incident holds. Only a ledger that holds one is verified."""
    from irkit.ledger import Ledger
    from irkit.ledger.verify import verify
    with Ledger.open(folder, write=False) as ledger:
        if ledger.mode != "drill":
            return []
        state, entries = state_of(ledger), list(ledger.entries())
        runs = [run for run in state.runs.values() if run.mode == "drill" and runbook in ("", run.runbook)]
        results = [_judged(ledger, run, entries) for run in runs]
    verified = verify(folder) if runs else None
    return [_one(folder, state, run, entries, judged, verified)
            for run, judged in zip(runs, results, strict=True) if verified is not None]


@click.command()
@click.option("--runbook", shell_complete=runbook_name, metavar="NAME", help="Only the drills of this runbook.")
@as_json
@shared
@click.pass_obj
def history(settings: Settings, runbook: str | None, as_json: bool) -> int:
    """List the drills held, with who and how well.

    By runbook and version, for whoever has to show that drills are held regularly: a version counts by the hash of its file.
    A drill that was not ended, one that a script walked (--autoplay, --answers), and one whose ledger does not verify are
    counted apart. Every ledger is verified anew; exit code 5 where one of them does not verify or cannot be read.

    \b
    Examples:
      irkit drill history
      irkit drill history --runbook zendesk_agent_compromise
      irkit drill history --json
    """
    held, unread = _held(settings, runbook=runbook or "")
    found = sorted(held, key=lambda one: (one.runbook, one.version, one.held, one.incident))
    code = LedgerError.exit_code if unread or not all(one.verifies for one in found) else 0
    if as_json:
        print_json([one.json() for one in found])
        return code
    put(settings, list(_listed(found)))
    if not found:
        of = f" of {runbook}" if runbook else ""
        tell(settings, f"No drill{of} in {settings.root}.", f"  next  irkit drill {runbook or ''}".rstrip())
    return code


def _listed(found: Sequence[Held]) -> Iterator[str]:
    """Each version of each runbook with its count, its drills, and what each team reached."""
    from irkit.report.after_pages import counted, row
    from irkit.ui.layout import Page
    page = Page.of(width())
    versions = dict.fromkeys((one.runbook, one.version, one.sha256) for one in found)
    for runbook, version, sha256 in versions:
        drills = [one for one in found if (one.runbook, one.version, one.sha256) == (runbook, version, sha256)]
        yield from page.hanging(f"{runbook} v{version} ({sha256[:8]}): {counted(drills)}; "
                                f"the last on {max(one.held for one in drills)}")
        for one in drills:
            shown = row(one)
            times = ", ".join(f"{phase} {time}" for phase, time in zip(one.times, shown.times, strict=True))
            yield from page.labelled("", [f"{shown.held} {shown.incident} ({shown.scenario}), {shown.who}",
                                          f"score {shown.score}; {times}", f"{shown.ledger}, head {one.head[:16]}"])
    yield from (line for text in _teams(found) for line in page.hanging(text))


def _teams(found: Sequence[Held]) -> Iterator[str]:
    """How each team of people went from its first drill of a runbook to its latest."""
    groups: dict[tuple[str, tuple[str, ...]], list[Held]] = {}
    for one in sorted(found, key=lambda one: (one.held, one.incident)):
        if one.practice:
            groups.setdefault((one.runbook, one.people.team), []).append(one)
    for (runbook, team), drills in groups.items():
        if len(drills) > 1:
            scores = " -> ".join(one.score for one in drills)
            yield f"{', '.join(team)}: {runbook} {scores}"
