"""Small edits of a runbook's text that leave the rest of the file as its author wrote it. Pure: text in, text out.

Each returns None where it cannot be sure of what it would cut.
"""

from __future__ import annotations

import re
from datetime import timedelta

from irkit.runbook.model import Runbook
from irkit.runbook.source import Node
from irkit.runbook.values import duration_text


def replaced(text: str, node: Node | None, value: str) -> str | None:
    """The text with another scalar in the place of `node`, which stands on one line."""
    if node is None or node.kind != "scalar" or node.line != node.end_line:
        return None
    lines = text.splitlines(keepends=True)
    line = lines[node.line - 1]
    lines[node.line - 1] = line[:node.col - 1] + value + line[node.end_col - 1:]
    return "".join(lines)


def with_target(text: str, book: Runbook, step_id: str, target: timedelta) -> str | None:
    """The text with another `target` for a step that has one."""
    step = book.step(step_id)
    return replaced(text, step.node.get("target"), duration_text(target)) if step else None


def with_version(text: str, book: Runbook, version: int) -> str | None:
    return replaced(text, book.node.get("version"), str(version))


def with_step_moved(text: str, book: Runbook, step_id: str, side: str, other: str) -> str | None:
    """The text with a step, and the comment right above it, moved to before or after another one."""
    lines = text.splitlines(keepends=True)
    if not lines or not lines[-1].endswith("\n"):
        return None
    found = _blocks(lines, book)
    if found is None or step_id not in found or other not in found or step_id == other:
        return None
    start, end = found[step_id]
    place = found[other][0 if side == "before" else 1]
    block = lines[start:end]
    rest = lines[:start] + lines[end:]
    place -= len(block) if place >= end else 0
    return "".join([*rest[:place], *block, *rest[place:]])


def _blocks(lines: list[str], book: Runbook) -> dict[str, tuple[int, int]] | None:
    """Step id -> its lines, from (counted from 0) and up to. None where a step does not begin a line of its own."""
    starts: list[int] = []
    for step in book.steps:
        first = step.node.line - 1
        dash = re.match(r"( *)- ", lines[first])
        if dash is None or (starts and first <= starts[-1]):
            return None
        floor = starts[-1] + 1 if starts else 0
        while first > floor and re.match(rf"{dash[1]}#", lines[first - 1]):
            first -= 1
        starts.append(first)
    last = next((n for n in range(starts[-1] + 1, len(lines)) if re.match(r"[^\s#]", lines[n])
                 and not lines[n].startswith("- ")), len(lines))
    return {step.id: (start, end) for step, start, end in zip(book.steps, starts, [*starts[1:], last], strict=True)}
