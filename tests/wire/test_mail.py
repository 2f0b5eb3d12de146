"""Messages over real sockets, to a real SMTP server: what leaves, what a reply means, and what never leaves."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from irkit import connectors
from irkit.action import SEND, ActionError, Artefact, Driven, Mail, NoAnswer, NotSent, Refused, Request, Response, drive
from irkit.config import Connection
from irkit.wire import account
from irkit.wire.http import Wire
from tests.wire.relay import CERTIFICATE, Inbox, relay
from tests.wire.rig import CANARY, PATIENT, ignored

FILE = bytes(range(256)) * 300
KEPT = Artefact(hashlib.sha256(FILE).hexdigest(), len(FILE), "audit log.json")
TO = ("legal@example.org", "dpo@example.org")


def mail(text: str = "Line one.\n.a dot\nÜber.", attached: tuple[Artefact, ...] = (), to: tuple[str, ...] = TO) -> Mail:
    return Mail("incident@example.org", to, "Please call me", text, "<INC-1.tell_legal.5f0c@example.org>", "", attached)


@contextmanager
def wired(port: int, *, scheme: str = "smtp", sign_in: str = "relay", loopback: bool = True, **more: Any) -> Iterator[Wire]:
    one = Connection("mail", "mail", {"sender": "incident@example.org", "user": "incident"}, sign_in, "env:CANARY",
                     f"{scheme}://127.0.0.1:{port}")
    wire = Wire({"mail": one}, connectors.find, loopback=loopback, **{"timeouts": PATIENT, **more})
    try:
        yield wire
    finally:
        wire.close()


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server's own certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    account.certificates.cache_clear()
    yield
    account.certificates.cache_clear()


def send(wire: Wire, message: Mail) -> Response:
    request = SEND(message)
    return wire.send(wire.prepare("mail", request), answered=ignored, source=lambda _: io.BytesIO(FILE))


@pytest.mark.usefixtures("_trusted")
def test_a_message_arrives_whole_over_tls() -> None:
    """STARTTLS with the certificate verified; the text, leading dots and all, the subject and the same Message-ID each time."""
    inbox = Inbox()
    with relay(inbox) as port, wired(port) as wire:
        receipt = send(wire, mail()).json
        send(wire, mail())
    first, second = inbox.messages()
    assert first.get_payload(decode=True) == "Line one.\n.a dot\nÜber.\n".replace("\n", "\r\n").encode()
    assert first["Subject"] == "Please call me"
    assert first["Message-ID"] == second["Message-ID"] == "<INC-1.tell_legal.5f0c@example.org>"
    assert receipt["text"] == "2.0.0 Ok: queued as 4F1A"
    assert receipt["tls"].startswith("TLSv1.")
    assert receipt["accepted"] == list(TO)


@pytest.mark.usefixtures("_trusted")
def test_an_attachment_arrives_byte_for_byte_and_the_receipt_names_the_bytes_that_left() -> None:
    """A file of the ledger is streamed in base64; the receipt's SHA-256 is that of what the server got."""
    inbox = Inbox()
    with relay(inbox) as port, wired(port) as wire:
        receipt = send(wire, mail(attached=(KEPT,))).json
    _whole, _text, part = inbox.messages()[0].walk()
    assert part.get_payload(decode=True) == FILE
    assert part.get_filename() == "audit log.json"
    arrived = inbox.envelopes[0].content
    assert isinstance(arrived, bytes)
    assert receipt["sha256"] == hashlib.sha256(arrived[:receipt["size"]]).hexdigest()
    assert len(arrived) - receipt["size"] <= 2         # the line end before the last dot


def test_a_certificate_that_nobody_signed_is_refused() -> None:
    """No password and no message leave: nothing was sent."""
    inbox = Inbox()
    account.certificates.cache_clear()
    with relay(inbox, auth=True) as port, wired(port, sign_in="password") as wire, pytest.raises(NotSent, match="self-signed"):
        send(wire, mail())
    assert not inbox.envelopes
    assert not inbox.signed_in


def test_without_starttls_nothing_is_said() -> None:
    """A relay that offers no TLS gets neither password nor message."""
    inbox = Inbox()
    with relay(inbox, tls=False) as port, wired(port, sign_in="password") as wire, pytest.raises(NotSent, match="STARTTLS"):
        send(wire, mail())
    assert not inbox.envelopes


def test_clear_text_is_for_this_machine_in_a_test_alone() -> None:
    """smtp+none reaches loopback in a test incident, and no other address, and no live incident."""
    inbox = Inbox()
    with relay(inbox, tls=False) as port:
        with wired(port, scheme="smtp+none") as wire:
            assert send(wire, mail()).status == 250
        with wired(port, scheme="smtp+none", loopback=False) as wire, pytest.raises(ActionError, match="this machine itself"):
            send(wire, mail())
    far = Connection("mail", "mail", {"sender": "a@example.org"}, "relay", "", "smtp+none://smtp.example.org:25")
    with pytest.raises(ActionError, match="by TLS alone"):
        Wire({"mail": far}, connectors.find).prepare("mail", SEND(mail()))


@pytest.mark.usefixtures("_trusted")
def test_the_password_is_said_once_and_is_in_no_receipt() -> None:
    """The app password signs in after TLS; a wrong one is a refusal that quotes nothing."""
    inbox = Inbox()
    with relay(inbox, auth=True) as port, wired(port, sign_in="password") as wire:
        receipt = send(wire, mail())
    assert inbox.signed_in == [b"incident"]
    assert CANARY not in str(receipt.json)
    assert receipt.status == 250


