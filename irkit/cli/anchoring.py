"""Time stamps while a session runs: the newest note, at every configured authority, without keeping anybody waiting.

Each authority has a thread of its own, so that one that cannot be reached delays no other and no prompt. There is no queue:
after an offline time only the newest note is stamped, and it covers all that came before. A note is due at an authority that
has not stamped it, 60 s after the last attempt there; each failure doubles that pause, up to half an hour. What goes wrong
is one line, once an outage, and never stops a run.

A drill is never stamped: nothing leaves it, and the time of an exercise is not worth telling anybody.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from irkit.errors import ActionError, IrkitError, NoAnswer, NotSent

if TYPE_CHECKING:
    from irkit.ledger.timestamp import Token

PAUSE = 60.0                   # seconds between two attempts at one authority
LONGEST_PAUSE = 1800.0
LOOK = 5.0                     # seconds between two looks at whether something is due

Ask = Callable[[str, bytes], bytes]                    # authority, request -> answer
Keep = Callable[[bytes, "Token", bytes, str], object]  # answer, token, note, authority


class Noted(Protocol):
    """What is used of a ledger."""

    @property
    def mode(self) -> str: ...
    def newest_note(self) -> bytes | None: ...
    def add_token(self, raw: bytes, token: Token, note: bytes, authority: str) -> object: ...


class Stamped(NamedTuple):
    """What became of one note at one authority: a token, or a problem as the end of a sentence."""

    authority: str
    token: Token | None = None
    problem: str = ""


def stamp(ledger: Noted, authorities: Iterable[str], ask: Ask | None = None) -> list[Stamped]:
    """Have the newest note stamped at each authority now, one after the other. An empty list where there is no note."""
    note = ledger.newest_note()
    return [] if note is None else [_stamp(ledger.add_token, note, one, ask or over_the_wire) for one in authorities]


def over_the_wire(authority: str, request: bytes) -> bytes:
    from irkit.wire.authority import ask
    return ask(authority, request)


def _stamp(keep: Keep, note: bytes, authority: str, ask: Ask) -> Stamped:
    from irkit.ledger.timestamp import answer_to, request_for
    try:
        request = request_for(note)
        raw = ask(authority, request)
        token = answer_to(request, raw)
        keep(raw, token, note, authority)
    except (NotSent, NoAnswer) as error:
        return Stamped(authority, problem=f"not reached ({error.what})")
    except ActionError as error:
        return Stamped(authority, problem=f"gave no token ({error.what})")
    except ValueError as error:
        return Stamped(authority, problem=f"gave no token that can be used ({error})")
    except IrkitError as error:
        return Stamped(authority, problem=f"answered, and its token was not kept ({error.what})")
    return Stamped(authority, token)


class _Place:
    """One authority: what it stamped last, and when it may be asked again."""

    def __init__(self, authority: str) -> None:
        self.authority = authority
        self.stamped = ""              # SHA-256 of the last note that it stamped
        self.failures = 0
        self.again = float("-inf")     # on the clock that is passed in
        self.urgent = False            # asked for while an attempt runs, it means another one
        self.turn = threading.Lock()
        self.wake = threading.Event()

    def due(self, note: bytes | None, now: float) -> bool:
        lacks = note is not None and hashlib.sha256(note).hexdigest() != self.stamped
        return lacks and (self.urgent or now >= self.again)

    def settle(self, note: bytes, result: Stamped, now: float) -> None:
        if result.token is not None:
            self.stamped, self.failures = hashlib.sha256(note).hexdigest(), 0
        else:
            self.failures += 1
        self.again = now + min(PAUSE * 2 ** min(max(self.failures - 1, 0), 10), LONGEST_PAUSE)


class Anchors:
    """The stamping of one session. `start` once the session is open; `finish` before session.end is appended.

    `say` hears of an authority that failed, from a thread of that authority. `now` is a clock in seconds that only goes
    forward. Without `start` nothing happens by itself, and `tick` does what is due.
    """

    def __init__(self, ledger: Noted, authorities: Sequence[str], say: Callable[[str], None], *, ask: Ask | None = None,
                 now: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._say, self._ask, self._now = ledger, say, ask or over_the_wire, now
        self._places = [_Place(one) for one in dict.fromkeys(authorities)] if ledger.mode != "drill" else []
        self._keeping = threading.Lock()
        self._finishing = self._over = False
        self._threads: list[threading.Thread] = []

    @property
    def wanted(self) -> bool:
        """Whether there is an authority to ask, and the session goes on."""
        return bool(self._places) and not self._over

    def start(self) -> None:
        """Stamp what is due, in the background, until `finish`."""
        for place in self._places:
            thread = threading.Thread(target=self._serve, args=(place,), name=f"anchor {place.authority}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def due(self, now: float) -> tuple[str, ...]:
        """The authorities that lack the newest note and may be asked."""
        note = self._ledger.newest_note()
        return tuple(place.authority for place in self._places if place.due(note, now))

    def now_please(self) -> None:
        """At pause, close, export and seal: what lacks a token is due at once, whatever the pauses."""
        for place in self._places:
            place.urgent = True
            place.wake.set()

    def tick(self, now: float) -> list[Stamped]:
        """Stamp what is due, one authority after the other."""
        return [result for place in self._places if (result := self._attempt(place, now)) is not None]

    def finish(self, seconds: float) -> tuple[str, ...]:
        """Try once more what is pending, for so many seconds at most; nothing is kept after this.

        Returns the authorities that still lack the newest note.
        """
        self._finishing = True
        self.now_please()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._keeping:
            self._over = True
        return self.due(float("inf"))

    def _serve(self, place: _Place) -> None:
        finishing = False
        while not finishing:
            place.wake.wait(LOOK)
            place.wake.clear()
            finishing = self._finishing        # read before the attempt, so that one comes after `finish` was called
            try:
                self._attempt(place, self._now())
            except Exception as error:         # a ledger that cannot be read is the run's to report; the stamping ends
                if not self._over:
                    self._say(f"no more time stamps from {place.authority}: {error}")
                return

    def _attempt(self, place: _Place, now: float) -> Stamped | None:
        with place.turn:
            note = None if self._over else self._ledger.newest_note()
            if note is None or not place.due(note, now):
                return None
            place.urgent = False
            result = _stamp(self._keep, note, place.authority, self._ask)
            if result.problem and not place.failures and not self._over:
                self._say(f"timestamp authority {place.authority} {result.problem}; will be tried again")
            place.settle(note, result, now)
            return result

    def _keep(self, raw: bytes, token: Token, note: bytes, authority: str) -> None:
        with self._keeping:
            if self._over:
                raise IrkitError("the session has ended")
            self._ledger.add_token(raw, token, note, authority)
