"""Every place where irkit asks a person, times every way of nobody answering: none of them passes by itself.

The places are told from the code (`sites`), the runs and commands that come past them are `plays` and `commands`, and the ways
are `columns`. A place that is new fails the first test until a play reaches it; it then meets every column by itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from irkit.cli import main
from irkit.engine.gate import Question
from irkit.errors import Paused
from irkit.ledger import Ledger
from irkit.ui.prompt import Terminal
from tests.cli.people import NAME
from tests.cli.rig import Capsys, irkit
from tests.engine.play import Play
from tests.gates.columns import COLUMNS, ENTER, NOBODY, Came, Screen, every, nowhere
from tests.gates.commands import COMMANDS, Command, words_of
from tests.gates.plays import ENDS, PLAYS
from tests.gates.sites import PACKAGE, Site, sites
from tests.ledger.ssh import needs_ssh
from tests.rows import go_through

# Enter alone takes what stands in brackets, or "nothing": by the question, and why nothing is sent or confirmed by that.
ENTER_TAKES = {
    "who": "the person at the keyboard, of a step that was said to be done by hand",
    "when": "now, of the same",
    "evidence": "none, where the step asks for none",
    "except": "nobody is left out, and the gate asks again",
    "handover": "to nobody: nothing is offered",
    "input": "the runbook's default; a gate comes before anything is sent",
    "role": "whoever plays, in a drill; live, somebody is named",
}
# What no question of irkit's own comes before: where it is shown instead.
ELSEWHERE = {
    "ui.prompt.Terminal.ask edited": "each question that is edited, in `every`",
    "ui.prompt.Terminal._secret pick.hidden": "tests/ui/test_terminal.py",
    "cli.doctor._hidden terminal.hidden": "the command doctor, below",
    "cli.handover._text edited": "the command handover, its text, below",
}


@dataclass
class Table:
    """What came of each question at each site: site -> the question's name and what each column came to."""

    cells: dict[str, list[tuple[Question, Mapping[str, Came]]]] = field(default_factory=dict)

    def meet(self, question: Question) -> None:
        """Called while the question is asked: the sites that ask it stand on the stack."""
        reached = [site for site in sites() if _on_the_stack(site)]
        fresh = [site for site in reached if site.name not in self.cells]
        if fresh or not reached:
            came = every(question)
            for site in reached:
                self.cells.setdefault(site.name, []).append((question, came))


