"""Okta: keep what containment destroys, suspend, end sessions and tokens, revoke what acts alone, look at others."""

from irkit.connectors.okta import factors, logs, passwords, people, proofs, reach, roles, sessions, tokens
from irkit.connectors.okta.base import okta

__all__ = ["factors", "logs", "okta", "passwords", "people", "proofs", "reach", "roles", "sessions", "tokens"]
