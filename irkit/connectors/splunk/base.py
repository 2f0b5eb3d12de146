"""Splunk itself: two addresses (search REST, HTTP Event Collector), whom the token acts as, what it may search.

Rules of the package: an export is whole when its last row says so; an empty one may mean that the account sees nothing; 200 of
the collector means that an event looks valid, and no more.

Sources: docs.splunk.com, REST API Reference (search, access endpoints); help.splunk.com, HTTP Event Collector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Bucket,
    Connector,
    Host,
    Identity,
    NoAnswer,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Token,
    at,
    row,
    stamp,
    when,
    words,
)

MAX_WORDS = 300
REST = "the REST port opened (Splunk Cloud: by a support ticket; never on a free trial)"


def describe(response: Response) -> str:
    """{"messages": [{"type", "text"}]} of REST, {"text", "code", "invalid-event-number"} of the collector."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    if not isinstance(data, dict):
        return ""
    if "code" in data:
        return f"{words(data.get('text'))} (code {data['code']})"[:MAX_WORDS]
    return "; ".join(said(data))[:MAX_WORDS]


def said(data: Mapping[str, Any]) -> list[str]:
    """What Splunk says beside its rows: "WARN: …", one each."""
    found = data.get("messages")
    return [f"{words(at(one, 'type')) or 'note'}: {words(at(one, 'text'))}" for one in found if isinstance(one, dict)] \
        if isinstance(found, list) else []


def judge(request: Request, response: Response) -> ActionError | None:
    """The collector's own verdict. An event that is wrong may have good ones before it, which are taken already."""
    if request.host != "hec" or response.status not in (200, 400):
        return None
    try:
        data = response.json
    except BadAnswer:
        return None
    code = at(data, "code")
    if response.status == 200:
        return Refused(f"the collector did not take it: {describe(response)}", status=200) if code not in (None, 0) else None
    number = at(data, "invalid-event-number")
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return NoAnswer(f"event {number} is wrong, and those before it may be indexed: {describe(response)}", status=400)
    return Refused(f"the collector did not take it: {describe(response) or '400'}", status=400)


def bucket(request: Request) -> Bucket | None:
    return Bucket("collector", 600) if request.host == "hec" else None


splunk = Connector(
    "splunk",
    title="Splunk",
    base_url="https://{host}",
    settings=[
        Setting("host", "Host and port of the REST API", r"[A-Za-z0-9.-]+(:[0-9]+)?", "like splunk.example.org:8089"),
        Setting("hec", "Host and port of the HTTP Event Collector", r"[A-Za-z0-9.-]+(:[0-9]+)?",
                "like splunk.example.org:8088; say it also where nothing is sent"),
        Setting("index", "Index that irkit's own events go to", r"[a-z0-9_][a-z0-9_-]*", default="main"),
        Setting("ack", "Does the collector acknowledge: yes or no (Splunk Cloud: no)", default="no",
                values={"yes": "yes", "no": "no"}),
        Setting("export", "Path of the export: v2, or v1 before Splunk 9", default="v2", values={"v2": "v2/", "v1": ""}),
    ],
    sign_in=[Token("token", "Token of irkit's account (Settings > Tokens)"),
             Token("session", "Session key", "Splunk {}")],
    hosts={"hec": Host("https://{hec}", Token("hec_token", "Token of the HTTP Event Collector", "Splunk {}"))},
    describe=describe, judge=judge, bucket=bucket, headers={"Accept": "application/json"},
    setup=(
        "An account of Splunk for irkit alone, with a role that may search the indexes that matter and nothing else: no",
        "delete_by_keyword, no output_file. What it cannot see it does not find, and an empty result then proves nothing.",
        "Splunk Cloud: a support ticket opens port 8089; a free trial has no REST at all.",
        "To send events: Settings > Data inputs > HTTP Event Collector, a token for one index of irkit's own, with indexer",
        "acknowledgement where you run Splunk Enterprise; its token under credentials: hec = \"env:…\".",
        "To revoke tokens: edit_tokens_all; to list them: list_tokens_all.",
    ),
)


class Index(Struct, frozen=True):
    """An index that the account may search, and the time of its oldest event."""

    name: str
    oldest: datetime | None


def entries(answer: Response, what: str) -> Iterator[Mapping[str, Any]]:
    """What a list of Splunk's REST holds: {"entry": [{"name", "content"}]}."""
    for one in answer.get("entry", list):
        yield row(one, what)


def account() -> Steps[Mapping[str, Any]]:
    """Name, roles and capabilities of whoever the token acts as."""
    answer = yield GET("/services/authentication/current-context", params={"output_mode": "json"}, gate=REST)
    for one in entries(answer, "context"):
        found = at(one, "content")
        if isinstance(found, dict) and words(found.get("username")):
            return found
    raise BadAnswer("Splunk does not say whom the token acts as")


def indexes() -> Steps[list[Index]]:
    """The indexes that this account sees."""
    answer = yield GET("/services/data/indexes", params={"output_mode": "json", "count": 0}, gate=REST)
    return sorted((Index(words(one.get("name")), when(at(one, "content.minTime"))) for one in entries(answer, "index")),
                  key=lambda index: index.name)


def texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


@splunk.identity
def check() -> Steps[Identity]:
    """Whom the token acts as. Source: docs.splunk.com, REST API Reference, authentication/current-context."""
    me = yield from account()
    name, roles = words(me.get("username")), texts(me.get("roles"))
    return Identity(name, words(me.get("email")), words(me.get("realname")) or name, ", ".join(roles), admin="search" in
                    texts(me.get("capabilities")))


@splunk.proof("search", "export what a search finds")
def _search() -> Steps[Response]:
    me = yield from account()
    if "search" not in texts(me.get("capabilities")):
        raise Refused("the account has no capability search", status=403, next="give its role the capability")
    return Response(204)


@splunk.proof("indexes", "say what a search can see, and since when")
def _indexes() -> Steps[str]:
    found = yield from indexes()
    if not found:
        raise Refused("the account sees no index: every search of it is empty", status=403,
                      next="give its role indexes to search")
    return ", ".join(f"{index.name} since {stamp(index.oldest) or 'unknown'}" for index in found)


@splunk.proof("list_tokens_all", "find tokens that leaked")
def _tokens() -> Steps[Response]:
    return (yield GET("/services/authorization/tokens", params={"output_mode": "json", "count": 1}))
