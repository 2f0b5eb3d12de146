"""S3's traps, each by name: what is not locked, what cannot be seen, what stands in front, what is only listed, whose clock."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from irkit import connectors
from irkit.action import (
    ActionError,
    Artefact,
    Driven,
    NoAnswer,
    NotConfirmed,
    Refused,
    Request,
    Response,
    Throttled,
    Unavailable,
    drive,
)
from irkit.cli import checks
from irkit.config import Connection
from irkit.errors import CredentialError
from irkit.wire.http import Wire
from irkit.worlds import Fault
from irkit.worlds.s3 import S3
from irkit.worlds.s3.account import EVIDENCE, FILES, LEAKED, LOGS, PLAIN
from irkit.worlds.s3.buckets import Version
from irkit.worlds.serve import serve
from tests.wire.rig import PATIENT, ignored
from tests.worlds.helpers import EVIDENCE as BYTES
from tests.worlds.helpers import KEPT, START, Asked, known, make, play

UNTIL = START + timedelta(days=30)
KEY = f"INC-1/{KEPT['sha256']}-evidence.txt"


def account(**options: Any) -> S3:
    world = make("s3", **options)
    assert isinstance(world, S3)
    return world


def done(world: S3, name: str, instead: Any = lambda number, request: None, **args: Any) -> Driven:
    return play(connectors.find_action(f"s3.{name}")(**args), Asked(world, instead))


def put(world: S3, **args: Any) -> Driven:
    return done(world, "put_evidence", **{"artefact": "evidence.txt", "retain_until": UNTIL, **args})


def stored(world: S3, key: str = KEY) -> Version:
    return world.buckets.all[EVIDENCE].of(key)[-1]


# -- copying -----------------------------------------------------------------------------------------------------

def test_evidence_is_copied_locked_and_its_receipt_names_the_version() -> None:
    """Checksum, mode, day and hold leave with the bytes; version id, S3's own SHA-256 and the lock are what comes back."""
    world = account()
    driven = put(world, legal_hold=True)
    sent, receipt = driven.writes[0], driven.result
    assert sent.headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(BYTES).digest()).decode()
    assert sent.headers["If-None-Match"] == "*"
    assert (receipt.version_id, receipt.sha256, receipt.size) == (stored(world).id, KEPT["sha256"], len(BYTES))
    assert (receipt.mode, receipt.retain_until, receipt.legal_hold) == ("GOVERNANCE", "2026-04-06T23:40:00Z", True)
    assert sent.affects == (f"s3://{EVIDENCE}/{KEY}: GOVERNANCE until 2026-04-06T23:40:00Z, legal hold",)


def test_a_bucket_without_object_lock_gets_nothing() -> None:
    """What is copied there could be deleted: said, with what to do, and no byte leaves."""
    driven = put(account(lock=False))
    assert isinstance(driven.error, ActionError)
    assert "has no Object Lock" in str(driven.error)
    assert not driven.writes


@pytest.mark.parametrize(("args", "default", "said"), [
    ({"mode": "FOREVER"}, "", "no mode of Object Lock"), ({"retain_until": START - timedelta(days=1)}, "", "in the past"),
    ({"retain_until": None}, "", "says how long"),
    ({"retain_until": None, "mode": "COMPLIANCE"}, "GOVERNANCE 30", "legal has set")])
def test_terms_that_s3_would_refuse_or_nobody_could_mend_are_not_sent(args: dict[str, Any], default: str, said: str) -> None:
    """An unknown mode, a day in the past by S3's clock, no period at all, COMPLIANCE without a day of legal's."""
    driven = put(account(default=default), **args)
    assert isinstance(driven.error, ActionError)
    assert said in str(driven.error)
    assert not driven.writes


def test_without_a_day_the_buckets_own_period_counts_and_is_looked_at() -> None:
    """Default retention: the object is locked though no header says so."""
    receipt = put(account(default="GOVERNANCE 30"), retain_until=None).result
    assert (receipt.mode, receipt.retain_until) == ("GOVERNANCE", "2026-04-06T23:40:00Z")


def test_more_than_one_upload_takes_is_not_sent() -> None:
    """5 GiB and a byte: an upload in parts has a checksum of checksums, so it is split by hand."""
    world = account()
    big = Artefact("a" * 64, 5 * 2**30 + 1, "disk.img")
    told = {**known(world), ("artefact", "disk.img"): asdict(big)}
    driven = drive(connectors.find_action("s3.put_evidence")(artefact="disk.img", retain_until=UNTIL), Asked(world),
                   connectors.find("s3"), told)
    assert "split it" in getattr(driven.error, "next", "")
    assert not driven.writes


