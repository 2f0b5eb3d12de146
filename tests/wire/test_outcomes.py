"""Was anything sent? Every way an exchange can fail, against a server that fails that way."""

from __future__ import annotations

import logging
import socket
import ssl
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from msgspec import structs

from irkit.action import ActionError, NoAnswer, NotSent, Outgoing, Response
from irkit.errors import IrkitError
from irkit.wire import account
from irkit.wire.http import Wire
from tests.wire.rig import CANARY, QUICK, READ, WRITE, call, connection, ignored, prepared, wired
from tests.wire.server import Server, answer, answer_then_close, closes, raw, resets, stalls

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def failure(server: Server) -> ActionError:
    """What a write to this server raises; the server saw the write once."""
    with server, wired(server.url, timeouts=QUICK) as wire, pytest.raises(ActionError) as caught:
        call(wire, WRITE)
    assert len(server.received) == 1
    return caught.value


# -- nothing was sent --------------------------------------------------------------------------------------------

def test_a_refused_connection_is_not_sent() -> None:
    """Nobody listens on the port: no byte left."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with wired(url) as wire, pytest.raises(NotSent, match=r"no connection to 127\.0\.0\.1"):
        call(wire, WRITE)


def test_an_unknown_host_is_not_sent() -> None:
    """A name that cannot resolve (RFC 6761 6.4) never becomes a connection."""
    with wired("https://acme.invalid", loopback=False) as wire, pytest.raises(NotSent, match=r"no connection to acme\.invalid"):
        call(wire, WRITE)


def test_a_connection_that_is_not_taken_is_not_sent() -> None:
    """The listener's queue is full, so the handshake never completes: ConnectTimeout."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with (wired(f"http://127.0.0.1:{full.getsockname()[1]}", timeouts=httpx.Timeout(0.2)) as wire,
              pytest.raises(NotSent, match=r"within 0\.2 s")):
            call(wire, WRITE)
        for one in waiting:
            one.close()


def test_no_free_connection_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is busy: the second request never leaves it."""
    monkeypatch.setattr(account, "CONNECTIONS", 1)
    with Server([answer({})]) as server, wired(server.url, timeouts=QUICK) as wire:
        def answered(status: int, headers: object) -> None:
            with pytest.raises(NotSent, match="no free connection"):
                call(wire, WRITE)
        wire.send(prepared(wire), answered=answered)
    assert len(server.received) == 1


def test_a_certificate_nobody_vouches_for_is_not_sent() -> None:
    """TLS is verified: a self-signed certificate ends it before the request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    with Server([answer({})], tls=context) as server, wired(server.url) as wire, pytest.raises(NotSent, match="certificate"):
        call(wire, WRITE)
    assert server.received == []


