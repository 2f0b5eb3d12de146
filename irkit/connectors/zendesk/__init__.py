"""Zendesk (Support, Suite): preserve what perishes, suspend, end sessions, revoke tokens, turn off what was left behind."""

from irkit.connectors.zendesk import access, integrations, logs, oauth, people, reads, teams, tickets
from irkit.connectors.zendesk.base import zendesk

__all__ = ["access", "integrations", "logs", "oauth", "people", "reads", "teams", "tickets", "zendesk"]
