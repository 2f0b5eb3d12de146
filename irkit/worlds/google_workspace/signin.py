"""The token endpoint: a service account's assertion, and each refusal as Google words it."""

from __future__ import annotations

from datetime import datetime, timedelta

from irkit.worlds.google_workspace.key import KEY_ID, MAIL
from irkit.worlds.google_workspace.tenant import Refusal, Tenant
from irkit.worlds.tokens import Tokens, claims
from irkit.worlds.world import Answer, Call

AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PREFIX = "https://www.googleapis.com/auth/"
AUTHORISED = ("admin.directory.user", "admin.directory.user.security", "admin.directory.group.readonly",
              "admin.directory.rolemanagement", "admin.directory.rolemanagement.readonly",
              "admin.directory.device.mobile.readonly", "admin.reports.audit.readonly")
SKEW = timedelta(minutes=5)


def _no(error: str, told: str, status: int = 400) -> Answer:
    return Answer.json({"error": error, "error_description": told}, status)


def token(tenant: Tenant, tokens: Tokens, call: Call, now: datetime) -> Answer:
    data = call.data if isinstance(call.data, dict) else {}
    if data.get("grant_type") != GRANT:
        return _no("unsupported_grant_type", "Invalid grant_type: " + str(data.get("grant_type")))
    head, said = claims(str(data.get("assertion", "")))
    if said.get("iss") != MAIL:
        return _no("invalid_grant", "Invalid grant: account not found")
    if tenant.options.revoked or head.get("alg") != "RS256" or head.get("kid") != KEY_ID:
        return _no("invalid_grant", "Invalid JWT Signature.")
    if said.get("aud") != AUDIENCE:
        return _no("invalid_grant", "Invalid JWT: Failed audience check.")
    begins, ends = said.get("iat", 0), said.get("exp", 0)
    if ends - begins > 3600 or begins > (now + SKEW).timestamp() or ends < (now - SKEW).timestamp():
        return _no("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe"
                   ". Check your iat and exp values in the JWT claim.")
    try:
        who = tenant.user(str(said.get("sub", "")))["primaryEmail"]
    except Refusal:
        return _no("invalid_grant", "Invalid email or User ID")
    scopes = [one.removeprefix(PREFIX) for one in str(said.get("scope", "")).split()]
    if not scopes or any(one not in AUTHORISED or tenant.lacks(one, tenant.options.missing) for one in scopes):
        return _no("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not "
                   "authorized for any of the scopes requested.", 401)
    return Answer.json({"access_token": tokens.issue(who, scopes, 3599), "expires_in": 3599, "token_type": "Bearer"})
