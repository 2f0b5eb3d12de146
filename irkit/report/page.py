"""Markdown pages: the prose of `templates/`, with places to fill marked @@{so}, and the parts that are made of figures.

Everything that others wrote passes `irkit.report.words.md` before it gets here. Of an incident that is not live, every heading
and both ends of a page say so.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from importlib import resources

from irkit.report.facts import Facts
from irkit.report.words import mark

_NOT_REAL = {"drill": "**DRILL. Nothing in this record happened: simulated systems answered, on a simulated clock.\n"
                      "Keys were made for the moment and name nobody.**\n\n",
             "test": "**TEST. The systems in this record ran on the responder's own machine.\n"
                     "Keys may have been made for the moment.**\n\n"}


class _Template(string.Template):
    delimiter = "@@"            # shell commands are full of dollar signs


def page(name: str, facts: Facts, **parts: object) -> str:
    """The template of that name, filled. Raises KeyError for a place without a part."""
    text = resources.files("irkit.report").joinpath("templates", name).read_text(encoding="utf-8")
    filled = _Template(text).substitute(parts, mark=mark(facts.mode), notice=_NOT_REAL.get(facts.mode, ""))
    return filled.rstrip() + "\n"


def heading(facts: Facts, text: str) -> str:
    return f"\n## {mark(facts.mode)}{text}\n\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def code(text: str) -> str:
    return f"```sh\n{text.rstrip()}\n```\n"
