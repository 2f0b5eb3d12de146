"""A connector and a world that use every sign-in, host and body there is, over real sockets. Not shipped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from irkit.action import (
    GET,
    POST,
    PUT,
    ActionError,
    Anonymous,
    Artefact,
    Assertion,
    AwsSignature,
    BadAnswer,
    Basic,
    Bucket,
    ClientCredentials,
    Connector,
    Host,
    NoAnswer,
    Placed,
    Refused,
    Request,
    Response,
    ServiceAccount,
    Setting,
    Steps,
    Throttled,
    Token,
    Unavailable,
)
from irkit.worlds import Answer, Call, Person, Tokens, World, claims

CLIENT = (Setting("client_id", "Client id"), Setting("tenant", "Tenant", default="acme"), Setting("key_id", "Key", default=""))
TOKEN_URL = "https://login.example.com/{tenant}/oauth2/v2.0/token"
SECRET = "s3cr3t-canary-of-the-client"


def judge(request: Request, response: Response) -> ActionError | None:
    """As Slack: 200 and ok:false; as Google: a 403 that means slow down."""
    try:
        data = response.json
    except BadAnswer:
        return None
    code = data.get("error") if isinstance(data, dict) else None
    if not isinstance(code, str) or code in request.accepts:
        return None
    if code in ("ratelimited", "userRateLimitExceeded"):
        return Throttled(f"{request.target}: {code}", status=response.status, wait=7.0)
    if code == "internal_error" and request.is_write:
        return NoAnswer(f"{request.target}: {code}", status=response.status)
    if code == "missing_scope":
        return Unavailable(f"{request.target}: {code}", status=response.status, needs=code)
    return Refused(f"{request.target}: {code}", status=response.status) if data.get("ok") is False else None


def bucket(request: Request) -> Bucket | None:
    return Bucket("chat", 60) if request.target.startswith("/chat") else None


example = Connector(
    "example", title="Example", base_url="https://{region}/v1", per_minute=6000, judge=judge, bucket=bucket, cookies=True,
    settings=[Setting("region", "Region", values={"us": "api.example.com", "eu": "api.eu.example.com"}, default="us")],
    hosts={"files": Host("https://files.example.com"),
           "events": Host("https://events.example.com", Placed(field="routing_key", name="routing_key", ask="Routing key")),
           "sink": Host("https://sink.example.com", Placed(path="/receiver/{credential}", ask="Source address"))},
    sign_in=[
        Token("ssws", form="SSWS {}"), Token("pagerduty", form="Token token={}"),
        Token("appfollow", form="{}", header="X-AppFollow-API-Token"),
        Basic("{credential}", "key_as_user", password="X"), Basic("{email}", "pair", settings=(Setting("email", "E-mail"),)),
        ClientCredentials(TOKEN_URL, "api/.default", "secret", settings=CLIENT, body="form"),
        ClientCredentials("/oauth2/v1/token", "okta.users.read", "key", settings=CLIENT, body="form",
                          assertion=Assertion("RS256")),
        ClientCredentials(TOKEN_URL, "api/.default", "certificate", settings=CLIENT, body="form",
                          assertion=Assertion("PS256", certificate=True)),
        ServiceAccount("a b", token="https://oauth2.example.com/token"), AwsSignature(), Anonymous(),
    ],
    setup=("Grant the role Reader to the app.",))


@example.proof("example.read", "list things")
def _can_read() -> Steps[Any]:
    return (yield GET("/things")).json


@example.proof("example.logs", "read logs")
def _can_log() -> Steps[Any]:
    return (yield GET("/logs")).json


class Example(World):
    """Mints tokens for whoever proves who they are, and keeps what it was shown in `calls`."""

    connector = "example"
    base_url = "https://api.example.com/v1"

    def build(self, options: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.calls: list[Call] = []
        self.asserted: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        self.tokens = Tokens(self.now, "example")
        self.ready_token = self.tokens.issue("irkit")
        self.refuse: dict[str, object] | None = None        # what the token endpoint says instead
        self.said: list[Answer] = []                        # answered to what comes next, in order

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        if call.path.endswith("/token"):
            return self._token(call)
        if self.said:
            return self.said.pop(0)
        if call.path == "/logs":
            return Answer.json({"ok": False, "error": "missing_scope"})
        return Answer.json({"ok": True, "sha256": call.sha256, "size": call.size}, headers={"set-cookie": "job=one; Path=/"})

    def _token(self, call: Call) -> Answer:
        sent = call.data
        if self.refuse is not None:
            return Answer.json(self.refuse, 400)
        if shown := sent.get("client_assertion") or sent.get("assertion"):
            self.asserted.append(claims(shown))
        elif sent.get("client_secret") != SECRET:
            return Answer.json({"error": "invalid_client", "error_description": f"AADSTS7000215: not {SECRET}"}, 401)
        return Answer.json({"access_token": self.tokens.issue("app", seconds=3600), "token_type": "Bearer", "expires_in": 3600})

    def state(self) -> object:
        return {}

    def samples(self) -> Mapping[str, object]:
        return {}

    def credentials(self) -> Mapping[str, str]:
        return {"token": self.ready_token}


def tenant() -> Example:
    return Example({}, people=(), now=lambda: datetime.now(UTC))


def artefact_of(raw: bytes) -> Artefact:
    return Artefact(hashlib.sha256(raw).hexdigest(), len(raw), "evidence.bin")


WRITES: Mapping[str, Any] = {"affects": ["the thing"], "noun": "thing"}
THINGS = GET("/things")
FORM = POST("/chat.postMessage", form={"channel": "C1", "text": "a b&c", "password": "hunter2-canary"}, secret=["password"],
            **WRITES)
EVENT = POST("/v2/enqueue", host="events", json={"text": "[credential]", "event_action": "trigger"}, **WRITES)
LINES = POST("/", host="sink", content=b"one\ntwo\n", content_type="text/plain", **WRITES)


def upload(raw: bytes, **more: Any) -> Request:
    return PUT("/bucket/{}", "evidence.bin", host="files", upload=artefact_of(raw), **WRITES, **more)
