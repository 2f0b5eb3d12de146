"""Who answers an action's yields: the two protocols a mode implements, and the clock it runs on.

`irkit.wire` sends over sockets, `irkit.drill` answers from worlds; the engine imports neither.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import BinaryIO, Protocol

from irkit.action import Artefact, Bucket, Connector, Limit, Outgoing, Request, Response


class Mode(enum.Enum):
    """How a run is performed; stands in `run.opened` and is kept by resume."""

    LIVE = "live"
    PROBE = "probe"
    DRILL = "drill"
    DRY_RUN = "dry-run"

    @property
    def simulated(self) -> bool:
        return self in (Mode.DRILL, Mode.DRY_RUN)


class Sink(Protocol):
    """Where a body streams to while it arrives."""

    def write(self, chunk: bytes, /) -> object: ...


class Perform(Protocol):
    """Answers requests. One object serves all connections of a run and is called from many threads."""

    def connector(self, connection: str) -> Connector: ...

    def prepare(self, connection: str, request: Request) -> Outgoing:
        """The final request. Raises CredentialError, or ActionError for a link that leaves the connection's host."""

    def settings(self, connection: str) -> Mapping[str, str]:
        """The connection's settings, as they are written, and the defaults of those left out."""

    def turn(self, connection: str, bucket: Bucket | None = None) -> None:
        """Return when the rate limit lets one more request leave. Raises NotSent when that is too far off, or interrupted."""

    def seconds_for(self, connection: str, requests: int, bucket: Bucket | None = None) -> float:
        """How long the rate limit makes that many requests take, estimated."""

    def send(self, outgoing: Outgoing, *, answered: Callable[[int, Mapping[str, str]], None],
             sink: Sink | None = None, meanwhile: Callable[[], object] | None = None,
             source: Callable[[Artefact], BinaryIO] | None = None) -> Response:
        """Send once. Calls `answered(status, headers)` before the body is read; streams the body to `sink` where given.
        `source` opens an artefact that a request uploads or attaches.

        May call `meanwhile` when the request has left and its answer is awaited, and raises what that raises.
        Raises NotSent when no byte left, NoAnswer for everything else that is not a whole answer.
        """

    def learn(self, connection: str, limit: Limit, bucket: Bucket | None = None) -> None:
        """Take account of what an answer said of the rate limit."""

    def close(self) -> None: ...


class Clock(Protocol):
    """The run's time: real when live, the scenario's in a drill. `jumps` says that waiting costs nobody time."""

    jumps: bool

    def now(self) -> datetime: ...

    def wait(self, seconds: float, stop: Callable[[], bool] = ...) -> None:
        """Let time pass; return early when `stop()` says so (asked at least each second)."""

    def stamp(self) -> Mapping[str, str]:
        """What entries carry beside their real time: {"drill_at": RFC 3339} in a drill, nothing when live."""
