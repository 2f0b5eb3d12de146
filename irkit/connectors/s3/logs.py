"""Server access logs: who downloaded what, where somebody had switched them on before; and switching them on now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from irkit.action import (
    GET,
    PUT,
    ActionError,
    Collection,
    Cut,
    Effect,
    Record,
    Steps,
    Tally,
    Trace,
    Unavailable,
    Walk,
    at,
    counted,
    walk,
    when,
    words,
)
from irkit.connectors.s3.base import NAMESPACE, absent, checked, listing, next_page, page, place, s3, short

MOST = 10_000                          # log files that are fetched, one request each
LINE = re.compile(r'\S+ (?P<bucket>\S+) \[(?P<time>[^\]]+)\] ')
BEST = "S3 delivers access logs as it can, mostly within hours, some never: a request that is not in them may have been made"


class Logging(Record, frozen=True):
    """Where the access logs of a bucket go; `target` is "" where there are none."""

    bucket: str
    target: str
    prefix: str


def _logging(bucket: str) -> Steps[Logging]:
    data = (yield GET("/{}", bucket, params={"logging": ""})).xml("BucketLoggingStatus", many=("Grant",))
    return Logging(bucket, words(at(data, "LoggingEnabled.TargetBucket")), words(at(data, "LoggingEnabled.TargetPrefix")))


@s3.action(Effect.REVERSIBLE, undo="s3.set_access_logs", preserves=[Trace("who downloads objects from now on", "bucket")])
def set_access_logs(bucket: str, target: str, prefix: str = "") -> Steps[Logging]:
    """Send the access logs of a bucket to another bucket.

    An empty target switches them off.

    The other bucket lies in the same region and account, lets logging.s3.amazonaws.com write, and has no Object Lock: S3 does
    not deliver logs into a locked bucket. Copy them there afterwards. What was before is not logged any more.

    Source: docs.aws.amazon.com, Amazon S3 API, PutBucketLogging; user guide, Logging requests with server access logging.
    """
    before = yield from _logging(bucket)
    if target == bucket:
        raise ActionError(f"{bucket} would log its own logs, without end", next="name another bucket")
    if (before.target, before.prefix) == (target, prefix if target else ""):
        return before
    if target:
        yield from _takes_logs(target)
    inner = (f"<LoggingEnabled><TargetBucket>{escape(target)}</TargetBucket><TargetPrefix>{escape(prefix)}</TargetPrefix>"
             "</LoggingEnabled>") if target else ""
    body = f'<BucketLoggingStatus xmlns="{NAMESPACE}">{inner}</BucketLoggingStatus>'.encode()
    yield PUT("/{}", bucket, params={"logging": ""}, content=body, content_type="application/xml", headers=checked(body),
              seen=before, affects=[f"access logs of {bucket}: {f'to {target}/{prefix}' if target else 'off'}"], noun="bucket")
    return (yield from _logging(bucket)).require(target=target, prefix=prefix if target else "")


def _takes_logs(target: str) -> Steps[None]:
    answer = yield GET("/{}", target, params={"object-lock": ""}, ok=[404])
    if not absent(answer, "ObjectLockConfigurationNotFoundError") and at(
            answer.xml("ObjectLockConfiguration"), "ObjectLockEnabled") == "Enabled":
        raise ActionError(f"{target} has Object Lock, and S3 delivers no access logs into a locked bucket",
                          next="name a bucket without it, and copy the logs to the evidence bucket: s3.put_evidence")


@s3.action(Effect.READ)
def collect_access_logs(bucket: str, since: datetime, until: datetime | None = None) -> Steps[Collection]:
    """Collect the access logs of a bucket, the log files byte for byte.

    Where none were written beforehand there are none, and who downloaded what cannot be told from S3: a gap. Needs
    s3:GetBucketLogging on the bucket; s3:ListBucket and GetObject on that of the logs.

    Source: docs.aws.amazon.com, Amazon S3 user guide, Amazon S3 server access log format.
    """
    where = yield from _logging(bucket)
    if not where.target:
        raise Unavailable(f"{bucket} writes no access logs: who downloaded what cannot be established from S3",
                          status=200,
                          needs="server access logs, switched on before the incident")
    files: list[Mapping[str, Any]] = []
    listed = yield from walk(listing(where.target, where.prefix, list_type=2), "rows", files.append, after=next_page, read=page,
                             short=short)
    due = [row for row in files if (when(row.get("LastModified")) or since) >= since]     # delivered after what they tell of
    tally = Tally("access logs", "time", since, until, asked=lambda row: row["bucket"] in ("", bucket))
    done = yield from _fetched(where.target, due[:MOST], tally)
    done.complete = done.complete and listed.complete and len(due) <= MOST
    more = [f"{counted(len(due) - MOST, 'log file')} beyond the first {MOST:,} were not fetched"] if len(due) > MOST else []
    return tally.collection(done, notes=(*listed.notes, *more, BEST))


def _fetched(bucket: str, files: list[Mapping[str, Any]], tally: Tally) -> Steps[Walk]:
    done = Walk()
    for row in files:
        path, parts = place(bucket, words(row["Key"]))
        try:
            answer = yield GET(path, *parts, keep=tally.name)
        except Cut:
            done.notes.append(f"stopped by hand after {counted(done.pages, 'log file')}")
            return done
        done.pages += 1
        with answer.open() as file:
            for line in file:
                tally.add(_read(line.decode("utf-8", "replace")))
                done.rows += 1
    done.complete = True
    return done


def _read(line: str) -> dict[str, str]:
    """Bucket and time of a line: `owner bucket [06/Feb/2019:00:00:38 +0000] …`."""
    found = LINE.match(line)
    if found is None:
        return {"bucket": "", "time": ""}
    try:
        return {"bucket": found["bucket"], "time": datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z").isoformat()}
    except ValueError:
        return {"bucket": found["bucket"], "time": ""}
