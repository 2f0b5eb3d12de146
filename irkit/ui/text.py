"""Text on its way to a terminal: made harmless, measured in columns, wrapped.

Rules: everything that a vendor or a person wrote passes `safe` before it is printed. Columns are counted as terminals count
them (East Asian wide and emoji take two, combining marks none). `wrap` never breaks a word longer than the line, so that an
address can be copied.
"""

from __future__ import annotations

import re
import unicodedata

_ENTRY = re.compile(r"\s*(?:\d+[.)]|[-*•])\s")
MARKS = 4          # combining marks kept on one character; more than any script needs climb over the lines around

_STRINGS = r"(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"    # OSC, DCS, SOS, PM, APC: ECMA-48 5.6
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"                                              # ECMA-48 5.4
_OTHER = r"\x1b[ -/]*[0-~]"                                                              # two-byte and charset escapes
_ESCAPES = re.compile(f"{_STRINGS}|{_CSI}|{_OTHER}")
_BREAKS = re.compile(r"\r\n|[\t-\r\x1c-\x1f\x85\u2028\u2029]")
# Default_Ignorable_Code_Point beyond category Cf (Unicode 15, DerivedCoreProperties): fillers and variation selectors.
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def safe(text: object) -> str:
    """One line without anything that moves a cursor, reorders, hides or joins characters.

    Terminal sequences go whole, line breaks and every kind of blank become one space, bidi controls and zero-width
    characters go, a lone surrogate becomes U+FFFD.
    """
    plain = _IGNORED.sub("", _BREAKS.sub(" ", _ESCAPES.sub("", str(text))))
    if plain.isascii() and plain.isprintable():
        return plain
    kept: list[str] = []
    marks = 0
    for char in plain:
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in ("Cc", "Cf") or marks > MARKS:
            continue
        kept.append(" " if category in ("Zs", "Zl", "Zp") else "\ufffd" if category == "Cs" else char)
    return "".join(kept)


def cells(text: str) -> int:
    """How many columns safe text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cell(char) for char in text)


def _cell(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """`text` filled with blanks to `width` columns; longer text is left as it is."""
    return text + " " * (width - cells(text))


def clip(text: str, width: int) -> str:
    """The beginning of `text` that fits in `width` columns, ending in "…" where something was left out."""
    if cells(text) <= width:
        return text
    return text[:_fitting(text, width - 1)] + "…"


def _fitting(text: str, width: int) -> int:
    """How many characters from the beginning take at most `width` columns. Looks at no more: a tenant's texts may be long."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for at, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return at
    return len(text)


def wrap(text: str, width: int) -> list[str]:
    """Safe text in lines of at most `width` columns; a line that fits keeps its blanks, a wrapped one its indentation."""
    line = safe(text).rstrip()
    if cells(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())][: width // 2]
    if entry := _ENTRY.match(line):
        head = entry[0][: width // 2]
        first, *below = join(line[entry.end():].split(), width - cells(head), " ")
        return [head + first, *(" " * cells(head) + text for text in below)]
    return join(line.split(), width, " ", indent)


def broken(line: str, width: int, indent: str) -> list[str]:
    """The line in rows of at most `width` columns, broken wherever one is full; the rows below are indented."""
    rows = []
    while (end := _fitting(line, width)) < len(line):
        end = max(end, len(indent) + 1)                    # a line narrower than its indentation goes on all the same
        rows.append(line[:end])
        line = indent + line[end:]
    return [*rows, line]


def reflow(text: str) -> list[str]:
    """Text of a runbook as paragraphs: its own line breaks are where its file was wrapped, and values changed its lengths.

    A blank line stays, and so does the beginning of an entry of a list ("1. ", "- "). A line that is indented further than the
    text of its paragraph or entry is one of its own, as a list of values or a command is, and what follows it begins anew.
    """
    found: list[str] = []
    column, own = 0, False             # where the text of the paragraph stands; whether the line before was one of its own
    for line in text.rstrip().split("\n"):
        line = safe(line).rstrip()
        indent, entry = len(line) - len(line.lstrip()), _ENTRY.match(line)
        first = not found or not line or not found[-1] or entry is not None
        before, own = own, not first and indent > column
        if first:
            column = len(entry[0]) if entry else indent
        if first or own or before:
            found.append(line)
        else:
            found[-1] = f"{found[-1]} {line.strip()}"
    return found


def join(parts: list[str], width: int, between: str, indent: str = "") -> list[str]:
    """As many parts on each line as fit, with `between` among them."""
    lines: list[str] = []
    for part in parts:
        longer = lines[-1] + between + part if lines else ""
        if lines and cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(indent + part)
    return lines or [""]
