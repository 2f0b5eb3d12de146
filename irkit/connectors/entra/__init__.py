"""Microsoft Entra ID through Microsoft Graph: keep what perishes, disable, move the session watermark, remove ways back in."""

from irkit.connectors.entra import access, app, devices, logs, methods, people, proofs, roles
from irkit.connectors.entra.base import entra

__all__ = ["access", "app", "devices", "entra", "logs", "methods", "people", "proofs", "roles"]
