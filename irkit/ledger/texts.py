"""What people sign with their SSH keys: exact texts, each bound to one ledger, one mode, one purpose and one place.

The first line repeats the namespace of the signature, so that none made for one purpose or in a drill can pass as another.
Each text names the tree before the entry that holds it: it also seals everything up to there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from irkit.ledger.entry import canonical

# kinds whose entries hold a signature, and its purpose; those in MUST have no meaning without one
PURPOSES = {"approval.given": "approval", "approval.refused": "approval", "handover.offered": "handover",
            "handover.accepted": "handover", "custody.offered": "custody", "custody.accepted": "custody", "sealed": "seal"}
MUST = frozenset({"custody.offered", "custody.accepted", "sealed", "approval.given", "handover.offered", "handover.accepted"})
WITHHOLDS_NOTHING = hashlib.sha256().hexdigest()
_BOUND = ("data", "kind", "ref", "run", "sd", "step")


def needs_endorsement(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether an entry changes something outside the ledger, takes something out of it, or says who may act as what.

    Where the policy says `endorse`, it stands in sessions that a person's key endorsed: otherwise whoever can write to the
    folder could open a session of their own and have values erased, a hold lifted, a part withheld, or themselves made an
    approver, lawfully as it seems.
    """
    return kind in ("request.sending", "erased", "hold.released", "role.assigned") or (
        kind == "exported" and data.get("withheld_sha256", WITHHOLDS_NOTHING) != WITHHOLDS_NOTHING)


def namespace(purpose: str, mode: str) -> str:
    """session, approval, handover, custody, seal or export, in live, drill or test."""
    return f"irkit-{purpose}@v1" if mode == "live" else f"irkit-{mode}-{purpose}@v1"


def session_text(origin: str, session: int, vkey: str, root: bytes) -> bytes:
    """`session` is the number of the session.start, and so also the size of the tree before it."""
    return _text(_namespace("session", origin), origin, session, vkey, session, _b64(root))


def entry_text(purpose: str, origin: str, kind: str, size: int, root: bytes, content: str) -> bytes:
    """`size` is the entry's own number, `root` that of the tree before it, `content` from `content_hash`."""
    return _text(_namespace(purpose, origin), origin, kind, size, _b64(root), content)


def export_text(origin: str, size: int, root: bytes, tag_manifest: str) -> bytes:
    """`size` and `root` of all lines in the bag; `tag_manifest` is the hex SHA-256 of tagmanifest-sha256.txt."""
    return _text(_namespace("export", origin), origin, size, _b64(root), tag_manifest)


def content_hash(fields: Mapping[str, Any]) -> str:
    """Hex SHA-256 of what an entry says, without its signature and without where and when it was written."""
    bound = {name: fields[name] for name in _BOUND if name in fields}
    bound["data"] = {name: value for name, value in fields.get("data", {}).items() if name != "signature"}
    return hashlib.sha256(canonical(bound).encode()).hexdigest()


def _namespace(purpose: str, origin: str) -> str:
    return namespace(purpose, origin.split("/")[1])


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _text(*lines: object) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
