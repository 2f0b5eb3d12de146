"""Contacts: which were changed or deleted, and bringing one back. Deleting one for good is not done from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    DELETE,
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Collection,
    Effect,
    Record,
    Response,
    Steps,
    Trace,
    ident,
    row,
    stamp,
    walk,
    words,
)
from irkit.connectors.freshdesk.base import Tally, freshdesk, listed, next_page, number, required
from irkit.connectors.freshdesk.people import own

STATES = ("verified", "unverified", "blocked", "deleted")


class Contact(Record, frozen=True):
    """A contact as a list shows one."""

    id: str
    person: str
    deleted: bool

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Contact:
        found = required(data.get("id"), "a contact")
        return cls(found, f"{words(data.get('name')) or 'contact ' + found} <{words(data.get('email'))}>",
                   data.get("deleted") is True)


class Contacts(Collection, frozen=True):
    """The kept contacts. `suspects` are those of the window where deleted ones were asked for."""

    suspects: tuple[Contact, ...]
    named: tuple[str, ...]         # the suspects in words


@freshdesk.action(Effect.READ, preserves=[Trace("contacts")])
def collect_contacts(since: datetime, state: str | None = None) -> Steps[Contacts]:
    """Keep the contacts that were changed since.

    Source: developers.freshdesk.com, List All Contacts. Needs the right to see contacts; 20 requests a minute on Growth. With
    `state` "deleted" those that were deleted; without a state deleted and blocked ones are missing. The filter may be ignored,
    so each row's time is compared. Nothing says who changed one, or exported them.
    """
    if state is not None and state not in STATES:
        raise ActionError(f"{state!r} is no state of a contact: {', '.join(STATES)}")
    yield from own()
    name = f"contacts_{state}" if state else "contacts"
    tally, found = Tally(name, "updated_at", since, asked=lambda value: (
        state != "deleted" or not isinstance(value, dict) or value.get("deleted") is not False)), list[Contact]()

    def add(value: Any) -> None:
        contact = Contact.of(row(value, "contact"))
        if tally.add(value) and state == "deleted":
            found.append(contact)

    params = {"_updated_since": stamp(since), **({"state": state} if state else {})}
    done = yield from walk(listed("/contacts", params=params, keep=name), "", add, after=next_page)
    return Contacts(**asdict(tally.collection(done)), suspects=tuple(found),
                    named=tuple(f"contact {one.id} {one.person}" for one in found))


def _contact(contact_id: str) -> Steps[Contact]:
    answer: Response = yield GET("/api/v2/contacts/{}", contact_id, ok=(404,))
    if answer.status == 404:
        raise ActionError(f"there is no contact {contact_id}: deleted for good, or an agent")
    found = Contact.of(row(answer.json, "contact"))
    if found.id != contact_id:
        raise BadAnswer(f"contact {contact_id} was asked for, {ident(found.id)} came")
    return found


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.delete_contact")
def restore_contact(contact_id: str) -> Steps[Contact]:
    """Bring a deleted contact back.

    Source: developers.freshdesk.com, Restore a Contact. Needs the right to delete contacts.
    """
    number(contact_id, "a contact")
    before = yield from _contact(contact_id)
    if not before.deleted:
        return before
    yield PUT("/api/v2/contacts/{}/restore", contact_id, seen=before, affects=[before.person], noun="contact")
    return (yield from _contact(contact_id)).require(deleted=False)


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.restore_contact")
def delete_contact(contact_id: str) -> Steps[Contact]:
    """Delete a contact so that it can be restored.

    Source: developers.freshdesk.com, Soft Delete a Contact. Needs the right to delete contacts. It is there to undo a
    restore. Deleting for good, with all their tickets, is another operation, which irkit does not have.
    """
    number(contact_id, "a contact")
    before = yield from _contact(contact_id)
    if before.deleted:
        return before
    yield DELETE("/api/v2/contacts/{}", contact_id, seen=before, affects=[before.person], noun="contact")
    return (yield from _contact(contact_id)).require(deleted=True)
