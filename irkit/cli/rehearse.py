"""`irkit runbook test`: every scenario of a runbook, played in this process by its own answers and by its wrong teams.

A rehearsal is a drill whose people's time stands still: each decision takes its minute (`irkit.drill.autoplay`) and nothing
else does, so that what it finds is the same on every machine. What it records is thrown away unless somebody keeps it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from irkit.cli import walks
from irkit.cli.complete import completing
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width
from irkit.errors import IrkitError, Paused, RunbookError, UsageError

if TYPE_CHECKING:
    from irkit.drill.result import Result
    from irkit.drill.scenario import Scenario
    from irkit.engine.gate import Said
    from irkit.engine.session import Session
    from irkit.engine.state import RunState
    from irkit.runbook import Runbook

MEMORY = Path("/dev/shm")      # noqa: S108 (a folder of its own is made there: an entry need not wait for a disk to be thrown away)
WHO = "the scenario"
OPEN = frozenset({"failed", "unknown", "accepted"})     # how an item of a fan-out should not be left


@dataclass
class Played:
    """How a scenario's own answers, or a wrong team's, walked its runbook. `wrong` is in words; empty where nothing is."""

    scenario: Scenario
    session: Session
    run: RunState
    result: Result
    wrong: list[str]
    said: list[Said] = field(default_factory=list)

    @property
    def took(self) -> timedelta:
        """By the drill's clock."""
        return self.session.ctx.clock.now() - self.run.opened_at


def play(scenario: Scenario, runbook: Runbook, folder: Path, settings: Settings, *, team: str = "",
         hold: ExitStack | None = None) -> Played:
    """Walk `runbook` in `scenario` in the new incident `folder`, to its end or to where the answers end.

    `team` is one of the scenario's wrong ones, in place of its own answers. The session is closed again, unless `hold` keeps
    it open for whoever looks at its worlds and its ledger. Sockets are not sealed here: worlds open none, and the command
    seals its process.
    """
    from irkit.engine.run import Walk
    from irkit.engine.state import State
    said, kept = list["Said"](), list["Result"]()
    setup = _setup(scenario, scenario.answers_of(team), said.append)
    with ExitStack() as own:
        stack, wrong = hold or own, []
        ledger = stack.enter_context(walks.genesis(folder, "drill", settings))
        session = stack.enter_context(walks.session_of(ledger, setup, runbook, "r1", State()))
        walks.open_drill(session, scenario, walks.inputs_for(runbook, scenario.inputs, setup))
        session.closing = lambda: kept.append(walks.keep_result(session, scenario))
        try:
            Walk(session).walk()
        except Paused as pause:
            wrong.append(f"it stopped: {pause.why}")
        except IrkitError as error:
            wrong.append(f"it stopped: {error.what}")
        session.refresh()
        found = kept[0] if kept else walks.result_of(session, scenario)
        return Played(scenario, session, session.run, found, [*wrong, *_wrong(scenario, runbook, session.run, found)], said)


def _setup(scenario: Scenario, answers: Mapping[str, Any], heard: Callable[[Said], None]) -> walks.Setup:
    from irkit.drill.autoplay import Paced
    from irkit.drill.clock import DrillClock
    from irkit.drill.injects import Cards
    from irkit.drill.perform import stage
    from irkit.engine.context import Interrupts
    from irkit.engine.modes import Mode
    from irkit.ledger.sshsig import Throwaway
    from irkit.ui.answers import Scripted
    clock = DrillClock(scenario.starts, monotonic=lambda: 0.0)
    script = Scripted(answers, phrases_literal=False, talk=heard, source="the scenario")
    return walks.Setup(Interrupts(), stage(scenario, clock), clock, Paced(script, clock), Mode.DRILL,
                       Cards(scenario.injects, scenario.approvals), WHO, signer=Throwaway())


