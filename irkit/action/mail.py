"""A mail as an action yields it: what stands on the gate, and the bytes that leave but for the moment of sending.

The form is RFC 5322 with MIME (RFC 2045): one text, and files of the ledger as attachments. The bytes are the same at every
look; the `Date` is put in front when the mail leaves, as a server's own headers are.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from irkit.action.record import Artefact, Record
from irkit.errors import ActionError

if TYPE_CHECKING:
    from email.message import EmailMessage

ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@/?#%]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
LINE = 57                              # bytes that make a base64 line of 76 (RFC 2045 6.8)
PIECE = LINE * 4096                    # bytes of an attachment held at a time


class Mail(Record, frozen=True):
    """One message. `to` are bare addresses; `message_id` stands between < and >, and is the same at every attempt.

    Raises ActionError for an address, subject or id that no header can hold: hostile text does not become a header.
    """

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    reply_to: str = ""
    attached: tuple[Artefact, ...] = ()

    def __post_init__(self) -> None:
        if not self.to:
            raise ActionError("a mail needs somebody to go to")
        for address in (self.sender, *self.to, *filter(None, (self.reply_to,))):
            if not ADDRESS.fullmatch(address) or len(address) > 254:
                raise ActionError(f"{address[:80]!r} is no mail address", next="one bare address each, like legal@example.org")
        if not re.fullmatch(r"<[!-;=?-~]{3,240}>", self.message_id):
            raise ActionError(f"{self.message_id[:80]!r} is no Message-ID")
        if not self.subject.isprintable() or len(self.subject) > 200:
            raise ActionError("a subject is one line of at most 200 characters")

    @property
    def target(self) -> str:
        """Where it goes, as a path on the relay: "/legal@example.org,dpo@example.org"."""
        return "/" + ",".join(self.to)

    def shown(self) -> bytes:
        """The message in words: what the gate and the ledger show."""
        head = [f"From: {self.sender}", f"To: {', '.join(self.to)}", f"Subject: {self.subject}",
                f"Message-ID: {self.message_id}", *([f"Reply-To: {self.reply_to}"] if self.reply_to else [])]
        files = [f"[attached: {file.name}, {file.size:,} bytes, SHA-256 {file.sha256}]" for file in self.attached]
        return "\n".join([*head, "", self.text, *files]).encode("utf-8", "backslashreplace")

    def pieces(self) -> Iterator[bytes | Artefact]:
        """The message from its first header to its end; an artefact stands for its content, in base64."""
        if not self.attached:
            yield self._headed(_text(self.text)).as_bytes()
            return
        boundary = "irkit-" + hashlib.sha256(self.message_id.encode()).hexdigest()[:40]
        head = self._headed(_empty()).as_bytes().rstrip() + (
            f'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n--{boundary}\r\n').encode()
        yield head + _text(self.text).as_bytes()
        for file in self.attached:
            part = _empty()
            part["Content-Type"] = "application/octet-stream"
            part["Content-Transfer-Encoding"] = "base64"
            part.add_header("Content-Disposition", "attachment", filename=_filename(file.name))
            yield f"\r\n--{boundary}\r\n".encode() + part.as_bytes()
            yield file
        yield f"\r\n--{boundary}--\r\n".encode()

    def _headed(self, message: EmailMessage) -> EmailMessage:
        from email.errors import HeaderParseError
        named = (("From", self.sender), ("To", ", ".join(self.to)), ("Subject", self.subject),
                 ("Message-ID", self.message_id), ("Reply-To", self.reply_to))
        try:
            for name, value in named:
                if value:
                    message[name] = value
        except (ValueError, HeaderParseError) as error:
            raise ActionError(f"the mail cannot be written: {error}") from None
        return message


def _empty() -> EmailMessage:
    from email.message import EmailMessage
    from email.policy import SMTP
    return EmailMessage(policy=SMTP)


def _text(text: str) -> EmailMessage:
    message = _empty()
    message.set_content(text, cte="quoted-printable")
    return message


def encoded(raw: bytes) -> bytes:
    """Bytes of an attachment as base64 lines; whole but for the last call a multiple of `LINE` bytes."""
    return b"".join(base64.b64encode(raw[i:i + LINE]) + b"\r\n" for i in range(0, len(raw), LINE))


def _filename(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._ -]", "_", name)[:100] or "attachment"
