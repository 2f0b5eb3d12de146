"""Events of an incident, posted to a system without a connector of its own, by the rules of Standard Webhooks.

A receiver's 2xx means accepted, and no more. The id is the same at every attempt, so that a receiver can tell a second one.
"""

from __future__ import annotations

from irkit.action import (
    POST,
    ActionError,
    Anonymous,
    Connector,
    Effect,
    NotConfirmed,
    Placed,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    StandardWebhook,
    Steps,
    artefact,
    occasion,
    setting,
)


def judge(request: Request, response: Response) -> ActionError | None:
    """410: the receiver wants no more of it (Standard Webhooks, Failure). All else its status says."""
    if response.status == 410:
        return Refused(f"{request.target} answered 410: it takes no more events", status=410,
                       next="stop sending to it: correct or remove the connection in irkit.toml")
    return None


webhook = Connector(
    "webhook",
    title="Webhook",
    base_url="https://{host}",
    settings=[Setting("host", "Host of the receiver", r"[A-Za-z0-9.-]+(:[0-9]+)?", "like hooks.example.org"),
              Setting("path", "Path of the receiver", r"/[^\s?#]*", "like /incidents", default="/")],
    sign_in=[StandardWebhook(), Placed(path="/{credential}", name="secret_path", ask="What follows the host (it is the secret)",
                                       slashes=True), Anonymous()],
    judge=judge,
    per_minute=60,
    setup=("A receiver that checks the signature of Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature).",
           "Where the address itself is the secret, sign in with secret_path: no file and no ledger then holds it."),
)


class Event(Record, frozen=True):
    """An event that was handed over, under the id that it keeps."""

    id: str
    type: str


@webhook.action(Effect.IRREVERSIBLE, tells=True)
def send(type: str, text: str, attach: str | None = None) -> Steps[Event]:
    """Post an event of this incident to the receiver.

    The body is {"type", "data": {incident, step, text, sha256}}: `attach` names an artefact of this incident, of which the hash
    alone is sent. Accepted is not delivered: a person says whether it arrived.

    Source: standardwebhooks.com, specification (headers, signature over id.timestamp.body, retries with the same id).
    """
    now, path = (yield from occasion()), (yield from setting("path"))
    kept = None if attach is None else (yield from artefact(attach))
    data = {"incident": now.name, "step": now.step, "text": text, **({"sha256": kept.sha256} if kept else {})}
    event = Event(f"{now.id}.{now.incident.rpartition('/')[2][:12]}", type)
    answer = yield POST(path, json={"type": type, "data": data}, headers={"webhook-id": event.id}, settle="human", seen=event,
                        affects=[f"the receiver of {type}"], noun="receiver")
    raise NotConfirmed(f"the receiver answered {answer.status}: accepted, and nobody knows whether it kept it. Look there for "
                       f"{event.id}, and enter by hand what you see")
