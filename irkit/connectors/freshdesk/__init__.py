"""Freshdesk: keep the agent as it is, restrict or remove it, stop what sends tickets out, keep what was written to customers.

Freshdesk's API has no audit log, no sessions, no list of API keys, no apps and no security settings: all of those are manual
steps, and nothing here says that they were looked at.
"""

from irkit.connectors.freshdesk import contacts, exports, mail, people, rules, standing, tickets
from irkit.connectors.freshdesk.base import freshdesk

__all__ = ["contacts", "exports", "freshdesk", "mail", "people", "rules", "standing", "tickets"]
