"""Jinja's syntax, cut down to a whitelist: what is not listed here is refused before anything could run.

Jinja's own evaluation is never used: its sandbox lets `'a' * 10**10` through, its native mode turns "1_000" into 1000, and
`steps.t.items` would find a method. Only its parser is, and only once a template holds a brace.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.parser import Parser

from irkit.runbook.expression import FILTER_ARGUMENTS, FILTERS, ROOTS, Both, Compare, Const, Filter, Listed, Look, Not, Tree
from irkit.runbook.source import Wrong, did_you_mean

T = TypeVar("T")
MAX_DEPTH = 40
LOOK_UP = "inputs.NAME, steps.ID.FIELD, or item inside a fan-out"
LANGUAGE = "a template looks up, compares, joins with and, or, not, in, and filters"

REFUSED: Sequence[tuple[tuple[type[nodes.Node], ...], str]] = (
    ((nodes.Call,), "a call"),
    ((nodes.BinExpr, nodes.UnaryExpr, nodes.Concat), "arithmetic"),
    ((nodes.For,), "a loop"),
    ((nodes.Test,), "a test (is …)"),
    ((nodes.CondExpr,), "an if … else"),
    ((nodes.Slice,), "a slice"),
    ((nodes.Stmt,), "a statement"),
)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 (nothing is rendered by it)


def expression(text: str) -> Tree:
    """The tree of a bare expression. Raises Wrong."""
    if "{{" in text or "{%" in text:
        raise Wrong("a bare expression is wanted here", "write it without {{ and }}")

    def parse() -> nodes.Expr:
        parser = Parser(_environment(), text, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise Wrong(f"this does not parse after {text[:40]!r}", LANGUAGE)
        return tree
    return _tree(_guarded(parse))


def template(text: str) -> list[str | Tree]:
    """Texts and trees in order. Raises Wrong."""
    if "{%" in text or "{#" in text:
        raise Wrong("a template holds {{ expressions }} alone, no loop and no other statement",
                    "write one step for each case, with `when` or `for_each`", "{%" if "{%" in text else "{#")
    parts: list[str | Tree] = []
    wrong: list[Wrong] = []
    for part in (part for output in _guarded(lambda: _environment().parse(text)).body for part in output.iter_child_nodes()):
        try:
            parts.append(part.data if isinstance(part, nodes.TemplateData) else _tree(part))
        except Wrong as bad:
            wrong.append(bad)
    if wrong:
        raise Wrong(wrong[0].message, wrong[0].hint, wrong[0].needle, wrong[1:])
    return parts


def _guarded(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except jinja2.TemplateSyntaxError as bad:
        raise Wrong(f"this template does not parse: {bad.message}", LANGUAGE) from None
    except RecursionError:
        raise Wrong("this template is nested too deep") from None
    except (ValueError, OverflowError) as bad:
        raise bad if isinstance(bad, Wrong) else Wrong("this template holds a number or a text that cannot be read") from None


def _refuse(node: nodes.Node) -> NoReturn:
    what = next((words for kinds, words in REFUSED if isinstance(node, kinds)), f"a {type(node).__name__.lower()}")
    raise Wrong(f"{what} is refused in a template", LANGUAGE, _words(node))


def _words(node: nodes.Node) -> str:
    """Something of the node that can be found again in the text."""
    name = next(node.find_all(nodes.Name), None) if not isinstance(node, nodes.Name) else node
    return name.name if name else ""


def _tree(node: nodes.Node, depth: int = 0) -> Tree:
    if depth > MAX_DEPTH:
        raise Wrong(f"this template is nested more than {MAX_DEPTH} deep")
    down: Callable[[nodes.Node], Tree] = functools.partial(_tree, depth=depth + 1)
    match node:
        case nodes.Const():
            return _const(node)
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            return _look(node)
        case nodes.List():
            return Listed(tuple(down(item) for item in node.items))
        case nodes.Compare():
            return Compare(down(node.expr), tuple((operand.op, down(operand.expr)) for operand in node.ops))
        case nodes.And() | nodes.Or():
            return Both(down(node.left), down(node.right), isinstance(node, nodes.Or))
        case nodes.Not():
            return Not(down(node.node))
        case nodes.Filter(node=nodes.Expr() as inner):
            return Filter(_filter(node), down(inner), tuple(_text(node, argument) for argument in node.args))
        case _:
            _refuse(node)


def _const(node: nodes.Const) -> Const:
    if node.value is None or isinstance(node.value, str | int):
        return Const(node.value)
    raise Wrong("a fraction is refused in a template", "whole numbers and texts can be compared")


def _look(node: nodes.Node) -> Look:
    keys: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        keys.append(_key(node))
        node = node.node
    if not isinstance(node, nodes.Name):
        _refuse(node)
    if node.name not in ROOTS:
        raise Wrong(f"unknown name '{node.name}'", did_you_mean(node.name, ROOTS, LOOK_UP), node.name)
    return Look(node.name, tuple(reversed(keys)))


def _key(node: nodes.Getattr | nodes.Getitem) -> str | int:
    key = node.attr if isinstance(node, nodes.Getattr) else node.arg.value if isinstance(node.arg, nodes.Const) else None
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise Wrong("look-up is by a plain key", LOOK_UP, _words(node))
    if str(key).startswith("_"):
        raise Wrong(f"'{key}' begins with _ and is refused", "", str(key))
    return key


def _filter(node: nodes.Filter) -> str:
    if node.name not in FILTERS:
        hint = did_you_mean(node.name, FILTERS, f"filters: {', '.join(FILTERS)}")
        raise Wrong(f"unknown filter '{node.name}'", hint, node.name)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > FILTER_ARGUMENTS.get(node.name, 0):
        raise Wrong(f"the filter '{node.name}' does not take that", 'join takes what goes between: join(", ")', node.name)
    return node.name


def _text(node: nodes.Filter, argument: nodes.Node) -> str:
    if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
        return argument.value
    raise Wrong(f"the filter '{node.name}' takes texts in quotes", 'as in join(", ")', node.name)
