"""The work of a verification, spread over the processors of a machine; its findings are as if one had done it.

This process reads all rows, and takes them in their order. In between, those of a long ledger are judged a chunk at a time by
forked helpers (`irkit.ledger.vouch`). What a helper vouches for is taken as read; everything else is judged here, as all rows
are where there is no helper: in a short ledger, in a drill, with one processor, beside threads, away from Linux. A helper
that ends before its work does vouches for nothing more, so nothing depends on its living.

A helper holds no file and writes nowhere but into its pipe; it ends with that pipe, and so with this process however that
ends. Few chunks are under way at a time, and none has more than `_BYTES` and one row.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from typing import Never, Self

from irkit.errors import IrkitError
from irkit.ledger.database import Row
from irkit.ledger.finding import Finding
from irkit.ledger.source import Event, Source, Trouble
from irkit.ledger.vouch import Bare, vouch

_ALONE = 500                   # rows before helpers pay
_HELPERS = 2                   # reading and taking keep this process as busy as judging keeps two
_AHEAD = 2                     # chunks under way for each helper
_ROWS = 256                    # of a chunk, at most
_BYTES = 512 << 10
_OVERHEAD = 200                # bytes of a row beside its line and values
_PIPE = 1 << 20
_SIZE = 8                      # bytes that say how long a chunk is
_GARBAGE = 100_000             # objects made before the collector looks for garbage
_UNREAD: Bare = (None, None, [])

Take = Callable[[Event | Finding, bool], None]


class _Ended(Exception):
    """Whoever takes has failed, for the reason in `args`: this is no failure of the source, and nothing more is handed on."""


def each(source: Source, take: Take) -> None:
    """Hand on all that a source holds and finds, in its order, and of each row whether a helper vouches for it.

    Raises Trouble where the source does, after everything that came before; and whatever `take` raises.
    """
    with _Spread(take) as spread:
        try:
            spread.all(source)
        except _Ended as ended:
            raise ended.args[0] from None


class _Spread:
    """Gathers chunks, has them judged, and hands them on in order."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._chunk: list[Event | Finding] = []
        self._rows: list[Bare] = []
        self._weight = self._seen = 0
        self._waiting: deque[tuple[list[Event | Finding], int, _Helper]] = deque()
        self._helpers: list[_Helper] = []
        self._hired: list[_Helper] = []
        self._collected = gc.get_threshold()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._collected)
        for helper in self._hired:
            helper.dismiss()

    def all(self, source: Source) -> None:
        try:
            for event in source.events(self._add):
                self._add(event)
        except Trouble:
            self._end()
            raise
        self._end()

    def _add(self, event: Event | Finding) -> None:
        if not self._helpers:
            self._alone(event)
            return
        self._chunk.append(event)
        weight = _weight(event)
        self._weight += weight
        if type(event) is Row:
            self._rows.append((event.line, event.leaf, event.disclosures) if weight < _BYTES else _UNREAD)
        if self._weight > _BYTES or len(self._chunk) >= _ROWS:
            self._pass_on()

    def _end(self) -> None:
        """Hand on everything that was added."""
        self._pass_on()
        self._settle(0)

    def _alone(self, event: Event | Finding) -> None:
        self._hand_on([event], b"\0")
        if type(event) is Row:
            self._seen += 1
            if self._seen == _ALONE:
                self._hire()

    def _hire(self) -> None:
        """From here on, rows live as long as their chunk: a collector that runs often would look at the same ones again."""
        with contextlib.suppress(OSError):
            if _may_fork():
                gc.set_threshold(_GARBAGE)
                self._hired = _hired(_HELPERS)
                self._helpers = [*self._hired]

    def _pass_on(self) -> None:
        chunk, rows = self._chunk, self._rows
        self._chunk, self._rows, self._weight = [], [], 0
        while self._helpers:
            helper = self._helpers.pop(0)
            if helper.send(rows):
                self._helpers.append(helper)
                break
        else:
            self._settle(0)
            self._hand_on(chunk, bytes(len(rows)))
            return
        self._waiting.append((chunk, len(rows), helper))
        self._settle(_AHEAD * len(self._helpers))

    def _settle(self, most: int) -> None:
        """Hand on the chunks that were judged, until so many are under way."""
        while len(self._waiting) > most:
            chunk, rows, helper = self._waiting.popleft()
            self._hand_on(chunk, helper.receive(rows))

    def _hand_on(self, chunk: list[Event | Finding], vouched: bytes) -> None:
        verdicts, take = iter(vouched), self._take
        try:
            for event in chunk:
                take(event, next(verdicts) == 1 if type(event) is Row else False)
        except Exception as error:
            raise _Ended(error) from None


