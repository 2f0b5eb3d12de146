"""Live secrets in answers are removed before anybody sees them: the ledger, the artefact, the action itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from irkit.action.outgoing import REMOVED as REMOVED
from irkit.action.outgoing import hidden

UNREADABLE = b'"[removed by irkit: an answer that may bear a live secret and could not be read]"'

# Answer headers that carry credentials of the connection itself.
SECRET_HEADERS = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "authentication-info"})


def body(raw: bytes, keys: Collection[str]) -> bytes:
    """`raw` as JSON with the values of `keys` replaced at any depth; nothing of it where it does not parse."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return UNREADABLE
    return json.dumps(hidden(data, frozenset(keys)), ensure_ascii=False).encode("utf-8", "backslashreplace")


def headers(sent: Mapping[str, str]) -> dict[str, str]:
    """Answer headers as the ledger keeps them."""
    return {k: REMOVED if k.lower() in SECRET_HEADERS else v for k, v in sent.items()}
