"""The drill's performer: prepared as on the wire, answered by worlds, resumed as it was."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.action import DELETE, GET, PUT, ActionError, NoAnswer, Request, Response
from irkit.drill.clock import DrillClock
from irkit.drill.perform import Recorded, WorldPerform, WorldTime, recorded, stage
from irkit.engine.modes import Perform
from irkit.errors import UsageError
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.worlds import Fault, Faults, World, find
from tests.drill.scenes import scene

ME = GET("/api/v2/users/me")
SITE = "https://northwind-drill.zendesk.com"


def frozen(at: datetime) -> DrillClock:
    return DrillClock(at, monotonic=lambda: 0.0)


def staged(**changes: str) -> tuple[WorldPerform, DrillClock]:
    found = scene(**changes)
    clock = frozen(found.starts)
    return stage(found, clock), clock


def ask(perform: WorldPerform, request: Request) -> Response:
    return perform.send(perform.prepare("zendesk", request), answered=lambda _status, _headers: None)


def dana(perform: WorldPerform) -> dict[str, Any]:
    users = ask(perform, GET("/api/v2/users/search", params={"query": "dana@example.org"})).json["users"]
    return next(user for user in users if user["email"] == "dana@example.org")


def suspend(user_id: int, *, suspended: bool = True) -> Request:
    return PUT("/api/v2/users/{}", user_id, json={"user": {"suspended": suspended}}, affects=["Dana"], noun="person")


def end_sessions(user_id: int) -> Request:
    return DELETE("/api/v2/users/{}/sessions", user_id, affects=["Dana"], noun="session")


# -- prepared as on the wire -------------------------------------------------------------------------------------

def test_is_the_performer_that_the_engine_asks_for() -> None:
    """A WorldPerform serves as engine.modes.Perform."""
    perform: Perform = staged()[0]
    assert perform.connector("zendesk").name == "zendesk"
    perform.close()


def test_a_big_batch_is_estimated_as_live() -> None:
    """The gate of a fan-out says how long it would take: a minute's worth goes at once, the rest evenly."""
    perform, _ = staged()
    rate = perform.connector("zendesk").per_minute
    assert [perform.seconds_for("zendesk", count) for count in (1, rate, 3 * rate)] == [0.0, 0.0, 120.0]


@pytest.mark.parametrize("target", [
    "/api/v2/users/me", "/api/v2/audit_logs?filter[created_at][]=2026-03-07T23:40:00Z&page[size]=100&sort=-created_at",
    "/api/v2/users/search?query=dana%40example.org", "/a%20b/%C3%A9?q=a%2Bb&empty=",
    "/x?next=a b\"<>'|^`{}\\é", "/é ~x/[1]?q=ß",
])
def test_urls_are_the_ones_that_leave_live(target: str) -> None:
    """The URL on a drill's gate is the one httpx would send, escapes and all."""
    outgoing = staged()[0].prepare("zendesk", Request(method="GET", target=target))
    assert outgoing.url == str(httpx.URL(SITE + target))


def test_bodies_and_headers_are_the_ones_that_leave_live() -> None:
    """JSON goes out as UTF-8, unescaped; without a body there is no content type; the connector's headers are in."""
    perform, _ = staged()
    request = PUT("/api/v2/users/1", json={"user": {"name": "Zoë", "n": [1, None, True]}}, affects=["Zoë"], noun="person")
    outgoing = perform.prepare("zendesk", request)
    assert outgoing.body == '{"user": {"name": "Zoë", "n": [1, null, true]}}'.encode()
    assert outgoing.headers["Content-Type"] == "application/json"
    read = perform.prepare("zendesk", GET("/x", headers={"accept": "text/csv"}))
    assert read.body is None
    assert {k: v for k, v in read.headers.items() if k.lower() in ("accept", "content-type")} == {"Accept": "text/csv"}


def test_says_whom_it_acts_as() -> None:
    """The words on the gate come from the world's own account, as the connector's check finds it."""
    assert staged()[0].prepare("zendesk", ME).acting_as == '"ir-break-glass" (admin)'


@pytest.mark.parametrize("link", [
    "https://evil.example/api/v2/users", "http://northwind-drill.zendesk.com/x", "https://northwind-drill.zendesk.com:8443/x",
    "https://me@northwind-drill.zendesk.com/x", "https://northwind-drill.zendesk.com.evil.example/x", "ftp:x", "x",
])
def test_links_stay_on_the_host(link: str) -> None:
    """A next-page link elsewhere is refused before anything is asked, as it is live."""
    with pytest.raises(ActionError, match="leaves northwind-drill"):
        staged()[0].prepare("zendesk", ME.follow(link))


def test_links_on_the_host_are_followed_verbatim() -> None:
    """A next-page link keeps its own query; the host is compared without regard to case."""
    link = f"{SITE}/api/v2/users?page[after]=abc%3D%3D&page[size]=2"
    assert staged()[0].prepare("zendesk", ME.follow(link)).url == link
    assert staged()[0].prepare("zendesk", ME.follow(link.replace("northwind", "NorthWind"))).url == link


