"""Where we stand: a fold over the ledger's entries, and the only state there is.

The rules:

- The same entries give the same state, in this process or the next one; nothing is remembered beside them.
- A step's result is decoded from the bytes of its entry (or artefact), so a resumed run sees what the first one saw.
- A `request.sending` without a final word is open: `unknown` until a look or a person settles it.
- The `seen` of each sending is kept as it was; undo restores the first one's, and no later look replaces it.
- Entries of an undo say so in their data. They fold into a step of their own, so that taking back can fail, be unknown and be
  looked at again like any step, while the step itself stays what it is until step.undone. Requests for approval stay in one
  list: the step's latest is the one that counts, whatever it is for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from irkit.engine import people
from irkit.engine.gate import Offered, Stamps
from irkit.engine.known import Control, Known, Met, Warned
from irkit.engine.state import REPORT, SETTLED, WITH_RESULT, Approval, Probed, RunState, Sending, State, StepState
from irkit.ledger import Entry
from irkit.ledger.holding import NOBODY, gives_up

Load = Callable[[str], bytes]


def moment(entry: Entry) -> datetime:
    """When it happened: the drill's time in a drill, the machine's otherwise."""
    return datetime.fromisoformat(entry.data.get("drill_at") or entry.at)


def fold(state: State, entries: Iterable[Entry], load: Load) -> State:
    """Apply `entries` in order. `load(sha256)` reads an artefact that holds a value too large for a line."""
    for entry in entries:
        state.seq, state.head = entry.seq, entry.leaf
        if handler := _INCIDENT.get(entry.kind):
            handler(state, entry)
        if state.mode != "drill" or "drill_at" in entry.data:
            state.latest = max(moment(entry), state.latest or moment(entry))
        run = state.runs.get(entry.run or "")
        if run is None:
            continue
        if handler_run := _RUN.get(entry.kind):
            handler_run(state, run, entry)
        if entry.kind == "step.started":       # the others' values are not read here, and so not decoded
            run.typed.update({k.removeprefix("typed."): v for k, v in entry.disclosed.items() if k.startswith("typed.")})
        if entry.step:
            _of_step(state, run.step(entry.step), entry, load)
    return state


def _of_step(state: State, step: StepState, entry: Entry, load: Load) -> None:
    if entry.data.get("undo") and not entry.kind.startswith("approval."):
        _of_undo(state, step, entry, load)
    else:
        _of_one(state, step, entry, load)


def _of_undo(state: State, step: StepState, entry: Entry, load: Load) -> None:
    if not step.undos or (entry.kind == "step.started" and not entry.data.get("again")):
        step.undos.append(StepState(step.id))
    if entry.kind != "step.undone":
        _of_one(state, step.undos[-1], entry, load)
        return
    _step(state, step.undos[-1], "done", entry, load)
    for sending in step.sendings:
        sending.undone = sending.undone or entry.item in (None, sending.item)
    if entry.item is not None:
        step.items[entry.item] = "undone"
        return
    step.state, step.at, step.entry, step.who, step.result = "undone", moment(entry), entry.seq, state.who(entry), None


def _of_one(state: State, step: StepState, entry: Entry, load: Load) -> None:
    group, _, verb = entry.kind.partition(".")
    if group == "step":
        _step(state, step, verb, entry, load)
    elif entry.kind == "decision":
        _step(state, step, "done", entry, load)
    elif entry.kind in _STEP:
        _STEP[entry.kind](step, entry)


# -- the incident ------------------------------------------------------------------------------------------------

def _genesis(state: State, entry: Entry) -> None:
    state.mode = entry.data["mode"]
    people.join(state, entry)


def _session(state: State, entry: Entry) -> None:
    state.people[entry.seq] = str(entry.disclosed.get("person.name", "unknown"))
    state.sessions[entry.seq] = entry.data
    state.keys[entry.seq] = entry.who


def _session_end(state: State, entry: Entry) -> None:
    state.sessions.pop(entry.session, None)


def _opened(state: State, entry: Entry) -> None:
    data, run_id = entry.data, entry.run or ""
    inputs = {k.removeprefix("inputs."): v for k, v in entry.disclosed.items() if k.startswith("inputs.")}
    state.runs[run_id] = RunState(
        run_id, data["runbook"], data["version"], data["runbook_sha256"], data["mode"], moment(entry), state.who(entry),
        entry.session, scenario=data.get("scenario_sha256", ""),
        inputs=inputs, known={name: Known(value, entry.seq, moment(entry), state.who(entry)) for name, value in inputs.items()},
        last_who=state.who(entry))


def _note(state: State, _: Entry) -> None:
    state.notes += 1


def _artefact(state: State, entry: Entry) -> None:
    state.artefacts += 1
    size = entry.disclosed.get("artefact.size", 0)
    state.artefact_bytes += size if isinstance(size, int) else 0
    if entry.disclosed.get("artefact.name") == REPORT:
        sha256 = str(entry.disclosed.get("artefact.sha256"))
        state.reports.pop(sha256, None)                # the latest stands last
        state.reports[sha256] = entry.seq


def _anchor(state: State, entry: Entry) -> None:
    data = entry.data
    state.stamps = Stamps(max(state.stamps.entries, data["size"]), state.stamps.authorities | {str(data.get("authority"))},
                          datetime.fromisoformat(data["gen_time"]))


def _stepped(state: State, entry: Entry) -> None:
    before, state.set_back = state.set_back, max(timedelta(), state.set_back - timedelta(milliseconds=entry.data["step_ms"]))
    if state.set_back > before:
        state.set_back_at = entry.seq


_INCIDENT: dict[str, Callable[[State, Entry], None]] = {
    "genesis": _genesis, "session.start": _session, "session.end": _session_end, "run.opened": _opened, "note": _note,
    "artefact.added": _artefact, "anchor.timestamp": _anchor, "role.assigned": people.assign, "clock.stepped": _stepped,
}


# -- a run -------------------------------------------------------------------------------------------------------

def _resumed(state: State, run: RunState, entry: Entry) -> None:
    if entry.kind == "handover.accepted" or not people.same_name(run.last_who, state.who(entry)):
        run.offer = None
    run.holder, run.last_who, run.closed, run.packed = entry.session, state.who(entry), False, -1


def _offered(_: State, run: RunState, entry: Entry) -> None:
    shown = entry.disclosed
    run.offer = Offered(entry.seq, str(shown.get("handover.from", "")), str(shown.get("handover.to", "")), moment(entry),
                        str(shown.get("handover.text", "")), str(entry.data.get("key", "")))


def _paused(_: State, run: RunState, entry: Entry) -> None:
    if gives_up(entry.kind, entry.data):
        run.holder, run.packed = NOBODY, entry.seq


def _closed(_: State, run: RunState, entry: Entry) -> None:
    run.closed = True
    if "probe.report" in (shown := entry.disclosed):
        run.probed = Probed(*(str(shown.get(f"probe.{name}", "")) for name in ("headline", "report", "text")))


def _corrected(state: State, run: RunState, entry: Entry) -> None:
    values = {k.removeprefix("inputs."): v for k, v in entry.disclosed.items() if k.startswith("inputs.")}
    run.inputs.update(values)
    reason = str(entry.disclosed.get("reason", ""))
    run.known.update({k: Known(v, entry.seq, moment(entry), state.who(entry), "corrected", reason) for k, v in values.items()})


def _inject(_: State, run: RunState, entry: Entry) -> None:
    (run.answered if entry.data.get("answered") else run.injects).add(entry.data["inject"])


def _control(state: State, run: RunState, entry: Entry) -> None:
    """A facilitator steers a drill, and nothing else: where anything is real such an entry changes nothing."""
    if state.mode != "drill":
        return
    verb = str(entry.data.get("control", ""))
    if verb == "taken" and entry.ref is not None:
        run.taken.add(entry.ref)
    else:
        run.controls.append(Control(entry.seq, verb, entry.session, state.who(entry), moment(entry), entry.data,
                                    entry.disclosed, entry.ref))


# -- its clocks: see `irkit.engine.deadlines` for what follows from these entries ---------------------------------

def _due(_: State, run: RunState, entry: Entry) -> None:
    run.started[entry.data["clock"]] = datetime.fromisoformat(entry.data["due"])


def _met(state: State, run: RunState, entry: Entry) -> None:
    """A person's decision, in a session that is theirs. One that irkit told from the step alone the fold tells, too."""
    shown = entry.disclosed
    if entry.by != "human" or not state.signed(entry.session):
        return
    sent = shown.get("deadline.sent", ())
    run.met[entry.data["clock"]] = Met(
        entry.seq, moment(entry), str(shown.get("deadline.by", state.who(entry))),
        _observed(entry), str(shown.get("deadline.basis", "")),
        tuple(map(str, sent)) if isinstance(sent, list) else (), entry.step or "", entry.ref)


