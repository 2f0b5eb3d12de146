"""The typed arguments of a step's action; what no step gave is asked for."""

from __future__ import annotations

from typing import Any

from irkit.action import Action
from irkit.engine import ask
from irkit.engine.gate import News
from irkit.engine.modes import Mode
from irkit.engine.session import Session
from irkit.engine.state import put
from irkit.errors import IrkitError
from irkit.runbook import Missing, Step, convert_args, result_fields


def arguments(session: Session, step: Step, action: Action, typed: dict[str, Any], item: Any = None) -> dict[str, Any]:
    """The action's typed arguments; a value that no step gave is asked for, and noted in `typed`.

    A probe asks nobody for it: raises Missing.
    """
    while True:
        scope = session.scope(item)
        for path, value in typed.items():
            put(scope, path, value)
        try:
            return convert_args(action, step.args(scope))
        except Missing as missing:
            if not missing.step and not missing.path.startswith("inputs."):
                raise IrkitError(f"{missing.path} is not in this element of the list", where=f"step {step.id}",
                                 next="irkit runbook lint") from missing
            if session.ctx.mode is Mode.PROBE:
                raise
            typed[missing.path] = ask.value(session, step.id, missing.path, _kind_of(session, step, action, missing))
        except ValueError as bad:
            if not typed:
                raise IrkitError(str(bad), where=f"step {step.id} of {session.runbook.name}",
                                 next=f"irkit correct {session.ctx.ledger.folder.name} NAME=VALUE") from bad
            session.ctx.say(News([f"{bad}."]))
            typed.clear()


def _kind_of(session: Session, step: Step, action: Action, missing: Missing) -> Any:
    """The type to type: that of the parameter it stands for alone, else that of the field in the other step's result."""
    for name, arg in step.with_.items():
        exprs = [expr for expr in arg.exprs if [look.path for look in expr.looks] == [missing.path]]
        if name in action.params and exprs and len(arg.exprs) == 1:
            return action.params[name].type
    source = next((s for s in session.runbook.steps if s.id == missing.step and s.kind == "action"), None)
    return result_fields(session.action_of(source)).get(missing.path.split(".")[-1], str) if source else str
