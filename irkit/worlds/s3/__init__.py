"""A simulated AWS account: buckets, one of them locked, an IAM user whose key leaked, and access logs."""

from irkit.worlds.s3.account import S3

__all__ = ["S3"]
