"""What a facilitator's terminal says to a drill: entries of kind `control`, which the team's process follows at its next look.

    joined, left       a terminal is there, or no more; `ref` is its session. The team's process writes both: whoever is cut
                       off cannot say so
    hold, release      an inject: it does not come, or it comes now
    add                an inject of the facilitator's own
    fault              what goes wrong from here on
    pause, continue    the drill's clock
    observe            an observation, with a tag and the objective that it belongs to
    asks               the question that stands on the team's screen; the team's process writes it while somebody facilitates
    taken              the entry `ref` was followed; a fault goes wrong in a replay from this entry on, as it did at first

Whatever was held or paused goes on by itself when the last terminal has gone: a drill never hangs on a facilitator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from irkit.engine.known import Control
from irkit.engine.state import RunState
from irkit.errors import UsageError
from irkit.ledger import Entry
from irkit.worlds import Fault

FACILITATES = "facilitates"    # in the data of a session.start: the run that this terminal steers
_REQUEST = re.compile(r"([A-Z]+|\*) /\S*")


@dataclass
class Standing:
    """What the facilitators said, all together. `added` are `add` entries, `asks` the question on the team's screen."""

    held: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    added: list[Control] = field(default_factory=list)
    faults: list[Control] = field(default_factory=list)
    observed: list[Control] = field(default_factory=list)
    attached: dict[int, str] = field(default_factory=dict)     # session -> name of who facilitates in it
    paused: bool = False
    asks: Control | None = None


def standing(controls: Iterable[Control], people: Mapping[int, str] | None = None) -> Standing:
    """Where things stand after these entries. `people`: session -> name."""
    found = Standing()
    for one in controls:
        match one.verb:
            case "joined" if one.ref is not None:
                found.attached[one.ref] = (people or {}).get(one.ref, "")
            case "left":
                found.attached.pop(one.ref if one.ref is not None else -1, None)
                if not found.attached:
                    found.held.clear()
                    found.paused = False
            case "hold":
                found.held.add(str(one.data.get("inject")))
                found.released.discard(str(one.data.get("inject")))
            case "release":
                found.held.discard(str(one.data.get("inject")))
                found.released.add(str(one.data.get("inject")))
            case "add":
                found.added.append(one)
            case "fault":
                found.faults.append(one)
            case "observe":
                found.observed.append(one)
            case "pause" | "continue":
                found.paused = one.verb == "pause"
            case "asks":
                found.asks = one
    return found


class Stop(Struct, frozen=True):
    """The drill's clock stood still between these two entries; `ended` is None while it does."""

    began: Entry
    ended: Entry | None = None


def stops(run: RunState, entries: Iterable[Entry]) -> list[Stop]:
    """When the drill's clock stood still: from and to where the team's process took that up."""
    said, followed, found = {one.entry: one for one in run.controls}, list[Control](), list[Stop]()
    for entry in entries:
        if entry.kind != "control" or entry.run != run.id or entry.data.get("control") != "taken" or entry.ref not in said:
            continue
        followed.append(said[entry.ref])
        still = bool(found) and found[-1].ended is None
        if standing(followed).paused and not still:
            found.append(Stop(entry))
        elif still and not standing(followed).paused:
            found[-1] = Stop(found[-1].began, entry)
    return found


def fault_entry(fault: Fault) -> tuple[dict[str, Any], dict[str, Any]]:
    """A fault as an entry holds it: what stands in the line, and what can be withheld."""
    answer = fault.answer or {}
    data = {"control": "fault", "connector": fault.connector, "times": fault.times, "lost": fault.lost,
            **{key: answer.get(key) for key in ("status", "retry_after")}}
    return {key: value for key, value in data.items() if value is not None}, {"fault.request": fault.request}


def requested(text: str) -> str:
    """Which requests a fault is for: a method and a path, with * for anything. Raises ValueError for what is neither."""
    if not _REQUEST.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a method and a path, as in GET /api/v2/audit_logs")
    return text


def fault_of(data: Mapping[str, Any], shown: Mapping[str, Any]) -> Fault:
    """The fault that an entry holds. Raises UsageError for one that is none."""
    lost, status = data.get("lost"), data.get("status")
    try:
        request = requested(str(shown.get("fault.request", "")))
    except ValueError as bad:
        raise UsageError(str(bad)) from None
    answer = None if status is None else {"status": status, "retry_after": data.get("retry_after")}
    return Fault(str(data.get("connector", "")), request, lost, answer, int(data.get("times", 1)))
