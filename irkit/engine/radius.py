"""The blast-radius report: what a probe found that a run of this runbook would affect, made from the probe's own entries.

A JSON document (SCHEMA), and the same as text (`irkit.engine.radius_text`). Both are artefacts of the probe's incident, and
run.closed names them. What could not be seen and what was not reached stands in it beside what was: never as nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from irkit.action import Effect
from irkit.engine import radius_text
from irkit.engine.fold import value_of
from irkit.engine.gate import News
from irkit.engine.plan import ADDRESS
from irkit.engine.probing import BY_HAND, DECISION, NOT_REACHED, NOT_SEEN, UNAVAILABLE
from irkit.engine.session import Session, load_from
from irkit.engine.state import REPORT, RunState, StepState
from irkit.engine.values import name_of, rfc3339
from irkit.ledger import Entry
from irkit.runbook import Missing, Step

SCHEMA = "irkit/blast-radius-v1"
TEXT = "blast-radius.txt"              # the JSON's name is REPORT: by it a ledger's reports are found
WRITES, NOTHING, LOOKED = "would_write", "nothing_to_send", "looked"
UNSEEN = frozenset({NOT_REACHED, NOT_SEEN, UNAVAILABLE})
Load = Callable[[str], bytes]


# -- made and kept -----------------------------------------------------------------------------------------------

def keep(session: Session) -> dict[str, str]:
    """Keep the report of a probe that is about to be closed, and say it. Returns the values by which run.closed names it."""
    report = made(session)
    lines = radius_text.lines(report)
    text, raw = "".join(f"{line}\n" for line in lines), json.dumps(report, indent=1, sort_keys=True) + "\n"
    ledger, run = session.ctx.ledger, session.ctx.run
    as_json = ledger.keep(REPORT, raw.encode("utf-8", "surrogatepass"), media_type="application/json", run=run, by="machine")
    as_text = ledger.keep(TEXT, text.encode("utf-8", "replace"), media_type="text/plain", run=run, by="machine")
    session.refresh()
    session.ctx.say(News(lines))
    return {"probe.report": as_json.sha256, "probe.text": as_text.sha256, "probe.headline": report["headline"]}


def made(session: Session) -> dict[str, Any]:
    """The report of this run, as far as it went."""
    run, book, ctx = session.run, session.runbook, session.ctx
    found = _found(ctx.ledger.entries(), run, load_from(ctx.ledger))
    steps = _taking_back(session, [_step(session, step, found.get(step.id, _Found())) for step in book.steps])
    targets: dict[str, set[str]] = {}
    for connection, place in (pair for one in found.values() for pair in one.places):
        targets.setdefault(connection, set()).add(place)
    report = {
        "irkit": SCHEMA, "incident": ctx.ledger.folder.name, "run": run.id, "mode": session.state.mode, "by": ctx.who,
        "runbook": {"name": book.name, "title": book.title, "version": book.version, "sha256": book.sha256},
        "inputs": run.inputs, "targets": {name: sorted(places) for name, places in sorted(targets.items())},
        "opened_at": rfc3339(run.opened_at), "made_at": rfc3339(ctx.clock.now().replace(microsecond=0)), "steps": steps,
        "cannot_be_undone": _totals(steps, Effect.IRREVERSIBLE), "can_be_undone": _totals(steps, Effect.REVERSIBLE),
    }
    return {**report, "headline": radius_text.headline(report)}


def _totals(steps: Iterable[Mapping[str, Any]], effect: Effect) -> dict[str, int]:
    """How many different things of each noun: a person whom two steps affect counts once, by their address."""
    found: dict[str, set[str]] = {}
    for step in steps:
        for request in step.get("requests", ()) if step.get("effect") == effect.value else ():
            names = found.setdefault(request["noun"], set())
            for name in request["affects"]:
                address = ADDRESS.search(name) if request["noun"] == "person" else None
                names.add(address[0].casefold() if address else name)
    return {noun: len(names) for noun, names in sorted(found.items(), key=lambda one: -len(one[1]))}


# -- from the entries --------------------------------------------------------------------------------------------

@dataclass
class _Found:
    """What the entries say of one step."""

    requests: dict[int | None, dict[str, Any]] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    word: str = ""                     # how a probe ended it, where it says so
    trouble: dict[int | None, str] = field(default_factory=dict)       # why an item was not seen
    incomplete: bool = False
    left: list[str] = field(default_factory=list)      # what a run would have tidied up after a read
    places: set[tuple[str, str]] = field(default_factory=set)          # connection, address


def _found(entries: Iterable[Entry], run: RunState, load: Load) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for entry in entries:
        if entry.run == run.id and entry.step:
            _take(found.setdefault(entry.step, _Found()), entry, load)
    return found


def _take(one: _Found, entry: Entry, load: Load) -> None:
    shown = entry.disclosed
    if entry.kind == "step.started" and not entry.data.get("again"):
        one.requests, one.plan, one.word, one.trouble, one.left = {}, {}, "", {}, []
    if "request.url" in shown:
        url = urlsplit(str(shown["request.url"]))
        one.places.add((str(shown.get("request.connection")), f"{url.scheme}://{url.netloc}"))
    if entry.kind == "request.not_sent" and entry.data.get("probe"):
        if "request.url" in shown:
            one.requests[entry.item] = _request(entry, load)
        if entry.item is None:
            names = [name for name in shown if name.startswith("probe.")]
            one.plan = {**entry.data, **{name.removeprefix("probe."): value_of(entry, name, load) for name in names}}
    elif entry.kind == "request.not_sent" and entry.data.get("cleanup"):
        one.left.append(f"{shown.get('request.method')} {shown.get('request.url')}")
    elif entry.kind in ("step.failed", "step.unavailable", "step.unknown"):
        one.trouble[entry.item] = str(shown.get("reason", ""))
    elif entry.kind == "step.skipped":
        one.word = str(entry.data.get("probe", ""))
    elif entry.kind == "step.done" and entry.item is None:
        one.incomplete = bool(entry.data.get("incomplete"))


def _request(entry: Entry, load: Load) -> dict[str, Any]:
    shown = entry.disclosed
    return {"item": entry.item, "entry": entry.seq, "method": shown["request.method"], "url": shown["request.url"],
            "body": shown.get("request.body"), "noun": shown["request.noun"],
            "affects": value_of(entry, "request.affects", load), "seen": value_of(entry, "request.seen", load)}


# -- a step ------------------------------------------------------------------------------------------------------

def _step(session: Session, step: Step, found: _Found) -> dict[str, Any]:
    state = session.step_state(step)
    facts: dict[str, Any] = {"number": session.number(step.id), "id": step.id, "title": step.title, "phase": step.phase,
                             "finding": _finding(session, step, state, found), "reason": state.reason}
    if step.when is not None and _open(session, step):
        facts["if"] = step.when.source                # which it depends on is not known yet
    if step.approve is not None:
        facts["approve"] = step.approve.role
    if step.kind == "action":
        action = session.action_of(step)
        facts |= {"action": action.full_name, "effect": action.effect.value}
    unseen = [{"name": _named(state, item), "reason": why} for item, why in found.trouble.items() if item is not None]
    if unseen:
        facts["items_not_seen"] = unseen
    facts |= {"incomplete": True} if found.incomplete else {}
    facts |= {"left_behind": found.left} if found.left else {}
    if facts["finding"] == WRITES:
        facts |= _writes(session, step, state, found)
    return facts


def _taking_back(session: Session, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A step that finds nothing to take back, as the step that it takes back was not sent, is no step without an effect."""
    undone: dict[str, int] = {}                       # an action -> the step of this probe that it would take back
    for facts, step in zip(steps, session.runbook.steps, strict=True):
        first = undone.get(facts.get("action", ""))
        if facts["finding"] == NOTHING and first is not None:
            facts |= {"finding": NOT_REACHED, "reason": f"it takes back what step {first} does, which was shown, not sent"}
        if facts["finding"] == WRITES:
            undone.setdefault(session.action_of(step).undo, facts["number"])
    return steps


