"""What of a run can still be taken back, and why the rest cannot. Pure, told from the folded state alone.

The values to restore are those that the look before the first request saw which may have taken effect: a later look, of a
request sent again, may have seen what irkit itself had done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from irkit.action import Action
from irkit.engine.state import RunState, Sending, StepState
from irkit.engine.values import numbered
from irkit.runbook import convert_args

IRREVERSIBLE = "what it did has no undo"
NOT_KNOWN = "sent, and its outcome is not known yet: look again first"
NOT_RECORDED = "what was there before was not recorded"
BY_HAND = "done by hand: nothing was recorded that could be restored"


def restorable(step: StepState) -> dict[int | None, Sending]:
    """For each item (None: the step has none) that can be taken back, the sending whose `seen` is restored."""
    return {item: first for item, first in _firsts(step).items() if not _why_not(step, first)}


def undoable(run: RunState) -> dict[str, dict[int | None, Sending]]:
    """The steps that can be taken back, the latest sent first."""
    found = {step.id: restorable(step) for step in run.steps.values()}
    return dict(sorted(((k, v) for k, v in found.items() if v), key=lambda pair: -max(s.seq for s in pair[1].values())))


def lost(step: StepState) -> str:
    """Why what this step did cannot be taken back, in words; empty where it did nothing or all of it can."""
    whys = [why for first in _firsts(step).values() if (why := _why_not(step, first))]
    if not whys:
        return BY_HAND if step.state == "by_hand" and step.args is not None and not step.sendings else ""
    fan_out = any(s.item is not None for s in step.sendings)
    return "; ".join(f"{numbered(whys.count(why), 'item')}: {why}" if fan_out else why for why in dict.fromkeys(whys))


def drifted(step: StepState) -> str:
    """What differed when the latest undo was refused for a change since; empty otherwise."""
    return step.undos[-1].changed if step.undos else ""


def _firsts(step: StepState) -> dict[int | None, Sending]:
    """The first sending of each item that may have taken effect and was not taken back."""
    found: dict[int | None, Sending] = {}
    for sending in step.sendings:
        if not (sending.undone or sending.not_sent or sending.refused):
            found.setdefault(sending.item, sending)
    return found


def _why_not(step: StepState, first: Sending) -> str:
    if first.effect != "reversible":
        return IRREVERSIBLE
    if step.unsettled(first.item) is not None:
        return NOT_KNOWN
    return NOT_RECORDED if not isinstance(first.seen, dict) or first.args is None else ""


def back(undo: Action, first: Sending) -> dict[str, Any]:
    """The typed arguments of the action that takes `first` back: what was seen wins over what the step was given.

    Raises ValueError where one was not recorded.
    """
    seen: Mapping[str, Any] = first.seen
    values = {name: seen[name] if name in seen else (first.args or {}).get(name) for name in undo.params}
    return convert_args(undo, {name: value for name, value in values.items() if value is not None})


class Difference(Struct, frozen=True):
    """One thing that is not as our request left it."""

    name: str
    left: Any
    now: Any


def changed_since(first: Sending, result: Any, seen: Any) -> list[Difference]:
    """How what is `seen` now differs from what our request left: `result` where it says so, else what was there before it."""
    expected = {**first.seen, **(result if isinstance(result, dict) else {})}
    now: Mapping[str, Any] = seen if isinstance(seen, dict) else {}
    moved = {name: value for name, value in now.items() if name in expected and expected[name] != value}
    return [Difference(name, expected[name], value) for name, value in moved.items()]
