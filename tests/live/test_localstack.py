"""The promises of Object Lock against LocalStack's S3, which somebody else wrote: the real connector, the real wire, no world.

It is large and ages, so it is no dependency. Where it is wanted (Python 3.11):

    python3.11 -m venv /tmp/localstack
    /tmp/localstack/bin/pip install 'localstack-core[base-runtime]==4.7.0' 'cbor2<5.8' 'pyOpenSSL<25.2'
    IRKIT_LOCALSTACK=/tmp/localstack/bin/python python -m pytest -q tests/live/test_localstack.py

Known to differ from AWS there: a day in the past and locks on a plain bucket are taken, and no signature is checked.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irkit import connectors
from irkit.action import DELETE, PUT, ActionError, Driven, Refused, Request, Response, drive, refusal
from irkit.config import Connection
from irkit.connectors.s3.base import place
from irkit.wire.http import Wire
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import EVIDENCE, KEPT

PYTHON = os.environ.get("IRKIT_LOCALSTACK", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="IRKIT_LOCALSTACK names no Python that has localstack-core 4.7.0: Object "
                                                   "Lock is shown against the simulated account alone")
SAID = {"GATEWAY_SERVER": "hypercorn", "SERVICES": "s3", "EAGER_SERVICE_LOADING": "1", "STRICT_SERVICE_LOADING": "1",
        "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "DNS_ADDRESS": "0"}
UNTIL = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
BYPASS = {"x-amz-bypass-governance-retention": "true"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where LocalStack listens, for all tests of this file."""
    folder = tmp_path_factory.mktemp("localstack")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    told = {**os.environ, **SAID, "GATEWAY_LISTEN": place, "LOCALSTACK_VOLUME_DIR": str(folder), "FILESYSTEM_ROOT": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache")}
    with subprocess.Popen([PYTHON, "-m", "localstack.runtime.main"], env=told, cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            said = next((line for line in process.stdout if line.startswith("Ready")), "")
            assert said, "LocalStack did not become ready"
            yield f"http://{place}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


class Bucket:
    """A bucket of LocalStack's, and the connector asked about it."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire, self.name = wire, name
        self.known = {("setting", "bucket"): name, ("artefact", "evidence.txt"): KEPT}

    def ask(self, request: Request) -> Response:
        return self.wire.send(self.wire.prepare("s3", request), answered=ignored, source=lambda _: io.BytesIO(EVIDENCE))

    def done(self, name: str, **args: Any) -> Driven:
        def answer(request: Request) -> Any:
            try:
                return self.ask(request)
            except ActionError as error:
                return error
        return drive(connectors.find_action(f"s3.{name}")(**args), answer, connectors.find("s3"), self.known)

    def put(self, **args: Any) -> Driven:
        return self.done("put_evidence", **{"artefact": "evidence.txt", "retain_until": UNTIL, **args})

    def delete(self, receipt: Any, **headers: str) -> int:
        """The status of an attempt to delete the version."""
        return self.ask(DELETE("/{}/{}/{}", self.name, *receipt.key.split("/"), headers=headers, affects=["it"],
                               noun="version", params={"versionId": receipt.version_id})).status


@pytest.fixture
def bucket(url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    """A fresh bucket: with Object Lock, or plain where the test asks for it."""
    monkeypatch.setenv("S3_KEYS", "test:test-secret")
    name = f"irkit-{tmp_path.name.replace('_', '-')[-40:].lower()}".rstrip("-")
    one = Connection("s3", "s3", {"bucket": name, "region": "us-east-1"}, "access_key", "env:S3_KEYS", url)
    wire = Wire({"s3": one}, connectors.find, loopback=True, timeouts=PATIENT)
    try:
        made = Bucket(wire, name)
        lock = {} if getattr(request, "param", "") == "plain" else {"x-amz-bucket-object-lock-enabled": "true"}
        assert made.ask(PUT("/{}", name, headers=lock, affects=[name], noun="bucket")).status == 200
        yield made
    finally:
        wire.close()


def test_evidence_is_copied_locked_and_read_back(bucket: Bucket) -> None:
    """Checksum, version id, mode, day and hold as somebody else's S3 shows them; all comes back; none is sent twice."""
    receipt = bucket.put(legal_hold=True).result
    assert (receipt.sha256, receipt.size, receipt.legal_hold) == (KEPT["sha256"], len(EVIDENCE), True)
    assert (receipt.mode, receipt.retain_until) == ("GOVERNANCE", f"{UNTIL:%Y-%m-%dT%H:%M:%SZ}")
    assert bucket.done("read_evidence", key=receipt.key, version_id=receipt.version_id).result.matches
    again = bucket.put(legal_hold=True)
    assert again.result == receipt
    assert not again.writes


def test_compliance_is_deleted_by_nobody(bucket: Bucket) -> None:
    """403 with and without the bypass; a later day is taken, an earlier one is not even sent."""
    receipt = bucket.put(mode="COMPLIANCE").result
    assert (bucket.delete(receipt), bucket.delete(receipt, **BYPASS)) == (403, 403)
    version = {"key": receipt.key, "version_id": receipt.version_id}
    later = bucket.done("extend_retention", **version, retain_until=UNTIL + timedelta(days=1)).result
    assert later.mode == "COMPLIANCE"
    assert not bucket.done("extend_retention", **version, retain_until=UNTIL).writes


def test_a_legal_hold_stands_beside_governance(bucket: Bucket) -> None:
    """Governance gives way to the bypass, and does not while the hold is on."""
    receipt = bucket.put().result
    version = {"key": receipt.key, "version_id": receipt.version_id}
    assert bucket.done("hold_evidence", **version).result.legal_hold
    assert (bucket.delete(receipt), bucket.delete(receipt, **BYPASS)) == (403, 403)
    assert not bucket.done("release_evidence", **version).result.legal_hold
    assert (bucket.delete(receipt), bucket.delete(receipt, **BYPASS)) == (403, 204)


def test_a_delete_marker_hides_and_deletes_nothing(bucket: Bucket) -> None:
    """The list shows both, and the receipt still finds its version."""
    receipt = bucket.put().result
    bucket.ask(DELETE("/{}/{}/{}", bucket.name, *receipt.key.split("/"), affects=["it"], noun="object"))
    found = bucket.done("list_evidence").result
    assert [one.kind for one in found.suspects] == ["delete marker"]
    assert bucket.done("verify_evidence", key=receipt.key, version_id=receipt.version_id).result.hidden


def test_a_wrong_checksum_is_refused(bucket: Bucket) -> None:
    """Bytes that are not the artefact's do not become evidence: BadDigest."""
    sent = bucket.put().writes[0]
    wrong = Request(method="PUT", target=f"{sent.target}.other", content=b"other bytes", affects=("it",), noun="object",
                    headers=sent.headers)
    error = refusal(wrong, bucket.ask(wrong), connectors.find("s3"))
    assert isinstance(error, Refused)
    assert "BadDigest" in str(error)


def test_what_is_written_once_stays(bucket: Bucket) -> None:
    """If-None-Match on a key that is there: 412."""
    sent = bucket.put().writes[0]
    assert bucket.ask(sent).status == 412


@pytest.mark.parametrize("bucket", ["plain"], indirect=True)
def test_a_bucket_without_object_lock_gets_nothing(bucket: Bucket) -> None:
    """The look says so before anything leaves."""
    driven = bucket.put()
    assert "has no Object Lock" in str(driven.error)
    assert not driven.writes


def test_keys_of_any_text_are_signed_listed_and_read(bucket: Bucket) -> None:
    """A key with blanks and more comes back as it is. (What is public LocalStack does not say.)"""
    strange = "tickets/a b+ü&<1>.pdf"
    path, parts = place(bucket.name, strange)
    assert bucket.ask(PUT(path, *parts, content=b"%PDF", affects=["it"], noun="object")).status == 200
    assert bucket.done("list_objects", bucket=bucket.name, prefix="tickets/a b+").result.rows == 1
    assert [one.title for one in bucket.done("list_evidence", prefix="tickets/").result.items] == [strange]
    assert bucket.done("list_versions", bucket=bucket.name, prefix="tickets/x").result.rows == 0
