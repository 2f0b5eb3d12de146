"""Sign-ins: what is sent, that a token is minted once, renewed in time, and dropped when it is rejected."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from irkit.action import NotSent
from irkit.config import Connection
from irkit.errors import CredentialError
from tests.wire.rig import CANARY, QUICK, READ, WRITE, call, connection, ignored, prepared, wired
from tests.wire.server import Reply, Server, answer, closes, stalls


def minted(url: str) -> Connection:
    return connection(url, "client_credentials")


def token(value: str, **more: object) -> Reply:
    return answer({"access_token": value, "token_type": "bearer", **more}, 201)


def seen(server: Server) -> list[tuple[str, str]]:
    """(path, Authorization) of each request."""
    return [(one.target.rpartition("/")[2], one.headers.get("authorization", "")) for one in server.received]


def test_a_ready_token_is_sent_as_bearer() -> None:
    """RFC 6750 2.1."""
    with Server([answer({})]) as server, wired(connection(server.url, "token")) as wire:
        call(wire)
    assert server.received[0].headers["authorization"] == f"Bearer {CANARY}"


def test_basic_is_user_and_credential() -> None:
    """RFC 7617: the user is a template over the connection's settings."""
    with Server([answer({})]) as server, wired(connection(server.url, "basic")) as wire:
        call(wire)
    scheme, _, value = server.received[0].headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value).decode() == f"ir@acme.com/token:{CANARY}"


def test_client_credentials_are_posted_as_json() -> None:
    """RFC 6749 4.4 in JSON, without any Authorization; the token then signs the request."""
    with Server([token("t1"), answer({})]) as server, wired(minted(server.url)) as wire:
        call(wire, WRITE)
    ask, asked = server.received
    assert (ask.method, ask.target, ask.headers.get("authorization")) == ("POST", "/oauth/tokens", None)
    assert json.loads(ask.body) == {"grant_type": "client_credentials", "client_id": "irkit", "client_secret": CANARY,
                                    "scope": "read write"}
    assert asked.headers["authorization"] == "Bearer t1"


def test_one_token_serves_sixteen_threads() -> None:
    """One mints, the others wait for it."""
    everybody = threading.Barrier(16)
    with Server([token("t1"), answer({})]) as server, wired(minted(server.url)) as wire:
        def work(_: int) -> int:
            everybody.wait()
            return call(wire).status
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(work, range(16))) == [200] * 16
    assert [path for path, _ in seen(server)].count("tokens") == 1
    assert len(server.received) == 17


def test_the_sign_in_happens_before_the_gate() -> None:
    """`prepare` meets a wrong secret, so that nobody approves what cannot be sent."""
    with (Server([answer({"error": "invalid_client", "error_description": CANARY}, 401)]) as server,
          wired(minted(server.url)) as wire, pytest.raises(CredentialError, match=r"401 \(invalid_client\)") as caught):
        prepared(wire, WRITE)
    assert CANARY not in str(caught.value.diagnostics())
    assert caught.value.next == "irkit doctor demo"


def test_a_token_is_renewed_a_minute_before_it_ends() -> None:
    """Not while it lasts."""
    now = [1000.0]
    script = [token("t1", expires_in=600), answer({}), answer({}), token("t2", expires_in=600), answer({})]
    with Server(script) as server, wired(minted(server.url), wall=lambda: now[0]) as wire:
        for at in (1000.0, 1539.0, 1540.0):
            now[0] = at
            call(wire)
    assert seen(server) == [("tokens", ""), ("3971", "Bearer t1"), ("3971", "Bearer t1"), ("tokens", ""), ("3971", "Bearer t2")]


@pytest.mark.parametrize("lifetime", [None, "soon", -5, 10**400])
def test_a_token_without_a_readable_end_is_used(lifetime: object) -> None:
    """Until it is rejected."""
    with Server([token("t1", expires_in=lifetime), answer({})]) as server, wired(minted(server.url)) as wire:
        call(wire)
        call(wire)
    assert len(server.received) == 3


def test_a_read_with_a_dead_token_is_sent_again_once() -> None:
    """A 401 drops the token; a fresh one is tried, and a second 401 is the answer."""
    with Server([token("t1"), answer({}, 401), token("t2"), answer({"ok": 1})]) as server, wired(minted(server.url)) as wire:
        heard: list[int] = []
        wire.send(prepared(wire), answered=lambda status, headers: heard.append(status))
    assert heard == [200]
    assert [sent for _, sent in seen(server)] == ["", "Bearer t1", "", "Bearer t2"]
    with Server([token("t1"), answer({}, 401), token("t2"), answer({}, 401)]) as server, wired(minted(server.url)) as wire:
        assert call(wire).status == 401
    assert len(server.received) == 4


