"""PagerDuty: pages people, keeps a second timeline, and signs a person of PagerDuty's out."""

from irkit.connectors.pagerduty import incidents, logs, people
from irkit.connectors.pagerduty.base import pagerduty

__all__ = ["incidents", "logs", "pagerduty", "people"]
