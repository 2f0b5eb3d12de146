"""Tickets, the deleted ones and their restoration."""

from __future__ import annotations

from datetime import timedelta

from irkit.worlds.world import Answer
from irkit.worlds.zendesk.state import stamp
from irkit.worlds.zendesk.visit import Operations, Visit, not_found

operations = Operations()


@operations.on("GET", "/tickets/{}")
def show_ticket(v: Visit, ticket_id: str) -> Answer:
    ticket = v.tenant.ticket(int(ticket_id)) if ticket_id.isdecimal() else None
    if ticket is None:
        raise not_found()
    return Answer.json({"ticket": v.show("tickets", ticket)})


@operations.on("GET", "/tickets/show_many")
def show_many(v: Visit) -> Answer:
    """Those that exist; the ids of others are passed over."""
    return v.page("tickets", filter(None, map(v.tenant.ticket, map(int, filter(str.isdecimal, v.ids())))), path="tickets")


@operations.on("GET", "/deleted_tickets", limit=("deleted-tickets", 10))
def list_deleted(v: Visit) -> Answer:
    """Those of the last thirty days; older ones are gone for good."""
    floor = stamp(v.after(-timedelta(days=30).total_seconds()))
    return v.page("deleted_tickets", [row for row in v.tenant.deleted_tickets.values() if row["deleted_at"] >= floor])


def _restore(v: Visit, ids: list[str]) -> Answer:
    for key in ids:
        v.one(v.tenant.deleted_tickets, key)
    for key in ids:
        del v.tenant.deleted_tickets[key]
        v.tenant.audit(v.now, v.caller, "update", ("ticket", int(key), f"Ticket #{key}"), "Restored")
    return Answer(200)


@operations.on("PUT", "/deleted_tickets/{}/restore")
def restore_ticket(v: Visit, ticket_id: str) -> Answer:
    return _restore(v, [ticket_id])


@operations.on("PUT", "/deleted_tickets/restore_many")
def restore_many(v: Visit) -> Answer:
    return _restore(v, v.ids())
