"""Legal clocks as lines: every one on top of a screen, and each with what was known when for `irkit status`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from irkit.engine.clocks import LEFT
from irkit.engine.gate import Deadline, Where
from irkit.engine.known import Known
from irkit.engine.values import word
from irkit.ui.layout import Page, hm, short_hash


def segments(where: Where, page: Page) -> list[str]:
    """Every clock that is not closed: the nearest in full, the others short. Without any, what became of the first."""
    open_ = [d for d in where.deadlines if d.state not in ("met", "not needed")]
    running = sorted((d for d in open_ if d.due and d.state == "running"), key=_due)
    first, rest = running[:1], [*running[1:], *(d for d in open_ if d not in running)]
    shown = [page.due_in(d, where.now) for d in first or ([] if rest else where.deadlines[:1])]
    return [*([where.set_back.upper()] if where.set_back else []), *shown, *(_short(d, where.now) for d in rest)]


def _due(deadline: Deadline) -> float:
    return deadline.due.timestamp() if deadline.due else float("inf")


def _short(deadline: Deadline, now: datetime) -> str:
    """`HIPAA notice in 59 d 23:59`."""
    if deadline.due is None or deadline.state != "running":
        return f"{deadline.title} {deadline.state}"
    left = (deadline.due - now).total_seconds()
    return f"{deadline.title} " + (f"in {hm(left)}" if left >= 0 else f"OVERDUE by {hm(-left)}")


def listed(deadlines: Sequence[Deadline], now: datetime, page: Page) -> list[str]:
    """Each clock, and below it what it runs from, by which entry, and what was decided of it."""
    return [text for one in deadlines for text in (page.due_in(one, now), *_basis(one), *_end(one))]


def _basis(one: Deadline) -> list[str]:
    if one.start is None:
        return [f"- runs from {one.source}, which is not known yet"] if one.source else []
    since = f"- runs from {_at(one.start)}"
    found = [f"{since}: {_name(one.source)}{_said(one.known)}" if one.source else since]
    return found + [f"- warned at {_at(w.at)}, entry {w.entry}: {LEFT.get(w.threshold, w.threshold)}" for w in one.warned
                    if w.due == one.due]


def _name(source: str) -> str:
    """`aware_at` of `inputs.aware_at`; `step harm` of `steps.harm.at`."""
    root, _, rest = source.partition(".")
    return rest if root == "inputs" else f"step {rest.partition('.')[0]}"


def _said(known: Known | None) -> str:
    if known is None:
        return ""
    reason = f' ("{word(known.reason)}")' if known.reason else ""
    return f", {known.how} by {known.who} at {_at(known.at)}, entry {known.entry}{reason}"


def _end(one: Deadline) -> list[str]:
    if one.met is None:
        return [f"- {one.why}"] if one.why else []
    met = one.met
    late = f", late by {hm((met.when - one.due).total_seconds())}" if one.due and met.when > one.due else ""
    recorded = f"recorded {_at(met.at)}, " if met.at - met.when >= timedelta(minutes=1) else ""
    basis = f': "{met.basis}"' if met.basis else ""
    return [f"- met at {_at(met.when)} by {met.who}{late}, {recorded}entry {met.entry}{basis}",
            *(f"- sent: {_sent(text)}" for text in met.sent)]


def _sent(text: str) -> str:
    kind, _, sha256 = text.partition(" ")
    return f"artefact {short_hash(sha256)}" if kind == "artefact" and len(sha256) == 64 else text


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"