def _wrong(scenario: Scenario, runbook: Runbook, run: RunState, found: Result) -> Iterator[str]:
    """What is not as a rehearsal should end: steps, what was sent, injects, score and what every drill is held to."""
    from irkit.engine.state import SETTLED
    for number, step in enumerate(runbook.steps, 1):
        state = run.step(step.id)
        if state.state not in SETTLED and (run.closed or state.state != "pending"):      # where it stopped was said already
            yield f"step {number} ({step.id}) is left {state.word}"
        elif any(sending.open for sending in state.all_sendings()):
            yield f"step {number} ({step.id}) sent something, and nothing settled whether it worked"
        if failed := sorted(item for item, word in state.items.items() if word in OPEN):
            yield f"step {number} ({step.id}) left items {', '.join(map(str, failed))} failed or unknown"
    for inject in scenario.injects:
        if inject.id not in run.injects and run.closed:
            yield f"the inject {inject.id} never came"
        elif inject.ask and inject.id in run.injects - run.answered:
            yield f"the inject {inject.id} was not answered"
    yield from (f"score {one.id}: {one.verdict.value}, {one.text}" for one in found.missed)


# -- the command -------------------------------------------------------------------------------------------------

class Rehearsal(Struct, frozen=True):
    """One scenario as the command tells it: `played` by its own answers (None where it could not be read), and `teams`, the
    wrong ones that were played too."""

    runbook: str
    scenario: str
    wrong: Sequence[str]
    played: Played | None = None
    teams: Sequence[str] = ()

    @property
    def figures(self) -> str:
        from irkit.drill.score import Verdict
        from irkit.engine.values import numbered
        if self.played is None:
            return ""
        scores, run = self.played.result.asked, self.played.run
        good = sum(one.verdict is Verdict.OK for one in scores)
        return (f"{numbered(len(run.steps), 'step')}, {numbered(len(run.injects), 'inject')}, score {good} of {len(scores)}, "
                f"{_hours(self.played.took)} of drill, {numbered(len(self.teams), 'wrong team')}")

    def json(self) -> dict[str, Any]:
        played = self.played
        steps = {step.id: step.state for step in played.run.steps.values()} if played else {}
        return {"runbook": self.runbook, "scenario": self.scenario, "ok": not self.wrong, "wrong": list(self.wrong),
                "steps": steps, "injects": sorted(played.run.injects) if played else [],
                "score": [one.json() for one in played.result.asked] if played else [], "teams": list(self.teams),
                "drill_seconds": int(played.took.total_seconds()) if played else None}


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def _names(_: Settings) -> list[str]:
    from irkit.runbook import available, search_path
    folders = search_path(os.environ)
    return [*available(folders), *available([folder / "scenarios" for folder in folders])]


@click.command()
@click.argument("names", nargs=-1, metavar="[RUNBOOK|SCENARIO|PATH]...", shell_complete=completing(_names))
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Keep the ledgers in this folder: an incident for each scenario, and for each of its wrong teams.")
@as_json
@shared
@click.pass_obj
def test(settings: Settings, names: tuple[str, ...], keep: Path | None, as_json: bool) -> int:
    """Play every scenario with its own answers, and check its outcomes.

    Each is walked to its end in simulated tenants: every step settled, nothing sent that stayed unknown, every inject played
    and answered, the whole score reached, nothing of the attack left, and a ledger that verifies. Then its wrong teams play,
    and the result must show what each of them misses. Without a name the scenarios of all runbooks are played. No socket is
    opened. Exit code 0 when all is as it should be, else 1.

    \b
    Examples:
      irkit runbook test
      irkit runbook test zendesk_agent_compromise
      irkit runbook test runbooks/scenarios/weekend_export.yaml --json
      irkit runbook test --keep ./rehearsals
    """
    from irkit.drill.seal import seal
    wanted = list(dict.fromkeys(_wanted(names)))
    unplayed = [] if names else _unplayed(wanted)
    if not wanted:
        raise UsageError("there is no scenario to play", next="irkit runbook list")
    seal()
    results = []
    with ExitStack() as stack:
        room = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_room())))
        for number, path in enumerate(wanted, 1):
            results.append(_rehearsed(path, room, settings))
            if not as_json:
                put(settings, _lines(results[-1], number, len(wanted)), page=False)
    failed = sum(bool(one.wrong) for one in results)
    if as_json:
        print_json([one.json() for one in results])
    else:
        _verdict(settings, len(results), failed, unplayed, keep)
    return 1 if failed else 0


