"""Approvals as a ledger knows them: what a second person was asked, what they signed, and what was sent on it.

- A **request** (`approval.asked`) holds a *fingerprint* of what shall be sent: the hash of its sorted *parts*, one an item,
  over item, method, URL, body and what the look saw. What is sent on it is among its parts: an item may leave, never join.
- An **answer** (`approval.given`, or `approval.refused` by a person) refers to a request and is signed over the tree that ends
  with it, wherever and whenever it is brought in. So it can be made on another machine, and is good for that request alone.
- A request can be answered while it is the step's latest, not answered and not expired; never with the key that asked.
- A `request.sending` in a step whose `step.started` names an approver bears the number of the answer. Each item leaves once on
  it; what certainly did not take effect (nothing left, or a 429) does not count.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from irkit.ledger import texts
from irkit.ledger.disclose import Disclosure, disclose
from irkit.ledger.entry import ANSWER, SENDING, canonical
from irkit.ledger.fit import fit, fit_data, octets
from irkit.ledger.sshsig import Signer

ASKED, GIVEN, REFUSED, EXPIRED = "approval.asked", "approval.given", "approval.refused", "approval.expired"
CHUNK = 700                   # parts in one value, so that none outgrows a line
THROTTLED = 429
JUDGED = frozenset({GIVEN, REFUSED, SENDING})          # of which something may stand against the next one
TAKEN = frozenset({"step.started", ASKED, GIVEN, REFUSED, EXPIRED, SENDING, "request.not_sent", ANSWER})


# -- fingerprints ------------------------------------------------------------------------------------------------

def part(salt: str, item: int | None, method: str, url: str, body: object, seen: object) -> str:
    """Hex SHA-256 of one request and what was seen before it. `salt` keeps a guessable request from being guessed.

    `body` and `seen` are what is sent and seen, or the value of a line that stands for it: both give the same part.
    """
    said = [salt, item, method, url, _hash_of(body), _hash_of(seen)]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def _hash_of(value: object) -> str | None:
    """Of text and bytes as received, of everything else in its canonical form: what names the artefact of a large value."""
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"artefact", "bytes"}:
        return str(value["artefact"])
    if isinstance(value, dict) and value.keys() == {"base64"}:
        with contextlib.suppress(ValueError, TypeError):
            value = base64.b64decode(value["base64"])
    raw = octets(value) if isinstance(value, str | bytes | bytearray | memoryview) else canonical(fit(value)).encode()
    return hashlib.sha256(raw).hexdigest()


def fingerprint(parts: Iterable[str]) -> str:
    """Hex SHA-256 of the parts, sorted, an LF after each."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(parts)).encode()).hexdigest()


def chunked(parts: Iterable[str]) -> dict[str, list[str]]:
    """The parts as values of an entry: approval.parts_0, approval.parts_1, …"""
    every = sorted(parts)
    return {f"approval.parts_{n}": every[at:at + CHUNK] for n, at in enumerate(range(0, len(every), CHUNK))}


def parts_in(values: Mapping[str, Any]) -> frozenset[str]:
    """The parts that a request's values hold."""
    chunks = [chunk for name, chunk in values.items() if name.startswith("approval.parts_") and isinstance(chunk, list)]
    return frozenset(str(one) for chunk in chunks for one in chunk)


# -- answers -----------------------------------------------------------------------------------------------------

class Asked(Struct, frozen=True):
    """A request, as an answer refers to it: `leaf` is the hash of its line, `root` that of the tree which ends with it.

    The root seals the ledger up to there. The leaf is of what the approver read, wherever they read it.
    """

    seq: int
    origin: str
    run: str
    step: str
    fingerprint: str
    leaf: bytes
    root: bytes
    key: str = ""
    expires: datetime | None = None
    state: str = "open"                # open, given, refused, expired, replaced
    answer: int = -1                   # the entry of the answer
    approver: str = ""                 # the key that gave it


class Answer(Struct, frozen=True):
    """A signed answer, to be appended as it is. `fields` are those of the line that its signer decides."""

    fields: Mapping[str, Any]
    disclosures: Sequence[Disclosure] = ()