class _Helper:
    """A forked process that judges chunks, in the order in which it gets them, until its pipe is closed."""

    def __init__(self, others: list[_Helper]) -> None:
        """Raises OSError, or what an audit hook raises, where this process may not fork. Signals must be held back."""
        pipes: list[int] = []
        try:
            pipes += os.pipe()
            pipes += os.pipe()
            theirs, self._chunks, self._verdicts, answers = pipes
            self._pid = os.fork()
        except BaseException:
            for pipe in pipes:
                os.close(pipe)
            raise
        if self._pid == 0:
            _be_helper(theirs, answers, [self, *others])
        os.close(theirs)
        os.close(answers)
        _widen(self._chunks)

    def send(self, rows: list[Bare]) -> bool:
        """Have a chunk judged. False when the helper has ended."""
        raw = marshal.dumps(rows)
        with contextlib.suppress(BrokenPipeError):
            _write(self._chunks, len(raw).to_bytes(_SIZE, "big") + raw)
            return True
        return False

    def receive(self, rows: int) -> bytes:
        """The verdicts on the oldest chunk that was not asked about; of a helper that has ended, that it vouches for nothing.

        They are so few that writing them never waits for this.
        """
        with contextlib.suppress(EOFError):
            return _read(self._verdicts, rows)
        return bytes(rows)

    def dismiss(self) -> None:
        """Whatever it does now is of no use, and if it was stopped it must not be waited for."""
        self.close()
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def close(self) -> None:
        os.close(self._chunks)
        os.close(self._verdicts)


def _hired(count: int) -> list[_Helper]:
    """That many helpers, or as many as this process may have."""
    helpers: list[_Helper] = []
    with contextlib.suppress(OSError, IrkitError):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:                       # no signal ends a fork half-way, or has the child go on with its parent's work
            for _ in range(count):
                helpers.append(_Helper(helpers))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return helpers


def _may_fork() -> bool:
    """Where that is safe, and pays: no thread of whatever library is left behind, and nobody else reaps the children."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1 and len(os.listdir("/proc/self/task")) == 1 \
        and signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


def _be_helper(chunks: int, verdicts: int, parents: list[_Helper]) -> Never:
    """The rest of the child's life. Ctrl-C is for the process it works for, with which it ends."""
    try:
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for parent in parents:
            parent.close()
        while size := _read(chunks, _SIZE, or_nothing=True):
            rows = marshal.loads(_read(chunks, int.from_bytes(size, "big")))     # noqa: S302 - from the process it forked from
            _write(verdicts, vouch(rows))
    finally:
        os._exit(0)


def _write(pipe: int, raw: bytes) -> None:
    left = memoryview(raw)
    while left:
        left = left[os.write(pipe, left):]


def _read(pipe: int, size: int, *, or_nothing: bool = False) -> bytes:
    """Exactly that many bytes. Raises EOFError where they end before, unless they end before the first and `or_nothing`."""
    parts: list[bytes] = []
    while size:
        if not (part := os.read(pipe, min(size, _PIPE))):
            if or_nothing and not parts:
                break
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _widen(pipe: int) -> None:
    """Have a pipe hold a chunk, so that this process need not wait for its reader."""
    import fcntl
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _weight(event: Event | Finding) -> int:
    """Its bytes, roughly; of a row that holds what it should not, a whole chunk's."""
    if type(event) is Row:
        try:
            return _OVERHEAD + len(event.line) + sum([len(body) for _, _, body in event.disclosures])
        except TypeError:
            return _BYTES
    parts = event if isinstance(event, tuple) else ()
    return _OVERHEAD + sum([len(part) for part in parts if isinstance(part, str | bytes)])
