"""Messages, handed to a relay (RFC 5321): what `Request.mail` leaves by. One session a message, none kept open.

- TLS with a verified certificate, by STARTTLS or from the first byte; without it nothing is said, no password either. A relay
  on this machine may do without in a test incident, where its address says so (smtp+none://).
- A reply other than 2xx is an answer like any other; whatever goes wrong before the message has ended means that the relay
  does not have it (RFC 5321 4.1.1.4), so nothing was sent; without a reply to its end nobody knows.
- 250 means queued. The receipt has each recipient's own reply, the relay's last sentence, and the SHA-256 of the very bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from irkit.action import (
    ActionError,
    Artefact,
    Basic,
    Bucket,
    Connector,
    NoAnswer,
    NotSent,
    Outgoing,
    Placed,
    Request,
    Response,
    SignIn,
    Token,
)
from irkit.action.mail import LINE, PIECE, Mail, encoded
from irkit.config import Connection, is_loopback
from irkit.errors import IrkitError
from irkit.secrets import Secret, scrub
from irkit.wire.account import certificates, texts
from irkit.wire.auth import Auth, Fixed
from irkit.wire.limits import Pace

Source = Callable[[Artefact], BinaryIO]
Reply = tuple[int, str]
FAILURES = (OSError, smtplib.SMTPException)        # of a session; an OSError also is what TLS raises


@dataclass
class Receipt:
    """What the relay said: the decisive reply, and each recipient's own."""

    banner: str = ""
    tls: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    last: Reply = (0, "")
    sha256: str = ""
    size: int = 0

    def response(self) -> Response:
        taken = [to for to, (code, _) in self.replies.items() if code < 300]
        refused = {to: f"{code} {text}" for to, (code, text) in self.replies.items() if code >= 300}
        told = {"code": self.last[0], "text": self.last[1], "accepted": taken, "refused": refused, "banner": self.banner,
                "tls": self.tls, "sha256": self.sha256, "size": self.size}
        return Response.of({name: value for name, value in told.items() if value not in ("", 0)}, self.last[0])


