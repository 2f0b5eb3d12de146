"""A long text in the person's own editor: $VISUAL, else $EDITOR, else vi."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from irkit.errors import UsageError

Editing = Callable[[], AbstractContextManager[None]]
LARGEST = 1 << 20              # bytes of what the editor leaves


def edited(text: str, env: Mapping[str, str], editing: Editing = contextlib.nullcontext) -> str:
    """The text as the person leaves it. The file is theirs alone and gone afterwards.

    Raises UsageError when no editor starts, when it ends in an error, or leaves what is no text.
    """
    command = env.get("VISUAL") or env.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="irkit-") as folder:
        path = Path(folder, "handover.txt")
        path.write_text(text, encoding="utf-8")
        try:
            with editing(), _undisturbed():
                screen = None if sys.stdout.isatty() else 2        # data may be piped; the editor needs the terminal
                words = [*shlex.split(command), str(path)]
                code = subprocess.run(words, stdout=screen, check=False).returncode  # noqa: S603
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {command!r} does not start: {error}", next="set EDITOR, or use --no-edit") from None
        if code != 0:
            raise UsageError(f"the editor {command!r} ended with {code}, so nothing was taken from it",
                             next="set EDITOR, or use --no-edit")
        return _read(path)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise UsageError(f"the text has more than {LARGEST:,} bytes")
        return raw.decode()
    except FileNotFoundError:
        raise UsageError("the editor left no file behind, so nothing was taken from it") from None
    except UnicodeDecodeError:
        raise UsageError("what the editor left is not UTF-8 text") from None


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C belongs to the editor meanwhile. A handler, for an ignored signal would be ignored in the editor too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
