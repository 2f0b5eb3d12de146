"""The HTTP Event Collector: telling the SOC what was done.

200 says that an event looks valid. It is indexed when the collector acknowledges it (Splunk Enterprise, where switched on) or
when a search finds it. An acknowledgement is given once: asked again it says no. So a no proves nothing, and the search
decides.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from irkit.action import (
    POST,
    BadAnswer,
    Effect,
    NotConfirmed,
    Occasion,
    Record,
    Response,
    Steps,
    Tally,
    Unavailable,
    Wait,
    artefact,
    at,
    occasion,
    setting,
)
from irkit.connectors.splunk.base import splunk
from irkit.connectors.splunk.search import Got, export

LOOKS, APART = 10, 6.0            # an event shows within seconds; a minute without it is told


@dataclass(frozen=True)
class Event(Record):
    """An event under the id that it keeps. `indexed`: None where nobody could look."""

    id: str
    index: str
    indexed: bool | None
    proof: str = ""                # "acknowledged", "found by a search"


@splunk.action(Effect.IRREVERSIBLE, tells=True)
def send_event(text: str, attach: str | None = None) -> Steps[Event]:
    """Tell the SOC, as an event in the index of irkit's own.

    It bears an id of incident and step, the same at every attempt: a search for it comes first, and nothing is sent twice. Of
    `attach`, an artefact of this incident, the hash alone is sent. Accepted is not indexed: it is done when the collector
    acknowledges it or a search finds it. It cannot be taken back.

    Source: help.splunk.com, HTTP Event Collector (event endpoint, indexer acknowledgement: Splunk Enterprise only).
    """
    now, index = (yield from occasion()), (yield from setting("index"))
    kept = None if attach is None else (yield from artefact(attach))
    ident = f"{now.id}.{now.incident.rpartition('/')[2][:12]}"
    before = Event(ident, index, (yield from _indexed(ident, index)))
    if before.indexed:
        return Event(ident, index, True, "found by a search")
    acks = (yield from setting("ack")) == "yes"
    event = {"irkit_id": ident, "incident": now.name, "step": now.step, "text": text,
             **({"sha256": kept.sha256} if kept else {})}
    answer = yield POST("/services/collector/event", host="hec", seen=before, affects=[f"index {index}"], noun="index",
                        json={"event": event, "index": index, "source": "irkit", "sourcetype": "irkit:event"},
                        headers={"X-Splunk-Request-Channel": channel(now)} if acks else {},
                        settle="human" if before.indexed is None and not acks else "look")
    if acks and (yield from _acknowledged(answer, now)):
        return Event(ident, index, True, "acknowledged")
    return (yield from _found(ident, index))


def channel(now: Occasion) -> str:
    """The channel of an incident: the same in every session, so that an acknowledgement can be asked for after a crash."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"irkit:{now.incident}"))


def _acknowledged(answer: Response, now: Occasion) -> Steps[bool]:
    number = at(answer.json, "ackId")
    if not isinstance(number, int) or isinstance(number, bool):
        return False
    for _ in range(LOOKS):
        told = yield POST("/services/collector/ack", host="hec", params={"channel": channel(now)}, reads=True,
                          json={"acks": [number]})
        if told.get("acks", dict).get(str(number)) is True:
            return True
        yield Wait(APART, "Splunk indexes the event")
    return False


def _found(ident: str, index: str) -> Steps[Event]:
    for _ in range(LOOKS):
        shown = yield from _indexed(ident, index)
        if shown:
            return Event(ident, index, True, "found by a search")
        if shown is None:
            break
        yield Wait(APART, "Splunk indexes the event")
    raise NotConfirmed(f"the collector accepted {ident}, and it is not seen in the index {index}: it may come, be dropped, or "
                       f"lie where the account may not search. Search for it there, and enter by hand what you see")


def _indexed(ident: str, index: str) -> Steps[bool | None]:
    """Whether a search finds the event; None where searching is not open to us."""
    request = yield from export(f'search index="{index}" sourcetype="irkit:event" "{ident}"', "0")
    got = Got(Tally("event", "_time", None))
    try:
        got.read((yield request))
    except Unavailable:
        return None
    if not got.rows and (got.failed or not got.whole):
        raise BadAnswer("the search for the event broke off: whether it is indexed is unknown")
    return got.rows > 0