def test_a_write_with_a_dead_token_is_not_sent_again() -> None:
    """The 401 is its answer; the next request mints."""
    with Server([token("t1"), answer({}, 401), token("t2"), answer({})]) as server, wired(minted(server.url)) as wire:
        assert call(wire, WRITE).status == 401
        assert len(server.received) == 2
        assert call(wire, WRITE).status == 200
    assert [sent for _, sent in seen(server)] == ["", "Bearer t1", "", "Bearer t2"]


def test_a_ready_token_that_is_refused_is_not_tried_again() -> None:
    """There is no other."""
    with Server([answer({}, 401)]) as server, wired(connection(server.url, "token")) as wire:
        assert call(wire).status == 401
    assert len(server.received) == 1


@pytest.mark.parametrize("reply", [closes, answer({}, 503), answer({}, 429), stalls()])
def test_a_token_endpoint_out_of_reach_means_not_sent(reply: Reply) -> None:
    """The request that waits for the token has not left, whatever became of the token call."""
    with Server([reply]) as server, wired(minted(server.url), timeouts=QUICK) as wire, pytest.raises(NotSent) as caught:
        prepared(wire, WRITE)
    assert CANARY not in str(caught.value.diagnostics())


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"access_token": 5}', b'{"access_token": "a b"}',
                                  b'{"access_token": "a\\n"}',
                                  b'{"access_token": "abc", "token_type": "mac"}', b"[" * 5000])
def test_a_token_answer_that_holds_no_token_is_a_credential_error(body: bytes) -> None:
    """A sign-in page, a list, a token that would break a header."""
    with Server([answer(body=body)]) as server, wired(minted(server.url)) as wire, pytest.raises(CredentialError):
        prepared(wire)


def test_a_token_lost_after_the_gate_means_not_sent() -> None:
    """The secret was revoked between gate and send: nothing left, and the sentence says why."""
    now = [0.0]
    with (Server([token("t1", expires_in=600), answer({"error": "invalid_client"}, 400)]) as server,
          wired(minted(server.url), wall=lambda: now[0]) as wire):
        outgoing = prepared(wire, WRITE)
        now[0] = 601.0
        with pytest.raises(NotSent, match="invalid_client"):
            wire.send(outgoing, answered=ignored)


def test_token_calls_are_reported_without_secrets() -> None:
    """Connection, status, milliseconds; a call without an answer has no status."""
    calls: list[tuple[str, int | None]] = []

    def on_auth(name: str, status: int | None, ms: int) -> None:
        assert ms >= 0
        calls.append((name, status))

    with (Server([closes, answer({}, 400), token("t1"), answer({})]) as server,
          wired(minted(server.url), on_auth=on_auth) as wire):
        for error in (NotSent, CredentialError):
            with pytest.raises(error):
                prepared(wire)
        call(wire)
    assert calls == [("demo", None), ("demo", 400), ("demo", 201)]


@pytest.mark.parametrize(("sign_in", "environment"), [
    ("token", {"CANARY": "two words"}), ("token", {"CANARY": "café-token"}), ("token", {"CANARY": ""}),
    ("token", {"CANARY": "line\nbreak"}), ("sso", {})])
def test_a_credential_that_cannot_be_sent_is_refused(sign_in: str, environment: Mapping[str, str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it reaches a header, with the next command and without the value."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    at = connection("https://acme.example.com", sign_in)
    with wired(at, loopback=False) as wire, pytest.raises(CredentialError) as caught:
        prepared(wire)
    assert caught.value.next == "irkit connect demo"
    assert all(value not in str(caught.value.diagnostics()) for value in environment.values() if value)


def test_a_basic_user_with_a_colon_is_refused() -> None:
    """RFC 7617 2: the colon would move into the password."""
    at = connection("https://acme.example.com", "basic", email="a:b")
    with wired(at, loopback=False) as wire, pytest.raises(CredentialError, match="colon"):
        prepared(wire)


def test_a_prompt_asks_once_for_all_threads() -> None:
    """The hidden prompt names the connection and what is wanted."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return CANARY

    at = replace(connection("https://acme.example.com"), credential="prompt")
    with wired(at, loopback=False, ask=ask) as wire, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: prepared(wire, READ), range(8)))
    assert asked == ["Access token of demo"]