def answered(kind: str, asked: Asked, signer: Signer, data: Mapping[str, Any], values: Mapping[str, Any]) -> Answer:
    """The answer to a request, signed. Raises CredentialError when the key does not sign."""
    disclosures = disclose(values, _too_large)
    says = {**data, "fingerprint": asked.fingerprint, "request": asked.leaf.hex(), "key": signer.fingerprint}
    fields: dict[str, Any] = {"by": "human", "kind": kind, "ref": asked.seq, "run": asked.run, "step": asked.step,
                              "data": fit_data(says)}
    if disclosures:
        fields["sd"] = [one.digest for one in disclosures]
    name = texts.namespace("approval", asked.origin.split("/")[1])
    fields["data"]["signature"] = signer.sign(name, signed_text(fields, asked))
    return Answer(fields, disclosures)


def signed_text(fields: Mapping[str, Any], asked: Asked) -> bytes:
    """What the signature of an answer is over."""
    return texts.entry_text("approval", asked.origin, fields["kind"], asked.seq + 1, asked.root, texts.content_hash(fields))


def _too_large(_: bytes) -> str:
    raise ValueError("what an answer says is longer than an entry can hold")


# -- the rules ---------------------------------------------------------------------------------------------------

@dataclass
class Approvals:
    """Takes entries in order. `problem` says what stands against the next one; empty when nothing does."""

    asked: dict[int, Asked] = field(default_factory=dict)
    _latest: dict[tuple[str, str], int] = field(default_factory=dict)      # (run, step) -> the request that can be answered
    _parts: dict[int, frozenset[str]] = field(default_factory=dict)        # of requests whose values were shown
    _salts: dict[int, str] = field(default_factory=dict)
    _needed: set[tuple[str, str]] = field(default_factory=set)             # steps that a second person agrees to
    _given: dict[int, int] = field(default_factory=dict)                   # an answer -> its request
    _used: dict[tuple[int, Any], int] = field(default_factory=dict)        # (answer, item) -> what was sent on it
    _sent: dict[int, tuple[int, Any]] = field(default_factory=dict)        # the same, the other way round
    blind: bool = False            # entries are withheld or missing: what they may have said is not held against others

    def copy(self) -> Approvals:
        return Approvals(dict(self.asked), dict(self._latest), self._parts, self._salts, set(self._needed), dict(self._given),
                         dict(self._used), dict(self._sent), self.blind)

    def problem(self, fields: Mapping[str, Any], who: str, now: datetime | None = None) -> str:
        """Why an entry may not stand where it does. `who` writes it, at the moment `now` (else at the one that it states)."""
        kind, data = fields["kind"], fields.get("data", {})
        if kind == GIVEN or (kind == REFUSED and "signature" in data):
            return self._answer_problem(fields, data, _moment(fields, now))
        if kind == SENDING and not data.get("cleanup"):
            return self._sending_problem(fields, data, who, _moment(fields, now))
        return ""

    def _answer_problem(self, fields: Mapping[str, Any], data: Mapping[str, Any], now: datetime) -> str:
        asked = self.asked.get(fields.get("ref", -1))
        if asked is None or (asked.run, asked.step) != _place(fields) \
                or (data.get("fingerprint"), data.get("request")) != (asked.fingerprint, asked.leaf.hex()):
            return "answers no request for approval of that run and step"
        if data.get("key") == asked.key:
            return f"answers the request of entry {asked.seq} with the key that made it: nobody approves their own"
        if asked.state != "open":
            words = {"given": f"was answered already, by entry {asked.answer}", "replaced": "was replaced by a later one",
                     "refused": f"was refused by entry {asked.answer}", "expired": "has expired"}
            return f"answers the request of entry {asked.seq}, which {words[asked.state]}"
        if fields["kind"] == GIVEN and asked.expires is not None and now > asked.expires:
            return f"answers the request of entry {asked.seq}, which has expired"
        return ""

    def _sending_problem(self, fields: Mapping[str, Any], data: Mapping[str, Any], who: str, now: datetime) -> str:
        given = _number(data.get("approval"))
        if given is None:
            return "sends what a second person has to agree to, and names no approval" if _place(fields) in self._needed else ""
        asked = self.asked.get(self._given.get(given, -1))
        if asked is None or (asked.run, asked.step) != _place(fields) or self._latest.get(_place(fields)) != asked.seq:
            return f"sends on entry {given}, which is no approval of that step that stands"
        if asked.approver == who:
            return f"sends on the approval of entry {given}, given with the key that sends"
        if asked.expires is not None and now > asked.expires:
            return f"sends on the approval of entry {given}, which has expired"
        if (given, fields.get("item")) in self._used and not self.blind:
            return f"sends a second time on the approval of entry {given}"
        return ""

    def content_problem(self, seq: int, fields: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """The same of the values, where they are shown: what is sent is what was approved."""
        if fields["kind"] == ASKED:
            salt, parts = values.get("approval.salt"), parts_in(values)
            if fingerprint(parts) != fields.get("data", {}).get("fingerprint"):
                whole = len(values) == len(fields.get("sd", ()))       # else some are withheld or erased, and nothing is known
                return "asks to approve other requests than its fingerprint is of" if whole else ""
            if type(salt) is str:
                self._salts[seq], self._parts[seq] = salt, parts
        elif fields["kind"] == SENDING and (given := _number(fields.get("data", {}).get("approval"))) is not None:
            return self._sent_problem(given, fields, values)
        return ""

    def _sent_problem(self, given: int, fields: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        asked = self._given.get(given, -1)
        if asked not in self._parts or len(values) != len(fields.get("sd", ())):
            return ""                                    # withheld: that it is one of those cannot be told
        method, url, body, seen = (values.get(f"request.{name}") for name in ("method", "url", "body", "seen"))
        found = part(self._salts[asked], fields.get("item"), str(method), str(url), body, seen)
        return "" if found in self._parts[asked] else f"sends another request than those approved by entry {given}"

    def take(self, seq: int, fields: Mapping[str, Any], leaf: bytes, root: bytes) -> None:
        """Go past an entry. `root` is that of the tree that ends with it, where the entry is a request."""
        kind, data, place = fields["kind"], fields.get("data", {}), _place(fields)
        if kind == "step.started" and "approve" in data:
            self._needed.add(place)
        elif kind == ASKED:
            self._replace(place)
            self._latest[place] = seq
            self.asked[seq] = Asked(seq, fields["log"], *place, str(data.get("fingerprint")), leaf, root, fields.get("who", ""),
                                    _time(data.get("expires")))
        elif kind in (GIVEN, REFUSED, EXPIRED):
            self._settle(seq, kind, data, fields.get("ref", -1))
        elif kind == SENDING and (given := _number(data.get("approval"))) is not None:
            self._sent[seq] = use = given, fields.get("item")
            self._used[use] = seq
        elif kind == "request.not_sent" or (kind == ANSWER and data.get("status") == THROTTLED):
            self._used.pop(self._sent.get(fields.get("ref", -1), (-1, None)), None)

    def _replace(self, place: tuple[str, str]) -> None:
        before = self.asked.get(self._latest.get(place, -1))
        if before is not None and before.state == "open":
            self.asked[before.seq] = replace(before, state="replaced")

    def _settle(self, seq: int, kind: str, data: Mapping[str, Any], ref: int) -> None:
        asked = self.asked.get(ref)
        if asked is None or (kind == REFUSED and "signature" not in data):
            return                                       # an attempt that was turned away settles nothing
        if kind == EXPIRED:
            self._given.pop(asked.answer, None)
            self.asked[ref] = replace(asked, state="expired")
        elif asked.state == "open":
            self.asked[ref] = replace(asked, state=kind.partition(".")[2], answer=seq, approver=str(data.get("key", "")))
            if kind == GIVEN:
                self._given[seq] = ref


def _place(fields: Mapping[str, Any]) -> tuple[str, str]:
    return fields.get("run", ""), fields.get("step", "")


def _number(value: object) -> int | None:
    """The number of an entry; one that is no entry's for anything else but nothing."""
    return value if value is None or type(value) is int else -1


def _time(text: object) -> datetime | None:
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(str(text))
        return found if found.tzinfo is not None else None
    return None


def _moment(fields: Mapping[str, Any], now: datetime | None) -> datetime:
    """When it happened: in a drill, the drill's time; else `now`, or what the entry says."""
    return _time(fields.get("data", {}).get("drill_at")) or now or _time(fields.get("at")) or datetime.max.replace(tzinfo=UTC)
