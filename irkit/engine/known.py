"""What was known, since when, and by which entry: the facts that legal clocks run from, and the decisions that meet them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct


class Known(Struct, frozen=True):
    """A fact as an entry holds it: somebody gave it, corrected it, or did or decided a step. `at`: when it went on record."""

    value: Any
    entry: int
    at: datetime
    who: str
    how: str = "given"             # given, corrected, done
    reason: str = ""


class Met(Struct, frozen=True):
    """The decision that a clock is met, as `deadline.met` holds it.

    `at`: when it went on record, `when`: when what it asks for was done, `ref`: the entry that ended the step `step`. A
    decision of its own, made with `irkit clock met`, names no step.
    """

    entry: int
    at: datetime
    who: str
    when: datetime
    basis: str = ""
    sent: tuple[str, ...] = ()
    step: str = ""
    ref: int | None = None


class Warned(Struct, frozen=True):
    """That a clock nears its end went on record, for one of its thresholds and one due time."""

    due: datetime
    threshold: str                 # quarter, hour, due: see `irkit.engine.deadlines`
    entry: int
    at: datetime


class Control(Struct, frozen=True):
    """What a drill's facilitator did, as an entry of kind `control` holds it. What each `verb` does: `irkit.drill.control`.

    `ref` names the entry that it is about, `who` the person, `session` theirs, `at` the drill's time.
    """

    entry: int
    verb: str
    session: int
    who: str
    at: datetime
    data: Mapping[str, Any]
    shown: Mapping[str, Any]
    ref: int | None = None
