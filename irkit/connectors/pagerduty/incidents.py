"""Paging people: events with a key of our own, incidents, and notes that make a second timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import (
    GET,
    POST,
    PUT,
    ActionError,
    BadAnswer,
    Effect,
    NotConfirmed,
    Record,
    Steps,
    Wait,
    at,
    ident,
    occasion,
    one,
    row,
    walk,
    words,
)
from irkit.connectors.pagerduty.base import MOST_NOTES, SEVERITIES, SUMMARY, TITLE, next_page, pagerduty


class Incident(Record, frozen=True):
    """An incident of PagerDuty's; `status` is triggered, acknowledged or resolved, or "" for none."""

    id: str
    number: str
    status: str
    key: str
    title: str
    service: str
    url: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Incident:
        found = ident(data.get("id"))
        if not found:
            raise BadAnswer("an incident came without an id")
        return cls(found, ident(data.get("incident_number")), words(data.get("status")), words(data.get("incident_key")),
                   words(data.get("title")), words(at(data, "service.id")), words(data.get("html_url")))


NONE = Incident("", "", "", "", "", "", "")


def _by_key(key: str) -> Steps[Incident]:
    """The incident under that key, the open one first; NONE where there is none. The filter is not taken at its word."""
    found: list[Incident] = []
    yield from walk(GET("/incidents", params={"incident_key": key, "date_range": "all", "limit": 100}), "incidents",
                    lambda data: found.append(Incident.of(row(data, "incident"))), after=next_page)
    same = [one for one in found if one.key == key]
    return next((one for one in same if one.status != "resolved"), same[0] if same else NONE)


def _incident(incident_id: str) -> Steps[Incident]:
    return Incident.of(one((yield GET("/incidents/{}", incident_id)), "incident", incident_id))


def _fits(text: str, most: int, what: str) -> str:
    """`text`, which is never cut silently."""
    if not text.strip() or len(text) > most:
        raise ActionError(f"the {what} has {len(text)} characters; 1 to {most} are taken",
                          next="say it shorter, and the rest in a note")
    return text


# -- events ------------------------------------------------------------------------------------------------------

def _event(action: str, key: str, seen: Incident, want: str, payload: Mapping[str, object] | None = None) -> Steps[Incident]:
    """One event, and what REST shows of it then: 202 says that it is queued, and a wrong key drops it after that."""
    body = {"event_action": action, "dedup_key": key, **({"payload": payload} if payload else {})}
    yield POST("/v2/enqueue", host="events", json=body, seen=seen, affects=[f"whoever is on call for {key}"], noun="page")
    yield Wait(5, "PagerDuty makes an incident of an event within seconds")
    after = yield from _by_key(key)
    if after.status != want and not (want == "triggered" and after.status == "acknowledged"):
        shown = f"REST shows {after.status}" if after.id else f"REST shows no incident under {key}"
        raise NotConfirmed(f"202 was answered and {shown}: look in PagerDuty, or call whoever is on call")
    return after


@pagerduty.action(Effect.IRREVERSIBLE, tells=True, unverified="that REST lists an event's incident by its key")
def trigger_event(summary: str, source: str, severity: str = "critical") -> Steps[Incident]:
    """Page whoever is on call, by an event.

    The key is that of incident and step, so a second attempt pages nobody twice. Texts are mailed and texted: no personal data.
    Where the services deduplicate or suppress alerts REST may show nothing; then the step is not done.

    Source: developer.pagerduty.com, Events API v2, Send an alert event (dedup_key at most 255, summary at most 1024).
    """
    if severity not in SEVERITIES:
        raise ActionError(f"{severity!r} is no severity", next=f"one of {', '.join(SEVERITIES)}")
    key = (yield from occasion()).id[:255]
    before = yield from _by_key(key)
    if before.status in ("triggered", "acknowledged"):
        return before
    return (yield from _event("trigger", key, before, "triggered", {
        "summary": _fits(summary, SUMMARY, "summary"), "source": source, "severity": severity}))


@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def acknowledge_event(dedup_key: str) -> Steps[Incident]:
    """Say by an event that somebody works on it.

    Without an open alert under that key, or with another integration's, PagerDuty drops it after its 202: nothing is sent then.

    Source: developer.pagerduty.com, Events API v2, Acknowledge an alert.
    """
    before = yield from _open(dedup_key)
    return before if before.status == "acknowledged" else (yield from _event("acknowledge", dedup_key, before, "acknowledged"))


