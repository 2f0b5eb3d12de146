"""Google Workspace through the Admin SDK: keep what suspension destroys, take every way in away, suspend, collect the logs."""

from irkit.connectors.google_workspace import access, logs, people, privileges
from irkit.connectors.google_workspace.base import google_workspace

__all__ = ["access", "google_workspace", "logs", "people", "privileges"]
