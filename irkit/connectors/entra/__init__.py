"""Microsoft Entra ID through Microsoft Graph: keep what perishes, disable, move the session watermark, remove ways back in."""

from irkit.connectors.entra import access, devices, logs, methods, people, roles
from irkit.connectors.entra.base import entra

__all__ = ["access", "devices", "entra", "logs", "methods", "people", "roles"]
