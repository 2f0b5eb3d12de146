"""Colour, as an addition: it repeats what a word already says, and is laid over finished lines.

Rules: NO_COLOR (any value) turns it off, then FORCE_COLOR turns it on, then `--plain`, TERM=dumb and anything that is no
terminal turn it off. Only irkit's own words in their own places are coloured, never a vendor's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

RED, GREEN, YELLOW, CYAN, BOLD = "31", "32", "33", "36", "1"

_RULES = [
    (re.compile(r"^(LIVE)(?= )"), f"{BOLD};{RED}"),
    (re.compile(r"^(PROBE|TEST|DRILL|DRY RUN)(?= |$)"), f"{BOLD};{CYAN}"),
    (re.compile(r"^(?:(?:DRILL|DRY RUN) )?(FAILED|UNKNOWN|BAD)(?= )"), f"{BOLD};{RED}"),
    (re.compile(r"^[\w.-]+ +(FAIL)(?=  )"), f"{BOLD};{RED}"),
    (re.compile(r"^(?:(?:DRILL|DRY RUN) )?(GAP|ACCEPTED|Warning)(?= )"), YELLOW),
    (re.compile(r"^(ok)(?=   )"), GREEN),
    (re.compile(r"^(?:(?:DRILL|DRY RUN) )?\d+\. .*(\[CANNOT BE UNDONE\])$"), f"{BOLD};{RED}"),
]


def wanted(env: Mapping[str, str], *, terminal: bool, plain: bool) -> bool:
    """Whether to colour. An empty NO_COLOR or FORCE_COLOR counts as absent (no-color.org)."""
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return terminal and not plain and env.get("TERM") != "dumb"


def paint(line: str) -> str:
    """The line with its label, if it has one that matters, in colour."""
    spans = sorted((found.span(1), code) for rule, code in _RULES if (found := rule.search(line)))
    for (start, end), code in reversed(spans):
        line = f"{line[:start]}\x1b[{code}m{line[start:end]}\x1b[0m{line[end:]}"
    return line
