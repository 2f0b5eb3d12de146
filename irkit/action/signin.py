"""How a connection signs in: declarations that a connector lists. `irkit.wire.auth` carries them out, on the way out alone.

`settings` are what a connection must say beside its credential. Templates ("{email}/token") are filled from the settings, and
from `{credential}` where a field says so. A token endpoint is a path on the connection's own address, or a whole URL
("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"); where the connection has an address of its own (base_url: a
served world), that URL's path is asked there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field


class Setting(Struct, frozen=True):
    """One thing a connection must say: `subdomain`. `pattern` is a full-match regular expression.

    With a `default` it may be left out ("" counts: it is then empty). `values` is what templates get for what is written:
    {"us": "api.opsgenie.com", "eu": "api.eu.opsgenie.com"}; only those may then be written.
    """

    name: str
    ask: str
    pattern: str = r".+"
    hint: str = ""
    default: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def takes(self, text: str) -> bool:
        """Whether this may be written for it."""
        return text in self.values if self.values else bool(re.fullmatch(self.pattern, text)) or text == self.default


class Token(Struct, frozen=True):
    """A ready token. `form` is the header's value: "Bearer {}", "SSWS {}", "GenieKey {}", "Token token={}", "{}"."""

    name: str = "token"
    ask: str = "Access token"
    form: str = "Bearer {}"
    header: str = "Authorization"
    settings: tuple[Setting, ...] = ()


class Basic(Struct, frozen=True):
    """HTTP Basic (RFC 7617). Both are templates: "{email}/token" and the credential; or "{credential}" and "X"."""

    user: str
    name: str = "basic"
    ask: str = "API token"
    settings: tuple[Setting, ...] = ()
    password: str = "{credential}"         # noqa: S105 - a template


class Placed(Struct, frozen=True):
    """The credential stands in the request itself, and no header is sent. It is put there when the request leaves.

    `field`: the first member of each JSON body ("routing_key"). `path`: a template of what comes between address and target
    ("/receiver/v1/http/{credential}"). Gate and ledger show "[credential]" in its place. One of the two.
    """

    field: str = ""
    path: str = ""
    name: str = "placed"
    ask: str = "Key"
    settings: tuple[Setting, ...] = ()
    slashes: bool = False                  # the credential may be several segments of a path


class Assertion(Struct, frozen=True):
    """A signed JWT in the place of a client secret (RFC 7523 2.2: private_key_jwt). The credential is the private key, as PEM
    or as a JWK; with `certificate` the PEM holds the certificate too, and the header says its x5t#S256.

    The header's `kid` is the setting `key_id`, or the JWK's own. `audience` is a template; "" stands for the token endpoint
    as the vendor knows it, never a served world's.
    """

    algorithm: str = "RS256"               # RS256, RS384, RS512, PS256, ES256 …
    lifetime: int = 300                    # seconds
    certificate: bool = False
    audience: str = ""


class ClientCredentials(Struct, frozen=True):
    """OAuth 2.0 client credentials (RFC 6749 4.4). The credential is the client secret, or the key of an `assertion`.

    `scope` and `token` are templates over the settings: "{scopes}" with Setting("scopes", default="…") asks per connection.
    """

    token: str
    scope: str
    name: str = "client_credentials"
    ask: str = "Client secret"
    settings: tuple[Setting, ...] = (Setting("client_id", "Client id (its unique identifier)"),)
    body: Literal["json", "form"] = "json"
    assertion: Assertion | None = None


class ServiceAccount(Struct, frozen=True):
    """A JWT bearer grant (RFC 7523 2.1) of a service account that acts as somebody. The credential is Google's JSON key file.

    Claims: iss (the account's e-mail), scope, aud (`token`), iat, exp, and sub (the setting `subject`).
    """

    scope: str
    token: str = "https://oauth2.googleapis.com/token"      # noqa: S105 - an address
    name: str = "service_account"
    ask: str = "Key file of the service account (JSON)"
    settings: tuple[Setting, ...] = (Setting("subject", "E-mail address of the administrator to act as", r"[^@\s]+@[^@\s]+"),)
    lifetime: int = 3600


class AwsSignature(Struct, frozen=True):
    """AWS Signature Version 4. The credential is "ACCESS_KEY_ID:SECRET" or "ACCESS_KEY_ID:SECRET:SESSION_TOKEN".

    `region` and `service` are templates; `elsewhere` has those of the connector's hosts that are other services, and take the
    same credential: {"iam": ("iam", "us-east-1")}. Every request is signed with the SHA-256 of its body.

    With `chain` the keys are those that the AWS SDK would find (the setting `profile`, SSO, a role of this machine's), renewed
    as they end; irkit.toml then names no credential. It takes the extra irkit[s3].
    """

    service: str = "s3"
    region: str = "{region}"
    name: str = "access_key"
    ask: str = "Access key (ID:SECRET)"
    settings: tuple[Setting, ...] = (Setting("region", "Region", r"[a-z0-9-]+"),)
    elsewhere: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    chain: bool = False


class StandardWebhook(Struct, frozen=True):
    """The signature of Standard Webhooks, over the request's own `webhook-id`, the moment of sending and the body's bytes. The
    credential is "whsec_" and the key in base64.
    """

    name: str = "signed"
    ask: str = "Signing secret (whsec_…)"
    settings: tuple[Setting, ...] = ()


class Anonymous(Struct, frozen=True):
    """No credential at all: for a public address."""

    name: str = "none"
    ask: str = "Nothing"
    settings: tuple[Setting, ...] = ()


class Host(Struct, frozen=True):
    """A further address of a connector, or the same address with another credential.

    With a `sign_in` of its own it takes a credential of its own, which irkit.toml names under `credentials`:
    `credentials = { events = "env:PAGERDUTY_ROUTING_KEY" }`. Without one it takes the connection's.
    """

    url: str                               # a template over the settings: "https://events.pagerduty.com"
    sign_in: SignIn | None = None


SignIn = Token | Basic | Placed | ClientCredentials | ServiceAccount | AwsSignature | StandardWebhook | Anonymous


def keyless(way: SignIn) -> bool:
    """Whether a connection that signs in so names no credential."""
    return isinstance(way, Anonymous) or (isinstance(way, AwsSignature) and way.chain)
