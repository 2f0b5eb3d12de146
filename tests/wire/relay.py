"""A real SMTP server on 127.0.0.1 (aiosmtpd), with or without TLS, that refuses whom it is told to."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

CERTIFICATE = Path(__file__).parent / "self_signed.pem"         # for 127.0.0.1, signed by nobody else


class Inbox:
    """What arrived, and what to answer. `at_end` is said to the end of a message; None closes the connection instead."""

    def __init__(self, *, refuse: Mapping[str, str] | None = None, at_end: str | None = "250 2.0.0 Ok: queued as 4F1A") -> None:
        self.refuse, self.at_end = dict(refuse or {}), at_end
        self.envelopes: list[Envelope] = []
        self.signed_in: list[bytes] = []

    async def handle_RCPT(self, server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        if self.at_end is None:
            assert server.transport is not None
            server.transport.close()
            return ""
        return self.at_end

    def messages(self) -> list[Message]:
        return [email.message_from_bytes(bytes(one.content)) for one in self.envelopes if isinstance(one.content, bytes)]

    def authenticate(self, _server: SMTP, _session: Any, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.signed_in.append(data.login)
        return AuthResult(success=data.password == b"canary-4d1f0a77-planted", handled=False)


@contextmanager
def relay(inbox: Inbox, *, tls: bool = True, auth: bool = False, size: int = 33_554_432,
          make: Callable[..., SMTP] = SMTP) -> Iterator[int]:
    """The port of a server that is ready."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    class Served(Controller):
        def factory(self) -> SMTP:
            return make(self.handler, hostname="relay", tls_context=context if tls else None, require_starttls=tls,
                        data_size_limit=size, authenticator=inbox.authenticate if auth else None, auth_required=auth,
                        auth_require_tls=tls)

    with socket.socket() as free:          # aiosmtpd greets itself at the port it was told
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    served = Served(inbox, hostname="127.0.0.1", port=port)
    served.start()
    try:
        yield port
    finally:
        served.stop()
