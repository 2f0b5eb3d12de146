"""Rules 3 and 4a: nothing is destroyed before it is preserved, and nothing irreversible is sent to what nobody looked at.

A step preserves a trace for another when it stands earlier, on the same connection, and either keeps the whole tenant's or
means the same target: the same expression for the trace's parameter, over the same list in a fan-out. With a `when` it counts
only where the choices make that true; put off by a wait, it counts only for the step that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from irkit.action import Action, Effect, Trace
from irkit.connectors import find_action
from irkit.errors import UsageError
from irkit.runbook.expression import Look
from irkit.runbook.lint.choices import Choices, Decisions, combinations, decisions_of, named, truth
from irkit.runbook.lint.kinds import Context, at
from irkit.runbook.model import Runbook, Step
from irkit.runbook.template import Arg, Template

FindAction = Callable[[str], Action]


def actions(runbook: Runbook, find_action: FindAction) -> dict[str, Action]:
    """The action of each step that has one which exists, by step id."""
    found: dict[str, Action] = {}
    for step in runbook.steps:
        if step.action and step.id not in found:
            try:
                found[step.id] = find_action(step.action)
            except (UsageError, LookupError):
                continue
    return found


def uncovered(runbook: Runbook, step: Step, done_steps: Collection[str], *,
              find_action: FindAction = find_action) -> list[tuple[Trace, tuple[str, ...]]]:
    """The traces that `step` destroys and no done step preserved, each with the ids of the steps that would have.

    Empty for a step that says `unpreserved`.
    """
    known = actions(runbook, find_action)
    if step.unpreserved or step.id not in known:
        return []
    lost = [(trace, tuple(other.id for other in _keepers(runbook, known, step, trace))) for trace in known[step.id].destroys]
    return [(trace, keepers) for trace, keepers in lost if not set(keepers) & set(done_steps)]


def check(context: Context) -> None:
    """Note what is destroyed before it is kept, and what is irreversible and unseen."""
    asked = decisions_of(context.runbook)
    for step in context.runbook.steps:
        if step.id in context.actions and step.id not in context.broken:
            _destroys(context, asked, step)
            _looked(context, step)


# -- rule 3 ------------------------------------------------------------------------------------------------------

def _destroys(context: Context, asked: Decisions, step: Step) -> None:
    for trace in context.actions[step.id].destroys if not step.unpreserved else ():
        keepers = [other for other in _keepers(context.runbook, context.actions, step, trace)
                   if context.number[other.id] < context.number[step.id]
                   and not (other.after and other.after.wait and (step.after is None or step.after.step != other.id))]
        choices = _unprotected(asked, step, keepers)
        if choices is not None:
            what = trace.what.replace("_", " ")
            under = " and ".join(f"{decision} is '{choice}'" for decision, choice in choices.items())
            context.mistakes.error(at(step, "action"), f"{step.action} destroys {what}, and no earlier step preserves that"
                                   + (f" when {under}" if under else ""),
                                   f"keep the {what} of the same target first, or say unpreserved: REASON")


def _keepers(runbook: Runbook, known: Mapping[str, Action], step: Step, lost: Trace) -> Iterator[Step]:
    """The other steps that preserve a trace for this one, wherever they stand."""
    for other in runbook.steps:
        if other is not step and other.id in known and other.on == step.on:
            for kept in known[other.id].preserves:
                if kept.what == lost.what and _covers(_target(other, kept.of), _target(step, lost.of)):
                    yield other
                    break


def _covers(kept: object, lost: object) -> bool:
    return kept is None or kept == lost


def _target(step: Step, param: str) -> object:
    """Whose trace it is: None for the whole tenant, else what stands for the parameter. An item is the list it comes from."""
    arg = step.with_.get(param, Arg(None))
    if arg.body is None:
        return None
    expr = arg.body.single if isinstance(arg.body, Template) else None
    if step.for_each and expr and expr.tree == Look("item"):
        return step.for_each
    item = step.for_each and any(look.root == "item" for one in arg.exprs for look in one.looks)
    return (arg, step.for_each) if item else expr or arg


def _unprotected(asked: Decisions, step: Step, keepers: list[Step]) -> Choices | None:
    """The choices under which the step may run and no keeper is sure to; None when there are none."""
    if any(keeper.when is None for keeper in keepers):
        return None
    every = combinations(named(asked, [step.when, *(keeper.when for keeper in keepers)]))
    if every is None:
        return {}
    for choices in every:
        runs = step.when is None or truth(step.when.tree, choices) is not False
        if runs and not any(keeper.when and truth(keeper.when.tree, choices) for keeper in keepers):
            return choices if keepers else {}
    return None


# -- rule 4 ------------------------------------------------------------------------------------------------------

def _looked(context: Context, step: Step) -> None:
    """An irreversible step's target came out of an earlier read, or was itself read."""
    if context.actions[step.id].effect is not Effect.IRREVERSIBLE or context.actions[step.id].tells:
        return
    reads = {other.id: other for other in context.runbook.steps[:context.number[step.id]]
             if other.id in context.actions and context.actions[other.id].effect is Effect.READ and other.on == step.on}
    exprs = [expr for arg in step.with_.values() for expr in arg.exprs] + ([step.for_each] if step.for_each else [])
    read = [look for expr in exprs for look in expr.looks if look.root == "steps" and look.keys and look.keys[0] in reads]
    same = [arg for arg in step.with_.values() if any(arg in other.with_.values() for other in reads.values())]
    if not (read or same or (reads and not step.with_)):
        context.mistakes.error(at(step, "action"), f"{step.action} cannot be undone, and no earlier step reads its target",
                               "look it up in a step above, and use that step's result here")
