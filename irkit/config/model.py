"""What irkit.toml says, as values, and which addresses irkit may call."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, field

from irkit.errors import CredentialError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from irkit.action import Connector


class Connection(Struct, frozen=True):
    """A configured account of a connector. `base_url` has no slash at its end."""

    name: str
    connector: str
    settings: Mapping[str, str] = field(default_factory=dict)
    sign_in: str = ""
    credential: str = ""               # a reference, never the secret
    base_url: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict)       # references of hosts that have a sign-in of their own

    @property
    def loopback(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def acting_as(self) -> str:
        """Words for the account, until the vendor has said whom it is: '"ir@acme.com" (zendesk)'."""
        who = next((self.settings[key] for key in ("email", "user", "client_id") if key in self.settings), "")
        return f'"{who}" ({self.name})' if who else f'"{self.name}"'


class Person(Struct, frozen=True):
    """Who may act as what. `key` is the fingerprint or public key that signs for them."""

    name: str
    title: str = ""
    phone: str = ""
    roles: tuple[str, ...] = ()
    key: str = ""
    email: str = ""                    # the address of their account, which nobody should lock by mistake


class Config(Struct, frozen=True):
    """What irkit.toml says; all empty when there is none."""

    path: Path | None = None
    connections: Mapping[str, Connection] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    evidence: Path | None = None
    connectors: tuple[str, ...] = ()
    timezone: ZoneInfo | None = None
    key: str = ""                              # "agent:SHA256:…" or an absolute path; see irkit.ledger.keys
    authorities: tuple[str, ...] = ()          # that put a time on notes (RFC 3161)
    authorities_ca: Path | None = None         # PEM file of the certificates they are checked against

    def connection(self, name: str) -> Connection:
        """The connection called `name`, or the only one of the connector called so. Raises CredentialError."""
        return choose(self.connections, name)

    def connector(self, name: str) -> Connector:
        """The connector called `name`, built in or allowed by this file. Raises UsageError."""
        from irkit import connectors
        return connectors.find(name, self.connectors)


def choose(connections: Mapping[str, Connection], name: str) -> Connection:
    """`connections[name]`, or the only connection of the connector called `name`. Raises CredentialError."""
    if name in connections:
        return connections[name]
    candidates = [one for one in connections.values() if one.connector == name]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise CredentialError(f"several connections to {name}: {', '.join(sorted(one.name for one in candidates))}; "
                              "the step must name one with connection:", next="irkit doctor")
    raise CredentialError(f"no connection called {name} is configured", next=f"irkit connect {name}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself (127.0.0.0/8, ::1, localhost; RFC 6761 6.3)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


def address_problem(url: str) -> str:
    """What is wrong with a base URL, as the end of a sentence; "" when irkit may call it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if not re.fullmatch(r"(https?|smtps?|smtp\+none)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?(/[A-Za-z0-9._~/-]*)?", url, re.I):
        return "must be like https://acme.example.com, without user name, query or fragment"
    if parts.scheme in ("http", "smtp+none") and not is_loopback(host):
        return f"must begin with {'https' if parts.scheme == 'http' else 'smtp'}://"
    if re.fullmatch(r"(0x)?[0-9a-f]*", host.rpartition(".")[2]) and not _is_address(host):
        return "ends like an address but is none"          # "127.1" and "0x7f.1" reach loopback by another name
    return ""


def authority_problem(url: str) -> str:
    """What is wrong with the address of a time-stamping authority, as the end of a sentence; "" when it may be asked.

    Plain http is allowed here alone: most public authorities have nothing else, and a token proves itself.
    """
    try:
        parts = urlsplit(url)
        plain = parts.hostname and parts.port != 0 and parts.username is None and parts.password is None
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not plain or "#" in url or not re.fullmatch(r"[!-~]+", url):
        return "must be like http://tsa.example.com/tsr, without user name or fragment"
    return ""


def key_problem(reference: str) -> str:
    """What is wrong with a reference to a signing key, as the end of a sentence that does not quote it; "" when well formed."""
    if reference.startswith("agent:"):
        right = re.fullmatch(r"agent:SHA256:[A-Za-z0-9+/]{43}", reference)
        return "" if right else "must name a fingerprint after agent:, like agent:SHA256:… (ssh-add -l lists them)"
    itself = reference.startswith(("SHA256:", "-----BEGIN")) or " AAAA" in reference        # and not where it is
    if itself or not reference.strip() or not reference.isprintable():
        return 'must say where the key is kept: "agent:SHA256:…" or the path of a key file'
    return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
