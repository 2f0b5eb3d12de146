"""Sending ledger entries on while they are made, from a process that only reads: the run never waits for it.

How far it came stands in a file of this machine's own, not in the ledger: an entry for each batch would be forwarded in its
turn and so make another, without end; a sealed ledger takes none; and what was delivered is no part of what was done. Losing
the file costs duplicates, which bear the same leaf. Before more is sent, the newest leaf that left is compared with the ledger.

- Written before a batch leaves ("sending") and when its outcome is known. A batch that was leaving when the process died is
  unknown, like one that was not answered; neither is ever sent again by itself.
- Accepted is not stored. Stored is what the receiver acknowledges; where it never does, nothing is called stored.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from irkit.action import Connector, Driven, Forward, Line, Request, Response, drive
from irkit.engine.modes import Clock, Perform
from irkit.errors import ActionError, IrkitError, LedgerError, NotSent, Refused, Throttled

ACCEPTED, UNKNOWN, SENDING = "accepted", "unknown", "sending"
ATTEMPTS, LONGEST = 4, 60.0           # of a batch that did not leave; seconds between two
LOOKS, APART = 10, 6.0                # at what is accepted and not acknowledged, before it is given up
EVERY = 1.0                           # seconds between two looks at the ledger


@dataclass
class Span:
    """Entries `first` to `last` whose storage nobody has shown. `handle`: what to ask with."""

    first: int
    last: int
    state: str
    handle: str = ""

    @property
    def range(self) -> str:
        return f"{self.first}-{self.last}" if self.last > self.first else str(self.first)

    @property
    def told(self) -> str:
        return f"entries {self.range}" if self.last > self.first else f"entry {self.first}"


@dataclass
class Cursor:
    """How far the entries of one ledger were forwarded over one connection. What is before `next` and in no span is stored."""

    path: Path
    origin: str
    next: int = 0
    leaf: str = ""                    # of entry next-1
    spans: list[Span] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path, origin: str, place: str) -> Cursor:
        """The cursor of that ledger and that place. Raises IrkitError for a file that cannot be read."""
        name = hashlib.sha256(f"{origin}\n{place}".encode()).hexdigest()[:32]
        cursor = cls(folder / "forward" / f"{name}.json", origin)
        try:
            found = json.loads(cursor.path.read_bytes())
            cursor.next, cursor.leaf = int(found["next"]), str(found["leaf"])
            cursor.spans = [Span(**one) for one in found["spans"]]
        except FileNotFoundError:
            return cursor
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise IrkitError(f"how far this was forwarded cannot be read: {error}", where=str(cursor.path),
                             next="move that file away: everything is then sent again, each entry with its leaf") from None
        for span in cursor.spans:
            span.state = UNKNOWN if span.state == SENDING else span.state
        return cursor

    def save(self) -> None:
        """Durable when this returns."""
        kept = {"origin": self.origin, "next": self.next, "leaf": self.leaf, "spans": [vars(span) for span in self.spans]}
        making = self.path.with_suffix(".new")
        with making.open("wb") as file:
            file.write(json.dumps(kept).encode())
            file.flush()
            os.fsync(file.fileno())
        making.replace(self.path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Only one process forwards the same entries to the same place. Raises IrkitError when another does."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise IrkitError("another process forwards this incident over this connection", where=str(self.path),
                                 next="leave it at that, or stop the other one first") from None
            yield

    def of(self, state: str) -> list[Span]:
        return [span for span in self.spans if span.state == state]

    def settle(self, span: Span, state: str, handle: str = "") -> None:
        """What became of a batch; without a handle it is told together with its neighbour."""
        span.state, span.handle = state, handle
        before = next((one for one in self.spans if one.last == span.first - 1), None)
        if before and (before.state, before.handle, handle) == (state, "", ""):
            before.last = span.last
            self.spans.remove(span)
        self.save()


class Count(Struct, frozen=True):
    """What forwarding came to. `stored` is what the receiver acknowledged; spans as "12-63"."""

    entries: int
    stored: int
    accepted: tuple[str, ...]
    unknown: tuple[str, ...]
    acknowledges: bool

    @classmethod
    def of(cls, cursor: Cursor, acknowledges: bool) -> Count:
        open_ = sum(span.last - span.first + 1 for span in cursor.spans)
        accepted, unknown = (tuple(span.range for span in cursor.of(state)) for state in (ACCEPTED, UNKNOWN))
        return cls(cursor.next, cursor.next - open_, accepted, unknown, acknowledges)

    @property
    def good(self) -> bool:
        """Whether nothing is left to look at, as far as this receiver can say."""
        return not self.unknown and not (self.acknowledges and self.accepted)


class Source(Protocol):
    """The ledger, read in short looks."""

    def read(self, after: int, until: int | None = None) -> Sequence[Line]:
        """Lines with seq > `after` (and <= `until`), as many as are held at once."""

    def leaf(self, seq: int) -> str:
        """The leaf of an entry; "" where there is none."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: it is sealed, and no session is open."""


