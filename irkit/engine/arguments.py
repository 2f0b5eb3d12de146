"""The typed arguments of a step's action; what no step gave is asked for."""

from __future__ import annotations

import typing
import unicodedata
from typing import Any

from irkit.action import Action
from irkit.engine import ask
from irkit.engine.ending import COMMON, Leaves, judged, letter_or_go, menu_for, trouble
from irkit.engine.modes import Mode
from irkit.engine.outcome import Failed
from irkit.engine.session import Session
from irkit.engine.state import put
from irkit.errors import IrkitError
from irkit.runbook import Missing, Step, convert_args, parse_typed, result_fields
from irkit.runbook.convert import element, fields_of, no_value, optional, plain_type
from irkit.runbook.expression import Look
from irkit.runbook.template import Arg, Template

BY_HAND = {"m": "I checked by hand"}               # what was sent and is not settled is never just left out


def arguments(session: Session, step: Step, action: Action, typed: dict[str, Any], item: Any = None) -> dict[str, Any]:
    """The action's typed arguments; a value that no step gave is asked for, and noted in `typed`.

    Raises Leaves when the responder leaves the step instead. A probe asks nobody: raises Missing.
    """
    while True:
        scope = session.scope(item)
        for path, value in typed.items():
            put(scope, path, value)
        try:
            return convert_args(action, step.args(scope))
        except Missing as missing:
            if session.ctx.mode is Mode.PROBE:
                raise
            if missing.step or missing.path.startswith("inputs."):
                typed[missing.path] = _value(session, step, missing.path, _kind_of(session, step, action, missing))
            else:
                _stuck(session, step, action, f"{missing.path} is not in this element of the list")
        except ValueError as bad:
            if session.ctx.mode is Mode.PROBE:
                raise IrkitError(str(bad), where=f"step {step.id} of {session.runbook.name}", next=_correct(session)) from bad
            typed.clear()
            _stuck(session, step, action, str(bad))


def _value(session: Session, step: Step, path: str, kind: Any) -> Any:
    """A value that no step gave, typed by hand. Raises Leaves."""
    now = session.ctx.clock.now()
    letters = BY_HAND if session.step_state(step).open_sending else COMMON

    def parsed(text: str) -> Any:
        if no_value(kind, text):
            raise ValueError(f"{path} is needed here, and {text.strip()!r} is no value. Or leave it by {', '.join(letters)}.")
        return parse_typed(kind, unicodedata.normalize("NFC", text), now)

    prompt = f"{path} is not known. Its value ({ask.type_word(kind)})"
    answer = letter_or_go(session, step, "field", prompt, letters, key=path, parse=parsed)
    if answer in letters:
        raise Leaves(answer)
    return parsed(answer)


def _stuck(session: Session, step: Step, action: Action, why: str) -> None:
    """The values do not fit: say why, and return for another try, with what was corrected or typed anew. Raises Leaves."""
    outcome = judged(Failed(why, command=_correct(session)), action, session.step_state(step).open_sending)
    trouble(session, step, outcome)
    letter = letter_or_go(session, step, "menu", "", menu_for(outcome, by_look=True))
    if letter not in ("r", "l"):
        raise Leaves(letter)


def _correct(session: Session) -> str:
    return f"irkit correct {session.ctx.ledger.folder.name} NAME=VALUE"


# -- what is to be typed ---------------------------------------------------------------------------------------------

def _kind_of(session: Session, step: Step, action: Action, missing: Missing) -> Any:
    """The type to type: that of the place it stands at alone, else that of the field in the other step's result."""
    for name, arg in step.with_.items():
        if name in action.params and (kind := _kind_at(arg, action.params[name].type, missing.path)) is not None:
            return kind
    source = next((s for s in session.runbook.steps if s.id == missing.step and s.kind == "action"), None)
    return result_fields(session.action_of(source)).get(missing.path.split(".")[-1], str) if source else str


def _kind_at(arg: Arg, kind: Any, path: str) -> Any:
    """The kind of the place inside a parameter of that kind where `path` stands alone; None where it does nowhere."""
    if isinstance(arg.body, Template):
        alone = arg.body.single.tree if arg.body.single else None
        return kind if isinstance(alone, Look) and alone.path == path else None
    if isinstance(arg.body, tuple):
        below = [(inner, element(kind)) for inner in arg.body]
    else:
        below = [(inner, _kind_below(kind, key)) for key, inner in (arg.body or {}).items()]
    return next((found for inner, of in below if (found := _kind_at(inner, of, path)) is not None), None)


def _kind_below(kind: Any, key: str) -> Any:
    """The kind of a value in a record, or in a mapping."""
    kind = optional(kind)[0]
    if fields := fields_of(kind):
        return fields.get(key, str)
    return typing.get_args(kind)[-1] if plain_type(kind) is dict and typing.get_args(kind) else str
