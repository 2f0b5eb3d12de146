"""Sumo Logic itself: a deployment, a session of cookies for each search job, an HTTP source whose address is its credential.

Rules of the package: a job that ends as FORCE PAUSED has a part of the rows; one that nobody asks for 30 seconds is cancelled;
errors and warnings of a poll are new ones, not all of them; 200 of a source says nothing of storage, since a budget drops
silently; a redirect means another deployment and is never followed.

Sources: the vendor's documentation, search-job, HTTP source, access keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Basic,
    Bucket,
    Connector,
    Host,
    Identity,
    Placed,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    ident,
    row,
    setting,
    words,
)

MAX_WORDS = 300
SEARCH = "Search Job API (Enterprise-level plans) and the capability Download Search Results"
DEPLOYMENTS = {"us1": "api.sumologic.com", **{name: f"api.{name}.sumologic.com" for name in
                                              ("us2", "au", "ca", "de", "eu", "fed", "in", "jp", "kr")}}


def describe(response: Response) -> str:
    """{"status", "id", "code", "message"}; newer calls {"id", "errors": [{"code", "message"}]}. The id is support's handle."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    if not isinstance(data, dict):
        return ""
    listed = data.get("errors")
    one = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else data
    code, told = words(one.get("code")), words(one.get("message"))
    said = f"{told} ({code})" if told and code else told or code
    return said[:MAX_WORDS] + (f", request {words(data.get('id'))[:40]}" if said and words(data.get("id")) else "")


def judge(request: Request, response: Response) -> ActionError | None:
    """A redirect is another deployment; a 404 of a job is a job that is gone, or a cookie; of a source see `source`."""
    if 300 <= response.status < 400:
        where = urlsplit(response.headers.get("location", "")).netloc[:100] or "another deployment"
        return Refused(f"this account is not in the deployment asked: it is at {where}. Not followed: the key would go along",
                       status=response.status, next="correct `deployment` in irkit.toml: irkit connect sumologic")
    if response.status == 404 and request.target.startswith("/search/jobs/"):
        return Refused("the search job is gone: it was not asked for 30 seconds, somebody cancelled it, or its cookie is lost",
                       status=404, next="run the step again")
    if request.host == "source" and response.status == 401:
        return Refused("the HTTP source does not know this address: it was regenerated (a new one may answer so for some "
                       "minutes), or is mistyped", status=401, next="look at the source's address in Sumo Logic")
    return None


def bucket(request: Request) -> Bucket | None:
    return Bucket("source", 600) if request.host == "source" else None


sumologic = Connector(
    "sumologic",
    title="Sumo Logic",
    base_url="https://{deployment}/api/v1",
    settings=[
        Setting("deployment", f"Deployment: {', '.join(DEPLOYMENTS)}", values=DEPLOYMENTS),
        Setting("source", "Host of the HTTP source's address", r"[A-Za-z0-9.-]+(:[0-9]+)?",
                "like endpoint1.collection.sumologic.com; say it also where nothing is sent"),
    ],
    sign_in=[Basic("{access_id}", name="access_key", ask="Access key", settings=(
        Setting("access_id", "Access id (beside the key)", r"[A-Za-z0-9]+"),))],
    hosts={"source": Host("https://{source}", Placed(path="/receiver/v1/http/{credential}", name="source_url",
                                                       ask="What follows /receiver/v1/http/ in the source's address"))},
    describe=describe, judge=judge, bucket=bucket, headers={"Accept": "application/json"}, per_minute=240, cookies=True,
    setup=(
        "An access key of a service account for irkit alone: Administration > Security > Access Keys. Its role: Download",
        "Search Results and View Collectors, with a search filter that lets it see the logs that matter; to turn keys off:",
        "Manage Access Keys. What the filter hides it does not find, and an empty result then proves nothing.",
        "Search jobs need an Enterprise-level plan. On the Frequent tier 20 run at once.",
        "To send events: an HTTP source of irkit's own on a hosted collector. Its address is the credential: keep what follows",
        "/receiver/v1/http/ under credentials: source = \"env:…\". Look that no ingest budget of it is full.",
    ),
)


def rows(answer: Response, key: str, what: str) -> list[Mapping[str, Any]]:
    return [row(one, what) for one in answer.get(key, list)]


@sumologic.identity
def check() -> Steps[Identity]:
    """Whose access key it is. Source: the vendor's API reference, accessKeys/personal."""
    own = yield from setting("access_id")
    answer = yield GET("/accessKeys/personal")
    mine = next((one for one in rows(answer, "data", "access key") if ident(one.get("id")) == own), None)
    if mine is None:
        raise BadAnswer(f"Sumo Logic does not list the access key {own} among our own")
    who = ident(mine.get("createdBy"))
    return Identity(who, "", words(mine.get("label")) or own, "not stated", admin=mine.get("disabled") is not True,
                    token_id=own)


@sumologic.proof("Download Search Results", "collect what a search finds")
def _search() -> Steps[Response]:
    from irkit.connectors.sumologic.search import begin
    start = datetime(2020, 1, 1, tzinfo=UTC)
    job = yield from begin("irkit-doctor-looks-for-nothing", start, start + timedelta(minutes=1))
    return (yield GET("/search/jobs/{}", job))


@sumologic.proof("View Collectors", "search logs at all")
def _collectors() -> Steps[Response]:
    return (yield GET("/collectors", params={"limit": 1}))


@sumologic.proof("Manage Access Keys", "find keys that leaked and turn them off")
def _keys() -> Steps[Response]:
    return (yield GET("/accessKeys", params={"limit": 1}))
