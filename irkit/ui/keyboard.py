"""Lines from a terminal in its cooked mode: the terminal edits the line, irkit gets it whole or not at all.

Rules: what was typed before `flush` is thrown away, half-typed lines too, so that nothing typed before a question or before
a piece of news can answer what is asked after it. Python's own buffered stdin is never read beside it.
"""

from __future__ import annotations

import os
import select
import termios


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