def test_evidence_under_a_delete_marker_is_found_and_not_sent_again() -> None:
    """A marker hides an object and deletes nothing: the locked version is still the receipt, and is called hidden."""
    world = account()
    first = put(world).result
    world.buckets.add(world.buckets.all[EVIDENCE], KEY, deleted=True)
    again = put(world)
    assert not again.writes
    assert again.result == replace(first, hidden=True)


def test_other_bytes_under_its_name_are_told() -> None:
    """The key holds the hash: whoever put something else there did so on purpose."""
    world = account()
    world.buckets.add(world.buckets.all[EVIDENCE], KEY, b"something else")
    driven = put(world)
    assert "other bytes" in str(driven.error)
    assert not driven.writes


def test_what_is_there_with_a_weaker_lock_is_not_called_done() -> None:
    """The receipt lacks what was asked for: said, with the actions that mend it."""
    world = account()
    put(world)
    driven = put(world, retain_until=UNTIL + timedelta(days=1), legal_hold=True)
    assert "locked until 2026-04-06T23:40:00Z and it is under no legal hold" in str(driven.error)
    assert not driven.writes


def test_a_lock_that_may_not_be_seen_is_not_confirmed() -> None:
    """HEAD leaves the lock out where s3:GetObjectRetention lacks, without a word: not done, and why is said."""
    driven = put(account(denied="s3:GetObjectRetention"))
    assert isinstance(driven.error, NotConfirmed)
    assert "s3:GetObjectRetention" in str(driven.error)


def test_an_object_that_came_meanwhile_is_a_refusal() -> None:
    """If-None-Match: 412, and nothing is overwritten."""
    world = account()

    def meanwhile(_number: int, request: Request) -> None:
        if request.is_write:
            world.buckets.add(world.buckets.all[EVIDENCE], KEY, b"first")
    driven = done(world, "put_evidence", meanwhile, artefact="evidence.txt", retain_until=UNTIL)
    assert isinstance(driven.error, Refused)
    assert driven.error.status == 412


def test_read_back_compares_every_byte() -> None:
    """The same bytes match; a byte changed on the way does not."""
    world = account()
    receipt = put(world).result
    args = {"key": receipt.key, "version_id": receipt.version_id}
    assert done(world, "read_evidence", **args).result.matches
    changed = done(world, "read_evidence", lambda n, request: Response(200, {}, b"forged") if request.keep else None, **args)
    assert "was read back as" in str(changed.error)


def test_a_checksum_of_checksums_is_none_of_the_file() -> None:
    """An upload in parts: the SHA-256 that S3 shows is not the file's, and the receipt has none."""
    world = account()
    receipt = put(world).result

    def composite(_number: int, request: Request) -> Response | None:
        headers = {"x-amz-version-id": receipt.version_id, "x-amz-checksum-sha256": "q83vASNFZ4k=-2",
                   "x-amz-checksum-type": "COMPOSITE"}
        return Response(200, headers) if request.method == "HEAD" else None
    assert done(world, "verify_evidence", composite, key=receipt.key, version_id=receipt.version_id).result.sha256 == ""


def test_retention_is_only_ever_made_longer() -> None:
    """An earlier day is not sent; a later one is, in the mode that there is."""
    world = account()
    receipt = put(world, mode="COMPLIANCE", retain_until=UNTIL + timedelta(milliseconds=7)).result
    args = {"key": receipt.key, "version_id": receipt.version_id}
    assert not done(world, "extend_retention", **args, retain_until=UNTIL - timedelta(days=1)).writes
    after = done(world, "extend_retention", **args, retain_until=UNTIL + timedelta(days=1)).result
    assert (after.mode, after.retain_until) == ("COMPLIANCE", "2026-04-07T23:40:00Z")


def test_delete_markers_are_the_suspects_of_the_evidence_bucket() -> None:
    """All versions are listed, over several pages; the marker is what somebody tried."""
    found = done(account(), "list_evidence").result
    assert (found.count, [one.kind for one in found.suspects], found.complete) == (3, ["delete marker"], True)


# -- lists, public objects, logs ---------------------------------------------------------------------------------

def test_what_was_deleted_is_in_the_list_of_versions_alone() -> None:
    """list_objects shows what is there now; the deleted file and its marker show among versions."""
    world = account()
    now, all_ = done(world, "list_objects", bucket=FILES).result, done(world, "list_versions", bucket=FILES).result
    assert (now.rows, all_.rows) == (4, 6)
    assert now.pages > 1
    assert all_.complete


