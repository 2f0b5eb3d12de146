"""What changed between two versions of a runbook, in plain words: what a reviewer or an auditor would have to see.

Steps are known by their ids; one that went while another came with the same title, or the same action and parameters, was
renamed. `weaker` marks what takes a safeguard away: it is no verdict, it is what to look at first.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from irkit.action import Action, Effect
from irkit.errors import UsageError
from irkit.runbook.model import Approve, Clock, Input, Runbook, Step
from irkit.runbook.template import Arg, Expr, Template
from irkit.runbook.values import duration_text

FindAction = Callable[[str], Action]


class Change(Struct, frozen=True):
    """`kind`: added, removed, renamed, moved, or the key that changed. `old` and `new` as written; "" where there is none."""

    kind: str
    what: str                      # "step end_sessions", "clock gdpr_33", "input since", "the runbook"
    text: str
    old: str = ""
    new: str = ""
    weaker: bool = False

    def json(self) -> dict[str, Any]:
        return asdict(self)


def compare(old: Runbook, new: Runbook, find_action: FindAction) -> list[Change]:
    """From the head of the file to its last step; none when both say the same, however they are spaced."""
    return [*_heads(old, new), *_named(old.inputs, new.inputs, "input", _input), *_roles(old, new), *_clocks(old, new),
            *_steps(old, new, find_action)]


# -- the head ----------------------------------------------------------------------------------------------------

def _heads(old: Runbook, new: Runbook) -> Iterator[Change]:
    if old.version != new.version:
        before, after = str(old.version), str(new.version)
        yield Change("version", "the runbook", f"version {before} is now {after}", before, after, new.version < old.version)
    for key in ("name", "title", "owner", "use_when"):
        yield from _value(key.replace("_", " "), "the runbook", getattr(old, key), getattr(new, key))
    for gone in sorted(set(old.compromised) - set(new.compromised)):
        yield Change("compromised", "the runbook", f"{gone} no longer counts as compromised", gone, "", weaker=True)
    for come in sorted(set(new.compromised) - set(old.compromised)):
        yield Change("compromised", "the runbook", f"{come} now counts as compromised", "", come)


def _roles(old: Runbook, new: Runbook) -> Iterator[Change]:
    yield from _named(old.roles, new.roles, "role", lambda before, after, what: _value("title", what, before, after))


def _input(old: Input, new: Input, what: str) -> Iterator[Change]:
    for key in ("type", "ask", "default"):
        yield from _value(key, what, getattr(old, key) or "", getattr(new, key) or "")
    yield from _value("choices", what, ", ".join(old.choices), ", ".join(new.choices))


def _clocks(old: Runbook, new: Runbook) -> Iterator[Change]:
    def changed(before: Clock, after: Clock, what: str) -> Iterator[Change]:
        yield from _value("title", what, before.title, after.title)
        yield from _value("start", what, before.start.source, after.start.source)
        yield from _time("within", what, before.within, after.within, longer_is_weaker=True)
        yield from _value("stops", what, before.stops, after.stops)
    yield from _named({c.id: c for c in old.clocks}, {c.id: c for c in new.clocks}, "clock", changed)


def _named(old: Mapping[str, Any], new: Mapping[str, Any], noun: str,
           changed: Callable[[Any, Any, str], Iterator[Change]]) -> Iterator[Change]:
    """Things with a name: which went, which came, and what `changed` says of the others."""
    for name in (*old, *(name for name in new if name not in old)):
        what = f"{noun} {name}"
        if name not in new:
            yield Change("removed", what, f"{what} is gone", name, "", noun == "clock")
        elif name not in old:
            yield Change("added", what, f"{what} is new", "", name)
        else:
            yield from changed(old[name], new[name], what)


# -- steps -------------------------------------------------------------------------------------------------------

def _steps(old: Runbook, new: Runbook, find_action: FindAction) -> Iterator[Change]:
    renamed = _renamed(old, new)
    then = {renamed.get(step.id, step.id): (number, step) for number, step in enumerate(old.steps, 1)}
    now = {step.id: (number, step) for number, step in enumerate(new.steps, 1)}
    for name, (number, step) in then.items():
        if name not in now:
            keeps = _action(step, find_action)
            yield Change("removed", f"step {step.id}", f'step {number} "{step.title}" is gone' + (
                ", and with it what it preserved" if keeps and keeps.preserves else ""), step.title, "", weaker=True)
    kept = longest_rise([now[name][0] for name in then if name in now])
    for name, (number, step) in now.items():
        if name not in then:
            text = f'step {number} "{step.title}" is new{_of(step, find_action)}'
            yield Change("added", f"step {name}", text, "", step.title)
            continue
        was, before = then[name]
        if before.id != name:
            yield Change("renamed", f"step {name}", f"step {number} was called {before.id}", before.id, name)
        if number not in kept:
            yield Change("moved", f"step {name}", f'"{step.title}" was step {was} and is step {number}', str(was), str(number))
        yield from _step(before, step, find_action)


def _renamed(old: Runbook, new: Runbook) -> dict[str, str]:
    """Old id -> new id."""
    gone = [step for step in old.steps if new.step(step.id) is None]
    come = [step for step in new.steps if old.step(step.id) is None]
    found: dict[str, str] = {}
    for step in gone:
        like = (other for other in come if other.id not in found.values() and other.kind == step.kind
                and (other.title == step.title or (step.action and (other.action, other.with_) == (step.action, step.with_))))
        if (other := next(like, None)) is not None:
            found[step.id] = other.id
    return found


def _step(old: Step, new: Step, find_action: FindAction) -> Iterator[Change]:
    what = f"step {new.id}"
    yield from _value("title", what, old.title, new.title)
    yield from _kind(old, new, what, find_action)
    for key in ("phase", "owner", "connection"):
        yield from _value(key, what, getattr(old, key) or "", getattr(new, key) or "")
    for key in ("do", "ask", "when", "for_each"):
        before, after = getattr(old, key), getattr(new, key)
        yield from _value(key, what, _source(before), _source(after), same=before == after)
    yield from _value("with", what, _source(Arg(old.with_)), _source(Arg(new.with_)), same=old.with_ == new.with_)
    yield from _value("choices", what, _choices(old), _choices(new))
    yield from _time("target", what, old.target, new.target, longer_is_weaker=True)
    yield from _safeguards(old, new, what)
    yield from _value("why", what, old.why, new.why)
    yield from _value("refs", what, ", ".join(old.refs), ", ".join(new.refs))


def _kind(old: Step, new: Step, what: str, find_action: FindAction) -> Iterator[Change]:
    """Another kind of step, another action, another effect."""
    if (old.kind, old.action) == (new.kind, new.action):
        return
    before, after = _action(old, find_action), _action(new, find_action)
    effects = [one.effect.value if one else "" for one in (before, after)]
    text = f"{_doing(old)} is now {_doing(new)}"
    if effects[0] != effects[1] and all(effects):
        text += f"; its effect is now {effects[1]}, it was {effects[0]}"
    final = after is not None and after.effect is Effect.IRREVERSIBLE and (before is None or before.effect is not after.effect)
    kind = "effect" if effects[0] != effects[1] else "action"
    yield Change(kind, what, text + ("; it cannot be undone" if final else ""), _doing(old), _doing(new), final)


def _safeguards(old: Step, new: Step, what: str) -> Iterator[Change]:
    """Who agrees, what evidence is wanted, what is kept first, what is waited for."""
    if old.evidence != new.evidence:
        text = "evidence is required now" if new.evidence == "required" else "evidence is no longer required"
        yield Change("evidence", what, text, old.evidence, new.evidence, new.evidence == "none")
    yield from _value("unpreserved", what, old.unpreserved, new.unpreserved, weaker=bool(new.unpreserved))
    yield from _value("after", what, _after(old), _after(new))
    if _approval(old.approve) == _approval(new.approve):         # the records themselves know where they stand
        return
    if new.approve is None:
        yield Change("approve", what, "nobody has to agree any more", _approval(old.approve), "", weaker=True)
    else:
        before = f", before it was {_approval(old.approve)}" if old.approve else ", before nobody did"
        yield Change("approve", what, f"a second person agrees: {_approval(new.approve)}{before}", _approval(old.approve),
                     _approval(new.approve), old.approve is not None and new.approve.expires > old.approve.expires)


def _after(step: Step) -> str:
    return f"{step.after.step} + {duration_text(step.after.wait)}" if step.after else ""


def _approval(approve: Approve | None) -> str:
    if approve is None:
        return ""
    shown = ", with evidence" if approve.evidence == "required" else ""
    return f"{approve.role}, within {duration_text(approve.expires)}{shown}"


def _action(step: Step, find_action: FindAction) -> Action | None:
    """None for a step by hand, a decision, and an action that this irkit does not have."""
    try:
        return find_action(step.action) if step.action else None
    except UsageError:
        return None


def _of(step: Step, find_action: FindAction) -> str:
    action = _action(step, find_action)
    what = f", {action.effect.value}" if action else ""
    return f": {_doing(step)}{what}"


def _doing(step: Step) -> str:
    return step.action or {"do": "a step by hand", "ask": "a decision"}.get(step.kind, "")


def _choices(step: Step) -> str:
    return "; ".join(f"{key}: {text}" for key, text in step.choices.items())


# -- values ------------------------------------------------------------------------------------------------------

def _value(key: str, what: str, old: str, new: str, *, same: bool = False, weaker: bool = False) -> Iterator[Change]:
    """A text that changed in more than its spacing."""
    old, new = (re.sub(r"\s+", " ", text).strip() for text in (old, new))
    if old == new or same:
        return
    verb = "is new" if not old else "is gone" if not new else "is reworded" if " " in old and " " in new else "changed"
    yield Change(key, what, f"`{key}` {verb}", old, new, weaker)


def _time(key: str, what: str, old: timedelta | None, new: timedelta | None, *, longer_is_weaker: bool) -> Iterator[Change]:
    if old == new:
        return
    before, after = (duration_text(one) if one is not None else "" for one in (old, new))
    was = f", it was {before}" if before else ""
    text = f"`{key}` is now {after}{was}" if after else f"`{key}` is gone{was}"
    yield Change(key, what, text, before, after, longer_is_weaker and old is not None and (new is None or new > old))


def _source(value: Template | Expr | Arg | None) -> str:
    """As it was written; lists and mappings on one line."""
    if value is None:
        return ""
    if not isinstance(value, Arg):
        return value.source
    if isinstance(value.body, tuple):
        return f"[{', '.join(map(_source, value.body))}]"
    if isinstance(value.body, Mapping):
        return ", ".join(f"{key}: {_source(one)}" for key, one in value.body.items())
    return value.body.source if value.body else "~"


def longest_rise(numbers: Sequence[int]) -> set[int]:
    """A longest run of numbers that go up, in the order given: those that nobody moved."""
    tails: list[int] = []
    back: list[tuple[int, int | None]] = []              # (number, where in `back` the one before it is)
    at: list[int] = []                                   # for each length, where in `back` its last one is
    for number in numbers:
        place = bisect_left(tails, number)
        tails[place:place + 1] = [number]
        back.append((number, at[place - 1] if place else None))
        at[place:place + 1] = [len(back) - 1]
    found: set[int] = set()
    here = at[-1] if at else None
    while here is not None:
        value, here = back[here]
        found.add(value)
    return found
