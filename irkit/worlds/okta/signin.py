"""The org's token endpoint: private_key_jwt alone, with the scopes that were granted, and each refusal as Okta words it."""

from __future__ import annotations

from datetime import datetime

from irkit.worlds.okta.seed import CLIENT, KEY, ORG, SCOPES
from irkit.worlds.tokens import Tokens, claims
from irkit.worlds.world import Answer, Call

PATH = "/oauth2/v1/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
HOUR = 3600


def _no(status: int, error: str, told: str) -> Answer:
    return Answer.json({"error": error, "error_description": told}, status)


def token(tokens: Tokens, call: Call, now: datetime, missing: list[str], address: str) -> Answer:
    """`address`: what the org is reached at, beside its own name."""
    data = call.data if isinstance(call.data, dict) else {}
    if data.get("grant_type") != "client_credentials":
        return _no(400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
    if data.get("client_assertion_type") != ASSERTION:
        return _no(401, "invalid_client", "Client authentication failed. The service app takes private_key_jwt alone.")
    if refused := _refused(str(data.get("client_assertion", "")), now, (f"https://{ORG}{PATH}", f"{address}{PATH}")):
        return refused
    asked = str(data.get("scope", "")).split()
    if not asked or set(asked) - set(SCOPES):
        return _no(400, "invalid_scope", "One or more scopes are not configured for the authorization server resource.")
    granted = [scope for scope in asked if scope not in missing]
    if not granted:
        return _no(400, "consent_required", "You are not allowed any of the requested scopes.")
    return Answer.json({"token_type": "Bearer", "expires_in": HOUR, "scope": " ".join(granted),
                        "access_token": tokens.issue("app", granted, HOUR)})


def _refused(assertion: str, now: datetime, audiences: tuple[str, ...]) -> Answer | None:
    head, said = claims(assertion)
    if not said.get("iss") == said.get("sub") == CLIENT:
        return _no(401, "invalid_client", "Invalid value for 'client_id' parameter.")
    if head.get("kid") != KEY or head.get("alg") not in ALGORITHMS:
        return _no(401, "invalid_client", "The client_assertion signature is invalid: no such key.")
    if said.get("aud") not in audiences:
        return _no(401, "invalid_client", "The audience claim for client_assertion must be the endpoint that was asked.")
    if said.get("exp", 0) <= now.timestamp():
        return _no(401, "invalid_client", "The client_assertion token is expired.")
    if said["exp"] > now.timestamp() + HOUR:
        return _no(401, "invalid_client", "The client_assertion token has an expiration too far into the future.")
    if said.get("iat", 0) > now.timestamp():
        return _no(401, "invalid_client", "The client_assertion token was issued in the future: check the clock.")
    return None