def test_a_list_cut_without_a_marker_is_not_complete() -> None:
    """IsTruncated and nowhere to go on: incomplete, and said."""
    cut = Response(200, {}, b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")
    found = done(account(), "list_objects", lambda n, r: cut, bucket=FILES).result
    assert not found.complete
    assert any("there is more" in note for note in found.notes)


def test_public_objects_are_found_one_by_one_where_access_lists_count() -> None:
    """The file's own access list is what opens it; its key comes back as it is."""
    found = done(account(), "find_public_objects", bucket=FILES).result
    assert [(one.kind, one.id) for one in found.suspects] == [("object", "tickets/001/scan 1.pdf")]
    assert found.complete


def test_a_public_policy_is_found_and_a_blocked_bucket_is_not_public() -> None:
    """By policy the whole bucket is open; where access lists are off no object's is read."""
    assert [one.kind for one in done(account(), "find_public_objects", bucket=PLAIN).result.suspects] == ["bucket policy"]
    closed = done(account(), "find_public_objects", bucket=EVIDENCE)
    assert not closed.result.suspects
    assert not [request for request in closed.requests if "earlier" in request.target]


def test_logs_that_nobody_switched_on_are_a_gap() -> None:
    """Unavailable, never an empty list: downloads cannot be established from S3."""
    driven = done(account(logs=False), "collect_access_logs", bucket=FILES, since=START - timedelta(days=2))
    assert isinstance(driven.error, Unavailable)


def test_access_logs_are_counted_by_line_and_never_called_all_there_was() -> None:
    """Rows outside the window are told, and that S3 may have lost some."""
    found = done(account(), "collect_access_logs", bucket=FILES, since=START - timedelta(days=2)).result
    assert (found.rows, found.first, found.complete) == (2, "2026-03-06T17:40:00Z", True)
    assert any("some never" in note for note in found.notes)


def test_a_locked_bucket_takes_no_logs() -> None:
    """S3 does not deliver into it: refused with the reason and the way out, and nothing is sent."""
    driven = done(account(), "set_access_logs", bucket=PLAIN, target=EVIDENCE)
    assert "no access logs into a locked bucket" in str(driven.error)
    assert "s3.put_evidence" in getattr(driven.error, "next", "")
    assert not driven.writes
    assert done(account(), "set_access_logs", bucket=PLAIN, target=LOGS, prefix="old/").result.target == LOGS


# -- keys --------------------------------------------------------------------------------------------------------

def test_a_leaked_key_is_found_by_its_id_and_switched_off() -> None:
    """Whose it is, its last use, and off by a second look; irkit's own user is named as the identity."""
    world = account()
    found = done(world, "find_access_key", access_key_id=LEAKED).result
    assert (found.user_name, found.active, found.service) == ("helpdesk-files", True, "s3")
    off = done(world, "deactivate_access_key", user_name="helpdesk-files", access_key_id=LEAKED)
    assert off.result.active is False
    check = connectors.find("s3").check
    assert check is not None
    assert play(check(), Asked(world)).result.id == "irkit"


def test_a_key_that_iam_shows_on_for_a_while_is_not_confirmed() -> None:
    """200, and the list has not heard of it."""
    driven = done(account(lag=60), "deactivate_access_key", user_name="helpdesk-files", access_key_id=LEAKED)
    assert isinstance(driven.error, NotConfirmed)


def test_anothers_key_is_never_switched() -> None:
    """The id belongs to somebody else: said, and nothing is sent."""
    driven = done(account(), "deactivate_access_key", user_name="irkit", access_key_id=LEAKED)
    assert "s3.find_access_key" in getattr(driven.error, "next", "")
    assert not driven.writes


# -- what answers mean -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("status", "code", "kind"), [(503, "SlowDown", Throttled), (403, "SignatureDoesNotMatch", Refused),
                                                      (403, "AccessDenied", None), (301, "PermanentRedirect", Refused)])
def test_errors_that_no_status_tells_apart(status: int, code: str, kind: type[ActionError] | None) -> None:
    """SlowDown was not done and waits; a bad signature is no missing permission; a wrong region is named."""
    answer = Response(status, {}, f"<Error><Code>{code}</Code><Region>us-west-2</Region></Error>".encode())
    found = connectors.find("s3").judge(Request(method="GET", target="/b"), answer)
    assert (type(found) if found else None) is kind
    assert status != 301 or "us-west-2" in str(found)


# -- over HTTP ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def wired(world: S3, monkeypatch: pytest.MonkeyPatch, *faults: Fault, way: str = "access_key", key: str = "",
          region: str = "eu-central-1", wall: Any = START.timestamp) -> Iterator[Wire]:
    monkeypatch.setenv("AWS_KEYS", key or ":".join(world.own))
    with serve(world, faults=faults) as server:
        one = Connection("s3", "s3", {"bucket": EVIDENCE, "region": region}, way, "env:AWS_KEYS" if way != "chain" else "",
                         server.url)
        wire = Wire({"s3": one}, connectors.find, loopback=True, timeouts=PATIENT, wall=wall)
        try:
            yield wire
        finally:
            wire.close()


