"""Rule 8: no secret in clear. A runbook is shared, printed, and kept with every run, comments included."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter

from irkit.runbook.lint.kinds import Context
from irkit.runbook.source import Node, lines_of

_NAMES = re.compile(r"(^|[_-])(password|passwd|passphrase|secret|token|(api|private)_?key|authorization|credential)s?$", re.I)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"]{1,256}:[^\s/@'\"]{1,256}@", re.I)
_KNOWN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[a-z]-[A-Za-z0-9-]{10,}"
                    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})")
_WORD = re.compile(r"[A-Za-z0-9+=_]{20,}")
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
HINT = "a credential belongs to a connection: irkit connect"


def check(context: Context) -> None:
    """Look at every line, then at the values whose key says that they are secret."""
    for number, line in enumerate(lines_of(context.mistakes.text), start=1):
        line = _EXPRESSION.sub(lambda found: " " * len(found[0]), line)
        drawn = next((word for word in _WORD.finditer(line) if random_looking(word[0])), None)
        for found, what in ((_URL.search(line), "a URL with credentials"), (_KNOWN.search(line), "a credential in clear"),
                            (drawn, "this looks like a secret")):
            if found:
                context.mistakes.at(number, found.start() + 1, what, HINT, found.end() - found.start())
                break
    for step in context.runbook.steps:
        if given := step.node.get("with"):
            _named(context, given)
    for name, asked in context.runbook.inputs.items():
        if asked.default and secret_name(name):
            context.mistakes.error(asked.node.get("default"), f"'{name}' has a default, in clear", HINT)


def _named(context: Context, node: Node) -> None:
    for key, value in node.pairs:
        if secret_name(key.value) and value.kind == "scalar" and not value.is_null and "{{" not in value.value:
            context.mistakes.error(value, f"'{key.value}' in clear", HINT)
        _named(context, value)


def secret_name(name: str) -> bool:
    """Whether what stands under that name should not stand in clear."""
    return _NAMES.search(name) is not None


def random_looking(word: str) -> bool:
    """Whether a run of letters and digits looks drawn by lot: mixed, switching often, and of high entropy."""
    switches = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(word))
    cases = any(c.isupper() for c in word) and any(c.islower() for c in word)
    if switches < (3 if cases else 6) or (not cases and len(word) < 32):
        return False
    return -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values()) > (3.5 if cases else 3.0)
