"""How an action ended. Outcomes are types, not flags; each says which kind of entry records it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    reason: str = ""
    status: int = 0                # of the vendor's answer that decided it
    command: str = ""              # what to type next
    kind = ""                      # the ledger's kind


@dataclass(frozen=True)
class Done(Outcome):
    """The second look agrees, or nothing needed doing (`already`)."""

    result: Any = None
    already: bool = False          # nothing was sent by this performance
    sent_at: int | None = None     # the entry of the request.sending that did it
    incomplete: str = ""           # a collection cut short: a gap
    kind = "step.done"


@dataclass(frozen=True)
class Accepted(Outcome):
    """Taken by the vendor, not confirmed by a look."""

    kind = "step.accepted"


@dataclass(frozen=True)
class Failed(Outcome):
    """Answered and refused, or nothing could be sent. Nothing was changed."""

    changed: bool = False          # an undo is not sent: something is not as the step left it
    kind = "step.failed"


@dataclass(frozen=True)
class Unknown(Outcome):
    """The request may have worked."""

    kind = "step.unknown"


@dataclass(frozen=True)
class Gap(Outcome):
    """Not available on this plan or with this permission. Never "clean"."""

    kind = "step.unavailable"
