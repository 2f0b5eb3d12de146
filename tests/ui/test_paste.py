"""A paste on a pseudo-terminal of this very process: what arrives, whenever it is typed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest

from irkit.engine.gate import Question
from irkit.ui.prompt import Terminal
from irkit.ui.talk import Talk

LONG = "x" * 6000              # a terminal that edits lines cuts them after 4,095 bytes
QUESTION = Question("paste", "Paste the answer, then a line with a single dot", multiline=True)


class Typist(io.StringIO):
    """A screen whose reader types the moment the question stands on it."""

    def __init__(self, keys: int, text: str) -> None:
        super().__init__()
        self.keys, self.text = keys, text

    def isatty(self) -> bool:
        return True

    def write(self, shown: str) -> int:
        if self.text and "single dot" in shown:
            os.write(self.keys, self.text.encode())
            self.text = ""
        return super().write(shown)


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """The person's end of a pseudo-terminal, and irkit's."""
    keys, end = os.openpty()
    with os.fdopen(end, "r") as stdin:
        yield keys, stdin
    os.close(keys)


def test_what_is_pasted_the_moment_the_question_stands_there_is_whole(terminal: tuple[int, io.TextIOWrapper]) -> None:
    """However slow the machine, a line is not cut between the question and the first look at the keyboard."""
    keys, stdin = terminal
    gate = Terminal(plain=True, talk=Talk(plain=True, stream=Typist(keys, f"{LONG}\n.\n")), stdin=stdin)
    assert gate.ask(QUESTION, list) == LONG


def test_what_was_typed_before_a_paste_is_no_part_of_it(terminal: tuple[int, io.TextIOWrapper]) -> None:
    """Half a line that stood there before the question is forgotten."""
    keys, stdin = terminal
    os.write(keys, b"half a line")
    gate = Terminal(plain=True, talk=Talk(plain=True, stream=Typist(keys, "answer\n.\n")), stdin=stdin)
    assert gate.ask(QUESTION, list) == "answer"
