"""Requests for approval and their answers as files, for an approver whose machine does not reach the evidence folder.

Both are JSON that can be read, mailed and carried on a stick. A request holds the exact line of its `approval.asked` entry with
its values, and the root of the tree that ends with it; an answer holds what its entry will say, signed over that root. What
stands under "about" is for people and is never read. Whatever a file holds is checked here before anybody looks at it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from irkit.errors import NotApproved
from irkit.ledger.approvals import ASKED, GIVEN, REFUSED, Answer, Asked
from irkit.ledger.disclose import Disclosure, digest_of
from irkit.ledger.disclose import read as read_value
from irkit.ledger.entry import GENESIS, MODES, Entry, canonical, leaf_hash, parse

REQUEST, GRANT = "irkit/approval-request-v1", "irkit/approval-grant-v1"
MOST = 32 << 20               # bytes of a file
_DATA = frozenset({"fingerprint", "request", "key", "signature", "given_at", "drill_at"})
_VALUES = frozenset({"approval.by", "approval.reason"})


class Carried(Struct, frozen=True):
    """A request as a file brings it: the entry, what it was asked over, and the texts of values too long for a line.

    `incident` and `asker` are what the file calls them; nothing vouches for either.
    """

    entry: Entry
    asked: Asked
    artefacts: Mapping[str, bytes]
    incident: str = ""
    asker: str = ""

    def load(self, sha256: str) -> bytes:
        """Raises NotApproved for what the file does not bring."""
        if sha256 not in self.artefacts:
            raise _bad("the request names a list that its file does not hold")
        return self.artefacts[sha256]


def _bad(what: str, next: str = "") -> NotApproved:
    return NotApproved(what, why="forged", next=next)


# -- writing -----------------------------------------------------------------------------------------------------

def request_text(entry: Entry, bodies: Sequence[str], root: bytes, artefacts: Mapping[str, bytes], *, incident: str, asker: str,
                 about: Sequence[str]) -> str:
    """The file of a request. `bodies` are the disclosures of its entry."""
    return _text({"irkit": REQUEST, "about": list(about), "incident": incident, "asked_by": asker,
                  "root": base64.b64encode(root).decode(), "line": entry.line.decode(), "disclosures": list(bodies),
                  "artefacts": {name: raw.decode() for name, raw in artefacts.items()}})


def grant_text(answer: Answer, asked: Asked, about: Sequence[str]) -> str:
    """The file of an answer."""
    return _text({"irkit": GRANT, "about": list(about), "origin": asked.origin, "entry": answer.fields,
                  "disclosures": [one.body for one in answer.disclosures]})


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


# -- reading -----------------------------------------------------------------------------------------------------

def read_request(path: Path) -> Carried:
    """Raises NotApproved, saying why, for a file that is no request."""
    found = _read(path, REQUEST)
    try:
        line = _string(found, "line").encode()
        fields = parse(line)
        values = _values(fields.get("sd", []), _strings(found, "disclosures"))
        root = base64.b64decode(_string(found, "root"), validate=True)
        expires = datetime.fromisoformat(str(fields.get("data", {}).get("expires")))
        artefacts = {str(name): str(text).encode() for name, text in _mapping(found, "artefacts").items()}
    except (ValueError, TypeError) as error:
        raise _bad(f"{path} cannot be read: {error}") from None
    _origin(path, fields["log"])
    if fields["kind"] != ASKED or len(root) != 32 or expires.tzinfo is None or not {"run", "step"} <= fields.keys():
        raise _bad(f"{path} is no request for approval")
    if any(_sha256(raw) != name for name, raw in artefacts.items()):
        raise _bad(f"{path} holds a list that is not the one that was asked about")
    entry = Entry.of(fields, line, leaf_hash(line), {one.name: one.value for one in values})
    place, printed = (str(entry.run), str(entry.step)), str(entry.data.get("fingerprint"))
    asked = Asked(entry.seq, entry.log, *place, printed, bytes.fromhex(entry.leaf), root, entry.who, expires)
    return Carried(entry, asked, artefacts, str(found.get("incident", ""))[:64], str(found.get("asked_by", ""))[:80])


def read_grant(path: Path, origin: str) -> Answer:
    """Raises NotApproved for a file that is no answer, or one for another incident than that of `origin`."""
    found = _read(path, GRANT)
    try:
        fields, its_origin = _mapping(found, "entry"), _string(found, "origin")
        given = _values(fields.get("sd", []), _strings(found, "disclosures"))
        filler = {"at": "", "log": "", "mono_ns": "", "nonce": "", "prev": GENESIS, "seq": 0, "v": 1}
        parse(canonical({**filler, **fields}).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad(f"{path} cannot be read: {error}") from None
    _origin(path, its_origin)
    if its_origin != origin:
        raise NotApproved(f"{path} is for another incident", why="other_requests", where=its_origin)
    data = fields.get("data", {})
    whole = fields.keys() <= {"by", "kind", "ref", "run", "step", "data", "sd"} and fields["kind"] in (GIVEN, REFUSED) \
        and fields["by"] == "human" and {"fingerprint", "request", "key", "signature"} <= data.keys() <= _DATA \
        and all(type(value) is str for value in data.values()) and {one.name for one in given} <= _VALUES
    if not whole or not {"ref", "run", "step"} <= fields.keys():
        raise _bad(f"{path} is no answer to a request for approval")
    return Answer(fields, given)


def _read(path: Path, kind: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST + 1)
    except OSError as error:
        raise _bad(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > MOST:
        raise _bad(f"{path} has more than {MOST >> 20} MiB, which no request and no answer has")
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise _bad(f"{path} is not JSON that irkit wrote") from None
    if not isinstance(found, dict) or found.get("irkit") != kind:
        other = {REQUEST: "a request for approval", GRANT: "an answer to one"}
        is_other = isinstance(found, dict) and found.get("irkit") in tuple(other)
        what = f"; it is {other[found['irkit']]}" if is_other else ""
        raise _bad(f"{path} is not {other[kind]}{what}")
    return found


def _origin(path: Path, origin: str) -> None:
    if not re.fullmatch(f"irkit/({'|'.join(sorted(MODES))})/[0-9a-f]{{32}}", origin):
        raise _bad(f"{path} names no incident of irkit")


def _values(digests: object, bodies: Sequence[str]) -> list[Disclosure]:
    """The values whose digests these are; raises ValueError for one more, one less, or one that is malformed."""
    if type(digests) is not list or sorted(map(digest_of, bodies)) != digests:
        raise ValueError("its values are not those that its line names")
    found = [Disclosure(digest_of(body), body, *read_value(body)) for body in sorted(bodies, key=digest_of)]
    if len({one.name for one in found}) != len(found):
        raise ValueError("two values have one name")
    return found


def _string(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    if type(value) is not str:
        raise ValueError(f"its {key!r} is no text")
    return value


def _strings(found: Mapping[str, Any], key: str) -> list[str]:
    value = found.get(key)
    if type(value) is not list or not all(type(one) is str for one in value):
        raise ValueError(f"its {key!r} is no list of texts")
    return value


def _mapping(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    if type(value) is not dict:
        raise ValueError(f"its {key!r} is no object")
    return value


def _sha256(raw: bytes) -> str:
    import hashlib
    return hashlib.sha256(raw).hexdigest()
