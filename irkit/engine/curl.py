"""A request as a curl command, without the credential."""

from __future__ import annotations

import shlex
from collections.abc import Mapping


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
