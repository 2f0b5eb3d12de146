"""irkit.toml and the environment: which connections there are, who may act, where incidents are kept.

    evidence   = "~/incidents"              # relative to this file
    timezone   = "Europe/Paris"             # shown beside UTC
    connectors = ["acme_crm"]               # third-party connectors that may be loaded

    [connections.zendesk]
    connector  = "zendesk"                  # the connection's own name when left out
    sign_in    = "client_credentials"       # the connector's first when left out
    settings   = { subdomain = "acme", client_id = "irkit" }
    credential = "command:op read op://IR/zendesk/secret"

    [people.maria]
    name = "Maria Lind"
    roles = ["lead"]
    key = "SHA256:…"                        # or the line of her .pub file

    [key]
    use = "agent:SHA256:…"                  # what irkit signs with: a key of ssh-agent, or a path relative to this file

    [timestamps]
    authorities = ["http://tsa.example.com/tsr", "https://tsa.example.org"]
    ca = "authorities.pem"                  # the certificates their answers are checked against

Rules: every mistake is reported at once, with file and key; an unknown key is a mistake; no setting or credential is ever
quoted back, since it may be a secret in the wrong place; a credential is a reference (see irkit.secrets), never the secret.
"""

from irkit.config.model import Config, Connection, Person, choose, is_loopback
from irkit.config.places import evidence_root, find, state_folder
from irkit.config.read import load
from irkit.config.write import write_connection, write_key

__all__ = [
    "Config", "Connection", "Person", "choose", "evidence_root", "find", "is_loopback", "load", "state_folder",
    "write_connection", "write_key",
]
