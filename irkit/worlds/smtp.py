"""The relay's world behind SMTP on 127.0.0.1, as `irkit.worlds.serve` is for web addresses: enough of RFC 5321 for irkit.

Without TLS: it is this machine, and irkit speaks so to nobody else. Faults of a scenario apply to "SEND /address".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

from irkit.worlds.faults import Fault
from irkit.worlds.mail import BANNER, MailRelay
from irkit.worlds.serve import MAX_BODY, Connection, Server
from irkit.worlds.world import Call, World


class Relay(Server):
    """A served relay: `with` it, or start() and stop()."""

    def __init__(self, world: MailRelay, port: int = 0, *, faults: Iterable[Fault] = (), latency: float = 0.0) -> None:
        super().__init__(world, port, faults=faults, latency=latency, handler=_Session)
        self.relay = world
        self.url = world.base_url = f"smtp+none://127.0.0.1:{self.port}"


def relay(world: World, port: int, *, faults: Iterable[Fault], latency: float) -> Relay:
    """The server of a relay's world."""
    assert isinstance(world, MailRelay)
    return Relay(world, port, faults=faults, latency=latency)


class _Session(Connection):
    def setup(self) -> None:
        super().setup()
        self._to: list[str] = []
        self._greeted = False

    def _say(self, code: int, text: str) -> bool:
        self.wfile.write(f"{code} {text}\r\n".encode())
        return True

    def one(self) -> bool:
        """One command. False: the session is over."""
        if not self._greeted:
            self._greeted = True
            self.relay.faults.judge("mail", "GET", "/")        # a look: somebody came, and has said nothing yet
            return self._say(220, BANNER)
        line = self.rfile.readline(2048).decode("latin-1").strip()
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "":
                return False
            case "EHLO" | "HELO":
                size = self.relay.relay.options.size
                self.wfile.write(f"250-smtp.northwind.example\r\n250-SIZE {size}\r\n250 AUTH PLAIN LOGIN\r\n".encode())
                return True
            case "AUTH":
                return self._say(235, "2.7.0 Ok")
            case "MAIL" | "RSET":
                self._to = []
                return self._say(250, "2.1.0 Ok")
            case "RCPT":
                return self._recipient(rest.partition("<")[2].partition(">")[0])
            case "DATA":
                return self._data()
            case "NOOP":
                return self._say(250, "2.0.0 Ok")
            case "QUIT":
                return not self._say(221, "2.0.0 Bye")
        return self._say(502, "5.5.1 not known")

    @property
    def relay(self) -> Relay:
        served = self.server.served
        assert isinstance(served, Relay)
        return served

    def _recipient(self, address: str) -> bool:
        code, text = self.relay.relay.recipient(address)
        if code == 250:
            self._to.append(address)
        return self._say(code, text)

    def _data(self) -> bool:
        if not self._to:
            return self._say(503, "5.5.1 no recipients")
        call = Call.of("SEND", "/" + quote(",".join(self._to), safe="@,"))
        fault = self.relay.faults.judge("mail", "SEND", "/" + ",".join(self._to))
        if fault is not None and fault.lost == "before":
            return False
        self._say(354, "go on")
        body = self._message()
        if fault is not None and fault.answer is not None:
            said = fault.said()
            return self._say(said.status, str(said.body, "utf-8", "replace") if isinstance(said.body, bytes) else "no")
        answer = self.relay.world.handle(Call.of("SEND", call.path, body=body))
        told = json.loads(answer.body if isinstance(answer.body, bytes) else b"".join(answer.body))
        return self._say(told["code"], told["text"]) if fault is None else False

    def _message(self) -> bytes:
        lines, size = [], 0
        while (line := self.rfile.readline(65536)) not in (b".\r\n", b""):
            size += len(line)
            if size <= MAX_BODY:
                lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)
