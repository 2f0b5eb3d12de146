"""One request to a system that has no connector here: the way out when a runbook needs it, and never the first choice.

irkit knows nothing of what such a request does. So it counts as what cannot be undone, its gate says so, and it is done when a
look that the runbook names shows it, or when a person says so.
"""

from __future__ import annotations

from irkit.action import (
    GET,
    ActionError,
    Anonymous,
    Basic,
    Connector,
    Effect,
    NotConfirmed,
    Record,
    Request,
    Response,
    Setting,
    Steps,
    Token,
)

METHODS = ("POST", "PUT", "PATCH", "DELETE")

http = Connector(
    "http",
    title="Web request",
    base_url="https://{host}",
    settings=[Setting("host", "Host", r"[A-Za-z0-9.-]+(:[0-9]+)?", "like api.example.org")],
    sign_in=[Token(), Token("header", "Key for the header X-Api-Key", "{}", "X-Api-Key"),
             Basic("{user}", settings=(Setting("user", "User name"),)), Anonymous()],
    describe=lambda response: _text(response)[:200],
    per_minute=60,
    setup=("A connection for one host. Prefer a connector that looks before and after: irkit action list.",),
)


class Answer(Record, frozen=True):
    """What was answered. `text` is the body's beginning."""

    status: int
    text: str


def _text(response: Response) -> str:
    with response.open() as file:
        return file.read(4096).decode("utf-8", "replace").strip()


def _path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//"):
        raise ActionError(f"{path[:80]!r} is no path on the host", next="write it with one slash in front: /api/v1/things/7")
    return path


@http.action(Effect.READ, opaque=True)
def get(path: str) -> Steps[Answer]:
    """Read one address of a host that has no connector.

    Source: RFC 9110 9.3.1 (GET). What the answer means only its vendor says.
    """
    answer = yield Request(method="GET", target=_path(path))
    return Answer(answer.status, _text(answer)[:1000])


@http.action(Effect.IRREVERSIBLE, opaque=True)
def request(method: str, path: str, body: str | None = None, content_type: str = "application/json", look: str | None = None,
            shows: str | None = None) -> Steps[Answer]:
    """Send one request to a host that has no connector.

    irkit does not know what it does: there is no undo, and nothing is checked but what the runbook says. `look` is a path that
    is read before and after; with `shows`, a text that it then contains, the step is done when it does, and nothing is sent
    where it does already. Without them a person says how it ended.

    Source: RFC 9110 9.3 (methods). The vendor's own documentation is to be named in the step's `refs`.
    """
    if method not in METHODS:
        raise ActionError(f"{method[:20]!r} is no method for this", next=f"one of {', '.join(METHODS)}; http.get reads")
    if shows and not look:
        raise ActionError("`shows` needs a `look`: the path that shows it")
    before = yield from _looked(look)
    if shows and before and shows in before.text:
        return before
    sent = yield Request(method=method, target=_path(path), content=None if body is None else body.encode(),
                         content_type=content_type if body is not None else "", settle="look" if shows else "human",
                         seen=before or Answer(0, "not looked"), affects=(path.partition("?")[0],), noun="resource")
    after = yield from _looked(look)
    if after and shows:
        return after.require(text=after.text if shows in after.text else shows)
    also = "; the look afterwards stands above" if after else ""
    raise NotConfirmed(f"{sent.status} was answered{also}. What it did, somebody has to look up")


def _looked(look: str | None) -> Steps[Answer | None]:
    if look is None:
        return None
    answer = yield GET(_path(look).replace("{", "%7B").replace("}", "%7D"))
    return Answer(answer.status, _text(answer)[:1000])
