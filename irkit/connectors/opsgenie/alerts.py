"""Alerts: made, acknowledged, noted, closed; and what 202 did not mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from irkit.action import (
    GET,
    POST,
    ActionError,
    BadAnswer,
    Collection,
    Effect,
    NotConfirmed,
    Record,
    Response,
    Steps,
    Tally,
    Wait,
    at,
    by_field,
    flag,
    ident,
    occasion,
    one,
    row,
    setting,
    walk,
    words,
)
from irkit.connectors.opsgenie.base import LOOKS, MESSAGE, describe, opsgenie


class Alert(Record, frozen=True):
    """An alert. `status` is open or closed, or "" for none."""

    id: str
    alias: str
    status: str
    acknowledged: bool
    message: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Alert:
        return cls(ident(data.get("id")), words(data.get("alias")), words(data.get("status")),
                   flag(data.get("acknowledged")) is True, words(data.get("message")))


NONE = Alert("", "", "", False, "")


def _alert(alias: str) -> Steps[Alert]:
    answer = yield GET("/v2/alerts/{}", alias, params={"identifierType": "alias"}, ok=[404])
    if answer.status == 404:
        if not describe(answer):
            raise BadAnswer("404 was answered, and not in Opsgenie's words: is the address right?",
                            next="irkit doctor opsgenie")
        return NONE
    found = Alert.of(one(answer, "data"))
    if found.alias != alias:
        raise BadAnswer(f"the alert {alias} was asked for, {found.alias or 'one without an alias'} came")
    return found


class _Want(Struct, frozen=True):
    """What an alert must look like afterwards."""

    said: str
    fields: Mapping[str, object] = field(default_factory=dict)


def _settled(answer: Response, alias: str, want: _Want) -> Steps[Alert]:
    """202 is no success: the request's status says whether anything came of it, and then the alert is looked at."""
    request_id = words(row(answer.json, "answer").get("requestId"))
    for _ in range(LOOKS):
        yield Wait(5, "Opsgenie works on a request after it has taken it")
        told = yield GET("/v2/alerts/requests/{}", request_id or "-", ok=[404])
        if told.status == 404:
            continue
        data = one(told, "data")
        if flag(data.get("isSuccess", data.get("success"))) is not True:
            raise NotConfirmed(f"202 was answered, and then: {words(data.get('status')) or 'it did not succeed'}")
        found = yield from _alert(alias)
        if not found.id:
            raise NotConfirmed(f"the request succeeded, and no alert has the alias {alias}")
        return found.require(**want.fields)
    raise NotConfirmed(f"202 was answered, and {want.said} is not said to have happened ({LOOKS * 5} s)")


def _write(path: str, body: Mapping[str, object], before: Alert, alias: str, want: _Want, *parts: str) -> Steps[Alert]:
    flavour = yield from setting("flavour")
    jsm = flavour == "jsm"
    params = {"identifierType": "alias"} if parts else None
    answer = yield POST(path, *parts, params=params, json=body, seen=before, affects=[f"whoever is on call for {alias}"],
                        noun="page", settle="human" if jsm else "look")
    if jsm:
        raise NotConfirmed(f"{answer.status} was answered: accepted, and JSM shows a key nothing. Look there for {alias}")
    return (yield from _settled(answer, alias, want))


def _before(alias: str) -> Steps[Alert]:
    """The alert; on JSM, where an integration's key reads nothing, only its alias."""
    flavour = yield from setting("flavour")
    return Alert("", alias, "", False, "") if flavour == "jsm" else (yield from _alert(alias))


def _open(alias: str) -> Steps[Alert]:
    found = yield from _before(alias)
    if found == NONE:
        raise ActionError(f"no alert has the alias {alias}", next="opsgenie.create_alert makes one, under its step's own alias")
    return found