def _on_the_stack(site: Site) -> bool:
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if site.reached_by(frame):
            return True
        frame = frame.f_back
    return False


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Every play, and every command at a terminal, once: each question meets the columns before it is answered."""
    made = Table()
    for number, make in enumerate(PLAYS.values()):
        play = make(tmp_path_factory.mktemp("play") / str(number))
        play.at = lambda _play, question: made.meet(question)
        play.walk()
        assert not play.types, play.types
    for command in COMMANDS.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp("command"))
            _prepared(command, patch)
            _at_a_terminal(command, patch, made.meet)
    return made


def _prepared(command: Command, patch: pytest.MonkeyPatch) -> None:
    for name in ("IRKIT_CONFIG", "IRKIT_EVIDENCE", "IRKIT_RUNBOOKS", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(Path("home").absolute()))
    Path("evidence").mkdir()
    patch.setenv("IRKIT_WHO", "Maria Lopez")
    command.prepare()
    patch.setenv("IRKIT_WHO", command.who)


def _at_a_terminal(command: Command, patch: pytest.MonkeyPatch, meet: Callable[[Question], None]) -> int:
    """The command in front of somebody who types what it lists, and then ends the input."""
    types = list(command.types)

    def ask(_terminal: Terminal, question: Question, _poll: object) -> str:
        meet(question)
        if not types:
            raise Paused("the terminal's input ended")
        answer = types.pop(0)
        return question.phrase if answer == "PHRASE" else answer

    def hidden(terminal: Terminal, prompt: str) -> str:
        return ask(terminal, Question("hidden", prompt), None)
    patch.setattr(Terminal, "ask", ask)
    patch.setattr(Terminal, "hidden", hidden)
    patch.setattr(sys, "stdin", Screen())
    patch.setattr(sys, "stderr", Screen())
    patch.setenv("VISUAL", "false")
    code = main([*words_of(command)])
    assert not types, (command.words, types)
    return code


# -- the table -------------------------------------------------------------------------------------------------------

def names() -> list[str]:
    """Of all sites; told when a test runs, since reading all the code takes a second."""
    return [site.name for site in sites()]


def test_no_two_sites_have_one_name() -> None:
    """A row is one place of the code."""
    assert len(set(names())) == len(names()) > 60


@needs_ssh
def test_no_gate_passes_by_itself(table: Table) -> None:
    """Each place that asks, in every column: refused with the flag, paused, still asking; Enter takes a safe default alone."""
    go_through([name for name in names() if name not in ELSEWHERE], lambda name: _holds(name, table))


def _holds(name: str, table: Table) -> None:
    assert name in table.cells, f"no play comes past {name}: add one to tests/gates/plays.py or commands.py"
    for question, came in table.cells[name]:
        assert set(came) == set(NOBODY if question.name == "hidden" else COLUMNS)
        for column, found in came.items():
            assert _held(question, column, found), (question.name, question.prompt, column, found)


def _held(question: Question, column: str, found: Came) -> bool:
    if column in NOBODY:
        return (found.how, found.code) == ("nobody", 2) and "--answers FILE" in found.text
    if question.edit:
        return found.how == "nothing"                      # the editor has the terminal; it left nothing that counts
    if column == "EOF":
        return (found.how, found.code) == ("paused", 3)
    if column in ENTER and found.how == "answered":
        plain = not (question.letters or question.phrase)
        return plain and found.text == question.default and question.name in ENTER_TAKES
    return found.how == "asking"


@needs_ssh
def test_enter_takes_no_more_than_is_listed(table: Table) -> None:
    """The list of safe defaults holds what plays met, and nothing that no question has."""
    took = {question.name for rows in table.cells.values() for question, came in rows
            if "newline" in came and came["newline"].how == "answered"}
    assert took == ENTER_TAKES.keys() - {"input"}
    assert "gate" not in took


READS = re.compile(r"(?<![\w.])(input\(|click\.(?:prompt|confirm|getchar)|questionary\.\w+\(|getpass\(|"
                   r"sys\.(?:__)?stdin|click\.get_text_stream|open\(0)")


def test_nothing_else_reads_the_keyboard() -> None:
    """One file asks, with one beside it for lists; no prompt of a library is used elsewhere, and nobody else looks at stdin."""
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")
             if any(READS.search(line) for line in path.read_text().splitlines())}
    assert found == {"ui/pick.py", "ui/prompt.py", "cli/doctor.py", "cli/incident.py", "cli/watch.py"}
    for name, used in (("doctor", ["sys.stdin.isatty()"]), ("incident", ["sys.stdin.buffer"]),       # attach reads bytes
                       ("watch", ["sys.stdin.fileno()", "sys.stdin.isatty()"])):      # any key: show all again; it asks nothing
        assert re.findall(r"sys\.stdin\.\S+", (PACKAGE / "cli" / f"{name}.py").read_text()) == used


# -- what is left in the record ----------------------------------------------------------------------------------------

QUIET = {"checkpoint", "selftest", "session.start", "session.end", "run.paused"}


def _questions(name: str, folder: Path) -> int:
    play = PLAYS[name](folder)
    play.walk()
    return len(play.asked)


@pytest.mark.parametrize("name", PLAYS)
def test_an_input_that_ends_at_any_question_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    """At each question of each play in turn: no request leaves after it, and no entry says that anything was answered."""
    for stop in range(_questions(name, tmp_path / "whole")):
        play = PLAYS[name](tmp_path / str(stop))
        before: list[int] = []

        def at(made: Play, _question: Question, stop: int = stop, before: list[int] = before) -> None:
            if len(made.asked) == stop:
                before.append(made.entries()[-1].seq)
                made.types[:] = [ENDS]                     # type: ignore[attr-defined]
        play.at = at
        play.walk()
        assert play.paused is not None
        later = [entry.kind for entry in play.entries() if entry.seq > before[0] and entry.kind not in QUIET]
        assert later == [], (name, stop, later)


@needs_ssh
@pytest.mark.parametrize("name", COMMANDS)
def test_an_input_that_ends_at_a_command_leaves_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its last question, which is the one that counts: nothing is recorded and nothing written; no exit code of success."""
    command = COMMANDS[name]
    monkeypatch.chdir(tmp_path)
    _prepared(command, monkeypatch)
    before = _state()
    code = _at_a_terminal(replace(command, types=command.types[:-1]), monkeypatch, lambda _question: None)
    assert code != 0
    assert _state() == before


# -- commands, without a terminal -----------------------------------------------------------------------------------

@pytest.fixture(params=["piped stdin", "no stdin", "closed stdout"])
def streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The streams of a process that nobody sits at."""
    pipe = tmp_path / "yes"
    pipe.write_text("y\nyes\nSEAL INC-1\nI HAVE IT\n" * 50)
    with pipe.open() as piped, nowhere() as closed:
        monkeypatch.setattr(sys, "stdin", None if request.param == "no stdin" else piped)
        if request.param == "closed stdout":
            monkeypatch.setattr(sys, "stdout", closed)
        yield request.param
        monkeypatch.undo()


@needs_ssh
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_a_terminal_asks_nothing(name: str, streams: str, capsys: Capsys, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2 with the flag, or 4 where a credential can only be typed; the ledger and irkit.toml are as they were."""
    command = COMMANDS[name]
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", sys.__stdout__)
        _prepared(command, monkeypatch)
    before = _state()
    ran = irkit(capsys, *words_of(command))
    assert ran.code == (4 if name == "doctor" else 2), (streams, ran)
    assert command.flag in ran.words or command.flag in " ".join(ran.out.split())
    assert _state() == before


def _state() -> tuple[list[bytes], bytes]:
    """The lines of the ledger, without what a session says of itself and what was refused on record; and irkit.toml."""
    folder, config = Path("evidence", NAME), Path("irkit.toml")
    lines: list[bytes] = []
    if folder.exists():
        with Ledger.open(folder, write=False) as ledger:
            lines = [entry.line for entry in ledger.entries()
                     if entry.kind not in QUIET and not (entry.kind == "note" and entry.data.get("refused"))]
    return lines, config.read_bytes() if config.exists() else b""