def _room() -> Path | None:
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def _wanted(names: Sequence[str]) -> Iterator[Path]:
    """The scenarios' files. Raises UsageError for a name that is neither a runbook's nor a scenario's, or that none plays."""
    from irkit.runbook import available, find, search_path
    folders = search_path(os.environ)
    if not names:
        yield from available([folder / "scenarios" for folder in folders]).values()
    for name in names:
        as_path, known = Path(name), available([folder / "scenarios" for folder in folders])
        if as_path.parent.name == "scenarios" and as_path.is_file():
            yield as_path
        elif name in known:
            yield known[name]
        else:
            yield from _of_runbook(find(name, folders), folders)


def _of_runbook(path: Path, folders: Sequence[Path]) -> Iterator[Path]:
    """Those of a runbook: the ones beside it win. Raises UsageError when there is none."""
    from irkit.drill.scenario import played_by
    from irkit.runbook import available
    beside = available([folder / "scenarios" for folder in (path.parent, *folders)]).values()
    found = [one for one in beside if played_by(one) == path.stem]
    if not found:
        raise UsageError(f"no scenario plays {path.stem}", where=str(path.parent / "scenarios"),
                         next="write one: runbooks/README.md, Scenarios")
    yield from found


def _unplayed(scenarios: Sequence[Path]) -> list[str]:
    from irkit.drill.scenario import played_by
    from irkit.runbook import available, search_path
    played = {played_by(path) for path in scenarios}
    return [name for name in available(search_path(os.environ)) if name not in played]


def _rehearsed(path: Path, room: Path, settings: Settings) -> Rehearsal:
    """Play the scenario in that file. One that cannot be read, or whose runbook cannot, is a result like any other."""
    from irkit.drill import scenario as scenarios
    from irkit.ledger.verify import verify
    from irkit.runbook import find, search_path
    runbook = scenarios.played_by(path)
    try:
        book = walks.runbook_of(str(find(runbook, [path.parent.parent, *search_path(os.environ)])), settings)
        scenario = scenarios.load(path, lambda _: book)
        played = play(scenario, book, room / path.stem, settings)
        hidden = [line for team in scenario.wrong for line in _hidden(scenario, book, team, room, settings)]
    except RunbookError as error:
        return Rehearsal(runbook, path.stem, [line for block in error.mistakes for line in block] or [error.what])
    except IrkitError as error:
        return Rehearsal(runbook, path.stem, [error.what])
    except Paused as pause:
        return Rehearsal(runbook, path.stem, [f"it did not begin: {pause.why}"])
    report = verify(room / path.stem)
    false = [f"its ledger does not verify: {one.what}" for one in report.findings[:1]] if report.failures else []
    return Rehearsal(runbook, path.stem, [*played.wrong, *false, *hidden], played, list(scenario.wrong))


def _hidden(scenario: Scenario, runbook: Runbook, team: str, room: Path, settings: Settings) -> Iterator[str]:
    """What that wrong team gets wrong and its result does not show."""
    from irkit.drill.result import unseen
    played = play(scenario, runbook, room / f"{scenario.name}-{team}", settings, team=team)
    if not played.run.closed:
        yield f"the wrong team {team}: {played.wrong[0]}"
    for line in unseen(played.result, scenario.wrong[team]):
        yield f"the wrong team {team}: its result does not show {line}"


def _lines(result: Rehearsal, number: int, of: int) -> list[str]:
    from irkit.ui.layout import Page
    from irkit.ui.text import safe
    page, word = Page.of(width()), "WRONG" if result.wrong else "ok"
    head = page.labelled(word, f"{result.scenario} ({result.runbook}){': ' if result.figures else ''}{result.figures}",
                         f"{number} of {of}")
    return [*head, *(safe(f"         {line}") for line in result.wrong)]


def _verdict(settings: Settings, count: int, failed: int, unplayed: Sequence[str], keep: Path | None) -> None:
    from irkit.engine.values import numbered
    from irkit.ui.layout import Page
    if unplayed:
        tell(settings, f"No scenario plays {', '.join(unplayed)}.")
    if keep:
        tell(settings, f"The ledgers are kept in {keep}.", f"  next  irkit --evidence {keep} incident list")
    ended = f"{failed} not as they should be" if failed else "all as they should be"
    put(settings, Page.of(width()).verdict(f"{numbered(count, 'scenario')} played, {ended}.", 1 if failed else 0), page=False)
