"""The report of a probe beside a request for approval: which one fits, whether what would be sent is still what it showed.

It is there to be read. What an approver signs for is the fingerprint of the very requests and of what the look saw just now,
whatever a probe showed before; their signature is over the request's line, which holds the digest of the report, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from irkit.action import Outgoing
from irkit.engine import radius, radius_text
from irkit.engine.permit import Leaving, now_of
from irkit.engine.session import Session, load_from
from irkit.engine.values import numbered, plain
from irkit.errors import LedgerError, NotApproved
from irkit.ledger.approvals import part
from irkit.runbook import Step

VALUE = "approval.probe"
TIMES = "timestamp"                     # the type of inputs whose default is the moment of the run


def value_of(session: Session, step: Step, leaving: Leaving) -> dict[str, Any]:
    """What a request for approval says of the latest report that fits; empty where none does, and of an undo."""
    load, reports = load_from(session.ctx.ledger), {} if session.ctx.undo else session.state.reports
    for sha256, entry in reversed(reports.items()):
        try:
            report = radius.read(load(sha256), sha256)
            if not _fits(session, report, leaving):
                continue
            text = "\n".join(radius_text.lines(report)) + "\n"
            return {VALUE: {"report": sha256, "entry": entry, "incident": report["incident"], "by": report["by"],
                            "made_at": report["made_at"], "text": text, "text_sha256": _sha256(text),
                            "says": [*_then_and_now(report, step, leaving), *_inputs(session, report),
                                     *radius_text.short(report, step.id)]}}
        except (ValueError, TypeError, LookupError, AttributeError, LedgerError):  # a file under that name which is no report
            continue
    return {}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _fits(session: Session, report: Mapping[str, Any], leaving: Leaving) -> bool:
    """The same runbook, inputs and target; a report is as real as its ledger's mode says."""
    times = {name for name, one in session.runbook.inputs.items() if one.type == TIMES}
    theirs, ours = ({k: v for k, v in inputs.items() if k not in times} for inputs in (report["inputs"], session.run.inputs))
    return (report["runbook"]["sha256"] == session.runbook.sha256 and theirs == ours and report["mode"] == session.state.mode
            and all(_place(one) in report["targets"].get(one.connection, ()) for one in leaving.values()))


def _place(outgoing: Outgoing) -> str:
    url = urlsplit(outgoing.url)
    return f"{url.scheme}://{url.netloc}"


def _inputs(session: Session, report: Mapping[str, Any]) -> list[str]:
    """The times that were others then."""
    ours = session.run.inputs
    return [f"its {name} was {value}, and is {ours.get(name)} now" for name, value in report["inputs"].items()
            if value != ours.get(name)]


def _then_and_now(report: Mapping[str, Any], step: Step, leaving: Leaving) -> list[str]:
    then = {part("", None, one["method"], one["url"], one["body"], one["seen"])
            for found in report["steps"] if found["id"] == step.id for one in found.get("requests", ())}
    new = sum(_part(one) not in then for one in leaving.values())
    if not new:
        return ["what would be sent now is what it showed, and the look saw the same"]
    if not then:
        return ["it showed nothing that this step would send"]
    return [f"{numbered(new, 'request')} of {len(leaving)} changed since, or what the look saw did"]


def _part(outgoing: Outgoing) -> str:
    body = outgoing.body if outgoing.shown is None else outgoing.shown
    return part("", None, outgoing.method, outgoing.url, body, plain(outgoing.request.seen))


# -- what an approver reads --------------------------------------------------------------------------------------

def read(values: Mapping[str, Any], load: Callable[[str], bytes]) -> dict[str, Any]:
    """What a request says of a report; empty where it says nothing. Raises NotApproved for what irkit did not write."""
    found = values.get(VALUE)
    if found is None:
        return {}
    try:
        if found.keys() == {"artefact", "bytes"}:
            found = json.loads(load(str(found["artefact"])))
        texts = [found["text"], found["report"], found["incident"], found["by"], *found["says"]]
        known = all(type(one) is str for one in texts) and _sha256(found["text"]) == found["text_sha256"]
        if not known or datetime.fromisoformat(found["made_at"]).tzinfo is None:
            raise ValueError
    except (ValueError, TypeError, LookupError, AttributeError):
        raise NotApproved("the report of a probe that goes with the request is not the one of its digest",
                          why="forged") from None
    return dict(found)


def words(found: Mapping[str, Any], asked_at: datetime) -> Sequence[str]:
    """The lines beside the label: how old it is, what it does not stand for, what it said."""
    if not found:
        return ()
    made = datetime.fromisoformat(str(found["made_at"]))
    return [f"{made.astimezone(UTC):%Y-%m-%d %H:%M}Z, {age(made, asked_at)} before this request, in {found['incident']} by "
            f"{found['by']}. That was then: you sign for the exact requests below, and for what was looked at just now.",
            *(str(text) for text in found["says"]), f"report sha256 {found['report']}, entry {found['entry']}"]


def age(made: datetime, now: datetime) -> str:
    minutes = max(0, int((now - made).total_seconds() // 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def told(session: Session, values: Mapping[str, Any]) -> list[str]:
    """What whoever asks is told of it."""
    found = values.get(VALUE)
    if not found:
        return []
    ago = age(datetime.fromisoformat(found["made_at"]), now_of(session))
    return [f"Probe    the report of {found['incident']}, {ago} old, goes with the request; {found['says'][0]}."]
