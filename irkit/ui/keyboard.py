"""Lines from a terminal in its cooked mode: the terminal edits the line, irkit gets it whole or not at all.

Rules: what was typed before `flush` is thrown away, half-typed lines too, so that nothing typed before a question or before
a piece of news can answer what is asked after it. Python's own buffered stdin is never read beside it.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
from collections.abc import Callable, Iterator, Sequence

from irkit.engine.gate import Said

QUIET = 0.3          # seconds without input after which a paste is taken to be over
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

    def lines(self, wait: float, poll: Callable[[], Sequence[Said]]) -> tuple[bytes, Sequence[Said]]:
        """What is pasted up to a line that holds a single dot, or the news that came before anything was.

        The terminal's own line editing is off meanwhile: it would cut a line after 4,095 bytes. What comes after the dot
        belongs to the paste and is thrown away, and not read as the answer to what is asked next. Raises EOFError for Ctrl-D,
        and when the terminal is gone.
        """
        with self._unedited():
            read = b""
            while not (found := _END.search(read)):
                ready, _, _ = select.select([self.fd], [], [], wait)
                news = poll()
                if news and not read and not ready:
                    return b"", news
                if ready:
                    read += self._some()
            while select.select([self.fd], [], [], QUIET)[0]:
                self._some()
        return read[:found.start()], ()

    def _some(self) -> bytes:
        try:
            some = os.read(self.fd, 65536)
        except OSError as gone:
            raise EOFError from gone
        if not some or b"\x04" in some:
            raise EOFError
        return some

    @contextlib.contextmanager
    def _unedited(self) -> Iterator[None]:
        before = termios.tcgetattr(self.fd)
        now = termios.tcgetattr(self.fd)
        now[3] &= ~termios.ICANON
        termios.tcsetattr(self.fd, termios.TCSADRAIN, now)
        try:
            yield
        finally:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, before)

    def line(self, wait: float) -> bytes | None:
        """The next line without its end, or None when there is none within `wait` seconds.

        Raises EOFError for Ctrl-D on an empty line, and when the terminal is gone.
        """
        readable, _, _ = select.select([self.fd], [], [], wait)
        if not readable:
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