def test_a_connection_without_a_world() -> None:
    """A step on a connection that the scenario has no world for says so, with what to do."""
    with pytest.raises(UsageError, match="no world for the connection 'okta'"):
        staged()[0].prepare("okta", ME)


# -- answered ----------------------------------------------------------------------------------------------------

class Told(io.BytesIO):
    """A sink that knows whether the status had been told when the first byte came."""

    def __init__(self, heard: list[int]) -> None:
        super().__init__()
        self.heard, self.early = heard, False

    def write(self, chunk: Any, /) -> int:
        self.early = self.early or not self.heard
        return super().write(chunk)


def test_tells_the_status_before_the_body_streams() -> None:
    """`answered` hears status and headers first, then the sink gets the very bytes that an answer in memory has."""
    perform, _ = staged()
    request = GET("/api/v2/access_logs", params={"page[size]": 20})
    whole = ask(perform, request)
    heard: list[int] = []
    names: list[str] = []

    def answered(status: int, headers: Mapping[str, str]) -> None:
        heard.append(status)
        names.extend(headers)

    sink = Told(heard)
    streamed = perform.send(perform.prepare("zendesk", request), answered=answered, sink=sink)
    with whole.open() as file:
        assert sink.getvalue() == file.read()
    assert (heard, sink.early, streamed.size, "content-type" in names) == ([200], False, whole.size, True)


def test_a_lost_answer_leaves_the_effect() -> None:
    """`lost: after`: no answer and no status, yet the sessions are gone; the next such request is answered."""
    perform, _ = staged()
    user = dana(perform)["id"]
    heard: list[int] = []
    with pytest.raises(NoAnswer) as caught:
        perform.send(perform.prepare("zendesk", end_sessions(user)), answered=lambda status, _: heard.append(status))
    assert (heard, caught.value.status) == ([], None)
    assert ask(perform, GET("/api/v2/users/{}/sessions", user)).json["sessions"] == []
    assert ask(perform, end_sessions(user)).status == 204


def test_a_lost_request_has_no_effect() -> None:
    """`lost: before` looks just the same to the sender, and nothing has changed."""
    perform, _ = staged(faults='[{connector: zendesk, request: "DELETE /api/v2/users/*/sessions", lost: before}]')
    user = dana(perform)["id"]
    with pytest.raises(NoAnswer):
        ask(perform, end_sessions(user))
    assert ask(perform, GET("/api/v2/users/{}/sessions", user)).json["sessions"] != []


def test_an_answer_in_the_worlds_place() -> None:
    """`answer:` is said as often as `times`, with its headers and body, and the request takes no effect."""
    perform, _ = staged(faults="[{connector: zendesk, request: PUT /api/v2/users/*, times: 2,"
                               " answer: {status: 429, retry_after: 3, headers: {X-Odd: '1'}, body: {error: Slow}}}]")
    user = dana(perform)["id"]
    answers = [ask(perform, suspend(user)) for _ in range(2)]
    told = [(a.status, a.headers["retry-after"], a.headers["x-odd"], a.json) for a in answers]
    assert told == [(429, "3", "1", {"error": "Slow"})] * 2
    assert dana(perform)["suspended"] is False
    assert ask(perform, suspend(user)).status == 200


def test_worlds_run_on_the_drills_clock() -> None:
    """A jump of the clock is a jump for the tenant: what it writes carries the drill's time."""
    perform, clock = staged()
    clock.jump(timedelta(hours=2))
    changed = ask(perform, suspend(dana(perform)["id"])).json["user"]
    assert changed["updated_at"] == "2026-03-08T01:40:00Z"


def test_many_threads_ask_at_once() -> None:
    """A fan-out's threads each get their own answer."""
    perform, _ = staged(worlds="{zendesk: {agents: 6, limits: false}}")
    users = [user["id"] for user in ask(perform, GET("/api/v2/users", params={"role[]": "agent"})).json["users"]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda user: ask(perform, GET("/api/v2/users/{}", user)).json["user"]["id"], users * 20))
    assert found == users * 20


def test_the_inputs_of_a_dry_run_are_in_the_world() -> None:
    """A subject nobody put into the scenario exists in the tenant."""
    found = scene()
    perform = stage(found, frozen(found.starts), subjects={"agent_email": "kim@acme.example"})
    users = ask(perform, GET("/api/v2/users/search", params={"query": "kim@acme.example"})).json["users"]
    assert "kim@acme.example" in [user["email"] for user in users]


# -- resumed -----------------------------------------------------------------------------------------------------

