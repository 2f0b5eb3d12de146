"""Whether a step is needed after all: what its `when` says by what is known now, beside what it said when the step was ended.

A step that was not needed is taken up again when what its `when` names changed since, and now says yes, or cannot be told any
more: a choice of provider that was corrected must never leave its containment out. While a step that is looked to is itself
open, nothing is told yet. Pure, so that every terminal says the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from irkit.engine.state import SETTLED, RunState, StepState, scope
from irkit.engine.values import word
from irkit.runbook import Missing, Runbook, Step
from irkit.runbook.template import Expr


def again(runbook: Runbook, run: RunState) -> dict[str, str]:
    """The steps that were not needed and have to be looked at again, by id, each with why."""
    closed = [step for step in runbook.steps if step.when is not None and run.step(step.id).state == "not_needed"]
    known = scope(run) if closed else {}
    return {step.id: why for step in closed if (why := _against(step, run, known))}


def after_all(step: Step, run: RunState) -> str:
    """Why a step that was not needed has to be looked at again; empty where it stays as it is."""
    return _against(step, run, scope(run)) if run.step(step.id).state == "not_needed" else ""


def _against(step: Step, run: RunState, known: Mapping[str, Any]) -> str:
    when, state = step.when, run.step(step.id)
    if when is None:
        return ""
    try:
        return f"by what is known now it is{seen(when, known)}" if step.when_value(known) else ""
    except Missing as missing:
        settled = not missing.step or run.step(missing.step).state in SETTLED
        changed = settled and _changed(when, run, state)
        return f"what its `when` names changed since, and {missing.path} is not known now" if changed else ""


def _changed(when: Expr, run: RunState, state: StepState) -> bool:
    """Whether anything that the condition names is of a later entry than the step's end."""
    return any(_entry(look.root, str(look.keys[0]), run) > state.entry for look in when.looks if look.keys)


def _entry(root: str, name: str, run: RunState) -> int:
    if root == "steps":
        return run.step(name).entry
    return run.known[name].entry if name in run.known else -1


def seen(when: Expr, known: Mapping[str, Any]) -> str:
    """What the condition saw: ": sign_in_at.choice is zendesk"."""
    said: list[str] = []
    for look in when.looks:
        with contextlib.suppress(Missing, ValueError):
            value = look.evaluate(known)
            if isinstance(value, str | bool | int):
                said.append(f"{'.'.join(map(str, look.keys))} is {word(value)[:60]}")
    return ": " + ", ".join(dict.fromkeys(said)) if said else ""
