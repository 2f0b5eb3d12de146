"""Mail, by SMTP submission: notices to people, with the relay's receipt.

A relay's 250 means that the message is queued, and no more: who was told is known when they answer. So a notice is never
"done" by itself; a person enters the answer. Google ended plain passwords for SMTP in May 2025: an app password, a token
(XOAUTH2), or its relay with a listed address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from irkit.action import (
    GET,
    SEND,
    ActionError,
    Anonymous,
    Artefact,
    BadAnswer,
    Basic,
    Connector,
    Effect,
    Identity,
    Mail,
    NotConfirmed,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Token,
    artefact,
    occasion,
    setting,
    words,
)

ADDRESS = r"[^@\s,<>]+@[^@\s,<>]+"
USER = (Setting("user", "User name at the relay (often the address itself)"),)


def _said(response: Response) -> Mapping[str, Any]:
    """The relay's receipt; empty for an answer that is none."""
    try:
        found = response.json
    except BadAnswer:
        return {}
    return found if isinstance(found, dict) else {}


def describe(response: Response) -> str:
    """The relay's decisive reply."""
    return f"{response.status} {words(_said(response).get('text'))}".strip()


def judge(_: Request, response: Response) -> ActionError | None:
    """Outside 2xx the relay has not taken the message: a refusal, and never an unknown outcome (RFC 5321 4.2.1, 6.1)."""
    if 200 <= response.status < 300:
        return None
    each = "; ".join(_refused(_said(response)))
    later = response.status < 500
    return Refused(f"the relay did not take it: {each or describe(response)}", status=401 if response.status in (530, 535) else
                   response.status, next="try again in some minutes, or tell them by phone" if later else "")


mail = Connector(
    "mail",
    title="Mail",
    base_url="{security}://{host}:{port}",
    settings=[
        Setting("host", "Relay", r"[A-Za-z0-9.-]+", "like smtp.example.org"),
        Setting("port", "Port (587 with STARTTLS, 465 with TLS from the start)", r"[0-9]{1,5}", default="587"),
        Setting("security", "starttls, or tls from the first byte", default="starttls",
                values={"starttls": "smtp", "tls": "smtps"}),
        Setting("sender", "Address that notices come from", ADDRESS, "like incident@example.org"),
    ],
    sign_in=[Basic("{user}", name="password", ask="Password, or app password", settings=USER),
             Token("token", "Access token for SMTP (XOAUTH2)", settings=USER), Anonymous("relay")],
    judge=judge,
    describe=describe,
    per_minute=60,
    relay=True,
    setup=("A mailbox or relay that does not depend on what is compromised: mail to and from an intruder's tenant is read.",
           "Google Workspace takes no plain password over SMTP: make an app password, or list this machine's address at "
           "smtp-relay.gmail.com and sign in with relay.",
           "An address for the sender whose answers somebody reads tonight."),
)


class Notice(Record, frozen=True):
    """A message that was handed over. `accepted` and `refused` say what the relay said for each address."""

    message_id: str
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    receipt: str = ""
    sha256: str = ""


class Addressed(Record, frozen=True):
    """To whom a notice would go, and whether it is for counsel alone."""

    sender: str
    to: tuple[str, ...]
    privileged: bool = False


@mail.identity
def check() -> Steps[Identity]:
    """Sign in at the relay and say nothing. Source: RFC 5321 4.1.1.9 (NOOP)."""
    sender = yield from setting("sender")
    yield from _welcome()
    return Identity(id=sender, email=sender, name=sender, role="sender", admin=True)


@mail.action(Effect.IRREVERSIBLE, tells=True)
def send(to: list[str], subject: str, text: str, attach: list[str] | None = None, reply_to: str | None = None) -> Steps[Notice]:
    """Send a notice by mail.

    Cannot be unsent, and is never confirmed by itself: enter by hand who answered, and how. `attach` are artefacts of this
    incident, by name or SHA-256; `reply_to` is an address that the intruder does not read. A second attempt bears the same
    Message-ID, so that a reader's program can tell that it is the same notice.

    Source: RFC 5321 (SMTP), RFC 5322 (the message), RFC 4954 (signing in), RFC 8314 (TLS).
    """
    return (yield from _hand_over(to, subject, text, attach, reply_to, privileged=False))


@mail.action(Effect.IRREVERSIBLE, tells=True)
def notify_legal(to: list[str], text: str, attach: list[str] | None = None, reply_to: str | None = None,
                 subject: str = "Please call me when you read this") -> Steps[Notice]:
    """Tell counsel by mail, under a privilege label and a plain subject.

    The subject says nothing of an incident, since subjects show on lock screens and in the intruder's searches. The label
    stands first in the text. Whether it is privileged counsel says, not the label.

    Source: RFC 5321 (SMTP), RFC 5322 (the message).
    """
    label = "PRIVILEGED AND CONFIDENTIAL. Prepared at the request of counsel, to obtain legal advice. Do not forward."
    return (yield from _hand_over(to, subject, f"{label}\n\n{text}", attach, reply_to, privileged=True))


def _hand_over(to: list[str], subject: str, text: str, attach: list[str] | None, reply_to: str | None, *,
               privileged: bool) -> Steps[Notice]:
    sender, now = (yield from setting("sender")), (yield from occasion())
    files: list[Artefact] = []
    for which in attach or ():
        files.append((yield from artefact(which)))
    yield from _welcome()                  # a relay that cannot be reached, or does not let us in, is found before the gate
    same = f"<{now.id}.{now.incident.rpartition('/')[2][:12]}@{sender.rpartition('@')[2]}>"
    made = Mail(sender, tuple(to), subject, text, same, reply_to or "", tuple(files))
    told = yield SEND(made, seen=Addressed(sender, made.to, privileged))
    refused = _refused(_said(told))
    raise NotConfirmed(f"the relay queued it for {len(made.to) - len(refused)} of {len(made.to)} ({describe(told)})"
                       + (f"; REFUSED for {'; '.join(refused)}" if refused else "")
                       + ". Nobody has confirmed that it was read: enter by hand who answered")


def _welcome() -> Steps[None]:
    if _said((yield GET("/"))).get("code") != 250:
        raise BadAnswer("what answered is no relay, or it does not say 250")


def _refused(told: Mapping[str, Any]) -> list[str]:
    found = told.get("refused")
    return [f"{address}: {words(said)}" for address, said in found.items()] if isinstance(found, dict) else []
