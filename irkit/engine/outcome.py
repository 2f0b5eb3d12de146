"""How an action ended. Outcomes are types, not flags; each says which kind of entry records it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Outcome(Struct, frozen=True):
    reason: str = ""
    status: int = 0                # of the vendor's answer that decided it
    command: str = ""              # what to type next
    kind = ""                      # the ledger's kind


class Done(Outcome, frozen=True):
    """The second look agrees, or nothing needed doing (`already`)."""

    result: Any = None
    already: bool = False          # nothing was sent by this performance
    sent_at: int | None = None     # the entry of the request.sending that did it
    incomplete: str = ""           # a collection cut short: a gap
    kind = "step.done"


class Accepted(Outcome, frozen=True):
    """Taken by the vendor, not confirmed by a look."""

    kind = "step.accepted"


class Failed(Outcome, frozen=True):
    """Answered and refused, or nothing could be sent. Nothing was changed."""

    changed: bool = False          # an undo is not sent: something is not as the step left it
    kind = "step.failed"


class Unknown(Outcome, frozen=True):
    """The request may have worked."""

    kind = "step.unknown"


class Gap(Outcome, frozen=True):
    """Not available on this plan or with this permission. Never "clean"."""

    kind = "step.unavailable"
