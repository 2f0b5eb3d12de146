"""Asking a second person at the gate, waiting for the answer, and what they are shown before they sign.

Whether an answer counts is `permit`'s to say: here it decides what to ask next, there whether anything leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from irkit.action import Action, Effect, Outgoing, Request
from irkit.engine import ask, attached, plan
from irkit.engine.ending import COMMON, letter_or_go
from irkit.engine.gate import News, Said, Sends, Waiting
from irkit.engine.modes import Mode
from irkit.engine.people import holders
from irkit.engine.permit import Leaving, now_of, part_of, speaks_against
from irkit.engine.session import Session
from irkit.engine.state import Approval
from irkit.engine.values import numbered, plain, rfc3339, summary
from irkit.errors import NotApproved
from irkit.ledger.approvals import ASKED, EXPIRED, GIVEN, REFUSED, answered, chunked, fingerprint, part
from irkit.ledger.disclose import random_text
from irkit.ledger.sshsig import Throwaway
from irkit.runbook import Step

AGAIN = frozenset({"refused", "expired"})      # whoever asked decides whether to ask once more


class Answered(Exception):
    """The request was answered, or ran out, while its prompt was open."""


# -- at the gate -------------------------------------------------------------------------------------------------

def waiting_for(session: Session, step: Step) -> str:
    """The line on the gate: whom it waits for, and how they answer; empty where nobody has to agree."""
    if step.approve is None:
        return ""
    if session.ctx.mode is Mode.PROBE:
        return f"{step.approve.role}: a second person agrees before it is sent"
    asked = session.step_state(step).asked(session.ctx.undo)
    if asked is not None and asked.state == "given":
        return f"{step.approve.role}: {_given(asked)}"
    role, incident = step.approve.role, session.ctx.ledger.folder.name
    if session.state.mode == "live" and not holders(session.state, role):
        return f"{role}: nobody holds this role   irkit people assign {incident} {role} NAME"
    return f"{role}: waiting for a second person   irkit approve {incident} {step.id}"


class Subject(Struct, frozen=True):
    """What a second person is asked to agree to: a step, or its undo."""

    title: str
    why: str
    action: Action


def approved(session: Session, step: Step, subject: Subject, leaving: Leaving, shown: Sends) -> str:
    """Empty once a second person has agreed to these very requests; else the letter that was answered instead."""
    while step.approve is not None:
        asked = session.step_state(step).asked(session.ctx.undo)
        against = speaks_against(session, step, asked, leaving)
        if asked is not None and not against.why:
            if asked.state == "given":
                session.ctx.say(News([f"Approve  {step.approve.role}: {_given(asked)}"]))
                return ""
            if letter := "" if _play(session, step, asked.seq) else _wait(session, step, asked):
                return letter
            continue
        if asked is not None and against.why == "expired" and asked.state != "expired":
            session.record(EXPIRED, {}, {}, step=step.id, ref=asked.seq)
        if against.why in AGAIN:
            letter = letter_or_go(session, step, "approval", _sentence(against.sentence), {"r": "ask again", **COMMON})
            if letter != "r":
                return letter
        elif against.why != "none":
            session.ctx.say(News([f"{_sentence(against.sentence)} A second person is asked again."]))
        _ask(session, step, subject, leaving, shown, asked)
    return ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _given(asked: Approval) -> str:
    return f"{asked.by} agreed (entry {asked.answer}); it holds until {asked.expires.astimezone(UTC):%H:%M}Z"


def _wait(session: Session, step: Step, asked: Approval) -> str:
    """The letter that ends the waiting; empty when it was answered or ran out."""
    def poll() -> Sequence[Said]:
        news = session.poll()
        if asked.state != "open" or now_of(session) > asked.expires:
            session.news[:0] = news
            raise Answered
        return news

    try:
        prompt = f"Waiting for {asked.role} until {asked.expires.astimezone(UTC):%H:%M}Z."
        return letter_or_go(session, step, "approval", prompt, COMMON, poll=poll)
    except Answered:
        session.show_news()
        return ""


# -- asking ------------------------------------------------------------------------------------------------------

def _ask(session: Session, step: Step, subject: Subject, leaving: Leaving, shown: Sends, before: Approval | None) -> None:
    """Record the request, with everything that its approver will be shown."""
    approve = step.approve
    assert approve is not None
    if approve.evidence == "required" and not session.step_state(step).evidence:
        session.ctx.say(News(["Evidence is required before a second person is asked."]))
        ask.evidence(session, step.id, required=True)
    salt = random_text()
    parts = [part_of(salt, item, outgoing) for item, outgoing in leaving.items()]
    expires = now_of(session) + approve.expires
    data = {"role": approve.role, "fingerprint": fingerprint(parts), "expires": rfc3339(expires), "count": len(parts),
            "action": subject.action.full_name, "effect": subject.action.effect.value,
            **({"undo": True} if session.ctx.undo else {})}
    values = {"approval.salt": salt, **chunked(parts), "approval.requests": [_record(i, o) for i, o in leaving.items()],
              "approval.title": subject.title, "approval.why": subject.why, "approval.acting_as": shown.acting_as,
              "approval.undo": shown.undo, "approval.warnings": [*shown.unpreserved, *shown.warnings],
              "approval.unverified": shown.unverified, "approval.evidence": _evidence(session, step),
              **attached.value_of(session, step, leaving)}
    asked = session.record(ASKED, data, values, step=step.id, ref=before.seq if before else None)
    incident = session.ctx.ledger.folder.name
    session.ctx.say(News([f"Asked    {approve.role}, entry {asked.seq}; it expires at {expires.astimezone(UTC):%H:%M}Z.",
                          f"         Here: irkit approve {incident} {step.id}",
                          f"         Elsewhere: irkit approve {incident} {step.id} --request FILE",
                          *attached.told(session, values)]))


def _record(item: int | None, outgoing: Outgoing) -> dict[str, Any]:
    """A request as its approver reads it."""
    request = outgoing.request
    return {"item": item, "method": outgoing.method, "url": outgoing.url, "body": outgoing.body, "seen": plain(request.seen),
            "affects": list(request.affects), "noun": request.noun}


def _evidence(session: Session, step: Step) -> list[str]:
    """Name and SHA-256 of what people attached to the step. The whole ledger is read for it: only where there is any."""
    if not session.step_state(step).evidence:
        return []
    return [f"{e.disclosed.get('artefact.name')} {e.disclosed.get('artefact.sha256')}" for e in session.ctx.ledger.entries()
            if e.kind == "artefact.added" and e.by == "human" and (e.run, e.step) == (session.ctx.run, step.id)]


def _play(session: Session, step: Step, seq: int) -> bool:
    """In a drill the scenario may play the second person, with a key made for the moment; the entry says so."""
    second = session.happenings.second(step.id)
    if second is None:
        return False
    session.ctx.say(Waiting(second.after.total_seconds(), f"{second.by} reads it"))
    session.ctx.clock.wait(second.after.total_seconds())
    kind = REFUSED if second.refuse else GIVEN
    try:
        made = answered(kind, session.ctx.ledger.requests[seq], Throwaway(), {"played": True, **session.ctx.clock.stamp()},
                        {"approval.by": second.by, **({"approval.reason": second.refuse} if second.refuse else {})})
        session.ctx.ledger.append_answer(made)
    except NotApproved as error:                  # it took them longer than the request was good for
        session.ctx.say(News([_sentence(error.what)]))
    session.refresh()
    return True


# -- what is shown to whoever approves ---------------------------------------------------------------------------

def requests_in(values: Mapping[str, Any], load: Callable[[str], bytes]) -> list[dict[str, Any]]:
    """The requests that a request for approval holds, from its line or from the artefact of a long list."""
    found = values.get("approval.requests")
    if isinstance(found, dict) and found.keys() == {"artefact", "bytes"}:
        found = json.loads(load(str(found["artefact"])))
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise NotApproved("the request does not say what would be sent", why="forged")
    return found


def must_fit(values: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], expected: str) -> None:
    """Raises NotApproved unless the requests that are shown are those of the fingerprint that is signed."""
    salt = str(values.get("approval.salt", ""))
    parts = [part(salt, r.get("item"), str(r.get("method")), str(r.get("url")), r.get("body"), r.get("seen")) for r in requests]
    if fingerprint(parts) != expected:
        raise NotApproved("the requests shown are not those that the fingerprint is of", why="forged")


def sends_of(values: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], effect: str) -> Sends:
    """The same screen that stands on the requester's gate, made from what would be signed alone."""
    leaving = [_outgoing(one, str(values.get("approval.acting_as", ""))) for one in requests]
    first, several = leaving[0], len(leaving) > 1
    affects = tuple(dict.fromkeys(a for o in leaving for a in o.request.affects))
    return Sends(
        method=first.method, url=first.url, body=plan.body_text(first), acting_as=first.acting_as, count=len(leaving),
        affects=affects, noun=first.request.noun, undo="none" if effect == Effect.IRREVERSIBLE.value else
        str(values.get("approval.undo", "")), looked=[_looked(one) for one in requests[:3] if one.get("seen") is not None],
        first=plan.short(first) if several else "", last=plan.short(leaving[-1]) if several else "",
        template=plan.template(leaving) if several else "", unverified=str(values.get("approval.unverified", "")),
        warnings=[str(one) for one in values.get("approval.warnings") or ()],
        requests=[line for o, one in zip(leaving, requests, strict=True) for line in _full(o, one)])


