"""Leaving some items out of a fan-out: picked from a list, or typed as numbers or names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from irkit.engine import ask
from irkit.engine.session import Session
from irkit.runbook import Step


def except_some(session: Session, step: Step, names: Mapping[int, str]) -> dict[int, str]:
    """Index -> reason of the items to leave out; none where nothing was chosen. `names`: index -> how people know it."""
    shown = {str(i + 1): name for i, name in names.items()}
    answer = ask.text(session, step.id, "except", "Leave out which? Numbers such as 2, 5-7, or names (empty: none)",
                      required=False, parse=lambda text: numbers(text, shown), pick=shown)
    chosen = numbers(answer, shown) if answer else []
    if not chosen:
        return {}
    why = ask.reason(session, step.id, "Why are they left out?")
    return {number - 1: why for number in chosen}


def numbers(text: str, shown: Mapping[str, str]) -> list[int]:
    """The items that "2, 5-7, dana@example.org" names, in order. Raises ValueError with a sentence."""
    by_name: dict[str, list[int]] = {}
    for number, name in shown.items():
        by_name.setdefault(name.casefold(), []).append(int(number))
    found: set[int] = set()
    for part in [text] if text.casefold() in by_name else filter(None, map(str.strip, text.split(","))):
        span = re.fullmatch(r"(\d{1,6})(?:\s*-\s*(\d{1,6}))?", part)
        if span and part.casefold() not in by_name:
            first, last = int(span[1]), int(span[2] or span[1])
            named = [n for n in map(int, shown) if first <= n <= last]
            if first > last or (not span[2] and not named):
                raise ValueError(f"{part} is no item of this list.")
        else:
            named = by_name.get(part.casefold(), [])
        if not named:
            raise ValueError(f"{part} is no item of this list. l lists them.")
        found.update(named)
    if len(found) == len(shown):
        raise ValueError("That leaves nothing to send. To skip them all, answer with nothing and then s.")
    return sorted(found)
