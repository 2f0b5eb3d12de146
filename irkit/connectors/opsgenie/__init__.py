"""Opsgenie and its successor: alerts that page people, and who can silence them."""

from irkit.connectors.opsgenie import alerts, configuration
from irkit.connectors.opsgenie.base import opsgenie

__all__ = ["alerts", "configuration", "opsgenie"]
