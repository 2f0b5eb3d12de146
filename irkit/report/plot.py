"""A small line plot as inline SVG: no script, no font of its own, and words for whoever cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 170, 62, 34, 14
SOFT, LINE, INK = "#57606a", "#d0d7de", "#0550ae"


def plot(title: str, points: Sequence[tuple[str, float | None, str]], *, top: float = 0, unit: str = "") -> str:
    """`points`: (label below, value, words for it); None leaves a gap. `top` is the scale's end at least."""
    high = max([top, *(value for _, value, _ in points if value is not None)]) or 1.0
    step = (WIDTH - LEFT - 20) / max(1, len(points) - 1)

    def place(index: int, value: float) -> tuple[float, float]:
        x = LEFT + 10 + (index * step if len(points) > 1 else (WIDTH - LEFT) / 2)
        return round(x, 1), round(HEIGHT - BOTTOM - value / high * (HEIGHT - BOTTOM - TOP), 1)

    there = [(*place(i, value), label, words) for i, (label, value, words) in enumerate(points) if value is not None]
    grid = "".join(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{place(0, value)[1]}" y2="{place(0, value)[1]}" stroke="{LINE}"/>'
                   f'<text x="{LEFT - 6}" y="{place(0, value)[1] + 4}" text-anchor="end">{value:.3g}{escape(unit)}</text>'
                   for value in (0, high / 2, high))
    line = " ".join(f"{x},{y}" for x, y, _, _ in there)
    each = max(1, -(-len(there) // 8))                   # labels that fit side by side
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="4" fill="{INK}"><title>{escape(words)}</title></circle>'
                   for x, y, _, words in there)
    below = "".join(f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="middle">{escape(label)}</text>'
                    for number, (x, _, label, _) in enumerate(there) if number % each == 0)
    return (f'<svg viewBox="0 0 {WIDTH + 40} {HEIGHT}" role="img" aria-label="{escape(title)}" font-size="11" '
            f'font-family="sans-serif" fill="{SOFT}"><title>{escape(title)}</title>'
            f'{grid}<polyline points="{line}" fill="none" stroke="{INK}" stroke-width="2"/>{dots}{below}</svg>')