def _writes(session: Session, step: Step, state: StepState, found: _Found) -> dict[str, Any]:
    requests = [{**one, **({} if item is None else {"name": _named(state, item)})} for item, one in found.requests.items()]
    plan: dict[str, Any] = {name: value for name, value in found.plan.items()
                            if name in ("undo", "acting_as", "warnings", "destroys", "already")}
    unverified = session.action_of(step).unverified
    return {**plan, "requests": requests, **({"unverified": unverified} if unverified else {})}


def _named(state: StepState, item: int) -> str:
    return name_of(state.listed[item]) if item < len(state.listed) else f"item {item + 1}"


def _open(session: Session, step: Step) -> bool:
    try:
        step.when_value(session.scope())
    except Missing:
        return True
    return False


def _finding(session: Session, step: Step, state: StepState, found: _Found) -> str:
    if state.state == "not_sent":
        return WRITES
    if state.state == "skipped" and found.word:
        return found.word
    if state.state == "unavailable" or (state.state == "done" and isinstance(state.result, dict) and state.result.get("gaps")):
        return UNAVAILABLE
    if state.state == "done" and step.kind == "action":
        return LOOKED if session.action_of(step).effect is Effect.READ else NOTHING
    return state.state if state.state in ("not_needed", BY_HAND, DECISION) else NOT_REACHED


# -- read again --------------------------------------------------------------------------------------------------

def read(raw: bytes, sha256: str = "") -> dict[str, Any]:
    """A kept report. Raises ValueError for bytes that are none, or that are not those of `sha256`."""
    if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
        raise ValueError("the report's bytes are not those of its SHA-256")
    try:
        found = json.loads(raw)
        if found["irkit"] == SCHEMA and radius_text.lines(found):      # what can be read to its end
            return dict(found)
    except (LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError("this is no blast-radius report")
