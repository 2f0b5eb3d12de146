"""Every place of irkit's code that asks a person, told from the code itself: a new one is found without being listed."""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import irkit

PACKAGE = Path(irkit.__file__).parent
# Methods that ask, on whatever they are called; `hidden` counts where it is passed on, too.
METHODS = frozenset({"ask", "hidden"})
# Modules whose functions ask, called through the module or imported from it; these names are theirs.
HELPERS = frozenset({"irkit.engine.ask", "irkit.engine.ending", "irkit.engine.except_some", "irkit.cli.acting",
                     "irkit.ui.edit"})
ASKING = frozenset({"choose", "text", "reason", "note", "evidence", "by_hand", "_pasted", "letter_or_go", "filled",
                    "confirmed", "answer", "edited", "except_some"})
# Scripts that answer, the worlds that do, and a verifier that asks a database: none of them asks a person.
OTHERS = ("worlds/", "ui/answers.py", "drill/", "report/", "ui/pick.py")


@dataclass(frozen=True)
class Site:
    """A call that asks. `name` tells where it stands and what it calls; lines are the first and the last of the call."""

    name: str
    path: str
    first: int
    last: int

    def reached_by(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename == self.path and self.first <= frame.f_lineno <= self.last


@functools.cache
def sites() -> tuple[Site, ...]:
    """All of them, by file and line."""
    return tuple(site for path in sorted(PACKAGE.rglob("*.py")) if not _other(path) for site in _of(path))


def _other(path: Path) -> bool:
    return path.relative_to(PACKAGE).as_posix().startswith(OTHERS)


def _of(path: Path) -> Iterator[Site]:
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    tree = ast.parse(path.read_bytes())
    met: Counter[str] = Counter()
    for where, node, called in _asking(tree, "", _known(tree, f"irkit.{module}")):
        name = f"{module}.{where} {ast.unparse(called).removeprefix('self.')}"
        met[name] += 1
        yield Site(name + (f" {met[name]}" if met[name] > 1 else ""), str(path), node.lineno, node.end_lineno or node.lineno)


def _known(tree: ast.Module, module: str) -> frozenset[str]:
    """The names that stand for something that asks in this module: "reason", or "ask.reason"."""
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and module in HELPERS} & ASKING
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                if node.module in HELPERS and name.name in ASKING:
                    found.add(name.name)
                if f"{node.module}.{name.name}" in HELPERS:
                    found |= {f"{name.asname or name.name}.{one}" for one in ASKING}
    return frozenset(found)


def _asking(node: ast.AST, where: str, known: frozenset[str]) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """What asks, below `node`: where it stands, the expression, and what is called in it."""
    for inner in ast.iter_child_nodes(node):
        below = where
        if isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            below = f"{where}.{inner.name}".lstrip(".")
        elif isinstance(inner, ast.Call) and _asks(inner.func, known):
            yield where, inner, inner.func
        elif isinstance(inner, ast.Attribute) and inner.attr == "hidden" and not isinstance(node, ast.Call):
            yield where, inner, inner
        yield from _asking(inner, below, known)


def _asks(called: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in known
    if not isinstance(called, ast.Attribute):
        return False
    return called.attr in METHODS or (isinstance(called.value, ast.Name) and f"{called.value.id}.{called.attr}" in known)