class Mailbox:
    """A connection to a relay: what `Account` is to a web address.

    Raises ActionError for an address that is not to be called.
    """

    def __init__(self, connection: Connection, connector: Connector, way: SignIn, credential: Secret, *, loopback: bool,
                 pace: Callable[[str, int], Pace], timeouts: Mapping[str, Any], wall: Callable[[], float],
                 reads_only: bool = False) -> None:
        self.connection, self.connector, self.way = connection, connector, way
        self.written, self.filled = texts(connection, connector, way)
        self._address = connection.base_url or connector.base_url.format(**self.filled)
        parts = urlsplit(self._address)
        self._scheme, self._host, self._port = parts.scheme, parts.hostname or "", parts.port or 587
        local = is_loopback(self._host)
        if local and not loopback:
            raise ActionError(f"{connection.name} is {self._address}, this machine itself: a live incident does not call it",
                              next="use an incident opened as a test, or another connection")
        if self._scheme not in ("smtp", "smtps") and not (local and self._scheme == "smtp+none"):
            raise ActionError(f"{connection.name} is {self._address}: a relay is called by TLS alone",
                              next=f"irkit connect {connector.name}")
        self._credential, self._timeouts, self._wall = credential, timeouts, wall
        self._reads_only = reads_only      # of a probe: it signs in, and hands nothing over
        self.auths: dict[str, Auth] = {"": Fixed({}, credential)}
        self._pace = pace(connector.title, connector.per_minute)

    def url(self, request: Request) -> str:
        """Where a message goes: the relay, and behind it whom it is for. Raises ActionError for anything else."""
        if request.mail is None and (request.is_write or request.target != "/"):
            raise ActionError(f"{self.connection.name} takes messages, and nothing else")
        return self._address + request.target

    def placed(self, host: str) -> Placed | None:
        return None

    def pace(self, bucket: Bucket | None = None) -> Pace:
        return self._pace

    def secrets(self) -> list[Secret]:
        return [self._credential]

    def close(self) -> None:
        """Nothing is kept open."""

    # -- one session -----------------------------------------------------------------------------------------------

    def send(self, outgoing: Outgoing, *, answered: Callable[[int, Mapping[str, str]], None],
             source: Source | None = None) -> Response:
        """Hand the message over, once; without a message, sign in and ask nothing. Raises NotSent, NoAnswer."""
        receipt, mail = Receipt(), outgoing.request.mail
        if self._reads_only and mail is not None:
            raise NotSent("this is a probe: no message is handed over")
        try:
            with closing(self._connected(receipt)) as relay:
                if not self._opened(relay, receipt) or not self._signed(relay, receipt):
                    pass
                elif mail is None:
                    receipt.last = _reply(relay.noop())
                elif self._addressed(relay, mail, receipt):
                    self._handed(relay, mail, receipt, source)
                with contextlib.suppress(*FAILURES):       # what was said stands, however it parts
                    relay.docmd("QUIT")
        except FAILURES as error:
            raise NotSent(f"no message could be handed to {self._host}: {self._words(error)}") from None
        response = receipt.response()
        answered(response.status, response.headers)
        return response

    def _connected(self, receipt: Receipt) -> smtplib.SMTP:
        relay = (smtplib.SMTP_SSL(timeout=self._timeouts["connect"], context=certificates()) if self._scheme == "smtps"
                 else smtplib.SMTP(timeout=self._timeouts["connect"]))
        relay._host = self._host                                       # type: ignore[attr-defined]  # whom the certificate is checked for
        try:
            receipt.last = _reply(relay.connect(self._host, self._port))
            receipt.banner = receipt.last[1][:200]
            assert relay.sock is not None
            relay.sock.settimeout(self._timeouts["read"])
            relay.local_hostname = f"[{relay.sock.getsockname()[0]}]"   # the machine's own name is nobody's business
        except BaseException:
            relay.close()
            raise
        return relay

    def _opened(self, relay: smtplib.SMTP, receipt: Receipt) -> bool:
        """Greet, and go on in TLS. Raises NotSent where it is not offered."""
        if not 200 <= receipt.last[0] < 300:
            return False
        receipt.last = _reply(relay.ehlo())
        if self._scheme == "smtp" and receipt.last[0] < 300:
            if not relay.has_extn("starttls"):
                raise NotSent(f"{self._host} offers no STARTTLS, and nothing is said to it in clear",
                              next=f"irkit connect {self.connector.name}, with security tls and port 465")
            receipt.last = _reply(relay.starttls(context=certificates()))
            if receipt.last[0] < 300:
                receipt.last = _reply(relay.ehlo())
        receipt.tls = getattr(relay.sock, "version", str)() or ""
        return receipt.last[0] < 300

    def _signed(self, relay: smtplib.SMTP, receipt: Receipt) -> bool:
        """Sign in where the connection does. False: the relay does not take the credential."""
        try:
            if isinstance(self.way, Basic):
                receipt.last = _reply(self._password(relay))
            elif isinstance(self.way, Token):
                bearer = f"user={self.filled['user']}\1auth=Bearer {self._credential.reveal()}\1\1"
                receipt.last = _reply(relay.auth("XOAUTH2", lambda challenge=None: "" if challenge else bearer))
        except smtplib.SMTPAuthenticationError as error:
            receipt.last = _reply((error.smtp_code, error.smtp_error), self.secrets())
        except smtplib.SMTPNotSupportedError:
            raise NotSent(f"{self._host} takes no password here", next=f"irkit connect {self.connector.name}") from None
        return receipt.last[0] < 300

    def _password(self, relay: smtplib.SMTP) -> tuple[int, bytes]:
        """By one mechanism, once: relays lock an account after some wrong tries."""
        assert isinstance(self.way, Basic)
        relay.user, relay.password = self.way.user.format(**self.filled), self._credential.reveal()
        offered = relay.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            return relay.auth("PLAIN", relay.auth_plain)
        if "LOGIN" in offered:
            return relay.auth("LOGIN", relay.auth_login)
        raise smtplib.SMTPNotSupportedError

    def _addressed(self, relay: smtplib.SMTP, mail: Mail, receipt: Receipt) -> bool:
        """Say from whom and to whom. False: it is refused, or nobody is left to send to."""
        most = relay.esmtp_features.get("size", "")
        if most.isdigit() and 0 < int(most) < (size := _size(mail)):
            receipt.last = (552, f"the message has {size:,} bytes, and the relay takes {int(most):,}")
            return False
        receipt.last = _reply(relay.mail(mail.sender))
        if receipt.last[0] >= 300:
            return False
        for to in mail.to:
            receipt.replies[to] = _reply(relay.rcpt(to))
        if any(code < 300 for code, _ in receipt.replies.values()):
            return True
        receipt.last = next(iter(receipt.replies.values()))
        return False

    def _handed(self, relay: smtplib.SMTP, mail: Mail, receipt: Receipt, source: Source | None) -> None:
        """The message itself. Raises NoAnswer once its end has left and no reply came."""
        receipt.last = _reply(relay.docmd("DATA"))
        if receipt.last[0] != 354:
            return
        digest = hashlib.sha256()
        for piece in _bytes(mail, self._wall(), source):
            digest.update(piece)
            receipt.size += len(piece)
            relay.send(re.sub(rb"(?m)^\.", b"..", piece))
        receipt.sha256 = digest.hexdigest()
        try:
            relay.send(b".\r\n")                 # what `pieces` gives ends with a line end
            receipt.last = _reply(relay.getreply())
        except FAILURES as error:
            raise NoAnswer(f"no answer from {self._host} to the end of the message: {self._words(error)}") from None

    def _words(self, error: BaseException) -> str:
        return scrub(str(error), self.secrets())[:300] or type(error).__name__


def _bytes(mail: Mail, now: float, source: Source | None) -> Iterator[bytes]:
    """The message as it leaves: its date, then the same bytes at every attempt."""
    yield f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
    for piece in mail.pieces():
        if isinstance(piece, bytes):
            yield piece
            continue
        if source is None:
            raise NotSent(f"the artefact {piece.name} is not at hand")
        try:
            file = source(piece)
        except IrkitError as error:
            raise NotSent(error.what, where=error.where, next=error.next) from None
        with file:
            while raw := file.read(PIECE):
                yield encoded(raw)


def _size(mail: Mail) -> int:
    """Bytes of the message, without its date."""
    return sum(len(piece) if isinstance(piece, bytes) else 4 * -(-piece.size // 3) + 2 * -(-piece.size // LINE)
               for piece in mail.pieces())


def _reply(said: tuple[int, bytes | str], secrets: list[Secret] | None = None) -> Reply:
    code, text = said
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return code, scrub(" ".join(words.split())[:500], secrets or [])
