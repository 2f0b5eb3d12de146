"""What an expression is: a small tree of ours, made from Jinja's syntax by `irkit.runbook.grammar` and evaluated here.

Nothing can run but what stands in this file: look-up by key, comparison, and/or/not, in, and four filters. What has no value
yet raises Missing.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from irkit.runbook.source import Wrong

Scope = Mapping[str, Any]                       # {"inputs": …, "steps": …, "item": …}
ROOTS = ("inputs", "steps", "item")


class Missing(Exception):
    """A value that is not there. `path` is what was asked for ("steps.agent.id"), `step` the step that has no such result."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known")
        self.path = path
        root, _, rest = path.partition(".")
        self.step = rest.partition(".")[0] if root == "steps" else ""


# -- the tree ----------------------------------------------------------------------------------------------------

class Const(Struct, frozen=True):
    value: str | int | bool | None

    def evaluate(self, scope: Scope) -> Any:
        return self.value

    def children(self) -> Sequence[Tree]:
        return ()


class Look(Struct, frozen=True):
    """`steps.agent.id`, `item`, `inputs.since`: a root and the keys below it."""

    root: str
    keys: tuple[str | int, ...] = ()

    @property
    def path(self) -> str:
        return ".".join(map(str, (self.root, *self.keys)))

    def evaluate(self, scope: Scope) -> Any:
        value: Any = scope
        for depth, key in enumerate((self.root, *self.keys)):
            if isinstance(value, Mapping) and isinstance(key, str):
                if key not in value:
                    raise Missing(self.path)
                value = value[key]
            elif isinstance(value, list | tuple) and isinstance(key, int):
                if not 0 <= key < len(value):
                    raise Missing(self.path)
                value = value[key]
            else:
                into = ".".join(map(str, (self.root, *self.keys)[:depth]))
                raise Wrong(f"{into} has no {key!r}: it is {_kind(value)}", needle=self.path)
        return value

    def children(self) -> Sequence[Tree]:
        return ()


class Listed(Struct, frozen=True):
    """["yes", "unknown"]."""

    items: tuple[Tree, ...]

    def evaluate(self, scope: Scope) -> Any:
        return [item.evaluate(scope) for item in self.items]

    def children(self) -> Sequence[Tree]:
        return self.items


COMPARE: Mapping[str, tuple[str, Callable[[Any, Any], Any]]] = {       # Jinja's word: ours, and what it does
    "eq": ("==", operator.eq), "ne": ("!=", operator.ne), "lt": ("<", operator.lt), "lteq": ("<=", operator.le),
    "gt": (">", operator.gt), "gteq": (">=", operator.ge),
    "in": ("in", lambda a, b: a in b), "notin": ("not in", lambda a, b: a not in b),
}


class Compare(Struct, frozen=True):
    """a < b, or a chain: a < b < c."""

    left: Tree
    rest: tuple[tuple[str, Tree], ...]

    def evaluate(self, scope: Scope) -> bool:
        left = self.left.evaluate(scope)
        for word, tree in self.rest:
            right = tree.evaluate(scope)
            sign, compare = COMPARE[word]
            try:
                if not compare(left, right):
                    return False
            except TypeError:
                raise Wrong(f"{_kind(left)} {sign} {_kind(right)} has no meaning") from None
            left = right
        return True

    def children(self) -> Sequence[Tree]:
        return (self.left, *(tree for _, tree in self.rest))


class Both(Struct, frozen=True):
    """`and`, or `or` when `either`."""

    left: Tree
    right: Tree
    either: bool

    def evaluate(self, scope: Scope) -> Any:
        left = self.left.evaluate(scope)
        return left if bool(left) is self.either else self.right.evaluate(scope)

    def children(self) -> Sequence[Tree]:
        return (self.left, self.right)


class Not(Struct, frozen=True):
    inner: Tree

    def evaluate(self, scope: Scope) -> bool:
        return not self.inner.evaluate(scope)

    def children(self) -> Sequence[Tree]:
        return (self.inner,)


def _length(value: Any) -> int:
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise Wrong(f"{_kind(value)} has no length")


def _join(value: Any, between: str = "", key: str = "") -> str:
    if not isinstance(value, list | tuple):
        raise Wrong(f"join wants a list, not {_kind(value)}")
    return between.join(show(element[key] if key and isinstance(element, Mapping) and key in element else element)
                        for element in value)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "join": _join, "length": _length, "lower": lambda value: show(value).lower(), "upper": lambda value: show(value).upper(),
}
FILTER_ARGUMENTS = {"join": 2}                  # how many texts a filter may be given


class Filter(Struct, frozen=True):
    name: str
    inner: Tree
    arguments: tuple[str, ...] = ()

    def evaluate(self, scope: Scope) -> Any:
        return FILTERS[self.name](self.inner.evaluate(scope), *self.arguments)

    def children(self) -> Sequence[Tree]:
        return (self.inner,)


Tree = Const | Look | Listed | Compare | Both | Not | Filter


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and everything below it."""
    yield tree
    for child in tree.children():
        yield from walk(child)


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "yes or no", int: "a number", list: "a list", tuple: "a list", type(None): "unknown"}
    return names.get(type(value), "a record")


def show(value: Any) -> str:
    """A value inside a text: yes and no, unknown for nothing, lists by commas, records as JSON."""
    if isinstance(value, list | tuple):
        return ", ".join(map(show, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "unknown" if value is None else str(value)
