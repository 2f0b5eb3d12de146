"""What the gate shows is what leaves: the final URL, headers and body, and which addresses are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

import irkit
from irkit.action import DELETE, GET, POST, ActionError, Connector, NotSent, Request
from irkit.engine.modes import Perform
from irkit.errors import CredentialError
from tests.wire.rig import CANARY, READ, WRITE, call, connection, demo, ignored, prepared, wired
from tests.wire.server import Server, answer

HOSTILE = [
    GET("/api/v2/users/{}", "a/b?c#d%2e é €"),
    GET("/api/v2/users/search", params={"query": "dana+x@acme.com", "page[size]": 100, "quote": "'\"<>\\^`{|}"}),
    GET("/api/v2/audit_logs", params=[("filter[created_at]", "2026-11-20T02:00:00Z"), ("filter[created_at]", "2026-11-21")]),
    Request(method="GET", target="/raw path/with space?q=a b&c=%41%zz"),
    Request(method="GET", target="//double/../up/./here"),
    Request(method="GET", target="/only?"),
    Request(method="GET", target="/a#fragment"),
    POST("/search?x=1", json={"text": "né 日本"}, reads=True),
    DELETE("/api/v2/sessions", json={"ids": [1]}, affects=["x"], noun="session"),
]


@pytest.mark.parametrize("request_", HOSTILE, ids=lambda one: one.target)
def test_the_url_on_the_gate_is_the_url_that_arrives(request_: Request) -> None:
    """Percent-encoding, dots and brackets are settled in `prepare`, not after the gate."""
    with Server([answer({})]) as server, wired(server.url) as wire:
        outgoing = prepared(wire, request_)
        wire.send(outgoing, answered=ignored)
    got = server.received[0]
    assert outgoing.url == server.url + got.target
    assert (outgoing.method, outgoing.body or b"") == (got.method, got.body)
    assert {name.lower(): value for name, value in outgoing.headers.items()}.items() <= got.headers.items()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=30).filter(lambda text: text not in (".", "..") and text.isprintable()))
def test_any_text_stays_inside_its_place(text: str) -> None:
    """A placeholder changes neither host nor depth nor query, and the final URL is final."""
    with wired("https://acme.example.com", loopback=False) as wire:
        url = prepared(wire, GET("/api/v2/users/{}/sessions", text)).url
        assert url.split("/")[:6] == ["https:", "", "acme.example.com", "api", "v2", "users"]
        assert url.split("/")[7:] == ["sessions"]
        assert prepared(wire, READ.follow(url)).url == url


def test_the_body_is_encoded_once() -> None:
    """The bytes of the Outgoing are those that arrive, text as UTF-8."""
    request = replace(WRITE, json={"user": {"name": "Zoë"}})
    with Server([answer({})]) as server, wired(server.url) as wire:
        outgoing = prepared(wire, request)
        wire.send(outgoing, answered=ignored)
    assert outgoing.body == '{"user": {"name": "Zoë"}}'.encode() == server.received[0].body
    assert outgoing.headers["Content-Type"] == "application/json"


def test_headers_name_irkit_and_hold_no_credential() -> None:
    """User-Agent, Accept and no Authorization, Cookie or compression; the credential is added on the way out."""
    with Server([answer({}, headers={"Set-Cookie": "session=1"})]) as server, wired(server.url) as wire:
        outgoing = prepared(wire)
        wire.send(outgoing, answered=ignored)
        wire.send(outgoing, answered=ignored)
    assert outgoing.headers == {"User-Agent": f"irkit/{irkit.__version__}", "Accept": "application/json",
                                "Accept-Encoding": "identity"}
    assert server.received[1].headers == {"host": f"127.0.0.1:{server.port}", "user-agent": f"irkit/{irkit.__version__}",
                                          "accept": "application/json", "accept-encoding": "identity",
                                          "authorization": f"Bearer {CANARY}"}


def test_a_connector_and_a_request_add_headers() -> None:
    """The request's win over the connector's, whatever their case."""
    def find() -> Connector:
        return Connector("demo", title="Demo", base_url="", sign_in=demo().sign_in, headers={"X-Version": "1", "accept": "a/b"})
    with wired("https://acme.example.com", loopback=False, find=find) as wire:
        headers = prepared(wire, replace(READ, headers={"x-version": "2"})).headers
    assert (headers["X-Version"], headers["Accept"]) == ("2", "a/b")


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Host", "Content-Length", "Transfer-Encoding"])
def test_a_request_may_not_set_what_the_wire_sets(name: str) -> None:
    """Not even by way of an action's own headers."""
    with wired("https://acme.example.com", loopback=False) as wire, pytest.raises(ActionError, match="may not set the header"):
        prepared(wire, replace(READ, headers={name: "x"}))