@opsgenie.action(Effect.IRREVERSIBLE, tells=True)
def create_alert(message: str, description: str = "", priority: str = "P1") -> Steps[Alert]:
    """Page whoever is on call, by an alert.

    The alias is that of incident and step: a second attempt pages nobody twice. Texts are mailed, pushed and texted: no
    personal data. `priority` is P1 to P5; who is paged the integration's team decides.

    Source: opsgenie-oas, createAlert (message at most 130 characters) and getRequestStatus. JSM Operations: integration events.
    """
    if not message.strip() or len(message) > MESSAGE:
        raise ActionError(f"the message has {len(message)} characters; 1 to {MESSAGE} are taken",
                          next="say it shorter, and the rest in the description")
    if priority not in ("P1", "P2", "P3", "P4", "P5"):
        raise ActionError(f"{priority!r} is no priority", next="one of P1 to P5")
    alias = (yield from occasion()).id
    before = yield from _before(alias)
    if before.status == "open":
        return before
    body = {"message": message, "alias": alias, "priority": priority, **({"description": description} if description else {})}
    return (yield from _write("/v2/alerts", body, before, alias, _Want("that it was made", {"status": "open"})))


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.unacknowledge_alert", tells=True,
                 unverified="JSM's own path for this: confirm it on first use")
def acknowledge_alert(alias: str) -> Steps[Alert]:
    """Say that somebody works on the alert.

    Source: opsgenie-oas, acknowledgeAlert.
    """
    before = yield from _open(alias)
    if before.acknowledged:
        return before
    want = _Want("that it was acknowledged", {"acknowledged": True})
    return (yield from _write("/v2/alerts/{}/acknowledge", {"source": "irkit"}, before, alias, want, alias))


@opsgenie.action(Effect.REVERSIBLE, undo="opsgenie.acknowledge_alert", tells=True,
                 unverified="JSM's own path for this: confirm it on first use")
def unacknowledge_alert(alias: str) -> Steps[Alert]:
    """Say that nobody works on the alert any more.

    Source: opsgenie-oas, unacknowledgeAlert.
    """
    before = yield from _open(alias)
    if before.id and not before.acknowledged:
        return before
    want = _Want("that it was unacknowledged", {"acknowledged": False})
    return (yield from _write("/v2/alerts/{}/unacknowledge", {"source": "irkit"}, before, alias, want, alias))


@opsgenie.action(Effect.IRREVERSIBLE, tells=True)
def close_alert(alias: str) -> Steps[Alert]:
    """Close the alert.

    Source: opsgenie-oas, closeAlert.
    """
    before = yield from _open(alias)
    if before.status == "closed":
        return before
    want = _Want("that it was closed", {"status": "closed"})
    return (yield from _write("/v2/alerts/{}/close", {"source": "irkit"}, before, alias, want, alias))


class Note(Record, frozen=True):
    alias: str
    text: str
    there: bool


def _noted(alias: str, text: str) -> Steps[bool]:
    found: list[str] = []
    yield from walk(GET("/v2/alerts/{}/notes", alias, params={"identifierType": "alias", "limit": 100}), "data",
                    lambda data: found.append(words(at(data, "note"))), after=by_field("paging.next"))
    return text in found


@opsgenie.action(Effect.IRREVERSIBLE, tells=True, unverified="JSM's own path for this: confirm it on first use")
def add_note(alias: str, text: str) -> Steps[Note]:
    """Write a note to the alert.

    The same text is not written twice. It is pushed to people: no personal data.

    Source: opsgenie-oas, addNote.
    """
    flavour = yield from setting("flavour")
    if flavour != "jsm" and (yield from _noted(alias, text)):
        return Note(alias, text, True)
    before = yield from _open(alias)
    body, want = {"note": text, "source": "irkit"}, _Want("that it was noted")
    yield from _write("/v2/alerts/{}/notes", body, before, alias, want, alias)
    if not (yield from _noted(alias, text)):
        raise NotConfirmed("the request succeeded, and the note is not there")
    return Note(alias, text, True)


@opsgenie.action(Effect.READ)
def collect_alert_log(alias: str) -> Steps[Collection]:
    """Keep what was done to the alert, and when.

    Source: opsgenie-oas, listLogs.
    """
    tally = Tally("alert log", "createdAt", None, vendor="Opsgenie")
    first = GET("/v2/alerts/{}/logs", alias, params={"identifierType": "alias", "limit": 100}, keep=f"log of alert {alias}")
    return tally.collection((yield from walk(first, "data", tally.add, after=by_field("paging.next"))))
