"""Our signatures beside those of botocore, and the credential chain that botocore brings."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from irkit.action import GET, POST, PUT, Request
from irkit.connectors.s3.base import listing, place
from irkit.errors import CredentialError
from irkit.wire import awschain, sigv4

NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)
KEY = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
HOSTS = {"s3": "https://s3.eu-central-1.amazonaws.com", "iam": "https://iam.amazonaws.com"}


def theirs(request: Request, service: str, body: bytes, key: tuple[str, ...]) -> str:
    """botocore's Authorization for the same request, over the headers that we sign."""
    asked = AWSRequest(request.method, HOSTS[service] + request.target, dict(request.headers), body)
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer = kind(Credentials(key[0], key[1], key[2] or None), service, "us-east-1" if service == "iam" else "eu-central-1")
    asked.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    signer.add_auth(asked)
    return str(asked.headers["Authorization"])


def ours(request: Request, service: str, body: bytes, key: tuple[str, str, str]) -> str:
    region = "us-east-1" if service == "iam" else "eu-central-1"
    made = sigv4.headers(request.method, HOSTS[service] + request.target, request.headers, hashlib.sha256(body).hexdigest(),
                         key, service=service, region=region, now=NOW.timestamp())
    return made["Authorization"]


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_more: NOW.replace(tzinfo=None))


def at(key: str, **how: Any) -> Request:
    path, parts = place("northwind-evidence", key)
    return GET(path, *parts, **how)


LOCKED = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-checksum-sha256": "q83vASNFZ4k=", "Content-Type": "application/xml"}


@pytest.mark.parametrize("key", [KEY, (*KEY[:2], "session/token+of==sts")], ids=["user", "session"])
@pytest.mark.parametrize(("request_", "service", "body"), [
    (at("a/b c/ü~(1).pdf"), "s3", b""), (at("INC-1/x", params={"versionId": "a.b_c-", "legal-hold": ""}), "s3", b""),
    (listing("b", "a b/ü+[1],@:=&", list_type=2, continuation_token="1/+=="), "s3", b""),
    (GET("/b", params={"versions": "", "key-marker": "a%2Fb"}), "s3", b""),
    (PUT("/b/k", headers=LOCKED, affects=["k"], noun="object"), "s3", b"<LegalHold/>"),
    (POST("/", form={"Action": "x"}, reads=True, headers={"Content-Type": "application/x-www-form-urlencoded"}), "iam",
     b"Action=ListAccessKeys&UserName=a%2Bb")])
def test_signatures_are_those_of_botocore(request_: Request, service: str, body: bytes, key: tuple[str, str, str]) -> None:
    """Paths, queries, locks, a session token, another service: the same signature over the same headers."""
    assert ours(request_, service, body, key) == theirs(request_, service, body, key)


@given(name=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30).filter(
           lambda text: not {"", ".", ".."} & set(text.split("/"))),
       prefix=st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
def test_whatever_a_key_is_called_the_signature_is_botocores(name: str, prefix: str) -> None:
    """Any text as a key and as a prefix, as the connector writes them into an address."""
    for request in (at(name, params={"acl": ""}), listing("b", prefix, versions="")):
        assert not urlsplit(request.target).fragment
        assert ours(request, "s3", b"", KEY) == theirs(request, "s3", b"", KEY)


# -- the chain ---------------------------------------------------------------------------------------------------

@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of AWS's configuration, and nothing else of this machine's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_a_profile_gives_the_keys(aws: Path) -> None:
    """That of the connection's setting, beside the default."""
    (aws / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = a\n"
                                     "[ir]\naws_access_key_id = B\naws_secret_access_key = b\naws_session_token = t\n")
    assert awschain.chain("ir", "s3")() == ("B", "b", "t")
    assert awschain.chain("", "s3")() == ("A", "a", "")


def test_keys_that_end_are_renewed(aws: Path) -> None:
    """A process that gives keys for a minute is asked again: no run outlives its keys."""
    script = aws / "keys.py"
    script.write_text(f"import json, pathlib\ncount = pathlib.Path({str(aws / 'count')!r})\n"
                      "n = int(count.read_text()) + 1 if count.exists() else 1\ncount.write_text(str(n))\n"
                      "from datetime import datetime, timedelta, timezone\n"
                      "end = (datetime.now(timezone.utc) + timedelta(seconds=60)).isoformat()\n"
                      "print(json.dumps({'Version': 1, 'AccessKeyId': f'K{n}', 'SecretAccessKey': 's', 'SessionToken': 't',"
                      " 'Expiration': end}))\n")
    (aws / "config").write_text(f"[profile ir]\ncredential_process = {sys.executable} {script}\n")
    keys = awschain.chain("ir", "s3")
    assert keys()[0] != keys()[0]
    assert json.loads((aws / "count").read_text()) >= 2


@pytest.mark.parametrize(("profile", "said"), [("", "found no keys"), ("nobody", "no such profile")])
def test_a_chain_without_keys_says_so(aws: Path, profile: str, said: str) -> None:
    """CredentialError, with what was looked for."""
    with pytest.raises(CredentialError, match=said):
        awschain.chain(profile, "s3")()
