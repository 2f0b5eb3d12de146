"""A request as a curl command, without the credential."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit


def curl(method: str, url: str, headers: Mapping[str, str], body: str, *, upload: str = "") -> str:
    """A command for a shell. What says who asks is left to whoever runs it; `upload` is the name of a file to send."""
    parts = ["curl", "-X", method, url]
    for name, value in headers.items():
        if name.lower() in ("accept", "content-type"):
            parts += ["-H", f"{name}: {value}"]
    if upload:
        parts += ["--upload-file", upload]
    elif body:
        parts += ["--data-raw", body]       # --data would read a file where the body begins with @
    return " ".join(shlex.quote(part) for part in parts)


def mail_curl(url: str, shown: str) -> str:
    """A command that hands message.eml to a relay, for a message as gate and ledger show it: whoever runs it writes the
    message into that file, and signs in.
    """
    relay, sender = urlsplit(url), shown.partition("\n")[0].removeprefix("From: ")
    parts = ["curl", "--ssl-reqd", "--url", f"{relay.scheme}://{relay.netloc}", "--mail-from", sender]
    parts += [word for address in relay.path[1:].split(",") for word in ("--mail-rcpt", unquote(address))]
    return " ".join(shlex.quote(part) for part in [*parts, "--upload-file", "message.eml"])