def test_a_server_without_tls_is_not_sent() -> None:
    """https to a port that speaks no TLS fails in the handshake; the request, and the credential, stay here."""
    with (Server([closes]) as server, wired(server.url.replace("http:", "https:"), timeouts=QUICK) as wire,
          pytest.raises(NotSent)):
        call(wire, WRITE)
    assert CANARY.encode() not in server.taken


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_refuses_is_not_sent(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """407 to CONNECT: the proxy saw the host and no credential of the connection."""
    with Server([raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        monkeypatch.setenv(variable, proxy.url.removeprefix("http://"))
        with (wired("https://acme.example.com", loopback=False) as wire,
              pytest.raises(NotSent, match="the proxy gave no connection")):
            call(wire, WRITE)
    assert [one.method for one in proxy.received] == ["CONNECT"]
    assert CANARY.encode() not in proxy.taken


@pytest.mark.parametrize(("variable", "value", "words"), [
    ("HTTPS_PROXY", "gopher://proxy.example.com", "correct HTTPS_PROXY"),
    ("ALL_PROXY", "socks9://proxy.example.com", "correct HTTPS_PROXY"),
    ("SSL_CERT_FILE", "/nonexistent/roots.pem", "correct SSL_CERT_FILE")])
def test_an_environment_that_cannot_be_followed_is_a_sentence(variable: str, value: str, words: str,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the gate, with the variable to correct."""
    monkeypatch.setenv(variable, value)
    account.certificates.cache_clear()
    with wired("https://acme.example.com", loopback=False) as wire, pytest.raises(IrkitError) as caught:
        prepared(wire)
    assert words in (caught.value.next or "")


def test_loopback_is_called_past_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment never sees what a test incident sends to this machine."""
    with Server([answer({}, 502)]) as proxy, Server([answer({})]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with wired(server.url) as wire:
            assert call(wire).status == 200
    assert proxy.received == []


def test_an_illegal_header_is_not_sent() -> None:
    """h11 refuses it while building the head: 0 bytes reach the server."""
    with Server([answer({})]) as server, wired(server.url) as wire, pytest.raises(NotSent, match="could not be written"):
        call(wire, replace(WRITE, headers={"X-Why": "a\nb"}))
    assert server.taken == b""


@pytest.mark.parametrize("url", ["http://[bad", "https://elsewhere.example.com/api", "ftp://127.0.0.1/x"])
def test_a_forged_outgoing_is_not_sent(url: str) -> None:
    """The address is looked at again at the socket, whoever made the Outgoing."""
    with Server([answer({})]) as server, wired(server.url) as wire, pytest.raises(NotSent):
        wire.send(structs.replace(prepared(wire), url=url), answered=ignored)
    assert server.taken == b""


# -- unknown -----------------------------------------------------------------------------------------------------

def test_a_connection_closed_before_the_answer_is_unknown() -> None:
    """The request arrived; whether it took is anybody's guess."""
    error = failure(Server([closes]))
    assert isinstance(error, NoAnswer)
    assert error.status is None


def test_a_reset_is_unknown() -> None:
    """ReadError."""
    assert isinstance(failure(Server([resets])), NoAnswer)


def test_silence_is_unknown() -> None:
    """ReadTimeout, said in seconds."""
    error = failure(Server([stalls()]))
    assert isinstance(error, NoAnswer)
    assert "no answer from 127.0.0.1 in 0.3 s" in error.what


def test_a_half_written_head_is_unknown() -> None:
    """The status line came, the headers did not end: no status is claimed."""
    error = failure(Server([raw(HEAD)]))
    assert isinstance(error, NoAnswer)
    assert error.status is None


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\x00\xff" * 50 + b"\r\n\r\n"])
def test_garbage_is_unknown(text: bytes) -> None:
    """RemoteProtocolError: something answered, and it was not HTTP."""
    assert isinstance(failure(Server([raw(text)])), NoAnswer)


def test_a_server_that_stops_reading_is_unknown() -> None:
    """WriteTimeout: part of the body is gone."""
    request = replace(WRITE, json={"text": "x" * 30_000_000})

    with (Server([], deaf=True) as server, wired(server.url, timeouts=QUICK) as wire,
          pytest.raises(NoAnswer, match="could not be written")):
        call(wire, request)


def test_a_foreign_exception_is_unknown() -> None:
    """h11's own LocalProtocolError on a wrong Content-Length comes after the head has left."""
    with Server([stalls()]) as server, wired(server.url) as wire:
        outgoing = prepared(wire, WRITE)
        forged = structs.replace(outgoing, headers={**outgoing.headers, "Content-Length": "3"})
        with pytest.raises(NoAnswer, match="the exchange with"):
            wire.send(forged, answered=ignored)


@pytest.mark.parametrize("exception", [httpx.TooManyRedirects("x"), httpx.CloseError("x"), httpx.WriteError("x"), OSError("x"),
                                       type("Mine", (httpx.ConnectError,), {})("x"), RuntimeError("x")])
def test_what_is_not_on_the_list_is_unknown(exception: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is matched exactly: neither a subclass of a listed class nor a new class proves anything."""
    def send(*args: object, **options: object) -> Response:
        raise exception
    with wired("http://127.0.0.1:9") as wire:
        outgoing = prepared(wire, WRITE)
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", send)
        with pytest.raises(NoAnswer):
            wire.send(outgoing, answered=ignored)


# -- the status came, the body did not ---------------------------------------------------------------------------

@pytest.mark.parametrize("reply", [
    raw(HEAD + b"Content-Length: 100\r\n\r\n{\"cut\": "),
    raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"cut\r\n"),
    raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    stalls(HEAD + b"Content-Length: 100\r\n\r\n{\"slow\": "),
], ids=["wrong content-length", "chunks cut", "chunks garbled", "slow"])
def test_a_body_that_breaks_off_keeps_its_status(reply: Callable[[socket.socket, Server], bool]) -> None:
    """`answered` has heard the status before the body broke, and the error carries it."""
    heard: list[int] = []
    with (Server([reply]) as server, wired(server.url, timeouts=QUICK) as wire,
          pytest.raises(NoAnswer, match="broke off") as caught):
        wire.send(prepared(wire, WRITE), answered=lambda status, headers: heard.append(status))
    assert heard == [200]
    assert caught.value.status == 200


def test_what_answered_and_the_sink_raise_is_theirs() -> None:
    """A full disk is not "no answer": the ledger's own error comes through, and the connection is given up."""
    class Full(Exception):
        pass

    class Sink:
        def write(self, chunk: bytes) -> None:
            raise Full

    def answered(status: int, headers: object) -> None:
        raise Full

    with Server([answer({"a": 1})]) as server, wired(server.url) as wire:
        with pytest.raises(Full):
            wire.send(prepared(wire), answered=answered)
        with pytest.raises(Full):
            call(wire, sink=Sink())
        assert call(wire).json == {"a": 1}


# -- no error at all ---------------------------------------------------------------------------------------------

def test_an_idle_connection_that_was_closed_is_replaced() -> None:
    """A server may close between requests; the next one takes a new connection and nothing is lost."""
    with Server([answer_then_close({"n": 1}), answer({"n": 2})]) as server, wired(server.url) as wire:
        call(wire)
        while any(thread.is_alive() for thread in server._threads[1:]):      # until it has closed
            pass
        assert call(wire, WRITE).json == {"n": 2}
    assert server.accepted == 2


def test_a_redirect_is_an_answer() -> None:
    """It is not followed, so no credential goes where it points."""
    with Server([answer({})]) as other, Server([raw(b"")]) as server, wired(server.url) as wire:
        server.script = [answer({}, 302, {"Location": f"{other.url}/login"})]
        assert call(wire, WRITE).status == 302
    assert other.accepted == 0


def test_an_html_page_is_an_answer_that_is_no_json() -> None:
    """A sign-in page comes with 200; reading it as JSON says what it is."""
    with (Server([answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"})]) as server,
          wired(server.url) as wire):
        response = call(wire)
        with pytest.raises(ActionError, match="HTML page"):
            _ = response.json


# -- the credential stays out of every text ----------------------------------------------------------------------

def _spoils(wire: Wire, outgoing: Outgoing) -> list[Outgoing]:
    bad_length = structs.replace(outgoing, headers={**outgoing.headers, "Content-Length": "3"})
    echo = structs.replace(outgoing, headers={**outgoing.headers, "X-Echo": f"{CANARY}\n"})
    return [outgoing, bad_length, echo]


@pytest.mark.parametrize("sign_in", ["token", "basic"])
@pytest.mark.parametrize("reply", [closes, resets, raw(b"HTTP/1.1 " + CANARY.encode() + b"\r\n\r\n"), stalls(),
                                   raw(HEAD + b"Content-Length: 99\r\n\r\n" + CANARY.encode())])
def test_the_credential_is_in_no_text(sign_in: str, reply: Callable[[socket.socket, Server], bool],
                                      caplog: pytest.LogCaptureFixture) -> None:
    """Not in a message, a chained exception, a repr, an Outgoing or a debug log, however the exchange ends."""
    caplog.set_level(logging.DEBUG)
    with Server([reply]) as server, wired(connection(server.url, sign_in), timeouts=QUICK) as wire:
        outgoing = prepared(wire, WRITE)
        texts = [repr(outgoing), repr(outgoing.headers), repr(wire), repr(vars(wire)), repr(wire._accounts)]
        for one in _spoils(wire, outgoing):
            with pytest.raises(ActionError) as caught:
                wire.send(one, answered=ignored)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            texts += ["".join(traceback.format_exception(caught.value)), repr(caught.value), *caught.value.diagnostics()]
    texts += [record.getMessage() for record in caplog.records]
    sent = f"{CANARY}", "aXJAYWNtZS5jb20vdG9rZW46Y2FuYXJ5"
    assert [text for text in texts if any(secret in text for secret in sent)] == []
    assert any(secret.encode() in server.taken for secret in sent)


def test_an_echo_of_the_credential_is_taken_out_of_the_headers() -> None:
    """A vendor's debug header does not carry it into the ledger."""
    heard: list[str] = []
    with Server([answer({}, headers={"X-Auth-Echo": f"Bearer {CANARY}"})]) as server, wired(server.url) as wire:
        response = wire.send(prepared(wire), answered=lambda status, headers: heard.append(headers["x-auth-echo"]))
    assert heard == [response.headers["x-auth-echo"]] == ["Bearer [credential]"]


def test_a_read_is_not_retried_here() -> None:
    """Every attempt is an entry, so attempts are the engine's."""
    with Server([answer({}, 503), answer({})]) as server, wired(server.url) as wire:
        assert call(wire, READ).status == 503
    assert len(server.received) == 1
