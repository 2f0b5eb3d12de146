"""Every sign-in, host and body against a served world: what the vendor would see, over real sockets."""

from __future__ import annotations

import base64
import functools
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import force_setattr

from irkit.action import GET, NoAnswer, NotSent, Refused, Request, Response, Throttled, refusal
from irkit.config import Connection
from irkit.errors import ActionError, CredentialError
from irkit.secrets import scrub
from irkit.wire import sigv4
from irkit.wire.http import Wire
from irkit.worlds.serve import serve
from tests.wire.rig import ignored
from tests.wire.tenant import EVENT, FORM, LINES, SECRET, THINGS, Example, example, tenant, upload

KEYED = ("key", "certificate", "service_account")


@functools.cache
def key() -> str:
    made = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "irkit")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(made.public_key())
                   .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=9)).sign(made, hashes.SHA256()))
    pem = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (pem + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def credential(way: str) -> str:
    if way == "service_account":
        return json.dumps({"private_key": key(), "client_email": "sa@example.com", "private_key_id": "k9"})
    return {"key": key(), "certificate": key(), "access_key": "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG"}.get(way, SECRET)


@contextmanager
def signed_in(way: str, monkeypatch: pytest.MonkeyPatch, world: Example | None = None, *, wall: float | None = None,
              shown: str = "") -> Iterator[tuple[Wire, Example, list[str]]]:
    """A wire to a served tenant that signs in that way, the tenant, and the connections whose token calls were reported."""
    monkeypatch.setenv("SIGN_IN", shown or credential(way))
    monkeypatch.setenv("ROUTING", "routing-canary/+1")
    world, heard = world or tenant(), list[str]()
    settings = {"client_id": "irkit-app", "email": "ir@acme.com", "subject": "ir-admin@acme.com", "region": "eu",
                "key_id": "k1"}
    with serve(world) as server:
        one = Connection("example", "example", settings, way, "env:SIGN_IN", server.url,
                         {"events": "env:ROUTING", "sink": "env:ROUTING"})
        wire = Wire({"example": one}, lambda _: example, loopback=True, wall=(lambda: wall) if wall else time.time,
                    on_auth=lambda name, status, ms: heard.append(name))
        try:
            yield wire, world, heard
        finally:
            wire.close()


def send(wire: Wire, request: Request = THINGS, raw: bytes | None = None) -> Response:
    source = None if raw is None else (lambda _: io.BytesIO(raw))
    return wire.send(wire.prepare("example", request), answered=ignored, source=source)


@pytest.mark.parametrize(("way", "header", "value"), [
    ("ssws", "authorization", f"SSWS {SECRET}"), ("pagerduty", "authorization", f"Token token={SECRET}"),
    ("appfollow", "x-appfollow-api-token", SECRET),
    ("key_as_user", "authorization", "Basic " + base64.b64encode(f"{SECRET}:X".encode()).decode()),
    ("pair", "authorization", "Basic " + base64.b64encode(f"ir@acme.com:{SECRET}".encode()).decode())])
def test_a_ready_credential_takes_the_form_the_vendor_wants(way: str, header: str, value: str,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheme, header, user and password are declared."""
    with signed_in(way, monkeypatch) as (wire, world, heard):
        assert send(wire).status == 200
        assert world.calls[0].headers[header] == value
        assert (world.calls[0].path, heard) == ("/things", [])
        if header != "authorization":
            assert "authorization" not in world.calls[0].headers


def test_a_secret_is_posted_as_a_form_to_the_tenants_own_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint of another host is asked at the served world; its token then works; the default tenant is filled in."""
    with signed_in("secret", monkeypatch) as (wire, world, heard):
        send(wire)
        send(wire)
        ask, *rest = world.calls
        assert (ask.path, ask.headers["content-type"]) == ("/acme/oauth2/v2.0/token", "application/x-www-form-urlencoded")
        assert ask.data == {"grant_type": "client_credentials", "client_id": "irkit-app", "scope": "api/.default",
                            "client_secret": SECRET}
        assert [world.tokens.find(call) is not None for call in rest] == [True, True]
        assert heard == ["example"]


@pytest.mark.parametrize(("way", "head", "audience"), [
    ("key", {"alg": "RS256", "kid": "k1"}, "/oauth2/v1/token"),
    ("certificate", {"alg": "PS256", "kid": "k1"}, "https://login.example.com/acme/oauth2/v2.0/token")])
def test_an_assertion_bears_the_claims_of_a_client(way: str, head: dict[str, str], audience: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """iss = sub = client id, aud the endpoint as the vendor knows it, iat a little back, exp within the hour."""
    with signed_in(way, monkeypatch, wall=1_800_000_000.0) as (wire, world, _):
        send(wire)
        shown, claimed = world.asserted[0]
    assert head.items() <= shown.items()
    assert ("x5t#S256" in shown) == (way == "certificate")
    assert claimed["iss"] == claimed["sub"] == "irkit-app"
    assert str(claimed["aud"]).endswith(audience)
    assert claimed["jti"]
    assert claimed["iat"] < 1_800_000_000 < claimed["exp"] <= claimed["iat"] + 3600


def test_a_service_account_acts_as_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """The JWT bearer grant: iss from the key file, sub the administrator, aud Google's endpoint and not the world's."""
    with signed_in("service_account", monkeypatch) as (wire, world, _):
        send(wire)
        shown, claimed = world.asserted[0]
        assert world.calls[0].data["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert shown == {"alg": "RS256", "typ": "JWT", "kid": "k9"}
    assert (claimed["iss"], claimed["sub"], claimed["scope"]) == ("sa@example.com", "ir-admin@acme.com", "a b")
    assert claimed["aud"] == "https://oauth2.example.com/token"
    assert claimed["exp"] - claimed["iat"] == 3600


@pytest.mark.parametrize(("said", "sentence"), [
    ({"error": "use_dpop_nonce"}, "requires DPoP"), ({"error": "unauthorized_client"}, "not allowed these scopes"),
    ({"error": "invalid_request", "error_description": f"AADSTS90002: {SECRET} not found"},
     r"AADSTS90002\): there is no such tenant"),
    ({"errorCode": "invalid_client", "errorSummary": SECRET}, "revoked or has expired"),
    ({"error": "invalid_grant", "error_description": "Check your iat and exp values"}, "the server's Date is")])
def test_a_refused_sign_in_says_what_to_mend(said: dict[str, object], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thing, place and next command, never the vendor's description: it may quote what was sent."""
    world = tenant()
    world.refuse = said
    with signed_in("service_account", monkeypatch, world) as (wire, _, heard), \
            pytest.raises(CredentialError, match=sentence) as caught:
        wire.prepare("example", THINGS)
    assert (caught.value.where, caught.value.next) == ("connection example", "irkit doctor example")
    assert SECRET not in str(caught.value.diagnostics())
    assert heard == ["example"]


def test_a_clock_that_is_off_is_named_with_the_servers_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours fast: the sentence says so, and by how much."""
    world = tenant()
    world.refuse = {"error": "invalid_grant"}
    with signed_in("key", monkeypatch, world, wall=time.time() + 7200) as (wire, _, _heard), \
            pytest.raises(CredentialError, match=r"clock is 7[12]\d\d s ahead of the server's, whose Date is .* GMT"):
        wire.prepare("example", THINGS)


@pytest.mark.parametrize("way", KEYED)
@pytest.mark.parametrize("shown", ["not a key at all but longer than eight", "{\"private_key\": 5}",
                                   "-----BEGIN PRIVATE KEY-----\nMIIEvCanaryCanaryCanary\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_told_without_quoting_it(way: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token call is made, and nothing of the text is shown."""
    with signed_in(way, monkeypatch, shown=shown) as (wire, world, heard), pytest.raises(CredentialError) as caught:
        wire.prepare("example", THINGS)
    assert caught.value.next == "irkit connect example"
    assert not [word for word in ("Canary", "longer", "5}") if word in str(caught.value.diagnostics())]
    assert (world.calls, heard) == ([], [])


@pytest.mark.parametrize("way", KEYED)
def test_no_line_of_a_key_is_seen_in_any_text(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that echoes the key, whole or a line of it, is not recorded with it; nor is the minted token."""
    lines = [line for line in key().splitlines() if len(line) > 30 and "CERTIFICATE" not in line]
    with signed_in(way, monkeypatch) as (wire, _, _heard):
        wire.prepare("example", THINGS)
        secrets = wire._accounts["example"].secrets()
    private = lines[:20]
    assert private
    assert not [line for line in private if line in scrub(f"echo {private[3]} and {private[9]}", secrets)]


def test_an_answer_that_echoes_the_token_is_recorded_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Body and headers."""
    with signed_in("secret", monkeypatch) as (wire, world, _):
        send(wire)
        bare = world.calls[1].authorization.partition(" ")[2]
        from irkit.worlds import Answer
        world.said = [Answer.json({"ok": True, "echo": bare}, headers={"x-echo": bare})]
        got = send(wire)
        assert bare not in got.open().read().decode() + str(got.headers)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """file: takes a file of its owner's alone; the sentence bears the command that mends it."""
    from irkit.secrets import resolve
    file = tmp_path / "key.pem"
    file.write_text(key())
    file.chmod(0o644)
    with pytest.raises(CredentialError, match="by others") as caught:
        resolve(f"file:{file}", lines=True)
    assert caught.value.next == f"chmod 600 {file}"
    file.chmod(0o600)
    assert resolve(f"file:{file}", lines=True).reveal() == key().removesuffix("\n")


# -- hosts and bodies ----------------------------------------------------------------------------------------------

def test_a_key_in_the_body_is_put_there_when_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate shows a placeholder; words that look like it stay words; no header bears the other credential."""
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        outgoing = wire.prepare("example", EVENT)
        assert json.loads(outgoing.body or b"")["routing_key"] == "[credential]"
        wire.send(outgoing, answered=ignored)
        call = world.calls[0]
    assert (call.host, call.path, call.headers.get("authorization")) == ("events", "/v2/enqueue", None)
    assert call.data == {"routing_key": "routing-canary/+1", "text": "[credential]", "event_action": "trigger"}


def test_a_key_in_the_address_is_put_there_when_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escaped, and never on the gate."""
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        outgoing = wire.prepare("example", LINES)
        assert "canary" not in outgoing.url
        wire.send(outgoing, answered=ignored)
        call = world.calls[0]
    assert (call.host, call.path, call.body) == ("sink", "/receiver/routing-canary%2F%2B1/", b"one\ntwo\n")
    assert call.headers["content-type"] == "text/plain"


def test_a_host_of_its_own_needs_its_own_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one the error names host and command, and the rest of the connection works."""
    with signed_in("ssws", monkeypatch) as (wire, _, _heard):
        account = wire._accounts.get("example")
        assert account is None
        send(wire)
        force_setattr(wire._accounts["example"].connection, "credentials", {})
        with pytest.raises(CredentialError, match="no credential for events") as caught:
            wire.prepare("example", EVENT)
    assert caught.value.next == "irkit connect example --also events=env:NAME"


def test_links_stay_on_the_connections_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to any other host is not followed."""
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        send(wire, GET("/things").follow(f"{world.base_url}/@files/page2"))
        assert (world.calls[0].host, world.calls[0].path) == ("files", "/page2")
        with pytest.raises(ActionError, match="not followed"):
            wire.prepare("example", GET("/things").follow("https://files.example.com/page2"))


def test_a_form_is_urlencoded_and_shown_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown and recorded lacks the value that `secret` names; what leaves has it."""
    from irkit.engine.plan import body_text
    from irkit.engine.transfer import request_parts
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        outgoing = wire.prepare("example", FORM)
        wire.send(outgoing, answered=ignored)
        assert world.calls[0].data == {"channel": "C1", "text": "a b&c", "password": "hunter2-canary"}
    assert body_text(outgoing).splitlines()[:2] == ["channel=C1", "text=a b&c"]
    assert "hunter2" not in body_text(outgoing) + str(request_parts(outgoing))


def test_an_upload_streams_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than a world holds: the hash arrives, the record says hash and size alone."""
    from irkit.engine.transfer import request_parts
    raw = bytes(9 * 2**20)
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        got = send(wire, upload(raw, signed=False), raw)
        call = world.calls[0]
        outgoing = wire.prepare("example", upload(raw))
        with pytest.raises(NotSent):
            wire.send(outgoing, answered=ignored)
    assert (call.size, call.sha256, call.headers.get("authorization")) == (len(raw), upload(raw).upload.sha256, None)  # type: ignore[union-attr]
    assert got.json["size"] == len(raw)
    assert request_parts(outgoing)["request.upload"]["size"] == len(raw)
    assert "request.body" not in request_parts(outgoing)


def test_cookies_go_back_to_their_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the connector says so."""
    with signed_in("ssws", monkeypatch) as (wire, world, _):
        send(wire)
        send(wire)
    assert [call.headers.get("cookie") for call in world.calls] == [None, "job=one"]


def test_a_request_to_aws_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature is over the very bytes; the secret is not in it."""
    with signed_in("access_key", monkeypatch) as (wire, world, _):
        send(wire, upload(b"evidence"), b"evidence")
        sent = world.calls[0].headers
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert sent["x-amz-content-sha256"] == world.calls[0].sha256
    assert "wJalr" not in str(sent)


def test_the_signature_is_the_one_that_aws_documents() -> None:
    """docs.aws.amazon.com, Amazon S3, Signature Calculations: GET Bucket Lifecycle of 24 May 2013."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    at = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
    made = sigv4.headers("GET", "https://examplebucket.s3.amazonaws.com/?lifecycle", {}, empty,
                         ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""), service="s3",
                         region="us-east-1", now=at)
    assert made["Authorization"].endswith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")


# -- verdicts ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("request_", "status", "said", "kind"), [
    (THINGS, 200, {"ok": False, "error": "not_found"}, Refused),
    (THINGS, 403, {"error": "userRateLimitExceeded"}, Throttled),
    (FORM, 200, {"ok": False, "error": "internal_error"}, NoAnswer), (THINGS, 429, {}, Throttled),
    (GET("/things", accepts=["name_taken"]), 200, {"ok": False, "error": "name_taken"}, None),
    (THINGS, 200, {"ok": True}, None)])
def test_one_judgement_serves_refusal_and_retry(request_: Request, status: int, said: object,
                                                kind: type[ActionError] | None) -> None:
    """The connector's judge comes before the status; a code that the action accepts passes."""
    found = refusal(request_, Response.of(said, status), example)
    assert (type(found) if found else None) is kind


def test_doctor_names_each_scope_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check for the connection and one for each proof."""
    from irkit.cli import checks
    with signed_in("ssws", monkeypatch) as (wire, _, _heard):
        found = checks.connection(wire, wire._connections["example"], [])
    assert [(check.state, check.text.partition(":")[0]) for check in found] == [
        ("ok", "Example offers no check"), ("ok", "example.read"), ("FAIL", "example.logs is missing")]
