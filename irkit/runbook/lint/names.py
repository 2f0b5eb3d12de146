"""Rules 2 and 4: every input, step, field, parameter and role that is named exists, and a step names only earlier ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from irkit.action import Action, Effect, Param
from irkit.runbook.convert import convert, fields_of, optional, parse_input, plain_type
from irkit.runbook.expression import Compare, Filter, walk
from irkit.runbook.lint.kinds import Context, at, is_list
from irkit.runbook.model import Approve, Input, Step
from irkit.runbook.source import Wrong, did_you_mean
from irkit.runbook.template import Arg, Expr, Template
from irkit.runbook.values import EPOCH, relative

LONGEST_APPROVAL = timedelta(hours=24)


def check(context: Context) -> None:
    """Note every name that leads nowhere."""
    _inputs(context)
    for clock in context.runbook.clocks:
        for expr in clock.start.exprs if clock.start else ():
            _expr(context, expr, None, clock.node.get("start") or clock.node)
        if clock.stops and clock.stops not in context.number:
            context.mistakes.error(clock.node.get("stops"), f"the clock '{clock.id}' is stopped by no step: unknown step "
                                   f"'{clock.stops}'", did_you_mean(clock.stops, context.number))
    for step in context.runbook.steps:
        if step.id not in context.broken:
            _step(context, step)


def _inputs(context: Context) -> None:
    """A default must be one the input would take; `NAME + 30d` names an earlier timestamp."""
    before: dict[str, Input] = {}
    for name, found in context.runbook.inputs.items():
        node = found.node.get("default")
        if found.default is not None and found.type and node is not None:
            try:
                _default(found, before)
            except Wrong as bad:
                context.mistakes.wrong(node, bad)
            except ValueError as bad:
                context.mistakes.error(node, f"the default of '{name}': {bad}")
        before[name] = found


def _default(found: Input, before: dict[str, Input]) -> None:
    default = found.default or ""
    other = relative(default) if found.type == "timestamp" else None
    if other is None:
        parse_input(found, default, now=EPOCH, so_far={})
    elif other[0] not in before:
        hint = did_you_mean(other[0], before, "a default names an input above")
        raise Wrong(f"unknown input '{other[0]}' in a default", hint, other[0])
    elif before[other[0]].type != "timestamp":
        raise Wrong(f"'{other[0]}' is not a timestamp, so nothing can be added to it", "", other[0])


def _step(context: Context, step: Step) -> None:
    for key, expr in step.exprs():
        _expr(context, expr, step, at(step, key))
    if step.for_each and not is_list(kind := context.kind(step.for_each.tree, step)) and kind is not Any:
        context.mistakes.error(at(step, "for_each"), "a fan-out wants a list, and this is none", "name a field that is a list")
    _role(context, step, step.owner, "owner")
    if step.approve:
        _approval(context, step, step.approve)
    if step.after:
        _after(context, step, step.after.step)
    if step.id in context.actions:
        _parameters(context, step, context.actions[step.id])


def _role(context: Context, step: Step, role: str, key: str) -> None:
    if role and role not in context.runbook.roles:
        hint = did_you_mean(role, context.runbook.roles, "list it under roles")
        context.mistakes.error(at(step, key), f"unknown role '{role}'", hint)


def _approval(context: Context, step: Step, approve: Approve) -> None:
    """Somebody can be asked, there is something to agree to, and time to answer in."""
    _role(context, step, approve.role, "approve.role")
    action = context.actions.get(step.id)
    if action is not None and action.effect is Effect.READ:
        context.mistakes.error(step.node.key("approve"), f"{action.full_name} only reads, so there is nothing to approve",
                               "leave 'approve' out")
    if not timedelta() < approve.expires <= LONGEST_APPROVAL:
        context.mistakes.error(at(step, "approve.expires"), "an approval expires after 1s to 24h",
                               "as in expires: 30m; what was agreed to a day ago is asked again")


def _after(context: Context, step: Step, other: str) -> None:
    node = at(step, "after.step")
    if other not in context.number:
        context.mistakes.error(node, f"unknown step '{other}'", did_you_mean(other, context.number))
    elif context.number[other] >= context.number[step.id]:
        context.mistakes.error(node, f"step '{other}' does not come before this one", "move it above")


def _expr(context: Context, expr: Expr, step: Step | None, node: Any) -> None:
    for look in expr.looks:
        try:
            context.look(look, step)
        except Wrong as bad:
            context.mistakes.wrong(node, bad)
    for tree in walk(expr.tree):
        if isinstance(tree, Compare):
            _compared(context, tree, step, node)
        elif isinstance(tree, Filter) and tree.name == "join":
            kind = context.kind(tree.inner, step)
            if kind is not Any and not is_list(kind):
                context.mistakes.error(node, "join wants a list", needle="join")


def _compared(context: Context, tree: Compare, step: Step | None, node: Any) -> None:
    """Things of two different kinds are never equal, and have no order."""
    kinds = [_leaf(context.kind(side, step)) for side in tree.children()]
    for (word, _), left, right in zip(tree.rest, kinds, kinds[1:], strict=False):
        if word not in ("in", "notin") and left and right and left is not right:
            context.mistakes.error(node, f"{WORDS[left]} is compared with {WORDS[right]}",
                                   "write true or false without quotes" if bool in (left, right) else "")


WORDS: dict[Any, str] = {str: "a text", int: "a number", bool: "a yes or no"}


def _leaf(kind: Any) -> Any:
    kind = plain_type(kind)
    return kind if kind in WORDS else None


# -- parameters --------------------------------------------------------------------------------------------------

def _parameters(context: Context, step: Step, action: Action) -> None:
    given = step.node.get("with")
    for name, arg in step.with_.items():
        if name not in action.params:
            context.mistakes.error(given and given.key(name), f"{action.full_name} has no parameter '{name}'",
                                   did_you_mean(name, action.params, _takes(action.params.values())))
        else:
            for message in _fits(context, step, action.params[name], arg):
                context.mistakes.error(at(step, f"with.{name}"), message)
    for param in action.params.values():
        if param.required and param.name not in step.with_:
            context.mistakes.error(step.node.key("with") or step.node.get("action"), f"{action.full_name} needs '{param.name}'",
                                   f"with: {{{param.name}: …}}")


def _takes(params: Iterable[Param]) -> str:
    return f"it takes {', '.join(param.name for param in params)}" if params else "it takes none"


def _fits(context: Context, step: Step, param: Param, arg: Arg) -> list[str]:
    """What is wrong with a value for that parameter, as far as it can be told."""
    if not arg.exprs:
        try:
            convert(param.type, arg.value({}))
        except ValueError as bad:
            return [f"{param.name}: {bad}"]
        return []
    single = arg.body.single if isinstance(arg.body, Template) else None
    if single is None or plain_type(param.type) is Any:
        return []
    kind = optional(context.kind(single.tree, step))[0]
    if kind is not Any and is_list(kind) != is_list(param.type):
        return [f"{param.name} is {'a list' if is_list(param.type) else 'one value'}, and this is "
                f"{'a list' if is_list(kind) else 'one value'}"]
    if (isinstance(kind, dict) or fields_of(kind) is not None) and fields_of(param.type) is None:
        return [f"{param.name} is one value, and this is a record: name one of its fields"]
    return []
