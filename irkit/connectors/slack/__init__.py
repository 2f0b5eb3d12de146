"""Slack: the incident's channel; a compromised person's sessions and account; and what Slack recorded."""

from irkit.connectors.slack import channels, files, logs, messages, people
from irkit.connectors.slack.base import slack

__all__ = ["channels", "files", "logs", "messages", "people", "slack"]
