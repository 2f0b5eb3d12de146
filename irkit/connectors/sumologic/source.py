"""An HTTP source: telling the SOC what was done. 200 says that the line came; an ingest budget may drop it without a word."""

from __future__ import annotations

import json
from collections.abc import Sequence

from irkit.action import POST, Effect, Forward, Line, NotConfirmed, Record, Steps, Unavailable, Wait, artefact, occasion
from irkit.connectors.sumologic.base import sumologic
from irkit.connectors.sumologic.search import look

LOOKS, APART, DAYS = 4, 30.0, 7


class Event(Record, frozen=True):
    """An event under the id that it keeps. `stored`: None where nobody could look."""

    id: str
    stored: bool | None


@sumologic.action(Effect.IRREVERSIBLE, tells=True)
def send_event(text: str, attach: str | None = None) -> Steps[Event]:
    """Tell the SOC, as a line of an HTTP source.

    It bears an id of incident and step, the same at every attempt: a search for it comes first, and nothing is sent twice. Of
    `attach`, an artefact of this incident, the hash alone is sent. Accepted is not stored: a full ingest budget drops it with
    the same 200, so it is done when a search finds it. It cannot be taken back.

    Source: the vendor's documentation, HTTP source (upload data, troubleshooting), ingest budgets; search-job.
    """
    now = yield from occasion()
    kept = None if attach is None else (yield from artefact(attach))
    ident = f"{now.id}.{now.incident.rpartition('/')[2][:12]}"
    before = Event(ident, (yield from _stored(ident)))
    if before.stored:
        return before
    line = {"irkit_id": ident, "incident": now.name, "step": now.step, "text": text,
            **({"sha256": kept.sha256} if kept else {})}
    yield POST("", host="source", seen=before, affects=["an HTTP source"], noun="source",
               content=json.dumps(line, ensure_ascii=True).encode() + b"\n", content_type="text/plain; charset=utf-8",
               headers={"X-Sumo-Name": "irkit", "X-Sumo-Category": "irkit"},
               settle="human" if before.stored is None else "look")
    if before.stored is not None:
        for _ in range(LOOKS):
            yield Wait(APART, "Sumo Logic stores the line")
            if (yield from _stored(ident)):
                return Event(ident, True)
    raise NotConfirmed(f"the source answered 200 for {ident}, and it is not seen there: an ingest budget may have dropped it. "
                       "Search for it, look at the budgets, and enter by hand what you see")


def _stored(ident: str) -> Steps[bool | None]:
    """Whether a search finds the line; None where searching is not open to us."""
    try:
        return (yield from look(f'"{ident}"', DAYS)) > 0
    except Unavailable:
        return None


# -- ledger entries ----------------------------------------------------------------------------------------------

def _batch(lines: Sequence[Line], origin: str) -> Steps[str]:
    """Several entries as lines of one POST. Nobody says whether they are stored: a budget may drop them."""
    yield POST("", host="source", affects=["an HTTP source"], noun="source", settle="human",
               content="".join(json.dumps(line.event) + "\n" for line in lines).encode(),
               content_type="text/plain; charset=utf-8",
               headers={"X-Sumo-Name": origin, "X-Sumo-Category": "irkit/ledger"})
    return ""


sumologic.forward = Forward(_batch)