@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def resolve_event(dedup_key: str) -> Steps[Incident]:
    """Say by an event that it is over.

    Source: developer.pagerduty.com, Events API v2, Resolve an alert. Whether it can be opened again by API is not known.
    """
    before = yield from _by_key(dedup_key)
    if before.status == "resolved":
        return before
    before = yield from _open(dedup_key)
    return (yield from _event("resolve", dedup_key, before, "resolved"))


def _open(key: str) -> Steps[Incident]:
    found = yield from _by_key(key)
    if found.status not in ("triggered", "acknowledged"):
        raise ActionError(f"no open incident has the key {key}: PagerDuty would drop the event without a word",
                          next="find the incident in PagerDuty, and use its own id")
    return found


# -- incidents ---------------------------------------------------------------------------------------------------

@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def open_incident(service_id: str, title: str, details: str = "") -> Steps[Incident]:
    """Open an incident on a service, which pages whoever is on call.

    The incident key is that of incident and step: a second open one on the same service is rejected, and found instead. Titles
    are mailed and texted: no personal data.

    Source: developer.pagerduty.com, REST, Create an incident (header From). Needs incidents.write.
    """
    key = (yield from occasion()).id[:255]
    before = yield from _by_key(key)
    if before.status in ("triggered", "acknowledged") and before.service == service_id:
        return before
    body = {"type": "incident_body", "details": details or title}
    made = yield POST("/incidents", seen=before, affects=[f"whoever is on call for service {service_id}"], noun="page", json={
        "incident": {"type": "incident", "title": _fits(title, TITLE, "title"), "incident_key": key, "body": body,
                     "service": {"id": service_id, "type": "service_reference"}}})
    return (yield from _incident(Incident.of(one(made, "incident")).id)).require(key=key, service=service_id)


def _set_status(incident_id: str, status: str) -> Steps[Incident]:
    before = yield from _incident(incident_id)
    if before.status in (status, "resolved"):
        return before
    yield PUT("/incidents/{}", incident_id, json={"incident": {"type": "incident_reference", "status": status}}, seen=before,
              affects=[f"incident {before.number} {before.title}"], noun="incident")
    return (yield from _incident(incident_id)).require(status=status)


@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def acknowledge_incident(incident_id: str) -> Steps[Incident]:
    """Say that somebody works on the incident.

    Source: developer.pagerduty.com, REST, Update an incident. Needs incidents.write.
    """
    return (yield from _set_status(incident_id, "acknowledged"))


@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def resolve_incident(incident_id: str) -> Steps[Incident]:
    """Resolve the incident.

    Source: developer.pagerduty.com, REST, Update an incident. Needs incidents.write. Opening it again by API is not confirmed.
    """
    return (yield from _set_status(incident_id, "resolved"))


class Note(Record, frozen=True):
    """A note of an incident's. `notes` is how many it had."""

    id: str
    incident_id: str
    notes: int


def _note(incident_id: str, text: str) -> Steps[Note]:
    rows = (yield GET("/incidents/{}/notes", incident_id)).get("notes", list)
    same = [ident(data.get("id")) for data in (row(one, "note") for one in rows) if words(data.get("content")) == text]
    return Note(same[0] if same else "", incident_id, len(rows))


@pagerduty.action(Effect.IRREVERSIBLE, tells=True)
def add_note(incident_id: str, text: str) -> Steps[Note]:
    """Write a note into the incident's timeline.

    The same text is not written twice. Notes are mailed: no personal data.

    Source: developer.pagerduty.com, REST, Create a note on an incident (at most 2,000 notes). Needs incidents.write.
    """
    before = yield from _note(incident_id, text)
    if before.id:
        return before
    if before.notes >= MOST_NOTES:
        raise ActionError(f"incident {incident_id} has {before.notes} notes, and no more are taken",
                          next="open another incident")
    yield POST("/incidents/{}/notes", incident_id, json={"note": {"content": text}}, seen=before,
               affects=[f"incident {incident_id}"], noun="note")
    after = yield from _note(incident_id, text)
    if not after.id:
        raise NotConfirmed("the note is not in the timeline")
    return after
