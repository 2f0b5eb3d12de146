"""Templates: texts with {{ expressions }} over the inputs and the results so far, and the bare expressions of `when`.

A text that is exactly one `{{ expression }}` keeps its value's type; anything else becomes text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from irkit.runbook.expression import Look, Missing, Scope, Tree, show, walk
from irkit.runbook.source import Wrong

MANY = 1024          # texts whose meaning is remembered: most steps of a runbook say the same ones


@dataclass(frozen=True)
class Expr:
    """One expression. Two are equal when they mean the same, however they are spaced."""

    tree: Tree
    source: str = field(default="", compare=False)

    def value(self, scope: Scope) -> Any:
        """Its value, of its own type. Raises Missing, or Wrong for what has no meaning."""
        return self.tree.evaluate(scope)

    @functools.cached_property
    def looks(self) -> tuple[Look, ...]:
        """Every look-up in it, in order."""
        return tuple(tree for tree in walk(self.tree) if isinstance(tree, Look))

    @classmethod
    @functools.lru_cache(MANY)
    def parse(cls, text: str) -> Expr:
        """A bare expression. Raises Wrong."""
        from irkit.runbook.grammar import expression
        return cls(expression(text), text)


@dataclass(frozen=True)
class Template:
    """A text with expressions in it; `parts` are its texts and trees in order."""

    parts: tuple[str | Expr, ...]
    source: str = field(default="", compare=False)

    @classmethod
    @functools.lru_cache(MANY)
    def parse(cls, text: str) -> Template:
        """Raises Wrong."""
        if "{" not in text:
            return cls((text,), text)
        from irkit.runbook.grammar import template
        return cls(tuple(part if isinstance(part, str) else Expr(part) for part in template(text)), text)

    @property
    def single(self) -> Expr | None:
        """The expression, when the text is exactly one."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Expr) else None

    @property
    def exprs(self) -> Sequence[Expr]:
        return [part for part in self.parts if isinstance(part, Expr)]

    def value(self, scope: Scope) -> Any:
        """The single expression's value with its type, else text. Raises Missing or Wrong."""
        if self.single is not None:
            return self.single.value(scope)
        return "".join(part if isinstance(part, str) else show(part.value(scope)) for part in self.parts)

    def text(self, scope: Scope, missing: Callable[[str], str]) -> str:
        """Text, in which `missing(path)` stands for what is not known."""
        return "".join(part if isinstance(part, str) else _shown(part, scope, missing) for part in self.parts)


def _shown(expr: Expr, scope: Scope, missing: Callable[[str], str]) -> str:
    try:
        return show(expr.value(scope))
    except Missing as absent:
        return missing(absent.path)
    except Wrong:
        return missing(expr.looks[0].path) if expr.looks else "[not known]"


class Arg(Struct, frozen=True):
    """One value of `with`: a template, a list or a mapping of such, or nothing."""

    body: Template | tuple[Arg, ...] | Mapping[str, Arg] | None

    def value(self, scope: Scope) -> Any:
        """Raises Missing or Wrong."""
        if isinstance(self.body, Template):
            return self.body.value(scope)
        if isinstance(self.body, tuple):
            return [arg.value(scope) for arg in self.body]
        return None if self.body is None else {key: arg.value(scope) for key, arg in self.body.items()}

    @property
    def exprs(self) -> Sequence[Expr]:
        if isinstance(self.body, Template):
            return self.body.exprs
        inner = self.body if isinstance(self.body, tuple) else tuple((self.body or {}).values())
        return [expr for arg in inner for expr in arg.exprs]
