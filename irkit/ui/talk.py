"""Writing to people: everything that is not data goes to stderr through one Talk.

On a terminal, progress and "asking …" are one line that is written over; in plain mode (`--plain`, TERM=dumb, or no
terminal) nothing is written over: progress is a line per 25, "asking …" a line per step and system.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TextIO

from irkit.engine.gate import Asking, Progress, Question, Said, StepBegins
from irkit.ui import colour
from irkit.ui.layout import WIDEST
from irkit.ui.screen import prefixed, prompt_lines, render
from irkit.ui.text import clip, safe

EVERY = 25          # items between two lines of progress in plain mode


class Talk:
    """One stream to a person. `prefix` begins every line, "DRILL " in a drill; `tz` is shown beside deadlines."""

    def __init__(self, stream: TextIO | None = None, *, plain: bool = False, prefix: str = "", tz: tzinfo | None = None,
                 env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        self.stream = sys.stderr if stream is None else stream
        self.prefix, self.tz = prefix, tz
        self.terminal = self.stream.isatty()
        self.plain = plain or not self.terminal or env.get("TERM") == "dumb"
        self._colour = colour.wanted(env, terminal=self.terminal, plain=self.plain)
        self._lock = threading.RLock()
        self._passing = False           # the cursor stands behind a line that is to be written over
        self._blank = False             # the last line was empty; a second empty one is left out
        self._asked = ""
        self._progress = 0

    @property
    def width(self) -> int:
        """Columns of the terminal as it is now; 80 where there is none."""
        return self._size().columns

    @property
    def height(self) -> int:
        return self._size().lines

    def _size(self) -> os.terminal_size:
        try:
            found = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            found = os.terminal_size((0, 0))
        return os.terminal_size((found.columns or WIDEST, found.lines or 24))

    def say(self, said: Said) -> None:
        with self._lock:
            lines = render(said, width=self.width, tz=self.tz, prefix=self.prefix)
            if isinstance(said, Asking):
                new = said.pages % EVERY == 0 if said.pages else lines[0] != self._asked
                self._pass("".join(lines), due=new)
                self._asked = self._asked if said.pages else lines[0]
            elif isinstance(said, Progress):
                self._pass(" ".join(lines), due=self._due(said), keep=said.final)
            else:
                if isinstance(said, StepBegins):
                    self._asked = ""
                self.lines(lines)

    def lines(self, lines: Sequence[str]) -> None:
        """Finished lines, as `render` returns them."""
        with self._lock:
            self._clear()
            blank = self.prefix.rstrip()
            if self._blank and lines and lines[0] == blank:
                lines = lines[1:]
            self._blank = lines[-1] == blank if lines else self._blank
            self._write("".join(f"{colour.paint(line) if self._colour else line}\n" for line in lines))

    def tell(self, *texts: str) -> None:
        """Own words, a line each, behind the prefix."""
        self.lines(prefixed(texts, self.prefix))

    def prompt(self, question: Question, typed: str | None = None) -> None:
        """The question; the cursor stays behind it, unless `typed` says what a script answered."""
        with self._lock:
            self._clear()
            self._blank = False
            asked = "\n".join(prompt_lines(question, width=self.width, prefix=self.prefix))
            self._write(asked if typed is None else f"{asked}{clip(safe(typed), WIDEST)}\n")

    def _due(self, said: Progress) -> bool:
        """Whether plain mode prints this one: the last, and each that passes a multiple of 25."""
        before, self._progress = self._progress, said.done
        return said.final or said.done // EVERY > (before // EVERY if before <= said.done else 0)

    def _pass(self, line: str, *, due: bool, keep: bool = False) -> None:
        """A line that the next one may write over."""
        if self.plain:
            if due:
                self._write(f"{line}\n")
            return
        self._write(f"\r{clip(line, self.width - 1)}\x1b[K" + ("\n" if keep else ""))
        self._passing = not keep

    def passing(self, line: str) -> None:
        """A line of one's own that the next one writes over; in plain mode none."""
        with self._lock:
            self._pass(line, due=False)

    def settle(self) -> None:
        """Leave a passing line standing."""
        with self._lock:
            if self._passing:
                self._write("\n")
                self._passing = False

    def _clear(self) -> None:
        if self._passing:
            self._write("\r\x1b[K")
            self._passing = False

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def local_zone(env: Mapping[str, str]) -> tzinfo | None:
    """The zone of TZ, or of /etc/localtime; None when it is UTC or has no name."""
    name = env.get("TZ", "").lstrip(":")
    if not name:
        name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    if name in ("", "UTC", "Etc/UTC"):
        return None
    from zoneinfo import ZoneInfo
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):      # ZoneInfoNotFoundError is a KeyError
        return None
