"""What `run`, `drill` and `resume` share: putting a session together for its mode, and walking it to its end or a pause."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from irkit import __version__
from irkit.cli.anchoring import Anchors
from irkit.cli.incidents import who_am_i
from irkit.cli.options import Settings
from irkit.cli.signing import signer
from irkit.engine.context import Context, Interrupts
from irkit.engine.gate import Gate, News, Question
from irkit.engine.modes import Mode
from irkit.engine.run import Walk, open_run
from irkit.engine.session import Happenings, Nothing, Session, observed
from irkit.engine.state import RunState, State
from irkit.engine.view import View, changed_lines
from irkit.errors import IrkitError, NeedsTerminal, Paused, RunbookError, UsageError
from irkit.ledger import Ledger, selftest
from irkit.runbook import Input, Runbook

if TYPE_CHECKING:
    from irkit.config import Connection
    from irkit.drill.result import Result
    from irkit.drill.scenario import Scenario
    from irkit.engine.modes import Clock, Perform
    from irkit.ledger.sshsig import Signer

PREFIXES = {Mode.DRILL: "DRILL ", Mode.DRY_RUN: "DRY RUN ", Mode.PROBE: "PROBE "}
LAST_STAMPS = 10.0             # seconds that the end of a session waits for time-stamp authorities
CODE = Path(__file__).resolve().parent.parent


@functools.cache
def code_hash() -> str:
    """SHA-256 over irkit's own source files, by name: which program wrote the ledger. They are read once a process."""
    digest, top = hashlib.sha256(), len(CODE.parts)
    folders = ((Path(folder).parts[top:], names) for folder, _, names in os.walk(CODE))
    for parts in sorted((*folder, name) for folder, names in folders for name in names if name.endswith(".py")):
        with open(CODE.joinpath(*parts), "rb", buffering=0) as file:
            digest.update(f"{'/'.join(parts)}\0".encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


@dataclass
class Setup:
    """A session put together: what answers its requests, on which clock, asking whom."""

    interrupts: Interrupts
    perform: Perform
    clock: Clock
    gate: Gate
    mode: Mode
    happenings: Happenings
    who: str
    role: str = ""
    token_calls: TokenCalls | None = None
    signer: Signer | None = None
    authorities: tuple[str, ...] = ()


# -- what is walked ----------------------------------------------------------------------------------------------

def runbook_of(name: str, settings: Settings) -> Runbook:
    """The runbook of that name or path. Raises RunbookError with every mistake in it: none is walked half-checked."""
    from irkit import connectors
    from irkit.runbook import find, linted, search_path
    path = find(name, search_path(os.environ))
    return linted(path, find_action=lambda full: connectors.find_action(full, settings.config.connectors))


def scenario_of(what: str, settings: Settings) -> tuple[Scenario, Runbook]:
    """A scenario by its name or its runbook's ("": the first of all), checked against its runbook."""
    from irkit.drill import scenario as scenarios
    from irkit.runbook import search_path
    where = search_path(os.environ)
    path = scenarios.find(what, where) if what else scenarios.first(where)
    found = functools.cache(lambda name: runbook_of(name, settings))
    scenario = scenarios.load(path, found)
    return scenario, found(scenario.runbook)


# -- who answers the requests ------------------------------------------------------------------------------------

def connections_of(runbook: Runbook, settings: Settings) -> dict[str, Connection]:
    """The configured connections the runbook uses. Raises CredentialError for one that is missing and surely needed.

    One that only steps with a `when` use may be missing: a decision may leave them out, else they are done by hand.
    """
    from irkit.config import choose
    known = settings.config.connections
    there = {name for one in known.values() for name in (one.name, one.connector)}
    surely = runbook.surely_used
    return {name: choose(known, name) for name in sorted(runbook.used) if name in surely or name in there}


def is_test(connections: Mapping[str, Connection]) -> bool:
    """True when a connection leads to loopback: the incident is a test then, and can pass as nothing else."""
    return any(connection.loopback for connection in connections.values())


class TokenCalls:
    """Puts each token call into the ledger, once there is one."""

    ledger: Ledger | None = None

    def __call__(self, connection: str, status: int | None, ms: int) -> None:
        if self.ledger is not None:
            data = {"ms": ms, **({} if status is None else {"status": status})}
            self.ledger.append("auth", data, {"request.connection": connection})


def over_the_wire(settings: Settings, mode: Mode, gate: Gate, connections: Mapping[str, Connection]) -> Setup:
    """Live and probe: real sockets, real time. A missing credential is found here, before anything is opened."""
    from irkit import connectors
    from irkit.cli.clock import RealClock
    from irkit.wire.http import Wire
    config, interrupts, token_calls = settings.config, Interrupts(), TokenCalls()
    wire = Wire(config.connections, lambda name: connectors.find(name, config.connectors), hidden_prompt,
                reads_only=mode is Mode.PROBE, loopback=is_test(connections), on_auth=token_calls,
                wait=interrupts.asked.wait)
    for name in connections:
        wire.sign_in(name)
    who, role = who_am_i(config)
    key = signer(settings, "test" if is_test(connections) else "live", needed=mode is not Mode.PROBE)
    return Setup(interrupts, wire, RealClock(), gate, mode, Nothing(), who, role, token_calls, key, config.authorities)


def hidden_prompt(question: str) -> str:
    from irkit.ui.prompt import Terminal
    return Terminal().hidden(question)


def in_worlds(scenario: Scenario, mode: Mode, gate: Gate, who: str, *, autoplay: bool = False,
              inputs: Mapping[str, Any] | None = None, resuming: tuple[Ledger, State, RunState] | None = None) -> Setup:
    """Drill and dry run: worlds answer on the drill's clock, and no socket can be opened any more.

    `resuming` a run, the worlds are brought to where its recorded requests left them, and the clock to its latest time.
    """
    from irkit.cli.facilitating import there
    from irkit.drill.autoplay import Paced
    from irkit.drill.clock import DrillClock
    from irkit.drill.control import standing
    from irkit.drill.injects import Cards
    from irkit.drill.perform import recorded, stage
    from irkit.drill.seal import seal
    from irkit.drill.watched import Watched
    from irkit.engine.session import load_from
    from irkit.ledger.sshsig import Throwaway
    latest, past = scenario.starts, []
    if resuming is not None:
        ledger, state, run = resuming
        latest, past = state.latest or latest, list(recorded(ledger.entries(), run.id, load_from(ledger)))
    clock = DrillClock(latest)
    subjects = {k: str(v) for k, v in (inputs or {}).items()} if mode is Mode.DRY_RUN else None
    perform = stage(scenario, clock, subjects=subjects, recorded=past)
    seal()
    if resuming is not None and standing(resuming[2].controls).paused:
        clock.pause()
    cards = Cards(scenario.injects, scenario.approvals, clock, perform.goes_wrong, there)
    asks = Paced(gate, clock) if autoplay else Watched(gate) if mode is Mode.DRILL else gate
    return Setup(Interrupts(), perform, clock, asks, mode, cards, who, signer=Throwaway())


# -- who is asked ------------------------------------------------------------------------------------------------

def gate_for(settings: Settings, mode: Mode, *, answers: Mapping[str, Any] | None, scenario: bool = False, hint: str) -> Gate:
    """The person at this terminal, or a script. Raises NeedsTerminal, naming the flag, when there is neither.

    A script is an answers file, or with `scenario` a scenario's own answers. Only where nothing can leave may a script say
    "the phrase" for a phrase.
    """
    from irkit.drill import seal
    from irkit.ui.answers import Scripted
    from irkit.ui.prompt import Terminal
    from irkit.ui.talk import Talk
    settings.prefix = PREFIXES.get(mode, "")
    talk = Talk(plain=settings.plain, prefix=settings.prefix, tz=settings.zone)
    if answers is not None:
        return Scripted(answers, phrases_literal=not (scenario or mode.simulated), talk=talk.say, typed=talk.prompt,
                        source="the scenario" if scenario else "the answers file")
    gate = Terminal(talk=talk, editing=seal.editor if mode.simulated else contextlib.nullcontext)
    try:
        gate.require("walking a runbook")
    except NeedsTerminal as nobody:
        raise NeedsTerminal(nobody.what, next=hint) from None
    return gate


def answers_file(path: Path) -> dict[str, Any]:
    """An answers file: step id -> answer, and `inputs`. Raises RunbookError with positions."""
    from irkit.runbook.source import compose, plain
    try:
        found = plain(compose(path.read_bytes(), str(path)))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is not a mapping of step ids to answers")
    return found


def inputs_for(runbook: Runbook, given: Mapping[str, str], setup: Setup) -> dict[str, Any]:
    """The run's inputs: given ones, else asked for, with the runbook's default. Raises UsageError for one that does not fit."""
    from irkit.runbook import default_input, parse_input
    unknown = sorted(set(given) - set(runbook.inputs))
    if unknown:
        raise UsageError(f"{runbook.name} has no input {unknown[0]!r}; it has {', '.join(runbook.inputs) or 'none'}")
    now, found = setup.clock.now(), dict[str, Any]()
    for name, wanted in runbook.inputs.items():
        default = default_input(wanted, now=now, so_far=found)

        def parse(text: str, wanted: Input = wanted) -> object:
            return parse_input(wanted, text, now=now, so_far=found)

        try:
            text = given[name] if name in given else setup.gate.ask(
                Question("input", wanted.ask, key=name, default=default or "", parse=parse), list) or default or ""
            found[name] = parse(text)
        except ValueError as bad:
            raise UsageError(f"input {name}: {bad}", next=f"--input {name}=VALUE") from None
    return found


# -- a session ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def session_of(ledger: Ledger, setup: Setup, runbook: Runbook, run: str, state: State) -> Iterator[Session]:
    """Open a session of the ledger for this process, and end it whatever happens."""
    # That a script answers stands in the record: it is no practice of people's, and nobody sat there.
    scripted = {"scripted": True} if getattr(setup.gate, "scripted", False) else {}
    started = ledger.start_session(setup.who, signer=setup.signer, data={"pid": os.getpid(), **scripted, **observed()})
    if setup.token_calls is not None:
        setup.token_calls.ledger = ledger
    ctx = Context(ledger, setup.perform, setup.clock, setup.gate, setup.mode, run, setup.who, setup.interrupts,
                  signer=setup.signer)
    view = View(ledger.folder.name, runbook, state, run, setup.who, setup.role)
    session = Session(ctx, view, setup.happenings, own=started)
    anchors = Anchors(ledger, setup.authorities, lambda text: session.news.append(News([text])))

    def end() -> None:
        if ledger.session is not None:
            self_test(ledger)
        if anchors.wanted:
            ledger.note()
            anchors.finish(LAST_STAMPS)
        ledger.end_session()

    session.ending = end
    if hasattr(setup.gate, "session"):
        setup.gate.session = session         # a drill's, which shows a facilitator what is asked
    try:
        if self_test(ledger) and not setup.mode.simulated:
            raise IrkitError("irkit's own self-test fails on this machine; nothing is sent from it",
                             where=f"Python {sys.version}", next=f"irkit resume {ledger.folder.name} on another machine")
        session.refresh()
        anchors.start()
        yield session
    finally:
        with contextlib.suppress(IrkitError):
            end()
        setup.perform.close()


def self_test(ledger: Ledger) -> list[str]:
    """Record how the known-answer tests end here. Returns the names of those that failed."""
    failed = selftest.run()
    ledger.append("selftest", {"passed": sorted(selftest.TESTS.keys() - set(failed)), "failed": failed})
    return failed


def walk(session: Session, scenario: Scenario | None = None) -> None:
    """Walk to the end, or record the pause and raise it."""
    incident, results = session.ctx.ledger.folder.name, list[Any]()
    if scenario is not None:
        session.closing = lambda: results.append(keep_result(session, scenario))
    try:
        closed = Walk(session).walk()
    except Paused as pause:
        session.record("run.paused", {}, {"reason": pause.why})
        raise Paused(pause.why, next=pause.next or f"irkit resume {incident}") from None
    except (IrkitError, KeyboardInterrupt) as error:
        with contextlib.suppress(IrkitError):      # a disk that is full refuses this entry too; the error is what counts
            session.record("run.paused", {}, {"reason": getattr(error, "what", "interrupted twice")})
        raise
    session.ending()                             # the head on the closing screen is the last one
    session.refresh()
    closed = replace(closed, entries=session.state.seq + 1, head=session.state.head,
                     score=[line for judged in results for line in judged.lines()])
    session.ctx.say(closed)


def result_of(session: Session, scenario: Scenario) -> Result:
    """What came of the drill so far."""
    from irkit.drill.perform import WorldPerform
    from irkit.drill.result import result
    perform = session.ctx.perform
    worlds, unmet = (perform.worlds, perform.faults.left) if isinstance(perform, WorldPerform) else ({}, ())
    return result(scenario, session.runbook, session.run, session.ctx.ledger.entries(), worlds, unmet)


def keep_result(session: Session, scenario: Scenario) -> Result:
    """The drill's result, kept beside its entries so that a report needs no world."""
    from irkit.drill import result
    ctx, found = session.ctx, result_of(session, scenario)
    ctx.ledger.keep(result.NAME, found.kept(scenario, session.runbook, session.run), media_type="application/json", run=ctx.run)
    return found


def genesis(folder: Path, mode: str, settings: Settings) -> Ledger:
    """A new incident, with who may act as what copied in."""
    people = {} if mode == "drill" else settings.config.people
    more = {f"people.p{i}": {"name": p.name, "handle": handle, "title": p.title, "phone": p.phone, "roles": list(p.roles),
                             "key": p.key, "email": p.email} for i, (handle, p) in enumerate(people.items())}
    return Ledger.create(folder, mode=mode, version=__version__, code_hash=code_hash(), disclose=more)


def open_drill(session: Session, scenario: Scenario, inputs: Mapping[str, Any]) -> None:
    """Open a run in worlds, with the run's own copy of the scenario: a resumed drill is rebuilt from it."""
    kept = session.ctx.ledger.keep(f"{scenario.name}.yaml", scenario.raw, media_type="application/yaml", run=session.ctx.run)
    session.refresh()
    open_run(session, inputs, {"scenario": scenario.name, "scenario_sha256": kept.sha256})


def own_copy(ledger: Ledger, run: RunState) -> Runbook:
    """The runbook as this run opened it, from its artefact."""
    from irkit.runbook import load_bytes
    with ledger.open_artefact(run.sha256) as file:
        return load_bytes(file.read(), f"{run.runbook}.yaml")


def own_scenario(ledger: Ledger, run: RunState) -> Scenario:
    """The scenario as this drill opened it, from its artefact."""
    from irkit.drill.scenario import load_bytes
    with ledger.open_artefact(run.scenario) as file:
        return load_bytes(file.read(), "the run's own scenario")


def differs(runbook: Runbook) -> list[str]:
    """What to say when the runbook's file has changed since the run was opened."""
    from irkit.runbook import find, load, search_path
    try:
        path = find(runbook.name, search_path(os.environ))
        return changed_lines(runbook, load(path), str(path))
    except (UsageError, RunbookError):
        return []