def _observed(entry: Entry) -> datetime:
    """When somebody says that it happened; when it went on record where they do not."""
    try:
        when = datetime.fromisoformat(str(entry.disclosed.get("observed_at", "")))
    except ValueError:
        return moment(entry)
    return when if when.tzinfo else moment(entry)


def _amended(state: State, run: RunState, entry: Entry) -> None:
    """A decision that a clock is met was withdrawn: by a person, or by irkit as its step came to stand otherwise."""
    clock = entry.data.get("clock", "")
    met = run.met.get(clock)
    if met is not None and met.entry == entry.ref:
        del run.met[clock]
        run.reopened[clock] = Known(None, entry.seq, moment(entry), state.who(entry),
                                    "withdrawn" if entry.by == "human" else "noticed", str(entry.disclosed.get("reason", "")))


def _warned(_: State, run: RunState, entry: Entry) -> None:
    data = entry.data
    run.warned.setdefault(data["clock"], []).append(
        Warned(datetime.fromisoformat(data["due"]), data["threshold"], entry.seq, moment(entry)))


def _artefact_of_step(_: State, run: RunState, entry: Entry) -> None:
    if entry.step and entry.by == "human":
        run.step(entry.step).evidence = True


_RUN: dict[str, Callable[[State, RunState, Entry], None]] = {
    "run.resumed": _resumed, "handover.accepted": _resumed, "handover.offered": _offered, "run.paused": _paused,
    "run.closed": _closed, "input.corrected": _corrected,
    "inject": _inject, "control": _control,
    "deadline.started": _due, "deadline.met": _met, "deadline.warned": _warned, "amended": _amended,
    "artefact.added": _artefact_of_step,
}


