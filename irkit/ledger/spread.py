"""The work of a verification, spread over the processors of a machine; its findings are as if one had done it.

This process reads all rows, and takes them in their order. In between, they are judged a chunk at a time
(`irkit.ledger.vouch`): those of a long ledger by forked helpers, all others here, as where there is no helper: in a drill, with
one processor, beside threads, away from Linux. What is vouched for is taken as read, stretches of it as one; everything else is
looked at here. A helper that ends before its work does vouches for nothing more, so nothing depends on its living.

A helper holds no file and writes nowhere but into its pipe; it ends with that pipe, and so with this process however that
ends. Few chunks are under way at a time, and none has more than `_BYTES` and one row.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, Never, Protocol, Self, cast

from irkit.errors import IrkitError
from irkit.ledger.database import Row
from irkit.ledger.finding import Finding
from irkit.ledger.source import Event, Source, Trouble
from irkit.ledger.vouch import Bare, Stretch, vouch

_ALONE = 2                     # chunks for which helpers do not pay
_HELPERS = 2                   # more would wait for this process, which reads all rows and takes them
_AHEAD = 3                     # chunks for a helper to have at once
_MOST = 8                      # chunks under way
_ROWS = 96                     # of a chunk, at most
_BYTES = 512 << 10
_OVERHEAD = 200                # bytes of a row beside its line and values
_PIPE = 1 << 20
_SIZE = 8                      # bytes that say how long a chunk is
_UNREAD: Bare = (-1, None, None, ("", ""))      # in place of a row that holds too much, or what it should not
_GARBAGE = 100_000             # objects made before the collector looks for garbage

Judged = tuple[bytes, list[Stretch]]


class Taker(Protocol):
    """Whoever takes what a source holds, in its order."""

    def take(self, event: Event | Finding, vouched: bool) -> None:
        """Take what comes next, and of a row whether it is vouched for."""

    def go_along(self, stretch: Stretch, rows: Sequence[Row]) -> bool:
        """Take the rows of a stretch as one. False when that was not done, and each is to be taken by itself."""


class _Ended(Exception):
    """Whoever takes has failed, for the reason in `args`: this is no failure of the source, and nothing more is handed on."""


def each(source: Source, taker: Taker) -> None:
    """Hand on all that a source holds and finds, in its order.

    Raises Trouble where the source does, after everything that came before; and whatever the taker raises.
    """
    with _Spread(taker) as spread:
        try:
            spread.all(source)
        except _Ended as ended:
            raise ended.args[0] from None


class _Chunk:
    """What comes in order, the rows among it that are judged, and those in parts where something else comes between them."""

    def __init__(self) -> None:
        self.events: list[Event | Finding] = []
        self.parts: list[list[Bare]] = []
        self.rows = self.weight = 0
        self._broken = True

    def add(self, event: Event | Finding) -> None:
        self.events.append(event)
        if type(event) is not Row:
            self._broken = True
            parts = event if isinstance(event, tuple) else ()
            self.weight += _OVERHEAD + sum([len(part) for part in parts if isinstance(part, str | bytes)])
            return
        if self._broken:
            self._broken = False
            self.parts.append([])
        seq, line, leaf, values, _ = event
        bare, weight = _UNREAD, _BYTES
        if type(values) is tuple and type(line) is bytes:
            weight = _OVERHEAD + len(line) + sum(map(len, values))
            if weight < _BYTES:
                bare = seq, line, leaf, values
        self.weight += weight
        self.rows += 1
        self.parts[-1].append(bare)


class _Spread:
    """Gathers chunks, has them judged, and hands them on in order."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._chunk = _Chunk()
        self._held: list[_Chunk] = []
        self._long = False
        self._waiting: deque[tuple[_Chunk, _Helper | Judged]] = deque()
        self._helpers: list[_Helper] = []
        self._hired: list[_Helper] = []
        self._collected = gc.get_threshold()

    def __enter__(self) -> Self:
        gc.set_threshold(_GARBAGE)         # rows live as long as their chunk: a collector that runs often looks at them again
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
        chunk = self._chunk
        chunk.add(event)
        if chunk.weight > _BYTES or len(chunk.events) >= _ROWS:
            self._held.append(chunk)
            self._chunk = _Chunk()
            if self._long or len(self._held) > _ALONE:
                self._hire()
                self._pass_on()

    def _end(self) -> None:
        """Hand on everything that was added."""
        self._held.append(self._chunk)
        self._chunk = _Chunk()
        self._pass_on()
        self._settle(0)

    def _pass_on(self) -> None:
        """Have what is held judged, each chunk by a helper that has not enough to do, or else here."""
        for chunk in self._held:
            self._waiting.append((chunk, self._sent(chunk) or vouch(chunk.parts)))
            self._settle(_MOST)
        self._held.clear()

    def _sent(self, chunk: _Chunk) -> _Helper | None:
        """The helper that judges a chunk."""
        while free := [helper for helper in self._helpers if helper.pending < _AHEAD]:
            helper = min(free, key=lambda helper: helper.pending)
            if helper.send(chunk.parts):
                return helper
            self._helpers.remove(helper)
        return None

    def _hire(self) -> None:
        """Once, when it shows that the ledger is long."""
        if self._long:
            return
        self._long = True
        with contextlib.suppress(OSError):
            if _may_fork():
                self._hired = _hired(_room())
                self._helpers = [*self._hired]

    def _settle(self, most: int) -> None:
        """Hand on what was judged, in order; wait for it only while more than so many chunks are under way."""
        while self._waiting:
            chunk, judged = self._waiting[0]
            if isinstance(judged, _Helper):
                if len(self._waiting) <= most and not judged.ready():
                    break
                judged = judged.receive(chunk.rows)
            self._waiting.popleft()
            self._hand_on(chunk, judged)

    def _hand_on(self, chunk: _Chunk, judged: Judged) -> None:
        try:
            self._take(chunk.events, *judged)
        except Exception as error:
            raise _Ended(error) from None

    def _take(self, events: list[Event | Finding], vouched: bytes, stretches: Sequence[Stretch]) -> None:
        taker, ahead = self._taker, iter(stretches)
        due = next(ahead, None)
        at = row = 0               # the next event, and which row it is if it is one
        while at < len(events):
            if due is not None and due.at == row and type(events[at]) is Row:
                rows = cast("list[Row]", events[at:at + due.rows])
                gone, due = taker.go_along(due, rows), next(ahead, None)
                if gone:
                    at, row = at + len(rows), row + len(rows)
                    continue
            event = events[at]
            at += 1
            if type(event) is Row:
                taker.take(event, vouched[row] == 1)
                row += 1
            else:
                taker.take(event, False)


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
        self.pending = 0           # chunks that it has
        self._poll = select.poll()
        self._poll.register(self._verdicts, select.POLLIN)

    def send(self, parts: list[list[Bare]]) -> bool:
        """Have a chunk judged. False when the helper has ended."""
        with contextlib.suppress(BrokenPipeError):
            _send(self._chunks, parts)
            self.pending += 1
            return True
        return False

    def ready(self) -> bool:
        """Whether it has judged a chunk, or ended."""
        return bool(self._poll.poll(0))

    def receive(self, rows: int) -> Judged:
        """What it says of the oldest chunk that was not asked about; of a helper that has ended, that it vouches for nothing.

        It is so short that writing it never waits for this.
        """
        self.pending -= 1
        with contextlib.suppress(EOFError):
            vouched, stretches = _receive(self._verdicts)
            return vouched, [Stretch(*one) for one in stretches]
        return bytes(rows), []

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


def _room() -> int:
    """How many helpers have something to do beside this process."""
    return min(_HELPERS, len(os.sched_getaffinity(0)) - 1)


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
        with contextlib.suppress(EOFError):
            while True:
                vouched, stretches = vouch(_receive(chunks))
                _send(verdicts, (vouched, [tuple(one) for one in stretches]))
    finally:
        os._exit(0)


def _send(pipe: int, what: Any) -> None:
    raw = marshal.dumps(what)
    left = memoryview(len(raw).to_bytes(_SIZE, "big") + raw)
    while left:
        left = left[os.write(pipe, left):]


def _receive(pipe: int) -> Any:
    """Raises EOFError when whoever sends has ended."""
    return marshal.loads(_read(pipe, int.from_bytes(_read(pipe, _SIZE), "big")))    # noqa: S302 - from a process forked here


def _read(pipe: int, size: int) -> bytes:
    """Exactly that many bytes. Raises EOFError where they end before."""
    parts: list[bytes] = []
    while size:
        if not (part := os.read(pipe, min(size, _PIPE))):
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _widen(pipe: int) -> None:
    """Have a pipe hold a chunk, so that this process need not wait for its reader."""
    import fcntl
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
