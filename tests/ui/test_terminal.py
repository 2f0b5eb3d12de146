"""The prompt on a real pseudo-terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pyte
import pytest

ROOT = Path(__file__).parent.parent.parent
PLAIN_ENV = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "TERM", "TZ")}
GATE = r"Send it\? y yes, s skip, \? more: "
PHRASE = "Type END 212 SESSIONS, or s skip: "


@dataclass
class Person:
    """Somebody at a terminal in front of the driver."""

    child: pexpect.spawn
    fifo: int
    log: list[str]

    def sees(self, pattern: str) -> None:
        self.child.expect(pattern)
        self.log.append(self.child.before + self.child.after)

    def types(self, text: str | bytes) -> None:
        self.child.send(text)

    def news(self, text: str) -> None:
        os.write(self.fifo, f"{text}\n".encode())

    def answered(self, answer: str) -> None:
        self.child.expect_exact(f"ANSWER [{answer}]")

    def paused(self) -> None:
        self.sees("PAUSED .*")
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus == 3

    def screen(self) -> list[str]:
        """What a terminal would show of everything seen so far."""
        screen = pyte.Screen(80, 24)
        pyte.Stream(screen).feed("".join(self.log))
        return [line.rstrip() for line in screen.display]


class Start:
    """Starts drivers, and ends them after the test."""

    def __init__(self, folder: Path) -> None:
        self.fifo = folder / "news"
        os.mkfifo(self.fifo)
        self.people: list[Person] = []

    def __call__(self, *words: str, columns: int = 80, env: Mapping[str, str] | None = None) -> Person:
        return self.shell(
            sys.executable, "-m", "tests.ui.driver", words[0], str(self.fifo), *words[1:], columns=columns, env=env
        )

    def shell(self, *command: str, columns: int = 80, env: Mapping[str, str] | None = None) -> Person:
        fifo = os.open(self.fifo, os.O_RDWR)
        child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(ROOT),
            timeout=20,
            dimensions=(24, columns),
            encoding="utf-8",
            codec_errors="replace",
            env={**PLAIN_ENV, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **(env or {})},
        )
        child.delaybeforesend = None
        self.people.append(Person(child, fifo, []))
        return self.people[-1]

    def close(self) -> None:
        for person in self.people:
            person.child.close(force=True)
            os.close(person.fifo)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    starting = Start(tmp_path)
    yield starting
    starting.close()


def test_what_was_typed_ahead_does_not_answer(start: Start) -> None:
    """ "y" and Enter before the gate stands on the screen send nothing."""
    person = start("gate", "wait")
    person.sees("ready")
    person.types("y\n")
    person.sees("y\r\n")
    person.news("go")
    person.sees(GATE)
    person.types("s\n")
    person.answered("s")


def test_an_empty_line_asks_again(start: Start) -> None:
    """There is no default, and the second question says what is accepted."""
    person = start("gate")
    person.sees(GATE)
    person.types("\n")
    person.sees(r"Accepted here: y, s, a, g N, r, l, \?\.")
    person.sees(GATE)
    person.types("Y\n")
    person.sees(GATE)
    person.types("y\n")
    person.answered("y")


@pytest.mark.parametrize("end", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_leaving_a_gate_pauses(start: Start, end: str) -> None:
    """Ctrl-C and the end of input choose nothing: the run pauses with exit code 3."""
    person = start("gate")
    person.sees(GATE)
    person.types(end)
    person.paused()


def test_half_a_phrase_before_news_and_half_after_is_no_phrase(start: Start) -> None:
    """News throws away "END 21", so that "2 SESSIONS" cannot complete it."""
    person = start("phrase")
    person.sees(PHRASE)
    person.types("END 21")
    person.sees("END 21")
    person.news("Note from sam: stop")
    person.sees("Note from sam: stop")
    person.sees(PHRASE)
    person.types("2 SESSIONS\n")
    person.sees(r"Accepted here: END 212 SESSIONS \(exactly so\), or s\.")
    person.sees(PHRASE)
    person.types("END 212 SESSIONS\n")
    person.answered("END 212 SESSIONS")


def test_half_a_phrase_ended_with_ctrl_d_is_thrown_away_by_news(start: Start) -> None:
    """Ctrl-D hands over half a line; it is kept for the rest of the line, and forgotten when news arrives."""
    person = start("phrase")
    person.sees(PHRASE)
    person.types("END 21\x04")
    person.sees("END 21")
    person.news("Note from sam: stop")
    person.sees("stop")
    person.sees(PHRASE)
    person.types("2 SESSIONS\n")
    person.sees("Accepted here")
    person.sees(PHRASE)
    person.types("END 212\x04 SESSIONS\n")
    person.answered("END 212 SESSIONS")


def test_a_flood_of_yes_never_passes_a_phrase(start: Start) -> None:
    """However often "y" is answered, only the phrase sends."""
    person = start("phrase")
    person.sees(PHRASE)
    person.types("y\n" * 100)
    person.news("Note from sam: hello")
    person.sees("hello")
    person.sees(PHRASE)
    person.types("END 212 SESSIONS\n")
    person.answered("END 212 SESSIONS")


def test_resizing_the_window_changes_nothing(start: Start) -> None:
    """SIGWINCH in the middle of a line neither answers nor ends the question; the next one is laid out for the new width."""
    person = start("gate")
    person.sees(GATE)
    person.types("s")
    person.sees("s")
    person.child.setwinsize(20, 30)
    person.types("x\n")
    person.sees(r"Accepted here: y, s, a, g N,\r\n +r, l, \?\.")
    person.sees(r": ")
    person.types("s\n")
    person.answered("s")


@pytest.mark.parametrize(
    ("before", "after", "missing"), [("yes |", "", "input"), ("", "2>&1 | cat", "error")], ids=["stdin", "stderr"]
)
def test_a_pipe_never_answers(start: Start, before: str, after: str, missing: str) -> None:
    """With stdin or stderr not a terminal nothing is asked, and the message names the flag that helps."""
    person = start.shell("sh", "-c", f"{before} {sys.executable} -m tests.ui.driver gate {start.fifo} {after}")
    person.sees(f"needs a terminal, and standard {missing} is not one give the answers in a file: --answers FILE")
    person.child.expect(pexpect.EOF)
    assert "ANSWER" not in person.child.before


def test_bytes_that_are_no_text_ask_again(start: Start) -> None:
    """Invalid UTF-8 and escape sequences (an arrow key) are no answer."""
    person = start("text")
    person.sees("How: ")
    os.write(person.child.child_fd, b"\xc3(\n")
    person.sees("cannot be read as text")
    person.sees("How: ")
    person.types("\x1b[A\n")
    person.sees("cannot be read as text")


def test_free_text_is_composed(start: Start) -> None:
    """What people type is kept in Unicode NFC."""
    person = start("text")
    person.sees("How: ")
    person.types("Rene\u0301\n")
    person.answered("Ren\u00e9")


def test_a_value_that_cannot_be_parsed_asks_again(start: Start) -> None:
    """The parser's sentence is printed; an empty answer is asked for once more."""
    person = start("number")
    person.sees("count: ")
    person.types("many\n")
    person.sees("invalid literal")
    person.sees("count: ")              # what is typed before it is thrown away
    person.types("\n")
    person.sees("needed")
    person.sees("count: ")
    person.types("2\n")
    person.answered("2")


