"""Lines from a terminal in its cooked mode: the terminal edits the line, irkit gets it whole or not at all.

Rules: what was typed before `flush` is thrown away, half-typed lines too, so that nothing typed before a question or before
a piece of news can answer what is asked after it. A line that has another one right behind it is no answer: a person answers
one question with one line, and more than that is a paste gone wrong, a key held down, or `yes` on a pseudo-terminal. Python's
own buffered stdin is never read beside it.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from irkit.engine.gate import Said

QUIET = 0.3          # seconds without input after which a paste is taken to be over
BEHIND = 0.05        # seconds within which a second line came with the first: no person answers the next question so soon
MOST = 1 << 24       # bytes of a paste
_END = re.compile(rb"(?:\A|\n)\.\r?\n")


class Keyboard:
    """The terminal at file descriptor `fd`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._part = b""              # typed and ended with Ctrl-D instead of Enter

    def flush(self) -> None:
        """Forget everything typed so far. Raises EOFError when the terminal is gone."""
        try:
            termios.tcflush(self.fd, termios.TCIFLUSH)
        except termios.error as gone:
            raise EOFError from gone
        self._part = b""

    def waiting(self, wait: float = 0) -> bool:
        """Whether a line, or the end of the input, is there to be read, or comes within so many seconds."""
        return bool(select.select([self.fd], [], [], wait)[0])

    def more(self) -> bool:
        """Whether something follows right behind what was read."""
        return self.waiting(BEHIND)

    def quiet(self, longest: float) -> bool:
        """Forget what still comes. True once nothing has come for a moment, False if that takes more than so many seconds."""
        until = time.monotonic() + longest
        while time.monotonic() < until:
            self.flush()
            if not self.waiting(QUIET):
                return True
        return False

    def lines(self, wait: float, poll: Callable[[], Sequence[Said]]) -> tuple[bytes | None, Sequence[Said]]:
        """What is pasted up to a line that holds a single dot, or the news that came before anything was; None: too much.

        Call it within `uncut`. What comes after the dot belongs to the paste and is thrown away, and not read as the answer to
        what is asked next. Raises EOFError for Ctrl-D, and when the terminal is gone.
        """
        read, searched = bytearray(), 0
        while not (found := _END.search(read, searched)) and len(read) <= MOST:
            searched = max(len(read) - 3, 0)               # "\n.\r" may wait for its end
            ready = self.waiting(wait)
            news = poll()
            if news and not read and not ready:
                return b"", news
            if ready:
                read += self._some()
        while self.waiting(QUIET):
            self._some()
        return (bytes(read[:found.start()]) if found else None), ()

    @contextlib.contextmanager
    def uncut(self) -> Iterator[None]:
        """Within, lines are not cut after 4,095 bytes, as the terminal's own line editing would. Enter it before the question
        stands there: whoever sees that may paste at once. What was typed before is forgotten. Raises EOFError as `flush`.
        """
        with self._without(termios.ICANON):
            self.flush()
            yield

    def _some(self) -> bytes:
        try:
            some = os.read(self.fd, 65536)
        except OSError as gone:
            raise EOFError from gone
        if not some or b"\x04" in some:
            raise EOFError
        return some

    @contextlib.contextmanager
    def _without(self, flag: int) -> Iterator[None]:
        """Within, the terminal does not do what the flag stands for; see termios(3)."""
        before = termios.tcgetattr(self.fd)
        now = termios.tcgetattr(self.fd)
        now[3] &= ~flag
        termios.tcsetattr(self.fd, termios.TCSADRAIN, now)
        try:
            yield
        finally:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, before)

    def unseen(self) -> AbstractContextManager[None]:
        """Within, what is typed is not shown."""
        return self._without(termios.ECHO)

    def line(self, wait: float) -> bytes | None:
        """The next line without its end, or None when there is none within `wait` seconds.

        Raises EOFError for Ctrl-D on an empty line, and when the terminal is gone.
        """
        if not self.waiting(wait):
            return None
        try:
            read = os.read(self.fd, 65536)
        except OSError as gone:
            raise EOFError from gone
        if not read:
            raise EOFError
        self._part += read
        if not self._part.endswith(b"\n"):
            return None
        line, self._part = self._part[:-1], b""
        return line
