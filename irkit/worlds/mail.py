"""A relay: takes messages by SMTP, refuses whom it does not know, and never says whether anybody read one.

Served, it speaks SMTP on 127.0.0.1 (see `irkit.worlds.smtp`); in a drill it is asked in process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.parser import Parser
from typing import ClassVar
from urllib.parse import unquote

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World

BANNER = "smtp.northwind.example ESMTP ready"


class Options(Struct, frozen=True):
    """`refuse`: addresses that are not known here, by comma. `full`: addresses whose mailbox is full. `busy`: the relay takes
    nothing now (greylisting). `size`: the most bytes that it takes."""

    refuse: str = ""
    full: str = ""
    busy: bool = False
    size: int = 25_000_000
    hostile: bool = False


class Taken(Struct, frozen=True):
    """A message that was queued."""

    queue_id: str
    message_id: str
    to: tuple[str, ...]
    subject: str


class MailRelay(World):
    """The relay of one organisation."""

    connector: ClassVar[str] = "mail"
    settings: Mapping[str, str] = {"host": "smtp.northwind.example", "port": "587", "security": "starttls",
                                   "sender": "incident@northwind.example", "user": "incident@northwind.example"}
    base_url = "smtp://smtp.northwind.example:587"
    ready_token = "world-mail-app-password"             # noqa: S105 - of a simulated relay
    protocol: ClassVar[str] = "smtp"

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, "mail")
        self._refused = {one.strip().lower() for one in self.options.refuse.split(",") if one.strip()}
        self._full = {one.strip().lower() for one in self.options.full.split(",") if one.strip()}
        self.taken: list[Taken] = []

    def recipient(self, address: str) -> tuple[int, str]:
        """The reply to RCPT for that address."""
        if self.options.busy:
            return 451, "4.7.1 Greylisted, try again later"
        if address.lower() in self._refused:
            return 550, f"5.1.1 <{address}>: no such user here"
        if address.lower() in self._full:
            return 452, f"4.2.2 <{address}>: mailbox full"
        return 250, "2.1.5 Ok"

    def answer(self, call: Call) -> Answer:
        if call.method == "GET":
            return Answer.json({"code": 250, "text": "2.0.0 Ok", "banner": BANNER}, 250)
        replies = {to: self.recipient(to) for to in map(unquote, call.path.strip("/").split(",")) if to}
        accepted = [to for to, (code, _) in replies.items() if code < 300]
        refused = {to: f"{code} {text}" for to, (code, text) in replies.items() if code >= 300}
        code, text = (250, "") if accepted else next(iter(replies.values()), (503, "5.5.1 no recipients"))
        if accepted and len(call.body) > self.options.size:
            code, text = 552, "5.3.4 message too big"
        if code == 250:
            text = f"2.0.0 Ok: queued as {self._queue(call, accepted)}"
            text = hostile(text) if self.options.hostile else text
        told = {"code": code, "text": text, "accepted": accepted, "refused": refused, "banner": BANNER, "size": len(call.body)}
        return Answer.json(told, code)

    def _queue(self, call: Call, accepted: list[str]) -> str:
        head = Parser().parsestr(call.body.decode("utf-8", "replace"), headersonly=True)
        queue_id = f"4F{len(self.taken) + 1:06X}"
        message_id, subject = (str(head.get(name, "")).strip() for name in ("Message-ID", "Subject"))
        self.taken.append(Taken(queue_id, message_id, tuple(accepted), subject))
        return queue_id

    def state(self) -> object:
        return [[one.queue_id, one.message_id, one.to] for one in self.taken]

    def samples(self) -> Mapping[str, object]:
        return {"to": ["legal@example.org", "dpo@example.org"], "subject": "Please call me when you read this",
                "text": "There is something to decide tonight.", "send.attach": ["evidence.txt"]}

    def credentials(self) -> Mapping[str, str]:
        return {"user": self.settings["user"], "password": self.ready_token}

    def signs_in(self) -> tuple[str, str]:
        return "relay", ""