# -- a step ------------------------------------------------------------------------------------------------------

def _sending(step: StepState, entry: Entry) -> None:
    if entry.data.get("cleanup"):
        return
    shown = entry.disclosed
    step.sendings.append(Sending(entry.seq, moment(entry), entry.item, str(shown.get("request.method", "")),
                                 str(shown.get("request.url", "")), entry.data.get("effect", ""),
                                 entry.data.get("settle", "look"), shown.get("request.seen"), entry.data.get("action", ""),
                                 _args_of(step, entry.item), approval=entry.data.get("approval")))
    if entry.item is None:
        step.state = "sending"
    step.entry = entry.seq


def _args_of(step: StepState, item: int | None) -> Any:
    if item is None:
        return step.args if isinstance(step.args, dict) else None
    return step.args[item] if isinstance(step.args, list) and item < len(step.args) else None


def _answer(step: StepState, entry: Entry) -> None:
    for sending in step.sendings:
        if sending.seq == entry.ref:
            sending.status = entry.data.get("status")


def _body(step: StepState, entry: Entry) -> None:
    for sending in step.sendings:
        if sending.seq == entry.ref and entry.data.get("refused"):
            sending.said_no = True


def _not_sent(step: StepState, entry: Entry) -> None:
    for sending in step.sendings:
        if sending.seq == entry.ref:
            sending.not_sent = True
    if entry.data.get("probe") and entry.item is None:
        step.state, step.at, step.entry = "not_sent", moment(entry), entry.seq