@pytest.mark.parametrize("value", [{"x": float("nan")}, {"x": b"raw"}, {"x": "\ud800"}])
def test_a_body_that_is_no_json_is_refused(value: object) -> None:
    """Before the gate, with a sentence."""
    with wired("https://acme.example.com", loopback=False) as wire, pytest.raises(ActionError, match="as JSON"):
        prepared(wire, replace(WRITE, json=value))


def test_a_next_link_on_the_host_is_used_verbatim() -> None:
    """Its query string arrives as the vendor wrote it."""
    with Server([answer({})]) as server, wired(server.url) as wire:
        call(wire, READ.follow(f"{server.url}/next?page%5Bafter%5D=abc%3D%3D&b=[]"))
    assert server.received[0].target == "/next?page%5Bafter%5D=abc%3D%3D&b=[]"


@pytest.mark.parametrize("link", ["https://evil.example.net/x", "http://acme.example.com/x", "https://acme.example.com:8443/x",
                                  "https://acme.example.com@evil.example.net/", "https://user:pw@acme.example.com/x",
                                  "https://acme.example.com.evil.net/", "HTTPS://EVIL.example.net/", "https:///x"])
def test_a_next_link_elsewhere_is_refused(link: str) -> None:
    """Another scheme, host or port never gets this connection's credential; both places are named."""
    with (wired("https://acme.example.com", loopback=False) as wire,
          pytest.raises(ActionError, match=r"a link leads to .*https://acme\.example\.com")):
        prepared(wire, READ.follow(link))


@pytest.mark.parametrize("target", ["@evil.example.net/", "evil.example.net", "", "ftp://acme.example.com/", "https://[bad/"])
def test_a_target_that_is_neither_path_nor_link_is_refused(target: str) -> None:
    """It could change the host when joined to the base URL."""
    with wired("https://acme.example.com", loopback=False) as wire, pytest.raises(ActionError):
        prepared(wire, READ.follow(target))


def test_the_default_port_is_the_same_place() -> None:
    """https://host and https://host:443 are one origin."""
    with wired("https://acme.example.com", loopback=False) as wire:
        assert prepared(wire, READ.follow("https://acme.example.com:443/x")).url == "https://acme.example.com/x"


def test_a_base_url_may_have_a_path() -> None:
    """Targets are added to it."""
    with wired("https://acme.example.com/rest/v1", loopback=False) as wire:
        assert prepared(wire).url == "https://acme.example.com/rest/v1/api/v2/users/3971"


@pytest.mark.parametrize("url", ["http://acme.example.com", "ftp://acme.example.com", "acme.example.com", ""])
def test_only_https_is_called(url: str) -> None:
    """Also by the wire of a test incident."""
    with wired(url) as wire, pytest.raises(ActionError, match="only https is called"):
        prepared(wire)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://localhost", "https://127.9.9.9", "https://[::1]:1",
                                 "https://0.0.0.0", "https://[::ffff:127.0.0.1]", "https://api.localhost.", "https://LOCALHOST"])
def test_a_live_wire_refuses_loopback(url: str) -> None:
    """A live ledger never records calls to a world as if they were the vendor's."""
    with wired(url, loopback=False) as wire, pytest.raises(ActionError, match="this machine itself"):
        prepared(wire)


def test_a_probe_sends_no_write() -> None:
    """A wire made for reads refuses before anything is opened; reads pass."""
    with Server([answer({})]) as server, wired(server.url, reads_only=True) as wire:
        with pytest.raises(NotSent, match="probe"):
            call(wire, WRITE)
        with pytest.raises(NotSent, match="probe"):
            call(wire, replace(READ, writes=True, affects=("x",), noun="x"))
        assert server.accepted == 0
        call(wire, READ)
        call(wire, POST("/search", json={}, reads=True))
    assert len(server.received) == 2


def test_an_unknown_connection_says_how_to_add_it() -> None:
    """Exit code 4 and the command."""
    with wired("https://acme.example.com", loopback=False) as wire, pytest.raises(CredentialError) as caught:
        wire.prepare("zendesk", READ)
    assert caught.value.next == "irkit connect zendesk"


def test_a_connection_is_found_by_its_connector() -> None:
    """A step that names no connection gets the only one of its connector; entries carry the connection's own name."""
    at = structs.replace(connection("https://acme.example.com"), name="acme")
    with wired(at, loopback=False) as wire:
        outgoing = wire.prepare("demo", READ)
        assert (outgoing.connection, outgoing.connector) == ("acme", "demo")
        assert wire.connector("demo").title == "Demo"
        assert outgoing.acting_as == '"ir@acme.com" (acme)'


def test_the_wire_is_a_perform() -> None:
    """Structurally: the engine never imports it. mypy checks the assignment."""
    with wired("https://acme.example.com", loopback=False) as wire:
        perform: Perform = wire
        assert json.dumps(perform.prepare("demo", READ).url)
