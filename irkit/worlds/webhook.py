"""A receiver of Standard Webhooks: checks signature and age, keeps one event an id, and may have had enough (410)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.world import Answer, Call, Person, World

TOLERANCE = 300.0              # seconds between the sender's clock and ours


class Options(Struct, frozen=True):
    """`gone`: it takes no more events. `forgets`: it answers 202 and keeps nothing."""

    gone: bool = False
    forgets: bool = False
    hostile: bool = False


class Receiver(World):
    """One address that takes events."""

    connector: ClassVar[str] = "webhook"
    settings: Mapping[str, str] = {"host": "hooks.northwind.example", "path": "/incidents"}
    base_url = "https://hooks.northwind.example"
    ready_token = "whsec_" + base64.b64encode(b"a-key-of-a-simulated-receiver").decode()

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, "webhook")
        self.events: dict[str, Any] = {}

    def answer(self, call: Call) -> Answer:
        if call.method != "POST" or call.path != "/incidents":
            return Answer(404)
        if call.authorization != f"Bearer {self.ready_token}" and not self._signed(call):
            return Answer.json({"error": "the signature is wrong, or too old"}, 401)
        if self.options.gone:
            return Answer(410)
        if not self.options.forgets:
            self.events.setdefault(call.headers.get("webhook-id", ""), call.data)
        return Answer(202)

    def _signed(self, call: Call) -> bool:
        key = base64.b64decode(self.ready_token.removeprefix("whsec_"))
        sent_at = call.headers.get("webhook-timestamp", "")
        if not sent_at.isdecimal() or abs(self.now().timestamp() - int(sent_at)) > TOLERANCE:
            return False
        signed = f"{call.headers.get('webhook-id', '')}.{sent_at}.".encode() + call.body
        want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(want, one) for one in call.headers.get("webhook-signature", "").split(" "))

    def state(self) -> object:
        return dict(sorted(self.events.items()))

    def samples(self) -> Mapping[str, object]:
        return {"type": "incident.contained", "text": "The account was suspended at 02:41Z.", "attach": "evidence.txt"}

    def credentials(self) -> Mapping[str, str]:
        return {"secret": self.ready_token}

    def signs_in(self) -> tuple[str, str]:
        return "signed", self.ready_token
