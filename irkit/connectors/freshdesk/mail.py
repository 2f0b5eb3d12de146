"""Where mail comes from and goes to: mailboxes, their settings, and addresses that get a blind copy of everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    at,
    flag,
    row,
    words,
)
from irkit.connectors.freshdesk.base import everything, freshdesk, listed, required
from irkit.connectors.freshdesk.people import own

GATE = "right to manage email settings"
BCC = "/api/v2/notifications/email/bcc"
EMPTY = "whether Freshdesk takes an empty list of BCC addresses"


class Bcc(Record, frozen=True):
    """Addresses that get a blind copy of all ticket mail."""

    emails: tuple[str, ...]


class MailRouting(Record, frozen=True):
    """How mail runs. `suspects` are mailboxes made or changed in the window.

    `outside` are the BCC addresses at a domain where no older mailbox is: look at the others too.
    """

    mailboxes: int
    suspects: tuple[Item, ...]
    named: tuple[str, ...]         # the suspects in words
    bcc: tuple[str, ...]
    outside: tuple[str, ...]
    settings: tuple[str, ...]      # "personalized_email_replies: yes"
    complete: bool
    notes: tuple[str, ...]
    items: tuple[Item, ...]


def _item(kind: str, data: Mapping[str, Any], title: str, told: str) -> Item:
    return Item(required(data.get("id"), f"a row of {kind}s"), kind, title, told, active=flag(data.get("active")),
                created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))


def _mailbox(data: Mapping[str, Any]) -> Item:
    forward, kind = words(at(data, "freshdesk_mailbox.forward_email")), words(data.get("mailbox_type"))
    servers = [words(at(data, f"custom_mailbox.{way}.mail_server")) for way in ("incoming", "outgoing")]
    told = [kind, forward and f"takes mail forwarded to {forward}", *(one and f"uses {one}" for one in dict.fromkeys(servers))]
    return _item("mailbox", data, words(data.get("support_email")), ", ".join(filter(None, told)))


def _older(data: Mapping[str, Any]) -> Item:
    return _item("email config", data, words(data.get("reply_email")), f"takes mail forwarded to {words(data.get('to_email'))}")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _bcc(keep: str = "") -> Steps[Bcc]:
    found = (yield GET(BCC, keep=keep, gate=GATE)).get("emails", list)
    if not all(isinstance(one, str) for one in found):
        raise BadAnswer("the list of BCC addresses holds something that is no address")
    return Bcc(tuple(found))


@freshdesk.action(Effect.READ, preserves=[Trace("mail_routing")])
def collect_mail_routing(since: datetime) -> Steps[MailRouting]:
    """Keep mailboxes, mail settings, and the automatic BCC addresses.

    Source: developers.freshdesk.com, List All Email Mailboxes; View Mailbox Settings; View Automatic Bcc emails; List All Email
    Configs. Needs the right to manage email settings. A BCC gets a copy of every reply; nothing says when one was added.
    """
    found, done = yield from everything(listed("/email/mailboxes", keep="mailboxes", gate=GATE), _mailbox)
    data = row((yield GET("/api/v2/email/settings", keep="email_settings", gate=GATE)).json, "mailbox settings")
    bcc = yield from _bcc(keep="bcc")
    older, old = yield from everything(listed("/email_configs", keep="email_configs", gate=GATE), _older)
    suspects = tuple(item for item in (*found, *older) if item.since(since))
    settings = tuple(f"{name}: {'yes' if value else 'no'}" for name, value in data.items() if isinstance(value, bool))
    home = {_domain(item.title) for item in (*found, *older) if item not in suspects}
    return MailRouting(len(found), suspects, tuple(item.named for item in suspects), bcc.emails,
                       tuple(one for one in bcc.emails if _domain(one) not in home), settings,
                       done.complete and old.complete, (*done.notes, *old.notes), (*found, *older))


def _replace(before: Bcc, emails: tuple[str, ...], told: list[str]) -> Steps[Bcc]:
    yield PUT(BCC, json={"emails": list(emails)}, seen=before, affects=told, noun="address")
    after = yield from _bcc()
    if sorted(after.emails) != sorted(emails):
        raise NotConfirmed(f"the BCC addresses are {', '.join(after.emails) or 'none'}, not {', '.join(emails) or 'none'}")
    return after


def _addresses(given: list[str]) -> dict[str, str]:
    """Addresses as written, by how they are compared. Raises ActionError for what is not one address."""
    for one in given:
        if not one.strip().isprintable() or one.count("@") != 1 or "," in one:
            raise ActionError(f"{one!r} is not one e-mail address")
    return {one.strip().casefold(): one.strip() for one in given}


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.add_bcc", destroys=[Trace("mail_routing")], unverified=EMPTY)
def remove_bcc(addresses: list[str]) -> Steps[Bcc]:
    """Stop the blind copies of all ticket mail to these addresses.

    Source: developers.freshdesk.com, Update Automatic Bcc emails. Needs the right to manage email settings. The list is
    replaced as a whole, so all go in one request, never in a fan-out; the other addresses are sent back as they were. An
    archive may be among them: ask before.
    """
    gone = _addresses(addresses)
    yield from own()
    before = yield from _bcc()
    left = tuple(one for one in before.emails if one.casefold() not in gone)
    if left == before.emails:
        return before
    return (yield from _replace(before, left, [f"{one}: no more blind copies" for one in before.emails if one not in left]))


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.remove_bcc", unverified=EMPTY)
def add_bcc(addresses: list[str]) -> Steps[Bcc]:
    """Let these addresses have blind copies of all ticket mail again.

    Source: developers.freshdesk.com, Update Automatic Bcc emails. Needs the right to manage email settings. All addresses
    together have 255 characters.
    """
    wanted = _addresses(addresses)
    yield from own()
    before = yield from _bcc()
    new = tuple(one for key, one in wanted.items() if key not in {there.casefold() for there in before.emails})
    if not new:
        return before
    return (yield from _replace(before, (*before.emails, *new), [f"{one}: blind copies of all ticket mail" for one in new]))
