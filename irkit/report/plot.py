"""A small line plot as inline SVG: no script, no font of its own, and words for whoever cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from msgspec import Struct

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 182, 62, 46, 14
SOFT, LINE, INK, BAD = "#57606a", "#d0d7de", "#0550ae", "#b3261e"
FIT = 7                        # labels that fit side by side


class Point(Struct, frozen=True):
    """`below`: the lines of its label; `value` None: there is none, which is a cross on the ground and a gap in the line;
    `counts`: else it is hollow."""

    below: Sequence[str]
    value: float | None
    words: str
    counts: bool = True


def plot(title: str, points: Sequence[Point], *, top: float = 0, unit: str = "") -> str:
    """`top` is the scale's end at least."""
    high = max([top, *(one.value for one in points if one.value is not None)]) or 1.0
    step = (WIDTH - LEFT - 20) / max(1, len(points) - 1)

    def place(index: int, value: float) -> tuple[float, float]:
        x = LEFT + 10 + (index * step if len(points) > 1 else (WIDTH - LEFT) / 2)
        return round(x, 1), round(HEIGHT - BOTTOM - value / high * (HEIGHT - BOTTOM - TOP), 1)

    placed = [(*place(index, one.value or 0.0), one) for index, one in enumerate(points)]
    grid = "".join(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{place(0, value)[1]}" y2="{place(0, value)[1]}" stroke="{LINE}"/>'
                   f'<text x="{LEFT - 6}" y="{place(0, value)[1] + 4}" text-anchor="end">{value:.3g}{escape(unit)}</text>'
                   for value in (0, high / 2, high))
    runs = [" ".join(f"{x},{y}" for x, y, _ in part) for there, part in groupby(placed, lambda one: one[2].value is not None)
            if there]
    lines = "".join(f'<polyline points="{run}" fill="none" stroke="{INK}" stroke-width="2"/>' for run in runs)
    each = max(1, -(-len(points) // FIT))
    below = "".join(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16 + 13 * row}" text-anchor="middle">{escape(text)}</text>'
                    for index, (x, _, one) in enumerate(placed) if index % each == 0 for row, text in enumerate(one.below))
    return (f'<svg viewBox="0 0 {WIDTH + 40} {HEIGHT}" role="img" aria-label="{escape(title)}" font-size="11" '
            f'font-family="sans-serif" fill="{SOFT}"><title>{escape(title)}</title>'
            f'{grid}{lines}{"".join(_mark(x, y, one) for x, y, one in placed)}{below}</svg>')


def _mark(x: float, y: float, one: Point) -> str:
    words = f"<title>{escape(one.words)}</title>"
    if one.value is None:
        return f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-size="16" fill="{BAD}">\u00d7{words}</text>'
    fill = INK if one.counts else "#ffffff"
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="{INK}" stroke-width="2">{words}</circle>'
