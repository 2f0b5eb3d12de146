"""The token endpoint: client secret or certificate, and each refusal with its AADSTS number."""

from __future__ import annotations

from datetime import datetime, timedelta

from irkit.worlds.entra.seed import CLIENT, SECRET, TENANT
from irkit.worlds.tokens import Tokens, claims
from irkit.worlds.world import Answer, Call

AUDIENCE = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
SKEW = timedelta(minutes=5)


def _no(status: int, error: str, number: int, told: str) -> Answer:
    return Answer.json({"error": error, "error_description": f"AADSTS{number}: {told}", "error_codes": [number]}, status)


def token(tokens: Tokens, call: Call, now: datetime, credential: str) -> Answer:
    data = call.data if isinstance(call.data, dict) else {}
    if call.path != f"/{TENANT}/oauth2/v2.0/token":
        return _no(400, "invalid_request", 90002, "Tenant not found. Check to make sure you have the correct tenant ID.")
    if data.get("client_id") != CLIENT:
        return _no(400, "unauthorized_client", 700016, "Application with this identifier was not found in the directory.")
    if data.get("grant_type") != "client_credentials" or data.get("scope") != "https://graph.microsoft.com/.default":
        return _no(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
    refused = _certificate(data["client_assertion"], now) if "client_assertion" in data else _secret(data, credential)
    return refused or Answer.json({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                                   "access_token": tokens.issue("irkit", seconds=3599)})


def _secret(data: dict[str, str], state: str) -> Answer | None:
    right = data.get("client_secret") == SECRET and state != "removed"
    if right and state == "expired":
        return _no(401, "invalid_client", 7000222, "The provided client secret keys for app are expired.")
    return None if right else _no(401, "invalid_client", 7000215, "Invalid client secret provided.")


def _certificate(assertion: str, now: datetime) -> Answer | None:
    head, said = claims(assertion)
    if not head.get("x5t#S256") or head.get("alg") not in ("PS256", "RS256"):
        return _no(401, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not "
                   "registered on application.")
    if not said.get("iss") == said.get("sub") == CLIENT or said.get("aud") != AUDIENCE or not said.get("jti"):
        return _no(401, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer.")
    if said.get("exp", 0) < (now - SKEW).timestamp() or said.get("nbf", 0) > (now + SKEW).timestamp():
        return _no(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    return None