def test_a_default_of_free_text_stands_in_brackets(start: Start) -> None:
    """Only free text has defaults, and Enter takes one."""
    person = start("default")
    person.sees(r"When \[now\]: ")
    person.types("\n")
    person.answered("now")


def test_more_letters_and_those_that_only_show(start: Start) -> None:
    """`?` lists them; `l` shows its lines a screenful at a time; neither answers. "g 12" does."""
    person = start("gate")
    person.sees(GATE)
    person.types("?\n")
    person.sees(r"a    attach a file\r\n +g N  go to step N\r\n +r    the full request")
    person.sees(GATE)
    person.types("l\n")
    person.sees("person 21\r\n18 more lines. Enter goes on, q stops: ")
    person.types("\n")
    person.sees("person 39")
    person.sees(GATE)
    person.types("g\n")
    person.sees("Accepted here")
    person.sees(GATE)
    person.types("g 12\n")
    person.answered("g 12")


def test_progress_is_one_line_written_over(start: Start) -> None:
    """On a terminal the last progress stands alone, and "asking" is gone when the question comes."""
    person = start("progress")
    person.sees(GATE)
    shown = [line for line in person.screen() if line]
    assert shown[-3:] == ["ready", "60 of 60", "Send it? y yes, s skip, ? more:"]


@pytest.mark.parametrize(("words", "env"), [(["plain"], {}), ([], {"TERM": "dumb"})], ids=["--plain", "TERM=dumb"])
def test_plain_mode_moves_no_cursor(start: Start, words: list[str], env: dict[str, str]) -> None:
    """Nothing is written over and no escape is sent: progress is a line per 25."""
    person = start("progress", *words, env=env)
    person.sees(GATE)
    text = "".join(person.log)
    assert "\x1b" not in text
    assert "26 of 60, 00:34 left\r\n60 of 60\r\nasking Zendesk…\r\n" in text


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb", "FORCE_COLOR": "1"}, True)]
)
def test_colour_is_an_addition(start: Start, env: dict[str, str], coloured: bool) -> None:
    """NO_COLOR and FORCE_COLOR are honoured; the word is there either way."""
    person = start("gate", env=env)
    person.sees("FAILED")
    assert ("\x1b[1;31m" in "".join(person.log)) is coloured