def _asked_for(step: StepState, entry: Entry) -> None:
    if step.approval is not None and step.approval.state == "open":
        step.approval.state = "replaced"
    step.approvals.append(Approval(entry.seq, entry.session, entry.who, str(entry.data.get("role", "")),
                                   datetime.fromisoformat(entry.data["expires"]), entry.disclosed,
                                   undo=bool(entry.data.get("undo"))))


def _agreed(step: StepState, entry: Entry) -> None:
    """An answer, or the end, of a request; an attempt that was turned away bears no signature and changes nothing."""
    found = next((one for one in step.approvals if one.seq == entry.ref), None)
    verb = entry.kind.partition(".")[2]
    if found is None or (verb == "refused" and "signature" not in entry.data):
        return
    if verb == "expired":
        found.state = verb
    elif found.state == "open":
        found.state, found.answer, found.approver = verb, entry.seq, str(entry.data["key"])
        found.by = str(entry.disclosed.get("approval.by", "somebody"))
        found.reason = str(entry.disclosed.get("approval.reason", ""))


def _again(step: StepState, entry: Entry) -> None:
    """A step that was not needed is open again: what decided that changed since."""
    if step.state == "not_needed" and entry.ref == step.entry:
        step.state, step.at, step.entry, step.reason = "pending", None, entry.seq, ""


_STEP: dict[str, Callable[[StepState, Entry], None]] = {
    "approval.asked": _asked_for, "approval.given": _agreed, "approval.refused": _agreed, "approval.expired": _agreed,
    "request.sending": _sending, "request.answer": _answer, "request.body": _body,
    "request.not_sent": _not_sent, "amended": _again,
}


def _step(state: State, step: StepState, verb: str, entry: Entry, load: Load) -> None:
    if entry.data.get("changed"):
        step.changed = str(entry.disclosed.get("reason", ""))
    if entry.item is not None:
        step.items[entry.item] = verb
        _settle(step, verb, entry)
        if verb in WITH_RESULT:
            step.item_results[entry.item] = result(entry, load)
        return
    step.entry, step.who = entry.seq, state.who(entry)
    if verb == "asked":
        step.state = "asked"
        return
    step.state = {"started": "looking"}.get(verb, verb)
    step.reason = str(entry.disclosed.get("reason", ""))
    step.until = datetime.fromisoformat(entry.data["until"]) if "until" in entry.data else None
    if verb == "started":
        _started(step, entry, load)
    _settle(step, verb, entry)
    if step.state in SETTLED:
        step.at = moment(entry)
    if step.state in WITH_RESULT:
        step.result = result(entry, load)


def _started(step: StepState, entry: Entry, load: Load) -> None:
    if not entry.data.get("again"):
        step.items, step.item_results = {}, {}
    if "items" in entry.data:
        step.args, step.listed = value_of(entry, "args", load), value_of(entry, "items", load) or ()
    else:
        step.args = {k.removeprefix("args."): v for k, v in entry.disclosed.items() if k.startswith("args.")}


def _settle(step: StepState, verb: str, entry: Entry) -> None:
    for sending in step.sendings if verb in WITH_RESULT else ():       # a skipped step leaves its unknown an unknown
        if entry.item is None or sending.item == entry.item:
            sending.settled = True
            sending.did_it = sending.did_it or sending.seq == entry.data.get("sent_at")


def result(entry: Entry, load: Load) -> Any:
    """The entry's result, from the line's disclosure or from the artefact that it names."""
    return value_of(entry, "result", load)


def value_of(entry: Entry, name: str, load: Load) -> Any:
    """A value of an entry, from its line's disclosure or from the artefact that this names."""
    value = entry.disclosed.get(name)
    if isinstance(value, dict) and set(value) == {"artefact", "bytes"}:
        return json.loads(load(value["artefact"]))
    return value
