"""The simulated AWS account: the traps that it sets, each by name."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from irkit.worlds import Answer, Call
from irkit.worlds.s3 import S3
from irkit.worlds.s3.account import EVIDENCE, FILES, LOGS, PLAIN
from tests.worlds.helpers import Clock, body, make

BODY = b"evidence"
SUM = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(BODY).digest()).decode()}
LOCK = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2026-04-01T00:00:00Z"}
EARLIER = f"/{EVIDENCE}/earlier/kept.txt"
RETENTION = "<Retention><Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>"


def account(**options: Any) -> S3:
    world = make("s3", **options)
    assert isinstance(world, S3)
    return world


def ask(world: S3, method: str, target: str, content: bytes = b"", **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.handle(Call.of(method, target, body=content, headers=told, authorization=f"Bearer {world.ready_token}"))


def put(world: S3, target: str, **headers: str) -> Answer:
    return ask(world, "PUT", target, BODY, **headers)


@pytest.mark.parametrize(("bucket", "headers", "status", "code"), [
    (PLAIN, {**SUM, **LOCK}, 400, "InvalidRequest"), (EVIDENCE, LOCK, 400, "InvalidRequest"),
    (EVIDENCE, {**LOCK, "x-amz-checksum-sha256": "AAAA"}, 400, "BadDigest"),
    (EVIDENCE, {**SUM, **LOCK, "x-amz-object-lock-retain-until-date": "2020-01-01T00:00:00Z"}, 400, "InvalidArgument"),
    (f"{EVIDENCE}/earlier", {**SUM, "if-none-match": "*"}, 412, "PreconditionFailed"), ("nowhere", SUM, 404, "NoSuchBucket")])
def test_an_upload_that_s3_refuses(bucket: str, headers: dict[str, str], status: int, code: str) -> None:
    """Locks on a plain bucket, no checksum, a wrong one, a day in the past, a key that is there, no such bucket."""
    answer = put(account(), f"/{bucket}/held.txt", **headers)
    assert answer.status == status
    assert f"<Code>{code}</Code>".encode() in body(answer)


def test_a_locked_version_is_deleted_by_nobody_and_a_marker_by_anybody() -> None:
    """DELETE of a version is 403; without a version it lays a marker over it, and the version is still there."""
    world = account()
    version = put(world, f"/{EVIDENCE}/k", **SUM, **LOCK).headers["x-amz-version-id"]
    bypass = {"x-amz-bypass-governance-retention": "true"}
    assert ask(world, "DELETE", f"/{EVIDENCE}/k?versionId={version}", b"", **bypass).status == 403
    assert ask(world, "DELETE", f"/{EVIDENCE}/k").status == 204
    assert ask(world, "GET", f"/{EVIDENCE}/k").status == 404
    assert body(ask(world, "GET", f"/{EVIDENCE}/k?versionId={version}")) == BODY


@pytest.mark.parametrize(("mode", "until", "status"), [("GOVERNANCE", "2027-01-01T00:00:00Z", 403),
                                                       ("COMPLIANCE", "2026-03-20T00:00:00Z", 403),
                                                       ("COMPLIANCE", "2027-01-01T00:00:00Z", 200)])
def test_compliance_is_only_ever_made_longer(mode: str, until: str, status: int) -> None:
    """Neither weaker nor shorter."""
    world = account()
    put(world, f"/{EVIDENCE}/k", **SUM, **LOCK)
    raw = RETENTION.format(mode, until).encode()
    summed = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(raw).digest()).decode()}
    assert ask(world, "PUT", f"/{EVIDENCE}/k?retention=", raw, **summed).status == status


def test_a_head_says_no_reason_and_leaves_out_what_may_not_be_seen() -> None:
    """404 and 403 without a body; without s3:GetObjectRetention there is simply no lock to be seen, nor a checksum unasked."""
    target = f"/{EVIDENCE}/earlier/held.txt"
    blind = account(denied="s3:GetObjectRetention")
    assert "x-amz-object-lock-mode" in ask(account(), "HEAD", target).headers
    assert "x-amz-object-lock-mode" not in ask(blind, "HEAD", target).headers
    assert "x-amz-checksum-sha256" not in ask(account(), "HEAD", target).headers
    assert body(ask(account(), "HEAD", f"/{EVIDENCE}/nothing")) == b""
    assert ask(account(denied="s3:GetObject"), "HEAD", target).status == 403


def test_lists_come_in_pages_and_keys_in_url_encoding() -> None:
    """A page of three; a blank is a plus; a deleted object is in no list but that of versions."""
    world = account()
    first = body(ask(world, "GET", f"/{FILES}?list-type=2&encoding-type=url"))
    assert first.count(b"<Contents>") == 3
    assert b"scan+0.pdf" in first
    assert b"<NextContinuationToken>3</NextContinuationToken>" in first
    rest = body(ask(world, "GET", f"/{FILES}?list-type=2&continuation-token=3"))
    assert b"removed.pdf" not in first + rest
    assert b"<DeleteMarker>" in body(ask(world, "GET", f"/{FILES}?versions=&prefix=tickets/000/rem"))


def test_a_locked_bucket_takes_no_logs() -> None:
    """InvalidTargetBucketForLogging."""
    raw = f"<BucketLoggingStatus><LoggingEnabled><TargetBucket>{EVIDENCE}</TargetBucket></LoggingEnabled></BucketLoggingStatus>"
    summed = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode()}
    assert ask(account(), "PUT", f"/{PLAIN}?logging=", raw.encode(), **summed).status == 400
    assert account(logs=False).buckets.all[LOGS].versions == []


def test_what_is_not_signed_is_refused() -> None:
    """By all three services."""
    world = account()
    for target in (f"/{FILES}", "/@iam/", "/@sts/"):
        assert world.handle(Call.of("GET", target)).status == 403


def test_a_retention_that_has_run_out_holds_nothing() -> None:
    """After its day a version can be deleted, unless it is under legal hold."""
    clock = Clock()
    world = account(clock=clock)
    clock.move(timedelta(days=11).total_seconds())
    assert ask(world, "DELETE", f"/{EVIDENCE}/earlier/held.txt?versionId={world.held.id}").status == 403
    assert ask(world, "DELETE", f"{EARLIER}?versionId={world.kept.id}").status == 204
