"""Sumo Logic: the organisation's own copy of the logs, a place to send events to, and access keys that leaked."""

from irkit.connectors.sumologic import keys, search, source
from irkit.connectors.sumologic.base import sumologic

__all__ = ["keys", "search", "source", "sumologic"]