class Tenant:
    """A staged world that can be looked into: what was asked is noted, as the ledger would."""

    def __init__(self, faults: str = "after") -> None:
        self.scene = scene()
        self.clock = frozen(self.scene.starts)
        self.time = WorldTime(self.clock)
        self.asked: list[Recorded] = []
        self.world: World = find("zendesk")(self.scene.worlds["zendesk"], people=self.scene.people, now=self.time)
        lose = Fault("zendesk", "* /api/v2/users/*", lost="after" if faults == "after" else "before", times=2)
        self.perform = WorldPerform({"zendesk": self.world}, Faults([lose]), self.time)

    def ask(self, request: Request) -> bytes:
        outgoing = self.perform.prepare("zendesk", request)
        self.asked.append(Recorded("zendesk", outgoing.method, outgoing.url, outgoing.body or b"", self.clock.now()))
        try:
            with self.perform.send(outgoing, answered=lambda _status, _headers: None).open() as file:
                return file.read()
        except NoAnswer:
            return b"lost"


def some_requests(user: int) -> list[Request]:
    return [suspend(user), suspend(user, suspended=False), end_sessions(user), GET("/api/v2/users/{}", user), ME,
            PUT("/api/v2/users/{}", user, json={"user": {"role": "end-user"}}, affects=["Dana"], noun="person")]


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 90)), max_size=10), lost=st.sampled_from(["after", "before"]))
def test_a_killed_drill_goes_on_in_the_same_world(order: list[tuple[int, int]], lost: str) -> None:
    """Whatever was asked, lost or not, at whatever times: a replay gives the same tenant, and the same next answer."""
    first, second = Tenant(lost), Tenant(lost)
    user = first.world.samples()["user_id"]
    requests = some_requests(int(str(user)))
    for which, minutes in order:
        first.clock.jump(timedelta(minutes=minutes))
        first.ask(requests[which])
    second.perform.replay(first.asked)
    second.clock.jump_to(first.clock.now())
    assert second.world.digest() == first.world.digest()
    assert second.ask(requests[0]) == first.ask(requests[0])


BUSY = '[{connector: zendesk, request: "PUT /api/v2/users/*", answer: {status: 429, retry_after: 9}}]'
LOST = '[{connector: zendesk, request: "PUT /api/v2/users/*", lost: before}]'


@pytest.mark.parametrize(("faults", "statuses"), [
    (BUSY, (200, 429)), (BUSY, (429, 200)), (LOST, (200, None)), (LOST, (None, 200))])
def test_of_two_that_left_together_the_same_one_meets_the_fault_again(
        faults: str, statuses: tuple[int | None, int | None]) -> None:
    """Threads ask a world in another order than the ledger holds; what came back says which request took no effect."""
    perform, clock = staged(faults=faults)
    before = perform.worlds["zendesk"].digest()
    user = int(str(perform.worlds["zendesk"].samples()["user_id"]))
    both = [perform.prepare("zendesk", suspend(user, suspended=on)) for on in (True, False)]
    perform.replay([Recorded("zendesk", one.method, one.url, one.body or b"", clock.now(), answered=status)
                    for one, status in zip(both, statuses, strict=True)])
    assert perform.faults.left == ()
    assert (perform.worlds["zendesk"].digest() == before) is (statuses[0] != 200)


def test_what_was_recorded_is_in_the_ledger(tmp_path: Path) -> None:
    """Reads and writes of this run come back from its entries, in order, with body and drill time; other entries do not."""
    at = itertools.count()

    def shown(method: str, body: bytes | None = None) -> dict[str, Any]:
        parts = {"request.connection": "zendesk", "request.method": method, "request.url": f"{SITE}/x/{next(at)}"}
        return parts if body is None else {**parts, "request.body": body}

    drill_at = {"drill_at": "2026-03-07T23:41:00Z"}
    with Ledger.create(tmp_path / "INC-1", mode="drill", version="0", code_hash="0" * 64) as ledger:
        ledger.start_session("maria", signer=Throwaway())
        ledger.append("run.opened", drill_at, {}, run="r1", by="human")
        ledger.append("request.answer", drill_at, shown("GET"), run="r1", step="a")
        sending = ledger.append("request.sending", drill_at, shown("PUT", "Zoë".encode()), run="r1", step="a")
        ledger.append("request.answer", drill_at, {"response.headers": {}}, run="r1", step="a", ref=sending.seq)
        ledger.append("request.sending", drill_at, shown("POST", b"\xff\x00"), run="r1", step="a")
        ledger.append("request.sending", drill_at, shown("POST", b"x" * 100_000), run="r1", step="a")
        ledger.append("request.answer", drill_at, shown("GET"), run="r2", step="a")
        ledger.append("note", drill_at, {"text": "hm"}, run="r1", by="human")

        def load(sha256: str) -> bytes:
            with ledger.open_artefact(sha256) as file:
                return file.read()

        found = list(recorded(ledger.entries(), "r1", load))
    moment = datetime.fromisoformat("2026-03-07T23:41:00Z")
    assert found == [Recorded("zendesk", method, f"{SITE}/x/{n}", body, moment) for n, (method, body) in enumerate(
        [("GET", b""), ("PUT", "Zoë".encode()), ("POST", b"\xff\x00"), ("POST", b"x" * 100_000)])]