def _looked(one: Mapping[str, Any]) -> str:
    return summary(one.get("seen"))


def _full(outgoing: Outgoing, one: Mapping[str, Any]) -> list[str]:
    return [f"{outgoing.method} {outgoing.url}", *([plan.body_text(outgoing)] if outgoing.body else []),
            *([f"seen before: {summary(one['seen'], most=99)}"] if one.get("seen") is not None else []), ""]


def _outgoing(one: Mapping[str, Any], acting_as: str) -> Outgoing:
    """A request that is only to be shown: it has no way to the wire."""
    body = one.get("body")
    raw = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass")
    affects = tuple(str(a) for a in one.get("affects") or ()) or ("not said",)
    request = Request(method=str(one.get("method")), target=str(one.get("url")), affects=affects,
                      noun=str(one.get("noun") or "request"))
    return Outgoing("", "", request, str(one.get("url")), {}, raw, acting_as)


def phrase(shown: Sends) -> str:
    """What the approver types: with the number of those whom it affects, so that nobody agrees to a number unread."""
    return f"APPROVE {numbered(len(shown.affects), shown.noun)}".upper()


def until_text(expires: datetime, now: datetime) -> str:
    """When a request expires, and how long that is from now."""
    left = (expires - now).total_seconds()
    return f"{expires.astimezone(UTC):%Y-%m-%d %H:%M}Z ({max(0, int(left // 60))} min left)"
