"""An answer that a person got by hand, for a request sent as curl: cleaned of live secrets before it is kept.

What curl prints with -i or -v is taken, too: header lines that bear a credential lose their value, and the body after the
empty line is read as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from irkit.engine import redact

SENT = ("authorization", "proxy-authorization", "cookie", "x-api-key")      # what curl -v shows of the request
_HEADER = re.compile(rb"(?im)^([<>*] ?)?(" + "|".join((*sorted(redact.SECRET_HEADERS), *SENT)).encode() + rb")[ \t]*:[^\r\n]*")


def cleaned(raw: bytes, keys: Collection[str]) -> tuple[bytes, bool]:
    """The text to keep, and whether anything was removed. `keys`: what the step's requests name as live secrets.

    Raises ValueError, quoting nothing, for a text that may bear such a secret and is no JSON: it cannot be removed then.
    """
    text = _HEADER.sub(rb"\1\2: " + redact.REMOVED.encode(), raw)
    if not keys:
        return text, text != raw
    head, body = _parted(text)
    try:
        before = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError(f"An answer to this step may bear live secrets ({', '.join(sorted(keys))}), and this is no JSON: give "
                         "the JSON body alone.") from None
    after = redact.body(body, keys)
    return (head + after, True) if json.loads(after) != before else (text, text != raw)


def _parted(text: bytes) -> tuple[bytes, bytes]:
    """Header lines with the empty line behind them, where there are any, and the body."""
    blank = re.search(rb"\r?\n\r?\n", text)
    looks_like_headers = re.match(rb"\s*(HTTP/[0-9.]+ \d{3}|[<>*] )", text)
    return (text[:blank.end()], text[blank.end():]) if blank and looks_like_headers else (b"", text)


def name_of(text: bytes, removed: bool) -> str:
    """How the artefact is called: that it was pasted by hand stands in its name."""
    try:
        json.loads(text)
        ending = "json"
    except (ValueError, RecursionError):
        ending = "txt"
    return f"pasted by hand{', secrets removed' if removed else ''}.{ending}"
