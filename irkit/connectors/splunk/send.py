"""The HTTP Event Collector: telling the SOC what was done.

200 says that an event looks valid. It is indexed when the collector acknowledges it (Splunk Enterprise, where switched on) or
when a search finds it. An acknowledgement is given once: asked again it says no. So a no proves nothing, and the search
decides.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from irkit.action import (
    POST,
    BadAnswer,
    Effect,
    Forward,
    Line,
    NotConfirmed,
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


class Event(Record, frozen=True):
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
                        headers={"X-Splunk-Request-Channel": channel(now.incident)} if acks else {},
                        settle="human" if before.indexed is None and not acks else "look")
    if acks and (yield from _acknowledged(answer, now.incident)):
        return Event(ident, index, True, "acknowledged")
    return (yield from _found(ident, index))


def channel(incident: str) -> str:
    """The channel of an incident: the same in every session, so that an acknowledgement can be asked for after a crash."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"irkit:{incident}"))


def _handle(answer: Response) -> str:
    """The number to ask for the acknowledgement with; "" where there is none."""
    number = at(answer.json, "ackId")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else ""


def _told(handles: Sequence[str], incident: str) -> Steps[frozenset[str]]:
    """Which of these batches are indexed. The collector says so once, and forgets it."""
    told = yield POST("/services/collector/ack", host="hec", params={"channel": channel(incident)}, reads=True,
                      json={"acks": [int(one) for one in handles]})
    return frozenset(one for one in handles if told.get("acks", dict).get(one) is True)


def _acknowledged(answer: Response, incident: str) -> Steps[bool]:
    handle = _handle(answer)
    for _ in range(LOOKS if handle else 0):
        if handle in (yield from _told([handle], incident)):
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


# -- ledger entries ----------------------------------------------------------------------------------------------

def _batch(lines: Sequence[Line], origin: str) -> Steps[str]:
    """Several events in one request: objects one behind the other. All are in it, or those before a wrong one."""
    index, acks = (yield from setting("index")), (yield from setting("ack")) == "yes"
    events = [json.dumps({"time": round(line.at.timestamp(), 6), "index": index, "source": "irkit", "sourcetype": "irkit:entry",
                          "event": line.event}) for line in lines]
    answer = yield POST("/services/collector/event", host="hec", affects=[f"index {index}"], noun="index", settle="human",
                        content="\n".join(events).encode(), content_type="application/json",
                        headers={"X-Splunk-Request-Channel": channel(origin)} if acks else {})
    return _handle(answer)


splunk.forward = Forward(_batch, _told)
