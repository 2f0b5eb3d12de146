"""Asking a timestamp authority: nothing but the request goes out, and every failure has the right class."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from irkit.action import ActionError, BadAnswer, NoAnswer, NotSent, Refused
from irkit.wire.authority import LONGEST, ask
from tests.wire.rig import QUICK
from tests.wire.server import Reply, Server, answer, closes, raw, resets, stalls

REPLY = {"Content-Type": "application/timestamp-reply"}


def test_only_the_request_goes_out() -> None:
    """One POST of these bytes, with the media types of RFC 3161 3.4, and no credential, cookie or compression."""
    with Server([answer(body=b"\x30\x00", headers=REPLY)]) as server:
        assert ask(f"{server.url}/tsr?a=b#c", b"\x30\x01\xff") == b"\x30\x00"
    (received,) = server.received
    assert (received.method, received.target, received.body) == ("POST", "/tsr?a=b", b"\x30\x01\xff")
    assert received.headers["content-type"] == "application/timestamp-query"
    assert received.headers["accept"] == "application/timestamp-reply"
    assert received.headers["accept-encoding"] == "identity"
    assert not {"authorization", "proxy-authorization", "cookie"} & set(received.headers)


def test_cookies_are_not_kept() -> None:
    """A second request brings nothing of the first."""
    with Server([answer(body=b"1", headers={"Set-Cookie": "a=b"})]) as server:
        ask(server.url, b"x")
        ask(server.url, b"x")
    assert [one.headers.get("cookie") for one in server.received] == [None, None]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 500, 503])
def test_any_status_but_200_is_a_refusal(status: int) -> None:
    """A redirect is not followed, and no sign-in answered."""
    headers = {"Location": "http://127.0.0.1:9/", "WWW-Authenticate": "Basic"}
    with Server([answer(body=b"", status=status, headers=headers)]) as server:
        with pytest.raises(Refused) as raised:
            ask(server.url, b"x")
        assert (raised.value.status, raised.value.where) == (status, server.url)
    assert len(server.received) == 1


@pytest.mark.parametrize("body", [bytes(LONGEST), bytes(LONGEST + 1)])
def test_an_answer_has_64_kib_at_most(body: bytes) -> None:
    """One byte more is refused, and not read to its end."""
    with Server([answer(body=body)]) as server:
        if len(body) <= LONGEST:
            assert ask(server.url, b"x") == body
        else:
            with pytest.raises(BadAnswer, match="65,536 bytes"):
                ask(server.url, b"x")


@pytest.mark.parametrize(("reply", "says"), [
    (closes, "closed the connection"), (resets, "failed"), (stalls(), "no answer from 127.0.0.1 in 0.3 s"),
    (stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), "no answer"), (raw(b"not HTTP\r\n\r\n"), "did not speak HTTP")])
def test_what_breaks_off_is_no_answer(reply: Reply, says: str) -> None:
    """The authority may have got the request; the address is named."""
    with Server([reply]) as server, pytest.raises(NoAnswer, match=says) as raised:
        ask(server.url, b"x", timeouts=QUICK)
    assert raised.value.where == server.url


@pytest.mark.parametrize("url", ["ftp://authority.test/", "authority.test", "", "http://", "http://user:secret@authority.test/",
                                 "http://[::1", "http://authority.test:99999/"])
def test_an_address_that_cannot_be_asked_is_not(url: str) -> None:
    """Another scheme, no host, a password in it."""
    with pytest.raises(NotSent) as raised:
        ask(url, b"x")
    assert raised.value.where == url


def test_nobody_there_is_not_sent() -> None:
    """A refused connection proves that nothing left."""
    with Server([]) as server:
        gone = server.url
    with pytest.raises(NotSent, match="no connection to"):
        ask(gone, b"x", timeouts=QUICK)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_gets_no_password(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is used for another machine, without the user name and password that stand in it."""
    with Server([answer(body=b"token")]) as proxy:
        monkeypatch.setenv(variable.lower(), proxy.url.replace("://", "://user:secret@"))
        assert ask("http://authority.test/tsr", b"x") == b"token"
    (received,) = proxy.received
    assert received.target == "http://authority.test/tsr"
    assert "proxy-authorization" not in received.headers


def test_loopback_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the environment names."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Server([answer(body=b"token")]) as server:
        assert ask(server.url, b"x") == b"token"


@pytest.mark.parametrize("environment", [{"http_proxy": "gopher://proxy.test"}, {"http_proxy": "http://[::1"}])
def test_an_environment_that_cannot_be_followed_is_not_sent(environment: Mapping[str, str],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables to look at are named."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(NotSent) as raised:
        ask("http://authority.test/", b"x")
    assert "HTTP_PROXY" in raised.value.next


def test_https_needs_a_certificate_that_is_trusted() -> None:
    """Only plain http is exempt; a certificate that nobody vouches for ends it before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    with Server([answer(body=b"token")], tls=context) as server, pytest.raises(ActionError) as raised:
        ask(server.url, b"x", timeouts=httpx.Timeout(10.0))
    assert isinstance(raised.value, NotSent)
    assert server.received == []
