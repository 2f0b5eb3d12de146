"""The terminal as a gate: asks a person, one question at a time.

Rules (they exist because other prompts broke each of them):
- a gate takes one of its letters and Enter, or its phrase letter by letter; there is no default, and an empty line asks again;
- stdin and stderr must be terminals: a pipe never answers;
- what was typed before the question stood on the screen does not count, and neither does an answer with more right behind it;
- once a second the world is polled; news throws away what was typed, is printed, and the question is asked again;
- Ctrl-C and Ctrl-D pause the run, they never choose.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from irkit.engine.gate import Question, Said
from irkit.errors import NeedsTerminal, Paused
from irkit.ui.accept import has_more, options, readable, refusal
from irkit.ui.keyboard import Keyboard
from irkit.ui.layout import GUTTER, Page
from irkit.ui.talk import Talk, local_zone
from irkit.ui.text import safe

Poll = Callable[[], Sequence[Said]]

EACH = 1.0                       # seconds between two polls
MANY = 7                         # choices up to which a line prompt is easier than a list to move in
ONE_LINE = "More than one line came at once, and none of it was taken. Type one answer and Enter."
KEYS_COME = "Keys are still coming in. The question follows once they stop."
TOO_MUCH = "That is too long to be pasted. Name a file: paste:FILE."
WORDS = {"r": "the full request", "l": "the affected list", "c": "copy as curl (no credential)"}


class Terminal:
    """`irkit.engine.gate.Gate` on a terminal. `prefix` begins every line, "DRILL " in a drill."""

    def __init__(self, *, plain: bool = False, prefix: str = "", talk: Talk | None = None, stdin: TextIO | None = None,
                 editing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext) -> None:
        """`editing` is entered around the editor: a drill's seal lets that alone through."""
        self._editing = editing
        self.talk = Talk(plain=plain, prefix=prefix, tz=local_zone(os.environ)) if talk is None else talk
        self._stdin = sys.stdin if stdin is None else stdin

    def say(self, said: Said) -> None:
        self.talk.say(said)

    def require(self, why: str = "a question") -> None:
        """Raises NeedsTerminal when there is nobody to ask."""
        streams = {"standard input": self._stdin, "standard error": self.talk.stream}
        silent = [name for name, stream in streams.items() if not _tty(stream)]
        if silent:
            here = f"{' and '.join(silent)} {'is' if len(silent) == 1 else 'are'} not one"
            raise NeedsTerminal(f"{why} needs a terminal, and {here}",
                                next="give the answers in a file: --answers FILE")

    def ask(self, question: Question, poll: Poll) -> str:
        self.require(f"the question “{safe(question.prompt) or question.name}”")
        if question.edit:
            from irkit.ui.edit import edited
            return edited(question.default, os.environ, self._editing)
        try:
            with _interruptible():
                return self._ask(question, poll)
        except KeyboardInterrupt:
            self.talk.tell("")
            raise Paused("stopped at a question; nothing was sent for it") from None
        except EOFError:
            self.talk.tell("")
            raise Paused("the terminal's input ended; nothing was sent for this question") from None

    def hidden(self, prompt: str) -> str:
        """A secret, not shown while it is typed. Raises Paused, NeedsTerminal."""
        self.require(f"“{safe(prompt)}”")
        keyboard = Keyboard(self._stdin.fileno())
        try:
            with _interruptible():
                while True:
                    self._settle(keyboard, list)
                    secret, ahead = self._secret(safe(prompt), keyboard)
                    if secret.strip() and not ahead and not keyboard.more():
                        return secret
                    self.talk.tell(*self._page().hanging(ONE_LINE if secret.strip() else "A secret is needed here."))
        except (KeyboardInterrupt, EOFError):
            raise Paused("no secret was given") from None

    def _secret(self, prompt: str, keyboard: Keyboard) -> tuple[str, bool]:
        """What was typed, and whether more was typed behind it."""
        if not self.talk.plain:
            from irkit.ui import pick
            return pick.hidden(prompt)
        with keyboard.unseen():
            self.talk.prompt(Question("hidden", prompt))
            while (line := keyboard.line(EACH)) is None:
                pass
        self.talk.tell("")
        return line.decode("utf-8", "surrogateescape"), False

    # -- one question ------------------------------------------------------------------------------------------------

    def _ask(self, question: Question, poll: Poll) -> str:
        keyboard = Keyboard(self._stdin.fileno())
        while True:
            news = self._settle(keyboard, poll)
            typed, news = (b"", news) if news else self._typed(question, poll, keyboard)
            if news:
                self.talk.tell("")
                for said in news:
                    self.talk.say(said)
                continue
            answer = self._accept(question, typed, keyboard)
            if answer is not None:
                return answer

    def _settle(self, keyboard: Keyboard, poll: Poll) -> Sequence[Said]:
        """Throw away what was typed before the question. Whoever still types is waited for, and news comes in between."""
        ahead, told = keyboard.waiting(), False
        keyboard.flush()
        while ahead and not keyboard.quiet(EACH):
            if not told:
                self.talk.tell(*self._page().hanging(KEYS_COME))
            told = True
            if news := poll():
                return news
        return ()

    def _typed(self, question: Question, poll: Poll, keyboard: Keyboard) -> tuple[bytes | None, Sequence[Said]]:
        """A line, or the news that came before it was complete. None: more was typed than one answer."""
        if question.multiline:
            with keyboard.uncut():
                self.talk.prompt(question)
                self.talk.tell("")
                return keyboard.lines(EACH, poll)
        if not self.talk.plain and (question.path or question.pick or _long(question)):
            from irkit.ui import pick
            picked, news, ahead = pick.asked(question, poll, each=EACH, prefix=self.talk.prefix)
            return (None if not news and (ahead or keyboard.more()) else picked), news
        self.talk.prompt(question)
        while True:
            line = keyboard.line(EACH)
            news = poll()
            if news or line is not None:
                return (None if not news and keyboard.more() else line), news

    def _accept(self, question: Question, typed: bytes | None, keyboard: Keyboard) -> str | None:
        """The answer, or None after saying why the question is asked again."""
        text = None if typed is None else typed.decode("utf-8", "surrogateescape") if question.multiline else readable(typed)
        if typed is None:
            complaint = TOO_MUCH if question.multiline else ONE_LINE
        elif text is None:
            complaint = "That cannot be read as text (UTF-8, no control characters)."
        elif self._answers_itself(question, text, keyboard):
            return None
        else:
            complaint = refusal(question, text)
        if text is None or complaint:
            self.talk.tell(*self._page().hanging(complaint))
            return None
        return text or question.default

    def _page(self) -> Page:
        return Page.of(self.talk.width, None, self.talk.prefix)

    def _answers_itself(self, question: Question, text: str, keyboard: Keyboard) -> bool:
        """`?` and the letters that only show something."""
        if text == "?" and has_more(question):
            behind = {key: word for key, word in options(question).items() if key in question.more_words}
            shows = {key: question.more_words.get(key) or WORDS.get(key, "") for key in question.more}
            self.talk.tell(*self._page().listed(list({**behind, **shows}.items()), gutter=GUTTER))
        elif text in question.more:
            self._show([safe(line) for line in question.more[text]], keyboard)    # unwrapped, so that it can be copied
        else:
            return False
        return True

    def _show(self, lines: Sequence[str], keyboard: Keyboard) -> None:
        """Lines a screenful at a time."""
        full = max(self.talk.height - 2, 5)
        for start in range(0, len(lines), full):
            self.talk.tell(*lines[start:start + full])
            left = len(lines) - start - full
            if left > 0:
                self.talk.prompt(Question("page", f"{left} more lines. Enter goes on, q stops"))
                keyboard.flush()
                while (line := keyboard.line(EACH)) is None:
                    pass
                if line.strip() == b"q":
                    return


def _long(question: Question) -> bool:
    return question.name == "choice" and len(question.letters) > MANY


def _tty(stream: TextIO | None) -> bool:
    """Whether there is a person behind it. None is what Python makes of a stream that was closed when it began."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:            # closed
        return False


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Within, Ctrl-C raises KeyboardInterrupt, whatever handler a send has left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