@pytest.mark.usefixtures("_trusted")
def test_a_wrong_password_is_a_refusal_with_the_command_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """535 is told as a credential that is not taken (401)."""
    monkeypatch.setenv("CANARY", "wrong-and-secret-too")
    with relay(Inbox(), auth=True) as port, wired(port, sign_in="password") as wire:
        driven = _play(wire)
    assert isinstance(driven.error, Refused)
    assert driven.error.status == 401
    assert "wrong-and-secret" not in str(driven.error)
    assert not driven.writes


@pytest.mark.usefixtures("_trusted")
def test_one_refused_recipient_is_named_and_the_others_are_told() -> None:
    """Partial refusal is not success: the receipt has each reply, and the outcome names who was refused."""
    inbox = Inbox(refuse={"dpo@example.org": "550 5.1.1 no such user"})
    with relay(inbox) as port, wired(port) as wire:
        driven = _play(wire)
    assert inbox.envelopes[0].rcpt_tos == ["legal@example.org"]
    assert "1 of 2" in str(driven.error)
    assert "REFUSED for dpo@example.org: 550 5.1.1 no such user" in str(driven.error)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "451 4.7.1 Greylisted"])
def test_all_refused_is_a_refusal_and_nothing_is_sent(reply: str) -> None:
    """No DATA follows; a temporary reply says to try again later."""
    inbox = Inbox(refuse=dict.fromkeys(TO, reply))
    with relay(inbox) as port, wired(port) as wire:
        driven = _play(wire)
    assert not inbox.envelopes
    assert isinstance(driven.error, Refused)
    assert driven.error.status == int(reply[:3])
    assert bool(driven.error.next) == reply.startswith("4")


@pytest.mark.usefixtures("_trusted")
def test_a_message_refused_at_its_end_was_not_taken() -> None:
    """554 after the last dot: a refusal, never "sent" and never unknown."""
    with relay(Inbox(at_end="554 5.7.1 looks like spam")) as port, wired(port) as wire:
        driven = _play(wire)
    assert isinstance(driven.error, Refused)
    assert "looks like spam" in str(driven.error)


@pytest.mark.usefixtures("_trusted")
def test_silence_after_the_end_of_a_message_is_unknown() -> None:
    """The relay may have queued it: NoAnswer, so that nothing sends it again by itself."""
    inbox = Inbox(at_end=None)
    with relay(inbox) as port, wired(port) as wire, pytest.raises(NoAnswer, match="no answer from"):
        send(wire, mail())
    assert len(inbox.envelopes) == 1


@pytest.mark.usefixtures("_trusted")
def test_a_message_that_is_too_large_is_not_begun() -> None:
    """The relay's SIZE is taken at its word."""
    inbox = Inbox()
    with relay(inbox, size=1000) as port, wired(port) as wire:
        assert send(wire, mail(attached=(KEPT,))).status == 552
    assert not inbox.envelopes


def test_nobody_listening_is_nothing_sent() -> None:
    """A closed port: NotSent."""
    with relay(Inbox()) as port:
        pass
    with wired(port) as wire, pytest.raises(NotSent, match="no message could be handed to"):
        send(wire, mail())


def test_a_probe_hands_no_message_over() -> None:
    """A wire that only reads refuses before it opens anything."""
    inbox = Inbox()
    with relay(inbox, tls=False) as port, wired(port, scheme="smtp+none", reads_only=True) as wire:
        with pytest.raises(NotSent, match="probe"):
            send(wire, mail())
        assert drive(_check(), lambda request: _ask(wire, request), connectors.find("mail"),
                     {("setting", "sender"): "incident@example.org"}).result.email == "incident@example.org"
    assert not inbox.envelopes


@pytest.mark.parametrize(("field", "value"), [
    ("to", ("legal@example.org\r\nBcc: thief@example.com",)), ("to", ()), ("to", ("a b@example.org",)), ("to", ("legal",)),
    ("subject", "two\nlines"), ("subject", "x" * 201), ("sender", "<>"), ("message_id", "<a b@c>"),
    ("reply_to", "x@y\n")])
def test_hostile_text_becomes_no_header(field: str, value: object) -> None:
    """An address, a subject or an id that no header can hold is refused before there is a request."""
    fields = {"sender": "a@example.org", "to": TO, "subject": "s", "text": "t", "message_id": "<1@example.org>", field: value}
    with pytest.raises(ActionError):
        Mail(**fields)                                  # type: ignore[arg-type]


def test_long_and_odd_text_is_carried_in_lines_that_smtp_allows() -> None:
    """No line over 998 octets, whatever stands in the text (RFC 5321 4.5.3.1.6)."""
    raw = b"".join(piece for piece in mail("x" * 5000 + "\n" + "ü" * 3000 + "\r\n.\r\n").pieces() if isinstance(piece, bytes))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert all(byte < 128 for byte in raw)


def test_the_shown_message_names_its_attachments_by_hash() -> None:
    """What the gate and the ledger show: everything in words, the files as name, size and SHA-256."""
    shown = mail(attached=(KEPT,)).shown().decode()
    assert f"[attached: audit log.json, 76,800 bytes, SHA-256 {KEPT.sha256}]" in shown
    assert "Subject: Please call me" in shown
    assert base64.b64encode(FILE[:57]).decode() not in shown


def _check() -> Any:
    check = connectors.find("mail").check
    assert check is not None
    return check()


def _ask(wire: Wire, request: Request) -> Response:
    return wire.send(wire.prepare("mail", request), answered=ignored)


def _play(wire: Wire) -> Driven:
    """The action itself, its requests over the wire."""
    steps = connectors.find_action("mail.send")(to=list(TO), subject="Please call me", text="Now.")
    return drive(steps, lambda request: _ask(wire, request), connectors.find("mail"),
                 {("setting", "sender"): "incident@example.org"})
