"""A world behind real HTTP on loopback: keep-alive, links, sign-in, and everything a network can do to an answer."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from irkit.worlds import Answer, Call, Fault, Faults
from irkit.worlds.serve import Server, serve
from tests.worlds.helpers import Clock, make, read


@pytest.fixture
def served() -> Iterator[Server]:
    with serve(make(limits=False)) as server:
        yield server


def _ask(server: Server, method: str, path: str, data: object = None, token: str | None = None) -> tuple[int, bytes]:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        body = None if data is None else json.dumps(data)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token or server.world.ready_token}"}
        line.request(method, path, body, headers if token != "" else {"Accept": "application/json"})
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def _faulty(server: Server, **how: Any) -> None:
    server.faults = Faults([Fault("zendesk", "* /api/v2/users/me", **how)])


def test_one_connection_takes_many_requests(served: Server) -> None:
    """HTTP/1.1 keep-alive: the connection stays open, bodies are framed, a 204 has none."""
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    headers = {"Accept": "application/json", "Authorization": f"Bearer {served.world.ready_token}"}
    user = served.world.samples()["user_id"]
    line.connect()
    own = line.sock
    for method, path, status in (("GET", "/api/v2/users/me", 200), ("DELETE", f"/api/v2/users/{user}/sessions", 204),
                                 ("GET", "/api/v2/nothing", 404), ("GET", f"/api/v2/users/{user}/sessions", 200)):
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        raw = answer.read()
        assert answer.status == status
        assert answer.headers["date"]
        assert bool(raw) == (status != 204)
    assert line.sock is own
    line.close()


def test_links_stay_on_the_served_host(served: Server) -> None:
    """A next link begins with the address under which the world was asked, and works."""
    link = json.loads(_ask(served, "GET", "/api/v2/users?page[size]=2")[1])["links"]["next"]
    assert link.startswith(served.url)
    assert _ask(served, "GET", link.removeprefix(served.url))[0] == 200


def test_it_listens_on_loopback_alone(served: Server) -> None:
    """The address is 127.0.0.1, whatever the machine has."""
    assert served.url == f"http://127.0.0.1:{served.port}"
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", served.port), timeout=2):
        pass


def test_client_credentials_get_a_token_that_works(served: Server) -> None:
    """The token endpoint takes the client's secret and gives a token that acts as irkit's user; a wrong secret gets 401."""
    given = served.world.credentials()
    grant = {"grant_type": "client_credentials", "client_id": given["client_id"], "client_secret": given["client_secret"],
             "scope": "read write"}
    status, raw = _ask(served, "POST", "/oauth/tokens", grant, token="")
    assert status == 201
    status, raw = _ask(served, "GET", "/api/v2/users/me", token=json.loads(raw)["access_token"])
    assert json.loads(raw)["user"]["email"] == given["email"]
    assert _ask(served, "POST", "/oauth/tokens", {**grant, "client_secret": "wrong"}, token="")[0] == 401


@pytest.mark.parametrize(("lost", "took"), [("before", False), ("after", True)])
def test_an_answer_that_is_lost_closes_the_connection(served: Server, lost: str, took: bool) -> None:
    """Lost before: the request never arrived. Lost after: it took effect, and nobody is told."""
    before = served.world.digest()
    user = served.world.samples()["user_id"]
    served.faults = Faults([Fault("zendesk", "DELETE *", lost=lost)])   # type: ignore[arg-type]
    with pytest.raises(http.client.RemoteDisconnected):
        _ask(served, "DELETE", f"/api/v2/users/{user}/sessions")
    assert (served.world.digest() != before) is took


def test_a_body_can_be_cut(served: Server) -> None:
    """The announced length does not come."""
    _faulty(served, transport="cut")
    with pytest.raises(http.client.IncompleteRead):
        _ask(served, "GET", "/api/v2/users/me")
    assert _ask(served, "GET", "/api/v2/users/me")[0] == 200


def test_a_connection_can_be_reset(served: Server) -> None:
    """The peer hears a reset instead of an answer."""
    _faulty(served, transport="reset")
    with pytest.raises(ConnectionResetError):
        _ask(served, "GET", "/api/v2/users/me")


def test_a_sign_in_page_can_come_with_200(served: Server) -> None:
    """As a proxy or an expired session does it."""
    _faulty(served, transport="html")
    status, raw = _ask(served, "GET", "/api/v2/users/me")
    assert status == 200
    assert raw.startswith(b"<!DOCTYPE html>")


def test_a_slow_answer_does_not_hold_up_the_end(served: Server) -> None:
    """A client that waits for half an answer is let go when the server stops."""
    _faulty(served, transport="slow", seconds=600.0)
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.settimeout(10)
        line.sendall(b"GET /api/v2/users/me HTTP/1.1\r\naccept: application/json\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        served.stop()
        while line.recv(4096):
            pass


def test_an_answer_can_be_said_in_the_world_s_place(served: Server) -> None:
    """A fault's own answer, once; then the world answers again."""
    _faulty(served, answer={"status": 503, "body": "down"})
    assert _ask(served, "GET", "/api/v2/users/me") == (503, b"down")
    assert _ask(served, "GET", "/api/v2/users/me")[0] == 200


@pytest.mark.parametrize("sent", [
    b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: -4\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n"])
def test_a_malformed_request_gets_400_and_no_more(served: Server, sent: bytes) -> None:
    """What is not understood is answered once, and the connection closed."""
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.settimeout(10)
        line.sendall(sent)
        got = b""
        while more := line.recv(4096):
            got += more
    assert got.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_an_answer_larger_than_memory_is_streamed(served: Server) -> None:
    """A body given piece by piece leaves in chunks and arrives whole."""
    pieces = [b"a" * 70_000, b"", b"b" * 5]
    served.world.answer = lambda call: Answer(200, {}, iter(pieces))    # type: ignore[method-assign]
    assert _ask(served, "GET", "/anything") == (200, b"".join(pieces))


def test_it_is_the_same_world_as_in_process() -> None:
    """What was done over HTTP is seen in process, at the world's own time."""
    clock = Clock()
    world = make(clock=clock)
    user = world.samples()["user_id"]
    with serve(world, latency=0.001) as server:
        assert _ask(server, "PUT", f"/api/v2/users/{user}", {"user": {"suspended": True}})[0] == 200
    call = Call.of("GET", f"/api/v2/users/{user}", headers={"accept": "application/json"},
                   authorization=f"Bearer {world.ready_token}")
    seen = read(world.handle(call))["user"]
    assert seen["suspended"] is True
    assert datetime.fromisoformat(seen["updated_at"]) == clock.at


def test_stopping_what_never_started_is_harmless() -> None:
    """A server that was only bound gives its port back."""
    server = serve(make())
    server.stop()
    with serve(make(), server.port) as again:
        assert again.port == server.port
