"""What happens at a question by itself: it is put to the real `Terminal`, on a pseudo-terminal or on none, once a column.

Nobody answers in any column. What comes is what a script, a pipe, a key held down or a hurried hand would leave there: also the
very answer that would pass, over and over or ahead of the question.
"""

from __future__ import annotations

import io
import os
import pty
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TextIO
from unittest.mock import patch

from irkit.engine.gate import Question, Said
from irkit.errors import NeedsTerminal, Paused, UsageError
from irkit.ui import keyboard, prompt
from irkit.ui.prompt import Terminal
from irkit.ui.talk import Talk

ASK, HIDDEN = Terminal.ask, Terminal.hidden          # as they are, whatever a test puts in their place meanwhile
TURNS = 3                   # polls after which a question that is still open is taken to stay so


class Screen(io.StringIO):
    """What a terminal shows, for an irkit that has nobody at it."""

    def isatty(self) -> bool:
        return True


class StillAsking(Exception):
    """Nothing was taken for an answer."""


@dataclass(frozen=True)
class Came:
    """What came of a question: `how` is answered, asking, paused, nobody or nothing (an editor that left nothing)."""

    how: str
    text: str = ""
    code: int = 0


def every(question: Question) -> dict[str, Came]:
    """What each column comes to. A hidden word is read by a library at the terminal itself: tests/ui/test_terminal.py."""
    return {name: column(question) for name, column in COLUMNS.items() if question.name != "hidden" or name in NOBODY}


# -- no terminal ---------------------------------------------------------------------------------------------------

def _piped(question: Question) -> Came:
    return _on_a_pipe(question, _passing(question).encode())


def _yes_piped(question: Question) -> Came:
    return _on_a_pipe(question, b"y\nyes\n" * 500)


def _on_a_pipe(question: Question, flood: bytes) -> Came:
    read, write = os.pipe()
    os.write(write, flood)
    os.close(write)
    with os.fdopen(read) as stdin:
        return _asked(question, stdin, Screen())


def _no_stdin(question: Question) -> Came:
    with patch.object(sys, "stdin", None):
        return _asked(question, None, Screen())


def _no_stderr(question: Question) -> Came:
    return _at_a_terminal(question, b"", [_passing(question).encode()], stderr=io.StringIO())


# -- a terminal ----------------------------------------------------------------------------------------------------

def _newline(question: Question) -> Came:
    return _at_a_terminal(question, b"", [b"\n"])


def _closed_stdout(question: Question) -> Came:
    with nowhere() as stdout, patch.object(sys, "stdout", stdout):
        return _newline(question)


def nowhere() -> TextIO:
    """Standard output as irkit holds it where its caller closed it: what is written to it fails."""
    return open(os.open(os.devnull, os.O_RDONLY), "w")


def _eof(question: Question) -> Came:
    return _at_a_terminal(question, b"", [b"\x04"])


def _flood(question: Question) -> Came:
    return _at_a_terminal(question, b"", [b"y\nyes\n" * 100] * TURNS)


def _passing_flood(question: Question) -> Came:
    return _at_a_terminal(question, b"", [_passing(question).encode() * 20] * TURNS)


def _type_ahead(question: Question) -> Came:
    return _at_a_terminal(question, b"y\n\n" + _passing(question).encode(), [])


COLUMNS: Mapping[str, Callable[[Question], Came]] = {
    "piped stdin": _piped, "yes | irkit": _yes_piped, "no stdin": _no_stdin, "stderr no terminal": _no_stderr,
    "closed stdout": _closed_stdout, "EOF": _eof, "newline": _newline, "yes-flood": _flood,
    "flood of what passes": _passing_flood, "type-ahead": _type_ahead,
}
NOBODY = ("piped stdin", "yes | irkit", "no stdin", "stderr no terminal")
ENTER = ("newline", "closed stdout")


def _passing(question: Question) -> str:
    """The line that would pass."""
    first = next(iter(question.letters or question.pick), "")
    return f"{question.phrase or first or question.default or 'y'}\n"


def _at_a_terminal(question: Question, ahead: bytes, typed: Sequence[bytes], stderr: TextIO | None = None) -> Came:
    """The question on a pseudo-terminal: `ahead` was typed before it, and each of `typed` comes once it stands there."""
    master, slave = pty.openpty()
    quiet = termios.tcgetattr(slave)
    quiet[3] &= ~termios.ECHO                      # nobody reads the other end
    termios.tcsetattr(slave, termios.TCSANOW, quiet)
    with ExitStack() as stack:
        stack.callback(os.close, master)
        stdin = stack.enter_context(os.fdopen(slave))
        os.write(master, ahead)
        left = [*typed, *([b""] * TURNS)]

        def poll() -> Sequence[Said]:
            if not left:
                raise StillAsking
            os.write(master, left.pop(0))
            return ()
        return _asked(question, stdin, stderr or Screen(), poll)


def _asked(question: Question, stdin: Any, stderr: TextIO, poll: Callable[[], Sequence[Said]] = tuple) -> Came:
    with ExitStack() as stack:
        for module, name in ((prompt, "EACH"), (keyboard, "QUIET"), (keyboard, "BEHIND")):
            stack.enter_context(patch.object(module, name, 0.001))
        stack.enter_context(patch.dict(os.environ, {"VISUAL": "false"}))          # an editor that ends at once, in an error
        terminal = Terminal(talk=Talk(stderr, plain=True), stdin=stdin)
        try:
            answer = HIDDEN(terminal, question.prompt) if question.name == "hidden" else ASK(terminal, question, poll)
            return Came("answered", answer)
        except StillAsking:
            return Came("asking")
        except Paused as paused:
            return Came("paused", code=paused.exit_code)
        except NeedsTerminal as nobody:
            return Came("nobody", nobody.next, nobody.exit_code)
        except UsageError as nothing:
            return Came("nothing", nothing.what, nothing.exit_code)

