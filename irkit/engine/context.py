"""What every part of the engine needs at hand: the ledger, the mode, the clock, the person, and the interrupt flag."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from irkit.action import Outgoing
from irkit.engine.gate import Gate, News, Said
from irkit.engine.modes import Clock, Mode, Perform
from irkit.errors import Paused
from irkit.ledger import Entry, Ledger
from irkit.ledger.sshsig import Signer

STOPPING = "Stopping after the calls in flight. Ctrl-C again to let go of them (outcome unknown)."


@dataclass
class Interrupts:
    """Ctrl-C while requests are under way: the first lets the calls in flight end, the second lets go of them."""

    asked: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def held(self, gate: Gate) -> Iterator[None]:
        """Within, a first SIGINT sets `asked`, a second raises KeyboardInterrupt. Prompts keep their own Ctrl-C."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            if self.asked.is_set():
                raise KeyboardInterrupt
            self.asked.set()
            try:
                gate.say(News([STOPPING]))
            except RuntimeError:                       # the signal came in the middle of a line that is being written
                os.write(2, f"\n{STOPPING}\n".encode())

        before = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def check(self) -> None:
        """Raise Paused when Ctrl-C was pressed since the last check."""
        if self.asked.is_set():
            self.asked.clear()
            raise Paused("interrupted")


Permit = Callable[[str | None, int | None, Outgoing], int | None]    # the approval a write leaves on; raises NotApproved


@dataclass
class Context:
    """One session of one run. `record` may be called from any thread; everything else belongs to the main one."""

    ledger: Ledger
    perform: Perform
    clock: Clock
    gate: Gate
    mode: Mode
    run: str
    who: str
    interrupts: Interrupts = field(default_factory=Interrupts)
    permit: Permit = lambda _step, _item, _outgoing: None     # set by the session: whether a second person agreed
    signer: Signer | None = None           # the person's key; None where none is configured and none is needed
    secrets: dict[str | None, frozenset[str]] = field(default_factory=dict)    # step -> what its requests name as live secrets
    undo: bool = False             # what is recorded of steps and requests belongs to an undo

    def record(self, kind: str, data: Mapping[str, Any] | None = None, disclose: Mapping[str, Any] | None = None, *,
               by: str = "machine", step: str | None = None, item: int | None = None, ref: int | None = None) -> Entry:
        """Append an entry of this run, stamped with the drill's time where there is one. Durable when it returns."""
        return self.ledger.append(kind, {**(data or {}), **self._marks(kind)}, disclose, by=by, run=self.run,
                                  step=step, item=item, ref=ref)

    def record_soon(self, kind: str, data: Mapping[str, Any], disclose: Mapping[str, Any], *, step: str | None = None,
                    item: int | None = None) -> None:
        """The same for a read, durable within moments or with the next entry of this thread."""
        self.ledger.append_soon(kind, {**data, **self._marks(kind)}, disclose, run=self.run, step=step, item=item)

    def _marks(self, kind: str) -> Mapping[str, Any]:
        marked = self.undo and kind.startswith(("step.", "request."))
        return {**self.clock.stamp(), **({"undo": True} if marked else {})}

    @contextlib.contextmanager
    def undoing(self) -> Iterator[None]:
        """Within, entries of steps and requests say that they belong to an undo."""
        self.undo = True
        try:
            yield
        finally:
            self.undo = False

    def bears(self, step: str | None, secret: Collection[str]) -> None:
        """Answers to this step's requests may hold live secrets under these keys."""
        if secret:
            self.secrets[step] = self.secrets.get(step, frozenset()) | frozenset(secret)

    def say(self, said: Said) -> None:
        self.gate.say(said)