class Forwarding:
    """One ledger to one connection. `say(text)` tells of progress; `stop()` is asked between batches."""

    def __init__(self, cursor: Cursor, source: Source, perform: Perform, connection: str, forward: Forward, clock: Clock, *,
                 say: Callable[[str], object], stop: Callable[[], bool]) -> None:
        self.cursor, self.source, self.forward, self.clock = cursor, source, forward, clock
        self._perform, self._connection, self._say, self._stop = perform, connection, say, stop
        self._connector: Connector = perform.connector(connection)
        self._known = {("setting", name): value for name, value in perform.settings(connection).items()}
        self.acknowledges = forward.stored is not None and self._known.get(("setting", "ack"), "yes") == "yes"

    def run(self, *, follow: bool, resend: bool) -> Count:
        """Forward what is there, and with `follow` what comes until the ledger ends. Raises ActionError when refused."""
        self._same()
        self._ask()
        if resend:
            self._again()
        self._onward(follow)
        self._settle()
        return Count.of(self.cursor, self.acknowledges)

    def _same(self) -> None:
        """Raises LedgerError when the ledger is not the one whose entries the receiver got."""
        cursor = self.cursor
        if cursor.next and self.source.leaf(cursor.next - 1) != cursor.leaf:
            raise LedgerError(f"entry {cursor.next - 1} is not the one that was forwarded: it was changed, or cut off. The "
                              "receiver holds what stood there before", where=str(cursor.path), next="irkit ledger verify")

    def _onward(self, follow: bool) -> None:
        while not self._stop():
            lines = self.source.read(self.cursor.next - 1)
            for batch in batches(lines, self.forward):
                if self._stop():
                    return
                last = batch[-1]
                span = Span(batch[0].seq, last.seq, SENDING)
                self.cursor.spans.append(span)
                before = self.cursor.next, self.cursor.leaf
                self.cursor.next, self.cursor.leaf = last.seq + 1, last.leaf
                if not self._deliver(span, batch, patient=follow):
                    self.cursor.spans.remove(span)
                    self.cursor.next, self.cursor.leaf = before
                    self.cursor.save()
                    return
                self._ask()
            if not lines:
                if not follow or self.source.ended:
                    return
                self.clock.wait(EVERY, self._stop)
                self._ask()

    def _again(self) -> None:
        """Send once more what is unknown, or accepted and not acknowledged."""
        for span in list(self.cursor.spans):
            after = span.first - 1
            parts: list[list[Line]] = []
            while after < span.last and (lines := self.source.read(after, span.last)):
                parts += batches(lines, self.forward)
                after = lines[-1].seq
            self.cursor.spans.remove(span)
            made = [Span(batch[0].seq, batch[-1].seq, span.state) for batch in parts]
            self.cursor.spans += made
            for one, batch in zip(made, parts, strict=True):
                was, one.state = one.state, SENDING
                if not self._deliver(one, batch, patient=False):
                    one.state = was
                    self.cursor.save()
                    return

    def _deliver(self, span: Span, batch: Sequence[Line], *, patient: bool) -> bool:
        """Send a batch once, trying again only while nothing left. False: stopped before it left. Raises what refuses it."""
        said, attempt = span.told, 0
        while True:
            attempt += 1
            self.cursor.save()
            try:
                driven = self._drive(self.forward.send(batch, self.cursor.origin))
            except IrkitError:                     # no credential: nothing left
                self._forget(span)
                raise
            error = driven.error
            if error is None:
                self.cursor.settle(span, ACCEPTED, driven.result)
                self._say(f"{said}: accepted" + (", not yet acknowledged" if driven.result else ""))
                return True
            if not isinstance(error, NotSent | Throttled):
                return self._ended(span, said, error)
            if not patient and attempt >= ATTEMPTS:
                self._forget(span)
                raise error
            if attempt == 1:
                self._say(f"{said}: not sent ({error}), trying again")
            wait = error.wait if isinstance(error, Throttled) and error.wait is not None else min(LONGEST, 2.0 ** attempt)
            self.clock.wait(wait, self._stop)
            if self._stop():
                return False

    def _ended(self, span: Span, said: str, error: BaseException) -> bool:
        """A batch that left and has no good answer. Raises what refused it."""
        if isinstance(error, Refused) and error.status != 200:
            self._forget(span)
            raise error
        self.cursor.settle(span, UNKNOWN)
        self._say(f"{said}: unknown whether they arrived ({error}). They are not sent again by themselves")
        return True

    def _forget(self, span: Span) -> None:
        """A batch of which nothing was taken: it is next, or what it was before."""
        if span.last + 1 == self.cursor.next:
            self.cursor.spans.remove(span)
            self.cursor.next, self.cursor.leaf = span.first, self.source.leaf(span.first - 1) if span.first else ""
        else:
            span.state = UNKNOWN
        self.cursor.save()

    def _ask(self) -> bool:
        """Ask which batches are stored; a yes is said once, so it is written down at once. True: some are open."""
        pending = [span for span in self.cursor.of(ACCEPTED) if span.handle]
        if not pending or self.forward.stored is None:
            return False
        driven = self._drive(self.forward.stored([span.handle for span in pending], self.cursor.origin))
        if driven.error is not None:
            self._say(f"whether entries are stored could not be asked: {driven.error}")
            return True
        done = [span for span in pending if span.handle in driven.result]
        if done:
            self.cursor.spans = [span for span in self.cursor.spans if span not in done]
            self.cursor.save()
            for span in done:
                self._say(f"{span.told}: acknowledged")
        return len(done) < len(pending)

    def _settle(self) -> None:
        """Wait a while for what is accepted and not acknowledged."""
        for _ in range(LOOKS):
            if self._stop() or not self._ask():
                return
            self.clock.wait(APART, self._stop)

    def _drive(self, steps: Any) -> Driven:
        def ask(request: Request) -> Any:
            bucket = self._connector.bucket(request)
            try:
                self._perform.turn(self._connection, bucket)
                made = self._perform.prepare(self._connection, request)
                answer = self._perform.send(made, answered=_nobody)
            except ActionError as error:
                return error
            self._learn(request, answer)
            return answer
        return drive(steps, ask, self._connector, self._known)

    def _learn(self, request: Request, answer: Response) -> None:
        learn = getattr(self._perform, "learn", None)
        if learn:
            learn(self._connection, self._connector.limit(answer, self.clock.now()), self._connector.bucket(request))


def _nobody(_status: int, _headers: Mapping[str, str]) -> None:
    """Hears of an answer before its body."""


def batches(lines: Sequence[Line], forward: Forward) -> list[list[Line]]:
    """Lines in order, in parts that one request bears."""
    found: list[list[Line]] = []
    size = 0
    for line in lines:
        bytes_ = len(json.dumps(line.event)) + 200
        if not found or len(found[-1]) >= forward.most_lines or size + bytes_ > forward.most_bytes:
            found.append([])
            size = 0
        found[-1].append(line)
        size += bytes_
    return found
