"""Splunk: the organisation's own copy of the logs, a place to tell the SOC, and tokens that leaked."""

from irkit.connectors.splunk import search, send, tokens
from irkit.connectors.splunk.base import splunk

__all__ = ["search", "send", "splunk", "tokens"]