def test_drill_stands_before_the_prompt_too(start: Start) -> None:
    """Every line of a drill begins with DRILL."""
    person = start("gate", "drill")
    person.sees(GATE)
    assert [line for line in person.screen() if line and not line.startswith("DRILL")] == ["ready"]


# -- questionary -------------------------------------------------------------------------------------------------


def test_a_path_is_completed_and_news_interrupts_it(start: Start, tmp_path: Path) -> None:
    """News throws away what was typed of a path; Tab completes the next one."""
    (tmp_path / "call-note.txt").touch()
    person = start("path", columns=200)
    person.sees("Evidence")
    person.types("/nowhere")
    person.sees("/nowhere")
    person.news("Note from sam: wait")
    person.sees("Note from sam: wait")
    person.sees("Evidence")
    person.types(f"{tmp_path}/call\t")
    person.sees("-note.txt")
    person.types("\r")
    person.answered(f"{tmp_path}/call-note.txt")


def test_a_text_in_place_of_a_path_keeps_its_slashes(start: Start) -> None:
    """Evidence may be a text that begins with text: and holds an address."""
    person = start("path")
    person.sees("Evidence")
    person.types("text: seen at https://example.org/\r")
    person.answered("text: seen at https://example.org/")


def test_a_long_list_is_picked_from_and_enter_alone_picks_nothing(start: Start) -> None:
    """The first entry of a list is none of the choices."""
    person = start("choice")
    person.sees("nothing chosen yet")
    person.sees("c8  choice 8")
    person.types("\r")
    person.sees("Accepted here")
    person.sees("c8  choice 8")
    person.types("\x1b[B\x1b[B\r")
    person.answered("c1")


def test_keys_typed_ahead_of_a_list_pick_nothing(start: Start) -> None:
    """Arrow and Enter before the list is shown are thrown away."""
    person = start("choice", "wait")
    person.sees("ready")
    person.types("\x1b[B\r")
    person.sees("\r\n")
    person.news("go")
    person.sees("c8  choice 8")
    person.types("\x1b[B\x1b[B\x1b[B\r")
    person.answered("c2")


@pytest.mark.parametrize("words", [(), ("plain",)], ids=["questionary", "plain"])
def test_a_secret_is_not_shown(start: Start, words: tuple[str, ...]) -> None:
    """Hidden input reaches the caller and not the screen."""
    person = start("hidden", *words)
    person.sees("Token.*")
    person.types("s3cret\r")
    person.sees("ANSWER")
    assert "s3cret" not in "".join(person.log)


@pytest.mark.parametrize("words", [(), ("plain",)], ids=["questionary", "plain"])
def test_no_secret_is_taken_that_nobody_typed(start: Start, words: tuple[str, ...]) -> None:
    """Not what was typed ahead, not an empty line, not the first of many; the end of the input gives none at all."""
    person = start("hidden", "wait", *words)
    person.sees("ready")
    person.types("y\n")
    person.sees("\r\n")
    person.news("go")
    person.sees("Token")
    person.types("\r")
    person.sees("A secret is needed here")
    person.sees("Token")
    person.types("y\n" * 50)
    person.sees("More than one line came at once")
    person.sees("Token")
    person.types("\x03")
    person.paused()
    assert "ANSWER" not in "".join(person.log)


@pytest.mark.parametrize("kind", ["gate", "phrase", "choice", "path", "number"])
def test_more_lines_than_one_are_no_answer(start: Start, kind: str) -> None:
    """`yes` on a pseudo-terminal, a key held down, a paste gone wrong: none of it is taken; the question is asked again."""
    person = start(kind)
    person.sees("ready")
    asked = {"gate": GATE, "phrase": PHRASE, "choice": "c8", "path": "Evidence", "number": "count: "}[kind]
    person.sees(asked)
    right = {"gate": "y", "phrase": "END 212 SESSIONS", "choice": "\x1b[B\x1b[B\r", "path": "text: seen", "number": "7"}[kind]
    person.types(f"{right}\n" * 30)
    person.sees("More than one line came at once")
    person.sees(asked)
    person.types("\x03")
    person.paused()
    assert "ANSWER" not in "".join(person.log)


def test_ctrl_c_in_a_picker_pauses(start: Start) -> None:
    """questionary's own prompts pause too."""
    person = start("path")
    person.sees("Evidence")
    person.types("\x03")
    person.paused()