def over(wire: Wire, world: S3, name: str, **args: Any) -> Driven:
    def ask(request: Request) -> Any:
        try:
            return wire.send(wire.prepare("s3", request), answered=ignored, source=lambda _: io.BytesIO(BYTES))
        except ActionError as error:
            return error
    return drive(connectors.find_action(f"s3.{name}")(**args), ask, connectors.find("s3"), known(world))


def test_signed_requests_to_three_services_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world checks each signature itself: an upload that streams, a key with blanks, a form to IAM."""
    world = account()
    with wired(world, monkeypatch) as wire:
        receipt = over(wire, world, "put_evidence", artefact="evidence.txt", retain_until=UNTIL)
        public = over(wire, world, "find_public_objects", bucket=FILES)
        off = over(wire, world, "deactivate_access_key", user_name="helpdesk-files", access_key_id=LEAKED)
    assert receipt.result.sha256 == KEPT["sha256"]
    assert [one.id for one in public.result.suspects] == ["tickets/001/scan 1.pdf"]
    assert off.result.active is False


def test_keys_of_the_sdks_chain_sign_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credential stands in irkit.toml: botocore finds the keys."""
    world = account()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.own[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", world.own[1])
    with wired(world, monkeypatch, way="chain") as wire:
        assert over(wire, world, "check_evidence_bucket").result.locked


@pytest.mark.parametrize(("off", "side"), [(16 * 60, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off_is_named_with_the_seconds(off: int, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RequestTimeTooSkewed is no missing permission: by how much, whose clock is right, and what to do."""
    world = account()
    with wired(world, monkeypatch, wall=lambda: START.timestamp() + off) as wire:
        s3 = over(wire, world, "check_evidence_bucket").error
        iam = over(wire, world, "list_access_keys", user_name="irkit").error
    assert isinstance(s3, Refused)
    assert f"clock is {abs(off)} s {side} the server's (2026-03-07T23:40:00Z)" in str(s3)
    assert "set this machine's clock" in (s3.next or "")
    assert isinstance(iam, Refused)
    assert "time is not accepted" in str(iam)


@pytest.mark.parametrize(("key", "region", "said"), [("AKIAUNKNOWN:secret-secret", "eu-central-1", "switched off"),
                                                     (f"{S3.own[0]}:wrong-secret", "eu-central-1", "does not belong"),
                                                     (":".join(S3.own), "us-east-1", "another region, eu-central-1")])
def test_wrong_keys_and_a_wrong_region_are_told_apart(key: str, region: str, said: str,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in words, with nothing of the secret."""
    world = account()
    with wired(world, monkeypatch, key=key, region=region) as wire:
        error = over(wire, world, "check_evidence_bucket").error
    assert isinstance(error, Refused)
    assert said in str(error)


def test_a_key_that_is_switched_off_signs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What deactivate_access_key does to whoever signs with it: S3, IAM and STS refuse the next request."""
    world = account()
    with wired(world, monkeypatch) as wire:
        over(wire, world, "deactivate_access_key", user_name="irkit", access_key_id=world.own[0])
        after = over(wire, world, "check_evidence_bucket").error
    assert isinstance(after, Refused)
    assert "switched off" in str(after)


@pytest.mark.parametrize(("lost", "there"), [("before", False), ("after", True)])
def test_an_upload_whose_answer_was_lost_is_unknown_and_a_look_tells(lost: Any, there: bool,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """NoAnswer either way; the same step again finds the version, or sends it under the same name."""
    world = account()
    with wired(world, monkeypatch, Fault("s3", "PUT /*", lost=lost)) as wire:
        first = over(wire, world, "put_evidence", artefact="evidence.txt", retain_until=UNTIL)
        again = over(wire, world, "put_evidence", artefact="evidence.txt", retain_until=UNTIL)
    assert isinstance(first.error, NoAnswer)
    assert bool(again.writes) is not there
    assert again.result.key == KEY
    assert len(world.buckets.all[EVIDENCE].of(KEY)) == 1


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a permission, and a bucket without Object Lock is a failure of its own."""
    world = account(lock=False, denied="s3:ListBucketVersions")
    with wired(world, monkeypatch) as wire:
        found = checks.connection(wire, wire._connections["s3"], [])
    assert [check.state for check in found] == ["ok", "FAIL", "FAIL", "ok"]
    assert "has no Object Lock" in found[1].text
    assert "s3:ListBucketVersions is missing" in found[2].text


def test_the_chain_without_botocore_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CredentialError with the command."""
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    world = account()
    with wired(world, monkeypatch, way="chain") as wire, pytest.raises(CredentialError) as error:
        wire.sign_in("s3")
    assert "irkit-runbooks[s3]" in error.value.next
