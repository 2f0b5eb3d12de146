"""Amazon S3: the bucket that keeps evidence, a place that may leak it, and the access keys that open it."""

from irkit.connectors.s3 import evidence, keys, logs, objects
from irkit.connectors.s3.base import s3

__all__ = ["evidence", "keys", "logs", "objects", "s3"]
