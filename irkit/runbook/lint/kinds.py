"""The types of expressions: what `steps.agent.id`, `item` and `inputs.since` are, as far as it can be told before a run.

A kind is an annotation (`str`, `tuple[Item, ...]`, a record's class), or a dict of kinds by field for what the engine
itself records of a step. `Any` is what cannot be told, and passes every check.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from irkit.action import Action
from irkit.runbook.convert import element, fields_of, optional, plain_type
from irkit.runbook.expression import Const, Filter, Listed, Look, Tree
from irkit.runbook.model import Runbook, Step
from irkit.runbook.source import Mistakes, Node, Wrong, did_you_mean
from irkit.runbook.template import Expr

DECISION = {"choice": str, "reason": str}
BY_HAND = {"who": str, "when": str, "how": str, "evidence": list[str]}


@dataclass
class Context:
    """What every rule looks at. `actions` holds the action of each step whose action exists."""

    runbook: Runbook
    mistakes: Mistakes
    broken: frozenset[str] = frozenset()
    actions: Mapping[str, Action] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.number: dict[str, int] = {}
        for number, step in enumerate(self.runbook.steps):
            self.number.setdefault(step.id, number)

    def result(self, step: Step) -> Any:
        """The kind of a step's result, its `at` included."""
        own: Any
        if step.kind == "ask":
            own = DECISION
        elif step.kind == "do":
            own = BY_HAND
        elif step.id in self.broken or step.id not in self.actions:
            return Any
        else:
            returns = self.actions[step.id].returns
            own = fields_of(returns) or {"value": returns}
            if step.for_each:
                own = {"items": types.GenericAlias(list, (returns,)), "count": int, "skipped": int, "gaps": int}
        return {**own, "at": str}

    def item(self, step: Step) -> Any:
        """The kind of a fan-out's element."""
        kind = self.kind(step.for_each.tree, step) if step.for_each else Any
        return element(kind) if plain_type(kind) is list else Any

    def kind(self, tree: Tree, step: Step | None) -> Any:
        """The kind of an expression; Any when it cannot be told, or is wrong and has been said so."""
        match tree:
            case Const():
                return type(tree.value) if tree.value is not None else Any
            case Listed():
                return list[Any]
            case Filter():
                return int if tree.name == "length" else str
            case Look():
                try:
                    return self.look(tree, step)
                except Wrong:
                    return Any
        return Any

    def look(self, look: Look, step: Step | None) -> Any:
        """The kind of a look-up in a step (or, without one, in a clock). Raises Wrong for a name that does not exist."""
        keys = list(look.keys)
        if look.root == "item":
            if step is None or step.for_each is None:
                raise Wrong("'item' is known only inside a fan-out", "give the step a for_each", look.path)
            return _below(self.item(step), keys, look)
        if not keys:
            raise Wrong(f"'{look.root}' alone is no value", f"name one, as in {look.root}.NAME", look.path)
        name = str(keys.pop(0))
        if look.root == "inputs":
            known = self.runbook.inputs
            if name not in known:
                raise Wrong(f"unknown input '{name}'", did_you_mean(name, known, _all("inputs", known)), look.path)
            return _below(int if known[name].type == "int" else str, keys, look)
        return _below(self.result(self._earlier(name, step, look)), keys, look)

    def _earlier(self, name: str, step: Step | None, look: Look) -> Step:
        if name not in self.number:
            raise Wrong(f"unknown step '{name}'", did_you_mean(name, self.number, "steps are named by their id"), look.path)
        found = self.runbook.steps[self.number[name]]
        if step is not None and self.number[name] >= self.number[step.id]:
            raise Wrong(f"step '{name}' is used before it ran", "move it above this one" if found is not step else
                        "a step cannot use its own result", look.path)
        return found


def _below(kind: Any, keys: list[str | int], look: Look) -> Any:
    """The kind found by following keys. Raises Wrong at the first that leads nowhere."""
    way = look.path.removesuffix("".join(f".{key}" for key in keys))
    for key in keys:
        kind = _field(kind, key, way, look)
        way += f".{key}"
    return kind


def _field(kind: Any, key: str | int, way: str, look: Look) -> Any:
    kind = optional(kind)[0]
    if kind is Any:
        return Any
    fields = kind if isinstance(kind, dict) else fields_of(kind)
    if fields is not None:
        if key not in fields:
            raise Wrong(f"{way} has no '{key}'", did_you_mean(str(key), fields, _all("it has", fields)), look.path)
        return fields[str(key)]
    if plain_type(kind) is list:
        if isinstance(key, int):
            return element(kind)
        raise Wrong(f"{way} is a list and has no '{key}'", "use it in for_each, or take one element: [0]", look.path)
    if plain_type(kind) is dict:
        return get_args(kind)[1] if len(get_args(kind)) == 2 else Any
    raise Wrong(f"{way} is a single value and has no '{key}'", "", look.path)


def _all(what: str, known: Mapping[str, object]) -> str:
    return f"{what}: {', '.join(list(known)[:20])}" if known else f"there are no {what}"


def at(step: Step, key: str) -> Node:
    """Where a key of a step stands ("with.user_id"), to point at."""
    node = step.node
    for part in key.split("."):
        node = node.get(part) or node
    return node


def is_list(kind: Any) -> bool:
    return plain_type(kind) is list


def looks_of(expr: Expr | None, root: str) -> list[Look]:
    """The look-ups of an expression below one root."""
    return [look for look in expr.looks if look.root == root] if expr else []
