"""Decisions and the `when`s that depend on them: which combinations of choices make a step run.

An expression is judged in three values. Looked-up choices are known in a combination; everything else is not, and neither is
what depends on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from irkit.runbook.expression import Both, Compare, Const, Look, Missing, Not, Tree, walk
from irkit.runbook.lint.kinds import Context, at, looks_of
from irkit.runbook.model import Runbook
from irkit.runbook.source import Node, Wrong, did_you_mean
from irkit.runbook.template import Expr

MOST = 1024                                     # combinations that are walked; beyond, nothing is taken as certain

Choices = Mapping[str, str]                     # step id -> choice
Decisions = Mapping[str, list[str]]             # step id -> what can be chosen


def truth(tree: Tree, choices: Choices) -> bool | None:
    """Whether an expression holds under these choices; None when other things decide."""
    match tree:
        case Not():
            inner = truth(tree.inner, choices)
            return None if inner is None else not inner
        case Both():
            left, right = truth(tree.left, choices), truth(tree.right, choices)
            if tree.either in (left, right):
                return tree.either
            return None if None in (left, right) else not tree.either
    try:
        return bool(tree.evaluate({"steps": {step: {"choice": choice} for step, choice in choices.items()}}))
    except (Missing, Wrong):
        return None


def decisions_of(runbook: Runbook) -> Decisions:
    """What can be chosen at each `ask`."""
    return {step.id: list(step.choices) for step in runbook.steps if step.kind == "ask"}


def named(asked: Decisions, exprs: Iterable[Expr | None]) -> Decisions:
    """Those of the decisions `asked` that expressions look at."""
    return {str(look.keys[0]): asked[str(look.keys[0])] for expr in exprs for look in looks_of(expr, "steps")
            if len(look.keys) == 2 and look.keys[1] == "choice" and look.keys[0] in asked}


def combinations(decisions: Decisions) -> Iterator[Choices] | None:
    """Every combination of choices, or None when there are too many to walk."""
    count = 1
    for choices in decisions.values():
        count *= len(choices)
    if count > MOST:
        return None
    return (dict(zip(decisions, picked, strict=True)) for picked in itertools.product(*decisions.values()))


def check(context: Context) -> None:
    """Rules 5 and 6: a `when` that can never be true, an unknown or one-letter choice, a decision that nothing uses."""
    asked = decisions_of(context.runbook)
    whole = [step for step in context.runbook.steps if step.id not in context.broken]
    for step in whole:
        for key, expr in step.exprs():
            _known(context, asked, expr, at(step, key))
        every = combinations(named(asked, [step.when])) if step.when else None
        if step.when and every is not None and all(truth(step.when.tree, choices) is False for choices in every):
            context.mistakes.error(at(step, "when"), "this `when` can never be true")
    used = named(asked, [expr for step in context.runbook.steps for _, expr in step.exprs()]
                 + [expr for clock in context.runbook.clocks if clock.start for expr in clock.start.exprs])
    for step in whole:
        for short in (choice for choice in step.choices if len(choice) == 1):
            context.mistakes.error(step.node.key("choices"), f"the choice '{short}' is a single letter",
                                   "letters such as n (note) and p (pause) mean the same at every prompt; choose a word")
        if step.choices and step.id not in used:
            context.mistakes.warn(step.node.key("choices"), f"nothing uses the choice of '{step.id}'",
                                  f'as in when: steps.{step.id}.choice == "{next(iter(step.choices))}"')


def _known(context: Context, asked: Decisions, expr: Expr, node: Node) -> None:
    """What a choice is compared with can be chosen."""
    for compare in (tree for tree in walk(expr.tree) if isinstance(tree, Compare)):
        looks = [Expr(side) for side in compare.children() if isinstance(side, Look)]
        for decision, choices in named(asked, looks).items():
            for constant in (tree for tree in walk(compare) if isinstance(tree, Const) and tree.value not in choices):
                context.mistakes.error(node, f"'{decision}' has no choice '{constant.value}'",
                                       did_you_mean(str(constant.value), choices, f"choices: {', '.join(choices)}"),
                                       needle=str(constant.value))
